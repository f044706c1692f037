"""Parts of a DEF file kept as text without a copy: sections, statements, and options of components and nets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Verbatim:
    """A section or statement nobody needs to understand. Equal where the words are.

    Attributes:
        keyword: its first word.
        data: the text it is part of.
        start: first byte.
        end: byte behind the last.
    """

    keyword: str
    data: bytes
    start: int
    end: int

    @staticmethod
    def of(text: str) -> Verbatim:
        """Text of a whole section (``VIAS 1 ; ... END VIAS``) or statement."""
        data = text.strip().encode()
        return Verbatim(text.split()[0], data, 0, len(data))

    @property
    def text(self) -> str:
        """The text; bytes that are not UTF-8 are replaced."""
        return self.data[self.start : self.end].decode(errors="replace")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Verbatim) and self._words() == other._words()

    def __hash__(self) -> int:
        return hash(self.keyword)

    def _words(self) -> list[bytes]:
        return self.data[self.start : self.end].split()


@dataclass(frozen=True, eq=False)
class Options:
    """Options (``+ KEYWORD ...``) of ``N`` components or nets as spans of a text. Equal where the words are.

    Attributes:
        data: the text.
        ptr: ``[N + 1]`` int64 CSR offsets into ``spans``.
        spans: ``[K, 2]`` int64 first byte of each option and the byte behind its last.
    """

    data: bytes
    ptr: NDArray[np.int64]
    spans: NDArray[np.int64]

    @staticmethod
    def make(count: int, options: Mapping[int, Sequence[str]]) -> Options:
        """Options from texts such as ``"+ SOURCE DIST"``, by number of their owner."""
        texts = [[text.encode() for text in options.get(i, ())] for i in range(count)] if options else []
        flat = [text for own in texts for text in own]
        ends = np.cumsum([len(text) for text in flat], dtype=np.int64)
        ptr = np.zeros(count + 1, np.int64)
        if texts:
            np.cumsum([len(own) for own in texts], out=ptr[1:])
        starts = np.concatenate((np.zeros(min(1, len(ends)), np.int64), ends[:-1]))
        return Options(b"".join(flat), ptr, np.stack((starts, ends), axis=1).reshape(-1, 2))

    def __len__(self) -> int:
        return len(self.ptr) - 1

    def of(self, owner: int) -> list[str]:
        """Options of one owner, each with its ``+``; bytes that are not UTF-8 are replaced."""
        return [text.decode(errors="replace") for text in self.raw(owner)]

    def raw(self, owner: int) -> list[bytes]:
        """Options of one owner as bytes."""
        spans = self.spans[self.ptr[owner] : self.ptr[owner + 1]].tolist()
        return [self.data[start:end] for start, end in spans]

    def value(self, owner: int, keyword: str) -> str | None:
        """What stands behind one keyword (``SOURCE``, ``WEIGHT``, ...), None where it does not occur."""
        for text in self.of(owner):
            found = re.match(rf"\+\s+{re.escape(keyword)}(?:\s+(.*))?$", text, re.DOTALL)
            if found:
                return found.group(1) or ""
        return None

    def __eq__(self, other: object) -> bool:
        if not (isinstance(other, Options) and np.array_equal(self.ptr, other.ptr)):
            return False
        pairs = zip(self.spans.tolist(), other.spans.tolist(), strict=True)
        return all(self.data[a:b].split() == other.data[c:d].split() for (a, b), (c, d) in pairs)

    def __hash__(self) -> int:
        return hash(len(self.ptr))
