"""LEF, DEF and Verilog on the command line: from files to a DEF file with the macros placed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import placer
from netlists.formats.def_ import read_def
from netlists.formats.def_.data import PLACED
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
