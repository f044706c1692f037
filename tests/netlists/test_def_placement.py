"""DEF as a placement of a netlist, and what the file formats' common door says about DEF and LEF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netlists import formats, load
from netlists.canvas import Canvas
from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.formats.def_ import COVER, FIXED, PLACED, UNPLACED, component_of, read_def, with_placement
from netlists.netlist import HARD_MACRO, PORT, STDCELL, Netlist
from netlists.orientation import FW, N
from netlists.placement import Placement
from tests.netlists.lefdef_cases import DEF, LEF

_NAMES = ("clk", "u_mem/bank[0].ram", "u_mem/bank\\[1\\].ram", "c1", "c2", "cov", "elsewhere")


@pytest.fixture
def design(tmp_path: Path) -> Design:
    """The netlist of the DEF case, with a cell that the file lacks."""
    path = tmp_path / "a.def"
    path.write_text(DEF)
    n = len(_NAMES)
    kind = np.array([PORT, HARD_MACRO, HARD_MACRO, STDCELL, STDCELL, STDCELL, STDCELL], np.int8)
    width, height = np.array([0, 40, 40, 0.4, 0.4, 0.4, 9]), np.array([0, 30, 30, 1.4, 1.4, 1.4, 9])
    netlist = Netlist(
        "top", _NAMES, kind, width, height, np.arange(n, dtype=np.int32), np.zeros(n), np.zeros(n), np.array([0, n]),
        np.arange(n, dtype=np.int32), np.zeros(1, np.int64), np.ones(1),
    )  # fmt: skip
    return Design(netlist, Canvas(0, 0, 200, 200, 10, 10), Placement.unplaced(n).moved(x=np.full(n, 7.0)), path=path)


def test_nodes_find_their_components_however_escaped(design: Design) -> None:
    assert design.path is not None
    assert component_of(read_def(design.path), design.netlist).tolist() == [-1, 0, 1, 2, 3, 4, -1]


def test_locations_become_centres(design: Design) -> None:
    assert design.path is not None
    p = formats.read_placement(design.path, design, format="def")
    assert p.placed.tolist() == [False, True, False, False, True, True, False]
    assert p.fixed.tolist() == [False, True, False, False, False, True, False]
    # FIXED ( 10000 -20000 ) FW of a 40 x 30 um master at 2000 units per um: the box is 30 wide and 40 high
    assert (p.x[1], p.y[1], p.orient[1]) == (5 + 15, -10 + 20, FW)
    assert (p.x[4], p.y[4]) == (2.2, 0.7)
    assert p.x[6] == 7.0


def test_a_placement_moves_what_may_move_and_reads_back(design: Design, tmp_path: Path) -> None:
    n = design.netlist.num_nodes
    rng = np.random.default_rng(0)
    corner = rng.integers(0, 10**6, (n, 2)) / 2000
    new = design.placement.moved(
        x=corner[:, 0] + design.netlist.node_width / 2, y=corner[:, 1] + design.netlist.node_height / 2,
        orient=np.full(n, N, np.int8), placed=np.arange(n) != 3,
    )  # fmt: skip
    target = tmp_path / "out.def.gz"
    formats.write_placement(design, new, target, format="def")
    c = read_def(target).components
    assert c.status.tolist() == [FIXED, PLACED, UNPLACED, PLACED, COVER]
    assert (c.x[0], c.y[0], c.orient[0]) == (10000, -20000, FW)  # it was FIXED
    back = formats.read_placement(target, design, format="def")
    moved = [2, 4]
    assert np.array_equal(back.x[moved], new.x[moved])
    assert np.array_equal(back.y[moved], new.y[moved])


def test_macros_can_be_handed_on_as_fixed(design: Design) -> None:
    assert design.path is not None
    placed = design.placement.moved(placed=np.ones(7, bool))
    d = with_placement(read_def(design.path), design.netlist, placed, FIXED)
    assert d.components.status.tolist() == [FIXED, FIXED, FIXED, FIXED, COVER]


def test_a_def_without_the_macros_names_both_sides(design: Design, tmp_path: Path) -> None:
    (tmp_path / "b.def").write_text(DEF.replace("bank\\[1\\]", "bank\\[7\\]"))
    with pytest.raises(PlacementError, match=r"1 hard macros .*bank\\\[1\\\].*lacks: u_mem/bank\\\[7\\\]"):
        formats.read_placement(tmp_path / "b.def", design, format="def")


def test_a_design_without_a_def_file_cannot_be_placed_in_one(design: Design, tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match="came with none"):
        formats.write_placement(Design(design.netlist, design.canvas, design.placement), design.placement,
                                tmp_path / "c.def", format="def")  # fmt: skip


@pytest.mark.parametrize("name", ["a.def", "a.fp", "a.txt"])
def test_a_def_file_alone_says_what_it_needs(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(DEF)
    with pytest.raises(NetlistError, match=r"no design without its LEF files .*--lef"):
        load.load(path)


@pytest.mark.parametrize("name", ["a.lef", "a.txt"])
def test_a_lef_file_alone_says_what_it_is(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(LEF)
    with pytest.raises(NetlistError, match=r"holds masters, not a design"):
        load.load(path)


def test_def_and_lef_files_beside_a_netlist_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a.lef").write_text(LEF)
    (tmp_path / "a.def").write_text(DEF)
    with pytest.raises(NetlistError, match="no netlist in this folder"):
        load.find_netlist(tmp_path)
    (tmp_path / "n.blocks").write_text("UCSC blocks 1.0\n")
    assert load.find_netlist(tmp_path) == tmp_path / "n.blocks"
