"""Durations on the command line."""

from __future__ import annotations

import pytest
import typer

from placer.cli._durations import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("60s", 60), ("5m", 300), ("1h", 3600), ("1h30m", 5400), ("1.5m", 90), (" 2M ", 120), ("0.5", 0.5)],
)
def test_seconds_minutes_and_hours(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "5q", "-3", "0", "0s", "nan", "inf", "1e99", "5 m x", "m5", "1:30"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="write 90, 60s, 5m or 1h"):
        parse_duration(text)
