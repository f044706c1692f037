"""``placer place``: the command that does the work."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from netlists.errors import PlacementError
from placer.budget import Budget, Pace, Reserved
from placer.cli._constraints import ConstraintsFile
from placer.cli._durations import parse_duration
from placer.cli._errors import INTERRUPTED, NoLegalPlacement
from placer.cli._network import POLICY, POLICY_SEARCH, load_network, load_planner, load_proposer, usual_schedule
from placer.cli._notes import print_notes
from placer.cli._physical import DefFile, LefFiles, TopModule, VerilogFiles, given, load_design, require_one
from placer.cli._progress import RunProgress
from placer.cli._signals import stop_on_signals
from placer.cli._weights import parse_weights

if TYPE_CHECKING:
    from placer.engines.ray_pool import RayPool

#: Part of a time limit that is kept back for writing files, at most.
_WRITE_SHARE = 0.25

EXAMPLES = (
    "placer place synth130",
    "placer place designs/ariane133 --time 5m --output out/ariane --seed 3",
    "placer place --verilog top.v --lef tech.lef --lef cells.lef --def floorplan.def --output out/top",
    "placer place designs/ibm01.aux --engine analytic --output ibm01-placed.pl",
)


class Device(StrEnum):
    """Where to search."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Engine(StrEnum):
    """What places the design."""

    search = "search"
    analytic = "analytic"
    hybrid = "hybrid"
    policy = POLICY
    policy_search = POLICY_SEARCH


class Effort(StrEnum):
    """How hard to try."""

    fast = "fast"
    default = "default"
    best = "best"


def place(
    context: typer.Context,
    design: Annotated[
        str | None, typer.Argument(help="Name, file or folder of the design.", metavar="[DESIGN]", show_default=False)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="Folder for the placement, metrics.json and report.html. "
            "A name that ends in .plc, .pl or .def gets the placement only.",
            show_default="out/<design>",
        ),
    ] = None,
    time: Annotated[
        float | None,
        typer.Option(
            "--time",
            "-t",
            parser=parse_duration,
            metavar="TIME",
            help="Wall-clock limit: 90, 60s, 5m, 1h.",
            show_default="15s, 60s or 5m by effort; none for cells",
        ),
    ] = None,
    engine: Annotated[
        Engine | None,
        typer.Option(
            "--engine",
            help="search places macros by the proxy cost. analytic places macros and standard cells for short wires; "
            "hybrid searches for macros among clusters of the cells, then places the cells around them. "
            "policy places macros with a trained network; policy+search searches from its placements too.",
            show_default="analytic for flat designs, else search",
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", metavar="FILE", help="Network of placer train.", show_default="the one that ships"
        ),
    ] = None,
    proposals: Annotated[
        str,
        typer.Option(
            "--proposals",
            metavar="FILE|shipped|none",
            help="A learned model advises the search on the processor what to move, and where to.",
        ),
    ] = "none",
    schedule: Annotated[
        str | None,
        typer.Option(
            "--schedule",
            metavar="FILE|learned|fixed",
            help="A learned policy plans the temperatures of the search on the processor. "
            "Default: learned with --engine policy+search, fixed otherwise.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Start of every random choice.")] = 0,
    effort: Annotated[Effort, typer.Option("--effort", "-e", help="How the time is spent.")] = Effort.default,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Searches side by side.", show_default="the machine's cores"),
    ] = None,
    constraints: ConstraintsFile = None,
    device: Annotated[
        Device,
        typer.Option(
            "--device",
            help="Where to search: auto takes a CUDA device beside the processor if there is one. "
            "cuda spreads cells there too.",
        ),
    ] = Device.auto,
    weight: Annotated[
        list[str] | None,
        typer.Option(
            "--weight",
            "-w",
            metavar="TERM=W",
            help="Weight of a term of what is minimised: wirelength (1), density (0.5), congestion (0.5), "
            "macro_wirelength (0; 0.5 for LEF/DEF), the length of the nets between hard macros; or, all 0, what the "
            "next tools mind: channels, regularity, pin_access, rudy, whitespace. May be repeated.",
            show_default=False,
        ),
    ] = None,
    target_density: Annotated[
        float | None,
        typer.Option(
            "--target-density",
            metavar="D",
            help="Density that standard cells are spread to, above 0 and at most 1.",
            show_default="0.95",
        ),
    ] = None,
    routability: Annotated[
        float,
        typer.Option(
            "--routability",
            metavar="P",
            min=0.0,
            help="Standard cells keep room for wires: they grow by demand over supply to this power. 0: not at all.",
        ),
    ] = 0.0,
    turn_macros: Annotated[
        bool,
        typer.Option(
            "--turn-macros",
            help="With cells: macros may be turned and mirrored within their footprint for short wires.",
        ),
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write the macros as FIXED into the DEF file instead of PLACED.")
    ] = False,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Search on the machines of a Ray cluster: host:port of its head, auto, or local. "
            "--jobs then counts for each machine. Needs chip-placer\\[ray].",
        ),
    ] = None,
    verilog: VerilogFiles = None,
    top: TopModule = None,
    lef: LefFiles = None,
    def_file: DefFile = None,
) -> None:
    """Find a legal placement of low cost and write it in the design's own format.

    Ctrl-C ends the run early and keeps the best placement so far; a second Ctrl-C stops at once.
    """
    from placer import api
    from placer import output as files
    from placer.clusters import placeable, usual_weights
    from placer.engines.accelerate import require_device
    from placer.engines.analytic.device import resolve
    from placer.engines.gpu_search.errors import GpuUnavailableError
    from placer.engines.search import SearchOptions
    from placer.flat import TARGET_DENSITY, choose
    from placer.flat_rows import with_rows
    from placer.flow import EFFORTS, cores
    from placer.warm import NOTICE, warm_up, warm_up_device

    require_one(design, given(verilog, lef, def_file, top))
    console, log = Console(highlight=False), Console(stderr=True, highlight=False)
    parse_weights(weight or [])  # what is wrong is said before any work
    cells = {"--target-density": target_density, "--routability": routability, "--turn-macros": turn_macros}
    _check_engine(engine, cells, weight, ray)
    network = load_network(engine, checkpoint, device.value, ray)
    alone = network is not None and network.alone
    schedule = schedule or usual_schedule(engine)
    options = SearchOptions(
        device=device.value, proposer=load_proposer(proposals, engine), planner=load_planner(schedule, engine)
    )
    try:
        if engine == "analytic":  # spreads by torch; all others search by compiled kernels
            resolve("cuda" if device == "cuda" else "cpu")
        elif ray is None and not alone:  # machines of a cluster have devices of their own
            require_device(options)
    except GpuUnavailableError as error:
        raise typer.BadParameter(str(error), param_hint="--device") from error
    warm_up(lambda: log.print(NOTICE))
    if not alone and engine != "analytic":
        warm_up_device(options)
    if options.proposer is not None:
        from policies.proposals import get_ready

        get_ready()
    pool = None if ray is None else context.with_resource(_join(ray, jobs, log))
    started = perf_counter()
    pace = Pace()
    with pace.measured():
        problem = load_design(design, None, verilog, top, lef, def_file, constraints)
    chosen, why = choose(problem, engine if network is None else "search")
    _check_engine(Engine(chosen), cells, weight, ray)
    if chosen == "search":
        problem = placeable(problem)
    limit = time or (EFFORTS[effort].seconds if chosen == "search" else None)
    budget = Budget(limit, started=started, pace=pace)
    if chosen != "search" and limit is not None:  # files of many cells take seconds, which belong to the time asked for
        budget = Reserved(budget, files.writing_seconds(problem), _WRITE_SHARE)
    weights = parse_weights(weight or [], usual_weights(problem))
    print_notes(problem if chosen == "search" else with_rows(problem), log)
    if why:
        log.print(f"note: {why}", markup=False, soft_wrap=True)
    target = files.target(problem, output, fixed=fix)
    with files.reserve(target), stop_on_signals(budget.stop):
        try:
            with RunProgress(log, budget.time_limit, started) as progress:
                if network is not None and alone:
                    result = network.place(
                        problem, seed=seed, budget=budget, jobs=jobs, progress=progress, weights=weights
                    )
                else:
                    result = api.place(
                        problem,
                        seed=seed,
                        effort=effort.value,
                        jobs=jobs,
                        budget=budget,
                        progress=progress,
                        ray=pool,
                        options=options,
                        weights=weights if chosen == "search" or weight else None,
                        engine=chosen,
                        target_density=target_density,
                        routability=routability,
                        turn_macros=turn_macros,
                        starter=None if network is None else network.starter(),
                    )
        except PlacementError as error:
            raise NoLegalPlacement(str(error)) from error
        except GpuUnavailableError as error:  # machines of a cluster are asked for theirs only now
            raise typer.BadParameter(str(error), param_hint="--device") from error
        settings = {
            "command": shlex.join(["placer", *context.obj]),
            "device": device.value,
            "effort": effort.value,
            "engine": chosen if network is None else str(engine),
            **({} if network is None else {"checkpoint": str(checkpoint or "shipped")}),
            **({} if options.proposer is None else {"proposals": proposals}),
            **({} if options.planner is None else {"schedule": schedule}),
            "jobs": jobs or cores(),
            "seed": seed,
            "time_limit": limit,
            **({"weights": asdict(weights)} if chosen != "analytic" else {}),
            **(
                {}
                if chosen == "search"
                else {
                    "target_density": target_density or TARGET_DENSITY,
                    "routability": routability,
                    "turn_macros": turn_macros,
                }
            ),
            **({} if ray is None else {"ray": ray}),
        }
        written = files.write_result(result, target, settings=settings)

    for line in pool.lost if pool is not None else ():
        log.print(f"note: a worker was lost: {line}", markup=False, soft_wrap=True)

    from placer.cli._tables import flat_tables, result_table

    for table in [result_table(result)] if result.flat is None else flat_tables(result, result.flat):
        console.print(table)
    for line in () if result.flat is None else result.flat.notes:
        log.print(f"note: {line}", markup=False, soft_wrap=True)
    for file in written.values():
        print(file)
    if result.interrupted:
        log.print("placer: interrupted; this is the best placement found until then")
        raise typer.Exit(INTERRUPTED)


def _check_engine(
    engine: Engine | None, cells: Mapping[str, float | None], weight: list[str] | None, ray: str | None
) -> None:
    """Refuse options that the engine has no use for; ``cells`` are those for designs with standard cells."""
    density = cells["--target-density"]
    if density is not None and not 0.0 < density <= 1.0:
        raise typer.BadParameter(f"above 0 and at most 1, not {density}", param_hint="--target-density")
    for name, number in cells.items():
        if engine in ("search", "policy", "policy+search") and number:
            raise typer.BadParameter("is of use to --engine analytic and hybrid only", param_hint=name)
    for name, value in (("--weight", weight), ("--ray", ray)):
        if engine == "analytic" and value:
            raise typer.BadParameter("is of no use to --engine analytic, which makes wires short", param_hint=name)


def _join(address: str, jobs: int | None, log: Console) -> RayPool:
    """Get the machines ready; what is wrong with the option is said in one line."""
    from placer.engines.ray_pool import RayPool

    log.print(f"placer: getting the machines of {address} ready", markup=False, soft_wrap=True)
    try:
        return RayPool(address, jobs=jobs)
    except (ImportError, ConnectionError) as error:
        raise typer.BadParameter(str(error), param_hint="--ray") from error
