"""Exact incremental cost: price a move of one to three objects in microseconds, keep or forget it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.netlist import PORT
from netlists.placement import Placement
from placer.cost.full import CostWeights
from placer.cost.incremental.kernel import commit, propose, rebuild, revert
from placer.cost.incremental.problem import Problem, build_problem
from placer.cost.incremental.state import CONGESTION, DENSITY, HPWL, MAX_OBJECTS, PROXY, State, build_state

__all__ = [
    "MAX_OBJECTS",
    "IncrementalCost",
    "Problem",
    "State",
    "build_problem",
    "build_state",
    "commit",
    "propose",
    "rebuild",
    "revert",
]


class IncrementalCost:
    """Propose, commit and revert moves on one placement; the Python face of the kernel.

    Engines call the kernel functions from compiled code; this class is for everything that is not a hot loop.

    Args:
        design: the design.
        placement: where to begin; the design's own placement when omitted.
        weights: weights of the proxy cost.
        problem: flattened design to share between several objects; built when omitted.

    Example:
        >>> cost = IncrementalCost(design)
        >>> delta = cost.propose([7], [120.0], [88.0]) - cost.proxy_cost
        >>> cost.commit() if delta < 0 else cost.revert()
    """

    def __init__(
        self,
        design: Design,
        placement: Placement | None = None,
        weights: CostWeights | None = None,
        problem: Problem | None = None,
    ) -> None:
        self.design = design
        self._start = placement or design.placement
        self.problem = problem or build_problem(design, weights)
        self.state = build_state(self.problem, self._start)
        self._pending = False
        rebuild(self.problem, self.state)

    def propose(
        self,
        objects: Sequence[int],
        x: Sequence[float] | None = None,
        y: Sequence[float] | None = None,
        orient: Sequence[int] | None = None,
    ) -> float:
        """Proxy cost if ``objects`` (one to three distinct node ids) were at centres ``x, y`` (um) in ``orient``.

        What is omitted stays as it is. A trial that is still pending is reverted first.

        Raises:
            ValueError: no object or too many, one twice, a length that differs, an unknown orientation, or a
                coordinate that is not finite.
            IndexError: no such node.
        """
        if self._pending:
            self.revert()
        ids = np.asarray(objects, np.int64)
        if not 1 <= len(ids) <= MAX_OBJECTS or len(set(ids.tolist())) != len(ids):
            raise ValueError(f"propose moves 1 to {MAX_OBJECTS} distinct objects, got {list(objects)}")
        if ids.min() < 0 or ids.max() >= self.design.netlist.num_nodes:
            raise IndexError(f"no node {int(ids.max())} in {self.design.name!r}")
        s = self.state
        xs = s.x[ids] if x is None else np.asarray(x, np.float64)
        ys = s.y[ids] if y is None else np.asarray(y, np.float64)
        os = s.orient[ids].astype(np.int64) if orient is None else np.asarray(orient, np.int64)
        if not len(ids) == len(xs) == len(ys) == len(os):
            raise ValueError("objects, x, y and orient differ in length")
        if not (np.isfinite(xs).all() and np.isfinite(ys).all()) or os.min() < 0 or os.max() > 7:
            raise ValueError("a coordinate is not finite or an orientation is unknown")
        self._pending = True
        return float(propose(self.problem, s, ids, xs, ys, os, len(ids), np.inf))

    def swap(self, a: int, b: int) -> float:
        """Proxy cost if two objects exchanged their centres; orientations stay."""
        x, y = self.x, self.y
        return self.propose([a, b], [x[b], x[a]], [y[b], y[a]])

    def commit(self) -> float:
        """Keep the pending trial; returns the new proxy cost.

        Raises:
            RuntimeError: there is no pending trial.
        """
        if not self._pending:
            raise RuntimeError("nothing to commit: call propose first")
        commit(self.problem, self.state)
        self._pending = False
        return self.proxy_cost

    def revert(self) -> None:
        """Forget the pending trial, if any."""
        if self._pending:
            revert(self.state)
            self._pending = False

    @property
    def proxy_cost(self) -> float:
        """Proxy cost of the committed placement."""
        return float(self.state.total[PROXY])

    @property
    def hpwl_um(self) -> float:
        """Weighted HPWL of the committed placement, um."""
        return float(self.state.total[HPWL])

    def terms(self) -> dict[str, float]:
        """``wirelength_cost``, ``density_cost``, ``congestion_cost`` times their weights, and ``proxy_cost``."""
        t, p = self.state.total, self.problem
        return {
            "wirelength": float(t[HPWL] * p.wirelength_scale),
            "density": float(t[DENSITY] * p.density_scale),
            "congestion": float(t[CONGESTION] * p.congestion_scale),
            "proxy_cost": float(t[PROXY]),
        }

    @property
    def x(self) -> NDArray[np.float64]:
        """``[N]`` committed centres, um."""
        return self.state.x.copy()

    @property
    def y(self) -> NDArray[np.float64]:
        """``[N]`` committed centres, um."""
        return self.state.y.copy()

    def congestion_maps(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Horizontal and vertical congestion ``[rows, columns]`` (demand over supply) of the committed placement."""
        p, flat = self.problem, self.state.congestion
        vertical = flat[: p.h_begin].reshape(p.rows, p.v_width)[:, : p.columns]
        horizontal = flat[p.h_begin :].reshape(p.columns, p.h_width)[:, : p.rows].T
        return horizontal.copy(), vertical.copy()

    def density_map(self) -> NDArray[np.float64]:
        """``[rows, columns]`` object area over gcell area of the committed placement."""
        p = self.problem
        area = self.state.area[: p.rows * p.columns].reshape(p.rows, p.columns)
        return area / (p.gcell_width * p.gcell_height)

    def placement(self) -> Placement:
        """The committed placement; everything movable counts as placed."""
        solid = self.design.netlist.node_kind != PORT
        return self._start.moved(x=self.x, y=self.y, orient=self.state.orient, placed=self._start.placed | solid)
