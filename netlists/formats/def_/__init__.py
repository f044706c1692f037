"""DEF 5.x: die, rows, tracks, components, pins, blockages, regions, groups and nets, plain or gzip.

A file read from disk keeps its text. Writing it back changes what was changed and nothing else; see
``docs/formats.md``. Coordinates stay in database units here; :mod:`netlists.formats.def_.units` converts them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

from netlists.design import Design
from netlists.errors import NetlistError
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
from netlists.formats.def_.placement import (
    component_of,
    is_def_name,
    placement_from,
    read_placement,
    with_placement,
    write_placement,
)
from netlists.formats.def_.read import parse_def, read_def
from netlists.formats.def_.texts import Options, Verbatim
from netlists.formats.def_.units import centres, corners, to_dbu, to_um
from netlists.formats.def_.write import def_bytes, write_def

__all__ = [
    "ALONE", "COVER", "DESIGN_PIN", "EVERY_COMPONENT", "FIXED", "HARD_HALO", "NAME", "NO_HALO", "PLACED",
    "SOFT_HALO", "STATUSES", "UNPLACED", "Blockage", "Components", "DefFile", "GcellGrid", "Group", "Nets",
    "Options", "Pin", "PinShape", "Port", "Region", "Row", "Track", "Verbatim", "bit_of", "centres", "component_of",
    "corners", "def_bytes", "def_name", "parse_def", "path_of", "placement_from", "plain", "read_def",
    "read_design", "read_placement", "sniff", "to_dbu", "to_um", "with_placement", "write_def", "write_design",
    "write_placement",
]  # fmt: skip

NAME = "def"
#: A DEF file is no design without the masters of its LEF files.
ALONE = False

_STATEMENT = re.compile(rb"^\s*(?:DESIGN|DIEAREA|COMPONENTS|UNITS\s+DISTANCE)\s", re.MULTILINE)


def sniff(path: Path, head: bytes) -> str | None:
    """``"netlist"`` for a DEF file, else None.

    Args:
        path: the file; its name decides where a long comment hides the first statement.
        head: its first bytes after decompression.
    """
    text = re.sub(rb"(?m)^\s*#.*$", b"", head)
    words = text.split(maxsplit=1)
    known = not words or words[0] in (b"VERSION", b"DESIGN", b"DIVIDERCHAR", b"BUSBITCHARS", b"NAMESCASESENSITIVE")
    return "netlist" if known and (_STATEMENT.search(text) or is_def_name(Path(path))) else None


def read_design(path: Path, placement: Path | None = None) -> Design:
    """Refuse: sizes and pins of the masters are not in a DEF file.

    Raises:
        NetlistError: always; malformed files with file and line.
    """
    d = read_def(path)
    raise NetlistError(
        f"a DEF file is no design without its LEF files (it has {len(d.components)} components of "
        f"{len(d.components.masters)} masters)",
        file=path, expected="--lef tech.lef --lef cells.lef beside --def",
    )  # fmt: skip


def write_design(design: Design, folder: Path, *, stem: str | None = None, compress: bool = False) -> NoReturn:
    """Refuse: masters cannot be made up from a netlist.

    Raises:
        NetlistError: always.
    """
    raise NetlistError(
        "a whole design cannot be written as DEF and LEF, only a placement into the DEF file it came with", file=folder
    )
