"""One search over many machines: starts are shared out, every machine searches alone, the best result wins.

A :class:`Pool` says where shares run. :class:`LocalPool` is this process and takes everything as one share;
``placer.engines.ray_pool`` spreads over a Ray cluster. Both end in :func:`placer.engines.search.search`; a share is
one independent call of it with seeds of its own. Chains meet inside a share, never across shares, so a share that is
lost loses its own chains and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from netlists.design import Design
from netlists.placement import Placement
from placer.budget import Budget, Progress, silent
from placer.cost.full import CostWeights
from placer.engines.accelerate import best_of, search_here
from placer.engines.search import SearchOptions, SearchResult

__all__ = ["LocalPool", "Pool", "Task", "best_of", "search_everywhere", "share"]


@dataclass(frozen=True, eq=False)
class Task:
    """One search, whole or a share of it; the fields are the arguments of :func:`search_everywhere`."""

    design: Design
    starts: Sequence[Placement]
    budget: Budget
    seed: int = 0
    jobs: int = 1
    iterations: int | None = None
    weights: CostWeights | None = None
    progress: Progress = silent
    options: SearchOptions = field(default_factory=SearchOptions)


class Pool(Protocol):
    """Where searches run."""

    def run(self, task: Task) -> list[SearchResult]:
        """Search in as many shares as the pool likes.

        Returns:
            The results of the shares that ended, in the order of the shares; empty when all were lost.
        """
        ...  # pragma: no cover

    def report(self) -> dict[str, object]:
        """What a report of the run should say about the pool; empty when there is nothing to say."""
        ...  # pragma: no cover


class LocalPool:
    """This process: one share."""

    def run(self, task: Task) -> list[SearchResult]:
        """Search here; see :class:`Pool`."""
        return [
            search_here(
                task.design,
                task.starts,
                budget=task.budget,
                seed=task.seed,
                jobs=task.jobs,
                iterations=task.iterations,
                weights=task.weights,
                progress=task.progress,
                options=task.options,
            )
        ]

    def report(self) -> dict[str, object]:
        """Nothing to say."""
        return {}


def search_everywhere(
    design: Design,
    starts: Sequence[Placement],
    *,
    budget: Budget,
    seed: int = 0,
    jobs: int = 1,
    iterations: int | None = None,
    weights: CostWeights | None = None,
    progress: Progress = silent,
    pool: Pool | None = None,
    options: SearchOptions | None = None,
) -> SearchResult:
    """Improve legal placements by exact moves, wherever the pool says, until the budget is spent.

    Args:
        design: the design.
        starts: at least one legal placement whose movable objects lie on the lattice.
        budget: when to stop.
        seed: of every random choice; the first share uses it as it is, so one share is the same as no pool.
        jobs: chains side by side in this process; pools of other machines have their own numbers.
        iterations: proposals in total over all shares; None spends ``budget.time_limit`` instead.
        weights: weights of the proxy cost.
        progress: told how far the search is.
        pool: where to search; this process by default, and also when the pool lost every share.
        options: how to spend the budget, and on what.

    Raises:
        GpuUnavailableError: the options insist on a device that is not there.
        ValueError: no start, or neither a time limit nor iterations.
    """
    if not starts:
        raise ValueError("search needs at least one start")
    if iterations is None and budget.time_limit is None:
        raise ValueError("search needs a time limit or a number of iterations")
    task = Task(design, starts, budget, seed, jobs, iterations, weights, progress, options or SearchOptions())
    found = pool.run(task) if pool is not None else []
    return best_of(found or LocalPool().run(task))


def share(task: Task, index: int, count: int) -> Task:
    """Share ``index`` of ``count``: every ``count``-th start (at least one), a seed, a part of the proposals."""
    if not 0 <= index < count:
        raise ValueError(f"no share {index} of {count}")
    starts = task.starts[index::count] or [task.starts[index % len(task.starts)]]
    seed = task.seed if index == 0 else int(np.random.SeedSequence([task.seed, index]).generate_state(1)[0])
    iterations = task.iterations
    if iterations is not None:
        iterations = max(1, iterations // count + (index < iterations % count))
    return replace(task, starts=starts, seed=seed, iterations=iterations)
