"""Legality: which object breaks which rule by how much, in integers, the same after every kind of rounding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from netlists import HARD_MACRO, PORT, SOFT_MACRO, STDCELL, Blockage, PlacementError
from placer.cost.lattice import (
    blockage_boxes,
    canvas_box,
    ceil_steps,
    centres,
    floor_steps,
    integer_boxes,
    microns,
    outline_boxes,
)
from placer.cost.legality import check, overlapping_pairs
from tests.placer.blocks import block_design, judge, shapes

STEP = 1e-4  # lattice of the 100 um canvas
L_SHAPE = Polygon([(0, 0), (100, 0), (100, 40), (60, 40), (60, 100), (0, 100)])


def rules(report):
    return sorted((v.rule, v.node, v.other) for v in report.violations)


# -- the lattice -------------------------------------------------------------------------------------------------------


def test_boxes_forgive_float_noise_and_nothing_more():
    assert ceil_steps([3.0, 3.0 + 1e-10, 3.00001], 1e-3).tolist() == [3000, 3000, 3001]
    assert floor_steps([3.0, 3.0 - 1e-10, 2.99999], 1e-3).tolist() == [3000, 3000, 2999]


def test_microns_are_the_nearest_floats():
    steps = np.arange(0, 5_000_000, 997)
    assert (microns(steps, 1e-3) == steps / 1000).all()
    assert microns([1, 2, 3], 0.005).tolist() == [0.005, 0.01, 0.015]
    assert microns([1, 3], 4.0).tolist() == [4.0, 12.0]


def test_canvas_bounds_are_rounded_inwards():
    design = block_design([1], [1], [5], [5], canvas=(0.00005, -0.00005, 100.00007, 99.99999))
    x0, y0, x1, y1 = canvas_box(design.canvas)
    step = design.canvas.lattice
    assert x0 * step >= 0.00005 - 1e-12
    assert y0 * step >= -0.00005 - 1e-12
    assert x1 * step <= 100.00007 + 1e-12
    assert y1 * step <= 99.99999 + 1e-12


def test_corners_survive_the_way_to_microns_and_back():
    rng = np.random.default_rng(0)
    design = block_design(*np.round(rng.uniform(1, 9, (2, 200)), 4), *rng.uniform(0, 90, (2, 200)))
    nodes = np.arange(200)
    corners = rng.integers(0, 900_000, (2, 200))
    x, y = centres(design, design.placement, nodes, *corners)
    for kind in (np.float64, np.float32):
        there = design.placement.moved(x=x.astype(kind), y=y.astype(kind))
        assert (integer_boxes(design, there)[:, :2] == corners.T).all()


def test_outline_and_its_cover_share_the_bounding_box_exactly():
    design = block_design([1], [1], [5], [5], outline=L_SHAPE)
    cover = [box(*(np.array(b) * STEP)) for b in outline_boxes(design.canvas).tolist()]
    assert sum(b.area for b in cover) == pytest.approx(100 * 100 - L_SHAPE.area)
    assert all(b.intersection(L_SHAPE).area < 1e-9 for b in cover)


def test_outline_with_hole_and_slanted_edge_is_covered_conservatively():
    ring = Polygon([(0, 0), (100, 0), (100, 50), (50, 100), (0, 100)], [[(20, 20), (40, 20), (40, 40), (20, 40)]])
    design = block_design(
        [1], [1], [5], [5], outline=ring, blockages=(Blockage(Polygon([(50, 5), (60, 5), (55, 15)])),)
    )
    outside = box(0, 0, 100, 100).difference(ring)
    cover = [box(*(np.array(b) * STEP)) for b in outline_boxes(design.canvas).tolist()]
    union = cover[0].union_all() if hasattr(cover[0], "union_all") else cover[0]
    for part in cover:
        union = union.union(part)
    assert outside.difference(union.buffer(1e-7)).area < 1e-6
    assert union.area < outside.area * 1.05
    blocks, owner = blockage_boxes(design.canvas)
    assert set(owner.tolist()) == {0}
    triangle = design.canvas.blockages[0].polygon
    for part in blocks.tolist():
        triangle = triangle.difference(box(*(np.array(part) * STEP)).buffer(1e-7))
    assert triangle.area < 1e-6


# -- the rules, one by one ---------------------------------------------------------------------------------------------


def test_touching_macros_are_legal_and_one_step_more_is_not():
    legal = block_design([10, 10, 10], [10, 10, 10], [0, 10, 0], [0, 0, 10])
    assert check(legal).legal
    assert check(legal).summary() == "legal"
    deep = block_design([10, 10], [10, 10], [0, 10 - STEP], [0, 0])
    (violation,) = check(deep).violations
    assert (violation.rule, violation.node, violation.other, violation.steps) == ("overlap", 0, 1, 1)
    assert violation.amount == pytest.approx(10 * STEP)
    assert "'b0'" in violation.message
    assert "'b1'" in violation.message


def test_overlap_amounts_are_area_and_shortest_way_out():
    report = check(block_design([10, 10], [10, 10], [0, 7], [0, 4]))
    (violation,) = report.violations
    assert violation.amount == pytest.approx(3 * 6)
    assert violation.steps == round(3 / STEP)
    assert report.overlap_area_um2 == pytest.approx(18)
    assert report.overlaps == 1
    assert not report.legal
    assert "1 overlap" in report.summary()
    with pytest.raises(PlacementError, match="b0"):
        report.raise_if_illegal()


def test_duplicates_at_one_place_all_overlap():
    report = check(block_design([5] * 4, [5] * 4, [3] * 4, [3] * 4))
    assert report.overlaps == 6


def test_soft_macros_and_ports_may_overlap_anything():
    kind = [HARD_MACRO, SOFT_MACRO, SOFT_MACRO, PORT, STDCELL]
    assert check(block_design([10] * 5, [10] * 5, [5] * 5, [5] * 5, kind=kind)).legal


@pytest.mark.parametrize("kind", [HARD_MACRO, SOFT_MACRO, STDCELL])
@pytest.mark.parametrize(("x", "y"), [(-1, 5), (91, 5), (5, -1), (5, 91)])
def test_leaving_the_canvas_is_outside_by_its_depth(kind, x, y):
    (violation,) = check(block_design([10], [10], [x], [y], kind=[kind])).violations
    assert (violation.rule, violation.unit) == ("outside", "um")
    assert violation.amount == pytest.approx(1)
    assert violation.steps == round(1 / STEP)


def test_ports_may_lie_anywhere():
    assert check(block_design([1], [1], [-50], [200], kind=[PORT])).legal


@pytest.mark.parametrize("kind", [HARD_MACRO, SOFT_MACRO, STDCELL])
def test_notches_of_the_outline_are_outside(kind):
    inside = block_design([40, 40], [40, 60], [60, 20], [0, 40], kind=[kind] * 2, outline=L_SHAPE)
    assert check(inside).legal
    (violation,) = check(block_design([40], [40], [60], [2], kind=[kind], outline=L_SHAPE)).violations
    assert violation.rule == "outside"
    assert violation.amount == pytest.approx(2)


def test_macros_on_hard_blockages_are_named_with_area():
    block = Blockage(box(50, 50, 70, 70), name="analog")
    soft = Blockage(box(0, 0, 20, 20), kind=1)
    design = block_design([10, 10, 10], [10, 10, 10], [45, 70, 5], [55, 60, 5], blockages=(block, soft))
    (violation,) = check(design).violations
    assert (violation.rule, violation.node, violation.other) == ("blockage", 0, 0)
    assert violation.amount == pytest.approx(50)
    assert "analog" in violation.message


def test_rotated_macros_take_their_turned_box():
    design = block_design([20, 5], [10, 5], [0, 10], [0, 0], orient=[2, 0])
    assert check(design).legal
    assert rules(check(block_design([20, 5], [10, 5], [0, 10], [0, 0]))) == [("overlap", 0, 1)]


def test_off_lattice_macros_are_named_and_float32_ones_are_not():
    design = block_design([10], [10], [5 + 0.4 * STEP], [5])
    (violation,) = check(design).violations
    assert violation.rule == "off_lattice"
    assert violation.amount == pytest.approx(0.4 * STEP, rel=1e-3)
    assert check(block_design([10], [10], [5 + 0.4 * STEP], [5], kind=[SOFT_MACRO])).legal


def test_fixed_objects_that_move_or_turn_are_named():
    design = block_design([10, 10, 2], [10, 10, 2], [0, 20, 50], [0, 20, 50], fixed=[1, 1, 0])
    p = design.placement
    moved = p.moved(x=p.x + np.array([3.0, 0, 3.0]), orient=np.array([0, 1, 1], np.int8))
    report = check(design, moved, reference=p)
    assert rules(report) == [("fixed_moved", 0, -1), ("fixed_moved", 1, -1)]
    assert report.violations[0].amount == pytest.approx(3)
    assert "turned from N to S" in report.violations[1].message
    assert check(design, moved).legal


def test_what_the_input_fixed_illegally_is_reported_apart():
    design = block_design([10, 10, 10], [10, 10, 10], [95, 0, 5], [0, 50, 50], fixed=[1, 1, 1])
    report = check(design)
    assert report.legal
    assert sorted(v.rule for v in report.given) == ["outside", "overlap"]
    assert "2 among fixed objects" in report.summary()
    # A movable macro on a fixed one is an engine's doing.
    assert not check(block_design([10, 10], [10, 10], [0, 5], [0, 0], fixed=[1, 0])).legal


def test_placements_of_another_design_are_refused():
    design = block_design([10], [10], [0], [0])
    other = block_design([10, 10], [10, 10], [0, 20], [0, 0]).placement
    with pytest.raises(PlacementError, match="2 objects, the netlist 1"):
        check(design, other)


# -- against an independent judge -----------------------------------------------------------------------------------

COUNT = st.integers(1, 12)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n=COUNT,
    raster=st.sampled_from([10, 100, 10000]),
    notched=st.booleans(),
    rounding=st.sampled_from(["none", "text", "float32"]),
)
def test_verdicts_agree_with_shapely_after_every_rounding(seed, n, raster, notched, rounding):
    # Coarse rasters make touching edges and duplicates likely; the tolerance of the judge is below half a step.
    rng = np.random.default_rng(seed)
    w, h = rng.integers(1, 4 * raster, (2, n)) / raster * 10
    x, y = rng.integers(-raster // 2, 9 * raster, (2, n)) / raster * 10
    design = block_design(
        w, h, x, y, kind=rng.choice([HARD_MACRO, HARD_MACRO, SOFT_MACRO], n), fixed=rng.random(n) < 0.2,
        orient=rng.integers(0, 8, n), outline=L_SHAPE if notched else None,
        blockages=(Blockage(box(10, 10, 20, 20)),) if notched else (),
    )  # fmt: skip
    placement = design.placement
    if rounding == "text":
        placement = placement.moved(x=[float(repr(float(v))) for v in placement.x])
    elif rounding == "float32":
        placement = placement.moved(x=placement.x.astype(np.float32), y=placement.y.astype(np.float32))
    ours = set()
    for v in check(design, placement).violations:
        ours.add(f"{v.rule} {v.node}" + (f" {v.other}" if v.other >= 0 else ""))
    assert ours == set(judge(design, placement, tolerance=0.25 * STEP))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 40), extent=st.sampled_from([4, 30, 1000]))
def test_sweep_finds_the_pairs_of_the_plain_double_loop(seed, n, extent):
    rng = np.random.default_rng(seed)
    low = rng.integers(0, extent, (n, 2))
    boxes = np.hstack([low, low + rng.integers(1, 8, (n, 2))]).reshape(-1, 4)
    plain = [
        (i, j)
        for i in range(n)
        for j in range(i + 1, n)
        if (boxes[i, :2] < boxes[j, 2:]).all() and (boxes[j, :2] < boxes[i, 2:]).all()
    ]
    assert [tuple(p) for p in overlapping_pairs(boxes).tolist()] == plain


def test_sweep_in_chunks_equals_the_sweep_in_one_go(monkeypatch):
    rng = np.random.default_rng(0)
    low = rng.integers(0, 50, (80, 2))
    boxes = np.hstack([low, low + rng.integers(1, 20, (80, 2))])
    whole = overlapping_pairs(boxes)
    monkeypatch.setattr("placer.cost.violation._CHUNK", 7)
    assert (overlapping_pairs(boxes) == whole).all()


def test_overlap_area_equals_shapely_on_the_lattice():
    rng = np.random.default_rng(2)
    design = block_design(*rng.integers(1, 20, (2, 30)), *rng.integers(0, 80, (2, 30)))
    bodies = shapes(design, design.placement)
    area = sum(a.intersection(b).area for i, a in enumerate(bodies) for b in bodies[i + 1 :])
    assert check(design).overlap_area_um2 == pytest.approx(area)


def test_a_hundred_thousand_cells_are_checked_quickly():
    rng = np.random.default_rng(1)
    n = 100_000
    kind = np.full(n, STDCELL)
    kind[:2000] = HARD_MACRO
    x, y = rng.uniform(0, 999, (2, n))
    x[-1] = 1005.0
    design = block_design(np.full(n, 0.5), np.full(n, 0.5), x, y, kind=kind, canvas=(0, 0, 1000, 1000))
    report = check(design)
    assert [v.node for v in report.violations if v.rule == "outside"] == [n - 1]
