"""Learning the schedule: policy gradient, and how a run of it is kept.

The policy is Gaussian around its mean actions, with fixed spreads; its reward is the logarithm of the final cost,
against the mean of the searches of the same design (REINFORCE, Williams 1992, with a baseline by group; as evolution
strategies: Salimans et al. 2017). Because noise is large, the gradient is not followed from one search to the next but
estimated from all searches around one mean, by ridge regression on the variations, their squares, and their products
with the circumstances (response surfaces, Box & Wilson 1951). A step goes to the lowest point of that surface, at most
``REACH`` spreads away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from netlists.errors import NetlistError
from placer.budget import Budget
from policies.schedule.controls import CIRCUMSTANCES, CONTROLS, circumstances
from policies.schedule.examples import Example, cut_back, play, read_examples, write_example
from policies.schedule.model import ScheduleModel, load_schedule, save_schedule

#: Longest step of a control, in spreads.
REACH = 1.5
#: How large coefficients may well be, over the noise of one search: linear ones and squares, and products, of which
#: there are many.
_LINEAR, _PRODUCT = 0.5, 0.1
#: Least curvature of the surface along a control, over that noise: no control pays without end.
_CURVED = 0.06
#: Searches of one design below which it says nothing.
_FEWEST = 3
#: Searches around one mean before a step.
STEP_AFTER = 600


@dataclass(frozen=True)
class Surface:
    """What was found around one mean, in units of the noise of one search.

    Attributes:
        noise: deviation of the logarithm of the cost within a design, both controls varied.
        linear: ``[controls]``.
        square: ``[controls]``, at least the least curvature.
        product: ``[controls, 9]``.
        error: ``[controls]`` standard errors of ``linear``.
        searches: how many there were.
    """

    noise: float
    linear: NDArray[np.float64]
    square: NDArray[np.float64]
    product: NDArray[np.float64]
    error: NDArray[np.float64]
    searches: int


def surface(examples: Sequence[Example]) -> Surface:
    """Fit the surface.

    Args:
        examples: searches around one mean.

    Raises:
        ValueError: no design has enough of them.
    """
    groups: dict[int, list[Example]] = defaultdict(list)
    for example in examples:
        groups[example.design].append(example)
    rows, costs = [], []
    for group in groups.values():
        if len(group) < _FEWEST:
            continue
        x = np.array([_columns(example) for example in group])
        y = np.log([example.cost for example in group])
        rows.append(x - x.mean(axis=0))
        costs.append(y - y.mean())
    if not rows:
        raise ValueError(f"no design has {_FEWEST} searches")
    x, y = np.concatenate(rows), np.concatenate(costs)
    searches = len(y)
    noise = float(np.sqrt((y**2).sum() / max(searches - len(rows), 1)))
    controls, seen = len(CONTROLS), len(CIRCUMSTANCES)
    prior = np.concatenate([np.full(2 * controls, _LINEAR), np.full(controls * seen, _PRODUCT)])
    precision = x.T @ x + np.diag(prior**-2.0)
    found = np.linalg.solve(precision, x.T @ (y / max(noise, 1e-12)))
    error = np.sqrt(np.diag(np.linalg.inv(precision)))[:controls]
    square = np.maximum(found[controls : 2 * controls], _CURVED)
    product = found[2 * controls :].reshape(controls, seen)
    return Surface(noise, found[:controls], square, product, error, searches)


def step(model: ScheduleModel, found: Surface) -> ScheduleModel:
    """The policy at the lowest point of a surface around it, not further than a step may go."""
    centre = np.clip(-found.linear / (2.0 * found.square), -REACH, REACH)
    slope = -found.product / (2.0 * found.square[:, None])
    new = ScheduleModel()
    with torch.no_grad():
        new.centre.copy_(model.centre + torch.as_tensor(centre))
        new.slope.copy_(model.slope + torch.as_tensor(slope))
    return new


def _columns(example: Example) -> NDArray[np.float64]:
    """The variations, their squares, and their products with the circumstances."""
    varied = np.array(example.varied)
    return np.concatenate([varied, varied**2, np.outer(varied, circumstances(example.facts)).ravel()])


def train_schedule(
    folder: Path,
    *,
    budget: Budget,
    seed: int = 0,
    resume: bool = False,
    searches: int | None = None,
    step_after: int = STEP_AFTER,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Play searches and learn from them until the budget is spent.

    Each mean has its own file of examples, ``searches-0.jsonl`` and so on; when it has ``step_after`` of them the
    policy steps to ``policy-1.safetensors``. A run that was killed goes on where it was.

    Args:
        folder: of the run.
        budget: when to stop.
        seed: of the designs and dice; designs have numbers from ``1000 * seed`` on.
        resume: go on with what the folder holds.
        searches: how many to play in all, the folder's counted; no limit when None.
        step_after: searches around one mean.
        say: told how far it is.

    Returns:
        The file of the latest policy.

    Raises:
        NetlistError: the folder holds a run already, or what it holds cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not resume and any(folder.glob("searches-*.jsonl")):
        raise NetlistError("there is a run already; go on with --resume or name another folder", file=folder)
    latest = 0
    while _policy(folder, latest + 1).exists():
        latest += 1
    model = ScheduleModel()
    if _policy(folder, latest).exists():
        model, _ = load_schedule(_policy(folder, latest))
    else:
        save_schedule(_policy(folder, 0), model, {"steps": 0})
    cut_back(_searches(folder, latest))
    played = [example for k in range(latest + 1) for example in read_examples(_searches(folder, k))]
    total = len(played)
    for number in count(max((example.design for example in played), default=1000 * seed - 1) + 1):
        if budget.over or (searches is not None and total >= searches):
            break
        for example in play(number, model, budget):
            write_example(_searches(folder, latest), example)
            total += 1
        examples = read_examples(_searches(folder, latest))
        say(f"mean {latest}: {len(examples)} searches")
        if len(examples) >= step_after:
            found = surface(examples)
            model, latest = step(model, found), latest + 1
            card = {"steps": latest, "searches": found.searches, "noise": found.noise}
            save_schedule(_policy(folder, latest), model, card)
            say(f"step {latest}: noise of a search {100 * found.noise:.2f} %")
    return _policy(folder, latest)


def _policy(folder: Path, number: int) -> Path:
    return folder / f"policy-{number}.safetensors"


def _searches(folder: Path, number: int) -> Path:
    return folder / f"searches-{number}.jsonl"
