"""Floorplans as users ask for them: blocks in an outline, or the ground of a chip."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.netlist import PORT
from placer.budget import Budget, Progress, silent
from placer.cost.full import full
from placer.cost.legality import check
from placer.flow import Result, cores

#: Seconds when the caller gives neither time nor iterations.
DEFAULT_SECONDS = 60.0


@dataclass(frozen=True, eq=False)
class Floorplan:
    """A block floorplan.

    Attributes:
        design: the blocks with their shapes and positions; its canvas is the outline.
        figures: ``hpwl_um`` (weighted by nothing), ``weighted_hpwl_um``, ``block_area_um2``, ``outline_area_um2``,
            ``whitespace`` (free area over block area), ``deadspace`` (free area over outline area), ``bounding_area_um2``.
        seconds: wall-clock.
        moves: tried in all.
        history: (seconds, phase, weighted HPWL in um).
        settings: how it was asked for.
        interrupted: stopped from outside; the floorplan is the best until then.
    """

    design: Design
    figures: dict[str, float]
    seconds: float
    moves: int
    history: list[tuple[float, str, float]]
    settings: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def result(self) -> Result:
        """The same as a placement result, for the writers of files and reports."""
        cost = full(self.design)
        return Result(
            design=self.design, placement=self.design.placement, cost=cost, start_placement=self.design.placement,
            start_cost=None, legality=check(self.design), history=[], seconds=self.seconds,
            stats={"floorplan": self.figures, "moves": self.moves, "wirelength_history": self.history},
            interrupted=self.interrupted,
        )  # fmt: skip


def floorplan_blocks(
    design: Design,
    *,
    whitespace: float | None = None,
    aspect_ratio: float = 1.0,
    outline: tuple[float, float] | None = None,
    area_weight: float | None = None,
    time_limit: float | None = None,
    iterations: int | None = None,
    seed: int = 0,
    jobs: int | None = None,
    budget: Budget | None = None,
    progress: Progress = silent,
) -> Floorplan:
    """Floorplan blocks; see :func:`placer.floorplan`.

    Raises:
        NetlistError: numbers that make no sense or contradict each other.
        PlacementError: the blocks do not fit, or no floorplan that fits was found.
    """
    from placer.engines.floorplan.blocks import floorplan_blocks as run
    from placer.engines.floorplan.blocks.outline import outline_size, with_outline

    if outline is not None and whitespace is not None:
        raise NetlistError("an outline and a whitespace say the same thing twice; give one")
    if area_weight is not None and (outline is not None or whitespace is not None):
        raise NetlistError("an area weight is for floorplans without an outline")
    if area_weight is not None and not (np.isfinite(area_weight) and area_weight >= 0):
        raise NetlistError("the area weight must be 0 or more", found=area_weight)
    if iterations is not None and iterations < 1:
        raise NetlistError("iterations must be at least 1", found=iterations)
    n = design.netlist
    solid = n.node_kind != PORT
    area = float((n.node_width * n.node_height)[solid].sum())
    if outline is not None:
        design = with_outline(design, *outline)
    elif area_weight is None:
        design = with_outline(design, *outline_size(area, 0.15 if whitespace is None else whitespace, aspect_ratio))
    if budget is None:
        budget = Budget(time_limit if time_limit is not None or iterations is not None else DEFAULT_SECONDS)
    jobs = cores() if jobs is None else jobs
    found = run(
        design, budget=budget, seed=seed, jobs=jobs, iterations=iterations, area_weight=area_weight, progress=progress
    )
    report = check(found.design)
    if not report.legal:  # never seen; a floorplan that breaks a rule must not leave the house
        raise PlacementError(f"the floorplanner broke a rule: {report.summary()}")
    settings = {"seed": seed, "jobs": jobs, "iterations": iterations, "time_limit": budget.time_limit,
                "aspect_ratio": aspect_ratio, "area_weight": area_weight}  # fmt: skip
    return Floorplan(
        found.design, figures(found.design), budget.seconds, found.moves, found.history, settings, budget.stop.is_set()
    )


def figures(design: Design) -> dict[str, float]:
    """Area, whitespace and wirelength of a block floorplan; see :class:`Floorplan`."""
    from netlists.orientation import oriented_sizes
    from placer.cost.metrics import metrics

    n, p, canvas = design.netlist, design.placement, design.canvas
    solid = n.node_kind != PORT
    width, height = oriented_sizes(n.node_width, n.node_height, p.orient)
    x0, y0 = (p.x - width / 2)[solid], (p.y - height / 2)[solid]
    x1, y1 = (p.x + width / 2)[solid], (p.y + height / 2)[solid]
    area = float((width * height)[solid].sum())
    known = metrics(design)
    return {
        "hpwl_um": known["hpwl_um"],
        "weighted_hpwl_um": known["weighted_hpwl_um"],
        "block_area_um2": area,
        "outline_area_um2": canvas.area,
        "whitespace": canvas.area / area - 1,
        "deadspace": 1 - area / canvas.area,
        "bounding_area_um2": float((x1.max() - x0.min()) * (y1.max() - y0.min())),
    }
