"""Learning to rank moves by what they gain.

For every look and kind of move, the sampled moves are a list, and so are the priced candidate pairs. The loss is the
listwise cross-entropy of Cao et al., "Learning to rank: from pairwise approach to listwise approach", ICML 2007, with
the share of a move in the list's gain as its target::

    loss = - sum_i q_i log softmax(s)_i,      q_i = log(1 + gain_i / T) / sum_j log(1 + gain_j / T)

It is least where ``s_i`` is the logarithm of the expected (damped) gain plus a constant of the list, which is what
drawing by weight needs, and nothing has to predict how much the next look will gain altogether.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from netlists.design import Design
from placer.budget import Budget
from placer.engines.search import MoveLog
from policies.errors import DivergedError
from policies.proposals.lessons import Lesson, all_lessons
from policies.proposals.model import ProposalModel


def learn(
    logs: Sequence[MoveLog],
    designs: Mapping[str, Design],
    model: ProposalModel | None = None,
    *,
    epochs: int = 10,
    looks: int | None = None,
    seed: int = 0,
    budget: Budget | None = None,
    say: Callable[[int, float], None] = lambda epoch, loss: None,
) -> ProposalModel:
    """Learn from logs of searches.

    Args:
        logs: of searches on training designs.
        designs: the designs by the names of their netlists.
        model: to go on with, changed in place; a new one when None.
        epochs: times every lesson is learned from.
        looks: looks to take of each log, drawn by chance; all when None.
        seed: of the first weights and the order.
        budget: ends the learning early, between two batches.
        say: told the number of each epoch and its mean loss.

    Returns:
        The model.

    Raises:
        NetlistError: a log does not belong to its design.
        ValueError: there is nothing to learn from.
        DivergedError: the loss was not a number.
    """
    return learn_lessons(
        all_lessons(logs, designs, looks=looks), model, epochs=epochs, seed=seed, budget=budget, say=say
    )


def learn_lessons(
    lessons: Sequence[Lesson],
    model: ProposalModel | None = None,
    *,
    epochs: int = 10,
    batch: int = 4,
    learning_rate: float = 2e-3,
    seed: int = 0,
    budget: Budget | None = None,
    say: Callable[[int, float], None] = lambda epoch, loss: None,
) -> ProposalModel:
    """:func:`learn` from lessons that are there already; ``batch`` looks make a step."""
    if not lessons:
        raise ValueError("no lessons")
    if model is None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = ProposalModel()
        standardise(model, lessons)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    rng = np.random.default_rng([seed, 6])
    steps = epochs * -(-len(lessons) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=max(steps, 2))
    for epoch in range(epochs):
        order, losses = rng.permutation(len(lessons)), []
        for first in range(0, len(order), batch):
            if budget is not None and budget.over:
                return model
            part = [look_loss(model, lessons[k]) for k in order[first : first + batch]]
            loss = torch.stack(part).mean()
            if not torch.isfinite(loss):
                raise DivergedError(f"the loss is not a number in epoch {epoch}")
            if not loss.requires_grad:  # nothing gained anything
                continue
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        say(epoch, float(np.mean(losses)) if losses else 0.0)
    return model


def standardise(model: ProposalModel, lessons: Sequence[Lesson]) -> None:
    """Let a new model see features with mean 0 and spread 1 on these lessons."""
    for name, tables in (
        ("object", [lesson.seen.objects for lesson in lessons]),
        ("target", [lesson.seen.targets for lesson in lessons]),
    ):
        table = np.concatenate(tables)
        if len(table):
            spread = np.maximum(table.std(axis=0), 1e-3)
            getattr(model, f"{name}_mean").copy_(torch.from_numpy(table.mean(axis=0)))
            getattr(model, f"{name}_scale").copy_(torch.from_numpy(1.0 / spread))


def look_loss(model: ProposalModel, lesson: Lesson) -> Tensor:
    """Mean loss of the lists of one look, less that of a perfect answer; 0 where nothing gained."""
    seen, losses = lesson.seen, []
    objects = torch.from_numpy(seen.objects)
    used, inverse = np.unique(lesson.mover, return_inverse=True)
    if len(used):
        score = model.kinds(objects[torch.from_numpy(used)])[
            torch.from_numpy(inverse.reshape(-1)), torch.from_numpy(_columns(model, lesson)[lesson.kind])
        ]
        for kind in np.unique(lesson.kind):
            own = lesson.kind == kind
            if lesson.kinds[kind] in model.config.kinds:
                losses.append(_list_loss(score[torch.from_numpy(own)], lesson.gain[own]))
    if len(lesson.pair):
        pair_of = torch.from_numpy(seen.pair_of[lesson.pair])
        score = model.pairs(objects, pair_of, torch.from_numpy(seen.targets[lesson.pair]))
        losses.append(_list_loss(score, lesson.pair_gain))
    kept = [loss for loss in losses if loss is not None]
    return torch.stack(kept).mean() if kept else torch.zeros(())


def _columns(model: ProposalModel, lesson: Lesson) -> np.ndarray:
    """Column of the model's scores for each kind of the log; 0 for kinds it does not know, which are not used."""
    known = model.config.kinds
    return np.array([known.index(name) if name in known else 0 for name in lesson.kinds], np.int64)


def _list_loss(score: Tensor, gain: np.ndarray) -> Tensor | None:
    damped = np.log1p(gain)
    total = damped.sum()
    if len(gain) < 2 or total <= 0.0:
        return None
    q = torch.from_numpy((damped / total).astype(np.float32))
    return (torch.xlogy(q, q) - q * torch.log_softmax(score, dim=0)).sum()
