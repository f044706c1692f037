"""Durations as people write them: ``90``, ``60s``, ``5m``, ``1h``, ``1h30m``."""

from __future__ import annotations

import re

import typer

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([hms])")


def parse_duration(text: str) -> float:
    """Seconds in a duration; a bare number means seconds.

    Args:
        text: for example ``90``, ``60s``, ``1.5m``, ``1h30m``.

    Raises:
        typer.BadParameter: it is none, or not longer than nothing.
    """
    words = text.strip().lower()
    try:
        seconds = float(words)
    except ValueError:
        parts = _PART.findall(words)
        if not parts or "".join(number + unit for number, unit in parts) != words:
            raise typer.BadParameter(f"{text!r} is not a duration; write 90, 60s, 5m or 1h") from None
        seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if not 0 < seconds < 1e8:
        raise typer.BadParameter(f"{text!r} is not a time that can be waited for; write 90, 60s, 5m or 1h")
    return seconds
