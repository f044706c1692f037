"""Exact price of a move on the device, and what keeping it changes: the counterpart of the incremental kernel."""

from __future__ import annotations

from numpy.typing import NDArray

from placer.engines.gpu_search.board import Board
from placer.engines.gpu_search.maps import lay_slot, write_all, write_trial
from placer.engines.gpu_search.nets import all_nets, nets_change
from placer.engines.gpu_search.reduce import top_sum
from placer.engines.gpu_search.target import cuda

# Slots of the numbers of a placement, committed or on trial. A thread's own copy; all threads hold the same.
#: HPWL (um), top sums, proxy cost, then the smallest entries that count in the two top sums.
HPWL, DENSITY, CONGESTION, PROXY, DENSITY_EDGE, CONGESTION_EDGE = range(6)
FIGURES = 6
# Slots of the switches of a chain.
#: Which copy of either map is committed; of a trial, whether the congestion map changed.
SIDE, AREA_SIDE, ROUTED = range(3)


@cuda.jit(device=True)
def _proxy(b: Board, figures: NDArray) -> float:
    return (
        figures[HPWL] * b.wirelength_scale
        + figures[DENSITY] * b.density_scale
        + figures[CONGESTION] * b.congestion_scale
    )


@cuda.jit(device=True)
def rebuild(
    b: Board, x: NDArray, y: NDArray, orient: NDArray,
    slots: NDArray, nx: NDArray, ny: NDArray, no: NDArray,
    congestion: NDArray, area: NDArray, delta: NDArray, scratch: NDArray, words: int, bits: NDArray, notes: NDArray,
    sides: NDArray, facts: NDArray, now: NDArray, switches: NDArray,
) -> None:  # fmt: skip
    """Fill both maps and the figures ``now`` from the positions. Begins and ends with a barrier."""
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    gcells = b.rows * b.columns
    cuda.syncthreads()
    for entry in range(thread, 2 * gcells, threads):
        delta[entry] = 0
    cuda.syncthreads()
    now[HPWL] = all_nets(b, x, y, orient, slots, nx, ny, no, delta, scratch, words, bits, notes)
    write_all(b, congestion, area, delta, sides, facts, x, y, orient)
    switches[SIDE] = switches[AREA_SIDE] = switches[ROUTED] = 0
    now[DENSITY], now[DENSITY_EDGE] = top_sum(area, 0, gcells, b.density_count, 0.0, scratch)
    now[CONGESTION], now[CONGESTION_EDGE] = top_sum(congestion, 0, 2 * gcells, b.congestion_count, 0.0, scratch)
    now[PROXY] = _proxy(b, now)


@cuda.jit(device=True)
def price(
    b: Board, x: NDArray, y: NDArray, orient: NDArray,
    slots: NDArray, nx: NDArray, ny: NDArray, no: NDArray, count: int,
    congestion: NDArray, area: NDArray, delta: NDArray, scratch: NDArray, words: int, bits: NDArray, notes: NDArray,
    sides: NDArray, facts: NDArray, now: NDArray, trial: NDArray, switches: NDArray,
) -> None:  # fmt: skip
    """Price moving ``slots[:count]`` (distinct) to centres ``nx, ny`` (um) in ``no``; fills ``trial``.

    The committed placement, its maps and ``now`` stay as they are. All threads of the block call it with the same
    move; begins after and ends with a barrier.

    Args:
        b: the design.
        x: ``[S]`` committed centres of the chain, um.
        y: likewise.
        orient: likewise.
        slots: moved slots.
        nx: their new centres.
        ny: likewise.
        no: their new orientations.
        count: 1 to 3.
        congestion: ``[2 * 2 * gcells]`` two copies, vertical then horizontal entries.
        area: ``[2 * gcells]`` two copies.
        delta: ``[2 * gcells]`` int32 demand.
        scratch: for reductions.
        words: int32 words of a bit map.
        bits: two bit maps.
        notes: of a long net.
        sides: table of boxes.
        facts: likewise.
        now: committed figures.
        trial: figures of the trial.
        switches: of the chain; ``ROUTED`` is set for the trial.
    """
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    gcells = b.rows * b.columns
    for entry in range(thread, 2 * gcells, threads):
        delta[entry] = 0
    for j in range(thread, 2 * count, threads):
        k = j >> 1
        i = slots[k]
        if j & 1:
            lay_slot(b, sides, facts, j, i, nx[k], ny[k], no[k])
        else:
            lay_slot(b, sides, facts, j, i, x[i], y[i], orient[i])
    cuda.syncthreads()
    change, routed = nets_change(
        b, x, y, orient, slots, nx, ny, no, count, delta, scratch, words, bits, notes
    )  # fmt: skip
    for k in range(count):
        routed = routed or slots[k] < b.hards
    spare, spare_area = 1 - switches[SIDE], 1 - switches[AREA_SIDE]
    write_trial(b, congestion, spare, area, spare_area, delta, sides, facts, count, routed)
    cuda.syncthreads()
    trial[HPWL] = now[HPWL] + change
    trial[DENSITY], trial[DENSITY_EDGE] = top_sum(
        area, spare_area * gcells, gcells, b.density_count, now[DENSITY_EDGE], scratch
    )
    if routed:
        trial[CONGESTION], trial[CONGESTION_EDGE] = top_sum(
            congestion, spare * 2 * gcells, 2 * gcells, b.congestion_count, now[CONGESTION_EDGE], scratch
        )
    else:
        trial[CONGESTION], trial[CONGESTION_EDGE] = now[CONGESTION], now[CONGESTION_EDGE]
    switches[ROUTED] = 1 if routed else 0
    trial[PROXY] = _proxy(b, trial)


@cuda.jit(device=True)
def settle(
    x: NDArray, y: NDArray, orient: NDArray, slots: NDArray, nx: NDArray, ny: NDArray, no: NDArray, count: int,
    now: NDArray, trial: NDArray, switches: NDArray,
) -> None:  # fmt: skip
    """Make the trial the placement of the chain. A barrier must follow before positions are read again."""
    if cuda.threadIdx.x == 0:
        for k in range(count):
            x[slots[k]], y[slots[k]], orient[slots[k]] = nx[k], ny[k], no[k]
    switches[AREA_SIDE] = 1 - switches[AREA_SIDE]
    if switches[ROUTED]:
        switches[SIDE] = 1 - switches[SIDE]
    for k in range(FIGURES):
        now[k] = trial[k]
