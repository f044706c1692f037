"""Pieces of pages. Everything that comes from a ledger is escaped here."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import quote

from placer._version import __version__

_CSP = (
    "default-src 'none'; script-src 'self' file:; style-src 'self' file: 'unsafe-inline'; "
    "img-src 'self' file: data: blob:"
)


@dataclass(frozen=True)
class Markup:
    """Text that is HTML already.

    Attributes:
        text: the HTML.
        value: the number it stands for, by which a column is sorted; None where it stands for none.
        method: the method it is about, for filters.
    """

    text: str
    value: float | None = None
    method: str = ""


@dataclass(frozen=True)
class Number:
    """A number with so many digits behind the point."""

    value: float | None
    digits: int


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        cells: text, numbers or :class:`Markup`.
        facts: what filters look at: ``method``, ``design``, ``outcome``.
        kind: class of the row.
    """

    cells: Sequence[object]
    facts: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""


def table(
    headings: Sequence[str], rows: Sequence[Row], *, label: str, digits: int = 4, methods: Sequence[str] = ()
) -> str:
    """A table that can be sorted by clicking a heading, in a frame that scrolls sideways by itself.

    Args:
        headings: of the columns.
        rows: cells of each.
        label: what it shows, for those who cannot see it.
        digits: behind the point of plain numbers.
        methods: headings that are methods, whose columns filters hide.
    """
    numeric = {k for row in rows for k, cell in enumerate(row.cells) if _is_number(cell)}
    head = "".join(
        f'<th scope="col"{" class=number" if k in numeric else ""}{_about(name if name in methods else "")}>'
        f'<button type="button">{escape(name)}</button></th>'
        for k, name in enumerate(headings)
    )
    body = "".join(_row(row, digits) for row in rows)
    return (
        f'<div class="scroll"><table aria-label="{escape(label)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _row(row: Row, digits: int) -> str:
    facts = "".join(f' data-{name}="{escape(value)}"' for name, value in row.facts.items())
    kind = f' class="{row.kind}"' if row.kind else ""
    return f"<tr{kind}{facts}>" + "".join(_cell(value, digits) for value in row.cells) + "</tr>"


def _cell(value: object, digits: int) -> str:
    if isinstance(value, Markup):
        kind = "" if value.value is None else f' class="number" data-value="{value.value!r}"'
        return f"<td{kind}{_about(value.method)}>{value.text}</td>"
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if isinstance(value, Number):
        if value.value is None:
            return "<td></td>"
        return f'<td class="number" data-value="{value.value!r}">{number(value.value, value.digits)}</td>'
    if isinstance(value, (int, float)):
        return f'<td class="number" data-value="{value!r}">{number(value, digits)}</td>'
    return f"<td>{'' if value is None else escape(str(value))}</td>"


def _about(method: str) -> str:
    return f' data-method="{escape(method)}"' if method else ""


def _is_number(value: object) -> bool:
    if isinstance(value, Markup):
        return value.value is not None
    return isinstance(value, (Number, int, float)) and not isinstance(value, bool)


def number(value: float | None, digits: int = 4) -> str:
    """A number as people read it; large ones in groups of three digits, missing ones as a dash."""
    if value is None or not math.isfinite(value):
        return "&ndash;"
    if isinstance(value, int) or abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.{digits}f}" if abs(value) < 100 else f"{value:,.1f}"


def link(target: str, text: str) -> Markup:
    """A link to a file of the site."""
    return Markup(f'<a href="{escape(quote(target))}">{escape(text)}</a>')


def section(title: str, *parts: str, anchor: str = "") -> str:
    """A titled part of a page."""
    name = f' id="{anchor}"' if anchor else ""
    return f'<section class="panel"{name}><h2>{escape(title)}</h2>{"".join(parts)}</section>'


def note(text: str) -> str:
    """A small sentence."""
    return f'<p class="small">{escape(text)}</p>'


def plot(identity: str, label: str, height: int = 340) -> str:
    """Where the script draws the figure of that name."""
    return f'<div class="plot" id="{identity}" role="img" aria-label="{escape(label)}" style="height:{height}px"></div>'


def filters(designs: Sequence[str], methods: Sequence[str], outcomes: Sequence[str] = ()) -> str:
    """Boxes that hide rows and curves."""
    parts = []
    for name, values in (("design", designs), ("method", methods), ("outcome", outcomes)):
        if len(values) > 1:
            boxes = "".join(
                f'<label><input type="checkbox" checked data-filter="{name}" value="{escape(v)}">{escape(v)}</label>'
                for v in values
            )
            parts.append(f"<details><summary>{name}s</summary><fieldset>{boxes}</fieldset></details>")
    return f'<div class="filters" role="group" aria-label="Filters">{"".join(parts)}</div>' if parts else ""


def interval(low: float, value: float, high: float) -> Markup:
    """An estimate with the ends of its interval in brackets, sorted by the estimate."""
    return Markup(f"{number(value)} <small>({number(low)} to {number(high)})</small>", value)


def page(
    title: str, body: str, *, facts: str = "", figures: Mapping[str, Any] | None = None, up: bool = False,
    data: Sequence[tuple[str, str]] = (),
) -> str:  # fmt: skip
    """A whole page; scripts and styles are files beside it.

    Args:
        title: heading.
        body: HTML.
        facts: one line under the heading.
        figures: name of a :func:`plot` -> Plotly figure as plain values.
        up: link to the front page.
        data: (file, name) of the raw data beside the page.
    """
    links = "".join(f', <a href="{escape(file)}">{escape(name)}</a>' for file, name in data)
    content = json.dumps(finite(figures or {}), separators=(",", ":")).replace("<", "\\u003c")
    back = '<a class="back" href="index.html">All results</a>' if up else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_CSP}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="generator" content="chip-placer {escape(__version__)}"><title>{escape(title)}</title>'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="site.css"></head><body>'
        f'<header class="top">{back}<h1>{escape(title)}</h1><p class="facts">{escape(facts)}</p></header>'
        f"<main>{body}</main>"
        f'<footer>Made by chip-placer {escape(__version__)}. <a href="runs.html">All runs</a>{links}.</footer>'
        f'<script type="application/json" id="figures">{content}</script>'
        '<script src="plotly.min.js"></script><script src="site.js"></script></body></html>\n'
    )


def slug(text: str) -> str:
    """A file name for any text."""
    return re.sub(r"[^a-zA-Z0-9_+-]+", "-", text).strip("-") or "x"


def finite(value: Any) -> Any:  # noqa: ANN401 - any nest of plain values and arrays
    """JSON has no NaN: gaps of a figure are null."""
    if hasattr(value, "tolist"):
        return finite(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
