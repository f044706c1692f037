"""A DEF file as a placement: from its components to the nodes of a netlist and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.formats.def_.data import FIXED, PLACED, UNPLACED, DefFile
from netlists.formats.def_.names import path_of, plain
from netlists.formats.def_.read import read_def
from netlists.formats.def_.units import centres, corners
from netlists.formats.def_.write import write_def
from netlists.netlist import HARD_MACRO, PORT, Netlist
from netlists.placement import Placement

#: Names listed in one message.
_SHOWN = 10


def component_of(d: DefFile, netlist: Netlist) -> NDArray[np.int32]:
    """``[N]`` component of every node, -1 where there is none, as for ports.

    Names are compared as written, then by their levels: a Verilog instance has no backslashes, a DEF component may, and
    a netlist joins levels by ``/`` whatever the DEF file joins them by.
    """
    exact = d.components.index
    loose = {"/".join(path_of(name, d.divider)): i for name, i in exact.items()}
    found = np.full(netlist.num_nodes, -1, np.int32)
    for node in np.flatnonzero(netlist.node_kind != PORT).tolist():
        name = netlist.node_names[node]
        found[node] = exact.get(name, loose.get(plain(name), -1))
    return found


def placement_from(d: DefFile, netlist: Netlist, before: Placement) -> Placement:
    """What a DEF file says about the nodes of a netlist.

    Objects the file lacks, and ports, stay where they are in ``before``.

    Args:
        d: the file.
        netlist: whose nodes have the sizes of the masters.
        before: where everything is so far.

    Raises:
        PlacementError: the file has none of the netlist's hard macros, or a part of them.
    """
    component = component_of(d, netlist)
    _check_macros(d, netlist, component)
    c = d.components
    status = np.where(component >= 0, c.status[component] if len(c) else 0, UNPLACED)
    nodes = np.flatnonzero(status != UNPLACED)
    own = component[nodes]
    arrays = {key: np.array(getattr(before, key)) for key in ("x", "y", "orient", "placed", "fixed")}
    arrays["x"][nodes], arrays["y"][nodes] = centres(
        c.x[own], c.y[own], netlist.node_width[nodes], netlist.node_height[nodes], c.orient[own], d.dbu_per_micron
    )
    arrays["orient"][nodes] = c.orient[own]
    arrays["fixed"][nodes] |= c.status[own] >= FIXED
    arrays["placed"] = np.where(component >= 0, status != UNPLACED, arrays["placed"])
    return before.moved(**arrays)


def with_placement(d: DefFile, netlist: Netlist, placement: Placement, status: int = PLACED) -> DefFile:
    """The DEF file with the nodes of a netlist where a placement has them.

    Components that are FIXED or COVER in the file, that are not placed, or that the netlist lacks stay as they are.
    Fixed nodes become FIXED.

    Args:
        d: the file.
        netlist: whose nodes have the sizes of the masters.
        placement: where they are.
        status: of movable nodes, ``PLACED`` or ``FIXED``.

    Raises:
        PlacementError: the file lacks hard macros of the netlist.
    """
    component = component_of(d, netlist)
    _check_macros(d, netlist, component)
    c = d.components
    free = (component >= 0) & placement.placed
    free[free] = c.status[component[free]] < FIXED
    nodes = np.flatnonzero(free)
    x, y = corners(
        placement.x[nodes], placement.y[nodes], netlist.node_width[nodes], netlist.node_height[nodes],
        placement.orient[nodes], d.dbu_per_micron,
    )  # fmt: skip
    new = np.where(placement.fixed[nodes], FIXED, status).astype(np.int8)
    return d.changed(components=c.placed(component[nodes], x, y, placement.orient[nodes], new))


def _check_macros(d: DefFile, netlist: Netlist, component: NDArray[np.int32]) -> None:
    missing = np.flatnonzero((netlist.node_kind == HARD_MACRO) & (component < 0)).tolist()
    if not missing:
        return
    used = set(component[component >= 0].tolist())
    spare = [name for i, name in enumerate(d.components.names) if i not in used]
    raise PlacementError(
        f"{len(missing)} hard macros of the netlist are not in the DEF file: {_listed(netlist, missing)}; components "
        f"of the DEF file that the netlist lacks: {', '.join(spare[:_SHOWN]) or 'none'}",
        rule="missing object", file=d.file,
    )  # fmt: skip


def _listed(netlist: Netlist, nodes: list[int]) -> str:
    names = [netlist.node_names[node] for node in nodes[:_SHOWN]]
    return ", ".join(names) + (f" and {len(nodes) - _SHOWN} more" if len(nodes) > _SHOWN else "")


def read_placement(path: Path, design: Design) -> Placement:
    """Read the locations in a DEF file for a design of any format.

    Raises:
        NetlistError: the file is malformed.
        PlacementError: it lacks hard macros of the design.
    """
    return placement_from(read_def(path), design.netlist, design.placement)


def write_placement(design: Design, placement: Placement, path: Path) -> None:
    """Write a placement as a DEF file: the one the design was read from, with other locations.

    Raises:
        NetlistError: the design did not come with a DEF file, or the file cannot be written.
        PlacementError: its DEF file lacks hard macros of the design.
    """
    base = next((p for p in (design.placement_path, design.path) if p is not None and is_def_name(p)), None)
    if base is None:
        raise NetlistError(
            "a DEF file is written into the one a design came with, and this design came with none", file=path
        )
    write_def(with_placement(read_def(base), design.netlist, placement), path)


def is_def_name(path: Path) -> bool:
    """True where a name ends like a DEF file's."""
    return path.name.lower().removesuffix(".gz").endswith((".def", ".fp"))
