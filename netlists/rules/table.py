"""TOML tables that know where they stand: every value that cannot be used is named with file, line and key."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from shapely.geometry import Polygon, box

from netlists.errors import NetlistError
from netlists.formats.textio import read_bytes

#: A constraints file is written by hand.
_MAX_BYTES = 16 << 20
_HEADER = re.compile(r"^\s*\[\[?\s*([^\]\s]+)\s*\]?\]")
_AT_LINE = re.compile(r"\s*\(at line (\d+), column \d+\)")


@dataclass(frozen=True)
class Table:
    """One table of the file.

    Attributes:
        file: the file.
        name: of the table; empty for the top of the file.
        values: its keys.
        lines: line of each key, where it could be found.
        line: line of the table's header; 1 for the top of the file.
    """

    file: Path
    name: str
    values: dict[str, Any]
    lines: dict[str, int]
    line: int = 1

    def fail(self, message: str, key: str = "", *, found: object = None, expected: object = None) -> NoReturn:
        """Raise a NetlistError that points at a key, or at the table."""
        raise NetlistError(message, file=self.file, line=self.lines.get(key, self.line), found=found, expected=expected)

    def only(self, known: Collection[str]) -> None:
        """Reject keys that mean nothing here, with the nearest that does."""
        for key in self.values:
            if key not in known:
                near = difflib.get_close_matches(key, list(known), 1, 0.5)
                where = f"[[{self.name}]]" if self.name else "the file"
                self.fail(
                    f"{where} has no key {key!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
                    key, expected=f"one of {', '.join(sorted(known))}",
                )  # fmt: skip

    def number(self, key: str, low: float = 0.0, high: float = float("inf")) -> float | None:
        """A finite number between ``low`` and ``high``, or None without the key."""
        return None if key not in self.values else self._number(self.values[key], key, low, high)

    def pair(self, key: str, low: float = 0.0) -> tuple[float, float] | None:
        """``[x, y]``, or one number for both."""
        value = self._numbers(key, (1, 2), low)
        return None if value is None else (value[0], value[-1])

    def point(self, key: str) -> tuple[float, float] | None:
        """``[x, y]``, or None without the key."""
        if key not in self.values:
            return None
        x, y = self._listed(key, self.values[key], 2)
        return x, y

    def sides(self, key: str) -> tuple[float, float, float, float] | None:
        """``[left, bottom, right, top]``, ``[x, y]`` or one number for all."""
        value = self._numbers(key, (1, 2, 4), 0.0)
        if value is None:
            return None
        if len(value) < 4:
            value = [value[0], value[-1], value[0], value[-1]]
        return value[0], value[1], value[2], value[3]

    def word(self, key: str, choices: Sequence[str]) -> str | None:
        """One of a few words, or None without the key."""
        if key not in self.values:
            return None
        value = self.values[key]
        if value not in choices:
            near = difflib.get_close_matches(str(value), choices, 1, 0.5)
            self.fail(
                f"{key} cannot be {value!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
                key, expected=f"one of {', '.join(choices)}",
            )  # fmt: skip
        return str(value)

    def flag(self, key: str) -> bool | None:
        """True or false, or None without the key."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            self.fail(f"{key} must be true or false", key, found=value)
        return value

    def text(self, key: str) -> str:
        """A string that must be there."""
        value = self.values.get(key)
        if not isinstance(value, str) or not value:
            self.fail(f"[[{self.name}]] needs a {key}", key, found=value, expected="text")
        return value

    def texts(self, key: str) -> list[str] | None:
        """A string or a list of strings; None without the key."""
        value = self.values.get(key)
        if value is None:
            return None
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list) or not listed or not all(isinstance(item, str) and item for item in listed):
            self.fail(f"{key} must be text or a list of texts", key, found=value)
        return listed

    def area(self) -> Polygon:
        """``box = [x0, y0, x1, y1]`` or ``polygon = [[x, y], ...]``, um; edges must be horizontal and vertical."""
        if ("box" in self.values) == ("polygon" in self.values):
            self.fail(f"[[{self.name}]] needs either a box or a polygon")
        if "box" in self.values:
            x0, y0, x1, y1 = self._listed("box", self.values["box"], 4)
            if x1 <= x0 or y1 <= y0:
                self.fail("the box is empty", "box", found=self.values["box"], expected="[x0, y0, x1, y1]")
            return box(x0, y0, x1, y1)
        points = self.values["polygon"]
        if not isinstance(points, list) or len(points) < 4:
            self.fail("a polygon needs at least four points", "polygon", found=points)
        corners = np.array([self._listed("polygon", point, 2) for point in points])
        steps = np.diff(np.vstack([corners, corners[:1]]), axis=0)
        if not ((steps == 0).any(axis=1)).all():
            self.fail("the edges of a polygon must be horizontal or vertical", "polygon")
        shape = Polygon(corners)
        if not shape.is_valid or shape.area <= 0:
            self.fail("the polygon crosses itself or is empty", "polygon")
        return shape

    def _listed(self, key: str, value: object, count: int) -> list[float]:
        if not isinstance(value, list) or len(value) != count:
            self.fail(f"{key} needs {count} numbers", key, found=value)
        return [self._number(item, key, -float("inf"), float("inf")) for item in value]

    def _numbers(self, key: str, counts: tuple[int, ...], low: float) -> list[float] | None:
        if key not in self.values:
            return None
        value = self.values[key]
        listed = value if isinstance(value, list) else [value]
        if len(listed) not in counts:
            self.fail(f"{key} needs {' or '.join(map(str, counts))} numbers", key, found=value)
        return [self._number(item, key, low, float("inf")) for item in listed]

    def _number(self, value: object, key: str, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
            self.fail(f"{key} must be a number", key, found=value)
        if not low <= value <= high:
            limit = f"at least {low:g}" if high == float("inf") else f"{low:g} to {high:g}"
            self.fail(f"{key} is out of range", key, found=value, expected=limit)
        return float(value)


def read_tables(path: str | Path, known: Sequence[str]) -> tuple[Table, list[Table]]:
    """Read a constraints file.

    Args:
        path: the file.
        known: names of the arrays of tables it may hold.

    Returns:
        The keys above the first table, and all ``[[tables]]`` in the order of the file.

    Raises:
        NetlistError: unreadable, not TOML (with the line), or a table that means nothing.
    """
    path = Path(path)
    try:
        text = read_bytes(path, _MAX_BYTES).decode("utf-8")
    except UnicodeDecodeError as error:
        raise NetlistError("not a text file in UTF-8", file=path, found=f"byte {error.start}") from None
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = _AT_LINE.search(str(error))
        raise NetlistError(
            f"not valid TOML: {_AT_LINE.sub('', str(error))}", file=path, line=int(at.group(1)) if at else None
        ) from None
    places = _places(text)
    top = Table(path, "", {}, places[0][2])
    tables: list[tuple[int, Table]] = []
    for key, value in content.items():
        if key not in known:
            if isinstance(value, (dict, list)) and any(name == key for name, _, _ in places[1:]):
                near = difflib.get_close_matches(key, known, 1, 0.5)
                line = next(line for name, line, _ in places[1:] if name == key)
                raise NetlistError(
                    f"there is no table {key!r}" + (f"; did you mean [[{near[0]}]]?" if near else ""),
                    file=path, line=line, expected=f"one of {', '.join(f'[[{name}]]' for name in known)}",
                )  # fmt: skip
            top.values[key] = value
            continue
        mine = [(line, keys) for name, line, keys in places[1:] if name == key]
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            at_line = mine[0][0] if mine else top.lines.get(key)
            raise NetlistError(
                f"{key} is a list of tables", file=path, line=at_line, expected=f"[[{key}]] with double brackets"
            )
        for index, item in enumerate(value):
            line, keys = mine[index] if len(mine) == len(value) else (top.lines.get(key, 1), {})
            tables.append((line, Table(path, key, item, keys, line)))
    return top, [table for _, table in sorted(tables, key=lambda entry: entry[0])]


def _places(text: str) -> list[tuple[str, int, dict[str, int]]]:
    """(table, line, line of each key) as they stand in the text; the first entry is the top of the file."""
    places: list[tuple[str, int, dict[str, int]]] = [("", 1, {})]
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header and "=" not in line.split("#")[0]:
            places.append((header.group(1).strip("\"'"), number, {}))
            continue
        key, sign, _ = line.partition("=")
        if sign:
            places[-1][2].setdefault(key.strip().strip("\"'").split(".")[0], number)
    return places
