"""LEF, DEF and Verilog files put together into one design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import box

from netlists.canvas import Blockage, Canvas
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats.def_ import DefFile, centres, read_def
from netlists.formats.def_.data import COVER, FIXED, UNPLACED
from netlists.formats.lef import read_lef
from netlists.formats.verilog.source import UnknownTopError
from netlists.netlist import HARD_MACRO, PORT, Netlist
from netlists.physical.circuit import Circuit, build_circuit, read_gates
from netlists.physical.from_def import full_name, gates_of
from netlists.physical.ground import make_canvas
from netlists.physical.match import match
from netlists.physical.record import Physical
from netlists.physical.rules import constraints_of
from netlists.placement import Placement
from netlists.rules.conflicts import conflict_notes

#: ``Design.format`` of what is read here.
FORMAT = "lefdef"

Files = str | Path | Sequence[str | Path]


def read_physical(
    verilog: Files = (), top: str | None = None, lef: Files = (), def_file: str | Path | None = None
) -> Design:
    """Read a design from its LEF, DEF and (where the DEF file holds no nets) Verilog files.

    Args:
        verilog: gate-level netlist files; without any, the nets of the DEF file are the netlist.
        top: top module of the Verilog; by default the one the DEF file names, else the only one.
        lef: LEF files, technology first.
        def_file: floorplan: die, rows, pins, components and their status.

    Returns:
        A flat design of format ``"lefdef"`` whose ``physical`` remembers the files. Ports come first, then instances.
        Fixed components, ports, pads and covers do not move; components without a place start at the middle of the
        core.

    Raises:
        NetlistError: a file is missing or wrong, masters are in no LEF file (all are listed), netlist and DEF file
            differ (both sides are listed), or there is no floorplan.
    """
    lef_files, verilog_files = _list(lef), _list(verilog)
    if not lef_files:
        raise NetlistError("LEF files are needed with Verilog or DEF", expected="lef=[...], on the command line --lef")
    if def_file is None:
        raise NetlistError(
            "a netlist without a floorplan cannot be placed",
            expected="a DEF file (--def); 'placer floorplan' makes one from Verilog and LEF",
        )
    library = read_lef(lef_files)
    ground = read_def(def_file)
    notes: list[str] = []
    if verilog_files:
        try:
            gates = read_gates(verilog_files, library, top or ground.design or None)
        except UnknownTopError as error:
            if top:
                raise
            told = f"{error.message} in the Verilog; the DEF file's DESIGN says so, --top names another"
            raise NetlistError(told, file=ground.file, expected=error.expected) from None
        library.require(ground.components.masters)
        found = match(gates, ground, library)
        if len(ground.nets):
            notes.append("the nets are those of the Verilog, not of the DEF file")
        circuit = build_circuit(found.gates, library, verilog=tuple(verilog_files))
        component, pin = found.component, found.pin
        notes += found.notes
    else:
        if top is not None and top != ground.design:
            raise NetlistError("the DEF file is of another design", file=ground.file, found=ground.design, expected=top)
        def_gates, weight = gates_of(ground)
        circuit = build_circuit(def_gates, library, net_weight=weight)
        component = np.arange(len(ground.components), dtype=np.int32)
        numbers = {full_name(p.name, ground.divider): i for i, p in enumerate(ground.pins)}
        pin = np.array([numbers[name] for name in def_gates.port_names], np.int32)
    return _assemble(circuit, ground, component, pin, [*ground.notes, *notes])


def _assemble(
    circuit: Circuit, def_file: DefFile, component: NDArray[np.int32], pin: NDArray[np.int32], notes: list[str]
) -> Design:
    ports = len(pin)
    instances = circuit.netlist.num_nodes - ports
    physical = replace(
        circuit.physical,
        def_file=def_file,
        component=np.concatenate([np.full(ports, -1, np.int32), component]),
        pin=np.concatenate([pin, np.full(instances, -1, np.int32)]),
    )
    netlist = circuit.netlist
    library = physical.library
    hard = np.flatnonzero(netlist.node_kind == HARD_MACRO)
    macros = [library.macros[physical.masters[m]] for m in physical.master[hard].tolist()]
    canvas, told = make_canvas(def_file, library, macros)
    placement, more = _placement(netlist, physical, canvas)
    canvas = _with_pads(canvas, netlist, physical, placement)
    constraints, rules = constraints_of(netlist, physical, placement.orient)
    design = Design(
        netlist, canvas, placement, FORMAT, def_file.file, None,
        tuple(dict.fromkeys([*circuit.notes, *notes, *told, *more, *rules])), constraints, physical,
    )  # fmt: skip
    where = def_file.file.name if def_file.file is not None else "the DEF file"
    found = tuple(f"{where}: {conflict}" for conflict in conflict_notes(design))
    return replace(design, notes=(*design.notes, *found)) if found else design


def _placement(netlist: Netlist, physical: Physical, canvas: Canvas) -> tuple[Placement, list[str]]:
    """Where the DEF file says nodes are; the rest waits in the middle of the core."""
    assert physical.def_file is not None
    def_file, n = physical.def_file, netlist.num_nodes
    x, y = np.full(n, (canvas.x0 + canvas.x1) / 2), np.full(n, (canvas.y0 + canvas.y1) / 2)
    orient, fixed, placed = np.zeros(n, np.int8), netlist.node_kind == PORT, np.zeros(n, bool)
    components, per_um = def_file.components, def_file.dbu_per_micron
    known = np.flatnonzero(physical.component >= 0)
    of = physical.component[known]
    on = components.status[of] != UNPLACED
    nodes, of = known[on], of[on]
    orient[nodes] = components.orient[of]
    x[nodes], y[nodes] = centres(
        components.x[of], components.y[of], netlist.node_width[nodes], netlist.node_height[nodes], orient[nodes], per_um
    )
    placed[nodes] = True
    fixed[nodes] |= np.isin(components.status[of], (FIXED, COVER))
    lost = 0
    for node in np.flatnonzero(netlist.node_kind == PORT).tolist():
        if physical.pin[node] < 0:
            lost += physical.master[node] < 0
            continue
        port = def_file.pins[physical.pin[node]].port
        if port.status == UNPLACED:
            lost += 1
            continue
        corners = port.box() or (port.x, port.y, port.x, port.y)
        x[node], y[node] = (corners[0] + corners[2]) / (2 * per_um), (corners[1] + corners[3]) / (2 * per_um)
        placed[node] = True
    notes = []
    if lost:
        notes.append(
            f"{lost:,} ports have no place and count as in the middle of the core; 'placer floorplan' places them"
        )
    return Placement(x, y, orient, fixed, placed), notes


def _with_pads(canvas: Canvas, netlist: Netlist, physical: Physical, placement: Placement) -> Canvas:
    """Pads and covers take their ground: hard blockages where they reach into the core."""
    pads = np.flatnonzero((netlist.node_kind == PORT) & (physical.master >= 0) & placement.placed)
    blockages = []
    for node in pads.tolist():
        macro = physical.macro(node)
        if macro is None or macro.kind == "COVER":
            continue  # bumps lie above everything
        w, h = netlist.node_width[node], netlist.node_height[node]
        if placement.orient[node] in (2, 3, 6, 7):
            w, h = h, w
        cx, cy = placement.x[node], placement.y[node]
        shape = box(cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)
        if shape.intersection(canvas.polygon).area > 0:
            blockages.append(Blockage(shape, name=netlist.node_names[node]))
    return replace(canvas, blockages=(*canvas.blockages, *blockages)) if blockages else canvas


def _list(files: Files) -> list[Path]:
    return [Path(files)] if isinstance(files, (str, Path)) else [Path(file) for file in files]
