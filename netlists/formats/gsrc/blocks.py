"""``.blocks``: hard and soft blocks and terminals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists.formats.bookshelf import lines as text
from netlists.formats.bookshelf.nodes import index_names

#: What a line of the file declares.
HARD, SOFT, TERMINAL = range(3)
WORDS: tuple[str, ...] = ("hardrectilinear", "softrectangular", "terminal")
_CODE = {word.encode(): code for code, word in enumerate(WORDS)}
_COUNTS = (b"numsoftrectangularblocks", b"numhardrectilinearblocks", b"numterminals")
_PUNCTUATION = bytes.maketrans(b"(),", b"   ")


@dataclass(frozen=True)
class Blocks:
    """Content of a ``.blocks`` file with ``N`` blocks and terminals in file order.

    Attributes:
        names: ``N`` names.
        index: raw name -> id.
        code: ``[N]`` int8 ``HARD``, ``SOFT`` or ``TERMINAL``.
        corners: ``[K, 2]`` float64 corners of all hard blocks, block by block.
        corner_ptr: ``[N + 1]`` int64 CSR offsets into ``corners``.
        area: ``[N]`` float64 of soft blocks, NaN for others.
        ratio: ``[N, 2]`` float64 the two aspect ratios of soft blocks as written (width / height), NaN for others.
        where: ``N`` line indices.
        source: the file, for later complaints.
    """

    names: list[str]
    index: dict[bytes, int]
    code: NDArray[np.int8]
    corners: NDArray[np.float64]
    corner_ptr: NDArray[np.int64]
    area: NDArray[np.float64]
    ratio: NDArray[np.float64]
    where: list[int]
    source: text.Source


def read_blocks(path: Path) -> Blocks:
    """Read a ``.blocks`` file.

    Raises:
        NetlistError: wrong header, malformed line, duplicate name, bad number, block without area, or counts that
            disagree with the header.
    """
    source = text.open_source(path, "blocks")
    names: list[bytes] = []
    code: list[int] = []
    where: list[int] = []
    corners: list[NDArray[np.float64]] = []
    degree: list[int] = []
    area: list[float] = []
    ratio: list[tuple[float, float]] = []
    counts: dict[bytes, text.Count] = {}
    for i in range(source.start, len(source.lines)):
        line = source.lines[i]
        t = line.split()
        if not t:
            continue
        word = t[1].lower() if len(t) > 1 else b""
        if word not in _CODE:
            tokens = text.loose_tokens(line)
            if len(tokens) > 1 and tokens[1] == b":" and tokens[0].lower() in _COUNTS:
                counts[tokens[0].lower()] = text.read_count(source, tokens, i)
                continue
            raise _malformed(source, i)
        names.append(t[0])
        code.append(_CODE[word])
        where.append(i)
        points, shape = np.zeros((0, 2)), (math.nan, math.nan, math.nan)
        if code[-1] == HARD:
            points = _corners(source, line, i)
        elif code[-1] == SOFT:
            shape = _soft(source, t, i)
        elif len(t) != 2:
            raise _malformed(source, i)
        corners.append(points)
        degree.append(len(points))
        area.append(shape[0])
        ratio.append((shape[1], shape[2]))
    index = index_names(source, names, where, "block")
    codes = np.array(code, np.int8)
    for key, kind, what in (
        (b"NumSoftRectangularBlocks", SOFT, "soft blocks"),
        (b"NumHardRectilinearBlocks", HARD, "hard blocks"),
        (b"NumTerminals", TERMINAL, "terminals"),
    ):
        text.check_count(source, counts, key, int((codes == kind).sum()), what)
    decoded = [source.text(name, i) for name, i in zip(names, where, strict=True)]
    return Blocks(
        decoded, index, codes, np.concatenate([np.zeros((0, 2)), *corners]),
        np.concatenate([[0], np.cumsum(np.array(degree, np.int64))]).astype(np.int64),
        np.array(area, np.float64), np.array(ratio, np.float64).reshape(-1, 2), where, source,
    )  # fmt: skip


def _corners(source: text.Source, line: bytes, i: int) -> NDArray[np.float64]:
    # The name may hold punctuation of its own.
    tokens = b" ".join(line.split(None, 2)[2:]).translate(_PUNCTUATION).split()
    if not tokens or not text.is_count(tokens[0]):
        raise _malformed(source, i)
    count = int(tokens[0])
    if len(tokens) - 1 != 2 * count:
        raise source.error(
            "a hard block has another number of corners than it says",
            i,
            found=(len(tokens) - 1) / 2,
            expected=count,
        )
    points = text.floats(source, tokens[1:], [i] * (2 * count), "a corner").reshape(-1, 2)
    if count < 4 or not (np.ptp(points, axis=0) > 0).all():
        raise source.error("a hard block has no area", i, found=line.strip()[:80].decode(errors="replace"))
    return points


def _soft(source: text.Source, t: list[bytes], i: int) -> tuple[float, float, float]:
    if len(t) != 5:
        raise _malformed(source, i)
    area, low, high = text.floats(source, t[2:], [i] * 3, "an area or aspect ratio").tolist()
    if not (area > 0 and low > 0 and high > 0):
        raise source.error("area and aspect ratios of a soft block must be positive", i, found=(area, low, high))
    return area, low, high


def _malformed(source: text.Source, i: int) -> Exception:
    return source.error(
        "a block line is malformed", i, found=source.lines[i].strip()[:80].decode(errors="replace"),
        expected="name hardrectilinear 4 (x, y) ..., name softrectangular area min max, or name terminal",
    )  # fmt: skip
