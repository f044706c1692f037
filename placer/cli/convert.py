"""``placer convert``: a design from one format to another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from placer.cli._notes import print_notes
from placer.cli._physical import DefFile, LefFiles, TopModule, VerilogFiles, given, load_design

EXAMPLES = (
    "placer convert designs/ibm01.aux out/ibm01/netlist.pb.txt",
    "placer convert designs/ariane133 out/ariane133.aux",
    "placer convert synth20 out/synth20.blocks --format gsrc",
    "placer convert designs/ibm01.aux out/whole.aux --whole-units",
)


def convert(
    source: Annotated[
        str, typer.Argument(help="Name, file or folder of the design; left out with --lef.", metavar="[IN]")
    ],
    target: Annotated[
        Path | None,
        typer.Argument(
            help="File to write; formats of several files put theirs beside it.", metavar="OUT", show_default=False
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option("--format", "-f", help="circuit-training, bookshelf or gsrc.", show_default="from OUT's name"),
    ] = None,
    placement: Annotated[
        Path | None, typer.Option("--placement", "-p", metavar="FILE", help="Placement instead of the design's own.")
    ] = None,
    whole_units: Annotated[
        bool,
        typer.Option(
            "--whole-units",
            help="Bookshelf: whole numbers only, in a finer unit; ports as terminals.",
            show_default=False,
        ),
    ] = False,
    verilog: VerilogFiles = None,
    top: TopModule = None,
    lef: LefFiles = None,
    def_file: DefFile = None,
) -> None:
    """Write a design in another format, with its placement."""
    from placer import api, conversion

    if given(verilog, lef, def_file, top):
        if target is not None:
            raise typer.BadParameter("name a design or its files, not both", param_hint="IN")
        design, target = load_design(None, placement, verilog, top, lef, def_file), Path(source)
    else:
        design = api.load(source, placement)
    if target is None:
        raise typer.BadParameter("say where to write", param_hint="OUT")
    if whole_units:
        design = conversion.whole_units(design, target, format)
    print_notes(design, Console(stderr=True, highlight=False))
    for file in api.convert(design, target, format=format):
        print(file)
