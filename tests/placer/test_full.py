import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlists import HARD_MACRO, PORT, SOFT_MACRO, Canvas, Design, Netlist, Placement
from netlists.load import load
from netlists.orientation import MATRIX, oriented_sizes
from placer.cost.full import CostWeights, full, smooth
from tests.placer.random_designs import random_design

GOLDEN = ["ariane133_ng45", "ariane136_asap7", "nvdla_ng45", "mempool_tile_ng45", "ibm01_unit"]


def points(cells, source=0, weight=1.0, grid=4, **ground):
    """A design of ports, one in the middle of each (row, column), on one net."""
    n = len(cells)
    zeros = np.zeros(n)
    netlist = Netlist(
        name="points", node_names=[f"p{i}" for i in range(n)], node_kind=np.full(n, PORT), node_width=zeros,
        node_height=zeros, pin_node=np.arange(n), pin_dx=zeros, pin_dy=zeros, net_ptr=[0, n],
        net_pins=np.arange(n), net_source=[source], net_weight=[weight],
    )  # fmt: skip
    canvas = Canvas(0, 0, grid, grid, grid, grid, 1.0, 1.0, 1.0, 1.0, **ground)
    y, x = np.array(cells, float).T + 0.5
    return Design(netlist, canvas, Placement(x, y, np.zeros(n, np.int8), np.ones(n, bool), np.ones(n, bool)))


def marks(rows, grid=4):
    """A map from its picture, top row first: digits are demand."""
    return np.array([[int(c) for c in row] for row in reversed(rows)], float).reshape(grid, grid)


@pytest.mark.parametrize(
    ("cells", "h", "v"),
    [
        # Two cells: along the source's row, then along the sink's column.
        ([(0, 0), (2, 3)], ["0000", "0000", "0000", "1110"], ["0000", "0000", "0001", "0001"]),
        ([(2, 3), (0, 0)], ["0000", "1110", "0000", "0000"], ["0000", "0000", "1000", "1000"]),
        # Three cells in a staircase.
        ([(0, 0), (1, 1), (3, 3)], ["0000", "0000", "0110", "1000"], ["0000", "0001", "0001", "0100"]),
        # The two right-hand cells share a column, the left one is below both.
        ([(0, 0), (1, 2), (3, 2)], ["0000", "0000", "0000", "1100"], ["0000", "0010", "0010", "0010"]),
        # The two right-hand cells share a row.
        ([(3, 0), (1, 1), (1, 3)], ["1000", "0000", "0110", "0000"], ["0000", "0100", "0100", "0000"]),
        # T with the trunk on the median row.
        ([(0, 1), (2, 0), (3, 2)], ["0000", "1100", "0000", "0000"], ["0000", "0010", "0100", "0100"]),
        # Four cells: a star of two-cell routes from the source.
        ([(1, 1), (1, 3), (3, 1), (0, 0)], ["0000", "0000", "1110", "0000"], ["0000", "0100", "0100", "1000"]),
        # One cell, however many pins: nothing.
        ([(2, 2), (2, 2), (2, 2)], ["0000"] * 4, ["0000"] * 4),
    ],
)  # fmt: skip
def test_routes_of_one_net(cells, h, v):
    cost = full(points(cells))
    assert (cost.h_congestion == marks(h)).all()
    assert (cost.v_congestion == marks(v)).all()


def test_pins_beyond_the_edge_count_in_the_edge_gcell():
    inside, outside = points([(0, 0), (3, 3)]), points([(-2, -1), (5, 9)])
    assert (full(inside).h_congestion == full(outside).h_congestion).all()


def test_wirelength_is_weighted_hpwl_over_half_perimeter_and_total_weight():
    cost = full(points([(0, 0), (2, 3), (1, 1)], weight=3.0))
    assert cost.hpwl_um == 3 * 5
    assert cost.wirelength_cost == pytest.approx(3 * 5 / (8 * 3), rel=1e-15)


def test_congestion_of_a_tiny_grid_is_its_highest_entry():
    assert full(points([(0, 0), (0, 3)], weight=7.0)).congestion_cost == 7.0


def test_smoothing_spreads_each_entry_over_its_own_clipped_window():
    demand = np.zeros((3, 4))
    demand[0, 0], demand[1, 2] = 2.0, 3.0
    assert smooth(demand, 1, axis=1) == pytest.approx(np.array([[1, 1, 0, 0], [0, 1, 1, 1], [0, 0, 0, 0]]))
    assert smooth(demand, 1, axis=0) == pytest.approx(np.array([[1, 0, 1, 0], [1, 0, 1, 0], [0, 0, 1, 0]]))


def block(kind, width, height, x, y, grid=4):
    n = Netlist("b", ["b"], [kind], [width], [height], [0], [0], [0], [0, 1], [0], [0], [1])
    canvas = Canvas(0, 0, grid, grid, grid, grid, 1.0, 1.0, 0.5, 0.25)
    return Design(n, canvas, Placement([x], [y], [0], [False], [True]))


def test_density_is_area_inside_the_canvas_only():
    cost = full(block(SOFT_MACRO, 2, 2, 0.5, 0.5))
    assert cost.density[:2, :2].tolist() == [[1.0, 0.5], [0.5, 0.25]]
    assert cost.density.sum() == 2.25
    assert cost.density_cost == 0.5  # half the one fullest of sixteen gcells


def test_density_of_a_grid_under_ten_gcells_averages_the_occupied_ones():
    assert full(block(SOFT_MACRO, 1, 1, 1.0, 0.5, grid=3)).density_cost == 0.25


def test_a_macro_that_covers_whole_gcells_blocks_all_of_them():
    cost = full(block(HARD_MACRO, 2, 2, 1, 1))
    assert (cost.v_congestion == 0.25 * marks(["0000", "0000", "1100", "1100"])).all()
    assert (cost.h_congestion == 0.5 * marks(["0000", "0000", "1100", "1100"])).all()


def test_a_ragged_macro_leaves_its_top_row_and_right_column_free():
    cost = full(block(HARD_MACRO, 2, 2, 1.5, 1.5))
    assert cost.v_congestion[:2, :3].tolist() == [[0.125, 0.25, 0.125], [0.125, 0.25, 0.125]]
    assert cost.v_congestion[2].tolist() == [0, 0, 0, 0]
    assert cost.h_congestion[:3, :2].tolist() == [[0.25, 0.25], [0.5, 0.5], [0.25, 0.25]]
    assert cost.h_congestion[:, 2].tolist() == [0, 0, 0, 0]


def test_a_direction_without_supply_is_not_scored():
    n = points([(0, 0), (3, 3)])
    bare = Design(n.netlist, Canvas(0, 0, 4, 4, 4, 4), n.placement)
    assert full(bare).congestion_cost == 0.0


def test_weights_make_the_proxy():
    design = random_design(3)
    c = full(design, weights=CostWeights(2.0, 0.25, 3.0))
    assert c.proxy_cost == pytest.approx(2 * c.wirelength_cost + 0.25 * c.density_cost + 3 * c.congestion_cost)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_maps_agree_with_a_slow_independent_count(seed):
    """Areas by clipping every object at every gcell, HPWL and pin places by plain Python."""
    design = random_design(seed)
    n, c, p = design.netlist, design.canvas, design.placement
    cost = full(design)
    width, height = oriented_sizes(n.node_width, n.node_height, p.orient)
    area = np.zeros((c.grid_rows, c.columns))
    for i in range(n.num_nodes):
        for r in range(c.grid_rows):
            for k in range(c.columns):
                x0, y0 = c.x0 + k * c.gcell_width, c.y0 + r * c.gcell_height
                w = min(p.x[i] + width[i] / 2, x0 + c.gcell_width) - max(p.x[i] - width[i] / 2, x0)
                h = min(p.y[i] + height[i] / 2, y0 + c.gcell_height) - max(p.y[i] - height[i] / 2, y0)
                if n.node_kind[i] != PORT and w > 0 and h > 0:
                    area[r, k] += w * h
    assert cost.density * c.gcell_width * c.gcell_height == pytest.approx(area, abs=1e-9)
    hpwl = 0.0
    for net in range(n.num_nets):
        at = []
        for q in n.net_pins[n.net_ptr[net] : n.net_ptr[net + 1]]:
            a, b, e, f = MATRIX[p.orient[n.pin_node[q]]]
            at.append((p.x[n.pin_node[q]] + a * n.pin_dx[q] + b * n.pin_dy[q],
                       p.y[n.pin_node[q]] + e * n.pin_dx[q] + f * n.pin_dy[q]))  # fmt: skip
        hpwl += n.net_weight[net] * np.ptp(np.array(at), axis=0).sum()
    assert cost.hpwl_um == pytest.approx(hpwl, rel=1e-12)


@pytest.mark.open_data
@pytest.mark.parametrize("name", GOLDEN)
def test_golden_values(open_data, name):
    from dataclasses import replace

    folder = open_data(f"ct/{name}")
    design = load(folder)
    for golden in json.loads((folder / "golden" / "costs.json").read_text())["costs"]:
        placed = load(folder, folder / "golden" / golden["placement"])
        canvas = replace(design.canvas, smoothing=golden["smoothing"])
        cost = full(Design(design.netlist, canvas, placed.placement))
        found = {
            "hpwl_um": cost.hpwl_um, "wirelength_cost": cost.wirelength_cost, "density_cost": cost.density_cost,
            "congestion_cost": cost.congestion_cost, "proxy_cost": cost.proxy_cost,
            "h_congestion_sum": cost.h_congestion.sum(), "v_congestion_sum": cost.v_congestion.sum(),
            "density_sum": cost.density.sum(),
        }  # fmt: skip
        for key, value in found.items():
            assert value == pytest.approx(golden[key], rel=1e-9), (golden["placement"], key)
