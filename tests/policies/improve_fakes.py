"""A world in which strength is a number, so that generations take milliseconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netlists.design import Design
from netlists.formats.textio import atomic_write
from placer.budget import Budget
from policies.improve import loop
from policies.improve.archive import Archive
from policies.improve.parts import Arguments, Experience, Genome, Say, Stopped
from policies.improve.records import Game
from policies.improve.settings import Recipe, Settings
from tests.env.designs import small_design

#: Trials of four designs, at a level that four wins out of four reach.
SMALL = Settings(games=3, replay=4, trial_designs=4, trial_seconds=1e-3, explore=0.0, jobs=1)
LEVEL = 0.5

#: How much stronger a child gets: (number of the generation's lessons, recipe, seed) -> difference.
Teach = Callable[[Experience, Recipe, int], float]


def always(difference: float) -> Teach:
    return lambda experience, recipe, seed: difference


STRONGER = always(0.1)


class FakePart:
    """Strength, in a JSON file."""

    def __init__(self, name: str, strength: float, teach: Teach) -> None:
        self.name, self.strength, self._teach = name, strength, teach

    def learn(self, experience: Experience, recipe: Recipe, *, seed: int, budget: Budget, say: Say) -> dict[str, float]:
        if budget.over:
            raise Stopped
        self.strength += self._teach(experience, recipe, seed)
        return {"lessons": float(len(experience.demonstrations))} if experience.demonstrations else {}

    def plug(self, arguments: Arguments) -> Arguments:
        return arguments | {"strength": arguments.get("strength", 0.0) + self.strength}

    def watch(self, arguments: Arguments) -> Arguments:
        return arguments | {"watched": [*arguments.get("watched", []), self.name]}

    def note(self, arguments: Arguments, design: Design, seed: int, budget: Budget, record: Path) -> None:
        atomic_write(record, json.dumps([arguments["watched"], seed]))

    def save(self, path: Path) -> Path:
        return atomic_write(path, json.dumps(self.strength))


class FakeArena:
    """Costs are ``exp(-strength)`` but for chance, which depends on design, seed and strength alone.

    Args:
        noise: standard deviation of the logarithm of costs.
        stop_after: runs after which the budget is stopped, as Ctrl-C would.
        budget: to stop.
    """

    def __init__(self, noise: float = 0.01, stop_after: int | None = None, budget: Budget | None = None) -> None:
        self.noise, self.calls, self.budget = noise, 0, budget
        self.stop_after = stop_after
        self.first: list[float] = []
        self.rehearsed = 0

    def playable(self, first: int, count: int) -> list[int]:
        # Every third seed makes no design.
        return [number for number in range(first, first + 3 * count + 3) if number % 3][:count]

    def design(self, number: int) -> Design:
        return small_design(seed=number)

    def play(
        self, genome: Genome, number: int, design: int, seed: int, settings: Settings, budget: Budget, records: Path
    ) -> Game:
        arguments = genome.watch(genome.plug({}))
        genome.note(arguments, self.design(design), seed, budget, records, design)
        cost = self._cost(arguments["strength"], design, seed)
        return Game(number, design, seed, cost, 0.1, np.array([design, number], np.int64), 0.0)

    def rehearse(self, genome: Genome, design: int, settings: Settings) -> None:
        self.rehearsed += 1

    def match(self, genome: Genome, design: int, seed: int, settings: Settings, budget: Budget) -> float | None:
        self.first.append(genome.plug({})["strength"])
        return self._cost(genome.plug({})["strength"], design, seed)

    def _cost(self, strength: float, design: int, seed: int) -> float:
        self.calls += 1
        if self.stop_after is not None and self.calls > self.stop_after:
            assert self.budget is not None
            self.budget.stop.set()
        rng = np.random.default_rng([design, seed, round(1e6 * strength) + 10**9])
        return float((1 + design % 7) * np.exp(-strength + self.noise * rng.normal()))


def run(
    folder: Path,
    teach: Teach = STRONGER,
    *,
    names: tuple[str, ...] = ("policy",),
    arena: FakeArena | None = None,
    settings: Settings = SMALL,
    **more: Any,
) -> Path:
    """:func:`policies.improve.loop.improve` with fakes; the founder has strength 0."""

    def loader(name: str) -> Callable[[Path], FakePart]:
        return lambda path: FakePart(name, json.loads(path.read_text()), teach)

    return loop.improve(
        folder,
        founder=lambda: Genome(tuple(FakePart(name, 0.0, teach) for name in names)),
        loaders={name: loader(name) for name in names},
        arena=lambda largest: arena or FakeArena(),
        settings=settings, level=LEVEL, seed=3, **more,
    )  # fmt: skip


class Killed(BaseException):
    """The process is gone; nothing catches this."""


class Killer:
    """Kills at the n-th moment at which something is about to be, or has just been, committed or written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moments, self.at = 0, -1
        original = Archive._transaction

        @contextmanager
        def transaction(archive: Archive) -> Iterator[Any]:
            with original(archive) as db:
                yield db
                self.moment()
            self.moment()

        def write(path: Path, data: bytes | str) -> Path:
            self.moment()
            written = atomic_write(path, data)
            self.moment()
            return written

        monkeypatch.setattr(Archive, "_transaction", transaction)
        monkeypatch.setattr(loop, "atomic_write", write)
        monkeypatch.setattr(FakePart, "save", lambda part, path: write(path, json.dumps(part.strength)))

    def moment(self) -> None:
        self.moments += 1
        if self.moments == self.at:
            raise Killed


def contents(folder: Path) -> dict[str, Any]:
    """All that an archive holds, but for times."""
    timeless = {"began", "ended", "seconds"}
    with Archive(folder) as archive:
        tables = {
            table: [
                {key: row[key] for key in row.keys() if key not in timeless}  # noqa: SIM118 - rows are no dicts
                for row in archive._db.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
            ]
            for table in ("meta", "generations", "steps", "games", "demonstrations", "pairs")
        }
    files = {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and not file.name.startswith("archive.db") and file.name != ".lock"
    }
    return tables | {"files": files}


def strengths(folder: Path) -> list[float]:
    """Of all generations that learned."""
    with Archive(folder) as archive:
        return [
            json.loads((archive.place_of(one.id) / "policy.safetensors").read_text())
            for one in archive.generations()
            if one.able
        ]
