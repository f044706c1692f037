"""Searches shared out over pools: what a share gets, what comes back, and what happens when nothing does."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import placer
from netlists.design import Design
from netlists.placement import Placement
from netlists.synthesis import SynthesisSpec, synthesize
from placer.budget import Budget
from placer.cli import run
from placer.engines.legalise import legalise
from placer.engines.ray_pool import RayPool
from placer.engines.search import SearchResult, search
from placer.engines.spread import LocalPool, Task, best_of, search_everywhere, share


@pytest.fixture(scope="module")
def design() -> Design:
    return synthesize(SynthesisSpec(num_macros=5, num_cells=300, name="tiny"), seed=1)


@pytest.fixture(scope="module")
def starts(design: Design) -> list[Placement]:
    legal = legalise(design)
    return [legal.moved() for _ in range(5)]


class Lossy:
    """A pool that splits in three and loses some shares."""

    def __init__(self, lost: set[int]) -> None:
        self.lost = lost

    def run(self, task: Task) -> list[SearchResult]:
        return [LocalPool().run(share(task, k, 3))[0] for k in range(3) if k not in self.lost]

    def report(self) -> dict[str, object]:
        return {"lost": len(self.lost)}


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_shares_hold_every_start_and_every_proposal(design: Design, starts: list[Placement], count: int) -> None:
    task = Task(design, starts, Budget(), seed=4, iterations=1001)
    parts = [share(task, k, count) for k in range(count)]
    assert {id(s) for part in parts for s in part.starts} == {id(s) for s in starts}
    assert all(part.starts for part in parts)
    assert sum(len(part.starts) for part in parts) == max(count, len(starts))
    assert sum(part.iterations or 0 for part in parts) == 1001
    assert parts[0].seed == 4
    assert len({part.seed for part in parts}) == count


def test_a_share_that_does_not_exist_is_refused(design: Design, starts: list[Placement]) -> None:
    with pytest.raises(ValueError, match="no share 2 of 2"):
        share(Task(design, starts, Budget()), 2, 2)


def test_the_best_of_several_searches_has_their_sums_and_a_falling_history(starts: list[Placement]) -> None:
    kinds = {"soft-shift": {"tried": 2.0, "gained": 0.5}}
    a = SearchResult(starts[0], 0.9, 10, kinds, [(1.0, "anneal", 1.0), (3.0, "anneal", 0.9)])
    b = SearchResult(starts[1], 0.8, 5, kinds, [(2.0, "anneal", 0.8)])
    both = best_of([a, b])
    assert both.placement is starts[1]
    assert both.proxy_cost == 0.8
    assert both.proposals == 15
    assert both.kinds == {"soft-shift": {"tried": 4.0, "gained": 1.0}}
    assert both.history == [(1.0, "anneal", 1.0), (2.0, "anneal", 0.8), (3.0, "anneal", 0.8)]
    assert kinds["soft-shift"]["tried"] == 2.0


def test_without_a_pool_it_is_the_search_itself(design: Design, starts: list[Placement]) -> None:
    here = search(design, starts, budget=Budget(), seed=2, iterations=3000)
    for pool in (None, LocalPool()):
        found = search_everywhere(design, starts, budget=Budget(), seed=2, iterations=3000, pool=pool)
        assert found.proxy_cost == here.proxy_cost
        assert np.array_equal(found.placement.x, here.placement.x)


def test_lost_shares_lose_only_their_chains(design: Design, starts: list[Placement]) -> None:
    whole = Lossy(set()).run(Task(design, starts, Budget(), seed=2, iterations=3000))
    rest = search_everywhere(design, starts, budget=Budget(), seed=2, iterations=3000, pool=Lossy({1}))
    assert rest.proxy_cost == min(whole[0].proxy_cost, whole[2].proxy_cost)
    assert rest.proposals == whole[0].proposals + whole[2].proposals


def test_when_every_share_is_lost_the_search_is_done_here(design: Design, starts: list[Placement]) -> None:
    found = search_everywhere(design, starts, budget=Budget(), seed=2, iterations=3000, pool=Lossy({0, 1, 2}))
    assert found.proxy_cost == search(design, starts, budget=Budget(), seed=2, iterations=3000).proxy_cost


def test_a_run_says_which_pool_it_had(design: Design) -> None:
    result = placer.place(design, effort="fast", iterations=2000, jobs=1, ray=Lossy({1}))
    assert result.legality.legal
    assert result.stats["pool"] == {"lost": 1}


def test_a_search_without_starts_or_limit_is_refused(design: Design, starts: list[Placement]) -> None:
    with pytest.raises(ValueError, match="at least one start"):
        search_everywhere(design, [], budget=Budget(1.0))
    with pytest.raises(ValueError, match="time limit or"):
        search_everywhere(design, starts, budget=Budget())


def test_without_ray_one_line_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r"pip install 'chip-placer\[ray\]'"):
        RayPool("local")
    assert run(["place", "synth20", "--ray", "local"]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("placer: ")
    assert "pip install 'chip-placer[ray]'" in last
