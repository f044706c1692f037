"""Which object carries how much of the proxy cost: an exact split that reports show beside every object.

Every term of the cost is a sum, so it can be handed out without remainder:

- *wirelength*: a net's weighted HPWL, split equally over its connections;
- *density*: the area an object has in the gcells that density_cost averages (the fullest 10 %);
- *congestion*: the tracks in the map entries that congestion_cost averages (the highest 5 %). Tracks a hard macro
  blocks go to that macro; tracks a net asks for go to its connections, equally.

Where equal values straddle the cut-off, the entries that come first in memory are the ones averaged; the totals do
not depend on that choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import Canvas
from netlists.compiled import njit
from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT, Netlist
from netlists.orientation import MATRIX, oriented_sizes
from netlists.placement import Placement
from placer.cost.full import (
    CONGESTION_TOP,
    DENSITY_TOP,
    Cost,
    CostWeights,
    _blockages,
    _gcell_index,
    _pin_positions,
    full,
    smooth,
    supply,
)
from placer.cost.routing import net_segments


@dataclass(frozen=True, eq=False)
class Attribution:
    """The share of every object in the terms of the proxy cost; all arrays ``[N]`` float64, in units of the cost.

    Attributes:
        wirelength: sums to ``wirelength_cost``.
        density: sums to ``density_cost``.
        wiring: part of ``congestion_cost`` asked for by the object's nets.
        blockage: part of ``congestion_cost`` blocked by the object itself; zero for all but hard macros.
    """

    wirelength: NDArray[np.float64]
    density: NDArray[np.float64]
    wiring: NDArray[np.float64]
    blockage: NDArray[np.float64]

    @property
    def congestion(self) -> NDArray[np.float64]:
        """``[N]`` wiring plus blockage; sums to ``congestion_cost``."""
        return self.wiring + self.blockage

    def proxy(self, weights: CostWeights | None = None) -> NDArray[np.float64]:
        """``[N]`` shares of the weighted sum; they sum to ``proxy_cost`` under the same weights."""
        weights = weights or CostWeights()
        return (
            weights.wirelength * self.wirelength + weights.density * self.density + weights.congestion * self.congestion
        )


def attribute(design: Design, placement: Placement | None = None, cost: Cost | None = None) -> Attribution:
    """Split the cost of a placement (the design's own when none is given) over its objects.

    Args:
        design: netlist and canvas.
        placement: where the objects lie.
        cost: ``full(design, placement)`` when it is known already.

    Raises:
        NetlistError: the placement grid is finer than the cost model can hold.
    """
    placement = placement or design.placement
    cost = cost or full(design, placement)
    n, canvas = design.netlist, design.canvas
    px, py = _pin_positions(
        n.conn_node, n.conn_dx, n.conn_dy, placement.x - canvas.x0, placement.y - canvas.y0, placement.orient, MATRIX
    )
    width, height = oriented_sizes(n.node_width, n.node_height, placement.orient)
    left, bottom = placement.x - width / 2 - canvas.x0, placement.y - height / 2 - canvas.y0
    box = (left, bottom, left + width, bottom + height)
    h_price, v_price = _track_prices(cost, canvas)
    return Attribution(
        wirelength=_wirelength(n, px, py, canvas),
        density=_density(n, box, cost, canvas),
        wiring=_wiring(n, px, py, h_price, v_price, canvas),
        blockage=_blockage(n, box, h_price, v_price, canvas),
    )


def _wirelength(n: Netlist, px: NDArray[np.float64], py: NDArray[np.float64], canvas: Canvas) -> NDArray[np.float64]:
    total_weight = float(n.net_weight.sum())
    if total_weight <= 0:
        return np.zeros(n.num_nodes)
    first = n.net_ptr[:-1]
    wide, high = (np.maximum.reduceat(p, first) - np.minimum.reduceat(p, first) for p in (px, py))
    cost = n.net_weight * (wide + high) / ((canvas.width + canvas.height) * total_weight)
    return _over_connections(n, cost)


def _over_connections(n: Netlist, per_net: NDArray[np.float64]) -> NDArray[np.float64]:
    """``[M]`` amounts of nets -> ``[N]`` amounts of nodes, split equally over each net's connections."""
    share = (per_net / n.net_degree)[n.conn_net]
    return np.bincount(n.conn_node, weights=share, minlength=n.num_nodes).astype(np.float64)


def _density(n: Netlist, box: tuple[NDArray[np.float64], ...], cost: Cost, canvas: Canvas) -> NDArray[np.float64]:
    flat = cost.density.ravel()
    count = int(flat.size * DENSITY_TOP)
    # Grids under ten gcells average the occupied ones.
    counted = _highest(flat, count) if count else flat > 0
    price = counted / (max(1, int(counted.sum())) * canvas.gcell_width * canvas.gcell_height)
    share = 0.5 * _integral(price.reshape(cost.density.shape), box, canvas)
    share[n.node_kind == PORT] = 0.0
    return share


def _track_prices(cost: Cost, canvas: Canvas) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``[rows, columns]`` twice: what one blocked horizontal / vertical track of a gcell adds to congestion_cost."""
    entries = np.concatenate([cost.v_congestion.ravel(), cost.h_congestion.ravel()])
    count = max(1, int(entries.size * CONGESTION_TOP))
    v_hot, h_hot = (_highest(entries, count) / count).reshape(2, *cost.v_congestion.shape)
    h_supply, v_supply = supply(canvas)
    return h_hot / h_supply, v_hot / v_supply


def _highest(values: NDArray[np.float64], count: int) -> NDArray[np.bool_]:
    """Mask of the ``count`` highest values; of equal ones the first."""
    mask = np.zeros(len(values), bool)
    mask[np.argsort(-values, kind="stable")[:count]] = True
    return mask


def _integral(field: NDArray[np.float64], box: tuple[NDArray[np.float64], ...], canvas: Canvas) -> NDArray[np.float64]:
    """Integral (over um^2) of a field that is constant in each gcell, over every box ``[N]``.

    The integral from the lower-left canvas corner to a point is bilinear within a gcell, so four look-ups in the
    summed-area table give a box of any size, without a loop over the gcells it covers.
    """
    rows, columns = field.shape
    table = np.zeros((rows + 1, columns + 1))
    table[1:, 1:] = field.cumsum(0).cumsum(1) * (canvas.gcell_width * canvas.gcell_height)

    def upto(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        u, v = np.clip(x / canvas.gcell_width, 0, columns), np.clip(y / canvas.gcell_height, 0, rows)
        c, r = np.minimum(u.astype(np.int64), columns - 1), np.minimum(v.astype(np.int64), rows - 1)
        fu, fv = u - c, v - r
        low = table[r, c] + fu * (table[r, c + 1] - table[r, c])
        high = table[r + 1, c] + fu * (table[r + 1, c + 1] - table[r + 1, c])
        return low + fv * (high - low)

    left, bottom, right, top = box
    return upto(right, top) - upto(left, top) - upto(right, bottom) + upto(left, bottom)


def _wiring(
    n: Netlist,
    px: NDArray[np.float64],
    py: NDArray[np.float64],
    h_price: NDArray[np.float64],
    v_price: NDArray[np.float64],
    canvas: Canvas,
) -> NDArray[np.float64]:
    # Smoothing is linear: pricing smoothed demand equals pricing raw demand with smoothed-back prices.
    rows, columns = h_price.shape
    h_back = smooth(np.eye(rows), canvas.smoothing, axis=0).T @ h_price
    v_back = v_price @ smooth(np.eye(columns), canvas.smoothing, axis=1).T
    # Running sums along the wires make the price of a segment one subtraction.
    h_sum = np.hstack([np.zeros((rows, 1)), h_back.cumsum(1)])
    v_sum = np.vstack([np.zeros((1, columns)), v_back.cumsum(0)])
    row = _gcell_index(py, canvas.gcell_height, canvas.grid_rows)
    column = _gcell_index(px, canvas.gcell_width, canvas.columns)
    longest = int(n.net_degree.max(initial=1))
    per_net = n.net_weight * _segment_prices(n.net_ptr, n.net_source, row, column, longest, h_sum, v_sum)
    return _over_connections(n, per_net)


@njit(cache=True)
def _segment_prices(
    net_ptr: NDArray, net_source: NDArray, row: NDArray, column: NDArray, longest: int, h_sum: NDArray, v_sum: NDArray
) -> NDArray:
    """``[M]`` price of one track along all segments of each net; ``*_sum`` are running sums along the wires."""
    rows, columns = h_sum.shape[0], v_sum.shape[1]
    cells = np.empty(longest, np.int64)
    segments = np.empty((2 * longest + 4, 4), np.int64)
    visited = np.full((rows, columns), -1, np.int64)
    price = np.zeros(len(net_source))
    for net in range(len(net_source)):
        source = net_source[net]
        cells[0] = row[source] << 16 | column[source]
        visited[row[source], column[source]] = net
        size = 1
        for c in range(net_ptr[net], net_ptr[net + 1]):
            if visited[row[c], column[c]] != net:
                visited[row[c], column[c]] = net
                cells[size] = row[c] << 16 | column[c]
                size += 1
        for s in range(net_segments(cells, size, segments)):
            line, low, high = segments[s, 1], segments[s, 2], segments[s, 3]
            if segments[s, 0] == 0:
                price[net] += h_sum[line, high] - h_sum[line, low]
            else:
                price[net] += v_sum[high, line] - v_sum[low, line]
    return price


def _blockage(
    n: Netlist,
    box: tuple[NDArray[np.float64], ...],
    h_price: NDArray[np.float64],
    v_price: NDArray[np.float64],
    canvas: Canvas,
) -> NDArray[np.float64]:
    share = np.zeros(n.num_nodes)
    h_block, v_block = np.zeros_like(h_price), np.zeros_like(v_price)
    left, bottom, right, top = box
    for i in n.ids(HARD_MACRO):
        one = slice(i, i + 1)
        h_block[:], v_block[:] = 0.0, 0.0
        # One macro at a time through the reference rule, so that its special cases are written once.
        _blockages(
            left[one], bottom[one], right[one], top[one], canvas.gcell_width, canvas.gcell_height,
            canvas.h_macro_routes_per_um, canvas.v_macro_routes_per_um, h_block, v_block,
        )  # fmt: skip
        share[i] = (h_block * h_price).sum() + (v_block * v_price).sum()
    return share
