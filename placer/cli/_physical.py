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


def load_design(
    design: str | Path | None,
    placement: Path | None,
    verilog: list[Path] | None,
    top: str | None,
    lef: list[Path] | None,
    def_file: Path | None,
    constraints: Path | None = None,
) -> Design:
    """Load what the command line names: a DESIGN, or the files of a LEF/DEF design.

    With files a single word is the placement, since there is no DESIGN to name.

    Raises:
        typer.BadParameter: neither is named, or both.
        NetlistError: it cannot be read.
        PlacementError: the placement is of another design.
    """
    from placer import api

    if not given(verilog, lef, def_file, top):
        if design is None:
            raise typer.BadParameter("name a design, or its files with --lef, --def and --verilog", param_hint="DESIGN")
        return api.load(design, placement, constraints=constraints)
    if design is not None and placement is not None:
        raise typer.BadParameter("name a design or its files, not both", param_hint="DESIGN")
    return api.load(
        placement=design if placement is None else placement,
        verilog=verilog or (), top=top, lef=lef or (), def_file=def_file, constraints=constraints,
    )  # fmt: skip
