"""The constraints of a design: tiny cases by hand, and agreement with geometry done by Shapely."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from netlists import STDCELL, Blockage, NetlistError
from netlists.constraints import (
    GROUP_ARRAY,
    GROUP_MIRROR_X,
    REGION_GUIDE,
    Constraints,
    Group,
    Region,
)
from netlists.orientation import CODE, MATRIX, oriented_sides
from placer.cost.legality import check
from placer.cost.rules import (
    allowed_orientations,
    blocked_boxes_for,
    fence_of,
    halo_boxes,
    keepout_boxes,
    mirrored,
    snap_steps,
)
from tests.placer.blocks import block_design
from tests.placer.rules_judge import found_rules, judge_rules, random_rules, turned, with_rules

STEP = 1e-4  # lattice of the 100 um canvas


def ruled(design, **changes):
    return with_rules(design, Constraints.none(design.netlist.num_nodes).changed(**changes))


def broken(design, placement=None):
    return [(v.rule, v.node, v.other, round(v.amount, 6)) for v in check(design, placement).violations]


# -- halos ---------------------------------------------------------------------------------------------------------


def two(gap, **more):
    return block_design([10, 10], [10, 10], [20, 30 + gap], [20, 20], **more)


def test_a_body_in_a_halo_is_named_with_its_depth_and_where():
    design = ruled(two(1.5), halo=[[0, 0, 2, 0], [0, 0, 0, 0]])
    (violation,) = check(design).violations
    assert (violation.rule, violation.node, violation.other, violation.unit) == ("halo", 1, 0, "um")
    assert violation.amount == pytest.approx(0.5)
    assert violation.box == pytest.approx((31.5, 20, 32, 30))
    assert "inside the halo of 'b0'" in violation.message


def test_halos_may_share_area_and_touch_bodies():
    halo = [[2, 2, 2, 2]] * 2
    assert broken(ruled(two(2.0), halo=halo)) == []
    assert broken(ruled(two(1.9999), halo=halo)) == [("halo", 1, 0, 0.0001)]


def test_halo_turns_with_its_macro():
    # The halo is on the right in N, so on the left under FN and on top under W.
    for name, gap_is_free in (("N", False), ("FN", True), ("W", True), ("E", True), ("FS", False)):
        design = ruled(two(1.0, orient=[CODE[name], 0]), halo=[[0, 0, 2, 0], [0, 0, 0, 0]])
        assert (broken(design) == []) == gap_is_free, name


def test_oriented_sides_agree_with_shapely():
    for code in range(8):
        left, bottom, right, top = oriented_sides([1.0, 2.0, 3.0, 4.0], code)
        assert turned(box(-1, -2, 3, 4), code).bounds == pytest.approx((-left, -bottom, right, top))


def test_a_halo_may_hang_over_the_edge_and_over_blockages():
    design = block_design([10], [10], [0], [0], blockages=(Blockage(box(10, 0, 20, 20)),))
    assert broken(ruled(design, halo=[[5, 5, 5, 5]])) == []


def test_what_only_fixed_macros_break_is_given():
    report = check(ruled(two(0.0, fixed=[True, True]), halo=[[2, 2, 2, 2]] * 2))
    assert report.legal
    assert [v.rule for v in report.given] == ["halo"]


# -- channels ------------------------------------------------------------------------------------------------------


def test_channel_counts_between_macros_that_face_each_other_only():
    assert broken(ruled(two(1.0), channel=(2.0, 0.0))) == [("channel", 0, 1, 1.0)]
    assert broken(ruled(two(1.0), channel=(0.0, 5.0))) == []
    diagonal = block_design([10, 10], [10, 10], [20, 31], [20, 30])
    assert broken(ruled(diagonal, channel=(2.0, 2.0))) == []


# -- fences --------------------------------------------------------------------------------------------------------


def test_fence_keeps_members_in_and_other_macros_out():
    design = block_design([10] * 3, [10] * 3, [10, 45, 80], [10, 10, 10], kind=[0, 0, 0])
    design = ruled(design, regions=(Region("f", box(0, 0, 50, 50)),), region=[0, 0, -1])
    assert broken(design) == [("fence", 1, 0, 5.0)]
    design = ruled(design, regions=(Region("f", box(0, 0, 50, 50)),), region=[0, -1, -1])
    assert broken(design) == [("fence", 1, 0, 5.0)]


def test_cells_may_lie_in_foreign_fences_but_not_outside_their_own():
    design = block_design([1] * 2, [1] * 2, [10, 60], [10, 10], kind=[STDCELL, STDCELL])
    fence = (Region("f", box(0, 0, 50, 50)),)
    assert broken(ruled(design, regions=fence, region=[-1, 0])) == [("fence", 1, 0, 11.0)]


def test_a_guide_binds_nobody():
    design = block_design([10], [10], [60], [60])
    assert broken(ruled(design, regions=(Region("g", box(0, 0, 50, 50), REGION_GUIDE),), region=[0])) == []


def test_notch_of_a_rectilinear_fence_is_outside():
    fence = Polygon([(0, 0), (50, 0), (50, 20), (20, 20), (20, 50), (0, 50)])
    design = block_design([10], [10], [15], [15])
    assert broken(ruled(design, regions=(Region("f", fence),), region=[0])) == [("fence", 0, 0, 5.0)]


# -- orientations, snapping, groups --------------------------------------------------------------------------------


def test_orientation_not_allowed():
    design = ruled(block_design([10], [5], [10], [10], orient=[CODE["W"]]), orientations=[0b00110011])
    (violation,) = check(design).violations
    assert violation.rule == "orientation"
    assert "allowed are N, S, FN, FS" in violation.message
    assert allowed_orientations(design).tolist() == [[True, True, False, False, True, True, False, False]]


def test_snapping_by_orientation():
    offset = np.zeros((1, 8, 2))
    offset[0, CODE["S"]] = 0.25, 0.1
    for name, x, off in (("N", 10.0, 0.0), ("N", 10.1, 0.1), ("S", 10.0, 0.25), ("S", 10.25, 0.1)):
        design = ruled(block_design([10], [5], [x], [10], orient=[CODE[name]]), pitch=[[0.5, 0.5]], offset=offset)
        assert broken(design) == ([("snap", 0, -1, off)] if off else [])


def test_snapping_grid_off_the_lattice_is_an_error():
    with pytest.raises(NetlistError, match="snapping grid of 'b0' is not on the"):
        check(ruled(block_design([10], [5], [1], [1]), pitch=[[0.00015, 0]]))


def test_array_keeps_its_offsets():
    design = block_design([5] * 3, [5] * 3, [0, 10, 20], [0, 0, 0])
    group = Group("ram", GROUP_ARRAY, (0, 1, 2), ((0.0, 0.0), (10.0, 0.0), (20.0, 1.0)))
    (violation,) = check(ruled(design, groups=(group,))).violations
    assert (violation.rule, violation.node, violation.other, violation.amount) == ("group", 2, 0, pytest.approx(1.0))
    assert "'ram'" in violation.message


def test_mirror_group_shares_one_axis_and_flips():
    x = [10, 85, 20, 75]
    design = block_design([5] * 4, [5] * 4, x, [0, 0, 10, 10], orient=[0, 4, 1, 5])
    group = (Group("pair", GROUP_MIRROR_X, (0, 1, 2, 3)),)
    assert broken(ruled(design, groups=group)) == []
    design = block_design([5] * 4, [5] * 4, x, [0, 0, 10, 10], orient=[0, 4, 1, 1])
    assert "the mirror image of S is FS" in check(ruled(design, groups=group)).violations[0].message
    design = block_design([5] * 4, [5] * 4, [10, 85, 20, 76], [0, 0, 10, 10], orient=[0, 4, 1, 5])
    assert broken(ruled(design, groups=group)) == [("group", 3, 2, 1.0)]


def test_mirrored_orientations_are_mirrors():
    for code in range(8):
        for flip_x in (True, False):
            image = MATRIX[mirrored(code, flip_x=flip_x)].reshape(2, 2)
            assert (image == np.diag([-1, 1] if flip_x else [1, -1]) @ MATRIX[code].reshape(2, 2)).all()


# -- helpers -------------------------------------------------------------------------------------------------------


def test_static_walls_of_a_macro():
    design = block_design([5] * 2, [5] * 2, [0, 60], [0, 60], blockages=(Blockage(box(90, 90, 100, 100)),))
    design = ruled(design, regions=(Region("f", box(0, 0, 50, 50)),), region=[0, -1])
    assert fence_of(design).tolist() == [0, -1]
    area = [sum(box(*b).area for b in (blocked_boxes_for(design, i) * STEP).tolist()) for i in (0, 1)]
    assert area == pytest.approx([100 + 7500, 100 + 2500])


def test_without_constraints_nothing_is_asked():
    design = block_design([5], [5], [0], [0])
    assert allowed_orientations(design).all()
    assert snap_steps(design, design.placement.orient)[0].tolist() == [[1, 1]]
    assert (halo_boxes(design, design.placement)[0] * STEP).tolist() == pytest.approx([0, 0, 5, 5])


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_agrees_with_shapely(seed):
    design = random_rules(seed)
    found, judged = found_rules(check(design)), judge_rules(design, design.placement)

    def of(rules, kind):
        return {nodes for rule, nodes in rules if rule == kind}

    for kind in ("halo", "channel", "fence", "orientation", "snap"):
        assert of(found, kind) == of(judged, kind), kind
    # The judge names the whole group, the report its members that are out of line.
    assert bool(of(found, "group")) == bool(of(judged, "group"))


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_keepout_boxes_are_enough_and_exact_for_equal_halos(seed):
    rng = np.random.default_rng(seed)
    equal = seed % 2 == 0
    bodies = rng.integers(0, 30, (2, 2))
    boxes = np.concatenate([bodies, bodies + rng.integers(3, 12, (2, 2))], axis=1)
    halos = np.repeat(rng.integers(0, 5, (1, 1)), 8).reshape(2, 4) if equal else rng.integers(0, 5, (2, 4))
    design = block_design(*(boxes[:, 2:] - boxes[:, :2]).T.astype(float), *boxes[:, :2].T.astype(float))
    design = ruled(design, halo=halos.astype(float))
    wall = keepout_boxes(boxes[:1], halos[:1], halos[1])[0]
    clear = not (
        boxes[1, 0] < wall[2] and boxes[1, 2] > wall[0] and boxes[1, 1] < wall[3] and boxes[1, 3] > wall[1]
    )  # fmt: skip
    legal = not broken(design)
    assert clear == legal if equal else clear <= legal
