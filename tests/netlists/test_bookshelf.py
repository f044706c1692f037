"""Bookshelf: every feature on a handmade design, round trips, and complaints with file and line."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from netlists import (
    HARD_MACRO,
    PORT,
    SOFT_MACRO,
    STDCELL,
    Canvas,
    Design,
    Netlist,
    NetlistError,
    Placement,
    PlacementError,
)
from netlists.formats import bookshelf, textio
from netlists.formats.bookshelf.numbers import lower_left, shortest
from netlists.netlist import DIR_INPUT, DIR_OUTPUT, DIR_UNKNOWN
from netlists.orientation import FS, N, W
from tests.netlists import bookshelf_cases as cases
from tests.netlists.bookshelf_cases import assert_same


def test_reads_names_sizes_kinds_and_centres(tmp_path: Path):
    d = bookshelf.read_design(cases.bookshelf(tmp_path))
    assert d.netlist.node_names == ("c1", "c2", "m1", "pad", "blk", "ni")
    assert d.netlist.node_kind.tolist() == [STDCELL, STDCELL, HARD_MACRO, PORT, HARD_MACRO, PORT]
    assert d.netlist.node_width.tolist() == [4, 1.5, 20, 1, 20, 0]
    assert d.placement.orient.tolist() == [N, FS, W, N, N, N]
    assert d.placement.fixed.tolist() == [False, False, False, True, True, True]
    # m1 is 20 x 30 and turned: its corner (30, 20) is that of a 30 x 20 box.
    assert d.placement.x.tolist() == [2, 10.75, 45, 0.5, 70, -5]
    assert d.placement.y.tolist() == [5, 15, 30, 99.5, 70, 50]
    assert d.name == "d"
    assert d.format == "bookshelf"


def test_reads_nets_offsets_directions_and_drivers(tmp_path: Path):
    n = bookshelf.read_design(cases.bookshelf(tmp_path)).netlist
    assert n.net_names == ("first", "second", "third")
    assert n.net_ptr.tolist() == [0, 3, 5, 7]
    assert n.conn_node.tolist() == [0, 2, 3, 1, 4, 5, 0]
    assert n.conn_dx.tolist() == [1, 10, 0, 0, -10, 0, -2]
    assert n.conn_dy[1] == 1.42109e-14
    # The first O pin drives; the second net has none, so its first pin does.
    assert n.net_source.tolist() == [1, 3, 6]
    assert n.net_weight.tolist() == [1, 2.5, 0]


def test_canvas_is_the_bounding_box_of_the_rows_and_defaults_are_said(tmp_path: Path):
    d = bookshelf.read_design(cases.bookshelf(tmp_path))
    assert (d.canvas.x0, d.canvas.y0, d.canvas.x1, d.canvas.y1) == (0, 0, 100, 100)
    assert d.canvas.rows is not None
    assert d.canvas.rows.orient.tolist() == [N, FS] * 5
    assert d.canvas.h_routes_per_um == 2.0  # 20 tracks in a row height of 10
    assert any("grid assumed" in note for note in d.notes)
    assert any("supply assumed" in note for note in d.notes)


def test_white_space_case_glued_colons_and_comments_do_not_matter(tmp_path: Path):
    want = bookshelf.read_design(cases.bookshelf(tmp_path))
    sub = tmp_path / "other"
    sub.mkdir()
    nodes = cases.NODES.replace("NumNodes :      6", "numnodes:6").replace("c1   4   10", "c1\t4\t1e1 # comment")
    nets = cases.NETS.replace("NetDegree : 3  first", "NetDegree: 3 first\r").replace("I : 1.0 -2", "I :1.0 -2")
    nets = nets.replace("c2  I : 0 0", "\n\n  # a comment in a net\n c2 I: 0.0\t-0")
    pl = cases.PL.replace("c1   0    0   : N", "c1 0.0 0e5:N").replace("m1   30   20  : W", "m1 30 20 : R90")
    scl = cases.SCL.replace("NumRows : 10", "Numrows :10").replace("NumSites", "Numsites")
    got = bookshelf.read_design(
        cases.bookshelf(sub, nodes="\ufeff" + nodes.replace("\n", "\r\n"), nets=nets, pl=pl, scl=scl)
    )
    assert_same(want, got)


def test_each_file_may_be_packed_whatever_the_aux_says(tmp_path: Path):
    want = bookshelf.read_design(cases.bookshelf(tmp_path))
    for role in ("aux", "nodes", "nets", "pl", "scl"):
        path = tmp_path / f"d.{role}"
        (tmp_path / f"d.{role}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    got = bookshelf.read_design(tmp_path / "d.aux.gz")
    assert got.name == "d"
    assert_same(want, got)


def test_a_nodes_file_finds_its_parts_by_stem(tmp_path: Path):
    cases.bookshelf(tmp_path, aux=None)
    d = bookshelf.read_design(tmp_path / "d.nodes")
    assert d.netlist.num_nets == 3
    assert d.placement.placed.all()


def test_pins_without_direction_and_nets_without_names(tmp_path: Path):
    nets = "UCLA nets 1.0\nNetDegree : 2\nc1\nc2 : 0.25 1\nNetDegree : 1\nm1 I\n"
    d = bookshelf.read_design(cases.bookshelf(tmp_path, nets=nets, wts=""))
    assert d.netlist.net_names == ()
    assert d.netlist.pin_dir.tolist() == [DIR_UNKNOWN, DIR_UNKNOWN, DIR_INPUT]
    out = bookshelf.write_design(d, tmp_path / "out")
    assert_same(d, bookshelf.read_design(out[0]))
    assert "NetDegree : 2\n\tc1\n\tc2" in (tmp_path / "out" / "d.nets").read_text()


def test_some_nets_without_names_get_made_up_ones_that_are_not_written(tmp_path: Path):
    nets = "UCLA nets 1.0\nNetDegree : 1 net1\nc1 I\nNetDegree : 1\nm1 I\n"
    d = bookshelf.read_design(cases.bookshelf(tmp_path, nets=nets, wts=""))
    assert d.netlist.net_names == ("net1", "net1_")
    bookshelf.write_design(d, tmp_path / "out")
    assert "net1_" not in (tmp_path / "out" / "d.nets").read_text()


@pytest.mark.parametrize(
    ("wts", "net_weight", "node_ids"),
    [
        ("UCLA wts 1.0\nc1 0\nm1 7\n", [1, 1, 1], [0, 2]),
        ("UCLA wts 1.0\nthird 3\nfirst 0.5\n", [0.5, 1, 3], []),
        ("UCLA wts 1.0\nthird 3\nm1 7\n", [1, 1, 3], [2]),
        ("", [1, 1, 1], []),
        ("UCLA wts 1.0\n\n", [1, 1, 1], []),
    ],
)
def test_a_weights_file_weighs_what_its_names_name(tmp_path: Path, wts: str, net_weight: list, node_ids: list):
    d = bookshelf.read_design(cases.bookshelf(tmp_path, wts=wts))
    assert d.netlist.net_weight.tolist() == net_weight
    assert list(d.netlist.extras.get("bookshelf.wts_nodes", [])) == node_ids
    out = bookshelf.write_design(d, tmp_path / "out")
    written = [line.split() for line in (tmp_path / "out" / "d.wts").read_text().splitlines()[1:] if line]
    assert sorted(written) == sorted(line.split() for line in wts.splitlines()[1:] if line)
    assert_same(d, bookshelf.read_design(out[0]))


def test_names_that_are_nodes_and_nets_weigh_nets_only_when_all_are_nets(tmp_path: Path):
    nets = cases.NETS.replace("first", "c1")
    both = bookshelf.read_design(cases.bookshelf(tmp_path, nets=nets, wts="UCLA wts 1.0\nc1 4\n"))
    assert both.netlist.net_weight.tolist() == [4, 1, 1]
    nodes = bookshelf.read_design(cases.bookshelf(tmp_path, nets=nets, wts="UCLA wts 1.0\nc1 4\nm1 1\n"))
    assert nodes.netlist.net_weight.tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("line", "where", "kind"),
    [
        ("t 1 1 terminal", "0 99", PORT),  # on the edge
        ("t 1 1 terminal", "50 50", PORT),  # far shorter than a row: no cell
        ("t 0 30 terminal", "50 50", PORT),  # no area
        ("t 30 30 terminal", "-30 50", PORT),  # outside, touching
        ("t 10 10 terminal", "95 50", PORT),  # pad across the edge
        ("t 10 10 terminal", "50 50", STDCELL),
        ("t 30 30 terminal", "50 50", HARD_MACRO),
        ("t 30 30 terminal", "80 50", HARD_MACRO),  # large, across the edge: still in the way
        ("t 30 30 terminal_NI", "50 50", PORT),
        ("t 4 10", "50 50", STDCELL),
        ("t 4 11", "50 50", HARD_MACRO),
        ("t 2 20", "50 50", STDCELL),  # two rows, as large as the largest cell of one
        ("t 1 40", "50 50", STDCELL),  # four
        ("t 2.5 20", "50 50", HARD_MACRO),  # larger than every cell
        ("t 0.5 50", "50 50", HARD_MACRO),  # five rows
        ("t 2 15", "50 50", HARD_MACRO),  # no whole number of rows
        ("t 2 20 terminal", "50 50", HARD_MACRO),  # in the way, whatever it is
    ],
)
def test_kinds(tmp_path: Path, line: str, where: str, kind: int):
    nodes = re.sub(r"(Num\w+) .*", "", cases.NODES) + line + "\n"
    d = bookshelf.read_design(cases.bookshelf(tmp_path, nodes=nodes, pl=cases.PL + f"t {where} : N\n"))
    assert d.netlist.node_kind[-1] == kind
    assert d.placement.fixed[-1] == ("terminal" in line)


def test_cells_over_several_rows_are_told_of_and_come_back(tmp_path: Path):
    nodes = re.sub(r"(Num\w+) .*", "", cases.NODES) + "t 2 20\n"
    d = bookshelf.read_design(cases.bookshelf(tmp_path, nodes=nodes, pl=cases.PL + "t 50 50 : N\n"))
    assert "cells over several rows, told from macros by their size: 1" in d.notes
    assert_same(d, bookshelf.read_design(bookshelf.write_design(d, tmp_path / "o")[0]))
    (tmp_path / "none").mkdir()
    plain = bookshelf.read_design(cases.bookshelf(tmp_path / "none"))
    assert not any("several rows" in note for note in plain.notes)
    aux = cases.AUX.replace(" d.scl", "")
    (tmp_path / "bare").mkdir()
    bare = bookshelf.read_design(
        cases.bookshelf(tmp_path / "bare", aux=aux, scl=None, nodes=nodes, pl=cases.PL + "t 50 50 : N\n")
    )
    assert bare.netlist.node_kind[-1] == HARD_MACRO, "without rows nothing says how high one is"


def test_a_movable_node_marked_fixed_is_fixed(tmp_path: Path):
    d = bookshelf.read_design(cases.bookshelf(tmp_path, pl=cases.PL.replace("c1   0    0   : N", "c1 0 0 : N /FIXED")))
    assert d.placement.fixed[0]
    assert_same(d, bookshelf.read_design(bookshelf.write_design(d, tmp_path / "o")[0]))


def test_objects_of_a_kind_in_one_point_are_not_placed(tmp_path: Path):
    pl = cases.PL.replace("c2   10   10  : FS", "c2 0 0 : N")
    d = bookshelf.read_design(cases.bookshelf(tmp_path, pl=pl))
    assert d.placement.placed.tolist() == [False, False, True, True, True, True]
    zero = bookshelf.read_design(cases.bookshelf(tmp_path, pl=pl.replace("30   20", "0 0")))
    assert zero.placement.placed.tolist() == [False, False, False, True, True, True]


def test_without_pl_nothing_is_placed_and_without_scl_an_outline_is_assumed(tmp_path: Path):
    aux = "RowBasedPlacement : d.nodes d.nets\n"
    d = bookshelf.read_design(cases.bookshelf(tmp_path, aux=aux, pl=None, scl=None, wts=None))
    assert not d.placement.placed.any()
    assert d.canvas.width == d.canvas.height
    assert d.canvas.area > (d.netlist.node_width * d.netlist.node_height).sum()
    assert any("no .scl" in note for note in d.notes)
    pads = bookshelf.read_design(cases.bookshelf(tmp_path, aux=aux.strip() + " d.pl\n", scl=None, wts=None))
    assert (pads.canvas.x0, pads.canvas.y0, pads.canvas.x1, pads.canvas.y1) == (-5, 50, 60, 99)
    assert_same(pads, bookshelf.read_design(bookshelf.write_design(pads, tmp_path / "o")[0]))


def test_another_placement_can_be_given(tmp_path: Path):
    cases.bookshelf(tmp_path)
    other = tmp_path / "other.pl"
    other.write_text(cases.PL.replace("c1   0    0", "c1 50 40"))
    d = bookshelf.read_design(tmp_path / "d.aux", other)
    assert (d.placement.x[0], d.placement.y[0]) == (52, 45)
    assert d.placement_path == other
    p = bookshelf.read_placement(other, bookshelf.read_design(tmp_path / "d.aux"))
    np.testing.assert_array_equal(p.x, d.placement.x)
    np.testing.assert_array_equal(p.fixed, d.placement.fixed)


def test_rows_of_several_pieces_bare_orientations_and_order_come_back(tmp_path: Path):
    rows = cases.SCL.split("CoreRow Horizontal\n")
    rows[1], rows[2] = rows[2], rows[1]
    rows[3] = rows[3].replace("NumSites : 200", "NumSites : 50\n  SubrowOrigin : 40  NumSites : 120")
    scl = "CoreRow Horizontal\n".join(rows).replace("Siteorient    : FS", "Siteorient    : 1")
    d = bookshelf.read_design(cases.bookshelf(tmp_path, scl=scl))
    assert d.canvas.rows is not None
    assert len(d.canvas.rows.y) == 11
    assert (np.diff(d.canvas.rows.y) >= 0).all()
    out = bookshelf.write_design(d, tmp_path / "out")
    assert _tokens(tmp_path / "out" / "d.scl") == _tokens(tmp_path / "d.scl")
    assert_same(d, bookshelf.read_design(out[0]))


def test_files_come_back_token_by_token(tmp_path: Path):
    d = bookshelf.read_design(cases.bookshelf(tmp_path))
    out = bookshelf.write_design(d, tmp_path / "out")
    assert [p.name for p in out] == ["d.aux", "d.nodes", "d.nets", "d.wts", "d.pl", "d.scl"]
    for path in out:
        assert _tokens(path) == _tokens(tmp_path / path.name), path.name
    assert_same(d, bookshelf.read_design(out[0]))


def test_compressed_output_with_another_stem(tmp_path: Path):
    d = bookshelf.read_design(cases.bookshelf(tmp_path))
    out = bookshelf.write_design(d, tmp_path / "out", stem="x", compress=True)
    assert [p.name for p in out] == ["x.aux", "x.nodes.gz", "x.nets.gz", "x.wts.gz", "x.pl.gz", "x.scl.gz"]
    assert all(textio.is_gzip(p) for p in out[1:])
    assert_same(d, bookshelf.read_design(out[0]), skip=("extras",))


def test_order_and_odd_numbers_of_the_placement_file_come_back(tmp_path: Path):
    lines = cases.PL.splitlines()
    lines[3] = "c2 0.30000000000000004 1e-7"
    pl = "\n".join([*lines[:2], *lines[:1:-1]]) + "\n"
    d = bookshelf.read_design(cases.bookshelf(tmp_path, pl=pl))
    bookshelf.write_placement(d, d.placement, tmp_path / "out.pl")
    assert _tokens(tmp_path / "out.pl") == _tokens(tmp_path / "d.pl")


def test_moved_and_turned_objects_are_written_where_they_are(tmp_path: Path):
    d = bookshelf.read_design(cases.bookshelf(tmp_path))
    x, y, orient = d.placement.x.copy(), d.placement.y.copy(), d.placement.orient.copy()
    x[2], y[2], orient[2] = 33.3, 41.7, FS
    moved = d.placement.moved(x=x, y=y, orient=orient)
    bookshelf.write_placement(d, moved, tmp_path / "out.pl.gz")
    again = bookshelf.read_placement(tmp_path / "out.pl.gz", d)
    for key in ("x", "y", "orient", "fixed", "placed"):
        np.testing.assert_array_equal(getattr(again, key), getattr(moved, key))


def test_lower_left_corners_are_short_and_read_back_to_the_same_centre():
    rng = np.random.default_rng(1)
    corner = np.round(rng.uniform(-50, 1000, 5000), rng.integers(0, 7))
    size = np.round(rng.uniform(0, 300, 5000), 3)
    centre = corner + size / 2
    found = lower_left(centre, size)
    np.testing.assert_array_equal(found + size / 2, centre)
    assert max(map(len, shortest(found))) <= max(map(len, shortest(corner)))


def test_numbers_are_written_short_and_exact():
    assert shortest([3.0, -0.0, 0.1, 1.42109e-14, 1e22, 2.5]) == ["3", "0", "0.1", "1.42109e-14", "1e+22", "2.5"]


def _foreign(**changes: object) -> Design:
    """A design of no format: soft macro, weights, a pin on two nets, drivers that are not the first pin."""
    parts: dict = {
        "name": "two words", "node_names": ["port", "hard", "soft"], "node_kind": [PORT, HARD_MACRO, SOFT_MACRO],
        "node_width": [0, 10, 20.5], "node_height": [0, 30, 10.25], "pin_node": [0, 1, 1, 2], "pin_dx": [0, 5, -5, 0],
        "pin_dy": [0, 15, 2.25, 0], "net_ptr": [0, 2, 5], "net_pins": [0, 3, 3, 2, 1], "net_source": [1, 4],
        "net_weight": [1, 3.5], **changes,
    }  # fmt: skip
    netlist = Netlist(**parts)
    placement = Placement([0, 20, 50.25], [45, 30, 50.125], [0, 0, 0], [True, True, False], [True] * 3)
    return Design(netlist, Canvas(0, 0, 100.5, 90, 10, 9), placement)


def test_designs_of_other_formats_keep_structure_weights_drivers_and_outline(tmp_path: Path):
    d = _foreign()
    out = bookshelf.write_design(d, tmp_path)
    assert out[0].name == "two_words.aux"
    e = bookshelf.read_design(out[0])
    assert e.netlist.node_names == d.netlist.node_names
    assert e.netlist.node_kind.tolist() == [PORT, HARD_MACRO, HARD_MACRO]
    assert e.netlist.net_degree.tolist() == [2, 3]
    assert e.netlist.net_weight.tolist() == [1, 3.5]
    assert e.netlist.conn_node[e.netlist.net_source].tolist() == [2, 1]
    assert e.netlist.conn_dy[e.netlist.net_source[1]] == 15
    np.testing.assert_array_equal(e.placement.x, d.placement.x)
    np.testing.assert_array_equal(e.placement.y, d.placement.y)
    np.testing.assert_array_equal(e.placement.fixed, d.placement.fixed)
    assert (e.canvas.x0, e.canvas.y0, e.canvas.x1, e.canvas.y1) == (0, 0, 100.5, 90)
    assert_same(e, bookshelf.read_design(bookshelf.write_design(e, tmp_path / "again")[0]))


@pytest.mark.parametrize("name", ["a b", "", "#a", ":a", "NetDegree", "numnets:2", "tab\t", "line\n", "\ud800"])
def test_names_the_format_cannot_spell_are_refused_before_anything_is_written(tmp_path: Path, name: str):
    with pytest.raises(NetlistError, match="cannot be written"):
        bookshelf.write_design(_foreign(node_names=["port", "hard", name]), tmp_path / "out")
    with pytest.raises(NetlistError, match="cannot be written"):
        bookshelf.write_design(_foreign(net_names=["n", name]), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_driver_that_is_not_the_first_output_is_moved_to_the_front(tmp_path: Path):
    d = _foreign(pin_dir=[DIR_OUTPUT, DIR_OUTPUT, DIR_INPUT, DIR_OUTPUT], net_source=[1, 4])
    e = bookshelf.read_design(bookshelf.write_design(d, tmp_path)[0])
    assert e.netlist.conn_node[e.netlist.net_source].tolist() == [2, 1]


def _tokens(path: Path) -> list[list[str]]:
    """Lines of tokens; comments dropped, numbers by value."""
    lines = [re.sub(r"(?m)(^|\s)#.*", "", line).split() for line in textio.read_bytes(path).decode().splitlines()]
    return [[_value(token) for token in line] for line in lines if line]


def _value(token: str) -> str:
    if token.startswith("%"):
        return "%" + _value(token[1:])
    try:
        return repr(float(token))
    except ValueError:
        return token


def _edit(role: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / f"d.{role}"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return change


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "too few nodes": (_edit("nodes", "NumNodes :      6", "NumNodes : 7"), r"d\.nodes:4: NumNodes says 7"),
    "terminals": (_edit("nodes", "NumTerminals :  3", "NumTerminals : 1"), r"d\.nodes:5: NumTerminals"),
    "count no number": (_edit("nodes", "NumNodes :      6", "NumNodes : six"), r"d\.nodes:4: a count"),
    "duplicate node": (_edit("nodes", "   c2 ", "   c1 "), r"d\.nodes:7: the node 'c1' appears twice .* line 6"),
    "negative width": (_edit("nodes", "1.5 10", "-1.5 10"), r"d\.nodes:7: the width of 'c2' is negative"),
    "zero height": (_edit("nodes", "1.5 10", "1.5 0"), r"d\.nodes:7: .* zero"),
    "nan": (_edit("nodes", "1.5 10", "nan 10"), r"d\.nodes:7: a width is not finite"),
    "inf": (_edit("nodes", "1.5 10", "1.5 inf"), r"d\.nodes:7: a height is not finite"),
    "overflow": (_edit("nodes", "1.5 10", "1.5 1e400"), r"d\.nodes:7: a height is not finite"),
    "digit separator": (_edit("nodes", "1.5 10", "1_5 10"), r"d\.nodes:7: a width is not a number"),
    "word for number": (_edit("nodes", "1.5 10", "wide 10"), r"d\.nodes:7: a width is not a number"),
    "short node line": (_edit("nodes", "1.5 10", "1.5"), r"d\.nodes:7: a node line"),
    "unknown keyword": (_edit("nodes", "1  terminal", "1  terminal_XY"), r"d\.nodes:9: a node line"),
    "wrong header": (_edit("nodes", "UCLA nodes", "UCLA nets"), r"d\.nodes:1: the header .*UCLA nodes 1\.0"),
    "no header": (_edit("scl", "UCLA scl 1.0", ""), r"d\.scl:3: the header"),
    "not utf-8": (lambda f: (f / "d.nodes").write_bytes(cases.NODES.encode().replace(b"c2", b"\xff")), r"d\.nodes:7"),
    "binary": (lambda f: (f / "d.nets").write_bytes(b"UCLA nets 1.0\n\0\1\2"), r"d\.nets:2: .*binary"),
    "empty": (lambda f: (f / "d.nets").write_bytes(b""), r"d\.nets: the file is empty"),
    "garbage": (lambda f: (f / "d.pl").write_bytes(b"%PDF-1.4 hello"), r"d\.pl:1: the header"),
    "damaged gzip": (lambda f: (f / "d.pl").write_bytes(gzip.compress(b"UCLA pl 1.0\n" * 99)[:-20]), r"d\.pl: .*gzip"),
    "unknown node in net": (_edit("nets", "   c2  I", "   c9  I"), r"d\.nets:10: .*unknown node .*c9"),
    "degree too high": (_edit("nets", "NetDegree : 3", "NetDegree : 4"), r"d\.nets:5: net first .*found 3.*expected 4"),
    "degree not a number": (_edit("nets", "NetDegree : 3", "NetDegree : x"), r"d\.nets:5: a count"),
    "empty net": (_edit("nets", "NetDegree : 3", "NetDegree : 0 nil\nNetDegree : 3"), r"d\.nets:5: net nil has no pin"),
    "truncated nets": (_edit("nets", "   c1  O : -2.0 5\n", ""), r"d\.nets:12: net third"),
    "number of nets": (_edit("nets", "NumNets : 3", "NumNets : 4"), r"d\.nets:3: NumNets says 4"),
    "number of pins": (_edit("nets", "NumPins : 7", "NumPins : 8"), r"d\.nets:4: NumPins says 8"),
    "duplicate net": (_edit("nets", "second", "first"), r"d\.nets:9: the net 'first' appears twice"),
    "pin before net": (_edit("nets", "NetDegree : 3  first\n", ""), r"d\.nets:5: a pin stands before"),
    "direction": (_edit("nets", "c2  I : 0 0", "c2  Q : 0 0"), r"d\.nets:10: a pin direction"),
    "offset": (_edit("nets", "c2  I : 0 0", "c2  I : 0 zero"), r"d\.nets:10: a pin offset"),
    "one offset": (_edit("nets", "c2  I : 0 0", "c2  I : 0"), r"d\.nets:10: a net line"),
    "pin outside": (_edit("nets", "c2  I : 0 0", "c2  I : 0 7"), r"d\.nets:10: a pin lies outside its node 'c2'"),
    "weight of nothing": (_edit("wts", "second", "nobody"), r"d\.wts:3: .*neither"),
    "negative weight": (_edit("wts", "2.5", "-2.5"), r"d\.wts:3: a weight is negative"),
    "weight twice": (_edit("wts", "third", "second"), r"d\.wts:4: .*twice"),
    "weight line": (_edit("wts", "2.5", ""), r"d\.wts:3: a weight line"),
    "other design": (_edit("pl", "c2 ", "zz "), r"d\.pl:4: .*another design.*zz"),
    "object twice": (_edit("pl", "c2 ", "c1 "), r"d\.pl:4: .*twice.*c1"),
    "object missing": (_edit("pl", "c2   10   10  : FS\n", ""), r"d\.pl: .*lacks 1 of 6.*c2"),
    "bad orientation": (_edit("pl", ": FS", ": UP"), r"d\.pl:4: an orientation"),
    "nan coordinate": (_edit("pl", "10   10", "nan 10"), r"d\.pl:4: a coordinate is not finite"),
    "short placement": (_edit("pl", "10   10  : FS", "10"), r"d\.pl:4: a placement line"),
    "mark": (_edit("pl", "/FIXED\n", "/GLUED\n"), r"d\.pl:7: a placement line"),
    "row without end": (lambda f: (f / "d.scl").write_text(cases.SCL.rstrip()[:-3]), r"d\.scl:86: the file ends"),
    "row count": (_edit("scl", "NumRows : 10", "NumRows : 11"), r"d\.scl:3: NumRows says 11"),
    "vertical rows": (_edit("scl", "Horizontal", "Vertical"), r"d\.scl:5: only horizontal"),
    "row height": (_edit("scl", "Height        : 10", "Height : -1"), r"d\.scl:12: height of a row"),
    "row key missing": (_edit("scl", "  Height        : 10\n", ""), r"d\.scl:5: a CoreRow lacks height"),
    "row number": (_edit("scl", "Coordinate    : 0", "Coordinate : low"), r"d\.scl:12: coordinate of a row"),
    "half a site": (_edit("scl", "NumSites : 200", "NumSites : 20.5"), r"d\.scl:12: numsites .* whole"),
    "no rows": (lambda f: (f / "d.scl").write_text("UCLA scl 1.0\nNumRows : 0\n"), r"d\.scl: there is no row"),
    "missing files": (lambda f: [(f / "d.nets").unlink(), (f / "d.pl").unlink()], r"d\.aux:1: .*d\.nets, d\.pl"),
    "aux without nets": (_edit("aux", "d.nets", ""), r"d\.aux:1: no \.nets"),
    "aux with two": (_edit("aux", "d.pl", "d.pl e.pl"), r"d\.aux:1: two \.pl"),
    "no aux": (_edit("aux", "RowBasedPlacement :", "hello"), r"d\.aux:1: this is no Bookshelf"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_file_and_line(tmp_path: Path, case: str):
    damage, message = BAD[case]
    cases.bookshelf(tmp_path)
    damage(tmp_path)
    with pytest.raises((NetlistError, PlacementError), match=message):
        bookshelf.read_design(tmp_path / "d.aux")


def test_a_part_is_not_an_entry_point(tmp_path: Path):
    cases.bookshelf(tmp_path)
    with pytest.raises(NetlistError, match="only one part"):
        bookshelf.read_design(tmp_path / "d.pl")
    (tmp_path / "d.nets").unlink()
    with pytest.raises(NetlistError, match=r"no \.nets file beside"):
        bookshelf.read_design(tmp_path / "d.nodes")


def test_detection_goes_by_content(tmp_path: Path):
    cases.bookshelf(tmp_path)

    def role(name: str) -> str | None:
        return bookshelf.sniff(tmp_path / name, textio.read_head(tmp_path / name))

    assert [role(f"d.{part}") for part in ("aux", "pl", "nets", "wts", "scl")] == [
        "netlist", "placement", "part", "part", "part",
    ]  # fmt: skip
    assert role("d.nodes") == "part"  # the .aux is the entry
    (tmp_path / "d.aux").rename(tmp_path / "anything.txt")
    assert role("anything.txt") == "netlist"
    assert role("d.nodes") == "netlist"
    (tmp_path / "x.aux").write_text("hello : world\n")
    assert role("x.aux") is None
    (tmp_path / "y.nodes").write_bytes(b"\x89PNG\r\n")
    assert role("y.nodes") is None


def test_input_files_name_everything_a_design_is_read_from(tmp_path: Path):
    path = cases.bookshelf(tmp_path)
    assert {p.name for p in bookshelf.input_files(path)} == {"d.aux", "d.nodes", "d.nets", "d.wts", "d.pl", "d.scl"}


@pytest.mark.open_data
@pytest.mark.parametrize(
    ("folder", "macros", "ports"),
    [
        ("ibm01", 246, 246), ("ibm02", 271, 259), ("ibm03", 290, 283), ("ibm04", 295, 287), ("ibm05", 0, 1201),
        ("ibm06", 178, 166), ("ariane133_ng45_mov", 133, 495), ("ariane133_ng45_fix", 133, 495),
    ],
)  # fmt: skip
def test_open_designs(open_data: Callable[[str], Path], tmp_path: Path, folder: str, macros: int, ports: int):
    path = next(open_data(f"bookshelf/{folder}").glob("*.aux*"))
    d = bookshelf.read_design(path)
    declared = _declared(path)
    assert d.netlist.num_nodes == declared["NumNodes"]
    assert d.netlist.num_nets == declared["NumNets"]
    assert d.netlist.num_pins == declared["NumPins"]
    assert d.netlist.describe()["hard_macros"] == macros
    assert d.netlist.describe()["ports"] == ports
    assert d.canvas.rows is not None
    assert len(d.canvas.rows.y) == declared["numrows"]
    assert d.placement.fixed.sum() == declared["NumTerminals"]
    d.check_fits()
    if folder in ("ibm01", "ibm05", "ariane133_ng45_fix"):
        out = bookshelf.write_design(d, tmp_path)
        assert_same(d, bookshelf.read_design(out[0]))


def _declared(path: Path) -> dict[str, int]:
    counts = {}
    for part in path.parent.iterdir():
        for key, value in re.findall(rb"(Num\w+) +: +(\d+)", textio.read_head(part)):
            name = key.decode()
            counts["numrows" if name.lower() == "numrows" else name] = int(value)
    return counts
