"""DEF orientations: codes, names and what they do to sizes and pin offsets."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: DEF names in code order (LEF/DEF 5.8 reference, "Orientation").
NAMES: tuple[str, ...] = ("N", "S", "W", "E", "FN", "FS", "FW", "FE")
N, S, W, E, FN, FS, FW, FE = range(8)
CODE: dict[str, int] = {name: code for code, name in enumerate(NAMES)}
#: OpenAccess spellings of the same eight, accepted by every reader.
ALIASES: dict[str, str] = {
    "R0": "N", "R180": "S", "R90": "W", "R270": "E",
    "MY": "FN", "MX": "FS", "MX90": "FW", "MXR90": "FW", "MY90": "FE", "MYR90": "FE",
}  # fmt: skip

#: Row ``code`` holds (a, b, c, d): (dx, dy) in the N frame becomes (a*dx + b*dy, c*dx + d*dy).
MATRIX: NDArray[np.float64] = np.array(
    [
        [1, 0, 0, 1],  # N
        [-1, 0, 0, -1],  # S   R180
        [0, -1, 1, 0],  # W   R90
        [0, 1, -1, 0],  # E   R270
        [-1, 0, 0, 1],  # FN  MY
        [1, 0, 0, -1],  # FS  MX
        [0, 1, 1, 0],  # FW  MX then R90
        [0, -1, -1, 0],  # FE  MY then R90
    ],
    dtype=np.float64,
)
#: True where the orientation swaps width and height.
SWAPS_SIDES: NDArray[np.bool_] = np.array([0, 0, 1, 1, 0, 0, 1, 1], dtype=bool)


def parse(name: str) -> int:
    """Return the code of a DEF or OpenAccess orientation name.

    Raises:
        KeyError: the name is neither.
    """
    return CODE[ALIASES.get(name, name)]


def oriented_offsets(
    dx: ArrayLike, dy: ArrayLike, orient: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Turn N-frame offsets from the centre (any shape, um) by orientation codes of the same shape."""
    m = MATRIX[np.asarray(orient, dtype=np.intp)]
    dx = np.asarray(dx, dtype=np.float64)
    dy = np.asarray(dy, dtype=np.float64)
    return m[..., 0] * dx + m[..., 1] * dy, m[..., 2] * dx + m[..., 3] * dy


def oriented_sizes(
    width: ArrayLike, height: ArrayLike, orient: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Width and height (um) as they lie on the canvas under the given orientation codes."""
    swap = SWAPS_SIDES[np.asarray(orient, dtype=np.intp)]
    width = np.asarray(width, dtype=np.float64)
    height = np.asarray(height, dtype=np.float64)
    return np.where(swap, height, width), np.where(swap, width, height)


#: ``SIDE_OF[code, k]``: the side of the N frame (0 left, 1 bottom, 2 right, 3 top) that lies on side ``k`` once turned.
SIDE_OF: NDArray[np.intp] = np.array(
    [
        [0, 1, 2, 3],  # N
        [2, 3, 0, 1],  # S
        [3, 0, 1, 2],  # W
        [1, 2, 3, 0],  # E
        [2, 1, 0, 3],  # FN
        [0, 3, 2, 1],  # FS
        [1, 0, 3, 2],  # FW
        [3, 2, 1, 0],  # FE
    ],
    dtype=np.intp,
)


def oriented_sides(sides: ArrayLike, orient: ArrayLike) -> NDArray[np.float64]:
    """Turn margins with the object they belong to.

    Args:
        sides: ``[..., 4]`` left, bottom, right, top in the N frame, um.
        orient: ``[...]`` orientation codes.

    Returns:
        ``[..., 4]`` left, bottom, right, top as they lie on the canvas.
    """
    return np.take_along_axis(np.asarray(sides, dtype=np.float64), SIDE_OF[np.asarray(orient, dtype=np.intp)], axis=-1)
