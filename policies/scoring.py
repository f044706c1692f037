"""How good a complete episode is: its exact proxy cost against that of the greedy wire-mask decoder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from env.macro_placement import MacroPlacementEnv
from env.problem import MacroProblem
from env.state import MacroState
from netlists.design import Design
from netlists.placement import Placement
from placer.cost.full import full
from placer.engines.soft import place_soft
from policies.baselines import greedy_wire_mask
from policies.episode import run_episode


class Scorer:
    """Scores placements of one design, with soft objects placed by the environment's fast solver.

    Args:
        problem: the design.
    """

    def __init__(self, problem: MacroProblem) -> None:
        self.problem = problem
        self._reference: float | None = None

    @property
    def reference(self) -> float:
        """Proxy cost of the greedy wire-mask decoder; of the design's own placement where that ends in a dead end."""
        if self._reference is None:
            env = MacroPlacementEnv(self.problem.design, maps=False, final_costs=False)
            played = run_episode(env, greedy_wire_mask(env))
            design = self.problem.design
            self._reference = self.cost(played.placement if played.complete else place_soft(design))
        return self._reference

    def replay(self, choices: NDArray[np.integer]) -> MacroState:
        """The state after these choices (:class:`env.state.MacroState`)."""
        state = MacroState(self.problem)
        for choice in choices.tolist():
            state.place(choice)
        return state

    def cost(self, placement: Placement) -> float:
        """Exact proxy cost of a complete placement."""
        return full(self.problem.design, placement).proxy_cost

    def gain(self, placement: Placement) -> float:
        """How much cheaper than the greedy decoder's, as a share of that; negative when dearer."""
        return (self.reference - self.cost(placement)) / self.reference


def finished(design: Design, state: MacroState) -> Placement:
    """Where everything is after an episode, soft objects placed around the hard macros.

    After a dead end the macros without a place stay where the design has them, which may overlap: legalise it.
    """
    placement = state.placement()
    return place_soft(design, placement.moved(placed=placement.placed | design.movable))
