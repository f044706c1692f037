"""Reading DEF: which statement and section stands where, and who reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from netlists.errors import NetlistError
from netlists.formats.cursor import Cursor
from netlists.formats.def_ import short_sections as short
from netlists.formats.def_.data import Components, DefFile, Nets, Source
from netlists.formats.def_.long_sections import ComponentSection, read_nets
from netlists.formats.def_.texts import Verbatim
from netlists.formats.textio import read_bytes
from netlists.formats.tokens import Symbols, Tokens

#: Sections with a count behind their keyword, ``KEYWORD n ; ... END KEYWORD``.
COUNTED = (
    "VIAS", "STYLES", "NONDEFAULTRULES", "REGIONS", "COMPONENTS", "PINS", "PINPROPERTIES", "BLOCKAGES", "SLOTS",
    "FILLS", "SPECIALNETS", "NETS", "SCANCHAINS", "GROUPS",
)  # fmt: skip
#: The sections that are read, with the field of :class:`DefFile` they fill.
_READ = {
    "REGIONS": "regions", "COMPONENTS": "components", "PINS": "pins", "BLOCKAGES": "blockages", "NETS": "nets",
    "GROUPS": "groups",
}  # fmt: skip
#: Statements that may come often, with their field and who reads them.
_REPEATED: dict[str, tuple[str, Callable[[Cursor], Any]]] = {
    "ROW": ("rows", short.row),
    "TRACKS": ("tracks", short.track),
    "GCELLGRID": ("gcell_grid", short.gcell_grid),
}


def read_def(path: str | Path) -> DefFile:
    """Read a DEF file, plain or gzip.

    Raises:
        NetlistError: it cannot be read or is malformed; with file and line.
    """
    file = Path(path)
    return parse_def(read_bytes(file), file)


def parse_def(data: bytes, file: Path) -> DefFile:
    """Read the text of a DEF file.

    Args:
        data: the text.
        file: where it came from, for messages.

    Raises:
        NetlistError: it is malformed; with file and line.
    """
    return _Reader(Tokens(data, file)).run()


class _Reader:
    """One file on its way into a :class:`DefFile`."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.semicolons = tokens.equal(b";")
        self.closings = tokens.equal(b"END")
        self.items: list[tuple[str, int, int]] = []
        self.bodies: dict[str, tuple[int, int, int | None]] = {}  # first token, token behind, declared count
        self.found: dict[str, Any] = {}
        self.lists: dict[str, list[Any]] = {field: [] for field, _ in _REPEATED.values()}
        self.verbatim: list[Verbatim] = []
        self.notes: list[str] = []

    def run(self) -> DefFile:
        """Read everything."""
        tokens = self.tokens
        if not len(tokens):
            raise NetlistError("this file is empty", file=tokens.file, expected="a DEF file")
        t = 0
        while True:
            if t >= len(tokens):
                tokens.fail(t, "the file ends without END DESIGN: it is truncated", "'END DESIGN'")
            key = tokens.word(t).upper()
            if key == "END":
                if t + 1 >= len(tokens) or tokens.word(t + 1).upper() != "DESIGN":
                    tokens.fail(t + 1, "END does not belong here", "'END DESIGN'")
                self._item("END", t, t + 2)
                break
            t = self._one(key, t)
        if "design" not in self.found:
            tokens.fail(0, "this is not a DEF file, or its DESIGN statement is missing", "DESIGN name ;")
        if "dbu_per_micron" not in self.found:
            self.notes.append("the file has no UNITS: 100 database units per micron, as the standard says")
            self.found["dbu_per_micron"] = 100
        return self._finish()

    def _item(self, key: str, first: int, behind: int) -> None:
        start, end = int(self.tokens.starts[first]), int(self.tokens.ends[behind - 1])
        self.items.append((key, start, end))

    def _one(self, key: str, t: int) -> int:
        """Read the statement or section that begins at a token; returns the token behind it."""
        if key in _HEADER:
            behind = self._behind_statement(t)
            if key in ("DESIGN", "DIEAREA") and any(item[0] == key for item in self.items):
                self.tokens.fail(t, f"{key} comes twice", "one statement of this kind")
            _HEADER[key](self, Cursor(self.tokens, t + 1, behind))
        elif key in _REPEATED:
            behind = self._behind_statement(t)
            field, read = _REPEATED[key]
            self.lists[field].append(read(Cursor(self.tokens, t + 1, behind)))
        elif key in _READ:
            if key in self.bodies:
                self.tokens.fail(t, f"the section {key} comes twice", "one section of this kind")
            last = self._closing(key, t)
            behind = last + 2
            c = Cursor(self.tokens, t + 1, min(t + 3, last))
            count = c.integer()
            c.end()
            self.bodies[key] = t + 3, last, count
        else:
            behind = self._behind_unknown(key, t)
            start, end = int(self.tokens.starts[t]), int(self.tokens.ends[behind - 1])
            self.verbatim.append(Verbatim(key, self.tokens.data, start, end))
        self._item(key, t, behind)
        return behind

    def _behind_statement(self, t: int) -> int:
        at = int(np.searchsorted(self.semicolons, t))
        if at >= len(self.semicolons):
            self.tokens.fail(t, "a statement has no ';': the file is truncated", "';'")
        return int(self.semicolons[at]) + 1

    def _closing(self, key: str, t: int) -> int:
        """The END token of a section."""
        for end in self.closings[int(np.searchsorted(self.closings, t)) :].tolist():
            if end + 1 < len(self.tokens) and self.tokens.word(end + 1).upper() == key:
                return int(end)
        self.tokens.fail(t, f"the section {key} is never closed: the file is truncated", f"'END {key}'")

    def _behind_unknown(self, key: str, t: int) -> int:
        if key == "BEGINEXT":
            found = self.tokens.equal(b"ENDEXT")
            at = int(np.searchsorted(found, t))
            if at >= len(found):
                self.tokens.fail(t, "an extension is never closed: the file is truncated", "'ENDEXT'")
            return int(found[at]) + 1
        if key in COUNTED or key == "PROPERTYDEFINITIONS":
            return self._closing(key, t) + 2
        if not key[:1].isalpha():
            self.tokens.fail(t, "a word does not belong here", "a DEF statement such as DIEAREA")
        for end in self.closings[int(np.searchsorted(self.closings, t)) :].tolist():
            if end + 1 < len(self.tokens) and self.tokens.word(end + 1).upper() == key:
                return int(end) + 2
        return self._behind_statement(t)

    # -- statements of the head

    def version(self, c: Cursor) -> None:
        self.found["version"] = c.name("a version")
        c.end()

    def design(self, c: Cursor) -> None:
        self.found["design"] = c.name("the name of the design")
        c.end()

    def divider(self, c: Cursor) -> None:
        word = c.string("the divider")
        if len(word) != 1:
            c.i -= 1
            c.fail("the hierarchy divider is not one character", '"/"')
        self.found["divider"] = word
        c.end()

    def bus_bits(self, c: Cursor) -> None:
        word = c.string("the pair of bus characters")
        if len(word) != 2:
            c.i -= 1
            c.fail("the bus bit characters are not a pair", '"[]"')
        self.found["bus_bits"] = word
        c.end()

    def units(self, c: Cursor) -> None:
        c.expect("DISTANCE")
        c.expect("MICRONS")
        value = c.integer()
        if value <= 0 or value > 10**6:
            c.i -= 1
            c.fail("the database unit makes no sense", "a whole number such as 2000")
        self.found["dbu_per_micron"] = value
        c.end()

    def die_area(self, c: Cursor) -> None:
        self.found["die_area"] = np.array(short.die_area(c), np.int64)

    # -- sections

    def _finish(self) -> DefFile:
        contents: dict[str, Any] = {field: tuple(values) for field, values in self.lists.items()}
        empty = np.zeros((0, 2), np.int64)
        placements = statements = pin_spans = empty
        symbols = Symbols(self.tokens, np.zeros(0, np.int32))
        contents["components"] = Components.make((), ())
        contents["nets"] = Nets.make((), ())
        if "COMPONENTS" in self.bodies:
            first, last, _ = self.bodies["COMPONENTS"]
            section = ComponentSection(self.tokens, first, last)
            contents["components"], symbols = section.components, section.symbols
            placements, statements = section.placements, section.statements
        if "NETS" in self.bodies:
            first, last, _ = self.bodies["NETS"]
            contents["nets"] = read_nets(self.tokens, first, last, symbols)
        if "PINS" in self.bodies:
            first, last, _ = self.bodies["PINS"]
            pins = short.pins(Cursor(self.tokens, first, last))
            contents["pins"] = tuple(pin for pin, _, _ in pins)
            pin_spans = np.array(
                [(self.tokens.starts[first + a], self.tokens.ends[first + b]) for _, a, b in pins], np.int64
            ).reshape(-1, 2)
        for key, read in (("BLOCKAGES", short.blockages), ("REGIONS", short.regions), ("GROUPS", short.groups)):
            if key in self.bodies:
                first, last, _ = self.bodies[key]
                contents[_READ[key]] = tuple(read(Cursor(self.tokens, first, last)))
        for key, (_, _, count) in self.bodies.items():
            if len(contents[_READ[key]]) != count and key != "BLOCKAGES":
                self.notes.append(
                    f"{self.tokens.file.name}: {key} announces {count} entries and holds {len(contents[_READ[key]])}"
                )
        contents.update(self.found)
        contents["verbatim"] = tuple(self.verbatim)
        result = DefFile(**contents, notes=tuple(self.notes), file=self.tokens.file)
        sections = {field.name: getattr(result, field.name) for field in fields(result)}
        source = Source(self.tokens.data, tuple(self.items), sections, placements, statements, pin_spans)
        return result.changed(source=source)


_HEADER: dict[str, Callable[[_Reader, Cursor], None]] = {
    "VERSION": _Reader.version,
    "DIVIDERCHAR": _Reader.divider,
    "BUSBITCHARS": _Reader.bus_bits,
    "DESIGN": _Reader.design,
    "UNITS": _Reader.units,
    "DIEAREA": _Reader.die_area,
}
