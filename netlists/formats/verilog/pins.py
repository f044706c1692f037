"""Library cells as a Verilog netlist uses them: which there are, and which bit of which pin a connection means."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from netlists.errors import NetlistError
from netlists.formats.verilog.source import LISTED, Source, nodes


class Library:
    """Library cells in use, numbered in order of first use, and their pins, one number a bit.

    Args:
        source: the parsed files; an empty module of a cell's name tells the order of its ports.
        leaves: cell -> names of its pins, one a bit; None accepts every undefined module with any pins.
    """

    def __init__(self, source: Source, leaves: Mapping[str, Collection[str]] | None) -> None:
        self.source = source
        self.leaves = leaves
        self.masters: dict[str, int] = {}
        self.pins: dict[str, int] = {}
        self.notes: dict[str, None] = {}
        self.mismatches: list[str] = []
        self._names: list[str] = []
        self._first: list[Any] = []
        self._ids: dict[tuple[int, str, int], list[int]] = {}
        self._buses: dict[int, dict[str, list[str]]] = {}
        self._bad_pins: dict[tuple[str, str], Any] = {}

    def note(self, text: str) -> None:
        """Remember a remark, once."""
        self.notes[text] = None

    def mismatch(self, at: Any) -> None:  # noqa: ANN401 - pyslang syntax
        """Remember a connection whose two sides differ in width."""
        self.mismatches.append(":".join(map(str, self.source.where(at))))

    def master(self, name: str, at: Any) -> int:  # noqa: ANN401 - pyslang syntax
        """Number of a cell; ``at`` is kept as the place of its first use."""
        index = self.masters.get(name)
        if index is None:
            index = self.masters[name] = len(self.masters)
            self._names.append(name)
            self._first.append(at)
        return index

    def order(self, name: str, at: Any) -> list[str]:  # noqa: ANN401 - pyslang syntax
        """Port names of a cell in order, for connections by position.

        Raises:
            NetlistError: no module tells the order; LEF does not.
        """
        module = self.source.modules.get(name)
        if module is None:
            raise self.source.error(
                f"the pins of {name!r} are connected by position, and no module tells their order", at,
                expected="connections by name, or an empty module of that name",
            )  # fmt: skip
        ports = module.header.ports
        out = []
        for port in nodes(ports.ports) if ports is not None else []:
            named = getattr(port, "name", None) or getattr(getattr(port, "declarator", None), "name", None)
            named = named or getattr(getattr(port, "expr", None), "name", None)
            out.append(named.valueText if named else "")
        return out

    def _known(self, master: int) -> Collection[str] | None:
        return None if self.leaves is None else self.leaves.get(self._names[master])

    def _bus(self, master: int, port: str) -> list[str]:
        """Bits of a bus pin of a known cell, highest index first; empty where there is no such bus."""
        buses = self._buses.get(master)
        if buses is None:
            found: dict[str, list[tuple[int, str]]] = defaultdict(list)
            for pin in self._known(master) or ():
                head, bracket, index = pin.rstrip("]>").rpartition("<" if pin.endswith(">") else "[")
                if bracket and index.isdigit():
                    found[head].append((int(index), pin))
            buses = {head: [pin for _, pin in sorted(bits, reverse=True)] for head, bits in found.items()}
            self._buses[master] = buses
        return buses.get(port, [])

    def width(self, master: int, port: str) -> int | None:
        """Bits of a pin of a known cell; None where the cell is not known."""
        known = self._known(master)
        return None if known is None else len(self._bus(master, port)) or 1

    def pin_ids(self, master: int, port: str, width: int, at: Any) -> list[int]:  # noqa: ANN401 - pyslang syntax
        """Numbers of the bits of a pin, most significant first; as many as the pin has, or ``width`` if unknown."""
        key = (master, port, width)
        ids = self._ids.get(key)
        if ids is not None:
            if len(ids) != width:
                self.mismatch(at)
            return ids
        known = self._known(master)
        if known is None:
            names = [port] if width == 1 else [f"{port}[{i}]" for i in range(width - 1, -1, -1)]
        elif port in known:
            names = [port]
        else:
            names = self._bus(master, port)
            if not names:
                self._bad_pins.setdefault((self._names[master], port), at)
        if len(names) != width and names:
            self.mismatch(at)
        ids = self._ids[key] = [self.pins.setdefault(name, len(self.pins)) for name in names]
        return ids

    def check(self) -> None:
        """Say at once which cells are neither modules nor in the library, and which pins they lack.

        Raises:
            NetlistError: there are some.
        """
        if self.leaves is None:
            return
        missing = [(n, a) for n, a in zip(self._names, self._first, strict=True) if n not in self.leaves]
        if missing:
            file, line = self.source.where(missing[0][1])
            words = [f"{name} ({':'.join(map(str, self.source.where(at)))})" for name, at in missing]
            raise NetlistError(
                f"{len(missing)} modules are neither in the Verilog nor in the LEF files, with their first use: "
                + ", ".join(words),
                file=file, line=line,
            )  # fmt: skip
        if self._bad_pins:
            file, line = self.source.where(next(iter(self._bad_pins.values())))
            names = [f"{master}.{port}" for master, port in self._bad_pins]
            raise NetlistError(
                f"{len(names)} pins are connected that the LEF masters do not have: " + ", ".join(names[:LISTED]),
                file=file, line=line,
            )  # fmt: skip
