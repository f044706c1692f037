"""Placing with a network, alone and before the search."""

from __future__ import annotations

import numpy as np
import pytest

from env.problem import build_problem
from netlists.design import Design
from netlists.placement import Placement
from placer import flow
from placer.budget import Budget, Event
from placer.cost.legality import check
from policies.decoding import Decoder
from policies.placing import learned_starts, place
from tests.env.designs import crowded_design, small_design, walled_design
from tests.policies.test_actor_critic import stirred


@pytest.mark.parametrize(
    "design", [small_design(), walled_design(), crowded_design()], ids=["free", "walls", "crowded"]
)
def test_a_network_alone_ends_legal_with_the_cheapest_of_its_episodes(design: Design) -> None:
    heard: list[Event] = []
    few = place(design, stirred(), budget=Budget(), draws=1, moves=500, seed=3)
    many = place(design, stirred(), budget=Budget(), draws=9, moves=500, seed=3, progress=heard.append)
    assert check(design, many.placement, reference=design.placement).legal
    assert many.stats["episodes"] == 10
    assert 0 < many.stats["winner"] <= 10
    assert few.stats["episodes"] == 2
    costs = [cost for _, phase, cost in many.history if phase == "policy"]
    assert costs == sorted(costs, reverse=True)
    assert [one.step for one in heard if one.phase == "policy"][-1] == 10
    assert many.objective <= costs[-1]


def test_the_seed_decides() -> None:
    one, two = (place(small_design(), stirred(), budget=Budget(), draws=4, seed=5) for _ in range(2))
    np.testing.assert_array_equal(one.placement.x, two.placement.x)
    plain = place(small_design(), stirred(), budget=Budget(), draws=4, seed=5, soft="solver")
    assert one.objective < plain.objective


def test_a_stopped_run_still_gives_a_legal_placement() -> None:
    budget = Budget(60.0)
    budget.stop.set()
    result = place(small_design(), stirred(), budget=budget)
    assert result.interrupted
    assert result.legality.legal


def test_there_are_no_starts_where_an_episode_takes_too_long() -> None:
    budget = Budget(60.0)
    budget.stop.set()
    assert learned_starts(stirred())(small_design(), budget, 0) == []


class Frozen(Budget):
    """A clock that always says the same."""

    def __init__(self, left: float) -> None:
        super().__init__(None)
        self._left = left

    @property
    def left(self) -> float:
        return self._left


def test_an_episode_that_cannot_end_in_time_is_given_up_after_its_first_step() -> None:
    design = small_design()
    decoder = Decoder(stirred(), build_problem(design))
    macros = decoder.problem.num_macros
    assert macros > 2
    for left, steps in ((1e-9, 1), (1e9, macros)):
        assert decoder.greedy(Frozen(left)).state.step == steps
        assert {played.state.step for played in decoder.sample(3, budget=Frozen(left))} == {steps}
    assert learned_starts(stirred())(design, Frozen(1e-9), 0) == []
    assert len(learned_starts(stirred(), count=2)(design, Frozen(1e9), 0)) == 2


def test_the_search_starts_from_what_the_network_gives() -> None:
    design, asked = small_design(), list[int]()
    starts = learned_starts(stirred(), count=2)

    def starter(given: Design, budget: Budget, seed: int) -> list[Placement]:
        asked.append(seed)
        return starts(given, budget, seed)

    result = flow.place(design, iterations=2000, jobs=1, seed=7, effort="fast", starter=starter)
    assert asked == [7]
    assert result.stats["learned"]["count"] == 2
    assert result.cost.proxy_cost <= min(result.stats["learned"]["costs"])
    assert result.legality.legal
