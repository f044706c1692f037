"""What a step is worth. Every reward says what the sum over an episode is, so that it can be checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from env.partial import Terms


@dataclass(frozen=True)
class Outcome:
    """What a legal action did.

    Attributes:
        hpwl_cost: increase of the weighted HPWL in units of ``wirelength_cost``.
        before: cost of what had a position, None unless the reward ``needs_terms``.
        after: cost of what has one now, likewise; soft objects have none.
        reason: ``""``, ``"complete"`` or ``"dead_end"``.
        final: cost of the whole design with soft objects placed: after ``"complete"``, when the reward
            ``needs_final``.
    """

    hpwl_cost: float
    before: Terms | None = None
    after: Terms | None = None
    reason: str = ""
    final: Terms | None = None


class Reward(Protocol):
    """Turns what happened into a number.

    Attributes:
        needs_terms: whether it looks at ``before`` and ``after``.
        needs_final: whether it looks at ``final``.
    """

    needs_terms: bool
    needs_final: bool

    def of(self, outcome: Outcome) -> float:
        """Reward of one legal action."""


class HpwlReward:
    """Dense: minus the exact increase of the weighted HPWL, in units of ``wirelength_cost``.

    The unit is (canvas width + height) * sum of all net weights. An episode sums to minus the difference of the
    ``wirelength_cost`` of what has a position, between 0 and -1, plus ``dead_end`` if it ends in one, which is then
    never better than any complete placement. Soft macros do not take part.
    """

    needs_terms, needs_final = False, False

    def __init__(self, dead_end: float = -1.0) -> None:
        self.dead_end = dead_end

    def of(self, outcome: Outcome) -> float:
        """Minus the increase."""
        return -outcome.hpwl_cost + (self.dead_end if outcome.reason == "dead_end" else 0.0)


class ProxyReward:
    """Terminal: minus the proxy cost of the full placement with soft macros placed, as Circuit Training rewards.

    Mirhoseini et al., "A graph placement methodology for fast chip design", Nature 594, 2021. Steps are worth 0, a
    dead end -10, well below what complete placements score.
    """

    needs_terms, needs_final = False, True

    def __init__(self, dead_end: float = -10.0) -> None:
        self.dead_end = dead_end

    def of(self, outcome: Outcome) -> float:
        """Minus the final cost; 0 before the end."""
        if outcome.reason == "dead_end":
            return self.dead_end
        return -_known(outcome.final).proxy_cost if outcome.reason == "complete" else 0.0


class DenseProxyReward:
    """Dense: minus the exact difference of the proxy cost of what has a position (:mod:`env.partial`).

    The last step of a complete placement also pays for the soft objects, so an episode sums to the cost at reset minus
    the proxy cost of the finished placement, plus ``dead_end`` if it ends in one.
    """

    needs_terms, needs_final = True, True

    def __init__(self, dead_end: float = -10.0) -> None:
        self.dead_end = dead_end

    def of(self, outcome: Outcome) -> float:
        """Minus the difference."""
        now = outcome.final if outcome.reason == "complete" else outcome.after
        reward = _known(outcome.before).proxy_cost - _known(now).proxy_cost
        return reward + (self.dead_end if outcome.reason == "dead_end" else 0.0)


class ShapedReward:
    """Another reward plus potential-based shaping, which changes no optimal policy.

    ``gamma * Phi(next) - Phi(state)`` with ``Phi`` minus the proxy cost of what has a position, and 0 at the end of an
    episode (A. Ng, D. Harada, S. Russell, "Policy invariance under reward transformations", ICML 1999). With
    ``gamma`` 1 an episode sums to that of the base reward plus the cost at reset.

    Args:
        base: the reward to shape; the terminal proxy by default.
        gamma: discount of the learner.
        scale: of the potential.
    """

    needs_terms = True

    def __init__(self, base: Reward | None = None, gamma: float = 1.0, scale: float = 1.0) -> None:
        self.base: Reward = base or ProxyReward()
        self.gamma, self.scale = gamma, scale
        self.needs_final = self.base.needs_final

    def of(self, outcome: Outcome) -> float:
        """The base reward and the shaping term."""
        now = 0.0 if outcome.reason else -self.scale * _known(outcome.after).proxy_cost
        return self.base.of(outcome) + self.gamma * now + self.scale * _known(outcome.before).proxy_cost


class WeightedReward:
    """A weighted sum of other rewards.

    Args:
        parts: factor of each reward.
    """

    def __init__(self, parts: Mapping[Reward, float]) -> None:
        self.parts = dict(parts)
        self.needs_terms = any(part.needs_terms for part in parts)
        self.needs_final = any(part.needs_final for part in parts)

    def of(self, outcome: Outcome) -> float:
        """The sum."""
        return sum(factor * part.of(outcome) for part, factor in self.parts.items())


#: Rewards by the name users give.
REWARDS: dict[str, type[HpwlReward] | type[ProxyReward] | type[DenseProxyReward] | type[ShapedReward]] = {
    "hpwl": HpwlReward,
    "proxy": ProxyReward,
    "dense_proxy": DenseProxyReward,
    "shaped_proxy": ShapedReward,
}


def make_reward(reward: str | Mapping[str, float] | Reward) -> Reward:
    """The named reward, a weighted sum of named rewards, or the given object.

    Raises:
        ValueError: a name is not one of :data:`REWARDS`.
    """
    if isinstance(reward, Mapping):
        return WeightedReward({make_reward(name): float(factor) for name, factor in reward.items()})
    if not isinstance(reward, str):
        return reward
    if reward not in REWARDS:
        raise ValueError(f"unknown reward {reward!r}, expected one of {', '.join(REWARDS)}")
    return REWARDS[reward]()


def _known(terms: Terms | None) -> Terms:
    if terms is None:
        raise ValueError("this reward needs cost terms the environment did not work out")
    return terms
