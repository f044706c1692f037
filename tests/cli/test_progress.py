"""Progress: one live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io

from rich.console import Console

from placer.budget import Event
from placer.cli._progress import RunProgress

EVENTS = [
    Event("start", 0.1, 10, 100),
    Event("start", 0.2, 20, 100),
    Event("search", 1.0, 1, None, 0.75),
    Event("search", 1.1, 2, None, 0.74),
]


def drawn(terminal: bool) -> str:
    text = io.StringIO()
    with RunProgress(Console(file=text, force_terminal=terminal, width=100), 10.0) as progress:
        for event in EVENTS:
            progress(event)
    return text.getvalue()


def test_no_terminal_gets_a_line_for_every_phase_and_no_more() -> None:
    lines = drawn(terminal=False).splitlines()
    assert len(lines) == 2
    assert lines[0].split() == ["0.0", "s", "start", "step", "10", "of", "100"]
    assert lines[1].endswith("proxy cost 0.7500")
    assert "\033" not in "".join(lines)


def test_a_terminal_gets_a_live_line_with_phase_and_cost() -> None:
    text = drawn(terminal=True)
    assert "\033" in text
    assert "search" in text
    assert "proxy cost 0.7400" in text
