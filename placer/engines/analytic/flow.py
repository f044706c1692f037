"""From a flat netlist to a legal placement of macros and cells, without the proxy cost: wirelength alone."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import BLOCK_SOFT
from netlists.design import Design
from netlists.errors import PlacementError
from netlists.orientation import oriented_sides
from netlists.placement import Placement
from placer.budget import Budget, Event, Progress, silent
from placer.cost.lattice import blockage_boxes, covering_boxes, outline_boxes
from placer.engines.analytic.bodies import bins_for
from placer.engines.analytic.cells import place_cells, upright
from placer.engines.analytic.circuit import Circuit, Floats, extract
from placer.engines.analytic.congestion import Supply
from placer.engines.analytic.density import Density, fixed_area
from placer.engines.analytic.device import resolve
from placer.engines.analytic.flips import best_orientations
from placer.engines.analytic.ground import ground_of
from placer.engines.analytic.guides import with_guides
from placer.engines.analytic.initial import quadratic
from placer.engines.analytic.macros import legal_macros
from placer.engines.analytic.spread import Settings, Spread, spread
from placer.engines.analytic.wirelength import hpwl
from placer.engines.analytic.workers import Workers

#: Of the time left for spreading, what the quadratic start may take; then spreading macros and cells together; making
#: macros legal; and spreading cells alone.
_START_SHARE, _MACRO_SHARE, _LEGAL_SHARE, _CELL_SHARE = 0.12, 0.45, 0.25, 0.75
#: Seconds that macros may take to become legal when the time is up: at first, and at most in one attempt.
_GRACE, _LONGEST_GRACE = 1.0, 32.0
#: Seconds kept back for putting cells into rows: a cell, and at least.
_ROW_SECONDS, _LEAST_SECONDS = 1.5e-5, 0.1
#: Part of the time left that this may be, however busy the processor: cells that have not spread take longer still.
_ROW_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class FlatResult:
    """A placed flat design.

    Attributes:
        placement: macros on the lattice without overlap, cells in rows.
        hpwl: weighted HPWL, um.
        stages: weighted HPWL after each stage, um, in order.
        seconds: since the budget began, at the end of each stage.
        overflow: area of cells above the target density over their area, at the end; 0 without cells.
        rough: macros legal, cells as global placement left them; None where no cell moves.
    """

    placement: Placement
    hpwl: float
    stages: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    overflow: float = 0.0
    rough: Placement | None = None


def place_flat(
    design: Design,
    *,
    budget: Budget | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = silent,
    target: float = 0.95,
    start: Placement | None = None,
    routability: float = 0.0,
    turn_macros: bool = False,
    device: str = "cpu",
) -> FlatResult:
    """Place every movable object of a flat design for least wirelength, legally.

    Macros and cells spread together, macros are made legal and stay, cells spread once more around them, go into
    rows and change places there, turned as their rows are. Without a time limit the result does not depend on
    ``jobs``.

    Args:
        design: hard macros, standard cells of one row's height, ports.
        budget: when to hurry; every stage ends with something to go on from, and the last ones are never left out:
            a run that is stopped ends legal all the same, as soon as macros and cells can be made so.
        seed: of the filler cells' first places and the legaliser.
        jobs: threads.
        progress: told how far the run is.
        target: density objects are spread to, 0 to 1.
        start: where movable objects begin; where quadratic wirelength sends them when None.
        routability: how strongly cells keep room for wires where more are wanted than fit: the power of demand over
            supply they grow by, 0 for not at all. Needs routing supply in the design.
        turn_macros: give each macro the orientation of the same footprint that is shortest, as the rules allow.
        device: where objects spread: "cuda", "cpu", or "auto" for cuda where there is one. On a GPU the last digits
            differ from run to run.

    Raises:
        GpuUnavailableError: "cuda" was asked for and there is none.
        PlacementError: cells do not fit the rows, or macros the canvas.
        NetlistError: an object is larger than the canvas.
    """
    design.check_fits()
    settings = Settings(target=target, seed=seed, inflation=routability)
    run = _Run(design, budget or Budget(), settings, jobs, progress, turn_macros, resolve(device))
    try:
        return run.go(start)
    finally:
        run.workers.close()


class _Run:
    def __init__(
        self,
        design: Design,
        budget: Budget,
        settings: Settings,
        jobs: int = 1,
        progress: Progress = silent,
        turn_macros: bool = False,
        device: str = "cpu",
    ) -> None:
        # Cells are turned as their rows are, whatever the input says.
        with budget.pace.measured():
            self.given = design.with_placement(upright(design), design.placement_path)
            self.guides = with_guides(self.given)
            self.circuit: Circuit = extract(self.guides.design)
        self.design, self.budget, self.seed, self.progress = self.guides.design, budget, settings.seed, progress
        self.settings, self.turn_macros, self.device = settings, turn_macros, device
        self.workers = Workers(jobs)
        self.corner = (design.canvas.x0, design.canvas.y0)
        self.stages: dict[str, float] = {}
        self.seconds: dict[str, float] = {}
        self.ground = _ground(self.design)
        c = self.circuit
        self.macros = np.flatnonzero(c.macro & c.movable)
        self.cells = np.flatnonzero(~c.macro & c.movable)
        self.reserve = max(_ROW_SECONDS * len(self.cells), _LEAST_SECONDS)

    def go(self, start: Placement | None) -> FlatResult:
        c, p = self.circuit, self.design.placement
        at = p if start is None else self.guides.ported(start)
        x, y = np.where(c.movable, at.x, p.x) - self.corner[0], np.where(c.movable, at.y, p.y) - self.corner[1]
        if start is None:
            x, y = np.where(c.movable, c.extent[0] / 2, x), np.where(c.movable, c.extent[1] / 2, y)
            with self.budget.pace.measured():
                x, y = quadratic(c, x, y, self._part(_START_SHARE))
                self._note("quadratic", x, y)
        found: Spread | None = None
        if len(self.macros):
            settings = replace(self.settings, stop=0.1)
            found = self._spread(c.movable, x, y, settings, None, "global placement", _MACRO_SHARE)
            if self.turn_macros:
                self._turn_macros(found.x, found.y)
            x, y = self._legal_macros(found)
            self._note("macros legal", x, y)
        if len(self.cells):
            still = c.movable & ~c.macro
            settings = replace(self.settings, stop=0.05)
            found = self._spread(still, x, y, settings, found, "global placement of cells", _CELL_SHARE)
            return self._in_rows(found.x, found.y)
        return FlatResult(self.guides.own(self._at(x, y)), self._hpwl(x, y), self.stages, self.seconds)

    # -- stages ------------------------------------------------------------------------------------------------

    def _spread(
        self,
        movable: NDArray[np.bool_],
        x: Floats,
        y: Floats,
        settings: Settings,
        before: Spread | None,
        name: str,
        share: float,
    ) -> Spread:
        def told(step: int, cost: float, overflow: float) -> None:
            self.progress(Event(name, self.budget.seconds, step, None, cost - self.guides.constant, "HPWL"))

        here = self.design.placement.moved(x=x + self.corner[0], y=y + self.corner[1])
        soft = not (movable & self.circuit.macro).any()
        found = spread(
            self.circuit, x, y, movable=movable, ground=ground_of(self.design, here, ~movable, soft=soft),
            settings=settings, workers=self.workers, budget=self._part(share), before=before,
            supply=Supply.of(self.design), device=self.device, told=told,
        )  # fmt: skip
        self._note(name, found.x, found.y)
        return found

    def _turn_macros(self, x: Floats, y: Floats) -> None:
        """Give macros their best orientation; what follows sees the design so turned."""
        self._turn(best_orientations(self.design, self.circuit, self.design.placement.orient, self.macros, x, y))
        self._note("macros turned", x, y)

    def _turn(self, orient: NDArray[np.int8]) -> None:
        self.design = self.design.with_placement(self.design.placement.moved(orient=orient))
        self.given = self.given.with_placement(self.guides.own(self.design.placement))
        self.circuit = extract(self.design)

    def _legal_macros(self, found: Spread) -> tuple[Floats, Floats]:
        rough, ids = self._at(found.x, found.y), self.macros
        with self.budget.pace.measured():
            legal = self._legal_in_time(rough, self._part(_LEGAL_SHARE))
        if (legal.orient[ids] != rough.orient[ids]).any():  # one of a mirrored pair was turned to match the other
            self._turn(legal.orient)
        x, y = found.x.copy(), found.y.copy()
        x[ids], y[ids] = legal.x[ids] - self.corner[0], legal.y[ids] - self.corner[1]
        return x, y

    def _legal_in_time(self, rough: Placement, part: Budget) -> Placement:
        """Legal macros; when the time is up, the first found in attempts each twice as long as the one before."""
        seconds = _GRACE
        while True:
            grace = _Grace(part, seconds)
            try:
                return legal_macros(self.design, rough, seed=self.seed, budget=grace)
            except PlacementError:
                # Not for want of time, or time enough.
                if not grace.over or seconds >= _LONGEST_GRACE:
                    raise
            seconds *= 2

    def _in_rows(self, x: Floats, y: Floats) -> FlatResult:
        def told(step: int, cost: float) -> None:
            self.progress(Event("detailed placement", self.budget.seconds, step, None, cost, "HPWL"))

        rough = self.guides.own(self._at(x, y))
        legal = place_cells(
            self.given, rough, budget=_Passes(self.budget, self.reserve), told=told,
            legalised=lambda hpwl: self._noted("cells legal", hpwl),
        )  # fmt: skip
        self._noted("detailed placement", legal.hpwl)
        p = legal.placement
        overflow = self._overflow(p.x - self.corner[0], p.y - self.corner[1])
        return FlatResult(p, legal.hpwl, self.stages, self.seconds, overflow, rough)

    # -- helpers -----------------------------------------------------------------------------------------------

    def _part(self, share: float) -> Budget:
        """A share of the time left for spreading; what putting cells in rows takes is kept back."""
        left = self.budget.left
        rows = min(self.reserve * self.budget.pace.factor, _ROW_SHARE * left)
        return self.budget.part(share * (left - rows))

    def _at(self, x: Floats, y: Floats) -> Placement:
        """A placement of the design with what moves at these centres, relative to the corner."""
        c, p = self.circuit, self.design.placement
        return p.moved(
            x=np.where(c.movable, x + self.corner[0], p.x),
            y=np.where(c.movable, y + self.corner[1], p.y),
            placed=p.placed | c.movable,
        )

    def _blocked(self, still: NDArray[np.bool_], x: Floats, y: Floats, *, soft: bool = True) -> Floats:
        """``[k, 4]`` boxes of what stands still and has area, with the halos of macros, and of the ground.

        Args:
            still: ``[N]`` what stands still.
            x: ``[N]`` centres.
            y: ``[N]``.
            soft: soft blockages too, which keep cells away but not macros.
        """
        c = self.circuit
        ids = np.flatnonzero(still & (c.width > 0) & (c.height > 0))
        half_x, half_y = c.width[ids] / 2, c.height[ids] / 2
        boxes = np.stack([x[ids] - half_x, y[ids] - half_y, x[ids] + half_x, y[ids] + half_y], axis=1)
        rules = self.design.constraints
        if rules is not None:
            left, bottom, right, top = oriented_sides(rules.halo[ids], self.design.placement.orient[ids]).T
            boxes += np.where(c.macro[ids, None], np.stack([-left, -bottom, right, top], axis=1), 0.0)
        return np.concatenate([boxes, *self.ground[: 1 + soft]])

    def _overflow(self, x: Floats, y: Floats) -> float:
        c, ids = self.circuit, self.cells
        if not len(ids):
            return 0.0
        still = np.ones(c.num_nodes, bool)
        still[ids] = False
        bins = (bins_for(len(ids)),) * 2
        fixed = fixed_area(c.extent, bins, self._blocked(still, x, y))
        field = Density(
            c.extent, bins, c.width[ids], c.height[ids], np.ones(len(ids)), fixed, self.settings.target, self.workers
        )
        field.spread(x[ids], y[ids])
        return field.overflow

    def _hpwl(self, x: Floats, y: Floats) -> float:
        c = self.circuit
        own = c.weight[: len(c.weight) - self.guides.nets]  # nets of guides come last
        return hpwl(c.net_ptr[: len(own) + 1], c.pin_node, c.pin_dx, c.pin_dy, own, x, y)

    def _note(self, stage: str, x: Floats, y: Floats) -> None:
        self._noted(stage, self._hpwl(x, y))

    def _noted(self, stage: str, hpwl: float) -> None:
        self.stages[stage], self.seconds[stage] = hpwl, self.budget.seconds
        self.progress(Event(stage, self.seconds[stage], cost=self.stages[stage], measure="HPWL"))


def _ground(design: Design) -> tuple[Floats, Floats]:
    """``[k, 4]`` boxes, relative to the canvas corner, that nothing may lie on, and that cells may not lie on."""
    canvas, corner = design.canvas, (design.canvas.x0, design.canvas.y0) * 2
    hard = np.concatenate([outline_boxes(canvas), blockage_boxes(canvas)[0]])
    soft = [covering_boxes(b.polygon, canvas.lattice) for b in canvas.blockages if b.kind == BLOCK_SOFT]
    shift = np.array(corner)
    return hard * canvas.lattice - shift, np.concatenate([np.zeros((0, 4)), *soft]) * canvas.lattice - shift


class _Grace(Budget):
    """A budget that goes on some seconds when another one is over, so that what must be found is."""

    def __init__(self, budget: Budget, seconds: float) -> None:
        super().__init__()
        self._budget, self._grace = budget, seconds
        self._late: float | None = None

    @property
    def left(self) -> float:
        if not self._budget.over:
            return self._budget.left
        if self._late is None:
            self._late = time.perf_counter()
        return max(self._grace - (time.perf_counter() - self._late), 0.0)


class _Passes(Budget):
    """A budget that is over when what is left is less than the longest time between two looks at it.

    Detailed placement looks at the budget between parts of its passes: none may begin that cannot end in time. What
    happens between two looks is work of one thread, so the looks tell the pace too.
    """

    def __init__(self, budget: Budget, first: float) -> None:
        super().__init__(budget.time_limit, budget.stop, budget.started, budget.pace)
        self._outer, self._longest = budget, first
        self._last, self._worked = time.perf_counter(), time.thread_time()

    @property
    def over(self) -> bool:
        now, worked = time.perf_counter(), time.thread_time()
        self.pace.note(now - self._last, worked - self._worked)
        self._longest, self._last, self._worked = max(self._longest, now - self._last), now, worked
        return self._outer.left <= self._longest
