"""From a flat netlist to a legal placement of macros and cells, without the proxy cost: wirelength alone."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import BLOCK_HARD
from netlists.design import Design
from netlists.errors import PlacementError
from netlists.orientation import SWAPS_SIDES
from netlists.placement import Placement
from placer.budget import Budget, Event, Progress, silent
from placer.cost.legality import check
from placer.engines.analytic.abacus import place_in_rows
from placer.engines.analytic.board import build_board
from placer.engines.analytic.circuit import Circuit, Floats, extract
from placer.engines.analytic.detailed import improve
from placer.engines.analytic.initial import quadratic
from placer.engines.analytic.segments import Segments, rows_of, segments
from placer.engines.analytic.spread import Settings, Spread, spread
from placer.engines.analytic.wirelength import hpwl
from placer.engines.analytic.workers import Workers
from placer.engines.legalise import legalise


@dataclass(frozen=True, eq=False)
class FlatResult:
    """A placed flat design.

    Attributes:
        placement: macros on the lattice without overlap, cells in rows.
        hpwl: weighted HPWL, um.
        stages: weighted HPWL after each stage, um, in order.
    """

    placement: Placement
    hpwl: float
    stages: dict[str, float] = field(default_factory=dict)


def place_flat(
    design: Design,
    *,
    budget: Budget | None = None,
    seed: int = 0,
    jobs: int = 1,
    progress: Progress = silent,
    target: float = 0.95,
) -> FlatResult:
    """Place every movable object of a flat design for least wirelength, legally.

    Macros and cells spread together, macros are made legal and stay, cells spread once more around them, go into
    rows and change places there. The result does not depend on ``jobs``.

    Args:
        design: hard macros, standard cells of one row's height, ports.
        budget: when to hurry; every stage ends with something to go on from, and the last ones are never left out.
        seed: of the filler cells' first places and the legaliser.
        jobs: threads.
        progress: told how far the run is.
        target: density objects are spread to, 0 to 1.

    Raises:
        PlacementError: cells do not fit the rows, or macros the canvas.
        NetlistError: an object is larger than the canvas.
    """
    design.check_fits()
    run = _Run(design, budget or Budget(), seed, jobs, progress, target)
    try:
        return run.go()
    finally:
        run.workers.close()


class _Run:
    def __init__(self, design: Design, budget: Budget, seed: int, jobs: int, progress: Progress, target: float) -> None:
        self.design, self.budget, self.seed, self.progress = design, budget, seed, progress
        self.circuit: Circuit = extract(design)
        self.workers = Workers(jobs)
        self.settings = Settings(target=target, seed=seed)
        self.corner = (design.canvas.x0, design.canvas.y0)
        self.stages: dict[str, float] = {}
        c = self.circuit
        self.macros = np.flatnonzero(c.macro & c.movable)
        self.cells = np.flatnonzero(~c.macro & c.movable)

    def go(self) -> FlatResult:
        c, p = self.circuit, self.design.placement
        x, y = p.x - self.corner[0], p.y - self.corner[1]
        middle = (c.extent[0] / 2, c.extent[1] / 2)
        x, y = np.where(c.movable, middle[0], x), np.where(c.movable, middle[1], y)
        x, y = quadratic(c, x, y)
        self._note("quadratic", x, y)
        found: Spread | None = None
        if len(self.macros):
            found = self._spread(c.movable, x, y, replace(self.settings, stop=0.1), None, "global placement")
            x, y = self._legal_macros(found)
            self._note("macros legal", x, y)
        if len(self.cells):
            still = c.movable & ~c.macro
            found = self._spread(still, x, y, replace(self.settings, stop=0.05), found, "global placement of cells")
            x, y = self._in_rows(found.x, found.y)
        placed = p.moved(
            x=np.where(c.movable, x + self.corner[0], p.x),
            y=np.where(c.movable, y + self.corner[1], p.y),
            placed=p.placed | c.movable,
        )
        return FlatResult(placed, self._hpwl(x, y), self.stages)

    # -- stages ------------------------------------------------------------------------------------------------

    def _spread(
        self, movable: NDArray[np.bool_], x: Floats, y: Floats, settings: Settings, before: Spread | None, name: str
    ) -> Spread:
        def told(step: int, cost: float, overflow: float) -> None:
            self.progress(Event(name, self.budget.seconds, step, None, cost))

        found = spread(
            self.circuit, x, y, movable=movable, blocked=self._blocked(~movable, x, y), settings=settings,
            workers=self.workers, budget=self.budget, before=before, told=told,
        )  # fmt: skip
        self._note(name, found.x, found.y)
        return found

    def _legal_macros(self, found: Spread) -> tuple[Floats, Floats]:
        """Macros without overlap, on rows and sites where that is legal: one across part of a row takes all of it.

        Boxes grown to whole sites and rows are made legal anywhere; rounding all their corners to sites and rows then
        keeps every order there is between two of them, so it brings no overlap.
        """
        d, c, ids = self.design, self.circuit, self.macros
        rough = d.placement.moved(
            x=np.where(c.movable, found.x + self.corner[0], d.placement.x),
            y=np.where(c.movable, found.y + self.corner[1], d.placement.y),
            placed=d.placement.placed | c.movable,
        )
        rows = d.canvas.rows
        snapped: Placement | None = None
        if rows is not None and len(rows.y) and d.constraints is None:
            step = float(rows.site_spacing[0]), float(rows.height[0])
            size = [np.ceil(v[ids] / s - 1e-9) * s for v, s in zip((c.width, c.height), step, strict=True)]
            turned = SWAPS_SIDES[d.placement.orient[ids]]
            width, height = d.netlist.node_width.copy(), d.netlist.node_height.copy()
            width[ids], height[ids] = np.where(turned, size[1], size[0]), np.where(turned, size[0], size[1])
            grown = replace(d, netlist=replace(d.netlist, node_width=width, node_height=height))
            try:
                legal = legalise(grown, rough, seed=self.seed)
                x, y = legal.x.copy(), legal.y.copy()
                for at, axis, origin in ((x, 0, rows.x0[0]), (y, 1, rows.y[0])):
                    low = np.round((at[ids] - size[axis] / 2 - origin) / step[axis]) * step[axis] + origin
                    at[ids] = low + (c.width, c.height)[axis][ids] / 2
                candidate = legal.moved(x=x, y=y)
                if not {"overlap", "outside", "blockage"} & {v.rule for v in check(d, candidate).violations}:
                    snapped = legalise(d, candidate, seed=self.seed)  # the lattice
            except PlacementError:
                snapped = None
        legal = legalise(d, rough, seed=self.seed) if snapped is None else snapped
        x, y = found.x.copy(), found.y.copy()
        x[ids], y[ids] = legal.x[ids] - self.corner[0], legal.y[ids] - self.corner[1]
        return x, y

    def _in_rows(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        c, ids = self.circuit, self.cells
        where = self._segments(x, y)
        segment, site = place_in_rows(
            where, x[ids] - c.width[ids] / 2, y[ids] - c.height[ids] / 2, c.width[ids], c.height[ids]
        )
        if (segment < 0).any():
            count = int((segment < 0).sum())
            raise PlacementError(
                f"{count} of {len(ids)} cells found no place in the rows", rule="rows",
                node=self.design.netlist.node_names[int(ids[np.argmin(segment)])],
            )  # fmt: skip
        board = build_board(c, where, x, y, ids, segment, site)
        self._note("cells legal", board.x, board.y)

        def told(step: int, cost: float) -> None:
            self.progress(Event("detailed placement", self.budget.seconds, step, None, cost))

        improve(board, ids, self._hpwl(board.x, board.y), self.budget, told)
        self._note("detailed placement", board.x, board.y)
        return board.x, board.y

    # -- helpers -----------------------------------------------------------------------------------------------

    def _segments(self, x: Floats, y: Floats) -> Segments:
        height = float(np.median(self.circuit.height[self.cells]))
        still = np.ones(self.circuit.num_nodes, bool)
        still[self.cells] = False
        return segments(rows_of(self.design.canvas, height), self.corner, self._blocked(still, x, y))

    def _blocked(self, still: NDArray[np.bool_], x: Floats, y: Floats) -> Floats:
        """``[k, 4]`` boxes of what stands still and has area, and of hard blockages."""
        c = self.circuit
        ids = np.flatnonzero(still & (c.width > 0) & (c.height > 0))
        half_x, half_y = c.width[ids] / 2, c.height[ids] / 2
        boxes = [np.stack([x[ids] - half_x, y[ids] - half_y, x[ids] + half_x, y[ids] + half_y], axis=1)]
        for blockage in self.design.canvas.blockages:
            if blockage.kind == BLOCK_HARD:
                box = np.array(blockage.polygon.bounds) - np.tile(self.corner, 2)
                boxes.append(box[None])
        return np.concatenate(boxes)

    def _hpwl(self, x: Floats, y: Floats) -> float:
        c = self.circuit
        return hpwl(c.net_ptr, c.pin_node, c.pin_dx, c.pin_dy, c.weight, x, y)

    def _note(self, stage: str, x: Floats, y: Floats) -> None:
        self.stages[stage] = self._hpwl(x, y)
        self.progress(Event(stage, self.budget.seconds, cost=self.stages[stage]))
