"""What the steps of a generation need of the world; :mod:`policies.improve.search_arena` is the real one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from netlists.design import Design
from placer.budget import Budget
from policies.improve.parts import Genome
from policies.improve.records import Game
from policies.improve.settings import Settings


class Arena(Protocol):
    """A place to play."""

    def playable(self, first: int, count: int) -> list[int]:
        """Seeds of the next ``count`` generated designs from ``first`` on."""
        ...  # pragma: no cover

    def design(self, number: int) -> Design:
        """The generated design of a seed."""
        ...  # pragma: no cover

    def play(
        self, genome: Genome, number: int, design: int, seed: int, settings: Settings, budget: Budget, records: Path
    ) -> Game:
        """Place a training design by so many exact moves, and make a lesson of it.

        Args:
            genome: helps the search.
            number: of the game in its generation.
            design: seed of the generator.
            seed: of the search.
            settings: of the generation.
            budget: where it ends early, the caller must not use the game.
            records: folder for what the parts want to learn from.
        """
        ...  # pragma: no cover

    def rehearse(self, genome: Genome, design: int, settings: Settings) -> None:
        """Load and compile all that :meth:`match` needs, so that no clock counts it."""
        ...  # pragma: no cover

    def match(self, genome: Genome, design: int, seed: int, settings: Settings, budget: Budget) -> float | None:
        """Place a held-out design in the wall-clock of a trial's run, inference included.

        Returns:
            The exact proxy cost; None where no legal placement was found.
        """
        ...  # pragma: no cover
