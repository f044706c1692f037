"""``placer group``: what is written, that it reads back, and that wrong input leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import placer
import placer.grouping
from netlists import HARD_MACRO, SOFT_MACRO
from netlists.formats import write_design
from netlists.grouping import read_groups
from netlists.synthesis import SynthesisSpec, synthesize
from placer.cli import run
from tests.netlists import physical_cases


@pytest.fixture(scope="module")
def flat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a flat Circuit Training design of 6 macros and 900 cells; read only."""
    folder = tmp_path_factory.mktemp("flat")
    design = synthesize(SynthesisSpec(num_macros=6, num_cells=900, clustered=False, name="flat"), seed=1)
    write_design(design, folder, format="circuit-training")
    return folder


def test_a_folder_gets_netlist_placement_and_map(
    flat: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["group", str(flat), "out/new", "--groups", "12", "--seed", "3"]) == 0
    told = capsys.readouterr()
    assert [Path(line).name for line in told.out.split("\n")[-4:-1]] == ["netlist.pb.txt", "initial.plc", "groups.txt"]
    assert "hierarchy agreement" in told.out
    assert sorted(p.name for p in Path("out/new").iterdir()) == ["groups.txt", "initial.plc", "netlist.pb.txt"]
    assert [p.name for p in Path("out").iterdir()] == ["new"]

    source, soft = placer.load(flat), placer.load("out/new")
    assert soft.netlist.describe()["soft_macros"] <= 12
    names = [n for n, k in zip(source.netlist.node_names, source.netlist.node_kind, strict=True) if k in (0, 3)]
    assert list(soft.netlist.node_names[: len(names)]) == names
    assert soft.canvas.columns == source.canvas.columns
    macros = soft.netlist.ids(HARD_MACRO)
    from_flat = [source.netlist.node_index[soft.netlist.node_names[i]] for i in macros]
    np.testing.assert_allclose(soft.placement.x[macros], source.placement.x[from_flat])
    groups = read_groups(Path("out/new/groups.txt"), source)
    again = placer.group(source, groups=12, seed=3)
    assert (again.group_of == groups).all()
    np.testing.assert_allclose(soft.placement.x, again.design.placement.x)


def test_the_map_gives_the_same_clusters_again(flat: Path, elsewhere: Path) -> None:
    assert run(["group", str(flat), "a", "--cells-per-group", "100"]) == 0
    assert run(["group", str(flat), "b/x.pb.txt", "--groups-file", "a/groups.txt"]) == 0
    assert sorted(p.name for p in Path("b").iterdir()) == ["x.groups.txt", "x.pb.txt", "x.plc"]
    assert Path("a/netlist.pb.txt").read_bytes() == Path("b/x.pb.txt").read_bytes()
    assert Path("a/groups.txt").read_bytes() == Path("b/x.groups.txt").read_bytes()
    assert (placer.load("a").netlist.node_kind == SOFT_MACRO).sum() == 9


def test_compressed_netlists(flat: Path, elsewhere: Path) -> None:
    assert run(["group", str(flat), "x.pb.txt.gz", "--groups", "5"]) == 0
    assert Path("x.pb.txt.gz").read_bytes()[:2] == b"\x1f\x8b"
    assert placer.load("x.pb.txt.gz").netlist.describe()["soft_macros"] == 5


def test_bookshelf_designs_are_grouped_too(flat: Path, elsewhere: Path) -> None:
    placer.convert(flat, "shelf/flat.aux")
    assert run(["group", "shelf", "out", "--groups", "8", "--no-hierarchy"]) == 0
    soft = placer.load("out")
    assert soft.netlist.describe()["soft_macros"] == 8
    assert soft.netlist.describe()["hard_macros"] == 6


def test_verilog_lef_and_def_are_grouped_too(elsewhere: Path) -> None:
    files = {key: str(file) for key, file in physical_cases.write(elsewhere).items()}
    words = ["--verilog", files["verilog"], "--lef", files["lef"], "--def", files["def_file"], "--top", "chip"]
    assert run(["group", *words, "out", "--groups", "2"]) == 0
    source = placer.load(**files, top="chip")
    soft = placer.load("out")
    counts = soft.netlist.describe()
    assert counts["soft_macros"] == 2
    assert counts["stdcells"] == 0
    assert counts["hard_macros"] == source.netlist.describe()["hard_macros"] == 2
    assert counts["ports"] == source.netlist.describe()["ports"]
    assert (soft.canvas.width, soft.canvas.height) == (source.canvas.width, source.canvas.height)
    group_of = read_groups(Path("out/groups.txt"), source)
    area = (source.netlist.node_width * source.netlist.node_height)[group_of >= 0].sum()
    is_soft = soft.netlist.node_kind == SOFT_MACRO
    assert (soft.netlist.node_width * soft.netlist.node_height)[is_soft].sum() == pytest.approx(2 * area)


@pytest.mark.open_data
def test_an_open_lef_def_design_is_grouped(
    open_data: Callable[[str], Path], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = open_data("lefdef/ispd18_test1")
    lef, def_file = folder / "ispd18_test1.input.lef.gz", folder / "ispd18_test1.input.def.gz"
    assert run(["group", "--lef", str(lef), "--def", str(def_file), "out", "--groups", "20"]) == 0
    assert "8,879" in capsys.readouterr().out
    source, soft = placer.load(lef=lef, def_file=def_file), placer.load("out")
    assert soft.netlist.describe()["soft_macros"] == 20
    group_of = read_groups(Path("out/groups.txt"), source)
    assert len(np.unique(group_of[group_of >= 0])) == 20
    assert soft.netlist.num_nets < source.netlist.num_nets


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["out", "--groups", "901"], "more groups than cells"),
        (["out", "--groups", "3", "--cells-per-group", "9"], "exclude each other"),
        (["out", "--balance", "0"], "balance is out of range"),
        (["out", "--bloat", "-1"], "bloat must be positive"),
        (["out", "--groups-file", "missing.txt"], "no such file"),
        (["out", "--groups-file", "short.txt"], "short.txt: the groups file is for another netlist"),
        (["out", "--groups-file", "names.txt"], "names.txt:1: no object of the design has this name"),
        (["out.aux"], "written as a Circuit Training netlist"),
        (["taken"], "exists already"),
        (["short.txt"], "exists already"),
        ([], "say where to write"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(
    words: list[str], told: str, flat: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("short.txt").write_text("1 2 3\n")
    Path("names.txt").write_text("nobody\tGrp_1\n")
    Path("taken").mkdir()
    Path("taken/x").touch()
    before = sorted(elsewhere.iterdir())
    assert run(["group", str(flat), *words]) == 2
    error = capsys.readouterr().err.strip().split("\n")[-1]
    assert error.startswith("placer: ")
    assert told in error
    assert sorted(elsewhere.iterdir()) == before


def test_designs_without_cells_are_refused(tiny: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["group", str(tiny), "out"]) == 2
    assert "soft macros already" in capsys.readouterr().err
    assert not Path("out").exists()


@pytest.mark.parametrize("step", [1, 2, 3])
def test_an_interruption_leaves_nothing(
    step: int, flat: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C while the files are moved to their places, after ``step - 1`` of them; it is told in one line."""
    replace, calls = Path.replace, []

    def interrupted(self: Path, target: Path) -> Path:
        if Path(target).parent.name == "out":
            calls.append(target)
            if len(calls) == step:
                raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    assert run(["group", str(flat), "out", "--groups", "4"]) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "placer: interrupted; nothing was written"
    assert len(calls) == step
    assert list(elsewhere.iterdir()) == []


def test_the_call_refuses_two_ways_to_say_how_many(flat: Path) -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        placer.group(flat, groups=3, cells_per_group=3)
