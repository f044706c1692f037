"""A macro placement in the words of the next tool: Tcl for OpenROAD and Innovus, a LibreLane configuration.

All of them come from the DEF file :func:`netlists.physical.write.placed_def` would write, so corners, orientations and
names are the same as there to the last database unit. Macros the input has as FIXED are left out: they are placed
already, and tools refuse to place them again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from netlists.design import Design
from netlists.formats.def_ import FIXED, UNPLACED, path_of
from netlists.netlist import HARD_MACRO
from netlists.orientation import NAMES
from netlists.physical.write import placed_def
from netlists.placement import Placement

#: OpenAccess names in the order of the orientation codes, as Tcl commands want them.
OPEN_ACCESS: tuple[str, ...] = ("R0", "R180", "R90", "R270", "MY", "MX", "MXR90", "MYR90")


@dataclass(frozen=True)
class PlacedMacro:
    """One macro of the hand-off.

    Attributes:
        name: the instance as DEF spells it, with escapes.
        path: its levels without escapes, outermost first.
        master: its LEF master.
        x: left edge as it lies, um, exact.
        y: lower edge.
        orient: orientation code.
        lef: the file its master is in, or None.
    """

    name: str
    path: tuple[str, ...]
    master: str
    x: Decimal
    y: Decimal
    orient: int
    lef: Path | None


def placed_macros(design: Design, placement: Placement) -> list[PlacedMacro]:
    """Hard macros that were placed, in the order of the DEF file.

    Args:
        design: a design read from LEF and DEF, flat or clustered.
        placement: of ``design``.

    Raises:
        NetlistError: the design has no DEF file.
    """
    d = placed_def(design, placement)
    physical = design.physical
    assert physical is not None  # placed_def has checked
    assert physical.def_file is not None
    before = physical.def_file.components
    c = d.components
    hard = {physical.masters[k] for k in np.unique(physical.master[design.netlist.node_kind == HARD_MACRO]) if k >= 0}
    fixed = {name for name, status in zip(before.names, before.status.tolist(), strict=True) if status >= FIXED}
    out = []
    for i in np.flatnonzero(c.status != UNPLACED).tolist():
        master = c.masters[int(c.master[i])]
        if master in hard and c.names[i] not in fixed:
            x, y = (Decimal(int(v[i])) / d.dbu_per_micron for v in (c.x, c.y))
            lef = physical.library.macros[master].file
            out.append(PlacedMacro(c.names[i], path_of(c.names[i], d.divider), master, x, y, int(c.orient[i]), lef))
    return out


def openroad_tcl(design: Design, placement: Placement) -> str:
    """``place_macro`` commands; flow scripts of OpenROAD source the same file as ``MACRO_PLACEMENT_TCL``."""
    lines = [
        f"place_macro -macro_name {{{m.name}}} -location {{{m.x:f} {m.y:f}}} -orientation {OPEN_ACCESS[m.orient]}"
        for m in placed_macros(design, placement)
    ]
    return _script(design, "source it after the floorplan is made", lines)


def innovus_tcl(design: Design, placement: Placement) -> str:
    """``placeInstance`` commands, macros fixed."""
    lines = [
        f"placeInstance {{{'/'.join(m.path)}}} {m.x:f} {m.y:f} {OPEN_ACCESS[m.orient]} -fixed"
        for m in placed_macros(design, placement)
    ]
    return _script(design, "source it after floorPlan", lines)


def librelane_json(design: Design, placement: Placement) -> str:
    """The ``MACROS`` entry of a LibreLane configuration; the GDS files of the masters are for the user to fill in."""
    masters: dict[str, dict[str, Any]] = {}
    for m in placed_macros(design, placement):
        entry = masters.setdefault(
            m.master, {"gds": [], "lef": [] if m.lef is None else [str(m.lef.resolve())], "instances": {}}
        )
        location = [float(m.x), float(m.y)]
        entry["instances"]["/".join(m.path)] = {"location": location, "orientation": NAMES[m.orient]}
    return json.dumps({"MACROS": masters}, indent=2) + "\n"


#: What is written beside the DEF file: what it is -> suffix and writer.
SCRIPTS: dict[str, tuple[str, Callable[[Design, Placement], str]]] = {
    "openroad": (".openroad.tcl", openroad_tcl),
    "innovus": (".innovus.tcl", innovus_tcl),
    "librelane": (".librelane.json", librelane_json),
}


def _script(design: Design, when: str, lines: list[str]) -> str:
    head = f"# Macro placement of {design.name}: {len(lines)} macros, lower-left corners in microns; {when}."
    return "\n".join([head, *lines]) + "\n"
