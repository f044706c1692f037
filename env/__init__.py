"""Macro placement as Gymnasium sees it: observations, masks, rewards.

``gymnasium.make("placer/MacroPlacement-v0", design="synth20")`` places one macro a step; see
:class:`env.macro_placement.MacroPlacementEnv` for the task. The collaborators are small and replaceable:

- :mod:`env.problem`: what a design means to the environment, worked out once (grid positions, nets of macros, order);
- :mod:`env.state`: what has been placed so far, updated macro by macro;
- :mod:`env.masks`: the Numba kernels for the legality and wire masks;
- :mod:`env.observation`: the observation space and its arrays;
- :mod:`env.rewards`: what a step is worth;
- :mod:`env.viewer`: pictures.

Importing this package is light; the environment's own modules load when the first one is made.
"""

from __future__ import annotations

import gymnasium

__all__ = ["MACRO_PLACEMENT", "register"]

#: Gymnasium id of :class:`env.macro_placement.MacroPlacementEnv`.
MACRO_PLACEMENT = "placer/MacroPlacement-v0"


def register() -> None:
    """Make the ids known to Gymnasium; calling it again changes nothing."""
    if MACRO_PLACEMENT not in gymnasium.registry:
        gymnasium.register(id=MACRO_PLACEMENT, entry_point="env.macro_placement:MacroPlacementEnv")
