"""Learning from demonstrations: the network is told every state of an episode and which action followed.

The loss is the cross-entropy to the demonstrated gcell, softened over its neighbours: beside the best gcell the next
one is nearly as good, and far better than one across the chip. Every lesson is also given mirrored along x and y, with
the circuit mirrored too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from env.problem import MacroProblem
from env.state import MacroState
from policies.actor_critic import ILLEGAL, ActorCritic, Situation
from policies.decoding import situation_of
from policies.demonstrations import Demonstration
from policies.errors import DivergedError
from policies.graphs import NODE_INPUTS, GraphBatch, build_graph, join, moved

#: Standard deviation of the softened target, gcells.
_BLUR = 0.7


@dataclass(frozen=True, eq=False)
class Lesson:
    """A demonstrated episode as the network meets it.

    Attributes:
        graph: the circuit.
        situation: of its ``T`` steps.
        target: ``[T, O, R, C]`` the distribution to learn.
        codes: orientation codes the actions choose from.
    """

    graph: GraphBatch
    situation: Situation
    target: Tensor
    codes: tuple[int, ...] = (0,)


def make_lesson(problem: MacroProblem, demonstration: Demonstration) -> Lesson:
    """Play a demonstration and write down every state."""
    state, states = MacroState(problem), []
    for choice in demonstration.choices.tolist():
        states.append(state.copy())
        state.place(choice)
    situation = situation_of(problem, states)
    rows, columns = problem.shape
    turn, row, column = (torch.from_numpy(x) for x in np.unravel_index(demonstration.choices, state.legal.shape))
    across = (torch.arange(columns) - column[:, None]) ** 2
    up = (torch.arange(rows) - row[:, None]) ** 2
    far = (across[:, None, :] + up[:, :, None])[:, None].expand(-1, problem.num_orients, -1, -1).float()
    own = torch.arange(problem.num_orients) == turn[:, None]
    likely = (-far / (2 * _BLUR**2)).masked_fill(~(situation.legal & own[:, :, None, None]), ILLEGAL)
    codes = tuple(problem.orient[0].tolist()) if problem.num_orients > 1 else (0,)
    return Lesson(join([build_graph(problem)]), situation, likely.flatten(1).softmax(1).view_as(far), codes)


def mirrored(lesson: Lesson, axis: int) -> Lesson:
    """The lesson of the mirrored circuit.

    Args:
        lesson: one whose actions choose no orientation: those would have to be mirrored too.
        axis: 0 mirrors x, 1 mirrors y.
    """
    g, s, side = lesson.graph, lesson.situation, -1 - axis
    node_x, anchor = g.node_x.clone(), g.anchor.clone()
    node_x[:, NODE_INPUTS.index("fixed_x") + axis] *= -1
    anchor[..., 1 + axis] = 1 - anchor[..., 1 + axis]
    where, macro = s.where.clone(), s.macro.clone()
    where[..., axis] = 1 - where[..., axis]
    macro[:, 6 + axis] = 1 - macro[:, 6 + axis]
    return replace(
        lesson,
        graph=replace(
            g, node_x=node_x, to_net=g.to_net.mirrored(axis), to_node=g.to_node.mirrored(axis), anchor=anchor
        ),
        situation=s._replace(
            where=where, macro=macro, occupancy=s.occupancy.flip(side), blockage=s.blockage.flip(side),
            legal=s.legal.flip(side), wire=s.wire.flip(side),
        ),
        target=lesson.target.flip(side),
    )  # fmt: skip


class Imitation:
    """Training on lessons.

    Args:
        model: the network, changed in place.
        lessons: at least one.
        learning_rate: of Adam.
        batch: episodes of each gradient step.
        seed: of the order of lessons and of the mirroring.
        device: where the network is to run.
    """

    def __init__(
        self,
        model: ActorCritic,
        lessons: Sequence[Lesson],
        *,
        learning_rate: float = 1e-3,
        batch: int = 2,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        self.model, self.lessons = model.to(device), list(lessons)
        self._batch, self._device = batch, torch.device(device)
        self._random = np.random.default_rng(seed)
        self._optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)

    def epoch(self) -> dict[str, float]:
        """Learn from every lesson once.

        Returns:
            ``loss``, the cross-entropy less that of a perfect prediction, and ``hit``, how often the likeliest action
            was the demonstrated one.

        Raises:
            DivergedError: the loss was not a number.
        """
        order, losses, hits = self._random.permutation(len(self.lessons)), list[float](), list[float]()
        for first in range(0, len(order), self._batch):
            self._optimizer.zero_grad(set_to_none=True)
            part = order[first : first + self._batch]
            for number in part:
                loss, hit = self._loss(self._turned(self.lessons[number]))
                (loss / len(part)).backward()
                losses.append(float(loss.detach()))
                hits.append(hit)
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            if not torch.isfinite(norm):
                raise DivergedError(f"the gradient is not a number while imitating (loss {losses[-1]:g})")
            self._optimizer.step()
        return {"loss": float(np.mean(losses)), "hit": float(np.mean(hits))}

    def _turned(self, lesson: Lesson) -> Lesson:
        if len(lesson.codes) == 1:
            for axis in range(2):
                if self._random.random() < 0.5:
                    lesson = mirrored(lesson, axis)
        return lesson

    def _loss(self, lesson: Lesson) -> tuple[Tensor, float]:
        said = self.model(moved(lesson.graph, self._device), lesson.situation.to(self._device), lesson.codes)
        target = lesson.target.to(self._device).flatten(1)
        log_p = torch.log_softmax(said.logits, dim=1)
        divergence = (torch.xlogy(target, target) - target * log_p).sum(1).mean()
        return divergence, float((said.logits.argmax(1) == target.argmax(1)).float().mean())
