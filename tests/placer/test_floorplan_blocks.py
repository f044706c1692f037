"""Block floorplans: sequence pairs, shapes, outlines, and results that an outside judge accepts."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import placer
from netlists import PORT, NetlistError, PlacementError
from netlists.formats import write_design
from netlists.load import load
from placer.budget import Budget
from placer.cost.legality import check
from placer.engines.floorplan.blocks import floorplan_blocks
from placer.engines.floorplan.blocks.anneal import wirelength
from placer.engines.floorplan.blocks.outline import outline_size, with_outline
from placer.engines.floorplan.blocks.problem import build
from placer.engines.floorplan.blocks.refine import place_exactly, refine
from placer.engines.floorplan.blocks.sequence_pair import from_points, pack, relations, settle
from tests.placer.blocks import block_design, judge

ORDERS = st.integers(1, 7).flatmap(lambda n: st.tuples(st.permutations(range(n)), st.permutations(range(n))))


def blocks(seed: int = 0, n: int = 12, soft: bool = False, whitespace: float = 0.4):
    """A design of ``n`` blocks, some nets, and four pads at the corners of its outline."""
    rng = np.random.default_rng(seed)
    w, h = rng.integers(4, 20, (2, n)).astype(float)
    nets = [rng.choice(n + 4, rng.integers(2, 5), replace=False).tolist() for _ in range(2 * n)]
    nets += [[i, n + i % 4] for i in range(n)]
    kind = [0] * n + [PORT] * 4
    zeros = np.zeros(4)
    design = block_design(
        np.concatenate([w, zeros]), np.concatenate([h, zeros]), [0.0] * n + [0, 100, 0, 100],
        [0.0] * n + [0, 0, 100, 100], kind=kind, nets=nets, fixed=[False] * n + [True] * 4,
    )  # fmt: skip
    if soft:
        low = np.concatenate([np.full(n, 1 / 3), np.full(4, np.nan)])
        design = replace(design, netlist=replace(design.netlist, min_aspect=low, max_aspect=1 / low))
    return with_outline(design, *outline_size(float((w * h).sum()), whitespace, 1.0))


def packed(positive, negative, w, h):
    n = len(w)
    x, y = np.empty(n), np.empty(n)
    size = pack(np.array(negative), np.argsort(positive), w, h, x, y, np.zeros((2, n + 1)))
    return x, y, size


@settings(deadline=None)
@given(ORDERS, st.integers(0, 99))
def test_a_packing_keeps_every_relation_and_no_block_could_slide(pair, seed):
    positive, negative = pair
    n = len(positive)
    w, h = np.random.default_rng(seed).integers(1, 9, (2, n)).astype(float)
    x, y, (width, height) = packed(positive, negative, w, h)
    for a, b in itertools.permutations(range(n), 2):
        if negative.index(a) < negative.index(b):
            if positive.index(a) < positive.index(b):
                assert x[a] + w[a] <= x[b]
            else:
                assert y[a] + h[a] <= y[b]
    # The slow way: every block at the largest end of those that must come before.
    slow_x, slow_y = np.zeros(n), np.zeros(n)
    for k, b in enumerate(negative):
        left = [a for a in negative[:k] if positive.index(a) < positive.index(b)]
        below = [a for a in negative[:k] if positive.index(a) > positive.index(b)]
        slow_x[b] = max((slow_x[a] + w[a] for a in left), default=0)
        slow_y[b] = max((slow_y[a] + h[a] for a in below), default=0)
    assert (x == slow_x).all()
    assert (y == slow_y).all()
    assert (width, height) == ((x + w).max(), (y + h).max())


@settings(deadline=None)
@given(ORDERS)
def test_relations_imply_all_others_and_none_is_needless(pair):
    positive, negative = pair
    n = len(positive)
    found = relations(np.array(positive), np.array(negative))
    for axis, pairs in enumerate(found):
        want = {
            (a, b)
            for a, b in itertools.permutations(range(n), 2)
            if negative.index(a) < negative.index(b) and (positive.index(a) < positive.index(b)) == (axis == 0)
        }
        reduced = {(a, b) for a, b in want if not any((a, c) in want and (c, b) in want for c in range(n))}
        assert set(map(tuple, pairs.tolist())) == reduced


@settings(deadline=None)
@given(ORDERS, st.integers(0, 99))
def test_settling_keeps_relations_and_the_outline_wherever_blocks_wish_to_be(pair, seed):
    positive, negative = (np.array(order) for order in pair)
    rng = np.random.default_rng(seed)
    n = len(positive)
    w, h = rng.integers(1, 9, (2, n)).astype(float)
    _, _, (width, _) = packed(list(positive), list(negative), w, h)
    limit = int(width) + int(rng.integers(0, 5))
    pairs = relations(positive, negative)[0]
    at = settle(negative, pairs, w.astype(np.int64), limit, rng.integers(-20, 40, n))
    assert at.min() >= 0
    assert (at + w <= limit).all()
    assert all(at[a] + w[a] <= at[b] for a, b in pairs.tolist())


def test_points_that_lie_apart_keep_their_direction():
    positive, negative = from_points(np.array([0.0, 10.0, 1.0]), np.array([0.0, 1.0, 9.0]))
    x, y, _ = packed(list(positive), list(negative), np.ones(3), np.ones(3))
    assert x[1] > x[0]
    assert y[2] > y[0]


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_floorplans_are_legal_for_an_outside_judge(seed, soft):
    design = blocks(seed, soft=soft)
    found = floorplan_blocks(design, budget=Budget(), iterations=20_000, seed=seed)
    assert check(found.design, reference=None).legal
    assert judge(found.design, found.design.placement, tolerance=1e-9) == []
    assert found.design.placement.placed[design.movable].all()


def test_soft_blocks_keep_their_area_and_their_limits():
    design = blocks(1, soft=True, whitespace=0.1)
    found = floorplan_blocks(design, budget=Budget(), iterations=30_000).design.netlist
    solid = design.netlist.node_kind != PORT
    before = (design.netlist.node_width * design.netlist.node_height)[solid]
    w, h = found.node_width[solid], found.node_height[solid]
    assert (w * h >= before * (1 - 1e-9)).all()
    assert w * h == pytest.approx(before, rel=1e-4)
    assert (h / w >= design.netlist.min_aspect[solid] * (1 - 1e-4)).all()
    assert (h / w <= design.netlist.max_aspect[solid] * (1 + 1e-4)).all()
    assert (w != design.netlist.node_width[solid]).any()


def test_hard_blocks_keep_their_sides():
    design = blocks(2)
    found = floorplan_blocks(design, budget=Budget(), iterations=5_000).design
    assert (found.netlist.node_width == design.netlist.node_width).all()
    assert (found.netlist.node_height == design.netlist.node_height).all()


def test_the_wirelength_reported_is_that_of_the_design():
    found = floorplan_blocks(blocks(3, soft=True), budget=Budget(), iterations=5_000)
    assert placer.score(found.design).metrics["weighted_hpwl_um"] == pytest.approx(found.wire)


def test_same_seed_and_iterations_give_the_same_bytes():
    runs = [floorplan_blocks(blocks(4), budget=Budget(), iterations=8_000, seed=5, jobs=2).design for _ in range(2)]
    assert runs[0].placement.x.tobytes() == runs[1].placement.x.tobytes()
    assert runs[0].placement.y.tobytes() == runs[1].placement.y.tobytes()


def test_more_moves_give_shorter_wires():
    design = blocks(6, 20, whitespace=0.15)
    short, long = (floorplan_blocks(design, budget=Budget(), iterations=k).wire for k in (15_000, 150_000))
    assert long < 0.97 * short


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_refinement_never_lengthens_wires_and_stays_exact(seed):
    problem = build(blocks(seed % 7, 8, soft=seed % 2 == 1, whitespace=3.0))
    rng = np.random.default_rng(seed)
    order = np.stack([rng.permutation(8), rng.permutation(8)])
    shape, orient = np.stack([problem.width, problem.height]), np.zeros(8, np.int8)
    plain = place_exactly(problem, order, shape, orient, None)
    better = refine(problem, order, shape, orient)
    if plain is None:
        assert better is None
        return
    assert better.wire <= plain.wire
    x0, y0 = better.corner
    x1, y1 = better.corner + better.shape
    for a, b in itertools.combinations(range(8), 2):
        assert x1[a] <= x0[b] or x1[b] <= x0[a] or y1[a] <= y0[b] or y1[b] <= y0[a]
    assert min(x0.min(), y0.min()) >= 0
    assert x1.max() <= problem.limit[0]
    assert y1.max() <= problem.limit[1]
    assert (better.shape[0] * better.shape[1] >= problem.area).all()


def test_refinement_finds_the_best_place_between_two_pads():
    # One block between pads at (0, 0) and (30, 0), tied twice to the second: its centre goes as near as it can.
    design = block_design(
        [4, 0, 0], [4, 0, 0], [0, 0, 30], [0, 0, 0], kind=[0, PORT, PORT], nets=[[0, 1], [0, 2], [0, 2]],
        fixed=[False, True, True], canvas=(0, 0, 30, 10),
    )  # fmt: skip
    problem = build(design)
    one = np.zeros((2, 1), np.int64)
    plan = refine(problem, one, np.stack([problem.width, problem.height]), np.zeros(1, np.int8))
    assert plan.corner[0, 0] * problem.step == pytest.approx(26)
    assert plan.corner[1, 0] == 0


def test_pins_turn_with_their_block():
    # A 2 x 8 block in an 8 x 2 outline must lie down; its pin at the top ends left or right.
    design = block_design([2, 0], [8, 0], [0, 8], [0, 1], kind=[0, PORT], nets=[[0, 1]], canvas=(0, 0, 8, 2))
    netlist = replace(design.netlist, pin_dy=np.array([3.0, 0.0]))
    made = floorplan_blocks(replace(design, netlist=netlist), budget=Budget(), iterations=400)
    assert made.wire == pytest.approx(1.0)
    assert placer.score(made.design).metrics["hpwl_um"] == pytest.approx(1.0)


def test_without_an_outline_the_canvas_is_drawn_around_the_blocks():
    found = floorplan_blocks(blocks(5), budget=Budget(), iterations=20_000, area_weight=2.0).design
    area = float((found.netlist.node_width * found.netlist.node_height).sum())
    assert check(found).legal
    assert area < found.canvas.area < 1.5 * area


def test_a_written_floorplan_reads_back_with_its_shapes(tmp_path):
    design = replace(blocks(7, soft=True), format="gsrc")
    found = placer.floorplan(design, whitespace=0.2, iterations=10_000, jobs=1).design
    back = load(write_design(found, tmp_path)[0])
    assert check(back).legal
    assert (back.netlist.node_width == found.netlist.node_width).all()
    assert back.placement.x == pytest.approx(found.placement.x, abs=1e-9)
    assert back.canvas.area == pytest.approx(found.canvas.area)


def test_pads_keep_their_place_relative_to_the_outline():
    design = with_outline(blocks(0), 80, 20)
    pads = design.netlist.ids(PORT)
    assert design.placement.x[pads].tolist() == [0, 80, 0, 80]
    assert design.placement.y[pads].tolist() == [0, 0, 20, 20]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"whitespace": -0.1}, "whitespace"),
        ({"whitespace": float("nan")}, "whitespace"),
        ({"aspect_ratio": 0.0}, "aspect ratio"),
        ({"outline": (0.0, 10.0)}, "no area"),
        ({"outline": (50.0, 50.0), "whitespace": 0.1}, "twice"),
        ({"whitespace": 0.1, "area_weight": 1.0}, "without an outline"),
        ({"area_weight": -1.0}, "area weight"),
        ({"iterations": 0}, "iterations"),
    ],
)
def test_requests_that_make_no_sense_are_refused(asked, says):
    with pytest.raises(NetlistError, match=says):
        placer.floorplan(blocks(0), **{"iterations": 10, **asked})


def test_blocks_that_cannot_fit_are_named():
    with pytest.raises(PlacementError, match="more area than the outline"):
        placer.floorplan(blocks(0), outline=(30.0, 30.0), iterations=10)
    with pytest.raises(PlacementError, match=r"block of .* does not fit the outline"):
        placer.floorplan(blocks(0), outline=(5.0, 10000.0), iterations=10)


def test_fixed_blocks_and_empty_designs_are_refused():
    fixed = block_design([4, 4], [4, 4], [0, 10], [0, 0], fixed=[True, False])
    with pytest.raises(PlacementError, match="fixed"):
        floorplan_blocks(fixed, budget=Budget(), iterations=10)
    with pytest.raises(PlacementError, match="no movable block"):
        floorplan_blocks(block_design([4], [4], [0], [0], fixed=[True]), budget=Budget(), iterations=10)


def test_a_floorplan_too_tight_to_be_found_says_how_far_it_sticks_out():
    # Three 2 x 3 blocks in a 4 x 4.6 outline: enough area, no packing.
    design = block_design([2] * 3, [3] * 3, [0] * 3, [0] * 3, canvas=(0, 0, 4, 4.6))
    with pytest.raises(PlacementError, match="sticks out by"):
        floorplan_blocks(design, budget=Budget(), iterations=3_000)


def test_a_stopped_run_ends_at_once():
    budget = Budget(60.0)
    budget.stop.set()
    with pytest.raises(PlacementError):
        floorplan_blocks(blocks(0), budget=budget)
    assert budget.seconds < 30


def test_wirelength_counts_fixed_pins_and_offsets():
    fixed = np.array([[0.0, 0.0, 0.0, 0.0], [np.inf, np.inf, -np.inf, -np.inf]])
    offset = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 2.0]])
    found = wirelength(
        np.array([0, 1, 3]), np.array([0, 0, 1]), offset, fixed, np.array([1.0, 2.0]), np.array([3.0, 5.0]),
        np.array([4.0, 4.0]),
    )  # fmt: skip
    assert found == (4 + 4) + 2 * (2 + 2)


@pytest.mark.open_data
@pytest.mark.parametrize("name", ["gsrc/n10/n10", "gsrc/n30/n30", "gsrc/n100/n100_soft", "mcnc/ami33/ami33"])
def test_public_block_designs_fit_fifteen_percent_whitespace(open_data, name):
    design = load(open_data(f"floorplan/{name}.blocks"))
    found = placer.floorplan(design, whitespace=0.15, iterations=60_000, jobs=1)
    assert judge(found.design, found.design.placement, tolerance=1e-9) == []
    assert found.figures["whitespace"] == pytest.approx(0.15, abs=1e-3)
