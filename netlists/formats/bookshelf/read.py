"""From Bookshelf files to a :class:`~netlists.design.Design`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import Canvas, Rows
from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.formats.bookshelf import assume
from netlists.formats.bookshelf import nets as netfile
from netlists.formats.bookshelf.nodes import MOVABLE, TERMINAL_NI, Nodes, Weights, read_nodes, read_weights
from netlists.formats.bookshelf.numbers import lower_left
from netlists.formats.bookshelf.parts import Parts, find_parts, stem_of
from netlists.formats.bookshelf.pl import FREE, Positions, read_positions
from netlists.formats.bookshelf.scl import read_rows
from netlists.netlist import HARD_MACRO, PORT, STDCELL, Netlist
from netlists.orientation import oriented_sizes
from netlists.placement import Placement

#: A pin may lie outside its node by 1 % of the node's side plus a tenth of the row height (rounded offsets).
PIN_TOLERANCE = 0.01
#: Rows a movable node may span and still be a cell, if it is no larger than the largest cell of one row.
MOST_ROWS = 4
#: A terminal whose sides are both below this part of the row height is a pad: no cell is that short.
PAD_HEIGHT = 0.5


def read_design(path: Path, placement: Path | None = None) -> Design:
    """Read a Bookshelf design.

    One file unit becomes one micron. Objects that are no ``terminal`` are movable: hard macros when taller than the
    usual row and neither as high as several of the others nor cells over several rows (:func:`over_rows`), else
    standard cells. ``terminal_NI`` nodes are ports; a
    ``terminal`` is a port when it has no area, is shorter and narrower than half a row, lies outside the core, or
    touches the core's edge and is no larger than a row height; other terminals are fixed macros or cells. The canvas
    is the bounding box of the rows. The driver of a net is its first ``O`` pin, else its first pin. Grid and routing
    supply are assumed (``assume``).

    Args:
        path: ``.aux`` or ``.nodes`` file, plain or gzip; each file it leads to may be either.
        placement: ``.pl`` file to use instead of the design's own.

    Returns:
        the design; objects on which the ``.pl`` says nothing useful are not ``placed``.

    Raises:
        NetlistError: a file is missing or malformed (with file and line), or the numbers make no sense.
        PlacementError: the ``.pl`` belongs to another design.
    """
    path = Path(path)
    parts = find_parts(path)
    nodes = read_nodes(parts.files["nodes"])
    nets = netfile.read_nets(parts.files["nets"], nodes.index)
    extras: dict[str, Any] = {"bookshelf.terminal": nodes.keyword}
    if parts.listed:
        extras["bookshelf.files"] = np.array([name for name in parts.listed if name not in parts.ignored])
        extras["bookshelf.keyword"] = parts.keyword
    notes = [f"ignored file named in the .aux: {name}" for name in parts.ignored]
    rows: Rows | None = None
    if "scl" in parts.files:
        rows, row_extras = read_rows(parts.files["scl"])
        extras.update(row_extras)
    own = parts.files.get("pl", placement)
    positions = None if own is None else read_positions(own, nodes.index)
    if positions is not None:
        _check_complete(positions, nodes.names)
        extras.update(_pl_extras(positions, nodes))
    fixed = nodes.keyword != MOVABLE
    if positions is not None:
        fixed[positions.node[positions.suffix != FREE]] = True
    row_height = _row_height(rows, nodes)
    box, remark = _core(rows, nodes, positions)
    notes += remark
    tall = over_rows(nodes, row_height) if rows is not None else np.zeros(len(nodes.names), bool)
    if tall.any():
        notes.append(f"cells over several rows, told from macros by their size: {int(tall.sum()):,}")
    kind = _kinds(nodes, tall, positions, row_height, _heights(rows), box)
    _check_pins(nets, nodes, kind, row_height)
    weights = _weights(parts, nodes, nets)
    extras.update(_net_extras(nets, weights))
    net_weight = np.ones(len(nets.names))
    net_weight[weights.nets] = weights.net_values
    netlist = Netlist(
        name=stem_of(path.name), node_names=nodes.names, node_kind=kind, node_width=nodes.width,
        node_height=nodes.height, pin_node=nets.node, pin_dx=nets.dx, pin_dy=nets.dy, net_ptr=nets.ptr,
        net_pins=np.arange(len(nets.node), dtype=np.int32), net_source=netfile.sources(nets.ptr, nets.direction),
        net_weight=net_weight, net_names=_net_names(nets), pin_dir=nets.direction, extras=extras,
    )  # fmt: skip
    canvas, remark = _canvas(netlist, box, rows, row_height)
    notes += remark
    start = _placement(netlist, positions, fixed)
    design = Design(netlist, canvas, start, "bookshelf", path, own, tuple(notes))
    if placement is not None and own != placement:
        design = design.with_placement(read_placement(placement, design), placement)
    return design


def read_placement(path: Path, design: Design) -> Placement:
    """Read a ``.pl`` file for a design that is already loaded, from whatever format.

    Args:
        path: plain or gzip ``.pl`` file; it must list every object once.
        design: whose objects it places.

    Raises:
        NetlistError: the file is malformed.
        PlacementError: it lists another set of objects.
    """
    path = Path(path)
    names = design.netlist.node_names
    positions = read_positions(path, {name.encode(): k for k, name in enumerate(names)})
    _check_complete(positions, names)
    terminal = design.netlist.extras.get("bookshelf.terminal")
    fixed = np.array(design.placement.fixed if terminal is None else terminal != MOVABLE, dtype=bool)
    fixed[positions.node[positions.suffix != FREE]] = True
    return _placement(design.netlist, positions, fixed)


def _check_complete(positions: Positions, names: Sequence[str]) -> None:
    if len(positions.node) == len(names):
        return
    listed = np.zeros(len(names), bool)
    listed[positions.node] = True
    missing = np.flatnonzero(~listed)
    raise PlacementError(
        f"the placement lacks {len(missing)} of {len(names)} objects; it is truncated or belongs to another design",
        node=names[int(missing[0])], rule="missing object", file=positions.source.path,
    )  # fmt: skip


def _placement(netlist: Netlist, positions: Positions | None, fixed: NDArray[np.bool_]) -> Placement:
    """Centres from lower-left corners. A kind whose objects all share one corner counts as not placed."""
    n = netlist.num_nodes
    if positions is None:
        # As if the file put all corners to the origin, which is what a writer makes of it.
        return Placement.unplaced(n).moved(x=netlist.node_width / 2, y=netlist.node_height / 2, fixed=fixed)
    x, y, orient = np.zeros(n), np.zeros(n), np.zeros(n, np.int8)
    orient[positions.node] = positions.orient
    x[positions.node], y[positions.node] = positions.x, positions.y
    width, height = oriented_sizes(netlist.node_width, netlist.node_height, orient)
    placed = np.ones(n, bool)
    stacked = []
    # Fixed objects are a kind of their own: a file without real positions has zeros for them, too.
    kinds = netlist.node_kind.astype(np.int64) * 2 + fixed
    for kind in np.unique(kinds):
        ids = np.flatnonzero(kinds == kind)
        origin = x[ids[0]] == 0 and y[ids[0]] == 0
        one = len(ids) == 1 and origin
        together = np.ptp(x[ids]) == 0 and np.ptp(y[ids]) == 0 and (origin or not kind % 2)
        if one or (len(ids) > 1 and together):
            stacked.append((ids, one))
    for ids, one in stacked:
        # A single object may well lie at the origin; it counts as unplaced only in the company of others.
        if not one or any(not other for _, other in stacked):
            placed[ids] = False
    if n > 1 and not (x.any() or y.any()):
        placed[:] = False
    return Placement(x + width / 2, y + height / 2, orient, fixed, placed)


def _row_height(rows: Rows | None, nodes: Nodes) -> float:
    """The usual row height; without rows the most frequent height of a movable node."""
    heights = rows.height if rows is not None else nodes.height[nodes.keyword == MOVABLE]
    if not len(heights):
        return 1.0
    values, counts = np.unique(heights, return_counts=True)
    return float(values[np.argmax(counts)])


def over_rows(nodes: Nodes, row_height: float) -> NDArray[np.bool_]:
    """``[N]`` movable nodes that are cells over several rows: the format has no word for them.

    Such a cell is a whole number of rows high, two to four, and no larger than the largest cell of one row: designers
    fold a cell over rows to make it narrower, or to gather a few, and what is larger than every cell is a block.

    Args:
        nodes: the nodes.
        row_height: of the usual row.
    """
    movable = nodes.keyword == MOVABLE
    area = nodes.width * nodes.height
    spans = nodes.height / row_height
    whole = (np.abs(spans - np.round(spans)) < 1e-6) & (np.round(spans) >= 2) & (np.round(spans) <= MOST_ROWS)
    largest = float(area[movable & (nodes.height <= row_height)].max(initial=0.0))
    return np.asarray(movable & whole & (area <= largest * (1.0 + 1e-9)))


def _heights(rows: Rows | None) -> NDArray[np.float64]:
    """Heights that several rows have: those of cells. One odd row may end the core."""
    if rows is None:
        return np.zeros(0)
    values, counts = np.unique(rows.height, return_counts=True)
    return np.asarray(values[counts > 1], np.float64)


def _core(
    rows: Rows | None, nodes: Nodes, positions: Positions | None
) -> tuple[tuple[float, float, float, float], list[str]]:
    if rows is not None:
        low, high = float(rows.y.min()), float((rows.y + rows.height).max())
        return (float(rows.x0.min()), low, float(rows.x1.max()), high), []
    movable = nodes.keyword == MOVABLE
    pads = np.zeros(0, np.int64) if positions is None else np.flatnonzero(~movable[positions.node])
    px = positions.x[pads] if positions is not None else np.zeros(0)
    py = positions.y[pads] if positions is not None else np.zeros(0)
    sides = np.column_stack([nodes.width, nodes.height])[movable]
    area = float((nodes.width * nodes.height).sum())
    box, remark = assume.outline(px, py, area, sides)
    return box, [f"no .scl file: {remark}"]


def _kinds(
    nodes: Nodes,
    tall: NDArray[np.bool_],
    positions: Positions | None,
    row_height: float,
    others: NDArray[np.float64],
    box: tuple[float, float, float, float],
) -> NDArray[np.int8]:
    width, height = nodes.width, nodes.height
    kind = np.where((height > row_height) & ~tall & ~np.isin(height, others), HARD_MACRO, STDCELL).astype(np.int8)
    terminal = nodes.keyword != MOVABLE
    port = (nodes.keyword == TERMINAL_NI) | (width == 0) | (height == 0)
    port |= (width < PAD_HEIGHT * row_height) & (height < PAD_HEIGHT * row_height)
    # Terminals that are all at the origin have not been placed, and the origin says nothing about them.
    if positions is not None and (np.count_nonzero(terminal) < 2 or _spread(positions, terminal)):
        x, y = np.zeros(len(kind)), np.zeros(len(kind))
        orient = np.zeros(len(kind), np.int8)
        x[positions.node], y[positions.node], orient[positions.node] = positions.x, positions.y, positions.orient
        w, h = oriented_sizes(width, height, orient)
        outside = (x + w <= box[0]) | (x >= box[2]) | (y + h <= box[1]) | (y >= box[3])
        inside = (x > box[0]) & (x + w < box[2]) & (y > box[1]) & (y + h < box[3])
        small = (width <= row_height) & (height <= row_height)
        port |= outside | (small & ~inside)
    kind[terminal & port] = PORT
    return kind


def _spread(positions: Positions, which: NDArray[np.bool_]) -> bool:
    chosen = which[positions.node]
    return bool(positions.x[chosen].any() or positions.y[chosen].any())


def _check_pins(nets: netfile.Nets, nodes: Nodes, kind: NDArray[np.int8], row_height: float) -> None:
    width, height = nodes.width[nets.node], nodes.height[nets.node]
    slack = PIN_TOLERANCE * np.maximum(width, height) + 0.1 * row_height
    out = (np.abs(nets.dx) > width / 2 + slack) | (np.abs(nets.dy) > height / 2 + slack)
    bad = np.flatnonzero(out & (kind[nets.node] != PORT))
    if len(bad):
        k = int(bad[0])
        raise nets.source.error(
            f"a pin lies outside its node {nodes.names[int(nets.node[k])]!r}", int(nets.line[k]),
            found=(float(nets.dx[k]), float(nets.dy[k])),
            expected=f"offsets from the centre within {width[k] / 2:g}, {height[k] / 2:g}",
        )  # fmt: skip


def _weights(parts: Parts, nodes: Nodes, nets: netfile.Nets) -> Weights:
    if "wts" in parts.files:
        return read_weights(parts.files["wts"], nodes.index, nets.index)
    none, empty = np.zeros(0, np.int64), np.zeros(0)
    return Weights(none, empty, none, empty)


def _net_names(nets: netfile.Nets) -> list[str]:
    """Names of the nets; none where no net has one, made up (``net12``) for those without where others have one."""
    if not nets.index:
        return []
    if len(nets.index) == len(nets.names):
        return nets.names
    taken = {name for name in nets.names if name}
    out = []
    for k, name in enumerate(nets.names):
        made_up = f"net{k}"
        while not name and made_up in taken:
            made_up += "_"
        out.append(name or made_up)
    return out


def _net_extras(nets: netfile.Nets, weights: Weights) -> dict[str, Any]:
    extras: dict[str, Any] = {}
    if (nets.style == netfile.OFFSET_NONE).any():
        extras["bookshelf.pin_offset"] = nets.style != netfile.OFFSET_NONE
    if nets.index and len(nets.index) != len(nets.names):
        extras["bookshelf.net_named"] = np.array([bool(name) for name in nets.names])
    if len(weights.nodes):
        extras["bookshelf.wts_nodes"] = weights.nodes
        extras["bookshelf.wts_node_weights"] = weights.node_values
    if len(weights.nets):
        extras["bookshelf.wts_nets"] = weights.nets
    return extras


def _pl_extras(positions: Positions, nodes: Nodes) -> dict[str, Any]:
    """What a writer needs to spell the ``.pl`` as it was."""
    n = len(nodes.names)
    has_orient, suffix = np.zeros(n, bool), np.zeros(n, np.int8)
    has_orient[positions.node], suffix[positions.node] = positions.has_orient, positions.suffix
    extras: dict[str, Any] = {"bookshelf.pl_orient": has_orient, "bookshelf.pl_suffix": suffix}
    if (positions.node != np.arange(n)).any():
        extras["bookshelf.pl_order"] = positions.node
    width, height = oriented_sizes(nodes.width[positions.node], nodes.height[positions.node], positions.orient)
    cx, cy = positions.x + width / 2, positions.y + height / 2
    if (lower_left(cx, width) != positions.x).any() or (lower_left(cy, height) != positions.y).any():
        corners = np.zeros((n, 2))
        corners[positions.node] = np.column_stack([positions.x, positions.y])
        extras["bookshelf.corners"] = corners
    return extras


def _canvas(
    netlist: Netlist, box: tuple[float, float, float, float], rows: Rows | None, row_height: float
) -> tuple[Canvas, list[str]]:
    width, height = box[2] - box[0], box[3] - box[1]
    if not (width > 0 and height > 0):
        raise NetlistError("the core is empty", found=f"{width:g} x {height:g}")
    columns, grid_rows = assume.grid(width, height, int((netlist.node_kind == HARD_MACRO).sum()))
    supply = assume.supply_of_rows(row_height)
    notes = [
        f"placement grid assumed: {columns} x {grid_rows}",
        f"routing supply assumed: {assume.TRACKS_PER_ROW:g} tracks a row height each way,"
        f" {assume.MACRO_SHARE:.0%} of them taken by macros",
    ]
    return Canvas(*box, columns, grid_rows, smoothing=assume.SMOOTHING, rows=rows, **supply), notes
