"""``placer bench``: designs times methods times seeds, into a ledger."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from placer.cli._amounts import parse_memory, parse_seeds
from placer.cli._durations import parse_duration
from placer.cli._errors import INTERRUPTED

if TYPE_CHECKING:
    from eval.ledger import Claim, Verdict
    from eval.runner.harness import Summary
    from eval.runner.local import Executor

EXAMPLES = (
    "placer bench --suite bundled --time 10s --seeds 3",
    "placer bench --suite open-ct --methods search,simulated-annealing --cores 2 --jobs 1",
    "placer bench --suite mine.toml --methods search,my.py:mine --iterations 200000",
)


def bench(
    context: typer.Context,
    suite: Annotated[
        str, typer.Option("--suite", "-s", metavar="FILE|NAME", help="A suite that ships (--list), or a TOML file.")
    ] = "bundled",
    methods: Annotated[
        str | None,
        typer.Option(
            "--methods",
            "-m",
            metavar="A,B,C",
            help="Methods to compare; one of your own is FILE.py:FUNCTION.",
            show_default="the suite's",
        ),
    ] = None,
    seeds: Annotated[str, typer.Option("--seeds", metavar="N|LIST", help="How many, or which: 0,3,7.")] = "5",
    time: Annotated[
        float | None,
        typer.Option(
            "--time",
            "-t",
            parser=parse_duration,
            metavar="TIME",
            help="Wall-clock limit of each run.",
            show_default="60s",
        ),
    ] = None,
    iterations: Annotated[
        int | None,
        typer.Option("--iterations", min=1, help="Steps of each run instead, in the method's own unit."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Runs side by side.", show_default="all cores")
    ] = None,
    cores: Annotated[int, typer.Option("--cores", "-c", min=1, help="Processor cores of each run.")] = 1,
    memory: Annotated[
        int | None,
        typer.Option("--memory", parser=parse_memory, metavar="SIZE", help="Memory a run may use: 8G, 512M."),
    ] = None,
    ledger: Annotated[
        Path | None,
        typer.Option(
            "--ledger", "-l", metavar="FILE", help="Where runs are kept.", show_default="out/bench/<suite>.db"
        ),
    ] = None,
    design: Annotated[
        list[str] | None, typer.Option("--design", "-d", metavar="NAME", help="Only this design; may be repeated.")
    ] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Run again what failed.")] = False,
    retries: Annotated[
        int, typer.Option("--retries", min=0, help="How often a run is begun anew that was killed from outside.")
    ] = 2,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Run on the machines of a Ray cluster: host:port of its head, auto, or local. "
            "Needs chip-placer\\[ray].",
        ),
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List suites and methods, and leave.")] = False,
) -> None:
    """Compare placers: every design with every method and seed, once, whatever happens in between.

    Killed or interrupted at any moment, the same command goes on where it was. placer report shows what is in the
    ledger.
    """  # fmt: skip
    from eval.ledger import Ledger
    from eval.methods import find, parse_choices
    from eval.runner.harness import run_suite
    from eval.runner.settings import Settings
    from eval.suites import load_suite

    if list_all:
        _list()
        return
    log = Console(stderr=True, highlight=False)
    if time is not None and iterations is not None:
        raise typer.BadParameter("a run is bound by --time or by --iterations, not by both")
    chosen = load_suite(suite)
    if design:
        chosen = chosen.part(design)
    words = methods if methods is not None else ",".join(chosen.methods)
    if not words:
        raise typer.BadParameter("the suite names no methods", param_hint="--methods")
    choices = parse_choices(words)
    for choice in choices:
        find(choice)
    settings = Settings(
        seeds=parse_seeds(seeds), seconds=None if iterations is not None else time or 60.0,
        iterations=iterations, cores=cores, memory=memory, retries=retries,
    )  # fmt: skip
    path = ledger or Path("out") / "bench" / f"{chosen.name}.db"
    executor = make_executor(ray, jobs, cores)
    progress = RunLines(log)
    try:
        with Ledger(path) as book:
            words = f"{path}: {chosen.title}; {len(executor.slots)} runs side by side on {cores} core(s) each"
            log.print(words, markup=False, soft_wrap=True)
            summary = run_suite(
                chosen, choices, settings, book, executor, command=shlex.join(["placer", *context.obj]),
                retry_failed=retry_failed, listen=progress,
            )  # fmt: skip
    except KeyboardInterrupt:
        log.print("placer: interrupted; the same command goes on with the runs that are not finished")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        executor.close()
    tell_summary(summary, log)
    print(path)


def make_executor(ray: str | None, jobs: int | None, cores: int) -> Executor:
    """Where runs are carried out; what is wrong with the options is said in one line."""
    from eval.runner.local import LocalExecutor
    from eval.runner.settings import slots

    if ray is None:
        return LocalExecutor(slots(jobs, cores))
    from eval.runner.cluster import RayExecutor

    try:
        return RayExecutor(ray, jobs=jobs, cores=cores)
    except (ImportError, ConnectionError) as error:
        raise typer.BadParameter(str(error), param_hint="--ray") from error


class RunLines:
    """A line for every run that ended; hears what :func:`eval.runner.harness.run_suite` tells."""

    def __init__(self, log: Console) -> None:
        self._log = log

    def __call__(self, claim: Claim, verdict: Verdict | None, left: int) -> None:
        """Say how a run ended."""
        from eval.methods import Choice

        if verdict is None:
            return
        key, values = claim.key, verdict.values
        took = f"{values['seconds']:.1f} s" if values.get("seconds") is not None else ""
        cost = values.get("proxy_cost")
        figures = f"proxy {cost:.4f}  HPWL {values['hpwl_um']:,.0f} um" if cost is not None else ""
        what = figures if verdict.outcome == "ok" else f"{verdict.outcome}: {verdict.reason} {figures}"
        label = Choice(key.method, tuple(sorted(key.options.items()))).label
        name = f"{key.design}  {label}  seed {key.seed}"
        self._log.print(f"{left:5d} left  {name}  {took}  {what}".rstrip(), markup=False, soft_wrap=True)


def tell_summary(summary: Summary, log: Console) -> None:
    """What a call did, and what it could not do."""
    for kind, name, why in summary.skips:
        log.print(f"skipped {kind} {name}: {why}", markup=False, soft_wrap=True)
    ended = ", ".join(f"{count} {outcome}" for outcome, count in sorted(summary.outcomes.items())) or "nothing to do"
    log.print(f"{summary.planned} runs planned; this time: {ended}", markup=False, soft_wrap=True)
    if summary.left:
        log.print(f"{summary.left} runs are with other processes that work on this ledger", markup=False)
    if summary.outcomes:
        log.print(
            f"methods ran {summary.method_seconds:.1f} s, judges {summary.judge_seconds:.1f} s; "
            f"{summary.overhead:.1%} of the time was not a method's", markup=False, soft_wrap=True,
        )  # fmt: skip


def _list() -> None:
    from eval.methods import methods
    from eval.suites import load_suite, names

    for name in names():
        found = load_suite(name)
        print(f"{name:20} {found.title}: {len(found.members)} designs here, {len(found.missing)} missing")
    print()
    for method in methods().values():
        why = method.missing({})
        print(f"{method.name:20} {method.about}" + (f" (not available: {why})" if why else ""))
