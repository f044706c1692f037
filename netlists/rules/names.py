"""Which objects a line of the constraints file means: instance names and masters, with ``*`` and ``?``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT
from netlists.rules.table import Table

Ints = NDArray[np.int64]


def masters_of(design: Design) -> list[str] | None:
    """Master name of each node (empty where it has none), or None when the design came without LEF."""
    physical = design.physical
    if physical is None:
        return None
    names = [*physical.masters, ""]  # the last one for -1
    return [names[k] for k in physical.master.tolist()]


def chosen(design: Design, table: Table, masters: Sequence[str] | None) -> Ints:
    """Ids of the hard macros that a table's ``name`` and ``master`` select; all of them without either.

    Raises:
        NetlistError: a pattern matches no hard macro, or masters are not known.
    """
    nodes = design.netlist.ids(HARD_MACRO).astype(np.int64)
    keep = np.ones(len(nodes), bool)
    for key in ("name", "master"):
        patterns = table.texts(key)
        if patterns is None:
            continue
        if key == "master":
            if masters is None:
                table.fail("masters are known only for designs read with LEF files", key, found=patterns)
            texts = [masters[i] for i in nodes.tolist()]
        else:
            texts = [design.netlist.node_names[i] for i in nodes.tolist()]
        keep &= _any(table, key, patterns, texts, "hard macro")
    if len(nodes) and not keep.any():
        table.fail("no hard macro has both such a name and such a master", "name")
    return nodes[keep]


def members(design: Design, table: Table, *, hard_only: bool) -> list[int]:
    """Ids of the objects in ``members``, pattern by pattern in the order given, each once.

    Raises:
        NetlistError: there are none, or a pattern matches nothing.
    """
    patterns = table.texts("members")
    if patterns is None:
        table.fail(f"[[{table.name}]] needs members")
    kind = design.netlist.node_kind
    nodes = np.flatnonzero(kind == HARD_MACRO if hard_only else kind != PORT)
    names = [design.netlist.node_names[i] for i in nodes.tolist()]
    out: dict[int, None] = {}
    for pattern in patterns:
        found = _any(table, "members", [pattern], names, "hard macro" if hard_only else "object")
        out.update(dict.fromkeys(nodes[found].tolist()))
    return list(out)


def _any(table: Table, key: str, patterns: list[str], names: Sequence[str], what: str) -> NDArray[np.bool_]:
    keep = np.zeros(len(names), bool)
    index: dict[str, int] | None = None
    for pattern in patterns:
        if "*" in pattern or "?" in pattern:
            # Brackets are part of names such as ram[3]; only * and ? are wild.
            matches = re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")).fullmatch
            found = np.array([matches(name) is not None for name in names], bool)
        else:
            if index is None and len(patterns) > 8:
                index = {name: k for k, name in enumerate(names)}
            if index is not None and key != "master":
                found = np.zeros(len(names), bool)
                if pattern in index:
                    found[index[pattern]] = True
            else:
                found = np.array([name == pattern for name in names], bool)
        if not found.any():
            near = difflib.get_close_matches(pattern, dict.fromkeys(names), 1, 0.5) if len(names) < 100_000 else []
            table.fail(f"{key} {pattern!r} matches no {what}" + (f"; did you mean {near[0]!r}?" if near else ""), key)
        keep |= found
    return keep
