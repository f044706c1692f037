"""Strong placements as lessons: which gcell a placement of our own search would choose for every macro."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from env.problem import MacroProblem
from env.state import MacroState
from netlists.errors import NetlistError, PlacementError
from netlists.formats.textio import atomic_write
from netlists.placement import Placement
from placer.budget import Budget
from policies.scoring import Scorer, finished

_FORMAT = "placer-demonstrations"
#: Gcells that one wrong orientation is as far as: more than any grid has.
_TURNED = 1e6


@dataclass(frozen=True, eq=False)
class Demonstration:
    """One complete episode to learn from.

    Attributes:
        design: number of the design in the list the demonstrations were made for.
        choices: ``[T]`` int64 choices (:class:`env.state.MacroState`) in placing order.
        gain: share of proxy cost it saves against the greedy wire-mask decoder, played as it stands here.
    """

    design: int
    choices: NDArray[np.int64]
    gain: float


def trace(problem: MacroProblem, placement: Placement) -> MacroState:
    """Play an episode that puts each macro into the legal gcell nearest to where a placement has it.

    Where macros were put beside that spot, later ones give way to them; what follows is learned from what happened.

    Args:
        problem: the design, with the order of its macros.
        placement: where they should go; the orientation is followed where actions choose one.

    Returns:
        The state at the end: complete, or in a dead end.
    """
    state, canvas = MacroState(problem), problem.design.canvas
    while state.num_legal > 0:
        t, node = state.step, state.current
        across = (problem.x[t] - placement.x[node]) / canvas.gcell_width
        up = (problem.y[t] - placement.y[node]) / canvas.gcell_height
        far = across[:, None, :] ** 2 + up[:, :, None] ** 2
        far += _TURNED * (problem.orient[t] != placement.orient[node])[:, None, None]
        state.place(int(np.where(state.legal > 0, far, np.inf).argmin()))
    return state


def demonstrate(
    scorers: Sequence[Scorer],
    proposals: int,
    *,
    jobs: int = 1,
    seed: int = 0,
    budget: Budget | None = None,
    say: Callable[[int, float], None] = lambda number, gain: None,
) -> list[Demonstration]:
    """Let the search place every design and turn the results into lessons.

    Args:
        scorers: of the designs.
        proposals: exact moves that the search tries for each design; no time, so that lessons depend on the seed alone.
        jobs: chains side by side.
        seed: of the search.
        budget: ends the work early; the designs done so far are kept.
        say: told the number of each design and what its demonstration gains.

    Returns:
        Those that are better than the greedy wire-mask decoder; a lesson that makes placements worse is none.
    """
    from placer import flow

    budget = budget or Budget()
    found = []
    for number, scorer in enumerate(scorers):
        if budget.over:
            break
        design = scorer.problem.design
        try:
            placed = flow.place(
                design, budget=Budget(None, budget.stop), iterations=proposals, seed=seed, jobs=jobs, effort="fast"
            )
        except PlacementError:
            continue
        state = trace(scorer.problem, placed.placement)
        gain = scorer.gain(finished(design, state)) if state.done else -1.0
        say(number, gain)
        if gain > 0:
            found.append(Demonstration(number, state.choices.copy(), gain))
    return found


def save_demonstrations(path: Path, found: Sequence[Demonstration], names: Sequence[str]) -> Path:
    """Write demonstrations.

    Args:
        path: a safetensors file.
        found: what to write.
        names: of the designs, so that a list of others is noticed.
    """
    tensors = {f"choices.{k}": torch.from_numpy(one.choices) for k, one in enumerate(found)}
    about = [{"design": one.design, "gain": one.gain} for one in found]
    header = {"format": _FORMAT, "names": json.dumps(list(names)), "about": json.dumps(about)}
    return atomic_write(path, save(tensors, metadata=header))


def load_demonstrations(path: Path, problems: Sequence[MacroProblem]) -> list[Demonstration]:
    """Read demonstrations.

    Args:
        path: a file of :func:`save_demonstrations`.
        problems: the designs they are for.

    Raises:
        NetlistError: the file is none of ours, damaged, or made for other designs.
    """
    try:
        with safe_open(str(path), framework="np") as opened:
            header = opened.metadata() or {}
            about = json.loads(header.get("about", ""))
            choices = [opened.get_tensor(f"choices.{k}") for k in range(len(about))]
        names = json.loads(header.get("names", ""))
    except (SafetensorError, OSError, ValueError) as error:
        raise NetlistError(f"not a file of demonstrations ({error})", file=path) from None
    if names != [problem.design.netlist.name for problem in problems]:
        raise NetlistError("the demonstrations were made for other designs", file=path)
    return [
        Demonstration(int(one["design"]), made.astype(np.int64), float(one["gain"]))
        for one, made in zip(about, choices, strict=True)
    ]
