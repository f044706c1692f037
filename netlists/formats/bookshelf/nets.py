"""``.nets``: the hypergraph, one line a pin. Shared by Bookshelf and GSRC."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists.formats.bookshelf import lines as text
from netlists.formats.bookshelf.nodes import index_names
from netlists.netlist import DIR_INOUT, DIR_INPUT, DIR_OUTPUT, DIR_UNKNOWN

#: Direction letters; absent means unknown.
DIRECTIONS: dict[bytes, int] = {
    b"": DIR_UNKNOWN, b"I": DIR_INPUT, b"O": DIR_OUTPUT, b"B": DIR_INOUT,
    b"i": DIR_INPUT, b"o": DIR_OUTPUT, b"b": DIR_INOUT,
}  # fmt: skip
LETTERS: tuple[str, ...] = ("", "I", "O", "B")

#: How a pin's offset is written: not at all, in units, in percent of the block's sides.
OFFSET_NONE, OFFSET_UNITS, OFFSET_PERCENT = range(3)


@dataclass(frozen=True)
class Nets:
    """Content of a ``.nets`` file with ``M`` nets and ``Q`` pins.

    Attributes:
        names: ``M`` names; ``""`` where the net has none.
        index: raw name -> net id, of the named nets.
        ptr: ``[M + 1]`` int64 CSR offsets.
        node: ``[Q]`` int32 node of each pin.
        direction: ``[Q]`` int8 ``DIR_*``.
        dx: ``[Q]`` float64 as written, 0 where absent.
        dy: ``[Q]`` float64.
        style: ``[Q]`` int8 ``OFFSET_*``.
        line: ``[Q]`` int64 line index of each pin.
        source: the file, for later complaints.
    """

    names: list[str]
    index: dict[bytes, int]
    ptr: NDArray[np.int64]
    node: NDArray[np.int32]
    direction: NDArray[np.int8]
    dx: NDArray[np.float64]
    dy: NDArray[np.float64]
    style: NDArray[np.int8]
    line: NDArray[np.int64]
    source: text.Source


def read_nets(path: Path, node_index: dict[bytes, int], *, percent: bool = False) -> Nets:
    """Read a ``.nets`` file.

    Args:
        path: plain or gzip file.
        node_index: raw node name -> id.
        percent: accept ``%12.5`` offsets (GSRC).

    Raises:
        NetlistError: wrong header, malformed line, unknown node, duplicate net name, an empty net, a bad number, or
            counts that disagree.
    """
    source = text.open_source(path, "nets")
    counts: dict[bytes, text.Count] = {}
    net_names: list[bytes] = []
    degree: list[int] = []
    start: list[int] = []
    net_line: list[int] = []
    node: list[int] = []
    direction: list[bytes] = []
    xs: list[bytes] = []
    ys: list[bytes] = []
    bare: list[int] = []
    where: list[int] = []
    lines = source.lines
    for i in range(source.start, len(lines)):
        t = lines[i].split()
        n = len(t)
        if n == 5 and t[2] == b":":
            name, letter, _, x, y = t
        elif n == 2 and t[1] in DIRECTIONS:
            name, letter = t
            x = y = b"0"
            bare.append(len(node))
        elif t and t[0] == b"NetDegree" and n in (3, 4) and t[1] == b":" and text.is_count(t[2]):
            degree.append(int(t[2]))
            net_names.append(t[3] if n == 4 else b"")
            start.append(len(node))
            net_line.append(i)
            continue
        elif not n:
            continue
        else:
            t = text.loose_tokens(lines[i])
            n = len(t)
            key = t[0].lower()
            if n > 1 and t[1] == b":" and text.is_keyword(t[0]):
                if key == b"netdegree" and n in (3, 4):
                    degree.append(text.read_count(source, t, i).value)
                    net_names.append(t[3] if n == 4 else b"")
                    start.append(len(node))
                    net_line.append(i)
                elif key in (b"numnets", b"numpins") and n == 3:
                    counts[key] = text.read_count(source, t, i)
                else:
                    raise _malformed(source, i)
                continue
            name, letter, x, y, has_offset = _pin(source, t, i)
            if not has_offset:
                bare.append(len(node))
        try:
            node.append(node_index[name])
        except KeyError:
            raise source.error("a net names an unknown node", i, found=name.decode(errors="replace")) from None
        direction.append(letter)
        xs.append(x)
        ys.append(y)
        where.append(i)
    if node and (not start or start[0] > 0):
        raise source.error("a pin stands before the first NetDegree", where[0], expected="NetDegree : <pins> [name]")
    ptr = np.array([*start, len(node)], np.int64)
    _check_degrees(source, ptr, np.array(degree, np.int64), net_line, net_names)
    text.check_count(source, counts, b"NumNets", len(degree), "nets")
    text.check_count(source, counts, b"NumPins", len(node), "pins")
    named = [k for k, name in enumerate(net_names) if name]
    position = index_names(source, [net_names[k] for k in named], [net_line[k] for k in named], "net")
    try:
        codes = np.array([DIRECTIONS[d] for d in direction], np.int8)
    except KeyError:
        k = next(k for k, d in enumerate(direction) if d not in DIRECTIONS)
        raise source.error(
            "a pin direction is unknown", where[k], found=direction[k].decode(errors="replace"), expected="I, O or B"
        ) from None
    style = np.full(len(node), OFFSET_UNITS, np.int8)
    style[bare] = OFFSET_NONE
    if percent and b"%" in b"".join(xs):
        relative = [k for k, x in enumerate(xs) if x.startswith(b"%") and ys[k].startswith(b"%")]
        for k in relative:
            xs[k], ys[k] = xs[k][1:], ys[k][1:]
        style[relative] = OFFSET_PERCENT
    return Nets(
        [source.text(name, i) for name, i in zip(net_names, net_line, strict=True)],
        {name: named[k] for name, k in position.items()},
        ptr, np.array(node, np.int32), codes,
        text.floats(source, xs, where, "a pin offset"), text.floats(source, ys, where, "a pin offset"),
        style, np.array(where, np.int64), source,
    )  # fmt: skip


def _pin(source: text.Source, t: list[bytes], i: int) -> tuple[bytes, bytes, bytes, bytes, bool]:
    """Name, direction, offsets and whether they were there, of a pin line the fast path does not know."""
    head, has_colon, tail = t, False, []
    if b":" in t[1:]:
        cut = t.index(b":", 1)
        head, has_colon, tail = t[:cut], True, t[cut + 1 :]
    if len(head) not in (1, 2) or (len(tail) != 2 if has_colon else bool(tail)):
        raise _malformed(source, i)
    letter = head[1] if len(head) == 2 else b""
    x, y = tail if tail else (b"0", b"0")
    return head[0], letter, x, y, has_colon


def _malformed(source: text.Source, i: int) -> Exception:
    return source.error(
        "a net line is malformed", i, found=source.lines[i].strip()[:80].decode(errors="replace"),
        expected="NetDegree : <pins> [name], or node [I|O|B] [: dx dy]",
    )  # fmt: skip


def _check_degrees(
    source: text.Source, ptr: NDArray[np.int64], degree: NDArray[np.int64], line: list[int], names: list[bytes]
) -> None:
    actual = np.diff(ptr)
    bad = np.flatnonzero((actual != degree) | (degree == 0))
    if not len(bad):
        return
    k = int(bad[0])
    label = names[k].decode(errors="replace") or f"number {k + 1}"
    if actual[k] == degree[k]:
        raise source.error(f"net {label} has no pin", line[k])
    raise source.error(
        f"net {label} has another number of pins than its NetDegree says", line[k], found=int(actual[k]),
        expected=int(degree[k]),
    )  # fmt: skip


def sources(ptr: NDArray[np.int64], direction: NDArray[np.int8]) -> NDArray[np.int64]:
    """``[M]`` driving connection of each net: its first output pin, else its first pin."""
    first = ptr[:-1].copy()
    outputs = np.flatnonzero(direction == DIR_OUTPUT)
    net = np.searchsorted(ptr, outputs, side="right") - 1
    # Written backwards, so that the first output of a net is the one that stays.
    first[net[::-1]] = outputs[::-1]
    return first
