"""The proxy cost of what has a position so far, kept up to date macro by macro.

It is the proxy cost (:mod:`placer.cost.full`) of the design with every object left out that has no position yet:
nets keep the pins that have one, and take the first of those, in the netlist's order, as their source while their own
has none. ``wirelength_cost`` is measured in the whole design's unit, so it grows towards that of the whole design.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from env.problem import MacroProblem
from netlists.compiled import njit
from netlists.netlist import HARD_MACRO, PORT
from netlists.orientation import MATRIX, oriented_sizes
from placer.cost.full import (
    Cost,
    CostWeights,
    _areas,
    _blockages,
    _pin_positions,
    congestion_top_mean,
    density_top_mean,
    supply,
)
from placer.cost.routing import net_segments


@dataclass(frozen=True)
class Terms:
    """Terms of the proxy cost.

    Attributes:
        proxy_cost: the weighted sum.
        wirelength_cost: weighted HPWL over ((width + height) * sum of net weights).
        density_cost: half the mean density of the fullest 10 % of gcells.
        congestion_cost: mean of the 5 % highest entries of both congestion maps.
    """

    proxy_cost: float
    wirelength_cost: float
    density_cost: float
    congestion_cost: float

    @staticmethod
    def of(cost: Cost) -> Terms:
        """The terms of a full cost."""
        return Terms(cost.proxy_cost, cost.wirelength_cost, cost.density_cost, cost.congestion_cost)

    def as_info(self) -> dict[str, float]:
        """The terms by name."""
        return {
            "proxy_cost": self.proxy_cost,
            "wirelength_cost": self.wirelength_cost,
            "density_cost": self.density_cost,
            "congestion_cost": self.congestion_cost,
        }


def known_weights(weights: CostWeights | None) -> CostWeights:
    """The weights of an environment, the usual ones for None.

    Raises:
        ValueError: a weight for the wirelength between macros or for a term of the search, which steps do not keep up
            to date.
    """
    if weights is not None and weights.macro_wirelength > 0:
        raise ValueError("environments do not know the wirelength between macros: macro_wirelength must be 0")
    if weights is not None and weights.search_only:
        raise ValueError("environments know the terms of the proxy cost: all other weights must be 0")
    return weights or CostWeights()


class PartialCost:
    """Cost and congestion of the objects that have a position: ports, fixed objects and placed hard macros.

    Args:
        problem: the design.
        weights: of the proxy cost.

    Raises:
        ValueError: see :func:`known_weights`.

    Attributes:
        terms: :class:`Terms` of what has a position.
        h_congestion: ``[R, C]`` horizontal demand over supply, row 0 at the bottom.
        v_congestion: ``[R, C]`` vertical demand over supply.
    """

    def __init__(self, problem: MacroProblem, weights: CostWeights | None = None) -> None:
        self._problem, self._weights = problem, known_weights(weights)
        n, canvas, given = problem.design.netlist, problem.design.canvas, problem.design.placement
        fixed = ~problem.design.movable & given.placed
        takes_part = fixed.copy()
        takes_part[problem.macros] = True
        # Connections of what can ever have a position, net by net, in the netlist's order.
        conn = np.flatnonzero(takes_part[n.conn_node])
        self._node, self._net = n.conn_node[conn].astype(np.int64), n.conn_net[conn]
        self._dx, self._dy = n.conn_dx[conn], n.conn_dy[conn]
        self._ptr = np.searchsorted(self._net, np.arange(n.num_nets + 1))
        where = np.searchsorted(conn, n.net_source)
        found = np.minimum(where, max(len(conn) - 1, 0))
        self._source = np.where(conn[found] == n.net_source, found, -1) if len(conn) else np.full(n.num_nets, -1)
        order = np.argsort(self._node, kind="stable")
        self._own = {
            int(node): order[slice(*np.searchsorted(self._node[order], [node, node + 1]))] for node in problem.macros
        }
        longest = int(np.diff(self._ptr).max(initial=1))
        self._cells, self._segments = np.empty(longest, np.int64), np.empty((2 * longest + 4, 4), np.int64)
        self._visited = np.full(problem.shape, -1, np.int64)
        self._supply = supply(canvas)
        rows, columns = problem.shape
        self._spread_rows, self._spread_columns = _spread(rows, canvas.smoothing), _spread(columns, canvas.smoothing)

        self._start_cell = np.full(len(conn), -1, np.int64)
        self._put(np.flatnonzero(fixed[self._node]), given.x, given.y, given.orient, self._start_cell)
        self._start_demand = np.zeros((2, rows, columns))
        self._route(np.arange(n.num_nets), 1.0, self._start_cell, self._start_demand)
        self._start_area, self._start_block = np.zeros((rows, columns)), np.zeros((2, rows, columns))
        solid = fixed & (n.node_kind != PORT)
        wide, high = oriented_sizes(n.node_width[solid], n.node_height[solid], given.orient[solid])
        x, y = given.x[solid] - canvas.x0, given.y[solid] - canvas.y0
        sides = [x - wide / 2, y - high / 2, x + wide / 2, y + high / 2]
        self._cover(sides, self._start_area)
        self._block([side[n.node_kind[solid] == HARD_MACRO] for side in sides], self._start_block)
        self.reset(0.0)

    def reset(self, hpwl_um: float) -> None:
        """Take every macro off the canvas.

        Args:
            hpwl_um: weighted HPWL of what still has a position.
        """
        self._cell = self._start_cell.copy()
        self._demand = self._start_demand.copy()
        self._area, self._blocked = self._start_area.copy(), self._start_block.copy()
        self._score(hpwl_um)

    def place(self, t: int, o: int, x: float, y: float, hpwl_um: float) -> None:
        """Put macro ``t`` in its orientation ``o`` with its centre at ``x, y`` (um).

        Args:
            t: number in placing order.
            o: orientation index.
            x: um.
            y: um.
            hpwl_um: weighted HPWL afterwards.
        """
        p, canvas = self._problem, self._problem.design.canvas
        own = self._own[int(p.macros[t])]
        nets = p.nets.net[p.nets.ptr[t] : p.nets.ptr[t + 1]]
        self._route(nets, -1.0, self._cell, self._demand)
        _set_cells(
            own, self._dx, self._dy, x - canvas.x0, y - canvas.y0, MATRIX[p.orient[t, o]],
            canvas.gcell_width, canvas.gcell_height, *p.shape, self._cell,
        )  # fmt: skip
        self._route(nets, 1.0, self._cell, self._demand)
        x, y, half = x - canvas.x0, y - canvas.y0, p.half[t, o]
        sides = [np.array([v]) for v in (x - half[0], y - half[1], x + half[0], y + half[1])]
        self._cover(sides, self._area)
        self._block(sides, self._blocked)
        self._score(hpwl_um)

    def _put(
        self,
        conn: NDArray[np.int64],
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        orient: NDArray[np.int8],
        cell: NDArray[np.int64],
    ) -> None:
        canvas = self._problem.design.canvas
        px, py = _pin_positions(
            self._node[conn], self._dx[conn], self._dy[conn], x - canvas.x0, y - canvas.y0, orient, MATRIX
        )
        row = np.clip(np.floor(py / canvas.gcell_height), 0, canvas.grid_rows - 1).astype(np.int64)
        column = np.clip(np.floor(px / canvas.gcell_width), 0, canvas.columns - 1).astype(np.int64)
        cell[conn] = row << 16 | column

    def _route(
        self, nets: NDArray[np.int64], sign: float, cell: NDArray[np.int64], demand: NDArray[np.float64]
    ) -> None:
        weight = self._problem.design.netlist.net_weight
        _add_demand(
            nets, self._ptr, self._source, weight, sign, cell, self._cells, self._segments, self._visited, demand
        )

    def _cover(self, sides: list[NDArray[np.float64]], out: NDArray[np.float64]) -> None:
        canvas = self._problem.design.canvas
        left, bottom, right, top = sides
        _areas(left, bottom, right, top, canvas.gcell_width, canvas.gcell_height, out)

    def _block(self, sides: list[NDArray[np.float64]], out: NDArray[np.float64]) -> None:
        canvas = self._problem.design.canvas
        left, bottom, right, top = sides
        _blockages(
            left, bottom, right, top, canvas.gcell_width, canvas.gcell_height,
            canvas.h_macro_routes_per_um, canvas.v_macro_routes_per_um, out[0], out[1],
        )  # fmt: skip

    def _score(self, hpwl_um: float) -> None:
        canvas, weights = self._problem.design.canvas, self._weights
        h, v = self._demand
        if canvas.smoothing:
            h, v = self._spread_rows @ h, v @ self._spread_columns.T
        self.h_congestion = (h + self._blocked[0]) / self._supply[0]
        self.v_congestion = (v + self._blocked[1]) / self._supply[1]
        wirelength = hpwl_um * self._problem.hpwl_scale
        density = 0.5 * density_top_mean(self._area / (canvas.gcell_width * canvas.gcell_height))
        congestion = congestion_top_mean(self.h_congestion, self.v_congestion)
        proxy = weights.wirelength * wirelength + weights.density * density + weights.congestion * congestion
        self.terms = Terms(proxy, wirelength, density, congestion)


def _spread(count: int, reach: int) -> NDArray[np.float64]:
    """The matrix of :func:`placer.cost.full.smooth`, made once."""
    index = np.arange(count)
    low, high = np.maximum(index - reach, 0), np.minimum(index + reach, count - 1)
    return ((index[:, None] >= low) & (index[:, None] <= high)) / (high - low + 1)


@njit(cache=True)
def _set_cells(
    conns: NDArray,
    dx: NDArray,
    dy: NDArray,
    x: float,
    y: float,
    turn: NDArray,
    pitch_x: float,
    pitch_y: float,
    rows: int,
    columns: int,
    cell: NDArray,
) -> None:
    """Gcells of one macro's connections, its centre at ``x, y`` um from the canvas origin."""
    for c in conns:
        px = x + (turn[0] * dx[c] + turn[1] * dy[c])
        py = y + (turn[2] * dx[c] + turn[3] * dy[c])
        row = min(max(int(np.floor(py / pitch_y)), 0), rows - 1)
        column = min(max(int(np.floor(px / pitch_x)), 0), columns - 1)
        cell[c] = row << 16 | column


@njit(cache=True)
def _add_demand(
    nets: NDArray,
    ptr: NDArray,
    source: NDArray,
    weight: NDArray,
    sign: float,
    cell: NDArray,
    cells: NDArray,
    segments: NDArray,
    visited: NDArray,
    demand: NDArray,
) -> None:
    """Add the routing demand of ``nets`` over their pins that have a gcell to ``demand`` ``[2, rows, columns]``.

    ``visited`` holds -1 everywhere, before and after.
    """
    for net in nets:
        size = 0
        first = source[net]
        if first >= 0 and cell[first] >= 0:
            cells[0] = cell[first]
            visited[cells[0] >> 16, cells[0] & 0xFFFF] = net
            size = 1
        for c in range(ptr[net], ptr[net + 1]):
            at = cell[c]
            if at >= 0 and visited[at >> 16, at & 0xFFFF] != net:
                visited[at >> 16, at & 0xFFFF] = net
                cells[size] = at
                size += 1
        for k in range(size):
            visited[cells[k] >> 16, cells[k] & 0xFFFF] = -1
        if size < 2:
            continue
        for s in range(net_segments(cells, size, segments)):
            line = segments[s, 1]
            for i in range(segments[s, 2], segments[s, 3]):
                if segments[s, 0] == 0:
                    demand[0, line, i] += sign * weight[net]
                else:
                    demand[1, i, line] += sign * weight[net]
