"""One Verilog module as a template: its bits, ports, aliases, library cells and sub-modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyslang.syntax import ExplicitAnsiPortSyntax, SyntaxKind

from netlists.formats.verilog.expressions import HIGH, LOW, NOTHING, Names, parameters
from netlists.formats.verilog.pins import Library
from netlists.formats.verilog.source import Source, nodes

_DIRECTION = {"input": "input", "output": "output", "inout": "inout"}
_IGNORED = {
    SyntaxKind.SpecifyBlock, SyntaxKind.TimeUnitsDeclaration, SyntaxKind.EmptyMember, SyntaxKind.GenvarDeclaration,
    SyntaxKind.SpecparamDeclaration,
}  # fmt: skip
_ALIAS_WIDTH = "the two sides of this assign differ in width"


@dataclass(eq=False)
class Module:
    """A module with its parameters' values put in. Bits are numbered locally, ports first.

    Attributes:
        name: module name.
        bit_names: local name of every bit.
        ports: name -> bits, most significant first, in the order of the header.
        port_dirs: name -> ``"input"``, ``"output"``, ``"inout"``.
        alias: ``[A, 2]`` bits that are one net; ``LOW`` and ``HIGH`` may stand there.
        leaf_names: local names of library cells.
        leaf_master: ``[L]`` int32 into ``Library.masters``.
        conn_leaf: ``[C]`` int32 library cell of each connection.
        conn_pin: ``[C]`` int32 into ``Library.pins``.
        conn_bit: ``[C]`` int32.
        children: (local name, module, parent bits, child bits) of each sub-module.
        tied: connections of library cells to constants.
        open_pins: pins left open.
    """

    name: str
    bit_names: list[str]
    ports: dict[str, list[int]]
    port_dirs: dict[str, str]
    alias: NDArray[np.int64]
    leaf_names: list[str]
    leaf_master: NDArray[np.int32]
    conn_leaf: NDArray[np.int32]
    conn_pin: NDArray[np.int32]
    conn_bit: NDArray[np.int32]
    children: list[tuple[str, Module, NDArray[np.int64], NDArray[np.int64]]]
    tied: int
    open_pins: int


#: Gives the module of a name and parameter values, or None where it is a library cell.
Resolve = Callable[[str, Mapping[str, int | None], list[int | None], Any], "Module | None"]


def build(source: Source, name: str, overrides: Mapping[str, int | None], library: Library, resolve: Resolve) -> Module:
    """Build the template of a module and, through ``resolve``, of what it instantiates.

    Args:
        source: the parsed files.
        name: the module.
        overrides: parameter values of the instance.
        library: collects library cells and pins.
        resolve: gives sub-modules.

    Raises:
        NetlistError: it is not gate-level Verilog, or a connection cannot be; with file and line.
    """
    return _Builder(source, name, overrides, library, resolve).run()


@dataclass(eq=False)
class _Builder:
    source: Source
    name: str
    overrides: Mapping[str, int | None]
    library: Library
    resolve: Resolve
    alias: list[tuple[int, int]] = field(default_factory=list)
    leaf_names: list[str] = field(default_factory=list)
    leaf_master: list[int] = field(default_factory=list)
    conn_leaf: list[int] = field(default_factory=list)
    conn_pin: list[int] = field(default_factory=list)
    conn_bit: list[int] = field(default_factory=list)
    children: list[tuple[str, Module, NDArray[np.int64], NDArray[np.int64]]] = field(default_factory=list)
    directions: dict[str, str] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    tied: int = 0
    open_pins: int = 0

    def run(self) -> Module:
        declaration = self.source.modules[self.name]
        self.names: Names = parameters(self.source, self.name, self.overrides)
        header = declaration.header
        if header.parameters is not None:
            for group in nodes(header.parameters.declarations):
                self._parameter(group)
        ansi = header.ports is not None and header.ports.kind == SyntaxKind.AnsiPortList
        ports = self._ansi_ports(header.ports) if ansi else {}
        members = list(declaration.members)
        for member in members:
            self._declare(member)
        if header.ports is not None and not ansi:
            ports = self._listed_ports(header.ports)
        for member in members:
            self._connect(member)
        return Module(
            self.name, self.names.bit_names, ports, {port: self.directions.get(port, "inout") for port in ports},
            np.array(self.alias, np.int64).reshape(-1, 2), self.leaf_names, np.array(self.leaf_master, np.int32),
            np.array(self.conn_leaf, np.int32), np.array(self.conn_pin, np.int32), np.array(self.conn_bit, np.int32),
            self.children, self.tied, self.open_pins,
        )  # fmt: skip

    # -- declarations ------------------------------------------------------------------------------------------------

    def _parameter(self, declaration: Any) -> None:  # noqa: ANN401 - pyslang syntax
        local = declaration.keyword.rawText == "localparam"
        for item in nodes(declaration.declarators) if hasattr(declaration, "declarators") else []:
            name = item.name.valueText
            if local or name not in self.names.values:
                value = None if item.initializer is None else self.names.value(item.initializer.expr)
                self.names.values[name] = value

    def _ansi_ports(self, listing: Any) -> dict[str, list[int]]:  # noqa: ANN401 - pyslang syntax
        ports: dict[str, list[int]] = {}
        direction, limits = "inout", None
        for port in nodes(listing.ports):
            if isinstance(port, ExplicitAnsiPortSyntax):
                direction = port.direction.rawText if port.direction else direction
                name = port.name.valueText
                ports[name] = [] if port.expr is None else self.names.bits(port.expr)
                self.directions[name] = direction
                continue
            if port.kind != SyntaxKind.ImplicitAnsiPort:
                raise self.source.error("this kind of port is not read", port, found=str(port).strip())
            header = port.header
            given = getattr(header, "direction", None)
            dimensions = getattr(getattr(header, "dataType", None), "dimensions", None)
            has_range = dimensions is not None and len(dimensions) > 0
            if given or has_range:  # a name alone takes over direction and range of the port before it
                direction = given.rawText if given else direction
                limits = self.names.limits(dimensions) if has_range else None
            name = port.declarator.name.valueText
            bus = self.names.declare(name, limits)
            self._scalar(port.declarator)
            ports[name] = list(range(bus.base, bus.base + bus.width))
            self.directions[name] = direction
        return ports

    def _listed_ports(self, listing: Any) -> dict[str, list[int]]:  # noqa: ANN401 - pyslang syntax
        """Bits of ``module m (a, .p(b[3:2]), {c, d});``, whose parts the body has declared."""
        ports: dict[str, list[int]] = {}
        for port in nodes(listing.ports):
            if port.kind == SyntaxKind.EmptyNonAnsiPort:
                continue
            expr = port.expr
            references = [] if expr is None else nodes(expr.references) if hasattr(expr, "references") else [expr]
            bits: list[int] = []
            for reference in references:
                name = reference.name.valueText
                if reference.select is not None:
                    bits += self.names.part(name, [reference.select], reference)
                else:
                    bus = self.names.declare(name, None)
                    bits += range(bus.base, bus.base + bus.width)
            inner = references[0].name.valueText if references else ""
            if port.kind == SyntaxKind.ExplicitNonAnsiPort:
                outer = port.name.valueText
            else:
                outer = inner if len(references) == 1 else f"({len(ports)})"  # no name: connected by position alone
            if outer in ports:
                raise self.source.error(f"module {self.name!r} has two ports {outer!r}", port)
            ports[outer] = bits
            self.directions[outer] = self.directions.get(inner, "inout")
        return ports

    def _declare(self, member: Any) -> None:  # noqa: ANN401 - pyslang syntax
        kind = member.kind
        if kind == SyntaxKind.ParameterDeclarationStatement:
            self._parameter(member.parameter)
        elif kind == SyntaxKind.PortDeclaration:
            direction = member.header.direction.rawText
            limits = self.names.limits(getattr(member.header.dataType, "dimensions", None))
            for item in nodes(member.declarators):
                self.names.declare(item.name.valueText, limits)
                self._scalar(item)
                self.directions[item.name.valueText] = direction
        elif kind in (SyntaxKind.NetDeclaration, SyntaxKind.DataDeclaration):
            limits = self.names.limits(getattr(member.type, "dimensions", None))
            net_type = member.netType.rawText if kind == SyntaxKind.NetDeclaration else ""
            for item in nodes(member.declarators):
                bus = self.names.declare(item.name.valueText, limits)
                self._scalar(item)
                if net_type in ("supply0", "supply1"):
                    tie = LOW if net_type == "supply0" else HIGH
                    self.alias += [(bus.base + i, tie) for i in range(bus.width)]

    def _scalar(self, declarator: Any) -> None:  # noqa: ANN401 - pyslang syntax
        if len(declarator.dimensions):
            raise self.source.error("arrays of nets are not read", declarator, found=str(declarator).strip())

    # -- connections -------------------------------------------------------------------------------------------------

    def _connect(self, member: Any) -> None:  # noqa: ANN401 - pyslang syntax
        kind = member.kind
        if kind == SyntaxKind.HierarchyInstantiation:
            self._instances(member)
        elif kind == SyntaxKind.ContinuousAssign:
            for item in nodes(member.assignments):
                self._join(item.left, item.right, item)
        elif kind == SyntaxKind.NetDeclaration:
            for item in nodes(member.declarators):
                if item.initializer is not None:
                    bus = self.names.buses[item.name.valueText]
                    bits = list(range(bus.base, bus.base + bus.width))
                    self._alias(bits, self.names.bits(item.initializer.expr, bus.width), item)
        elif kind == SyntaxKind.DefParam:
            self.library.note(f"defparam is ignored (first in module {self.name})")
        elif kind not in _IGNORED and kind not in _DECLARATIONS:
            raise self.source.error(
                "this is not a gate-level netlist; synthesise it first", member,
                found=str(member).strip().split("\n")[0], expected="instances and assigns of nets to nets",
            )  # fmt: skip

    def _join(self, left: Any, right: Any, at: Any) -> None:  # noqa: ANN401 - pyslang syntax
        target = self.names.bits(left)
        self._alias(target, self.names.bits(right, len(target)), at)

    def _alias(self, left: list[int], right: list[int], at: Any) -> None:  # noqa: ANN401 - pyslang syntax
        if min(left, default=0) < 0:
            raise self.source.error("an assign to a constant", at)
        if len(left) != len(right):
            self.library.note(f"{_ALIAS_WIDTH}: {':'.join(map(str, self.source.where(at)))}")
        # Verilog lines up the low ends, cuts what is too much and fills what is missing with zeros.
        short = len(left) - len(right)
        right = [LOW] * short + right if short > 0 else right[len(right) - len(left) :]
        self.alias += [(a, b) for a, b in zip(left, right, strict=True) if b != NOTHING and a != b]

    def _instances(self, member: Any) -> None:  # noqa: ANN401 - pyslang syntax
        master = member.type.valueText
        named: dict[str, int | None] = {}
        ordered: list[int | None] = []
        if member.parameters is not None:
            for item in nodes(member.parameters.parameters):
                value = None if item.expr is None else self.names.value(item.expr)
                if hasattr(item, "name"):
                    named[item.name.valueText] = value
                else:
                    ordered.append(value)
        child = self.resolve(master, named, ordered, member.type)
        for instance in nodes(member.instances):
            decl = instance.decl
            if decl is None or len(decl.dimensions):
                raise self.source.error("arrays of instances and instances without a name are not read", instance)
            name = decl.name.valueText
            if name in self.taken:
                raise self.source.error(f"module {self.name!r} has two instances {name!r}", instance)
            self.taken.add(name)
            if child is None:
                self._leaf(master, name, instance)
            else:
                self._child(child, name, instance)

    def _connections(self, instance: Any, order: Callable[[], list[str]]) -> list[tuple[str, Any, Any]]:  # noqa: ANN401
        """(port, expression or None, syntax) of each connection."""
        out: list[tuple[str, Any, Any]] = []
        position = 0
        for item in instance.connections:
            kind = item.kind
            if kind == SyntaxKind.NamedPortConnection:
                name = item.name.valueText
                expr = item.expr
                if expr is not None:
                    expr = expr.expr.expr
                elif not item.openParen:
                    out.append((name, name, item))  # .name stands for .name(name)
                    continue
                out.append((name, expr, item))
            elif kind in (SyntaxKind.OrderedPortConnection, SyntaxKind.EmptyPortConnection):
                ports = order()
                if kind == SyntaxKind.EmptyPortConnection and not ports:
                    continue
                if position >= len(ports):
                    raise self.source.error(
                        "more connections than ports", item, found=position + 1, expected=f"at most {len(ports)}"
                    )
                expr = None if kind == SyntaxKind.EmptyPortConnection else item.expr.expr.expr
                out.append((ports[position], expr, item))
                position += 1
            elif kind == SyntaxKind.WildcardPortConnection:
                raise self.source.error("connections by .* are not read; name them", item)
        return out

    def _bits(self, expr: Any, width: int | None) -> list[int]:  # noqa: ANN401 - pyslang syntax
        if isinstance(expr, str):
            bus = self.names.declare(expr, None)
            return list(range(bus.base, bus.base + bus.width))
        return self.names.bits(expr, width)

    def _leaf(self, master: str, name: str, instance: Any) -> None:  # noqa: ANN401 - pyslang syntax
        leaf = len(self.leaf_names)
        self.leaf_names.append(name)
        index = self.library.master(master, instance)
        self.leaf_master.append(index)
        conn_leaf, conn_pin, conn_bit = self.conn_leaf, self.conn_pin, self.conn_bit
        for port, expr, item in self._connections(instance, lambda: self.library.order(master, instance)):
            if expr is None:
                self.open_pins += 1
                continue
            bits = self._bits(expr, self.library.width(index, port))
            pins = self.library.pin_ids(index, port, len(bits), item)
            if len(pins) != len(bits):
                kept = min(len(bits), len(pins))  # none where the cell lacks the pin, which is said later
                bits, pins = bits[len(bits) - kept :], pins[len(pins) - kept :]
            for pin, bit in zip(pins, bits, strict=True):
                if bit >= 0:
                    conn_leaf.append(leaf)
                    conn_pin.append(pin)
                    conn_bit.append(bit)
                elif bit == NOTHING:
                    self.open_pins += 1
                else:
                    self.tied += 1

    def _child(self, child: Module, name: str, instance: Any) -> None:  # noqa: ANN401 - pyslang syntax
        parent_bits: list[int] = []
        child_bits: list[int] = []
        for port, expr, item in self._connections(instance, lambda: list(child.ports)):
            inner = child.ports.get(port)
            if inner is None:
                raise self.source.error(f"module {child.name!r} has no port {port!r}", item)
            if expr is None:
                continue
            bits = self._bits(expr, len(inner))
            if len(bits) != len(inner):
                self.library.mismatch(item)
                kept = min(len(bits), len(inner))
                bits, inner = bits[len(bits) - kept :], inner[len(inner) - kept :]
            for bit, own in zip(bits, inner, strict=True):
                if bit != NOTHING and own != NOTHING:
                    parent_bits.append(bit)
                    child_bits.append(own)
        self.children.append((name, child, np.array(parent_bits, np.int64), np.array(child_bits, np.int64)))


_DECLARATIONS = {
    SyntaxKind.ParameterDeclarationStatement, SyntaxKind.PortDeclaration, SyntaxKind.DataDeclaration,
}  # fmt: skip
