"""``.pl``: where the objects lie. Shared by Bookshelf and GSRC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists import orientation
from netlists.errors import PlacementError
from netlists.formats.bookshelf import lines as text

#: Word after the position: none, ``/FIXED``, ``/FIXED_NI``.
FREE, FIXED, FIXED_NI = range(3)
SUFFIXES: tuple[str, ...] = ("", "/FIXED", "/FIXED_NI")
_PUNCTUATION = bytes.maketrans(b"(),=:", b"     ")
_SUFFIX = {b"/FIXED": FIXED, b"/FIXED_NI": FIXED_NI}


@dataclass(frozen=True)
class Positions:
    """Content of a ``.pl`` file, one entry a listed object; ``K`` entries.

    Attributes:
        node: ``[K]`` int64 node ids in file order.
        x: ``[K]`` float64 lower-left corner of the oriented box, file units.
        y: ``[K]`` float64.
        orient: ``[K]`` int8 orientation codes, N where absent.
        has_orient: ``[K]`` bool, the line spells an orientation.
        suffix: ``[K]`` int8 ``FREE``, ``FIXED`` or ``FIXED_NI``.
        dims: entry -> (width, height) of ``DIMS = (w, h)``.
        where: ``K`` line indices.
        source: the file, for later complaints.
    """

    node: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    orient: NDArray[np.int8]
    has_orient: NDArray[np.bool_]
    suffix: NDArray[np.int8]
    dims: dict[int, tuple[float, float]]
    where: list[int]
    source: text.Source

    def error(self, message: str, entry: int, node: str, rule: str) -> PlacementError:
        """A complaint about one entry."""
        return PlacementError(message, node=node, rule=rule, file=self.source.path, line=self.where[entry] + 1)


def read_positions(path: Path, node_index: Mapping[bytes, int]) -> Positions:
    """Read a ``.pl`` file.

    Raises:
        NetlistError: wrong header, malformed line, bad number or orientation.
        PlacementError: an object that the design does not have, or one listed twice.
    """
    source = text.open_source(path, "pl")
    node: list[int] = []
    xs: list[bytes] = []
    ys: list[bytes] = []
    orient: list[bytes] = []
    suffix: list[int] = []
    dims: dict[int, tuple[float, float]] = {}
    where: list[int] = []
    lines = source.lines
    for i in range(source.start, len(lines)):
        t = lines[i].split()
        n = len(t)
        code = FREE
        if n == 5 and t[3] == b":":
            way = t[4]
        elif n == 6 and t[3] == b":" and t[5] in _SUFFIX:
            way = t[4]
            code = _SUFFIX[t[5]]
        elif n == 3 and b":" not in t[2]:
            way = b""
        elif not n:
            continue
        else:
            t, way, code, size = _slow(source, i)
            if size is not None:
                dims[len(node)] = size
        try:
            node.append(node_index[t[0]])
        except KeyError:
            raise PlacementError(
                "the placement names an object that the design does not have; it may belong to another design",
                node=t[0].decode(errors="replace"), rule="unknown object", file=path, line=i + 1,
            ) from None  # fmt: skip
        xs.append(t[1])
        ys.append(t[2])
        orient.append(way)
        suffix.append(code)
        where.append(i)
    ids = np.array(node, np.int64)
    _check_twice(source, ids, where)
    codes = {b"": orientation.N}
    for way in set(orient) - {b""}:
        try:
            codes[way] = orientation.parse(way.decode(errors="replace"))
        except KeyError:
            k = orient.index(way)
            raise source.error(
                "an orientation is unknown", where[k], found=way.decode(errors="replace"),
                expected="N, S, W, E, FN, FS, FW or FE",
            ) from None  # fmt: skip
    return Positions(
        ids,
        text.floats(source, xs, where, "a coordinate"),
        text.floats(source, ys, where, "a coordinate"),
        np.array([codes[way] for way in orient], np.int8),
        np.array([bool(way) for way in orient], bool),
        np.array(suffix, np.int8),
        dims, where, source,
    )  # fmt: skip


def _slow(source: text.Source, i: int) -> tuple[list[bytes], bytes, int, tuple[float, float] | None]:
    """A line the fast path does not know: glued colons, ``DIMS = (w, h)``, a fixed mark without orientation."""
    t = text.loose_tokens(source.lines[i])
    rest = [x for x in t[3:] if x != b":"]
    size = None
    if rest and rest[0].upper().startswith(b"DIMS"):
        joined = b" ".join(rest).translate(_PUNCTUATION).split()
        pair = text.floats(source, joined[1:3], [i, i], "a dimension")
        if len(pair) != 2 or not (pair > 0).all():
            raise source.error("DIMS is malformed", i, expected="DIMS = (width, height)")
        size = (float(pair[0]), float(pair[1]))
        rest = joined[3:]
    code = FREE
    if rest and rest[-1].upper() in _SUFFIX:
        code = _SUFFIX[rest.pop().upper()]
    if len(t) < 3 or b":" in t[:3] or len(rest) > 1:
        raise source.error(
            "a placement line is malformed", i, found=source.lines[i].strip()[:80].decode(errors="replace"),
            expected="name x y [: orientation [/FIXED]]",
        )  # fmt: skip
    return t, rest[0] if rest else b"", code, size


def _check_twice(source: text.Source, ids: NDArray[np.int64], where: Sequence[int]) -> None:
    unique, first = np.unique(ids, return_index=True)
    if len(unique) == len(ids):
        return
    again = np.setdiff1d(np.arange(len(ids)), first)[0]
    line = source.lines[where[int(again)]].split()
    raise PlacementError(
        "the placement lists an object twice",
        node=line[0].decode(errors="replace"),
        rule="duplicate",
        file=source.path,
        line=where[int(again)] + 1,
    )
