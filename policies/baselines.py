"""Policies without training: the floor any learned policy must rise above."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np

from policies.episode import Policy


def random_masked(env: gymnasium.Env[Any, Any], seed: int = 0) -> Policy:
    """Choose evenly among the legal cells.

    Args:
        env: the environment the policy is for; its action space must be Discrete.
        seed: of the policy's own generator, so that its choices do not depend on the environment's.

    Raises:
        TypeError: the action space is of another kind.
    """
    _cells(env)
    rng = np.random.default_rng(seed)

    def policy(observation: Mapping[str, Any], info: Mapping[str, Any]) -> int:
        return int(rng.choice(np.flatnonzero(info["action_mask"])))

    return policy


def greedy_wire_mask(env: gymnasium.Env[Any, Any]) -> Policy:
    """Put every macro where it lengthens the nets least.

    The greedy decoder of wire masks (Y. Lai et al., "MaskPlace: Fast Chip Placement via Reinforced Visual
    Representation Learning", NeurIPS 2022; Y. Shi et al., "Macro Placement by Wire-Mask-Guided Black-Box
    Optimization", NeurIPS 2023). Ties go to the cell whose centre is nearest to the middle of the grid, then to the
    smaller cell number.

    Args:
        env: the environment the policy is for; its observation must have ``wire_mask``.

    Raises:
        TypeError: the action space is not Discrete.
    """
    rows, columns = env.observation_space["wire_mask"].shape  # type: ignore[index]
    if _cells(env) != rows * columns:
        raise TypeError(f"the action space has {_cells(env)} actions, the wire mask {rows} x {columns} cells")
    row, column = np.divmod(np.arange(rows * columns), columns)
    from_middle = ((row + 0.5) / rows - 0.5) ** 2 + ((column + 0.5) / columns - 0.5) ** 2

    def policy(observation: Mapping[str, Any], info: Mapping[str, Any]) -> int:
        legal = np.flatnonzero(info["action_mask"])
        increase = np.asarray(observation["wire_mask"]).reshape(-1)[legal]
        # Costs that differ by rounding only are ties.
        tied = legal[increase <= increase.min() + 1e-9 * max(1.0, abs(float(increase.min())))]
        return int(tied[np.argmin(from_middle[tied])])

    return policy


def _cells(env: gymnasium.Env[Any, Any]) -> int:
    if not isinstance(env.action_space, gymnasium.spaces.Discrete):
        raise TypeError(f"this policy chooses cells of a Discrete action space, not of {env.action_space}")
    return int(env.action_space.n)
