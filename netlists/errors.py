"""The two errors a user can meet: the input is wrong, or the placement is."""

from __future__ import annotations

from pathlib import Path


class NetlistError(ValueError):
    """A netlist, canvas or any other input file cannot be used.

    Args:
        message: what is wrong, in one sentence.
        file: the offending file, if the input came from one.
        line: 1-based line in ``file``.
        found: the text or value that was found.
        expected: what should have stood there.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        found: object = None,
        expected: object = None,
    ) -> None:
        self.message = message
        self.file = None if file is None else str(file)
        self.line = line
        self.found = found
        self.expected = expected
        super().__init__(str(self))

    def __str__(self) -> str:
        where = ""
        if self.file is not None:
            where = self.file if self.line is None else f"{self.file}:{self.line}"
            where += ": "
        text = where + self.message
        if self.found is not None:
            text += f" (found {_clip(self.found)})"
        if self.expected is not None:
            text += f" (expected {self.expected})"
        return text


class PlacementError(ValueError):
    """A placement breaks a rule, or no legal placement exists or was found.

    Args:
        message: what is wrong, in one sentence.
        node: name of the object concerned.
        rule: the rule that is broken (``overlap``, ``outside``, ...).
        file: the placement file, if it was read from one.
        line: 1-based line in ``file``.
    """

    def __init__(
        self,
        message: str,
        *,
        node: str | None = None,
        rule: str | None = None,
        file: str | Path | None = None,
        line: int | None = None,
    ) -> None:
        self.message = message
        self.node = node
        self.rule = rule
        self.file = None if file is None else str(file)
        self.line = line
        super().__init__(str(self))

    def __str__(self) -> str:
        text = self.message
        if self.file is not None:
            text = f"{self.file}{'' if self.line is None else f':{self.line}'}: {text}"
        if self.node is not None:
            text += f" (object {self.node!r})"
        if self.rule is not None:
            text += f" [rule: {self.rule}]"
        return text


def _clip(value: object, limit: int = 60) -> str:
    """Shorten a found value so that one bad line cannot flood the terminal."""
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
