"""Soft objects are placed fast, inside, and the same way every time."""

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import Polygon

from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO
from placer.cost.full import full
from placer.cost.legality import check
from placer.engines.soft import place_soft
from tests.env.designs import small_design, walled_design


def test_only_movable_soft_objects_move_and_all_of_them_get_a_place() -> None:
    design = walled_design()
    before, after = design.placement, place_soft(design)
    held = np.isin(design.netlist.node_kind, (HARD_MACRO, PORT))
    np.testing.assert_array_equal(before.x[held], after.x[held])
    np.testing.assert_array_equal(before.y[held], after.y[held])
    assert after.placed[~held].all()


@pytest.mark.parametrize("outline", [None, Polygon([(0, 0), (120, 0), (120, 12), (14, 12), (14, 96), (0, 96)])])
def test_soft_objects_stay_inside(outline: Polygon | None) -> None:
    for seed in range(5):
        design = small_design(softs=30, seed=seed, outline=outline)
        found = check(design, place_soft(design)).violations
        soft = design.netlist.node_kind == SOFT_MACRO
        assert not [v for v in found if v.rule == "outside" and soft[v.node]]


def test_the_result_does_not_depend_on_where_soft_objects_were() -> None:
    design = small_design(softs=12)
    soft = design.netlist.node_kind == SOFT_MACRO
    moved = design.placement.moved(x=np.where(soft, 3.0, design.placement.x))
    first, second, third = place_soft(design), place_soft(design), place_soft(design, moved)
    np.testing.assert_array_equal(first.x, second.x)
    np.testing.assert_array_equal(first.x, third.x)
    np.testing.assert_array_equal(first.y, third.y)


def test_it_beats_random_positions() -> None:
    design = small_design(softs=40)
    soft = design.netlist.node_kind == SOFT_MACRO
    rng = np.random.default_rng(0)
    c = design.canvas
    costs = []
    for _ in range(10):
        x = np.where(soft, rng.uniform(c.x0 + 5, c.x1 - 5, len(soft)), design.placement.x)
        y = np.where(soft, rng.uniform(c.y0 + 5, c.y1 - 5, len(soft)), design.placement.y)
        costs.append(full(design, design.placement.moved(x=x, y=y)).proxy_cost)
    assert full(design, place_soft(design)).proxy_cost < min(costs)


def test_designs_without_soft_objects_come_back_as_they_are() -> None:
    design = small_design(softs=0)
    assert place_soft(design) is design.placement
