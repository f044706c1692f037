"""Rows of several kinds that share ground, and rows whose sites are not in line."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlists.canvas import Rows
from netlists.errors import PlacementError
from netlists.netlist import STDCELL
from placer.cost.flat_rules import check_flat
from placer.engines.analytic.cells import place_cells
from placer.engines.analytic.segments import row_kinds, segments, segments_at
from placer.engines.analytic.wirelength import hpwl_of
from tests.placer.flat_designs import alternating, flat_design, thrown


def cells_of(design):
    return np.flatnonzero(design.netlist.node_kind == STDCELL)


def with_heights(design, which, high):
    height = design.netlist.node_height.copy()
    height[which] = high
    return replace(design, netlist=replace(design.netlist, node_height=height))


def both(low, high):
    """Rows of two kinds as one list."""
    arrays = {
        key: np.concatenate([getattr(low, key), getattr(high, key)])
        for key in ("y", "height", "x0", "num_sites", "site_width", "site_spacing", "orient")
    }
    return Rows(**arrays, symmetry=low.symmetry + high.symmetry)


def with_double_rows(design):
    """Over every two rows one of twice their height."""
    rows = design.canvas.rows
    pairs = rows.y[:-1:2]
    count = len(pairs)
    double = Rows(
        pairs, np.full(count, 4.0), rows.x0[:count], rows.num_sites[:count], rows.site_width[:count],
        rows.site_spacing[:count], np.zeros(count, np.int8), ("Y",) * count,
    )  # fmt: skip
    return replace(design, canvas=replace(design.canvas, rows=both(rows, double)))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.35, 0.6))
def test_kinds_that_share_ground_stay_legal_while_they_improve(seed, utilisation):
    design = alternating(flat_design(seed, macros=0, cells=150, utilisation=utilisation))
    double = cells_of(design)[::4]
    design = with_double_rows(with_heights(design, double, 4.0))
    assert [float(kind.height[0]) for kind in row_kinds(design.canvas.rows)] == [2.0, 4.0]
    legal = place_cells(design, thrown(design, seed))
    report = check_flat(design, legal.placement, reference=design.placement)
    assert report.legal, report.summary()
    assert legal.hpwl == pytest.approx(hpwl_of(design, legal.placement), rel=1e-9)
    assert legal.hpwl < legal.legalised


def test_places_are_found_again_in_other_segments():
    rows = flat_design(0, macros=0, cells=40).canvas.rows
    wide = float(rows.num_sites[0] * 0.5)
    nothing = np.zeros((0, 4))
    whole = segments(rows, (0.0, 0.0), nothing)
    cut = segments(rows, (0.0, 0.0), np.array([[3.0, 0.0, 4.0, 2.0], [6.0, 0.0, wide, 4.0]]))
    row, x = np.array([0, 0, 1, 2]), np.array([1.0, 4.0, 5.5, wide - 0.5])
    found = segments_at(cut, row, x)
    assert cut.row[found].tolist() == row.tolist()
    begin = cut.x0[found] + cut.first[found] * cut.site
    assert begin.tolist() == [0.0, 4.0, 0.0, 0.0]
    assert segments_at(whole, row, x).tolist() == row.tolist()


def tall_design(seed, shift):
    """Some cells two rows high, and rows that begin where ``shift`` (a um for each row) says."""
    design = alternating(flat_design(seed, macros=0, cells=80, utilisation=0.4))
    tall = cells_of(design)[::6]
    rows = design.canvas.rows
    rows = replace(rows, x0=rows.x0 + shift(np.arange(len(rows.y))), num_sites=rows.num_sites - 1)
    design = replace(design, canvas=replace(design.canvas, rows=rows))
    return with_heights(design, tall, 4.0), tall


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.2, 0.35]))
def test_tall_cells_lie_on_the_sites_of_all_their_rows(seed, part):
    # Rows in threes, each three by a part of a site beside the next.
    design, tall = tall_design(seed, lambda k: part * (k // 3 % 2))
    legal = place_cells(design, thrown(design, seed))
    report = check_flat(design, legal.placement, reference=design.placement)
    assert report.legal, report.summary()
    n, p, rows = design.netlist, legal.placement, design.canvas.rows
    for i in tall:
        low_x, low_y = p.x[i] - n.node_width[i] / 2, p.y[i] - n.node_height[i] / 2
        spanned = np.flatnonzero((rows.y > low_y - 1e-6) & (rows.y < low_y + 4.0 - 1e-6))
        assert len(spanned) == 2
        at = (low_x - rows.x0[spanned]) / 0.5
        np.testing.assert_allclose(at, np.round(at), atol=1e-6)


def test_tall_cells_use_rows_of_every_phase():
    """Cells near rows of either phase stay near them."""
    design, tall = tall_design(3, lambda k: 0.2 * (k >= 5))
    rough = thrown(design, 3)
    legal = place_cells(design, rough)
    away = np.abs(legal.placement.y - rough.y)[tall]
    assert np.median(away) < 4.0
    low = legal.placement.y[tall] - 2.0
    assert (low < design.canvas.rows.y[5] - 1e-6).any()
    assert (low > design.canvas.rows.y[5] - 1e-6).any()


def test_rows_no_two_of_which_are_in_line_take_no_tall_cells():
    design, _ = tall_design(4, lambda k: 0.2 * (k % 2))
    with pytest.raises(PlacementError, match="found no place in the rows"):
        place_cells(design, thrown(design))
