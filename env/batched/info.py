"""What the batched environment says beside observations and rewards, on the host, in Gymnasium's form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from env.batched.step import COMPLETE, REASONS, RUNNING, Outcome
from env.observation import Observer
from env.partial import Terms
from env.problem import MacroProblem
from env.state import MacroState
from netlists.placement import Placement
from placer.cost.full import CostWeights, full
from placer.engines.soft import place_soft


class Reporter:
    """Makes infos and placements of ``B`` copies.

    Args:
        problems: the designs.
        frame: rows and columns of the arrays.
        turned: whether actions choose an orientation too.
        weights: of the proxy cost; None leaves complete placements unscored.
    """

    def __init__(
        self, problems: Sequence[MacroProblem], frame: tuple[int, int], turned: bool, weights: CostWeights | None
    ) -> None:
        self.problems = problems
        self.observers = [Observer(p, frame, number=i, turned=turned) for i, p in enumerate(problems)]
        self._weights = weights
        most = max(p.design.netlist.num_nodes for p in problems)
        # The node id -1, of no macro, finds the last name of a row, which is empty.
        self._names = np.full((len(problems), most + 1), "", object)
        for row, problem in zip(self._names, problems, strict=True):
            row[problem.macros] = [problem.design.netlist.node_names[i] for i in problem.macros.tolist()]

    def info(self, outcome: Outcome, cells: jax.Array, blockage: jax.Array) -> dict[str, Any]:
        """The info of a step.

        Args:
            outcome: of the step.
            cells: ``[B, T]`` action that placed each macro.
            blockage: ``[D, R, C]`` maps of the designs, for final observations.
        """
        info = self._of_all(outcome)
        everyone = np.ones(len(info["illegal"]), bool)
        ended = np.asarray(outcome.terminated) | np.asarray(outcome.truncated)
        if not ended.any():
            return info | {f"_{key}": everyone for key in info}
        if outcome.final is None:
            info |= {f"_{key}": everyone for key in info}
            return info | self._of_ended(outcome, outcome.observation, cells, info["wirelength_cost"])
        last = outcome.final
        before = outcome._replace(
            observation=last.observation, hpwl_um=last.hpwl_um, wirelength_cost=last.wirelength_cost
        )
        # The new episode's first step has not been anything yet.
        info["illegal"] = info["illegal"] & ~ended
        info |= {f"_{key}": everyone for key in info}
        found = self._of_all(before)
        found |= {f"_{key}": ended for key in found}
        found |= self._of_ended(before, last.observation, last.cells, found["wirelength_cost"])
        shown, maps = {key: np.asarray(value) for key, value in last.observation.items()}, np.asarray(blockage)
        final_obs = np.full(len(ended), None, object)
        for i in np.flatnonzero(ended):
            final_obs[i] = {key: value[i] for key, value in shown.items()} | {"blockage": maps[shown["ids"][i, 0]]}
        return info | {"final_obs": final_obs, "_final_obs": ended, "final_info": found, "_final_info": ended}

    def replay(self, number: int, actions: NDArray[np.integer[Any]]) -> MacroState:
        """The state of the single environment after ``actions`` on design ``number``."""
        state = MacroState(self.problems[number])
        for action in actions.tolist():
            state.place(self.observers[number].choice(action))
        return state

    def _of_all(self, outcome: Outcome) -> dict[str, Any]:
        ids, mask = np.asarray(outcome.observation["ids"]), np.asarray(outcome.observation["legality_mask"])
        return {
            "action_mask": mask.reshape(len(mask), -1),
            "hpwl_um": np.asarray(outcome.hpwl_um),
            "wirelength_cost": np.asarray(outcome.wirelength_cost),
            "macro": self._names[ids[:, 0], ids[:, 1]],
            "illegal": np.asarray(outcome.illegal),
        }

    def _of_ended(
        self, outcome: Outcome, last: dict[str, jax.Array], cells: jax.Array, wirelength_cost: NDArray[Any]
    ) -> dict[str, Any]:
        """What is said of ended episodes alone."""
        codes = np.asarray(outcome.reason)
        complete = codes == COMPLETE
        found: dict[str, Any] = {}
        if (codes != RUNNING).any():
            found |= {"reason": np.array(REASONS, object)[codes], "_reason": codes != RUNNING}
        if self._weights is None or not complete.any():
            return found
        actions, numbers = np.asarray(cells), np.asarray(last["ids"])[:, 0]
        costs = {key: np.zeros(len(codes)) for key in ("proxy_cost", "density_cost", "congestion_cost")}
        found |= costs | {f"_{key}": complete for key in costs}
        costs["wirelength_cost"] = found["wirelength_cost"] = wirelength_cost.copy()
        for i in np.flatnonzero(complete):
            number = int(numbers[i])
            played = self.replay(number, actions[i, : self.problems[number].num_macros])
            terms = Terms.of(full(played.problem.design, finished(played), self._weights)).as_info()
            for key, values in costs.items():
                values[i] = terms[key]
        return found


def finished(state: MacroState) -> Placement:
    """Where everything is; soft objects are placed once all macros are."""
    placement = state.placement()
    return place_soft(state.problem.design, placement) if state.done else placement
