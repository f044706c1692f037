"""The block of README.md between its markers."""

from __future__ import annotations

import difflib
from pathlib import Path

from netlists.errors import NetlistError

#: A line of README.md that begins so begins the block; what follows in it is for people who open the file.
BEGIN = "<!-- results:begin"
END = "<!-- results:end -->"
#: That line as it is written.
BEGIN_LINE = f"{BEGIN} - written by `python -m eval.readme` from docs/results; edits here are lost -->"


def replaced(text: str, block: str, file: Path) -> str:
    """The text with another block.

    Args:
        text: of the whole file.
        block: what comes between the markers.
        file: named in errors.

    Raises:
        NetlistError: the markers are not there, once each and in order.
    """
    lines = text.splitlines()
    begins = [k for k, line in enumerate(lines) if line.startswith(BEGIN)]
    ends = [k for k, line in enumerate(lines) if line.strip() == END]
    if len(begins) != 1 or len(ends) != 1 or begins[0] > ends[0]:
        raise NetlistError(f"one line has to begin with {BEGIN!r} and a later one to be {END!r}", file=file)
    return "\n".join([*lines[: begins[0]], BEGIN_LINE, block.strip("\n"), *lines[ends[0] :]]) + "\n"


def difference(old: str, new: str, name: str) -> str:
    """A unified diff, empty where both are the same."""
    return "".join(
        difflib.unified_diff(old.splitlines(True), new.splitlines(True), f"{name} as it is", f"{name} as it should be")
    )
