"""A placement back into the design's DEF file: macros placed, everything else as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats.def_ import PLACED, Components, DefFile, Options, def_name, with_placement, write_def
from netlists.netlist import PORT
from netlists.physical.record import Physical
from netlists.placement import Placement


def placed_def(design: Design, placement: Placement, *, status: int = PLACED) -> DefFile:
    """The design's DEF file with its movable components where ``placement`` has them.

    Components that are fixed, or that ``placement`` does not place, stay as the file has them; so does everything
    else. Instances the file did not have, such as the macros of a floorplan without components, are added.

    Args:
        design: a design read from LEF and DEF, flat or clustered (clusters are not written).
        placement: of ``design``.
        status: ``PLACED`` or ``FIXED`` of ``netlists.formats.def_.data``.

    Raises:
        NetlistError: the design has no DEF file.
    """
    physical = design.physical
    if physical is None or physical.def_file is None:
        raise NetlistError("only a design read with a DEF file can be written as DEF", file=design.path)
    def_file = physical.def_file
    has_master = (physical.master >= 0) & (design.netlist.node_kind != PORT)
    new = np.flatnonzero(has_master & placement.placed & (physical.component < 0))
    if len(new):
        def_file = def_file.changed(components=_with_added(def_file.components, design, physical, new))
    return with_placement(def_file, design.netlist, placement, status)


def write_placement(design: Design, placement: Placement, path: str | Path, *, status: int = PLACED) -> None:
    """Write :func:`placed_def` with this status to a file; gzip when the name ends in ``.gz``.

    Raises:
        NetlistError: the design has no DEF file, or the file cannot be written.
    """
    write_def(placed_def(design, placement, status=status), path)


def instance_path(physical: Physical, node: int, name: str) -> tuple[str, ...]:
    """Levels of an instance's name, outermost first, each as Verilog has it without its escape."""
    names, parents = physical.hierarchy.names, physical.hierarchy.parent
    levels: list[str] = []
    scope, rest = int(physical.scope[node]), name
    while scope > 0:
        levels.append(rest[len(names[scope]) + 1 :])
        rest, scope = names[scope], int(parents[scope])
    return (rest, *reversed(levels))


def _with_added(components: Components, design: Design, physical: Physical, nodes: NDArray[np.int64]) -> Components:
    def_file = physical.def_file
    assert def_file is not None
    names = [
        def_name(instance_path(physical, i, design.netlist.node_names[i]), def_file.divider, def_file.bus_bits)
        for i in nodes.tolist()
    ]
    extra = Components.make(names, [physical.masters[physical.master[i]] for i in nodes.tolist()])
    code = {name: k for k, name in enumerate(components.masters)}
    for name in extra.masters:
        code.setdefault(name, len(code))
    number = np.array([code[name] for name in extra.masters], np.int32)
    arrays: dict[str, Any] = {
        key: np.concatenate([getattr(components, key), getattr(extra, key)])
        for key in ("status", "x", "y", "orient", "halo", "halo_kind", "region")
    }
    options = components.options
    ptr = np.concatenate([options.ptr, np.full(len(nodes), options.ptr[-1])])
    return replace(
        components,
        names=components.names + extra.names,
        masters=tuple(code),
        master=np.concatenate([components.master, number[extra.master]]).astype(np.int32),
        options=Options(options.data, ptr, options.spans),
        **arrays,
    )
