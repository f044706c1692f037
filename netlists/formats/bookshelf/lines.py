"""Lines, tokens and numbers of the UCLA Bookshelf text files, with the file and line of every complaint."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists.errors import NetlistError
from netlists.formats import textio

#: Numbers beyond this are refused: sums of coordinates and sizes must stay finite and meaningful in float64.
MAX_NUMBER = 1e15

_COMMENT = re.compile(rb"(?m)(?:^|(?<=[ \t\r\f\v]))#[^\n]*")
_HEADER = re.compile(rb"\s*(\w+)\s+(\w+)\s+(\d+(?:\.\d+)?)\s*$")


@dataclass(frozen=True)
class Source:
    """The lines of one file without comments; line ``i`` of the list is line ``i + 1`` of the file.

    Attributes:
        path: the file.
        lines: all lines, comments blanked.
        start: index of the first line after the ``UCLA <kind> 1.0`` header.
    """

    path: Path
    lines: list[bytes]
    start: int = 0

    def error(
        self, message: str, index: int | None = None, *, found: object = None, expected: object = None
    ) -> Exception:
        """A :class:`NetlistError` that names this file and the line at ``index``."""
        line = None if index is None else index + 1
        return NetlistError(message, file=self.path, line=line, found=found, expected=expected)

    def text(self, token: bytes, index: int) -> str:
        """Decode a name.

        Raises:
            NetlistError: it is not UTF-8.
        """
        try:
            return token.decode()
        except UnicodeDecodeError:
            raise self.error("a name is not UTF-8 text", index, found=token) from None


def split_lines(data: bytes) -> list[bytes]:
    """Lines without comments. ``#`` starts a comment at the start of a line or after white space."""
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")
    if b"#" in data:
        data = _COMMENT.sub(b"", data)
    return data.split(b"\n")


def header_kind(data: bytes) -> str | None:
    """The kind (``"nodes"``, ``"pl"``, ...) named by a first line like ``UCLA nodes 1.0``, else None."""
    for line in split_lines(data):
        if line.strip():
            match = _HEADER.match(line)
            if match and match[1].lower() in (b"ucla", b"ucsc"):
                return match[2].lower().decode()
            return None
    return None


def open_source(path: Path, kind: str, *, may_be_empty: bool = False) -> Source:
    """Read a file and check that it says ``UCLA <kind> 1.0`` (or ``UCSC``) first.

    Args:
        path: plain or gzip file.
        kind: ``"nodes"``, ``"nets"``, ...
        may_be_empty: accept a file without any content.

    Raises:
        NetlistError: unreadable, or the header is missing or names another kind.
    """
    lines = split_lines(textio.read_bytes(path))
    for index, line in enumerate(lines):
        if not line.strip():
            continue
        source = Source(path, lines, index + 1)
        match = _HEADER.match(line)
        if not match or match[1].lower() not in (b"ucla", b"ucsc") or match[2].lower() != kind.encode():
            raise source.error(
                "the header line is wrong", index, found=line.strip()[:80].decode(errors="replace"),
                expected=f"UCLA {kind} 1.0",
            )  # fmt: skip
        return source
    if may_be_empty:
        return Source(path, lines, len(lines))
    raise NetlistError("the file is empty", file=path, expected=f"UCLA {kind} 1.0")


def loose_tokens(line: bytes) -> list[bytes]:
    """Tokens of a line with colons glued to their neighbours (``NetDegree: 3``, ``B :1 2``, ``5:N``) set free.

    Names keep their colons: the first token unless it is a keyword, and what follows a keyword line's count.
    """
    tokens = line.split()
    if not tokens:
        return []
    key, colon, rest = tokens[0].partition(b":")
    if is_keyword(key):
        tokens[:1] = [token for token in (key, colon, rest) if token]
        if len(tokens) > 1 and tokens[1] != b":" and tokens[1].startswith(b":"):
            tokens[1:2] = [b":", tokens[1][1:]]
        return tokens
    return [tokens[0], *b" ".join(tokens[1:]).replace(b":", b" : ").split()]


#: Words that name a count or a net in a header line and therefore cannot be names of objects.
KEYWORDS = frozenset(
    b"netdegree numnets numpins numnodes numterminals numrows numsoftrectangularblocks numhardrectilinearblocks".split()
)


def is_keyword(token: bytes) -> bool:
    """True for the reserved words of the format, in any case."""
    return token.lower() in KEYWORDS


def is_count(token: bytes) -> bool:
    """True for a whole number of sensible length."""
    return len(token) <= 15 and token.isdigit()


@dataclass
class Count:
    """A declared count and where it was declared."""

    value: int
    index: int


def read_count(source: Source, tokens: Sequence[bytes], index: int) -> Count:
    """The number of a ``NumNodes : 12`` line.

    Raises:
        NetlistError: it is not a non-negative whole number.
    """
    if len(tokens) >= 3 and tokens[1] == b":" and is_count(tokens[2]):
        return Count(int(tokens[2]), index)
    raise source.error(
        "a count is not a whole number",
        index,
        found=source.lines[index].strip()[:80].decode(errors="replace"),
        expected=f"{tokens[0].decode(errors='replace')} : <number>",
    )


def check_count(source: Source, counts: dict[bytes, Count], key: bytes, actual: int, what: str) -> None:
    """Compare a declared count with what the file holds; a count that is not declared is not checked.

    Raises:
        NetlistError: they disagree (the file was truncated or edited).
    """
    declared = counts.get(key.lower())
    if declared is not None and declared.value != actual:
        raise source.error(
            f"{key.decode()} says {declared.value}, but the file has {actual} {what}",
            declared.index,
            found=actual,
            expected=declared.value,
        )


def floats(source: Source, tokens: Sequence[bytes], where: Sequence[int], what: str) -> NDArray[np.float64]:
    """Convert number tokens, fast when all is well and precise when it is not.

    Args:
        source: the file they came from.
        tokens: ``[K]`` number tokens.
        where: ``[K]`` line index of each token.
        what: ``"a width"``, for the message.

    Returns:
        ``[K]`` float64.

    Raises:
        NetlistError: a token is no number, not finite, or beyond :data:`MAX_NUMBER`.
    """
    try:
        values = np.fromiter(map(float, tokens), np.float64, len(tokens))
        # Python's float() takes digit separators, which no file format does.
        if (np.abs(values) <= MAX_NUMBER).all() and b"_" not in b"".join(tokens):
            return values
    except ValueError:
        pass
    for token, index in zip(tokens, where, strict=True):
        try:
            value = float(token) if b"_" not in token else None
        except ValueError:
            value = None
        if value is None:
            raise source.error(f"{what} is not a number", index, found=token.decode(errors="replace"))
        if not abs(value) <= MAX_NUMBER:
            raise source.error(f"{what} is not finite or too large", index, found=token.decode(errors="replace"))
    raise AssertionError("unreachable: some token was bad")
