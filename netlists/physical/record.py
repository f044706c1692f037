"""What a design keeps of the LEF, DEF and Verilog files it was made from, so that results can go back into them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists.formats.def_.data import DefFile
from netlists.formats.lef.library import Library, Macro


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """The ``S`` instances of modules; 0 is the top, parents come before their children.

    Attributes:
        names: full names, levels joined by ``/``; the top's is empty.
        parent: ``[S]`` int32; -1 for the top.
        modules: ``S`` module names, or empty where they are not known (DEF alone).
    """

    names: tuple[str, ...]
    parent: NDArray[np.int32]
    modules: tuple[str, ...] = ()

    def children(self) -> list[list[int]]:
        """Scopes directly inside each scope."""
        out: list[list[int]] = [[] for _ in self.names]
        for scope, parent in enumerate(self.parent.tolist()):
            if parent >= 0:
                out[parent].append(scope)
        return out


@dataclass(frozen=True, eq=False)
class Physical:
    """The files behind a design of ``N`` nodes, and which of their objects each node is.

    Attributes:
        library: the LEF files.
        def_file: the DEF file, or None without one.
        masters: names of the masters in use.
        master: ``[N]`` int32 into ``masters``; -1 for ports and clusters.
        component: ``[N]`` int32 component of the DEF file; -1 for ports and for instances it does not name.
        pin: ``[N]`` int32 pin of the DEF file; -1 for all but the ports it names.
        scope: ``[N]`` int32 into ``hierarchy``: where an instance stands; 0 for ports.
        hierarchy: the instances of modules.
        verilog: the netlist files.
        lef: the LEF files.
        top: name of the top module.
    """

    library: Library
    def_file: DefFile | None
    masters: tuple[str, ...]
    master: NDArray[np.int32]
    component: NDArray[np.int32]
    pin: NDArray[np.int32]
    scope: NDArray[np.int32]
    hierarchy: Hierarchy
    verilog: tuple[Path, ...] = ()
    lef: tuple[Path, ...] = ()
    top: str = ""

    def macro(self, node: int) -> Macro | None:
        """The LEF master of a node; None for ports and clusters."""
        index = int(self.master[node])
        return self.library.macros[self.masters[index]] if index >= 0 else None

    def take(self, nodes: NDArray[np.int64], extra: int = 0) -> Physical:
        """The record of a design that keeps ``nodes`` and gets ``extra`` made-up nodes behind them."""
        none = np.full(extra, -1, np.int32)
        return replace(
            self,
            master=np.concatenate([self.master[nodes], none]),
            component=np.concatenate([self.component[nodes], none]),
            pin=np.concatenate([self.pin[nodes], none]),
            scope=np.concatenate([self.scope[nodes], np.zeros(extra, np.int32)]),
        )
