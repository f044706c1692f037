"""Legalisation and search under constraints: every result keeps every rule, by the product and by Shapely."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from netlists import SOFT_MACRO, Blockage, PlacementError
from netlists.constraints import GROUP_ARRAY, GROUP_MIRROR_X, Constraints, Group, Region
from netlists.orientation import CODE
from placer.budget import Budget
from placer.cost.legality import check
from placer.engines.legalise import legalise
from placer.engines.search import search
from placer.engines.soft import place_soft
from placer.flow import place
from tests.placer.blocks import block_design, judge
from tests.placer.rules_judge import judge_rules, random_rules, with_rules


def ruled(design, **changes):
    return with_rules(design, Constraints.none(design.netlist.num_nodes).changed(**changes))


def lower_left(design, placement):
    return [tuple(round(float(v), 6) for v in (b.bounds[:2])) for b in _shapes(design, placement)]


def _shapes(design, placement):
    from tests.placer.blocks import shapes

    return shapes(design, placement)


def assert_keeps(design, placement):
    assert check(design, placement, reference=design.placement).legal
    assert judge_rules(design, placement) == set()
    assert judge(design, placement, 1e-6) == []


def test_equal_halos_pack_as_tightly_as_the_rules_allow():
    # Three macros of 32 with halos of 2 fill 100 exactly: halos are shared and hang over the edge.
    design = ruled(block_design([32] * 3, [32] * 3, [0, 20, 40], [0, 0, 0], canvas=(0, 0, 100, 32)), halo=[[2] * 4] * 3)
    placed = legalise(design)
    assert sorted(x for x, _ in lower_left(design, placed)) == [0.0, 34.0, 68.0]
    assert_keeps(design, placed)


def test_what_keeps_the_rules_stays():
    design = ruled(block_design([10, 10], [10, 10], [20, 32], [20, 20]), halo=[[0, 0, 2, 0], [0, 0, 0, 0]])
    placed = legalise(design)
    assert (placed.x == design.placement.x).all()
    assert (placed.y == design.placement.y).all()


def test_snapping_grid_can_be_filled_exactly():
    design = block_design([24.75] * 4, [20] * 4, [1, 26, 51, 76], [3, 3, 3, 3], canvas=(0, 0, 100, 20))
    offset = np.full((4, 8, 2), [0.25, 0.0])
    design = ruled(design, pitch=np.tile([24.75, 0.0], (4, 1)), offset=offset)
    placed = legalise(design)
    assert sorted(x for x, _ in lower_left(design, placed)) == [0.25, 25.0, 49.75, 74.5]


def test_members_go_into_their_fence_and_others_leave_it():
    design = block_design(
        [10, 10, 10, 3], [10, 10, 10, 3], [70, 5, 80, 90], [70, 5, 10, 90], kind=[0, 0, 0, SOFT_MACRO]
    )
    design = ruled(design, regions=(Region("f", box(0, 0, 25, 12)),), region=[0, -1, 0, 0])
    placed = legalise(design)
    assert_keeps(design, placed)
    assert box(0, 0, 25, 12).contains(_shapes(design, placed)[3])


def test_soft_objects_are_placed_inside_their_fence():
    design = block_design(
        [10, 3, 3], [10, 3, 3], [0, 0, 0], [0, 0, 0], kind=[0, SOFT_MACRO, SOFT_MACRO], nets=[[0, 1], [0, 2]]
    )
    design = ruled(design, regions=(Region("f", box(60, 60, 80, 80)),), region=[-1, -1, 0])
    placed = place_soft(design)
    assert check(design, placed).legal
    assert box(60, 60, 80, 80).contains(_shapes(design, placed)[2])


def test_a_forbidden_orientation_is_turned():
    design = ruled(block_design([10], [20], [10], [10], orient=[CODE["W"]]), orientations=[0b00110001])
    placed = legalise(design)
    assert placed.orient[0] == CODE["N"]
    design = ruled(block_design([10], [20], [10], [10], orient=[CODE["S"]]), orientations=[0b11011101])
    assert legalise(design).orient[0] == CODE["N"]  # and not W, which would exchange the sides


def test_array_and_mirror_group_move_as_one():
    design = block_design([10] * 6, [8] * 6, [0, 1, 2, 70, 50, 49], [0, 40, 80, 3, 50, 0], orient=[0, 0, 0, 0, 0, 1])
    groups = (
        Group("row", GROUP_ARRAY, (0, 1, 2), ((0.0, 0.0), (12.0, 0.0), (24.0, 0.0))),
        Group("wings", GROUP_MIRROR_X, (3, 4)),
    )
    design = ruled(design, groups=groups, halo=[[1] * 4] * 6)
    placed = legalise(design)
    assert_keeps(design, placed)
    assert placed.orient[4] == CODE["FN"]


def test_a_group_with_a_fixed_member_gathers_around_it():
    design = block_design([10] * 3, [8] * 3, [50, 0, 80], [50, 0, 80], fixed=[True, False, False])
    group = Group("row", GROUP_ARRAY, (0, 1), ((0.0, 0.0), (12.0, 0.0)))
    design = ruled(design, groups=(group,))
    assert lower_left(design, legalise(design))[1] == (62.0, 50.0)


def test_a_fence_too_small_is_named():
    design = block_design([10, 10], [10, 10], [0, 20], [0, 20])
    with pytest.raises(PlacementError, match=r"10 x 10 um fit nowhere in fence 'tiny'.*object 'b0'"):
        legalise(ruled(design, regions=(Region("tiny", box(0, 0, 9, 50)),), region=[0, -1]))
    with pytest.raises(PlacementError, match=r"need 200 um\^2, fence 'full' has 150"):
        legalise(ruled(design, regions=(Region("full", box(0, 0, 10, 15)),), region=[0, 0]))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_rules_are_kept(seed):
    design = random_rules(seed, fill=0.6)
    try:
        placed = legalise(design, seed=seed)
    except PlacementError:
        # Offsets that overlap, or grids that never meet, are the groups' own doing.
        if not design.constraints.groups:
            raise
        return
    assert_keeps(design, placed)
    assert (legalise(design, placed).x == placed.x).all()


@pytest.mark.parametrize("seed", range(8))
def test_search_keeps_the_rules(seed):
    design = random_rules(seed, fill=0.6, groups=False)
    found = search(design, [legalise(design, seed=seed)], budget=Budget(), seed=seed, jobs=1, iterations=4000)
    assert_keeps(design, found.placement)
    assert sum(v["kept"] for v in found.kinds.values()) > 0


def test_search_leaves_groups_in_line():
    design = block_design(
        [10] * 6, [8] * 6, [0, 1, 2, 70, 50, 49], [0, 40, 80, 3, 50, 0], nets=[[0, 5], [3, 5], [1, 4]]
    )
    groups = (Group("row", GROUP_ARRAY, (0, 1), ((0.0, 0.0), (12.0, 0.0))), Group("wings", GROUP_MIRROR_X, (3, 4)))
    design = ruled(design, groups=groups, halo=[[1] * 4] * 6)
    start = legalise(design)
    found = search(design, [start], budget=Budget(), seed=1, jobs=1, iterations=4000)
    assert_keeps(design, found.placement)
    assert (found.placement.x[[2, 5]] != start.x[[2, 5]]).any()


def test_search_moves_around_walls_under_rules():
    design = block_design(
        [12] * 6, [9] * 6, np.arange(6) * 14.0, np.arange(6) * 12.0, nets=[[0, 5], [1, 4], [2, 3], [0, 3]],
        blockages=(Blockage(box(40, 40, 60, 60)),), h_routes_per_um=5.0, v_routes_per_um=5.0,
    )  # fmt: skip
    design = ruled(design, halo=[[1, 2, 3, 4]] * 6, channel=(2.5, 0.5), pitch=np.full((6, 2), 0.5))
    found = search(design, [legalise(design)], budget=Budget(), seed=1, jobs=1, iterations=8000)
    assert_keeps(design, found.placement)
    for kind in ("hard-slide", "hard-jump", "hard-abut", "hard-swap", "hard-flip", "hard-exchange"):
        assert found.kinds[kind]["priced"] > 0, kind


@pytest.mark.parametrize("seed", [2, 5])
def test_runs_under_random_rules_end_legal(seed):
    design = random_rules(seed, fill=0.6, groups=False)
    result = place(design, iterations=1500, effort="fast", jobs=1, seed=seed)
    assert_keeps(design, result.placement)
