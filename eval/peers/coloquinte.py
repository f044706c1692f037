"""Coloquinte (github.com/Coloquinte/PlaceRoute) as a live peer: the same designs, scored the same way.

It is an extra (``pip install 'chip-placer[peers]'``); nothing here imports it before it is used. Coloquinte counts in
whole numbers and knows no sites, so a design is handed over in units of its site pitch where it is to be placed, and
in finer ones where it is only to be scored.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO, PORT
from netlists.orientation import NAMES, oriented_sizes
from netlists.placement import Placement

#: What users without the extra are told.
MISSING = "this comparison needs Coloquinte: pip install 'chip-placer[peers]'"
#: Macros higher than this many rows may lie in any orientation, as in Coloquinte's own reader.
_TALL = 4
#: Part of a unit that is float noise.
_NOISE = 1e-6


def coloquinte() -> ModuleType:
    """Import Coloquinte.

    Raises:
        NetlistError: it is not installed; the message says how to.
    """
    try:
        import coloquinte as module
    except ImportError as error:
        raise NetlistError(MISSING) from error
    return module


def circuit_of(design: Design, placement: Placement, *, per_um: float | None = None, fixed_macros: bool = False) -> Any:  # noqa: ANN401 - a class of an optional package
    """A ``coloquinte.Circuit`` of a design.

    Positions and pins are rounded to Coloquinte's whole units, pins from the lower-left corner as in its reader of
    Bookshelf files; sizes are rounded up, and what stands still is grown to whole units. Ports are fixed and no
    obstacle.

    Args:
        design: the design; it needs rows.
        placement: where everything lies.
        per_um: units in a um; one a site pitch by default.
        fixed_macros: hard macros may not move.

    Raises:
        NetlistError: Coloquinte is missing, or the design has no rows.
    """
    cq = coloquinte()
    n, rows = design.netlist, design.canvas.rows
    if rows is None or not len(rows.y):
        raise NetlistError("Coloquinte places cells in rows, and the design has none")
    scale = 1.0 / float(rows.site_spacing[0]) if per_um is None else per_um
    width, height = oriented_sizes(n.node_width, n.node_height, placement.orient)
    port = n.node_kind == PORT
    low = [v - np.where(port, 0.0, w / 2) for v, w in ((placement.x, width), (placement.y, height))]
    held = ~design.movable | ((n.node_kind == HARD_MACRO) & fixed_macros)
    size, corner, pins = [], [], []
    sides = (n.node_width, low[0], width, n.conn_dx), (n.node_height, low[1], height, n.conn_dy)
    for side, at, lies, offset in sides:
        begin = np.where(held, np.floor(at * scale + _NOISE), np.rint(at * scale))
        # What stands still is grown to whole units; what moves has whole units already, or takes the next.
        end = np.ceil((at + np.where(port, 0.0, lies)) * scale - _NOISE)
        upright = lies == side
        grown = np.where(held & upright, end - begin, np.ceil(np.where(port, 0.0, side) * scale - _NOISE))
        size.append(_whole(np.where(port, 0.0, grown)))
        corner.append(_whole(begin))
        # Pins lie where they are, also on what was grown, as long as it is upright.
        shift = np.where(held & upright, at * scale - begin, 0.0)
        half = np.where(port, 0.0, side / 2)
        pins.append(_whole((offset + half[n.conn_node]) * scale + shift[n.conn_node]).tolist())
    circuit = cq.Circuit(n.num_nodes)
    circuit._cell_name, circuit._net_name = list(n.node_names), [f"n{k}" for k in range(n.num_nets)]
    circuit.cell_width, circuit.cell_height = (v.tolist() for v in size)
    circuit.cell_is_fixed = held.tolist()
    circuit.cell_is_obstruction = (~port).tolist()
    pin_x, pin_y = pins
    node, ptr = n.conn_node.tolist(), n.net_ptr.tolist()
    for a, b in itertools.pairwise(ptr):
        circuit.add_net(node[a:b], pin_x[a:b], pin_y[a:b])
    circuit.cell_x, circuit.cell_y = (v.tolist() for v in corner)
    circuit.cell_orientation = [cq.CellOrientation.__members__[NAMES[code]] for code in placement.orient.tolist()]
    edges = _whole(np.stack([rows.x0, rows.x1, rows.y, rows.y + rows.height], axis=1) * scale).tolist()
    faces = [cq.CellOrientation.__members__[NAMES[code]] for code in rows.orient.tolist()]
    circuit.rows = [cq.Row(cq.Rectangle(*edge), face) for edge, face in zip(edges, faces, strict=True)]
    row_height = circuit.row_height
    polarity = cq.CellRowPolarity
    circuit.cell_row_polarity = [
        polarity.ANY if high > _TALL * row_height else polarity.SAME if high % row_height == 0 else polarity.NW
        for high in circuit.cell_height
    ]
    circuit.check()
    return circuit


def hpwl_in(design: Design, placement: Placement, *, per_um: float) -> float:
    """HPWL as Coloquinte counts it, um: every net once, whatever its weight.

    Args:
        design: the design.
        placement: where everything lies.
        per_um: units in a um; the finer, the less is rounded.
    """
    return float(circuit_of(design, placement, per_um=per_um).hpwl()) / per_um


def place_with(
    design: Design,
    placement: Placement,
    *,
    seed: int = 0,
    effort: int = 3,
    fixed_macros: bool = False,
    start_here: bool = False,
    took: Callable[[float], None] | None = None,
) -> Placement:
    """Let Coloquinte place a design.

    Args:
        design: the design.
        placement: where things lie that do not move; with ``start_here`` also where the others are to be made legal.
        seed: of its global placement.
        effort: 1 to 9; 3 is its default.
        fixed_macros: hard macros may not move.
        start_here: leave global placement out: legalise and improve what is there.
        took: told the seconds in Coloquinte itself, without handing the design over and reading it back.

    Returns:
        Everything as Coloquinte left it.

    Raises:
        NetlistError: Coloquinte is missing.
        RuntimeError: it gave up; its own message.
    """
    cq = coloquinte()
    circuit = circuit_of(design, placement, fixed_macros=fixed_macros)
    parameters = cq.coloquinte_pybind.ColoquinteParameters(effort, seed)
    start = time.perf_counter()
    if not start_here:
        circuit.place_global(parameters)
    circuit.place_detailed(parameters)
    if took is not None:
        took(time.perf_counter() - start)
    return _placement_of(design, placement, circuit, fixed_macros)


def _placement_of(
    design: Design,
    placement: Placement,
    circuit: Any,  # noqa: ANN401
    fixed_macros: bool,
) -> Placement:
    assert design.canvas.rows is not None
    pitch = float(design.canvas.rows.site_spacing[0])
    moves = design.movable & ~((design.netlist.node_kind == HARD_MACRO) & fixed_macros)
    code = {name: k for k, name in enumerate(NAMES)}
    orient = np.array([code[o.name] for o in circuit.cell_orientation], np.int8)
    orient = np.where(moves, orient, placement.orient)
    width, height = oriented_sizes(design.netlist.node_width, design.netlist.node_height, orient)
    x = np.where(moves, np.array(circuit.cell_x) * pitch + width / 2, placement.x)
    y = np.where(moves, np.array(circuit.cell_y) * pitch + height / 2, placement.y)
    return placement.moved(x=x, y=y, orient=orient, placed=placement.placed | moves)


def _whole(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(values).astype(np.int64)
