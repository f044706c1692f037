"""What global placement moves: objects and fillers, sorted by the field they feel, with their sizes and bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placer.engines.analytic.circuit import Circuit
from placer.engines.analytic.density import fixed_area
from placer.engines.analytic.ground import Ground

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Field:
    """Objects that push each other apart: those of one fence, or of none.

    Attributes:
        begin: first body.
        real: first filler.
        end: after the last filler.
        fixed: ``[columns, rows]`` area closed to them, um^2, at most that of the bin.
    """

    begin: int
    real: int
    end: int
    fixed: Floats


@dataclass(frozen=True, eq=False)
class Bodies:
    """``T`` bodies, field by field, the real ones of each first.

    Attributes:
        node: ``[T]`` node of a body, -1 for a filler.
        start: ``[2, T]`` first centres, um.
        size: ``[2, T]`` widths and heights, um.
        scale: ``[T]`` charge per area.
        pins: ``[T]`` connections.
        low: ``[2, T]`` least centres, um; ``high`` the greatest.
        high: ``[2, T]``.
        fields: at least one.
        bins: (columns, rows).
    """

    node: Ints
    start: Floats
    size: Floats
    scale: Floats
    pins: Floats
    low: Floats
    high: Floats
    fields: tuple[Field, ...]
    bins: tuple[int, int]

    @property
    def charge(self) -> Floats:
        """``[T]`` charge of each body."""
        return self.size[0] * self.size[1] * self.scale


def bins_for(nodes: int) -> int:
    """Bins a side for a number of movable objects: the power of two nearest above their square root, 32 to 1024."""
    return int(min(1024, max(32, 2 ** math.ceil(math.log2(math.sqrt(max(nodes, 1)))))))


def make_bodies(
    circuit: Circuit,
    x: Floats,
    y: Floats,
    movable: NDArray[np.bool_],
    ground: Ground,
    target: float,
    seed: int,
    fillers: Floats | None = None,
    growth: Floats | None = None,
) -> Bodies:
    """Collect what moves.

    Args:
        circuit: sizes and nets.
        x: ``[N]`` first centres, um.
        y: ``[N]``.
        movable: ``[N]`` which nodes move; those without area are left where they are.
        ground: what is taken.
        target: density the free room is filled to.
        seed: of the fillers' places.
        fillers: ``[2, f]`` places of fillers of an earlier run.
        growth: ``[N]`` factors on the width of nodes, 1 or more: room kept for wires.
    """
    extent = circuit.extent
    ids = np.flatnonzero(movable & (circuit.width > 0) & (circuit.height > 0))
    side = bins_for(len(ids))
    bins = (side, side)
    rng = np.random.default_rng([seed, 11])
    taken = fixed_area(extent, bins, ground.boxes, ground.share)
    node, start, size, low, high, fields = [], [], [], [], [], []
    at = used = 0
    bin_area = extent[0] * extent[1] / side**2
    for fence in np.unique(ground.fence[ids]) if len(ids) else [-1]:
        members = ids[ground.fence[ids] == fence]
        walls = ground.walls.get(int(fence), np.zeros((0, 4)))
        fixed = np.minimum(taken + fixed_area(extent, bins, walls), bin_area)
        canvas = np.array([0.0, 0.0, *extent])
        box = np.clip(ground.bounds.get(int(fence), canvas), 0.0, np.tile(extent, 2)).reshape(2, 2)
        wide, tall = circuit.width[members], circuit.height[members]
        if growth is not None:
            wide = wide * growth[members]
        left = float((bin_area - fixed).sum()) * target - float((wide * tall).sum())
        one, count = _fillers(circuit, members, left)
        spots = np.stack(_free_spots(fixed, bins, extent, count, rng))
        if fillers is not None:
            known = min(count, max(fillers.shape[1] - used, 0))
            spots[:, :known] = fillers[:, used : used + known]
            used += known
        own_size = np.concatenate([np.stack([wide, tall]), np.tile(np.array(one)[:, None], count)], axis=1)
        middle = np.clip((box[0] + box[1]) / 2, 0.0, extent)[:, None]
        # A body wider than its box stays in the middle of it.
        own_low = np.minimum(box[0][:, None] + own_size / 2, middle)
        own_high = np.maximum(box[1][:, None] - own_size / 2, middle)
        own_start = np.concatenate([np.stack([x[members], y[members]]), spots], axis=1)
        node.append(np.concatenate([members, np.full(count, -1)]))
        start.append(np.clip(own_start, own_low, own_high))
        size.append(own_size)
        low.append(own_low)
        high.append(own_high)
        fields.append(Field(at, at + len(members), at + len(members) + count, fixed))
        at = fields[-1].end
    nodes = np.concatenate(node)
    real = nodes >= 0
    # A macro is denser than the target: unscaled it would be pushed apart from its own neighbourhood.
    scale = np.where(real & circuit.macro[nodes], target, 1.0)
    pins = np.where(real, np.diff(circuit.node_ptr)[nodes], 0).astype(float)
    join = [np.ascontiguousarray(np.concatenate(part, axis=1)) for part in (start, size, low, high)]
    return Bodies(nodes, join[0], join[1], scale, pins, join[2], join[3], tuple(fields), bins)


def _fillers(circuit: Circuit, members: Ints, left: float) -> tuple[tuple[float, float], int]:
    """Size and number of the fillers that take the room ``left``: charge is balanced, cells stay together."""
    cells = members[~circuit.macro[members]]
    if left <= 0 or not len(cells):
        return (0.0, 0.0), 0
    sizes = np.sort(circuit.width[cells])
    middle = sizes[len(sizes) // 20 : max(len(sizes) - len(sizes) // 20, len(sizes) // 20 + 1)]
    width, height = float(middle.mean()), float(np.median(circuit.height[cells]))
    # Few designs need more fillers than cells; a nearly empty canvas gets larger ones instead.
    count, most = int(left / (width * height)), 2 * len(members) + 100
    if count > most:
        width, height = (s * math.sqrt(count / most) for s in (width, height))
        count = int(left / (width * height))
    return (width, height), count


def _free_spots(
    fixed: Floats, bins: tuple[int, int], extent: tuple[float, float], count: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Random places in proportion to the free area of the bins."""
    area = extent[0] * extent[1] / (bins[0] * bins[1])
    room = np.maximum(area - fixed, 0.0).ravel()
    if not count or room.sum() <= 0:
        return np.zeros(count), np.zeros(count)
    where = np.searchsorted(np.cumsum(room) / room.sum(), rng.random(count)).clip(max=len(room) - 1)
    column, row = np.divmod(where, bins[1])
    return (
        (column + rng.random(count)) * extent[0] / bins[0],
        (row + rng.random(count)) * extent[1] / bins[1],
    )
