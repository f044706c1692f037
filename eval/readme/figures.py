"""Numbers as README writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def rough(value: float, digits: int = 3) -> str:
    """A number in so many significant digits, thousands set apart."""
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 10 ** (digits - 1) else f"{rounded:.{digits}g}"


def percent(share: float, digits: int = 2) -> str:
    """A share in percent."""
    return f"{rough(100 * share, digits)} %"


def seeds(rows: Iterable[Mapping[str, Any]]) -> str:
    """Seeds of the rows' runs in words: ``0 to 2``, or one by one where they have gaps."""
    found = sorted({int(run["seed"]) for row in rows for run in row["runs"]})
    if len(found) > 2 and found == list(range(found[0], found[-1] + 1)):
        return f"{found[0]} to {found[-1]}"
    return " and ".join(map(str, found))


def span(values: Iterable[float], digits: int = 2) -> str:
    """The least and the largest: ``5 to 12``, or one number where they look alike."""
    found = sorted(values)
    low, high = rough(found[0], digits), rough(found[-1], digits)
    return low if low == high else f"{low} to {high}"


def link(name: str) -> str:
    """A link to a page of results."""
    return f"[{name}.md](docs/results/{name}.md)"
