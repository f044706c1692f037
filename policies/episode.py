"""The protocol of a policy, and one episode played with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium

from netlists.placement import Placement

#: Observation and info of the latest reset or step in, action out. ``info["action_mask"]`` says which are legal.
Policy = Callable[[Mapping[str, Any], Mapping[str, Any]], int]


@dataclass(frozen=True)
class Episode:
    """What an episode came to.

    Attributes:
        placement: where everything was at its end; soft objects are placed when the macros all were.
        total_reward: sum of the rewards.
        infos: info of every step, the last one with ``reason`` and the cost terms.
    """

    placement: Placement
    total_reward: float
    infos: list[dict[str, Any]]

    @property
    def complete(self) -> bool:
        """Whether every macro found a place."""
        return bool(self.infos) and self.infos[-1].get("reason") == "complete"


def run_episode(env: gymnasium.Env[Any, Any], policy: Policy, seed: int | None = None) -> Episode:
    """Play one episode from reset to its end.

    Args:
        env: a placement environment, wrapped or not; the unwrapped one must have ``placement()``.
        policy: chooses the actions.
        seed: given to ``reset``.
    """
    observation, info = env.reset(seed=seed)
    total, infos, over = 0.0, [], False
    while not over:
        observation, reward, terminated, truncated, info = env.step(policy(observation, info))
        total += float(reward)
        infos.append(info)
        over = terminated or truncated
    # A wrapper forwards no methods: only the environment itself knows the placement.
    inner: Any = env.unwrapped
    return Episode(inner.placement(), total, infos)
