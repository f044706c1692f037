"""Every kind of move: legal by construction, priced exactly, and doing what its sentence says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlists import HARD_MACRO, SOFT_MACRO
from netlists.load import load
from placer.cost.full import full
from placer.cost.incremental import IncrementalCost, build_problem
from placer.cost.legality import check
from placer.engines.legalise import legalise
from placer.engines.search import SearchOptions
from placer.engines.search.chain import KEPT, PRICED, TRIED, anneal, build_chain
from placer.engines.search.ground import free_spot, hard_fits
from placer.engines.search.moves import groups, hard, hot, learned, scan, soft
from placer.engines.search.moves.groups import array_shift, hard_push, joint_shift
from placer.engines.search.moves.hard import hard_rotate
from placer.engines.search.moves.hot import feel
from placer.engines.search.moves.scene import build_crowd
from placer.engines.search.moves.table import HARD_FLIP, KINDS, NAMES, SCAN, first_mix
from tests.placer.advisers import with_pairs
from tests.placer.blocks import block_design, judge

MACROS, SOFTS = 9, 5


def mixed_design(seed=0):
    """Six macros of one size in two rows of an array, three others, five soft macros, all connected at random."""
    rng = np.random.default_rng(seed)
    n = MACROS + SOFTS
    width, height = rng.integers(5, 15, n) * 1.0, rng.integers(5, 15, n) * 1.0
    width[:6], height[:6] = 9.0, 12.0
    x, y = rng.uniform(0, 80, n), rng.uniform(0, 80, n)
    x[:6], y[:6] = np.tile([10.0, 20.0, 30.0], 2), np.repeat([30.0, 43.0], 3)
    kind = np.where(np.arange(n) < MACROS, HARD_MACRO, SOFT_MACRO)
    nets = [rng.choice(n, rng.integers(2, 5), replace=False).tolist() for _ in range(20)]
    return block_design(
        width, height, x, y, kind=kind, nets=nets, h_routes_per_um=1.0, v_routes_per_um=1.0,
        h_macro_routes_per_um=0.5, v_macro_routes_per_um=0.5,
    )  # fmt: skip


def chain_of(design, seed=0):
    start = legalise(design)
    chain = with_pairs(build_chain(design, build_problem(design), build_crowd(design, start), start, seed, 0))
    feel(chain.problem, chain.state, chain.scene.ground, chain.scene.heat)
    return chain


def drafts(chain, draft, count=400):
    """Objects, corners before and after of every move drafted."""
    v = chain.scene
    for _ in range(count):
        v.draft.size[0] = 0
        before = v.ground.left.copy(), v.ground.bottom.copy()
        drafted = draft(v, 40.0)
        assert (v.ground.left == before[0]).all()  # drafting leaves everything where it is
        assert (v.ground.bottom == before[1]).all()
        if drafted:
            k = v.draft.size[0]
            ids = v.draft.objects[:k]
            assert len(set(ids.tolist())) == k
            here = np.stack([before[0][ids], before[1][ids]], axis=1)
            yield ids.copy(), here, np.stack([v.draft.left[:k], v.draft.bottom[:k]], axis=1)


@pytest.mark.parametrize("name", NAMES)
def test_a_kind_alone_keeps_the_placement_legal_and_its_cost_exact(name):
    design = mixed_design()
    chain = chain_of(design)
    only = np.cumsum(first_mix(chain.scene.crowd, frozenset(NAMES) - {name}, advised=True))
    for _ in range(5):
        anneal(chain, only, 300, 0.05, 0.05, 40.0)
        found = design.placement.moved(x=chain.state.x, y=chain.state.y, orient=chain.state.orient)
        assert check(design, found, reference=design.placement).summary() == "legal"
        assert judge(design, found) == []
        assert chain.state.total[3] == pytest.approx(full(design, found).proxy_cost, rel=1e-9)
    kind = NAMES.index(name)
    assert chain.statistics[kind, KEPT] > 0
    assert chain.statistics[:, TRIED].sum() == chain.statistics[kind, TRIED]


def test_every_kind_is_listed_once_and_has_its_function():
    functions = {name for module in (soft, hard, groups, hot, learned, scan) for name in vars(module)}
    assert len(set(NAMES)) == len(NAMES) == len(KINDS)
    assert {name.replace("-", "_") for name in NAMES} <= functions
    assert NAMES[HARD_FLIP] == "hard-flip"
    assert NAMES[SCAN] == "scan"
    assert all(kind.weight > 0 and kind.does for kind in KINDS)


def test_kinds_that_have_nothing_to_move_are_left_out():
    macros_only = block_design([9, 9, 5], [9, 9, 7], [0, 20, 60], [0, 20, 60], nets=[[0, 1], [1, 2]])
    mix = first_mix(build_crowd(macros_only, macros_only.placement), frozenset({"scan"}))
    drawn = {name for name, share in zip(NAMES, mix, strict=True) if share > 0}
    assert drawn == {kind.name for kind in KINDS if kind.moves in ("hard", "any")} - {"scan"}
    assert first_mix(build_crowd(macros_only, macros_only.placement), advised=True)[NAMES.index("learned")] > 0
    assert mix.sum() == pytest.approx(1.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_the_free_spot_is_the_nearest_there_is(seed):
    rng = np.random.default_rng(seed)
    n = 6
    sizes = rng.integers(3, 9, (n, 2)) * 1.0
    design = block_design(
        sizes[:, 0], sizes[:, 1], rng.integers(0, 25, n), rng.integers(0, 25, n),
        canvas=(0, 0, 30, 30), manufacturing_grid=1.0,
    )  # fmt: skip
    v = chain_of(design).scene
    g = v.ground
    for i in range(n):
        want = int(rng.integers(g.low_x[i], g.high_x[i] + 1)), int(rng.integers(g.low_y[i], g.high_y[i] + 1))
        free = [
            abs(x - want[0]) + abs(y - want[1])
            for x in range(g.low_x[i], g.high_x[i] + 1)
            for y in range(g.low_y[i], g.high_y[i] + 1)
            if hard_fits(g, i, x, y, -1)
        ]
        found, left, bottom = free_spot(g, i, *want, v.draft.boxes)
        assert found  # where it lies is free
        assert hard_fits(g, i, left, bottom, -1)
        assert abs(left - want[0]) + abs(bottom - want[1]) == min(free)


def test_a_rotation_permutes_the_corners_of_three_equals():
    seen = 0
    for ids, before, after in drafts(chain_of(mixed_design()), hard_rotate):
        assert len(ids) == 3
        assert sorted(map(tuple, before.tolist())) == sorted(map(tuple, after.tolist()))
        assert (before != after).any(axis=1).all()
        seen += 1
    assert seen > 50


def test_an_array_shifts_as_one():
    sizes = set()
    for ids, before, after in drafts(chain_of(mixed_design()), array_shift):
        assert (ids < 6).all()
        assert len(np.unique(after - before, axis=0)) == 1
        sizes.add(len(ids))
    assert max(sizes) >= 3


def test_joined_objects_go_the_same_way():
    design = mixed_design()
    chain = chain_of(design)
    p = chain.problem
    nets_of = [set(p.conn_net[p.obj_conn[p.obj_ptr[i] : p.obj_ptr[i + 1]]].tolist()) for i in range(MACROS + SOFTS)]
    seen = 0
    for ids, before, after in drafts(chain, joint_shift):
        way = after - before
        hard_ones = ids < MACROS
        assert len(np.unique(way[hard_ones], axis=0)) == 1
        assert (np.abs(way) <= np.abs(way[0]) + 1).all()  # soft macros stop at the canvas edge
        assert all(nets_of[ids[0]] & nets_of[j] for j in ids[1:])
        seen += 1
    assert seen > 50


def test_pushed_macros_make_way_along_one_axis():
    design = mixed_design()
    longest = 0
    for ids, before, after in drafts(chain_of(design), hard_push, 2000):
        way = after[1:] - before[1:]
        assert (way != 0).sum() == len(way)  # every pushed macro moves, along one axis
        assert len({(axis, np.sign(step)) for row in way for axis, step in enumerate(row) if step}) <= 1
        longest = max(longest, len(ids))
    assert longest >= 3


def test_a_scan_finds_the_best_gcell():
    design = mixed_design(3)
    chain = chain_of(design)
    v, p = chain.scene, chain.problem
    cost = IncrementalCost(design, design.placement.moved(x=chain.state.x, y=chain.state.y, orient=chain.state.orient))
    for _ in range(6):
        v.draft.size[0] = v.draft.priced[0] = 0
        if not scan.scan(p, chain.state, v):
            continue
        i, looked = int(v.draft.objects[0]), int(v.draft.priced[0])
        found = cost.propose([i], [v.draft.x[0]], [v.draft.y[0]])
        prices = []
        for row in range(-p.rows, p.rows):
            for column in range(-p.columns, p.columns):
                x, y = cost.x[i] + column * p.gcell_width, cost.y[i] + row * p.gcell_height
                inside = 0 <= x - p.x0 < p.columns * p.gcell_width and 0 <= y - p.y0 < p.rows * p.gcell_height
                if not inside or (row == 0 and column == 0):
                    continue
                g = v.ground
                left = min(max(int(np.rint((x - g.half_x[i]) / g.step)), g.low_x[i]), g.high_x[i])
                bottom = min(max(int(np.rint((y - g.half_y[i]) / g.step)), g.low_y[i]), g.high_y[i])
                if i >= MACROS or hard_fits(g, i, left, bottom, -1):
                    prices.append(cost.propose([i], [left * g.step + g.half_x[i]], [bottom * g.step + g.half_y[i]]))
        assert found == pytest.approx(min(prices), rel=1e-9)
        assert looked <= len(prices)


def test_heat_adds_up_to_what_the_hot_entries_hold():
    """Nets of two pins, nothing that blocks tracks: every hot track belongs to one end of one net."""
    rng = np.random.default_rng(1)
    n = 30
    design = block_design(
        np.full(n, 3.0), np.full(n, 3.0), rng.uniform(0, 90, n), rng.uniform(0, 90, n), kind=[SOFT_MACRO] * n,
        nets=[rng.choice(n, 2, replace=False).tolist() for _ in range(60)], h_routes_per_um=1.0, v_routes_per_um=1.0,
    )  # fmt: skip
    chain = chain_of(design)
    p, s, heat = chain.problem, chain.state, chain.scene.heat
    limit = np.sort(s.congestion)[-p.congestion_count]
    held = s.congestion[s.congestion >= limit].sum() * p.congestion_scale
    assert heat.lift.sum() + heat.sway.sum() == pytest.approx(held, rel=1e-9)
    limit = np.sort(s.area)[-p.density_count]
    assert heat.bulk.sum() == pytest.approx(s.area[s.area >= limit].sum() * p.density_scale, rel=1e-9)
    assert heat.running[-1] == pytest.approx(heat.lift.sum() + heat.sway.sum() + heat.bulk.sum())


def test_hot_objects_are_drawn_by_their_heat():
    chain = chain_of(load("synth20"))
    heat, rng = chain.scene.heat, chain.scene.rng
    drawn = np.bincount([hot.hot_object(heat, rng) for _ in range(20_000)], minlength=len(heat.lift)) / 20_000
    share = (heat.lift + heat.sway + heat.bulk)[heat.movers] / heat.running[-1]
    assert drawn[heat.movers] == pytest.approx(share, abs=0.015)


def test_proposals_a_scan_prices_count_as_steps():
    chain = chain_of(mixed_design())
    only = np.cumsum(np.where(np.arange(len(NAMES)) == SCAN, 1.0, 0.0))
    taken = anneal(chain, only, 500, 0.0, 0.0, 10.0)
    tried, priced = chain.statistics[SCAN, TRIED], chain.statistics[SCAN, PRICED]
    assert taken >= 500
    assert priced - tried <= taken <= priced + tried
    assert priced <= tried * (chain.problem.rows * chain.problem.columns + 1)


def test_options_name_what_there_is():
    with pytest.raises(ValueError, match="no kind of move"):
        SearchOptions(without=frozenset({"soft-teleport"}))
    with pytest.raises(ValueError, match="device"):
        SearchOptions(device="abacus")
    with pytest.raises(ValueError, match="refresh"):
        SearchOptions(refresh=0)
    assert SearchOptions(without={"scan"}).left_out == {"scan"}
    assert SearchOptions(only={"scan"}).left_out == frozenset(NAMES) - {"scan"}
