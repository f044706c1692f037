"""Pieces of LEF statements that sites, layers and masters share."""

from __future__ import annotations

from netlists.formats.cursor import Cursor


def close(c: Cursor, name: str) -> None:
    """Go over ``END name``.

    Raises:
        NetlistError: it does not stand there.
    """
    c.expect("END")
    if c.take(f"'END {name}'") != name:
        c.i -= 1
        c.fail(f"the block {name!r} is closed by another name", f"'END {name}'")


def skip_block(c: Cursor, name: str) -> None:
    """Go behind ``END name``; the case of a keyword does not matter.

    Raises:
        NetlistError: it never comes.
    """
    start = c.i - 1
    words = c.words
    for i in range(c.i, len(words) - 1):
        if (words[i + 1] == name or words[i + 1].upper() == name) and words[i].upper() == "END":
            c.i = i + 2
            return
    c.i = start
    c.fail(f"the block {name!r} is never closed: the file is truncated", f"'END {name}'")


def skip_extension(c: Cursor) -> None:
    """Go from ``BEGINEXT`` behind ``ENDEXT``.

    Raises:
        NetlistError: it never comes.
    """
    start = c.i
    while c.key() != "ENDEXT":
        c.i += 1
        if c.done:
            c.i = start
            c.fail("an extension is never closed: the file is truncated", "'ENDEXT'")
    c.i += 1


def read_size(c: Cursor) -> tuple[float, float]:
    """``width BY height ;``.

    Raises:
        NetlistError: it is malformed or not positive.
    """
    start = c.i
    width = c.number()
    c.expect("BY")
    height = c.number()
    c.end()
    if width <= 0 or height <= 0:
        c.i = start
        c.fail("a size is not positive", "SIZE width BY height ;")
    return width, height


def read_symmetry(c: Cursor) -> tuple[str, ...]:
    """``[X] [Y] [R90] ;``.

    Raises:
        NetlistError: something else stands there.
    """
    found = []
    while c.peek() != ";":
        if c.key() not in ("X", "Y", "R90"):
            c.fail("a symmetry is unknown", "X, Y or R90")
        found.append(c.take().upper())
    c.end()
    return tuple(found)


def first_entry(c: Cursor) -> float:
    """Smallest spacing of a PARALLELRUNLENGTH table: the first number behind the first WIDTH; 0 in other tables."""
    start = c.i
    c.skip()
    words = [word.upper() for word in c.words[start : c.i - 1]]
    c.i = start
    if words[:1] == ["PARALLELRUNLENGTH"] and "WIDTH" in words:
        c.i = start + words.index("WIDTH") + 2
        value = c.number()
        c.i = start
        return value
    return 0.0
