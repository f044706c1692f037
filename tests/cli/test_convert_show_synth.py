"""``placer convert``, ``show`` and ``synth``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import placer
from netlists.errors import NetlistError
from netlists.formats import write_design
from placer.cli import run
from tests.placer.flat_designs import flat_design


@pytest.mark.parametrize(
    ("target", "written"),
    [
        ("new/a.pb.txt", {"a.pb.txt", "a.plc"}),
        ("new/a.aux", {"a.aux", "a.nodes", "a.nets", "a.wts", "a.pl", "a.scl"}),
        ("new/a.plc", {"a.plc"}),
        ("new/a.pl", {"a.pl"}),
        ("new", {"netlist.pb.txt", "initial.plc"}),
    ],
)
def test_the_name_of_the_target_says_what_is_written(
    target: str, written: set[str], tiny: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["convert", str(tiny), target]) == 0
    assert {file.name for file in (elsewhere / "new").iterdir()} == written
    assert {Path(line).name for line in capsys.readouterr().out.split()} == written


def test_there_and_back_keeps_places_and_wirelength(tiny: Path, elsewhere: Path) -> None:
    before = placer.load(tiny)
    placer.convert(tiny, "b/tiny.aux.gz")
    placer.convert("b", "c/tiny.pb.txt")
    after = placer.load("c")
    assert after.netlist.node_names == before.netlist.node_names
    solid = before.netlist.node_kind != 3
    np.testing.assert_allclose(np.diff(after.placement.x[solid]), np.diff(before.placement.x[solid]), rtol=0, atol=1e-6)
    assert placer.score("c").cost.hpwl_um == pytest.approx(placer.score(tiny).cost.hpwl_um, rel=1e-6)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["b.txt"], "a name ending in .pb.txt"),
        (["b.aux", "--format", "gsrc"], "one of a bookshelf file"),
        (["b.aux", "--format", "lefdef2"], "unknown format"),
        (["b.pb.txt", "--whole-units"], "whole units are for Bookshelf"),
    ],
)
def test_a_target_that_makes_no_sense_is_bad_usage(
    words: list[str], told: str, tiny: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["convert", str(tiny), *words]) == 2
    assert told in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []


def test_whole_units_are_told_and_written(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = str(write_design(flat_design(1, cells=30), Path("in"), format="bookshelf", stem="chip")[0])
    assert run(["convert", source, "b/chip.aux", "--whole-units"]) == 0
    assert "note: written in whole units of 1/" in capsys.readouterr().err
    assert "terminal_NI" not in Path("b/chip.nodes").read_text()
    placer.convert(source, "c/chip.aux", whole_units=True)
    assert Path("c/chip.pl").read_bytes() == Path("b/chip.pl").read_bytes()
    assert "." not in Path("b/chip.pl").read_text().split("\n", 1)[1]


def test_convert_spares_its_input(tiny: Path) -> None:
    for target in (tiny, tiny / "netlist.pb.txt", tiny / "initial.plc"):
        with pytest.raises(NetlistError, match="input"):
            placer.convert(tiny, target)


@pytest.mark.parametrize(("name", "magic"), [("a.png", b"\x89PNG"), ("a.svg", b"<"), ("a.html", b"<")])
def test_show_writes_pages_and_pictures(name: str, magic: bytes, tiny: Path, elsewhere: Path) -> None:
    assert run(["show", str(tiny), "-o", name]) == 0
    assert (elsewhere / name).read_bytes().startswith(magic)


def test_show_goes_to_out_by_default(tiny: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", str(tiny)]) == 0
    assert capsys.readouterr().out.strip() == "out/tiny.html"
    assert (elsewhere / "out" / "tiny.html").stat().st_size > 1000


def test_show_refuses_other_kinds_of_files(tiny: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["show", str(tiny), "-o", "a.jpg"]) == 2
    assert ".png" in capsys.readouterr().err


def test_without_a_path_show_returns_a_figure(tiny: Path) -> None:
    assert type(placer.show(tiny)).__name__ == "Figure"


def test_synth_writes_a_design_that_loads_and_the_seed_decides_it(elsewhere: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        words = ["synth", "5", "--cells", "300", "--seed", str(seed), "-o", f"{name}/netlist.pb.txt"]
        assert run(words) == 0
    assert len(placer.load("a").netlist.ids(0)) == 5
    a, b, c = ((elsewhere / name / "netlist.plc").read_bytes() for name in "abc")
    assert a == b
    assert a != c


def test_synth_refuses_what_it_cannot_make(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["synth", "5", "--utilisation", "0.99", "-o", "a.pb.txt"]) == 2
    assert "utilisation" in capsys.readouterr().err
    assert list(elsewhere.iterdir()) == []
