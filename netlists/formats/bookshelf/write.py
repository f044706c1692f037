"""From a :class:`~netlists.design.Design` of any format to Bookshelf files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists import orientation
from netlists.canvas import Canvas, Rows
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats import textio
from netlists.formats.bookshelf import lines as text
from netlists.formats.bookshelf.nets import LETTERS, sources
from netlists.formats.bookshelf.nodes import KEYWORDS, MOVABLE, TERMINAL, TERMINAL_NI
from netlists.formats.bookshelf.numbers import lower_left, shortest
from netlists.formats.bookshelf.parts import ROLES, role_of, stem_of
from netlists.formats.bookshelf.pl import FIXED, FIXED_NI, FREE, SUFFIXES
from netlists.formats.bookshelf.scl import rows_text
from netlists.netlist import DIR_INPUT, DIR_OUTPUT, HARD_MACRO, PORT, STDCELL, Netlist
from netlists.orientation import oriented_sizes
from netlists.placement import Placement


def write_design(design: Design, folder: Path, *, stem: str | None = None, compress: bool = False) -> list[Path]:
    """Write ``.aux .nodes .nets .wts .pl .scl``, one micron as one unit.

    A design read from Bookshelf comes back with every name, number and order; comments are not kept. For others:
    ports become ``terminal_NI``, other fixed objects ``terminal``, everything else a movable node; a pin on several
    nets is repeated; net weights go to ``.wts`` (nets without names get ``net<k>``); rows are made up when the canvas
    has none, so that they span it. Outlines, blockages, grid, routing supply, pin names and the soft or hard nature
    of a macro have no place in the format.

    Args:
        design: what to write.
        folder: created when missing.
        stem: file name without suffix; the design's own file names or name when left out.
        compress: write every file but the ``.aux`` with ``.gz``. The ``.aux`` names them without it, as is usual.

    Returns:
        the files, the ``.aux`` first.

    Raises:
        NetlistError: a name cannot be spelt in Bookshelf, or a file cannot be written.
    """
    listed = _file_names(design, stem)
    texts = {
        "nodes": _nodes_text(design),
        "nets": _nets_text(design.netlist),
        "wts": _weights_text(design.netlist),
        "pl": placement_text(design, design.placement),
        "scl": rows_text(design.canvas.rows or made_up_rows(design), dict(design.netlist.extras)),
    }
    keyword = str(design.netlist.extras.get("bookshelf.keyword", "RowBasedPlacement"))
    aux = Path(folder) / f"{stem or file_stem(design)}.aux"
    written = []
    for name in listed:
        role = role_of(name)
        assert role is not None
        packed = name + ".gz" if compress and not name.lower().endswith(".gz") else name
        written.append(textio.atomic_write(Path(folder) / packed, texts[role]))
    # The entry point comes last: a folder with an .aux is complete.
    return [textio.atomic_write(aux, f"{keyword} : {' '.join(listed)}\n"), *written]


def write_placement(design: Design, placement: Placement, path: Path) -> None:
    """Write a ``.pl`` file (gzip when the name says so).

    Args:
        design: whose objects are placed.
        placement: their centres and orientations.
        path: file to replace.

    Raises:
        NetlistError: a name cannot be spelt in Bookshelf, or the file cannot be written.
    """
    textio.atomic_write(Path(path), placement_text(design, placement))


def placement_text(design: Design, placement: Placement) -> str:
    """Text of a ``.pl`` file; see :func:`write_placement`."""
    netlist = design.netlist
    check_names(netlist.node_names, "object")
    extras = netlist.extras
    n = netlist.num_nodes
    width, height = oriented_sizes(netlist.node_width, netlist.node_height, placement.orient)
    x, y = lower_left(placement.x, width), lower_left(placement.y, height)
    corners = extras.get("bookshelf.corners")
    if corners is not None:
        same = (corners[:, 0] + width / 2 == placement.x) & (corners[:, 1] + height / 2 == placement.y)
        x, y = np.where(same, corners[:, 0], x), np.where(same, corners[:, 1], y)
    nowhere = ~placement.placed & (placement.x == 0) & (placement.y == 0)
    x, y = np.where(nowhere, 0.0, x), np.where(nowhere, 0.0, y)
    keyword = movement_keywords(design, placement)
    suffix = np.where(keyword == TERMINAL_NI, FIXED_NI, FIXED)
    suffix[(keyword == MOVABLE) & ~placement.fixed] = FREE
    if "bookshelf.pl_suffix" in extras:
        # A terminal is fixed with and without the mark: spell it as it was. The mark itself also stays as it was.
        was = extras["bookshelf.pl_suffix"]
        suffix = np.where((keyword != MOVABLE) | ((suffix != FREE) & (was != FREE)), was, suffix)
    spell = np.asarray(extras.get("bookshelf.pl_orient", np.ones(n, bool))) | (placement.orient != orientation.N)
    spell |= suffix != FREE
    order = extras.get("bookshelf.pl_order", np.arange(n))
    xs, ys = shortest(x), shortest(y)
    tails = [
        f" : {orientation.NAMES[way]}{' ' * (mark > 0)}{SUFFIXES[mark]}" if spelt else ""
        for way, mark, spelt in zip(placement.orient.tolist(), suffix.tolist(), spell.tolist(), strict=True)
    ]
    out = [f"{netlist.node_names[k]}\t{xs[k]}\t{ys[k]}{tails[k]}" for k in np.asarray(order).tolist()]
    return "\n".join(["UCLA pl 1.0", "", *out, ""])


def check_names(names: Sequence[str], what: str) -> None:
    """Check that names survive a format whose tokens are separated by white space.

    Raises:
        NetlistError: a name is empty, holds white space, starts with ``#`` or ``:`` or is a keyword.
    """
    for name in names:
        raw = name.encode(errors="replace")
        fine = raw.split() == [raw] and raw[:1] not in (b"#", b":") and b"\0" not in raw
        # Lone surrogates become "?": such a name has no UTF-8 form.
        if not fine or text.is_keyword(raw.split(b":", 1)[0]) or raw.decode() != name:
            raise NetlistError(
                f"the {what} name cannot be written in this format", found=name,
                expected="one word that does not start with '#' or ':' and is no keyword",
            )  # fmt: skip


def file_stem(design: Design) -> str:
    """A file name for a design that need not be asked for one: its name, other characters replaced by ``_``."""
    return "".join(c if c.isalnum() or c in "._-" else "_" for c in design.name).lstrip(".") or "design"


def _file_names(design: Design, stem: str | None) -> list[str]:
    """Names of the parts, in the order the ``.aux`` lists them: as they were where there is no reason to differ."""
    netlist = design.netlist
    needless = set()
    if "bookshelf.terminal" in netlist.extras:
        needless = {"wts"} if not _has_weights(netlist) else set()
        needless |= {"scl"} if design.canvas.rows is None else set()
    listed = [str(name) for name in netlist.extras.get("bookshelf.files", [])]
    listed = [name for name in listed if role_of(name)]
    if stem is not None or not listed or any(Path(name).name != name for name in listed):
        listed = []
    base = stem or (stem_of(listed[0]) if listed else file_stem(design))
    have = {role_of(name) for name in listed}
    return listed + [f"{base}.{role}" for role in ROLES if role not in have | needless]


def movement_keywords(design: Design, placement: Placement) -> NDArray[np.int8]:
    """Movement keyword of each node: as it was read while that is still true, else from kind and fixed flag."""
    kind = design.netlist.node_kind
    derived = np.where(kind == PORT, TERMINAL_NI, np.where(placement.fixed, TERMINAL, MOVABLE)).astype(np.int8)
    was = design.netlist.extras.get("bookshelf.terminal")
    if was is None:
        return derived
    valid = (was == MOVABLE) | placement.fixed | (kind == PORT)
    return np.where(valid, was, derived).astype(np.int8)


def _nodes_text(design: Design) -> str:
    netlist = design.netlist
    check_names(netlist.node_names, "object")
    keyword = movement_keywords(design, design.placement)
    width, height = shortest(netlist.node_width), shortest(netlist.node_height)
    out = [
        f"\t{name}\t{w}\t{h}\t{KEYWORDS[code]}".rstrip("\t")
        for name, w, h, code in zip(netlist.node_names, width, height, keyword.tolist(), strict=True)
    ]
    head = ["UCLA nodes 1.0", "", f"NumNodes : {len(out)}", f"NumTerminals : {int((keyword != MOVABLE).sum())}", ""]
    return "\n".join([*head, *out, ""])


def _has_weights(netlist: Netlist) -> bool:
    return bool((netlist.net_weight != 1).any()) or any(key.startswith("bookshelf.wts") for key in netlist.extras)


def _written_net_names(netlist: Netlist) -> Sequence[str]:
    """Names to spell: none only where there are none and no weight needs one."""
    if len(netlist.net_names):
        check_names(netlist.net_names, "net")
        if len(set(netlist.net_names)) != netlist.num_nets:
            raise NetlistError("two nets have the same name, which Bookshelf cannot tell apart")
        named = netlist.extras.get("bookshelf.net_named")
        if named is None or (netlist.net_weight[~named] != 1).any():
            return netlist.net_names
        return [name if spelt else "" for name, spelt in zip(netlist.net_names, named.tolist(), strict=True)]
    if not (netlist.net_weight != 1).any():
        return [""] * netlist.num_nets
    nodes = set(netlist.node_names)
    prefix = "net"
    while any(f"{prefix}{k}" in nodes for k in range(netlist.num_nets)):
        prefix += "_"
    return [f"{prefix}{k}" for k in range(netlist.num_nets)]


def net_order(netlist: Netlist) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Order and directions in which connections must be written so that the driver of each net is found again.

    Readers take the first ``O`` pin of a net for its driver, else its first pin. Where that is another one, the driver
    comes first and is written as an output.

    Returns:
        ``[C]`` connections and ``[C]`` the direction of each, in writing order.
    """
    direction = np.zeros(netlist.num_connections, np.int8)
    if len(netlist.pin_dir):
        direction = netlist.pin_dir[netlist.net_pins]
    order = np.arange(netlist.num_connections)
    wrong = np.flatnonzero(sources(netlist.net_ptr, direction) != netlist.net_source)
    if len(wrong):
        direction = direction.copy()
        for net in wrong.tolist():
            low, high, driver = int(netlist.net_ptr[net]), int(netlist.net_ptr[net + 1]), int(netlist.net_source[net])
            order[low:high] = [driver, *range(low, driver), *range(driver + 1, high)]
            direction[driver] = DIR_OUTPUT
            rest = direction[low:high] == 0
            rest[driver - low] = False
            direction[low:high][rest] = DIR_INPUT
    return order, direction[order]


def _nets_text(netlist: Netlist) -> str:
    names = _written_net_names(netlist)
    order, direction = net_order(netlist)
    node = netlist.conn_node[order].tolist()
    dx, dy = shortest(netlist.conn_dx[order]), shortest(netlist.conn_dy[order])
    given = np.asarray(netlist.extras.get("bookshelf.pin_offset", np.ones(netlist.num_pins, bool)))
    offset = [
        f" : {x}\t{y}" if spelt else ""
        for x, y, spelt in zip(dx, dy, given[netlist.net_pins[order]].tolist(), strict=True)
    ]
    pins = [
        f"\t{netlist.node_names[k]}\t{LETTERS[d]}{tail}".rstrip("\t")
        for k, d, tail in zip(node, direction.tolist(), offset, strict=True)
    ]
    out = ["UCLA nets 1.0", "", f"NumNets : {netlist.num_nets}", f"NumPins : {len(pins)}", ""]
    bounds = netlist.net_ptr.tolist()
    for net, name in enumerate(names):
        out.append(f"NetDegree : {bounds[net + 1] - bounds[net]}   {name}".rstrip())
        out += pins[bounds[net] : bounds[net + 1]]
    return "\n".join([*out, ""])


def _weights_text(netlist: Netlist) -> str:
    extras = netlist.extras
    out = ["UCLA wts 1.0", ""]
    if "bookshelf.wts_nodes" in extras:
        values = shortest(extras["bookshelf.wts_node_weights"])
        out += [f"\t{netlist.node_names[k]}\t{v}" for k, v in zip(extras["bookshelf.wts_nodes"], values, strict=True)]
    names = _written_net_names(netlist)
    listed = np.asarray(extras.get("bookshelf.wts_nets", np.zeros(0, np.int64)))
    more = np.setdiff1d(np.flatnonzero(netlist.net_weight != 1), listed)
    ids = np.concatenate([listed, more]).astype(np.int64)
    out += [f"\t{names[k]}\t{v}" for k, v in zip(ids.tolist(), shortest(netlist.net_weight[ids]), strict=True)]
    return "\n".join([*out, ""])


def made_up_rows(design: Design) -> Rows:
    """Rows that span a canvas without any.

    As high as the most frequent standard cell; without cells, a power of two of them, at least 64 and low enough
    that every hard macro is taller than two. The last row ends exactly at the top of the canvas.
    """
    netlist, canvas = design.netlist, design.canvas
    cells = netlist.node_height[netlist.node_kind == STDCELL]
    macros = netlist.node_height[netlist.node_kind == HARD_MACRO]
    if len(cells):
        values, counts = np.unique(cells, return_counts=True)
        height = float(values[np.argmax(counts)])
        count = max(1, math.floor(canvas.height / height * (1 + 1e-9)))
    else:
        lowest = float(macros.min()) if len(macros) else canvas.height
        count = min(max(64, 2 ** math.ceil(math.log2(2 * canvas.height / lowest))), 2**14)
        height = canvas.height / count
    y: NDArray[np.float64] = canvas.y0 + np.arange(count, dtype=np.float64) * height
    heights = np.full(count, min(height, canvas.height))
    heights[-1] = canvas.y1 - y[-1]
    sites, spacing = _sites(canvas, height)
    orient = np.where(np.arange(count) % 2, orientation.FS, orientation.N).astype(np.int8)
    pitch = np.full(count, spacing)
    return Rows(y, heights, np.full(count, canvas.x0), np.full(count, sites), pitch, pitch, orient, ("Y",) * count)


def _sites(canvas: Canvas, row_height: float) -> tuple[int, float]:
    """Sites and pitch of a row that ends exactly at the right edge; a pitch of few digits when there is one."""
    for exponent in range(math.floor(math.log10(row_height)), -7, -1):
        for step in (5.0, 2.0, 1.0):
            pitch = float(f"{step:g}e{exponent}")
            count = round(canvas.width / pitch)
            if pitch <= row_height / 4 and count and canvas.x0 + count * pitch == canvas.x1:
                return count, pitch
    count = 2 ** max(0, math.ceil(math.log2(4 * canvas.width / row_height)))
    return count, canvas.width / count
