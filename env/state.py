"""What has been placed so far: positions, net boxes, occupancy, and the masks of the macro that comes next."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from env import masks
from env.problem import MacroProblem
from netlists.netlist import HARD_MACRO
from netlists.placement import Placement


class MacroState:
    """The changing part of an episode. All arrays are owned by the state; copy what you keep.

    Attributes:
        problem: the unchanging part.
        step: macros placed so far.
        legal: ``[rows, columns]`` int8, 1 where the next macro may go; all 0 when none is left.
        num_legal: number of legal cells.
        wire: ``[rows, columns]`` float64, exact increase of the weighted HPWL for the next macro, um.
        occupancy: ``[rows, columns]`` float64, share of each gcell that placed and fixed hard macros cover.
        net_box: ``[M, 4]`` float64, see :attr:`env.problem.MacroProblem.net_box`.
        hpwl: weighted HPWL of everything that has a position, um.
        cells: ``[T]`` int64, cell each macro was put in, in placing order; -1 until placed.
    """

    def __init__(self, problem: MacroProblem) -> None:
        self.problem = problem
        self.legal: NDArray[np.int8] = np.zeros(problem.shape, np.int8)
        self.wire: NDArray[np.float64] = np.zeros(problem.shape)
        self.cells: NDArray[np.int64] = np.full(problem.num_macros, -1)
        self._boxes = np.zeros((len(problem.obstacles) + problem.num_macros, 4), np.int64)
        self.reset()

    def reset(self) -> None:
        """Take every macro off the canvas."""
        p = self.problem
        self.step = 0
        self.cells[:] = -1
        self.occupancy = p.fixed_area.copy()
        self.net_box = p.net_box.copy()
        self.hpwl = float(masks.total_hpwl(self.net_box, p.design.netlist.net_weight))
        self._boxes[: len(p.obstacles)] = p.obstacles
        self._look_ahead()

    @property
    def done(self) -> bool:
        """True when every macro is placed."""
        return self.step == self.problem.num_macros

    @property
    def current(self) -> int:
        """Node id of the next macro, or -1."""
        return -1 if self.done else int(self.problem.macros[self.step])

    def is_legal(self, cell: int) -> bool:
        """Whether the next macro may go to ``cell`` (row * columns + column)."""
        return bool(self.legal.flat[cell])

    def place(self, cell: int) -> float:
        """Put the next macro into a legal cell.

        Returns:
            The increase of the weighted HPWL, um.

        Raises:
            ValueError: the cell is not legal; nothing has changed.
        """
        if self.done or not self.is_legal(cell):
            raise ValueError(f"cell {cell} is not legal for the next macro")
        p, t = self.problem, self.step
        row, column = divmod(cell, p.shape[1])
        increase = float(self.wire[row, column])
        x, y = p.x[t, column], p.y[t, row]
        x0, y0 = p.x0[t, column], p.y0[t, row]
        width, height = p.size[t]
        self._boxes[len(p.obstacles) + t] = x0, y0, x0 + width, y0 + height
        span = slice(p.nets.ptr[t], p.nets.ptr[t + 1])
        n = p.nets
        masks.extend_boxes(x, y, n.net[span], n.x0[span], n.x1[span], n.y0[span], n.y1[span], self.net_box)
        canvas = p.design.canvas
        left, bottom = x - p.half[t, 0] - canvas.x0, y - p.half[t, 1] - canvas.y0
        right, top = x + p.half[t, 0] - canvas.x0, y + p.half[t, 1] - canvas.y0
        masks.add_area(left, bottom, right, top, canvas.gcell_width, canvas.gcell_height, self.occupancy)
        self.cells[t] = cell
        self.hpwl += increase
        self.step += 1
        self._look_ahead()
        return increase

    def placement(self) -> Placement:
        """Where everything is: placed macros on their cells, all other movable objects as the design has them.

        Movable objects without a position of their own are marked as not placed.
        """
        p = self.problem
        given = p.design.placement
        x, y, placed = given.x.copy(), given.y.copy(), given.placed.copy()
        placed[p.macros] = False
        done = np.arange(self.step)
        rows, columns = np.divmod(self.cells[: self.step], p.shape[1])
        nodes = p.macros[: self.step]
        x[nodes], y[nodes], placed[nodes] = p.x[done, columns], p.y[done, rows], True
        return given.moved(x=x, y=y, placed=placed)

    def hard_macros(self) -> NDArray[np.int64]:
        """Hard macros that have a position now: fixed ones, then placed ones in placing order."""
        design = self.problem.design
        fixed = np.flatnonzero(~design.movable & (design.netlist.node_kind == HARD_MACRO))
        return np.concatenate([fixed, self.problem.macros[: self.step]])

    def _look_ahead(self) -> None:
        """Masks of the next macro."""
        p, t = self.problem, self.step
        if self.done:
            self.legal[:], self.wire[:], self.num_legal = 0, 0.0, 0
            return
        self.num_legal = int(
            masks.legality_mask(
                p.x0[t], p.y0[t], p.size[t, 0], p.size[t, 1], self._boxes, len(p.obstacles) + t, self.legal
            )
        )
        n, span = p.nets, slice(p.nets.ptr[t], p.nets.ptr[t + 1])
        masks.wire_mask(
            p.x[t], p.y[t], n.net[span], n.x0[span], n.x1[span], n.y0[span], n.y1[span], n.weight[span],
            self.net_box, self.wire,
        )  # fmt: skip
