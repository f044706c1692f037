"""Everything README shows, measured anew, one command after the other."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from eval.bench.designs import data_root
from eval.readme.sources import ROOT

_BENCH = ("-m", "eval.bench", "--only")
_OPEN = ("ariane133_ng45", "nvdla_ng45", "mempool_tile_ng45", "ariane136_asap7", "ibm01_unit")


def _designs(*names: str) -> tuple[str, ...]:
    return tuple(word for name in names for word in ("--design", name))


#: Name -> arguments of Python, without where results go. In the order they run: the quick ones first.
MEASUREMENTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("cost", (*_BENCH, "cost")),
    ("parse", (*_BENCH, "parse")),
    ("ranks", (*_BENCH, "ranks")),
    ("env", (*_BENCH, "env")),
    ("env-batched", (*_BENCH, "env-batched")),
    ("harness", (*_BENCH, "harness")),
    ("floorplan", (*_BENCH, "floorplan")),
    ("flow", (*_BENCH, "flow", "--seeds", "2")),
    ("analytic", (*_BENCH, "analytic")),
    ("growth", (*_BENCH, "growth")),
    ("quality", (*_BENCH, "quality", *_designs(*_OPEN))),
    ("quality-300s", (*_BENCH, "quality", "--time", "300", "--peer-design", "", *_designs(*_OPEN[:3]))),
    ("ablation", (*_BENCH, "ablation")),
    *(
        (name, ("-m", "placer", "study", name))
        for name in ("open-ct", "iccad04", "policy", "policy-search", "policy-search-fresh", "proposals", "starts")
    ),
)


def measure(only: Sequence[str], folder: Path) -> int:
    """Run the measurements, each in a process of its own; those that fail are named at the end.

    Open designs are looked for under ``PLACER_DATA``, or else in ``../shared/data`` beside the checkout.

    Args:
        only: names of :data:`MEASUREMENTS`; all when empty.
        folder: where results go.

    Returns:
        How many failed.
    """
    environment = {**os.environ, "PLACER_DATA": str(os.environ.get("PLACER_DATA") or data_root())}
    failed = []
    for name, arguments in MEASUREMENTS:
        if only and name not in only:
            continue
        command = [*arguments, *_target(name, arguments, folder)]
        print(f"\n== {name}: python {shlex.join(command)}", flush=True)
        if subprocess.run([sys.executable, *command], cwd=ROOT, env=environment).returncode:
            failed.append(name)
    if failed:
        print(f"eval.readme: these failed, their old results stay: {', '.join(failed)}", file=sys.stderr)
    return len(failed)


def _target(name: str, arguments: Sequence[str], folder: Path) -> list[str]:
    where = folder.resolve()
    shown = where.relative_to(ROOT) if where.is_relative_to(ROOT) else where
    return ["--publish", f"{shown}/{name}.db"] if "study" in arguments else ["--output", str(shown)]
