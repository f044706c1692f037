"""What results there are: sheets of ``python -m eval.bench`` and ledgers of ``placer study``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from eval.site.tables import Group
from eval.study import Finding, Study, findings, load_study
from eval.study.publish import published_group
from netlists.errors import NetlistError

ROOT = Path(__file__).resolve().parents[2]


class NotMeasuredError(Exception):
    """A file of results is not there; what needs it is left out."""


@dataclass(frozen=True, eq=False)
class Record:
    """A sheet as it was stored.

    Attributes:
        name: file stem.
        title: heading.
        rows: one mapping a row.
        notes: how it was measured.
        machine: facts of :func:`eval.bench.machine.facts`.
    """

    name: str
    title: str
    rows: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]
    machine: Mapping[str, str]

    @property
    def command(self) -> str:
        """What was typed to measure it."""
        return self.machine["command"]

    def row(self, **wanted: object) -> Mapping[str, Any]:
        """The first row with these values.

        Raises:
            NotMeasuredError: there is none.
        """
        for row in self.rows:
            if all(row.get(key) == value for key, value in wanted.items()):
                return row
        raise NotMeasuredError(f"{self.name}: no row with {wanted}")


@dataclass(frozen=True, eq=False)
class StudyRecord:
    """A published study.

    Attributes:
        study: its declaration.
        group: its runs.
    """

    study: Study
    group: Group

    @cached_property
    def findings(self) -> list[Finding]:
        """What became of its claims."""
        return findings(self.study, self.group)


class Results:
    """A folder of results.

    Args:
        folder: where the files are.
    """

    def __init__(self, folder: Path = ROOT / "docs" / "results") -> None:
        self.folder = folder
        self._sheets: dict[str, Record] = {}
        self._studies: dict[str, StudyRecord] = {}

    @property
    def machines(self) -> list[Mapping[str, str]]:
        """Facts about the machines of everything that was used so far, in order of name."""
        found = [record.machine for _, record in sorted(self._sheets.items())]
        for _, one in sorted(self._studies.items()):
            found += [run.machine for cell in one.group.cells.values() for run in cell.runs[:1]]
        return found

    @property
    def used(self) -> set[str]:
        """Names of the sheets and studies that were used so far."""
        return {*self._sheets, *self._studies}

    def sheet(self, name: str) -> Record:
        """A sheet.

        Raises:
            NotMeasuredError: it is not there.
            NetlistError: its file is no sheet.
        """
        if name not in self._sheets:
            file = self.folder / f"{name}.json"
            if not file.is_file():
                raise NotMeasuredError(file.name)
            try:
                raw = json.loads(file.read_text())
                rows, notes = tuple(raw["rows"]), tuple(raw["notes"])
                self._sheets[name] = Record(name, raw["title"], rows, notes, raw["machine"])
            except (ValueError, KeyError, TypeError) as error:
                raise NetlistError(f"this is no sheet of results: {error!r}", file=file) from None
        return self._sheets[name]

    def sheets(self, prefix: str) -> list[Record]:
        """Sheets whose name begins so, in order of name; none where there are none."""
        return [self.sheet(file.stem) for file in sorted(self.folder.glob(f"{prefix}*.json"))]

    def study(self, name: str) -> StudyRecord:
        """A study that ships, with its published ledger.

        Raises:
            NotMeasuredError: the ledger is not there.
            NetlistError: the ledger is none, or not of the study as it is declared now.
        """
        if name not in self._studies:
            file = self.folder / f"{name}.db"
            if not file.is_file():
                raise NotMeasuredError(file.name)
            study = load_study(name)
            self._studies[name] = StudyRecord(study, published_group(study, file)[0])
        return self._studies[name]
