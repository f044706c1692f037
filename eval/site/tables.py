"""What a report is about: runs sorted into comparisons that are fair, and what each of them shows."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from eval.ledger import Run
from eval.statistics import Comparison, PairedComparison, Profile, compare, compare_pairs, profiles

#: Seconds past the limit up to which a run counts as on time.
GRACE = 2.0


@dataclass(frozen=True)
class Cell:
    """One method on one design.

    Attributes:
        runs: finished runs, by seed.
        metric: figure that is compared.
    """

    runs: tuple[Run, ...]
    metric: str

    @cached_property
    def good(self) -> tuple[Run, ...]:
        """Runs with a legal placement and a cost."""
        return tuple(run for run in self.runs if run.finished_well and self.cost(run) is not None)

    @cached_property
    def failed(self) -> tuple[Run, ...]:
        """Runs that ended without one; those of methods that cannot place such designs do not count."""
        return tuple(run for run in self.runs if run.status == "failed")

    def cost(self, run: Run) -> float | None:
        """The figure of a run."""
        return run.figure(self.metric)

    @cached_property
    def costs(self) -> tuple[float, ...]:
        """The figure of every good run."""
        return tuple(cost for run in self.good if (cost := self.cost(run)) is not None)

    @property
    def mean(self) -> float:
        """Mean cost; infinite where there is none."""
        return float(np.mean(self.costs)) if self.costs else math.inf

    @property
    def best(self) -> Run | None:
        """The run of least cost."""
        return min(self.good, key=lambda run: (self.cost(run), run.seed)) if self.good else None

    @property
    def late(self) -> int:
        """Runs that took longer than they were given."""
        return sum(
            run.seconds is not None and run.seconds_limit is not None and run.seconds > run.seconds_limit + GRACE
            for run in self.good
        )


@dataclass(frozen=True)
class Standing:
    """A method's line in a leaderboard.

    Attributes:
        method: label.
        solved: designs with a legal placement.
        factor: geometric mean over those designs of its mean cost over the least mean cost of any method.
        first: designs on which it has the least mean cost.
        runs: finished runs.
        failed: those without a legal placement.
        late: those over their time.
        seconds: mean time of a run.
    """

    method: str
    solved: int
    factor: float
    first: int
    runs: int
    failed: int
    late: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Group:
    """Runs that may be compared: the same suite, metric, budget, cores, memory and code.

    Attributes:
        suite: name.
        metric: figure; smaller is better.
        budget: in words.
        code: version of the placer.
        cells: (design, method) -> runs.
    """

    suite: str
    metric: str
    budget: str
    code: str
    cells: dict[tuple[str, str], Cell] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """In words."""
        return f"{self.suite}, {self.budget}"

    @cached_property
    def designs(self) -> tuple[str, ...]:
        """In order of name."""
        return tuple(sorted({design for design, _ in self.cells}))

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """Best first."""
        return tuple(standing.method for standing in self.standings)

    @cached_property
    def standings(self) -> tuple[Standing, ...]:
        """The leaderboard: more designs solved first, then the smaller factor."""
        least = {
            design: min(cell.mean for (name, _), cell in self.cells.items() if name == design)
            for design in self.designs
        }
        found = []
        for method in sorted({method for _, method in self.cells}):
            own = {design: cell for (design, name), cell in self.cells.items() if name == method}
            solved = {design: cell for design, cell in own.items() if cell.costs}
            logs = [math.log(cell.mean / least[design]) for design, cell in solved.items()]
            times = [run.seconds for cell in own.values() for run in cell.good if run.seconds is not None]
            found.append(
                Standing(
                    method, len(solved), math.exp(float(np.mean(logs))) if logs else math.inf,
                    sum(cell.mean == least[design] for design, cell in solved.items()),
                    sum(len(cell.runs) for cell in own.values()), sum(len(cell.failed) for cell in own.values()),
                    sum(cell.late for cell in own.values()), float(np.mean(times)) if times else math.nan,
                )
            )  # fmt: skip
        return tuple(sorted(found, key=lambda s: (-s.solved, s.factor, s.method)))

    def versus(self, first: str, second: str) -> Comparison:
        """Two methods of the group."""
        costs = [
            {design: cell.costs for (design, name), cell in self.cells.items() if name == method and cell.costs}
            for method in (first, second)
        ]
        tried = {
            design: (self._tried(design, first), self._tried(design, second)) for design in self.designs
        }  # fmt: skip
        return compare(costs[0], costs[1], tried=tried)

    def paired(self, first: str, second: str, against: float = 1.0) -> PairedComparison:
        """Two methods of the group, runs with the same seed against each other.

        Args:
            first: method.
            second: method.
            against: the tests ask whether the ratio differs from this.
        """
        costs: list[dict[str, dict[int, float]]] = [{}, {}]
        tried: dict[str, tuple[set[int], set[int]]] = {}
        for design in self.designs:
            cells = [self.cells.get((design, method)) for method in (first, second)]
            for own, cell in zip(costs, cells, strict=True):
                if cell is not None:
                    own[design] = dict(zip((run.seed for run in cell.good), cell.costs, strict=True))
            seeds = [set() if cell is None else {run.seed for run in (*cell.good, *cell.failed)} for cell in cells]
            tried[design] = (seeds[0], seeds[1])
        return compare_pairs(costs[0], costs[1], tried=tried, against=against)

    def profiles(self) -> dict[str, Profile]:
        """Performance profiles of the methods, by mean cost."""
        rows: dict[str, dict[str, float]] = {method: {} for method in self.methods}
        for (design, method), cell in self.cells.items():
            rows[method][design] = cell.mean
        return profiles(rows)

    def _tried(self, design: str, method: str) -> bool:
        cell = self.cells.get((design, method))
        return cell is not None and bool(cell.good or cell.failed)


def budget_words(run: Run) -> str:
    """A run's budget in words."""
    bound = f"{run.iterations_limit:,} steps" if run.seconds_limit is None else f"{run.seconds_limit:g} s"
    cores = f"{run.cores} core" + ("s" if run.cores > 1 else "")
    memory = f", {run.memory_limit / 2**30:.3g} GiB" if run.memory_limit else ""
    return f"{bound} on {cores}{memory}"


def groups(runs: Iterable[Run], metric: str | None = None) -> tuple[Group, ...]:
    """Sort finished runs into groups.

    Two versions of a design under one name (another fingerprint) are told apart by the first digits of it, two versions
    of a method (another file of one's own, another build of a program) by what identifies them.

    Args:
        runs: of :func:`eval.ledger.read_runs`.
        metric: replaces the suites' own.
    """
    finished = [run for run in runs if run.status in ("done", "failed", "skipped")]
    prints: dict[tuple[str, str], set[str]] = {}
    for run in finished:
        prints.setdefault((run.suite, run.design), set()).add(run.fingerprint + run.start)
    identities: dict[tuple[str, ...], set[str]] = {}
    for run in finished:
        identities.setdefault((run.suite, budget_words(run), run.code, run.label), set()).add(run.identity)
    found: dict[tuple[str, str, str, str], Group] = {}
    cells: dict[tuple[tuple[str, str, str, str], str, str], list[Run]] = {}
    for run in finished:
        figure = metric or run.metric
        key = (run.suite, figure, budget_words(run), run.code)
        found.setdefault(key, Group(*key))
        several = len(prints[run.suite, run.design]) > 1
        design = f"{run.design} ({run.fingerprint[:4]}{run.start[:4]})" if several else run.design
        several = len(identities[run.suite, budget_words(run), run.code, run.label]) > 1
        method = f"{run.label} ({' '.join(word[:12] for word in run.identity.split())})" if several else run.label
        cells.setdefault((key, design, method), []).append(run)
    for (key, design, method), own in cells.items():
        found[key].cells[design, method] = Cell(tuple(sorted(own, key=lambda run: run.seed)), key[1])
    return tuple(found[key] for key in sorted(found))
