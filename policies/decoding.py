"""From a network to placements of one design: greedy, sampled and beam decoding."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from env.observation import Observer
from env.problem import MacroProblem
from env.state import MacroState
from placer.budget import Budget
from policies.actor_critic import ActorCritic, Decision, Situation
from policies.graphs import build_graph, join


@dataclass(frozen=True, eq=False)
class Played:
    """One decoded episode.

    Attributes:
        state: where it ended: ``state.done``, or in a dead end.
        log_prob: sum of the logarithms of the probabilities of its actions.
    """

    state: MacroState
    log_prob: float


def situation_of(problem: MacroProblem, states: Sequence[MacroState], observer: Observer | None = None) -> Situation:
    """What a network is told about states of one design, on the CPU.

    Args:
        problem: the design.
        states: of it.
        observer: of the design with ``turned=True``, if there is one already.
    """
    observer = observer or Observer(problem, turned=True)
    seen = [observer.observe(state) for state in states]
    rows, columns = problem.shape
    where = np.zeros((len(states), problem.num_macros, 2), np.float32)
    for k, state in enumerate(states):
        _, row, column = np.unravel_index(state.choices[: state.step], state.legal.shape)
        where[k, : state.step] = np.stack([(column + 0.5) / columns, (row + 0.5) / rows], axis=1)

    def stack(key: str, kind: type) -> Tensor:
        return torch.from_numpy(np.stack([one[key] for one in seen]).astype(kind, copy=False))

    return Situation(
        design=torch.zeros(len(states), dtype=torch.int64),
        step=torch.tensor([state.step for state in states]),
        where=torch.from_numpy(where),
        occupancy=stack("occupancy", np.float32),
        blockage=stack("blockage", np.float32),
        legal=stack("legality_mask", np.bool_),
        wire=stack("wire_mask", np.float32),
        macro=stack("macro", np.float32),
        progress=stack("progress", np.float32),
    )


class _Forecast:
    """How long the rest of an episode takes at least, judged by its fastest step so far.

    The fastest, because the first steps also load code and others may use the processor now and then: an episode that
    would have been in time must not be given up.

    Args:
        steps: of the whole episode.
    """

    def __init__(self, steps: int) -> None:
        self._steps, self._fastest, self._last = steps, float("inf"), time.perf_counter()

    @property
    def left(self) -> float:
        """Seconds; 0 as long as no step was made."""
        return self._steps * self._fastest if self._fastest < float("inf") else 0.0

    def stepped(self) -> None:
        """One step is over."""
        now = time.perf_counter()
        self._steps, self._fastest, self._last = self._steps - 1, min(self._fastest, now - self._last), now


class Decoder:
    """A network made ready for one design: its circuit is encoded once, at the beginning.

    Args:
        model: the network; used without gradients.
        problem: the design. Every orientation the problem offers is chosen from.
        device: where the network is to run; the model is moved there.

    Attributes:
        problem: the design.
    """

    def __init__(self, model: ActorCritic, problem: MacroProblem, device: torch.device | str = "cpu") -> None:
        self.problem = problem
        self._model, self._device = model.to(device).eval(), torch.device(device)
        self._observer = Observer(problem, turned=True)
        self._codes = tuple(problem.orient[0].tolist()) if problem.num_orients > 1 else (0,)
        self._encode()

    @torch.no_grad()
    def _encode(self) -> None:
        self._encoded = self._model.encode(join([build_graph(self.problem)], self._device))

    @torch.no_grad()
    def decide(self, states: Sequence[MacroState]) -> Decision:
        """Logits and values for states of this design, on the CPU."""
        situation = situation_of(self.problem, states, self._observer).to(self._device)
        said = self._model.decide(self._encoded, situation, self._codes)
        return Decision(said.logits.cpu(), said.value.cpu())

    def greedy(self, budget: Budget | None = None) -> Played:
        """Always the most likely action.

        Args:
            budget: when it is over, or bound to be before the last step, the episode ends where it is.
        """
        return self._play(1, None, torch.ones(1), budget or Budget())[0]

    def sample(
        self, count: int, seed: int = 0, temperature: float | Sequence[float] = 1.0, budget: Budget | None = None
    ) -> list[Played]:
        """Draw episodes, all at once.

        Args:
            count: how many.
            seed: of the draws.
            temperature: above 1 more diverse, below 1 closer to greedy; one for all or one for each episode.
            budget: when it is over, or bound to be before the last step, the episodes end where they are.

        Raises:
            ValueError: not as many temperatures as episodes, or one that is not above 0.
        """
        each = torch.as_tensor(temperature, dtype=torch.float32)
        if each.ndim and len(each) != count:
            raise ValueError(f"{len(each)} temperatures for {count} episodes")
        if not bool((each > 0).all()):
            raise ValueError("a temperature must be above 0")
        return self._play(count, torch.Generator().manual_seed(seed), each.expand(count), budget or Budget())

    def beam(self, width: int) -> list[Played]:
        """The likeliest episodes that a search which keeps ``width`` of them at every step finds, best first."""
        alive, ended = [Played(MacroState(self.problem), 0.0)], list[Played]()
        while alive:
            log_p = torch.log_softmax(self.decide([one.state for one in alive]).logits, dim=1)
            total = log_p.double() + torch.tensor([one.log_prob for one in alive], dtype=torch.float64)[:, None]
            legal = torch.from_numpy(np.stack([one.state.legal.reshape(-1) > 0 for one in alive]))
            total = total.masked_fill(~legal, -torch.inf).flatten()
            best = total.topk(min(width, int(legal.sum())))
            grown = []
            for value, index in zip(best.values.tolist(), best.indices.tolist(), strict=True):
                parent, action = divmod(index, legal.shape[1])
                state = alive[parent].state.copy()
                state.place(action)
                grown.append(Played(state, value))
            ended += [one for one in grown if one.state.num_legal == 0]
            alive = [one for one in grown if one.state.num_legal > 0]
        # Complete ones first: a dead end is likely for having ended early.
        return sorted(ended, key=lambda one: (not one.state.done, -one.log_prob))[:width]

    def _play(self, count: int, random: torch.Generator | None, temperature: Tensor, budget: Budget) -> list[Played]:
        states = [MacroState(self.problem) for _ in range(count)]
        log_prob = np.zeros(count)
        pace = _Forecast(self.problem.num_macros)
        while running := [k for k in range(count) if states[k].num_legal > 0]:
            if budget.over or pace.left > budget.left:
                break
            logits = self.decide([states[k] for k in running]).logits
            log_p = torch.log_softmax(logits, dim=1)
            score = log_p
            if random is not None:
                # Adding such noise and taking the largest draws from the distribution (Gumbel 1954).
                noise = torch.rand(logits.shape, generator=random).clamp(1e-20, 1 - 1e-7)
                score = torch.log_softmax(logits / temperature[running, None], dim=1) - torch.log(-torch.log(noise))
            for row, action in enumerate(score.argmax(dim=1).tolist()):
                states[running[row]].place(action)
                log_prob[running[row]] += float(log_p[row, action])
            pace.stepped()
        return [Played(state, float(value)) for state, value in zip(states, log_prob, strict=True)]
