"""The schedule: several starts annealed side by side, the best of each refined, the best of all returned."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.errors import PlacementError
from netlists.formats.bookshelf.nets import OFFSET_UNITS
from netlists.netlist import Netlist
from netlists.placement import Placement
from placer.budget import Budget, Event, Progress, silent
from placer.cost.lattice import centres, microns
from placer.engines.floorplan.blocks import anneal as kernel
from placer.engines.floorplan.blocks.problem import Blocks, build
from placer.engines.floorplan.blocks.refine import Floorplan, refine
from placer.engines.floorplan.blocks.sequence_pair import from_points, pack
from placer.engines.floorplan.blocks.slots import arrange
from placer.engines.search.rng import seeded


@dataclass(frozen=True)
class Schedule:
    """How the annealing spends its budget."""

    hot: float = 1.0
    """First temperature over the mean wire of a net."""
    cooling: float = 500.0
    """First over last temperature."""
    wanted: tuple[float, float] = (0.1, 0.5)
    """Share of accepted floorplans that should fit, at the beginning and at the end."""
    passes: int = 3
    """Starts of a chain one after the other for designs of up to ``small`` blocks; larger ones use all time for one."""
    small: int = 60
    """See ``passes``."""
    tries: int = 3
    """Further passes, as long as the first, for a chain that has found no floorplan that fits."""
    chunk: int = 4_000
    """Moves between two looks at the clock, times 100 over the number of blocks."""


@dataclass(frozen=True, eq=False)
class BlockResult:
    """What :func:`floorplan_blocks` found.

    Attributes:
        design: the design with the blocks' shapes and positions; without an outline, with the canvas drawn around them.
        wire: weighted HPWL, um.
        moves: tried in all.
        history: (seconds, phase, weighted HPWL in um) when a better floorplan was found.
    """

    design: Design
    wire: float
    moves: int
    history: list[tuple[float, str, float]] = field(default_factory=list)


def floorplan_blocks(
    design: Design,
    *,
    budget: Budget,
    seed: int = 0,
    jobs: int = 1,
    iterations: int | None = None,
    area_weight: float | None = None,
    schedule: Schedule | None = None,
    progress: Progress = silent,
) -> BlockResult:
    """Place all blocks of a design without overlap for short wires, soft ones reshaped within their limits.

    Args:
        design: movable blocks, fixed ports, and a rectangular canvas, the outline.
        budget: when to stop; its flag is obeyed within a fraction of a second, the refinement at the end takes a few
            seconds at most.
        seed: same seed, ``iterations`` and ``jobs``: same bytes.
        jobs: chains side by side.
        iterations: moves in total, instead of time.
        area_weight: None keeps to the outline; a number drops it and minimises wirelength plus this weight times the
            side of the bounding box, each relative to where the run begins.
        schedule: how to spend the budget.
        progress: told about better floorplans.

    Raises:
        PlacementError: the blocks are no floorplanning problem, are larger than the outline, or no floorplan that
            fits was found; the message says how far the best one sticks out.
        ValueError: neither a time limit nor iterations.
    """
    if iterations is None and budget.time_limit is None:
        raise ValueError("a floorplan needs a time limit or a number of iterations")
    blocks, plan = build(design), schedule or Schedule()
    if area_weight is None:
        _check_room(design, blocks)
    told = _Told(budget, progress, blocks)
    chains = [
        _Chain(blocks, plan, budget, seed, k, None if iterations is None else -(-iterations // jobs), area_weight, told)
        for k in range(jobs)
    ]
    if jobs == 1:
        found = [chains[0].run()]
    else:
        with ThreadPoolExecutor(jobs) as pool:
            found = list(pool.map(lambda chain: chain.run(), chains))
    made = [(plan, frame) for plan, frame in found if plan is not None]
    if not made:
        least = min(chain.least for chain in chains) * blocks.step
        raise PlacementError(
            f"no floorplan that fits was found; the best sticks out by {least:.4g} um. More time, more whitespace or "
            "another aspect ratio may help",
            rule="outside",
        )
    best, frame = min(made, key=lambda pair: _merit(pair[0], pair[1], area_weight))
    moves = sum(int(chain.moves) for chain in chains)
    if area_weight is not None:
        x0, y0 = blocks.origin
        ends = microns(np.array([x0, y0, x0 + frame[0], y0 + frame[1]]), blocks.step).tolist()
        # The lattice of a canvas follows its size; blocks stay on the one they were placed on.
        canvas = replace(design.canvas, x0=ends[0], y0=ends[1], x1=ends[2], y1=ends[3], manufacturing_grid=blocks.step)
        design = replace(design, canvas=canvas)
    return BlockResult(
        _written_back(design, blocks, best), (best.wire + blocks.constant) * blocks.step, moves, told.history
    )


def _check_room(design: Design, blocks: Blocks) -> None:
    n, limit = design.netlist, blocks.limit
    short, long = np.minimum(blocks.width, blocks.height), np.maximum(blocks.width, blocks.height)
    bad = np.flatnonzero(~blocks.soft & ((long > max(limit)) | (short > min(limit))))
    if len(bad):
        k = int(bad[0])
        size = (blocks.width[k], blocks.height[k], *limit)
        w, h, wide, high = (f"{value * blocks.step:g}" for value in size)
        raise PlacementError(
            f"a block of {w} x {h} um does not fit the outline of {wide} x {high} um; "
            "more whitespace or another aspect ratio helps",
            node=n.node_names[int(blocks.nodes[k])],
            rule="outside",
        )
    need, have = float((blocks.width * blocks.height).sum()), float(limit[0]) * limit[1]
    if need > have:
        raise PlacementError(
            f"the blocks have {need / have - 1:.2%} more area than the outline "
            f"({need * blocks.step**2:.6g} against {have * blocks.step**2:.6g} um^2)",
            rule="outside",
        )


def _merit(plan: Floorplan, frame: tuple[int, int], area_weight: float | None) -> float:
    """What is minimised over chains: wire, or the product of powers that the weighted sum of relative changes means."""
    if area_weight is None:
        return plan.wire
    return float(np.log(max(plan.wire, 1.0)) + area_weight * 0.5 * np.log(float(frame[0]) * frame[1]))


class _Told:
    """Collects better floorplans of all chains."""

    def __init__(self, budget: Budget, progress: Progress, blocks: Blocks) -> None:
        self.history: list[tuple[float, str, float]] = []
        self._budget, self._progress = budget, progress
        self._step, self._constant = blocks.step, blocks.constant
        self._lock = threading.Lock()
        self._best = np.inf

    def __call__(self, wire: float, step: int, total: int | None) -> None:
        with self._lock:
            if wire < self._best:
                self._best = wire
                self.history.append((self._budget.seconds, "floorplan", (wire + self._constant) * self._step))
            self._progress(Event("floorplan", self._budget.seconds, step, total))


class _Chain:
    """One chain: slots, annealing and refinement, as often as the schedule says."""

    def __init__(
        self, blocks: Blocks, plan: Schedule, budget: Budget, seed: int, number: int, moves: int | None,
        area_weight: float | None, told: Callable[[float, int, int | None], None],
    ) -> None:  # fmt: skip
        self.blocks, self.plan, self.budget, self.told = blocks, plan, budget, told
        self.rng = seeded(seed, number)
        self.total = moves
        self.area_weight = area_weight
        self.moves = 0
        self.least = np.inf
        self.limit = np.array(blocks.limit, np.float64)
        self.pin_net = np.repeat(np.arange(len(blocks.weight)), np.diff(blocks.net_ptr))

    def run(self) -> tuple[Floorplan | None, tuple[int, int]]:
        passes = self.plan.passes if self.blocks.count <= self.plan.small else 1
        best: Floorplan | None = None
        frame = self.blocks.limit
        left = self.budget.left * (1.0 if self.total is not None else 1.0 - self._reserve())
        started = self.budget.seconds
        for number in range(passes + self.plan.tries):
            if number >= passes and best is not None:
                break
            if number and self.budget.over:
                break
            # The passes share the time; tries beyond them happen when there is no floorplan yet and time is left.
            share = min(number + 1, passes) / passes
            state = self._pass(started + left * share, None if self.total is None else self.total // passes)
            made, size = self._refined(*state)
            if made is not None and (
                best is None or _merit(made, size, self.area_weight) < _merit(best, frame, self.area_weight)
            ):
                best, frame = made, size
        return best, frame

    def _reserve(self) -> float:
        """Share of the time kept for the refinement: about 10 us a block pin, more when shapes take part."""
        seconds = len(self.blocks.pin_block) * (1.5e-3 if self.blocks.soft.any() else 3e-4)
        return float(min(0.3, seconds / max(self.budget.left, 1e-9)))

    def _refined(
        self, order: NDArray[np.int64], shape: NDArray[np.float64], orient: NDArray[np.int8]
    ) -> tuple[Floorplan | None, tuple[int, int]]:
        blocks = self.blocks
        if self.area_weight is not None:
            size = np.where(kernel.MATRIX[orient, 0] == 0, shape[::-1], shape)
            n = blocks.count
            extent = pack(
                order[1], np.argsort(order[0]), size[0], size[1], np.empty(n), np.empty(n), np.zeros((2, n + 1))
            )
            blocks = replace(blocks, limit=(int(extent[0]), int(extent[1])))
        made = refine(blocks, order, shape, orient)
        if made is not None:
            self.told(made.wire, self.moves, self.total)
        return made, blocks.limit

    def _pass(self, until: float, moves: int | None) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int8]]:
        b, plan, framed = self.blocks, self.plan, self.area_weight is None
        n = b.count
        x, y = arrange(b, self.rng)
        order = np.stack(from_points(x, y))
        place = np.argsort(order, axis=1)
        shape = np.stack([b.width, b.height])
        size, orient = shape.copy(), b.turns[:, 0].copy()
        offset = np.zeros((len(b.pin_block), 2))
        for k in range(n):
            kernel.turn(
                k, int(orient[k]), shape[0, k], shape[1, k], size, orient, offset, b.block_ptr, b.block_pins, b.pin_part
            )
        corner, centre, tree = np.empty((2, n)), np.empty((2, n)), np.zeros((2, n + 1))
        wire, over = kernel.evaluate(
            order, place, size, offset, self.limit, framed, b.net_ptr, b.pin_block, b.fixed, b.weight, corner, centre,
            tree,
        )  # fmt: skip
        numbers = np.zeros(8)
        side = float(np.sqrt((b.width * b.height).sum()))
        # A step of overhang costs about as much as every second net a step longer; the walk corrects it.
        numbers[kernel.PRICE] = len(b.weight) / 2 if self.area_weight is None else self.area_weight * wire / side
        numbers[kernel.WIRE], numbers[kernel.OVER], numbers[kernel.BEST] = wire, over, np.inf
        numbers[kernel.COST] = wire + numbers[kernel.PRICE] * over
        best = (order.copy(), shape.copy(), orient.copy())
        hot = plan.hot * max(wire, 1.0) / max(len(b.weight), 1)
        chunk = max(200, plan.chunk * 100 // n)
        done, begun, told = 0.0, self.budget.seconds, np.inf
        made = 0
        while done < 1.0 and not self.budget.stop.is_set():
            count = chunk if moves is None else min(chunk, moves - made)
            kernel.anneal(
                count, hot * plan.cooling**-done, hot * plan.cooling ** -min(1.0, done + 0.005),
                plan.wanted[0] + (plan.wanted[1] - plan.wanted[0]) * done, framed, self.rng, numbers, order, place,
                size, shape, orient, offset, *best, self.limit, b.area, b.shape, b.turns, b.num_turns, b.net_ptr,
                b.pin_block, self.pin_net, b.pin_part, b.fixed, b.weight, b.block_ptr, b.block_pins,
            )  # fmt: skip
            made += count
            self.moves += count
            done = made / moves if moves is not None else (self.budget.seconds - begun) / max(until - begun, 1e-9)
            if numbers[kernel.BEST] < told:
                told = float(numbers[kernel.BEST])
                self.told(told if framed else float(numbers[kernel.WIRE]), self.moves, self.total)
        self.least = min(self.least, float(numbers[kernel.OVER]))
        return best


def _written_back(design: Design, blocks: Blocks, plan: Floorplan) -> Design:
    """The design with shapes and positions of a floorplan."""
    n, place, nodes = design.netlist, design.placement, blocks.nodes
    netlist = _reshaped(n, blocks, plan)
    orient = place.orient.copy()
    orient[nodes] = plan.orient
    turned = replace(design, netlist=netlist, placement=place.moved(orient=orient))
    x, y, placed = place.x.copy(), place.y.copy(), place.placed.copy()
    x[nodes], y[nodes] = centres(
        turned, turned.placement, nodes, plan.corner[0] + blocks.origin[0], plan.corner[1] + blocks.origin[1]
    )  # fmt: skip
    placed[nodes] = True
    return replace(turned, placement=Placement(x, y, orient, place.fixed, placed), placement_path=None)


def _reshaped(n: Netlist, blocks: Blocks, plan: Floorplan) -> Netlist:
    """The netlist with new widths, heights and pin offsets of soft blocks."""
    soft = blocks.soft
    if not soft.any():
        return n
    width, height = n.node_width.copy(), n.node_height.copy()
    nodes = blocks.nodes[soft]
    width[nodes], height[nodes] = microns(plan.shape[0, soft], blocks.step), microns(plan.shape[1, soft], blocks.step)
    dx = n.pin_dx * np.divide(width, n.node_width, out=np.ones_like(width), where=n.node_width > 0)[n.pin_node]
    dy = n.pin_dy * np.divide(height, n.node_height, out=np.ones_like(height), where=n.node_height > 0)[n.pin_node]
    extras = dict(n.extras)
    if "gsrc.offset" in extras:
        units = (extras["gsrc.offset_style"] == OFFSET_UNITS)[:, None]
        extras["gsrc.offset"] = np.where(units, np.column_stack([dx, dy]), extras["gsrc.offset"])
    return replace(n, node_width=width, node_height=height, pin_dx=dx, pin_dy=dy, extras=extras)
