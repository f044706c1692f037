"""Walking through the words of a LEF or DEF file, statement by statement."""

from __future__ import annotations

import math
from typing import NoReturn

from netlists.formats.tokens import Tokens


class Cursor:
    """A place among the tokens of a file, or of a part of it.

    Attributes:
        words: the tokens as text.
        i: index of the next word.
    """

    def __init__(self, tokens: Tokens, first: int = 0, last: int | None = None) -> None:
        self.tokens = tokens
        self.first = first
        self.words = tokens.words(first, len(tokens) if last is None else last)
        self.i = 0

    @property
    def done(self) -> bool:
        """True behind the last word."""
        return self.i >= len(self.words)

    def peek(self) -> str:
        """The next word, ``""`` at the end."""
        return self.words[self.i] if self.i < len(self.words) else ""

    def key(self) -> str:
        """The next word in upper case."""
        return self.peek().upper()

    def take(self, expected: str = "another word") -> str:
        """The next word, and go on.

        Raises:
            NetlistError: the file ends here.
        """
        if self.i >= len(self.words):
            self.fail("the file ends inside a statement: it is truncated", expected)
        self.i += 1
        return self.words[self.i - 1]

    def name(self, what: str) -> str:
        """A name, and go on.

        Raises:
            NetlistError: a ``;``, a bracket or the end stands there.
        """
        word = self.take(what)
        if word in (";", "(", ")", "+"):
            self.i -= 1
            self.fail(f"{what} is missing", what)
        return word

    def string(self, what: str) -> str:
        """A quoted string without its quotes, and go on.

        Raises:
            NetlistError: no string stands there.
        """
        word = self.take(what)
        if len(word) < 2 or word[0] != '"' or word[-1] != '"':
            self.i -= 1
            self.fail(f"{what} is missing", 'a string such as "[]"')
        return word[1:-1]

    def number(self) -> float:
        """A finite number, and go on.

        Raises:
            NetlistError: no finite number stands there.
        """
        word = self.take("a number")
        try:
            value = float(word)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or "_" in word:
            self.i -= 1
            self.fail("a number cannot be read", "a number such as 12.5")
        return value

    def integer(self) -> int:
        """A whole number, and go on.

        Raises:
            NetlistError: none stands there.
        """
        value = self.number()
        if not value.is_integer() or abs(value) >= 2**53:
            self.i -= 1
            self.fail("a whole number cannot be read", "a whole number such as 2000")
        return int(value)

    def is_number(self) -> bool:
        """True where the next word can be a number."""
        return self.peek()[:1] in "+-.0123456789" and self.peek() not in ("", "+", "-")

    def expect(self, word: str) -> None:
        """Go over one certain word.

        Raises:
            NetlistError: another one stands there.
        """
        if self.take(repr(word)).upper() != word:
            self.i -= 1
            self.fail("a word does not belong here", repr(word))

    def end(self) -> None:
        """Go over the ``;`` of a statement.

        Raises:
            NetlistError: another word stands there.
        """
        if self.take("';'") != ";":
            self.i -= 1
            self.fail("a ';' is missing", "';'")

    def skip(self) -> None:
        """Go behind the next ``;``.

        Raises:
            NetlistError: there is none.
        """
        start = self.i
        try:
            self.i = self.words.index(";", self.i) + 1
        except ValueError:
            self.i = start
            self.fail("a statement has no ';': the file is truncated", "';'")

    def fail(self, message: str, expected: object = None) -> NoReturn:
        """Raise an error about the next word.

        Raises:
            NetlistError: always.
        """
        self.tokens.fail(self.first + self.i, message, expected)
