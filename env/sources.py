"""Where the designs of an environment come from: one, a list, a generator, or a mix of both."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np

from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.load import load
from netlists.synthesis import SynthesisSpec, synthesize

#: What makes designs on the fly: a specification, or a function of a random generator.
Generator = SynthesisSpec | Callable[[np.random.Generator], Design]
#: Largest placement grid a specification without one makes, rows and columns.
_SYNTHETIC_GRID = (60, 60)
#: Generated designs in a row that may be unusable before the generator counts as broken.
_TRIES = 20

T = TypeVar("T")


class DesignSource:
    """Draws the design of an episode.

    Designs of a list have the numbers 0, 1, ...; generated ones all have the number after those.

    Args:
        design: one design, or None.
        designs: a list of them, or None.
        generator: makes further designs: every episode from a new seed of the environment's own randomness.
        share: of episodes with a generated design where there are listed ones too.
        grid: rows and columns that every design must fit in; the largest of the list by default. A function as
            ``generator`` needs it.

    Raises:
        NetlistError: a design cannot be read or does not fit the grid.
        ValueError: there is no design, or an argument makes no sense.

    Attributes:
        frame: rows and columns of the arrays agents see.
        listed: the designs of the list.
    """

    def __init__(
        self,
        design: str | Path | Design | None = None,
        designs: Sequence[str | Path | Design] | None = None,
        generator: Generator | None = None,
        share: float = 0.5,
        grid: tuple[int, int] | None = None,
    ) -> None:
        if design is not None and designs is not None:
            raise ValueError("give either design or designs")
        if isinstance(designs, str | Path | Design):
            raise ValueError(f"designs must be a list, found one {type(designs).__name__}; give it as design")
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"the share of generated designs must lie between 0 and 1, found {share!r}")
        self.listed = [load(d) for d in ([design] if design is not None else designs or [])]
        self._generator, self._share = generator, share if self.listed else 1.0
        if not self.listed and generator is None:
            raise ValueError("there is no design: give design, designs or generator")
        sizes = [(d.canvas.grid_rows, d.canvas.columns) for d in self.listed]
        if generator is not None and grid is None:
            if not isinstance(generator, SynthesisSpec):
                raise ValueError("a function as generator needs grid, the largest rows and columns of its designs")
            rows, columns = generator.grid_rows or _SYNTHETIC_GRID[0], generator.columns or _SYNTHETIC_GRID[1]
            sizes.append((rows, columns))
        if grid is not None:
            self.frame = _whole(grid)
        else:
            self.frame = (max(rows for rows, _ in sizes), max(columns for _, columns in sizes))
        for d in self.listed:
            self._check(d)

    @property
    def generates(self) -> bool:
        """Whether some designs are made on the fly."""
        return self._generator is not None

    def draw(self, rng: np.random.Generator) -> tuple[int, Design]:
        """Number and design of an episode.

        Uses randomness only where there is something to choose.

        Raises:
            NetlistError: a generated design does not fit the grid.
        """
        if self._generator is None:
            number = int(rng.integers(len(self.listed))) if len(self.listed) > 1 else 0
            return number, self.listed[number]
        if self.listed and rng.random() >= self._share:
            number = int(rng.integers(len(self.listed)))
            return number, self.listed[number]
        if isinstance(self._generator, SynthesisSpec):
            design = synthesize(self._generator, seed=int(rng.integers(2**31)))
        else:
            design = self._generator(rng)
            if not isinstance(design, Design):
                raise NetlistError("the generator made no design", found=type(design).__name__)
        self._check(design)
        return len(self.listed), design

    def usable(self, rng: np.random.Generator, prepare: Callable[[int, Design], T]) -> tuple[int, T]:
        """Draw until the design can be played, for a generator may now and then make one that cannot.

        Designs of the list are drawn once: nothing about them changes with another try.

        Args:
            rng: where the dice come from.
            prepare: makes number and design ready for an episode; raises where that is impossible.

        Returns:
            The number and what ``prepare`` made.

        Raises:
            NetlistError: the generator makes no design that can be played.
            PlacementError: a listed design has no legal start.
        """
        for tried in range(1, _TRIES + 1):
            number = len(self.listed)
            try:
                number, design = self.draw(rng)
                return number, prepare(number, design)
            except (NetlistError, PlacementError) as error:
                if number < len(self.listed):
                    raise
                if tried == _TRIES:
                    raise NetlistError(f"the last {_TRIES} generated designs cannot be used; now: {error}") from error
        raise AssertionError  # the loop returns or raises

    def _check(self, design: Design) -> None:
        canvas = design.canvas
        if canvas.grid_rows > self.frame[0] or canvas.columns > self.frame[1]:
            raise NetlistError(
                f"the placement grid of {design.name!r} is larger than the environment's",
                found=f"{canvas.grid_rows} x {canvas.columns}", expected=f"at most {self.frame[0]} x {self.frame[1]}",
            )  # fmt: skip


def _whole(grid: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns as they are given, if they are two whole numbers of 1 or more."""
    try:
        rows, columns = (operator.index(value) for value in grid)
    except (TypeError, ValueError):
        rows = columns = 0
    if min(rows, columns) < 1:
        raise ValueError(f"grid must be rows and columns, two whole numbers of 1 or more, found {grid!r}")
    return rows, columns
