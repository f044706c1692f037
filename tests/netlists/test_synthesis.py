"""Synthetic designs: deterministic, realistic, placeable."""

import dataclasses
import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlists import HARD_MACRO, PORT, SOFT_MACRO, STDCELL, NetlistError
from netlists.netlist import DIR_INOUT, DIR_INPUT, DIR_OUTPUT
from netlists.synthesis import SynthesisSpec, measure, synthesize
from netlists.synthesis.draws import Draws
from netlists.synthesis.floorplan import along_curve
from netlists.synthesis.logic import levels, logic_sinks, partner

SMALL = SynthesisSpec(num_macros=12, num_cells=3_000)


def assert_hard_macros_legal(design):
    """No overlap and nothing outside, in integers of 1e-4 um."""
    n, p, c = design.netlist, design.placement, design.canvas
    hard = n.ids(HARD_MACRO)
    x0, y0 = (p.x - n.node_width / 2)[hard], (p.y - n.node_height / 2)[hard]
    boxes = np.rint(np.stack([x0, y0, x0 + n.node_width[hard], y0 + n.node_height[hard]], 1) * 1e4).astype(np.int64)
    edge = np.rint(np.array([c.x0, c.y0, c.x1, c.y1]) * 1e4).astype(np.int64)
    assert (boxes[:, :2] >= edge[:2]).all()
    assert (boxes[:, 2:] <= edge[2:]).all()
    a, b = boxes[:, None], boxes[None]
    overlap = (a[..., 0] < b[..., 2]) & (b[..., 0] < a[..., 2]) & (a[..., 1] < b[..., 3]) & (b[..., 1] < a[..., 3])
    assert overlap.sum() == len(boxes)  # each with itself


def assert_same(a, b):
    for part in ("netlist", "placement"):
        for field in dataclasses.fields(getattr(a, part)):
            left, right = getattr(getattr(a, part), field.name), getattr(getattr(b, part), field.name)
            if isinstance(left, np.ndarray):
                assert left.tobytes() == right.tobytes(), field.name
            else:
                assert left == right, field.name
    assert a.canvas.x1 == b.canvas.x1
    assert a.canvas.y1 == b.canvas.y1


@pytest.mark.parametrize("clustered", [True, False])
def test_same_seed_same_bytes_other_seed_other_circuit(clustered):
    spec = dataclasses.replace(SMALL, clustered=clustered)
    assert_same(synthesize(spec, 3), synthesize(spec, 3))
    other = synthesize(spec, 4).netlist
    assert other.net_pins.tobytes() != synthesize(spec, 3).netlist.net_pins.tobytes()


@pytest.mark.parametrize("macros", [1, 2, 3, 5, 20, 130, 500, 2000])
@pytest.mark.parametrize("clustered", [True, False])
def test_sizes_are_as_asked_and_hard_macros_legal(macros, clustered):
    design = synthesize(SynthesisSpec(num_macros=macros, num_cells=2_000, num_ports=70, clustered=clustered), macros)
    counts = design.netlist.describe()
    assert counts["hard_macros"] == macros
    assert counts["ports"] == 70
    assert counts["stdcells"] == (0 if clustered else 2_000)
    assert (counts["soft_macros"] > 0) == clustered
    design.check_fits()
    assert_hard_macros_legal(design)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**40),
    macros=st.integers(1, 60),
    cells=st.integers(100, 4_000),
    share=st.floats(0.05, 0.9),
    utilisation=st.floats(0.1, 0.75),
    clustered=st.booleans(),
)
def test_every_spec_gives_a_placeable_design(seed, macros, cells, share, utilisation, clustered):
    design = synthesize(
        SynthesisSpec(
            num_macros=macros,
            num_cells=cells,
            macro_area_share=share,
            utilisation=utilisation,
            clustered=clustered,
        ),
        seed,
    )
    n, p, c = design.netlist, design.placement, design.canvas
    assert_hard_macros_legal(design)
    assert p.placed.all()
    solid = n.node_kind != PORT
    assert (p.fixed == ~solid).all()
    inside = (np.abs(p.x - (c.x0 + c.x1) / 2) + n.node_width / 2 <= c.width / 2 + 1e-6) & (
        np.abs(p.y - (c.y0 + c.y1) / 2) + n.node_height / 2 <= c.height / 2 + 1e-6
    )
    assert inside.all()
    area = n.node_width * n.node_height
    hard = n.node_kind == HARD_MACRO
    assert area[hard].sum() <= 0.78 * c.area
    assert area[hard].max() <= 0.25 * c.area
    on_edge = (p.x == c.x0) | (p.x == c.x1) | (p.y == c.y0) | (p.y == c.y1)
    assert on_edge[~solid].all()
    # Pins lie on their macros; every soft macro and cell is connected.
    assert (np.abs(n.pin_dx) <= n.node_width[n.pin_node] / 2).all()
    assert (np.abs(n.pin_dy) <= n.node_height[n.pin_node] / 2).all()
    assert (n.net_degree >= 2).all()
    if not clustered:
        assert set(n.ids(STDCELL)) <= set(n.conn_node.tolist())


@pytest.mark.parametrize("seed", range(3))
def test_flat_statistics_are_those_of_real_designs(seed):
    # ariane133 / mempool_tile, flat: degree 2 0.54 / 0.65, degree 3 0.29 / 0.17, over 8 0.053 / 0.050,
    # mean 4.2 / 3.5, one net over 500 sinks, macro area share 0.83 / 0.40, exponent by this estimator 0.77 / 0.74.
    m = measure(synthesize(SynthesisSpec(num_macros=40, num_cells=25_000, clustered=False), seed).netlist)
    assert 0.50 < m["degree_2"] < 0.68
    assert 0.15 < m["degree_3"] < 0.32
    assert 0.025 < m["degree_over_8"] < 0.08
    assert 3.2 < m["degree_mean"] < 4.5
    assert 1 <= m["nets_over_500"] <= 5
    assert m["degree_max"] > 0.15 * 25_000
    assert 0.68 < m["rent_exponent"] < 0.82
    assert m["macro_area_share"] == pytest.approx(0.70, abs=0.02)
    assert m["macro_edge_pins"] == 1.0
    assert m["masters"] <= 3


@pytest.mark.parametrize("seed", range(3))
def test_clustered_statistics_are_those_of_real_designs(seed):
    # ariane133 / nvdla / mempool_tile, clustered: degree 2 0.50 / 0.59 / 0.50, mean 3.6 / 3.0 / 3.0, mean weight
    # 1.8 / 1.7 / 2.3, weights over 1 0.21 / 0.13 / 0.19, nets a soft macro 49 / 64 / 70, spread of soft areas
    # 0.78 / 0.72 / 0.43.
    m = measure(synthesize(SynthesisSpec(num_macros=60, num_cells=50_000), seed).netlist)
    assert 0.48 < m["degree_2"] < 0.68
    assert 2.5 < m["degree_mean"] < 3.8
    assert 1.5 < m["weight_mean"] < 2.6
    assert 0.10 < m["weight_over_1"] < 0.25
    assert m["weight_max"] > 30
    assert m["nets_over_500"] == 0
    assert 40 < m["nets_per_soft_macro"] < 90
    assert 0.4 < m["soft_area_cv"] < 0.9


def test_rent_exponent_of_the_circuit_follows_the_wanted_one():
    got = [
        measure(synthesize(SynthesisSpec(num_macros=8, num_cells=12_000, clustered=False, rent_exponent=p), 0).netlist)[
            "rent_exponent"
        ]
        for p in (0.45, 0.6, 0.75)
    ]
    assert got[0] + 0.04 < got[1] < got[2] - 0.04


def test_partner_is_in_the_sibling_block():
    cells = 1_000
    start = np.repeat(np.arange(cells), levels(cells))
    level = np.tile(np.arange(1, levels(cells) + 1), cells)
    other = partner(Draws(0, 0), cells, start, level)
    leaf = lambda i: (i << levels(cells)) // cells  # noqa: E731
    assert ((leaf(start) >> level) == (leaf(other) >> level)).all()
    assert ((leaf(start) >> (level - 1)) != (leaf(other) >> (level - 1))).all()


@pytest.mark.parametrize("clustered", [True, False])
def test_pin_directions_agree_with_the_nets(clustered):
    n = synthesize(dataclasses.replace(SMALL, clustered=clustered), 0).netlist
    is_source = np.zeros(n.num_connections, bool)
    is_source[n.net_source] = True
    direction = n.pin_dir[n.net_pins]
    assert np.isin(direction[is_source], (DIR_OUTPUT, DIR_INOUT)).all()
    assert np.isin(direction[~is_source], (DIR_INPUT, DIR_INOUT)).all()


def test_every_cell_drives_and_is_driven():
    edges = logic_sinks(SynthesisSpec(num_macros=1, num_cells=777), 5)
    assert set(edges.net.tolist()) == set(range(777))
    assert set(edges.node.tolist()) == set(range(777))
    assert (edges.net != edges.node).all()


def test_macros_of_an_array_share_master_and_address_bus():
    n = synthesize(dataclasses.replace(SMALL, num_macros=32, clustered=False), 1).netlist
    arrays = {}
    for i in n.ids(HARD_MACRO):
        name = n.node_names[i]
        assert name.endswith("]/mem")
        assert name.count("/") >= 2
        arrays.setdefault(name[: name.rindex("[")], []).append(int(i))
    pin = {name: k for k, name in enumerate(n.pin_names)}
    net_of_pin = dict(zip(n.net_pins.tolist(), n.conn_net.tolist(), strict=True))
    big = [members for members in arrays.values() if len(members) > 1]
    assert big
    for members in big:
        assert len({(n.node_width[i], n.node_height[i]) for i in members}) == 1
        bank = members[:8]
        for wire in ("addr_in[0]", "wd_in[0]"):
            assert len({net_of_pin[pin[f"{n.node_names[i]}/{wire}"]] for i in bank}) == 1
        reads = {net_of_pin[pin[f"{n.node_names[i]}/rd_out[0]"]] for i in bank}
        assert len(reads) == len(bank)


def test_soft_macros_follow_circuit_training():
    design = synthesize(SMALL, 0)
    flat = synthesize(dataclasses.replace(SMALL, clustered=False), 0)
    n, soft = design.netlist, design.netlist.ids(SOFT_MACRO)
    assert np.allclose(n.node_width[soft], design.canvas.gcell_width)
    cell = flat.netlist.ids(STDCELL)
    cells = (flat.netlist.node_width * flat.netlist.node_height)[cell].sum()
    assert (n.node_width * n.node_height)[soft].sum() == pytest.approx(2.0 * cells)
    own = np.isin(n.pin_node, soft)
    assert not n.pin_dx[own].any()
    assert not n.pin_dy[own].any()
    assert (n.net_source == n.net_ptr[:-1]).all()
    for i in np.flatnonzero(n.net_weight > 1):
        assert "/Poutput_single_" in n.pin_names[n.net_pins[n.net_source[i]]]


def test_ports_of_a_bus_are_neighbours_on_one_edge():
    design = synthesize(SMALL, 2)
    p, c = design.placement, design.canvas
    for _, bus in itertools.groupby(design.netlist.ids(PORT), lambda i: design.netlist.node_names[i].partition("[")[0]):
        ids = list(bus)
        side = [(p.x[i] == c.x0, p.x[i] == c.x1, p.y[i] == c.y0, p.y[i] == c.y1) for i in ids]
        assert len(set(side)) == 1
        steps = np.hypot(np.diff(p.x[ids]), np.diff(p.y[ids]))
        assert (steps > 0).all()
        assert (steps < c.width / 20).all()


def test_flat_cells_sit_on_rows_and_sites():
    design = synthesize(dataclasses.replace(SMALL, clustered=False), 0)
    n, p, rows = design.netlist, design.placement, design.canvas.rows
    cell = n.ids(STDCELL)
    low = p.y[cell] - n.node_height[cell] / 2
    row = np.rint(low / 1.4).astype(int)
    assert np.allclose(rows.y[row], low, atol=1e-6)
    sites = (p.x[cell] - n.node_width[cell] / 2) / rows.site_spacing[row]
    assert np.allclose(sites, np.rint(sites), atol=1e-3)
    assert (p.orient[cell] == rows.orient[row]).all()


def test_hilbert_curve_visits_every_cell_in_unit_steps():
    canvas = synthesize(SMALL, 0).canvas
    x, y = along_curve(canvas, 64, 3)
    column = np.rint((x - canvas.x0) / canvas.width * 8 - 0.5).astype(int)
    row = np.rint((y - canvas.y0) / canvas.height * 8 - 0.5).astype(int)
    assert len(set(zip(column.tolist(), row.tolist(), strict=True))) == 64
    assert (np.abs(np.diff(column)) + np.abs(np.diff(row)) == 1).all()


@pytest.mark.parametrize(
    "change",
    [
        {"num_macros": 0},
        {"num_cells": 10},
        {"rent_exponent": 1.2},
        {"utilisation": 0.9},
        {"macro_area_share": float("nan")},
        {"data_bits": ()},
        {"fanout_shares": (-1.0,)},
        {"columns": 1},
    ],
)
def test_specs_out_of_range_are_refused(change):
    with pytest.raises(NetlistError):
        SynthesisSpec(**change)


@pytest.mark.slow
def test_a_million_cells_in_a_minute():
    begin = time.process_time()  # a busy machine must not fail this
    design = synthesize(SynthesisSpec(num_macros=2_000, num_cells=1_000_000, clustered=False), 0)
    assert time.process_time() - begin < 60
    assert design.netlist.describe()["stdcells"] == 1_000_000
    assert_hard_macros_legal(design)
