"""``placer score``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import placer
from netlists.formats import write_design
from netlists.synthesis import SynthesisSpec, synthesize
from placer.cli import run

KEYS = {
    "proxy_cost", "wirelength_cost", "density_cost", "congestion_cost", "hpwl_um", "weighted_hpwl_um", "macro_hpwl_um",
    "overlaps", "overlap_area_um2", "utilisation", "legal", "violations",
}  # fmt: skip


def test_json_is_one_object_on_stdout_with_the_documented_keys(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["score", str(tiny), "--json"]) == 0
    out, err = capsys.readouterr()
    values = json.loads(out)
    assert set(values) >= KEYS
    assert any(key.startswith("rudy") for key in values)
    assert err == ""
    weighted = values["wirelength_cost"] + 0.5 * values["density_cost"] + 0.5 * values["congestion_cost"]
    assert values["proxy_cost"] == pytest.approx(weighted, rel=1e-12)


def test_json_equals_the_python_call(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["score", str(tiny), "--json"])
    assert json.loads(capsys.readouterr().out) == placer.score(tiny).as_dict()


def test_the_table_names_every_figure(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["score", str(tiny)]) == 0
    out = capsys.readouterr().out
    for word in ("proxy_cost", "hpwl_um", "overlaps", "legal"):
        assert word in out


def test_overlaps_are_counted_and_named(tiny: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design = placer.load(tiny)
    macros = design.netlist.ids(0)
    x, y = design.placement.x.copy(), design.placement.y.copy()
    x[macros[1]], y[macros[1]] = x[macros[0]], y[macros[0]]
    placer.convert(design, "bad.plc", placement=design.placement.moved(x=x, y=y))
    assert run(["score", str(tiny), "bad.plc", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["overlaps"] >= 1
    assert not values["legal"]
    names = {design.netlist.node_names[i] for i in macros}
    assert any(name in values["violations"][0]["message"] for name in names)
    assert run(["score", str(tiny), "bad.plc"]) == 0
    assert "overlap" in capsys.readouterr().out


def test_a_placement_of_another_design_is_bad_input(
    tiny: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_design(synthesize(SynthesisSpec(num_macros=5, num_cells=300), seed=2), elsewhere)
    other = next(file for file in files if file.suffix == ".plc")
    assert run(["score", str(tiny), str(other)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert other.name in err


@pytest.mark.parametrize("words", [["no-such-design"], ["missing.pb.txt"], ["."], ["/dev/null"]])
def test_what_is_no_design_is_bad_input(words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["score", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("placer: ")
    assert err.count("\n") == 1
