"""Reading one LEF MACRO: its size, its pins and its shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists.formats.cursor import Cursor
from netlists.formats.lef.library import DIRECTIONS, OBSTRUCTION, SIGNAL, USES, Macro, Shapes
from netlists.formats.lef.parts import close, read_size, read_symmetry, skip_block

#: An ITERATE that makes more shapes than this is taken for a mistake.
_MAX_COPIES = 1 << 20


class _ShapeList:
    """Shapes on their way into arrays."""

    def __init__(self) -> None:
        self.box: list[tuple[float, float, float, float]] = []
        self.layer: list[int] = []
        self.owner: list[int] = []
        self.port: list[int] = []
        self.layers: dict[str, int] = {}
        self.polygons: dict[int, NDArray[np.float64]] = {}

    def add(self, points: list[tuple[float, float]], layer: int, owner: int, port: int) -> None:
        """Add a rectangle (two points) or a polygon (more)."""
        xs = [p[0] for p in points]
        ys = [p[1] for p in points]
        if len(points) > 2:
            self.polygons[len(self.box)] = np.array(points)
        self.box.append((min(xs), min(ys), max(xs), max(ys)))
        self.layer.append(layer)
        self.owner.append(owner)
        self.port.append(port)

    def arrays(self) -> Shapes:
        """The shapes as arrays."""
        return Shapes(
            np.array(self.box, np.float64).reshape(-1, 4), np.array(self.layer, np.int16),
            np.array(self.owner, np.int32), np.array(self.port, np.int16), tuple(self.layers), self.polygons,
        )  # fmt: skip


def read_macro(c: Cursor, file: Path) -> Macro:
    """Read a master; the word MACRO was taken already.

    Raises:
        NetlistError: it is malformed; with file and line.
    """
    start = c.i - 1
    name = c.name("the name of the master")
    kind = subkind = foreign = ""
    size: tuple[float, float] | None = None
    origin = foreign_offset = (0.0, 0.0)
    symmetry: tuple[str, ...] = ()
    sites: list[str] = []
    pins: dict[str, int] = {}
    direction: list[int] = []
    use: list[int] = []
    shapes = _ShapeList()
    while c.key() != "END":
        key = c.key()
        c.i += 1
        if key == "PIN":
            _read_pin(c, pins, direction, use, shapes)
        elif key == "OBS":
            _read_geometries(c, shapes, OBSTRUCTION, 0)
            c.expect("END")
        elif key == "CLASS":
            kind = c.name("a class").upper()
            subkind = " ".join(word.upper() for word in _rest(c))
        elif key == "SIZE":
            size = read_size(c)
        elif key == "ORIGIN":
            origin = _point(c)
            c.end()
        elif key == "SYMMETRY":
            symmetry = read_symmetry(c)
        elif key == "SITE":
            sites.append(c.name("a site"))
            c.skip()
        elif key == "FOREIGN":
            foreign = c.name("a cell")
            if c.peek() != ";" and c.peek()[:1] != "(" and not c.is_number():
                c.i += 1  # an orientation alone
            elif c.peek() != ";":
                foreign_offset = _point(c)
            c.skip()
        elif key == "DENSITY":
            while c.key() != "END":
                c.skip()
            c.expect("END")
        elif key == "TIMING":
            skip_block(c, "TIMING")
        elif key == "":
            c.i = start
            c.fail(f"the master {name!r} is never closed: the file is truncated", f"'END {name}'")
        else:
            c.skip()
    close(c, name)
    if size is None:
        c.i = start
        c.fail(f"the master {name!r} has no SIZE", "SIZE width BY height ;")
    return Macro(
        name, kind, *size, subkind, origin, symmetry, tuple(dict.fromkeys(sites)), foreign, foreign_offset,
        tuple(pins), np.array(direction, np.int8), np.array(use, np.int8), shapes.arrays(), file,
        c.tokens.line(c.first + start),
    )  # fmt: skip


def _rest(c: Cursor) -> list[str]:
    """The words up to the ``;``, which is taken."""
    start = c.i
    c.skip()
    return c.words[start : c.i - 1]


def _read_pin(c: Cursor, pins: dict[str, int], direction: list[int], use: list[int], shapes: _ShapeList) -> None:
    name = c.name("the name of the pin")
    if name in pins:
        c.i -= 1
        c.fail(f"the pin {name!r} comes twice in its master", "one pin of each name")
    pin = len(pins)
    pins[name] = pin
    direction.append(-1)
    use.append(SIGNAL)
    ports = 0
    while c.key() != "END":
        key = c.key()
        c.i += 1
        if key == "DIRECTION":
            at = c.i
            direction[pin] = _code(c, DIRECTIONS, " ".join(word.upper() for word in _rest(c)), at, "direction")
        elif key == "USE":
            at = c.i
            use[pin] = _code(c, USES, " ".join(word.upper() for word in _rest(c)), at, "use")
        elif key == "PORT":
            _read_geometries(c, shapes, pin, ports)
            c.expect("END")
            ports += 1
        else:
            c.skip()
    close(c, name)


def _code(c: Cursor, names: tuple[str, ...], word: str, at: int, what: str) -> int:
    if word not in names:
        c.i = at
        c.fail(f"the {what} of a pin is unknown", ", ".join(names))
    return names.index(word)


def _read_geometries(c: Cursor, shapes: _ShapeList, owner: int, port: int) -> None:
    """Shapes up to the END that closes a port or the obstructions, which is not taken."""
    layer, width = -1, 0.0
    while c.key() != "END":
        key = c.key()
        c.i += 1
        if key == "LAYER":
            name = c.name("a layer")
            layer = shapes.layers.setdefault(name, len(shapes.layers))
        elif key == "WIDTH":
            width = c.number()
        elif key in ("RECT", "POLYGON", "PATH"):
            if layer < 0:
                c.i -= 1
                c.fail("a shape has no layer", "LAYER name ; before it")
            for points in _read_shape(c, key, width):
                shapes.add(points, layer, owner, port)
        c.skip()


def _point(c: Cursor) -> tuple[float, float]:
    """``x y``, in brackets or not."""
    bracket = c.peek() == "("
    c.i += bracket
    point = c.number(), c.number()
    if bracket:
        c.expect(")")
    return point


def _read_shape(c: Cursor, key: str, width: float) -> list[list[tuple[float, float]]]:
    """A RECT, POLYGON or PATH up to its ``;``, which is not taken: point lists, two points for a rectangle."""
    start = c.i
    if c.key() == "MASK":
        c.i += 1
        c.integer()
    iterate = c.key() == "ITERATE"
    c.i += iterate
    points = []
    while c.is_number() or c.peek() == "(":
        points.append(_point(c))
    steps = _read_steps(c) if iterate else [(0.0, 0.0)]
    if key == "RECT" and len(points) != 2:
        c.i = start
        c.fail("a rectangle does not have two corners", "RECT x1 y1 x2 y2 ;")
    if key == "POLYGON" and len(points) < 3:
        c.i = start
        c.fail("a polygon has fewer than three corners", "POLYGON x1 y1 x2 y2 x3 y3 ... ;")
    if key == "PATH" and not points:
        c.i = start
        c.fail("a path has no point", "PATH x1 y1 ... ;")
    parts = [points]
    if key == "PATH":
        h = width / 2
        parts = [
            [(min(a, b) - h, min(p, q) - h), (max(a, b) + h, max(p, q) + h)]
            for (a, p), (b, q) in zip(points, points[1:] or points, strict=False)
        ]
    return [[(x + dx, y + dy) for x, y in part] for dx, dy in steps for part in parts]


def _read_steps(c: Cursor) -> list[tuple[float, float]]:
    """``DO n BY m STEP dx dy`` as the shifts of all copies."""
    c.expect("DO")
    start = c.i
    columns = c.integer()
    c.expect("BY")
    rows = c.integer()
    c.expect("STEP")
    dx, dy = c.number(), c.number()
    if columns < 1 or rows < 1 or columns * rows > _MAX_COPIES:
        c.i = start
        c.fail("the number of copies makes no sense", f"1 to {_MAX_COPIES} copies")
    return [(i * dx, j * dy) for j in range(rows) for i in range(columns)]
