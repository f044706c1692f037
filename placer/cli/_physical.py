"""The options that name the files of a LEF/DEF design, the same for every command that takes a DESIGN."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netlists.design import Design

VerilogFiles = Annotated[
    list[Path] | None,
    typer.Option("--verilog", "-v", metavar="FILE", help="Gate-level netlist; may be given several times."),
]
TopModule = Annotated[
    str | None,
    typer.Option("--top", metavar="NAME", help="Top module of the Verilog.", show_default="the DEF's design"),
]
LefFiles = Annotated[
    list[Path] | None,
    typer.Option("--lef", metavar="FILE", help="LEF file, technology first; may be given several times."),
]
DefFile = Annotated[Path | None, typer.Option("--def", metavar="FILE", help="Floorplan, and nets without --verilog.")]


def given(verilog: list[Path] | None, lef: list[Path] | None, def_file: Path | None, top: str | None) -> bool:
    """True when a LEF/DEF design is asked for."""
    return bool(verilog or lef or def_file or top)


def require_one(design: str | None, files: bool) -> None:
    """Check that a DESIGN or files are named, and not both.

    Raises:
        typer.BadParameter: neither is named, or both are.
    """
    if design is not None and files:
        raise typer.BadParameter("name a design or its files, not both", param_hint="DESIGN")
    if design is None and not files:
        raise typer.BadParameter("none is named, nor its files with --lef, --def, --verilog", param_hint="DESIGN")


def shifted(design: str | None, placement: Path | None, files: bool) -> tuple[str | None, Path | None]:
    """The words of a command that takes DESIGN and PLACEMENT: with files, the one word is the placement.

    Raises:
        typer.BadParameter: files and both words are named, or nothing is.
    """
    if files and placement is None and design is not None:
        return None, Path(design)
    require_one(design, files)
    return design, placement


def load_design(
    design: str | None,
    placement: Path | None,
    verilog: list[Path] | None,
    top: str | None,
    lef: list[Path] | None,
    def_file: Path | None,
    constraints: Path | None = None,
) -> Design:
    """Load what the command line names: a DESIGN, or the files of a LEF/DEF design.

    Raises:
        typer.BadParameter: neither is named.
        NetlistError: it cannot be read.
        PlacementError: the placement is of another design.
    """
    from placer import api

    files = given(verilog, lef, def_file, top)
    require_one(design, files)
    if not files:
        return api.load(design, placement, constraints=constraints)
    return api.load(
        placement=placement, verilog=verilog or (), top=top, lef=lef or (), def_file=def_file, constraints=constraints
    )
