"""Macros of flat designs: legal under every rule, on rows or on the grid as the technology asks, never far away."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from netlists.canvas import Blockage
from netlists.constraints import Constraints, Region
from netlists.errors import PlacementError
from netlists.netlist import HARD_MACRO, STDCELL
from placer.cost.flat_rules import check_flat
from placer.cost.legality import check
from placer.engines.analytic.macros import legal_macros
from placer.engines.analytic.wirelength import hpwl_of
from tests.placer.flat_designs import alternating, flat_design, thrown


def gridless(design):
    return replace(design, canvas=replace(design.canvas, manufacturing_grid=0.0))


def macros_of(design):
    return np.flatnonzero(design.netlist.node_kind == HARD_MACRO)


def on_rows(design, placement):
    n, rows = design.netlist, design.canvas.rows
    ids = macros_of(design)
    low = placement.y[ids] - n.node_height[ids] / 2
    left = (placement.x[ids] - n.node_width[ids] / 2 - rows.x0[0]) / rows.site_spacing[0]
    return bool((np.abs(low[:, None] - rows.y).min(axis=1) < 1e-6).all() and (np.abs(left - left.round()) < 1e-6).all())


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9))
def test_macros_end_legal_and_cells_stay(seed, macros):
    design = gridless(alternating(flat_design(seed, macros=macros, cells=30, utilisation=0.6)))
    rough = thrown(design, seed)
    legal = legal_macros(design, rough, seed=1)
    assert {v.rule for v in check(design, legal).violations if v.node in macros_of(design)} == set()
    cells = design.netlist.node_kind == STDCELL
    assert (legal.x == rough.x)[cells].all()
    assert (legal.y == rough.y)[cells].all()


def test_legal_macros_stay():
    design = alternating(flat_design(2, macros=5, cells=30, utilisation=0.5))
    once = legal_macros(design, thrown(design))
    twice = legal_macros(design, once)
    assert once.x.tobytes() == twice.x.tobytes()
    assert once.y.tobytes() == twice.y.tobytes()


def test_macros_lie_on_rows_where_the_technology_states_no_grid():
    design = gridless(alternating(flat_design(3, macros=4, cells=200, utilisation=0.5)))
    assert on_rows(design, legal_macros(design, thrown(design)))


def test_macros_mind_no_rows_where_it_states_one():
    design = alternating(flat_design(3, macros=4, cells=200, utilisation=0.5))
    rough = thrown(design)
    legal = legal_macros(design, rough)
    assert not on_rows(design, legal)
    # Without rows in the way those that have room stay within a step of the grid.
    moved = np.abs(legal.x - rough.x) + np.abs(legal.y - rough.y)
    assert moved[macros_of(design)].min() <= 2 * design.canvas.lattice


def test_halos_channels_and_fences_are_kept():
    design = alternating(flat_design(5, macros=5, cells=60, utilisation=0.35))
    n = design.netlist.num_nodes
    halo = np.zeros((n, 4))
    halo[:5] = 1.5
    region = np.full(n, -1, np.int32)
    region[0] = 0
    c = design.canvas
    fence = Region("f", box(c.x0, c.y0, c.x0 + 0.6 * c.width, c.y0 + 0.6 * c.height))
    rules = Constraints.none(n).changed(halo=halo, channel=(2.0, 2.0), region=region, regions=(fence,))
    design = replace(design, constraints=rules)
    legal = legal_macros(design, thrown(design))
    assert not [v for v in check(design, legal).violations if v.node in range(5)]


def test_blockages_fixed_macros_and_fixed_cells_are_obstacles():
    design = gridless(alternating(flat_design(6, macros=6, cells=60, fixed=2, utilisation=0.4)))
    c = design.canvas
    held, x, y = design.placement.fixed.copy(), design.placement.x.copy(), design.placement.y.copy()
    cells = np.flatnonzero(design.netlist.node_kind == STDCELL)[:4]
    held[cells] = True
    x[cells] = c.x0 + np.linspace(0.3, 0.8, 4) * c.width
    y[cells] = c.y0 + 0.7 * c.height
    design = replace(
        design.with_placement(design.placement.moved(fixed=held, placed=held, x=x, y=y)),
        canvas=replace(c, blockages=(Blockage(box(c.x0, c.y1 - 3.0, c.x1, c.y1)),)),
    )
    legal = legal_macros(design, thrown(design))
    macros = set(macros_of(design).tolist())
    seen = check_flat(design, legal, reference=design.placement).violations
    held_cells = set(cells.tolist())
    assert not [
        v for v in seen
        if (v.node in macros and (v.rule != "overlap" or v.other in macros | held_cells))
        or (v.rule == "overlap" and v.other in macros and v.node in held_cells)
    ]  # fmt: skip


def test_a_nearly_full_canvas_is_still_solved():
    """Sixteen equal macros thrown together on a canvas that holds just them."""
    design = gridless(flat_design(0, macros=16, cells=0, ports=0, utilisation=0.9))
    n, c = design.netlist, design.canvas
    rows = replace(c.rows, y=2.0 * np.arange(16), height=np.full(16, 2.0), x0=np.zeros(16),
                   num_sites=np.full(16, 64), site_width=np.full(16, 0.5), site_spacing=np.full(16, 0.5),
                   orient=np.zeros(16, np.int8))  # fmt: skip
    canvas = replace(c, x0=0.0, y0=0.0, x1=32.0, y1=32.0, rows=rows)
    design = replace(
        design, canvas=canvas, netlist=replace(
            n, node_width=np.full(16, 8.0), node_height=np.full(16, 8.0), pin_dx=np.zeros(n.num_pins),
            pin_dy=np.zeros(n.num_pins),
        ),
    )  # fmt: skip
    legal = legal_macros(design, thrown(design))
    assert check(design, legal).legal


def test_wirelength_is_not_multiplied():
    design = gridless(alternating(flat_design(7, macros=12, cells=100, utilisation=0.75)))
    rough = thrown(design)
    assert hpwl_of(design, legal_macros(design, rough)) < 1.1 * hpwl_of(design, rough)


def test_what_cannot_be_is_an_error():
    design = flat_design(1, macros=3, cells=10)
    c = design.canvas
    full = replace(design, canvas=replace(c, blockages=(Blockage(box(c.x0, c.y0, c.x1, c.y1)),)))
    with pytest.raises(PlacementError):
        legal_macros(full, thrown(full))
