"""What each kind of move and each stage of the search is worth: runs without it, at equal time, on paired seeds."""

from __future__ import annotations

import math
import multiprocessing
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from eval.bench.designs import Settings, find
from eval.bench.sheet import Sheet
from placer.engines.search.moves.table import KINDS

DESIGNS = ("synth130", "synth500", "ct/ariane133_ng45", "ct/nvdla_ng45", "ct/mempool_tile_ng45", "ct/ibm01_unit")
QUICK = ("synth20",)

#: Stages, and the options of a search without them.
STAGES: dict[str, dict[str, Any]] = {
    "smooth starts": {"starts": 0},
    "halving": {"halving": False},
    "adaptive mix": {"adaptive": False},
    "takeovers": {"takeovers": False},
    "quench": {"quench": False},
}
#: What is off by default, switched on for once.
EXTRAS: dict[str, dict[str, Any]] = {"directional starts": {"directional": 1.0}}


@dataclass(frozen=True)
class Task:
    """One run.

    Attributes:
        variant: what is left out; ``""`` is the complete search.
        options: arguments of ``SearchOptions``.
        design: what ``netlists.load`` takes.
        seed: of the run.
        seconds: time limit.
        cores: processor cores, and chains.
    """

    variant: str
    options: dict[str, Any]
    design: str
    seed: int
    seconds: float
    cores: tuple[int, ...]


def run(settings: Settings) -> Sheet:
    """Run every variant on every design and seed.

    Kinds of moves are judged by single chains on one core each, several at a time; stages by whole searches on all
    ``settings.cores`` cores, one after the other.

    Args:
        settings: what to measure; the time of a run is a tenth of ``time_limit``.
    """
    seconds = settings.time_limit / 10.0
    sheet = Sheet(
        "ablation",
        f"What parts of the search are worth, {seconds:g} s a run",
        {
            "part": "left out ('with': added)",
            "kind": "part",
            "worse": "cost higher by, %",
            "error": "standard error",
            "pairs": "pairs",
            "wins": "pairs in which it helped",
        },
        notes=[
            "A run without the part against the complete search on the same design and seed: how much higher its "
            "proxy cost ended, mean over all pairs. Negative: it did better without. Within about two standard errors "
            "of 0 this many pairs cannot tell. Runs are short: what only pays in long ones does not show.",
            "Moves: one chain on one core each. Stages: the whole search on all cores. 'with' marks what is off in "
            "normal runs.",
        ],
    )
    names = [n for n in (QUICK if settings.quick else DESIGNS) if settings.wants(Path(n).name)]
    paths = [find(settings, n, sheet.skipped) if "/" in n else n for n in names]
    designs = [str(path) for path in paths if path is not None]
    seeds = settings.seeds[:1] if settings.quick else settings.seeds
    cores = tuple(sorted(os.sched_getaffinity(0))[: settings.cores])
    drawn = [kind.name for kind in KINDS if kind.moves != "pairs"]  # without a proposer there are none
    moves: dict[str, dict[str, Any]] = {"": {}} | {name: {"without": [name]} for name in drawn}
    parts: dict[str, dict[str, Any]] = {"": {}} | STAGES | {f"with {name}": options for name, options in EXTRAS.items()}
    single = [
        Task(variant, options, design, seed, seconds, ())
        for design in designs for seed in seeds for variant, options in moves.items()
    ]  # fmt: skip
    whole = [
        Task(variant, options, design, seed, seconds, cores)
        for design in designs for seed in seeds for variant, options in parts.items()
    ]  # fmt: skip
    for kind, tasks, spread in (("move", single, [(core,) for core in cores]), ("stage", whole, [cores])):
        costs = _costs(tasks, spread)
        sheet.rows += _rows(kind, tasks, costs)
    return sheet


def _rows(kind: str, tasks: Sequence[Task], costs: Sequence[float]) -> list[dict[str, Any]]:
    by = {(t.variant, t.design, t.seed): cost for t, cost in zip(tasks, costs, strict=True)}
    rows = []
    for variant in dict.fromkeys(t.variant for t in tasks):
        if variant:
            pairs = [
                (Path(t.design).name, t.seed, 100.0 * (by[variant, t.design, t.seed] / by["", t.design, t.seed] - 1.0))
                for t in tasks if t.variant == variant
            ]  # fmt: skip
            change = [c for _, _, c in pairs]
            rows.append({
                "part": variant, "kind": kind, "worse": mean(change), "pairs": len(change),
                "error": stdev(change) / math.sqrt(len(change)) if len(change) > 1 else None,
                "wins": sum(c < 0 if variant.startswith("with ") else c > 0 for c in change), "runs": pairs,
            })  # fmt: skip
    return sorted(rows, key=lambda row: -row["worse"])


def _costs(tasks: Sequence[Task], spread: Sequence[tuple[int, ...]]) -> list[float]:
    """Final cost of each task; one process for each group of cores, which takes the next task when it is free."""
    context = multiprocessing.get_context("spawn")
    groups = context.Queue()
    for group in spread:
        groups.put(group)
    with context.Pool(len(spread), initializer=_pin, initargs=(groups,)) as pool:
        return pool.map(_cost, tasks, chunksize=1)


def _pin(groups: Any) -> None:  # noqa: ANN401 - a queue of multiprocessing has no public type
    """Take a group of cores, and load the compiled kernels: the first run must not pay for that alone."""
    os.sched_setaffinity(0, groups.get())
    _cost(Task("", {}, "synth20", 0, 1.0, ()))


def _cost(task: Task) -> float:
    from netlists.load import load
    from placer import flow
    from placer.engines.search import SearchOptions
    from placer.warm import warm_up

    warm_up()
    result = flow.place(
        load(task.design), time_limit=task.seconds, seed=task.seed, jobs=max(1, len(task.cores)),
        options=SearchOptions(device="cpu", **task.options),
    )  # fmt: skip
    return result.cost.proxy_cost
