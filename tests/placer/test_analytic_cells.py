"""Cells in rows: what obstacles leave, legal places, and passes that only ever shorten nets."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from shapely.geometry import Polygon, box

from netlists.canvas import BLOCK_HARD, BLOCK_PARTIAL, Blockage
from netlists.constraints import Constraints, Region
from netlists.errors import PlacementError
from netlists.netlist import PORT, STDCELL
from netlists.orientation import FS, N
from placer.budget import Budget
from placer.cost.flat_rules import check_flat
from placer.engines.analytic.abacus import place_in_rows
from placer.engines.analytic.board import LIFTED, build_board, change, length, lift, price
from placer.engines.analytic.cells import place_cells
from placer.engines.analytic.detailed import improve
from placer.engines.analytic.matching import _assign, match
from placer.engines.analytic.mirroring import mirror_cells
from placer.engines.analytic.reorder import local_reorder
from placer.engines.analytic.segments import CODE_OF, row_kinds, rows_of, segments
from placer.engines.analytic.shift import shift_in_segments
from placer.engines.analytic.swaps import global_swap
from placer.engines.analytic.wirelength import hpwl_of
from tests.placer.flat_designs import (
    alternating,
    broken_rules,
    flat_design,
    heights,
    rows_of_two_heights,
    scattered,
    thrown,
)

NOTHING = np.zeros((0, 4))
PASSES = {
    "swap": lambda b, ids: global_swap(b, ids, 1, np.full(len(b.x), -1)),
    "reorder": lambda b, ids: local_reorder(b, 0, len(b.row), -1),
    "shift": lambda b, ids: shift_in_segments(b, 0, len(b.row), -1),
    "match": lambda b, ids: match(b, ids, 1),
    "mirror": lambda b, ids: mirror_cells(b, ids, -1),
}


def test_segments_leave_out_whole_sites_under_obstacles():
    design = flat_design(0, macros=0, cells=20)
    rows = rows_of(design.canvas, 2.0)
    cut = segments(rows, (0.0, 0.0), np.array([[1.2, 0.5, 2.3, 2.0], [0.0, 2.0, 0.5, 4.0]]))
    sites = rows.num_sites[0]
    got = [(int(r), int(a), int(b)) for r, a, b in zip(cut.row, cut.first, cut.last, strict=True)][:4]
    assert got == [(0, 0, 2), (0, 5, sites), (1, 1, sites), (2, 0, sites)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.floats(-2, 22) for _ in range(4)]), max_size=6))
def test_free_sites_are_those_no_obstacle_touches(raw):
    rows = rows_of(flat_design(0, macros=0, cells=60).canvas, 2.0)
    boxes = np.array([[min(a, c), min(b, d), max(a, c), max(b, d)] for a, b, c, d in raw]).reshape(-1, 4)
    cut = segments(rows, (0.0, 0.0), boxes)
    free = np.zeros((len(rows.y), int(rows.num_sites[0])), bool)
    for r, a, b in zip(cut.row, cut.first, cut.last, strict=True):
        assert not free[r, a:b].any()
        free[r, a:b] = True
    for r, s in np.ndindex(free.shape):
        x, y, eps = 0.5 * s, 2.0 * r, 1e-5
        # What reaches into a site by less than the rounding that is allowed for may take it or not.
        near = (boxes[:, 0] < x + 0.5 + eps) & (boxes[:, 2] > x - eps) & (boxes[:, 1] < y + 2 + eps)
        near &= boxes[:, 3] > y - eps
        hit = (boxes[:, 0] < x + 0.5 - eps) & (boxes[:, 2] > x + eps) & (boxes[:, 1] < y + 2 - eps)
        hit &= boxes[:, 3] > y + eps
        hit &= (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        if not near.any():
            assert free[r, s]
        elif (
            hit.any()
            and (np.minimum(boxes[hit, 2], x + 0.5) - np.maximum(boxes[hit, 0], x)).max() > 1e-4
            and (np.minimum(boxes[hit, 3], y + 2) - np.maximum(boxes[hit, 1], y)).max() > 1e-4
        ):
            assert not free[r, s]


def test_pieces_of_a_row_are_one_level():
    rows = rows_of(flat_design(0, macros=0, cells=20).canvas, 2.0)
    halves = replace(
        rows, y=np.repeat(rows.y, 2), x0=np.stack([rows.x0, rows.x0 + 3.25], 1).ravel(),
        num_sites=np.full(2 * len(rows.y), 5), height=np.repeat(rows.height, 2),
        site_width=np.repeat(rows.site_width, 2), site_spacing=np.repeat(rows.site_spacing, 2),
        orient=np.repeat(rows.orient, 2),
    )  # fmt: skip
    cut = segments(halves, (0.0, 0.0), NOTHING)
    assert len(cut.row_y) == len(rows.y)
    assert cut.x0[:2].tolist() == [0.0, 3.25]
    assert cut.row[:4].tolist() == [0, 0, 1, 1]


def legal_board(seed, **options):
    design = alternating(flat_design(seed, macros=0, **options))
    c, x, y = scattered(design, seed)
    ids = np.flatnonzero(c.movable)
    where = segments(rows_of(design.canvas, 2.0), (design.canvas.x0, design.canvas.y0), NOTHING)
    segment, site = place_in_rows(
        where, x[ids] - c.width[ids] / 2, y[ids] - c.height[ids] / 2, c.width[ids], c.height[ids]
    )
    assert (segment >= 0).all()
    return design, c, ids, build_board(c, where, x, y, ids, segment, site)


def as_placement(design, board):
    orient = np.where(design.netlist.node_kind == PORT, N, CODE_OF[board.turn])
    return design.placement.moved(
        x=board.x + design.canvas.x0, y=board.y + design.canvas.y0, orient=orient, placed=np.ones(len(orient), bool)
    )


def assert_legal(design, placement):
    report = check_flat(design, placement, reference=design.placement)
    assert report.legal, report.summary()
    assert broken_rules(design, placement) == []


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 0.97))
def test_cells_in_rows_never_overlap(seed, utilisation):
    design, _, _, board = legal_board(seed, cells=120, utilisation=utilisation)
    assert_legal(design, as_placement(design, board))


def test_cells_that_are_legal_already_stay():
    design, c, ids, board = legal_board(5, cells=100)
    where = segments(rows_of(design.canvas, 2.0), (0.0, 0.0), NOTHING)
    segment, site = place_in_rows(
        where, board.x[ids] - c.width[ids] / 2, board.y[ids] - c.height[ids] / 2, c.width[ids], c.height[ids]
    )
    np.testing.assert_array_equal(segment, board.segment[ids])
    np.testing.assert_array_equal(site, board.site[ids])


def test_what_does_not_fit_is_left_and_the_rest_is_placed():
    where = segments(rows_of(flat_design(0, macros=0, cells=10).canvas, 2.0), (0.0, 0.0), NOTHING)
    count = where.room // 4 + 5
    segment, _ = place_in_rows(where, np.zeros(count), np.zeros(count), np.full(count, 2.0), np.full(count, 2.0))
    fits = int(((where.last - where.first) // 4).sum())
    assert (segment >= 0).sum() == fits


def test_wide_cells_find_room_that_narrow_ones_took():
    """Left to right the narrow cells split the room; widest first all fit."""
    design = flat_design(0, macros=0, cells=10)
    rows = replace(rows_of(design.canvas, 2.0), num_sites=np.full(len(design.canvas.rows.y), 10))
    where = segments(rows, (0.0, 0.0), NOTHING)
    lines = len(rows.y)
    width = np.concatenate([np.full(lines, 2.0), np.full(lines, 3.0)])
    x = np.concatenate([np.zeros(lines), np.full(lines, 1.0)])
    y = np.concatenate([np.zeros(lines), rows.y])
    segment, site = place_in_rows(where, x, y, width, np.full(2 * lines, 2.0))
    assert (segment >= 0).all()
    for s in range(lines):
        mine = np.flatnonzero(segment == s)
        mine = mine[np.argsort(site[mine])]
        ends = site[mine] + np.round(width[mine] / 0.5).astype(int)
        assert (site[mine][1:] >= ends[:-1]).all()
        assert ends[-1] <= 10


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_changes_are_priced_exactly(seed):
    design, c, ids, board = legal_board(seed, cells=60)
    rng = np.random.default_rng(seed)
    before = hpwl_of(design, as_placement(design, board))
    assert length(board) == pytest.approx(before, rel=1e-12)
    for size in (1, 2, 3):
        cells = rng.choice(ids, size, replace=False)
        xs, ys = rng.uniform(0, c.extent[0], size), rng.uniform(0, c.extent[1], size)
        turns = rng.integers(0, 4, size)
        x, y, turn = board.x.copy(), board.y.copy(), board.turn.copy()
        x[cells], y[cells], turn[cells] = xs, ys, turns
        after = hpwl_of(design, as_placement(design, board._replace(x=x, y=y, turn=turn)))
        assert change(board, cells, xs, ys, turns, size) == pytest.approx(after - before, abs=1e-7)
        if size == 1:
            lifted = np.empty((99, LIFTED))
            nets = lift(board, int(cells[0]), lifted)
            now = price(lifted, nets, board.x[cells[0]], board.y[cells[0]], board.turn[cells[0]])
            then = price(lifted, nets, xs[0], ys[0], turns[0])
            own = design.netlist.conn_node == cells[0]
            twice = np.bincount(design.netlist.conn_net[own]).max(initial=0) > 1
            if not twice:  # nets that hold nothing but this cell are left out of a price
                assert then - now == pytest.approx(after - before, abs=1e-7)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(sorted(PASSES)), st.floats(0.5, 0.98))
def test_detailed_passes_keep_cells_legal_and_gain_what_they_say(seed, name, utilisation):
    design, _, ids, board = legal_board(seed, cells=120, utilisation=utilisation)
    before = hpwl_of(design, as_placement(design, board))
    gained = PASSES[name](board, ids)
    assert gained >= 0
    placement = as_placement(design, board)
    assert hpwl_of(design, placement) == pytest.approx(before - gained, rel=1e-9)
    assert length(board) == pytest.approx(before - gained, rel=1e-9)
    assert_legal(design, placement)


@pytest.mark.parametrize("name", sorted(PASSES))
def test_every_pass_gains_something_on_a_random_start(name):
    _, _, ids, board = legal_board(3, cells=200, utilisation=0.8)
    assert PASSES[name](board, ids) > 0


def test_rounds_of_all_passes_never_lengthen_nets():
    _, _, ids, board = legal_board(8, cells=150, utilisation=0.9)
    seen = [float(length(board))]
    after = improve(board, ids, seen[0], Budget(), lambda step, cost: seen.append(cost))
    assert len(seen) > 2
    assert all(b <= a for a, b in itertools.pairwise(seen))
    assert after == pytest.approx(length(board), rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_shifting_finds_the_best_sites_for_an_order(seed):
    """Against all ways to place four cells in a short segment, others held."""
    design, c, _, board = legal_board(seed, cells=24, utilisation=0.4)
    rng = np.random.default_rng(seed)
    s = int(rng.choice(np.flatnonzero(board.filled >= 1)))
    cells = board.order[board.base[s] : board.base[s] + min(board.filled[s], 3)].copy()
    last = int(board.first[s] + board.sites[cells].sum() + 6)
    board.last[s], board.filled[s] = last, len(cells)
    site = board.first[s]
    for i in cells:
        board.site[i] = site
        board.x[i] = board.x0[s] + site * board.pitch[0] + board.half[i]
        site += board.sites[i]
    # What lay further right of the segment is taken off the board.
    keep = np.isin(np.arange(c.num_nodes), cells)
    board.segment[~keep] = -1
    board.filled[np.arange(len(board.filled)) != s] = 0
    from placer.engines.analytic.board import _pins_and_boxes

    _pins_and_boxes(board)
    widths = board.sites[cells]
    best = np.inf
    x = board.x.copy()
    for spots in itertools.product(range(board.first[s], last), repeat=len(cells)):
        ends = np.array(spots) + widths
        if (np.array(spots)[1:] < ends[:-1]).any() or ends[-1] > last:
            continue
        x[cells] = board.x0[s] + np.array(spots) * board.pitch[0] + board.half[cells]
        best = min(best, hpwl_of(design, as_placement(design, board._replace(x=x))))
    shift_in_segments(board, 0, len(board.row), -1)
    assert length(board) == pytest.approx(best, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(0, 10_000))
def test_assignments_are_the_least(size, seed):
    cost = np.random.default_rng(seed).normal(size=(size, size)).round(2)
    to = np.empty(size, np.int64)
    total = _assign(cost, size, to, np.empty((3, size + 1)), np.empty((3, size + 1), np.int64))
    rows, columns = linear_sum_assignment(cost)
    assert total == pytest.approx(cost[rows, columns].sum(), abs=1e-9)
    assert sorted(to.tolist()) == list(range(size))
    assert cost[np.arange(size), to].sum() == pytest.approx(total, abs=1e-9)


# -- whole designs ---------------------------------------------------------------------------------------------------


def with_constraints(design, **changes):
    return replace(design, constraints=Constraints.none(design.netlist.num_nodes).changed(**changes))


def test_cells_lie_as_their_rows_and_are_scored_so():
    design = alternating(flat_design(7, macros=0, cells=150))
    legal = place_cells(design, thrown(design))
    assert_legal(design, legal.placement)
    cells = design.netlist.node_kind == STDCELL
    assert {FS, N} <= set(legal.placement.orient[cells].tolist())
    assert legal.hpwl == pytest.approx(hpwl_of(design, legal.placement), rel=1e-9)
    assert legal.hpwl < legal.legalised


def test_members_of_a_fence_lie_in_it_and_others_do_not():
    design = alternating(flat_design(3, macros=0, cells=200, utilisation=0.5))
    c = design.canvas
    members = np.flatnonzero(design.netlist.node_kind == STDCELL)[::5]
    wide, high = c.width, c.height
    # An L: the middle third in x, half of it cut out.
    shape = Polygon(
        [(wide * 0.3, 0), (wide * 0.75, 0), (wide * 0.75, high * 0.5), (wide * 0.5, high * 0.5),
         (wide * 0.5, high), (wide * 0.3, high)]
    )  # fmt: skip
    region = np.full(design.netlist.num_nodes, -1, np.int32)
    region[members] = 0
    design = with_constraints(design, region=region, regions=(Region("cpu", shape),))
    legal = place_cells(design, thrown(design))
    assert_legal(design, legal.placement)


@pytest.mark.parametrize("kind", [BLOCK_HARD, BLOCK_PARTIAL])
def test_cells_keep_off_hard_blockages_only(kind):
    design = alternating(flat_design(2, macros=0, cells=150, utilisation=0.4))
    c = design.canvas
    cross = box(0, c.height * 0.4, c.width, c.height * 0.6).union(box(c.width * 0.4, 0, c.width * 0.6, c.height))
    design = replace(design, canvas=replace(c, blockages=(Blockage(cross, kind),)))
    legal = place_cells(design, thrown(design))
    assert_legal(design, legal.placement)
    inner = cross.buffer(-0.3)
    cells = design.netlist.node_kind == STDCELL
    covered = sum(
        inner.contains_properly(box(x - 0.1, y - 0.1, x + 0.1, y + 0.1))
        for x, y in zip(legal.placement.x[cells], legal.placement.y[cells], strict=True)
    )
    assert (covered == 0) == (kind == BLOCK_HARD)


def test_cells_keep_clear_of_fixed_cells_and_macros():
    design = alternating(flat_design(4, macros=3, cells=120, fixed=3, utilisation=0.5))
    held = design.placement.fixed.copy()
    x, y = design.placement.x.copy(), design.placement.y.copy()
    some = np.flatnonzero(design.netlist.node_kind == STDCELL)[:6]
    for k, i in enumerate(some):  # a column of fixed cells, off the rows' sites
        held[i] = True
        x[i] = design.canvas.x1 - 4.1
        y[i] = design.canvas.y1 - 2.0 * k - 1.0
    placement = design.placement.moved(fixed=held, placed=held, x=x, y=y)
    design = design.with_placement(placement)
    legal = place_cells(design, thrown(design))
    report = check_flat(design, legal.placement, reference=design.placement)
    assert report.legal, report.summary()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_cells_of_several_rows_lie_on_all_of_them(seed):
    design = alternating(flat_design(seed, macros=0, cells=100, utilisation=0.4))
    cells = np.flatnonzero(design.netlist.node_kind == STDCELL)
    for k in (2, 3, 4):
        design = heights(design, cells[k::12], 2.0 * k)
    legal = place_cells(design, thrown(design, seed))
    report = check_flat(design, legal.placement, reference=design.placement)
    assert report.legal, report.summary()


def test_rows_of_two_heights_take_cells_of_theirs():
    design = rows_of_two_heights(alternating(flat_design(6, macros=0, cells=150, utilisation=0.45)))
    rows = design.canvas.rows
    cells = np.flatnonzero(design.netlist.node_kind == STDCELL)
    design = heights(design, cells[::3], 3.0)
    assert [float(kind.height[0]) for kind in row_kinds(rows)] == [2.0, 3.0]
    legal = place_cells(design, thrown(design))
    report = check_flat(design, legal.placement, reference=design.placement)
    assert report.legal, report.summary()
    tall = np.isin(np.arange(design.netlist.num_nodes), cells[::3])
    low = legal.placement.y - design.netlist.node_height / 2
    assert np.isin(low[tall].round(6), rows.y[rows.height == 3.0].round(6)).all()


def test_halos_are_kept_free_where_there_is_room():
    design = alternating(flat_design(5, macros=2, cells=80, fixed=2, utilisation=0.4))
    halo = np.zeros((design.netlist.num_nodes, 4))
    halo[:2] = 1.0
    design = with_constraints(design, halo=halo)
    legal = place_cells(design, thrown(design))
    p, n = legal.placement, design.netlist
    cells = n.node_kind == STDCELL
    for m in range(2):
        apart_x = np.abs(p.x - p.x[m]) - (n.node_width + n.node_width[m]) / 2
        apart_y = np.abs(p.y - p.y[m]) - (n.node_height + n.node_height[m]) / 2
        assert (np.maximum(apart_x, apart_y)[cells] >= 1.0 - 1e-6).all()


def test_cells_too_high_for_every_row_are_named():
    design = flat_design(1, macros=0, cells=20)
    with pytest.raises(PlacementError, match="fits rows of 2 um in no way"):
        place_cells(heights(design, [4], 5.0), thrown(design))


def test_legal_cells_come_out_the_same_twice():
    design = alternating(flat_design(9, macros=0, cells=150))
    first, second = (place_cells(design, thrown(design)).placement for _ in range(2))
    assert first.x.tobytes() == second.x.tobytes()
    assert first.orient.tobytes() == second.orient.tobytes()
