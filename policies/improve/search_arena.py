"""Where generations play: generated designs, the search, clocks."""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from pathlib import Path
from time import perf_counter

import torch

from env.problem import build_problem
from netlists.design import Design
from netlists.errors import PlacementError
from placer import flow
from placer.budget import Budget
from placer.engines.search import SearchOptions
from policies.demonstrations import trace
from policies.improve.parts import Arguments, Genome
from policies.improve.records import Game
from policies.improve.settings import LARGEST, Settings
from policies.scoring import Scorer, finished
from policies.splits import playable, synthetic

#: Exact moves of the run before a trial that makes everybody load and compile what they need.
_REHEARSAL = 2_000


class SearchArena:
    """The search of :mod:`placer.flow` on designs of the generator.

    Args:
        largest: most macros of the designs.
        device: ``"cpu"`` keeps the search off CUDA devices; else see :class:`placer.engines.search.SearchOptions`.
    """

    def __init__(self, largest: int = LARGEST, device: str = "cpu") -> None:
        self._largest, self._device = largest, device
        # Seeds of one design follow each other, and so do both contestants.
        self._made = lru_cache(maxsize=4)(synthetic)

    def playable(self, first: int, count: int) -> list[int]:
        """See :class:`policies.improve.arena.Arena`."""
        return [number for number, _ in islice(playable(first, self._largest), count)]

    def design(self, number: int) -> Design:
        """See :class:`policies.improve.arena.Arena`."""
        return self._made(number, self._largest)

    def play(
        self, genome: Genome, number: int, design: int, seed: int, settings: Settings, budget: Budget, records: Path
    ) -> Game:
        """See :class:`policies.improve.arena.Arena`."""
        begun = perf_counter()
        made = self.design(design)
        arguments = genome.watch(genome.plug(self._arguments(settings)))
        try:
            placed = flow.place(
                made, budget=_by_moves(budget), iterations=settings.moves, seed=seed, effort="fast", **arguments
            )
        except PlacementError:
            return Game(number, design, seed, None, None, None, perf_counter() - begun)
        genome.note(arguments, made, seed, budget, records, design)
        scorer = Scorer(build_problem(made))
        state = trace(scorer.problem, placed.placement)
        gain = scorer.gain(finished(made, state)) if state.done else -1.0
        choices = state.choices.copy() if gain > 0 else None  # a lesson that makes placements worse is none
        return Game(
            number, design, seed, placed.cost.proxy_cost, None if choices is None else gain, choices,
            perf_counter() - begun,
        )  # fmt: skip

    def rehearse(self, genome: Genome, design: int, settings: Settings) -> None:
        """See :class:`policies.improve.arena.Arena`."""
        torch.set_num_threads(settings.jobs)  # the network gets the cores that the search has
        made, arguments = self.design(design), genome.plug(self._arguments(settings))
        flow.place(made, budget=Budget(), iterations=_REHEARSAL, effort="fast", **arguments)

    def match(self, genome: Genome, design: int, seed: int, settings: Settings, budget: Budget) -> float | None:
        """See :class:`policies.improve.arena.Arena`."""
        made, arguments = self.design(design), genome.plug(self._arguments(settings))
        clock = Budget(settings.trial_seconds, budget.stop)
        try:
            return flow.place(made, budget=clock, seed=seed, **arguments).cost.proxy_cost
        except PlacementError:
            return None

    def _arguments(self, settings: Settings) -> Arguments:
        return {"jobs": settings.jobs, "options": SearchOptions(device=self._device)}


def _by_moves(budget: Budget) -> Budget:
    """A clock that only matters when it is over: moves end the run, or the limit of the whole evening does."""
    return Budget(None if budget.time_limit is None else budget.left, budget.stop)
