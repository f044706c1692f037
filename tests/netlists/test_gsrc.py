"""GSRC and MCNC floorplans: every feature on a handmade design, round trips, and complaints with file and line."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from netlists import HARD_MACRO, PORT, NetlistError, PlacementError
from netlists.formats import bookshelf, gsrc, textio
from netlists.orientation import E, N
from tests.netlists import bookshelf_cases as cases
from tests.netlists.bookshelf_cases import assert_same
from tests.netlists.test_bookshelf import _edit, _foreign, _tokens


def test_reads_blocks_terminals_and_centres(tmp_path: Path):
    d = gsrc.read_design(cases.gsrc(tmp_path))
    assert d.netlist.node_names == ("hb", "lb", "sb", "tb", "p1", "p2")
    assert d.netlist.node_kind.tolist() == [HARD_MACRO] * 4 + [PORT] * 2
    assert d.netlist.node_width[:3].tolist() == [40, 30, 20]
    assert d.netlist.node_height[:3].tolist() == [20, 30, 20]
    assert d.placement.x[:3].tolist() == [20, 55, 10]
    assert d.placement.y[:3].tolist() == [10, 15, 40]
    assert (d.placement.x[5], d.placement.y[5]) == (80, 80)
    assert d.placement.fixed.tolist() == [False] * 4 + [True] * 2
    assert d.placement.placed.all()
    assert any("more than 4 corners" in note for note in d.notes)


def test_aspect_ratios_of_the_file_are_width_over_height(tmp_path: Path):
    d = gsrc.read_design(cases.gsrc(tmp_path))
    # tb: width / height in 2..4, so height / width in 1/4..1/2, and the squarest shape is 20 x 10.
    assert d.netlist.min_aspect[3] == 0.25
    assert d.netlist.max_aspect[3] == 0.5
    assert d.netlist.node_width[3] == pytest.approx(20)
    assert d.netlist.node_height[3] == pytest.approx(10)
    assert d.placement.orient[3] == E
    assert d.placement.x[3] == pytest.approx(45)
    assert d.placement.y[3] == pytest.approx(50)
    assert np.isnan(d.netlist.min_aspect[[0, 1, 4, 5]]).all()


def test_offsets_in_percent_of_the_sides_or_in_units(tmp_path: Path):
    n = gsrc.read_design(cases.gsrc(tmp_path)).netlist
    assert n.conn_dx.tolist() == [0, -20, 0, 0, 3]
    assert n.conn_dy.tolist() == [0, 5, 0, 0, -2.5]
    assert n.net_names == ()
    assert n.net_degree.tolist() == [3, 2]


def test_dims_reshape_soft_blocks_and_come_back(tmp_path: Path):
    pl = cases.BLOCK_PL.replace("sb\t0\t30", "sb 0 30 DIMS = (16, 25) : N")
    d = gsrc.read_design(cases.gsrc(tmp_path, pl=pl))
    assert (d.netlist.node_width[2], d.netlist.node_height[2]) == (16, 25)
    assert (d.placement.x[2], d.placement.y[2]) == (8, 42.5)
    out = gsrc.write_design(d, tmp_path / "out")
    assert "DIMS = (16, 25) : N" in (tmp_path / "out" / "d.pl").read_text()
    assert_same(d, gsrc.read_design(out[0]))
    plain = gsrc.read_design(cases.gsrc(tmp_path))
    with pytest.raises(PlacementError, match=r"d\.pl:5: .*another shape.*sb"):
        gsrc.read_placement(tmp_path / "out" / "d.pl", plain)


@pytest.mark.parametrize("dims", ["(10, 40)", "(20, 30)"])
def test_dims_a_block_may_not_take_are_refused(tmp_path: Path, dims: str):
    pl = cases.BLOCK_PL.replace("sb\t0\t30", f"sb 0 30 DIMS = {dims} : N")
    with pytest.raises(PlacementError, match=r"d\.pl:4: .*DIMS.*sb"):
        gsrc.read_design(cases.gsrc(tmp_path, pl=pl))


@pytest.mark.parametrize(
    ("terminals", "box"),
    [
        (((0, 0), (80, 80)), (0, 0, 80, 80)),
        (((80, 0), (80, 80)), (0, 0, 80, 80)),  # on one edge: the origin is taken in
        (((0, 0), (45, 45)), None),  # too full
    ],
)
def test_outline_comes_from_the_terminals_where_they_hold_the_blocks(tmp_path: Path, terminals: tuple, box: tuple):
    (ax, ay), (bx, by) = terminals
    pl = cases.BLOCK_PL.replace("p1\t0\t0", f"p1 {ax} {ay}").replace("p2\t80\t80", f"p2 {bx} {by}")
    d = gsrc.read_design(cases.gsrc(tmp_path, pl=pl))
    side = math.sqrt(1.15 * (d.netlist.node_width * d.netlist.node_height).sum())
    want = box or (0, 0, side, side)
    assert (d.canvas.x0, d.canvas.y0, d.canvas.x1, d.canvas.y1) == pytest.approx(want)
    assert any("outline assumed" in note for note in d.notes)


def test_a_block_larger_than_the_outline_of_the_terminals_widens_it(tmp_path: Path):
    blocks = cases.BLOCKS.replace("(0, 20) (40, 20) (40, 0)", "(0, 4) (200, 4) (200, 0)")
    d = gsrc.read_design(cases.gsrc(tmp_path, blocks=blocks))
    assert d.canvas.width == 200
    d.check_fits()


def test_stacked_blocks_are_not_placed_but_keep_their_coordinates(tmp_path: Path):
    pl = re.sub(r"(?m)^([hlst]b)\s+\S+\s+\S+", r"\1 7 0", cases.BLOCK_PL)
    d = gsrc.read_design(cases.gsrc(tmp_path, pl=pl))
    assert d.placement.placed.tolist() == [False] * 4 + [True] * 2
    gsrc.write_placement(d, d.placement, tmp_path / "o.pl")
    assert _tokens(tmp_path / "o.pl") == _tokens(tmp_path / "d.pl")


def test_a_block_on_no_net_may_be_missing_from_the_placement(tmp_path: Path):
    pl = cases.BLOCK_PL.replace("tb\t40 40 : E\n", "")
    d = gsrc.read_design(cases.gsrc(tmp_path, pl=pl))
    assert d.placement.placed.tolist() == [True, True, True, False, True, True]
    assert any("not in the .pl file" in note and "tb" in note for note in d.notes)
    out = gsrc.write_design(d, tmp_path / "o")
    assert _tokens(tmp_path / "o" / "d.pl") == _tokens(tmp_path / "d.pl")
    assert_same(d, gsrc.read_design(out[0]))
    placed = d.placement.moved(placed=np.ones(6, bool))
    gsrc.write_placement(d, placed, tmp_path / "all.pl")
    assert "tb" in (tmp_path / "all.pl").read_text()


def test_parts_of_a_variant_come_from_the_base_design(tmp_path: Path):
    cases.gsrc(tmp_path)
    (tmp_path / "d_soft.blocks").write_text(cases.BLOCKS)
    d = gsrc.read_design(tmp_path / "d_soft.blocks")
    assert d.name == "d_soft"
    assert d.placement.placed.all()
    assert {p.name for p in gsrc.input_files(tmp_path / "d_soft.blocks")} == {"d_soft.blocks", "d.nets", "d.pl"}
    (tmp_path / "d_soft.pl").write_text(cases.BLOCK_PL.replace("hb\t0\t0", "hb 1 1"))
    assert gsrc.read_design(tmp_path / "d_soft.blocks").placement.x[0] == 21


def test_without_placement_nothing_is_placed(tmp_path: Path):
    d = gsrc.read_design(cases.gsrc(tmp_path, pl=None))
    assert not d.placement.placed.any()
    assert d.canvas.width == d.canvas.height
    out = gsrc.write_design(d, tmp_path / "o")
    assert {p.suffix for p in out} == {".blocks", ".nets"}
    assert_same(d, gsrc.read_design(out[0]))


@pytest.mark.parametrize("compress", [False, True])
def test_files_come_back_token_by_token(tmp_path: Path, compress: bool):
    wts = "UCLA wts 1.0\nhb 3\n"
    d = gsrc.read_design(cases.gsrc(tmp_path, wts=wts))
    out = gsrc.write_design(d, tmp_path / "out", compress=compress)
    assert {p.name.removesuffix(".gz") for p in out} == {"d.blocks", "d.nets", "d.pl", "d.wts"}
    for path in out:
        assert _tokens(path) == _tokens(tmp_path / path.name.removesuffix(".gz")), path.name
    assert_same(d, gsrc.read_design(out[0]))


def test_a_fixed_block_stays_fixed(tmp_path: Path):
    d = gsrc.read_design(cases.gsrc(tmp_path))
    fixed = d.placement.fixed.copy()
    fixed[0] = True
    d = d.with_placement(d.placement.moved(fixed=fixed))
    e = gsrc.read_design(gsrc.write_design(d, tmp_path / "o")[0])
    assert e.placement.fixed.tolist() == fixed.tolist()
    assert e.placement.orient[0] == N


def test_reshaped_soft_blocks_of_any_origin_state_their_shape(tmp_path: Path):
    d = gsrc.read_design(cases.gsrc(tmp_path))
    width, height = d.netlist.node_width.copy(), d.netlist.node_height.copy()
    width[2], height[2] = 16, 25
    d = replace(d, netlist=replace(d.netlist, node_width=width, node_height=height))
    e = gsrc.read_design(gsrc.write_design(d, tmp_path / "o")[0])
    assert (e.netlist.node_width[2], e.netlist.node_height[2]) == (16, 25)
    np.testing.assert_array_equal(e.placement.x, d.placement.x)


def test_designs_of_other_formats_keep_structure_weights_and_drivers(tmp_path: Path):
    nan = math.nan
    d = _foreign(min_aspect=[nan, nan, 0.25], max_aspect=[nan, nan, 2.0])
    out = gsrc.write_design(d, tmp_path)
    e = gsrc.read_design(out[0])
    assert e.netlist.node_names == d.netlist.node_names
    assert e.netlist.node_kind.tolist() == [PORT] + [HARD_MACRO] * 2
    assert e.netlist.net_weight.tolist() == [1, 3.5]
    assert e.netlist.conn_node[e.netlist.net_source].tolist() == [2, 1]
    assert (e.netlist.min_aspect[2], e.netlist.max_aspect[2]) == (0.25, 2.0)
    for key in ("node_width", "node_height"):
        np.testing.assert_array_equal(getattr(e.netlist, key), getattr(d.netlist, key))
    for key in ("x", "y", "fixed", "placed"):
        np.testing.assert_array_equal(getattr(e.placement, key), getattr(d.placement, key))
    assert sorted(e.netlist.conn_dx.tolist()) == sorted(d.netlist.conn_dx.tolist())


def test_bookshelf_designs_can_be_written_as_blocks(tmp_path: Path):
    d = bookshelf.read_design(cases.bookshelf(tmp_path))
    e = gsrc.read_design(gsrc.write_design(d, tmp_path / "o")[0])
    assert e.netlist.node_names == d.netlist.node_names
    assert e.netlist.net_names == d.netlist.net_names
    np.testing.assert_array_equal(e.netlist.net_weight, d.netlist.net_weight)
    np.testing.assert_array_equal(e.placement.x, d.placement.x)
    np.testing.assert_array_equal(e.netlist.net_source, d.netlist.net_source)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "soft count": (_edit("blocks", "Blocks : 2", "Blocks : 3"), r"d\.blocks:3: NumSoftRectangularBlocks says 3"),
    "terminal count": (_edit("blocks", "NumTerminals : 2", "NumTerminals : 1"), r"d\.blocks:5: NumTerminals"),
    "truncated": (_edit("blocks", "p2 terminal\n", ""), r"d\.blocks:5: NumTerminals says 2"),
    "duplicate": (_edit("blocks", "p2 terminal", "hb terminal"), r"d\.blocks:12: the block 'hb' appears twice"),
    "corners": (_edit("blocks", " 4 (0, 0)", " 5 (0, 0)"), r"d\.blocks:7: .*another number of corners"),
    "flat": (_edit("blocks", "(0, 20) (40, 20)", "(0, 0) (40, 0)"), r"d\.blocks:7: a hard block has no area"),
    "nan corner": (_edit("blocks", "(0, 20)", "(0, nan)"), r"d\.blocks:7: a corner is not finite"),
    "word corner": (_edit("blocks", "(0, 20)", "(0, x)"), r"d\.blocks:7: a corner is not a number"),
    "no corner count": (_edit("blocks", " 4 (0, 0)", " (0, 0)"), r"d\.blocks:7: .*number of corners"),
    "negative area": (_edit("blocks", " 400 ", " -400 "), r"d\.blocks:9: area and aspect"),
    "inf ratio": (_edit("blocks", "0.5 2.0", "0.5 inf"), r"d\.blocks:9: .*not finite"),
    "short soft": (_edit("blocks", "0.5 2.0", "0.5"), r"d\.blocks:9: a block line"),
    "unknown kind": (_edit("blocks", "softrectangular", "softround"), r"d\.blocks:9: a block line"),
    "count no number": (_edit("blocks", "NumTerminals : 2", "NumTerminals : two"), r"d\.blocks:5: a count"),
    "header": (_edit("blocks", "UCSC blocks", "UCSC bricks"), r"d\.blocks:1: the header"),
    "binary": (lambda f: (f / "d.blocks").write_bytes(b"\x7fELF\0\0"), r"d\.blocks:1: .*binary"),
    "no nets": (lambda f: (f / "d.nets").unlink(), r"d\.blocks: there is no \.nets"),
    "unknown block": (_edit("nets", "hb B", "xx B"), r"d\.nets:6: .*unknown node .*xx"),
    "net degree": (_edit("nets", "NetDegree : 3", "NetDegree : 2"), r"d\.nets:4: net number 1"),
    "pin outside": (_edit("nets", "%-50", "%-75"), r"d\.nets:6: a pin lies outside its block 'hb'"),
    "percent no number": (_edit("nets", "%-50", "%x"), r"d\.nets:6: a pin offset"),
    "other design": (_edit("pl", "hb", "xx"), r"d\.pl:2: .*another design.*xx"),
    "missing block": (_edit("pl", "hb\t0\t0\n", ""), r"d\.pl: .*lacks 1 of 6.*hb"),
    "missing terminal": (_edit("pl", "p2\t80\t80\n", ""), r"d\.pl: .*lacks 1 of 6.*p2"),
    "twice": (_edit("pl", "lb", "hb"), r"d\.pl:3: .*twice.*hb"),
    "half dims": (_edit("pl", "sb\t0\t30", "sb 0 30 DIMS = (16)"), r"d\.pl:4: DIMS"),
    "word dims": (_edit("pl", "sb\t0\t30", "sb 0 30 DIMS = (a, b)"), r"d\.pl:4: a dimension"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_file_and_line(tmp_path: Path, case: str):
    damage, message = BAD[case]
    cases.gsrc(tmp_path)
    damage(tmp_path)
    with pytest.raises((NetlistError, PlacementError), match=message):
        gsrc.read_design(tmp_path / "d.blocks")


def test_detection_goes_by_content_and_by_what_lies_beside(tmp_path: Path):
    cases.gsrc(tmp_path)
    (tmp_path / "d.alr").write_text("( STRICT 1 a b MIN 1 MIN 1 )\n")
    (tmp_path / "yal").write_text("MODULE bk1;\n TYPE GENERAL;\n")

    def roles(name: str) -> tuple[str | None, str | None]:
        head = textio.read_head(tmp_path / name)
        return gsrc.sniff(tmp_path / name, head), bookshelf.sniff(tmp_path / name, head)

    assert roles("d.blocks") == ("netlist", None)
    assert roles("d.pl") == ("placement", None)
    assert roles("d.nets") == ("part", None)
    assert roles("d.alr") == ("part", None)
    assert roles("yal") == (None, None)
    (tmp_path / "d.blocks").unlink()
    assert roles("d.pl") == (None, "placement")


FLOORPLANS = [
    "gsrc/n10/n10", "gsrc/n30/n30", "gsrc/n50/n50", "gsrc/n100/n100", "gsrc/n100/n100_soft", "gsrc/n100/n100_WIDEIO",
    "gsrc/n200/n200", "gsrc/n200/n200_soft", "gsrc/n200/n200_WIDEIO", "gsrc/n300/n300", "gsrc/n300/n300_soft",
    "gsrc/n300/n300_WIDEIO", "mcnc/ami33/ami33", "mcnc/ami49/ami49", "mcnc/apte/apte", "mcnc/hp/hp",
    "mcnc/xerox/xerox",
]  # fmt: skip


@pytest.mark.open_data
@pytest.mark.parametrize("name", FLOORPLANS)
def test_open_floorplans(open_data: Callable[[str], Path], tmp_path: Path, name: str):
    path = open_data(f"floorplan/{name}.blocks")
    d = gsrc.read_design(path)
    declared = {}
    for role in ("blocks", "nets"):
        text = textio.read_bytes(path.with_suffix(f".{role}")).decode()
        declared.update({k: int(v) for k, v in re.findall(r"(Num\w+) *: *(\d+)", text)})
    blocks = declared["NumSoftRectangularBlocks"] + declared["NumHardRectilinearBlocks"]
    assert d.netlist.describe()["hard_macros"] == blocks
    assert d.netlist.describe()["ports"] == declared["NumTerminals"]
    assert d.netlist.num_nets == declared["NumNets"]
    assert d.netlist.num_pins == declared["NumPins"]
    assert np.isfinite(d.netlist.min_aspect).sum() == declared["NumSoftRectangularBlocks"]
    d.check_fits()
    area = (d.netlist.node_width * d.netlist.node_height).sum()
    assert 0.8 < area / d.canvas.area <= 0.92
    out = gsrc.write_design(d, tmp_path)
    for written in out:
        assert _tokens(written) == _tokens(path.with_suffix(written.suffix)), written.name
    assert_same(d, gsrc.read_design(out[0]))
