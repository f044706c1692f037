r"""Which cell is in which cluster, as text: written beside a clustered netlist, and read back.

A map file has one line a standard cell, in the order of the flat netlist: the cell's name, a tab, the name of its
cluster, or ``-`` for a cell in none. Lines that begin with ``#`` are remarks. A backslash, tab, line break or leading
``#`` in a name is written as ``\\``, ``\t``, ``\n``, ``\r`` or ``\#``.

The groups files of Circuit Training (``groups.final``) are read too: one integer for each node of the flat protobuf
netlist in file order, pins of macros included, metadata not.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats.textio import read_bytes
from netlists.grouping.clustered import Clustered
from netlists.netlist import STDCELL

#: First line of a map file.
HEADER = "# placer: standard cells and their clusters, 1"
_NONE = "-"
_CLUSTER = re.compile(r"(?:Grp_)?(\d{1,9})")
_INTEGERS = re.compile(rb"[-\d\s]*\d[-\d\s]*")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_PLAIN = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r", "#": "#"}


def render_map(clustered: Clustered) -> str:
    """Text of the map file of a clustered design."""
    n = clustered.flat.netlist
    name = " ".join(n.name.split())
    lines = [HEADER, f"# design: {name}", "# cell<TAB>cluster"]
    for cell in n.ids(STDCELL).tolist():
        group = int(clustered.group_of[cell])
        lines.append(f"{_escaped(n.node_names[cell])}\t{f'Grp_{group}' if group >= 0 else _NONE}")
    return "\n".join(lines) + "\n"


def read_groups(path: Path, design: Design) -> NDArray[np.int32]:
    """Read the groups of a design's cells: a map file, or a ``groups.final`` of Circuit Training; plain or gzipped.

    Args:
        path: the file.
        design: the flat design it is for.

    Returns:
        ``[N]`` group of each node; -1 for all but standard cells, and for cells in none.

    Raises:
        NetlistError: a line is wrong, names a cell twice or one that is not there, or a cell is missing (with file and
            line); or the file counts other nodes than the design.
    """
    path = Path(path)
    data = read_bytes(path)
    if b"\t" not in data and not data.startswith(b"#") and _INTEGERS.fullmatch(data):
        return _from_integers(path, data, design)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise NetlistError("this is not UTF-8 text", file=path, line=line) from None
    return _from_names(path, text, design)


def _from_names(path: Path, text: str, design: Design) -> NDArray[np.int32]:
    n = design.netlist
    index = n.node_index
    is_cell = n.node_kind == STDCELL
    out = np.full(n.num_nodes, -1, np.int32)
    seen = np.zeros(n.num_nodes, bool)
    for number, line in enumerate(text.split("\n"), 1):
        line = line.removesuffix("\r")
        if not line.strip() or line.startswith("#"):
            continue
        name, tab, cluster = line.partition("\t")
        if not tab:  # written by hand, with blanks
            name, _, cluster = line.strip().rpartition(" ")
            name = name.strip()
        name, cluster = _unescaped(name, path, number), cluster.strip()
        match = _CLUSTER.fullmatch(cluster)
        if not name or (match is None and cluster != _NONE):
            raise NetlistError(
                "this line is not a cell and its cluster", file=path, line=number, found=line.strip(),
                expected="NAME<TAB>Grp_<number>",
            )  # fmt: skip
        node = index.get(name)
        if node is None or not is_cell[node]:
            what = "no object of the design has this name" if node is None else "this is no standard cell"
            raise NetlistError(what, file=path, line=number, found=name)
        if seen[node]:
            raise NetlistError("this cell has a line already", file=path, line=number, found=name)
        seen[node] = True
        if match is not None:
            out[node] = int(match.group(1))
    missing = np.flatnonzero(is_cell & ~seen)
    if len(missing):
        raise NetlistError(
            f"{len(missing):,} standard cells have no line", file=path, found=n.node_names[missing[0]],
            expected="one line a cell",
        )  # fmt: skip
    return out


def _from_integers(path: Path, data: bytes, design: Design) -> NDArray[np.int32]:
    from netlists.formats.circuit_training.build import REC_METADATA, REC_NODE
    from netlists.formats.circuit_training.write import make_skeleton

    n = design.netlist
    try:
        values = np.array(data.split(), np.int64)
    except (ValueError, OverflowError):
        raise NetlistError("this is not a list of integers", file=path) from None
    kind = make_skeleton(n).kind
    is_node = kind[kind != REC_METADATA] == REC_NODE
    if len(values) == len(is_node):
        of_node = values[is_node]
    elif len(values) == n.num_nodes:
        of_node = values
    else:
        raise NetlistError(
            "the groups file is for another netlist", file=path, found=f"{len(values):,} numbers",
            expected=f"{len(is_node):,}, one a node of the protobuf netlist, pins included",
        )  # fmt: skip
    is_cell = n.node_kind == STDCELL
    bad = np.flatnonzero(is_cell & ((of_node < 0) | (of_node >= 2**31)))
    if len(bad):
        raise NetlistError(
            f"standard cell {n.node_names[bad[0]]!r} is in no group", file=path, found=int(of_node[bad[0]])
        )
    return np.where(is_cell, of_node, -1).astype(np.int32)


def _escaped(name: str) -> str:
    if name.startswith("#"):
        return "\\#" + _escaped(name[1:])
    return "".join(_ESCAPES.get(letter, letter) for letter in name) if _needs_escapes(name) else name


def _needs_escapes(name: str) -> bool:
    return any(letter in name for letter in _ESCAPES)


def _unescaped(name: str, path: Path, line: int) -> str:
    if "\\" not in name:
        return name
    out, letters = [], iter(name)
    for letter in letters:
        if letter == "\\":
            after = next(letters, "")
            if after not in _PLAIN:
                raise NetlistError("this backslash stands for nothing", file=path, line=line, found=name)
            out.append(_PLAIN[after])
        else:
            out.append(letter)
    return "".join(out)
