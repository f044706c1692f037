"""What a Verilog netlist is once its hierarchy is dissolved: flat instances, connections, nets, and where they were."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class GateNetlist:
    """A flat gate-level netlist of ``I`` instances, ``C`` connections, ``M`` nets, ``P`` ports and ``S`` scopes.

    A *scope* is one instance of a Verilog module; scope 0 is the top and parents come before their children. Names of
    instances and nets are full paths without escapes: the scopes from the top down and the local name, joined by
    ``/``.

    Attributes:
        name: name of the top module.
        instance_names: ``I`` full names.
        instance_master: ``[I]`` int32 into ``masters``.
        instance_scope: ``[I]`` int32 scope the instance stands in.
        masters: names of the library cells used, in order of first use.
        scope_names: ``S`` full names; the top's is empty.
        scope_modules: ``S`` module names.
        scope_parent: ``[S]`` int32; -1 for the top.
        port_names: ``P`` names, one a bit (``a[3]``), in the order of the module's header.
        port_dirs: ``P`` of ``"input"``, ``"output"``, ``"inout"``.
        port_net: ``[P]`` int32 into the nets; -1 where nothing but this port or a constant is on its net.
        net_names: ``M`` full names; a net that crosses scopes has the name it has nearest to the top.
        conn_instance: ``[C]`` int32, ascending.
        conn_pin: ``[C]`` int32 into ``pin_names``.
        conn_net: ``[C]`` int32.
        pin_names: names of library pins, one a bit (``A``, ``rd_out[3]``).
        tied: connections to a constant, which are not among the ``C``.
        open_pins: pins left open on purpose (``.Q()``).
        notes: what a user should know about how the files were read.
    """

    name: str
    instance_names: tuple[str, ...]
    instance_master: NDArray[np.int32]
    instance_scope: NDArray[np.int32]
    masters: tuple[str, ...]
    scope_names: tuple[str, ...]
    scope_modules: tuple[str, ...]
    scope_parent: NDArray[np.int32]
    port_names: tuple[str, ...]
    port_dirs: tuple[str, ...]
    port_net: NDArray[np.int32]
    net_names: tuple[str, ...]
    conn_instance: NDArray[np.int32]
    conn_pin: NDArray[np.int32]
    conn_net: NDArray[np.int32]
    pin_names: tuple[str, ...]
    tied: int = 0
    open_pins: int = 0
    notes: tuple[str, ...] = ()
