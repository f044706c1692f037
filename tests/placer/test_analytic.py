"""Analytic placement of flat designs: its parts against plain formulas, the whole against an independent check."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlists.errors import PlacementError
from placer.cost.full import full
from placer.engines.analytic.abacus import place_in_rows
from placer.engines.analytic.board import build_board, change
from placer.engines.analytic.circuit import extract
from placer.engines.analytic.density import Density, fixed_area
from placer.engines.analytic.flow import place_flat
from placer.engines.analytic.reorder import local_reorder
from placer.engines.analytic.segments import rows_of, segments
from placer.engines.analytic.swaps import global_swap
from placer.engines.analytic.wirelength import Wirelength
from placer.engines.analytic.workers import Workers
from tests.placer.flat_designs import broken_rules, flat_design


def scattered(design, seed=0):
    c = extract(design)
    rng = np.random.default_rng(seed)
    x, y = design.placement.x - design.canvas.x0, design.placement.y - design.canvas.y0
    x = np.where(c.movable, c.width / 2 + rng.random(len(x)) * (c.extent[0] - c.width), x)
    y = np.where(c.movable, c.height / 2 + rng.random(len(y)) * (c.extent[1] - c.height), y)
    return c, x, y


def test_hpwl_is_that_of_the_reference_cost():
    design = flat_design(1, origin=(5.0, -3.0))
    c, x, y = scattered(design)
    placement = design.placement.moved(x=x + 5.0, y=y - 3.0)
    assert Wirelength(c, Workers(1)).hpwl(x, y) == pytest.approx(full(design, placement).hpwl_um, rel=1e-12)


def smooth_length(c, x, y, gamma):
    """The weighted-average model, written out."""
    total = 0.0
    for e in range(len(c.weight)):
        q = slice(c.net_ptr[e], c.net_ptr[e + 1])
        for at in (x[c.pin_node[q]] + c.pin_dx[q], y[c.pin_node[q]] + c.pin_dy[q]):
            up, down = np.exp((at - at.max()) / gamma), np.exp((at.min() - at) / gamma)
            total += c.weight[e] * ((at * up).sum() / up.sum() - (at * down).sum() / down.sum())
    return total


@pytest.mark.parametrize("gamma", [0.3, 4.0])
def test_wirelength_slopes_are_those_of_the_weighted_average(gamma):
    c, x, y = scattered(flat_design(2, cells=40))
    got_x, got_y = np.empty(c.num_nodes), np.empty(c.num_nodes)
    Wirelength(c, Workers(2)).slopes(x, y, gamma, got_x, got_y)
    for i in range(0, c.num_nodes, 5):
        for at, got in ((x, got_x), (y, got_y)):
            step = np.zeros(c.num_nodes)
            step[i] = 1e-6
            high, low = (
                smooth_length(c, *(np.where(True, v + s * step, v) if v is at else v for v in (x, y)), gamma)
                for s in (1, -1)
            )
            assert got[i] == pytest.approx((high - low) / 2e-6, rel=1e-4, abs=1e-5)


def test_threads_do_not_change_slopes():
    c, x, y = scattered(flat_design(3))
    out = []
    for count in (1, 3):
        gx, gy = np.empty(c.num_nodes), np.empty(c.num_nodes)
        Wirelength(c, Workers(count)).slopes(x, y, 1.0, gx, gy)
        out.append(gx.tobytes() + gy.tobytes())
    assert out[0] == out[1]


def test_the_field_solves_poissons_equation():
    """Divergence of the field is the charge less its mean."""
    extent, bins = (40.0, 30.0), (64, 64)
    x, y, wide, high = np.array([16.0, 24.0]), np.array([15.0, 15.0]), np.array([7.0, 7.0]), np.array([6.0, 6.0])
    field = Density(extent, bins, wide, high, np.ones(2), np.zeros(bins), 1.0, Workers(1))
    field.spread(x, y)
    dx, dy = extent[0] / bins[0], extent[1] / bins[1]
    divergence = np.gradient(field.field_x, dx, axis=0) + np.gradient(field.field_y, dy, axis=1)
    charge = fixed_area(extent, bins, np.stack([x - wide / 2, y - high / 2, x + wide / 2, y + high / 2], 1)) / (dx * dy)
    charge -= charge.mean()
    assert np.corrcoef(divergence[2:-2, 2:-2].ravel(), charge[2:-2, 2:-2].ravel())[0, 1] > 0.97
    push = np.empty(2), np.empty(2)
    field.slopes(x, y, *push)
    assert push[0][0] > 0 > push[0][1], "two charges push each other apart"


def test_area_in_bins_is_the_area_of_the_boxes():
    boxes = np.array([[1.0, 2.0, 7.5, 4.0], [0.0, 0.0, 10.0, 1.0]])
    assert fixed_area((10.0, 8.0), (7, 5), boxes).sum() == pytest.approx(13.0 + 10.0)


def test_segments_leave_out_whole_sites_under_obstacles():
    design = flat_design(0, macros=0, cells=20)
    rows = rows_of(design.canvas, 2.0)
    cut = segments(rows, (0.0, 0.0), np.array([[1.2, 0.5, 2.3, 2.0], [0.0, 2.0, 0.5, 4.0]]))
    sites = rows.num_sites[0]
    got = [(int(r), int(a), int(b)) for r, a, b in zip(cut.row, cut.first, cut.last, strict=True)][:4]
    assert got == [(0, 0, 2), (0, 5, sites), (1, 1, sites), (2, 0, sites)]


def legal_board(seed, **options):
    design = flat_design(seed, macros=0, **options)
    c, x, y = scattered(design, seed)
    ids = np.flatnonzero(c.movable)
    where = segments(rows_of(design.canvas, 2.0), (design.canvas.x0, design.canvas.y0), np.zeros((0, 4)))
    segment, site = place_in_rows(
        where, x[ids] - c.width[ids] / 2, y[ids] - c.height[ids] / 2, c.width[ids], c.height[ids]
    )
    assert (segment >= 0).all()
    return design, c, ids, build_board(c, where, x, y, ids, segment, site)


def as_placement(design, board):
    return design.placement.moved(x=board.x + design.canvas.x0, y=board.y + design.canvas.y0)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 0.97))
def test_cells_in_rows_never_overlap(seed, utilisation):
    design, _, _, board = legal_board(seed, cells=120, utilisation=utilisation)
    assert broken_rules(design, as_placement(design, board)) == []


def test_cells_that_are_legal_already_stay():
    design, c, ids, board = legal_board(5, cells=100)
    where = segments(rows_of(design.canvas, 2.0), (0.0, 0.0), np.zeros((0, 4)))
    segment, site = place_in_rows(
        where, board.x[ids] - c.width[ids] / 2, board.y[ids] - c.height[ids] / 2, c.width[ids], c.height[ids]
    )
    np.testing.assert_array_equal(segment, board.segment[ids])
    np.testing.assert_array_equal(site, board.site[ids])


def test_what_does_not_fit_is_said_and_the_rest_is_placed():
    where = segments(rows_of(flat_design(0, macros=0, cells=10).canvas, 2.0), (0.0, 0.0), np.zeros((0, 4)))
    room = int((where.last - where.first).sum())
    count = room // 4 + 5
    segment, _ = place_in_rows(where, np.zeros(count), np.zeros(count), np.full(count, 2.0), np.full(count, 2.0))
    fits = int(((where.last - where.first) // 4).sum())
    assert (segment >= 0).sum() == fits


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_changes_are_priced_exactly(seed):
    _, c, ids, board = legal_board(seed, cells=60)
    wires = Wirelength(c, Workers(1))
    rng = np.random.default_rng(seed)
    for size in (1, 2, 3):
        cells = rng.choice(ids, size, replace=False)
        xs, ys = rng.uniform(0, c.extent[0], size), rng.uniform(0, c.extent[1], size)
        x, y = board.x.copy(), board.y.copy()
        before = wires.hpwl(x, y)
        x[cells], y[cells] = xs, ys
        assert change(board, cells, xs, ys, size) == pytest.approx(wires.hpwl(x, y) - before, abs=1e-7)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([global_swap, local_reorder]))
def test_detailed_passes_keep_cells_legal_and_gain_what_they_say(seed, work):
    design, c, ids, board = legal_board(seed, cells=120, utilisation=0.85)
    wires = Wirelength(c, Workers(1))
    before = wires.hpwl(board.x, board.y)
    gained = work(board, ids, 1) if work is global_swap else work(board)
    assert gained >= 0
    assert wires.hpwl(board.x, board.y) == pytest.approx(before - gained, rel=1e-9)
    assert broken_rules(design, as_placement(design, board)) == []


@pytest.mark.parametrize(
    ("options", "share"),
    [({}, 0.7), ({"fixed": 2, "origin": (7.0, -4.0)}, 0.7), ({"macros": 0}, 0.7), ({"cells": 0, "macros": 9}, 0.95)],
)
def test_a_flat_design_ends_legal_and_shorter(options, share):
    design = flat_design(4, **options)
    result = place_flat(design, seed=1)
    assert broken_rules(design, result.placement) == []
    c, x, y = scattered(design)
    assert result.hpwl < share * Wirelength(c, Workers(1)).hpwl(x, y)
    assert result.hpwl == pytest.approx(full(design, result.placement).hpwl_um, rel=1e-9)


def test_threads_and_repetition_do_not_change_the_result():
    design = flat_design(6, cells=150)
    first, second = place_flat(design, seed=3, jobs=1), place_flat(design, seed=3, jobs=2)
    assert first.placement.x.tobytes() == second.placement.x.tobytes()
    assert first.placement.y.tobytes() == second.placement.y.tobytes()


def test_too_many_cells_for_the_rows_are_an_error():
    design = flat_design(1, macros=0, cells=80, utilisation=0.999)
    rows = design.canvas.rows
    short = replace(design.canvas, rows=replace(rows, num_sites=rows.num_sites // 2))
    with pytest.raises(PlacementError, match="found no place in the rows"):
        place_flat(replace(design, canvas=short))
