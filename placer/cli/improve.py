"""``placer improve``: the learner plays, learns, and has to beat what it was."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from placer.budget import Budget
from placer.cli._durations import parse_duration
from placer.cli._errors import BAD_INPUT, INTERRUPTED
from placer.cli._signals import stop_on_signals

if TYPE_CHECKING:
    from policies.improve.report import Row

EXAMPLES = (
    "placer improve out/improve --budget 8h",
    "placer improve out/improve --branch 3 --generations 12",
    "placer improve out/improve --status",
    "placer place synth130 --engine policy+search --checkpoint out/improve/best.safetensors",
)


class Device(StrEnum):
    """Where networks run."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def improve(
    folder: Annotated[Path, typer.Argument(help="The archive; made if it is not there.", metavar="[FOLDER]")] = Path(
        "out/improve"
    ),
    budget: Annotated[
        float | None,
        typer.Option(
            "--budget", "-b", parser=parse_duration, metavar="TIME", help="Wall-clock limit: 30m, 8h.",
            show_default="none",
        ),
    ] = None,
    generations: Annotated[
        int | None,
        typer.Option(
            "--generations", "-g", min=1, metavar="N", help="Generations the archive is to have beside the first.",
            show_default="one more, without --budget",
        ),
    ] = None,
    branch: Annotated[
        int | None,
        typer.Option(
            "--branch", min=0, metavar="GENERATION", help="Learn from this generation, then from its branch."
        ),
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="Print the tree of generations and leave.")] = False,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint", metavar="FILE", help="Network a new archive begins with.", show_default="the one that ships"
        ),
    ] = None,
    parts: Annotated[
        str,
        typer.Option(
            "--parts", metavar="A,B", help="What generations of a new archive are made of: policy, proposals, ranking.",
        ),
    ] = "policy,proposals,ranking",
    device: Annotated[Device, typer.Option("--device", help="Where networks run, and the search.")] = Device.auto,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", min=1, help="Searches side by side.", show_default="the machine's cores"),
    ] = None,
    games: Annotated[int, typer.Option("--games", min=1, help="Training designs placed in a generation.")] = 16,
    moves: Annotated[int, typer.Option("--moves", min=1, help="Exact moves of the search on each.")] = 40_000,
    largest: Annotated[
        int | None,
        typer.Option("--largest", min=6, help="Most macros of generated designs; of a new archive.", show_default="64"),
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Rounds of imitation, to begin with.")] = 10,
    ppo_iterations: Annotated[
        int, typer.Option("--ppo-iterations", min=0, help="Iterations of PPO, to begin with; 0 for none ever.")
    ] = 2,
    trial_time: Annotated[
        float, typer.Option("--trial-time", parser=parse_duration, metavar="TIME", help="Of each run of a trial.")
    ] = "10s",  # type: ignore[assignment]
    trial_designs: Annotated[int, typer.Option("--trial-designs", min=1, help="Held-out designs of a trial.")] = 24,
    trial_seeds: Annotated[int, typer.Option("--trial-seeds", min=1, help="Pairs of runs on each.")] = 1,
    level: Annotated[
        float | None,
        typer.Option(
            "--level", help="Chance that a generation is ever replaced by one no better; of a new archive.",
            show_default="0.05",
        ),
    ] = None,
    explore: Annotated[
        float, typer.Option("--explore", min=0.0, max=1.0, help="How often another branch becomes a parent.")
    ] = 0.25,
    seed: Annotated[
        int | None,
        typer.Option("--seed", "-s", min=0, help="Start of every random choice; of a new archive.", show_default="0"),
    ] = None,
) -> None:  # fmt: skip
    """Improve the network behind --engine policy+search by its own games.

    Every generation places training designs, learns from the best placements, and is tried against the best generation
    so far on designs neither has seen, at equal time. Only one that wins significantly replaces it as
    FOLDER/best.safetensors. Interrupted or killed at any moment, the same command goes on.
    """
    from placer.flow import cores
    from placer.warm import NOTICE, warm_up
    from policies.devices import torch_device
    from policies.errors import DivergedError
    from policies.improve.archive import FILE
    from policies.improve.known_parts import check_parts, founder, loaders
    from policies.improve.loop import improve as run
    from policies.improve.search_arena import SearchArena
    from policies.improve.settings import Recipe, Settings

    if status:
        print_status(folder)
        return
    if level is not None and not 0.0 < level < 1.0:
        raise typer.BadParameter(f"above 0 and below 1, not {level}", param_hint="--level")
    names = [name.strip() for name in parts.split(",")]
    check_parts(names)
    log = Console(stderr=True, highlight=False)
    settings = Settings(
        games=games, moves=moves, trial_designs=trial_designs, trial_seeds=trial_seeds, trial_seconds=trial_time,
        explore=explore, jobs=jobs or cores(), recipe=Recipe(epochs=epochs, ppo_iterations=ppo_iterations),
    )  # fmt: skip
    torch_device(device.value)  # that it is there is said before any work
    if checkpoint is not None and (folder / FILE).exists():
        log.print("note: the archive has begun already; --checkpoint is of no use to it", markup=False)
    warm_up(lambda: log.print(NOTICE))
    clock = Budget(budget)
    with stop_on_signals(clock.stop, "the same command goes on from here"):
        try:
            best = run(
                folder,
                founder=lambda: founder(names, checkpoint, device.value),
                loaders=loaders(device.value),
                arena=lambda most: SearchArena(most, device.value),
                settings=settings, level=level, seed=seed, largest=largest, generations=generations, branch=branch,
                budget=clock, say=lambda line: log.print(f"placer: {line}", markup=False, soft_wrap=True),
            )  # fmt: skip
        except DivergedError as error:
            log.print(f"placer: {error}; the archive is in {folder}", markup=False, soft_wrap=True)
            raise typer.Exit(BAD_INPUT) from None
    print_status(folder)
    print(best)
    if clock.stop.is_set():
        raise typer.Exit(INTERRUPTED)


def print_status(folder: Path) -> None:
    """Print the tree of generations.

    Args:
        folder: of an archive.

    Raises:
        NetlistError: it is none.
    """
    from policies.improve.archive import Archive
    from policies.improve.report import rows

    with Archive(folder) as archive:
        table, console = status_table(str(folder), rows(archive)), Console(highlight=False)
    # Figures cut short say nothing: where the terminal is narrow it wraps the lines.
    needed = Measurement.get(console, console.options.update(width=1000), table).maximum
    Console(highlight=False, width=max(console.width, needed)).print(table, soft_wrap=True)


def status_table(title: str, found: list[Row]) -> Table:
    """A table of generations.

    Args:
        title: of the table.
        found: rows of :func:`policies.improve.report.rows`.
    """
    table = Table(title=escape(title), title_justify="left")
    for name in ("generation", "is"):
        table.add_column(name)
    for name in ("against", "cost, %", "95 %", "designs", "p", "at level", "founder, %", "kept", "time"):
        table.add_column(name, justify="right")
    for row in found:
        table.add_row(
            row.branch,
            escape(f"{row.status}: {row.reason}" if row.reason else row.status),
            "" if row.incumbent is None else str(row.incumbent),
            _signed(row.change),
            "" if row.low is None else f"{_signed(row.low)} .. {_signed(row.high)}",
            "" if row.designs is None else f"{row.designs}/{row.planned}",
            "" if row.p is None else f"{row.p:.2g}",
            "" if row.level is None else f"{row.level:.2g}",
            _signed(row.skill),
            "" if row.kept is None else f"{row.kept}/{row.games}",
            f"{sum(row.seconds.values()):.0f} s" if row.seconds else "",
        )
    return table


def _signed(value: float | None) -> str:
    return "" if value is None else f"{round(value, 2) + 0.0:+.2f}"  # no -0.00
