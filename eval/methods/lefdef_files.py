"""A flat design as LEF and DEF for a program that reads nothing else, and its answer back.

Names are made up (``n<node>``, ``p<connection of the node>``, ``e<net>``), so that none has to be escaped. Layers and
pin shapes are the least that a reader accepts: a placer looks at where pins are, not at their metal.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eval.methods.registry import NotApplicableError
from netlists.design import Design
from netlists.errors import PlacementError
from netlists.formats.def_ import UNPLACED, centres, corners, read_def, to_dbu
from netlists.netlist import HARD_MACRO, PORT
from netlists.orientation import NAMES
from netlists.placement import Placement

#: Largest coordinate in database units, with room to the 2**31 of the tools.
_MOST_DBU = 500_000_000
#: Units that LEF allows.
_UNITS = (2000, 1000, 400, 200, 100)


def database_units(design: Design) -> int:
    """Database units per micron: as fine as the extent of the canvas allows.

    Raises:
        NotApplicableError: the canvas is too large for the coarsest.
    """
    c = design.canvas
    extent = max(abs(v) for v in (c.x0, c.y0, c.x1, c.y1))
    for unit in _UNITS:
        if extent * unit < _MOST_DBU:
            return unit
    raise NotApplicableError(f"a canvas of {extent:,.0f} um is too large for the database units of LEF")


def write_lefdef(design: Design, folder: Path) -> tuple[Path, Path]:
    """Write ``design.lef`` and ``design.def``.

    Args:
        design: hard macros and standard cells.
        folder: exists.

    Returns:
        Both files.

    Raises:
        NotApplicableError: the canvas is too large.
    """
    unit = database_units(design)
    pins = _pins_of_nodes(design)
    masters, of_node = _masters(design, pins)
    lef, def_file = folder / "design.lef", folder / "design.def"
    lef.write_text(_lef(design, unit, masters))
    def_file.write_text(_def(design, unit, of_node, pins))
    return lef, def_file


def read_def_placement(design: Design, path: Path) -> Placement:
    """Where a DEF file with the names of :func:`write_lefdef` puts the nodes.

    Raises:
        NetlistError: the file cannot be read.
        PlacementError: an object that may move has no place in it.
    """
    found, n, p = read_def(path), design.netlist, design.placement
    x, y, orient, seen = p.x.copy(), p.y.copy(), p.orient.copy(), ~design.movable
    c = found.components
    index = [(int(name[1:]), k) for k, name in enumerate(c.names) if name[:1] == "n" and name[1:].isdigit()]
    pairs = np.array([pair for pair in index if pair[0] < n.num_nodes], np.int64).reshape(-1, 2)
    pairs = pairs[c.status[pairs[:, 1]] != UNPLACED]
    node, at = pairs[:, 0], pairs[:, 1]
    orient[node] = c.orient[at]
    x[node], y[node] = centres(
        c.x[at], c.y[at], n.node_width[node], n.node_height[node], c.orient[at], found.dbu_per_micron
    )
    seen[node] = True
    if not seen.all():
        lost = int(np.flatnonzero(~seen)[0])
        raise PlacementError("the program left an object without a place", node=n.node_names[lost], file=path)
    return p.moved(x=x, y=y, orient=orient, placed=np.ones(n.num_nodes, bool))


def _pins_of_nodes(design: Design) -> tuple[np.ndarray, np.ndarray]:
    """Pins as LEF has them: one for each connection, since DEF allows no pin on two nets.

    Returns:
        ``[C]`` number of each connection's pin within its node, -1 where a net names a pin again; and the connections
        sorted by node, pin and net, without those.
    """
    n = design.netlist
    net, pin = n.conn_net.astype(np.int64), n.net_pins.astype(np.int64)
    _, first = np.unique(net * max(n.num_pins, 1) + pin, return_index=True)
    order = first[np.lexsort((net[first], pin[first], n.pin_node[pin[first]]))]
    owner = n.pin_node[pin[order]]
    rank = np.full(len(pin), -1, np.int64)
    rank[order] = np.arange(len(order)) - np.searchsorted(owner, np.arange(n.num_nodes))[owner]
    return rank, order


def _masters(
    design: Design, pins: tuple[np.ndarray, np.ndarray]
) -> tuple[list[tuple[int, np.ndarray]], dict[int, int]]:
    """One master for all nodes of the same kind, size and pins: (a node of it, its connections), and node -> master."""
    n = design.netlist
    _, order = pins
    drives = _drives(design)
    pin = n.net_pins
    ends = np.searchsorted(n.pin_node[pin[order]], np.arange(n.num_nodes + 1))
    known: dict[tuple[object, ...], int] = {}
    masters: list[tuple[int, np.ndarray]] = []
    of_node: dict[int, int] = {}
    for node in np.flatnonzero(n.node_kind != PORT).tolist():
        own = order[ends[node] : ends[node + 1]]
        key = (
            int(n.node_kind[node]), float(n.node_width[node]), float(n.node_height[node]),
            n.pin_dx[pin[own]].tobytes(), n.pin_dy[pin[own]].tobytes(), drives[own].tobytes(),
        )  # fmt: skip
        if key not in known:
            known[key] = len(masters)
            masters.append((node, own))
        of_node[node] = known[key]
    return masters, of_node


def _lef(design: Design, unit: int, masters: list[tuple[int, np.ndarray]]) -> str:
    n, grid = design.netlist, 1.0 / unit
    width, height = _site(design)
    out = [
        "VERSION 5.8 ;", 'BUSBITCHARS "[]" ;', 'DIVIDERCHAR "/" ;', f"UNITS DATABASE MICRONS {unit} ; END UNITS",
        f"MANUFACTURINGGRID {grid:.10g} ;",
    ]  # fmt: skip
    pitch = f"PITCH {_track(design, unit) * grid:.10g} ; WIDTH {2 * grid:.10g} ; SPACING {2 * grid:.10g} ;"
    drives = _drives(design)
    for layer, way in (("m1", "HORIZONTAL"), ("m2", "VERTICAL")):
        out.append(f"LAYER {layer} TYPE ROUTING ; DIRECTION {way} ; {pitch} END {layer}")
    out.append(f"SITE core CLASS CORE ; SYMMETRY Y ; SIZE {width:.10g} BY {height:.10g} ; END core")
    for number, (node, own) in enumerate(masters):
        w, h = float(n.node_width[node]), float(n.node_height[node])
        macro = n.node_kind[node] == HARD_MACRO
        kind = "CLASS BLOCK ;" if macro else "CLASS CORE ; SITE core ;"
        out.append(f"MACRO k{number} {kind} ORIGIN 0 0 ; SIZE {w:.10g} BY {h:.10g} ; SYMMETRY X Y R90 ;")
        for k, connection in enumerate(own.tolist()):
            pin = n.net_pins[connection]
            # A rectangle of the pin's place in whole grid steps, inside the object.
            x = min(max(n.pin_dx[pin] + w / 2, grid), max(w - grid, grid))
            y = min(max(n.pin_dy[pin] + h / 2, grid), max(h - grid, grid))
            box = f"{x - grid:.10g} {y - grid:.10g} {x + grid:.10g} {y + grid:.10g}"
            way = "OUTPUT" if drives[connection] else "INPUT"
            out.append(f" PIN p{k} DIRECTION {way} ; USE SIGNAL ; PORT LAYER m1 ; RECT {box} ; END END p{k}")
        out.append(f"END k{number}")
    return "\n".join([*out, "END LIBRARY", ""])


def _def(design: Design, unit: int, of_node: dict[int, int], pins: tuple[np.ndarray, np.ndarray]) -> str:
    n, c, p = design.netlist, design.canvas, design.placement
    x0, y0, x1, y1 = (int(v) for v in to_dbu([c.x0, c.y0, c.x1, c.y1], unit))
    out = [
        "VERSION 5.8 ;", 'DIVIDERCHAR "/" ;', 'BUSBITCHARS "[]" ;', "DESIGN design ;",
        f"UNITS DISTANCE MICRONS {unit} ;", f"DIEAREA ( {x0} {y0} ) ( {x1} {y1} ) ;",
    ]  # fmt: skip
    out += _rows(design, unit)
    step = _track(design, unit)  # a macro placer puts pins on tracks
    for axis, start, end in (("X", x0, x1), ("Y", y0, y1)):
        out.append(f"TRACKS {axis} {start} DO {max(1, (end - start) // step)} STEP {step} LAYER m1 m2 ;")
    left, low = corners(p.x, p.y, n.node_width, n.node_height, p.orient, unit)
    out.append(f"COMPONENTS {len(of_node)} ;")
    for node, master in of_node.items():
        place = f"( {left[node]} {low[node]} ) {NAMES[p.orient[node]]}"
        state = f"FIXED {place}" if p.fixed[node] else f"PLACED {place}" if p.placed[node] else "UNPLACED"
        out.append(f"- n{node} k{master} + {state} ;")
    out.append("END COMPONENTS")
    nets_of_port: dict[int, int] = {}
    nets: list[str] = []
    rank, _ = pins
    sources = n.pin_node[n.net_pins[n.net_source]]
    for net in range(n.num_nets):
        words = []
        for connection in range(n.net_ptr[net], n.net_ptr[net + 1]):
            if rank[connection] < 0:
                continue
            node = int(n.pin_node[n.net_pins[connection]])
            if node in of_node:
                words.append(f"( n{node} p{rank[connection]} )")
            elif nets_of_port.setdefault(node, net) == net:
                words.append(f"( PIN n{node} )")
        nets.append(f"- e{net} {' '.join(words)} ;")
    out.append(f"PINS {len(nets_of_port)} ;")
    for node, net in nets_of_port.items():
        x, y = (int(v) for v in to_dbu([p.x[node], p.y[node]], unit))
        where = f"+ LAYER m1 ( -1 -1 ) ( 1 1 ) + FIXED ( {x} {y} ) N"
        way = "INPUT" if sources[net] == node else "OUTPUT"
        out.append(f"- n{node} + NET e{net} + DIRECTION {way} + USE SIGNAL {where} ;")
    return "\n".join([*out, "END PINS", f"NETS {len(nets)} ;", *nets, "END NETS", "END DESIGN", ""])


def _drives(design: Design) -> np.ndarray:
    """``[C]`` whether a connection drives its net: a macro placer draws its connections from drivers."""
    out = np.zeros(design.netlist.num_connections, bool)
    out[design.netlist.net_source] = True
    return out


def _track(design: Design, unit: int) -> int:
    """Database units from track to track: a site, so that what is put on tracks fits into rows."""
    return max(2, int(to_dbu([_site(design)[0]], unit)[0]))


def _site(design: Design) -> tuple[float, float]:
    rows = design.canvas.rows
    if rows is None or not len(rows.y):
        return 1.0 / database_units(design), design.canvas.height
    return float(rows.site_spacing[0]), float(rows.height[0])


def _rows(design: Design, unit: int) -> list[str]:
    rows = design.canvas.rows
    if rows is None:
        return []
    x, y, step = to_dbu(rows.x0, unit), to_dbu(rows.y, unit), to_dbu(rows.site_spacing, unit)
    return [
        f"ROW r{k} core {x[k]} {y[k]} {NAMES[rows.orient[k]]} DO {rows.num_sites[k]} BY 1 STEP {step[k]} 0 ;"
        for k in range(len(rows.y))
    ]
