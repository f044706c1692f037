"""``placer floorplan``: blocks in an outline, or the ground of a chip from Verilog and LEF."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from netlists.errors import PlacementError
from placer.budget import Budget
from placer.cli._durations import parse_duration
from placer.cli._errors import INTERRUPTED, NoLegalPlacement
from placer.cli._notes import print_notes
from placer.cli._progress import RunProgress
from placer.cli._signals import stop_on_signals

if TYPE_CHECKING:
    from netlists.design import Design

EXAMPLES = (
    "placer floorplan designs/n100_soft.blocks --whitespace 15 --time 60s",
    "placer floorplan --verilog top.v --top chip --lef tech.lef --lef cells.lef --utilization 60 -o out/floorplan.def",
    "placer floorplan --verilog top.v --lef tech.lef --lef cells.lef --outline 0,0,800,0,800,400,400,400,400,800,0,800",
)


def floorplan(
    context: typer.Context,
    design: Annotated[
        str | None, typer.Argument(help="Block design: name, file or folder. None with --verilog.", metavar="[DESIGN]")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="OUT", show_default="out/<design>",
            help="Blocks: folder, or a .pl file. Chips: the .def file to write.",
        ),
    ] = None,
    whitespace: Annotated[
        float | None,
        typer.Option("--whitespace", metavar="%", show_default="15",
                     help="Blocks: free area in percent of the blocks' area."),
    ] = None,
    aspect_ratio: Annotated[
        float, typer.Option("--aspect-ratio", metavar="RATIO", help="Height over width of outline or core.")
    ] = 1.0,
    outline: Annotated[
        str | None,
        typer.Option(
            "--outline", metavar="X,Y,...",
            help="Corners of the outline in um, or a file with one corner a line; blocks: W,H. Replaces --whitespace, "
            "--utilization and --aspect-ratio.",
        ),
    ] = None,
    area_weight: Annotated[
        float | None,
        typer.Option("--area-weight", metavar="W", help="Blocks: no outline; wirelength plus W times the side length."),
    ] = None,
    verilog: Annotated[
        list[Path] | None, typer.Option("--verilog", metavar="FILE", help="Chips: gate-level netlist; may be repeated.")
    ] = None,
    top: Annotated[str | None, typer.Option("--top", metavar="NAME", help="Chips: top module.")] = None,
    lef: Annotated[
        list[Path] | None,
        typer.Option("--lef", metavar="FILE", help="Chips: LEF file, technology first; may be repeated."),
    ] = None,
    utilization: Annotated[
        float | None,
        typer.Option("--utilization", metavar="%", show_default="60", help="Chips: share of the core that cells fill."),
    ] = None,
    core_margin: Annotated[
        str, typer.Option("--core-margin", metavar="UM", help="Chips: die to core: one, or left,bottom,right,top.")
    ] = "5",
    site: Annotated[str | None, typer.Option("--site", metavar="NAME", help="Chips: site of the rows.")] = None,
    pin_layers: Annotated[
        str | None,
        typer.Option("--pin-layers", metavar="H,V", help="Chips: layers of pins on left and right, bottom and top."),
    ] = None,
    pin_spacing: Annotated[
        int, typer.Option("--pin-spacing", min=1, metavar="N", help="Chips: tracks from one pin to the next.")
    ] = 2,
    pin: Annotated[
        list[str] | None,
        typer.Option("--pin", metavar="RULE", help="Chips: NAMES=SIDE or NAMES=SIDE:LOW-HIGH in um; may be repeated."),
    ] = None,
    keep_pins: Annotated[
        Path | None, typer.Option("--keep-pins", metavar="DEF", help="Chips: FIXED pins of this DEF file stay.")
    ] = None,
    macros: Annotated[
        Path | None,
        typer.Option("--macros", metavar="DEF", help="Chips: macros stay where this DEF file has them; pins follow."),
    ] = None,
    time: Annotated[
        float | None,
        typer.Option("--time", "-t", parser=parse_duration, metavar="TIME", show_default="60s",
                     help="Blocks: wall-clock limit."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Blocks: start of every random choice.")] = 0,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, show_default="the machine's cores", help="Blocks: searches side by side."),
    ] = None,
) -> None:  # fmt: skip
    """Place and shape blocks in an outline, or make die, core, rows, tracks and IO pins of a chip.

    A block design (GSRC, MCNC) is placed without overlap for short wires, soft blocks reshaped within their limits.
    With --verilog and --lef a floorplan DEF is made, for `placer place --verilog ... --lef ... --def ...`.
    """
    from placer import floorplanning as work

    chip = bool(verilog or lef)
    if chip == (design is not None):
        raise typer.BadParameter("give either a block DESIGN, or --verilog and --lef")
    corners = None if outline is None else work.parse_outline(outline)
    log = Console(stderr=True, highlight=False)
    if chip:
        only_blocks = {"--whitespace": whitespace, "--area-weight": area_weight, "--time": time, "--jobs": jobs}
        _refuse(only_blocks, "is for block designs")
        made = work.floorplan_chip(
            verilog or [], lef or [], top, utilization=utilization, aspect_ratio=aspect_ratio,
            margins=work.parse_margins(core_margin), outline=corners, site=site,
            pin_layers=work.parse_layers(pin_layers), pin_spacing=pin_spacing,
            rules=[work.parse_pin_rule(text) for text in pin or []], keep_pins=keep_pins, macros=macros,
        )  # fmt: skip
        for line in made.lines():
            log.print(line, markup=False, soft_wrap=True)
        print(made.write(output or Path("out") / made.def_file.design / "floorplan.def"))
        return
    only_chips = {"--utilization": utilization, "--site": site, "--pin-layers": pin_layers, "--pin": pin, "--top": top,
                  "--keep-pins": keep_pins, "--macros": macros}  # fmt: skip
    _refuse(only_chips, "needs --verilog and --lef")
    assert design is not None
    _blocks(context, design, output, log, whitespace, aspect_ratio, corners, area_weight, time, seed, jobs)


def _refuse(given: Mapping[str, object], why: str) -> None:
    for name, value in given.items():
        if value is not None and value != []:
            raise typer.BadParameter(why, param_hint=name)


def _blocks(
    context: typer.Context, source: str, output: Path | None, log: Console, whitespace: float | None,
    aspect_ratio: float, corners: object, area_weight: float | None, time: float | None, seed: int, jobs: int | None,
) -> None:  # fmt: skip
    from placer import api
    from placer import floorplanning as work
    from placer import output as files
    from placer.warm import NOTICE, warm_up

    warm_up(lambda: log.print(NOTICE))
    budget = Budget(time or work.DEFAULT_SECONDS)
    problem: Design = api.load(source)
    print_notes(problem, log)
    target = files.target(problem, output)
    with files.reserve(target), stop_on_signals(budget.stop):
        try:
            with RunProgress(log, budget.time_limit or 0.0) as progress:
                found = work.floorplan_blocks(
                    problem, whitespace=None if whitespace is None else whitespace / 100, aspect_ratio=aspect_ratio,
                    outline=work.block_outline(corners), area_weight=area_weight, seed=seed, jobs=jobs, budget=budget,
                    progress=progress,
                )  # fmt: skip
        except PlacementError as error:
            raise NoLegalPlacement(str(error)) from error
        settings = {"command": shlex.join(["placer", *context.obj]), **found.settings}
        written = files.write_result(found.result, target, settings=settings)
    for line in found.lines():
        log.print(line, markup=False, soft_wrap=True)
    for file in written.values():
        print(file)
    if found.interrupted:
        log.print("placer: interrupted; this is the best floorplan found until then")
        raise typer.Exit(INTERRUPTED)
