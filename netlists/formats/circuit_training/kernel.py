"""The compiled scanner behind ``scan.py``: the grammar of the text protobuf as one loop over tokens.

One token, then one step of a small state machine; nested fields nobody understands are skipped by counting brackets.
It is a single loop on purpose: compiled code with one tokeniser in it compiles in a fraction of the time.
"""

# ruff: noqa: SIM109 - comparing integers one by one compiles faster than building tuples of them
from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from netlists.formats.bytescan import Bytes, Hashes, Int32, Int64, intern, number, packed

#: Kinds of attribute values: ``f:``, ``i:``, ``placeholder:``, ``s:``, and anything else, kept as text.
FLOAT, INT, PLACEHOLDER, STRING, RAW = range(5)

#: Statuses. FULL: the table of comments was too short, nothing is wrong with the file.
OK, TRUNCATED, UNOPENED, STRAY, OPEN_STRING, NO_FIELD, NO_STRING, NO_BLOCK = range(8)
TWO_NAMES, NO_NAME, HALF_ATTR, NO_VALUE, BAD_NUMBER, TWO_VALUES, TOO_DEEP, FULL = range(8, 16)
_MAX_DEPTH = 100

# Tokens: end of file, bare word or number, quoted text, { or <, } or >, colon, [ or ], anything else.
_END, _WORD, _TEXT, _OPEN, _CLOSE, _COLON, _LIST, _UNLIST, _BAD = range(9)

# States: what the next token should be.
(
    _TOP, _NODE_OPEN, _NODE, _ATTR_OPEN, _ATTR, _VALUE_OPEN, _VALUE, _VALUE_COLON, _VALUE_SCALAR, _VALUE_CLOSE,
    _VALUE_OTHER, _STRING_COLON, _STRING_TEXT, _SKIP_COLON, _SKIP_VALUE, _SKIP_DEEP,
) = range(16)  # fmt: skip

Int8: TypeAlias = NDArray[np.int8]
Float64: TypeAlias = NDArray[np.float64]


_W_NODE, _W_NAME, _W_INPUT, _W_ATTR, _W_KEY, _W_VALUE, _W_F, _W_I, _W_S = (
    np.uint64(packed(word)[0]) for word in (b"node", b"name", b"input", b"attr", b"key", b"value", b"f", b"i", b"s")
)
_W_PLACEHOLDER, _W_PLACEHOLDER_2 = (np.uint64(half) for half in packed(b"placeholder"))


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
    out: Int64,
) -> None:
    """Scan a whole file into the arrays of :class:`~netlists.formats.circuit_training.scan.Scan`.

    ``out`` gets status, offset of the trouble, and the numbers of nodes, inputs, attributes, notes and symbols.
    """
    n = len(buf)
    p, status, state, depth = 0, OK, _TOP, 0
    g, i, a, k, symbols = 0, 0, 0, 0, 0
    back = _TOP  # state after a skipped field or a string
    field_start, notes_before = 0, 0  # of the field being skipped
    wants_key, is_input, has_key, has_value = False, False, False, False
    kind_of_value, value_start, value_end, first = 0, 0, 0, 0
    value_notes = 0
    start = 0
    while status == OK:
        # -- one token
        token = _END
        start = n
        end = n
        lo = np.uint64(0)
        hi = np.uint64(0)
        while p < n:
            c = buf[p]
            if c == 32 or c == 10 or c == 13 or c == 9 or c == 44 or c == 59:  # white space , ;
                p += 1
                continue
            start = p
            p += 1
            end = p
            if c == 35:  # a comment
                while p < n and buf[p] != 10:
                    p += 1
                if k < len(notes):
                    notes[k, 0], notes[k, 1], notes[k, 2], notes[k, 3] = start, p, g, 0
                k += 1
                start = n
                end = n
                continue
            if c == 34 or c == 39:
                token = _TEXT
                start = p
                while p < n and buf[p] != c and buf[p] != 10:
                    p += 2 if buf[p] == 92 else 1
                end = p
                if p >= n or buf[p] != c:
                    status = OPEN_STRING
                    start -= 1
                p += 1
            elif c == 123 or c == 60:
                token = _OPEN
            elif c == 125 or c == 62:
                token = _CLOSE
            elif c == 58:
                token = _COLON
            elif c == 91:
                token = _LIST
            elif c == 93:
                token = _UNLIST
            else:
                p = start
                length = 0
                while (
                    (97 <= c <= 122) or (65 <= c <= 90) or (48 <= c <= 57) or c == 95 or c == 46 or c == 43 or c == 45
                ):
                    if length < 8:
                        lo = (lo << np.uint64(8)) | np.uint64(c)
                    else:
                        hi = (hi << np.uint64(8)) | np.uint64(c)
                    length += 1
                    p += 1
                    c = buf[p] if p < n else np.uint8(0)
                if length > 16:
                    lo = np.uint64(0)  # longer than any word we know
                end = p
                token = _WORD
                if p == start:
                    token = _BAD
                    p += 1
            break
        if status != OK:
            break
        if token == _END:
            if state != _TOP:
                status = TRUNCATED
            break
        if token == _BAD:
            status = STRAY
            break

        # -- the scalar of a known value, or a string
        if state == _VALUE_SCALAR:
            if token != (_WORD if kind_of_value <= INT else _TEXT):
                status = NO_VALUE
                break
            value_start, value_end = start, end
            state = _VALUE_CLOSE
            continue
        if state == _STRING_TEXT or state == _VALUE_CLOSE:
            if state == _STRING_TEXT:
                if token != _TEXT:
                    status = NO_STRING
                    break
                text_start, text_end = start, end
            else:
                text_start, text_end = value_start, value_end
            symbol = -1
            if state == _STRING_TEXT or (token == _CLOSE and kind_of_value > INT):
                symbol = intern(buf, text_start, text_end, table, sym, sym_hash, symbols)
                if symbol == symbols:
                    symbols += 1
            if state == _VALUE_CLOSE:
                if token == _CLOSE:
                    attr_kind[a] = kind_of_value
                    attr_pos[a, 0], attr_pos[a, 1] = value_start, value_end
                    if kind_of_value <= INT:
                        attr_num[a] = number(buf, value_start, value_end)
                    attr_sym[a] = symbol
                    state = _ATTR
                    continue
                state = _VALUE_OTHER  # more than one field: carried as text
            else:
                state = back
                if wants_key:
                    attr_key[a] = symbol
                    has_key = True
                elif is_input:
                    input_sym[i] = symbol
                    i += 1
                elif rec_name[g] >= 0:
                    status = TWO_NAMES
                else:
                    rec_name[g] = symbol
                continue
        # -- names of fields
        skip = False
        if state == _VALUE:
            first, value_notes = start, k
            state = _VALUE_OTHER
            if token == _WORD:
                kind_of_value = RAW
                if lo == _W_F and hi == 0:
                    kind_of_value = FLOAT
                elif lo == _W_PLACEHOLDER and hi == _W_PLACEHOLDER_2:
                    kind_of_value = PLACEHOLDER
                elif lo == _W_I and hi == 0:
                    kind_of_value = INT
                elif lo == _W_S and hi == 0:
                    kind_of_value = STRING
                if kind_of_value != RAW:
                    state = _VALUE_COLON
                    continue
        if state == _VALUE_OTHER:
            if token == _CLOSE:
                k = value_notes  # comments in there are part of the text
                attr_kind[a] = RAW
                attr_pos[a, 0], attr_pos[a, 1] = first, start
                state = _ATTR
            elif token == _WORD:
                skip = True
            else:
                status = NO_FIELD
        elif state == _NODE:
            if token == _CLOSE:
                if rec_name[g] < 0:
                    status = NO_NAME
                    start = rec_start[g]
                    break
                g += 1
                input_ptr[g] = i
                attr_ptr[g] = a
                state = _TOP
            elif token != _WORD:
                status = NO_FIELD
            elif lo == _W_ATTR and hi == 0:
                state = _ATTR_OPEN
            elif (lo == _W_INPUT or lo == _W_NAME) and hi == 0:
                state, back = _STRING_COLON, _NODE
                wants_key, is_input = False, lo == _W_INPUT
            else:
                skip = True
        elif state == _ATTR:
            if token == _CLOSE and has_key and has_value:
                a += 1
                state = _NODE
            elif token == _WORD and lo == _W_KEY and hi == 0:
                state, back, wants_key = _STRING_COLON, _ATTR, True
                if has_key:
                    status = TWO_VALUES
            elif token == _WORD and lo == _W_VALUE and hi == 0:
                state = _VALUE_OPEN
                if has_value:
                    status = TWO_VALUES
                has_value = True
            else:
                status = HALF_ATTR
        elif state == _TOP:
            if token != _WORD:
                status = UNOPENED if token == _CLOSE else NO_FIELD
            elif lo == _W_NODE and hi == 0:
                rec_start[g] = start
                rec_name[g] = -1
                state = _NODE_OPEN
            else:
                skip = True
        # -- colons and braces
        elif state == _NODE_OPEN or state == _ATTR_OPEN or state == _VALUE_OPEN:
            if token == _OPEN:
                if state == _NODE_OPEN:
                    state = _NODE
                elif state == _ATTR_OPEN:
                    state, has_key, has_value = _ATTR, False, False
                else:
                    state = _VALUE
            elif token != _COLON:
                status = NO_BLOCK
        elif state == _VALUE_COLON:
            state = _VALUE_SCALAR
            if token != _COLON:
                status = NO_VALUE
        elif state == _STRING_COLON:
            state = _STRING_TEXT
            if token != _COLON:
                status = NO_STRING
        # -- fields nobody understands
        elif state == _SKIP_COLON and token == _COLON:
            state = _SKIP_VALUE
        else:
            done = False
            if state == _SKIP_DEEP:
                if token == _OPEN or token == _LIST:
                    depth += 1
                elif token == _CLOSE or token == _UNLIST:
                    depth -= 1
                    done = depth == 0
            elif token == _OPEN or (token == _LIST and state == _SKIP_VALUE):
                state, depth = _SKIP_DEEP, 1
            elif state == _SKIP_VALUE and (token == _WORD or token == _TEXT):
                done = True
            else:
                status = NO_VALUE if state == _SKIP_VALUE else NO_BLOCK
            if depth > _MAX_DEPTH:
                status = TOO_DEEP
            if done:
                depth = 0
                state = back
                if back != _VALUE_OTHER:
                    k = notes_before
                    if k < len(notes):
                        notes[k, 0], notes[k, 1], notes[k, 2] = field_start, p, g
                        notes[k, 3] = 1 if back == _NODE else 0
                    k += 1
        if skip:
            back = state
            field_start, notes_before = start, k
            state = _SKIP_COLON
    if status == OK and k > len(notes):
        status = FULL
    out[0], out[1], out[2], out[3], out[4], out[5], out[6] = status, start, g, i, a, min(k, len(notes)), symbols
