"""What the harness of ``placer bench`` costs: many short runs of a method that only waits."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from eval.bench import waits
from eval.bench.designs import Settings
from eval.bench.sheet import Sheet
from eval.ledger import Ledger, read_runs
from eval.methods import Choice, parse_choices
from eval.runner.harness import run_suite
from eval.runner.local import LocalExecutor
from eval.runner.settings import Settings as RunSettings
from eval.runner.settings import slots
from eval.suites import Suite, load_suite

#: Runs and seconds of each.
RUNS, SECONDS = 200, 2.0
QUICK_RUNS, QUICK_SECONDS = 8, 0.25
DESIGN = "synth20"


def run(settings: Settings) -> Sheet:
    """Run a method that waits, again and again, and add up the time in which it did not.

    Args:
        settings: what to measure.
    """
    sheet = Sheet(
        "harness",
        "What the harness of placer bench costs",
        {
            "design": "design",
            "runs": "runs",
            "ok": "ended well",
            "seconds_each": "time limit of each, s",
            "jobs": "side by side",
            "wall": "wall clock, s",
            "wall_share": "share of it in which no method ran",
            "each_ms": "wall clock beside the method, ms a run",
            "judge_ms": "of it judging, ms a run",
            "cpu_share": "processor time beside the methods / time of the cores",
            "cpu_ms": "processor time beside the method, ms a run",
            "start": "start before the first run, s",
            "start_cpu": "processor time of the start, s",
        },
        notes=[
            "The method sleeps until its time is up and hands back what came with the design. Each run is a process on "
            "a core of its own; its placement is written, read back, scored and checked by another process, and "
            "entered in the ledger with its log and figures.",
            "Shares are of the time between the beginning of the first run and the end of the last, on all cores that "
            "runs had; the start is not in them. It loads what methods need and opens the design, once a call.",
            "Processor time counts the harness, its server, writing, judging and forking; what the method itself used "
            "is taken off.",
        ],
    )
    if settings.wants(DESIGN):
        runs, seconds = (QUICK_RUNS, QUICK_SECONDS) if settings.quick else (RUNS, SECONDS)
        sheet.rows.append({"design": DESIGN, **measure(runs, seconds, settings.cores)})
    return sheet


def measure(runs: int, seconds: float, jobs: int) -> dict[str, Any]:
    """Carry out the runs.

    Args:
        runs: how many.
        seconds: time limit of each.
        jobs: side by side, each on one core.

    Returns:
        A row of the sheet.
    """
    suite = load_suite("bundled").part([DESIGN])
    choices = parse_choices(f"{waits.__file__}:waits")
    # What starting costs is seen in a call with one run: it is the same for any number.
    single = _call(suite, choices, RunSettings(seeds=(0,), seconds=seconds), jobs)
    many = _call(suite, choices, RunSettings(seeds=tuple(range(runs)), seconds=seconds), jobs)
    per_run = (many["cpu"] - single["cpu"]) / max(runs - 1, 1)
    return {
        "runs": runs,
        "ok": many["ok"],
        "seconds_each": seconds,
        "jobs": jobs,
        "wall": many["slots"] / jobs,
        "wall_share": 1 - many["method"] / many["slots"],
        "each_ms": 1e3 * (many["slots"] - many["method"]) / runs,
        "judge_ms": 1e3 * many["judge"] / runs,
        "cpu_share": per_run * runs / many["slots"],
        "cpu_ms": 1e3 * per_run,
        "start": many["all"] - many["slots"] / jobs,
        "start_cpu": single["cpu"] - per_run,
    }


def _call(suite: Suite, choices: list[Choice], settings: RunSettings, jobs: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder) / "runs.db"
        before, began = _cpu(), time.perf_counter()
        executor = LocalExecutor(slots(jobs, settings.cores))
        try:
            with Ledger(ledger) as book:
                summary = run_suite(suite, choices, settings, book, executor)
        finally:
            executor.close()  # the server's processor time counts once it has ended
        total, cpu = time.perf_counter() - began, _cpu() - before
        done = read_runs([ledger]).runs
    return {
        "all": total,
        "cpu": cpu - sum(run.cpu_seconds or 0.0 for run in done),
        "slots": summary.slot_seconds,
        "method": summary.method_seconds,
        "judge": summary.judge_seconds,
        "ok": summary.outcomes.get("ok", 0),
    }


def _cpu() -> float:
    """Processor seconds of this process and of those that ended, server and runs included."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )
