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
    given_ok: Annotated[
        bool,
        typer.Option("--given-ok", help="Accept what fixed objects do to each other; it is listed all the same."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
    verilog: VerilogFiles = None,
    top: TopModule = None,
    lef: LefFiles = None,
    def_file: DefFile = None,
) -> None:
    """List every rule a placement breaks: which objects, by how much, where. Exit code 0 when there is none, else 3.

    What fixed objects do to each other counts too, unless --given-ok is said.
    """
    from placer import api
    from placer.cli._tables import violation_table
    from placer.scoring import jsonable, violation_record

    design, placement = shifted(design, placement, given(verilog, lef, def_file, top))
    problem = load_design(design, None, verilog, top, lef, def_file, constraints)
    report = api.check(problem, placement)
    passed = report.legal and (given_ok or not report.given)
    if as_json:
        values = {
            "design": problem.name,
            "legal": passed,
            "violation_counts": report.counts,
            "violations": [violation_record(problem, v) for v in report.violations],
            "given": [violation_record(problem, v) for v in report.given],
        }
        print(json.dumps(jsonable(values), indent=2, sort_keys=True))
    else:
        print_notes(problem, Console(stderr=True, highlight=False))
        console = Console(highlight=False)
        if not console.is_terminal:
            console = Console(highlight=False, width=_FILE_WIDTH)
        if report.violations:
            console.print(violation_table(problem, report.violations))
        if report.given:
            console.print(violation_table(problem, report.given, "among fixed objects, as given"))
        told = [_count(len(report.violations), "violation")] if report.violations else []
        told += [_count(len(report.given), "violation") + " among fixed objects"] if report.given else []
        print(report.summary() if passed else "illegal: " + ", ".join(told))
    if not passed:
        raise typer.Exit(NO_PLACEMENT)


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
