"""The two programs a device runs, one block a chain: replay of given moves, and annealing."""

from __future__ import annotations

import math

from numba import float64, int32, int64, uint64
from numpy.typing import NDArray

from placer.engines.gpu_search.board import Board
from placer.engines.gpu_search.drafts import HARD_SLIDE, draft_hard, draft_soft
from placer.engines.gpu_search.price import FIGURES, PROXY, price, rebuild, settle
from placer.engines.gpu_search.storage import Chains, Layout
from placer.engines.gpu_search.target import cuda, program
from placer.engines.search.rng import uniform

#: Columns of the statistics of a kind of moves.
TRIED, PRICED, KEPT, GAINED = range(4)


@cuda.jit(device=True)
def _load(y: Layout, chains: Chains, block: int, place: NDArray, corner: NDArray, orient: NDArray) -> None:
    """Copy the positions of a chain to shared memory."""
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    for k in range(thread, 2 * y.slots, threads):
        place[k] = chains.place[block, k]
    for k in range(thread, 2 * y.hards, threads):
        corner[k] = chains.corner[block, k]
    for k in range(thread, y.slots, threads):
        orient[k] = chains.orient[block, k]


@cuda.jit(device=True)
def _store(y: Layout, chains: Chains, block: int, place: NDArray, corner: NDArray, orient: NDArray) -> None:
    """Copy them back."""
    thread, threads = cuda.threadIdx.x, cuda.blockDim.x
    for k in range(thread, 2 * y.slots, threads):
        chains.place[block, k] = place[k]
    for k in range(thread, 2 * y.hards, threads):
        chains.corner[block, k] = corner[k]
    for k in range(thread, y.slots, threads):
        chains.orient[block, k] = orient[k]


@program
def replay(
    b: Board, y: Layout, chains: Chains, moves: NDArray, xs: NDArray, ys: NDArray, turns: NDArray, keep: NDArray,
    costs: NDArray, figures: NDArray,
) -> None:  # fmt: skip
    """Price given moves one after the other and keep those that are marked.

    Args:
        b: the design.
        y: layout of a chain.
        chains: positions, changed in place; corners are left alone.
        moves: ``[B, n, 3]`` int64 slots, -1 where a move has fewer.
        xs: ``[B, n, 3]`` centres, um.
        ys: likewise.
        turns: ``[B, n, 3]`` int64 orientations.
        keep: ``[B, n]`` int32 1 to commit, 0 to forget.
        costs: ``[B, n]`` gets the proxy cost of each trial.
        figures: ``[B, FIGURES]`` gets the figures of the last committed placement.
    """
    block = cuda.blockIdx.x
    f = cuda.shared.array(0, float64)
    w = cuda.shared.array(0, int32)
    c = cuda.shared.array(0, int64)
    gcells = y.gcells
    scratch, sides = f[y.scratch : y.sides], f[y.sides : y.sides + 24]
    facts, notes = w[y.facts : y.facts + 36], w[y.notes : y.notes + 8]
    bits = w[y.bits : y.bits + 2 * y.words]
    maps, delta = chains.maps[block], chains.delta[block]
    if y.maps_shared:
        maps, delta = f[y.maps : y.maps + 6 * gcells], w[y.delta : y.delta + 2 * gcells]
    place, corner, orient = chains.place[block], chains.corner[block], chains.orient[block]
    if y.objects_shared:
        place, corner = f[y.place : y.place + 2 * y.slots], c[y.corner : y.corner + 2 * y.hards]
        orient = w[y.orient : y.orient + y.slots]
        _load(y, chains, block, place, corner, orient)
    px, py = place[: y.slots], place[y.slots :]
    congestion, area = maps[: 4 * gcells], maps[4 * gcells :]
    slots, no = cuda.local.array(3, int64), cuda.local.array(3, int64)
    nx, ny = cuda.local.array(3, float64), cuda.local.array(3, float64)
    now, trial = cuda.local.array(FIGURES, float64), cuda.local.array(FIGURES, float64)
    switches = cuda.local.array(3, int64)
    rebuild(
        b, px, py, orient, slots, nx, ny, no, congestion, area, delta, scratch, y.words, bits, notes, sides, facts,
        now, switches,
    )  # fmt: skip
    for at in range(moves.shape[1]):
        count = 0
        for k in range(3):
            if moves[block, at, k] >= 0:
                slots[count], no[count] = moves[block, at, k], turns[block, at, k]
                nx[count], ny[count] = xs[block, at, k], ys[block, at, k]
                count += 1
        price(
            b, px, py, orient, slots, nx, ny, no, count, congestion, area, delta, scratch, y.words, bits, notes,
            sides, facts, now, trial, switches,
        )  # fmt: skip
        if cuda.threadIdx.x == 0:
            costs[block, at] = trial[PROXY]
        if keep[block, at]:
            settle(px, py, orient, slots, nx, ny, no, count, now, trial, switches)
            cuda.syncthreads()
    if cuda.threadIdx.x == 0:
        for k in range(FIGURES):
            figures[block, k] = now[k]
    if y.objects_shared:
        _store(y, chains, block, place, corner, orient)


@program
def anneal(
    b: Board, y: Layout, chains: Chains, dice: NDArray, mix: NDArray, steps: int, hot: float, ratio: float,
    reach: float, statistics: NDArray, figures: NDArray,
) -> None:  # fmt: skip
    """Draw ``steps`` moves on every chain while the temperature falls geometrically.

    Args:
        b: the design.
        y: layout of a chain.
        chains: positions, changed in place.
        dice: ``[B]`` uint64 state of each chain's generator, changed in place.
        mix: ``[kinds]`` cumulative probabilities of the kinds of moves.
        steps: moves to draw on each chain.
        hot: temperature before the first, in units of proxy cost; 0 keeps improvements only.
        ratio: factor on the temperature before each move.
        reach: longest random jump, um.
        statistics: ``[B, kinds, 4]`` gets tried, priced, kept and gained of this launch.
        figures: ``[B, FIGURES]`` gets the figures of the last placement.
    """
    block, thread = cuda.blockIdx.x, cuda.threadIdx.x
    f = cuda.shared.array(0, float64)
    w = cuda.shared.array(0, int32)
    c = cuda.shared.array(0, int64)
    gcells = y.gcells
    scratch, sides = f[y.scratch : y.sides], f[y.sides : y.sides + 24]
    facts, notes = w[y.facts : y.facts + 36], w[y.notes : y.notes + 8]
    bits = w[y.bits : y.bits + 2 * y.words]
    maps, delta = chains.maps[block], chains.delta[block]
    if y.maps_shared:
        maps, delta = f[y.maps : y.maps + 6 * gcells], w[y.delta : y.delta + 2 * gcells]
    place, corner, orient = chains.place[block], chains.corner[block], chains.orient[block]
    if y.objects_shared:
        place, corner = f[y.place : y.place + 2 * y.slots], c[y.corner : y.corner + 2 * y.hards]
        orient = w[y.orient : y.orient + y.slots]
        _load(y, chains, block, place, corner, orient)
    px, py = place[: y.slots], place[y.slots :]
    congestion, area = maps[: 4 * gcells], maps[4 * gcells :]
    slots, no = cuda.local.array(3, int64), cuda.local.array(3, int64)
    nl, nb = cuda.local.array(3, int64), cuda.local.array(3, int64)
    nx, ny = cuda.local.array(3, float64), cuda.local.array(3, float64)
    now, trial = cuda.local.array(FIGURES, float64), cuda.local.array(FIGURES, float64)
    switches = cuda.local.array(3, int64)
    rng = cuda.local.array(1, uint64)
    rng[0] = dice[block]
    gap = int64(chains.gap[block])
    rebuild(
        b, px, py, orient, slots, nx, ny, no, congestion, area, delta, scratch, y.words, bits, notes, sides, facts,
        now, switches,
    )  # fmt: skip
    temperature = hot
    for _ in range(steps):
        temperature *= ratio
        u = uniform(rng)
        kind = 0
        while kind < len(mix) - 1 and u >= mix[kind]:
            kind += 1
        if kind < HARD_SLIDE:
            count = draft_soft(b, px, py, orient, rng, kind, reach, slots, nl, nb, nx, ny, no)
        else:
            count = draft_hard(
                b, px, py, orient, corner, gap, rng, kind, reach, scratch, slots, nl, nb, nx, ny, no
            )  # fmt: skip
        if thread == 0:
            statistics[block, kind, TRIED] += 1.0
        if count == 0:
            continue
        price(
            b, px, py, orient, slots, nx, ny, no, count, congestion, area, delta, scratch, y.words, bits, notes,
            sides, facts, now, trial, switches,
        )  # fmt: skip
        change = trial[PROXY] - now[PROXY]
        take = change <= 0.0
        if not take and temperature > 0.0:
            take = uniform(rng) < math.exp(-change / temperature)
        if thread == 0:
            statistics[block, kind, PRICED] += 1.0
            if take:
                statistics[block, kind, KEPT] += 1.0
                statistics[block, kind, GAINED] += max(0.0, -change)
                for k in range(count):
                    if slots[k] < y.hards:
                        corner[slots[k]], corner[y.hards + slots[k]] = nl[k], nb[k]
        if take:
            settle(px, py, orient, slots, nx, ny, no, count, now, trial, switches)
            cuda.syncthreads()
    if thread == 0:
        dice[block] = rng[0]
        for k in range(FIGURES):
            figures[block, k] = now[k]
    cuda.syncthreads()
    if y.objects_shared:
        _store(y, chains, block, place, corner, orient)
