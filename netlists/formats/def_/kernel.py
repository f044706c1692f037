"""The compiled loops over the two long sections of a DEF file, COMPONENTS and NETS.

Both walk over tokens, write token numbers into arrays and leave names and meanings to ``sections.py``.
"""

# ruff: noqa: SIM109 - comparing one by one compiles faster than building a tuple
from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from netlists.formats.bytescan import Bytes, Int32, Int64

#: Statuses; ``sections.py`` has their messages.
(
    OK, TRUNCATED, NO_DASH, NO_NAME, NO_MASTER, NO_OPTION, NO_SEMICOLON, NO_BRACKET, BAD_INTEGER, NO_VALUE, NO_PIN,
) = range(11)  # fmt: skip

#: Placement codes, as ``data.STATUSES``.
_UNPLACED, _PLACED, _FIXED, _COVER = range(4)

Int8: TypeAlias = NDArray[np.int8]

_PLUS, _DASH, _SEMICOLON, _OPEN, _CLOSE, _STAR, _CAPITAL_P = (ord(letter) for letter in "+-;()*P")
#: First eight bytes of keywords, the way :func:`_key` sees them.
(
    _K_PLACED, _K_FIXED, _K_COVER, _K_UNPLACED, _K_HALO, _K_SOFT, _K_REGION, _K_PIN, _K_USE, _K_WEIGHT, _K_SOURCE,
    _K_ORIGINAL, _K_SYNTHESIZED,
) = (
    np.uint64(int.from_bytes(word[:8].ljust(8, b"\0"), "big"))
    for word in (
        b"PLACED", b"FIXED", b"COVER", b"UNPLACED", b"HALO", b"SOFT", b"REGION", b"PIN", b"USE", b"WEIGHT", b"SOURCE",
        b"ORIGINAL", b"SYNTHESIZED",
    )
)  # fmt: skip


@njit(cache=True, nogil=True)
def _key(buf: Bytes, start: int, end: int) -> np.uint64:
    """The first eight bytes of a word in upper case as one number, zeros behind a shorter one."""
    value = np.uint64(0)
    for j in range(8):
        value <<= np.uint64(8)
        if start + j < end:
            letter = np.uint64(buf[start + j])
            if 97 <= letter <= 122:
                letter -= np.uint64(32)
            value |= letter
    return value


@njit(cache=True, nogil=True)
def _is(buf: Bytes, starts: Int32, ends: Int32, token: int, letter: int) -> bool:
    """True where a token is this one character."""
    return ends[token] - starts[token] == 1 and buf[starts[token]] == letter


@njit(cache=True, nogil=True)
def _integer(buf: Bytes, start: int, end: int, bad: Int64) -> int:
    """A whole number, also written with zeros behind a point; ``bad[0]`` becomes 1 where it is none."""
    p = start
    negative = buf[p] == 45
    if negative or buf[p] == 43:
        p += 1
    value, digits = 0, 0
    while p < end and 48 <= buf[p] <= 57:
        value = value * 10 + (buf[p] - 48)
        digits += 1
        p += 1
    if p < end and buf[p] == 46:
        p += 1
        while p < end and buf[p] == 48:
            p += 1
    if p != end or digits == 0 or digits > 15:
        bad[0] = 1
        return 0
    return -value if negative else value


@njit(cache=True, nogil=True)
def components(
    buf: Bytes,
    starts: Int32,
    ends: Int32,
    first: int,
    last: int,
    name: Int32,
    master: Int32,
    status: Int8,
    orient: Int32,
    xy: Int64,
    halo: Int64,
    halo_kind: Int8,
    region: Int32,
    statement: Int64,
    place: Int64,
    option: Int64,
    out: Int64,
) -> None:
    """Walk over ``- name master [+ option ...] ... ;`` statements.

    Args:
        buf: the text.
        starts: token starts.
        ends: token ends.
        first: first token of the section's body.
        last: token behind the body.
        name: ``[C]`` gets tokens.
        master: ``[C]`` gets tokens.
        status: ``[C]`` gets placement codes.
        orient: ``[C]`` gets tokens, stays where there is none.
        xy: ``[C, 2]`` gets locations.
        halo: ``[C, 4]`` gets halos.
        halo_kind: ``[C]`` gets 0 none, 1 hard, 2 soft.
        region: ``[C]`` gets tokens, stays where there is none.
        statement: ``[C, 2]`` gets the bytes of the statement.
        place: ``[C, 2]`` gets the bytes of the location; an empty span where one would be put in.
        option: ``[K, 3]`` gets component and bytes of every other option.
        out: gets error status, the token of the trouble, C and K.
    """
    t, c, k, error = first, 0, 0, OK
    bad = np.zeros(1, np.int64)
    while t < last:
        if not _is(buf, starts, ends, t, _DASH):
            error = NO_DASH
            break
        begin = t
        if t + 2 >= last:
            error = TRUNCATED
            break
        name[c], master[c] = t + 1, t + 2
        if _is(buf, starts, ends, t + 1, _SEMICOLON):
            error, t = NO_NAME, t + 1
            break
        if _is(buf, starts, ends, t + 2, _SEMICOLON) or _is(buf, starts, ends, t + 2, _PLUS):
            error, t = NO_MASTER, t + 2
            break
        place[c, 0] = ends[t + 2]
        place[c, 1] = ends[t + 2]
        t += 3
        while t < last and not _is(buf, starts, ends, t, _SEMICOLON):
            if not _is(buf, starts, ends, t, _PLUS):
                error = NO_OPTION
                break
            plus = t
            t += 1
            if t >= last or _is(buf, starts, ends, t, _SEMICOLON):
                error = NO_OPTION
                break
            word = _key(buf, starts[t], ends[t])
            size = ends[t] - starts[t]
            key = t
            t += 1
            # the extent of the option: up to the next '+' or ';'
            while t < last and not (_is(buf, starts, ends, t, _SEMICOLON) or _is(buf, starts, ends, t, _PLUS)):
                if _is(buf, starts, ends, t, _DASH):
                    error = NO_SEMICOLON
                    break
                t += 1
            if error:
                break
            count = t - key - 1  # words behind the keyword
            placed = word == _K_PLACED or word == _K_FIXED or word == _K_COVER
            if (placed and size <= 6) or (word == _K_UNPLACED and size == 8):
                place[c, 0] = starts[plus]
                place[c, 1] = ends[t - 1]
                status[c] = _UNPLACED
                if placed:
                    status[c] = _PLACED if word == _K_PLACED else (_FIXED if word == _K_FIXED else _COVER)
                if placed or count > 0:
                    if count != 5:
                        error, t = NO_VALUE, key
                        break
                    if not (_is(buf, starts, ends, key + 1, _OPEN) and _is(buf, starts, ends, key + 4, _CLOSE)):
                        error, t = NO_BRACKET, key + 1
                        break
                    for axis in range(2):
                        xy[c, axis] = _integer(buf, starts[key + 2 + axis], ends[key + 2 + axis], bad)
                        if bad[0]:
                            error, t = BAD_INTEGER, key + 2 + axis
                            break
                    if error:
                        break
                    orient[c] = key + 5
            elif word == _K_HALO and size == 4:
                soft = count == 5 and _key(buf, starts[key + 1], ends[key + 1]) == _K_SOFT
                if count != 4 and not soft:
                    error, t = NO_VALUE, key
                    break
                for side in range(4):
                    token = key + 1 + side + (1 if soft else 0)
                    halo[c, side] = _integer(buf, starts[token], ends[token], bad)
                    if bad[0]:
                        error, t = BAD_INTEGER, token
                        break
                if error:
                    break
                halo_kind[c] = 2 if soft else 1
            elif word == _K_REGION and size == 6 and count == 1:
                region[c] = key + 1
            else:
                option[k, 0], option[k, 1], option[k, 2] = c, starts[plus], ends[t - 1]
                k += 1
        if error:
            break
        if t >= last:
            error, t = TRUNCATED, begin
            break
        statement[c, 0] = starts[begin]
        statement[c, 1] = ends[t]
        t += 1
        c += 1
    out[0], out[1], out[2], out[3] = error, t, c, k


@njit(cache=True, nogil=True)
def nets(
    buf: Bytes,
    starts: Int32,
    ends: Int32,
    first: int,
    last: int,
    name: Int32,
    ptr: Int64,
    component: Int32,
    kind: Int8,
    pin: Int32,
    synthesized: Int8,
    weight: Int64,
    word_of: Int32,
    option: Int64,
    out: Int64,
) -> None:
    """Walk over ``- name ( component pin ) ... [+ option ...] ... ;`` statements.

    Args:
        buf: the text.
        starts: token starts.
        ends: token ends.
        first: first token of the section's body.
        last: token behind the body.
        name: ``[M]`` gets tokens.
        ptr: ``[M + 1]`` gets CSR offsets of the connections.
        component: ``[K]`` gets tokens.
        kind: ``[K]`` gets 0 for a component, -1 for PIN, -2 for ``*``.
        pin: ``[K]`` gets tokens.
        synthesized: ``[K]`` gets 1 where SYNTHESIZED stands behind the connection.
        weight: ``[M]`` gets weights, stays where there is none.
        word_of: ``[M, 3]`` gets the tokens of USE, SOURCE and ORIGINAL, stays where there is none.
        option: ``[L, 3]`` gets net and bytes of every other option.
        out: gets error status, the token of the trouble, M, K and L.
    """
    t, m, k, o, error = first, 0, 0, 0, OK
    bad = np.zeros(1, np.int64)
    ptr[0] = 0
    while t < last:
        if not _is(buf, starts, ends, t, _DASH):
            error = NO_DASH
            break
        begin = t
        if t + 1 >= last:
            error = TRUNCATED
            break
        if _is(buf, starts, ends, t + 1, _SEMICOLON) or _is(buf, starts, ends, t + 1, _OPEN):
            error, t = NO_NAME, t + 1
            break
        name[m] = t + 1
        t += 2
        own = k
        while t < last and not _is(buf, starts, ends, t, _SEMICOLON):
            if _is(buf, starts, ends, t, _OPEN):
                if t + 3 >= last:
                    error, t = TRUNCATED, begin
                    break
                if not _is(buf, starts, ends, t + 3, _CLOSE):
                    error = NO_PIN
                    break
                component[k], pin[k], kind[k] = t + 1, t + 2, 0
                # exactly PIN: a component may be called pin
                if _key(buf, starts[t + 1], ends[t + 1]) == _K_PIN and buf[starts[t + 1]] == _CAPITAL_P:
                    kind[k] = -1
                elif _is(buf, starts, ends, t + 1, _STAR):
                    kind[k] = -2
                synthesized[k] = 0
                k += 1
                t += 4
                continue
            if not _is(buf, starts, ends, t, _PLUS):
                error = NO_OPTION
                break
            plus = t
            t += 1
            if t >= last or _is(buf, starts, ends, t, _SEMICOLON):
                error = NO_OPTION
                break
            word = _key(buf, starts[t], ends[t])
            size = ends[t] - starts[t]
            key = t
            t += 1
            if word == _K_SYNTHESIZED and size == 11 and k > own:
                synthesized[k - 1] = 1
                continue
            while t < last and not (_is(buf, starts, ends, t, _SEMICOLON) or _is(buf, starts, ends, t, _PLUS)):
                if _is(buf, starts, ends, t, _DASH):
                    error = NO_SEMICOLON
                    break
                t += 1
            if error:
                break
            count = t - key - 1
            if count == 1 and word == _K_WEIGHT and size == 6:
                weight[m] = _integer(buf, starts[key + 1], ends[key + 1], bad)
                if bad[0]:
                    error, t = BAD_INTEGER, key + 1
                    break
            elif count == 1 and word == _K_USE and size == 3:
                word_of[m, 0] = key + 1
            elif count == 1 and word == _K_SOURCE and size == 6:
                word_of[m, 1] = key + 1
            elif count == 1 and word == _K_ORIGINAL and size == 8:
                word_of[m, 2] = key + 1
            else:
                option[o, 0], option[o, 1], option[o, 2] = m, starts[plus], ends[t - 1]
                o += 1
        if error:
            break
        if t >= last:
            error, t = TRUNCATED, begin
            break
        t += 1
        m += 1
        ptr[m] = k
    out[0], out[1], out[2], out[3], out[4] = error, t, m, k, o
