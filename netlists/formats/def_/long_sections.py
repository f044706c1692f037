"""COMPONENTS and NETS: what the compiled loops found, as names and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlists import orientation
from netlists.formats.def_ import kernel
from netlists.formats.def_.data import Components, Nets
from netlists.formats.def_.texts import Options
from netlists.formats.tokens import Symbols, Tokens

_ERRORS: dict[int, tuple[str, str]] = {
    kernel.TRUNCATED: ("a statement is not finished: its ';' is missing or the file is truncated", "';'"),
    kernel.NO_DASH: ("a statement does not begin with '-'", "'- name ...' or END"),
    kernel.NO_NAME: ("a name is missing", "a name"),
    kernel.NO_MASTER: ("the name of the master is missing", "- instance master"),
    kernel.NO_OPTION: ("a word does not belong here", "'+ OPTION' or ';'"),
    kernel.NO_SEMICOLON: ("a statement begins before the last one ended", "';'"),
    kernel.NO_BRACKET: ("a point is malformed", "( x y ) orientation"),
    kernel.BAD_INTEGER: ("a whole number cannot be read", "a whole number of database units"),
    kernel.NO_VALUE: ("an option is malformed", "PLACED ( x y ) orientation, or HALO left bottom right top"),
    kernel.NO_PIN: ("a connection is malformed", "( component pin )"),
}


def _check(tokens: Tokens, out: NDArray[np.int64]) -> None:
    if out[0]:
        message, expected = _ERRORS[int(out[0])]
        tokens.fail(int(out[1]), message, expected)


def _count(tokens: Tokens, first: int, last: int, letter: str) -> int:
    """How many tokens of a range are this one character."""
    starts, ends = tokens.starts[first:last], tokens.ends[first:last]
    single = starts[ends - starts == 1]
    return int((tokens.buffer[single] == ord(letter)).sum())


def _options(tokens: Tokens, rows: NDArray[np.int64], count: int) -> Options:
    """Rows of (owner, first byte, byte behind the last) in the order of owners."""
    ptr = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(rows[:, 0], minlength=count), out=ptr[1:])
    return Options(tokens.data, ptr, rows[:, 1:].copy())


def _orientations(tokens: Tokens, which: NDArray[np.int32]) -> NDArray[np.int8]:
    """Codes of orientation tokens; token 0 stands for none.

    Raises:
        NetlistError: one is unknown.
    """
    result = np.zeros(len(which), np.int8)
    given = np.flatnonzero(which)
    symbols = Symbols(tokens, which[given])
    codes = np.zeros(symbols.count, np.int8)
    for number, word in enumerate(symbols.texts()):
        try:
            codes[number] = orientation.parse(word)
        except KeyError:
            tokens.fail(int(symbols.first[number]), "an orientation is unknown", ", ".join(orientation.NAMES))
    result[given] = codes[symbols.ids]
    return result


def _indices(tokens: Tokens, which: NDArray[np.int32], dtype: type[Any]) -> tuple[tuple[str, ...], NDArray[Any]]:
    """Different texts of tokens, and the index of each; -1 for token 0, which stands for none."""
    result = np.full(len(which), -1, dtype)
    given = np.flatnonzero(which)
    symbols = Symbols(tokens, which[given])
    result[given] = symbols.ids
    return symbols.texts(), result


class ComponentSection:
    """COMPONENTS as read.

    Attributes:
        components: the contents.
        symbols: names by number, to look connections up.
        placements: bytes of the locations.
        statements: bytes of the statements.
    """

    def __init__(self, tokens: Tokens, first: int, last: int) -> None:
        n = _count(tokens, first, last, "-")
        extra = _count(tokens, first, last, "+")
        name, master, orient, region = (np.zeros(n, np.int32) for _ in range(4))
        status, halo_kind = np.zeros(n, np.int8), np.zeros(n, np.int8)
        xy, halo = np.zeros((n, 2), np.int64), np.zeros((n, 4), np.int64)
        statement, place, option = (np.zeros((k, w), np.int64) for k, w in ((n, 2), (n, 2), (extra, 3)))
        out = np.zeros(4, np.int64)
        kernel.components(
            tokens.buffer, tokens.starts, tokens.ends, first, last, name, master, status, orient, xy, halo, halo_kind,
            region, statement, place, option, out,
        )  # fmt: skip
        _check(tokens, out)
        n = int(out[2])
        name, master, orient, region = name[:n], master[:n], orient[:n], region[:n]
        status, xy, halo, halo_kind = status[:n], xy[:n], halo[:n], halo_kind[:n]
        self.symbols = Symbols(tokens, name)
        if self.symbols.count < n:
            seen: NDArray[np.intp] = np.flatnonzero(np.bincount(self.symbols.ids) > 1)
            again = int(np.flatnonzero(self.symbols.ids == seen[0])[1])
            tokens.fail(int(name[again]), "two components have the same name", "one component of each name")
        kinds = Symbols(tokens, master)
        regions, region_of = _indices(tokens, region, np.int32)
        self.components = Components(
            tuple(tokens.texts(name)), kinds.texts(), kinds.ids, status, xy[:, 0].copy(), xy[:, 1].copy(),
            _orientations(tokens, orient), halo, halo_kind, regions, region_of,
            _options(tokens, option[: out[3]], n),
        )  # fmt: skip
        self.placements, self.statements = place[:n], statement[:n]


def read_nets(tokens: Tokens, first: int, last: int, components: Symbols) -> Nets:
    """NETS; a connection to a component that is not there is an error.

    Raises:
        NetlistError: malformed, or a component is unknown.
    """
    n = _count(tokens, first, last, "-")
    k = _count(tokens, first, last, "(")
    extra = _count(tokens, first, last, "+")
    name, ptr = np.zeros(n, np.int32), np.zeros(n + 1, np.int64)
    component, pin = np.zeros(k, np.int32), np.zeros(k, np.int32)
    kind, synthesized = np.zeros(k, np.int8), np.zeros(k, np.int8)
    weight, words = np.full(n, np.iinfo(np.int64).min), np.zeros((n, 3), np.int32)
    option, out = np.zeros((extra, 3), np.int64), np.zeros(5, np.int64)
    kernel.nets(
        tokens.buffer, tokens.starts, tokens.ends, first, last, name, ptr, component, kind, pin, synthesized, weight,
        words, option, out,
    )  # fmt: skip
    _check(tokens, out)
    n, k = int(out[2]), int(out[3])
    name, ptr, weight, words = name[:n], ptr[: n + 1], weight[:n], words[:n]
    component, pin, kind = component[:k], pin[:k], kind[:k]
    target = kind.astype(np.int32)
    inside = np.flatnonzero(kind == 0)
    target[inside] = components.find(component[inside])
    lost = inside[target[inside] < 0]
    if len(lost):
        tokens.fail(int(component[lost[0]]), "a net names a component that is not in COMPONENTS", "a component's name")
    pins = Symbols(tokens, pin)
    texts, codes = _indices(tokens, words[:, :2].reshape(-1).copy(), np.int16)
    codes = codes.reshape(-1, 2)
    renamed = np.flatnonzero(words[:, 2])
    given = weight != np.iinfo(np.int64).min
    if (given & ((weight < 0) | (weight > 2**31 - 1))).any():
        bad = int(np.flatnonzero(given & ((weight < 0) | (weight > 2**31 - 1)))[0])
        tokens.fail(int(name[bad]), "the weight of this net makes no sense", "0 or more")
    return Nets(
        tuple(tokens.texts(name)), ptr, target, pins.ids, pins.texts(), synthesized[:k].astype(bool),
        np.where(given, weight, 1).astype(np.int32), given, codes[:, 0].copy(), codes[:, 1].copy(), texts,
        dict(zip(renamed.tolist(), tokens.texts(words[renamed, 2]), strict=True)),
        _options(tokens, option[: out[4]], n),
    )  # fmt: skip
