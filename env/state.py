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

    A *choice* is ``(orientation * R + row) * C + column``.

    Attributes:
        problem: the unchanging part.
        step: macros placed so far.
        legal: ``[O, R, C]`` int8, 1 where the next macro may go; all 0 when none is left.
        num_legal: number of legal choices.
        wire: ``[O, R, C]`` float64, exact increase of the weighted HPWL for the next macro, um.
        occupancy: ``[R, C]`` float64, share of each gcell that placed and fixed hard macros cover.
        net_box: ``[M, 4]`` float64, see :attr:`env.problem.MacroProblem.net_box`.
        hpwl_steps: weighted HPWL of everything that has a position, lattice steps.
        choices: ``[T]`` int64, choice of each macro in placing order; -1 until placed.
    """

    def __init__(self, problem: MacroProblem) -> None:
        self.problem = problem
        shape = (problem.num_orients, *problem.shape)
        self.legal: NDArray[np.int8] = np.zeros(shape, np.int8)
        self.wire: NDArray[np.float64] = np.zeros(shape)
        self.choices: NDArray[np.int64] = np.full(problem.num_macros, -1)
        self._along_x, self._along_y = np.zeros((shape[0], shape[2])), np.zeros((shape[0], shape[1]))
        self._num_fixed = len(problem.rules.fixed)
        self._boxes = np.concatenate([problem.rules.fixed, np.zeros((problem.num_macros, 4), np.int64)])
        self._halos = np.concatenate([problem.rules.fixed_halo, np.zeros((problem.num_macros, 4), np.int64)])
        self.reset()

    def reset(self) -> None:
        """Take every macro off the canvas."""
        p = self.problem
        self.step = 0
        self.choices[:] = -1
        self.occupancy = p.fixed_area.copy()
        self.net_box = p.net_box.copy()
        self.hpwl_steps = float(masks.total_hpwl(self.net_box, p.design.netlist.net_weight))
        self._look_ahead()

    def copy(self) -> MacroState:
        """The same state once more, to try something on."""
        other = object.__new__(MacroState)
        other.__dict__.update({k: v.copy() if isinstance(v, np.ndarray) else v for k, v in vars(self).items()})
        return other

    @property
    def done(self) -> bool:
        """True when every macro is placed."""
        return self.step == self.problem.num_macros

    @property
    def current(self) -> int:
        """Node id of the next macro, or -1."""
        return -1 if self.done else int(self.problem.macros[self.step])

    @property
    def hpwl(self) -> float:
        """Weighted HPWL of everything that has a position, um."""
        return self.hpwl_steps * self.problem.design.canvas.lattice

    def is_legal(self, choice: int) -> bool:
        """Whether the next macro may take this choice."""
        return bool(self.legal.flat[choice])

    def place(self, choice: int) -> float:
        """Put the next macro where a legal choice says.

        Returns:
            The increase of the weighted HPWL, um.

        Raises:
            ValueError: the choice is not legal; nothing has changed.
        """
        if self.done or not self.is_legal(choice):
            raise ValueError(f"choice {choice} is not legal for the next macro")
        p, t = self.problem, self.step
        o, row, column = self.unravel(choice)
        increase = float(self._along_x[o, column] + self._along_y[o, row])
        x0, y0 = p.x0[t, o, column], p.y0[t, o, row]
        width, height = p.size[t, o]
        self._boxes[self._num_fixed + t] = x0, y0, x0 + width, y0 + height
        self._halos[self._num_fixed + t] = p.rules.halo[t, o]
        n, span = p.nets, slice(p.nets.ptr[t], p.nets.ptr[t + 1])
        masks.extend_boxes(
            x0, y0, n.net[span], n.x0[o, span], n.x1[o, span], n.y0[o, span], n.y1[o, span], self.net_box
        )
        canvas = p.design.canvas
        x, y, half = p.x[t, o, column] - canvas.x0, p.y[t, o, row] - canvas.y0, p.half[t, o]
        masks.add_area(
            x - half[0], y - half[1], x + half[0], y + half[1], canvas.gcell_width, canvas.gcell_height, self.occupancy
        )
        self.choices[t] = choice
        self.hpwl_steps += increase
        self.step += 1
        self._look_ahead()
        return increase * canvas.lattice

    def unravel(self, choice: int) -> tuple[int, int, int]:
        """Orientation index, row and column of a choice."""
        rows, columns = self.problem.shape
        rest, column = divmod(choice, columns)
        o, row = divmod(rest, rows)
        return o, row, column

    def placement(self) -> Placement:
        """Where everything is: placed macros as chosen, all other movable objects as the design has them.

        Movable objects without a position of their own are marked as not placed.
        """
        p = self.problem
        given = p.design.placement
        x, y, orient, placed = given.x.copy(), given.y.copy(), given.orient.copy(), given.placed.copy()
        placed[p.macros] = False
        done = np.arange(self.step)
        o, rows, columns = np.unravel_index(self.choices[: self.step], self.legal.shape)
        nodes = p.macros[: self.step]
        x[nodes], y[nodes], placed[nodes] = p.x[done, o, columns], p.y[done, o, rows], True
        orient[nodes] = p.orient[done, o]
        return given.moved(x=x, y=y, orient=orient, placed=placed)

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
        walls = p.rules.walls[p.rules.fence[t]]
        self.num_legal = int(
            masks.legality_masks(
                p.x0[t], p.y0[t], p.size[t], p.rules.halo[t], p.allowed[t], walls,
                self._boxes, self._halos, self._num_fixed + t, p.rules.channel, self.legal,
            )
        )  # fmt: skip
        n = p.nets
        masks.wire_masks(
            p.x0[t], p.y0[t], n.ptr[t], n.ptr[t + 1], n.net, n.x0, n.x1, n.y0, n.y1, n.weight,
            self.net_box, p.design.canvas.lattice, self._along_x, self._along_y, self.wire,
        )  # fmt: skip
