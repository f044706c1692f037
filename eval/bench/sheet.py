"""One table of results, and its Markdown, CSV and JSON files."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netlists.formats.textio import atomic_write


@dataclass
class Sheet:
    """What one measurement found.

    Attributes:
        name: file stem.
        title: heading.
        columns: key -> heading, in order; headings carry the unit.
        rows: one mapping a row; keys beyond ``columns`` go to JSON only.
        notes: sentences under the table: how it was measured, where quoted figures come from.
        skipped: what could not be measured, and why.
        files: further files, name -> text: curves and figures.
    """

    name: str
    title: str
    columns: dict[str, str]
    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    def markdown(self, machine: Mapping[str, Any]) -> str:
        """The sheet as a Markdown page.

        Args:
            machine: facts of :func:`eval.bench.machine.facts`.
        """
        lines = [f"# {self.title}", "", *table(self.columns, self.rows), ""]
        lines += [f"- {note}" for note in self.notes]
        if self.skipped:
            lines += ["", "Skipped:", ""] + [f"- {what}" for what in self.skipped]
        lines += ["", "Measured on:", ""] + [f"- {key}: {value}" for key, value in machine.items()]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path, machine: Mapping[str, Any]) -> list[Path]:
        """Write ``<name>.md``, ``.csv`` and ``.json``, and the further files.

        Args:
            folder: made if missing.
            machine: facts of :func:`eval.bench.machine.facts`.

        Returns:
            The files.

        Raises:
            NetlistError: a file cannot be written.
        """
        text = io.StringIO()
        writer = csv.DictWriter(text, list(self.columns), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        record = {
            "machine": dict(machine), "notes": self.notes, "rows": self.rows, "skipped": self.skipped,
            "title": self.title,
        }  # fmt: skip
        return [
            atomic_write(folder / f"{self.name}.md", self.markdown(machine)),
            atomic_write(folder / f"{self.name}.csv", text.getvalue()),
            atomic_write(folder / f"{self.name}.json", json.dumps(record, indent=2, sort_keys=True) + "\n"),
            *(atomic_write(folder / file, content) for file, content in sorted(self.files.items())),
        ]


def table(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of a Markdown table.

    Args:
        columns: key -> heading.
        rows: values by key; absent ones stay empty.
    """
    numeric = {key for key in columns if any(isinstance(row.get(key), (int, float)) for row in rows)}
    lines = ["| " + " | ".join(columns.values()) + " |"]
    lines.append("|" + "|".join("--:" if key in numeric else "---" for key in columns) + "|")
    lines += ["| " + " | ".join(_cell(row.get(key)) for key in columns) + " |" for row in rows]
    return lines


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value).replace("|", "\\|")
