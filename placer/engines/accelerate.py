"""The search of one machine: chains on its cores and, where there is one, on its CUDA device at the same time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock

from netlists.design import Design
from netlists.placement import Placement
from placer.budget import Budget, Event, Progress, silent
from placer.cost.full import CostWeights
from placer.engines.gpu_search import GpuUnavailableError, gpu_search
from placer.engines.gpu_search.device import why_not
from placer.engines.search import SearchOptions, SearchResult, search


def require_device(options: SearchOptions) -> None:
    """Insist on the device the options insist on.

    Raises:
        GpuUnavailableError: they name a CUDA device and there is none.
    """
    if options.device == "cuda":
        reason = why_not()
        if reason is not None:
            raise GpuUnavailableError(reason)


def uses_device(options: SearchOptions, iterations: int | None = None) -> bool:
    """True when a run will search on a CUDA device.

    A run bounded by iterations is one that can be repeated on any machine, so it takes a device only when told to.
    """
    if options.device == "cpu" or (options.device == "auto" and iterations is not None):
        return False
    return why_not() is None


def search_here(
    design: Design,
    starts: Sequence[Placement],
    *,
    budget: Budget,
    seed: int = 0,
    jobs: int = 1,
    iterations: int | None = None,
    weights: CostWeights | None = None,
    options: SearchOptions | None = None,
    progress: Progress = silent,
) -> SearchResult:
    """Improve legal placements by exact moves until the budget is spent; arguments as of ``engines.search.search``.

    With a time limit, device and cores search side by side and the better result wins. With iterations it is one or
    the other, so that the result depends on the seed alone. A device that fails costs its own chains only.

    Raises:
        GpuUnavailableError: the options insist on a device that is not there.
        ValueError: no start, or neither a time limit nor iterations.
    """
    options = options or SearchOptions()
    require_device(options)

    def on_cores(listener: Progress) -> SearchResult:
        return search(
            design, starts, budget=budget, seed=seed, jobs=jobs, iterations=iterations, weights=weights,
            options=options, progress=listener,
        )  # fmt: skip

    lock, best = Lock(), [math.inf]

    def told(event: Event) -> None:
        """Cores and device report to one listener, which hears the better cost of the two."""
        with lock:
            if event.cost is not None:
                best[0] = min(best[0], event.cost)
            progress(replace(event, cost=best[0] if math.isfinite(best[0]) else None))

    def on_device() -> SearchResult:
        return gpu_search(
            design, starts, budget=budget, seed=seed, iterations=iterations, weights=weights, progress=told
        )

    if not uses_device(options, iterations):
        return on_cores(progress)
    if iterations is not None:
        try:
            return replace(on_device(), devices=("cuda",))
        except GpuUnavailableError as error:  # a design the device code does not cover
            return replace(on_cores(progress), notes=(f"searched on the CPU: {error}",))
    with ThreadPoolExecutor(1) as pool:
        there = pool.submit(on_device)
        here = on_cores(told)
        try:
            found = there.result()
        except Exception as error:  # drivers fail in many ways; the cores have a result
            return replace(here, notes=(f"searched on the CPU alone: {error}",))
    return best_of([here, replace(found, devices=("cuda",))])


def best_of(results: Sequence[SearchResult]) -> SearchResult:
    """The best placement of several searches, with the sums of their figures and their common history."""
    if len(results) == 1:
        return results[0]
    best = min(results, key=lambda result: result.proxy_cost + result.wish_cost)
    kinds: dict[str, dict[str, float]] = {}
    for result in results:
        for kind, figures in result.kinds.items():
            sums = kinds.setdefault(kind, {})
            for name, value in figures.items():
                sums[name] = sums.get(name, 0.0) + value
    history: list[tuple[float, str, float]] = []
    for seconds, phase, cost in sorted(step for result in results for step in result.history):
        history.append((seconds, phase, min(cost, history[-1][2]) if history else cost))
    return SearchResult(
        best.placement,
        best.proxy_cost,
        sum(result.proposals for result in results),
        kinds,
        history,
        best.wish_cost,
        tuple(dict.fromkeys(device for result in results for device in result.devices)),
        tuple(dict.fromkeys(note for result in results for note in result.notes)),
        {
            name: sum(result.advice.get(name, 0.0) for result in results)
            for name in dict.fromkeys(name for result in results for name in result.advice)
        },
        best.schedule,
    )
