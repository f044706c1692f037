"""A small copy of a ledger, to be kept with results.

Every run stays, with its key, its figures, its times and the digest of its placement. What goes is what a machine knows
about itself (name, paths, processes) and what is large: the placements, the output of the programs, most points of
the curves, lists among the facts. ``placer report`` reads the copy like any ledger.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Any

from eval.ledger.store import Ledger, schema_statements
from netlists.errors import NetlistError

#: Points of a curve that are kept.
MOST_POINTS = 40
#: Longer lists among facts and scores are left out.
MOST_ITEMS = 12
#: Longer texts are cut.
MOST_LETTERS = 300
#: Significant digits of numbers in curves and facts; scores keep all of theirs.
_DIGITS = 8
_PATH = re.compile(r"(?<![\w.:/])~?(?:/[^\s/:,;'\"()]+)+/?")
#: Columns that say nothing once a run is over, or something about the machine it ran on alone.
_GONE = ("placement", "raw_placement", "owner", "renewed", "log")


def compact(source: str | Path, target: str | Path, keys: Collection[str], *, command: str) -> Path:
    """Write the small copy.

    Args:
        source: a ledger.
        target: the file; replaced if there is one.
        keys: of the runs that are kept, in the order of suite, design, method and seed.
        command: what makes such a ledger, in place of what was typed.

    Returns:
        The file.

    Raises:
        NetlistError: the source cannot be read, or the target not be written.
    """
    source, target = Path(source), Path(target)
    if not source.is_file():
        raise NetlistError("no such ledger", file=source)
    fresh = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.unlink(missing_ok=True)
        with Ledger(source):  # of this version, and in order after whatever happened to its writer
            pass
        _copy(source, fresh, sorted(keys), command)
        for left in ("-wal", "-shm"):  # of an earlier file of that name, which they would be taken to belong to
            target.with_name(target.name + left).unlink(missing_ok=True)
        fresh.replace(target)
    except (sqlite3.Error, OSError) as error:
        raise NetlistError(f"the ledger cannot be written: {error}", file=target) from None
    finally:
        fresh.unlink(missing_ok=True)
    return target


def _copy(source: Path, target: Path, keys: list[str], command: str) -> None:
    old, new = sqlite3.connect(source), sqlite3.connect(target)
    old.row_factory = sqlite3.Row
    try:
        new.execute("PRAGMA page_size = 1024")  # most tables have a row or two
        for statement in schema_statements():
            new.execute(statement)
        new.executemany("INSERT INTO meta VALUES (?, ?)", [tuple(row) for row in old.execute("SELECT * FROM meta")])
        old.execute("CREATE TEMP TABLE kept (key TEXT PRIMARY KEY)")
        old.executemany("INSERT INTO kept VALUES (?)", [(key,) for key in keys])
        order = "suite, design, label, seed, key"
        runs = old.execute(f"SELECT * FROM runs JOIN kept USING (key) ORDER BY {order}").fetchall()
        machines = _machines(old, new)
        for number, row in enumerate(runs, start=1):
            values = {**_small(row), "id": number, "command": command, "machine": machines.get(row["machine"])}
            names = ", ".join(values)
            new.execute(f"INSERT INTO runs ({names}) VALUES ({', '.join('?' * len(values))})", list(values.values()))
        for name, fingerprint, start in sorted({(row["design"], row["fingerprint"], row["start"]) for row in runs}):
            whose = (fingerprint, start, name)
            for one in old.execute("SELECT facts FROM designs WHERE fingerprint = ? AND start = ? AND name = ?", whose):
                new.execute("INSERT INTO designs VALUES (?, ?, ?, ?)", (*whose, _shrunk(one["facts"])))
        for suite in sorted({row["suite"] for row in runs}):
            for skip in old.execute("SELECT * FROM skips WHERE suite = ? ORDER BY kind, name", (suite,)):
                values = {**dict(skip), "reason": _words(skip["reason"]), "noted": 0.0}
                new.execute("INSERT INTO skips VALUES (:suite, :kind, :name, :reason, :noted)", values)
        new.commit()
        new.execute("VACUUM")
    finally:
        old.close()
        new.close()


def _machines(old: sqlite3.Connection, new: sqlite3.Connection) -> dict[int, int]:
    """Number in the copy of each machine; those that differ in their names only become one."""
    out: dict[int, int] = {}
    numbers: dict[str, int] = {}
    for row in old.execute(
        "SELECT id, facts FROM machines WHERE id IN (SELECT machine FROM runs JOIN kept USING (key)) ORDER BY id"
    ):
        facts = {key: value for key, value in json.loads(row["facts"]).items() if key != "node"}
        text = json.dumps(facts, separators=(",", ":"))
        if text not in numbers:
            numbers[text] = len(numbers) + 1
            new.execute("INSERT INTO machines VALUES (?, ?)", (numbers[text], text))
        out[row["id"]] = numbers[text]
    return out


def _small(row: sqlite3.Row) -> dict[str, Any]:
    values = {key: row[key] for key in row.keys() if key not in _GONE}  # noqa: SIM118 - a Row iterates over values
    member = json.loads(row["member"])
    for key in ("source", "constraints", "method"):
        if member.get(key):
            member[key] = Path(str(member[key])).name
    values["member"] = _text(member)
    values["method"] = Path(row["method"]).name if "/" in row["method"] else row["method"]
    values["reason"] = None if row["reason"] is None else _words(row["reason"])
    for key, digits in (("score", None), ("raw_score", None), ("facts", _DIGITS)):
        values[key] = None if row[key] is None else _shrunk(row[key], digits)
    if row["curve"] is not None:
        values["curve"] = _text(_thin(json.loads(row["curve"])))
    return values


def _thin(curve: list[list[float]]) -> list[list[float]]:
    """The first and the last point, and others evenly in between; costs only ever fall, so that stays true."""
    points = [[_round(at), _round(cost)] for at, cost in curve]
    if len(points) <= MOST_POINTS:
        return points
    step = (len(points) - 1) / (MOST_POINTS - 1)
    return [points[round(k * step)] for k in range(MOST_POINTS)]


def _shrunk(text: str, digits: int | None = None) -> str:
    return _text(_less(json.loads(text), digits))


def _less(value: Any, digits: int | None) -> Any:  # noqa: ANN401 - any nest of plain values
    """A nest without long lists, long texts and folders."""
    if isinstance(value, dict):
        short = {key: one for key, one in value.items() if not isinstance(one, list) or len(one) <= MOST_ITEMS}
        kept = {key: _less(one, digits) for key, one in short.items()}
        return {key: one for key, one in kept.items() if one not in ({}, [])}
    if isinstance(value, list):
        return [_less(one, digits) for one in value[:MOST_ITEMS]]
    if isinstance(value, str):
        return _words(value)
    return _round(value, digits) if isinstance(value, float) and digits is not None else value


def _words(text: str) -> str:
    """A text without the folders of files it names, and not too long."""
    return _PATH.sub(_last_part, text)[:MOST_LETTERS]


def _last_part(match: re.Match[str]) -> str:
    parts = match[0].strip("/").split("/")
    return parts[-1] if len(parts) > 2 else "..."  # of two parts the second may be whose home it is


def _round(value: float, digits: int = _DIGITS) -> float:
    return float(f"{value:.{digits}g}")


def _text(value: Any) -> str:  # noqa: ANN401 - any nest of plain values
    return json.dumps(value, separators=(",", ":"))
