import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlists import HARD_MACRO, SOFT_MACRO
from netlists.load import load
from placer.budget import Budget
from placer.cost.full import full
from placer.cost.incremental import build_problem
from placer.cost.legality import check
from placer.engines.legalise import legalise
from placer.engines.search import on_lattice, search
from placer.engines.search.chain import KEPT, TRIED, anneal, build_chain
from placer.engines.search.ground import hard_fits, slide_range
from placer.engines.search.moves.scene import build_crowd
from placer.engines.search.moves.table import NAMES, SCAN
from placer.engines.search.rng import below, jump, seeded, uniform
from tests.placer.advisers import with_pairs
from tests.placer.blocks import block_design, judge


def chain_of(design, seed=0):
    start = legalise(design)
    return with_pairs(build_chain(design, build_problem(design), build_crowd(design, start), start, seed, 0))


def placement_of(design, chain):
    return design.placement.moved(x=chain.state.x, y=chain.state.y, orient=chain.state.orient)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_every_kind_of_move_keeps_the_placement_legal(seed):
    """Any mix of moves at any temperature, judged by code that shares nothing with the search."""
    rng = np.random.default_rng(seed)
    n = 9
    width, height = rng.integers(4, 22, n) * 1.0, rng.integers(4, 22, n) * 1.0
    width[:4], height[:4] = 9.0, 13.0  # twins
    kind = np.where(np.arange(n) < 6, HARD_MACRO, SOFT_MACRO)
    fixed = np.arange(n) == 5
    orient = rng.integers(0, 8, n)
    nets = [rng.choice(n, rng.integers(2, 5), replace=False).tolist() for _ in range(12)]
    design = block_design(
        width, height, rng.uniform(0, 75, n), rng.uniform(0, 75, n), kind=kind, fixed=fixed, orient=orient, nets=nets,
        h_routes_per_um=1.0, v_routes_per_um=1.0, h_macro_routes_per_um=0.5, v_macro_routes_per_um=0.5,
    )  # fmt: skip
    design = design.with_placement(design.placement.moved(x=np.where(fixed, 85, design.placement.x)))
    chain = chain_of(design, seed)
    for mix in (np.ones(len(NAMES)), rng.random(len(NAMES))):
        anneal(chain, np.cumsum(mix / mix.sum()), 3000, 0.05, 0.01, 40.0)
        found = placement_of(design, chain)
        assert check(design, found, reference=design.placement).summary() == "legal"
        assert judge(design, found) == []
        assert chain.state.total[3] == pytest.approx(full(design, found).proxy_cost, rel=1e-9)


def test_the_drafted_corners_are_where_the_objects_are():
    design = load("synth20")
    chain = chain_of(design)
    anneal(chain, np.linspace(1 / len(NAMES), 1, len(NAMES)), 20_000, 1e-2, 1e-3, 100.0)
    snapped = on_lattice(design, placement_of(design, chain))
    assert (snapped.x == chain.state.x).all()
    assert (snapped.y == chain.state.y).all()


def test_every_kind_of_move_is_drawn_and_some_are_kept():
    design = load("synth20")
    chain = chain_of(design)
    mix = np.where(np.arange(len(NAMES)) == SCAN, 0.01, 1.0)
    anneal(chain, np.cumsum(mix / mix.sum()), 60_000, 1e-2, 1e-2, 200.0)
    assert (chain.statistics[:, TRIED] > 10).all()
    assert (chain.statistics[:, KEPT] > 0).all(), dict(zip(NAMES, chain.statistics[:, KEPT], strict=True))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_slide_range_is_the_free_way(seed):
    """Every place within the range fits, the next step beyond it does not, found by trying one after another."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(3, 9, (5, 2)) * 1.0
    design = block_design(
        sizes[:, 0], sizes[:, 1], rng.integers(0, 25, 5), rng.integers(0, 25, 5),
        canvas=(0, 0, 32, 32), manufacturing_grid=1.0,
    )  # fmt: skip
    g = chain_of(design).scene.ground
    for i in range(5):
        for vertical in (False, True):
            at = (g.bottom if vertical else g.left)[i]
            low = high = at
            while hard_fits(g, i, *((g.left[i], low - 1) if vertical else (low - 1, g.bottom[i])), -1):
                low -= 1
            while hard_fits(g, i, *((g.left[i], high + 1) if vertical else (high + 1, g.bottom[i])), -1):
                high += 1
            assert slide_range(g, i, vertical) == (low, high)


def test_same_seed_and_iterations_give_the_same_bytes():
    design = load("synth20")
    starts = [legalise(design)] * 3
    runs = [search(design, starts, budget=Budget(), seed=s, jobs=2, iterations=20_000) for s in (1, 1, 2)]
    assert runs[0].placement.x.tobytes() == runs[1].placement.x.tobytes()
    assert runs[0].proxy_cost == runs[1].proxy_cost != runs[2].proxy_cost


def test_search_improves_and_reports_the_exact_cost():
    design = load("synth20")
    start = legalise(design)
    found = search(design, [start], budget=Budget(), jobs=1, iterations=30_000)
    assert found.proxy_cost < 0.95 * full(design, start).proxy_cost
    assert found.proxy_cost == pytest.approx(full(design, found.placement).proxy_cost, rel=1e-9)
    costs = [cost for _, _, cost in found.history]
    assert costs == sorted(costs, reverse=True)
    assert sum(kind["priced"] for kind in found.kinds.values()) == found.proposals


def test_the_stop_flag_ends_the_search_and_keeps_the_best():
    design = load("synth20")
    budget = Budget(60.0)
    threading.Timer(0.4, budget.stop.set).start()
    found = search(design, [legalise(design)], budget=budget, jobs=2)
    assert budget.seconds < 10
    assert check(design, found.placement).legal


def test_the_time_limit_holds():
    design = load("synth20")
    search(design, [legalise(design)], budget=Budget(), jobs=1, iterations=500)  # compiled by now
    budget = Budget(1.0)
    search(design, [legalise(design)] * 5, budget=budget, jobs=2)
    assert 0.5 < budget.seconds < 3.0


def test_designs_without_soft_or_without_hard_macros():
    hard = block_design([9, 9, 5], [9, 9, 7], [0, 20, 60], [0, 20, 60], nets=[[0, 1], [1, 2]])
    soft = block_design([9, 9, 5], [9, 9, 7], [0, 20, 60], [0, 20, 60], nets=[[0, 1]], kind=[SOFT_MACRO] * 3)
    stuck = block_design([9, 9], [9, 9], [0, 20], [0, 20], fixed=[True, True], nets=[[0, 1]])
    for design in (hard, soft):
        found = search(design, [legalise(design)], budget=Budget(), iterations=2000)
        assert found.proxy_cost < full(design).proxy_cost
    found = search(stuck, [stuck.placement], budget=Budget(), iterations=2000)
    assert (found.placement.x == stuck.placement.x).all()


def test_search_needs_a_start_and_an_end():
    design = load("synth20")
    with pytest.raises(ValueError, match="start"):
        search(design, [], budget=Budget(1.0))
    with pytest.raises(ValueError, match="limit"):
        search(design, [design.placement], budget=Budget())


def test_dice_are_fair_enough():
    rng = seeded(3, 4)
    u = np.array([uniform(rng) for _ in range(4000)])
    assert abs(u.mean() - 0.5) < 0.02
    assert u.min() >= 0
    assert u.max() < 1
    assert set(np.unique([below(rng, 5) for _ in range(400)])) == {0, 1, 2, 3, 4}
    sizes = np.array([jump(rng, 0.1, 10.0) for _ in range(2000)])
    assert abs(sizes).min() >= 0.1
    assert abs(sizes).max() <= 10.0
    assert abs(np.median(abs(sizes)) - 1.0) < 0.15
    assert abs((sizes > 0).mean() - 0.5) < 0.05
