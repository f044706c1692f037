"""Peers of the quality table: the same design, seconds, cores and seeds, scored by the same command."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from eval.bench.designs import Settings
from eval.bench.machine import pinned

#: Headings of what :func:`simulated_annealing` adds to a row.
COLUMNS: dict[str, str] = {"peer_sa": "TILOS-style SA, same seconds", "peer_gain": "lower than it, %"}
NOTE = (
    "TILOS-style SA is this project's own rewriting of the published simulated annealing (eval/peers), run with the "
    "same exact evaluator, seconds, cores and seeds, one chain a core, in a fresh process; its written placement is "
    "scored by `placer score` too. Its clock starts after reading and compiling."
)


def simulated_annealing(design: str, settings: Settings, seeds: tuple[int, ...], ours: float) -> dict[str, Any]:
    """Place one design once a seed by the published simulated annealing.

    Args:
        design: what ``placer place`` takes.
        settings: time and cores.
        seeds: of the runs.
        ours: mean proxy cost of the placer on the same seeds.

    Returns:
        What it adds to the design's row: mean cost, how much lower ours is, and the runs.

    Raises:
        RuntimeError: a run failed; the message is the end of its stderr.
    """
    runs = []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "peer.plc"
            record = json.loads(
                _python(
                    settings, "eval.peers.simulated_annealing", design, "--time", f"{settings.time_limit:g}", "--seed",
                    str(seed), "--jobs", str(settings.cores), "--output", str(file),
                ).splitlines()[-1]
            )  # fmt: skip
            again = json.loads(_python(settings, "placer", "score", design, str(file), "--json"))
        runs.append({key: again[key] for key in ("proxy_cost", "overlaps", "legal")} | {"seed": seed} | {
            key: record[key] for key in ("seconds", "actions", "iterations", "legalised", "history")
        })  # fmt: skip
    cost = mean(run["proxy_cost"] for run in runs)
    return {"peer_sa": cost, "peer_gain": 100.0 * (1.0 - ours / cost), "peer_runs": runs}


def _python(settings: Settings, module: str, *arguments: str) -> str:
    """Run a module on ``settings.cores`` cores and return its stdout."""
    with pinned(settings.cores):
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            capture_output=True, text=True, timeout=settings.time_limit + 600,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout
