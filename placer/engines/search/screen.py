"""Which proposals can be refused without pricing their nets.

Most proposals of an annealing are refused, and most of the work of pricing them goes into their nets. The weighted
length of an object's nets is a sum of a function of its x and a function of its y while all else stands still, so two
short tables for each object, taken now and then, say about how a move changes it. Together with the exact change of
the density term that is enough to see most refusals coming: what such a move would have to gain in congestion is more
than moves do gain. What is not refused here is priced exactly as ever, so no placement and no cost is ever estimated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit_lean
from placer.cost.incremental.problem import Problem
from placer.cost.incremental.state import State
from placer.engines.search.moves.scene import Crowd, Draft

#: Entries of the tables at most; designs that need more are not screened.
MOST_ENTRIES = 1 << 25
#: Draws between two refreshments of the tables: at least that many, and as many for each connection of the design. It
#: keeps them at a few hundredths of the time.
_FEWEST_DRAWS, _DRAWS_PER_CONNECTION = 5_000, 0.5


class Screen(NamedTuple):
    """The tables of one chain.

    Attributes:
        every: draws between two refreshments; 0: nothing is screened.
        left: ``[1]`` draws until the next one.
        row: ``[N]`` which row of the tables belongs to an object, -1 for those that do not move.
        movers: ``[K]`` the objects that move.
        across: ``[K, columns + 1]`` cost of the nets' width with the object's centre at each gcell border, up to a
            constant; in units of proxy cost.
        up: ``[K, rows + 1]`` the same for their height.
        ends: ``[M, 4, 3]`` scratch: for low x, high x, low y and high y (high ones negated) of each net: the end, the
            object there, and the end of the pins of all others.
        slopes: ``[2, borders + 2, 2]`` scratch of one table.
    """

    every: int
    left: NDArray[np.int64]
    row: NDArray[np.int32]
    movers: NDArray[np.int64]
    across: NDArray[np.float32]
    up: NDArray[np.float32]
    ends: NDArray[np.float64]
    slopes: NDArray[np.float64]


def build_screen(problem: Problem, crowd: Crowd, on: bool = True) -> Screen:
    """Tables of a chain, to be filled by :func:`refresh`; none where they would be too large."""
    columns, rows = problem.columns + 1, problem.rows + 1
    movers = np.concatenate([crowd.soft, crowd.hard]).astype(np.int64)
    if not on or len(movers) * (columns + rows) > MOST_ENTRIES:
        movers = movers[:0]
    row = np.full(len(problem.width), -1, np.int32)
    row[movers] = np.arange(len(movers))
    connections = len(problem.conn_node)
    return Screen(
        max(_FEWEST_DRAWS, int(_DRAWS_PER_CONNECTION * connections)) if len(movers) else 0, np.zeros(1, np.int64),
        row, movers,
        np.zeros((len(movers), columns), np.float32), np.zeros((len(movers), rows), np.float32),
        np.zeros((len(problem.net_weight) if len(movers) else 0, 4, 3)), np.zeros((2, max(columns, rows) + 1, 2)),
    )  # fmt: skip


@njit_lean()
def refresh(p: Problem, s: State, screen: Screen) -> None:
    """Take the tables of the committed placement."""
    screen.left[0] = screen.every
    net_ends(p.net_ptr, p.conn_node, s.px, s.py, screen.ends)
    for k in range(len(screen.movers)):
        i = screen.movers[k]
        x, y = s.x[i] - p.x0, s.y[i] - p.y0
        _table(
            p.link_ptr, p.link, p.link_value, p.conn_node, s.px, x, screen.ends[:, 0:2], i, p.gcell_width,
            p.wirelength_scale, screen.slopes, screen.across[k],
        )  # fmt: skip
        _table(
            p.link_ptr, p.link, p.link_value, p.conn_node, s.py, y, screen.ends[:, 2:4], i, p.gcell_height,
            p.wirelength_scale, screen.slopes, screen.up[k],
        )  # fmt: skip


@njit_lean()
def expected_length(p: Problem, s: State, screen: Screen, d: Draft) -> float:
    """About what the drafted move changes in wirelength, in units of proxy cost; minus infinity where that is unknown.

    Exact where the tables are fresh, one object moves between gcell borders and keeps its orientation.
    """
    found = 0.0
    for k in range(d.size[0]):
        i = d.objects[k]
        row = screen.row[i]
        if row < 0 or d.orient[k] != s.orient[i]:
            return -np.inf
        across, up = screen.across[row], screen.up[row]
        found += _at(across, (d.x[k] - p.x0) / p.gcell_width) - _at(across, (s.x[i] - p.x0) / p.gcell_width)
        found += _at(up, (d.y[k] - p.y0) / p.gcell_height) - _at(up, (s.y[i] - p.y0) / p.gcell_height)
    return found


@njit_lean(inline="always")
def _at(table: NDArray, place: float) -> float:
    """Between the entries of a table, and in the line of the outermost two beyond them."""
    k = min(max(int(place), 0), len(table) - 2)
    low = float(table[k])
    return low + (float(table[k + 1]) - low) * (place - k)


@njit_lean()
def net_ends(net_ptr: NDArray, conn_node: NDArray, px: NDArray, py: NDArray, ends: NDArray) -> None:
    """Ends of every net, and where they would be without the object there.

    Args:
        net_ptr: offsets of the nets into the connections.
        conn_node: object of each connection.
        px: pin positions, um.
        py: the same.
        ends: ``[M, 4, 3]`` written: for low x, high x, low y, high y (high ones negated): the end, the object
            there, and the end of the pins of all others.
    """
    for net in range(len(net_ptr) - 1):
        for side in range(4):
            at = px if side < 2 else py
            sign = 1.0 if side % 2 == 0 else -1.0
            first, owner, second = np.inf, -1, np.inf
            for c in range(net_ptr[net], net_ptr[net + 1]):
                value, node = sign * at[c], conn_node[c]
                if value < first:
                    if node != owner:
                        second = first
                    first, owner = value, node
                elif node != owner and value < second:
                    second = value
            ends[net, side, 0], ends[net, side, 1], ends[net, side, 2] = first, owner, second


@njit_lean()
def _table(
    link_ptr: NDArray, link: NDArray, link_value: NDArray, conn_node: NDArray, at: NDArray, centre: float,
    ends: NDArray, i: int, pitch: float, scale: float, slopes: NDArray, out: NDArray,
) -> None:  # fmt: skip
    """Cost of the extent of the nets of object ``i`` along one axis, with its centre at every gcell border.

    Each net adds its weight times what the object's pins lie outside the box of the others: two kinks, summed from
    both sides.
    """
    borders = len(out)
    slopes[:, : borders + 1] = 0.0
    for a in range(link_ptr[i], link_ptr[i + 1]):
        net, conn, weight = link[a, 0], link[a, 1], link_value[a, 0]
        low = ends[net, 0, 2] if ends[net, 0, 1] == i else ends[net, 0, 0]
        high = -(ends[net, 1, 2] if ends[net, 1, 1] == i else ends[net, 1, 0])
        if low > high:  # nobody else is on it
            continue
        if conn >= 0:
            low -= at[conn] - centre
            high -= at[conn] - centre
        else:
            first, last = np.inf, -np.inf
            for c in range(link[a, 2], link[a, 3]):
                if conn_node[c] == i:
                    first, last = min(first, at[c] - centre), max(last, at[c] - centre)
            low, high = low - first, high - last
        k = min(max(int(np.ceil(low / pitch)), 0), borders)  # borders before k lie below it
        slopes[0, k, 0] += weight
        slopes[0, k, 1] += weight * low
        k = min(max(int(np.floor(high / pitch)) + 1, 0), borders)  # borders from k on lie above it
        slopes[1, k, 0] += weight
        slopes[1, k, 1] += weight * high
    weight = moment = 0.0
    for k in range(borders):
        weight += slopes[1, k, 0]
        moment += slopes[1, k, 1]
        out[k] = scale * (weight * k * pitch - moment)
    weight = moment = 0.0
    for k in range(borders - 1, -1, -1):
        weight += slopes[0, k + 1, 0]
        moment += slopes[0, k + 1, 1]
        out[k] += scale * (moment - weight * k * pitch)
