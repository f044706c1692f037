"""The circuit: one immutable hypergraph in CSR form, nets -> pins -> nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlists.errors import NetlistError

#: Node kinds.
HARD_MACRO, SOFT_MACRO, STDCELL, PORT = range(4)
KIND_NAMES: tuple[str, ...] = ("hard_macro", "soft_macro", "stdcell", "port")

#: Pin directions.
DIR_UNKNOWN, DIR_INPUT, DIR_OUTPUT, DIR_INOUT = range(4)


@dataclass(frozen=True, eq=False)
class Netlist:
    """A circuit with ``N`` nodes, ``Q`` pins, ``M`` nets and ``C`` connections.

    A *pin* is a physical point on a node; a *connection* is one membership of a pin in a net. Most formats have one
    connection a pin; Circuit Training lets one input pin of a soft macro sit on many nets. Arrays are made
    read-only. Everything is validated here, once; readers, engines, environments and encoders share the arrays.

    Attributes:
        name: design name.
        node_names: ``N`` unique names in file order.
        node_kind: ``[N]`` int8, ``HARD_MACRO``, ``SOFT_MACRO``, ``STDCELL`` or ``PORT``.
        node_width: ``[N]`` float64, um, in orientation N. Ports may be 0.
        node_height: ``[N]`` float64, um, in orientation N.
        pin_node: ``[Q]`` int32, the node a pin belongs to.
        pin_dx: ``[Q]`` float64, um, offset from the node's centre in its N frame.
        pin_dy: ``[Q]`` float64, um.
        net_ptr: ``[M + 1]`` int64, CSR offsets into ``net_pins``.
        net_pins: ``[C]`` int32, pin of each connection, net by net.
        net_source: ``[M]`` int64, index into ``net_pins`` of the driving connection of each net.
        net_weight: ``[M]`` float64, non-negative.
        net_names: ``M`` names, or empty when the format has none.
        pin_names: ``Q`` names, or empty when the format has none.
        pin_dir: ``[Q]`` int8, ``DIR_*``; empty means all unknown.
        min_aspect: ``[N]`` float64 height/width limits of resizable soft blocks (NaN: not resizable); may be empty.
        max_aspect: ``[N]`` float64, likewise.
        extras: what only one file format needs to write the file back as it was: numeric or unicode arrays and
            strings, keyed ``"<format>.<what>"``. No other code looks inside.

    Raises:
        NetlistError: sizes disagree, an index is out of range, a name appears twice, a number is not finite or
            negative where it must not be, or a net has no pin.
    """

    name: str
    node_names: Sequence[str]
    node_kind: NDArray[np.int8]
    node_width: NDArray[np.float64]
    node_height: NDArray[np.float64]
    pin_node: NDArray[np.int32]
    pin_dx: NDArray[np.float64]
    pin_dy: NDArray[np.float64]
    net_ptr: NDArray[np.int64]
    net_pins: NDArray[np.int32]
    net_source: NDArray[np.int64]
    net_weight: NDArray[np.float64]
    net_names: Sequence[str] = ()
    pin_names: Sequence[str] = ()
    pin_dir: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    min_aspect: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    max_aspect: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    extras: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key, dtype in _DTYPES.items():
            array: NDArray[Any] = np.ascontiguousarray(getattr(self, key), dtype=dtype)
            if array.flags.writeable:
                array = array.view()
                array.flags.writeable = False
            object.__setattr__(self, key, array)
        for key in ("node_names", "net_names", "pin_names"):
            object.__setattr__(self, key, tuple(getattr(self, key)))
        object.__setattr__(self, "extras", MappingProxyType(dict(self.extras)))
        self._validate()

    # A mapping proxy can be neither copied deeply nor sent to another process by default; Gymnasium does the first to
    # the arguments of every environment, process pools do the second.

    def __deepcopy__(self, memo: dict[int, Any]) -> Netlist:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return _rebuilt, (values | {"extras": dict(self.extras)},)

    # -- sizes ---------------------------------------------------------------------------------------------------

    @property
    def num_nodes(self) -> int:
        """Number of nodes, ``N``."""
        return len(self.node_kind)

    @property
    def num_pins(self) -> int:
        """Number of pins, ``Q``."""
        return len(self.pin_node)

    @property
    def num_nets(self) -> int:
        """Number of nets, ``M``."""
        return len(self.net_weight)

    @property
    def num_connections(self) -> int:
        """Number of connections, ``C``."""
        return len(self.net_pins)

    # -- derived views, built on first use and shared ---------------------------------------------------------------

    @cached_property
    def node_index(self) -> Mapping[str, int]:
        """Name -> node id."""
        return MappingProxyType({name: i for i, name in enumerate(self.node_names)})

    @cached_property
    def conn_net(self) -> NDArray[np.int32]:
        """``[C]`` net of each connection."""
        return _frozen(np.repeat(np.arange(self.num_nets, dtype=np.int32), np.diff(self.net_ptr)))

    @cached_property
    def conn_node(self) -> NDArray[np.int32]:
        """``[C]`` node of each connection."""
        return _frozen(self.pin_node[self.net_pins])

    @cached_property
    def conn_dx(self) -> NDArray[np.float64]:
        """``[C]`` x offset of each connection in its node's N frame, um."""
        return _frozen(self.pin_dx[self.net_pins])

    @cached_property
    def conn_dy(self) -> NDArray[np.float64]:
        """``[C]`` y offset of each connection in its node's N frame, um."""
        return _frozen(self.pin_dy[self.net_pins])

    @cached_property
    def net_degree(self) -> NDArray[np.int64]:
        """``[M]`` connections of each net."""
        return _frozen(np.diff(self.net_ptr))

    def ids(self, *kinds: int) -> NDArray[np.int64]:
        """Node ids of the given kinds, ascending."""
        return np.flatnonzero(np.isin(self.node_kind, kinds))

    def describe(self) -> dict[str, int]:
        """Counts for tables: nodes of each kind, nets, pins, connections."""
        counts = np.bincount(self.node_kind, minlength=len(KIND_NAMES))
        out = {f"{name}s": int(count) for name, count in zip(KIND_NAMES, counts, strict=True)}
        out.update(nets=self.num_nets, pins=self.num_pins, connections=self.num_connections)
        return out

    # -- validation --------------------------------------------------------------------------------------------------

    def _validate(self) -> None:
        n, q, m, c = self.num_nodes, self.num_pins, self.num_nets, self.num_connections
        for key, size in (
            ("node_names", n), ("node_width", n), ("node_height", n), ("pin_dx", q), ("pin_dy", q),
            ("net_ptr", m + 1), ("net_source", m),
        ):  # fmt: skip
            if len(getattr(self, key)) != size:
                raise NetlistError(f"{key} has the wrong length", found=len(getattr(self, key)), expected=size)
        for key, size in (
            ("net_names", m), ("pin_names", q), ("pin_dir", q), ("min_aspect", n), ("max_aspect", n),
        ):  # fmt: skip
            if len(getattr(self, key)) not in (0, size):
                raise NetlistError(f"{key} has the wrong length", found=len(getattr(self, key)), expected=size)
        if len(set(self.node_names)) != n:
            seen: set[str] = set()
            twice = next(x for x in self.node_names if x in seen or seen.add(x))  # type: ignore[func-returns-value]
            raise NetlistError("two nodes have the same name", found=twice)
        if n and not (self.node_kind.min() >= 0 and self.node_kind.max() <= PORT):
            raise NetlistError("a node kind is unknown", found=int(self.node_kind.max()))
        for key in ("node_width", "node_height", "net_weight"):
            values = getattr(self, key)
            bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
            if len(bad):
                where = self.node_names[bad[0]] if key != "net_weight" else self.net_label(int(bad[0]))
                raise NetlistError(
                    f"{key} of {where!r} is not a finite non-negative number", found=float(values[bad[0]])
                )
        solid = self.node_kind != PORT
        flat = np.flatnonzero(solid & ((self.node_width <= 0) | (self.node_height <= 0)))
        if len(flat):
            raise NetlistError(f"{KIND_NAMES[self.node_kind[flat[0]]]} {self.node_names[flat[0]]!r} has no area")
        for key in ("pin_dx", "pin_dy"):
            bad = np.flatnonzero(~np.isfinite(getattr(self, key)))
            if len(bad):
                raise NetlistError(f"{key} of pin {self.pin_label(int(bad[0]))!r} is not finite")
        _check_range("pin_node", self.pin_node, n)
        _check_range("net_pins", self.net_pins, q)
        if self.net_ptr[0] != 0 or self.net_ptr[-1] != c or (np.diff(self.net_ptr) < 1).any():
            empty = np.flatnonzero(np.diff(self.net_ptr) < 1)
            raise NetlistError(
                f"net {self.net_label(int(empty[0]))!r} has no pin" if len(empty) else "net_ptr does not cover net_pins"
            )
        if m and not ((self.net_source >= self.net_ptr[:-1]) & (self.net_source < self.net_ptr[1:])).all():
            raise NetlistError("the source of a net is not one of its connections")

    def net_label(self, net: int) -> str:
        """The net's name, or a made-up one where the format has none."""
        return self.net_names[net] if len(self.net_names) else f"net{net}"

    def pin_label(self, pin: int) -> str:
        """The pin's name, or ``node/pin-id`` where the format has none."""
        return self.pin_names[pin] if len(self.pin_names) else f"{self.node_names[self.pin_node[pin]]}/p{pin}"


_DTYPES: dict[str, type] = {
    "node_kind": np.int8, "node_width": np.float64, "node_height": np.float64,
    "pin_node": np.int32, "pin_dx": np.float64, "pin_dy": np.float64, "pin_dir": np.int8,
    "net_ptr": np.int64, "net_pins": np.int32, "net_source": np.int64, "net_weight": np.float64,
    "min_aspect": np.float64, "max_aspect": np.float64,
}  # fmt: skip


def _rebuilt(values: dict[str, Any]) -> Netlist:
    return Netlist(**values)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _check_range(key: str, values: NDArray[np.int32], size: int) -> None:
    if len(values) and not (values.min() >= 0 and values.max() < size):
        raise NetlistError(f"{key} points outside the netlist", found=int(values.max()), expected=f"0..{size - 1}")
