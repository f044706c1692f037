"""``placer floorplan``: what it writes and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netlists.load import load
from placer.cli import run
from placer.cost.legality import check

BLOCKS = """UCSC blocks 1.0
NumSoftRectangularBlocks : 1
NumHardRectilinearBlocks : 2
NumTerminals : 2

a hardrectilinear 4 (0, 0) (0, 20) (30, 20) (30, 0)
b hardrectilinear 4 (0, 0) (0, 10) (40, 10) (40, 0)
s softrectangular 600 0.4 2.5
p terminal
q terminal
"""
NETS = """UCLA nets 1.0
NumNets : 2
NumPins : 5
NetDegree : 3
a B
s B
p B
NetDegree : 2
b B
q B
"""
PL = "UCLA pl 1.0\n\na 0 0\nb 0 0\ns 0 0\np 0 0\nq 50 50\n"


@pytest.fixture
def design(tmp_path: Path) -> Path:
    """Two hard blocks, a soft one and two pads."""
    for suffix, text in (("blocks", BLOCKS), ("nets", NETS), ("pl", PL)):
        (tmp_path / f"three.{suffix}").write_text(text)
    return tmp_path / "three.blocks"


def test_blocks_are_placed_legally_and_read_back(
    design: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["floorplan", str(design), "--whitespace", "40", "--time", "1", "-j", "1", "-o", str(out)]) == 0
    assert {file.name for file in out.iterdir()} == {"three.pl", "metrics.json", "report.html"}
    back = load(design, out / "three.pl")
    assert check(back).legal
    record = json.loads((out / "metrics.json").read_text())
    assert record["stats"]["floorplan"]["whitespace"] == pytest.approx(0.4, abs=0.01)
    assert record["legal"]
    assert "HPWL" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ([], 2, "either a block DESIGN"),
        (["DESIGN", "--verilog", "x.v"], 2, "either a block DESIGN"),
        (["DESIGN", "--utilization", "60"], 2, "--utilization"),
        (["DESIGN", "--whitespace", "-5"], 2, "whitespace"),
        (["DESIGN", "--outline", "0,0,9"], 2, "even number"),
        (["DESIGN", "--outline", "0,0,80,0,80,40,40,40,40,80,0,80"], 2, "rectangle"),
        (["DESIGN", "--outline", "30,30", "--time", "1"], 3, "does not fit"),
        (["--verilog", "x.v"], 2, "LEF"),
        (["--verilog", "x.v", "--lef", "x.lef", "--whitespace", "5"], 2, "--whitespace"),
        (["--verilog", "x.v", "--lef", "x.lef", "--pin", "a=middle"], 2, "side"),
        (["--verilog", "x.v", "--lef", "x.lef", "--core-margin", "1,2"], 2, "margin"),
        (["--verilog", "x.v", "--lef", "x.lef", "--utilization", "60", "--outline", "0,0,9,9"], 2, "contradict"),
    ],
)  # fmt: skip
def test_bad_requests_end_in_one_line(
    design: Path, elsewhere: Path, words: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["floorplan", *(str(design) if word == "DESIGN" else word for word in words)]) == code
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("placer: ")
    assert says in last
    assert not list(elsewhere.glob("out/**/*.pl"))
