"""Where wires want to be, and cells that grow there to keep room for them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from netlists.design import Design
from placer.engines.analytic.bodies import Bodies
from placer.engines.analytic.circuit import Circuit

Floats = NDArray[np.float64]

#: Bins a side of the map, at most: congestion is a matter of regions, and large nets cover many bins.
_MOST_BINS = 256
#: A cell grows by at most this factor, over all rounds.
_MOST = 2.5
#: Share of the free room that growth may take.
_ROOM = 0.6


@dataclass(frozen=True)
class Supply:
    """Routing tracks per um: horizontal ones per um of height, vertical ones per um of width."""

    horizontal: float
    vertical: float

    @staticmethod
    def of(design: Design) -> Supply | None:
        """That of a design's canvas; None where the canvas says nothing."""
        canvas = design.canvas
        if canvas.h_routes_per_um <= 0 or canvas.v_routes_per_um <= 0:
            return None
        return Supply(canvas.h_routes_per_um, canvas.v_routes_per_um)


def congestion(circuit: Circuit, x: Floats, y: Floats, supply: Supply, bins: tuple[int, int]) -> Floats:
    """Wires wanted over tracks there are, the worse of both directions.

    Each net spreads as much horizontal wire as its box is wide, and vertical as it is high, evenly over its box
    (RUDY, Spindler and Johannes, DATE 2007, by direction). A box is at least a bin wide and high.

    Args:
        circuit: nets and pins.
        x: ``[N]`` centres, um.
        y: ``[N]``.
        supply: tracks.
        bins: (columns, rows).

    Returns:
        ``[columns, rows]``, above 1 where more is wanted than there is.
    """
    pitch = circuit.extent[0] / bins[0], circuit.extent[1] / bins[1]
    steps = np.zeros((2, bins[0] + 2, bins[1] + 2))
    _mark(
        circuit.net_ptr, circuit.pin_node, circuit.pin_dx, circuit.pin_dy, circuit.weight, x, y, pitch[0], pitch[1],
        steps,
    )  # fmt: skip
    wires = steps.cumsum(1).cumsum(2)[:, : bins[0], : bins[1]]
    return np.maximum(wires[0] / supply.horizontal, wires[1] / supply.vertical)


def growth_of(
    circuit: Circuit,
    x: Floats,
    y: Floats,
    movable: NDArray[np.bool_],
    supply: Supply,
    power: float,
    bodies: Bodies,
    target: float,
    before: Floats | None,
) -> Floats:
    """How much wider cells shall be for global placement.

    Args:
        circuit: nets and sizes.
        x: ``[N]`` centres, um.
        y: ``[N]``.
        movable: ``[N]`` which nodes move.
        supply: tracks.
        power: of congestion above 1 that becomes the factor.
        bodies: what is spread now: its fillers are the room there is.
        target: density of the spread.
        before: ``[N]`` factors so far.

    Returns:
        ``[N]`` factors, 1 for macros and what does not move. Together they take no more than a part of the free room.
    """
    side = min(_MOST_BINS, bodies.bins[0])
    ratio = congestion(circuit, x, y, supply, (side, side))
    before = np.ones(circuit.num_nodes) if before is None else before
    cells = np.flatnonzero(movable & ~circuit.macro)
    column = np.clip((x[cells] * (side / circuit.extent[0])).astype(np.int64), 0, side - 1)
    row = np.clip((y[cells] * (side / circuit.extent[1])).astype(np.int64), 0, side - 1)
    more = np.ones(circuit.num_nodes)
    more[cells] = np.clip(np.maximum(ratio[column, row], 1.0) ** power, 1.0, _MOST)
    grown = np.minimum(before * more, np.maximum(_MOST, before))
    area = circuit.width * circuit.height
    wanted = float((area * (grown - before)).sum())
    fillers = bodies.node < 0
    room = _ROOM * float(bodies.size[0, fillers] @ bodies.size[1, fillers])
    share = min(1.0, room / wanted) if wanted > 0 else 0.0
    return before + share * (grown - before)


@njit(cache=True)
def _mark(
    net_ptr: NDArray, pin_node: NDArray, dx: NDArray, dy: NDArray, weight: NDArray, x: NDArray, y: NDArray,
    pitch_x: float, pitch_y: float, steps: NDArray,
) -> None:  # fmt: skip
    """Second differences of the two wire maps: sixteen entries a net, however large its box."""
    columns, rows = steps.shape[1] - 2, steps.shape[2] - 2
    at_x, by_x = np.empty(4, np.int64), np.empty(4)
    at_y, by_y = np.empty(4, np.int64), np.empty(4)
    for e in range(len(weight)):
        x0 = y0 = math.inf
        x1 = y1 = -math.inf
        for q in range(net_ptr[e], net_ptr[e + 1]):
            i = pin_node[q]
            px, py = x[i] + dx[q], y[i] + dy[q]
            x0, x1, y0, y1 = min(x0, px), max(x1, px), min(y0, py), max(y1, py)
        across, along = weight[e] / pitch_y, weight[e] / pitch_x
        width, height = x1 - x0, y1 - y0
        _edges(x0, x1, pitch_x, columns, at_x, by_x)
        _edges(y0, y1, pitch_y, rows, at_y, by_y)
        # Wire of length ``width`` over a box of ``w x h`` is ``width / (w h)`` a unit of area.
        w, h = max(width / pitch_x, 1.0), max(height / pitch_y, 1.0)
        across *= width / pitch_x / (w * h)
        along *= height / pitch_y / (w * h)
        for a in range(4):
            for b in range(4):
                part = by_x[a] * by_y[b]
                steps[0, at_x[a], at_y[b]] += across * part
                steps[1, at_x[a], at_y[b]] += along * part


@njit(cache=True)
def _edges(low: float, high: float, pitch: float, count: int, at: NDArray, by: NDArray) -> None:
    """Differences of the shares in which an interval, at least a bin long, covers the bins."""
    a, b = low / pitch, high / pitch
    if b - a < 1.0:
        a, b = (a + b - 1.0) / 2, (a + b + 1.0) / 2
    a, b = min(max(a, 0.0), count - 1e-9), min(max(b, 1e-9), float(count))
    first, last = int(a), min(int(b), count - 1)
    start, end = first + 1 - a, b - last
    if first == last:
        start, end = b - a, 0.0
        last = first + 1
    at[0], by[0] = first, start
    at[1], by[1] = first + 1, 1.0 - start
    at[2], by[2] = last, end - 1.0
    at[3], by[3] = last + 1, -end
