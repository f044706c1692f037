"""DEF 5.x: die, rows, tracks, components, pins, blockages, regions, groups and nets, plain or gzip.

A file read from disk keeps its text. Writing it back changes what was changed and nothing else; see
``docs/formats.md``. Coordinates stay in database units here; :mod:`netlists.formats.def_.units` converts them.
"""

from __future__ import annotations

from netlists.formats.def_.data import (
    COVER,
    DESIGN_PIN,
    EVERY_COMPONENT,
    FIXED,
    HARD_HALO,
    NO_HALO,
    PLACED,
    SOFT_HALO,
    STATUSES,
    UNPLACED,
    Blockage,
    Components,
    DefFile,
    GcellGrid,
    Group,
    Nets,
    Pin,
    PinShape,
    Port,
    Region,
    Row,
    Track,
)
from netlists.formats.def_.names import bit_of, def_name, path_of, plain
from netlists.formats.def_.read import read_def
from netlists.formats.def_.texts import Options, Verbatim
from netlists.formats.def_.units import centres, corners, to_dbu, to_um
from netlists.formats.def_.write import def_bytes, write_def

__all__ = [
    "COVER", "DESIGN_PIN", "EVERY_COMPONENT", "FIXED", "HARD_HALO", "NAME", "NO_HALO", "PLACED", "SOFT_HALO",
    "STATUSES", "UNPLACED", "Blockage", "Components", "DefFile", "GcellGrid", "Group", "Nets", "Options", "Pin",
    "PinShape", "Port", "Region", "Row", "Track", "Verbatim", "bit_of", "centres", "corners", "def_bytes",
    "def_name", "path_of", "plain", "read_def", "to_dbu", "to_um", "write_def",
]  # fmt: skip

NAME = "def"
