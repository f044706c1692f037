"""Many smooth descents at once: from rough layouts to good, almost overlap-free starts for exact search."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from netlists.design import Design
from placer.budget import Budget, Event, Progress, silent
from placer.engines.starts.layouts import inside, layouts
from placer.engines.starts.surrogate import EXACT, Smoothness, Surrogate

#: Decay of Adam's running means of slopes and of their squares.
_MEMORY, _SQUARES = 0.95, 0.99


@dataclass(frozen=True)
class Weights:
    """What the descent minimises.

    Attributes:
        wirelength: weight of wirelength_cost.
        density: weight of density_cost.
        congestion: weight of congestion_cost.
        overlap: weight, at the end, of the overlap of hard macros (penetration area over their total area).
        variety: spread of the first three weights over the starts, as a factor: 1 gives all the same.
        directional: weigh x and y spans by the scarcity of horizontal and vertical tracks (0: not, 1: fully).
    """

    wirelength: float = 1.0
    density: float = 0.5
    congestion: float = 0.5
    overlap: float = 1.0
    variety: float = 1.5
    directional: float = 0.0


@dataclass(frozen=True)
class Schedule:
    """How the descent cools: each pair is its value at the beginning and at the end, geometric in between.

    Attributes:
        step: step length in canvas widths (heights).
        gamma: wirelength smoothing in gcells.
        snap: sharpness of routes, see :class:`Smoothness`.
        breadth: factor on the number of gcells that count.
        power: exponent of the mean of the highest gcells.
        overlap: factor on the overlap weight.
    """

    step: tuple[float, float] = (0.01, 0.0005)
    gamma: tuple[float, float] = (4.0, 0.2)
    snap: tuple[float, float] = (1.0, 0.5)
    breadth: tuple[float, float] = (10.0, 1.0)
    power: tuple[float, float] = (3.0, 1.0)
    overlap: tuple[float, float] = (0.01, 1.0)


@dataclass(frozen=True, eq=False)
class Starts:
    """Placements to legalise and improve.

    Attributes:
        x: ``[count, N]`` float64 centres, um; fixed objects unchanged, movable ones inside the canvas.
        y: ``[count, N]``.
        cost: ``[count]`` proxy cost plus the weighted overlap of hard macros (what remains for the legaliser).
        proxy: ``[count]`` proxy cost alone.
        kinds: what each start began as.
        steps: descent steps made by the group that came furthest.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    cost: NDArray[np.float64]
    proxy: NDArray[np.float64]
    kinds: tuple[str, ...]
    steps: int


def gradient_starts(
    design: Design,
    *,
    count: int = 8,
    seed: int = 0,
    budget: Budget | None = None,
    iterations: int = 400,
    device: torch.device | str | None = None,
    progress: Progress = silent,
    weights: Weights | None = None,
    schedule: Schedule | None = None,
    at: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> Starts:
    """Make diverse good placements by descending the smooth proxy cost from several layouts at once.

    All starts descend in one batch (in several where memory is short, or fewer starts where the time is). Hard macros
    may still overlap a little in the result. The same seed and iterations give the same bytes on the CPU unless the
    budget cuts them short.

    Args:
        design: what to place; a complete input placement is always one of the layouts.
        count: starts wanted.
        seed: of layouts and weights.
        budget: when to stop; the best so far is returned.
        iterations: descent steps of each start.
        device: torch device, default CPU.
        progress: hears about it now and then.
        weights: default :class:`Weights`.
        schedule: default :class:`Schedule`.
        at: ``x, y`` each ``[count, N]``, um: layouts to begin from instead of the usual ones.

    Returns:
        Between 1 and ``count`` starts, best cost first.
    """
    if count < 1 or iterations < 0:
        raise ValueError("count must be at least 1 and iterations at least 0")
    budget, weights, schedule = budget or Budget(), weights or Weights(), schedule or Schedule()
    surrogate = Surrogate(design, device)
    if at is None:
        x, y, kinds = layouts(design, surrogate.circuit, count, seed, budget)
    else:
        x, y, kinds = *_given(design, surrogate, at, count), ("given",) * count
    factors = _variety(count, weights.variety, seed)
    group = _group(surrogate, count)
    found: list[tuple[NDArray[np.float64], ...]] = []
    steps = 0
    for first in range(0, count, group):
        if first and budget.over:
            break
        part = slice(first, min(first + group, count))
        descent = _Descent(design, surrogate, x[part], y[part], factors[part], weights, schedule)
        share = budget if not np.isfinite(budget.left) else budget.part(budget.left / -(-(count - first) // group))
        steps = max(steps, descent.run(iterations, share, progress, budget))
        found.append(descent.best())
    bx, by, cost, proxy = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(cost, kind="stable")
    return Starts(bx[order], by[order], cost[order], proxy[order], tuple(kinds[i] for i in order), steps)


def _given(
    design: Design, surrogate: Surrogate, at: tuple[NDArray[np.float64], NDArray[np.float64]], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Layouts of the caller, measured from the canvas corner, objects inside and fixed ones in their places."""
    k, p, (x0, y0) = surrogate.circuit, design.placement, surrogate.origin
    x, y = at[0] - x0, at[1] - y0
    if x.shape != (count, len(p.x)) or y.shape != x.shape:
        raise ValueError(f"layouts must be {count} x {len(p.x)}, not {x.shape} and {y.shape}")
    x, y = inside(x, y, k)
    return np.where(k.movable, x, p.x - x0), np.where(k.movable, y, p.y - y0)


def _variety(count: int, spread: float, seed: int) -> NDArray[np.float64]:
    """``[count, 3]`` factors on the three weights; the first start has none."""
    rng = np.random.default_rng([seed, 11])
    factors = spread ** rng.uniform(-1, 1, (count, 3)) if spread > 0 else np.ones((count, 3))
    factors[0] = 1.0
    return factors


def _group(surrogate: Surrogate, count: int) -> int:
    """Starts that fit in half of the memory that is free."""
    if surrogate.device.type == "cuda":
        free = torch.cuda.mem_get_info(surrogate.device)[0]
    else:
        free = 2 << 30  # a share of memory every machine has; the compiled maps need little
    return max(1, min(count, int(free / 2 / surrogate.memory(1))))


class _Descent:
    """Adam (Kingma and Ba, 2015) on the centres of the movable objects, projected into the canvas."""

    def __init__(
        self,
        design: Design,
        surrogate: Surrogate,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        factors: NDArray[np.float64],
        weights: Weights,
        schedule: Schedule,
    ) -> None:
        s, k = surrogate, surrogate.circuit
        self.design, self.surrogate, self.weights, self.schedule = design, s, weights, schedule

        def tensor(a: NDArray) -> Tensor:
            return torch.as_tensor(a, dtype=s.dtype, device=s.device)

        # Both axes in one tensor [2, B, N], in canvas widths and heights.
        self._scale = tensor(np.array([k.span_x, k.span_y]))[:, None, None]
        self._origin = tensor(np.array(s.origin))[:, None, None]
        self._at = tensor(np.stack([x, y])) / self._scale
        half = tensor(np.stack([np.minimum(k.width, k.span_x), np.minimum(k.height, k.span_y)]))[:, None] / 2
        self._low, self._high = half / self._scale, 1 - half / self._scale
        self._movable = torch.as_tensor(k.movable, device=s.device)
        self._factors = tensor(factors) * tensor(np.array([weights.wirelength, weights.density, weights.congestion]))
        self._spans = _span_weights(k.h_supply / k.pitch_y, k.v_supply / k.pitch_x, weights.directional)
        self._mean, self._square = torch.zeros_like(self._at), torch.zeros_like(self._at)
        self._best = self._at.clone()
        self._cost = torch.full((len(x),), math.inf, dtype=s.dtype, device=s.device)
        self._proxy = self._cost.clone()

    def run(self, iterations: int, budget: Budget, progress: Progress, whole: Budget) -> int:
        """Descend; returns the steps made. Fewer are planned where the budget cannot hold them all."""
        with _quiet_torch(self.surrogate.device):
            return self._run(iterations, budget, progress, whole)

    def _run(self, iterations: int, budget: Budget, progress: Progress, whole: Budget) -> int:
        planned, done = iterations, 0
        self._keep_better()
        began = budget.seconds
        while done < planned and not budget.over:
            self._step(done, done / max(planned - 1, 1))
            done += 1
            if done % 10 == 0 or done == planned:
                if np.isfinite(budget.left):
                    pace = (budget.seconds - began) / done
                    planned = max(done, min(iterations, done + int(0.95 * budget.left / pace)))
                # The exact cost of sharp placements only: early ones are not worth the look.
                if done >= 0.7 * planned:
                    self._keep_better()
                progress(Event("start", whole.seconds, done, planned, float(self._proxy.min())))
        if done < planned:
            self._keep_better()
        return done

    def _step(self, index: int, progress: float) -> None:
        def now(pair: tuple[float, float]) -> float:
            return pair[0] * (pair[1] / pair[0]) ** progress

        c, at = self.schedule, self._at.requires_grad_()
        smoothness = Smoothness(now(c.gamma), now(c.snap), now(c.breadth), now(c.power))
        x, y = (at * self._scale + self._origin).unbind(0)
        t = self.surrogate.terms(x, y, smoothness, self._spans)
        terms = torch.stack([t["wirelength"], t["density"], t["congestion"]], 1)
        loss = (terms * self._factors).sum() + self.weights.overlap * now(c.overlap) * t["overlap"].sum()
        (slope,) = torch.autograd.grad(loss, at)
        with torch.no_grad():
            slope = slope * self._movable
            self._mean.mul_(_MEMORY).add_(slope, alpha=1 - _MEMORY)
            self._square.mul_(_SQUARES).addcmul_(slope, slope, value=1 - _SQUARES)
            mean = self._mean / (1 - _MEMORY ** (index + 1))
            root = (self._square / (1 - _SQUARES ** (index + 1))).sqrt() + 1e-12
            moved = torch.clamp(at - now(c.step) * mean / root, self._low, self._high)
            self._at = torch.where(self._movable, moved, at.detach())

    def _keep_better(self) -> None:
        with torch.no_grad():
            at = self._at.detach()
            x, y = (at * self._scale + self._origin).unbind(0)
            t = self.surrogate.terms(x, y, EXACT)
            w = self.weights
            proxy = w.wirelength * t["wirelength"] + w.density * t["density"] + w.congestion * t["congestion"]
            cost = proxy + w.overlap * t["overlap"]
            better = cost < self._cost
            self._cost, self._proxy = torch.where(better, cost, self._cost), torch.where(better, proxy, self._proxy)
            self._best = torch.where(better[:, None], at, self._best)

    def best(self) -> tuple[NDArray[np.float64], ...]:
        """Best ``x, y`` (um), cost and proxy cost of each start so far."""
        k, p, origin = self.surrogate.circuit, self.design.placement, self.surrogate.origin
        x, y = (self._best * self._scale).double().cpu().numpy()
        x, y = inside(x, y, k)
        x, y = np.where(k.movable, x + origin[0], p.x), np.where(k.movable, y + origin[1], p.y)
        return x, y, self._cost.double().cpu().numpy(), self._proxy.double().cpu().numpy()


@contextmanager
def _quiet_torch(device: torch.device) -> Iterator[None]:
    """One thread for torch's own operations on the CPU, which are small here: the compiled loops have the threads.

    Waking a second thread for every small operation costs more than it gives, and very much more on a busy machine.
    """
    threads = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _span_weights(h_per_um: float, v_per_um: float, strength: float) -> tuple[float, float]:
    """Factors of x and y spans: the direction with fewer tracks costs more; their geometric mean is 1."""
    if not (math.isfinite(h_per_um) and math.isfinite(v_per_um)) or strength == 0:
        return 1.0, 1.0
    ratio = (v_per_um / h_per_um) ** (strength / 2)
    return ratio, 1.0 / ratio
