"""Flat designs, standard cells and all: which engine places them, one budget over its stages, what is reported.

``analytic`` spreads macros and cells together for least wirelength. ``hybrid`` gathers the cells in soft macros, places
the hard macros by exact search on the proxy cost, and then places the cells around them. Both end with every cell in a
row. ``search`` is :func:`placer.flow.place`: it moves macros, and gives cells no rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.netlist import HARD_MACRO, SOFT_MACRO, STDCELL
from netlists.orientation import N
from netlists.placement import Placement
from netlists.rules.conflicts import require_possible
from placer.budget import Budget, Event, Progress, Reserved, silent
from placer.clusters import usual_weights
from placer.cost.flat_rules import check_flat
from placer.cost.full import Cost, CostWeights, full
from placer.cost.legality import RULES
from placer.cost.length import net_lengths
from placer.engines.analytic.congestion import Supply
from placer.engines.analytic.guides import guide_distance
from placer.engines.search.wishes import wish_cost
from placer.flat_rows import require_room, with_rows
from placer.flow import EFFORTS, Result, cores, is_complete, place

if TYPE_CHECKING:
    from placer.engines.analytic.flow import FlatResult
    from placer.engines.search import SearchOptions
    from placer.engines.spread import Pool

#: Engines of ``placer place``.
ENGINES: tuple[str, ...] = ("search", "analytic", "hybrid")
#: Density cells are spread to where the caller says nothing.
TARGET_DENSITY = 0.95
#: Part of a hybrid run's time that placing everything by wirelength may take, and then of what is left the search.
_FIRST_SHARE, _SEARCH_SHARE = 0.35, 0.6
#: Part of a limit that clusters for the search may take by estimate to be made by partitioning.
_GROUP_SHARE = 0.1
#: Seconds a cell kept back for checking and scoring, and the part of the time left that this takes at most.
_SCORE_SECONDS, _SCORE_SHARE = 3e-5, 0.3
#: Cells in a cluster of the search on average, and its clusters at least and at most.
CELLS_PER_GROUP, MIN_GROUPS, MOST_GROUPS = 25, 50, 2000


@dataclass(frozen=True)
class FlatFigures:
    """What is reported of a placed flat design beside its score; lengths in um.

    Attributes:
        engine: that placed it.
        hpwl_um: half-perimeter wirelength as the objects lie, net weights ignored.
        weighted_hpwl_um: the same, each net times its weight.
        north_hpwl_um: weights ignored, every object taken in orientation N, as the published tables score.
        overflow: area of cells above the target density over their area.
        target_density: density cells were spread to.
        stages: (name, weighted HPWL, seconds since the beginning) after each stage.
        clusters: soft macros the cells were gathered in to be scored.
        proxy: the proxy cost and its terms with soft macros at the mean places of their cells.
        rows_made_up: the design has no rows; those used are ours.
        guide_um: mean distance (dx + dy) of movable members from their guides; None without such members.
        notes: what the run could not do as asked, one line each.
    """

    engine: str
    hpwl_um: float
    weighted_hpwl_um: float
    north_hpwl_um: float
    overflow: float
    target_density: float
    stages: tuple[tuple[str, float, float], ...]
    clusters: int
    proxy: dict[str, float]
    rows_made_up: bool
    guide_um: float | None = None
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The figures by name, ready for JSON."""
        stages = [{"stage": name, "hpwl_um": hpwl, "seconds": seconds} for name, hpwl, seconds in self.stages]
        return {**asdict(self), "stages": stages}


def has_cells(design: Design) -> bool:
    """True for a design with standard cells that may move."""
    return bool((design.movable & (design.netlist.node_kind == STDCELL)).any())


def choose(design: Design, engine: str | None = None) -> tuple[str, str]:
    """The engine for a design, and one line on why where the caller did not say.

    Args:
        design: what was loaded.
        engine: one of :data:`ENGINES`, or None.

    Raises:
        ValueError: an unknown engine.
        NetlistError: the engine cannot place this design.
    """
    if engine is not None and engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r}; one of {', '.join(ENGINES)}")
    flat = has_cells(design)
    if engine in ("analytic", "hybrid") and not flat:
        raise NetlistError(
            f"the {engine} engine places standard cells, and {design.name!r} has none that may move",
            file=design.path, expected="the search engine for a design of macros",
        )  # fmt: skip
    if engine is not None or not flat:
        return engine or "search", ""
    count = int((design.movable & (design.netlist.node_kind == STDCELL)).sum())
    if design.physical is not None:
        why = f"engine search: macros are placed against clusters of the {count:,} cells; analytic and hybrid place "
        return "search", why + "the cells too"
    return "analytic", f"engine analytic: {count:,} cells are placed too; hybrid places macros by the proxy cost"


def place_cells(
    design: Design,
    engine: str,
    *,
    time_limit: float | None = None,
    seed: int = 0,
    effort: str = "default",
    jobs: int | None = None,
    budget: Budget | None = None,
    progress: Progress = silent,
    iterations: int | None = None,
    target_density: float | None = None,
    routability: float = 0.0,
    turn_macros: bool = False,
    weights: CostWeights | None = None,
    pool: Pool | None = None,
    options: SearchOptions | None = None,
) -> Result:
    """Place macros and standard cells of a flat design.

    Args:
        design: a flat design with rows; rows are made up where its format has none.
        engine: ``"analytic"`` or ``"hybrid"``.
        time_limit: seconds; without it the stages end by themselves, and the search of ``hybrid`` takes what the effort
            says.
        seed: of every random choice.
        effort: of the search of ``hybrid``.
        jobs: threads, and searches side by side; the cores this process may use when None.
        budget: a clock and stop flag of the caller's; replaces ``time_limit``.
        progress: told how far the run is.
        iterations: exact proposals of ``hybrid`` instead of time, for runs that can be repeated to the byte.
        target_density: density cells are spread to, above 0 and at most 1; 0.95 by default.
        routability: how strongly cells keep room for wires where more are wanted than fit: the power of demand over
            supply they grow by, 0 for not at all.
        turn_macros: whether macros take the orientation of the same footprint that makes wires shortest.
        weights: of what the search of ``hybrid`` minimises.
        pool: where it searches.
        options: of the search; objects spread on its device too when that is ``"cuda"``.

    Returns:
        The placement; ``flat`` holds the figures of the run.

    Raises:
        NetlistError: an object is larger than the canvas, or the rows are of no use for the cells.
        PlacementError: macros or cells do not fit.
        GpuUnavailableError: the options insist on a CUDA device and there is none.
        ValueError: a number that cannot be.
    """
    if time_limit is not None and not time_limit > 0:
        raise ValueError(f"the time limit must be positive, not {time_limit}")
    target = TARGET_DENSITY if target_density is None else target_density
    if not 0 < target <= 1:
        raise ValueError(f"the target density must be above 0 and at most 1, not {target}")
    if not 0 <= routability < np.inf:
        raise ValueError(f"routability must be a number of at least 0, not {routability}")
    jobs = cores() if jobs is None else jobs
    if jobs < 1:
        raise ValueError(f"jobs must be at least 1, not {jobs}")
    budget = budget or Budget(time_limit)
    with budget.pace.measured():
        grounded = with_rows(design)
        grounded.check_fits()
        require_room(grounded)
    # Spreading on a GPU is asked for by name: on an automatic choice results would differ from machine to machine.
    device = "cuda" if options is not None and options.device == "cuda" else "cpu"
    spreading = {"target": target, "routability": routability, "turn_macros": turn_macros, "device": device}
    run = _Run(grounded, _less_scoring(grounded, budget), seed, jobs, progress, spreading)
    if routability and Supply.of(design) is None:
        run.notes.append(
            "this design has no routing supply, so routability changes nothing: no cell keeps room for wires"
        )
    if engine == "analytic":
        found = run.spread(grounded)
    else:

        def search(soft: Design) -> Result:
            seconds = EFFORTS[effort].seconds if budget.time_limit is None else _SEARCH_SHARE * run.budget.left
            part = budget.part(seconds) if iterations is None else Budget(None, budget.stop)
            return place(
                soft, seed=seed, effort=effort, jobs=jobs, budget=part, progress=run.told, iterations=iterations,
                weights=usual_weights(soft) if weights is None else weights, pool=pool, options=options,
            )  # fmt: skip

        found = run.hybrid(search)
    return _result(design, grounded, engine, found, run, target)


def _less_scoring(design: Design, budget: Budget) -> Budget:
    """The budget less what checking and scoring the result take; the same clock and flag."""
    if budget.time_limit is None:
        return budget
    cells = int((design.netlist.node_kind == STDCELL).sum())
    return Reserved(budget, _SCORE_SECONDS * cells, _SCORE_SHARE)


class _Run:
    """One run: its budget, and what listeners heard."""

    def __init__(
        self, design: Design, budget: Budget, seed: int, jobs: int, progress: Progress, spreading: dict[str, Any]
    ) -> None:
        self.design, self.budget, self.seed, self.jobs, self.spreading = design, budget, seed, jobs, spreading
        self.progress = progress
        self.history: list[tuple[float, str, float]] = []
        self.stages: list[tuple[str, float, float]] = []
        self.stats: dict[str, Any] = {"jobs": jobs, "seed": seed}
        self.notes: list[str] = []

    @cached_property
    def usual(self) -> NDArray[np.int64]:
        """``[N]`` the usual clusters, which placements are scored with."""
        from netlists.physical.clustered import clusters_of

        return clusters_of(self.design)

    def told(self, event: Event) -> None:
        """Pass an event on; wirelengths make the curve of the report."""
        event = replace(event, seconds=self.budget.seconds)
        if event.measure == "HPWL" and event.cost is not None:
            self.history.append((event.seconds, event.phase, event.cost))
        self.progress(event)

    def spread(self, design: Design, start: Placement | None = None, share: float = 1.0) -> FlatResult:
        """Analytic placement of what may move in ``design``, in a part of the time left."""
        from placer.engines.analytic.flow import place_flat

        begun = self.budget.seconds
        found = place_flat(
            design, budget=self.budget.part(share * self.budget.left), seed=self.seed, jobs=self.jobs,
            progress=self.told, start=start, **self.spreading,
        )  # fmt: skip
        self.stages += [(name, hpwl, begun + found.seconds[name]) for name, hpwl in found.stages.items()]
        return found

    def hybrid(self, search: Callable[[Design], Result]) -> FlatResult:
        """Macros and cells together, macros by search from there among clusters of the cells, cells around them."""
        from netlists.grouping import cluster, fitting_bloat

        design, macros = self.design, self.design.netlist.node_kind == HARD_MACRO
        first = self.spread(design, share=_FIRST_SHARE)
        if not (design.movable & macros).any():
            return self._keep(first, "no hard macro may move")
        if self.budget.over:
            return self._keep(first, "the time was up")
        placed = design.with_placement(first.placement)
        groups = self._groups()
        if self.budget.over:
            return self._keep(first, "the time was up")
        pair = cluster(placed, groups, bloat=fitting_bloat(design, groups))
        try:  # clusters can be too large for the canvas or their fence although their cells are not
            pair.design.check_fits()
            require_possible(pair.design)
        except NetlistError as error:
            return self._keep(first, f"clusters of the cells do not fit: {error}")
        try:
            found = search(pair.design)
        except PlacementError as error:
            if error.rule not in RULES:  # no rule of macros: a mistake in the code, not a lack of room
                raise
            return self._keep(first, f"macros found no legal places among clusters of the cells: {error}")
        self.stats["search"] = {**found.stats, "proxy_cost": found.cost.proxy_cost, "seconds": found.seconds}
        self.stats["search"]["clusters"] = int(groups.max(initial=-1)) + 1
        start = pair.flat_start(found.placement)
        self.stages.append(("macros by search", _hpwl(design, start)[1], self.budget.seconds))
        held = design.with_placement(start.moved(fixed=start.fixed | macros))
        try:
            last = self.spread(held, start)
        except PlacementError as error:
            if error.rule != "rows":
                raise
            return self._keep(first, "cells did not fit the rows around the macros of the search")
        last = replace(last, placement=last.placement.moved(fixed=design.placement.fixed))
        costs = [clustered_cost(design, p.placement, self.usual)[0].proxy_cost for p in (first, last)]
        self.stats["proxy_cost"] = {"analytic": costs[0], "search": costs[1]}
        return last if costs[1] <= costs[0] else self._keep(first, "its proxy cost is lower")

    def _groups(self) -> NDArray[np.integer]:
        """``[N]`` the clusters for the search.

        By partitioning where a run may take so long, which is decided by its limit and not by the time left: the same
        run has the same clusters. Else by first choice, which is faster and ties cells less well.
        """
        from netlists.grouping import group_cells, modules_of
        from netlists.grouping.cells import SECONDS_PER_CELL, SECONDS_PER_GROUP, cells_to_group
        from netlists.physical.grouping import group_cells as first_choice
        from netlists.physical.record import Hierarchy

        design, limit = self.design, self.budget.time_limit
        cells = len(cells_to_group(design.netlist))
        groups = _fine_groups(design, cells)
        zones = None if design.constraints is None else design.constraints.region
        needed = SECONDS_PER_GROUP * groups + SECONDS_PER_CELL * cells
        if cells and (limit is None or needed <= _GROUP_SHARE * limit):
            self.stats["clusters_by"] = "partitioning"
            part = self.budget.part(2 * _GROUP_SHARE * self.budget.left)
            least = 0 if zones is None else len(np.unique(zones))
            return group_cells(design, groups=min(max(groups, least), cells), threads=self.jobs, stop=lambda: part.over)
        self.stats["clusters_by"] = "first choice"
        modules = modules_of(design)
        return first_choice(design.netlist, modules.scope, Hierarchy(modules.names, modules.parent), groups, zones)

    def _keep(self, first: FlatResult, why: str) -> FlatResult:
        """The placement the search began from, after all."""
        self.stats["kept"] = f"analytic: {why}"
        self.notes.append(f"hybrid kept the placement of analytic: {why}")
        self.stages.append(("analytic kept", first.hpwl, self.budget.seconds))
        return first


def _fine_groups(design: Design, cells: int) -> int:
    """Clusters for the search: finer than macro-level runs have, since where macros end decides where cells can be."""
    # A soft macro is one gcell wide: fewer could become higher than the canvas.
    least = max(MIN_GROUPS, 4 * design.canvas.columns)
    return max(min(max(cells // CELLS_PER_GROUP, least), MOST_GROUPS, cells), 1)


def _result(design: Design, grounded: Design, engine: str, found: FlatResult, run: _Run, target: float) -> Result:
    """Everything that is reported; the design is the one that was given, without the rows that were made up."""
    placement = found.placement
    legality = check_flat(grounded, placement, reference=design.placement)
    if not legality.legal:
        raise PlacementError(f"the placement found breaks a rule: {legality.summary()}")
    given = is_complete(design)
    plain, weighted = _hpwl(design, placement)
    proxy, clusters = clustered_cost(design, placement, run.usual)
    away = guide_distance(design, placement)
    if away is not None:
        run.stats["wish_cost"] = wish_cost(design, placement)  # as the search prices guides, for comparison with it
    figures = FlatFigures(
        engine=engine, hpwl_um=plain, weighted_hpwl_um=weighted,
        north_hpwl_um=_hpwl(design, placement.moved(orient=np.full(len(placement.x), N)))[0],
        overflow=found.overflow, target_density=target, stages=tuple(run.stages),
        clusters=clusters,
        proxy={
            "proxy_cost": proxy.proxy_cost, "wirelength_cost": proxy.wirelength_cost,
            "density_cost": proxy.density_cost, "congestion_cost": proxy.congestion_cost,
        },
        rows_made_up=grounded is not design,
        guide_um=away,
        notes=tuple(run.notes),
    )  # fmt: skip
    return Result(
        design=design,
        placement=placement,
        cost=full(design, placement),
        start_placement=design.placement,
        start_cost=full(design) if given else None,
        legality=legality,
        history=run.history,
        seconds=run.budget.seconds,
        stats=run.stats,
        interrupted=run.budget.stop.is_set(),
        objective=weighted,
        flat=figures,
    )


def clustered_cost(design: Design, placement: Placement, group: NDArray[np.int64] | None = None) -> tuple[Cost, int]:
    """Proxy cost of a flat placement with its cells gathered in soft macros at their mean places.

    Args:
        design: a flat design.
        placement: of all its cells.
        group: what ``netlists.physical.clustered.clusters_of`` gives, if it is known already.

    Returns:
        The cost, and how many clusters there are: the usual number, from the netlist alone.
    """
    from netlists.physical.clustered import clustered

    soft = clustered(design.with_placement(placement), group)
    return full(soft), int((soft.netlist.node_kind == SOFT_MACRO).sum())


def _hpwl(design: Design, placement: Placement) -> tuple[float, float]:
    """HPWL without and with net weights, um."""
    lengths = net_lengths(design, placement)
    return float(lengths.sum()), float(lengths @ design.netlist.net_weight)
