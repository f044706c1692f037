"""How good placements are after a fixed time, verified by reading the written file back."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

from eval.bench import curves, peers
from eval.bench.command import placer
from eval.bench.designs import BUNDLED, Settings, find
from eval.bench.sheet import Sheet

DESIGNS = ("ct/ariane133_ng45", "ct/nvdla_ng45", "ct/mempool_tile_ng45", "ct/ariane136_asap7", "ct/ibm01_unit")
QUICK = ("synth20",)

#: Published proxy costs with zero overlap, for the same netlists and the same evaluator.
PUBLISHED: dict[str, dict[str, float]] = {
    "ariane133_ng45": {"ct": 0.6859, "sa": 0.6864, "best": 0.6521},
    "nvdla_ng45": {"ct": 0.7270, "best": 0.6765},
    "mempool_tile_ng45": {"best": 0.7374},
}
#: What the JSON file keeps of each run.
KEPT = ("seed", "proxy_cost", "overlaps", "legal", "seconds", "history")


def run(settings: Settings) -> Sheet:
    """Place every design once a seed with the ``placer`` command, then score the written placement anew.

    Args:
        settings: what to measure.
    """
    sheet = Sheet(
        f"quality-{settings.time_limit:g}s",
        f"Placement quality after {settings.time_limit:g} s on {settings.cores} cores",
        {
            "design": "design",
            "start": "proxy cost as given",
            "mean": "proxy cost, mean",
            "min": "best seed",
            "max": "worst seed",
            "wirelength": "wirelength",
            "density": "density",
            "congestion": "congestion",
            "hpwl_um": "HPWL, um",
            "overlaps": "overlaps",
            "legal": "legal",
            "seconds": "wall clock, s",
            "ct": "Circuit Training, legalised",
            **peers.COLUMNS,
            "sa": "TILOS SA, 42 s",
            "best": "best published",
        },
        notes=[
            f"Seeds: {', '.join(map(str, _seeds(settings)))}. Columns without a seed are means over them; overlaps "
            "is the sum, legal means every one.",
            "Each run is the command `placer place` in a fresh process; its wall clock counts reading, writing and "
            "starting Python. The written placement is read back and scored by `placer score` in another process.",
            "Published figures: TILOS MacroPlacement (Circuit Training's legalised placements), TILOS C++ simulated "
            "annealing re-scored exactly, and the best of the public leaderboards, after up to an hour "
            "on larger machines.",
            peers.NOTE,
        ],
    )
    for name in QUICK if settings.quick else (*BUNDLED, *DESIGNS):
        short = name.rsplit("/", 1)[-1]
        if not settings.wants(short):
            continue
        path = find(settings, name, sheet.skipped) if "/" in name else name
        if path is not None:
            row = {"design": short, **measure(str(path), settings), **PUBLISHED.get(short, {})}
            if settings.peers is None or short in settings.peers:
                row |= peers.simulated_annealing(str(path), settings, _seeds(settings), row["mean"])
            sheet.rows.append(row)
    sheet.files |= curves.files(f"curves-{settings.time_limit:g}s", sheet.rows)
    return sheet


def measure(design: str, settings: Settings) -> dict[str, Any]:
    """Place one design once a seed.

    Args:
        design: what ``placer place`` takes.
        settings: time, cores, seeds.

    Returns:
        A row of the sheet.

    Raises:
        RuntimeError: a run failed; the message is the end of its stderr.
    """
    runs = []
    for seed in _seeds(settings):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            placer(
                settings, "place", design, "--time", f"{settings.time_limit:g}", "--seed", str(seed), "--jobs",
                str(settings.cores), "--device", "cpu", "--output", folder,
            )  # fmt: skip
            seconds = time.perf_counter() - start
            record = json.loads((Path(folder) / "metrics.json").read_text())
            placement = next(p for p in Path(folder).iterdir() if p.suffix in (".plc", ".pl"))
            again = json.loads(placer(settings, "score", design, str(placement), "--json"))
            curve = [[at, cost] for at, _, cost in record["history"]]
            runs.append({"seed": seed, "seconds": seconds, "start": record["start"], "history": curve, **again})
    costs = [run["proxy_cost"] for run in runs]
    first = runs[0]["start"]
    return {
        "start": None if first is None else first["proxy_cost"],
        "mean": mean(costs),
        "min": min(costs),
        "max": max(costs),
        **{key: mean(run[f"{key}_cost"] for run in runs) for key in ("wirelength", "density", "congestion")},
        "hpwl_um": mean(run["hpwl_um"] for run in runs),
        "overlaps": sum(run["overlaps"] for run in runs),
        "legal": all(run["legal"] for run in runs),
        "seconds": mean(run["seconds"] for run in runs),
        "runs": [{key: run[key] for key in KEPT} for run in runs],
    }


def _seeds(settings: Settings) -> tuple[int, ...]:
    return settings.seeds[:1] if settings.quick else settings.seeds
