"""What a step is worth. The sum over an episode is minus the change of a score, plus the penalties that occurred."""

from __future__ import annotations

from typing import Protocol

from env.problem import MacroProblem
from placer.cost.full import Cost


class Reward(Protocol):
    """Turns what happened into a number.

    Attributes:
        dead_end: (negative) reward of getting stuck before all macros are placed.
        needs_cost: whether the end of an episode must be scored in full.
    """

    dead_end: float
    needs_cost: bool

    def of_step(self, problem: MacroProblem, hpwl_increase: float) -> float:
        """Reward of placing a macro that lengthened the weighted HPWL by ``hpwl_increase`` um."""

    def of_end(self, cost: Cost | None) -> float:
        """Reward of a complete placement; ``cost`` is there when ``needs_cost`` is."""


class HpwlReward:
    """Dense: minus the exact increase of the weighted HPWL, in units of ``wirelength_cost``.

    The unit is (canvas width + height) * sum of all net weights, so the rewards of an episode sum to between 0 and
    -1, and a dead end (-1) is never better than any complete placement. The HPWL is that of the pins which have a
    position: ports, fixed objects and placed macros. Soft macros do not take part.
    """

    dead_end = -1.0
    needs_cost = False

    def of_step(self, problem: MacroProblem, hpwl_increase: float) -> float:
        """Minus the increase in units of ``wirelength_cost``."""
        return -hpwl_increase * problem.hpwl_scale

    def of_end(self, cost: Cost | None) -> float:
        """Nothing: every step has been paid for."""
        return 0.0


class ProxyReward:
    """Terminal: minus the proxy cost of the full placement with soft macros placed, as Circuit Training rewards.

    Mirhoseini et al., "A graph placement methodology for fast chip design", Nature 594, 2021. Steps are worth 0, a
    dead end -10, well below what complete placements score.
    """

    dead_end = -10.0
    needs_cost = True

    def of_step(self, problem: MacroProblem, hpwl_increase: float) -> float:
        """Nothing: only the end counts."""
        return 0.0

    def of_end(self, cost: Cost | None) -> float:
        """Minus the proxy cost."""
        if cost is None:
            raise ValueError("the proxy reward needs the cost of the placement")
        return -cost.proxy_cost


#: Rewards by the name users give.
REWARDS: dict[str, type[HpwlReward] | type[ProxyReward]] = {"hpwl": HpwlReward, "proxy": ProxyReward}


def make_reward(reward: str | Reward) -> Reward:
    """The named reward, or the given object.

    Raises:
        ValueError: the name is not one of :data:`REWARDS`.
    """
    if not isinstance(reward, str):
        return reward
    if reward not in REWARDS:
        raise ValueError(f"unknown reward {reward!r}, expected one of {', '.join(REWARDS)}")
    return REWARDS[reward]()
