"""What a generation is made of: parts that learn, are kept in files, and plug into the search.

The network is one part. A part is all that the archive and the loop know of learning: what they hold is a *genome*,
some parts under their names, in the order in which they plug in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from netlists.design import Design
from netlists.errors import NetlistError
from placer.budget import Budget
from policies.improve.records import StoredDemonstration
from policies.improve.settings import Recipe

#: Keyword arguments of :func:`placer.flow.place`, beside budget and seed.
Arguments = dict[str, Any]
#: Told in one line how it goes.
Say = Callable[[str], None]


class Stopped(Exception):
    """The time is over in the middle of a step; nothing of the step counts."""


@dataclass(frozen=True, eq=False)
class Experience:
    """What parts learn from.

    Attributes:
        demonstrations: the best placements known, those of this generation first.
        played: training designs of this generation, as seeds of the generator.
        design: seed -> design.
        records: name of a part -> what its :meth:`Part.note` wrote in late generations, the newest first: the seed of
            the design, and the file.
    """

    demonstrations: Sequence[StoredDemonstration]
    played: Sequence[int]
    design: Callable[[int], Design]
    records: Mapping[str, Sequence[tuple[int, Path]]] = field(default_factory=dict)


class Part(Protocol):
    """Something that learns and helps the search."""

    @property
    def name(self) -> str:
        """A word; part of file names."""
        ...  # pragma: no cover

    def learn(self, experience: Experience, recipe: Recipe, *, seed: int, budget: Budget, say: Say) -> dict[str, float]:
        """Learn, in place.

        Args:
            experience: what from.
            recipe: how.
            seed: of every random choice: the same seed and experience make the same part.
            budget: when to give up.
            say: told how it goes.

        Returns:
            Figures of what was learned; empty where there was nothing to learn.

        Raises:
            Stopped: the budget is over.
            DivergedError: a loss was not a number.
        """
        ...  # pragma: no cover

    def plug(self, arguments: Arguments) -> Arguments:
        """The arguments of a run of the search that this part helps."""
        ...  # pragma: no cover

    def watch(self, arguments: Arguments) -> Arguments:
        """The arguments of a run that also keeps what this part learns from."""
        ...  # pragma: no cover

    def note(self, arguments: Arguments, design: Design, seed: int, budget: Budget, record: Path) -> None:
        """After a run: write down what this part learns from, if anything.

        Args:
            arguments: of the run, as :meth:`watch` returned them.
            design: that was placed.
            seed: of the run.
            budget: where it is over, whatever was written is thrown away.
            record: a file to write, complete or not at all, in a folder that is there.
        """
        ...  # pragma: no cover

    def save(self, path: Path) -> Path:
        """Write the part to a safetensors file, all of it or nothing."""
        ...  # pragma: no cover


#: How parts come back from their files, by name.
Loaders = Mapping[str, Callable[[Path], Part]]


@dataclass(frozen=True, eq=False)
class Genome:
    """The parts of one generation, in the order in which they plug in."""

    parts: tuple[Part, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parts."""
        return tuple(part.name for part in self.parts)

    def plug(self, arguments: Arguments) -> Arguments:
        """The arguments of a run that all parts help."""
        for part in self.parts:
            arguments = part.plug(arguments)
        return arguments

    def watch(self, arguments: Arguments) -> Arguments:
        """The arguments of a run that also keeps what the parts learn from."""
        for part in self.parts:
            arguments = part.watch(arguments)
        return arguments

    def note(self, arguments: Arguments, design: Design, seed: int, budget: Budget, folder: Path, number: int) -> None:
        """After a run: what the parts learn from goes into a folder; see :meth:`Part.note`.

        Args:
            arguments: of the run.
            design: that was placed.
            seed: of the run.
            budget: where it is over, the files are thrown away.
            folder: for the files; made if need be.
            number: seed of the design.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for part in self.parts:
            part.note(arguments, design, seed, budget, folder / f"{number}-{part.name}.safetensors")

    def learn(
        self, experience: Experience, recipe: Recipe, *, seed: int, budget: Budget, say: Say, only: str | None = None
    ) -> dict[str, float]:
        """Let every part learn, or ``only`` one of them; see :meth:`Part.learn`."""
        figures: dict[str, float] = {}
        for part in self.parts:
            if only not in (None, part.name):
                continue
            found = part.learn(experience, recipe, seed=seed, budget=budget, say=say)
            figures |= {f"{part.name}/{name}": value for name, value in found.items()}
        return figures

    def save(self, folder: Path) -> None:
        """Write every part to ``<part>.safetensors``."""
        folder.mkdir(parents=True, exist_ok=True)
        for part in self.parts:
            part.save(part_file(folder, part.name))


def part_file(folder: Path, name: str) -> Path:
    """Where a part lies in the folder of its generation."""
    return folder / f"{name}.safetensors"


def load_genome(folder: Path, names: Sequence[str], loaders: Loaders) -> Genome:
    """Read the parts of a generation.

    Raises:
        NetlistError: a file is missing or cannot be used, or nobody knows how to read a part of that name.
    """
    for name in names:
        if name not in loaders:
            raise NetlistError("unknown part of a generation", file=folder, found=name, expected=", ".join(loaders))
        if not part_file(folder, name).is_file():
            raise NetlistError("the checkpoint of a generation is missing", file=part_file(folder, name))
    return Genome(tuple(loaders[name](part_file(folder, name)) for name in names))
