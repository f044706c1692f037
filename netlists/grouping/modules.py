"""Modules of a flat design: from its Verilog where it has one, else from the names of its objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design

#: What may stand between two levels of a name.
SEPARATORS = "/."
#: Levels below the top that are told apart; objects deeper down belong to their module of this level.
MAX_LEVELS = 24


@dataclass(frozen=True, eq=False)
class Modules:
    """A tree of ``S`` module instances over ``N`` nodes; 0 is the top, parents come before their children.

    Attributes:
        scope: ``[N]`` int32, the module each node stands in.
        names: full names, levels joined by ``/``; the top's is empty.
        parent: ``[S]`` int32; -1 for the top.
        depth: ``[S]`` int32; 0 for the top.
    """

    scope: NDArray[np.int32]
    names: tuple[str, ...]
    parent: NDArray[np.int32]
    depth: NDArray[np.int32]

    @property
    def levels(self) -> int:
        """Depth of the deepest module."""
        return int(self.depth.max(initial=0))

    def at_level(self, level: int) -> NDArray[np.int32]:
        """``[S]`` the module of depth ``level`` each module lies in (or is), -1 for modules higher up."""
        out = np.arange(len(self.parent), dtype=np.int32)
        for _ in range(self.levels - level):
            deeper = self.depth[out] > level
            out[deeper] = self.parent[out[deeper]]
        return np.where(self.depth >= level, out, -1).astype(np.int32)

    def sizes(self, nodes: NDArray[np.int64]) -> NDArray[np.int64]:
        """``[S]`` how many of ``nodes`` stand in each module or below it."""
        count = np.bincount(self.scope[nodes], minlength=len(self.parent)).astype(np.int64)
        for level in range(self.levels, 0, -1):
            here = np.flatnonzero(self.depth == level)
            np.add.at(count, self.parent[here], count[here])
        return count


def modules_of(design: Design) -> Modules:
    """The modules of a design.

    A design from Verilog knows its hierarchy. Elsewhere the names tell it: what stands before the last ``/`` or ``.``
    is the module, level by level. A backslash before a separator, as Verilog and DEF escape names of a flattened
    hierarchy, does not hide it.

    Args:
        design: any design.
    """
    physical = design.physical
    if physical is not None and len(physical.hierarchy.names) > 1:
        return _tree(physical.scope, physical.hierarchy.names, physical.hierarchy.parent.tolist())
    return modules_of_names(design.netlist.node_names)


def modules_of_names(names: Sequence[str]) -> Modules:
    """The modules that hierarchical names speak of.

    Args:
        names: ``N`` names of nodes.
    """
    known: dict[str, int] = {"": 0}
    raw: dict[str, int] = {"": 0}
    parent = [-1]
    scope = np.zeros(len(names), np.int32)
    for node, name in enumerate(names):
        cut = max(name.rfind("/"), name.rfind("."))
        if cut <= 0:
            continue
        prefix = name[:cut]
        found = raw.get(prefix)
        if found is None:
            found = raw[prefix] = _enter(prefix, known, parent)
        scope[node] = found
    return _tree(scope, tuple(known), parent)


def _enter(prefix: str, known: dict[str, int], parent: list[int]) -> int:
    """The module of this name; it and the modules above it are made where they are new."""
    words = prefix.replace("\\", "").replace(".", "/").split("/")
    here, path = 0, ""
    for word in [word for word in words if word][:MAX_LEVELS]:
        path = f"{path}/{word}" if path else word
        found = known.get(path)
        if found is None:
            found = known[path] = len(parent)
            parent.append(here)
        here = found
    return here


def _tree(scope: NDArray[np.int32], names: tuple[str, ...], parent: list[int]) -> Modules:
    depth = np.zeros(len(parent), np.int32)
    for module, above in enumerate(parent):
        if above >= 0:
            depth[module] = depth[above] + 1
    return Modules(np.asarray(scope, np.int32), names, np.array(parent, np.int32), depth)
