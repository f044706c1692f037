"""The words of a LEF or DEF file, each with the place it stands at."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from netlists.errors import NetlistError
from netlists.formats import bytescan


class Tokens:
    """A LEF or DEF text cut into tokens (white space separates, ``#`` comments, ``"strings"``, ``;``).

    Attributes:
        data: the text.
        file: where it came from.
        starts: ``[T]`` offset of the first byte of each token.
        ends: ``[T]`` offset behind its last byte.

    Raises:
        NetlistError: a string is not closed, or the text is too large.
    """

    def __init__(self, data: bytes, file: Path) -> None:
        if len(data) >= 2**32:
            raise NetlistError("the file is too large", file=file, expected="less than 4 GiB")
        self.data = data
        self.file = file
        self.buffer: NDArray[np.uint8] = np.frombuffer(data, dtype=np.uint8)
        kind = np.int32 if len(data) < 2**31 else np.int64
        out = np.zeros(3, np.int64)
        empty: NDArray[Any] = np.empty(0, kind)
        bytescan.tokenise(self.buffer, empty, empty, out)
        if out[0]:
            start = int(out[1])
            raise NetlistError(
                "a string is not closed", file=file, line=self.line_of(start),
                found=data[start : start + 30].split(b"\n")[0].decode(errors="replace"), expected="a closing quote",
            )  # fmt: skip
        self.starts, self.ends = np.empty(out[2], kind), np.empty(out[2], kind)
        if out[2]:
            bytescan.tokenise(self.buffer, self.starts, self.ends, out)

    def __len__(self) -> int:
        return len(self.starts)

    @cached_property
    def _text(self) -> str | None:
        """The whole text as a string, where one byte is one character."""
        return self.data.decode("ascii") if self.data.isascii() else None

    def word(self, index: int) -> str:
        """One token.

        Raises:
            NetlistError: it is not UTF-8.
        """
        start, end = int(self.starts[index]), int(self.ends[index])
        try:
            return self.data[start:end].decode()
        except UnicodeDecodeError:
            self.fail(index, "the text is not UTF-8")

    def words(self, first: int, last: int) -> list[str]:
        """Tokens ``first`` to ``last - 1``.

        Raises:
            NetlistError: one is not UTF-8.
        """
        return self._slices(self.starts[first:last].tolist(), self.ends[first:last].tolist())

    def texts(self, tokens: NDArray[np.int32]) -> list[str]:
        """The tokens of these numbers.

        Raises:
            NetlistError: one is not UTF-8.
        """
        return self._slices(self.starts[tokens].tolist(), self.ends[tokens].tolist())

    def _slices(self, starts: list[int], ends: list[int]) -> list[str]:
        text = self._text
        if text is not None:
            return [text[a:b] for a, b in zip(starts, ends, strict=True)]
        data = self.data
        try:
            return [data[a:b].decode() for a, b in zip(starts, ends, strict=True)]
        except UnicodeDecodeError as error:
            bad = next(a for a, b in zip(starts, ends, strict=True) if data[a:b] == error.object)
            raise NetlistError("the text is not UTF-8", file=self.file, line=self.line_of(bad)) from None

    def equal(self, word: bytes) -> NDArray[np.intp]:
        """Numbers of all tokens that are exactly ``word``, ascending."""
        found = np.flatnonzero(self.ends - self.starts == len(word))
        for offset, letter in enumerate(word):
            found = found[self.buffer[self.starts[found] + offset] == letter]
        return found

    def line_of(self, offset: int) -> int:
        """1-based line of a byte offset."""
        return int(np.searchsorted(self._newlines, offset)) + 1

    @cached_property
    def _newlines(self) -> NDArray[np.intp]:
        return np.flatnonzero(self.buffer == 10)

    def line(self, index: int) -> int:
        """1-based line of a token; behind the last token, the last line that says something."""
        if not len(self):
            return 1
        return self.line_of(int(self.starts[min(index, len(self) - 1)]))

    def fail(self, index: int, message: str, expected: object = None) -> NoReturn:
        """Raise the error of a token that should not stand where it stands.

        Raises:
            NetlistError: always.
        """
        found = "end of file"
        if 0 <= index < len(self):
            found = self.data[int(self.starts[index]) : int(self.ends[index])].decode(errors="replace")
        raise NetlistError(message, file=self.file, line=self.line(index), found=found, expected=expected)


class Symbols:
    """Texts of tokens as numbers, in order of first appearance."""

    def __init__(self, tokens: Tokens, which: NDArray[np.int32]) -> None:
        self._tokens = tokens
        self._table = np.full(1 << max(4, (2 * len(which) + 1).bit_length()), -1, np.int32)
        self._sym = np.zeros((len(which) + 1, 2), np.int64)
        self._hash = np.zeros(len(which) + 1, np.uint64)
        #: ``[K]`` number of the text of each token.
        self.ids = np.empty(len(which), np.int32)
        #: How many different texts there are.
        self.count: int = bytescan.intern_all(*self._arguments(which, self.ids))
        self._which = which

    def find(self, which: NDArray[np.int32]) -> NDArray[np.int32]:
        """Numbers of the texts of other tokens, -1 where a text is not known."""
        ids = np.empty(len(which), np.int32)
        bytescan.find_all(*self._arguments(which, ids))
        return ids

    @cached_property
    def first(self) -> NDArray[np.int32]:
        """``[count]`` the token in which each text appears first."""
        _, places = np.unique(self.ids, return_index=True)
        return self._which[places]

    def texts(self) -> tuple[str, ...]:
        """The different texts, by number."""
        return tuple(self._tokens.texts(self.first))

    def _arguments(self, which: NDArray[np.int32], ids: NDArray[np.int32]) -> tuple[Any, ...]:
        t = self._tokens
        return t.buffer, t.starts, t.ends, which, self._table, self._sym, self._hash, ids
