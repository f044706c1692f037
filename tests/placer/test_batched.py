"""The batched cost means the same as the reference cost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlists.canvas import Canvas
from netlists.design import Design
from netlists.load import load
from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO, STDCELL, Netlist
from netlists.placement import Placement
from placer.cost.batched import batched_cost
from placer.cost.full import CostWeights, full

KEYS = ("proxy_cost", "wirelength_cost", "density_cost", "congestion_cost", "hpwl_um")
MAPS = ("h_congestion", "v_congestion", "density")


def random_design(seed: int, smoothing: int = 0, columns: int = 9, rows: int = 7) -> Design:
    """A small design with every kind of object and nets of 1 to 20 connections, some with repeated pins.

    The same numbers of everything for every seed, so that one compiled program serves many tests.
    """
    rng = np.random.default_rng(seed)
    kinds = np.repeat([HARD_MACRO, SOFT_MACRO, STDCELL, PORT], [6, 5, 4, 4]).astype(np.int8)
    n = len(kinds)
    width, height = rng.uniform(2, 40, n), rng.uniform(2, 30, n)
    width[kinds == PORT] = height[kinds == PORT] = 0.0
    pin_node = rng.integers(0, n, 80).astype(np.int32)
    degree = rng.permutation(np.repeat([1, 2, 3, 6, 20], [3, 15, 20, 20, 2]))
    ptr = np.concatenate([[0], np.cumsum(degree)])
    netlist = Netlist(
        name="random",
        node_names=[f"n{i}" for i in range(n)],
        node_kind=kinds,
        node_width=width,
        node_height=height,
        pin_node=pin_node,
        pin_dx=rng.uniform(-0.5, 0.5, 80) * width[pin_node],
        pin_dy=rng.uniform(-0.5, 0.5, 80) * height[pin_node],
        net_ptr=ptr,
        net_pins=rng.integers(0, 80, ptr[-1]).astype(np.int32),
        net_source=ptr[:-1] + rng.integers(0, degree),
        net_weight=rng.integers(0, 4, len(degree)).astype(float),
    )
    canvas = Canvas(
        -20.0, 10.0, 100.0, 101.0, columns, rows,
        h_routes_per_um=3.0, v_routes_per_um=2.5, h_macro_routes_per_um=1.5, v_macro_routes_per_um=0.75,
        smoothing=smoothing,
    )  # fmt: skip
    return Design(netlist, canvas, Placement.unplaced(n))


def random_placements(design: Design, count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Placements whose objects may overlap and hang over the canvas edge."""
    rng = np.random.default_rng(seed)
    c, shape = design.canvas, (count, design.netlist.num_nodes)
    x = rng.uniform(c.x0 - 5, c.x1 + 5, shape)
    y = rng.uniform(c.y0 - 5, c.y1 + 5, shape)
    return x, y, rng.integers(0, 8, shape).astype(np.int8)


def assert_same(
    design: Design, x: np.ndarray, y: np.ndarray, orient: np.ndarray, rtol: float, dtype: type = np.float64
) -> None:
    """Compare costs and maps."""
    got = batched_cost(design, dtype=dtype)(x, y, orient, maps=True)
    for b in range(len(x)):
        want = full(design, design.placement.moved(x=x[b], y=y[b], orient=orient[b]))
        for key in KEYS:
            np.testing.assert_allclose(float(got[key][b]), getattr(want, key), rtol=rtol, atol=1e-12, err_msg=key)
        for key in MAPS:
            top = getattr(want, key).max()
            np.testing.assert_allclose(got[key][b], getattr(want, key), rtol=rtol, atol=rtol * top, err_msg=key)


def test_float64_equals_the_reference() -> None:
    design = random_design(1, smoothing=2)
    assert_same(design, *random_placements(design, 16, 2), rtol=1e-9)


def test_float32_agrees_to_a_hundred_thousandth() -> None:
    design = random_design(3, smoothing=2)
    assert_same(design, *random_placements(design, 16, 4), rtol=1e-5, dtype=np.float32)


def test_tiny_grids_other_weights_and_the_designs_own_orientations() -> None:
    """Under ten gcells, density averages the occupied ones; without ``orient`` objects lie as the design has them."""
    design = random_design(7, columns=3, rows=2)
    x, y, orient = random_placements(design, 7, 8)
    design = design.with_placement(design.placement.moved(orient=orient[0]))
    weights = CostWeights(0.3, 2.0, 0.7)
    got = batched_cost(design, weights, chunk=3)(x, y)
    for b in range(7):
        want = full(design, design.placement.moved(x=x[b], y=y[b]), weights)
        for key in KEYS:
            assert float(got[key][b]) == pytest.approx(getattr(want, key), rel=1e-9)


def test_objects_exactly_on_gcell_borders() -> None:
    """Snap everything to gcell borders: what float rounding does there must be the reference's rounding."""
    design = random_design(9, smoothing=2)
    x, y, orient = random_placements(design, 16, 10)
    c = design.canvas
    x = c.x0 + np.round((x - c.x0) / c.gcell_width) * c.gcell_width
    y = c.y0 + np.round((y - c.y0) / c.gcell_height) * c.gcell_height
    assert_same(design, x, y, orient, rtol=1e-9)


def test_every_three_cell_shape() -> None:
    """All placements of three one-pin objects on a 3 x 3 grid reach all routes of three-pin nets."""
    cells = np.array([(a, b, c) for a in range(9) for b in range(9) for c in range(9)])
    netlist = Netlist(
        name="three", node_names=["a", "b", "c"], node_kind=np.full(3, PORT), node_width=np.zeros(3),
        node_height=np.zeros(3), pin_node=np.arange(3), pin_dx=np.zeros(3), pin_dy=np.zeros(3),
        net_ptr=np.array([0, 3]), net_pins=np.arange(3), net_source=np.array([1]), net_weight=np.array([2.0]),
    )  # fmt: skip
    design = Design(netlist, Canvas(0, 0, 3, 3, 3, 3, 1.0, 1.0), Placement.unplaced(3))
    x, y = cells % 3 + 0.5, cells // 3 + 0.5
    got = batched_cost(design, chunk=1000)(x, y, maps=True)
    for b in range(len(cells)):
        want = full(design, design.placement.moved(x=x[b], y=y[b]))
        np.testing.assert_array_equal(np.asarray(got["h_congestion"][b]), want.h_congestion, err_msg=str(cells[b]))
        np.testing.assert_array_equal(np.asarray(got["v_congestion"][b]), want.v_congestion, err_msg=str(cells[b]))


def test_global_precision_is_left_alone() -> None:
    import jax

    design = random_design(15, smoothing=2)
    before = jax.config.jax_enable_x64
    out = batched_cost(design)(*random_placements(design, 16, 16), maps=True)
    assert out["proxy_cost"].dtype == np.float64
    assert jax.config.jax_enable_x64 == before


def test_wrong_shapes_are_refused() -> None:
    design = random_design(17)
    with pytest.raises(ValueError, match="expected"):
        batched_cost(design)(np.zeros(design.netlist.num_nodes), np.zeros(design.netlist.num_nodes))


@pytest.mark.open_data
def test_golden_values(open_data: Callable[[str], Path]) -> None:
    """The public evaluator's numbers, on a real design."""
    folder = open_data("ct/ariane133_ng45")
    golden = [g for g in json.loads((folder / "golden" / "costs.json").read_text())["costs"] if g["smoothing"] == 0]
    designs = [load(folder, folder / "golden" / g["placement"], cache=False) for g in golden]
    x, y = (np.stack([getattr(d.placement, axis) for d in designs]) for axis in "xy")
    got = batched_cost(designs[0])(x, y)
    for b, (design, values) in enumerate(zip(designs, golden, strict=True)):
        np.testing.assert_array_equal(design.placement.orient, designs[0].placement.orient)
        want = full(design)
        for key in KEYS:
            assert float(got[key][b]) == pytest.approx(values[key], rel=1e-6)
            assert float(got[key][b]) == pytest.approx(getattr(want, key), rel=1e-9)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), smoothing=st.integers(0, 4), columns=st.integers(1, 20), rows=st.integers(1, 20))
def test_float64_equals_the_reference_on_random_designs(seed: int, smoothing: int, columns: int, rows: int) -> None:
    design = random_design(seed, smoothing, columns, rows)
    assert_same(design, *random_placements(design, 5, seed + 1), rtol=1e-9)
