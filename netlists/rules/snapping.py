"""Snapping grids: rows, routing tracks under the pins of a macro, or any pitch and offset."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.formats.lef.library import Layer
from netlists.orientation import oriented_offsets, oriented_sizes
from netlists.rules.table import Table

#: Two lengths of a technology closer than this are the same, um.
_SAME = 1e-6
Floats = NDArray[np.float64]


def snap(design: Design, table: Table, nodes: NDArray[np.int64], pitch: Floats, offset: Floats) -> None:
    """Fill ``pitch`` ``[N, 2]`` and ``offset`` ``[N, 8, 2]`` (um) for ``nodes`` as the table's ``snap`` says.

    Raises:
        NetlistError: the word or table is unknown, or the design has no rows or tracks to snap to.
    """
    value = table.values["snap"]
    if isinstance(value, dict):
        own = Table(table.file, "snap", value, {}, table.lines.get("snap", table.line))
        own.only(("pitch", "offset"))
        step, start = own.pair("pitch"), own.pair("offset", -float("inf"))
        if step is None:
            own.fail("snap needs a pitch")
        pitch[nodes], offset[nodes] = step, start or (0.0, 0.0)
        return
    word = table.word("snap", ("grid", "rows", "tracks"))
    if word == "grid":
        pitch[nodes], offset[nodes] = 0.0, 0.0
    elif word == "rows":
        pitch[nodes], offset[nodes] = _rows(design, table)
    else:
        _tracks(design, table, nodes, pitch, offset)


def _rows(design: Design, table: Table) -> tuple[Floats, Floats]:
    rows = design.canvas.rows
    if rows is None or not len(rows.y):
        table.fail("the design has no rows to snap to", "snap")
    steps = np.diff(np.unique(rows.y))
    height = float(steps.min()) if len(steps) else float(rows.height[0])
    site = float(rows.site_spacing[0])
    for what, at, start, step in (("y", rows.y, rows.y[0], height), ("x", rows.x0, rows.x0[0], site)):
        over = (at - start) / step
        if np.abs(over - np.rint(over)).max() > 1e-3 or np.ptp(rows.site_spacing) > _SAME:
            table.fail(f"the rows share no common grid in {what}", "snap")
    return np.array([site, height]), np.array([float(rows.x0[0]), float(rows.y[0])])


def _tracks(design: Design, table: Table, nodes: NDArray[np.int64], pitch: Floats, offset: Floats) -> None:
    """Corners at which the pins of a macro lie on the tracks of their layer.

    In each axis the layer that most pins of the master have, among those whose preferred direction runs across that
    axis, decides. Pins of it that do not share its pitch cannot all be on track; the most common remainder wins.
    """
    physical = design.physical
    if physical is None or physical.def_file is None:
        table.fail("snapping to tracks needs the LEF and DEF files", "snap")
    dbu = physical.def_file.dbu_per_micron
    tracks: dict[tuple[int, str], tuple[float, float]] = {}
    for track in physical.def_file.tracks:
        for layer in track.layers:
            tracks.setdefault(("XY".index(track.axis), layer), (track.start / dbu, track.step / dbu))
    if not tracks:
        table.fail("the DEF file has no tracks to snap to", "snap")
    found: dict[int, tuple[Floats, Floats]] = {}
    for node in nodes.tolist():
        master = int(physical.master[node])
        if master not in found:
            found[master] = _on_track(design, node, tracks)
        pitch[node], offset[node] = found[master]


def _on_track(design: Design, node: int, tracks: dict[tuple[int, str], tuple[float, float]]) -> tuple[Floats, Floats]:
    physical = design.physical
    assert physical is not None
    macro = physical.macro(node)
    pitch, offset = np.zeros(2), np.zeros((8, 2))
    if macro is None or not len(macro.shapes.box):
        return pitch, offset
    shapes = macro.shapes
    pins = shapes.owner >= 0
    middle = (shapes.box[:, :2] + shapes.box[:, 2:]) / 2
    # From the master's centre, in its N frame.
    dx, dy = middle[:, 0] - macro.width / 2, middle[:, 1] - macro.height / 2
    for code in range(8):
        x, y = oriented_offsets(dx, dy, np.full(len(dx), code))
        width, height = (float(v) for v in oriented_sizes(macro.width, macro.height, code))
        for axis, at in ((0, x + width / 2), (1, y + height / 2)):
            counts = {
                layer: int((pins & (shapes.layer == k)).sum())
                for k, layer in enumerate(shapes.layers)
                if (axis, layer) in tracks and _across(physical.library.layers, layer, axis)
            }
            if not counts or max(counts.values()) == 0:
                continue
            layer = max(counts, key=lambda name: counts[name])
            start, step = tracks[axis, layer]
            mine = at[pins & (shapes.layer == shapes.layers.index(layer))]
            over = np.round((start - mine) / step % 1.0, 6) % 1.0
            values, count = np.unique(over, return_counts=True)
            pitch[axis] = step
            offset[code, axis] = round(float(values[np.argmax(count)]) * step, 9)
    return pitch, offset


def _across(layers: Mapping[str, Layer], name: str, axis: int) -> bool:
    """Wires of a vertical layer have tracks along x (axis 0), of a horizontal one along y."""
    layer = layers.get(name)
    return layer is not None and layer.direction == ("VERTICAL", "HORIZONTAL")[axis]
