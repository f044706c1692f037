"""``placer place`` with standard cells: engines, what is written and read again, what is refused."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import placer
from netlists.canvas import Rows
from netlists.formats import write_design
from netlists.formats.def_ import read_def
from netlists.formats.def_.data import UNPLACED
from netlists.netlist import STDCELL
from netlists.synthesis import SynthesisSpec, synthesize
from placer.cli import run
from placer.cost.flat_rules import check_flat
from placer.flat_rows import with_rows
from tests.cli.test_place import start, wait_for
from tests.netlists import physical_cases as case
from tests.placer.flat_designs import broken_rules, flat_design, heights, rows_of_two_heights


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``.aux`` of a flat Bookshelf design of 4 macros and 200 cells; read only."""
    folder = tmp_path_factory.mktemp("flat")
    return write_design(flat_design(3, cells=200), folder, format="bookshelf", stem="chip")[0]


@pytest.fixture(scope="module")
def placed(flat: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OUT of one analytic run."""
    out = tmp_path_factory.mktemp("placed") / "out"
    assert run(["place", str(flat), "--engine", "analytic", "--jobs", "1", "--seed", "2", "-o", str(out)]) == 0
    return out


def test_what_is_written_scores_as_reported_and_is_legal(placed: Path, flat: Path) -> None:
    assert sorted(file.name for file in placed.iterdir()) == ["chip.pl", "metrics.json", "report.html"]
    record = json.loads((placed / "metrics.json").read_text())
    again = placer.score(flat, placed / "chip.pl")
    assert again.metrics["hpwl_um"] == pytest.approx(record["flat"]["hpwl_um"], rel=1e-12)
    assert again.as_dict()["proxy_cost"] == pytest.approx(record["proxy_cost"], rel=1e-12)
    assert again.legality.legal
    assert record["legal"]
    assert broken_rules(placer.load(flat), again.design.placement) == []
    assert record["settings"]["engine"] == record["flat"]["engine"] == "analytic"
    assert record["settings"]["time_limit"] is None
    stages = [stage["stage"] for stage in record["flat"]["stages"]]
    assert stages[0] == "quadratic"
    assert "detailed placement" in stages


def test_the_report_shows_stages_and_wirelength(placed: Path) -> None:
    text = (placed / "report.html").read_text()
    for word in ("Stages of analytic", "Wirelength over time", "detailed placement", "clusters"):
        assert word in text


def test_a_flat_design_gets_the_analytic_engine_and_is_told(
    flat: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["place", str(flat), "--time", "3", "--jobs", "1", "-o", "chip.pl"]) == 0
    out, err = capsys.readouterr()
    assert "note: engine analytic: 200 cells are placed too" in err
    for word in ("HPWL, weighted", "overflow at density 0.95", "proxy cost", "macros legal", "legal"):
        assert word in out
    assert broken_rules(placer.load(flat), placer.load(flat, "chip.pl").placement) == []


def test_a_design_without_rows_is_told_of_the_rows_made_up(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design = synthesize(SynthesisSpec(num_macros=2, num_cells=150, num_ports=8, clustered=False), seed=1)
    write_design(design, Path("ct"), format="circuit-training")
    assert run(["place", "ct", "--engine", "analytic", "--jobs", "1", "-o", "out"]) == 0
    assert "this design has no rows" in capsys.readouterr().err
    record = json.loads(Path("out/metrics.json").read_text())
    assert record["flat"]["rows_made_up"]
    (written,) = Path("out").glob("*.plc")
    assert placer.score("ct", written).metrics["hpwl_um"] == pytest.approx(record["hpwl_um"], rel=1e-6)


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Options that name a small LEF/DEF design."""
    files = case.write(tmp_path)
    return ["--verilog", str(files["verilog"]), "--lef", str(files["lef"]), "--def", str(files["def_file"])]


@pytest.mark.parametrize("engine", ["analytic", "hybrid"])
def test_cells_of_lef_and_def_are_placed_into_the_def(words: list[str], engine: str, elsewhere: Path) -> None:
    options = ["--engine", engine, "-o", "out", "--time", "4", "--jobs", "1"]
    assert run(["place", *words, "--top", "chip", *options]) == 0
    text = read_def("out/chip.def")
    assert len(text.components) == 7  # two memories, four inverters, the tap
    assert (text.components.status != UNPLACED).all()
    files = dict(zip(("verilog", "lef", "def_file"), words[1::2], strict=True))
    again = placer.load(verilog=files["verilog"], lef=files["lef"], def_file="out/chip.def", top="chip")
    cells = again.netlist.node_kind == STDCELL
    low = (again.placement.y - again.netlist.node_height / 2)[cells]
    ways = {round(y, 6): way for y, way in zip(again.canvas.rows.y, again.canvas.rows.orient, strict=True)}  # type: ignore[union-attr]
    assert [ways[round(y, 6)] for y in low] == again.placement.orient[cells].tolist()
    assert placer.check(again).legal
    record = json.loads(Path("out/metrics.json").read_text())
    assert record["flat"]["hpwl_um"] == pytest.approx(placer.score(again).metrics["cells_hpwl_um"])
    assert record["hpwl_um"] == pytest.approx(placer.score(again).metrics["hpwl_um"])


def test_without_an_engine_lef_and_def_keep_their_clusters(
    words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["place", *words, "--top", "chip", "-o", "out", "--time", "1", "--jobs", "1"]) == 0
    assert "note: engine search: macros are placed against clusters of the 4 cells" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["synth20", "--engine", "analytic"], "none that may move"),
        (["synth20", "--engine", "hybrid"], "none that may move"),
        (["synth20", "--target-density", "0.8"], "analytic and hybrid only"),
        (["FLAT", "--target-density", "1.5"], "at most 1"),
        (["FLAT", "--engine", "analytic", "--weight", "density=1"], "of no use"),
        (["FLAT", "--engine", "greedy"], "greedy"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_exit_2(
    options: list[str], told: str, flat: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["place", *(str(flat) if word == "FLAT" else word for word in options)]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert told in error[-1]
    assert list(elsewhere.iterdir()) == []


def test_a_def_without_rows_is_exit_2(tmp_path: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(line for line in case.DEF.splitlines() if not line.startswith("ROW"))
    files = case.write(tmp_path, def_file=text)
    words = ["--verilog", str(files["verilog"]), "--lef", str(files["lef"]), "--def", str(files["def_file"])]
    assert run(["place", *words, "--top", "chip", "--engine", "analytic"]) == 2
    assert "no rows to put cells in" in capsys.readouterr().err.splitlines()[-1]


def test_cells_that_do_not_fit_are_exit_3(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows as long as before, of sites twice as wide: every third cell wastes half a site."""
    design = flat_design(3, macros=0, cells=200, utilisation=0.98)
    design = replace(design, canvas=replace(design.canvas, rows=_wider_sites(design.canvas.rows)))
    need = np.ceil(design.netlist.node_width[design.netlist.node_kind == STDCELL]).sum()
    assert design.canvas.rows is not None
    room = design.canvas.rows.num_sites.sum()
    assert need > room
    write_design(design, Path("in"), format="bookshelf", stem="chip")
    assert run(["place", "in/chip.aux", "--engine", "analytic", "--jobs", "1", "-o", "out"]) == 3
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"need {need:,.0f} sites, the rows have {room:,.0f} free" in told
    assert not Path("out").exists()


def _wider_sites(rows: Rows | None) -> Rows:
    assert rows is not None
    wide = np.ones(len(rows.y))
    return replace(rows, num_sites=rows.num_sites // 2, site_width=wide, site_spacing=wide)


def test_cells_of_two_rows_are_placed(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design = synthesize(SynthesisSpec(num_macros=2, num_cells=150, num_ports=8, clustered=False), seed=1)
    cells = np.flatnonzero(design.netlist.node_kind == STDCELL)
    high = float(np.median(design.netlist.node_height[cells]))
    write_design(heights(design, cells[::10], 2 * high), Path("ct"), format="circuit-training")
    assert run(["place", "ct", "--engine", "analytic", "--jobs", "1", "-o", "out"]) == 0
    flat = with_rows(placer.load("ct"))
    found = placer.load("ct", next(iter(Path("out").glob("*.plc"))))
    report = check_flat(flat, found.placement, reference=flat.placement)
    assert report.legal, report.summary()
    assert flat.canvas.rows is not None
    assert flat.netlist.node_height[cells[::10]] == pytest.approx(2 * float(flat.canvas.rows.height[0]))
    capsys.readouterr()
    write_design(heights(design, cells[:1], 5 * high), Path("high"), format="circuit-training")
    assert run(["place", "high", "--engine", "analytic"]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert "1 of 150 cells fit no rows" in told
    assert "2 to 4 times" in told


TWO_HEIGHTS = {
    "lef": case.LEF.replace(
        "LAYER m1 TYPE", "SITE tall CLASS CORE ; SIZE 0.2 BY 3 ; SYMMETRY Y ; END tall\nLAYER m1 TYPE", 1
    ).replace(
        "MACRO TAP",
        """MACRO TALL
  CLASS CORE ; SIZE 0.6 BY 3 ; SITE tall ; SYMMETRY X Y ;
  PIN A DIRECTION INPUT ; PORT LAYER m1 ; RECT 0.0 0.9 0.1 1.1 ; END END A
  PIN Y DIRECTION OUTPUT ; PORT LAYER m1 ; RECT 0.3 0.9 0.4 1.1 ; END END Y
END TALL
MACRO TWICE
  CLASS CORE ; SIZE 0.8 BY 4 ; SITE unit ; SYMMETRY X Y ;
  PIN A DIRECTION INPUT ; PORT LAYER m1 ; RECT 0.0 0.9 0.1 1.1 ; END END A
  PIN Y DIRECTION OUTPUT ; PORT LAYER m1 ; RECT 0.3 0.9 0.4 1.1 ; END END Y
END TWICE
MACRO TAP""",
    ),
    "verilog": case.VERILOG.replace("INV b0 (.A(m[0]), .Y(q[0]), .VDD(pwr))", "TALL b0 (.A(m[0]), .Y(q[0]))").replace(
        "bank left", "wire t; TWICE c0 (.A(mid[0]), .Y(t)); INV c1 (.A(t), .Y(spare2));\n  wire spare2; bank left"
    ),
    # The upper six of the eighteen rows become four of 3 um.
    "def_file": "\n".join(
        line for line in case.DEF.splitlines() if not (line.startswith("ROW") and int(line.split()[4]) >= 26000)
    ).replace(
        "TRACKS Y",
        "\n".join(f"ROW t{k} tall 2000 {26000 + 3000 * k} {'FS' if k % 2 else 'N'} DO 180 BY 1 STEP 200 0 ;"
                  for k in range(4)) + "\nTRACKS Y", 1,
    ),
}  # fmt: skip


def test_rows_of_two_heights_of_lef_and_def_take_cells_of_theirs(tmp_path: Path, elsewhere: Path) -> None:
    (tmp_path / "in").mkdir()
    files = case.write(tmp_path / "in", **TWO_HEIGHTS)
    words = ["--verilog", str(files["verilog"]), "--lef", str(files["lef"]), "--def", str(files["def_file"])]
    assert run(["place", *words, "--top", "chip", "--engine", "analytic", "--jobs", "1", "-o", "out"]) == 0
    again = placer.load(verilog=files["verilog"], lef=files["lef"], def_file="out/chip.def", top="chip")
    report = check_flat(again)
    assert report.legal, report.summary()
    rows = again.canvas.rows
    assert rows is not None
    cells = np.flatnonzero(again.netlist.node_kind == STDCELL)
    low = dict(zip(cells.tolist(), (again.placement.y - again.netlist.node_height / 2)[cells].round(6), strict=True))
    for high, count in ((2.0, 2), (3.0, 2), (4.0, 1)):
        mine = [i for i in cells.tolist() if again.netlist.node_height[i] == high and not again.placement.fixed[i]]
        assert len(mine) >= count
        own = rows.y[rows.height == (3.0 if high == 3.0 else 2.0)].round(6)
        assert all(low[i] in own for i in mine)


def test_rows_of_two_heights_of_bookshelf_take_cells_of_theirs(elsewhere: Path) -> None:
    design = rows_of_two_heights(flat_design(12, macros=2, cells=120, utilisation=0.35))
    cells = np.flatnonzero(design.netlist.node_kind == STDCELL)
    aux = write_design(heights(design, cells[::3], 3.0), Path("in"), format="bookshelf", stem="chip")[0]
    assert placer.load(aux).netlist.node_kind.tolist() == design.netlist.node_kind.tolist()
    assert run(["place", str(aux), "--engine", "analytic", "--jobs", "1", "-o", "chip.pl"]) == 0
    found = placer.load(aux, "chip.pl")
    report = check_flat(found)
    assert report.legal, report.summary()
    rows = found.canvas.rows
    assert rows is not None
    low = (found.placement.y - found.netlist.node_height / 2).round(6)
    assert np.isin(low[cells[::3]], rows.y[rows.height == 3.0].round(6)).all()


def test_the_limit_asked_for_is_what_is_recorded(flat: Path, elsewhere: Path) -> None:
    assert run(["place", str(flat), "--time", "4", "--jobs", "1", "-o", "out"]) == 0
    assert json.loads(Path("out/metrics.json").read_text())["settings"]["time_limit"] == 4


@pytest.mark.parametrize("engine", ["analytic", "hybrid"])
def test_a_signal_ends_with_legal_cells_written(engine: str, tmp_path: Path) -> None:
    design = synthesize(SynthesisSpec(num_macros=8, num_cells=4000, num_ports=40, clustered=False), seed=1)
    aux = write_design(design, tmp_path / "in", format="bookshelf", stem="chip")[0]
    process = start(["place", str(aux), "--engine", engine, "--jobs", "1", "-o", "out"], tmp_path)
    wait_for(process, "search" if engine == "hybrid" else "global placement")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    record = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert record["interrupted"]
    assert record["legal"]
    found = placer.load(aux, tmp_path / "out" / "chip.pl")
    cells = found.netlist.node_kind == STDCELL
    low = (found.placement.y - found.netlist.node_height / 2)[cells]
    assert found.canvas.rows is not None
    assert np.isin(np.round(low, 6), np.round(found.canvas.rows.y, 6)).all()


def test_options_for_cells_reach_the_placer(flat: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    line = ["place", str(flat), "--routability", "1", "--turn-macros", "--jobs", "1", "-o", str(out)]
    assert run(line) == 0
    settings = json.loads((out / "metrics.json").read_text())["settings"]
    assert (settings["routability"], settings["turn_macros"]) == (1.0, True)
    capsys.readouterr()
    for option in (["--routability", "1"], ["--turn-macros"]):
        assert run(["place", "synth20", *option]) == 2
        assert f"{option[0]}: is of use to --engine analytic and hybrid only" in capsys.readouterr().err


@pytest.mark.parametrize("engine", ["analytic", "hybrid"])
def test_a_design_without_nets_is_placed(engine: str, elsewhere: Path) -> None:
    design = flat_design(3, macros=2, cells=40)
    bare = replace(
        design.netlist, pin_node=np.zeros(0), pin_dx=np.zeros(0), pin_dy=np.zeros(0), net_ptr=np.zeros(1),
        net_pins=np.zeros(0), net_source=np.zeros(0), net_weight=np.zeros(0),
    )  # fmt: skip
    aux = write_design(replace(design, netlist=bare), Path("in"), format="bookshelf", stem="chip")[0]
    assert run(["place", str(aux), "--engine", engine, "--time", "2", "--jobs", "1", "-o", "chip.pl"]) == 0
    assert broken_rules(placer.load(aux), placer.load(aux, "chip.pl").placement) == []


def test_a_macro_larger_than_the_core_is_named(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design = heights(flat_design(3, cells=40), [0], 4000.0)
    write_design(design, Path("in"), format="bookshelf", stem="chip")
    assert run(["place", "in/chip.aux", "--engine", "analytic"]) == 2
    assert "object 'o0' is larger than the canvas" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("engine", "where"),
    [("analytic", "placer.engines.analytic.device._why_not"), ("hybrid", "placer.engines.accelerate.why_not")],
)
def test_a_device_that_is_not_there_is_one_line(
    engine: str, where: str, flat: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(where, lambda: "no CUDA driver on this machine")
    assert run(["place", str(flat), "--engine", engine, "--device", "cuda"]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "--device: no CUDA driver on this machine" in line
    assert list(elsewhere.iterdir()) == []


def test_what_a_run_could_not_do_is_told_everywhere(
    tmp_path: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    design = synthesize(SynthesisSpec(num_macros=2, num_cells=100, num_ports=8, clustered=False), seed=1)
    canvas = replace(design.canvas, h_routes_per_um=0.0, v_routes_per_um=0.0)
    write_design(replace(design, canvas=canvas), Path("ct"), format="circuit-training")
    assert run(["place", "ct", "--engine", "analytic", "--jobs", "1", "--routability", "1", "-o", "out"]) == 0
    (note,) = json.loads(Path("out/metrics.json").read_text())["flat"]["notes"]
    assert "no routing supply" in note
    assert f"note: {note}" in capsys.readouterr().err
    assert note in Path("out/report.html").read_text()
