"""The ledger's writing side: plan, claim, finish, each one transaction.

SQLite in WAL mode: whoever is killed at any moment leaves either all of a step or nothing. A run is *waiting*, then
*running* by a claim that names its owner, then *done*, *failed* or *skipped* for good. A claim whose owner is gone
counts as waiting. Placement files lie in the folder ``<ledger>.files`` beside the ledger; they are on the disk before
the ledger names them.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from eval.ledger.files import kept_name, laid_ready, make_folder, sync
from eval.ledger.key import RunKey, run_key
from eval.ledger.owner import is_gone, process_start, this_owner
from netlists.errors import NetlistError

#: Changes when a table does.
SCHEMA = 1
#: Seconds to wait for others who write.
PATIENCE = 60.0
#: The figures of a score that have columns of their own.
FIGURES = (
    "proxy_cost", "wirelength_cost", "density_cost", "congestion_cost", "hpwl_um", "weighted_hpwl_um", "macro_hpwl_um",
)  # fmt: skip
#: Columns of a run that its result fills.
RESULT = (
    "outcome", "reason", "finished", "seconds", "wall_seconds", "cpu_seconds", "peak_bytes", "placement",
    "placement_sha256", "raw_placement", "raw_sha256", "legal", "overlaps", *FIGURES, "score", "raw_score", "facts",
    "curve", "curve_of", "log",
)  # fmt: skip
_TABLES = f"""
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS machines (id INTEGER PRIMARY KEY, facts TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS runs (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, suite TEXT NOT NULL, metric TEXT NOT NULL, member TEXT NOT NULL,
  design TEXT NOT NULL, fingerprint TEXT NOT NULL, start TEXT NOT NULL,
  method TEXT NOT NULL, label TEXT NOT NULL, identity TEXT NOT NULL, options TEXT NOT NULL,
  seed INTEGER NOT NULL, seconds_limit REAL, iterations_limit INTEGER, cores INTEGER NOT NULL, memory_limit INTEGER,
  code TEXT NOT NULL, command TEXT NOT NULL, machine INTEGER REFERENCES machines(id),
  status TEXT NOT NULL DEFAULT 'waiting', outcome TEXT, reason TEXT,
  attempts INTEGER NOT NULL DEFAULT 0, owner TEXT, renewed REAL, finished REAL,
  seconds REAL, wall_seconds REAL, cpu_seconds REAL, peak_bytes INTEGER,
  placement TEXT, placement_sha256 TEXT, raw_placement TEXT, raw_sha256 TEXT,
  legal INTEGER, overlaps INTEGER, {", ".join(f"{name} REAL" for name in FIGURES)},
  score TEXT, raw_score TEXT, facts TEXT, curve TEXT, curve_of TEXT, log TEXT);
CREATE TABLE IF NOT EXISTS attempts (
  run INTEGER NOT NULL REFERENCES runs(id), attempt INTEGER NOT NULL, owner TEXT NOT NULL,
  began REAL NOT NULL, ended REAL, how TEXT, PRIMARY KEY (run, attempt));
CREATE TABLE IF NOT EXISTS skips (
  suite TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, reason TEXT NOT NULL, noted REAL NOT NULL,
  PRIMARY KEY (suite, kind, name));
CREATE TABLE IF NOT EXISTS designs (
  fingerprint TEXT NOT NULL, start TEXT NOT NULL, name TEXT NOT NULL, facts TEXT NOT NULL,
  PRIMARY KEY (fingerprint, start, name));
CREATE INDEX IF NOT EXISTS runs_status ON runs(status);
"""


def schema_statements() -> list[str]:
    """SQL that makes the tables of a ledger."""
    return [statement for statement in _TABLES.split(";") if statement.strip()]


@dataclass(frozen=True)
class Claim:
    """A run that this process is to do.

    Attributes:
        id: row of the run.
        attempt: 1 for the first.
        member: the design, as ``Member.as_dict`` gives it.
        key: what decides the run.
        folder: where the attempt works.
        earlier: folder of an attempt before whose result lies there complete, or None.
        kills: how often the run was killed from outside since it last had a result.
    """

    id: int
    attempt: int
    member: Mapping[str, Any]
    key: RunKey
    folder: Path
    earlier: Path | None
    kills: int = 0


@dataclass(frozen=True)
class Verdict:
    """How a run ended.

    Attributes:
        outcome: ``"ok"``, ``"illegal"``, ``"timeout"``, ``"memory"``, ``"overuse"``, ``"crash"``, ``"killed"``,
            ``"refused"`` or ``"unfit"``.
        reason: one sentence.
        values: columns of the run.
        placement: file of the attempt that becomes the ledger's, or None.
        raw: likewise the placement before it was made legal.
    """

    outcome: str
    reason: str
    values: Mapping[str, Any] = field(default_factory=dict)
    placement: Path | None = None
    raw: Path | None = None

    @property
    def status(self) -> str:
        """``"done"``, ``"failed"`` or ``"skipped"``."""
        return {"ok": "done", "unfit": "skipped"}.get(self.outcome, "failed")


class Ledger:
    """An open ledger.

    Args:
        path: the SQLite file; made if missing.

    Raises:
        NetlistError: it is no ledger, was written by another version, or cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.files = self.path.with_name(self.path.name + ".files")
        self._owner = this_owner()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            found = self._prepare()
        except (sqlite3.Error, OSError) as error:
            words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise NetlistError(f"this cannot be used as a ledger: {words}", file=self.path) from None
        if found != str(SCHEMA):
            raise NetlistError("this ledger was written by another version", file=path, found=found, expected=SCHEMA)

    def _prepare(self) -> str:
        """Make the tables where they are not there yet; returns the version of those that are."""
        db = self._db
        others = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if others and "meta" not in others:
            raise sqlite3.DatabaseError("it is the database of another program")
        end = time.monotonic() + PATIENCE
        while True:  # SQLite does not wait by itself while another process changes the journal
            try:
                db.execute("PRAGMA journal_mode=WAL")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > end:
                    raise
                time.sleep(0.05)
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA foreign_keys=ON")
        db.execute("CREATE TEMP TABLE plan (key TEXT PRIMARY KEY, place INTEGER NOT NULL)")
        with self._transaction():
            for statement in schema_statements():
                db.execute(statement)
            db.execute("INSERT OR IGNORE INTO meta VALUES ('schema', ?)", (str(SCHEMA),))
            return str(db.execute("SELECT value FROM meta WHERE name = 'schema'").fetchone()[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing.

        Raises:
            NetlistError: the ledger cannot be written: the disk is full, or somebody keeps it locked.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            yield self._db
            self._db.execute("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:  # SQLite takes back by itself what a full disk has interrupted
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise NetlistError(f"the ledger cannot be written: {error}", file=self.path) from None
            raise

    # -- planning ------------------------------------------------------------------------------------------------

    def plan(
        self,
        runs: Sequence[tuple[RunKey, Mapping[str, Any], str]],
        *,
        suite: str,
        metric: str,
        command: str,
        retry_failed: bool = False,
    ) -> int:
        """Add what is not in the ledger yet; from now on only these runs are claimed, in this order.

        Args:
            runs: key, design (``Member.as_dict``) and what tables call the method.
            suite: its name.
            metric: figure by which it compares.
            command: what the user typed.
            retry_failed: runs that failed wait again.

        Returns:
            How many of them are not finished.

        Raises:
            NetlistError: the ledger, or the folder beside it, cannot be written.
        """
        try:  # placements go beside it: better known now than when the first of them is there
            with tempfile.TemporaryFile(dir=make_folder(self.files)):
                pass
        except OSError as error:
            raise NetlistError(f"placements cannot be kept here: {error.strerror}", file=self.files) from None
        with self._transaction() as db:
            db.execute("DELETE FROM plan")
            for place, (key, member, label) in enumerate(runs):
                digest = run_key(key)
                db.execute(
                    "INSERT OR IGNORE INTO runs (key, suite, metric, member, design, fingerprint, start, method, label,"
                    " identity, options, seed, seconds_limit, iterations_limit, cores, memory_limit, code, command)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (digest, suite, metric, json.dumps(member), key.design, key.fingerprint, key.start, key.method,
                     label, key.identity, json.dumps(dict(key.options)), key.seed, key.seconds, key.iterations,
                     key.cores, key.memory, key.code, command),
                )  # fmt: skip
                # Where a design lies may have changed since; what it holds has not, or the key would be another.
                db.execute("UPDATE runs SET member = ? WHERE key = ?", (json.dumps(member), digest))
                db.execute("INSERT OR IGNORE INTO plan VALUES (?, ?)", (digest, place))
            if retry_failed:  # with nothing left of the old result, which the new one may not overwrite
                cleared = ", ".join(f"{name} = NULL" for name in RESULT)
                db.execute(
                    f"UPDATE runs SET status = 'waiting', {cleared}"
                    " WHERE status = 'failed' AND key IN (SELECT key FROM plan)"
                )
        return self.open_runs()

    def open_runs(self) -> int:
        """Planned runs that are not finished."""
        return int(
            self._db.execute(
                "SELECT COUNT(*) FROM runs JOIN plan USING (key) WHERE status IN ('waiting', 'running')"
            ).fetchone()[0]
        )

    def note_skips(
        self, suite: str, skips: Iterable[tuple[str, str, str]], able: Iterable[tuple[str, str]] = ()
    ) -> None:
        """Remember what could not be run at all.

        Args:
            suite: its name.
            skips: (``"design"`` or ``"method"``, name, reason).
            able: (kind, name) of what can be run now; earlier reasons against it are forgotten.
        """
        with self._transaction() as db:
            db.executemany(
                "DELETE FROM skips WHERE suite = ? AND kind = ? AND name = ?", [(suite, *one) for one in able]
            )
            db.executemany(
                "INSERT OR REPLACE INTO skips VALUES (?, ?, ?, ?, ?)",
                [(suite, *skip, time.time()) for skip in skips],
            )

    def note_design(self, name: str, fingerprint: str, start: str, facts: Mapping[str, Any]) -> None:
        """Remember counts and other facts of a design."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO designs VALUES (?, ?, ?, ?)", (fingerprint, start, name, _json(facts)))

    def machine(self, facts: Mapping[str, str]) -> int:
        """Number of a machine; the same facts have the same number."""
        text = _json(facts)
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO machines (facts) VALUES (?)", (text,))
            return int(db.execute("SELECT id FROM machines WHERE facts = ?", (text,)).fetchone()[0])

    # -- working -------------------------------------------------------------------------------------------------

    def claim(self) -> Claim | None:
        """Take the next planned run that waits, or whose owner is gone; None when there is none."""
        now = time.time()
        with self._transaction() as db:
            row = db.execute(
                "SELECT * FROM runs JOIN plan USING (key) WHERE status = 'waiting' ORDER BY place LIMIT 1"
            ).fetchone()
            if row is None:
                held = db.execute(
                    "SELECT * FROM runs JOIN plan USING (key) WHERE status = 'running' AND owner != ? ORDER BY place",
                    (self._owner,),
                )
                row = next((one for one in held if is_gone(one["owner"], one["renewed"], now)), None)
                if row is None:
                    return None
                db.execute(
                    "UPDATE attempts SET ended = ?, how = 'abandoned' WHERE run = ? AND ended IS NULL", (now, row["id"])
                )
            number = row["attempts"] + 1
            db.execute(
                "UPDATE runs SET status = 'running', attempts = ?, owner = ?, renewed = ? WHERE id = ?",
                (number, self._owner, now, row["id"]),
            )
            kills = db.execute(
                "SELECT COUNT(*) FROM attempts WHERE run = ? AND how = 'killed' AND attempt > COALESCE("
                "(SELECT MAX(attempt) FROM attempts WHERE run = ? AND how = 'finished'), 0)", (row["id"], row["id"]),
            ).fetchone()[0]  # fmt: skip
            db.execute(
                "INSERT INTO attempts (run, attempt, owner, began) VALUES (?, ?, ?, ?)",
                (row["id"], number, self._owner, now),
            )
        before = (self._attempt(row["id"], k) for k in range(number - 1, 0, -1))
        return Claim(
            row["id"], number, json.loads(row["member"]), _key(row), self._attempt(row["id"], number),
            next((folder for folder in before if (folder / "run.json").is_file()), None), int(kills),
        )  # fmt: skip

    def renew(self) -> None:
        """Say that this process still works on what it claimed."""
        with self._transaction() as db:
            db.execute("UPDATE runs SET renewed = ? WHERE status = 'running' AND owner = ?", (time.time(), self._owner))

    def give_up(self, claim: Claim, how: str) -> None:
        """Put a claimed run back among those that wait; nothing of the attempt is kept.

        Args:
            claim: what :meth:`claim` gave.
            how: what happened to the attempt.
        """
        with self._transaction() as db:
            changed = db.execute(
                "UPDATE runs SET status = 'waiting', owner = NULL WHERE id = ? AND status = 'running' AND owner = ?"
                " AND attempts = ?",
                (claim.id, self._owner, claim.attempt),
            ).rowcount
            if changed:
                self._end(db, claim, how)
        shutil.rmtree(claim.folder, ignore_errors=True)

    def finish(self, claim: Claim, verdict: Verdict, *, machine: int) -> bool:
        """Enter a result, once.

        Args:
            claim: what :meth:`claim` gave.
            verdict: how it ended; its files are copied into the ledger's folder first.
            machine: of :meth:`machine`.

        Returns:
            False where the claim was not this process's any more; nothing was entered then.
        """
        values: dict[str, Any] = dict(verdict.values)
        ready: dict[Path, Path] = {}
        places = make_folder(self.files / "placements")
        for column, source in (("placement", verdict.placement), ("raw_placement", verdict.raw)):
            if source is not None:
                mark = "raw" if column == "raw_placement" else ""
                target = places / kept_name(claim.key, mark, source.name.partition(".")[2])
                ready[laid_ready(source, target)] = target
                values[column] = target.relative_to(self.files).as_posix()
        values.update(
            status=verdict.status, outcome=verdict.outcome, reason=verdict.reason, finished=time.time(),
            machine=machine,
        )  # fmt: skip
        names = ", ".join(f"{name} = ?" for name in values)
        try:
            with self._transaction() as db:
                changed = db.execute(
                    f"UPDATE runs SET {names} WHERE id = ? AND status = 'running' AND owner = ? AND attempts = ?",
                    (*(_plain(v) for v in values.values()), claim.id, self._owner, claim.attempt),
                ).rowcount
                if changed:
                    # Only who holds the claim may touch the run's files; they are there before the ledger says so.
                    for fresh, target in ready.items():
                        fresh.replace(target)
                    if ready:
                        sync(places)
                    self._end(db, claim, "finished")
        finally:
            for fresh in ready:
                fresh.unlink(missing_ok=True)
        for number in range(claim.attempt, 0, -1):
            shutil.rmtree(self._attempt(claim.id, number), ignore_errors=True)
        return bool(changed)

    def workplace(self, name: str) -> Path:
        """An empty folder of this process for something that is no run; the caller removes it."""
        words = self._owner.split("|")
        folder = self.files / "work" / f"own-{words[2]}-{words[3]}-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        return make_folder(folder)

    def tidy(self) -> None:
        """Remove working folders that nobody needs any more; those of other processes stay."""
        work = self.files / "work"
        try:
            # Listed before the ledger is asked: whatever begins in between is not among them.
            folders = sorted(work.iterdir())
        except FileNotFoundError:
            return
        running = {row["id"] for row in self._db.execute("SELECT id FROM runs WHERE status = 'running'")}
        for folder in folders:
            if self._is_needed(folder.name, running):
                continue
            # Taken away at once: another process takes a folder over whole, or does not find it.
            gone = folder.with_name(f"gone-{os.getpid()}-{folder.name}")
            with suppress(OSError):
                folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)
        with suppress(OSError):
            work.rmdir()

    def _is_needed(self, name: str, running: set[int]) -> bool:
        kind, _, rest = name.partition("-")
        if kind.isdigit():
            return int(kind) in running
        if kind == "own":
            pid, _, rest = rest.partition("-")
            return pid.isdigit() and str(process_start(int(pid))) == rest.partition("-")[0]
        return False

    def _end(self, db: sqlite3.Connection, claim: Claim, how: str) -> None:
        db.execute(
            "UPDATE attempts SET ended = ?, how = ? WHERE run = ? AND attempt = ?",
            (time.time(), how, claim.id, claim.attempt),
        )

    def _attempt(self, run: int, number: int) -> Path:
        return self.files / "work" / f"{run}-{number}"


def _key(row: sqlite3.Row) -> RunKey:
    return RunKey(
        row["design"], row["fingerprint"], row["start"], row["method"], row["identity"], json.loads(row["options"]),
        row["seed"], row["seconds_limit"], row["iterations_limit"], row["cores"], row["memory_limit"], row["code"],
    )  # fmt: skip


def _json(value: Any) -> str:  # noqa: ANN401 - any nest of plain values
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> Any:  # noqa: ANN401 - what SQLite holds
    return _json(value) if isinstance(value, (dict, list, tuple)) else value
