"""The compiled scanner of ``scan.py``: grammar of the text protobuf, byte by byte."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

#: Kinds of attribute values: ``f:``, ``i:``, ``placeholder:``, ``s:``, and anything else, kept as text.
FLOAT, INT, PLACEHOLDER, STRING, RAW = range(5)
#: Status of a scan whose table of comments was too short.
FULL = 99

# Tokens.
_END, _WORD, _TEXT, _OPEN, _CLOSE, _COLON, _BAD, _OPEN_STRING, _BRACKET = range(9)

Bytes: TypeAlias = NDArray[np.uint8]
Int8: TypeAlias = NDArray[np.int8]
Int32: TypeAlias = NDArray[np.int32]
Int64: TypeAlias = NDArray[np.int64]
Float64: TypeAlias = NDArray[np.float64]
Hashes: TypeAlias = NDArray[np.uint64]


@njit(cache=True, nogil=True)
def _note(notes: Int64, state: Int64, start: int, end: int, inside: int) -> None:
    """Remember a comment or a foreign field; past the end of the table only count."""
    if state[0] < len(notes):
        notes[state[0], 0] = start
        notes[state[0], 1] = end
        notes[state[0], 2] = state[1]
        notes[state[0], 3] = inside
    state[0] += 1


@njit(cache=True, nogil=True)
def _token(buf: Bytes, p: int, notes: Int64, state: Int64) -> tuple[int, int, int]:
    """Next token from ``p``: (kind, start, end). Comments met on the way are noted at record ``state[1]``."""
    n = len(buf)
    while p < n:
        c = buf[p]
        if c == 32 or c == 10 or c == 13 or c == 9 or c == 44 or c == 59:  # white space , ;
            p += 1
        elif c == 35:  # '#'
            start = p
            while p < n and buf[p] != 10:
                p += 1
            _note(notes, state, start, p, 0)
        else:
            break
    if p >= n:
        return _END, n, n
    c = buf[p]
    if c == 34 or c == 39:
        start = p + 1
        p = start
        while p < n and buf[p] != c and buf[p] != 10:
            p += 2 if buf[p] == 92 else 1
        if p >= n or buf[p] != c:
            return _OPEN_STRING, start - 1, n
        return _TEXT, start, p
    if c == 123 or c == 60:
        return _OPEN, p, p + 1
    if c == 125 or c == 62:
        return _CLOSE, p, p + 1
    if c == 58:
        return _COLON, p, p + 1
    if c == 91 or c == 93:
        return _BRACKET, p, p + 1
    start = p
    while p < n:
        c = buf[p]
        if not (
            (97 <= c <= 122)
            or (65 <= c <= 90)
            or (48 <= c <= 57)
            or c == 95
            or c == 46
            or c == 43
            or c == 45
            or c == 47
        ):
            break
        p += 1
    if p == start:
        return _BAD, p, p + 1
    return _WORD, start, p


@njit(cache=True, nogil=True)
def _is(buf: Bytes, start: int, end: int, word: Bytes) -> bool:
    if end - start != len(word):
        return False
    same = True
    for j in range(len(word)):
        same &= buf[start + j] == word[j]
    return same


@njit(cache=True, nogil=True)
def _intern(buf: Bytes, start: int, end: int, table: Int32, sym: Int64, sym_hash: Hashes, state: Int64) -> int:
    """Number of the text ``buf[start:end]``; equal texts get equal numbers (open addressing, FNV-1a)."""
    h = np.uint64(14695981039346656037)
    for j in range(start, end):
        h = (h ^ np.uint64(buf[j])) * np.uint64(1099511628211)
    h ^= h >> np.uint64(29)
    mask = np.uint64(len(table) - 1)
    slot = np.int64(h & mask)
    while table[slot] >= 0:
        s = table[slot]
        if sym_hash[s] == h and sym[s, 1] - sym[s, 0] == end - start:
            same = True
            for j in range(end - start):
                if buf[sym[s, 0] + j] != buf[start + j]:
                    same = False
                    break
            if same:
                return s
        slot = np.int64((np.uint64(slot) + np.uint64(1)) & mask)
    s = state[2]
    state[2] += 1
    table[slot] = s
    sym[s, 0] = start
    sym[s, 1] = end
    sym_hash[s] = h
    return s


@njit(cache=True, nogil=True)
def _number(buf: Bytes, start: int, end: int) -> float:
    """Exact value of a decimal number of up to 15 digits and 22 powers of ten (Clinger 1990), else NaN."""
    p = start
    negative = False
    if p < end and (buf[p] == 45 or buf[p] == 43):
        negative = buf[p] == 45
        p += 1
    mantissa = 0
    digits = 0
    seen = 0
    scale = 0
    while p < end and 48 <= buf[p] <= 57:
        mantissa = mantissa * 10 + (buf[p] - 48)
        digits += 1 if mantissa > 0 else 0
        seen += 1
        p += 1
        if digits > 15:
            return np.nan
    if p < end and buf[p] == 46:
        p += 1
        while p < end and 48 <= buf[p] <= 57:
            mantissa = mantissa * 10 + (buf[p] - 48)
            digits += 1 if mantissa > 0 else 0
            seen += 1
            scale -= 1
            p += 1
            if digits > 15:
                return np.nan
    if seen == 0:
        return np.nan
    if p < end and (buf[p] == 101 or buf[p] == 69):
        p += 1
        minus = False
        if p < end and (buf[p] == 45 or buf[p] == 43):
            minus = buf[p] == 45
            p += 1
        exponent = 0
        if p >= end:
            return np.nan
        while p < end and 48 <= buf[p] <= 57:
            exponent = exponent * 10 + (buf[p] - 48)
            p += 1
            if exponent > 400:
                return np.nan
        scale += -exponent if minus else exponent
    if p != end or scale < -22 or scale > 22:
        return np.nan
    value = float(mantissa)
    if scale < 0:
        value = value / 10.0**-scale
    elif scale > 0:
        value = value * 10.0**scale
    return -value if negative else value


@njit(cache=True, nogil=True)
def _skip_field(buf: Bytes, p: int, notes: Int64, state: Int64) -> tuple[int, int]:
    """Skip what follows a field name: a scalar, a list or a balanced block. Returns (status, offset behind it)."""
    kind, start, end = _token(buf, p, notes, state)
    if kind == _COLON:
        kind, start, end = _token(buf, end, notes, state)
    elif kind != _OPEN:
        return 7, start
    if kind in (_WORD, _TEXT):
        return 0, end + (1 if kind == _TEXT else 0)
    if kind != _OPEN and not (kind == _BRACKET and buf[start] == 91):
        return 11, start
    depth = 1
    while depth > 0:
        kind, start, end = _token(buf, end, notes, state)
        if kind == _END:
            return 1, start
        if kind == _BAD:
            return 3, start
        if kind == _OPEN_STRING:
            return 4, start
        if kind == _TEXT:
            end += 1
        elif kind == _OPEN or (kind == _BRACKET and buf[start] == 91):
            depth += 1
        elif kind in (_CLOSE, _BRACKET):
            depth -= 1
        if depth > 100:
            return 14, start
    return 0, end


@njit(cache=True, nogil=True)
def _string(buf: Bytes, p: int, notes: Int64, state: Int64) -> tuple[int, int, int]:
    """``: "text"`` from ``p``: (status, start, end)."""
    kind, start, end = _token(buf, p, notes, state)
    if kind == _COLON:
        kind, start, end = _token(buf, end, notes, state)
        if kind == _TEXT:
            return 0, start, end
    if kind == _OPEN_STRING:
        return 4, start, end
    return (1 if kind == _END else 6), start, end


@njit(cache=True, nogil=True)
def _open(buf: Bytes, p: int, notes: Int64, state: Int64) -> tuple[int, int]:
    """``{``, with or without a colon before it: (status, offset behind it)."""
    kind, start, end = _token(buf, p, notes, state)
    if kind == _COLON:
        kind, start, end = _token(buf, end, notes, state)
    if kind == _OPEN:
        return 0, end
    return (1 if kind == _END else 7), start


_NODE, _NAME, _INPUT, _ATTR, _KEY, _VALUE = (
    np.frombuffer(word, np.uint8) for word in (b"node", b"name", b"input", b"attr", b"key", b"value")
)
_FIELD_F, _FIELD_I, _FIELD_S, _FIELD_P = (np.frombuffer(word, np.uint8) for word in (b"f", b"i", b"s", b"placeholder"))


@njit(cache=True, nogil=True)
def _value(
    buf: Bytes,
    p: int,
    a: int,
    table: Int32,
    sym: Int64,
    sym_hash: Hashes,
    attr_kind: Int8,
    attr_sym: Int32,
    attr_num: Float64,
    attr_pos: Int64,
    notes: Int64,
    state: Int64,
) -> tuple[int, int]:
    """The inside of ``value { ... }`` and its closing brace: (status, offset behind it)."""
    kind, start, end = _token(buf, p, notes, state)
    first = start
    before = state[0]
    field = -1
    if kind == _WORD:
        if _is(buf, start, end, _FIELD_F):
            field = FLOAT
        elif _is(buf, start, end, _FIELD_P):
            field = PLACEHOLDER
        elif _is(buf, start, end, _FIELD_I):
            field = INT
        elif _is(buf, start, end, _FIELD_S):
            field = STRING
    if field >= 0:
        k1, _, e1 = _token(buf, end, notes, state)
        if k1 == _COLON:
            k2, s2, e2 = _token(buf, e1, notes, state)
            if k2 == _OPEN_STRING:
                return 4, s2
            if k2 == (_WORD if field <= INT else _TEXT):
                k3, _, e3 = _token(buf, e2 + (1 if k2 == _TEXT else 0), notes, state)
                if k3 == _CLOSE:
                    attr_kind[a] = field
                    attr_pos[a, 0] = s2
                    attr_pos[a, 1] = e2
                    if field <= INT:
                        attr_num[a] = _number(buf, s2, e2)
                    else:
                        attr_sym[a] = _intern(buf, s2, e2, table, sym, sym_hash, state)
                    return 0, e3
            else:
                return 11 if field > INT or k2 != _END else 1, s2
    # Anything else is carried as text: skip field by field to the closing brace.
    while kind == _WORD:
        status, p = _skip_field(buf, end, notes, state)
        if status:
            return status, p
        kind, start, end = _token(buf, p, notes, state)
    if kind != _CLOSE:
        return (1 if kind == _END else (4 if kind == _OPEN_STRING else 5)), start
    state[0] = before
    attr_kind[a] = RAW
    attr_pos[a, 0] = first
    attr_pos[a, 1] = start
    return 0, end


@njit(cache=True, nogil=True)
def scan_bytes(
    buf: Bytes,
    table: Int32,
    sym: Int64,
    sym_hash: Hashes,
    rec_start: Int64,
    rec_name: Int32,
    input_ptr: Int64,
    input_sym: Int32,
    attr_ptr: Int64,
    attr_key: Int32,
    attr_kind: Int8,
    attr_sym: Int32,
    attr_num: Float64,
    attr_pos: Int64,
    notes: Int64,
) -> tuple[int, int, int, int, int, int, int]:
    """The whole file: (status, offset, nodes, inputs, attributes, notes, symbols)."""
    state = np.zeros(3, np.int64)  # notes, current record, symbols
    g, i, a = 0, 0, 0
    status = 0
    p = 0
    while status == 0:
        kind, start, end = _token(buf, p, notes, state)
        p = start
        if kind == _END:
            break
        if kind != _WORD:
            status = 2 if kind == _CLOSE else (4 if kind == _OPEN_STRING else 3)
            break
        if not _is(buf, start, end, _NODE):
            before = state[0]
            status, p = _skip_field(buf, end, notes, state)
            if status == 0:
                state[0] = before  # comments inside are part of the text
                _note(notes, state, start, p, 0)
            continue
        rec_start[g] = start
        rec_name[g] = -1
        status, p = _open(buf, end, notes, state)
        while status == 0:
            kind, start, end = _token(buf, p, notes, state)
            p = start
            if kind == _CLOSE:
                p = end
                break
            if kind != _WORD:
                status = 1 if kind == _END else (4 if kind == _OPEN_STRING else 5)
            elif _is(buf, start, end, _ATTR):
                status, p = _open(buf, end, notes, state)
                key, done = -1, False
                while status == 0:
                    kind, start, end = _token(buf, p, notes, state)
                    p = start
                    if kind == _CLOSE:
                        p = end
                        if key < 0 or not done:
                            status, p = 10, start
                        break
                    if kind == _WORD and _is(buf, start, end, _KEY):
                        status, s, e = _string(buf, end, notes, state)
                        p = s
                        if status == 0:
                            if key >= 0:
                                status = 13
                                break
                            key = _intern(buf, s, e, table, sym, sym_hash, state)
                            attr_key[a] = key
                            p = e + 1
                    elif kind == _WORD and _is(buf, start, end, _VALUE):
                        if done:
                            status = 13
                            break
                        status, p = _open(buf, end, notes, state)
                        if status == 0:
                            status, p = _value(
                                buf, p, a, table, sym, sym_hash, attr_kind, attr_sym, attr_num, attr_pos, notes, state
                            )
                            done = True
                    else:
                        status = 1 if kind == _END else 10
                a += 1
            elif _is(buf, start, end, _INPUT):
                status, s, e = _string(buf, end, notes, state)
                p = s
                if status == 0:
                    input_sym[i] = _intern(buf, s, e, table, sym, sym_hash, state)
                    i += 1
                    p = e + 1
            elif _is(buf, start, end, _NAME):
                status, s, e = _string(buf, end, notes, state)
                p = s
                if status == 0:
                    if rec_name[g] >= 0:
                        status = 8
                    else:
                        rec_name[g] = _intern(buf, s, e, table, sym, sym_hash, state)
                        p = e + 1
            else:
                before = state[0]
                status, p = _skip_field(buf, end, notes, state)
                if status == 0:
                    state[0] = before
                    _note(notes, state, start, p, 1)
        if status == 0:
            if rec_name[g] < 0:
                status, p = 9, rec_start[g]
                break
            g += 1
            state[1] = g
            input_ptr[g] = i
            attr_ptr[g] = a
    if status == 0 and state[0] > len(notes):
        status = FULL
    return status, p, g, i, a, min(state[0], len(notes)), state[2]
