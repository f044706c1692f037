"""From GSRC floorplanning files to a :class:`~netlists.design.Design`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import Canvas
from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.formats.bookshelf import assume
from netlists.formats.bookshelf import nets as netfile
from netlists.formats.bookshelf.nodes import Weights, read_weights
from netlists.formats.bookshelf.numbers import lower_left
from netlists.formats.bookshelf.parts import existing, stem_of
from netlists.formats.bookshelf.pl import FREE, Positions, read_positions
from netlists.formats.gsrc.blocks import HARD, SOFT, TERMINAL, Blocks, read_blocks
from netlists.netlist import HARD_MACRO, PORT, Netlist
from netlists.orientation import oriented_sizes
from netlists.placement import Placement

#: A pin may lie outside its block by this part of the block's longer side (percentages are rounded).
PIN_TOLERANCE = 0.01
#: ``DIMS`` may miss the area of a soft block by this part (its sides are rounded).
AREA_TOLERANCE = 1e-3


def companion(path: Path, role: str) -> Path | None:
    """The ``.nets``, ``.pl`` or ``.wts`` file that belongs to a ``.blocks`` file.

    The one with the same stem, else that of the base design: for ``n100_soft.blocks`` without ``n100_soft.nets``
    it is ``n100.nets``.
    """
    stem = stem_of(path.name)
    while stem:
        found = existing(path.with_name(f"{stem}.{role}"))
        if found is not None:
            return found
        stem = stem.rpartition("_")[0]
    return None


def input_files(path: Path, placement: Path | None = None) -> list[Path]:
    """Every file that reading the design depends on, the entry point first (for fingerprints)."""
    path = Path(path)
    found = [companion(path, "nets"), placement or companion(path, "pl"), companion(path, "wts")]
    return list(dict.fromkeys([path, *(Path(p) for p in found if p is not None)]))


def read_design(path: Path, placement: Path | None = None) -> Design:
    """Read a GSRC or MCNC floorplanning design.

    Blocks become movable hard macros, terminals fixed ports of size 0. A soft block gets the most nearly square shape
    of its range; the file's aspect ratios are width / height, ``min_aspect`` and ``max_aspect`` are height / width.
    A block with more than four corners is represented by its bounding box. Outline, grid and routing supply are
    assumed (``netlists.formats.bookshelf.assume``).

    Args:
        path: ``.blocks`` file, plain or gzip; ``.nets``, ``.pl`` and ``.wts`` are found by its stem.
        placement: ``.pl`` file to use instead of the design's own.

    Returns:
        the design; blocks on which the ``.pl`` says nothing useful are not ``placed``.

    Raises:
        NetlistError: a file is missing or malformed (with file and line).
        PlacementError: the ``.pl`` belongs to another design.
    """
    path = Path(path)
    blocks = read_blocks(path)
    net_path = companion(path, "nets")
    if net_path is None:
        raise NetlistError("there is no .nets file beside it", file=path, expected=f"{stem_of(path.name)}.nets")
    nets = netfile.read_nets(net_path, blocks.index, percent=True)
    own = placement or companion(path, "pl")
    positions = None if own is None else read_positions(own, blocks.index)
    width, height, low, high = _shapes(blocks)
    if positions is not None:
        _apply_dims(blocks, positions, width, height)
    wts = companion(path, "wts")
    none, empty = np.zeros(0, np.int64), np.zeros(0)
    weights = read_weights(wts, blocks.index, nets.index) if wts else Weights(none, empty, none, empty)
    net_weight = np.ones(len(nets.names))
    net_weight[weights.nets] = weights.net_values
    percent = nets.style == netfile.OFFSET_PERCENT
    dx = np.where(percent, nets.dx / 100 * width[nets.node], nets.dx)
    dy = np.where(percent, nets.dy / 100 * height[nets.node], nets.dy)
    kind = np.where(blocks.code == TERMINAL, PORT, HARD_MACRO).astype(np.int8)
    _check_pins(nets, blocks, kind, (dx, dy), (width, height))
    extras = _extras(blocks, nets, weights, positions, (width, height))
    netlist = Netlist(
        name=stem_of(path.name), node_names=blocks.names, node_kind=kind, node_width=width, node_height=height,
        pin_node=nets.node, pin_dx=dx, pin_dy=dy, net_ptr=nets.ptr,
        net_pins=np.arange(len(nets.node), dtype=np.int32), net_source=netfile.sources(nets.ptr, nets.direction),
        net_weight=net_weight, net_names=_net_names(nets), pin_dir=nets.direction, min_aspect=low, max_aspect=high,
        extras=extras,
    )  # fmt: skip
    fixed = blocks.code == TERMINAL
    start, notes = _placement(netlist, positions, np.array(fixed))
    box, remark = _outline(netlist, positions)
    columns, rows = assume.grid(box[2] - box[0], box[3] - box[1], int((kind == HARD_MACRO).sum()))
    supply = assume.supply_of_nets(netlist.net_degree, box[2] - box[0], box[3] - box[1])
    canvas = Canvas(*box, columns, rows, smoothing=assume.SMOOTHING, **supply)
    notes += [
        remark, f"placement grid assumed: {columns} x {rows}",
        f"routing supply assumed: randomly placed nets would fill {assume.DEMAND_SHARE:.0%} of it,"
        f" macros take {assume.MACRO_SHARE:.0%}",
    ]  # fmt: skip
    corners = np.diff(blocks.corner_ptr)
    if (corners > 4).any():
        notes.append(f"{int((corners > 4).sum())} blocks with more than 4 corners are represented by bounding boxes")
    return Design(netlist, canvas, start, "gsrc", path, own, tuple(notes))


def read_placement(path: Path, design: Design) -> Placement:
    """Read a ``.pl`` file for a design that is already loaded, from whatever format.

    Objects that no net names may be missing from the file; they are then not placed.

    Args:
        path: plain or gzip ``.pl`` file.
        design: whose objects it places.

    Raises:
        NetlistError: the file is malformed.
        PlacementError: it lists other objects, lacks one, or gives a block another shape (``DIMS``).
    """
    path = Path(path)
    netlist = design.netlist
    positions = read_positions(path, {name.encode(): k for k, name in enumerate(netlist.node_names)})
    for entry, (w, h) in positions.dims.items():
        k = int(positions.node[entry])
        sides = _unoriented(w, h, int(positions.orient[entry]))
        if not np.allclose(sides, (netlist.node_width[k], netlist.node_height[k]), rtol=AREA_TOLERANCE, atol=0):
            raise positions.error("the placement gives an object another shape", entry, netlist.node_names[k], "shape")
    code = netlist.extras.get("gsrc.code")
    fixed = np.array(design.placement.fixed if code is None else code == TERMINAL, dtype=bool)
    return _placement(netlist, positions, fixed)[0]


def _placement(netlist: Netlist, positions: Positions | None, fixed: NDArray[np.bool_]) -> tuple[Placement, list[str]]:
    """Centres from lower-left corners.

    Movable objects count as not placed where they are missing from the file, and all of them when they cannot be
    disjoint where it puts them because their bounding box is smaller than their total area.
    """
    n = netlist.num_nodes
    if positions is None:
        centre = Placement.unplaced(n).moved(x=netlist.node_width / 2, y=netlist.node_height / 2, fixed=fixed)
        return centre, ["no .pl file: nothing is placed"]
    notes: list[str] = []
    placed, orient = np.zeros(n, bool), np.zeros(n, np.int8)
    placed[positions.node], orient[positions.node] = True, positions.orient
    fixed[positions.node[positions.suffix != FREE]] = True
    _check_missing(netlist, positions, placed)
    if not placed.all():
        missing = [netlist.node_names[k] for k in np.flatnonzero(~placed).tolist()]
        notes.append(f"not in the .pl file and on no net: {', '.join(missing[:5])}{' ...' if missing[5:] else ''}")
    width, height = oriented_sizes(netlist.node_width, netlist.node_height, orient)
    x, y = np.zeros(n), np.zeros(n)
    x[positions.node], y[positions.node] = positions.x, positions.y
    ids = np.flatnonzero(placed & ~fixed & (netlist.node_kind != PORT))
    if len(ids) > 1:
        span = ((x + width)[ids].max() - x[ids].min()) * ((y + height)[ids].max() - y[ids].min())
        if span < (width * height)[ids].sum() * (1 - 1e-9):
            placed[ids] = False
            notes.append("the .pl file stacks the blocks: they count as not placed")
    x, y = np.where(_missing(positions, n), 0.0, x + width / 2), np.where(_missing(positions, n), 0.0, y + height / 2)
    return Placement(x, y, orient, fixed, placed), notes


def _missing(positions: Positions, n: int) -> NDArray[np.bool_]:
    missing = np.ones(n, bool)
    missing[positions.node] = False
    return missing


def _check_missing(netlist: Netlist, positions: Positions, listed: NDArray[np.bool_]) -> None:
    used = np.zeros(netlist.num_nodes, bool)
    used[netlist.conn_node] = True
    lacking = np.flatnonzero(~listed & used)
    if len(lacking):
        raise PlacementError(
            f"the placement lacks {len(lacking)} of {netlist.num_nodes} objects;"
            " it is truncated or belongs to another design",
            node=netlist.node_names[int(lacking[0])], rule="missing object", file=positions.source.path,
        )  # fmt: skip


def _shapes(blocks: Blocks) -> tuple[NDArray[np.float64], ...]:
    """Width, height, lowest and highest height / width of every block; the ratios are NaN for hard ones."""
    n = len(blocks.names)
    width, height, low, high = np.zeros(n), np.zeros(n), np.full(n, np.nan), np.full(n, np.nan)
    for k in np.flatnonzero(blocks.code == HARD).tolist():
        points = blocks.corners[blocks.corner_ptr[k] : blocks.corner_ptr[k + 1]]
        width[k], height[k] = np.ptp(points, axis=0)
    soft = blocks.code == SOFT
    ratio, area = blocks.ratio[soft], blocks.area[soft]
    low[soft], high[soft] = 1 / ratio.max(axis=1), 1 / ratio.min(axis=1)
    # Nearest to a square: width / height clipped into the range.
    shape = np.clip(1.0, ratio.min(axis=1), ratio.max(axis=1))
    width[soft] = np.sqrt(area * shape)
    height[soft] = np.sqrt(area / shape)
    return width, height, low, high


def _unoriented(width: float, height: float, orient: int) -> tuple[float, float]:
    w, h = oriented_sizes(width, height, orient)
    return float(w), float(h)


def _apply_dims(blocks: Blocks, positions: Positions, width: NDArray[np.float64], height: NDArray[np.float64]) -> None:
    """Give soft blocks the shapes that the placement states, and check those of hard blocks."""
    for entry, (w, h) in positions.dims.items():
        k = int(positions.node[entry])
        w, h = _unoriented(w, h, int(positions.orient[entry]))
        if blocks.code[k] == SOFT:
            slack = 1 + AREA_TOLERANCE
            low, high = sorted(blocks.ratio[k].tolist())
            if not (low / slack <= w / h <= high * slack and blocks.area[k] / slack <= w * h <= blocks.area[k] * slack):
                raise positions.error("DIMS is not a shape this soft block may take", entry, blocks.names[k], "shape")
            width[k], height[k] = w, h
        elif blocks.code[k] == HARD and not np.allclose((w, h), (width[k], height[k]), rtol=AREA_TOLERANCE, atol=0):
            raise positions.error("DIMS is not the size of this hard block", entry, blocks.names[k], "shape")


def _check_pins(
    nets: netfile.Nets,
    blocks: Blocks,
    kind: NDArray[np.int8],
    offset: tuple[NDArray[np.float64], NDArray[np.float64]],
    size: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> None:
    width, height = size[0][nets.node], size[1][nets.node]
    slack = PIN_TOLERANCE * np.maximum(width, height)
    out = (np.abs(offset[0]) > width / 2 + slack) | (np.abs(offset[1]) > height / 2 + slack)
    bad = np.flatnonzero(out & (kind[nets.node] != PORT))
    if len(bad):
        k = int(bad[0])
        raise nets.source.error(
            f"a pin lies outside its block {blocks.names[int(nets.node[k])]!r}", int(nets.line[k]),
            found=(float(offset[0][k]), float(offset[1][k])),
            expected=f"offsets from the centre within {width[k] / 2:g}, {height[k] / 2:g}",
        )  # fmt: skip


def _net_names(nets: netfile.Nets) -> list[str]:
    if not nets.index:
        return []
    return [name or f"net{k}" for k, name in enumerate(nets.names)]


def _outline(netlist: Netlist, positions: Positions | None) -> tuple[tuple[float, float, float, float], str]:
    block = netlist.node_kind == HARD_MACRO
    listed = np.zeros(netlist.num_nodes, bool)
    x, y = np.zeros(netlist.num_nodes), np.zeros(netlist.num_nodes)
    if positions is not None:
        listed[positions.node] = True
        x[positions.node], y[positions.node] = positions.x, positions.y
    pads = listed & ~block
    sides = np.column_stack([netlist.node_width, netlist.node_height])[block]
    return assume.outline(x[pads], y[pads], float(sides.prod(axis=1).sum()), sides)


def _extras(
    blocks: Blocks,
    nets: netfile.Nets,
    weights: Weights,
    positions: Positions | None,
    size: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> dict[str, Any]:
    extras: dict[str, Any] = {
        "gsrc.code": blocks.code, "gsrc.corners": blocks.corners, "gsrc.corner_ptr": blocks.corner_ptr,
        "gsrc.area": blocks.area, "gsrc.ratio": blocks.ratio,
        "gsrc.offset_style": nets.style, "gsrc.offset": np.column_stack([nets.dx, nets.dy]),
    }  # fmt: skip
    if nets.index and len(nets.index) != len(nets.names):
        extras["gsrc.net_named"] = np.array([bool(name) for name in nets.names])
    if len(weights.nodes):
        extras["gsrc.wts_nodes"], extras["gsrc.wts_node_weights"] = weights.nodes, weights.node_values
    if len(weights.nets):
        extras["gsrc.wts_nets"] = weights.nets
    if positions is not None:
        n = len(blocks.names)
        spelt, suffix = np.zeros(n, bool), np.zeros(n, np.int8)
        spelt[positions.node], suffix[positions.node] = positions.has_orient, positions.suffix
        extras.update({"gsrc.pl_order": positions.node, "gsrc.pl_orient": spelt, "gsrc.pl_suffix": suffix})
        dims = np.zeros(n, bool)
        dims[[int(positions.node[entry]) for entry in positions.dims]] = True
        if dims.any():
            extras["gsrc.pl_dims"] = dims
        width, height = oriented_sizes(size[0][positions.node], size[1][positions.node], positions.orient)
        cx, cy = positions.x + width / 2, positions.y + height / 2
        if (lower_left(cx, width) != positions.x).any() or (lower_left(cy, height) != positions.y).any():
            corners = np.zeros((n, 2))
            corners[positions.node] = np.column_stack([positions.x, positions.y])
            extras["gsrc.corners_ll"] = corners
    return extras
