"""Where IO pins may sit: on tracks, along the edges of the die."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.errors import NetlistError
from netlists.formats.def_ import PinShape
from netlists.formats.lef import Layer, Library
from placer.engines.floorplan.chip.ground import Ground

#: Sides of a die, by the direction in which the outside lies.
LEFT, RIGHT, BOTTOM, TOP = range(4)
SIDES: tuple[str, ...] = ("left", "right", "bottom", "top")


@dataclass(frozen=True, eq=False)
class Slots:
    """``S`` places for pins; database units.

    Attributes:
        x: ``[S]`` int64, on the die's edge.
        y: ``[S]`` int64.
        side: ``[S]`` int8 ``LEFT``, ``RIGHT``, ``BOTTOM`` or ``TOP``.
        edge: ``[S]`` int32 number of the die's edge.
        layers: name of the pins' layer on each of the four sides.
        shapes: shape of a pin on each of the four sides, about its place.
    """

    x: NDArray[np.int64]
    y: NDArray[np.int64]
    side: NDArray[np.int8]
    edge: NDArray[np.int32]
    layers: tuple[str, str, str, str]
    shapes: tuple[PinShape, PinShape, PinShape, PinShape]

    def __len__(self) -> int:
        return len(self.x)


def pin_slots(
    ground: Ground, library: Library, layers: tuple[str | None, str | None] = (None, None), spacing: int = 2
) -> Slots:
    """Every place a pin may take: where a track of its side's layer meets the edge.

    Pins on the left and right sides are on a horizontal layer, on the bottom and top on a vertical one, so that a wire
    leaves straight. The first and last tracks within ``spacing`` tracks of a corner stay free.

    Args:
        ground: die and tracks.
        library: layers.
        layers: names of the horizontal and the vertical layer; None takes the lowest of that direction above the first
            routing layer.
        spacing: tracks from one pin to the next.

    Raises:
        NetlistError: no such layer, or one of the wrong direction.
    """
    if spacing < 1:
        raise NetlistError("pins need a spacing of at least one track", found=spacing)
    flat, upright = (_layer(library, layers[k], ("HORIZONTAL", "VERTICAL")[k]) for k in (0, 1))
    corners = np.asarray(ground.die.exterior.coords).astype(np.int64)
    xs, ys, sides, edges = [], [], [], []
    inside_left = ground.die.exterior.is_ccw
    for number, ((ax, ay), (bx, by)) in enumerate(zip(corners[:-1].tolist(), corners[1:].tolist(), strict=True)):
        if ax == bx:
            # Counter-clockwise, the inside is on the left of every edge: an edge that runs up has it in the west.
            side = RIGHT if (by > ay) == inside_left else LEFT
            at = _on_tracks(ground, flat.name, "Y", min(ay, by), max(ay, by), spacing)
            xs.append(np.full(len(at), ax))
            ys.append(at)
        else:
            side = BOTTOM if (bx > ax) == inside_left else TOP
            at = _on_tracks(ground, upright.name, "X", min(ax, bx), max(ax, bx), spacing)
            xs.append(at)
            ys.append(np.full(len(at), ay))
        sides.append(np.full(len(at), side, np.int8))
        edges.append(np.full(len(at), number, np.int32))
    shapes = tuple(_shape(ground, flat if side in (LEFT, RIGHT) else upright, side) for side in range(4))
    names = (flat.name, flat.name, upright.name, upright.name)
    return Slots(
        np.concatenate(xs).astype(np.int64), np.concatenate(ys).astype(np.int64), np.concatenate(sides),
        np.concatenate(edges), names, (shapes[0], shapes[1], shapes[2], shapes[3]),
    )  # fmt: skip


def _layer(library: Library, name: str | None, direction: str) -> Layer:
    known = library.routing_layers()
    if name is None:
        found = [layer for layer in known[1:] if layer.direction == direction] or [
            layer for layer in known if layer.direction == direction
        ]
        if not found:
            raise NetlistError(f"no LEF file has a {direction.lower()} routing layer for IO pins")
        return found[0]
    layer = library.layers.get(name)
    if layer is None or layer.kind != "ROUTING":
        raise NetlistError("no LEF file has this routing layer", found=name, expected=", ".join(k.name for k in known))
    if layer.direction != direction:
        raise NetlistError(f"layer {name} is not {direction.lower()}", found=layer.direction or "no direction")
    return layer


def _on_tracks(ground: Ground, layer: str, axis: str, low: int, high: int, spacing: int) -> NDArray[np.int64]:
    for track in ground.tracks:
        if track.axis == axis and layer in track.layers:
            at = track.start + track.step * np.arange(track.count, dtype=np.int64)
            away = spacing * track.step
            at = at[(at >= low + away) & (at <= high - away)]
            return at[at % ground.grid == 0][::spacing]
    return np.zeros(0, np.int64)


def _shape(ground: Ground, layer: Layer, side: int) -> PinShape:
    """A wire's end of the layer's width, long enough for its least area, that reaches inwards."""
    grid = ground.grid
    half = max(1, math.ceil(max(layer.width, layer.min_width) * ground.dbu / 2 / grid - 1e-6)) * grid
    depth = math.ceil(max(2.0 * half, layer.area * ground.dbu**2 / (2 * half)) / grid - 1e-6) * grid
    box = {
        LEFT: ((0, -half), (depth, half)), RIGHT: ((-depth, -half), (0, half)),
        BOTTOM: ((-half, 0), (half, depth)), TOP: ((-half, -depth), (half, 0)),
    }[side]  # fmt: skip
    return PinShape(layer.name, box)
