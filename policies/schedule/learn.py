"""Learning the schedule from searches, and how a run of it is kept.

Exploration is Gaussian, the reward the logarithm of the final cost against the mean of the searches of the same design
(REINFORCE, Williams 1992, with a baseline by group; as evolution strategies: Salimans et al. 2017). Because noise is
large, no gradient is followed from one search to the next: all searches together give the response surface of
``policies.schedule.model`` by ridge regression, and the policy goes to its lowest point.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from netlists.errors import NetlistError
from placer.budget import Budget
from policies.schedule.controls import CONTROLS, circumstances
from policies.schedule.examples import PLAYS, Example, cut_back, play, read_examples, write_example
from policies.schedule.model import FAR, ScheduleModel, save_schedule

#: How large coefficients may well be, over the noise of one search: linear ones and squares, and products of each
#: control with a circumstance. Cooling could not be seen to depend on the run.
_LINEAR, _PRODUCT = 0.5, (0.2, 0.05)
#: Least curvature of the surface in any direction, over that noise: nothing pays without end.
_CURVED = 0.04
#: Standard deviations of what designs differ by, beyond what is seen of them, that an expected change must exceed
#: before it counts: at 1 a step off the search's own schedule is right for five designs of six that look alike.
HESITATION = 1.0
#: Searches of one design below which it says nothing.
_FEWEST = 3
#: Designs below which nothing is learned.
LEAST_DESIGNS = 20


def fit(examples: Sequence[Example]) -> tuple[ScheduleModel, dict[str, Any]]:
    """Learn from searches.

    Args:
        examples: with all actions free; searches of one design share their dice's luck, no more.

    Returns:
        The policy and a card: ``searches``, ``designs``, ``noise`` (deviation of the logarithm of the cost that neither
        schedule nor design explains) and ``between`` (``[controls]``, by how much designs that look alike differ in the
        change of the cost for each unit of an action).

    Raises:
        ValueError: fewer than ``LEAST_DESIGNS`` designs have ``_FEWEST`` searches.
    """
    groups = _groups(examples)
    if len(groups) < LEAST_DESIGNS:
        raise ValueError(f"only {len(groups)} designs have {_FEWEST} searches; {LEAST_DESIGNS} are needed")
    # One view of each design: dice make its searches look a little different.
    seen = np.array([np.mean([circumstances(one.facts) for one in group], axis=0) for group in groups])
    typical, usual = np.median(seen, axis=0), np.maximum(seen.std(axis=0), 1e-6)
    z = np.clip((seen - typical) / usual, -FAR, FAR)
    x = [_columns(np.array([one.actions for one in group]), z[k]) for k, group in enumerate(groups)]
    x = [one - one.mean(axis=0) for one in x]
    y = [np.log([one.cost for one in group]) for group in groups]
    y = [one - one.mean() for one in y]
    rows, costs = np.concatenate(x), np.concatenate(y)
    scale = max(float(np.sqrt((costs**2).sum() / (len(costs) - len(groups)))), 1e-9)
    controls = len(CONTROLS)
    quadratic = controls * (controls + 3) // 2
    prior = np.concatenate([np.full(quadratic, _LINEAR), np.repeat(_PRODUCT, len(typical))])
    found = np.linalg.solve(rows.T @ rows + np.diag(prior**-2.0), rows.T @ costs / scale) * scale
    left = [one - each @ found for one, each in zip(y, x, strict=True)]
    noise, between = _differences([each[:, :controls] for each in x], left)
    model = ScheduleModel()
    with torch.no_grad():
        for name, value in (
            ("typical", typical), ("usual", usual), ("intercept", found[:controls]),
            ("slope", found[quadratic:].reshape(controls, -1)),
            ("curvature", _curvature(found[controls:quadratic], _CURVED * scale)), ("margin", HESITATION * between),
        ):  # fmt: skip
            getattr(model, name).copy_(torch.as_tensor(value))
    card = {"searches": len(costs), "designs": len(groups), "noise": noise, "between": between.tolist()}
    return model, card


def _groups(examples: Sequence[Example]) -> list[list[Example]]:
    """The searches of each design that has enough of them."""
    groups: dict[int, list[Example]] = defaultdict(list)
    for example in examples:
        groups[example.design].append(example)
    return [group for group in groups.values() if len(group) >= _FEWEST]


def _columns(actions: NDArray[np.float64], z: NDArray[np.float64]) -> NDArray[np.float64]:
    """``[n, columns]`` the actions, products of two of them, and their products with what is seen."""
    upper = np.triu_indices(actions.shape[1])
    squares = actions[:, upper[0]] * actions[:, upper[1]]
    return np.concatenate([actions, squares, np.einsum("nc,s->ncs", actions, z).reshape(len(actions), -1)], axis=1)


def _curvature(found: NDArray[np.float64], least: float) -> NDArray[np.float64]:
    """The symmetric matrix of the coefficients of squares, at least so curved in any direction."""
    controls = len(CONTROLS)
    matrix = np.zeros((controls, controls))
    matrix[np.triu_indices(controls)] = found
    matrix = (matrix + matrix.T) / 2.0
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors @ np.diag(np.maximum(values, least)) @ vectors.T)


def _differences(
    actions: Sequence[NDArray[np.float64]], left: Sequence[NDArray[np.float64]]
) -> tuple[float, NDArray[np.float64]]:
    """Noise of one search, and how much designs differ in each slope: variance components by the method of moments.

    Each control by itself: with few searches of a design, part of what designs differ by in one control is counted for
    the other as well, so the figures are rather too large, and the policy rather too careful.

    Args:
        actions: ``[n, controls]`` of each design, without their mean.
        left: ``[n]`` of each design, what the surface leaves unexplained.

    Returns:
        Both as standard deviations.
    """
    noises, between = [], []
    for control in range(actions[0].shape[1]):
        power = np.array([(one[:, control] ** 2).sum() for one in actions])
        slope = np.array([one[:, control] @ r for one, r in zip(actions, left, strict=True)]) / np.maximum(power, 1e-12)
        rest = sum(float(r @ r) - b * b * p for r, b, p in zip(left, slope, power, strict=True))
        variance = rest / max(sum(len(r) - 2 for r in left), 1)
        excess = (float((slope**2 * power).mean()) - variance) / max(float(power.mean()), 1e-12)
        noises.append(variance)
        between.append(max(excess, 0.0))
    return float(np.sqrt(min(noises))), np.sqrt(between)


def train_schedule(
    folder: Path,
    *,
    budget: Budget,
    seed: int = 0,
    resume: bool = False,
    searches: int | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Play searches and learn from them until the budget is spent.

    They go to ``searches.jsonl``, the policy to ``policy.safetensors``, anew after each ten designs and at the end. A
    run that was killed goes on where it was.

    Args:
        folder: of the run.
        budget: when to stop.
        seed: of the designs and dice; designs have numbers from ``1000 * seed`` on.
        resume: go on with what the folder holds.
        searches: how many to play in all, the folder's counted; no limit when None.
        say: told how far it is.

    Returns:
        The file of the policy; the search's own schedule as long as there are too few designs to learn from.

    Raises:
        NetlistError: the folder holds a run already, or what it holds cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file, policy = folder / "searches.jsonl", folder / "policy.safetensors"
    if not resume and file.exists():
        raise NetlistError("there is a run already; go on with --resume or name another folder", file=folder)
    cut_back(file)
    examples = read_examples(file)
    for turn, number in enumerate(count(max((one.design for one in examples), default=1000 * seed - 1) + 1)):
        if budget.over or (searches is not None and len(examples) >= searches):
            break
        plays = PLAYS if searches is None else min(PLAYS, searches - len(examples))
        for example in play(number, budget, plays):
            write_example(file, example)
            examples.append(example)
        say(f"{len(examples)} searches")
        if turn % 10 == 9:
            _learn(policy, examples)
    _learn(policy, examples)
    return policy


def _learn(policy: Path, examples: Sequence[Example]) -> None:
    """Write the policy that all searches teach."""
    model, card = ScheduleModel(), {"searches": len(examples)}
    if len(_groups(examples)) >= LEAST_DESIGNS:
        model, card = fit(examples)
    save_schedule(policy, model, card)
