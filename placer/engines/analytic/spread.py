"""Global placement: wirelength against density by Nesterov's method (ePlace, TODAES 2015; ePlace-MS, TCAD 2015)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placer.budget import Budget
from placer.engines.analytic.circuit import Circuit
from placer.engines.analytic.density import Density, fixed_area
from placer.engines.analytic.wirelength import Wirelength
from placer.engines.analytic.workers import Workers

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """How global placement runs."""

    target: float = 1.0
    """Density objects are spread to."""
    stop: float = 0.07
    """Overflow at which it ends."""
    iterations: int = 1500
    """At most so many steps."""
    steps: tuple[float, float] = (0.95, 1.05)
    """Least and greatest growth of the density weight a step."""
    resume: float = 0.2
    """Factor on the density weight of the run gone on from: room for wirelength to mend what legalising macros cost."""
    seed: int = 0
    """Of where fillers begin."""


@dataclass(frozen=True, eq=False)
class Spread:
    """What global placement ended with.

    Attributes:
        x: ``[N]`` centres, um.
        y: ``[N]``.
        hpwl: weighted HPWL, um.
        overflow: area above the target density over the movable area.
        iterations: steps made.
        weight: density weight at the end.
        fillers: ``[2, f]`` centres of the filler cells, for a run that goes on from here.
    """

    x: Floats
    y: Floats
    hpwl: float
    overflow: float
    iterations: int
    weight: float
    fillers: Floats


def bins_for(nodes: int) -> int:
    """Bins a side for a number of movable objects: the power of two nearest above their square root, 32 to 1024."""
    return int(min(1024, max(32, 2 ** math.ceil(math.log2(math.sqrt(max(nodes, 1)))))))


def spread(
    circuit: Circuit,
    x: Floats,
    y: Floats,
    *,
    movable: NDArray[np.bool_],
    blocked: Floats,
    settings: Settings,
    workers: Workers,
    budget: Budget,
    before: Spread | None = None,
    told: Callable[[int, float, float], None] | None = None,
) -> Spread:
    """Spread overlapping objects at little cost in wirelength.

    Args:
        circuit: nets and pins.
        x: ``[N]`` first centres, um.
        y: ``[N]``.
        movable: ``[N]`` which objects move here.
        blocked: ``[k, 4]`` boxes nothing may lie in (fixed objects, blockages), um.
        settings: how.
        workers: threads.
        budget: when to stop.
        before: a run to go on from: its fillers stay and its density weight is taken up a little lower.
        told: called with (step, hpwl, overflow) now and then.
    """
    return _Run(circuit, x, y, movable, blocked, settings, workers, before).go(budget, told)


class _Run:
    def __init__(
        self,
        circuit: Circuit,
        x: Floats,
        y: Floats,
        movable: NDArray[np.bool_],
        blocked: Floats,
        settings: Settings,
        workers: Workers,
        before: Spread | None,
    ) -> None:
        self.c, self.settings, self.workers, self.before = circuit, settings, workers, before
        self.ids = np.flatnonzero(movable & (circuit.width > 0))
        self.n = len(self.ids)
        side = bins_for(self.n)
        self.bins = (side, side)
        extent = circuit.extent
        width, height = circuit.width[self.ids], circuit.height[self.ids]
        area = width * height
        fixed = np.minimum(fixed_area(extent, self.bins, blocked), extent[0] * extent[1] / side**2)
        room = extent[0] * extent[1] - float(fixed.sum())
        fill_width, fill_height, fillers = self._fillers(room, area, width, height)
        self.width, self.height = np.concatenate([width, fill_width]), np.concatenate([height, fill_height])
        macro = circuit.macro[self.ids]
        # A macro is denser than the target: unscaled it would be pushed apart from its own neighbourhood.
        scale = np.concatenate([np.where(macro, settings.target, 1.0), np.ones(fillers)])
        self.wires = Wirelength(circuit, workers)
        self.field = Density(extent, self.bins, self.width, self.height, scale, fixed, settings.target, workers)
        rng = np.random.default_rng([settings.seed, 11])
        self.low_x, self.high_x = self.width / 2, np.maximum(extent[0] - self.width / 2, self.width / 2)
        self.low_y, self.high_y = self.height / 2, np.maximum(extent[1] - self.height / 2, self.height / 2)
        free = np.stack(_free_spots(fixed, self.bins, extent, fillers, rng))
        if before is not None:
            known = min(fillers, before.fillers.shape[1])
            free[:, :known] = before.fillers[:, :known]
        self.at = np.stack([np.concatenate([x[self.ids], free[0]]), np.concatenate([y[self.ids], free[1]])])
        self._clip(self.at)
        self.x, self.y = np.array(x), np.array(y)
        pins = np.diff(circuit.node_ptr)[self.ids]
        self.pins = np.concatenate([pins, np.zeros(fillers)]).astype(float)
        self.charge = self.width * self.height * scale
        self._all_x, self._all_y = np.empty(circuit.num_nodes), np.empty(circuit.num_nodes)
        self.wire, self.push = np.zeros_like(self.at), np.zeros_like(self.at)
        self.unit = (self.field.bin_width + self.field.bin_height) / 2

    def _fillers(self, room: float, area: Floats, width: Floats, height: Floats) -> tuple[Floats, Floats, int]:
        """Filler cells take the room that is left at the target density: charge is balanced, cells stay together."""
        left = room * self.settings.target - float(area.sum())
        cells = ~self.c.macro[self.ids]
        if left <= 0 or not cells.any():
            return np.zeros(0), np.zeros(0), 0
        sizes = np.sort(width[cells])
        middle = sizes[len(sizes) // 20 : max(len(sizes) - len(sizes) // 20, len(sizes) // 20 + 1)]
        one_width, one_height = float(middle.mean()), float(np.median(height[cells]))
        # Few designs need more fillers than cells; a nearly empty canvas gets larger ones instead.
        count = int(left / (one_width * one_height))
        most = 2 * self.n + 100
        if count > most:
            one_width, one_height = (s * math.sqrt(count / most) for s in (one_width, one_height))
            count = int(left / (one_width * one_height))
        return np.full(count, one_width), np.full(count, one_height), count

    def _clip(self, at: Floats) -> None:
        np.clip(at[0], self.low_x, self.high_x, out=at[0])
        np.clip(at[1], self.low_y, self.high_y, out=at[1])

    # -- slopes ------------------------------------------------------------------------------------------------

    def _slopes(self, at: Floats, gamma: float) -> None:
        """Fill ``wire`` and ``push``."""
        self.x[self.ids], self.y[self.ids] = at[0, : self.n], at[1, : self.n]
        self.wires.slopes(self.x, self.y, gamma, self._all_x, self._all_y)
        self.wire[0, : self.n], self.wire[1, : self.n] = self._all_x[self.ids], self._all_y[self.ids]
        self.field.spread(at[0], at[1])
        self.field.slopes(at[0], at[1], self.push[0], self.push[1])

    def _direction(self, weight: float) -> Floats:
        """Slope over its preconditioner, the number of pins plus weighted charge (ePlace-MS, section V)."""
        scale = np.maximum(self.pins + weight * self.charge, 1.0)
        direction: Floats = (self.wire + weight * self.push) / scale
        return direction

    def _gamma(self, overflow: float) -> float:
        return 8.0 * self.unit * 10.0 ** ((min(overflow, 1.0) - 0.1) * 20.0 / 9.0 - 1.0)

    # -- the descent -------------------------------------------------------------------------------------------

    def go(self, budget: Budget, told: Callable[[int, float, float], None] | None) -> Spread:
        s = self.settings
        u = self.at
        v = u.copy()
        overflow = self.field.overflow(v[0], v[1], self.n)
        gamma = self._gamma(overflow)
        self._slopes(v, gamma)
        if self.before is None:
            weight = float(np.abs(self.wire).sum() / max(np.abs(self.push).sum(), 1e-300))
        else:
            weight = self.before.weight * s.resume
        direction = self._direction(weight)
        # First step: a tenth of a bin for the fastest object.
        step = 0.1 * self.unit / max(float(np.abs(direction).max()), 1e-300)
        before = v - step * direction
        self._clip(before)
        self._slopes(before, gamma)
        old = self._direction(weight)
        step = float(_norm(v - before) / max(_norm(direction - old), 1e-300))
        a = 1.0
        hpwl = last = self.wires.hpwl(self.x, self.y)
        best: tuple[float, Floats, float, float] | None = None
        k = 0
        for k in range(1, s.iterations + 1):
            a_next = (1.0 + math.sqrt(4.0 * a * a + 1.0)) / 2.0
            for _ in range(6):
                u_next = v - step * direction
                self._clip(u_next)
                v_next = u_next + (a - 1.0) / a_next * (u_next - u)
                self._clip(v_next)
                self._slopes(v_next, gamma)
                found = self._direction(weight)
                curve = float(_norm(v_next - v) / max(_norm(found - direction), 1e-300))
                if curve >= 0.95 * step:
                    step = curve
                    break
                step = curve
            u, v, direction, a = u_next, v_next, found, a_next
            hpwl = self.wires.hpwl(self.x, self.y)
            overflow = self.field.overflow(v[0], v[1], self.n)
            gamma = self._gamma(overflow)
            # The weight grows while wirelength holds and pauses while it pays (ePlace, section 5.4).
            delta = (hpwl - last) / max(last, 1e-300)
            weight *= min(max(s.steps[1] ** (1.0 - delta / 0.003), s.steps[0]), s.steps[1])
            last = hpwl
            direction = self._direction(weight)
            if told is not None and k % 10 == 0:
                told(k, hpwl, overflow)
            if not math.isfinite(hpwl):
                break
            if best is None or overflow < best[0]:
                best = (overflow, u.copy(), hpwl, weight)
            if overflow <= s.stop or budget.over:
                break
        assert best is not None or s.iterations < 1
        if best is not None:
            overflow, u, hpwl, weight = best
        self.x[self.ids], self.y[self.ids] = u[0, : self.n], u[1, : self.n]
        return Spread(self.x.copy(), self.y.copy(), hpwl, overflow, k, weight, u[:, self.n :].copy())


def _norm(a: Floats) -> float:
    """Euclidean length, without the threads of a linear algebra library: they would wait for each other here."""
    return math.sqrt(float(np.einsum("ij,ij->", a, a)))


def _free_spots(
    fixed: Floats, bins: tuple[int, int], extent: tuple[float, float], count: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Random places in proportion to the free area of the bins."""
    area = extent[0] * extent[1] / (bins[0] * bins[1])
    room = np.maximum(area - fixed, 0.0).ravel()
    if not count or room.sum() <= 0:
        return np.zeros(count), np.zeros(count)
    where = np.searchsorted(np.cumsum(room) / room.sum(), rng.random(count)).clip(max=len(room) - 1)
    column, row = np.divmod(where, bins[1])
    return (
        (column + rng.random(count)) * extent[0] / bins[0],
        (row + rng.random(count)) * extent[1] / bins[1],
    )
