"""Terms for the tools after placement: what each costs by hand, that moves are priced exactly, that searches obey."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from shapely.geometry import box

from netlists.canvas import BLOCK_PARTIAL, BLOCK_SOFT, Blockage
from netlists.netlist import HARD_MACRO, SOFT_MACRO
from placer.budget import Budget
from placer.cost.full import CostWeights
from placer.cost.incremental import build_problem
from placer.cost.next_step import figures
from placer.cost.next_step.choosing import choosing_cost, rudy_cost, whitespace_cost
from placer.engines.search import search
from placer.engines.search.chain import build_chain
from placer.engines.search.moves.scene import build_crowd
from placer.engines.search.tidy import build_tidy, tidy_cost
from placer.engines.search.wishes import BLOCKAGE_WEIGHT, build_wishes, wish_change, wish_cost
from tests.placer.blocks import block_design


def cost(design, **weights):
    return tidy_cost(design, design.placement, build_tidy(design, CostWeights(**weights)))


def blocks(x, y, width=10.0, height=10.0, **rest):
    """Macros on 400 x 400 um: what is narrower than 4 um is narrow."""
    n = len(x)
    return block_design(
        np.broadcast_to(width, n), np.broadcast_to(height, n), x, y, canvas=(0.0, 0.0, 400.0, 400.0), **rest
    )


def with_pins(design, dx, dy):
    """One pin a macro, away from its centre."""
    n = design.netlist
    return replace(design, netlist=replace(n, pin_dx=np.asarray(dx, float), pin_dy=np.asarray(dy, float)))


@pytest.mark.parametrize(
    ("gap", "expected"),
    [(0.0, 0.0), (1.0, 6 * 0.75 / 40), (3.0, 6 * 0.25 / 40), (4.0, 0.0), (50.0, 0.0)],
)
def test_a_narrow_channel_costs_its_length_the_more_the_narrower(gap, expected):
    design = blocks([100, 110 + gap], [100, 104])
    assert cost(design, channels=1.0) == pytest.approx(expected, abs=1e-9)
    turned = blocks([100, 104], [100, 110 + gap])
    assert cost(turned, channels=1.0) == pytest.approx(expected, abs=1e-9)


def test_a_narrow_gap_to_the_edge_and_to_a_blockage_is_a_channel():
    assert cost(blocks([1], [100]), channels=2.0) == pytest.approx(2 * 10 * 0.75 / 20)
    assert cost(blocks([0], [100]), channels=2.0) == 0
    wall = Blockage(box(113, 95, 120, 105))
    assert cost(blocks([100], [100], blockages=(wall,)), channels=1.0) == pytest.approx(5 * 0.25 / 20)


@pytest.mark.parametrize(
    ("aside", "gap", "earned"), [(0, 0, 1.0), (0, 5, 0.5), (4, 0, 0.3), (10, 0, 0.0), (0, 10, 0.0)]
)
def test_twins_earn_by_lining_up_with_a_neighbour(aside, gap, earned):
    design = blocks([100, 100 + aside], [100, 110 + gap])
    assert cost(design, regularity=1.0) == pytest.approx(1 - earned / 4)
    lying = blocks([100, 110 + gap], [100, 100 + aside])
    assert cost(lying, regularity=1.0) == pytest.approx(1 - earned / 4)


def test_macros_of_other_sizes_are_no_twins():
    assert cost(blocks([100, 100], [100, 110], width=[10, 11]), regularity=1.0) == 0


def test_pins_pay_for_what_lies_ahead_of_them():
    facing = blocks([100, 111], [100, 100], nets=[[0, 1]])
    # Of two pins one looks at the other macro over 1 um of 4, the other one away from it.
    assert cost(with_pins(facing, [5, 5], [0, 0]), pin_access=1.0) == pytest.approx(0.5 * 0.75)
    assert cost(with_pins(facing, [5, -5], [0, 0]), pin_access=1.0) == pytest.approx(0.75)
    assert cost(with_pins(facing, [-5, 5], [0, 0]), pin_access=1.0) == 0
    past = blocks([100, 111], [100, 106], nets=[[0, 1]])
    assert cost(with_pins(past, [5, 5], [0, 0]), pin_access=1.0) == 0
    assert cost(with_pins(past, [5, 5], [4, 0]), pin_access=1.0) == pytest.approx(0.5 * 0.75)


def test_a_pin_turns_with_its_macro():
    design = with_pins(blocks([100, 111], [100, 100], nets=[[0, 1]], orient=[4, 0]), [-5, 5], [0, 0])
    assert cost(design, pin_access=1.0) == pytest.approx(0.5 * 0.75)


@pytest.mark.parametrize("seed", range(6))
def test_moves_of_several_macros_are_priced_exactly(seed):
    rng = np.random.default_rng(seed)
    n = 9
    x, y = 4.0 + 13 * (np.arange(n) % 3) + rng.uniform(0, 2, n).round(2), 3.0 + 12.5 * (np.arange(n) // 3)
    kind = np.full(n, HARD_MACRO)
    kind[4] = SOFT_MACRO
    ring = [[i, (i + 1) % n] for i in range(n)]
    design = block_design(
        [10.0] * n, [10.0] * n, x, y, canvas=(0.0, 0.0, 60.0, 60.0), kind=kind, nets=ring,
        blockages=(Blockage(box(47, 20, 60, 30)), Blockage(box(10, 10, 30, 30), BLOCK_SOFT)),
        manufacturing_grid=0.01, h_routes_per_um=5.0, v_routes_per_um=5.0,
    )  # fmt: skip
    design = with_pins(design, rng.uniform(-5, 5, n), rng.uniform(-5, 5, n))
    wishes = build_wishes(design, CostWeights(channels=0.7, regularity=0.4, pin_access=0.9))
    # A canvas this small has no narrow gaps: call what is below 3 um narrow.
    wishes.tidy.number[0] = 300
    chain = build_chain(
        design, build_problem(design), build_crowd(design, design.placement), design.placement, seed, 0, wishes
    )
    before = wish_cost(design, design.placement, wishes)
    g, d, s = chain.scene.ground, chain.scene.draft, chain.state
    movers = rng.choice(n, 3, replace=False)
    x1, y1, orient = design.placement.x.copy(), design.placement.y.copy(), design.placement.orient.copy()
    d.size[0] = 3
    for k, i in enumerate(movers.tolist()):
        d.objects[k] = i
        d.left[k], d.bottom[k] = g.left[i] + int(rng.integers(-100, 100)), g.bottom[i] + int(rng.integers(-100, 100))
        d.x[k], d.y[k] = d.left[k] / 100 + 5, d.bottom[k] / 100 + 5
        d.orient[k] = rng.choice([0, 1, 4, 5]) if kind[i] == HARD_MACRO else 0
        x1[i], y1[i], orient[i] = d.x[k], d.y[k], d.orient[k]
    there, turned = g.left.copy(), s.orient.copy()
    change = wish_change(g, d, s.x, s.y, s.orient)
    after = wish_cost(design, design.placement.moved(x=x1, y=y1, orient=orient), wishes)
    assert before > 0
    assert change == pytest.approx(after - before, abs=1e-12)
    assert (g.left == there).all()
    assert (s.orient == turned).all()


@pytest.mark.parametrize(
    ("weights", "figure"),
    [
        ({"channels": 2.0}, "narrow_channel_length_um"),
        ({"pin_access": 2.0}, "blocked_pins"),
        ({"regularity": 2.0}, "aligned_edges"),
    ],
)
def test_the_search_follows_the_weights(weights, figure):
    n = 9
    x, y = 101.0 + 12 * (np.arange(n) % 3), 101.0 + 12 * (np.arange(n) // 3)
    x = x + 0.5 * (np.arange(n) // 3)
    design = blocks(x, y, nets=[[i, (i + 1) % n] for i in range(n)], h_routes_per_um=5.0, v_routes_per_um=5.0)
    found = search(
        design, [design.placement], budget=Budget(), seed=1, jobs=1, iterations=6000, weights=CostWeights(**weights)
    )
    before, after = figures(design, design.placement)[figure], figures(design, found.placement)[figure]
    tidy = build_tidy(design, CostWeights(**weights))
    assert found.wish_cost == pytest.approx(tidy_cost(design, found.placement, tidy))
    assert found.wish_cost < 0.7 * tidy_cost(design, design.placement, tidy)
    assert after > before if figure == "aligned_edges" else after < before


def test_clusters_leave_soft_blockages_and_macros_need_not():
    n = 8
    kind = [HARD_MACRO] * 2 + [SOFT_MACRO] * 6
    area = box(30, 30, 70, 70)
    ground = {"h_routes_per_um": 5.0, "v_routes_per_um": 5.0}
    design = block_design(
        [8.0] * n, [8.0] * n, [10, 80, 32, 40, 50, 32, 40, 50], [10, 80, 32, 32, 32, 50, 50, 50], kind=kind,
        nets=[[0, i, 1] for i in range(2, n)], blockages=(Blockage(area, BLOCK_SOFT),), **ground,
    )  # fmt: skip
    assert wish_cost(design, design.placement) == pytest.approx(BLOCKAGE_WEIGHT)
    found = search(design, [design.placement], budget=Budget(), seed=1, jobs=1, iterations=4000)
    assert found.wish_cost < 0.02 * BLOCKAGE_WEIGHT
    half = replace(design, canvas=replace(design.canvas, blockages=(Blockage(area, BLOCK_PARTIAL, density=0.4),)))
    assert wish_cost(half, half.placement) == pytest.approx(0.6 * BLOCKAGE_WEIGHT)


def test_terms_that_choose_are_computed_for_their_weights_alone():
    design = blocks([100, 113], [100, 100], nets=[[0, 1]])
    p = design.placement
    assert choosing_cost(design, p, CostWeights()) == 0
    expected = 2 * rudy_cost(design, p) + 3 * whitespace_cost(design, p)
    assert choosing_cost(design, p, CostWeights(rudy=2.0, whitespace=3.0)) == pytest.approx(expected)
    assert whitespace_cost(design, blocks([0, 10], [0, 0]).placement) < whitespace_cost(design, p)
    apart = blocks([0, 390], [0, 390], nets=[[0, 1]])
    assert rudy_cost(apart, apart.placement) > rudy_cost(design, p)


def test_terms_that_choose_change_what_is_kept():
    n = 6
    x, y = 50.0 + 40 * np.arange(n), 50.0 + 40 * np.arange(n)
    design = blocks(x, y, nets=[[i, (i + 1) % n] for i in range(n)], h_routes_per_um=5.0, v_routes_per_um=5.0)
    weights = CostWeights(whitespace=1.0)
    found = search(design, [design.placement], budget=Budget(), seed=2, jobs=1, iterations=4000, weights=weights)
    assert found.wish_cost == pytest.approx(whitespace_cost(design, found.placement))
    plain = search(design, [design.placement], budget=Budget(), seed=2, jobs=1, iterations=4000)
    assert found.proxy_cost + found.wish_cost <= plain.proxy_cost + whitespace_cost(design, plain.placement) + 1e-12
