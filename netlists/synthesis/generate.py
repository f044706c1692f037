"""Putting a synthetic design together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.grouping.collapse import collapse
from netlists.netlist import DIR_INOUT, DIR_INPUT, DIR_OUTPUT, HARD_MACRO, PORT, STDCELL, Netlist
from netlists.placement import Placement
from netlists.synthesis import floorplan, hierarchy
from netlists.synthesis.draws import Draws
from netlists.synthesis.logic import ROW_HEIGHT, Edges, cell_widths, logic_sinks, reset_sinks
from netlists.synthesis.memories import READ_DATA, Memories, connect_memories, make_memories
from netlists.synthesis.ports import Ports, edge_positions, make_ports
from netlists.synthesis.spec import SynthesisSpec


def synthesize(spec: SynthesisSpec | None = None, seed: int = 0) -> Design:
    """Make a design with the statistics of real ones; the same spec and seed give the same design.

    The flat circuit is built first, from Rent's rule, buses, memory arrays and ports. With ``spec.clustered`` its
    standard cells are then grouped into soft macros by Circuit Training's rules. Nodes come in the order ports, hard
    macros, cells or soft macros. The clock is ideal and has no net. Every object is placed: ports fixed on the canvas
    edge, hard macros legal but unoptimised in shelves, soft macros or cells in hierarchical order along a Hilbert
    curve, ignoring the macros.

    Args:
        spec: what to make; None takes the defaults.
        seed: non-negative.

    Returns:
        The design; in flat form each cell has one pin at its centre and the canvas has rows.

    Raises:
        NetlistError: from the spec, when a parameter is out of range.
    """
    spec = spec or SynthesisSpec()
    widths = cell_widths(Draws(seed, 0), spec.cells)
    cell_area = float(widths.sum()) * ROW_HEIGHT
    memories = make_memories(spec, seed, cell_area)
    ports = make_ports(spec, seed)
    canvas, mx, my = floorplan.make_canvas(spec, memories.widths, memories.heights, cell_area)
    netlist = _netlist(spec, seed, widths, memories, ports)
    px, py = edge_positions(ports, canvas.width, canvas.height)
    # A curve cell no smaller than a standard cell, no larger than a gcell.
    order = int(np.clip(np.ceil(np.log2(spec.cells) / 2), 5, 10))
    cx, cy = floorplan.along_curve(canvas, spec.cells, order)
    fixed = netlist.node_kind == PORT
    orient = np.zeros(netlist.num_nodes, np.int8)
    if not spec.clustered:
        cx, cy, orient[-spec.cells :] = floorplan.snap_to_rows(canvas, cx, cy, widths)
    placement = Placement(
        np.concatenate([px, mx, cx]), np.concatenate([py, my, cy]), orient, fixed, np.ones_like(fixed)
    )
    design = Design(netlist, canvas, placement)
    if spec.clustered:
        design = collapse(design, _groups(spec, seed, netlist.num_nodes), bloat=spec.bloat)
    return design


def _netlist(spec: SynthesisSpec, seed: int, widths: NDArray[np.float64], memories: Memories, ports: Ports) -> Netlist:
    """The flat circuit. Nets in order of their drivers: ports, macro outputs, cells."""
    logic, wires = logic_sinks(spec, seed), connect_memories(spec, seed, memories)
    p, m, c, q = len(ports.names), spec.num_macros, spec.cells, len(wires.pin_macro)
    # Pins are numbered port pins, macro pins, cell pins; nets are keyed by their driver pin. The ideal clock, port 0,
    # has no pin, so the pin of port i is i - 1.
    first_macro, first_cell = p - 1, p - 1 + q
    resets = reset_sinks(spec, seed)
    source, sink = [first_cell + logic.net], [first_cell + logic.node]
    source += [first_cell + wires.in_cell, first_macro + wires.out_pin]
    sink += [first_macro + wires.in_pin, first_cell + wires.out_cell]
    inputs, outputs = np.flatnonzero(ports.is_input[2:]) + 2, np.flatnonzero(~ports.is_input)
    source += [inputs - 1, first_cell + ports.cell[outputs]]
    sink += [first_cell + ports.cell[inputs], outputs - 1]
    for k, cells in enumerate(resets):
        # Local resets are driven by the first cell outside their region that the region does not hold.
        driver = 0 if k == 0 else first_cell + (int(cells[0]) - 1) % c
        source.append(np.full(len(cells), driver))
        sink.append(first_cell + cells)
    total = first_cell + c
    edges = np.unique(np.concatenate(source) * total + np.concatenate(sink))
    edges = edges[edges // total != edges % total]
    ptr, conns = _csr(Edges(edges // total, edges % total))
    leaf, modules = hierarchy.modules(c)
    names = list(ports.names) + hierarchy.macro_names(memories, leaf, modules) + hierarchy.cell_names(leaf, modules)
    used = memories.master_of.tolist()
    masters = memories.masters
    pin_names = list(ports.names[1:])
    for i, k in enumerate(used):
        pin_names += [f"{names[p + i]}/{pin}" for pin in masters[k].names]
    pin_names += names[p + m :]
    zero_p, zero_c = np.zeros(p - 1), np.zeros(c)
    is_output = np.concatenate([np.char.startswith(masters[k].names, READ_DATA) for k in used])
    return Netlist(
        name=spec.name or f"synth{m}_{c}_s{seed}",
        node_names=names,
        node_kind=np.repeat(np.array([PORT, HARD_MACRO, STDCELL], np.int8), [p, m, c]),
        node_width=np.concatenate([np.zeros(p), memories.widths, widths]),
        node_height=np.concatenate([np.zeros(p), memories.heights, np.full(c, ROW_HEIGHT)]),
        pin_node=np.concatenate([np.arange(1, p), p + wires.pin_macro, p + m + np.arange(c)]),
        pin_dx=np.concatenate([zero_p, *(masters[k].dx for k in used), zero_c]),
        pin_dy=np.concatenate([zero_p, *(masters[k].dy for k in used), zero_c]),
        net_ptr=ptr,
        net_pins=conns,
        net_source=ptr[:-1],
        net_weight=np.ones(len(ptr) - 1),
        pin_names=pin_names,
        pin_dir=np.concatenate(
            [
                # Seen from its net, a port of the design's inputs is the output that drives it.
                np.where(ports.is_input[1:], DIR_OUTPUT, DIR_INPUT),
                np.where(is_output, DIR_OUTPUT, DIR_INPUT),
                np.full(c, DIR_INOUT),
            ]
        ).astype(np.int8),
    )


def _csr(edges: Edges) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Connections net by net, driver first; ``edges`` sorted by driver pin."""
    first = np.flatnonzero(np.diff(edges.net, prepend=-1))
    fanout = np.diff(np.append(first, len(edges.net)))
    ptr = np.concatenate([[0], np.cumsum(fanout + 1)])
    conns = np.empty(ptr[-1], np.int32)
    is_source = np.zeros(len(conns), bool)
    is_source[ptr[:-1]] = True
    conns[is_source] = edges.net[first]
    conns[~is_source] = edges.node
    return ptr, conns


def _groups(spec: SynthesisSpec, seed: int, nodes: int) -> NDArray[np.int64]:
    """Group of every node: contiguous stretches of cells of Erlang-distributed length; -1 for the rest."""
    count = spec.num_soft_macros or int(np.clip(round(spec.cells / 115), min(120, spec.cells // 4), 3_000))
    share = np.minimum(Draws(seed, 6).erlang2(count), 3.0)
    edges = np.unique(np.rint(np.cumsum(share) / share.sum() * spec.cells).astype(np.int64))
    group = np.full(nodes, -1)
    group[nodes - spec.cells :] = np.searchsorted(edges[:-1], np.arange(spec.cells), side="right")
    return group
