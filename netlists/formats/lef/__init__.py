"""LEF 5.x: technology (units, grid, sites, layers) and masters (size, pins, obstructions), plain or gzip.

What the reader does with what it meets:

* Lengths stay microns as written; ``ORIGIN`` is kept beside the shapes, not added to them.
* Keywords may be in any case, names may not. ``#`` comments, strings over several lines and ``BEGINEXT`` are skipped.
* Vias, rules and statements that a placer does not need are skipped.
* ``PATH`` wires become one rectangle a segment, half the wire width longer at either end; ``ITERATE`` is unrolled.
* Later files add to earlier ones. A site, layer or master that comes twice keeps its first form; a note says so.
* The access point of a pin is stated in :meth:`Macro.access_points`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats.lef.library import Layer, Library, Macro, Shapes, Site
from netlists.formats.lef.read import read_lef
from netlists.formats.lef.write import lef_text, write_lef
from netlists.placement import Placement

__all__ = [
    "ALONE",
    "NAME",
    "Layer",
    "Library",
    "Macro",
    "Shapes",
    "Site",
    "lef_text",
    "read_design",
    "read_lef",
    "read_placement",
    "sniff",
    "write_design",
    "write_lef",
    "write_placement",
]

NAME = "lef"
#: A LEF file is a library and never a design.
ALONE = False

_STATEMENT = re.compile(
    rb"^\s*(?:MACRO|LAYER|SITE|PROPERTYDEFINITIONS|MANUFACTURINGGRID|CLEARANCEMEASURE|UNITS\s+DATABASE)\s",
    re.MULTILINE | re.IGNORECASE,
)


def sniff(path: Path, head: bytes) -> str | None:
    """``"netlist"`` for a LEF file, so that reading it can say what it is; else None.

    Args:
        path: the file; its name decides where a long comment hides the first statement.
        head: its first bytes after decompression.
    """
    if Path(path).name.lower().removesuffix(".gz").endswith((".lef", ".tlef")):
        return "netlist"
    text = re.sub(rb"(?m)^\s*#.*$", b"", head)
    words = text.split(maxsplit=1)
    known = bool(words) and words[0].upper() in (
        b"VERSION",
        b"MACRO",
        b"LAYER",
        b"SITE",
        b"BUSBITCHARS",
        b"DIVIDERCHAR",
    )
    return "netlist" if known and _STATEMENT.search(text) else None


def _refuse(path: Path | None) -> NoReturn:
    raise NetlistError(
        "a LEF file holds masters, not a design", file=path, expected="a DEF or Verilog file with this one as --lef"
    )


def read_design(path: Path, placement: Path | None = None) -> Design:
    """Refuse: a library is no design.

    Raises:
        NetlistError: always.
    """
    _refuse(path)


def read_placement(path: Path, design: Design) -> Placement:
    """Refuse: a library places nothing.

    Raises:
        NetlistError: always.
    """
    _refuse(path)


def write_design(design: Design, folder: Path, *, stem: str | None = None, compress: bool = False) -> NoReturn:
    """Refuse: a design is no library.

    Raises:
        NetlistError: always.
    """
    _refuse(folder)


def write_placement(design: Design, placement: Placement, path: Path) -> None:
    """Refuse: a library places nothing.

    Raises:
        NetlistError: always.
    """
    _refuse(path)
