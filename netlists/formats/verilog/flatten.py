"""From module templates to the flat netlist: scopes from the top down, nets joined across ports and assigns."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from netlists.errors import NetlistError
from netlists.formats.verilog.expressions import HIGH, LOW
from netlists.formats.verilog.gates import GateNetlist
from netlists.formats.verilog.module import Module, build
from netlists.formats.verilog.pins import Library
from netlists.formats.verilog.source import Source, choose_top, nodes, parse

#: Scopes accepted; a module that doubles itself at every level would fill the memory.
MAX_SCOPES = 2_000_000


def read_verilog(
    paths: str | Path | Sequence[str | Path],
    top: str | None = None,
    leaves: Mapping[str, Collection[str]] | None = None,
) -> GateNetlist:
    """Read a gate-level Verilog netlist, hierarchical or flat, and dissolve its hierarchy.

    Modules may be instantiated many times (each instance becomes its own) and have parameters; assigns of nets to
    nets join them; constants are dropped and counted. A module that is also among ``leaves`` is taken as the library
    cell, whatever its body.

    Args:
        paths: one or more files, plain or gzip.
        top: the top module; the only one that nothing instantiates when None.
        leaves: library cell -> names of its pins, one a bit (``rd_out[3]``); cells and pins that are missing are
            errors. None takes every module that is not defined as a library cell.

    Raises:
        NetlistError: a file is not gate-level Verilog, the top is unknown or not the only one, or modules are missing
            (all at once); with file and line.
    """
    source = parse([paths] if isinstance(paths, (str, Path)) else list(paths))
    name = choose_top(source, top, leaves or ())
    library = Library(source, leaves)
    module = _Templates(source, library).top(name)
    library.check()
    return _flatten(module, library)


class _Templates:
    """Templates by module name and parameter values, each built once."""

    def __init__(self, source: Source, library: Library) -> None:
        self.source, self.library = source, library
        self.done: dict[tuple[str, tuple[tuple[str, int | None], ...]], Module] = {}
        self.open: list[str] = []

    def top(self, name: str) -> Module:
        """The template of the top module, its parameters at their defaults."""
        return self._get(name, {})

    def resolve(self, name: str, named: Mapping[str, int | None], ordered: list[int | None], at: Any) -> Module | None:  # noqa: ANN401
        """The template an instantiation means; None for library cells."""
        leaves = self.library.leaves
        declaration = self.source.modules.get(name)
        if declaration is None or (leaves is not None and name in leaves):
            return None
        if leaves is None and not len(declaration.members):
            return None  # an empty module stands for a library cell
        if name in self.open:
            raise self.source.error(f"module {name!r} contains itself", at)
        values = dict(named)
        if ordered:
            listing = declaration.header.parameters
            own = [
                item.name.valueText
                for group in (nodes(listing.declarations) if listing is not None else [])
                for item in nodes(group.declarators)
            ]
            if len(ordered) > len(own):
                raise self.source.error(f"module {name!r} has {len(own)} parameters", at, found=len(ordered))
            values.update(zip(own, ordered, strict=False))
        return self._get(name, values)

    def _get(self, name: str, values: Mapping[str, int | None]) -> Module:
        key = (name, tuple(sorted(values.items())))
        if key not in self.done:
            self.open.append(name)
            self.done[key] = build(self.source, name, values, self.library, self.resolve)
            self.open.pop()
        return self.done[key]


def _flatten(top: Module, library: Library) -> GateNetlist:
    scopes = _Scopes(top)
    # Bits 0 and 1 are the constants; those of the scopes follow from the top down, so that of the bits of one net the
    # least has the name nearest to the top.
    net_of, nets = _join(scopes)
    names = _path_names(scopes)
    leaf_base = np.cumsum([0] + [len(m.leaf_names) for m in scopes.modules])
    conn_instance, conn_pin, conn_net = [], [], []
    for module, base, leaves in zip(scopes.modules, scopes.base, leaf_base.tolist(), strict=False):
        conn_instance.append(module.conn_leaf + np.int64(leaves))
        conn_pin.append(module.conn_pin)
        conn_net.append(net_of[module.conn_bit + np.int64(base)])
    instance, pin, net = (np.concatenate(a) for a in (conn_instance, conn_pin, conn_net))
    port_bits = [bit for bits in top.ports.values() for bit in bits]
    port_net = net_of[np.array(port_bits, np.int64) + scopes.base[0]] if port_bits else np.zeros(0, np.int64)
    constant = net < 0
    used = np.zeros(nets, bool)
    used[net[~constant]] = True
    used |= np.bincount(port_net[port_net >= 0], minlength=nets) > 1  # from port to port without a cell
    number = np.cumsum(used) - 1
    number[~used] = -1
    first = np.full(nets, np.iinfo(np.int64).max)
    np.minimum.at(first, net_of[net_of >= 0], np.flatnonzero(net_of >= 0))
    notes = list(library.notes)
    tied = sum(m.tied for m in scopes.modules) + int(constant.sum())
    if tied:
        notes.append(f"{tied:,} pins are tied to constants; they are on no net")
    if library.mismatches:
        notes.append(
            f"{len(library.mismatches):,} connections differ in width from their port and are lined up at the low end"
            f" (first: {library.mismatches[0]})"
        )
    return GateNetlist(
        name=top.name,
        instance_names=tuple(
            f"{names[s]}/{leaf}" if s else leaf for s, m in enumerate(scopes.modules) for leaf in m.leaf_names
        ),
        instance_master=np.concatenate([m.leaf_master for m in scopes.modules]),
        instance_scope=np.repeat(np.arange(len(scopes.modules), dtype=np.int32), np.diff(leaf_base)),
        masters=tuple(library.masters),
        scope_names=tuple(names),
        scope_modules=tuple(m.name for m in scopes.modules),
        scope_parent=np.array(scopes.parent, np.int32),
        port_names=tuple(_port_names(top)),
        port_dirs=tuple(top.port_dirs[port] for port, bits in top.ports.items() for _ in bits),
        port_net=np.where(port_net >= 0, number[port_net], -1).astype(np.int32),
        net_names=tuple(scopes.bit_name(bit, names) for bit in first[used].tolist()),
        conn_instance=instance[~constant].astype(np.int32),
        conn_pin=pin[~constant].astype(np.int32),
        conn_net=number[net[~constant]].astype(np.int32),
        pin_names=tuple(library.pins),
        tied=tied,
        open_pins=sum(m.open_pins for m in scopes.modules),
        notes=tuple(notes),
    )


class _Scopes:
    """Every instance of a module, breadth first."""

    def __init__(self, top: Module) -> None:
        self.modules: list[Module] = []
        self.local: list[str] = []
        self.parent: list[int] = []
        self.base: list[int] = []
        self.ties: list[tuple[int, NDArray[np.int64], NDArray[np.int64]]] = []
        self.bits = 2
        queue: deque[tuple[Module, str, int, NDArray[np.int64], NDArray[np.int64]]] = deque()
        none = np.zeros(0, np.int64)
        queue.append((top, "", -1, none, none))
        while queue:
            module, name, parent, outer, inner = queue.popleft()
            index = len(self.modules)
            if index >= MAX_SCOPES:
                raise NetlistError("the hierarchy has too many instances of modules", expected=f"at most {MAX_SCOPES}")
            self.modules.append(module)
            self.local.append(name)
            self.parent.append(parent)
            self.base.append(self.bits)
            self.bits += len(module.bit_names)
            if parent >= 0:
                self.ties.append((index, outer, inner))
            for child_name, child, parent_bits, child_bits in module.children:
                queue.append((child, child_name, index, parent_bits, child_bits))
        self._bases = np.array(self.base)

    def globally(self, scope: int, bits: NDArray[np.int64]) -> NDArray[np.int64]:
        """Bits of a scope in the numbering of the whole design; constants are 0 and 1."""
        return np.where(bits == LOW, 0, np.where(bits == HIGH, 1, bits + self.base[scope]))

    def bit_name(self, bit: int, names: list[str]) -> str:
        """Full name of a bit."""
        scope = int(np.searchsorted(self._bases, bit, side="right")) - 1
        while self.base[scope] + len(self.modules[scope].bit_names) <= bit:  # scopes without bits share a base
            scope -= 1
        local = self.modules[scope].bit_names[bit - self.base[scope]]
        return f"{names[scope]}/{local}" if scope else local


def _join(scopes: _Scopes) -> tuple[NDArray[np.int64], int]:
    """Net of every bit (-1: constant), and how many nets there are; nets are numbered by their least bits."""
    a, b = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for scope, module in enumerate(scopes.modules):
        if len(module.alias):
            a.append(scopes.globally(scope, module.alias[:, 0]))
            b.append(scopes.globally(scope, module.alias[:, 1]))
    for scope, outer, inner in scopes.ties:
        a.append(scopes.globally(scopes.parent[scope], outer))
        b.append(scopes.globally(scope, inner))
    left, right = np.concatenate(a), np.concatenate(b)
    graph = coo_array((np.ones(len(left), np.int8), (left, right)), shape=(scopes.bits, scopes.bits))
    count, label = connected_components(graph, directed=False)
    _, least = np.unique(label, return_index=True)
    number = np.empty(count, np.int64)
    number[np.argsort(least)] = np.arange(count)
    net_of = number[label]
    constants = {int(net_of[0]), int(net_of[1])}
    net_of = np.where(np.isin(net_of, list(constants)), -1, net_of)
    return net_of, count


def _path_names(scopes: _Scopes) -> list[str]:
    names: list[str] = []
    for local, parent in zip(scopes.local, scopes.parent, strict=True):
        names.append(local if parent <= 0 else f"{names[parent]}/{local}")
    return names


def _port_names(top: Module) -> list[str]:
    """One name a bit, with the indices of the port's own range."""
    out = []
    for port, bits in top.ports.items():
        inner = [top.bit_names[bit] for bit in bits]
        same = all(name == port or name.startswith(f"{port}[") for name in inner)
        if same:
            out += inner
        elif len(bits) == 1:
            out.append(port)
        else:
            out += [f"{port}[{i}]" for i in range(len(bits) - 1, -1, -1)]
    return out
