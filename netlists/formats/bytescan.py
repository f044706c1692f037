"""Compiled helpers for reading text byte by byte: decimal numbers, and texts as symbols (equal text, equal number)."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit

Bytes: TypeAlias = NDArray[np.uint8]
Int32: TypeAlias = NDArray[np.int32]
Int64: TypeAlias = NDArray[np.int64]
Hashes: TypeAlias = NDArray[np.uint64]


def packed(word: bytes) -> tuple[int, int]:
    """A word of up to 16 letters as two integers, the way the tokeniser sees it."""
    return int.from_bytes(word[:8], "big"), int.from_bytes(word[8:], "big")


@njit(cache=True, nogil=True)
def number(buf: Bytes, start: int, end: int) -> float:
    """Exact value of a decimal number of up to 15 digits and 22 powers of ten (Clinger 1990), else NaN."""
    p = start
    negative = buf[p] == 45
    if negative or buf[p] == 43:
        p += 1
    mantissa, digits, seen, scale = 0, 0, 0, 0
    point = False
    while p < end:
        c = buf[p]
        if 48 <= c <= 57:
            mantissa = mantissa * 10 + (c - 48)
            digits += 1 if mantissa > 0 else 0
            seen += 1
            scale -= 1 if point else 0
            if digits > 15:
                return np.nan
        elif c == 46 and not point:
            point = True
        else:
            break
        p += 1
    if p < end and seen > 0 and (buf[p] == 101 or buf[p] == 69):
        p += 1
        minus = p < end and buf[p] == 45
        if minus or (p < end and buf[p] == 43):
            p += 1
        exponent = 0
        if p >= end:
            return np.nan
        while p < end and 48 <= buf[p] <= 57 and exponent < 400:
            exponent = exponent * 10 + (buf[p] - 48)
            p += 1
        scale += -exponent if minus else exponent
    if p != end or seen == 0 or scale < -22 or scale > 22:
        return np.nan
    power = 1.0
    for _ in range(abs(scale)):
        power *= 10.0  # exact up to 10^22
    value = mantissa / power if scale < 0 else mantissa * power
    return -value if negative else value


@njit(cache=True, nogil=True)
def intern(buf: Bytes, start: int, end: int, table: Int32, sym: Int64, sym_hash: Hashes, count: int) -> int:
    """Number of the text ``buf[start:end]``; ``count`` if it is new (open addressing, FNV-1a)."""
    h = np.uint64(14695981039346656037)
    for j in range(start, end):
        h = (h ^ np.uint64(buf[j])) * np.uint64(1099511628211)
    h ^= h >> np.uint64(29)
    mask = len(table) - 1
    slot = np.int64(h & np.uint64(mask))
    while table[slot] >= 0:
        s = table[slot]
        if sym_hash[s] == h and sym[s, 1] - sym[s, 0] == end - start:
            j = 0
            while j < end - start and buf[sym[s, 0] + j] == buf[start + j]:
                j += 1
            if j == end - start:
                return np.int64(s)  # type: ignore[return-value]
        slot = (slot + 1) & mask
    table[slot] = count
    sym[count, 0] = start
    sym[count, 1] = end
    sym_hash[count] = h
    return count


@njit(cache=True, nogil=True)
def tokenise(buf: Bytes, starts: Int32, ends: Int32, out: Int64) -> None:
    r"""Cut LEF or DEF text into tokens: words between white space, quoted strings, and ``;`` even where it is glued on.

    A ``#`` that begins a word comments out the rest of its line. A string keeps its quotes; ``\`` escapes one
    character in it. Called with empty arrays the tokens are only counted.

    Args:
        buf: the text.
        starts: ``[T]`` gets the offset of the first byte of each token.
        ends: ``[T]`` gets the offset behind its last byte.
        out: gets status (1: a string is not closed), offset of the trouble, and the number of tokens.
    """
    n = len(buf)
    fill = len(starts) > 0
    p, k = 0, 0
    while p < n:
        c = buf[p]
        if c <= 32:
            p += 1
            continue
        if c == 35:  # '#'
            while p < n and buf[p] != 10:
                p += 1
            continue
        start = p
        p += 1
        if c == 34:  # '"'
            while p < n and buf[p] != 34:
                p += 2 if buf[p] == 92 else 1
            if p >= n:
                out[0], out[1], out[2] = 1, start, k
                return
            p += 1
        elif c != 59:
            while p < n and buf[p] > 32:
                p += 1
            if p - start > 1 and buf[p - 1] == 59 and buf[p - 2] != 92:  # name; but not name\;
                p -= 1
        if fill:
            starts[k] = start
            ends[k] = p
        k += 1
    out[0], out[1], out[2] = 0, 0, k


@njit(cache=True, nogil=True)
def intern_all(
    buf: Bytes, starts: Int32, ends: Int32, tokens: Int32, table: Int32, sym: Int64, sym_hash: Hashes, ids: Int32
) -> int:
    """Give each token the number of its text, in order of first appearance; returns how many there are."""
    count = 0
    for i in range(len(tokens)):
        t = tokens[i]
        s = intern(buf, starts[t], ends[t], table, sym, sym_hash, count)
        ids[i] = s
        if s == count:
            count += 1
    return count


@njit(cache=True, nogil=True)
def find_all(
    buf: Bytes, starts: Int32, ends: Int32, tokens: Int32, table: Int32, sym: Int64, sym_hash: Hashes, ids: Int32
) -> None:
    """Look tokens up among the texts :func:`intern_all` numbered; -1 where a text is not there.

    ``sym`` and ``sym_hash`` need one free place behind the texts they hold.
    """
    mask = len(table) - 1
    spare = len(sym) - 1
    for i in range(len(tokens)):
        t = tokens[i]
        s = intern(buf, starts[t], ends[t], table, sym, sym_hash, spare)
        if s == spare:  # it was new: take it out again, so that nothing else changes
            slot = np.int64(sym_hash[spare] & np.uint64(mask))
            while table[slot] != spare:
                slot = (slot + 1) & mask
            table[slot] = -1
            s = -1
        ids[i] = s
