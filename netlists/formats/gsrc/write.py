"""From a :class:`~netlists.design.Design` of any format to GSRC floorplanning files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists import orientation
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats import textio
from netlists.formats.bookshelf.nets import LETTERS, OFFSET_NONE, OFFSET_PERCENT, OFFSET_UNITS
from netlists.formats.bookshelf.numbers import lower_left, scaled, shortest
from netlists.formats.bookshelf.pl import FIXED, FREE, SUFFIXES
from netlists.formats.bookshelf.write import check_names, file_stem, net_order
from netlists.formats.gsrc.blocks import HARD, SOFT, TERMINAL
from netlists.netlist import PORT, Netlist
from netlists.orientation import oriented_sizes
from netlists.placement import Placement


def write_design(design: Design, folder: Path, *, stem: str | None = None, compress: bool = False) -> list[Path]:
    """Write ``.blocks .nets``, ``.pl`` if anything is placed, ``.wts`` if a weight is not 1; one micron as one unit.

    A design read from GSRC files comes back with every name, number and order; comments are not kept. For others:
    ports become terminals (points at their centre), objects with aspect limits soft blocks, everything else hard
    blocks; a fixed block carries ``/FIXED`` in the ``.pl``; a pin on several nets is repeated. Canvas, rows, routing
    supply and pin names have no place in the format.

    Args:
        design: what to write.
        folder: created when missing.
        stem: file name without suffix, the design's name when left out.
        compress: write every file with ``.gz``.

    Returns:
        the files, the ``.blocks`` first.

    Raises:
        NetlistError: a name cannot be spelt in the format, or a file cannot be written.
    """
    netlist = design.netlist
    name = stem or file_stem(design)
    texts = {"nets": _nets_text(netlist)}
    if design.placement.placed.any() or "gsrc.pl_order" in netlist.extras:
        texts["pl"] = placement_text(design, design.placement)
    weights = _weights_text(netlist)
    if weights is not None:
        texts["wts"] = weights
    texts["blocks"] = _blocks_text(netlist)
    ending = ".gz" if compress else ""
    # The entry point comes last: a folder with a .blocks file is complete.
    written = [textio.atomic_write(Path(folder) / f"{name}.{role}{ending}", body) for role, body in texts.items()]
    return [written[-1], *written[:-1]]


def write_placement(design: Design, placement: Placement, path: Path) -> None:
    """Write a ``.pl`` file (gzip when the name says so).

    Args:
        design: whose objects are placed.
        placement: their centres and orientations.
        path: file to replace.

    Raises:
        NetlistError: a name cannot be spelt in the format, or the file cannot be written.
    """
    textio.atomic_write(Path(path), placement_text(design, placement))


def placement_text(design: Design, placement: Placement) -> str:
    """Text of a ``.pl`` file.

    Objects that the file the design came from did not list are left out as long as they are not placed. A soft block
    whose shape is not the one a reader would give it states its shape (``DIMS``).
    """
    netlist = design.netlist
    check_names(netlist.node_names, "object")
    n = netlist.num_nodes
    code = _codes(netlist)
    # A terminal is a point: its centre is its corner.
    size_x, size_y = oriented_sizes(netlist.node_width, netlist.node_height, placement.orient)
    size_x, size_y = np.where(code == TERMINAL, 0.0, size_x), np.where(code == TERMINAL, 0.0, size_y)
    x, y = lower_left(placement.x, size_x), lower_left(placement.y, size_y)
    corners = netlist.extras.get("gsrc.corners_ll")
    if corners is not None:
        same = (corners[:, 0] + size_x / 2 == placement.x) & (corners[:, 1] + size_y / 2 == placement.y)
        x, y = np.where(same, corners[:, 0], x), np.where(same, corners[:, 1], y)
    dims = _needs_dims(netlist, code)
    spelt = np.asarray(netlist.extras.get("gsrc.pl_orient", np.zeros(n, bool))) | (placement.orient != orientation.N)
    spelt = spelt | dims
    was = np.asarray(netlist.extras.get("gsrc.pl_suffix", np.zeros(n, np.int8)))
    suffix = np.where(placement.fixed & (code != TERMINAL), FIXED, FREE)
    suffix = np.where((was != FREE) & ((suffix != FREE) | (code == TERMINAL)), was, suffix)
    listed = np.asarray(netlist.extras.get("gsrc.pl_order", np.arange(n)))
    more = np.setdiff1d(np.flatnonzero(placement.placed), listed)
    xs, ys, ws, hs = shortest(x), shortest(y), shortest(size_x), shortest(size_y)
    out = ["UCLA pl 1.0", ""]
    for k in np.concatenate([listed, more]).astype(np.int64).tolist():
        tail = f"\tDIMS = ({ws[k]}, {hs[k]})" if dims[k] else ""
        tail += f" : {orientation.NAMES[placement.orient[k]]}" if spelt[k] else ""
        tail += f" {SUFFIXES[suffix[k]]}" if suffix[k] else ""
        out.append(f"{netlist.node_names[k]}\t{xs[k]}\t{ys[k]}{tail}")
    return "\n".join([*out, ""])


def _codes(netlist: Netlist) -> NDArray[np.int8]:
    was = netlist.extras.get("gsrc.code")
    if was is not None:
        return np.asarray(was)
    code = np.where(netlist.node_kind == PORT, TERMINAL, HARD).astype(np.int8)
    if len(netlist.min_aspect) and len(netlist.max_aspect):
        code[np.isfinite(netlist.min_aspect) & np.isfinite(netlist.max_aspect) & (code == HARD)] = SOFT
    return code


def _soft_numbers(netlist: Netlist) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``[N]`` areas and ``[N, 2]`` ratios to write: as they were read, else from the shapes."""
    if "gsrc.area" in netlist.extras:
        return netlist.extras["gsrc.area"], netlist.extras["gsrc.ratio"]
    area = netlist.node_width * netlist.node_height
    if not len(netlist.min_aspect):
        return area, np.full((netlist.num_nodes, 2), np.nan)
    return area, np.column_stack([1 / netlist.max_aspect, 1 / netlist.min_aspect])


def _needs_dims(netlist: Netlist, code: NDArray[np.int8]) -> NDArray[np.bool_]:
    needs = np.array(netlist.extras.get("gsrc.pl_dims", np.zeros(netlist.num_nodes, bool)))
    area, ratio = _soft_numbers(netlist)
    soft = code == SOFT
    shape = np.clip(1.0, ratio[soft].min(axis=1), ratio[soft].max(axis=1))
    needs[soft] |= (np.sqrt(area[soft] * shape) != netlist.node_width[soft]) | (
        np.sqrt(area[soft] / shape) != netlist.node_height[soft]
    )
    return needs


def _blocks_text(netlist: Netlist) -> str:
    check_names(netlist.node_names, "object")
    code = _codes(netlist)
    area, ratio = _soft_numbers(netlist)
    out = [
        "UCSC blocks 1.0", "", f"NumSoftRectangularBlocks : {int((code == SOFT).sum())}",
        f"NumHardRectilinearBlocks : {int((code == HARD).sum())}",
        f"NumTerminals : {int((code == TERMINAL).sum())}", "",
    ]  # fmt: skip
    corners, ptr = netlist.extras.get("gsrc.corners"), netlist.extras.get("gsrc.corner_ptr")
    for k, name in enumerate(netlist.node_names):
        if code[k] == TERMINAL:
            out.append(f"{name} terminal")
        elif code[k] == SOFT:
            out.append(f"{name} softrectangular {' '.join(shortest([area[k], *ratio[k]]))}")
        else:
            w, h = netlist.node_width[k], netlist.node_height[k]
            points = np.array([[0, 0], [0, h], [w, h], [w, 0]])
            if corners is not None and ptr is not None:
                points = corners[ptr[k] : ptr[k + 1]]
            pairs = " ".join(f"({x}, {y})" for x, y in zip(shortest(points[:, 0]), shortest(points[:, 1]), strict=True))
            out.append(f"{name} hardrectilinear {len(points)} {pairs}")
    return "\n".join([*out, ""])


def _nets_text(netlist: Netlist) -> str:
    names = _net_names(netlist)
    order, direction = net_order(netlist)
    offset = _offsets(netlist, netlist.net_pins[order])
    pins = [
        f"{netlist.node_names[k]} {LETTERS[d]}".rstrip() + tail
        for k, d, tail in zip(netlist.conn_node[order].tolist(), direction.tolist(), offset, strict=True)
    ]
    out = ["UCLA nets 1.0", "", f"NumNets : {netlist.num_nets}", f"NumPins : {len(pins)}", ""]
    bounds = netlist.net_ptr.tolist()
    for net, name in enumerate(names):
        out.append(f"NetDegree : {bounds[net + 1] - bounds[net]} {name}".rstrip())
        out += pins[bounds[net] : bounds[net + 1]]
    return "\n".join([*out, ""])


def _offsets(netlist: Netlist, pins: NDArray[np.int32]) -> list[str]:
    """Offset of each pin as text: as it was read, else in percent where that is exact, else in units."""
    style = netlist.extras.get("gsrc.offset_style")
    if style is not None:
        a, b = netlist.extras["gsrc.offset"][:, 0], netlist.extras["gsrc.offset"][:, 1]
    else:
        width, height = netlist.node_width[netlist.pin_node], netlist.node_height[netlist.pin_node]
        (a, exact_a), (b, exact_b) = scaled(netlist.pin_dx, width), scaled(netlist.pin_dy, height)
        centred = (netlist.pin_dx == 0) & (netlist.pin_dy == 0)
        # A terminal has no size that percentages could refer to.
        relative = exact_a & exact_b & (netlist.node_kind[netlist.pin_node] != PORT)
        style = np.where(centred, OFFSET_NONE, np.where(relative, OFFSET_PERCENT, OFFSET_UNITS))
        a, b = np.where(relative, a, netlist.pin_dx), np.where(relative, b, netlist.pin_dy)
    signs = ("", "", "%")
    xs, ys = shortest(a), shortest(b)
    texts = [
        f"\t: {signs[s]}{x} {signs[s]}{y}" if s != OFFSET_NONE else ""
        for s, x, y in zip(np.asarray(style).tolist(), xs, ys, strict=True)
    ]
    return [texts[pin] for pin in pins.tolist()]


def _net_names(netlist: Netlist) -> list[str]:
    names = list(netlist.net_names)
    weighted = netlist.net_weight != 1
    if not names:
        taken = set(netlist.node_names)
        prefix = "net"
        while any(f"{prefix}{k}" in taken for k in range(netlist.num_nets)):
            prefix += "_"
        return [f"{prefix}{k}" if weighted.any() else "" for k in range(netlist.num_nets)]
    check_names(names, "net")
    if len(set(names)) != len(names):
        raise NetlistError("two nets have the same name, which the format cannot tell apart")
    named = netlist.extras.get("gsrc.net_named")
    if named is None:
        return names
    return [name if named[k] or weighted[k] else "" for k, name in enumerate(names)]


def _weights_text(netlist: Netlist) -> str | None:
    extras = netlist.extras
    out: list[str] = []
    if "gsrc.wts_nodes" in extras:
        values = shortest(extras["gsrc.wts_node_weights"])
        out += [f"{netlist.node_names[k]} {v}" for k, v in zip(extras["gsrc.wts_nodes"], values, strict=True)]
    listed = np.asarray(extras.get("gsrc.wts_nets", np.zeros(0, np.int64)))
    ids = np.concatenate([listed, np.setdiff1d(np.flatnonzero(netlist.net_weight != 1), listed)]).astype(np.int64)
    names = _net_names(netlist)
    out += [f"{names[k]} {v}" for k, v in zip(ids.tolist(), shortest(netlist.net_weight[ids]), strict=True)]
    return "\n".join(["UCLA wts 1.0", "", *out, ""]) if out else None
