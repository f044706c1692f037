"""Fixed-outline floorplans of the GSRC and MCNC blocks: area, whitespace and wirelength, checked by the package."""

from __future__ import annotations

import time
from statistics import mean
from typing import Any

import placer
from eval.bench.designs import Settings, find
from eval.bench.sheet import Sheet
from netlists.errors import PlacementError
from netlists.load import load
from placer.cost.legality import check
from placer.floorplanning import compile_kernels

DESIGNS = (
    *(f"gsrc/{name}/{name}.blocks" for name in ("n10", "n30", "n50", "n100", "n200", "n300")),
    *(f"gsrc/{name}/{name}_soft.blocks" for name in ("n100", "n200", "n300")),
    *(f"mcnc/{name}/{name}.blocks" for name in ("apte", "xerox", "hp", "ami33", "ami49")),
)
QUICK = ("gsrc/n10/n10.blocks", "gsrc/n30/n30.blocks")
#: Free area over block area; height over width is 1.
WHITESPACE = 0.15
#: Moves of each run: a number instead of a time, so that the table does not depend on the machine.
MOVES, QUICK_MOVES = 1_000_000, 50_000


def run(settings: Settings) -> Sheet:
    """Floorplan every design once a seed.

    Args:
        settings: what to measure; time and cores do not matter.
    """
    moves = QUICK_MOVES if settings.quick else MOVES
    seeds = settings.seeds[:1] if settings.quick else settings.seeds
    sheet = Sheet(
        "floorplan",
        f"Fixed-outline floorplans, {WHITESPACE:.0%} whitespace, aspect ratio 1, {moves:,} moves",
        {
            "design": "design",
            "blocks": "blocks",
            "soft": "soft blocks",
            "area": "block area, um2",
            "outline": "outline area, um2",
            "whitespace": "whitespace",
            "bounding": "bounding box of the blocks, um2",
            "hpwl": "HPWL, mean, um",
            "best": "best seed",
            "worst": "worst seed",
            "overlaps": "overlaps",
            "legal": "legal",
            "cpu": "CPU of a run, s",
        },
        notes=[
            f"Seeds: {', '.join(map(str, seeds))}. One chain; the same moves and seed give the same floorplan.",
            "Whitespace is free area over block area (Adya and Markov, TVLSI 2003). One unit of the files is one um. "
            "HPWL counts every net once, from pin to pin, pads included; pads are scaled with the outline.",
            "Legal: the package's integer check finds every block inside the outline and no two sharing area.",
            "No published figures stand here: papers differ in whitespace, in where they put the pads and in soft or "
            "hard blocks, and none could be checked against the same files.",
        ],
    )
    compile_kernels()
    for name in QUICK if settings.quick else DESIGNS:
        short = name.rsplit("/", 1)[-1].removesuffix(".blocks")
        path = find(settings, f"floorplan/{name}", sheet.skipped) if settings.wants(short) else None
        if path is None:
            continue
        try:
            sheet.rows.append({"design": short, **_measure(str(path), moves, seeds)})
        except PlacementError as error:
            sheet.skipped.append(f"{short}: {error}")
    return sheet


def _measure(path: str, moves: int, seeds: tuple[int, ...]) -> dict[str, Any]:
    design = load(path)
    runs = []
    for seed in seeds:
        start = time.process_time()
        found = placer.floorplan(design, whitespace=WHITESPACE, iterations=moves, seed=seed, jobs=1)
        report = check(found.design)
        runs.append({
            "seed": seed, "cpu": time.process_time() - start, "overlaps": report.overlaps, "legal": report.legal,
            **found.figures,
        })  # fmt: skip
    lengths = [run["hpwl_um"] for run in runs]
    first = runs[0]
    return {
        "blocks": int(design.movable.sum()),
        "soft": int((design.netlist.min_aspect > 0).sum()),
        "area": first["block_area_um2"],
        "outline": first["outline_area_um2"],
        "whitespace": first["whitespace"],
        "bounding": mean(run["bounding_area_um2"] for run in runs),
        "hpwl": mean(lengths),
        "best": min(lengths),
        "worst": max(lengths),
        "overlaps": sum(run["overlaps"] for run in runs),
        "legal": all(run["legal"] for run in runs),
        "cpu": mean(run["cpu"] for run in runs),
        "runs": runs,
    }
