"""``placer check``: every rule a placement breaks, with coordinates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from placer.cli._constraints import ConstraintsFile
from placer.cli._errors import NO_PLACEMENT
from placer.cli._notes import print_notes
from placer.cli._physical import DefFile, LefFiles, TopModule, VerilogFiles, given, load_design, shifted

EXAMPLES = (
    "placer check synth130",
    "placer check designs/ariane133 out/ariane133/ariane133.plc --constraints rules.toml",
    "placer check designs/ibm01.aux --json",
    "placer check --verilog top.v --lef tech.lef --lef cells.lef --def floorplan.def out/top/top.def",
)


#: Columns of a table that goes into a file or a pipe.
_FILE_WIDTH = 200


def check(
    design: Annotated[
        str | None, typer.Argument(help="Name, file or folder of the design.", metavar="[DESIGN]", show_default=False)
    ] = None,
    placement: Annotated[
        Path | None, typer.Argument(help="Placement to check instead of the design's own.", metavar="PLACEMENT")
    ] = None,
    constraints: ConstraintsFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    verilog: VerilogFiles = None,
    top: TopModule = None,
    lef: LefFiles = None,
    def_file: DefFile = None,
) -> None:
    """List every rule a placement breaks: which objects, by how much, where. Exit code 0 when legal, else 3."""
    from placer import api
    from placer.cli._tables import violation_table
    from placer.clusters import placeable
    from placer.scoring import jsonable, violation_record

    design, placement = shifted(design, placement, given(verilog, lef, def_file, top))
    problem = placeable(load_design(design, None, verilog, top, lef, def_file, constraints))
    report = api.check(problem, placement)
    if as_json:
        values = {
            "design": problem.name,
            "legal": report.legal,
            "violation_counts": report.counts,
            "violations": [violation_record(problem, v) for v in report.violations],
            "given": [violation_record(problem, v) for v in report.given],
        }
        print(json.dumps(jsonable(values), indent=2, sort_keys=True))
    else:
        print_notes(problem, Console(stderr=True, highlight=False))
        if report.violations:
            console = Console(highlight=False)
            if not console.is_terminal:
                console = Console(highlight=False, width=_FILE_WIDTH)
            console.print(violation_table(problem, report.violations))
        for violation in report.given:
            print(f"as given: {violation.message}")
        count = len(report.violations)
        print(report.summary() if report.legal else f"illegal: {count:,} violation{'' if count == 1 else 's'}")
    if not report.legal:
        raise typer.Exit(NO_PLACEMENT)
