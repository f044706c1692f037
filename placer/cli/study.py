"""``placer study``: a declared experiment from its runs to its report."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from placer.cli._errors import INTERRUPTED
from placer.cli.bench import RunLines, make_executor, tell_summary

EXAMPLES = (
    "placer study study.toml",
    "placer study study.toml --output out/study --jobs 1",
    "placer study open-ct --publish results/open-ct.db",
)


def study(
    context: typer.Context,
    file: Annotated[
        str | None,
        typer.Argument(help="The declaration (docs/benchmarking.md), or one that ships.", metavar="FILE|NAME"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Where it goes.", show_default="out/study/<name>"),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Runs side by side.", show_default="all cores")
    ] = None,
    publish: Annotated[
        Path | None,
        typer.Option("--publish", metavar="FILE", help="Write a small copy of the ledger there, and the report."),
    ] = None,
    ray: Annotated[
        str | None, typer.Option("--ray", metavar="ADDRESS", help="Run on the machines of a Ray cluster.")
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List the studies that ship, and leave.")] = False,
) -> None:
    """Run a declared experiment and report what was shown and what was not.

    Writes runs.db (the ledger), report.md and site/. Interrupted, the same command goes on where it was.
    """
    from eval.ledger import Ledger, read_runs
    from eval.runner.harness import run_suite
    from eval.site import build_site
    from eval.study import check_methods, findings, load_study, shipped, study_report
    from eval.study.findings import study_group, study_runs
    from eval.study.publish import publish_study
    from netlists.errors import NetlistError
    from netlists.formats.textio import atomic_write

    if list_all:
        for name in shipped():
            print(f"{name:20} {load_study(name).title}")
        return
    if file is None:
        raise typer.BadParameter(f"name a file, or one of {', '.join(shipped())}", param_hint="FILE")
    declared = load_study(file)
    check_methods(declared)
    folder = output or Path("out") / "study" / declared.name
    log, path = Console(stderr=True, highlight=False), folder / "runs.db"
    executor = make_executor(ray, jobs, declared.settings.cores)
    try:
        with Ledger(path) as book:
            summary = run_suite(
                declared.suite, declared.choices, declared.settings, book, executor,
                command=shlex.join(["placer", *context.obj]), listen=RunLines(log),
            )  # fmt: skip
    except KeyboardInterrupt:
        log.print("placer: interrupted; the same command goes on with the runs that are not finished")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        executor.close()
    tell_summary(summary, log)
    own = study_runs(declared, read_runs([path]).runs)
    group = study_group(declared, own)
    if group is None:
        raise NetlistError("no run of the study is finished, so there is nothing to report", file=file)
    found = findings(declared, group)
    print(atomic_write(folder / "report.md", study_report(declared, group, found, summary.skips)))
    print(build_site([path], folder / "site"))
    if publish is not None:
        print(*publish_study(declared, own, path, publish), sep="\n")
    for one in found:
        print(f"{one.verdict}: {one.claim.text}")
