"""One pass over the bytes of a text protobuf (``GraphDef`` as Circuit Training writes it) into flat arrays.

The scanner is compiled (Numba) and knows the grammar only: nodes, inputs, attributes, comments, and fields it must
carry without understanding. Every string becomes a *symbol*: equal text, equal number, so that resolving the sinks
of a net is one array lookup. What nodes mean is decided in ``build.py``.

Grammar (protobuf text format): ``field: scalar``, ``field { ... }`` or ``field < ... >``, strings in single or double
quotes with C escapes, ``#`` comments, optional ``,`` and ``;`` between fields, any white space.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists.errors import NetlistError
from netlists.formats.circuit_training import kernel
from netlists.formats.circuit_training.kernel import INT, RAW

# What can be wrong, as (message, expected).
_ERRORS: dict[int, tuple[str, str | None]] = {
    kernel.TRUNCATED: ("the file ends inside a block: it is truncated or a '}' is missing", "'}'"),
    kernel.UNOPENED: ("a closing brace has no opening one", "a field name such as 'node'"),
    kernel.STRAY: ("a character does not belong here", "a field name, a value or a brace"),
    kernel.OPEN_STRING: ("a string is not closed on its line", "a closing quote"),
    kernel.NO_FIELD: ("a field name is missing", "a field name such as 'attr'"),
    kernel.NO_STRING: ("a quoted string is missing", ': "..."'),
    kernel.NO_BLOCK: ("a block is missing", "'{'"),
    kernel.TWO_NAMES: ("a node has two names", "one name"),
    kernel.NO_NAME: ("a node has no name", 'name: "..."'),
    kernel.HALF_ATTR: ("an attribute has no key or no value", 'key: "..." value { ... }'),
    kernel.NO_VALUE: ("a value is missing or of the wrong kind", ": and a number, a word or a string"),
    kernel.BAD_NUMBER: ("a number cannot be read", "a number such as 12.5"),
    kernel.TWO_VALUES: ("an attribute has two keys or two values", "one key and one value"),
    kernel.TOO_DEEP: ("blocks are nested too deeply", "at most 100 levels"),
}


@dataclass
class Scan:
    """The file as flat arrays; ``G`` nodes, ``I`` inputs, ``A`` attributes.

    Attributes:
        data: the file's bytes.
        sym_start: offset of the first byte of each symbol's text, quotes excluded.
        sym_end: offset behind its last byte.
        rec_start: ``[G]`` offset of each node's block.
        rec_name: ``[G]`` symbol.
        input_ptr: ``[G + 1]`` CSR offsets into ``input_sym``.
        input_sym: ``[I]`` symbols.
        attr_ptr: ``[G + 1]`` CSR offsets into the attribute arrays.
        attr_key: ``[A]`` symbol of the key.
        attr_kind: ``[A]`` FLOAT, INT, PLACEHOLDER, STRING or RAW.
        attr_sym: ``[A]`` symbol of a PLACEHOLDER or STRING value.
        attr_num: ``[A]`` value of a FLOAT or INT.
        attr_pos: ``[A, 2]`` offsets of the value's text.
        notes: ``[K, 4]`` comments and foreign fields: (start, end, node they stand before or in, 1 if in a node).
    """

    data: bytes
    sym_start: NDArray[np.int64]
    sym_end: NDArray[np.int64]
    rec_start: NDArray[np.int64]
    rec_name: NDArray[np.int32]
    input_ptr: NDArray[np.int64]
    input_sym: NDArray[np.int32]
    attr_ptr: NDArray[np.int64]
    attr_key: NDArray[np.int32]
    attr_kind: NDArray[np.int8]
    attr_sym: NDArray[np.int32]
    attr_num: NDArray[np.float64]
    attr_pos: NDArray[np.int64]
    notes: NDArray[np.int64]

    def line(self, offset: int) -> int:
        """1-based line of a byte offset."""
        return self.data.count(b"\n", 0, offset) + 1

    def text(self, symbol: int) -> str:
        """Text of one symbol, escapes resolved.

        Raises:
            UnicodeDecodeError: it is not UTF-8.
        """
        return unescape(self.data[self.sym_start[symbol] : self.sym_end[symbol]])

    def slice(self, start: int, end: int) -> str:
        """Text between two offsets, stripped; bytes that are not UTF-8 are replaced."""
        return self.data[start:end].decode(errors="replace").strip()


_ESCAPE = re.compile(rb"\\([0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_SIMPLE = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


def unescape(raw: bytes) -> str:
    """Resolve the C escapes of a text-format string.

    Raises:
        UnicodeDecodeError: the result is not UTF-8.
    """
    if b"\\" not in raw:
        return raw.decode()
    return _ESCAPE.sub(_unescape_one, raw).decode()


def _unescape_one(match: re.Match[bytes]) -> bytes:
    code: bytes = match.group(1)
    if code in _SIMPLE:
        return _SIMPLE[code]
    if code[:1].isdigit():
        return bytes([int(code, 8) & 255])
    if code[:1] in b"xX" and len(code) > 1:
        return bytes([int(code[1:], 16)])
    if code[:1] in b"uU" and len(code) > 1:
        point = int(code[1:], 16)
        return chr(point).encode() if point < 0x110000 and not 0xD800 <= point < 0xE000 else b"?"
    return code


def escape(text: str) -> str:
    """The inside of a double-quoted string for ``text``; control characters become escapes, UTF-8 stays."""
    if '"' not in text and "\\" not in text and text.isprintable():
        return text
    out = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\{ord(m.group()):03o}", out)


def scan(data: bytes, file: Path) -> Scan:
    """Scan a whole file.

    Raises:
        NetlistError: the text is not well formed; with file and line.
    """
    # Upper bounds by counting: cheap, and no array ever grows.
    num_records = data.count(b"node") + 1
    num_inputs = data.count(b"input") + 1
    num_attrs = data.count(b"attr") + 1
    num_strings = data.count(b'"') // 2 + data.count(b"'") // 2 + 2
    num_notes = data.count(b"#") + 1024
    buffer = np.frombuffer(data, dtype=np.uint8)
    while True:
        table = np.full(1 << max(4, int(2 * num_strings).bit_length()), -1, dtype=np.int32)
        sym = np.empty((num_strings, 2), np.int64)
        sym_hash = np.empty(num_strings, np.uint64)
        rec_start, rec_name = np.empty(num_records, np.int64), np.empty(num_records, np.int32)
        input_ptr, attr_ptr = np.zeros(num_records + 1, np.int64), np.zeros(num_records + 1, np.int64)
        input_sym = np.empty(num_inputs, np.int32)
        attr_key, attr_sym = np.empty(num_attrs, np.int32), np.full(num_attrs, -1, np.int32)
        attr_kind = np.empty(num_attrs, np.int8)
        attr_num, attr_pos = np.full(num_attrs, np.nan), np.empty((num_attrs, 2), np.int64)
        notes = np.empty((num_notes, 4), np.int64)
        out = np.zeros(7, np.int64)
        kernel.scan_bytes(
            buffer, table, sym, sym_hash, rec_start, rec_name, input_ptr, input_sym,
            attr_ptr, attr_key, attr_kind, attr_sym, attr_num, attr_pos, notes, out,
        )  # fmt: skip
        status, at, g, i, a, k, symbols = out.tolist()
        if status != kernel.FULL:
            break
        num_notes *= 8  # only comments and foreign fields have no cheap bound
    result = Scan(
        data, sym[:symbols, 0], sym[:symbols, 1], rec_start[:g], rec_name[:g], input_ptr[: g + 1], input_sym[:i],
        attr_ptr[: g + 1], attr_key[:a], attr_kind[:a], attr_sym[:a], attr_num[:a], attr_pos[:a], notes[:k],
    )  # fmt: skip
    if status:
        message, expected = _ERRORS[status]
        at = min(at, max(len(data) - 1, 0))
        found = data[at : at + 40].split(b"\n")[0].decode(errors="replace").strip() or "end of file"
        raise NetlistError(message, file=file, line=result.line(at), found=found, expected=expected)
    _finish_numbers(result, file)
    return result


def _finish_numbers(result: Scan, file: Path) -> None:
    """Convert the few numbers the exact fast path could not take."""
    left = np.flatnonzero((result.attr_kind <= INT) & np.isnan(result.attr_num))
    for index in left.tolist():
        start, end = result.attr_pos[index].tolist()
        text = result.data[start:end].decode(errors="replace")
        try:
            if result.attr_kind[index] == INT:
                number = int(text, 0) if not re.fullmatch(r"[+-]?0\d+", text) else int(text, 8)
                # an integer float64 cannot hold is carried as text
                if int(float(number)) != number:
                    result.attr_kind[index] = RAW
                    result.attr_pos[index, 0] = result.data.rindex(b"i", 0, start)
                    continue
                result.attr_num[index] = float(number)
            else:
                result.attr_num[index] = float(text.rstrip("fF") if text[-1:] in "fF" and "inf" not in text else text)
        except (ValueError, OverflowError):
            message, expected = _ERRORS[kernel.BAD_NUMBER]
            raise NetlistError(message, file=file, line=result.line(start), found=text, expected=expected) from None
