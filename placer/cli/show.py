"""``placer show``: a placement as a page or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from placer.cli._constraints import ConstraintsFile
from placer.cli._notes import print_notes
from placer.cli._physical import DefFile, LefFiles, TopModule, VerilogFiles, given, load_design, shifted

EXAMPLES = (
    "placer show synth130",
    "placer show designs/ariane133 out/ariane133/ariane133.plc --output ariane.html",
    "placer show designs/ibm01.aux --output ibm01.png",
)


def show(
    design: Annotated[
        str | None, typer.Argument(help="Name, file or folder of the design.", metavar="[DESIGN]", show_default=False)
    ] = None,
    placement: Annotated[
        Path | None, typer.Argument(help="Placement to draw instead of the design's own.", metavar="PLACEMENT")
    ] = None,
    constraints: ConstraintsFile = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File ending in .html (interactive, opens offline), .png or .svg.",
            show_default="out/<design>.html",
        ),
    ] = None,
    verilog: VerilogFiles = None,
    top: TopModule = None,
    lef: LefFiles = None,
    def_file: DefFile = None,
) -> None:
    """Draw a placement with its congestion, density and RUDY maps. Needs no browser to write a picture."""
    from placer import api
    from placer.clusters import placeable

    design, placement = shifted(design, placement, given(verilog, lef, def_file, top))
    problem = placeable(load_design(design, placement, verilog, top, lef, def_file, constraints))
    print_notes(problem, Console(stderr=True, highlight=False))
    file = api.show(problem, path=output or Path("out") / f"{problem.name}.html")
    print(file)
