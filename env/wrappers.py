"""Wrappers for learners that want small numbers or one flat vector. Gymnasium's own do the rest.

``flat(env)`` is :class:`NormaliseObservation` followed by Gymnasium's ``FlattenObservation``. ``TimeLimit``,
``RecordEpisodeStatistics``, ``FilterObservation`` and ``NormalizeReward`` of :mod:`gymnasium.wrappers` work as they
are.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import FlattenObservation

#: Keys whose values are at least 0 without an upper bound; ``v`` becomes ``v / (1 + v)``.
_UNBOUNDED = ("density", "h_congestion", "v_congestion", "cost")


class NormaliseObservation(
    gymnasium.ObservationWrapper[dict[str, Any], Any, dict[str, Any]], gymnasium.utils.RecordConstructorArgs
):
    """Bring every entry of a Dict observation into [-1, 1] as float32 and leave out ``ids``.

    ``wire_mask`` is divided by its largest magnitude over the legal cells, so that its order is kept and 0 stays
    0; illegal cells are clipped. Densities, congestion and costs ``v`` become ``v / (1 + v)``.

    Args:
        env: a placement or refinement environment.
    """

    def __init__(self, env: gymnasium.Env[dict[str, Any], Any]) -> None:
        gymnasium.utils.RecordConstructorArgs.__init__(self)
        gymnasium.ObservationWrapper.__init__(self, env)
        assert isinstance(env.observation_space, spaces.Dict)
        self.observation_space = spaces.Dict(
            {
                key: space if isinstance(space, spaces.MultiBinary) else _unit(space)
                for key, space in env.observation_space.items()
                if key != "ids"
            }
        )

    def observation(self, observation: dict[str, Any]) -> dict[str, Any]:
        """The observation with every entry in [-1, 1]."""
        out = {key: value for key, value in observation.items() if key != "ids"}
        wire = observation["wire_mask"]
        if "legality_mask" in observation:
            legal = observation["legality_mask"]
        else:
            legal = observation["action_mask"][: wire.size].reshape(wire.shape)
        largest = float(np.abs(wire[legal == 1]).max(initial=0.0))
        scaled = np.clip(wire / largest, -1.0, 1.0) if largest > 0 else np.zeros_like(wire)
        out["wire_mask"] = scaled.astype(np.float32)
        for key in _UNBOUNDED:
            if key in out:
                out[key] = out[key] / (1.0 + out[key])
        return out


def flat(env: gymnasium.Env[dict[str, Any], Any]) -> gymnasium.Env[Any, Any]:
    """One vector of numbers in [-1, 1]; the mask stays in ``info["action_mask"]`` and ``action_masks()``."""
    return FlattenObservation(NormaliseObservation(env))


def _unit(space: spaces.Space[Any]) -> spaces.Box:
    assert isinstance(space, spaces.Box)
    return spaces.Box(-1.0 if float(space.low.min()) < 0 else 0.0, 1.0, space.shape, np.float32)
