"""Where every object lies: centres, orientations, fixed and placed flags."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlists.errors import PlacementError


@dataclass(frozen=True, eq=False)
class Placement:
    """Positions of the ``N`` nodes of a netlist. Arrays are made read-only; derive others with :meth:`moved`.

    Attributes:
        x: ``[N]`` float64, centre in um.
        y: ``[N]`` float64, centre in um.
        orient: ``[N]`` int8 DEF orientation codes (``netlists.orientation``).
        fixed: ``[N]`` bool, may not be moved by any engine.
        placed: ``[N]`` bool, the coordinates mean something. Unplaced objects carry finite coordinates all the same.

    Raises:
        PlacementError: lengths disagree, a coordinate is not finite, or an orientation is unknown.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    orient: NDArray[np.int8]
    fixed: NDArray[np.bool_]
    placed: NDArray[np.bool_]

    def __post_init__(self) -> None:
        for key, dtype in (("x", float), ("y", float), ("orient", np.int8), ("fixed", bool), ("placed", bool)):
            array = np.array(getattr(self, key), dtype=dtype)
            array.flags.writeable = False
            object.__setattr__(self, key, array)
        sizes = {len(self.x), len(self.y), len(self.orient), len(self.fixed), len(self.placed)}
        if len(sizes) != 1:
            raise PlacementError("the arrays of a placement differ in length", rule="shape")
        if not (np.isfinite(self.x).all() and np.isfinite(self.y).all()):
            bad = int(np.flatnonzero(~(np.isfinite(self.x) & np.isfinite(self.y)))[0])
            raise PlacementError("a coordinate is not finite", node=f"node {bad}", rule="finite")
        if len(self.orient) and not (self.orient.min() >= 0 and self.orient.max() < 8):
            raise PlacementError("an orientation code is unknown", rule="orientation")

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return len(self.x)

    @staticmethod
    def unplaced(num_nodes: int) -> Placement:
        """Everything at the origin, orientation N, movable and not yet placed."""
        zeros = np.zeros(num_nodes)
        flags = np.zeros(num_nodes, bool)
        return Placement(zeros, zeros, np.zeros(num_nodes, np.int8), flags, flags)

    def moved(self, **changes: Any) -> Placement:  # noqa: ANN401 - forwards to the dataclass fields
        """A copy with some of ``x, y, orient, fixed, placed`` replaced."""
        return replace(self, **changes)
