"""Figures other people published."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from netlists.errors import NetlistError

_FILE = Path(__file__).resolve().parents[1] / "published.toml"


@dataclass(frozen=True)
class Published:
    """One published figure.

    Attributes:
        design: name of the design.
        metric: figure of a score, as ``placer.score`` names it.
        method: who or what, with time and machine where they are known.
        value: the figure.
        source: where it stands.
    """

    design: str
    metric: str
    method: str
    value: float
    source: str


def published(path: Path | None = None) -> tuple[Published, ...]:
    """The table that ships, or another file of the same form.

    Raises:
        NetlistError: the file cannot be used.
    """
    file = _FILE if path is None else path
    try:
        rows = tomllib.loads(file.read_text())["result"]
        names = {field.name for field in fields(Published)}
        for row in rows:
            if set(row) != names or not isinstance(row["value"], (int, float)):
                raise NetlistError("a published result needs " + ", ".join(sorted(names)), file=file, found=row)
        return tuple(Published(**{**row, "value": float(row["value"])}) for row in rows)
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise NetlistError(f"this is no table of published results: {error}", file=file) from None
