"""From a design to a legal placement: smooth starts, legalisation, exact search, one budget over all three."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from netlists.design import Design
from netlists.errors import PlacementError
from netlists.netlist import PORT
from netlists.placement import Placement
from netlists.rules.conflicts import require_possible
from placer.budget import Budget, Event, Progress, silent
from placer.cost.full import Cost, CostWeights, full
from placer.cost.legality import LegalityReport, check
from placer.engines.accelerate import require_device
from placer.engines.legalise import legalise
from placer.engines.search import Ranker, SearchOptions, SearchResult
from placer.engines.search.wishes import drawn_to_guides
from placer.engines.spread import Pool, search_everywhere

if TYPE_CHECKING:
    from placer.flat import FlatFigures


#: Placements to search from, best first: ``(design, budget, seed) -> placements``. What learns hands them in; they need
#: not be legal. The budget is what the flow can spare for them.
Starter = Callable[[Design, Budget, int], Sequence[Placement]]


@dataclass(frozen=True)
class Effort:
    """What an effort level buys.

    Attributes:
        seconds: time limit when the caller gives none.
        starts: smooth starts besides the input placement.
        descent: gradient steps of each.
        start_share: part of the time the smooth starts may take.
    """

    seconds: float
    starts: int
    descent: int
    start_share: float


EFFORTS: dict[str, Effort] = {
    "fast": Effort(seconds=15.0, starts=2, descent=150, start_share=0.12),
    "default": Effort(seconds=60.0, starts=4, descent=200, start_share=0.12),
    "best": Effort(seconds=300.0, starts=12, descent=400, start_share=0.15),
}
#: Seconds kept back at the end of a run for scoring and for the threads to come home.
_RESERVE = 0.3


@dataclass(frozen=True, eq=False)
class Result:
    """What :func:`place` found.

    Attributes:
        design: the design as it was given.
        placement: the best legal placement.
        cost: its exact cost, with the weights of the public model whatever was minimised.
        start_placement: what the run began from: the input placement, or the first legal one where there is none.
        start_cost: its cost; None when the input placement is not complete.
        legality: check of ``placement`` against the design; always legal.
        history: (seconds, phase, best objective so far) over the run.
        seconds: wall-clock of the run.
        stats: figures of the stages: starts, proposals, moves by kind.
        interrupted: the run was stopped from outside; the placement is the best until then.
        objective: what was minimised: the proxy cost with the weights of the run; the weighted HPWL of a flat design.
        flat: what else there is to say about a flat design whose cells were placed; None for all others.
    """

    design: Design
    placement: Placement
    cost: Cost
    start_placement: Placement
    start_cost: Cost | None
    legality: LegalityReport
    history: list[tuple[float, str, float]]
    seconds: float
    stats: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False
    objective: float = float("nan")
    flat: FlatFigures | None = None


def place(
    design: Design,
    *,
    time_limit: float | None = None,
    seed: int = 0,
    effort: str = "default",
    jobs: int | None = None,
    budget: Budget | None = None,
    progress: Progress = silent,
    iterations: int | None = None,
    weights: CostWeights | None = None,
    pool: Pool | None = None,
    options: SearchOptions | None = None,
    starter: Starter | None = None,
    ranker: Ranker | None = None,
) -> Result:
    """Find a legal placement of low proxy cost.

    Hard macros end legal; soft macros and standard cells end inside the canvas but may overlap; fixed objects and
    ports stay.

    Args:
        design: what to place.
        time_limit: seconds; the effort's own when neither this nor ``iterations`` nor ``budget`` is given.
        seed: of every random choice.
        effort: a key of :data:`EFFORTS`.
        jobs: chains side by side; the cores this process may use when None.
        budget: the caller's own clock and stop flag; replaces ``time_limit``.
        progress: told how far the run is.
        iterations: exact proposals in total, instead of time: with it the result depends on the seed and ``jobs``
            alone.
        weights: of what is minimised; those of the proxy cost by default.
        pool: where to search (``placer.engines.spread``); this process when None.
        options: the device to use, and what of the search to leave out; the defaults are what is best.
        starter: makes starts beside the smooth ones, in half of the time for starts.
        ranker: says which starts deserve depth, where there are more than chains; after short trials of them, or at
            once with ``SearchOptions(halving=False)``. Exact cost decides when None.

    Raises:
        GpuUnavailableError: the options insist on a CUDA device and there is none.
        ValueError: an unknown effort, or a number that cannot be.
        NetlistError: an object is larger than the canvas, or what the LEF and DEF files ask cannot be kept.
        PlacementError: no legal placement exists or was found; the message says why.
    """
    if effort not in EFFORTS:
        raise ValueError(f"unknown effort {effort!r}; one of {', '.join(EFFORTS)}")
    level = EFFORTS[effort]
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"the time limit must be positive, not {time_limit}")
    if iterations is not None and iterations < 1:
        raise ValueError(f"iterations must be at least 1, not {iterations}")
    if budget is None:
        budget = Budget(time_limit if time_limit is not None or iterations is not None else level.seconds)
    jobs = cores() if jobs is None else jobs
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, not {jobs}")
    if iterations is None and budget.time_limit is None:
        raise ValueError("a run needs a time limit or a number of iterations")
    options = options or SearchOptions()
    if ranker is not None:
        options = replace(options, ranker=ranker)
    if pool is None:  # other machines have devices of their own
        require_device(options)
    level = replace(
        level,
        starts=level.starts if options.starts is None else options.starts,
        descent=level.descent if options.descent is None else options.descent,
    )
    require_possible(design)
    design.check_fits()

    history: list[tuple[float, str, float]] = []
    given = is_complete(design)
    start_cost = full(design) if given else None
    stats: dict[str, Any] = {"jobs": jobs, "effort": effort, "seed": seed}
    first, candidates = _candidates(
        design,
        level,
        budget,
        seed,
        given,
        iterations is not None,
        progress,
        stats,
        options.directional,
        history,
        weights,
        starter,
    )
    inner = Budget(
        None if budget.time_limit is None else max(budget.time_limit - _RESERVE, 0.0), budget.stop, budget.started
    )
    found: SearchResult = search_everywhere(
        design,
        candidates,
        budget=inner,
        seed=seed,
        jobs=jobs,
        iterations=iterations,
        weights=weights,
        progress=progress,
        pool=pool,
        options=options,
    )
    history += found.history
    stats["wish_cost"] = found.wish_cost
    stats.update(
        proposals=found.proposals,
        moves=found.kinds,
        devices=list(found.devices),
        notes=list(found.notes),
    )
    if found.advice:
        stats["advice"] = found.advice
    if found.schedule is not None:
        stats["schedule"] = asdict(found.schedule)
    if pool is not None:
        stats["pool"] = pool.report()
    legality = check(design, found.placement, reference=design.placement)
    if not legality.legal:  # never seen; a placement that breaks a rule must not leave the house
        raise PlacementError(f"the search broke a rule: {legality.summary()}")
    return Result(
        design=design,
        placement=found.placement,
        cost=full(design, found.placement),
        objective=full(design, found.placement, weights).proxy_cost,
        start_placement=design.placement if given else first,
        start_cost=start_cost,
        legality=legality,
        history=history,
        seconds=budget.seconds,
        stats=stats,
        interrupted=budget.stop.is_set(),
    )


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def is_complete(design: Design) -> bool:
    """True where every object has a place."""
    return bool(design.placement.placed[design.netlist.node_kind != PORT].all())


def _candidates(
    design: Design,
    level: Effort,
    budget: Budget,
    seed: int,
    given: bool,
    by_iterations: bool,
    progress: Progress,
    stats: dict[str, Any],
    directional: float,
    history: list[tuple[float, str, float]],
    weights: CostWeights | None,
    starter: Starter | None,
) -> tuple[Placement, list[Placement]]:
    """Legal placements to search from; the first is the input placement, or a smooth start where there is none."""
    legal: list[Placement] = []
    failures: list[str] = []

    def add(placement: Placement) -> None:
        try:
            legal.append(legalise(design, placement, seed=seed, budget=_grace(budget, bool(legal), by_iterations)))
        except PlacementError as error:
            failures.append(str(error))

    if given:
        progress(Event("legalise", budget.seconds))
        add(design.placement)
        if legal:
            history.append((budget.seconds, "legalise", full(design, legal[0], weights).proxy_cost))
    if starter is not None:
        progress(Event("policy", budget.seconds))
        spare = Budget(None, budget.stop) if by_iterations else budget.part(0.5 * level.start_share * _limit(budget))
        learned = starter(design, spare, seed)
        before = len(legal)
        for placement in learned:
            add(placement)
        costs = [full(design, one, weights).proxy_cost for one in legal[before:]]
        stats["learned"] = {"count": len(learned), "costs": costs}
        if costs:
            history.append((budget.seconds, "policy", min(costs)))
    from placer.engines.starts import gradient_starts
    from placer.engines.starts.descend import Weights

    count = level.starts if legal else max(level.starts, 1)
    part = Budget(None, budget.stop) if by_iterations else budget.part(level.start_share * _limit(budget))
    if count and not budget.over:
        begun = budget.seconds

        def told(event: Event) -> None:  # the descent counts from its own beginning, listeners from the run's
            progress(replace(event, seconds=budget.seconds))

        starts = gradient_starts(
            design, count=count, seed=seed, iterations=level.descent, budget=part, progress=told,
            weights=Weights(directional=directional),
        )  # fmt: skip
        stats["starts"] = {"count": len(starts.x), "steps": starts.steps, "seconds": budget.seconds - begun}
        for x, y in zip(starts.x, starts.y, strict=True):
            if legal and budget.over:
                break
            progress(Event("legalise", budget.seconds))
            add(drawn_to_guides(design, _at(design, x, y)))
    if not legal and not failures:
        add(design.placement)
    if not legal:
        raise PlacementError(failures[0])
    return legal[0], legal


def _grace(budget: Budget, have_one: bool, by_iterations: bool) -> Budget:
    """Time to legalise: a small part of what is left, but the first placement must succeed even past the limit."""
    if by_iterations:
        return Budget()
    if have_one:
        return budget.part(0.05 * _limit(budget))
    return Budget(max(budget.left, 30.0) if not budget.stop.is_set() else 30.0)


def _limit(budget: Budget) -> float:
    return 60.0 if budget.time_limit is None else budget.time_limit


def _at(design: Design, x: np.ndarray, y: np.ndarray) -> Placement:
    origin = design.placement
    return origin.moved(x=x, y=y, placed=np.ones(len(x), bool))
