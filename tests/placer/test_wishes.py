"""Guides and nearness to the edge: what they cost, and that the search follows them."""

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import box

from netlists.constraints import REGION_GUIDE, Constraints, Region
from placer.budget import Budget
from placer.engines.search import search
from placer.engines.search.wishes import BOUNDARY_WEIGHT, GUIDE_WEIGHT, drawn_to_guides, wish_cost
from placer.flow import place
from tests.placer.blocks import block_design
from tests.placer.rules_judge import with_rules


def wishing(x, y, *, boundary=0.0, guide=None, size=10.0):
    n = len(x)
    nets = [[i, (i + 1) % n] for i in range(n)] if n > 1 else [[0]]
    design = block_design([size] * n, [size] * n, x, y, nets=nets, h_routes_per_um=5.0, v_routes_per_um=5.0)
    regions = () if guide is None else (Region("g", box(*guide), REGION_GUIDE),)
    region = np.full(n, -1 if guide is None else 0)
    return with_rules(
        design, Constraints.none(n).changed(boundary=np.full(n, boundary), regions=regions, region=region)
    )


def test_a_member_pays_for_the_way_into_its_guide():
    design = wishing([70], [10], guide=(0, 0, 50, 50))
    assert wish_cost(design, design.placement) == pytest.approx(GUIDE_WEIGHT * 30 / 200)
    inside = wishing([40], [40], guide=(0, 0, 50, 50))
    assert wish_cost(inside, inside.placement) == 0


def test_a_member_larger_than_its_guide_wants_to_be_centred():
    design = wishing([0], [0], guide=(20, 0, 24, 10))
    assert wish_cost(design, design.placement) == pytest.approx(GUIDE_WEIGHT * 17 / 200)


def test_the_wish_for_the_edge_counts_the_nearest_side():
    design = wishing([45, 0], [45, 45], boundary=1.0)
    assert wish_cost(design, design.placement) == pytest.approx(BOUNDARY_WEIGHT / 2 * 45 / 50)


def test_starts_are_drawn_into_guides():
    design = wishing([70, 5], [10, 90], guide=(0, 0, 50, 50))
    drawn = drawn_to_guides(design, design.placement)
    assert wish_cost(design, drawn) == 0
    assert drawn.x.tolist() == [45, 10]


def test_no_wish_costs_nothing():
    design = wishing([70, 5], [10, 90])
    assert wish_cost(design, design.placement) == 0
    assert drawn_to_guides(design, design.placement) is design.placement


@pytest.mark.parametrize("wish", [{"guide": (60, 60, 100, 100)}, {"boundary": 1.0}])
def test_the_search_follows_wishes(wish):
    x, y = [25, 40, 40, 55], [40, 25, 55, 40]
    plain = wishing(x, y)
    design = wishing(x, y, **wish)
    begin = wish_cost(design, design.placement)
    found = search(design, [design.placement], budget=Budget(), seed=3, jobs=1, iterations=6000)
    without = search(plain, [plain.placement], budget=Budget(), seed=3, jobs=1, iterations=6000)
    assert found.wish_cost == pytest.approx(wish_cost(design, found.placement))
    assert found.wish_cost < 0.2 * begin
    assert wish_cost(design, without.placement) > 2 * found.wish_cost
    assert without.wish_cost == 0


def test_a_run_ends_with_members_in_their_guide():
    design = wishing([10, 30, 50, 70], [10] * 4, guide=(55, 55, 100, 100))
    result = place(design, iterations=4000, effort="fast", jobs=1, seed=2)
    assert wish_cost(design, result.placement) == pytest.approx(0, abs=1e-9)
