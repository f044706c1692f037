"""``placer score``: every figure of one placement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from placer.cli._constraints import ConstraintsFile
from placer.cli._notes import print_notes
from placer.cli._physical import DefFile, LefFiles, TopModule, VerilogFiles, given, load_design, shifted

EXAMPLES = (
    "placer score synth130",
    "placer score designs/ariane133 out/ariane133/ariane133.plc",
    "placer score designs/ibm01.aux --json",
    "placer score --verilog top.v --lef tech.lef --lef cells.lef --def floorplan.def out/top/top.def",
)


def score(
    design: Annotated[
        str | None, typer.Argument(help="Name, file or folder of the design.", metavar="[DESIGN]", show_default=False)
    ] = None,
    placement: Annotated[
        Path | None, typer.Argument(help="Placement to score instead of the design's own.", metavar="PLACEMENT")
    ] = None,
    constraints: ConstraintsFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    verilog: VerilogFiles = None,
    top: TopModule = None,
    lef: LefFiles = None,
    def_file: DefFile = None,
) -> None:
    """Score a placement: proxy cost and its terms, wirelength, RUDY, overlaps, every broken rule."""
    from placer import api
    from placer.cli._tables import score_table, violation_lines

    design, placement = shifted(design, placement, given(verilog, lef, def_file, top))
    result = api.score(load_design(design, None, verilog, top, lef, def_file, constraints), placement)
    if as_json:
        print(json.dumps(result.as_dict(), indent=2, sort_keys=True))
        return
    print_notes(result.design, Console(stderr=True, highlight=False))
    Console(highlight=False).print(score_table(result))
    for line in violation_lines(result):
        print(line)
