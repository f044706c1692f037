"""A floorplan DEF from a circuit and its library: ground, macros to be placed, IO pins on the edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from netlists.errors import NetlistError
from netlists.formats.def_ import Components, DefFile, Pin, Port, centres, def_name
from netlists.formats.def_.data import FIXED, PLACED, UNPLACED
from netlists.netlist import DIR_INOUT, DIR_INPUT, DIR_OUTPUT, HARD_MACRO, PORT, Netlist
from netlists.physical import Circuit
from netlists.physical.write import instance_path
from placer.engines.floorplan.chip.ground import Ground, make_ground
from placer.engines.floorplan.chip.pins import PinRule, assign_pins
from placer.engines.floorplan.chip.slots import Slots, pin_slots

_WAY = {DIR_INPUT: "INPUT", DIR_OUTPUT: "OUTPUT", DIR_INOUT: "INOUT"}


def floorplan_def(
    circuit: Circuit,
    *,
    utilization: float = 60.0,
    aspect_ratio: float = 1.0,
    margins: tuple[float, float, float, float] = (5.0, 5.0, 5.0, 5.0),
    outline: NDArray[np.float64] | None = None,
    site: str | None = None,
    pin_layers: tuple[str | None, str | None] = (None, None),
    pin_spacing: int = 2,
    rules: Sequence[PinRule] = (),
    keep: DefFile | None = None,
    macros: DefFile | None = None,
) -> tuple[DefFile, Ground]:
    """Make the floorplan of a circuit.

    Args:
        circuit: netlist and library.
        utilization: percent of the core that cells and macros fill.
        aspect_ratio: height over width of the core.
        margins: left, bottom, right, top between die and core, um.
        outline: ``[V, 2]`` corners of the die, um, instead of utilisation and aspect ratio.
        site: name of the rows' site.
        pin_layers: layers of pins on the left and right, and on the bottom and top.
        pin_spacing: tracks from one pin to the next.
        rules: sides and ranges of pins.
        keep: a DEF file whose FIXED pins stay where they are.
        macros: a DEF file whose placed macros stay where they are; pins are assigned to that.

    Returns:
        A DEF file with die, rows, tracks, unplaced macros and placed pins, and the ground.

    Raises:
        NetlistError: nothing fits, or what is asked for contradicts itself or the library.
    """
    netlist, library = circuit.netlist, circuit.library
    size = np.stack([netlist.node_width, netlist.node_height])
    solid = netlist.node_kind != PORT
    hard = netlist.ids(HARD_MACRO)
    largest = (0.0, 0.0)
    if len(hard):
        largest = (float(size[:, hard].min(axis=0).max()), float(size[:, hard].max(axis=0).max()))
    ground = make_ground(
        library, float(size[:, solid].prod(axis=0).sum()), largest, utilization=utilization, aspect_ratio=aspect_ratio,
        margins=margins, outline=outline, site=site,
    )  # fmt: skip
    slots = pin_slots(ground, library, pin_layers, pin_spacing)
    kept, slots = _kept(circuit, keep, ground, slots)
    n = netlist.num_nodes
    x, y = np.zeros(n), np.zeros(n)
    fixed = (netlist.node_kind == PORT) & solid_ports(netlist)
    for node, pin in kept.items():
        fixed[node], x[node], y[node] = True, pin.port.x / ground.dbu, pin.port.y / ground.dbu
    names = [
        def_name(instance_path(circuit.physical, i, netlist.node_names[i]), library.divider, library.bus_bits)
        for i in hard.tolist()
    ]
    masters = [circuit.physical.masters[circuit.physical.master[i]] for i in hard.tolist()]
    components, placed = Components.make(names, masters), np.zeros(n, bool)
    if macros is not None:
        components = _with_places(components, macros, ground)
        there = components.status != UNPLACED
        placed[hard[there]] = True
        x[hard[there]], y[hard[there]] = centres(
            components.x[there],
            components.y[there],
            size[0, hard[there]],
            size[1, hard[there]],
            components.orient[there],
            ground.dbu,
        )
    chosen = assign_pins(netlist, slots, ground.dbu, rules, fixed=fixed, x=x, y=y, placed=placed)
    free = np.flatnonzero((netlist.node_kind == PORT) & ~fixed)
    pins = pins_at(netlist, free, slots, chosen)
    pins.update(kept)
    made = DefFile(
        design=netlist.name, dbu_per_micron=ground.dbu, divider=library.divider, bus_bits=library.bus_bits,
        die_area=_corners(ground), rows=ground.rows, tracks=ground.tracks,
        components=components, pins=tuple(pins[i] for i in sorted(pins)),
    )  # fmt: skip
    return made, ground


def _with_places(components: Components, macros: DefFile, ground: Ground) -> Components:
    """The components with the places that a DEF file of the same units gives them."""
    if macros.dbu_per_micron != ground.dbu:
        raise NetlistError(
            "the DEF file with the macros has other units than the LEF files", file=macros.file,
            found=macros.dbu_per_micron, expected=ground.dbu,
        )  # fmt: skip
    index, given = macros.components.index, macros.components
    pairs = [(k, index[name]) for k, name in enumerate(components.names) if name in index]
    pairs = [(k, m) for k, m in pairs if given.status[m] != UNPLACED]
    if not pairs:
        raise NetlistError("the DEF file places none of the macros", file=macros.file)
    mine, theirs = (np.array(side) for side in zip(*pairs, strict=True))
    return components.placed(mine, given.x[theirs], given.y[theirs], given.orient[theirs], given.status[theirs])


def solid_ports(netlist: Netlist) -> NDArray[np.bool_]:
    """``[N]`` pads: ports with a size of their own, which are instances and no pins of the DEF file."""
    return np.asarray((netlist.node_width > 0) & (netlist.node_height > 0))


def pins_at(netlist: Netlist, nodes: NDArray[np.int64], slots: Slots, chosen: NDArray[np.int64]) -> dict[int, Pin]:
    """DEF pins of ports on their slots, by node."""
    way = dict.fromkeys(nodes.tolist(), "")
    net = dict.fromkeys(nodes.tolist(), "")
    mine = np.zeros(netlist.num_nodes, bool)
    mine[nodes] = True
    for k in np.flatnonzero(mine[netlist.conn_node]).tolist():
        node, pin = int(netlist.conn_node[k]), int(netlist.net_pins[k])
        if len(netlist.net_names):
            net[node] = netlist.net_names[int(netlist.conn_net[k])]
        if len(netlist.pin_dir):
            way[node] = _WAY.get(int(netlist.pin_dir[pin]), "")
    pins = {}
    for node, slot in zip(nodes.tolist(), chosen.tolist(), strict=True):
        name = netlist.node_names[node]
        shape = slots.shapes[slots.side[slot]]
        port = Port((shape,), PLACED, int(slots.x[slot]), int(slots.y[slot]), 0)
        pins[node] = Pin(name, net[node] or name, way[node], "SIGNAL", (port,))
    return pins


def _kept(circuit: Circuit, keep: DefFile | None, ground: Ground, slots: Slots) -> tuple[dict[int, Pin], Slots]:
    """Fixed pins of a DEF file in the new floorplan's units, by node, and the slots that remain."""
    if keep is None:
        return {}, slots
    pins: dict[int, Pin] = {}
    index = circuit.netlist.node_index
    for pin in keep.pins:
        if pin.port.status != FIXED or pin.name not in index or pin.special:
            continue
        if keep.dbu_per_micron != ground.dbu:
            raise NetlistError(
                "the DEF file with the fixed pins has other units than the LEF files", file=keep.file,
                found=keep.dbu_per_micron, expected=ground.dbu,
            )  # fmt: skip
        pins[index[pin.name]] = replace(pin, options=())
    return pins, _without(slots, list(pins.values()), ground)


def _without(slots: Slots, pins: list[Pin], ground: Ground) -> Slots:
    """The slots whose pin would keep a pin's width away from the shapes of other pins."""
    free = np.ones(len(slots), bool)
    for pin in pins:
        for port in pin.ports:
            box = port.box()
            if box is None:
                continue
            for side in range(4):
                (ax, ay), (bx, by) = slots.shapes[side].points
                gap = min(bx - ax, by - ay)
                free &= ~(
                    (slots.side == side)
                    & (slots.x + bx + gap > box[0]) & (slots.x + ax - gap < box[2])
                    & (slots.y + by + gap > box[1]) & (slots.y + ay - gap < box[3])
                )  # fmt: skip
    return replace(slots, x=slots.x[free], y=slots.y[free], side=slots.side[free], edge=slots.edge[free])


def _corners(ground: Ground) -> NDArray[np.int64]:
    corners = np.asarray(ground.die.exterior.coords[:-1]).astype(np.int64)
    # From the lower left on, counter-clockwise, as other tools write it.
    corners = corners if ground.die.exterior.is_ccw else corners[::-1]
    first = int(np.lexsort((corners[:, 0], corners[:, 1]))[0])
    return np.roll(corners, -first, axis=0)
