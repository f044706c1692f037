"""Macro placement as Gymnasium sees it: observations, masks, rewards.

``gymnasium.make("placer/MacroPlacement-v0", design="synth20")`` places one macro a step; see
:class:`env.macro_placement.MacroPlacementEnv` for the task. ``placer/MacroRefinement-v0`` improves a full placement;
see :class:`env.macro_refinement.MacroRefinementEnv`. The collaborators are small and replaceable:

- :mod:`env.sources`: which design an episode has;
- :mod:`env.problem`: what a design means to the environment, worked out once (grid positions, nets of macros, order);
- :mod:`env.rules`: halos, channels, fences and snapping in lattice steps;
- :mod:`env.state`: what has been placed so far, updated macro by macro;
- :mod:`env.partial`: the proxy cost of what has a position so far;
- :mod:`env.refinement_state` and :mod:`env.starts`: a full placement being improved, and where that begins;
- :mod:`env.masks`: the Numba kernels for the legality and wire masks;
- :mod:`env.observation`: the observation space and its arrays;
- :mod:`env.rewards`: what a step is worth;
- :mod:`env.viewer`: pictures;
- :mod:`env.batched`: many copies at once, what ``gymnasium.make_vec`` gives.

Importing this package is light; the environment's own modules load when the first one is made.
"""

from __future__ import annotations

import gymnasium

__all__ = ["MACRO_PLACEMENT", "MACRO_REFINEMENT", "register"]

#: Gymnasium id of :class:`env.macro_placement.MacroPlacementEnv`.
MACRO_PLACEMENT = "placer/MacroPlacement-v0"
#: Gymnasium id of :class:`env.macro_refinement.MacroRefinementEnv`.
MACRO_REFINEMENT = "placer/MacroRefinement-v0"


def register() -> None:
    """Make the ids known to Gymnasium; calling it again changes nothing."""
    if MACRO_PLACEMENT not in gymnasium.registry:
        gymnasium.register(
            id=MACRO_PLACEMENT,
            entry_point="env.macro_placement:MacroPlacementEnv",
            vector_entry_point="env.batched:BatchedMacroPlacement",
        )
    if MACRO_REFINEMENT not in gymnasium.registry:
        gymnasium.register(
            id=MACRO_REFINEMENT,
            entry_point="env.macro_refinement:MacroRefinementEnv",
            max_episode_steps=256,
        )
