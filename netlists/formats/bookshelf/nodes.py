"""``.nodes`` and ``.wts``: objects with their sizes, and weights of objects or nets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists.formats.bookshelf import lines as text

#: Movement keyword of a node: none, ``terminal`` (fixed), ``terminal_NI`` (fixed, overlap is allowed).
MOVABLE, TERMINAL, TERMINAL_NI = range(3)
KEYWORDS: tuple[str, ...] = ("", "terminal", "terminal_NI")
_CODE = {b"terminal": TERMINAL, b"terminal_ni": TERMINAL_NI}


@dataclass(frozen=True)
class Nodes:
    """Content of a ``.nodes`` file.

    Attributes:
        names: ``N`` names in file order.
        index: raw name -> node id.
        width: ``[N]`` file units.
        height: ``[N]`` file units.
        keyword: ``[N]`` int8 ``MOVABLE``, ``TERMINAL`` or ``TERMINAL_NI``.
    """

    names: list[str]
    index: dict[bytes, int]
    width: NDArray[np.float64]
    height: NDArray[np.float64]
    keyword: NDArray[np.int8]


def read_nodes(path: Path) -> Nodes:
    """Read a ``.nodes`` file.

    Raises:
        NetlistError: wrong header, malformed line, duplicate name, bad or negative size, movable node without area,
            or counts that disagree with the header.
    """
    source = text.open_source(path, "nodes")
    names: list[bytes] = []
    sizes: tuple[list[bytes], list[bytes]] = ([], [])
    keyword: list[int] = []
    where: list[int] = []
    counts: dict[bytes, text.Count] = {}
    for i in range(source.start, len(source.lines)):
        t = source.lines[i].split()
        if not t:
            continue
        if len(t) == 3 and t[1] != b":":
            code = MOVABLE
        elif len(t) == 4 and t[1] != b":" and t[3].lower() in _CODE:
            code = _CODE[t[3].lower()]
        else:
            t = text.loose_tokens(source.lines[i])
            if len(t) > 1 and t[1] == b":" and t[0].lower() in (b"numnodes", b"numterminals"):
                counts[t[0].lower()] = text.read_count(source, t, i)
                continue
            raise source.error(
                "a node line is malformed", i, found=source.lines[i].strip()[:80].decode(errors="replace"),
                expected="name width height [terminal | terminal_NI]",
            )  # fmt: skip
        names.append(t[0])
        sizes[0].append(t[1])
        sizes[1].append(t[2])
        keyword.append(code)
        where.append(i)
    index = index_names(source, names, where, "node")
    width = text.floats(source, sizes[0], where, "a width")
    height = text.floats(source, sizes[1], where, "a height")
    keywords = np.array(keyword, np.int8)
    for values, what in ((width, "width"), (height, "height")):
        bad = np.flatnonzero((values < 0) | ((values == 0) & (keywords == MOVABLE)))
        if len(bad):
            k = int(bad[0])
            problem = "negative" if values[k] < 0 else "zero, but the node is movable"
            raise source.error(
                f"the {what} of {names[k].decode(errors='replace')!r} is {problem}", where[k], found=float(values[k])
            )
    text.check_count(source, counts, b"NumNodes", len(names), "nodes")
    # Some writers leave terminal_NI nodes out of NumTerminals.
    terminals = int((keywords != MOVABLE).sum())
    declared = counts.get(b"numterminals")
    if declared is not None and declared.value != int((keywords == TERMINAL).sum()):
        text.check_count(source, counts, b"NumTerminals", terminals, "terminals")
    decoded = [source.text(name, i) for name, i in zip(names, where, strict=True)]
    return Nodes(decoded, index, width, height, keywords)


def index_names(source: text.Source, names: Sequence[bytes], where: Sequence[int], what: str) -> dict[bytes, int]:
    """Name -> position.

    Raises:
        NetlistError: a name appears twice.
    """
    index = {name: k for k, name in enumerate(names)}
    if len(index) != len(names):
        first: dict[bytes, int] = {}
        for name, i in zip(names, where, strict=True):
            if name in first:
                raise source.error(
                    f"the {what} {name.decode(errors='replace')!r} appears twice (first on line {first[name] + 1})", i
                )
            first[name] = i
    return index


@dataclass(frozen=True)
class Weights:
    """Content of a ``.wts`` file: each line weighs a net or a node.

    Attributes:
        nets: net ids in file order.
        net_values: their weights.
        nodes: node ids in file order.
        node_values: their weights.
    """

    nets: NDArray[np.int64]
    net_values: NDArray[np.float64]
    nodes: NDArray[np.int64]
    node_values: NDArray[np.float64]


def read_weights(path: Path, node_index: dict[bytes, int], net_index: dict[bytes, int]) -> Weights:
    """Read a ``.wts`` file and find out from the names whether it weighs nets or nodes.

    When every name is a node and not every name is a net, the file weighs nodes. Otherwise a name that is a net
    weighs the net, and any other one the node.

    Raises:
        NetlistError: wrong header, malformed line, a name that is neither, listed twice, or a weight that is not a
            finite non-negative number.
    """
    source = text.open_source(path, "wts", may_be_empty=True)
    names: list[bytes] = []
    values: list[bytes] = []
    where: list[int] = []
    for i in range(source.start, len(source.lines)):
        t = source.lines[i].split()
        if not t:
            continue
        if len(t) != 2:
            t = [x for x in text.loose_tokens(source.lines[i]) if x != b":"]
        if len(t) != 2:
            raise source.error(
                "a weight line is malformed", i, found=source.lines[i].strip()[:80].decode(errors="replace"),
                expected="name weight",
            )  # fmt: skip
        names.append(t[0])
        values.append(t[1])
        where.append(i)
    index_names(source, names, where, "name")
    weights = text.floats(source, values, where, "a weight")
    bad = np.flatnonzero(weights < 0)
    if len(bad):
        raise source.error("a weight is negative", where[int(bad[0])], found=float(weights[bad[0]]))
    all_nets = all(name in net_index for name in names)
    nodes_only = not all_nets and all(name in node_index for name in names)
    nets: list[int] = []
    net_lines: list[int] = []
    nodes: list[int] = []
    node_lines: list[int] = []
    for k, name in enumerate(names):
        if not nodes_only and name in net_index:
            nets.append(net_index[name])
            net_lines.append(k)
        elif name in node_index:
            nodes.append(node_index[name])
            node_lines.append(k)
        else:
            raise source.error("a weight names neither a net nor a node", where[k], found=name.decode(errors="replace"))
    return Weights(np.array(nets, np.int64), weights[net_lines], np.array(nodes, np.int64), weights[node_lines])
