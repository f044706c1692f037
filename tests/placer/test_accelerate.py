"""Device and cores side by side, with a stand-in for the device: who wins, and what happens when it is not there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netlists.design import Design
from netlists.load import load
from netlists.placement import Placement
from placer import warm
from placer.budget import Budget
from placer.cli import run
from placer.engines import accelerate
from placer.engines.accelerate import search_here, uses_device
from placer.engines.gpu_search import GpuUnavailableError
from placer.engines.gpu_search.device import why_not
from placer.engines.legalise import legalise
from placer.engines.search import SearchOptions, SearchResult, search
from placer.flow import place

without_device = pytest.mark.skipif(why_not() is None, reason="there is a CUDA device here")


@pytest.fixture(scope="module")
def design() -> Design:
    return load("synth20")


@pytest.fixture(scope="module")
def start(design: Design) -> Placement:
    return legalise(design)


class StandIn:
    """A device whose search returns what it was told to, or fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, outcome: SearchResult | Exception) -> None:
        self.outcome, self.calls = outcome, 0
        monkeypatch.setattr(accelerate, "why_not", lambda: None)
        monkeypatch.setattr(accelerate, "gpu_search", self)

    def __call__(self, *arguments: object, **settings: object) -> SearchResult:
        self.calls += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def test_without_a_device_it_is_the_search_on_the_cores(
    design: Design, start: Placement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accelerate, "why_not", lambda: "none here")
    found = search_here(design, [start], budget=Budget(), seed=3, iterations=2000)
    assert found.proxy_cost == search(design, [start], budget=Budget(), seed=3, iterations=2000).proxy_cost
    assert found.devices == ("cpu",)
    with pytest.raises(GpuUnavailableError, match="none here"):
        search_here(design, [start], budget=Budget(), iterations=2000, options=SearchOptions(device="cuda"))


@pytest.mark.parametrize(("cost", "winner"), [(1e-3, "cuda"), (9.0, "cpu")])
def test_side_by_side_the_better_result_wins(
    design: Design, start: Placement, monkeypatch: pytest.MonkeyPatch, cost: float, winner: str
) -> None:
    marked = start.moved()
    there = StandIn(monkeypatch, SearchResult(marked, cost, 7, {"soft-shift": {"tried": 1e9}}))
    found = search_here(design, [start], budget=Budget(0.5))
    assert there.calls == 1
    assert (found.placement is marked) == (winner == "cuda")
    assert found.devices == ("cpu", "cuda")
    assert found.proposals > 7
    assert found.kinds["soft-shift"]["tried"] > 1e9


def test_a_device_that_fails_costs_its_own_chains_only(
    design: Design, start: Placement, monkeypatch: pytest.MonkeyPatch
) -> None:
    StandIn(monkeypatch, RuntimeError("fell off the bus"))
    found = search_here(design, [start], budget=Budget(0.5))
    assert found.proxy_cost > 0.0
    assert found.devices == ("cpu",)
    assert "fell off the bus" in found.notes[0]


def test_with_iterations_a_device_works_only_when_told_to(
    design: Design, start: Placement, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = StandIn(monkeypatch, SearchResult(start, 0.5, 7))
    assert not uses_device(SearchOptions(), iterations=10)
    assert not uses_device(SearchOptions(device="cpu"))
    search_here(design, [start], budget=Budget(), iterations=1000)
    assert there.calls == 0
    found = search_here(design, [start], budget=Budget(), iterations=1000, options=SearchOptions(device="cuda"))
    assert (there.calls, found.proxy_cost, found.devices) == (1, 0.5, ("cuda",))


def test_a_design_the_device_does_not_cover_goes_to_the_cores(
    design: Design, start: Placement, monkeypatch: pytest.MonkeyPatch
) -> None:
    StandIn(monkeypatch, GpuUnavailableError("weights have no common unit"))
    options = SearchOptions(device="cuda")
    found = search_here(design, [start], budget=Budget(), iterations=1000, options=options)
    assert found.devices == ("cpu",)
    assert found.notes == ("searched on the CPU: weights have no common unit",)


@without_device
def test_asking_for_a_device_that_is_not_there_is_one_line(
    design: Design, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "warm_up", lambda *_: pytest.fail("must be refused before anything is compiled"))
    assert run(["place", "synth20", "--device", "cuda"]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("placer: ")
    assert "--device" in last
    with pytest.raises(GpuUnavailableError):
        place(design, iterations=100, options=SearchOptions(device="cuda"))


def test_the_options_reach_the_search_and_the_starts(design: Design) -> None:
    options = SearchOptions(without={"scan", "hard-push"}, starts=0, halving=False, takeovers=False, adaptive=False)
    result = place(design, effort="fast", iterations=4000, jobs=1, options=options)
    assert "starts" not in result.stats
    assert result.stats["devices"] == ["cpu"]
    tried = {name: kind["tried"] for name, kind in result.stats["moves"].items()}
    assert tried["scan"] == tried["hard-push"] == tried["learned"] == 0  # nobody proposes
    assert min(count for name, count in tried.items() if name not in {*options.without, "learned"}) > 0
    again = place(design, effort="fast", iterations=4000, jobs=1, options=replace(options, quench=False))
    assert {phase for _, phase, _ in result.history} - {phase for _, phase, _ in again.history} == {"quench"}
