"""Reported figures on cases small enough for paper, and against slow, plain computations."""

from __future__ import annotations

import time

import numpy as np
import pytest

from netlists import HARD_MACRO, PORT, SOFT_MACRO
from placer.cost.metrics import metrics, rudy
from tests.placer.blocks import block_design


def random_design(seed, n=30, nets=40):
    rng = np.random.default_rng(seed)
    w, h = rng.uniform(1, 20, (2, n))
    x, y = rng.uniform(-10, 95, (2, n))
    kind = rng.choice([HARD_MACRO, SOFT_MACRO, PORT], n)
    members = [rng.choice(n, rng.integers(1, 6), replace=False).tolist() for _ in range(nets)]
    orient = rng.integers(0, 8, n)
    return block_design(w, h, x, y, kind=kind, nets=members, orient=orient, columns=7, grid_rows=9)


def test_rudy_of_one_box_by_hand():
    # Pins at (10, 10) and (30, 20): 30 um of wire over 200 um^2 = 0.15; gcells are 10 x 10 um.
    design = block_design([2, 2], [2, 2], [9, 29], [9, 19], nets=[[0, 1]])
    expected = np.zeros((10, 10))
    expected[1, 1:3] = 0.15
    assert rudy(design) == pytest.approx(expected)


def test_rudy_of_flat_nets_stays_in_their_row_and_column():
    design = block_design([2, 2, 2], [2, 2, 2], [4, 24, 4], [4, 4, 34], nets=[[0, 1], [0, 2]])
    expected = np.zeros((10, 10))
    expected[0, :3] += np.array([5, 10, 5]) / 100
    expected[:4, 0] += np.array([5, 10, 10, 5]) / 100
    assert rudy(design) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(4))
def test_rudy_equals_the_plain_sum_over_nets_and_gcells(seed):
    design = random_design(seed)
    canvas, p, n = design.canvas, design.placement, design.netlist
    expected = np.zeros((canvas.grid_rows, canvas.columns))
    for net in range(n.num_nets):
        nodes = n.conn_node[n.net_ptr[net] : n.net_ptr[net + 1]]
        x0, x1, y0, y1 = p.x[nodes].min(), p.x[nodes].max(), p.y[nodes].min(), p.y[nodes].max()
        if x1 == x0 or y1 == y0:
            continue
        for r in range(canvas.grid_rows):
            for c in range(canvas.columns):
                a, b = c * canvas.gcell_width, r * canvas.gcell_height
                over_x = max(0.0, min(x1, a + canvas.gcell_width) - max(x0, a))
                over_y = max(0.0, min(y1, b + canvas.gcell_height) - max(y0, b))
                expected[r, c] += (x1 - x0 + y1 - y0) / ((x1 - x0) * (y1 - y0)) * over_x * over_y
    expected /= canvas.gcell_width * canvas.gcell_height
    assert rudy(design) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_rudy_keeps_the_wire_that_lies_on_the_canvas():
    rng = np.random.default_rng(1)
    design = block_design(*np.ones((2, 20)), *rng.uniform(0, 99, (2, 20)), nets=[[i, i + 1] for i in range(19)])
    canvas = design.canvas
    wire = rudy(design).sum() * canvas.gcell_width * canvas.gcell_height
    assert wire == pytest.approx(metrics(design)["hpwl_um"])


def test_wirelengths_by_hand():
    # A port at (0, 0), two hard macros with centres (10, 10) and (30, 20), a soft macro at (50, 50).
    design = block_design(
        [0, 4, 4, 2], [0, 4, 4, 2], [0, 8, 28, 49], [0, 8, 18, 49],
        kind=[PORT, HARD_MACRO, HARD_MACRO, SOFT_MACRO], nets=[[0, 1, 2], [1, 3], [0, 1], [2, 3, 1]],
    )  # fmt: skip
    found = metrics(design)
    assert found["hpwl_um"] == pytest.approx(50 + 80 + 20 + 80)
    assert found["macro_hpwl_um"] == pytest.approx(30 + 30)


def test_weights_count_only_where_they_should():
    design = block_design([2, 2], [2, 2], [9, 29], [9, 19], nets=[[0, 1]])
    heavy = type(design)(type(design.netlist)(**{
        **{f: getattr(design.netlist, f) for f in design.netlist.__dataclass_fields__}, "net_weight": np.array([3.0])
    }), design.canvas, design.placement)  # fmt: skip
    found = metrics(heavy)
    assert (found["hpwl_um"], found["weighted_hpwl_um"]) == pytest.approx((30, 90))
    assert rudy(heavy) == pytest.approx(3 * rudy(design))


@pytest.mark.parametrize("seed", range(3))
def test_overlap_area_and_utilisation_match_plain_sums(seed):
    from tests.placer.blocks import shapes

    design = random_design(seed)
    bodies = shapes(design, design.placement)
    hard = design.netlist.ids(HARD_MACRO).tolist()
    area = sum(bodies[i].intersection(bodies[j]).area for k, i in enumerate(hard) for j in hard[k + 1 :])
    found = metrics(design)
    # Boxes are rounded outwards by up to a step (1e-4 um) on every side.
    assert found["overlap_area_um2"] == pytest.approx(area, abs=len(hard) ** 2 * 40 * 2e-4)
    assert found["macro_utilisation"] == pytest.approx(sum(bodies[i].area for i in hard) / 1e4)
    solid = [b.area for b, k in zip(bodies, design.netlist.node_kind, strict=True) if k != PORT]
    assert found["utilisation"] == pytest.approx(sum(solid) / 1e4)


def test_periphery_is_zero_on_the_edge_and_one_in_the_middle():
    edge = block_design([10, 20], [10, 5], [0, 80], [40, 95])
    assert metrics(edge)["periphery"] == 0
    middle = block_design([2, 20], [2, 10], [49, 0], [49, 40])
    # 49 um away with 4 um^2 of area, on the edge with 200 um^2; half the canvas is 50 um.
    assert metrics(middle)["periphery"] == pytest.approx(49 * 4 / 204 / 50)


def test_regularity_counts_lined_up_twins():
    lined = block_design([10, 10, 10, 7], [5, 5, 5, 7], [0, 20, 40, 3], [0, 0, 30, 60])
    # Of three equal macros: none shares a left edge, two share a lower edge; the fourth has no twin.
    assert metrics(lined)["regularity"] == pytest.approx(2 / 6)
    alone = block_design([10, 11], [5, 5], [0, 20], [0, 0])
    assert np.isnan(metrics(alone)["regularity"])


def test_channel_is_the_narrowest_gap_between_facing_macros():
    design = block_design([10, 10, 10], [10, 10, 10], [0, 13, 11], [0, 0, 12])
    assert metrics(design)["min_channel_um"] == pytest.approx(2.0)
    apart = block_design([10, 10], [10, 10], [0, 11], [0, 10])
    assert np.isnan(metrics(apart)["min_channel_um"])
    step = apart.canvas.lattice
    abutting = block_design([10, 10, 10], [10, 10, 10], [0, 10 + step, 26], [0, 0, 0])
    assert metrics(abutting)["min_channel_um"] == pytest.approx(6 - step)


def test_notch_is_a_pocket_closed_from_three_sides():
    # A U of gcell-sized walls around the gcell at column 5, row 5, open to the top.
    walls = block_design([10, 10, 10], [10, 10, 10], [40, 60, 50], [50, 50, 40])
    assert metrics(walls)["notches"] == 1
    assert metrics(block_design([10, 10], [10, 10], [40, 60], [50, 50]))["notches"] == 0


def test_designs_without_macros_or_nets_have_figures():
    design = block_design([1.0, 1.0], [1.0, 1.0], [5, 8], [5, 8], kind=[SOFT_MACRO, PORT])
    found = metrics(design)
    assert found["macro_hpwl_um"] == 0
    assert np.isnan(found["periphery"])
    assert found["overlap_area_um2"] == 0


@pytest.mark.open_data
def test_ariane_is_measured_in_milliseconds(open_data):
    from netlists.load import load

    design = load(open_data("ct/ariane133_ng45"))
    metrics(design)
    fastest = min(_timed(metrics, design) for _ in range(3))
    assert fastest < 0.5  # about 0.02 s on a free core; the bound only catches a wrong algorithm


def _timed(function, *arguments):
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start
