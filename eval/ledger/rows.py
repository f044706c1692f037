"""The ledger's reading side: runs as plain records, from one ledger or several."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.ledger.store import SCHEMA
from netlists.errors import NetlistError

_JSON = ("member", "options", "score", "raw_score", "facts", "curve")


@dataclass(frozen=True)
class Run:
    """One row of a ledger.

    Attributes:
        values: columns by name; JSON columns are plain values.
        ledger: the file it stands in.
        machine: facts about where it ran, empty while it has not.
    """

    values: Mapping[str, Any]
    ledger: Path
    machine: Mapping[str, str]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the column holds
        if name == "values":  # a copy under construction has none yet
            raise AttributeError(name)
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def finished_well(self) -> bool:
        """The run ended with a legal placement."""
        return bool(self.values["status"] == "done")

    def figure(self, name: str) -> float | None:
        """A figure of the judge's score, None where there is none."""
        score = self.values["score"] or {}
        value = score.get(name)
        return float(value) if isinstance(value, (int, float)) else None

    def file(self, column: str = "placement") -> Path | None:
        """A placement file of the run, or None where there is none any more, or it lies outside the ledger's folder."""
        name = self.values[column]
        if name is None:
            return None
        folder = self.ledger.with_name(self.ledger.name + ".files")
        path = folder / name
        return path if path.resolve().is_relative_to(folder.resolve()) and path.is_file() else None


@dataclass(frozen=True)
class Contents:
    """What ledgers hold.

    Attributes:
        runs: every run once, in order of suite, design, method and seed.
        skips: (suite, kind, name, reason).
        designs: (name, fingerprint, start) -> facts.
    """

    runs: tuple[Run, ...]
    skips: tuple[tuple[str, str, str, str], ...]
    designs: Mapping[tuple[str, str, str], Mapping[str, Any]]


def read_runs(paths: Iterable[str | Path]) -> Contents:
    """Read ledgers; a run that stands in several is taken from the one that finished it, the first of them.

    Args:
        paths: the files, for example one of each machine that worked on a suite.

    Raises:
        NetlistError: a file is missing or no ledger of this version.
    """
    runs: dict[str, Run] = {}
    skips: dict[tuple[str, str, str], str] = {}
    designs: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for path in map(Path, paths):
        if not path.is_file():
            raise NetlistError("no such ledger", file=path)
        try:
            found = _read(path)
        except sqlite3.Error as error:
            raise NetlistError(f"this is no ledger: {error}", file=path) from None
        for run in found.runs:
            known = runs.get(run.key)
            if known is None or (known.finished is None and run.finished is not None):
                runs[run.key] = run
        skips.update({skip[:3]: skip[3] for skip in found.skips})
        designs.update(found.designs)
    ordered = sorted(runs.values(), key=lambda r: (r.suite, r.design, r.label, r.seed, r.key))
    return Contents(tuple(ordered), tuple((*key, why) for key, why in sorted(skips.items())), designs)


def _open(path: Path) -> sqlite3.Connection:
    """Open a ledger to read it.

    For writing all the same: one whose writer was killed has to be put in order before it is read. In a folder where
    nobody may write nobody does, and a ledger without a journal is in order.
    """
    db = sqlite3.connect(path, timeout=60.0)
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db.close()
        if path.with_name(path.name + "-wal").exists():
            raise
        db = sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True)
    return db


def _read(path: Path) -> Contents:
    db = _open(path)
    db.row_factory = sqlite3.Row
    try:
        schema = db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()
        if schema is None or schema[0] != str(SCHEMA):
            raise NetlistError("this ledger was written by another version", file=path)
        machines = {row["id"]: json.loads(row["facts"]) for row in db.execute("SELECT * FROM machines")}
        runs = []
        for row in db.execute("SELECT * FROM runs"):
            values = {key: row[key] for key in row.keys()}  # noqa: SIM118 - a Row iterates over values
            for key in _JSON:
                values[key] = None if values[key] is None else json.loads(values[key])
            runs.append(Run(values, path, machines.get(row["machine"], {})))
        skips = tuple((r["suite"], r["kind"], r["name"], r["reason"]) for r in db.execute("SELECT * FROM skips"))
        designs = {
            (r["name"], r["fingerprint"], r["start"]): json.loads(r["facts"])
            for r in db.execute("SELECT * FROM designs")
        }
    finally:
        db.close()
    return Contents(tuple(runs), skips, designs)
