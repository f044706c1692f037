"""Flat placement against published figures and against Coloquinte, run beside it."""

from __future__ import annotations

import tempfile
import time
from importlib.util import find_spec
from statistics import mean, median
from typing import Any

from eval.bench.child import run_child
from eval.bench.designs import Settings, find
from eval.bench.sheet import Sheet
from eval.peers.coloquinte import MISSING

DESIGNS = ("ibm01", "ibm02", "ibm03", "ibm04", "ibm06", "ariane133_ng45_mov", "ariane133_ng45_fix")
QUICK = ("ibm01",)
#: File units in a um where a unit is not one: those designs are in tens of nm.
PER_UM = {"ariane133_ng45_mov": 100.0, "ariane133_ng45_fix": 100.0}
#: Legal HPWL others reach on the same files, all cells in orientation N; um for ariane133, else file units. "ntu" is
#: published (RePlAce, then NTUplace3); the others were run on the files as here, on two cores.
PUBLISHED: dict[str, dict[str, float]] = {
    "ibm01": {"ntu": 2282370, "replace_cq": 2176976, "dreamplace": 2316000, "dreamplace_s": 13, "cq_quoted": 3008600},
    "ibm02": {"ntu": 4759440, "dreamplace": 5203000, "dreamplace_s": 17},
    "ibm03": {"ntu": 6435680, "replace_cq": 6230125, "dreamplace": 6936000, "dreamplace_s": 16, "cq_quoted": 16224800},
    "ibm04": {"ntu": 7261170, "dreamplace": 7283000, "dreamplace_s": 29, "cq_quoted": 25417900},
    "ibm06": {"ntu": 5807790, "dreamplace": 5618000, "dreamplace_s": 20, "cq_quoted": 20262400},
    "ariane133_ng45_mov": {"dreamplace": 2435156, "dreamplace_s": 150, "cq_quoted": 12.4e6},
    "ariane133_ng45_fix": {"dreamplace": 2506636, "dreamplace_s": 59, "cq_quoted": 2566930},
}
#: Which of them are results to be at or below.
RIVALS = ("ntu", "replace_cq", "dreamplace")
#: Seconds a peer may take.
_PATIENCE = 1800.0
#: Seconds below which legalising and detailed placement are timed three times.
_SHORT = 20.0


def run(settings: Settings) -> Sheet:
    """Place every design once a seed in a fresh process; run Coloquinte on the first seed's.

    Args:
        settings: designs, seeds and cores. Times are measured, not given.
    """
    seeds = settings.seeds[:1] if settings.quick else settings.seeds
    sheet = Sheet(
        "analytic",
        f"Flat placement, legal HPWL, {settings.cores} cores",
        {
            "design": "design",
            "hpwl": "HPWL as written, mean",
            "all_n": "all in N, mean",
            "all_n_worst": "all in N, worst seed",
            "best_known": "best of the others, all in N",
            "ratio": "ours / best",
            "ratio_worst": "worst seed / best",
            "ratio_written": "ours as written / best",
            "seconds": "wall clock, s",
            "place_seconds": "of it placing, s",
            "legal": "legal",
            "ntu": "RePlAce + NTUplace3",
            "replace_cq": "RePlAce + Coloquinte",
            "dreamplace": "DREAMPlace",
            "dreamplace_s": "DREAMPlace, s",
            "time_ratio": "our wall clock / DREAMPlace's",
            "detail": "our legal + detailed, as written",
            "detail_s": "its time, s",
            "cq_detail": "Coloquinte's, same global placement",
            "cq_detail_s": "its time, s",
            "detail_ratio": "HPWL, ours / Coloquinte's",
            "detail_time_ratio": "time, ours / Coloquinte's",
            "cq_fixed": "Coloquinte, our macros fixed",
            "cq_fixed_s": "its time, s",
            "fixed_ratio": "ours as written / that",
            "cq_alone": "Coloquinte alone",
            "cq_alone_s": "its time, s",
        },
        notes=[
            f"Seeds: {', '.join(map(str, seeds))}; columns without a seed are means over them. HPWL in um for "
            "ariane133, in file units for the others; every net counts with its weight, ports included.",
            "As written: with the orientations in the written file, cells turned as the sites of their rows. All in N: "
            "the same lower-left corners scored without orientations, as the published tables are.",
            "Each run is a fresh process on the given cores. The wall clock counts starting Python, reading, placing "
            "and writing; kernels were compiled before. The written placement is read back and checked by code that "
            "shares nothing with the legalisers: no overlap, rows, sites, orientation of rows, core, fixed objects. "
            "Checking is not in the wall clock.",
            "RePlAce + NTUplace3: published for the ICCAD04 designs (RePlAce, TCAD 2019). RePlAce + Coloquinte and "
            "DREAMPlace 4.3 (CPU, two threads): run on the same files on a machine of two cores, quoted here.",
            "Coloquinte 0.4.1 runs live with its default effort, on the first seed and the same cores: as legaliser "
            "and detailed placer behind our global placement, macros fixed where ours are; from start to end with "
            "those macros; and alone. Its figures are as written. It counts pins in whole units. Times of the two "
            "columns legal + detailed are of that work alone, code loaded, the median of three where it is short: ours "
            "from Placement to Placement, Coloquinte's in its library alone, without handing the design over.",
        ],
    )
    chosen = [name for name in (QUICK if settings.quick else DESIGNS) if settings.wants(name)]
    rehearsed = False
    for name in chosen:
        path = find(settings, f"bookshelf/{name}", sheet.skipped)
        if path is None:
            continue
        if not rehearsed:  # kernels are compiled here, outside all clocks
            with tempfile.TemporaryDirectory() as folder:
                run_child("flat_ours", str(path), "0", str(settings.cores), folder, cores=settings.cores)
                run_child("flat_our_detail", str(path), folder, cores=settings.cores)
            rehearsed = True
        sheet.rows.append({"design": name, **_measure(name, str(path), settings, seeds, sheet.skipped)})
    return sheet


def _measure(name: str, path: str, settings: Settings, seeds: tuple[int, ...], skipped: list[str]) -> dict[str, Any]:
    unit = 1.0 / PER_UM.get(name, 1.0)
    runs: list[dict[str, Any]] = []
    row: dict[str, Any] = {}
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            found = run_child(
                "flat_ours", path, str(seed), str(settings.cores), folder, cores=settings.cores, timeout=_PATIENCE
            )
            wall = time.perf_counter() - start - found["judged_seconds"]
            runs.append({"seed": seed, **found, "wall": wall})
            if seed == seeds[0]:
                row |= _peers(name, path, settings, seed, folder, skipped)
    quoted = PUBLISHED.get(name, {})
    row |= quoted
    row["hpwl"] = unit * mean(r["hpwl"] for r in runs)
    row["all_n"] = unit * mean(r["all_n"] for r in runs)
    row["all_n_worst"] = unit * max(r["all_n"] for r in runs)
    rivals = [quoted[key] for key in RIVALS if key in quoted]
    if rivals:
        row["best_known"] = min(rivals)
        row["ratio"] = row["all_n"] / row["best_known"]
        row["ratio_worst"] = row["all_n_worst"] / row["best_known"]
        row["ratio_written"] = row["hpwl"] / row["best_known"]
    row["seconds"], row["place_seconds"] = mean(r["wall"] for r in runs), mean(r["place_seconds"] for r in runs)
    if "dreamplace_s" in quoted:
        row["time_ratio"] = row["seconds"] / quoted["dreamplace_s"]
    if "cq_fixed" in row:
        row["fixed_ratio"] = unit * runs[0]["hpwl"] / row["cq_fixed"]
    row["legal"] = all(r["legal"] for r in runs)
    row["runs"] = runs
    return row


def _peers(name: str, path: str, settings: Settings, seed: int, folder: str, skipped: list[str]) -> dict[str, Any]:
    """Ours and Coloquinte's from the same global placement, and Coloquinte on its own."""
    unit = 1.0 / PER_UM.get(name, 1.0)
    jobs: dict[str, tuple[str, ...]] = {"detail": ("flat_our_detail", path, folder)}
    if settings.peers is None or name in settings.peers:
        if find_spec("coloquinte") is None:
            if MISSING not in skipped:
                skipped.append(MISSING)
        else:
            jobs["cq_detail"] = "flat_coloquinte_detail", path, folder
            jobs["cq_fixed"] = "flat_coloquinte_fixed", path, str(seed), folder
            jobs["cq_alone"] = "flat_coloquinte_alone", path, str(seed)
    row: dict[str, Any] = {}
    for key, (job, *arguments) in jobs.items():
        try:
            found = run_child(job, *arguments, cores=settings.cores, timeout=_PATIENCE)
            seconds = [found["seconds"]]
            # A second or two says little on a machine that breathes: both sides of that comparison get three.
            if key in ("detail", "cq_detail") and found["seconds"] < _SHORT:
                seconds += [run_child(job, *arguments, cores=settings.cores)["seconds"] for _ in range(2)]
        except RuntimeError as error:
            skipped.append(f"{name}, {key}: {str(error).splitlines()[-1][:200]}")
            continue
        row[key], row[f"{key}_s"] = unit * found["hpwl"], median(seconds)
        row[f"{key}_run"] = found
        if not found["legal"]:
            skipped.append(f"{name}, {key}: the result is not legal: {found['violations']}")
    if "cq_detail" in row and "detail" in row:
        row["detail_ratio"] = row["detail"] / row["cq_detail"]
        row["detail_time_ratio"] = row["detail_s"] / row["cq_detail_s"]
    return row
