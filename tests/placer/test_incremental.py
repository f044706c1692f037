import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlists.load import load
from placer.cost.full import CostWeights, full
from placer.cost.incremental import IncrementalCost, build_problem
from placer.cost.incremental.top import fill, merge, trial_sum
from tests.placer.random_designs import random_design


def random_move(cost, rng, count=None):
    """Arguments for ``propose``: one to three objects, near or far, sometimes beyond the edge, sometimes turned."""
    canvas = cost.design.canvas
    ids = rng.choice(np.flatnonzero(cost.design.movable), count or rng.integers(1, 4), replace=False)
    if rng.random() < 0.5:
        x = cost.x[ids] + rng.normal(0, canvas.gcell_width, len(ids))
        y = cost.y[ids] + rng.normal(0, canvas.gcell_height, len(ids))
    else:
        x = canvas.x0 + canvas.width * rng.uniform(-0.1, 1.1, len(ids))
        y = canvas.y0 + canvas.height * rng.uniform(-0.1, 1.1, len(ids))
    orient = cost.state.orient[ids].astype(int) if rng.random() < 0.5 else rng.integers(0, 8, len(ids))
    return ids, x, y, orient


def agrees(cost, weights=None):
    reference = full(cost.design, cost.placement(), weights)
    assert cost.proxy_cost == pytest.approx(reference.proxy_cost, rel=1e-9)
    assert cost.hpwl_um == pytest.approx(reference.hpwl_um, rel=1e-9)
    gcells = reference.density.size
    assert cost.state.congestion[:gcells] == pytest.approx(reference.v_congestion.ravel(), abs=1e-9)
    assert cost.state.congestion[gcells:] == pytest.approx(reference.h_congestion.ravel(), abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_random_walks_price_like_the_reference(seed, integer):
    weights = CostWeights(1.3, 0.4, 0.7)
    cost = IncrementalCost(random_design(seed, integer_weights=integer), weights=weights)
    rng = np.random.default_rng(seed)
    agrees(cost, weights)
    for _ in range(40):
        before = cost.proxy_cost
        price = cost.propose(*random_move(cost, rng))
        if rng.random() < 0.6:
            cost.commit()
            assert price == pytest.approx(full(cost.design, cost.placement(), weights).proxy_cost, rel=1e-9)
        else:
            cost.revert()
            assert cost.proxy_cost == before
    agrees(cost, weights)


def test_revert_restores_every_bit():
    cost = IncrementalCost(random_design(5))
    kept = [a.copy() for a in (cost.state.px, cost.state.py, cost.state.cell, cost.state.congestion, cost.state.area)]
    rng = np.random.default_rng(0)
    for _ in range(50):
        cost.propose(*random_move(cost, rng))
        cost.revert()
    now = (cost.state.px, cost.state.py, cost.state.cell, cost.state.congestion, cost.state.area)
    assert all((a == b).all() for a, b in zip(kept, now, strict=True))


def test_swap_and_turn():
    cost = IncrementalCost(random_design(8))
    a, b = np.flatnonzero(cost.design.movable)[:2]
    x, y = cost.x, cost.y
    price = cost.swap(a, b)
    cost.commit()
    assert (cost.x[a], cost.y[b]) == pytest.approx((x[b], y[a]))
    assert price == pytest.approx(full(cost.design, cost.placement()).proxy_cost, rel=1e-9)
    price = cost.propose([a], orient=[6])
    cost.commit()
    assert price == pytest.approx(full(cost.design, cost.placement()).proxy_cost, rel=1e-9)


def test_a_million_moves_do_not_drift():
    from placer.engines.search.chain import anneal, build_chain, build_crowd
    from placer.engines.search.ground import on_lattice

    design = load("synth20")
    start = on_lattice(design, design.placement)
    chain = build_chain(design, build_problem(design), build_crowd(design, start), start, 1, 0)
    anneal(chain, np.linspace(1 / 12, 1, 12), 1_000_000, 1e-2, 1e-3, 50.0)
    found = design.placement.moved(x=chain.state.x, y=chain.state.y, orient=chain.state.orient)
    assert chain.state.total[3] == pytest.approx(full(design, found).proxy_cost, rel=1e-11)


def test_nets_are_merged_but_not_their_weight():
    design = random_design(2, nodes=10, nets=40)
    problem = build_problem(design)
    assert len(problem.net_weight) < design.netlist.num_nets
    assert IncrementalCost(design, problem=problem).hpwl_um == pytest.approx(full(design).hpwl_um, rel=1e-12)


@pytest.mark.parametrize(
    ("objects", "x", "error"),
    [([], [], ValueError), ([0, 0], [1, 2], ValueError), ([0, 1, 2, 3], [0] * 4, ValueError),
     ([99], [1], IndexError), ([-1], [1], IndexError), ([0], [float("nan")], ValueError), ([0], [1, 2], ValueError)],
)  # fmt: skip
def test_bad_moves_are_refused_and_change_nothing(objects, x, error):
    cost = IncrementalCost(random_design(1))
    with pytest.raises(error):
        cost.propose(objects, x, x)
    agrees(cost)
    with pytest.raises(RuntimeError):
        cost.commit()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 40), st.data())
def test_sorted_list_gives_the_sum_of_the_largest(seed, size, data):
    rng = np.random.default_rng(seed)
    k = data.draw(st.integers(1, size))
    values = rng.integers(0, 6, size).astype(float)  # many ties
    order, value = np.zeros(size, np.int32), np.zeros(size)
    fill(order, value, values)
    flag, buffers = np.zeros(size, np.int64), (np.zeros(size, np.int32), np.zeros(size))
    for mark in range(1, 4):
        m = int(rng.integers(0, size + 1))
        entries = rng.choice(size, m, replace=False).astype(np.int32)
        new = rng.integers(0, 6, m).astype(float)
        flag[entries] = mark
        after = values.copy()
        after[entries] = new
        assert trial_sum(order, value, k, flag, mark, new, m, np.zeros(size)) == np.sort(after)[::-1][:k].sum()
        merge(order, value, flag, mark, entries, new, m, *buffers)
        values = after
        assert (value == np.sort(values)[::-1]).all()
        assert (values[order] == value).all()


@pytest.mark.open_data
@pytest.mark.parametrize("name", ["ariane133_ng45", "ibm01_unit", "mempool_tile_ng45"])
def test_real_designs_price_like_the_reference(open_data, name):
    cost = IncrementalCost(load(open_data(f"ct/{name}")))
    rng = np.random.default_rng(0)
    for _ in range(60):
        price = cost.propose(*random_move(cost, rng))
        cost.commit()
        assert price == pytest.approx(full(cost.design, cost.placement()).proxy_cost, rel=1e-9)
    agrees(cost)
