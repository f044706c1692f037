"""The examples of the documentation run as they are printed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

#: Page, first heading and the one the examples end before; examples of one entry share their variables.
SECTIONS = [
    ("python-api.md", "## Environments", None),
    ("environment.md", "# Environments", "## placer/MacroPlacement-v0"),
    ("environment.md", "### Curriculum", "### Learned orders"),
    ("environment.md", "### Learned orders", "## placer/MacroRefinement-v0"),
    ("environment.md", "## Batched", "## Learners"),
    ("policy.md", "# Policy", None),
    ("search.md", "## Advice", "## Smooth starts"),
    ("improve.md", "# Self-improvement", None),
    ("learned-starts.md", "# Learned starts: which deserve depth, and starts in one pass", None),
    # What follows trains for minutes; tests/env/test_wrappers.py does the same for fewer steps.
]


def examples(page: str, first: str, last: str | None) -> list[str]:
    """Python blocks of a part of a page, each with as many lines before it as on the page, for tracebacks."""
    lines = (ROOT / "docs" / page).read_text().splitlines()
    begin, end = lines.index(first), len(lines) if last is None else lines.index(last)
    found: list[str] = []
    inside = False
    for number, line in enumerate(lines[begin:end], begin):
        if re.match(r"```", line):
            inside = line == "```python"
            if inside:
                found.append("\n" * (number + 1))
        elif inside:
            found[-1] += line + "\n"
    return found


@pytest.mark.parametrize(("page", "first", "last"), SECTIONS, ids=[f"{page}: {first}" for page, first, _ in SECTIONS])
def test_examples_run(page: str, first: str, last: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = examples(page, first, last)
    assert blocks
    names: dict[str, Any] = {"__name__": "example"}
    for block in blocks:
        exec(compile(block, page, "exec"), names)


def test_every_example_is_read() -> None:
    text = (ROOT / "docs" / "environment.md").read_text()
    read = [block for page, *part in SECTIONS if page == "environment.md" for block in examples(page, *part)]
    assert len(read) == text.count("```python") - 1
