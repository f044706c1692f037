"""Bookshelf in whole numbers: the largest unit that makes all whole, and stated bounds where none does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats.bookshelf import in_whole_units, write_design
from netlists.load import load
from netlists.netlist import HARD_MACRO, PORT
from netlists.orientation import SWAPS_SIDES
from placer.engines.analytic.wirelength import hpwl_of
from tests.placer.flat_designs import alternating, flat_design, thrown


def on_pins(design: Design, pitch: float) -> Design:
    """The design thrown about, corners on multiples of a half and pins on multiples of ``pitch`` from corners."""
    n = design.netlist
    rng = np.random.default_rng(5)
    orient = np.where(n.node_kind == HARD_MACRO, rng.integers(0, 8, n.num_nodes), 0).astype(np.int8)
    p = thrown(design).moved(orient=orient)
    p = p.moved(
        x=np.where(n.node_kind == PORT, np.round(p.x), np.round(p.x) + n.node_width / 2),
        y=np.where(n.node_kind == PORT, np.round(p.y), np.round(p.y) + n.node_height / 2),
    )  # fmt: skip
    turned = SWAPS_SIDES[orient]
    p = p.moved(
        x=np.where(turned, np.round(p.x) + n.node_height / 2, p.x),
        y=np.where(turned, np.round(p.y) + n.node_width / 2, p.y),
    )
    half_x, half_y = n.node_width[n.pin_node] / 2, n.node_height[n.pin_node] / 2
    dx = np.round((n.pin_dx + half_x) / pitch) * pitch - half_x
    dy = np.round((n.pin_dy + half_y) / pitch) * pitch - half_y
    return replace(design.with_placement(p), netlist=replace(n, pin_dx=dx, pin_dy=dy))


def numbers(folder: Path) -> list[str]:
    """Every number of the written files, offsets of pins doubled: they count from the centre."""
    words = []
    for file in folder.glob("whole.*"):
        if file.suffix in (".nodes", ".nets", ".pl", ".scl"):
            body = file.read_text().split("\n", 1)[1]  # after the version
            found = [w for w in body.split() if w.lstrip("-")[:1].isdigit()]
            words += [f"{2 * float(w):.12g}" for w in found] if file.suffix == ".nets" else found
    return words


@pytest.mark.parametrize(("pitch", "per_um"), [(0.5, 2), (0.25, 4), (0.05, 20)])
def test_the_largest_unit_that_makes_all_whole_is_taken(pitch: float, per_um: int, tmp_path: Path) -> None:
    design = on_pins(alternating(flat_design(1, macros=3, cells=60)), pitch)
    whole = in_whole_units(design)
    assert whole.notes[-1] == f"written in whole units of 1/{per_um} um"
    aux = write_design(whole, tmp_path, stem="whole")[0]
    assert all(word.lstrip("-").isdigit() for word in numbers(tmp_path))
    again = load(aux)
    length = hpwl_of(again, again.placement)
    assert length == pytest.approx(per_um * hpwl_of(design, design.placement), rel=1e-9)
    assert length == pytest.approx(round(length), abs=1e-6)


def test_ports_are_terminals_and_every_line_has_an_orientation(tmp_path: Path) -> None:
    design = on_pins(alternating(flat_design(1, macros=1, cells=20, ports=5)), 0.5)
    write_design(in_whole_units(design), tmp_path, stem="whole")
    nodes = (tmp_path / "whole.nodes").read_text()
    assert "terminal_NI" not in nodes
    assert nodes.count("terminal") == 5
    lines = [line.split() for line in (tmp_path / "whole.pl").read_text().splitlines()[2:] if line]
    assert all(len(line) >= 5 and line[3] == ":" for line in lines)
    again = load(tmp_path / "whole.aux")
    assert (again.netlist.node_kind == PORT).sum() == 5


def test_where_no_unit_does_pins_are_rounded_within_the_bound(tmp_path: Path) -> None:
    design = alternating(flat_design(2, macros=2, cells=50))
    design = design.with_placement(thrown(design))  # pins and places anywhere
    whole = in_whole_units(design)
    aux = write_design(whole, tmp_path, stem="whole")[0]
    assert all(word.lstrip("-").isdigit() for word in numbers(tmp_path))
    factor = whole.netlist.node_width[0] / design.netlist.node_width[0]
    assert factor == 100_000
    assert "places and pins are up to 0.5 units off" in whole.notes[-1]
    again = load(aux)
    assert abs(hpwl_of(again, again.placement) - factor * hpwl_of(design, design.placement)) <= 4 * len(
        design.netlist.net_weight
    )


def test_sizes_that_are_whole_in_no_unit_are_refused() -> None:
    design = flat_design(2, macros=0, cells=20)
    n = design.netlist
    odd = replace(design, netlist=replace(n, node_width=n.node_width * (1 / 3)))
    with pytest.raises(NetlistError, match="no whole numbers in any unit"):
        in_whole_units(odd)
