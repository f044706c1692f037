"""The ``.plc`` placement file: a header of ``#`` comments and one ``index x y orientation fixed`` line a node.

Indices count every node of the netlist file in order - ports, macros and pins - without ``__metadata__``. Coordinates
are centres in um.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists import orientation
from netlists.canvas import Canvas
from netlists.errors import NetlistError, PlacementError
from netlists.formats.textio import read_bytes
from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO, STDCELL, Netlist
from netlists.placement import Placement

_NUMBER = r"\s*(\S+)"
_FIELDS: dict[str, re.Pattern[str]] = {
    "grid": re.compile(r"#\s*Columns\s*:" + _NUMBER + r"\s+Rows\s*:" + _NUMBER),
    "size": re.compile(r"#\s*Width\s*:" + _NUMBER + r"\s+Height\s*:" + _NUMBER),
    "routes": re.compile(r"#\s*Routes per micron,\s*hor\s*:" + _NUMBER + r"\s+ver\s*:" + _NUMBER),
    "macro_routes": re.compile(r"#\s*Routes used by macros,\s*hor\s*:" + _NUMBER + r"\s+ver\s*:" + _NUMBER),
    "smoothing": re.compile(r"#\s*Smoothing factor\s*:" + _NUMBER),
    "overlap": re.compile(r"#\s*Overlap threshold\s*:" + _NUMBER),
}
_WORDS = re.compile(r"#\s*(Project|Block)\s*:\s*(\S+)")
_COUNT = re.compile(r"#\s*(HARD_MACROs|HARD_MACRO_PINs|MACROs|MACRO_PINs|PORTs|SOFT_MACROs|SOFT_MACRO_PINs|STDCELLs)\s*:\s*(\d+)\s*$")  # fmt: skip  # noqa: E501
# Lines that describe one particular placement, or that are written anew.
_STALE = re.compile(
    r"#\s*(Date|This file|Original initial placement|Wirelength|Wirelength cost|Congestion cost|Density cost"
    r"|Fake net cost|90% Congestion metric.*?)\s*:|#\s*(To view this file|viewer_binary|or you can simply run"
    r"|Hard Macro Placements|Overall Placement Density|Counts of node types|node_index)"
    r"|#\s*\d*\|.*\|\s*$|#\s*-+\s*$|#\s*$"
)
TITLE = "# Placement file for Circuit Training"


@dataclass
class Header:
    """What the comments of a ``.plc`` file say; None where they are silent.

    Attributes:
        lines: every comment line before the first node, verbatim.
        grid: columns, rows.
        size: width, height of the canvas, um.
        routes: horizontal, vertical tracks per um.
        macro_routes: tracks per um a hard macro takes, horizontal, vertical.
        smoothing: congestion smoothing range, gcells.
        overlap: overlap threshold.
        counts: ``HARD_MACROs`` and so on.
        line_of: 1-based line of each field, for messages.
    """

    lines: list[str] = field(default_factory=list)
    grid: tuple[int, int] | None = None
    size: tuple[float, float] | None = None
    routes: tuple[float, float] | None = None
    macro_routes: tuple[float, float] | None = None
    smoothing: int | None = None
    overlap: float | None = None
    counts: dict[str, int] = field(default_factory=dict)
    line_of: dict[str, int] = field(default_factory=dict)


@dataclass
class PlcFile:
    """A parsed ``.plc``: header and the node lines as arrays of equal length."""

    path: Path
    header: Header
    index: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    orient: NDArray[np.int8]
    fixed: NDArray[np.bool_]
    line: NDArray[np.int64]


def looks_like_plc(head: bytes) -> bool:
    """True when ``head`` starts like a placement file: its comments, or its five-column lines."""
    text = head.decode(errors="replace")
    lines = [line.strip() for line in text.splitlines()]
    if any(_FIELDS["grid"].match(line) or line.startswith(TITLE) for line in lines if line.startswith("#")):
        return True
    body = [line for line in lines[:-1] or lines if line and not line.startswith("#")]
    return (
        bool(body) and re.fullmatch(r"\d+\s+\S+\s+\S+\s+(-|[NSEW]|F[NSEW]|R\d+|M[XY]R?\d*)\s+[01]", body[0]) is not None
    )


def read_plc(path: Path) -> PlcFile:
    """Parse a plain or gzipped ``.plc`` file.

    Raises:
        NetlistError: it cannot be read, or a header number is wrong.
        PlacementError: a node line is wrong; with file and line.
    """
    path = Path(path)
    text = read_bytes(path).decode(errors="replace")
    header = Header()
    orients = dict(orientation.CODE)
    orients.update({alias: orientation.CODE[name] for alias, name in orientation.ALIASES.items()})
    orients["-"] = orientation.N
    index: list[int] = []
    xs: list[float] = []
    ys: list[float] = []
    codes: list[int] = []
    flags: list[bool] = []
    where: list[int] = []
    seen: dict[int, int] = {}
    number = 0
    for number, raw in enumerate(text.split("\n"), 1):
        if raw[:1] == "#" or raw.lstrip()[:1] == "#":
            if not index:
                _header_line(header, raw.strip(), path, number)
            continue
        parts = raw.split()
        if not parts:
            continue
        try:
            node, x, y, code, flag = int(parts[0]), float(parts[1]), float(parts[2]), orients[parts[3]], parts[4]
            if flag not in ("0", "1") or len(parts) != 5 or not (math.isfinite(x) and math.isfinite(y)):
                raise ValueError
        except (ValueError, KeyError, IndexError):
            raise _bad_line(parts, path, number, orients) from None
        if node in seen:
            raise PlacementError(
                f"node {node} is placed twice, first in line {seen[node]}", rule="duplicate", file=path, line=number
            )
        seen[node] = number
        index.append(node)
        xs.append(x)
        ys.append(y)
        codes.append(code)
        flags.append(flag == "1")
        where.append(number)
    return PlcFile(
        path, header, np.array(index, np.int64), np.array(xs, float), np.array(ys, float), np.array(codes, np.int8),
        np.array(flags, bool), np.array(where, np.int64),
    )  # fmt: skip


def _bad_line(parts: list[str], path: Path, line: int, orients: dict[str, int]) -> PlacementError:
    """Say which of the five columns is wrong."""
    text = " ".join(parts)[:60]
    if len(parts) != 5:
        return PlacementError(
            f"expected five columns 'index x y orientation fixed', found {text!r}", rule="syntax", file=path, line=line
        )
    for what, value in (("x", parts[1]), ("y", parts[2])):
        try:
            good = math.isfinite(float(value))
        except ValueError:
            good = False
        if not good:
            return PlacementError(f"{what} is not a finite number: {value[:40]!r}", rule="syntax", file=path, line=line)
    if parts[3] not in orients:
        return PlacementError(
            f"unknown orientation {parts[3][:40]!r}, expected one of {' '.join(orientation.NAMES)} or '-'",
            rule="orientation", file=path, line=line,
        )  # fmt: skip
    if parts[4] not in ("0", "1"):
        return PlacementError(f"the fixed flag is {parts[4][:40]!r}, not 0 or 1", rule="syntax", file=path, line=line)
    return PlacementError(f"the node index is not a number: {parts[0][:40]!r}", rule="syntax", file=path, line=line)


def _header_line(header: Header, text: str, path: Path, line: int) -> None:
    header.lines.append(text)
    count = _COUNT.match(text)
    if count:
        header.counts[count.group(1)] = int(count.group(2))
        return
    for key, pattern in _FIELDS.items():
        match = pattern.match(text)
        if match is None:
            continue
        header.line_of[key] = line
        try:
            values = [float(v) for v in match.groups()]
            if not all(math.isfinite(v) and v >= 0 for v in values):
                raise ValueError
            if key == "grid":
                if min(values) < 1 or any(v != int(v) or v > 100_000 for v in values):
                    raise ValueError
                header.grid = (int(values[0]), int(values[1]))
            elif key == "size":
                if min(values) <= 0:
                    raise ValueError
                header.size = (values[0], values[1])
            elif key == "routes":
                header.routes = (values[0], values[1])
            elif key == "macro_routes":
                header.macro_routes = (values[0], values[1])
            elif key == "smoothing":
                if values[0] != int(values[0]) or values[0] > 100_000:
                    raise ValueError
                header.smoothing = int(values[0])
            else:
                header.overlap = values[0]
        except ValueError:
            expected = {
                "grid": "two whole numbers from 1",
                "size": "two numbers above 0",
                "smoothing": "a whole number",
            }
            raise NetlistError(
                "a number in the placement header is wrong", file=path, line=line, found=text,
                expected=expected.get(key, "finite numbers from 0"),
            ) from None  # fmt: skip


def counts_of(netlist: Netlist, pin_owner: NDArray[np.int64] | None = None) -> dict[str, int]:
    """The node counts a ``.plc`` header carries; ``pin_owner`` is the node of each pin record, default the pins'."""
    kinds = netlist.node_kind
    hard, soft = int((kinds == HARD_MACRO).sum()), int((kinds == SOFT_MACRO).sum())
    of_pin = kinds[netlist.pin_node if pin_owner is None else pin_owner]
    hard_pins, soft_pins = int((of_pin == HARD_MACRO).sum()), int((of_pin == SOFT_MACRO).sum())
    return {
        "HARD_MACROs": hard,
        "HARD_MACRO_PINs": hard_pins,
        "MACROs": hard + soft,
        "MACRO_PINs": hard_pins + soft_pins,
        "PORTs": int((kinds == PORT).sum()),
        "SOFT_MACROs": soft,
        "SOFT_MACRO_PINs": soft_pins,
        "STDCELLs": int((kinds == STDCELL).sum()),
    }


def mismatch(header: Header, netlist: Netlist) -> str | None:
    """The first node count of the header that contradicts the netlist, in words, or None. Pins are not compared."""
    actual = counts_of(netlist)
    for key in ("HARD_MACROs", "SOFT_MACROs", "PORTs", "STDCELLs", "MACROs"):
        said = header.counts.get(key)
        if said is not None and said != actual[key]:
            return f"its header counts {said} {key}, the netlist has {actual[key]}"
    return None


def apply(plc: PlcFile, netlist: Netlist, node_of: NDArray[np.int64], base: Placement) -> Placement:
    """``base`` with the nodes of the file moved to where it says. Ports stay fixed.

    Args:
        plc: the placement file.
        netlist: the netlist it should belong to.
        node_of: node id of each ``.plc`` index, -1 for pins.
        base: what holds for nodes the file leaves out.

    Raises:
        PlacementError: a line points at a pin or past the end: the file belongs to another design.
    """
    outside = np.flatnonzero((plc.index < 0) | (plc.index >= len(node_of)))
    if len(outside):
        i = int(outside[0])
        raise PlacementError(
            f"node index {plc.index[i]} does not exist, the netlist has 0..{len(node_of) - 1}: "
            "is this the placement of another design?",
            rule="index", file=plc.path, line=int(plc.line[i]),
        )  # fmt: skip
    node = node_of[plc.index]
    pins = np.flatnonzero(node < 0)
    if len(pins):
        i = int(pins[0])
        raise PlacementError(
            f"node index {plc.index[i]} is a pin, which has no place of its own: "
            "is this the placement of another design?",
            rule="index", file=plc.path, line=int(plc.line[i]),
        )  # fmt: skip
    x, y, orient = base.x.copy(), base.y.copy(), base.orient.copy()
    fixed, placed = base.fixed.copy(), base.placed.copy()
    x[node], y[node], orient[node], placed[node] = plc.x, plc.y, plc.orient, True
    fixed[node] = plc.fixed
    fixed |= netlist.node_kind == PORT
    return Placement(x, y, orient, fixed, placed)


def number(value: float) -> str:
    """Shortest text that reads back as the same float64; whole numbers without a fraction."""
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


def render(
    netlist: Netlist,
    canvas: Canvas,
    placement: Placement,
    index_of: NDArray[np.int64],
    pin_owner: NDArray[np.int64],
    header: str,
    name: str,
) -> str:
    """Text of a ``.plc`` file.

    Args:
        netlist: the circuit.
        canvas: written into the header.
        placement: centres in um of every placed node; others are left out.
        index_of: ``.plc`` index of each node.
        pin_owner: node of each pin the netlist file has a record for.
        header: header of the file the design came with; lines that still hold are kept.
        name: block name where the header has none.
    """
    lines = _header_text(canvas, counts_of(netlist, pin_owner), header, name)
    order = np.argsort(index_of, kind="stable")
    order = order[placement.placed[order]]
    port = netlist.node_kind[order] == PORT
    code = placement.orient[order]
    names = np.where(port & (code == orientation.N), "-", np.array(orientation.NAMES)[code])
    rows = zip(
        index_of[order].tolist(), placement.x[order].tolist(), placement.y[order].tolist(), names.tolist(),
        placement.fixed[order].astype(int).tolist(), strict=True,
    )  # fmt: skip
    lines.extend(f"{i} {number(x)} {number(y)} {o} {f}" for i, x, y, o, f in rows)
    return "\n".join(lines) + "\n"


def _header_text(canvas: Canvas, counts: dict[str, int], header: str, name: str) -> list[str]:
    c = canvas
    canonical = {
        "grid": f"# Columns : {c.columns}  Rows : {c.grid_rows}",
        "size": f"# Width : {_plain(c.width)}  Height : {_plain(c.height)}",
        "Project": "# Project : unset_project",
        "Block": f"# Block : {re.sub(r'[^!-~]+', '_', name) or 'unset_block'}",
        "routes": f"# Routes per micron, hor : {_plain(c.h_routes_per_um)}  ver : {_plain(c.v_routes_per_um)}",
        "macro_routes": f"# Routes used by macros, hor : {_plain(c.h_macro_routes_per_um)}"
        f"  ver : {_plain(c.v_macro_routes_per_um)}",
        "smoothing": f"# Smoothing factor : {c.smoothing}",
        "overlap": f"# Overlap threshold : {_plain(c.overlap_threshold)}" if c.overlap_threshold else "",
    }
    actual = {
        "grid": (c.columns, c.grid_rows),
        "size": (c.width, c.height),
        "routes": (c.h_routes_per_um, c.v_routes_per_um),
        "macro_routes": (c.h_macro_routes_per_um, c.v_macro_routes_per_um),
        "smoothing": (c.smoothing,),
        "overlap": (c.overlap_threshold,),
    }
    out = [TITLE]
    for raw in header.split("\n"):
        line = raw.strip()
        if not line or line == TITLE or _STALE.match(line) or _COUNT.match(line):
            continue
        word = _WORDS.match(line)
        if word:
            if canonical.pop(word.group(1), ""):
                out.append(line)
            continue
        key = next((k for k, pattern in _FIELDS.items() if pattern.match(line)), None)
        if key is None:
            out.append(line)
        elif key in canonical:
            values = tuple(float(v) for v in _FIELDS[key].match(line).groups())  # type: ignore[union-attr]
            replacement = canonical.pop(key)
            out.extend([line if values == actual[key] else replacement] if replacement else [])
    out.extend(line for line in canonical.values() if line)
    out.extend(["#", "# Counts of node types:"])
    out.extend(f"# {key:<16}: {count:9d}" for key, count in counts.items())
    out.extend(["#", "# node_index x y orientation fixed"])
    return out


def _plain(value: float) -> str:
    return repr(float(value))
