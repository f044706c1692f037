"""What is kept: every generation with its lineage, games, demonstrations, trial and files, safe against a kill.

A folder holds ``archive.db`` (SQLite) and ``generations/NNNN/`` with the files of each generation. Whatever happens is
one transaction, and files are complete before the transaction that speaks of them: who is killed at any moment leaves
all of a step or nothing that counts. The incumbent is the latest promoted generation; nothing else says so.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import numpy as np

from netlists.errors import NetlistError
from placer._version import __version__
from policies.improve.records import (
    ARCHIVED,
    FAILED,
    PROMOTED,
    RUNNING,
    STEPS,
    Game,
    Generation,
    StoredDemonstration,
    generation_of,
)
from policies.improve.settings import LARGEST, Recipe, Settings
from policies.improve.trial import LEVEL, Pair, Verdict, level_of

#: Changes when a table does.
SCHEMA = 1
FILE, LOCK, FOLDERS = "archive.db", ".lock", "generations"
#: A commit is on the disk when it returns, whatever happens to the machine.
_DURABLE = "FULL"
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS generations (
  id INTEGER PRIMARY KEY, parent INTEGER REFERENCES generations(id), incumbent INTEGER REFERENCES generations(id),
  branch INTEGER REFERENCES generations(id),
  recipe TEXT NOT NULL, settings TEXT NOT NULL, status TEXT NOT NULL, step TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '', trial INTEGER, level REAL, first_design INTEGER, skill REAL, verdict TEXT, began REAL
  NOT NULL, ended REAL);
CREATE TABLE IF NOT EXISTS steps (
  generation INTEGER NOT NULL REFERENCES generations(id), name TEXT NOT NULL, seconds REAL NOT NULL,
  figures TEXT NOT NULL, PRIMARY KEY (generation, name));
CREATE TABLE IF NOT EXISTS games (
  generation INTEGER NOT NULL REFERENCES generations(id), number INTEGER NOT NULL, design INTEGER NOT NULL,
  seed INTEGER NOT NULL, cost REAL, gain REAL, kept INTEGER NOT NULL, seconds REAL NOT NULL,
  PRIMARY KEY (generation, number));
CREATE TABLE IF NOT EXISTS demonstrations (
  design INTEGER PRIMARY KEY, generation INTEGER NOT NULL REFERENCES generations(id), seed INTEGER NOT NULL,
  cost REAL NOT NULL, gain REAL NOT NULL, choices BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS pairs (
  generation INTEGER NOT NULL REFERENCES generations(id), number INTEGER NOT NULL, design INTEGER NOT NULL,
  seed INTEGER NOT NULL, child REAL, incumbent REAL, child_first INTEGER NOT NULL, seconds REAL NOT NULL,
  PRIMARY KEY (generation, number));
"""


class Archive:
    """An open archive; one process at a time writes.

    Args:
        folder: of the archive.
        write: whether to change it. Only then it is made if it is not there.
        level: of all trials against one incumbent; what a new archive is made with. None for the one it has.
        seed: of every random choice, likewise.
        largest: most macros of generated designs, likewise.

    Raises:
        NetlistError: the folder is no archive, or one of another version, level, seed or size of designs, or another
            process writes there.

    Attributes:
        folder: of the archive.
        level: of all trials against one incumbent.
        seed: of every random choice.
        largest: most macros of generated designs.
        parts: names of what a generation is made of; empty before there is a founder.
    """

    def __init__(
        self,
        folder: Path,
        *,
        write: bool = False,
        level: float | None = None,
        seed: int | None = None,
        largest: int | None = None,
    ) -> None:
        self.folder = Path(folder)
        file = self.folder / FILE
        if not file.is_file():
            if not write:
                raise NetlistError("no archive of placer improve", file=folder, expected=f"a folder with {FILE}")
            others = [one for one in self._entries() if one not in (LOCK, FOLDERS)]
            if others:
                raise NetlistError(
                    "neither empty nor an archive of placer improve", file=folder, found=min(others), expected=FILE
                )
        self._lock = self._locked() if write else None
        try:
            # A reader too may have to undo what a kill left half done, so it opens for writing; it makes no file.
            mode = "rwc" if write else "rw"
            self._db = sqlite3.connect(
                f"{file.resolve().as_uri()}?mode={mode}", uri=True, timeout=60.0, isolation_level=None
            )
            self._db.row_factory = sqlite3.Row
            if write:
                self._db.execute(f"PRAGMA synchronous={_DURABLE}")
                self._db.execute("PRAGMA foreign_keys=ON")
                for statement in filter(str.strip, _TABLES.split(";")):
                    self._db.execute(statement)
                fresh = {
                    "level": LEVEL if level is None else level, "seed": seed or 0, "largest": largest or LARGEST,
                }  # fmt: skip
                with self._transaction() as db:
                    for name, value in {"schema": SCHEMA, "placer": __version__, **fresh}.items():
                        db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (name, json.dumps(value)))
            meta = {row["name"]: json.loads(row["value"]) for row in self._db.execute("SELECT * FROM meta")}
            self.level, self.seed, self.largest = float(meta["level"]), int(meta["seed"]), int(meta["largest"])
            self.parts = tuple(str(name) for name in meta.get("parts", ()))
        except (sqlite3.Error, OSError, KeyError, ValueError, TypeError) as error:
            self.close()
            raise NetlistError(f"not an archive of placer improve: {error}", file=file) from None
        if meta.get("schema") != SCHEMA:
            self.close()
            raise NetlistError("an archive of another version", file=file, found=meta.get("schema"), expected=SCHEMA)
        for name, asked in {"level": level, "seed": seed, "largest": largest}.items():
            if asked is not None and asked != getattr(self, name):
                self.close()
                raise NetlistError(
                    f"the {name} of an archive stays as it was begun", file=folder, found=asked,
                    expected=getattr(self, name),
                )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; another process may write then."""
        if hasattr(self, "_db"):
            self._db.close()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def place_of(self, generation: int) -> Path:
        """Folder of a generation's files."""
        return self.folder / FOLDERS / f"{generation:04d}"

    # -- reading -------------------------------------------------------------------------------------------------------

    def generations(self) -> list[Generation]:
        """All of them, oldest first."""
        return [generation_of(row) for row in self._db.execute("SELECT * FROM generations ORDER BY id")]

    def generation(self, number: int) -> Generation:
        """One of them."""
        return generation_of(self._db.execute("SELECT * FROM generations WHERE id = ?", (number,)).fetchone())

    def incumbent(self) -> Generation | None:
        """The latest that was promoted; None before there is a founder."""
        row = self._db.execute(
            "SELECT * FROM generations WHERE status = ? ORDER BY id DESC LIMIT 1", (PROMOTED,)
        ).fetchone()
        return None if row is None else generation_of(row)

    def unfinished(self) -> Generation | None:
        """The one that was stopped on its way."""
        row = self._db.execute("SELECT * FROM generations WHERE status = ?", (RUNNING,)).fetchone()
        return None if row is None else generation_of(row)

    def games(self, generation: int) -> list[sqlite3.Row]:
        """Games of a generation: rows with the columns of the table, without choices."""
        return self._db.execute("SELECT * FROM games WHERE generation = ? ORDER BY number", (generation,)).fetchall()

    def known_designs(self, before: int) -> list[int]:
        """Training designs that were played in generations before one, ascending."""
        found = self._db.execute("SELECT DISTINCT design FROM games WHERE generation < ? ORDER BY design", (before,))
        return [int(row["design"]) for row in found]

    def demonstrations(self) -> list[StoredDemonstration]:
        """The best placement of every training design, the latest found first."""
        found = self._db.execute("SELECT * FROM demonstrations ORDER BY generation DESC, design")
        return [
            StoredDemonstration(
                row["design"], row["generation"], row["cost"], row["gain"], np.frombuffer(row["choices"], "<i8").copy()
            )
            for row in found
        ]

    def pairs(self, generation: int) -> list[Pair]:
        """What a trial has played so far."""
        found = self._db.execute("SELECT * FROM pairs WHERE generation = ? ORDER BY number", (generation,))
        return [
            Pair(
                row["number"], row["design"], row["seed"], row["child"], row["incumbent"], bool(row["child_first"]),
                row["seconds"],
            )
            for row in found
        ]  # fmt: skip

    def steps(self, generation: int) -> dict[str, dict[str, Any]]:
        """Steps that are done: name -> figures, with ``seconds`` of wall-clock."""
        found = self._db.execute("SELECT * FROM steps WHERE generation = ?", (generation,))
        return {row["name"]: {"seconds": row["seconds"], **json.loads(row["figures"])} for row in found}

    # -- writing -------------------------------------------------------------------------------------------------------

    def found(self, settings: Settings, parts: Sequence[str]) -> Generation:
        """Enter the founder; its files are there.

        Args:
            settings: of the call that made it.
            parts: names of what it is made of, and all its descendants.
        """
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('parts', ?)", (json.dumps(list(parts)),))
            db.execute(
                "INSERT INTO generations (id, recipe, settings, status, step, skill, began, ended)"
                " VALUES (0, ?, ?, ?, '', 0.0, ?, ?)",
                (json.dumps(asdict(settings.recipe)), json.dumps(asdict(settings)), PROMOTED, time.time(), time.time()),
            )
        self.parts = tuple(parts)
        return self.generation(0)

    def begin(self, parent: Generation, recipe: Recipe, settings: Settings, branch: int | None = None) -> Generation:
        """Begin a generation against the present incumbent.

        Args:
            parent: whom it learns from.
            recipe: how.
            settings: what it does.
            branch: the generation whose branch it was asked to continue.
        """
        incumbent = self.incumbent()
        assert incumbent is not None  # there is a parent, so there is a founder
        with self._transaction() as db:
            number = db.execute(
                "INSERT INTO generations (parent, incumbent, branch, recipe, settings, status, step, began)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (parent.id, incumbent.id, branch, json.dumps(asdict(recipe)), json.dumps(asdict(settings)), RUNNING,
                 STEPS[0], time.time()),
            ).lastrowid  # fmt: skip
        assert number is not None
        return self.generation(number)

    def add_game(self, generation: Generation, game: Game) -> bool:
        """Enter a game, and its lesson where it is cheaper than what is stored for the design.

        Returns:
            Whether the lesson was kept.
        """
        with self._transaction() as db:
            known = db.execute("SELECT cost FROM demonstrations WHERE design = ?", (game.design,)).fetchone()
            kept = game.choices is not None and game.cost is not None and (known is None or game.cost < known["cost"])
            if kept:
                assert game.choices is not None
                db.execute(
                    "INSERT OR REPLACE INTO demonstrations VALUES (?, ?, ?, ?, ?, ?)",
                    (game.design, generation.id, game.seed, game.cost, game.gain, game.choices.astype("<i8").tobytes()),
                )
            db.execute(
                "INSERT INTO games VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (generation.id, game.number, game.design, game.seed, game.cost, game.gain, kept, game.seconds),
            )
        return kept

    def finish_step(self, generation: Generation, seconds: float, figures: Mapping[str, float]) -> Generation:
        """The step under way is done; the next one begins."""
        following = STEPS[STEPS.index(generation.step) + 1]
        with self._transaction() as db:
            self._enter_step(db, generation, seconds, figures)
            db.execute("UPDATE generations SET step = ? WHERE id = ?", (following, generation.id))
        return self.generation(generation.id)

    def open_trial(self, generation: Generation, earliest: int) -> Generation:
        """Spend the level of a trial, before anything is played.

        Args:
            generation: whose trial it is.
            earliest: seed of the first design of the first trial; later ones begin after all that were used.
        """
        with self._transaction() as db:
            number = 1 + int(
                db.execute(
                    "SELECT COUNT(*) FROM generations WHERE incumbent = ? AND trial IS NOT NULL",
                    (generation.incumbent,),
                ).fetchone()[0]
            )
            used = db.execute("SELECT MAX(design) FROM pairs").fetchone()[0]
            first = earliest if used is None else max(earliest, int(used) + 1)
            db.execute(
                "UPDATE generations SET trial = ?, level = ?, first_design = ? WHERE id = ?",
                (number, level_of(number, self.level), first, generation.id),
            )
        return self.generation(generation.id)

    def add_pair(self, generation: Generation, pair: Pair) -> None:
        """Enter what was played."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO pairs VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (generation.id, pair.number, pair.design, pair.seed, pair.child, pair.incumbent, pair.child_first,
                 pair.seconds),
            )  # fmt: skip

    def decide(self, generation: Generation, verdict: Verdict, seconds: float) -> Generation:
        """End a generation: promoted or archived."""
        assert generation.incumbent is not None
        skill = self.generation(generation.incumbent).skill - verdict.mean
        with self._transaction() as db:
            self._enter_step(db, generation, seconds, {})
            db.execute(
                "UPDATE generations SET status = ?, verdict = ?, skill = ?, ended = ? WHERE id = ?",
                (PROMOTED if verdict.win else ARCHIVED, json.dumps(asdict(verdict)), skill, time.time(), generation.id),
            )
        return self.generation(generation.id)

    def fail(self, generation: Generation, reason: str) -> Generation:
        """End a generation that cannot go on."""
        with self._transaction() as db:
            db.execute(
                "UPDATE generations SET status = ?, reason = ?, ended = ? WHERE id = ?",
                (FAILED, reason, time.time(), generation.id),
            )
        return self.generation(generation.id)

    # -- inside --------------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise NetlistError(f"cannot write: {error}", file=self.folder / FILE) from None

    def _enter_step(
        self, db: sqlite3.Connection, generation: Generation, seconds: float, figures: Mapping[str, float]
    ) -> None:
        db.execute(
            "INSERT INTO steps VALUES (?, ?, ?, ?)",
            (generation.id, generation.step, seconds, json.dumps(dict(figures))),
        )

    def _entries(self) -> list[str]:
        try:
            return [one.name for one in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise NetlistError(f"cannot be used as an archive: {error.strerror}", file=self.folder) from None

    def _locked(self) -> IO[str]:
        """Keep other processes from writing until the file is closed, which a kill does too."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = open(self.folder / LOCK, "w")  # noqa: SIM115 - held until close()
        except OSError as error:
            raise NetlistError(f"cannot be used as an archive: {error.strerror}", file=self.folder) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            raise NetlistError("another process works on this archive", file=self.folder) from None
        os.set_inheritable(handle.fileno(), False)
        return handle
