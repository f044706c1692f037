"""Standard-cell logic with Rent's rule: who drives whom.

Cells stand on a line whose binary subdivision is the design's hierarchy. Rent's rule says that a block of ``g`` cells
has ``T(g) = t * g**p`` terminals, so joining two blocks of ``g`` cells makes ``2 T(g) - T(2 g)`` terminals internal:
``t * g**p * (2 - 2**p)``. Per cell that falls by ``2**(p - 1)`` a level, so the level at which a connection leaves its
driver's block for the sibling block is drawn with odds ``2**(-(1 - p) * level)``. This is the generative reading of
Rent's rule used by benchmark generators such as GNL (Stroobandt, Verplaetse and Van Campenhout, "Generating synthetic
benchmark circuits for evaluating CAD tools", IEEE TCAD 19(9), 2000), top-down and for all nets at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.synthesis.draws import Draws
from netlists.synthesis.spec import SynthesisSpec

#: Widths of buses and how often each occurs.
_BUS_WIDTHS = np.array([4, 8, 16, 32, 64])
_BUS_SHARES = (0.34, 0.30, 0.18, 0.13, 0.05)
#: Widths of NanGate45 standard cells in sites of 0.19 um, and how often each occurs (ariane133 and mempool_tile).
_CELL_SITES = np.array([2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 17, 20, 25])
_CELL_SHARES = (0.087, 0.16, 0.109, 0.22, 0.08, 0.041, 0.033, 0.04, 0.03, 0.026, 0.016, 0.054, 0.087)
SITE_WIDTH, ROW_HEIGHT = 0.19, 1.4
#: Exponent of the fan-out tail.
_TAIL_EXPONENT = 2.2
_TAIL_TOP = 24


@dataclass(frozen=True)
class Edges:
    """Sink connections: ``net[i]`` reaches ``node[i]``; duplicates allowed until :func:`unique_sinks`."""

    net: NDArray[np.int64]
    node: NDArray[np.int64]


def cell_widths(draws: Draws, cells: int) -> NDArray[np.float64]:
    """``[cells]`` standard-cell widths, um; heights are :data:`ROW_HEIGHT`."""
    return np.round(_CELL_SITES[draws.choice(_CELL_SHARES, cells)] * SITE_WIDTH, 2)


def levels(cells: int) -> int:
    """Depth of the binary subdivision of ``cells`` cells."""
    return max(1, int(cells).bit_length() - 1)


def partner(draws: Draws, cells: int, start: NDArray[np.int64], level: NDArray[np.int64]) -> NDArray[np.int64]:
    """A uniformly drawn cell in the sibling of the block of ``2**(level - 1)`` leaves that holds ``start``.

    Args:
        draws: random source.
        cells: number of cells.
        start: ``[K]`` cells.
        level: ``[K]`` level of the lowest block that will hold both, 1 .. ``levels(cells)``.

    Returns:
        ``[K]`` cells, never in the same half-block as ``start``.
    """
    depth = levels(cells)
    half = level - 1
    # Leaf l holds the cells i with i * 2**depth // cells == l; one or two each.
    sibling = (((start << depth) // cells >> half) ^ 1) << half
    first = -((-sibling * cells) >> depth)
    last = -((-(sibling + (1 << half)) * cells) >> depth)
    return first + draws.below(last - first, len(start))


def logic_sinks(spec: SynthesisSpec, seed: int) -> Edges:
    """Sinks of the cell-driven nets; net ``i`` is driven by cell ``i``. Every cell drives and is driven.

    Nets come in runs: one bit, or a bus of parallel bits from neighbouring drivers to neighbouring sinks.

    Returns:
        Edges with ``net`` and ``node`` in ``0 .. cells - 1``; no duplicates, no self-loops.
    """
    cells = spec.cells
    draws = Draws(seed, 1)
    depth = levels(cells)
    begin, width = _runs(spec, draws)
    runs = len(begin)
    fanout, register = _fanouts(spec, draws, width)
    odds = np.exp2(-(1.0 - spec.rent_exponent) * np.arange(1, depth + 1, dtype=np.float64))

    def draw_level(size: int, floor: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.minimum(np.maximum(draws.choice(odds, size) + 1, floor), depth)

    # A bus must leap at least its own width, or it would land on itself.
    floor = np.ceil(np.log2(width)).astype(np.int64) + (width > 1)
    first = partner(draws, cells, begin, draw_level(runs, floor))
    # Further sinks sit near the driver or near the first sink, each at its own distance.
    extra_run = np.repeat(np.arange(runs), np.where(register, 0, fanout - 1))
    anchor = np.where(draws.uniform(len(extra_run)) < 0.5, begin[extra_run], first[extra_run])
    extra = partner(draws, cells, anchor, draw_level(len(extra_run), floor[extra_run]))
    # A register's enable reaches neighbouring cells.
    reg_run = np.repeat(np.flatnonzero(register), fanout[register] - 1)
    reg_rank = _ramp(fanout[register] - 1) + 1
    base_run = np.concatenate([np.arange(runs), extra_run, reg_run])
    base = np.concatenate([first, extra, (first[reg_run] + reg_rank) % cells])

    bits = np.repeat(np.arange(len(base_run)), width[base_run])
    offset = _ramp(width[base_run])
    net = begin[base_run[bits]] + offset
    node = (base[bits] + offset) % cells
    node = np.where(node == net, (node + 1) % cells, node)
    idle = np.flatnonzero(np.bincount(node, minlength=cells) == 0)
    near = partner(draws, cells, idle, draw_level(len(idle), np.ones(len(idle), np.int64)))
    return unique_sinks(Edges(np.concatenate([net, near]), np.concatenate([node, idle])), cells)


def reset_sinks(spec: SynthesisSpec, seed: int) -> list[NDArray[np.int64]]:
    """Cells on each reset-like net, the global one first; each list ascending, distinct and not empty."""
    cells = spec.cells
    draws = Draws(seed, 2)
    out = [np.flatnonzero(draws.uniform(cells) < spec.reset_share)]
    if len(out[0]) == 0:
        out[0] = np.zeros(1, np.int64)
    # Local, synchronous resets and flushes: contiguous regions, one for each factor of four in size above 4,096.
    for k in range(max(0, (levels(cells) - 10) // 2)):
        size = min(cells // 8, 300 << k)
        begin = int(draws.below(cells - size, 1)[0])
        region = begin + np.flatnonzero(draws.uniform(size) < 0.5)
        if len(region):
            out.append(region)
    return out


def unique_sinks(edges: Edges, nodes: int) -> Edges:
    """The same connections sorted by net then node, each once."""
    key = np.unique(edges.net * nodes + edges.node)
    return Edges(key // nodes, key % nodes)


def _runs(spec: SynthesisSpec, draws: Draws) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First driver and width of each run, covering ``0 .. cells - 1`` in order."""
    mean = float(np.dot(_BUS_WIDTHS, _BUS_SHARES))
    # bus_share counts nets, so buses are rarer than single bits by their mean width.
    bus_odds = spec.bus_share / mean / (spec.bus_share / mean + 1.0 - spec.bus_share)
    top = spec.cells if spec.bus_share < 1e-12 else int(spec.cells * 1.05 / (1 - bus_odds + bus_odds * mean)) + 4096
    width = np.where(
        draws.uniform(top) < bus_odds,
        np.minimum(_BUS_WIDTHS[draws.choice(_BUS_SHARES, top)], max(1, spec.cells // 8)),
        1,
    ).astype(np.int64)
    end = np.cumsum(width)
    if end[-1] < spec.cells:  # rare shortfall of the estimate: finish with single bits
        width = np.concatenate([width, np.ones(spec.cells - end[-1], np.int64)])
        end = np.cumsum(width)
    runs = int(np.searchsorted(end, spec.cells)) + 1
    width = width[:runs].copy()
    width[-1] -= end[runs - 1] - spec.cells
    return np.concatenate([[0], np.cumsum(width)[:-1]]), width


def _fanouts(
    spec: SynthesisSpec, draws: Draws, width: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Sinks of each run's nets, and which runs are register enables."""
    runs = len(width)
    fanout = draws.choice(spec.fanout_shares, runs) + 1
    kind = draws.uniform(runs)
    # Buses drive no enables, so single bits do it more often to reach the wanted share of nets.
    enable_odds = spec.enable_share / (1.0 - spec.bus_share)
    enable = (kind < enable_odds) & (width == 1)
    tail = (kind >= enable_odds) & (kind < enable_odds + spec.tail_share)
    low = len(spec.fanout_shares) + 1
    fanout = np.where(tail, draws.power_law(low, max(low, _TAIL_TOP), runs, _TAIL_EXPONENT), fanout)
    fanout = np.where(enable, 32 + draws.below(65, runs), fanout)
    return np.minimum(fanout, max(1, spec.cells // 4)), enable


def _ramp(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, .. counts[0]-1, 0, 1, .. counts[1]-1, and so on."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
