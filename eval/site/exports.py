"""The runs as tables for other programs: CSV, JSON, and Parquet where pyarrow is installed."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eval.ledger import Run
from eval.site.html import finite
from netlists.formats.textio import atomic_write

#: Columns that a flat table has; what the score holds besides follows with its own names.
COLUMNS = (
    "suite", "design", "method", "label", "seed", "status", "outcome", "reason", "seconds_limit", "iterations_limit",
    "cores", "memory_limit", "seconds", "wall_seconds", "cpu_seconds", "peak_bytes", "attempts", "code", "identity",
    "fingerprint", "start", "placement", "placement_sha256", "command", "key",
)  # fmt: skip


def data_links() -> list[tuple[str, str]]:
    """(file, name) of what :func:`write_exports` writes."""
    found = [("runs.csv", "CSV"), ("runs.json", "JSON"), ("curves.csv", "curves")]
    return found + ([("runs.parquet", "Parquet")] if importlib.util.find_spec("pyarrow") is not None else [])


def flat(run: Run) -> dict[str, Any]:
    """A run as one flat record: its columns, the judge's figures, those of the raw placement as ``raw_...``."""
    row: dict[str, Any] = {name: run.values[name] for name in COLUMNS}
    row["options"] = json.dumps(run.options, sort_keys=True)
    row["node"] = run.machine.get("node", "")
    row["processor"] = run.machine.get("processor", "")
    for prefix, score in (("", run.score), ("raw_", run.raw_score)):
        for name, value in (score or {}).items():
            if isinstance(value, (bool, int, float)) or value is None:
                row[prefix + name] = value
    return row


def write_exports(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Write ``runs.csv``, ``runs.json``, ``curves.csv`` and, where pyarrow is installed, ``runs.parquet``.

    Args:
        runs: any.
        folder: made if missing.

    Returns:
        The files.

    Raises:
        NetlistError: a file cannot be written.
    """
    rows = [flat(run) for run in runs]
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    curves = io.StringIO()
    lines = csv.writer(curves, lineterminator="\n")
    lines.writerow(["suite", "design", "method", "seed", "key", "figure", "seconds", "cost"])
    for run in runs:
        for seconds, cost in run.curve or ():
            lines.writerow([run.suite, run.design, run.label, run.seed, run.key, run.curve_of, seconds, cost])
    whole = [{**dict(run.values), "machine": dict(run.machine)} for run in runs]
    files = [
        atomic_write(folder / "runs.csv", text.getvalue()),
        atomic_write(folder / "curves.csv", curves.getvalue()),
        atomic_write(folder / "runs.json", json.dumps(finite(whole), sort_keys=True) + "\n"),
    ]
    if importlib.util.find_spec("pyarrow") is not None:
        files.append(_parquet(rows, names, folder / "runs.parquet"))
    return files


def _parquet(rows: list[dict[str, Any]], names: list[str], path: Path) -> Path:
    import pyarrow
    import pyarrow.parquet

    # Figures are floating-point numbers in every run, also where one happens to be whole.
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        kinds = {type(value) for value in values if value is not None}
        if kinds == {int, float}:
            values = [None if value is None else float(value) for value in values]
        columns[name] = values
    sink = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), sink)
    return atomic_write(path, sink.getvalue())
