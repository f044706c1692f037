"""LEF, DEF and Verilog on the command line: from files to a DEF file with the macros placed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import placer
from netlists.formats.def_ import read_def
from netlists.formats.def_.data import FIXED, PLACED
from placer.cli import run
from tests.netlists import physical_cases as case


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Options that name the case's files."""
    files = case.write(tmp_path)
    return ["--verilog", str(files["verilog"]), "--lef", str(files["lef"]), "--def", str(files["def_file"])]


def test_files_are_placed_into_a_def_and_scored_again(
    words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["place", *words, "--top", "chip", "-o", "out", "--time", "2", "--jobs", "1"]) == 0
    text = read_def("out/chip.def")
    assert (text.components.status[:2] == PLACED).all()
    assert text.pins == read_def(words[-1]).pins
    record = json.loads(Path("out/metrics.json").read_text())
    assert record["legal"]
    assert record["format"] == "lefdef"
    assert record["settings"]["weights"]["macro_wirelength"] == 0.5
    assert Path("out/report.html").is_file()
    assert sorted(p.name for p in Path("out").iterdir()) == [
        "chip.def", "chip.innovus.tcl", "chip.librelane.json", "chip.openroad.tcl", "metrics.json", "report.html",
    ]  # fmt: skip
    assert Path("out/chip.openroad.tcl").read_text().count("place_macro -macro_name") == 2
    capsys.readouterr()
    assert run(["score", *words, "out/chip.def", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["legal"]
    assert again["macro_hpwl_um"] == pytest.approx(record["macro_hpwl_um"])


def test_show_and_convert_take_the_same_files(words: list[str], elsewhere: Path) -> None:
    assert run(["show", *words, "--output", "chip.html"]) == 0
    assert run(["convert", "copy.def", *words]) == 0
    assert read_def("copy.def").same_as(read_def(words[-1]))
    assert run(["convert", "netlist.pb.txt", *words]) == 0
    assert placer.load("netlist.pb.txt").netlist.describe()["hard_macros"] == 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (["--top", "chop"], "chip"),
        (["--lef", "missing.lef"], "missing.lef: no such file"),
    ],
)
def test_wrong_files_are_one_line_and_exit_2(
    words: list[str], change: list[str], told: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["score", *words, *change]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.strip().splitlines()) == 1


def test_a_design_and_files_are_not_both_taken(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["place", "synth20", *words]) == 2
    assert "not both" in capsys.readouterr().err
    assert run(["place"]) == 2
    assert "--lef" in capsys.readouterr().err


def test_a_def_file_as_a_design_is_answered_with_the_options(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["score", words[-1]]) == 2
    assert "without its LEF files" in capsys.readouterr().err


def test_fix_writes_macros_that_nothing_moves(
    words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["place", *words, "--fix", "-o", "out.def", "--time", "1", "--jobs", "1"]) == 0
    assert (read_def("out.def").components.status[:2] == FIXED).all()
    capsys.readouterr()
    assert run(["place", "synth20", "--fix", "--time", "1"]) == 2
    assert "only a DEF file can hold fixed macros" in capsys.readouterr().err


@pytest.fixture
def fixed(tmp_path: Path) -> list[str]:
    """Two fixed memories that overlap by 1 x 1 um, one of them off the grid, and a cell in the margin."""
    text = case.COMPONENTS.replace("COMPONENTS 3", "COMPONENTS 4")
    text = text.replace("+ PLACED ( 4000 4000 ) FS + HALO 1000 2000 3000 4000", "+ FIXED ( 20000 4000 ) N")
    text = text.replace(r"right/mem\[0\] RAM ;", r"right/mem\[0\] RAM + FIXED ( 29001 11000 ) N ;")
    text = text.replace("- tap1", "- left/b0 INV + PLACED ( 1000 10000 ) N ;\n- tap1")
    tail = case.TAIL.replace("- g right/mem* + REGION east ;", "- g right/b0 right/mem* + REGION east ;")
    tail = tail.replace("( 20000 2000 ) ( 38000", "( 29000 2000 ) ( 40000")
    files = case.write(tmp_path, def_file=case.DEF_HEAD + text + case.PINS + tail)
    return ["--verilog", str(files["verilog"]), "--lef", str(files["lef"]), "--def", str(files["def_file"])]


def test_check_fails_for_what_fixed_macros_do_to_each_other_unless_it_is_accepted(
    fixed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", *fixed, "--json"]) == 3
    values = json.loads(capsys.readouterr().out)
    assert values["legal"] is False
    given = {v["rule"]: v for v in values["given"]}
    assert given["overlap"]["box_um"] == pytest.approx([29, 11, 30, 12], abs=0.005)
    assert given["off_lattice"]["objects"] == ["right/mem[0]"]
    assert [(v["rule"], v["objects"]) for v in values["violations"]] == [("outside", ["left/b0"])]
    assert run(["check", *fixed]) == 3
    out = capsys.readouterr().out
    assert "among fixed objects, as given" in out
    assert out.splitlines()[-1].startswith("illegal: 1 violation, ")


def test_given_ok_accepts_only_what_is_among_fixed_objects(
    fixed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["check", *fixed, "--given-ok"]) == 3
    text = Path(fixed[-1]).read_text()
    Path(fixed[-1]).write_text(text.replace("( 1000 10000 )", "( 2000 10000 )"))
    assert run(["check", *fixed]) == 3
    capsys.readouterr()
    assert run(["check", *fixed, "--given-ok"]) == 0
    assert "among fixed objects, as given" in capsys.readouterr().out.splitlines()[-1]


def test_cells_without_a_place_break_no_rule(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    # right/b0 has no place and its stand-in in the middle of the core is outside its fence.
    text = Path(words[-1]).read_text().replace("- g right/mem*", "- g right/b0 right/mem*")
    text = text.replace("- right/mem\\[0\\] RAM ;", "- right/mem\\[0\\] RAM + PLACED ( 24000 4000 ) N ;")
    Path(words[-1]).write_text(text.replace("( 20000 2000 ) ( 38000", "( 24000 2000 ) ( 38000"))
    assert run(["check", *words]) == 0, capsys.readouterr().out


def test_a_run_that_cannot_end_well_is_not_begun(
    words: list[str], elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = Path(words[-1]).read_text()
    Path(words[-1]).write_text(text.replace("( 20000 2000 ) ( 38000 38000 )", "( 20000 2000 ) ( 27000 9000 )"))
    assert run(["place", *words, "-o", "out", "--time", "1", "--jobs", "1"]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert "chip.def: no placement is possible" in last
    assert "does not fit fence 'east'" in last
    assert not Path("out").exists()
