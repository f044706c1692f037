"""Which DEF component and pin each instance and port is, and what stands on one side only."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netlists.errors import NetlistError
from netlists.formats.def_ import DefFile
from netlists.formats.lef import Library
from netlists.formats.lef.library import GROUND, POWER
from netlists.formats.verilog import GateNetlist
from netlists.formats.verilog.source import listed
from netlists.netlist import HARD_MACRO
from netlists.physical.circuit import node_kind
from netlists.physical.from_def import SUPPLY, full_name

#: Names shown of each kind of difference.
SHOWN = 50


@dataclass(frozen=True)
class Match:
    """Where netlist and DEF file meet.

    Attributes:
        gates: the netlist, with the physical-only components of the DEF file (fillers, taps) behind its instances.
        component: ``[I]`` int32 component of each instance, -1 for none.
        pin: ``[P]`` int32 pin of each port, -1 for none.
        notes: harmless differences.
    """

    gates: GateNetlist
    component: NDArray[np.int32]
    pin: NDArray[np.int32]
    notes: tuple[str, ...]


def match(gates: GateNetlist, def_file: DefFile, library: Library) -> Match:
    """Match a Verilog netlist with a DEF file by full names, escapes and dividers undone.

    A floorplan may leave out standard cells, and may have components without signal pins (fillers, taps, end caps)
    that no netlist has. Everything else must be on both sides: components with signal pins, hard macros as soon as
    the DEF file places any, pins and ports.

    Raises:
        NetlistError: it is not; the message counts and names what is on one side only.
    """
    components = def_file.components
    named = {full_name(name, def_file.divider): i for i, name in enumerate(components.names)}
    component = np.array([named.get(name, -1) for name in gates.instance_names], np.int32)
    problems: list[str] = []
    notes: list[str] = []

    both = np.flatnonzero(component >= 0)
    code = {name: i for i, name in enumerate(gates.masters)}
    in_def = np.array([code.get(name, -1) for name in components.masters], np.int32)
    other = both[in_def[components.master[component[both]]] != gates.instance_master[both]]
    if len(other):
        told = [
            f"{gates.instance_names[i]} ({gates.masters[gates.instance_master[i]]} in the netlist,"
            f" {components.masters[components.master[component[i]]]} in the DEF file)"
            for i in other[:SHOWN].tolist()
        ]
        problems.append(f"{len(other):,} instances have another master: {_some(told, len(other))}")

    alone = np.setdiff1d(np.arange(len(components)), component[both])
    silent = np.array([_silent(library, name) for name in components.masters], bool)
    extra = alone[silent[components.master[alone]]] if len(alone) else alone
    strange = np.setdiff1d(alone, extra)
    if len(strange):
        names = [components.names[i] for i in strange[:SHOWN].tolist()]
        problems.append(f"{len(strange):,} components are not in the netlist: {_some(names, len(strange))}")

    hard = np.array([node_kind(library.macros[name]) == HARD_MACRO for name in gates.masters], bool)
    is_hard = hard[gates.instance_master]
    lost = np.flatnonzero(is_hard & (component < 0))
    if len(lost) and is_hard[both].any():
        names = [gates.instance_names[i] for i in lost[:SHOWN].tolist()]
        problems.append(f"{len(lost):,} macros are not among the components: {_some(names, len(lost))}")

    pins = {full_name(pin.name, def_file.divider): i for i, pin in enumerate(def_file.pins)}
    pin = np.array([pins.get(name, -1) for name in gates.port_names], np.int32)
    signal = {name for name, i in pins.items() if def_file.pins[i].use not in SUPPLY}
    unknown = sorted(signal - set(gates.port_names))
    if unknown:
        problems.append(f"{len(unknown):,} pins are not ports of the netlist: {listed(unknown, SHOWN)}")
    homeless = [name for name, i in zip(gates.port_names, pin.tolist(), strict=True) if i < 0]
    if homeless and (signal & set(gates.port_names)):
        problems.append(f"{len(homeless):,} ports are not among the pins: {listed(homeless, SHOWN)}")
    if problems:
        raise NetlistError("the netlist and the DEF file differ: " + "; ".join(problems), file=def_file.file)
    cells = int((component < 0).sum())
    if cells:
        notes.append(f"{cells:,} of {len(component):,} instances are not in the DEF file and start without a place")
    if len(extra):
        notes.append(f"{len(extra):,} components without signal pins are kept as they are")
    return Match(_with_extra(gates, def_file, extra), np.concatenate([component, extra]).astype(np.int32), pin,
                 tuple(notes))  # fmt: skip


def _some(shown: list[str], count: int) -> str:
    """The names shown of ``count``."""
    return ", ".join(shown) + (f" and {count - len(shown):,} more" if count > len(shown) else "")


def _silent(library: Library, name: str) -> bool:
    """A master no netlist names: without signal pins, or one made to fill, tap, cap or mark."""
    macro = library.macros.get(name)
    if macro is None:
        return False
    return macro.kind in ("ENDCAP", "COVER") or bool(np.isin(macro.use, (POWER, GROUND)).all())


def _with_extra(gates: GateNetlist, def_file: DefFile, extra: NDArray[np.int64]) -> GateNetlist:
    if not len(extra):
        return gates
    components = def_file.components
    masters = dict.fromkeys(gates.masters)
    kinds = [components.masters[m] for m in components.master[extra].tolist()]
    masters.update(dict.fromkeys(kinds))
    code = {name: i for i, name in enumerate(masters)}
    return replace(
        gates,
        instance_names=gates.instance_names
        + tuple(full_name(components.names[i], def_file.divider) for i in extra.tolist()),
        instance_master=np.concatenate([gates.instance_master, [code[name] for name in kinds]]).astype(np.int32),
        instance_scope=np.concatenate([gates.instance_scope, np.zeros(len(extra), np.int32)]),
        masters=tuple(masters),
    )
