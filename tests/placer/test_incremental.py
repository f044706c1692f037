import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netlists.load import load
from placer.cost.full import CostWeights, full, macro_nets
from placer.cost.incremental import IncrementalCost, build_problem, commit, propose, rebuild, revert
from placer.cost.incremental.lanes import FILLER, LANES, collect, excess, padded, sweep
from placer.cost.incremental.state import TRIAL_ROOM
from placer.cost.incremental.top import EDGE, least_sum, pick, settle, smallest_sum, top_sum
from placer.cost.metrics import metrics
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
    horizontal, vertical = cost.congestion_maps()
    assert horizontal == pytest.approx(reference.h_congestion, abs=1e-9)
    assert vertical == pytest.approx(reference.v_congestion, abs=1e-9)
    area = cost.state.area[: reference.density.size].reshape(reference.density.shape)
    gcell_area = cost.design.canvas.gcell_width * cost.design.canvas.gcell_height
    assert area / gcell_area == pytest.approx(reference.density, abs=1e-9)


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


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_wirelength_between_macros_is_priced_and_routes_nothing(seed):
    weights = CostWeights(1.3, 0.4, 0.7, 0.9)
    cost = IncrementalCost(random_design(seed), weights=weights)
    plain = IncrementalCost(random_design(seed), weights=CostWeights(1.3, 0.4, 0.7))
    rng = np.random.default_rng(seed)
    for _ in range(30):
        move = random_move(cost, rng)
        price = cost.propose(*move)
        plain.propose(*move)
        cost.commit()
        plain.commit()
        reference = full(cost.design, cost.placement(), weights)
        assert price == pytest.approx(reference.proxy_cost, rel=1e-9)
        added = reference.proxy_cost - full(cost.design, cost.placement(), CostWeights(1.3, 0.4, 0.7)).proxy_cost
        assert added == pytest.approx(0.9 * reference.macro_wirelength_cost, abs=1e-12)
    for one, other in zip(cost.congestion_maps(), plain.congestion_maps(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


def test_the_wirelength_between_macros_is_that_of_the_metrics():
    design = load("synth130")
    cost = full(design, weights=CostWeights(macro_wirelength=1.0))
    ptr, _ = macro_nets(design.netlist)
    extent = design.canvas.width + design.canvas.height
    um = metrics(design)["macro_hpwl_um"]
    assert um > 0
    assert cost.macro_wirelength_cost == pytest.approx(um / (extent * (len(ptr) - 1)))


#: What a proposal must leave as it is, and what must be all zeros or equal to another array between proposals.
COMMITTED = ("x", "y", "orient", "px", "py", "cell", "net_cells", "area", "congestion", "total")


def test_proposals_leave_what_is_committed_alone():
    cost = IncrementalCost(random_design(5))
    kept = {name: getattr(cost.state, name).copy() for name in COMMITTED}
    rng = np.random.default_rng(0)
    for _ in range(50):
        cost.propose(*random_move(cost, rng))
        for name, before in kept.items():
            assert (getattr(cost.state, name) == before).all(), name
        assert not cost.state.ends.any()
        cost.revert()
        assert (cost.state.area_trial == cost.state.area).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_commits_leave_what_a_rebuild_would(seed):
    cost = IncrementalCost(random_design(seed))
    rng = np.random.default_rng(seed)
    for _ in range(20):
        cost.propose(*random_move(cost, rng))
        cost.commit()
        assert (cost.state.area_trial == cost.state.area).all()
    kept = {name: getattr(cost.state, name).copy() for name in COMMITTED}
    rebuild(cost.problem, cost.state)
    for name, before in kept.items():
        assert getattr(cost.state, name) == pytest.approx(before, rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize("count", range(4, TRIAL_ROOM + 1, 3))
def test_many_objects_in_one_trial(count):
    design = random_design(3, nodes=40, nets=120)
    cost = IncrementalCost(design)
    rng = np.random.default_rng(count)
    for _ in range(5):
        ids, x, y, orient = random_move(cost, rng, count)
        price = propose(cost.problem, cost.state, ids, x, y, orient.astype(np.int64), count, np.inf)
        commit(cost.problem, cost.state)
        assert price == pytest.approx(full(design, cost.placement()).proxy_cost, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(-0.02, 0.05))
def test_a_limit_changes_no_decision(seed, slack):
    """The same walk with and without limits: infinity only where the price is above the limit, else the same bits."""
    for price, answer, limit in limited_walk(seed, slack, bold=0.0):
        assert answer == price or (answer == np.inf and price > limit)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(-0.02, 0.05))
@example(6129, 0.0)
def test_what_is_kept_above_its_limit_is_kept_exactly(seed, slack):
    """Its sums were not finished, so later ones may round differently, and in nothing else."""
    for price, answer, limit in limited_walk(seed, slack, bold=0.2):
        assert answer == pytest.approx(price, rel=1e-12) or (answer == np.inf and price > limit * (1.0 - 1e-12))


def limited_walk(seed, slack, bold):
    """Prices of a walk without limits, the answers with them, and the limits.

    ``bold`` is how often a trial above its limit is kept, which a search never does.
    """
    free, limited = (IncrementalCost(random_design(seed)) for _ in range(2))
    rng = np.random.default_rng(seed)
    for _ in range(30):
        ids, x, y, orient = random_move(free, rng)
        limit = free.proxy_cost * (1.0 + slack)
        price, answer = (
            propose(c.problem, c.state, ids, x, y, orient.astype(np.int64), len(ids), at)
            for c, at in ((free, np.inf), (limited, limit))
        )
        yield price, answer, limit
        keep = price <= limit or rng.random() < bold
        for c in (free, limited):
            commit(c.problem, c.state) if keep else revert(c.state)
        assert limited.proxy_cost == pytest.approx(free.proxy_cost, rel=1e-13)
    agrees(limited)


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
    from placer.engines.search.chain import anneal, build_chain
    from placer.engines.search.ground import on_lattice
    from placer.engines.search.moves.scene import build_crowd

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
@given(st.integers(0, 10_000), st.integers(1, 150), st.booleans(), st.data())
def test_top_sum_of_a_changing_map(seed, size, ties, data):
    """Whatever changes after the edge was chosen, and however much: the sum is that of the k largest."""
    rng = np.random.default_rng(seed)
    k = data.draw(st.integers(1, size))
    values = np.full(padded(size), FILLER)
    draw = (lambda n: rng.integers(0, 6, n).astype(float)) if ties else (lambda n: rng.normal(size=n))
    values[:size] = draw(size)
    figures, scratch = np.zeros(4), np.zeros(2 * len(values) + LANES)
    pick(values, k, figures)
    for _ in range(4):
        at = rng.choice(size, int(rng.integers(0, size + 1)), replace=False)
        values[at] = draw(len(at)) + rng.integers(-1, 2)
        over, above = excess(values, figures[EDGE])
        found = top_sum(values, k, over, above, figures, scratch)
        assert found == pytest.approx(np.sort(values)[::-1][:k].sum(), rel=1e-12, abs=1e-12)
        assert least_sum(k, over, above, figures[EDGE]) <= found + 1e-12 * abs(found)
        if rng.random() < 0.5:
            settle(values, k, figures)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=80), st.data())
def test_sum_of_the_smallest(numbers, data):
    few = data.draw(st.integers(0, len(numbers)))
    room = np.array(numbers * 2, float)
    assert smallest_sum(room, len(numbers), few) == sum(sorted(numbers)[:few])


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=60), st.integers(-3, 3))
def test_collect_finds_what_exceeds_the_edge(numbers, edge):
    values = np.full(padded(len(numbers)), FILLER)
    values[: len(numbers)] = numbers
    out = np.zeros(len(values) + LANES)
    count = collect(values, float(edge), out)
    assert out[:count].tolist() == [v - edge for v in numbers if v > edge]
    assert excess(values, float(edge)) == (out[:count].sum(), count)


@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 30), st.integers(0, 20))
def test_sweep_sums_segment_ends_down_the_lines(seed, lines, length, begin):
    rng = np.random.default_rng(seed)
    width = padded(length)
    ends, old = rng.integers(-3, 4, (lines, width)).astype(float), rng.normal(size=(lines, width))
    flat = np.concatenate([np.ones(begin), ends.ravel()])
    base, new = np.concatenate([np.ones(begin), old.ravel()]), np.full(len(flat), 9.0)
    over, above = sweep(flat, base, new, begin, lines, width, 0.5, 0.25)
    expected = old + 0.5 * np.cumsum(ends, axis=0)
    assert new[begin:] == pytest.approx(expected.ravel(), rel=1e-12, abs=1e-12)
    assert (flat[:begin] == 1.0).all()
    assert (new[:begin] == 9.0).all()
    assert not flat[begin:].any()
    assert above == (new[begin:] > 0.25).sum()
    assert over == pytest.approx(np.maximum(new[begin:] - 0.25, 0.0).sum(), rel=1e-12, abs=1e-12)


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
