"""Legalisation: always legal where room exists, never far, and a reason where no room exists."""

from __future__ import annotations

import time

import numpy as np
import pytest
from shapely.geometry import Polygon, box

from netlists import HARD_MACRO, PORT, SOFT_MACRO, STDCELL, Blockage, PlacementError
from placer.budget import Budget
from placer.cost.lattice import integer_boxes
from placer.cost.legality import check, overlapping_pairs
from placer.engines.legalise import legalise
from placer.engines.legalise.compact import compact
from placer.engines.legalise.exact import search_all
from placer.engines.legalise.nearest import nearest_free
from placer.engines.legalise.pack import pack
from placer.engines.legalise.problem import build
from tests.placer.blocks import block_design, judge

RNG = np.random.default_rng


def displacement(design, placement):
    return np.abs(placement.x - design.placement.x) + np.abs(placement.y - design.placement.y)


def assert_legal(design, placement):
    """By our own integers, and by an independent judge that computes in naive floats."""
    report = check(design, placement, reference=design.placement)
    assert report.legal, report.summary()
    assert judge(design, placement, tolerance=1e-9) == []


def guillotine(pieces, rng, side=100.0, *, least=0.02):
    """Cut a square into ``pieces`` rectangles on a 0.01 um raster: ``[pieces, 4]`` x, y, w, h."""
    cuts = [(0.0, 0.0, side, side)]
    while len(cuts) < pieces:
        k = int(rng.choice(len(cuts), p=np.array([c[2] * c[3] for c in cuts]) / side**2))
        x, y, w, h = cuts.pop(k)
        share = rng.uniform(0.3, 0.7)
        if w > h:
            a = round(w * share, 2)
            cuts += [(x, y, a, h), (x + a, y, w - a, h)]
        else:
            a = round(h * share, 2)
            cuts += [(x, y, w, a), (x, y + a, w, h - a)]
    return np.round(np.array(cuts), 2)


def random_blocks(n, utilisation, rng, **more):
    w, h = rng.lognormal(0, 0.5, n), rng.lognormal(0, 0.5, n)
    scale = np.sqrt(utilisation * 1e4 / (w * h).sum())
    w, h = np.round(w * scale, 3), np.round(h * scale, 3)
    return block_design(w, h, rng.uniform(-5, 95, n), rng.uniform(-5, 95, n), **more)


# -- the parts ---------------------------------------------------------------------------------------------------------


def test_nearest_free_position_is_the_nearest():
    rng = RNG(0)
    for _ in range(150):
        count = int(rng.integers(0, 9))
        corner = rng.integers(-2, 14, (count, 2))
        boxes = np.hstack([corner, corner + rng.integers(1, 8, (count, 2))]).astype(np.int64).reshape(-1, 4)
        active = rng.random(count) < 0.8
        w, h = (int(v) for v in rng.integers(1, 8, 2))
        tx, ty = (int(v) for v in rng.integers(-4, 18, 2))
        taken = np.zeros((16, 14), bool)
        for a, b, c, d in boxes[active]:
            taken[max(a, 0) : max(c, 0), max(b, 0) : max(d, 0)] = True
        best = min(
            (
                abs(x - tx) + abs(y - ty)
                for x in range(16 - w + 1)
                for y in range(14 - h + 1)
                if not taken[x : x + w, y : y + h].any()
            ),
            default=None,
        )
        x, y, distance, _ = nearest_free(w, h, tx, ty, np.array([0, 0, 16, 14]), boxes, active, 1 << 60)
        if best is None:
            assert distance == 1 << 60
        else:
            assert distance == best == abs(x - tx) + abs(y - ty)
            assert not taken[x : x + w, y : y + h].any()
            assert 0 <= x <= 16 - w
            assert 0 <= y <= 14 - h


# -- whole runs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("utilisation", [0.3, 0.6, 0.8])
@pytest.mark.parametrize("n", [1, 5, 40])
def test_random_overlapping_macros_become_legal(n, utilisation):
    design = random_blocks(n, min(utilisation, 0.3) if n == 1 else utilisation, RNG(n))
    placement = legalise(design)
    assert_legal(design, placement)
    assert placement.placed.all()


def test_legal_input_is_left_alone():
    design = random_blocks(30, 0.5, RNG(3))
    once = legalise(design)
    again = legalise(design, once)
    assert (again.x == once.x).all()
    assert (again.y == once.y).all()


def test_same_seed_gives_the_same_bytes():
    design = random_blocks(60, 0.7, RNG(4))
    one, two = legalise(design, seed=5), legalise(design, seed=5)
    assert one.x.tobytes() == two.x.tobytes()
    assert one.y.tobytes() == two.y.tobytes()


@pytest.mark.parametrize("seed", range(3))
def test_legal_macros_keep_a_strict_gap_for_float_checkers(seed):
    design = random_blocks(30, 0.6, RNG(seed))
    placement = legalise(design)
    boxes = integer_boxes(design, placement)
    grown = boxes + np.array([0, 0, 1, 1])
    assert len(overlapping_pairs(grown)) == 0
    for kind in (np.float64, np.float32):
        x, y = placement.x.astype(kind), placement.y.astype(kind)
        rounded = design.placement.moved(x=x, y=y)
        assert judge(design, rounded) == []


def test_spacing_is_kept_where_there_is_room_and_dropped_where_not():
    design = random_blocks(12, 0.3, RNG(1))
    step = design.canvas.lattice
    boxes = integer_boxes(design, legalise(design, spacing=2.0))
    gap = round(2.0 / step)
    assert len(overlapping_pairs(boxes + np.array([0, 0, gap, 0]))) == 0
    assert len(overlapping_pairs(boxes + np.array([0, 0, 0, gap]))) == 0
    tight = block_design([50] * 4, [50] * 4, [0] * 4, [0] * 4)
    assert_legal(tight, legalise(tight, spacing=2.0))


def test_fixed_macros_blockages_and_notches_are_obstacles():
    rng = RNG(2)
    n = 24
    w, h = np.round(rng.uniform(4, 14, (2, n)), 2)
    x, y = np.round(rng.uniform(0, 90, (2, n)), 2)
    fixed = np.zeros(n, bool)
    w[:2], h[:2], x[:2], y[:2], fixed[:2] = 20, 15, (5, 30), (70, 20), True
    outline = Polygon([(0, 0), (100, 0), (100, 55), (65, 55), (65, 100), (0, 100)])
    block = Blockage(box(70.5, 5.25, 90.0, 21.0))
    design = block_design(w, h, x, y, fixed=fixed, outline=outline, blockages=(block,))
    placement = legalise(design)
    assert_legal(design, placement)
    assert (placement.x[:2] == design.placement.x[:2]).all()


def test_turned_macros_stay_turned():
    design = block_design([60, 60], [10, 10], [0, 5], [0, 5], orient=[2, 2], canvas=(0, 0, 21, 61))
    placement = legalise(design)
    assert placement.orient.tolist() == [2, 2]
    assert_legal(design, placement)


def test_soft_macros_and_cells_come_inside_and_nothing_else_about_them_changes():
    kind = [SOFT_MACRO, SOFT_MACRO, STDCELL, SOFT_MACRO, PORT]
    outline = Polygon([(0, 0), (100, 0), (100, 55), (65, 55), (65, 100), (0, 100)])
    design = block_design([10] * 5, [10] * 5, [-5, 20, 97, 80, 150], [20, 20, 10, 80, 10], kind=kind, outline=outline)
    placement = legalise(design)
    assert_legal(design, placement)
    assert placement.x[0] == 5
    assert (placement.x[[1, 4]] == design.placement.x[[1, 4]]).all()
    assert displacement(design, placement)[3] == pytest.approx(25, abs=0.01)


# -- quality -----------------------------------------------------------------------------------------------------------


def test_one_overlapping_pair_moves_by_its_overlap_only():
    design = block_design([20, 20], [20, 20], [30, 48], [40, 40])
    placement = legalise(design)
    assert displacement(design, placement).sum() == pytest.approx(2, abs=0.01)


def test_a_row_pushed_together_spreads_without_jumping():
    # Five abutting macros squeezed by 1 um each: the least total displacement is 1 + 2 + 1 + 2 around the middle one.
    x = 20 + 9.0 * np.arange(5)
    design = block_design([10] * 5, [90] * 5, x, [4] * 5)
    placement = legalise(design)
    assert displacement(design, placement).sum() == pytest.approx(6, abs=0.05)
    assert np.argsort(placement.x).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("utilisation", [0.5, 0.8])
def test_jittered_cuts_go_back_nearly_where_they_were(utilisation):
    # Pieces of a cut square, shrunk to the utilisation and shaken: a legal arrangement within the jitter exists.
    rng = RNG(7)
    x, y, w, h = guillotine(40, rng).T
    shrink = np.sqrt(utilisation)
    jitter = rng.uniform(-1, 1, (2, 40)) * 2.0
    w, h, x, y = np.floor(w * shrink * 100) / 100, np.floor(h * shrink * 100) / 100, x + jitter[0], y + jitter[1]
    design = block_design(w, h, x, y)
    placement = legalise(design)
    assert_legal(design, placement)
    # Going back costs about 2 um each; a legaliser that uproots macros costs their size, about 14 um.
    assert displacement(design, placement).mean() < 2.5


def test_weights_decide_who_moves():
    design = block_design([20, 20], [20, 20], [30, 44], [40, 40])
    for heavy in (0, 1):
        weight = np.ones(2)
        weight[heavy] = 10
        moved = displacement(design, legalise(design, weight=weight))
        assert moved[heavy] == pytest.approx(0, abs=0.001)
        assert moved[1 - heavy] == pytest.approx(6, abs=0.01)


def test_compaction_is_the_optimum_over_the_integers():
    # Three in a row with the order kept, against all integer positions.
    rng = RNG(3)
    for _ in range(20):
        w = rng.integers(1, 4, 3).astype(float)
        start = np.cumsum(np.r_[0, w[:-1]]) + rng.integers(0, 2)
        design = block_design(
            w, [1] * 3, rng.integers(0, 9, 3), [0] * 3, canvas=(0, 0, 10, 1), manufacturing_grid=1.0
        )  # fmt: skip
        problem = build(design, design.placement, gap=0, margin=0)
        x, _ = compact(problem, start.astype(np.int64), np.zeros(3, np.int64))
        t, w = problem.target_x, problem.width
        best = min(
            abs(a - t[0]) + abs(b - t[1]) + abs(c - t[2])
            for a in range(10)
            for b in range(a + w[0], 10)
            for c in range(b + w[1], 10 - w[2] + 1)
        )
        assert problem.cost(x, np.zeros(3, np.int64)) == best


# -- full grounds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pieces", [1, 3, 6, 8])
@pytest.mark.parametrize("seed", range(3))
def test_a_square_cut_into_few_pieces_is_put_together_again(pieces, seed):
    rng = RNG(100 * pieces + seed)
    _, _, w, h = guillotine(pieces, rng).T
    design = block_design(w, h, rng.uniform(0, 60, pieces), rng.uniform(0, 60, pieces))
    placement = legalise(design)
    assert check(design, placement).legal
    assert judge(design, placement, tolerance=1e-6) == []


@pytest.mark.parametrize("pieces", [12, 20, 40])
def test_shuffled_pieces_are_packed_at_ninety_percent(pieces):
    rng = RNG(pieces)
    _, _, w, h = guillotine(pieces, rng).T
    shrink = np.sqrt(0.9)
    w, h = np.floor(w * shrink * 100) / 100, np.floor(h * shrink * 100) / 100
    design = block_design(w, h, rng.uniform(0, 80, pieces), rng.uniform(0, 80, pieces))
    assert_legal(design, legalise(design))


def test_shaken_tiles_that_fill_the_canvas_go_back():
    # A full 4 x 4 board leaves nothing but its own arrangement.
    rng = RNG(5)
    x, y = (v.ravel() * 25.0 for v in np.meshgrid(np.arange(4), np.arange(4)))
    design = block_design([25] * 16, [25] * 16, x + rng.uniform(-2, 2, 16), y + rng.uniform(-2, 2, 16))
    placement = legalise(design)
    assert check(design, placement).legal
    assert displacement(design, placement).mean() < 4


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("pieces", [10, 15, 25, 60])
def test_shuffled_pieces_are_packed_at_ninety_five_percent(pieces, seed):
    rng = RNG(1000 * pieces + seed)
    _, _, w, h = guillotine(pieces, rng).T
    shrink = np.sqrt(0.95)
    w, h = np.floor(w * shrink * 100) / 100, np.floor(h * shrink * 100) / 100
    design = block_design(w, h, rng.uniform(0, 80, pieces), rng.uniform(0, 80, pieces))
    assert_legal(design, legalise(design))


# -- what cannot be ----------------------------------------------------------------------------------------------------


def test_a_macro_larger_than_the_canvas_is_named():
    design = block_design([10, 120], [10, 5], [0, 0], [0, 0])
    with pytest.raises(PlacementError, match=r"120 x 5 um, larger than the canvas of 100 x 100 um .*'b1'"):
        legalise(design)


def test_a_macro_that_fits_nowhere_between_fixed_ones_is_named():
    design = block_design([20, 60], [100, 60], [45, 0], [0, 0], fixed=[1, 0])
    with pytest.raises(PlacementError, match=r"60 x 60 um fits nowhere .*'b1'"):
        legalise(design)


def test_too_much_area_is_reported_with_numbers():
    design = block_design([60] * 3, [60] * 3, [0] * 3, [0] * 3)
    with pytest.raises(PlacementError, match=r"need 10800 um\^2, the free canvas area is 10000 um\^2 \(108.0 % full\)"):
        legalise(design)


def test_little_area_that_still_cannot_fit_is_proved():
    # Two macros of 60 x 60 um cannot lie side by side on 100 x 100 um, though they fill only 72 %.
    design = block_design([60] * 2, [60] * 2, [0] * 2, [0] * 2)
    with pytest.raises(PlacementError, match=r"no legal placement exists: 2 hard macros fill 72.0 %"):
        legalise(design)


def test_a_search_that_ends_without_answer_says_what_was_tried():
    # Of squares larger than a third of the side, four fit: each covers one of the four points at thirds.
    design = block_design([34] * 5 + [10] * 8, [34] * 5 + [10] * 8, [0] * 13, [0] * 13)
    with pytest.raises(PlacementError, match=r"no legal placement was found: 13 hard macros fill 65.8 % .*packing"):
        legalise(design, budget=Budget(0.5))


def test_complete_search_agrees_with_trying_every_position():
    rng = RNG(11)
    seen = set()
    for _ in range(150):
        n = int(rng.integers(2, 5))
        w, h = rng.integers(1, 5, (2, n))
        walls = int(rng.integers(0, 3))
        sizes = np.r_[rng.integers(1, 3, walls), w], np.r_[rng.integers(1, 3, walls), h]
        corner = np.vstack([rng.integers(0, 4, (walls, 2)), np.zeros((n, 2), int)])
        design = block_design(
            *sizes, *corner.T, fixed=np.arange(walls + n) < walls, canvas=(0, 0, 5, 5), manufacturing_grid=1.0
        )  # fmt: skip
        problem = build(design, design.placement, gap=0, margin=0)
        corners, proved = search_all(problem)
        possible = _fits_somewhere(problem)
        assert (corners is not None) == possible
        assert proved != possible
        assert corners is None or problem.is_legal(*corners)
        seen.add(possible)
    assert seen == {True, False}


def _fits_somewhere(problem):
    taken = np.zeros((5, 5), bool)
    for a, b, c, d in problem.walls.tolist():
        taken[max(a, 0) : c, max(b, 0) : d] = True

    def place(k):
        if k == problem.size:
            return True
        w, h = int(problem.width[k]), int(problem.height[k])
        for x in range(5 - w + 1):
            for y in range(5 - h + 1):
                if not taken[x : x + w, y : y + h].any():
                    taken[x : x + w, y : y + h] = True
                    if place(k + 1):
                        return True
                    taken[x : x + w, y : y + h] = False
        return False

    return place(0)


def test_packing_keeps_clear_of_walls():
    design = block_design([30] * 6, [20] * 6, [0] * 6, [0] * 6, fixed=[1, 0, 0, 0, 0, 0])
    problem = build(design, design.placement, gap=0, margin=0)
    corners = pack(problem, Budget(), seed=0)
    assert corners is not None
    assert problem.is_legal(*corners)


def test_a_spent_budget_still_gives_a_legal_placement():
    design = random_blocks(80, 0.6, RNG(9))
    legalise(design, budget=Budget(0.0))  # compiles
    start = time.perf_counter()
    placement = legalise(design, budget=Budget(0.0))
    assert time.perf_counter() - start < 2
    assert check(design, placement).legal


# -- real designs ------------------------------------------------------------------------------------------------------


@pytest.mark.open_data
@pytest.mark.parametrize("name", ["initial.plc", "golden/jittered.plc", "golden/random.plc"])
def test_ariane_becomes_legal_and_stays_close(open_data, name):
    from netlists.load import load

    folder = open_data("ct/ariane133_ng45")
    design = load(folder, folder / name)
    placement = legalise(design)
    assert_legal(design, placement)
    macros = np.flatnonzero((design.netlist.node_kind == HARD_MACRO) & design.movable)
    side = np.sqrt(design.netlist.node_width[macros] * design.netlist.node_height[macros]).mean()
    assert displacement(design, placement)[macros].mean() < 0.6 * side


@pytest.mark.open_data
def test_the_macro_tiles_are_legal_as_they_came(open_data):
    from netlists.load import load

    design = load(open_data("ct/google_macro_tiles_10x10"))
    placement = legalise(design)
    assert_legal(design, placement)
    assert displacement(design, placement).max() < 0.01
