"""The model of global placement on processor cores: compiled loops, the same result for any number of threads."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from placer.engines.analytic.bodies import Bodies
from placer.engines.analytic.circuit import Circuit
from placer.engines.analytic.density import Density
from placer.engines.analytic.descent import Reading
from placer.engines.analytic.wirelength import Wirelength
from placer.engines.analytic.workers import Workers

Floats = NDArray[np.float64]

#: Bodies from which on a loop of a few operations each is shared among threads.
_MANY = 150_000


class CoresModel:
    """:class:`placer.engines.analytic.descent.Model` in float64, with float32 maps.

    Args:
        circuit: nets and pins.
        bodies: what moves.
        x: ``[N]`` centres of everything, um; those of bodies are not looked at.
        y: ``[N]``.
        target: density the bodies are spread to.
        workers: threads.
    """

    def __init__(self, circuit: Circuit, bodies: Bodies, x: Floats, y: Floats, target: float, workers: Workers) -> None:
        b = bodies
        self._b, self._workers = b, workers
        for_wires, for_density = workers.halves
        self._wires = Wirelength(circuit, for_wires, b.node)
        self._wires.xy[:, 0], self._wires.xy[:, 1] = x, y
        self._densities = []
        for f in b.fields:
            part = slice(f.begin, f.end)
            self._densities.append(
                Density(
                    circuit.extent, b.bins, b.size[0, part], b.size[1, part], b.scale[part], f.fixed, target,
                    for_density, f.real - f.begin,
                )
            )  # fmt: skip
        self.unit = (self._densities[0].bin_width + self._densities[0].bin_height) / 2
        self._charge = b.charge
        self._cuts = workers.cuts(np.arange(len(b.node) + 1))
        self._trial_u, self._trial_v, self._trial_d = b.start.copy(), b.start.copy(), np.zeros_like(b.start)
        self._u, self._v, self._d = b.start.copy(), b.start.copy(), np.zeros_like(b.start)
        self._best = b.start.copy()
        self.wire, self.push = np.zeros_like(b.start), np.zeros_like(b.start)

    @property
    def solution(self) -> Floats:
        """``[2, T]`` centres ``u``, um."""
        return self._u

    def evaluate(self, gamma: float) -> Reading:
        """Slopes at the trial into ``wire`` and ``push``."""
        at = self._trial_v

        def wires() -> float:
            self._workers.halves[0].each(self._cuts, _place, self._b.node, at, self._wires.xy, least=_MANY)
            return self._wires.run(gamma, self.wire[0], self.wire[1])

        def densities() -> float:
            over = area = 0.0
            for field, density in zip(self._b.fields, self._densities, strict=True):
                part = slice(field.begin, field.end)
                density.spread(at[0, part], at[1, part])
                density.slopes(at[0, part], at[1, part], self.push[0, part], self.push[1, part])
                over, area = over + density.over, area + density.area
            return over / max(area, 1e-300)

        hpwl, overflow = self._workers.both(wires, densities)
        return Reading(hpwl, overflow)

    def balance(self) -> float:
        """Density weight at which both slopes are equal in sum."""
        return float(np.abs(self.wire).sum() / max(np.abs(self.push).sum(), 1e-300))

    def turn(self, weight: float) -> float:
        """Direction at the trial, and distance over change of direction since ``v``."""
        sums = self._workers.each(
            self._cuts, _turn, self.wire, self.push, self._b.pins, self._charge, weight, self._v, self._trial_v,
            self._d, self._trial_d, least=_MANY,
        )  # fmt: skip
        moved, turned = (math.sqrt(sum(s[k] for s in sums)) for k in (0, 1))
        return moved / max(turned, 1e-300)

    def aim(self, weight: float) -> float:
        """Direction at ``v`` under another weight; returns its largest entry."""
        each = self._workers.each(
            self._cuts, _aim, self.wire, self.push, self._b.pins, self._charge, weight, self._d, least=_MANY
        )  # fmt: skip
        return max(each, default=0.0)

    def propose(self, step: float, momentum: float) -> None:
        """Make the trial."""
        b = self._b
        self._workers.each(
            self._cuts, _propose, self._u, self._v, self._d, step, momentum, b.low, b.high, self._trial_u,
            self._trial_v, least=_MANY,
        )  # fmt: skip

    def accept(self) -> None:
        """The trial becomes ``u``, ``v`` and ``d``."""
        self._u, self._trial_u = self._trial_u, self._u
        self._v, self._trial_v = self._trial_v, self._v
        self._d, self._trial_d = self._trial_d, self._d

    def keep(self) -> None:
        """Remember ``u``."""
        self._best[:] = self._u

    def restore(self) -> None:
        """Begin from what was remembered."""
        for array in (self._u, self._v, self._trial_u, self._trial_v):
            array[:] = self._best


@njit(cache=True, nogil=True, error_model="numpy")
def _place(first: int, last: int, node: NDArray, at: NDArray, xy: NDArray) -> None:
    for k in range(first, last):
        i = node[k]
        if i >= 0:
            xy[i, 0], xy[i, 1] = at[0, k], at[1, k]


@njit(cache=True, nogil=True, error_model="numpy")
def _propose(
    first: int,
    last: int,
    u: NDArray,
    v: NDArray,
    d: NDArray,
    step: float,
    momentum: float,
    low: NDArray,
    high: NDArray,
    next_u: NDArray,
    next_v: NDArray,
) -> None:
    for axis in range(2):
        for k in range(first, last):
            to = min(max(v[axis, k] - step * d[axis, k], low[axis, k]), high[axis, k])
            next_u[axis, k] = to
            next_v[axis, k] = min(max(to + momentum * (to - u[axis, k]), low[axis, k]), high[axis, k])


@njit(cache=True, nogil=True, error_model="numpy")
def _turn(
    first: int,
    last: int,
    wire: NDArray,
    push: NDArray,
    pins: NDArray,
    charge: NDArray,
    weight: float,
    v: NDArray,
    next_v: NDArray,
    d: NDArray,
    next_d: NDArray,
) -> tuple[float, float]:
    moved = turned = 0.0
    for axis in range(2):
        for k in range(first, last):
            # Preconditioned by the number of pins plus weighted charge (ePlace-MS, section V).
            to = (wire[axis, k] + weight * push[axis, k]) / max(pins[k] + weight * charge[k], 1.0)
            next_d[axis, k] = to
            moved += (next_v[axis, k] - v[axis, k]) ** 2
            turned += (to - d[axis, k]) ** 2
    return moved, turned


@njit(cache=True, nogil=True, error_model="numpy")
def _aim(
    first: int, last: int, wire: NDArray, push: NDArray, pins: NDArray, charge: NDArray, weight: float, d: NDArray
) -> float:
    most = 0.0
    for axis in range(2):
        for k in range(first, last):
            d[axis, k] = (wire[axis, k] + weight * push[axis, k]) / max(pins[k] + weight * charge[k], 1.0)
            most = max(most, abs(d[axis, k]))
    return most
