"""``.scl``: standard-cell rows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from netlists import orientation
from netlists.canvas import Rows
from netlists.formats.bookshelf import lines as text
from netlists.formats.bookshelf.numbers import shortest

_PAIR = re.compile(rb"(\w+)\s*:\s*([^\s:]+)")
_NUMBERS = (b"coordinate", b"height", b"sitewidth", b"sitespacing", b"subroworigin", b"numsites")


@dataclass
class _Row:
    """One CoreRow while it is being read: key -> (token, line index), and its subrows."""

    index: int
    values: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    origins: list[tuple[bytes, int]] = field(default_factory=list)
    sites: list[tuple[bytes, int]] = field(default_factory=list)


def read_rows(path: Path) -> tuple[Rows, dict[str, Any]]:
    """Read an ``.scl`` file.

    Returns:
        the rows bottom up (file order among equals), one entry a subrow, and the extras that tell how the file spelt
        them: ``bookshelf.row_group`` (CoreRow of each subrow), ``bookshelf.row_orient`` (its word) and
        ``bookshelf.row_order`` (the rows in the order of the file), each only where it says something.

    Raises:
        NetlistError: wrong header, malformed or vertical row, bad number, no row, or counts that disagree.
    """
    source = text.open_source(path, "scl")
    rows, counts = _scan(source)
    text.check_count(source, counts, b"NumRows", len(rows), "rows")
    if not rows:
        raise source.error("there is no row")
    columns: dict[bytes, list[bytes]] = {key: [] for key in _NUMBERS}
    where: list[int] = []
    group: list[int] = []
    words: list[str] = []
    symmetry: list[str] = []
    for number, row in enumerate(rows):
        _complete(source, row)
        for origin, sites in zip(row.origins, row.sites, strict=True):
            for key in _NUMBERS[:4]:
                columns[key].append(row.values[key][0])
            columns[b"subroworigin"].append(origin[0])
            columns[b"numsites"].append(sites[0])
            where.append(origin[1])
            group.append(number)
            words.append(source.text(*row.values.get(b"siteorient", (b"N", row.index))))
            symmetry.append(source.text(*row.values.get(b"sitesymmetry", (b"", row.index))))
    values = {key: text.floats(source, columns[key], where, f"{key.decode()} of a row") for key in _NUMBERS}
    for key, low in ((b"height", 0.0), (b"sitewidth", 0.0), (b"sitespacing", 0.0), (b"numsites", 0.5)):
        bad = np.flatnonzero(~(values[key] > low))
        if len(bad):
            raise source.error(
                f"{key.decode()} of a row is not positive", where[int(bad[0])], found=float(values[key][bad[0]])
            )
    whole = values[b"numsites"] == np.round(values[b"numsites"])
    if not whole.all():
        raise source.error("numsites of a row is not a whole number", where[int(np.flatnonzero(~whole)[0])])
    codes = [_orient(source, word, i) for word, i in zip(words, where, strict=True)]
    order = np.argsort(values[b"coordinate"], kind="stable")
    result = Rows(
        y=values[b"coordinate"][order], height=values[b"height"][order], x0=values[b"subroworigin"][order],
        num_sites=values[b"numsites"].astype(np.int64)[order], site_width=values[b"sitewidth"][order],
        site_spacing=values[b"sitespacing"][order], orient=np.array(codes, np.int8)[order],
        symmetry=tuple(symmetry[k] for k in order),
    )  # fmt: skip
    extras: dict[str, Any] = {}
    if len(group) != len(rows):
        extras["bookshelf.row_group"] = np.array(group, np.int64)[order]
    if any(orientation.NAMES[code] != word for code, word in zip(codes, words, strict=True)):
        extras["bookshelf.row_orient"] = np.array([words[k] for k in order])
    if (order != np.arange(len(order))).any():
        extras["bookshelf.row_order"] = np.argsort(order)
    return result, extras


def _scan(source: text.Source) -> tuple[list[_Row], dict[bytes, text.Count]]:
    rows: list[_Row] = []
    counts: dict[bytes, text.Count] = {}
    open_row: _Row | None = None
    for i in range(source.start, len(source.lines)):
        line = source.lines[i]
        t = line.split()
        if not t:
            continue
        word = t[0].lower()
        if word == b"corerow":
            if open_row is not None:
                raise source.error("a CoreRow begins before the last one has ended", i, expected="End")
            if len(t) > 1 and t[1].lower() != b"horizontal":
                raise source.error("only horizontal rows are supported", i, found=t[1].decode(errors="replace"))
            open_row = _Row(i)
            rows.append(open_row)
        elif word == b"end" and len(t) == 1:
            if open_row is None:
                raise source.error("End without CoreRow", i)
            open_row = None
        elif open_row is None:
            tokens = text.loose_tokens(line)
            if tokens[0].lower() != b"numrows":
                raise source.error(
                    "a line outside the rows is unknown", i, found=line.strip()[:80].decode(errors="replace"),
                    expected="NumRows or CoreRow",
                )  # fmt: skip
            counts[b"numrows"] = text.read_count(source, tokens, i)
        else:
            pairs = _PAIR.findall(line)
            if not pairs or _PAIR.sub(b"", line).strip():
                raise source.error(
                    "a row line is malformed", i, found=line.strip()[:80].decode(errors="replace"),
                    expected="Key : value",
                )  # fmt: skip
            for key, value in pairs:
                if key.lower() == b"subroworigin":
                    open_row.origins.append((value, i))
                elif key.lower() == b"numsites":
                    open_row.sites.append((value, i))
                else:
                    open_row.values[key.lower()] = (value, i)
    if open_row is not None:
        raise source.error("the file ends inside a CoreRow", open_row.index, expected="End")
    return rows, counts


def _complete(source: text.Source, row: _Row) -> None:
    if b"sitespacing" not in row.values and b"sitewidth" in row.values:
        row.values[b"sitespacing"] = row.values[b"sitewidth"]
    row.values.setdefault(b"sitewidth", row.values.get(b"sitespacing", (b"", row.index)))
    missing = [key.decode() for key in _NUMBERS[:4] if not row.values.get(key, (b"",))[0]]
    if not row.origins or len(row.origins) != len(row.sites):
        missing.append("SubrowOrigin and NumSites in pairs")
    if missing:
        raise source.error(f"a CoreRow lacks {', '.join(missing)}", row.index)


def _orient(source: text.Source, word: str, index: int) -> int:
    """Code of a site orientation; the contests of 2005 and 2006 write 0 or 1 instead of a name."""
    if word in ("0", "1"):
        return orientation.N
    try:
        return orientation.parse(word)
    except KeyError:
        raise source.error("a site orientation is unknown", index, found=word) from None


def rows_text(rows: Rows, extras: dict[str, Any]) -> str:
    """Text of an ``.scl`` file.

    Args:
        rows: rows in microns, written one unit a micron.
        extras: what :func:`read_rows` returned for these rows, or nothing.
    """
    count = len(rows.y)
    group = extras.get("bookshelf.row_group", np.arange(count))
    words = extras.get("bookshelf.row_orient", [orientation.NAMES[code] for code in rows.orient])
    order = extras.get("bookshelf.row_order", np.arange(count))
    if not len(group) == len(words) == len(order) == count:
        group = order = np.arange(count)
        words = [orientation.NAMES[code] for code in rows.orient]
    y, height, x0 = shortest(rows.y), shortest(rows.height), shortest(rows.x0)
    width, spacing = shortest(rows.site_width), shortest(rows.site_spacing)
    out = ["UCLA scl 1.0", "", f"NumRows : {len(set(np.asarray(group).tolist()))}", ""]
    last = None
    for k in np.asarray(order).tolist():
        if group[k] != last:
            if last is not None:
                out.append("End")
            last = group[k]
            out += [
                "CoreRow Horizontal", f"  Coordinate   : {y[k]}", f"  Height       : {height[k]}",
                f"  Sitewidth    : {width[k]}", f"  Sitespacing  : {spacing[k]}", f"  Siteorient   : {words[k]}",
            ]  # fmt: skip
            if rows.symmetry and rows.symmetry[k]:
                out.append(f"  Sitesymmetry : {rows.symmetry[k]}")
        out.append(f"  SubrowOrigin : {x0[k]}  NumSites : {int(rows.num_sites[k])}")
    out += ["End", ""]
    return "\n".join(out)
