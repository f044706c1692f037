"""What is given: circuits, canvases, placements, every file format, graph views and synthetic designs."""

from netlists.canvas import Blockage, Canvas, Rows
from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.netlist import HARD_MACRO, KIND_NAMES, PORT, SOFT_MACRO, STDCELL, Netlist
from netlists.placement import Placement

__all__ = [
    "HARD_MACRO",
    "KIND_NAMES",
    "PORT",
    "SOFT_MACRO",
    "STDCELL",
    "Blockage",
    "Canvas",
    "Design",
    "Netlist",
    "NetlistError",
    "Placement",
    "PlacementError",
    "Rows",
]
