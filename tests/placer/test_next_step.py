"""Channels, free space and pin access on cases small enough for paper, and against Shapely."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from netlists import SOFT_MACRO
from netlists.canvas import Blockage
from placer.cost.metrics import metrics
from placer.cost.next_step import channels, scene
from placer.cost.next_step.space import dead_area, free_components, largest_rectangle
from tests.placer.blocks import block_design


def ground(*boxes, canvas=(0.0, 0.0, 100.0, 100.0), **more):
    """A scene of hard macros given as x, y, width, height (um)."""
    x, y, w, h = np.array(boxes, float).reshape(-1, 4).T
    design = block_design(w, h, x, y, canvas=canvas, **more)
    return scene(design, design.placement)


def found_channels(where):
    c = channels(where)
    rows = zip(c.first, c.second, c.width * where.step, c.length * where.step, c.vertical, strict=True)
    return sorted((int(a), int(b), round(w, 6), round(n, 6), bool(v)) for a, b, w, n, v in rows)


def test_channels_of_two_macros_by_hand():
    # Two macros side by side, 4 um apart over 15 um of height, touching the left and lower edge of the core.
    where = ground((0, 0, 10, 20), (14, 5, 10, 20))
    assert found_channels(where) == sorted(
        [
            (0, 1, 4, 15, True), (0, -1, 90, 5, True), (-1, 1, 14, 5, True), (1, -1, 76, 20, True),
            (0, -1, 80, 10, False), (-1, 1, 5, 10, False), (1, -1, 75, 10, False),
        ]
    )  # fmt: skip


def test_a_macro_between_two_others_hides_them_from_each_other():
    where = ground((0, 0, 10, 10), (20, 0, 10, 5), (40, 0, 10, 10))
    between = [c for c in found_channels(where) if c[4] and c[0] >= 0 and c[1] >= 0]
    assert between == [(0, 1, 10, 5, True), (0, 2, 30, 5, True), (1, 2, 10, 5, True)]


def test_abutment_is_no_channel_and_walls_do_not_face_each_other():
    where = ground((0, 0, 50, 100), (50, 0, 50, 100))
    assert found_channels(where) == []
    assert all(c[0] >= 0 or c[1] >= 0 for c in found_channels(ground((5, 5, 1, 1))))


def test_the_median_is_weighted_by_length():
    where = ground((0, 0, 10, 20), (14, 5, 10, 20))
    widths = np.repeat([4, 5, 14, 75, 76, 80, 90], [15, 10, 5, 10, 20, 10, 5])
    assert channels(where).median * where.step == pytest.approx(np.sort(widths)[(len(widths) - 1) // 2])


def test_the_histogram_adds_up_to_the_length():
    where = ground((0, 0, 10, 20), (14, 5, 10, 20))
    counts = channels(where).histogram(np.array([0, 10, 50, 1000]) / where.step) * where.step
    assert counts == pytest.approx([25, 5, 45])


def test_dead_area_is_the_slit_that_a_square_cannot_enter():
    # A slit of 0.5 um between two macros that fill the height; narrow means 1 % of the core: 1 um.
    where = ground((0, 0, 40, 100), (40.5, 0, 30, 100))
    free, dead = dead_area(where)
    assert free * where.step**2 == pytest.approx(0.5 * 100 + 29.5 * 100)
    assert dead * where.step**2 == pytest.approx(50)


def test_free_space_in_one_block_has_one_piece_and_fills_its_rectangle():
    where = ground((0, 0, 100, 40))
    assert free_components(where) == 1
    assert largest_rectangle(where) * where.step**2 == pytest.approx(6000)


def test_pieces_that_touch_in_a_corner_are_two():
    where = ground((0, 0, 50, 50), (50, 50, 50, 50))
    assert free_components(where) == 2
    assert largest_rectangle(where) * where.step**2 == pytest.approx(2500)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_free_space_agrees_with_shapely(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 8))
    corner, size = rng.integers(0, 18, (n, 2)), rng.integers(1, 8, (n, 2))
    where = ground(*np.concatenate([corner, size], axis=1).tolist(), canvas=(0, 0, 20, 20))
    free = box(0, 0, 20, 20).difference(
        shapely.union_all([box(x, y, x + w, y + h) for (x, y), (w, h) in zip(corner, size, strict=True)])
    )
    assert dead_area(where)[0] * where.step**2 == pytest.approx(free.area)
    assert free_components(where) == len(getattr(free, "geoms", [free])) - int(free.is_empty)
    # Every rectangle of whole microns, the slow way.
    grid = np.array([[free.contains(box(c, r, c + 1, r + 1).buffer(-0.1)) for c in range(20)] for r in range(20)])
    total = np.zeros((21, 21))
    total[1:, 1:] = grid.cumsum(0).cumsum(1)
    best = 0
    for r0 in range(20):
        for r1 in range(r0 + 1, 21):
            strip = total[r1] - total[r0]
            full = np.diff(strip) == r1 - r0
            run = 0
            for cell in full:
                run = run + 1 if cell else 0
                best = max(best, run * (r1 - r0))
    assert largest_rectangle(where) * where.step**2 == pytest.approx(best)


def test_blockages_and_notched_outlines_are_walls():
    plain = block_design([10], [10], [45], [45])
    blocked = replace(plain.canvas, blockages=(Blockage(box(0, 0, 100, 20)),))
    design = replace(plain, canvas=blocked)
    assert dead_area(scene(design, design.placement))[0] * design.canvas.lattice**2 == pytest.approx(8000 - 100)
    notched = replace(plain.canvas, outline=Polygon([(0, 0), (100, 0), (100, 50), (50, 50), (50, 100), (0, 100)]))
    design = replace(block_design([10], [10], [0], [0]), canvas=notched)
    assert metrics(design)["largest_free_share"] == pytest.approx(50 * 90 / (7500 - 100))


def test_aligned_edges_by_hand():
    # Left edges 0, 0; lower edges 0, 30; right edges 10, 20; upper edges 10, 40: two of eight line up.
    assert metrics(block_design([10, 20], [10, 10], [0, 0], [0, 30]))["aligned_edges"] == 2 / 8
    assert np.isnan(metrics(block_design([10], [10], [0], [0]))["aligned_edges"])


def test_pins_are_blocked_by_what_they_face_not_by_what_lies_behind():
    # Pins on the right sides of two macros 0.5 um apart (narrow is 1 um): the left macro's faces the right one.
    design = block_design([10, 10], [10, 10], [20, 30.5], [20, 20], nets=[[0, 1]])
    right = replace(design, netlist=replace(design.netlist, pin_dx=np.array([5.0, 5.0])))
    assert metrics(right)["blocked_pins"] == 0.5
    left = replace(design, netlist=replace(design.netlist, pin_dx=np.array([-5.0, 5.0])))
    assert metrics(left)["blocked_pins"] == 0
    turned = right.placement.moved(orient=np.array([1, 0], np.int8))
    assert metrics(right, turned)["blocked_pins"] == 0


def test_pins_at_the_edge_of_the_core_are_blocked():
    design = block_design([10], [10], [0.2], [20], nets=[[0]])
    design = replace(design, netlist=replace(design.netlist, pin_dx=np.array([-5.0])))
    assert metrics(design)["blocked_pins"] == 1


def test_the_edge_channel_is_measured_apart_from_those_between_macros():
    found = metrics(block_design([10, 10], [10, 10], [3, 20], [0, 0]))
    assert found["min_edge_channel_um"] == pytest.approx(3)
    assert found["min_channel_um"] == pytest.approx(7)


def test_designs_without_macros_have_figures():
    found = metrics(block_design([1.0], [1.0], [5], [5], kind=[SOFT_MACRO]))
    assert np.isnan(found["blocked_pins"])
    assert np.isnan(found["min_edge_channel_um"])
    assert found["largest_free_share"] == pytest.approx(1)
