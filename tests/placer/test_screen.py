import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlists.load import load
from placer import flow
from placer.cost.full import full
from placer.cost.incremental import IncrementalCost, build_problem, propose, revert
from placer.cost.incremental.state import CUT, HPWL
from placer.cost.incremental.state import SCREENED as CUT_SHORT
from placer.cost.legality import check
from placer.engines.legalise import legalise
from placer.engines.search import SearchOptions, screen
from placer.engines.search.chain import PRICED, SCREENED, TRIED, anneal, build_chain
from placer.engines.search.moves.scene import build_crowd
from placer.engines.search.moves.table import NAMES, SCAN
from tests.placer.random_designs import random_design

EVEN = np.linspace(1 / len(NAMES), 1, len(NAMES))


def chain_of(design, seed=0, **options):
    start = legalise(design)
    return build_chain(design, build_problem(design), build_crowd(design, start), start, seed, 0, **options)


def length_change(cost, i, x, y):
    """Exact change of the length term when an object goes to a place and keeps its orientation."""
    before = cost.state.total[HPWL]
    cost.propose([i], [x], [y])
    change = float(cost.state.trial[HPWL] - before) * cost.problem.wirelength_scale
    cost.revert()
    return change


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_fresh_tables_are_exact_at_gcell_borders_and_never_too_low_between_them(seed):
    """The length of an object's nets is convex in its place, and lines between points of such a curve lie above it."""
    cost = IncrementalCost(random_design(seed))
    p, s, canvas = cost.problem, cost.state, cost.design.canvas
    tables = screen.build_screen(p, build_crowd(cost.design, cost.placement()))
    screen.refresh(p, s, tables)
    rng = np.random.default_rng(seed)
    for _ in range(20):
        k = int(rng.integers(len(tables.movers)))
        i = int(tables.movers[k])
        column, row = int(rng.integers(canvas.columns + 1)), int(rng.integers(canvas.grid_rows + 1))
        x, y = p.x0 + column * p.gcell_width, p.y0 + row * p.gcell_height
        corner, other = length_change(cost, i, x, y), length_change(cost, i, p.x0, p.y0)
        told = (tables.across[k, column] - tables.across[k, 0]) + (tables.up[k, row] - tables.up[k, 0])
        assert told == pytest.approx(corner - other, abs=1e-5 * max(1.0, abs(tables.across[k]).max()))
        x, y = p.x0 + rng.uniform(0, canvas.width), p.y0 + rng.uniform(0, canvas.height)
        between = screen._at(tables.across[k], (x - p.x0) / p.gcell_width)
        between += screen._at(tables.up[k], (y - p.y0) / p.gcell_height)
        between -= float(tables.across[k, 0]) + float(tables.up[k, 0])
        assert between >= length_change(cost, i, x, y) - other - 1e-5 * max(1.0, abs(tables.across[k]).max())


def test_a_refused_trial_leaves_everything_as_it_was():
    design = load("synth20")
    chain = chain_of(design)
    p, s = chain.problem, chain.state
    i = chain.scene.crowd.soft[:1].copy()
    before = {
        name: np.copy(value) for name, value in s._asdict().items() if name in ("x", "area", "congestion", "total")
    }
    x, y, turn = s.x[i] + 3 * p.gcell_width, s.y[i].copy(), s.orient[i].astype(np.int64)
    assert propose(p, s, i, x, y, turn, 1, s.total[3], 1.0) == np.inf
    assert s.counter[CUT] == CUT_SHORT
    revert(s)
    assert (s.area_trial == s.area).all()
    assert (s.ends == 0.0).all()
    for name, value in before.items():
        assert (getattr(s, name) == value).all(), name
    price = propose(p, s, i, x, y, turn, 1, np.inf, 1.0)  # without a limit nothing is refused
    assert np.isfinite(price)
    assert s.counter[CUT] == 0
    revert(s)


def test_without_doubt_nothing_is_refused_and_the_tables_change_no_decision():
    design = load("synth20")
    plain, screened = chain_of(design, screened=False), chain_of(design)
    anneal(plain, EVEN, 3_000, 1e-3, 1e-4, 60.0, 1e-4)  # no tables: the doubt does not matter
    anneal(screened, EVEN, 3_000, 1e-3, 1e-4, 60.0, np.inf)
    assert plain.statistics[:, SCREENED].sum() == screened.statistics[:, SCREENED].sum() == 0
    assert (plain.state.x == screened.state.x).all()
    generous = chain_of(design)
    anneal(generous, EVEN, 3_000, 1e-3, 1e-4, 60.0, 1e3)  # as good as infinite
    assert (plain.state.x == generous.state.x).all()


def test_screened_chains_stay_legal_and_exactly_priced():
    design = load("synth20")
    chain = chain_of(design)
    mix = np.arange(len(NAMES)) != SCAN  # one scan prices as much as hundreds of others
    anneal(chain, np.cumsum(mix / mix.sum()), 30_000, 3e-4, 1e-4, 60.0, 2e-4)
    found = design.placement.moved(x=chain.state.x, y=chain.state.y, orient=chain.state.orient)
    assert check(design, found).legal
    assert float(chain.state.total[3]) == pytest.approx(full(design, found).proxy_cost, rel=1e-9)
    screened, priced = chain.statistics[:, SCREENED].sum(), chain.statistics[:, PRICED].sum()
    assert screened > 0.3 * priced
    assert screened + priced <= chain.statistics[:, TRIED].sum()


def test_most_of_what_is_refused_would_have_been_refused_anyway():
    """Of the moves that the full price accepts, few are screened; of the others, most."""
    design = load("synth20")
    chain = chain_of(design)
    anneal(chain, EVEN, 20_000, 1e-3, 3e-4, 60.0)
    p, s, v = chain.problem, chain.state, chain.scene
    screen.refresh(p, s, chain.screen)
    rng = np.random.default_rng(1)
    temperature = 3e-4
    lost = kept = seen = refused = 0
    one = np.zeros(1, np.int64), np.zeros(1), np.zeros(1), np.zeros(1, np.int64)
    draft = v.draft
    for _ in range(4_000):
        i = int(rng.choice(v.crowd.soft))
        x = float(np.clip(s.x[i] + rng.normal(0, p.gcell_width), p.x0, p.x0 + p.columns * p.gcell_width))
        one[0][0], one[1][0], one[2][0], one[3][0] = i, x, s.y[i], s.orient[i]
        draft.size[0], draft.objects[0], draft.x[0], draft.y[0], draft.orient[0] = 1, i, x, s.y[i], s.orient[i]
        limit = s.total[3] - temperature * np.log(rng.random())
        accepted = propose(p, s, *one, 1, np.inf) <= limit
        revert(s)
        propose(p, s, *one, 1, limit, screen.expected_length(p, s, chain.screen, draft) - 2 * temperature)
        short = s.counter[CUT] == CUT_SHORT
        revert(s)
        kept, lost = kept + accepted, lost + (accepted and short)
        seen, refused = seen + (not accepted), refused + (not accepted and short)
    assert kept > 100
    assert lost < 0.05 * kept
    assert refused > 0.3 * seen


def test_a_search_can_go_without_and_says_what_was_refused():
    design = load("synth20")
    results = {
        on: flow.place(design, iterations=6_000, jobs=1, options=SearchOptions(device="cpu", starts=0, screen=on))
        for on in (True, False)
    }
    screened = {on: sum(kind["screened"] for kind in result.stats["moves"].values()) for on, result in results.items()}
    assert screened[False] == 0
    assert screened[True] > results[True].stats["proposals"]
    assert all(result.legality.legal for result in results.values())


def test_designs_too_large_for_tables_are_not_screened(monkeypatch):
    monkeypatch.setattr(screen, "MOST_ENTRIES", 100)
    chain = chain_of(load("synth20"))
    assert chain.screen.every == 0
    anneal(chain, EVEN, 1_000, 1e-3, 1e-4, 60.0, 0.0)
    assert chain.statistics[:, SCREENED].sum() == 0
