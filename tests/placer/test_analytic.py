"""Analytic placement of flat designs: its parts against plain formulas, the whole against an independent check."""

from dataclasses import replace

import numpy as np
import pytest

from netlists.errors import PlacementError
from placer.cost.full import full
from placer.engines.analytic.density import Density, fixed_area
from placer.engines.analytic.flow import place_flat
from placer.engines.analytic.wirelength import Wirelength
from placer.engines.analytic.workers import Workers
from tests.placer.flat_designs import broken_rules, flat_design, scattered


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


#: Cosine modes (waves across, waves along, amplitude) of a density whose field is known: they meet the walls squarely.
MODES = ((1, 0, 0.2), (0, 3, -0.1), (4, 7, 0.08), (15, 2, 0.05))


def modes(extent, x, y):
    """Density, less its mean, and field (minus the slope of the potential) of the modes at points.

    The potential of ``a cos(ux) cos(vy)`` is that over ``u^2 + v^2``, since minus its Laplacian is the density.
    """
    density, across, along = np.zeros(np.broadcast(x, y).shape), 0.0, 0.0
    for k, m, a in MODES:
        u, v = np.pi * k / extent[0], np.pi * m / extent[1]
        density = density + a * np.cos(u * x) * np.cos(v * y)
        across = across + a * u / (u * u + v * v) * np.sin(u * x) * np.cos(v * y)
        along = along + a * v / (u * u + v * v) * np.cos(u * x) * np.sin(v * y)
    return density, across, along


def manufactured(extent, bins, width, height):
    """A field whose fixed charge is that of the modes, and boxes of next to no charge of their own."""
    pitch = extent[0] / bins[0], extent[1] / bins[1]
    x, y = ((np.arange(count) + 0.5) * side for count, side in zip(bins, pitch, strict=True))
    density, across, along = modes(extent, x[:, None], y)
    fixed = (0.5 + density) * pitch[0] * pitch[1]
    assert fixed.min() > 0
    assert fixed.max() < pitch[0] * pitch[1], "more would be cut off"
    field = Density(extent, bins, width, height, np.full(len(width), 1e-9), fixed, 1.0, Workers(1))
    return field, across, along


def test_the_field_is_the_exact_solution_of_poissons_equation():
    extent, bins = (40.0, 25.0), (64, 32)
    field, across, along = manufactured(extent, bins, np.ones(1), np.ones(1))
    field.spread(np.array([20.0]), np.array([12.0]))
    for axis, exact in ((0, across), (1, along)):
        np.testing.assert_allclose(field.field[..., axis], exact, atol=2e-6 * np.abs(exact).max(), rtol=1e-5)


def test_a_box_feels_the_field_over_its_area():
    """Minus the charge of a box times the mean of the exact field over it, with an error of the square of a bin."""
    extent, bins = (40.0, 25.0), (256, 256)
    x, y = np.array([13.3, 31.0, 8.1]), np.array([9.7, 12.2, 20.0])
    wide, high = np.array([3.0, 0.7, 6.0]), np.array([2.0, 0.9, 5.5])
    field, _, _ = manufactured(extent, bins, wide, high)
    field.spread(x, y)
    push = np.empty(3), np.empty(3)
    field.slopes(x, y, *push)
    part = (np.arange(400) + 0.5) / 400 - 0.5
    for i in range(3):
        _, across, along = modes(extent, x[i] + wide[i] * part[:, None], y[i] + high[i] * part)
        charge = 1e-9 * wide[i] * high[i]
        scale = max(np.abs(across).max(), np.abs(along).max())
        for got, exact in ((push[0][i], across.mean()), (push[1][i], along.mean())):
            assert got / charge == pytest.approx(-exact, abs=2e-3 * scale)


def test_two_charges_push_each_other_apart():
    extent, bins = (40.0, 30.0), (64, 64)
    x, y = np.array([16.0, 24.0]), np.array([15.0, 15.0])
    field = Density(extent, bins, np.full(2, 7.0), np.full(2, 6.0), np.ones(2), np.zeros(bins), 1.0, Workers(1))
    field.spread(x, y)
    push = np.empty(2), np.empty(2)
    field.slopes(x, y, *push)
    assert push[0][0] > 0 > push[0][1]
    assert np.abs(push[1]).max() < 1e-3 * push[0][0]


def test_area_in_bins_is_the_area_of_the_boxes():
    boxes = np.array([[1.0, 2.0, 7.5, 4.0], [0.0, 0.0, 10.0, 1.0]])
    assert fixed_area((10.0, 8.0), (7, 5), boxes).sum() == pytest.approx(13.0 + 10.0)


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
