"""The legaliser's problem under constraints: pieces on a grid, with the room they need made part of their size.

Rule of pairs: two bodies side by side must be the wider of their two facing needs apart. Rectangles that must not
overlap say that, if every piece grows by

    right: max(need_right - a, b),   left: max(need_left - b, a)

for any two numbers a, b: of the two facing sides the one adds up to at least its own need with the other's share.
With one need h everywhere, a + b = h is exact; with many different ones the best a and b are those that grow the
pieces least. Walls concern bodies only, so they shrink by what every piece has grown.

Snapping: lengths are counted in units of the common period of the pieces' grids, so that every corner the legaliser
can find is on the grid of its piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from netlists.design import Design
from netlists.errors import PlacementError
from netlists.netlist import HARD_MACRO
from netlists.placement import Placement
from placer.budget import Budget
from placer.cost.lattice import canvas_box, integer_boxes
from placer.cost.legality import check
from placer.cost.rules import region_walls
from placer.engines.legalise.nearest import nearest_free
from placer.engines.legalise.pieces import Piece, held, needs, pieces
from placer.engines.legalise.problem import Ints, Problem, covered_area
from placer.engines.legalise.solve import solve


@dataclass(frozen=True, eq=False)
class Settled:
    """Bodies that stay, and the room they need.

    Attributes:
        boxes: ``[F, 4]`` steps.
        need: ``[F, 4]`` steps on the left, bottom, right and top.
    """

    boxes: Ints
    need: Ints


@dataclass(frozen=True, eq=False)
class RuledProblem:
    """A problem in units of a snapping period, and the way back.

    Attributes:
        problem: what the legaliser works on.
        unit: ``[2]`` lattice steps of one unit.
        base: ``[n, 2]`` corner in steps of a piece whose rectangle is at the origin.
    """

    problem: Problem
    unit: Ints
    base: Ints

    def corners(self, x: Ints, y: Ints) -> Ints:
        """``[n, 2]`` corners of the pieces in lattice steps."""
        return self.base + self.unit * np.stack([x, y], axis=1)


def arrange_ruled(
    design: Design, placement: Placement, gaps: list[int], weight: np.ndarray | None, budget: Budget, seed: int
) -> Ints:
    """Corners of all objects with the hard macros where they keep every rule: fence by fence, then who has none.

    Args:
        design: netlist, canvas and constraints.
        placement: where the macros want to be, turned as they may be.
        gaps: steps to keep free between hard macros, most wanted first.
        weight: ``[N]`` cost of a step; all 1 by default.
        budget: see ``legalise``.
        seed: see there.

    Returns:
        ``[N, 2]`` steps; those of a placement that is legal already are its own.

    Raises:
        PlacementError: no arrangement exists, or none was found.
    """
    boxes = integer_boxes(design, placement)
    kind = design.netlist.node_kind
    corners = boxes[:, :2].copy()
    if not any(kind[v.node] == HARD_MACRO for v in check(design, placement).violations):
        return corners
    weight = np.ones(len(boxes)) if weight is None else np.asarray(weight, dtype=np.float64)
    for gap in gaps:
        try:
            return _arrange(design, placement, gap, weight, budget, seed)
        except PlacementError:
            if gap == gaps[-1]:
                raise
    raise AssertionError("no gap to try")  # pragma: no cover - there is always one


def _arrange(design: Design, placement: Placement, gap: int, weight: np.ndarray, budget: Budget, seed: int) -> Ints:
    boxes = integer_boxes(design, placement)
    corners, need = boxes[:, :2].copy(), needs(design, placement, gap)
    still = np.flatnonzero((design.netlist.node_kind == HARD_MACRO) & ~design.movable)
    fixed, free = Settled(boxes[still], need[still]), []

    def settle(some: list[Piece], at: Ints) -> None:
        nonlocal fixed
        nodes = np.concatenate([piece.nodes for piece in some])
        corners[nodes] = np.concatenate([p.offsets + corner for p, corner in zip(some, at, strict=True)])
        nodes = nodes[design.movable[nodes]]
        there = np.concatenate([corners[nodes], corners[nodes] + boxes[nodes, 2:] - boxes[nodes, :2]], axis=1)
        fixed = Settled(np.concatenate([fixed.boxes, there]), np.concatenate([fixed.need, need[nodes]]))

    for piece in pieces(design, placement, gap):
        at = held(design, piece, boxes)
        if at is None:
            free.append(piece)
        else:
            settle([piece], at[None])
    for fence in sorted({piece.fence for piece in free}, key=lambda k: (k < 0, k)):
        some = [piece for piece in free if piece.fence == fence]
        check_alone(design, some, fixed)
        wish = np.stack([np.rint((boxes[p.nodes, :2] - p.offsets).mean(axis=0)).astype(np.int64) for p in some])
        load = np.array([weight[p.nodes].sum() for p in some])
        tasks = [build_ruled(design, some, wish, load, fixed, margin) for margin in ((1, 0) if gap else (0,))]
        chosen, x, y = solve([task.problem for task in tasks], budget, seed, exact=False)
        settle(some, tasks[chosen].corners(x, y))
    return corners


def build_ruled(
    design: Design, moving: Sequence[Piece], targets: Ints, weight: np.ndarray, settled: Settled, margin: int
) -> RuledProblem:
    """State the problem of moving pieces of one fence to places that keep every rule.

    Args:
        design: netlist, canvas and constraints.
        moving: pieces of one fence (or of none).
        targets: ``[n, 2]`` corners they want, steps.
        weight: ``[n]`` cost of a step.
        settled: macros that stay.
        margin: steps to keep free at the edge of the canvas' bounding box.
    """
    body = np.stack([piece.body for piece in moving])
    need = np.stack([piece.need for piece in moving])
    residue = np.stack([piece.residue for piece in moving])
    unit = np.lcm.reduce(np.stack([piece.pitch for piece in moving]), axis=0)
    size = body[:, 2:] - body[:, :2]
    grown, walls_grown = np.empty_like(need), np.empty_like(settled.need)
    for axis in (0, 1):
        share = _best_share(need[:, [axis, axis + 2]], size[:, 1 - axis], settled.need[:, [axis, axis + 2]])
        grown[:, [axis, axis + 2]] = _grow(need[:, [axis, axis + 2]], *share)
        walls_grown[:, [axis, axis + 2]] = _grow(settled.need[:, [axis, axis + 2]], *share)
    least = grown.min(axis=0)
    box = np.array(canvas_box(design.canvas), np.int64)
    ground = box + np.array([margin, margin, -margin, -margin]) + np.concatenate([-least[:2], least[2:]])
    walls = np.concatenate(
        [
            settled.boxes + np.concatenate([-walls_grown[:, :2], walls_grown[:, 2:]], axis=1),
            _shrunk(region_walls(design, moving[0].fence), least),
        ]
    )
    own = np.concatenate([residue + body[:, :2] - grown[:, :2], residue + body[:, 2:] + grown[:, 2:]], axis=1)
    # Cells of the unit grid begin where the most pieces do, so that equal pieces fill them exactly.
    phase = np.array([_mode(own[:, axis] % unit[axis]) for axis in (0, 1)], np.int64)
    low = (own[:, :2] - phase) // unit
    high = -(-(own[:, 2:] - phase) // unit)
    bounds = -(-(ground[:2] - phase) // unit), (ground[2:] - phase) // unit
    cells = np.concatenate([(walls[:, :2] - phase) // unit, -(-(walls[:, 2:] - phase) // unit)], axis=1)
    keep = (cells[:, 2:] > bounds[0]).all(axis=1) & (cells[:, :2] < bounds[1]).all(axis=1)
    width, height = (high - low).T
    want = np.rint((targets - residue) / unit).astype(np.int64) + low
    x0, y0, x1, y1 = (int(v) for v in np.concatenate(bounds))
    problem = Problem(
        bounds=(x0, y0, x1, y1),
        width=np.ascontiguousarray(width),
        height=np.ascontiguousarray(height),
        target_x=np.clip(want[:, 0], x0, np.maximum(x1 - width, x0)),
        target_y=np.clip(want[:, 1], y0, np.maximum(y1 - height, y0)),
        weight=weight * float(np.sqrt(unit[0] * unit[1])),
        walls=cells[keep],
        nodes=np.array([piece.nodes[0] for piece in moving], np.int64),
    )
    return RuledProblem(problem, unit, residue - unit * low)


def check_alone(design: Design, moving: Sequence[Piece], settled: Settled) -> None:
    """Reject pieces of one fence that have no place even alone, and fences too small for all of them.

    Raises:
        PlacementError: the message names the piece and what it does not fit.
    """
    constraints, step = design.constraints, design.canvas.lattice
    assert constraints is not None
    fence = moving[0].fence
    where = "the canvas" if fence < 0 else f"fence {constraints.regions[fence].name!r}"
    walls = region_walls(design, fence)
    box = canvas_box(design.canvas)
    bounds = np.array(box, np.int64)
    total = 0
    for piece in moving:
        w, h = (int(v) for v in piece.body[2:] - piece.body[:2])
        total += w * h
        facing = piece.need[[2, 3, 0, 1]]
        apart = np.maximum(settled.need, facing)
        blocked = np.concatenate([walls, settled.boxes + np.array([-1, -1, 1, 1]) * apart])
        active, far = np.ones(len(blocked), bool), 1 << 60
        if nearest_free(w, h, box[0], box[1], bounds, blocked, active, far)[2] >= far:
            raise PlacementError(
                f"{w * step:g} x {h * step:g} um fit nowhere in {where} between fixed macros with their halos, "
                "blockages, other fences and the outline",
                node=piece.name,
                rule="overlap" if fence < 0 else "fence",
            )
    free = float(box[2] - box[0]) * float(box[3] - box[1]) - covered_area(walls, box)
    if total > free:
        raise PlacementError(
            f"{len(moving)} movable hard macros or groups need {total * step * step:.6g} um^2, {where} has "
            f"{free * step * step:.6g} um^2",
            rule="overlap" if fence < 0 else "fence",
        )


def _grow(need: Ints, a: int, b: int) -> Ints:
    """``[n, 2]`` growth on the low and the high side."""
    return np.stack([np.maximum(need[:, 0] - b, a), np.maximum(need[:, 1] - a, b)], axis=1)


def _best_share(need: Ints, across: Ints, others: Ints) -> tuple[int, int]:
    """The shares a, b that grow the pieces least, weighted by the length of the side that grows."""
    best: tuple[float, int, int] | None = None
    levels = np.unique(np.concatenate([[0], need.ravel(), others.ravel()]))
    if len(levels) > 64:
        levels = np.unique(np.quantile(levels, np.linspace(0, 1, 64)).astype(np.int64))
    for h in levels.tolist():
        a, b = h - h // 2, h // 2
        cost = float((_grow(need, a, b).sum(axis=1) * across).sum())
        if best is None or cost < best[0]:
            best = cost, a, b
    assert best is not None
    return best[1], best[2]


def _shrunk(walls: Ints, least: Ints) -> Ints:
    """Walls as grown pieces see them, never thinner than one step."""
    size = walls[:, 2:] - walls[:, :2]
    spare = np.maximum((size - 1) // 2, 0)
    # What faces a wall's left side is the right side of a piece.
    low, high = np.minimum(least[2:], spare), np.minimum(least[:2], spare)
    return np.concatenate([walls[:, :2] + low, walls[:, 2:] - high], axis=1)


def _mode(values: Ints) -> int:
    found, count = np.unique(values, return_counts=True)
    return int(found[np.argmax(count)])
