"""PINS, BLOCKAGES, REGIONS, GROUPS and the statements of the floorplan, read word by word."""

from __future__ import annotations

from typing import NoReturn

from netlists import orientation
from netlists.formats.cursor import Cursor
from netlists.formats.def_.data import STATUSES, Blockage, GcellGrid, Group, Pin, PinShape, Port, Region, Row, Track

Point = tuple[int, int]
Rect = tuple[int, int, int, int]


def point(c: Cursor, before: Point | None = None) -> Point:
    """``( x y )``, a ``*`` repeats the coordinate of the point before.

    Raises:
        NetlistError: malformed.
    """
    c.expect("(")
    values = []
    for axis in range(2):
        if c.peek() == "*" and before is not None:
            c.i += 1
            values.append(before[axis])
        else:
            values.append(c.integer())
    if c.peek() != ")":
        c.i += c.is_number()  # an extension value may stand in wires
    c.expect(")")
    return values[0], values[1]


def points(c: Cursor) -> tuple[Point, ...]:
    """As many points as there are."""
    found: list[Point] = []
    while c.peek() == "(":
        found.append(point(c, found[-1] if found else None))
    return tuple(found)


def rect(c: Cursor) -> Rect:
    """Two points as left, bottom, right, top."""
    a = point(c)
    b = point(c, a)
    return min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])


def orient(c: Cursor) -> int:
    """An orientation as its code.

    Raises:
        NetlistError: unknown.
    """
    try:
        code = orientation.parse(c.peek())
    except KeyError:
        c.fail("an orientation is unknown", ", ".join(orientation.NAMES))
    c.i += 1
    return code


def die_area(c: Cursor) -> tuple[Point, ...]:
    """DIEAREA behind its keyword: the corners, four for a rectangle.

    Raises:
        NetlistError: malformed, or it has no area.
    """
    start = c.i
    found = points(c)
    c.end()
    if len(found) == 2:
        (x0, y0), (x1, y1) = found
        found = ((x0, y0), (x1, y0), (x1, y1), (x0, y1))
    flat = len({p[0] for p in found}) < 2 or len({p[1] for p in found}) < 2
    if len(found) < 4 or flat:
        c.i = start
        c.fail("the die has no area", "DIEAREA ( x1 y1 ) ( x2 y2 ) ... ;")
    turns = zip(found, (*found[1:], found[0]), strict=True)
    if any(a[0] != b[0] and a[1] != b[1] for a, b in turns):
        c.i = start
        c.fail("an edge of the die is neither horizontal nor vertical", "corners of a rectilinear polygon")
    return found


def row(c: Cursor) -> Row:
    """ROW behind its keyword."""
    name, site = c.name("the name of the row"), c.name("the name of the site")
    x, y, turned = c.integer(), c.integer(), orient(c)
    columns, rows, step = 1, 1, (0, 0)
    if c.key() == "DO":
        c.i += 1
        columns = _positive(c)
        c.expect("BY")
        rows = _positive(c)
        if c.key() == "STEP":
            c.i += 1
            step = c.integer(), c.integer()
    return Row(name, site, x, y, turned, columns, rows, *step, _rest(c))


def track(c: Cursor) -> Track:
    """TRACKS behind its keyword."""
    axis, start, count, step = _lines(c)
    mask_from = c.i
    while c.key() not in ("LAYER", ";", ""):
        c.i += 1
    mask = " ".join(c.words[mask_from : c.i])
    layers = []
    if c.key() == "LAYER":
        c.i += 1
        while c.peek() not in (";", ""):
            layers.append(c.name("a layer"))
    c.end()
    return Track(axis, start, count, step, tuple(layers), mask)


def gcell_grid(c: Cursor) -> GcellGrid:
    """GCELLGRID behind its keyword."""
    grid = GcellGrid(*_lines(c))
    c.end()
    return grid


def _lines(c: Cursor) -> tuple[str, int, int, int]:
    axis = c.key()
    if axis not in ("X", "Y"):
        c.fail("a direction is missing", "X or Y")
    c.i += 1
    start = c.integer()
    c.expect("DO")
    count = _positive(c)
    c.expect("STEP")
    return axis, start, count, c.integer()


def _positive(c: Cursor) -> int:
    value = c.integer()
    if value < 1:
        c.i -= 1
        c.fail("a count is not positive", "1 or more")
    return value


def _rest(c: Cursor) -> str:
    start = c.i
    c.skip()
    return " ".join(c.words[start : c.i - 1])


def option(c: Cursor) -> str:
    """``+ KEYWORD ...`` up to the next ``+`` or ``;``, verbatim.

    Raises:
        NetlistError: the statement is never closed.
    """
    start = c.i
    c.i += 1
    while c.peek() not in ("+", ";", ""):
        if c.peek() == "-":
            c.fail("a statement begins before the last one ended", "';'")
        c.i += 1
    if c.done:
        c.fail("a statement has no ';': the file is truncated", "';'")
    return " ".join(c.words[start : c.i])


def pins(c: Cursor) -> list[tuple[Pin, int, int]]:
    """PINS up to the end of the words: pins with the first and last word of their statements.

    Raises:
        NetlistError: malformed, or two pins have the same name.
    """
    found = []
    seen: set[str] = set()
    while not c.done:
        begin = c.i
        c.expect("-")
        if c.peek() in seen:
            c.fail("two pins have the same name", "one pin of each name")
        found.append((_pin(c), begin, c.i - 1))
        seen.add(found[-1][0].name)
    return found


def _pin(c: Cursor) -> Pin:
    name = c.name("the name of the pin")
    net = direction = use = ""
    special = False
    options: list[str] = []
    ports: list[_PortParts] = [_PortParts(False)]
    while c.peek() == "+":
        key = c.words[c.i + 1].upper() if c.i + 1 < len(c.words) else ""
        if key == "NET":
            c.i += 2
            net = c.name("a net")
        elif key == "DIRECTION":
            c.i += 2
            direction = c.name("a direction").upper()
        elif key == "USE":
            c.i += 2
            use = c.name("a use").upper()
        elif key == "SPECIAL":
            c.i += 2
            special = True
        elif key == "PORT":
            c.i += 2
            ports.append(_PortParts(True))
        elif key in ("LAYER", "POLYGON"):
            c.i += 2
            ports[-1].shapes.append(_pin_shape(c, key))
        elif key in STATUSES:
            c.i += 2
            ports[-1].place(c, STATUSES.index(key))
        elif key == "VIA" or ports[-1].explicit:
            ports[-1].options.append(option(c))
        else:
            options.append(option(c))
    c.end()
    if len(ports) > 1 and ports[0].empty:
        del ports[0]
    return Pin(name, net, direction, use, tuple(part.port() for part in ports), special, tuple(options))


class _PortParts:
    """A port on its way."""

    def __init__(self, explicit: bool) -> None:
        self.explicit = explicit
        self.shapes: list[PinShape] = []
        self.options: list[str] = []
        self.where = (0, 0, 0, 0)

    @property
    def empty(self) -> bool:
        return not (self.shapes or self.options or any(self.where))

    def place(self, c: Cursor, status: int) -> None:
        if status or c.peek() == "(":
            x, y = point(c)
            self.where = (status, x, y, orient(c))

    def port(self) -> Port:
        return Port(tuple(self.shapes), *self.where, tuple(self.options), self.explicit)


def _pin_shape(c: Cursor, key: str) -> PinShape:
    layer = c.name("a layer")
    start = c.i
    while c.key() in ("MASK", "SPACING", "DESIGNRULEWIDTH"):
        c.i += 1
        c.integer()
    said = " ".join(c.words[start : c.i])
    corners = points(c)
    if (key == "LAYER" and len(corners) != 2) or len(corners) < 2:
        c.fail("a shape of a pin is malformed", "LAYER name ( x1 y1 ) ( x2 y2 )")
    return PinShape(layer, corners, said)


def blockages(c: Cursor) -> list[Blockage]:
    """BLOCKAGES up to the end of the words."""
    found = []
    while not c.done:
        c.expect("-")
        key = c.take("LAYER or PLACEMENT").upper()
        if key == "LAYER":
            layer = c.peek()
            found.append(Blockage(layer=layer, text=_rest(c)))
        elif key == "PLACEMENT":
            found.append(_placement_blockage(c))
        else:
            c.i -= 1
            c.fail("the kind of a blockage is unknown", "LAYER or PLACEMENT")
    return found


def _placement_blockage(c: Cursor) -> Blockage:
    soft = pushdown = False
    partial: float | None = None
    component = ""
    options: list[str] = []
    rects: list[Rect] = []
    polygons: list[tuple[Point, ...]] = []
    while c.peek() != ";":
        if c.peek() == "+":
            c.i += 1
            key = c.take("an option").upper()
            if key == "SOFT":
                soft = True
            elif key == "PARTIAL":
                partial = c.number()
                if not 0 <= partial <= 100:
                    c.i -= 1
                    c.fail("a density is not a percentage", "0 to 100")
            elif key == "PUSHDOWN":
                pushdown = True
            elif key == "COMPONENT":
                component = c.name("a component")
            else:
                start = c.i - 1
                while c.key() not in ("+", ";", "RECT", "POLYGON", ""):
                    c.i += 1
                options.append(" ".join(("+", *c.words[start : c.i])))
        elif c.key() == "RECT":
            c.i += 1
            rects.append(rect(c))
        elif c.key() == "POLYGON":
            c.i += 1
            polygons.append(points(c))
            if len(polygons[-1]) < 4:
                c.fail("a polygon has fewer than four corners", "POLYGON ( x y ) ...")
        else:
            c.fail("a word does not belong here", "RECT, POLYGON, '+' or ';'")
    c.end()
    return Blockage(tuple(rects), tuple(polygons), soft, partial, pushdown, component, options=tuple(options))


def regions(c: Cursor) -> list[Region]:
    """REGIONS up to the end of the words."""
    found = []
    while not c.done:
        c.expect("-")
        name = c.name("the name of the region")
        rects = []
        while c.peek() == "(":
            rects.append(rect(c))
        kind, options = "", []
        while c.peek() == "+":
            if c.words[c.i + 1 : c.i + 2] == ["TYPE"]:
                c.i += 2
                kind = c.name("a type").upper()
                if kind not in ("FENCE", "GUIDE"):
                    c.i -= 1
                    c.fail("the type of a region is unknown", "FENCE or GUIDE")
            else:
                options.append(option(c))
        c.end()
        found.append(Region(name, tuple(rects), kind, tuple(options)))
    return found


def groups(c: Cursor) -> list[Group]:
    """GROUPS up to the end of the words."""
    found = []
    while not c.done:
        c.expect("-")
        name = c.name("the name of the group")
        patterns, region, options = [], "", []
        while c.peek() not in ("+", ";", ""):
            patterns.append(c.take())
        while c.peek() == "+":
            if c.words[c.i + 1 : c.i + 2] == ["REGION"]:
                c.i += 2
                region = c.name("a region")
            else:
                options.append(option(c))
        c.end()
        found.append(Group(name, tuple(patterns), region, tuple(options)))
    return found


def no_section(c: Cursor, keyword: str) -> NoReturn:
    """Raise: a section is never closed.

    Raises:
        NetlistError: always.
    """
    c.fail(f"the section {keyword} is never closed: the file is truncated", f"'END {keyword}'")
