"""How fast designs are read, how much memory that takes, and what the cache of parsed designs saves."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from statistics import median
from unittest import mock

from eval.bench import lefdef
from eval.bench.child import run_child
from eval.bench.designs import Settings, find
from eval.bench.sheet import Sheet
from netlists.cache import MIN_SECONDS

DESIGNS = (
    "ct/ariane133_ng45",
    "ct/nvdla_ng45",
    "ct/ibm01_unit",
    "ct_flat/ariane133_ng45",
    "ct_flat/mempool_tile_ng45",
    "bookshelf/ibm01",
    "bookshelf/ibm06",
    "bookshelf/ariane133_ng45_mov",
    "floorplan/gsrc/n300/n300.blocks",
)
QUICK = ("ct/ariane133_ng45", "bookshelf/ibm01")


def run(settings: Settings) -> Sheet:
    """Measure every design in processes of its own.

    Args:
        settings: what to measure.
    """
    sheet = Sheet(
        "parse",
        "Reading designs",
        {
            "design": "design",
            "nodes": "nodes",
            "nets": "nets",
            "connections": "connections",
            "mib": "files on disk, MiB",
            "seconds": "parse, s",
            "peak_mib": "peak memory, MiB",
            "again": "from the cache, s",
        },
        notes=[
            "Each figure is the median of three fresh processes (quick: one); importing Python modules is not counted "
            "in the seconds but in the memory.",
            f"The cache keeps what took {MIN_SECONDS:g} s or longer to parse; faster designs are parsed every time.",
            "Text is the size of the netlist files on disk, compressed where they are.",
            "LEF and DEF files are not cached; nodes are components or masters, connections of masters are their pins.",
        ],
    )
    repeats = 1 if settings.quick else 3
    for name in QUICK if settings.quick else DESIGNS:
        path = find(settings, name, sheet.skipped) if settings.wants(Path(name).name) else None
        if path is None:
            continue
        cold = [run_child("read", str(path), "nocache") for _ in range(repeats)]
        with (
            tempfile.TemporaryDirectory() as cache,
            mock.patch.dict(os.environ, PLACER_CACHE_DIR=cache, PLACER_CACHE="1"),
        ):
            run_child("read", str(path), "cache")
            warm = [run_child("read", str(path), "cache") for _ in range(repeats)]
        first = cold[0]
        sheet.rows.append(
            {
                "design": name,
                "nodes": sum(first[key] for key in ("hard_macros", "soft_macros", "stdcells", "ports")),
                "nets": first["nets"],
                "connections": first["connections"],
                "mib": _size_mib(path),
                "seconds": median(run["seconds"] for run in cold),
                "peak_mib": median(run["peak_mib"] for run in cold),
                "again": median(run["seconds"] for run in warm),
                "all_seconds": [run["seconds"] for run in cold],
            }
        )
    _physical(settings, sheet, repeats)
    return sheet


def _physical(settings: Settings, sheet: Sheet, repeats: int) -> None:
    """Add the LEF and DEF files."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [
            (name, find(settings, name, sheet.skipped))
            for name in (lefdef.QUICK if settings.quick else lefdef.FILES)
            if settings.wants(Path(name).name)
        ]
        if not settings.quick and settings.wants(lefdef.LARGE):
            paths.append((lefdef.LARGE, lefdef.write_large(Path(folder) / lefdef.LARGE)))
        for name, path in paths:
            if path is None:
                continue
            runs = [run_child("read_physical", str(path)) for _ in range(repeats)]
            sheet.rows.append(
                {
                    "design": name,
                    **{key: runs[0].get(key) for key in ("nodes", "nets", "connections")},
                    "mib": _size_mib(path),
                    "seconds": median(run["seconds"] for run in runs),
                    "peak_mib": median(run["peak_mib"] for run in runs),
                    "all_seconds": [run["seconds"] for run in runs],
                    "cpu_seconds": [run["cpu_seconds"] for run in runs],
                }
            )


def _size_mib(path: Path) -> float:
    files = [p for p in path.iterdir() if p.is_file()] if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files) / 2**20
