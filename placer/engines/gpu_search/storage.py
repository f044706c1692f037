"""Where the data of a chain lives: in a block's shared memory as far as it fits, the rest in global memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from placer.engines.gpu_search.board import Board

#: Shared memory of one block and of one multiprocessor, bytes, of compute capability 9.0 (CUDA C++ Programming
#: Guide, "Technical Specifications per Compute Capability"); a device that says otherwise is believed.
BLOCK_BYTES, UNIT_BYTES = 227 * 1024, 228 * 1024
#: Shared memory the system takes for each block.
_SYSTEM_BYTES = 1024
#: Chains one multiprocessor should at least hold for object positions to be worth their shared memory.
_CROWD = 4
#: 32-bit registers of one multiprocessor (same table).
_UNIT_REGISTERS = 64 * 1024
#: Most chains of one multiprocessor that are started by default: more add memory traffic, hardly speed.
_MOST = 16


class Layout(NamedTuple):
    """Offsets in a block's shared memory, and what is kept outside of it.

    Offsets of float64 and int64 arrays count 8-byte words, those of int32 arrays 4-byte words.

    Attributes:
        slots: movable objects.
        hards: movable hard macros.
        gcells: of the placement grid.
        words: int32 words of one bit map; 0 where no net is long.
        objects_shared: 1 when positions live in shared memory.
        maps_shared: 1 when maps and demand do.
        scratch: float64 offset of the reduction space.
        sides: float64 offset of the table of boxes.
        facts: int32 offset of its integers.
        notes: int32 offset of the notes on a long net.
        bits: int32 offset of the two bit maps.
        maps: float64 offset of both copies of both maps.
        delta: int32 offset of the demand.
        place: float64 offset of x and y.
        corner: int64 offset of the corners of the movable hard macros, left then bottom.
        orient: int32 offset of the orientations.
        shared_bytes: shared memory of one block.
        global_bytes: global memory of one chain.
    """

    slots: int
    hards: int
    gcells: int
    words: int
    objects_shared: int
    maps_shared: int
    scratch: int
    sides: int
    facts: int
    notes: int
    bits: int
    maps: int
    delta: int
    place: int
    corner: int
    orient: int
    shared_bytes: int
    global_bytes: int


class Chains(NamedTuple):
    """Global memory of all chains; one row each.

    Attributes:
        place: ``[B, 2 S]`` x then y, um.
        corner: ``[B, 2 hards]`` int64 left then bottom, lattice steps.
        orient: ``[B, S]`` int32.
        gap: ``[B]`` int32 steps kept free between hard macros.
        maps: ``[B, 6 gcells]`` congestion twice, area twice; one column where maps live in shared memory.
        delta: ``[B, 2 gcells]`` int32 demand; one column where maps live in shared memory.
    """

    place: Any
    corner: Any
    orient: Any
    gap: Any
    maps: Any
    delta: Any


def build_layout(board: Board, threads: int, block_bytes: int = BLOCK_BYTES, unit_bytes: int = UNIT_BYTES) -> Layout:
    """Decide what lives in shared memory: scratch always, maps if they fit, positions if that costs no occupancy.

    Args:
        board: the design.
        threads: of one block.
        block_bytes: shared memory one block may take.
        unit_bytes: shared memory of one multiprocessor.
    """
    from placer.engines.gpu_search.maps import BOXES, FACTS, SIDES
    from placer.engines.gpu_search.nets import NOTES, bit_words
    from placer.engines.gpu_search.reduce import COLUMNS

    slots, hards, gcells = len(board.width), board.hards, board.rows * board.columns
    words = bit_words(gcells) if len(board.long_net) else 0
    parts = -(-threads // 8)
    size = 0

    def take(count: int, item: int) -> int:
        """Offset, in items, of an array appended to the block's memory."""
        nonlocal size
        size = -(-size // 8) * 8
        at = size // item
        size += count * item
        return at

    scratch = take(COLUMNS * (threads + parts), 8)
    sides, facts = take(SIDES * BOXES, 8), take(FACTS * BOXES, 4)
    notes, bits = take(NOTES, 4), take(2 * words, 4)
    map_bytes = 6 * gcells * 8 + 2 * gcells * 4
    object_bytes = 2 * slots * 8 + 2 * hards * 8 + slots * 4
    maps_shared = size + map_bytes <= block_bytes
    maps = delta = place = corner = orient = 0
    if maps_shared:
        maps, delta = take(6 * gcells, 8), take(2 * gcells, 4)
    objects_shared = size + object_bytes + 16 <= min(block_bytes, unit_bytes // _CROWD - _SYSTEM_BYTES)
    if objects_shared:
        place, corner, orient = take(2 * slots, 8), take(2 * hards, 8), take(slots, 4)
    return Layout(
        slots, hards, gcells, words, int(objects_shared), int(maps_shared),
        scratch, sides, facts, notes, bits, maps, delta, place, corner, orient,
        shared_bytes=-(-size // 8) * 8,
        global_bytes=object_bytes + (0 if maps_shared else map_bytes),
    )  # fmt: skip


def resident(layout: Layout, threads: int, registers: int, unit_bytes: int = UNIT_BYTES) -> int:
    """Chains one multiprocessor holds at a time, by its shared memory and its registers; at most 16.

    Args:
        layout: of a chain.
        threads: of one block.
        registers: of one thread.
        unit_bytes: shared memory of one multiprocessor.
    """
    warps = -(-threads // 32)
    by_memory = unit_bytes // (layout.shared_bytes + _SYSTEM_BYTES)
    return max(1, min(by_memory, _UNIT_REGISTERS // (registers * 32 * warps), _MOST))


def empty_chains(layout: Layout, place: NDArray, corner: NDArray, orient: NDArray, gap: NDArray) -> Chains:
    """Host arrays of all chains around their positions; :func:`device.upload` takes them over."""
    count = len(place)
    maps = (count, 1) if layout.maps_shared else (count, 6 * layout.gcells)
    delta = (count, 1) if layout.maps_shared else (count, 2 * layout.gcells)
    return Chains(place, corner, orient, gap, np.zeros(maps), np.zeros(delta, np.int32))
