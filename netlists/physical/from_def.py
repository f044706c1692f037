"""A DEF file's components, pins and nets as a flat gate netlist, for designs that come without Verilog."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netlists.formats.def_ import DefFile, path_of
from netlists.formats.def_.data import DESIGN_PIN
from netlists.formats.verilog import GateNetlist

#: Uses of nets and pins that carry no signal.
SUPPLY = ("POWER", "GROUND")


def full_name(name: str, divider: str = "/") -> str:
    r"""A DEF name as the rest of the program spells it: levels joined by ``/``, no backslashes."""
    if divider == "/" and "\\" not in name:
        return name
    return "/".join(path_of(name, divider))


def gates_of(def_file: DefFile) -> tuple[GateNetlist, NDArray[np.float64]]:
    """The netlist a DEF file holds in COMPONENTS, PINS and NETS; the hierarchy is taken from the names.

    Nets of power and ground are left out, as are connections to every component (``*``).

    Returns:
        The netlist and ``[M]`` the weights of its nets.
    """
    names = [full_name(name, def_file.divider) for name in def_file.components.names]
    scope_names, scope_parent, scope = scopes_of(def_file.components.names, def_file.divider)
    nets = def_file.nets
    signal = np.array([use not in SUPPLY for use in nets.uses()], bool)
    pins = [pin for pin in def_file.pins if pin.use not in SUPPLY]
    number = {pin.name: i for i, pin in enumerate(pins)}
    net_of = np.repeat(np.arange(len(nets)), np.diff(nets.ptr))
    counts = signal[net_of]
    port_net = np.full(len(pins), -1, np.int32)
    for k in np.flatnonzero((nets.component == DESIGN_PIN) & counts).tolist():
        port = number.get(nets.pins[nets.pin[k]])
        if port is not None:
            port_net[port] = net_of[k]
    on_cell = np.flatnonzero((nets.component >= 0) & counts)
    on_cell = on_cell[np.argsort(nets.component[on_cell], kind="stable")]
    return GateNetlist(
        name=def_file.design,
        instance_names=tuple(names),
        instance_master=def_file.components.master,
        instance_scope=scope,
        masters=def_file.components.masters,
        scope_names=scope_names,
        scope_modules=(),
        scope_parent=scope_parent,
        port_names=tuple(full_name(pin.name, def_file.divider) for pin in pins),
        port_dirs=tuple(_DIRECTION.get(pin.direction, "inout") for pin in pins),
        port_net=port_net,
        net_names=tuple(full_name(name, def_file.divider) for name in nets.names),
        conn_instance=nets.component[on_cell].astype(np.int32),
        conn_pin=nets.pin[on_cell].astype(np.int32),
        conn_net=net_of[on_cell].astype(np.int32),
        pin_names=nets.pins,
    ), nets.weight.astype(np.float64)


_DIRECTION = {"INPUT": "input", "OUTPUT": "output"}


def scopes_of(names: Sequence[str], divider: str = "/") -> tuple[tuple[str, ...], NDArray[np.int32], NDArray[np.int32]]:
    """The hierarchy that instance names imply.

    Args:
        names: as DEF spells them.
        divider: hierarchy character.

    Returns:
        Names of the scopes (the top, ``""``, first, parents before children), ``[S]`` parents, and ``[N]`` the scope
        of each instance.
    """
    index: dict[str, int] = {"": 0}
    parent = [-1]
    scope = np.zeros(len(names), np.int32)
    for i, name in enumerate(names):
        head, _, _ = name.rpartition(divider)
        if not head:
            continue
        found = index.get(head)
        if found is None or "\\" in name:
            levels = path_of(name, divider)[:-1]
            found, path = 0, ""
            for level in levels:
                path = f"{path}/{level}" if path else level
                if path not in index:
                    index[path] = len(parent)
                    parent.append(found)
                found = index[path]
        scope[i] = found
    return tuple(index), np.array(parent, np.int32), scope
