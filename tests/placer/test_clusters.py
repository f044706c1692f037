"""Designs with cells become designs with clusters, and macros are compared with clusters fitted the same way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import placer
from netlists.design import Design
from netlists.netlist import HARD_MACRO
from netlists.physical import read_physical
from placer.clusters import fitted, placeable
from placer.cost.full import full
from tests.netlists import physical_cases as case


@pytest.fixture
def design(tmp_path: Path) -> Design:
    """The hand-made case with both memories placed."""
    text = case.DEF.replace(r"right/mem\[0\] RAM ;", r"right/mem\[0\] RAM + PLACED ( 24000 12000 ) N ;")
    return read_physical(**case.write(tmp_path, def_file=text))


def test_a_design_without_cells_or_files_stays_the_same_object() -> None:
    d = placer.load("synth20")
    assert placeable(d) is d
    assert fitted(d) is d


def test_fitting_moves_clusters_alone_and_lowers_the_cost(design: Design) -> None:
    rough, fine = placeable(design), fitted(design, 2000)
    hard = fine.netlist.node_kind == HARD_MACRO
    for key in ("x", "y", "orient"):
        assert (getattr(fine.placement, key)[hard] == getattr(rough.placement, key)[hard]).all()
    assert fine.placement.placed[fine.netlist.node_kind != 3].all()
    assert (fine.placement.fixed == rough.placement.fixed).all()
    assert full(fine).proxy_cost <= full(rough).proxy_cost


def test_fitting_is_the_same_every_time(design: Design) -> None:
    a, b = fitted(design, 500).placement, fitted(design, 500).placement
    assert np.array_equal(a.x, b.x)
    assert np.array_equal(a.y, b.y)


def test_macros_that_overlap_are_scored_all_the_same(design: Design) -> None:
    p = design.placement
    x, y = p.x.copy(), p.y.copy()
    left, right = design.netlist.node_index["left/mem[0]"], design.netlist.node_index["right/mem[0]"]
    x[right], y[right] = x[left], y[left]
    score = placer.score(design.with_placement(p.moved(x=x, y=y)))
    assert not score.legality.legal
    assert score.legality.overlaps == 1
