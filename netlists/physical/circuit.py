"""From gates and masters to a netlist: nodes with sizes and kinds, pins with offsets, nets with their drivers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists.errors import NetlistError
from netlists.formats.lef import Library, Macro, read_lef
from netlists.formats.lef.library import FEEDTHRU, GROUND, INOUT, INPUT, OUTPUT, POWER, TRISTATE
from netlists.formats.verilog import GateNetlist, read_verilog
from netlists.netlist import (
    DIR_INOUT,
    DIR_INPUT,
    DIR_OUTPUT,
    DIR_UNKNOWN,
    HARD_MACRO,
    PORT,
    STDCELL,
    Netlist,
)
from netlists.physical.record import Hierarchy, Physical

_DIRECTION = {
    INPUT: DIR_INPUT, OUTPUT: DIR_OUTPUT, TRISTATE: DIR_OUTPUT, INOUT: DIR_INOUT, FEEDTHRU: DIR_INOUT,
}  # fmt: skip
_PORT_DIRECTION = {"input": DIR_INPUT, "output": DIR_OUTPUT, "inout": DIR_INOUT}
#: Who drives a net: an output or an input of the chip, else a pin of both ways, else one of unknown direction.
_RANK = np.array([1, 0, 3, 2])


@dataclass(frozen=True, eq=False)
class Circuit:
    """A circuit without a floorplan.

    Attributes:
        netlist: nodes are the ports, then the instances.
        physical: the library, and where the nodes come from; without a DEF file.
        notes: what a user should know.
    """

    netlist: Netlist
    physical: Physical
    notes: tuple[str, ...] = ()

    @property
    def library(self) -> Library:
        """The LEF files."""
        return self.physical.library


def read_circuit(
    verilog: str | Path | Sequence[str | Path], lef: str | Path | Sequence[str | Path], top: str | None = None
) -> Circuit:
    """Read a gate-level netlist and its library, without a floorplan.

    Args:
        verilog: netlist files, plain or gzip.
        lef: LEF files, technology first.
        top: top module; the only one that nothing instantiates when None.

    Raises:
        NetlistError: a file cannot be used, the top is unknown, or masters or pins are missing (all at once).
    """
    library = read_lef(lef)
    gates = read_gates(verilog, library, top)
    return build_circuit(gates, library, verilog=_paths(verilog))


def read_gates(verilog: str | Path | Sequence[str | Path], library: Library, top: str | None = None) -> GateNetlist:
    """Read Verilog whose library cells are the masters of ``library``.

    Raises:
        NetlistError: see :func:`netlists.formats.verilog.read_verilog`.
    """
    return read_verilog(verilog, top, {name: frozenset(macro.pins) for name, macro in library.macros.items()})


def node_kind(macro: Macro) -> int:
    """What a master is to the placer.

    ``CLASS BLOCK`` and ``RING`` are hard macros. ``PAD`` and ``COVER`` are taken as ports with a size: places wires
    lead to, which nothing moves. The rest (``CORE``, ``ENDCAP``) are standard cells; a master without a class is one
    if it names a site, else a hard macro.
    """
    if macro.is_block or (macro.kind == "" and not macro.sites):
        return HARD_MACRO
    return PORT if macro.kind in ("PAD", "COVER") else STDCELL


def build_circuit(
    gates: GateNetlist,
    library: Library,
    *,
    verilog: tuple[Path, ...] = (),
    net_weight: NDArray[np.float64] | None = None,
) -> Circuit:
    """Put gates and masters together.

    Power and ground pins are left out, and nets on which fewer than two pins remain. The driver of a net is the first
    output of an instance or input of the chip on it, else the first pin of both ways, else the first pin.

    Args:
        gates: what is connected.
        library: the masters.
        verilog: the netlist files, to remember.
        net_weight: ``[M]`` weights of the nets of ``gates``; all 1 when None.

    Raises:
        NetlistError: masters are missing (all of them are listed), or a pin is none of its master's.
    """
    library.require(gates.masters)
    macros = [library.macros[name] for name in gates.masters]
    ports = len(gates.port_names)
    kinds = np.array([node_kind(macro) for macro in macros], np.int8)
    width, height = np.array([m.width for m in macros]), np.array([m.height for m in macros])
    names = _distinct(gates.port_names, gates.instance_names)
    of = gates.instance_master

    pins = _Pins.of(gates, macros, library)
    # Ports are nodes 0 .. P-1 and their pins the first of all.
    on_net = np.flatnonzero(gates.port_net >= 0)
    net = np.concatenate([gates.port_net[on_net], gates.conn_net[pins.kept]]).astype(np.int64)
    node = np.concatenate([on_net, ports + gates.conn_instance[pins.kept].astype(np.int64)])
    port_dir = np.array([_PORT_DIRECTION.get(d, DIR_UNKNOWN) for d in gates.port_dirs], np.int8)[on_net]
    direction = np.concatenate([port_dir, pins.direction])
    flow = direction.copy()  # an input of the chip drives its net, an output ends it
    flow[: len(on_net)] = np.array([DIR_UNKNOWN, DIR_OUTPUT, DIR_INPUT, DIR_INOUT], np.int8)[port_dir]

    degree = np.bincount(net, minlength=len(gates.net_names))
    stays = degree >= 2
    number = np.cumsum(stays) - 1
    keep = np.flatnonzero(stays[net])
    order = keep[np.lexsort((np.arange(len(keep)), net[keep]))]
    ptr = np.concatenate([[0], np.cumsum(degree[stays])])
    # The first of the best rank in each net: sort by net, then rank; stable, so file order decides among equals.
    best = order[np.lexsort((_RANK[flow[order]] * -1, number[net[order]]))] if len(order) else order
    position = np.empty(len(net), np.int64)
    position[order] = np.arange(len(order))
    source = position[best[ptr[:-1]]] if len(order) else np.zeros(0, np.int64)
    drivers = np.bincount(number[net[order]], flow[order] == DIR_OUTPUT, minlength=len(ptr) - 1)

    notes = list(gates.notes)
    if (drivers > 1).any():
        notes.append(f"{int((drivers > 1).sum()):,} nets have several drivers; the first counts")
    if pins.power:
        notes.append(f"{pins.power:,} power and ground connections are left out")
    netlist = Netlist(
        name=gates.name,
        node_names=names,
        node_kind=np.concatenate([np.full(ports, PORT, np.int8), kinds[of]]),
        node_width=np.concatenate([np.zeros(ports), width[of]]),
        node_height=np.concatenate([np.zeros(ports), height[of]]),
        pin_node=node.astype(np.int32),
        pin_dx=np.concatenate([np.zeros(len(on_net)), pins.offset[:, 0]]),
        pin_dy=np.concatenate([np.zeros(len(on_net)), pins.offset[:, 1]]),
        net_ptr=ptr.astype(np.int64),
        net_pins=order.astype(np.int32),
        net_source=source,
        net_weight=np.ones(len(ptr) - 1) if net_weight is None else net_weight[stays],
        net_names=[gates.net_names[i] for i in np.flatnonzero(stays).tolist()],
        pin_names=[names[i] for i in on_net.tolist()] + pins.names(gates),
        pin_dir=direction,
    )
    none = np.full(ports, -1, np.int32)
    physical = Physical(
        library=library,
        def_file=None,
        masters=gates.masters,
        master=np.concatenate([none, of.astype(np.int32)]),
        component=np.full(netlist.num_nodes, -1, np.int32),
        pin=np.full(netlist.num_nodes, -1, np.int32),
        scope=np.concatenate([none + 1, gates.instance_scope]),
        hierarchy=Hierarchy(gates.scope_names, gates.scope_parent, gates.scope_modules),
        verilog=verilog,
        lef=library.files,
        top=gates.name,
    )
    return Circuit(netlist, physical, (*library.notes, *notes))


@dataclass(frozen=True)
class _Pins:
    """The connections of instances that count: all but power and ground.

    Attributes:
        kept: ``[K]`` connections of the gates.
        offset: ``[K, 2]`` from the centre, um.
        direction: ``[K]`` int8 ``DIR_*``.
        power: how many were left out.
    """

    kept: NDArray[np.int64]
    offset: NDArray[np.float64]
    direction: NDArray[np.int8]
    power: int

    @staticmethod
    def of(gates: GateNetlist, macros: list[Macro], library: Library) -> _Pins:
        """Look every pin up once for its master."""
        master = gates.instance_master[gates.conn_instance].astype(np.int64)
        key, which = np.unique(master * max(len(gates.pin_names), 1) + gates.conn_pin, return_inverse=True)
        offset, direction, power = np.zeros((len(key), 2)), np.zeros(len(key), np.int8), np.zeros(len(key), bool)
        index: dict[int, dict[str, int]] = {}
        points: dict[int, NDArray[np.float64]] = {}
        missing: list[str] = []
        for row, k in enumerate(key.tolist()):
            m, p = divmod(k, len(gates.pin_names))
            if m not in index:
                index[m], points[m] = _pin_index(macros[m], library), macros[m].pin_offsets()
            pin = index[m].get(gates.pin_names[p])
            if pin is None:
                missing.append(f"{macros[m].name}.{gates.pin_names[p]}")
                continue
            offset[row] = points[m][pin]
            direction[row] = _DIRECTION.get(int(macros[m].direction[pin]), DIR_UNKNOWN)
            power[row] = int(macros[m].use[pin]) in (POWER, GROUND)
        if missing:
            shown = ", ".join(missing[:10]) + (f" and {len(missing) - 10} more" if len(missing) > 10 else "")
            raise NetlistError(f"{len(missing)} pins are connected that the LEF masters do not have: {shown}")
        kept = np.flatnonzero(~power[which])
        return _Pins(kept, offset[which[kept]], direction[which[kept]], len(which) - len(kept))

    def names(self, gates: GateNetlist) -> list[str]:
        """``instance/pin`` of every kept connection."""
        instances, pins = gates.instance_names, gates.pin_names
        where, what = gates.conn_instance[self.kept].tolist(), gates.conn_pin[self.kept].tolist()
        return [f"{instances[i]}/{pins[p]}" for i, p in zip(where, what, strict=True)]


def _pin_index(macro: Macro, library: Library) -> dict[str, int]:
    """Pins by name; bits of buses by ``name[bit]`` too, whatever brackets the library uses."""
    index = macro.pin_index()
    opening, closing = library.bus_bits[0], library.bus_bits[1]
    if (opening, closing) != ("[", "]"):
        for name, pin in macro.pin_index().items():
            if name.endswith(closing) and opening in name:
                head, _, bit = name[:-1].rpartition(opening)
                index.setdefault(f"{head}[{bit}]", pin)
    return index


def _distinct(ports: tuple[str, ...], instances: tuple[str, ...]) -> list[str]:
    """Names of the nodes; a port that an instance shares its name with becomes ``PIN name``, as nets call it in DEF."""
    taken = set(instances)
    return [f"PIN {name}" if name in taken else name for name in ports] + list(instances)


def _paths(files: str | Path | Sequence[str | Path]) -> tuple[Path, ...]:
    return (Path(files),) if isinstance(files, (str, Path)) else tuple(Path(file) for file in files)
