"""LEF, DEF and Verilog behind the same door as the other formats (see :mod:`netlists.formats`)."""

from __future__ import annotations

from pathlib import Path

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats.def_ import read_placement
from netlists.physical.read import FORMAT
from netlists.physical.write import write_placement

__all__ = ["NAME", "read_design", "read_placement", "sniff", "write_design", "write_placement"]

NAME = FORMAT


def sniff(path: Path, head: bytes) -> str | None:
    """None: which files make a design is said by the caller, not found from one of them."""
    del path, head
    return None


def read_design(path: Path, placement: Path | None = None) -> Design:
    """One file is not enough.

    Raises:
        NetlistError: always.
    """
    raise NetlistError(
        "a LEF/DEF design is made of several files", file=path,
        expected="placer.load(verilog=..., lef=..., def_file=...), on the command line --verilog, --lef and --def",
    )  # fmt: skip


def write_design(design: Design, folder: Path, *, stem: str | None = None, compress: bool = False) -> list[Path]:
    """Write the DEF file with the design's placement; LEF and Verilog stay where they are.

    Raises:
        NetlistError: the design has no DEF file, or the file cannot be written.
    """
    path = Path(folder) / f"{stem or design.name}.def{'.gz' if compress else ''}"
    write_placement(design, design.placement, path)
    return [path]
