"""Reading LEF: the statements of a library, in the order of the file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from netlists.errors import NetlistError
from netlists.formats.cursor import Cursor
from netlists.formats.lef.library import Layer, Library, Macro, Site
from netlists.formats.lef.macro import read_macro
from netlists.formats.lef.parts import close, first_entry, read_size, read_symmetry, skip_block, skip_extension
from netlists.formats.textio import read_bytes
from netlists.formats.tokens import Tokens
from netlists.orientation import ALIASES, CODE

#: Blocks nobody here needs that end in ``END NAME``.
_NAMED = ("VIA", "VIARULE", "NONDEFAULTRULE", "ARRAY")
#: Blocks nobody here needs that end in ``END`` and their own keyword.
_UNNAMED = (
    "PROPERTYDEFINITIONS", "SPACING", "NOISETABLE", "CORRECTIONTABLE", "IRDROP",
)  # fmt: skip
#: Statements that hold further statements up to a table.
_TABLES = ("ACCURRENTDENSITY", "DCCURRENTDENSITY")


def read_lef(paths: str | Path | Iterable[str | Path]) -> Library:
    """Read one or more LEF files into one library; later files add to earlier ones.

    Args:
        paths: files, plain or gzip; technology first where several say something about it.

    Raises:
        NetlistError: a file cannot be read or is malformed; with file and line.
    """
    files = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
    library = Library(files=tuple(files))
    seen: set[str] = set()
    for file in files:
        reader = _Reader(library, file, seen)
        reader.run()
        library = reader.library
    return library


class _Reader:
    """One file on its way into a library."""

    def __init__(self, library: Library, file: Path, seen: set[str]) -> None:
        self.library = library
        self.file = file
        self.seen = seen  # library-wide statements that some file made
        self.cursor = Cursor(Tokens(read_bytes(file), file))
        self.twice: dict[str, list[str]] = {}

    def run(self) -> None:
        c = self.cursor
        if c.done:
            raise NetlistError("this file is empty", file=self.file, expected="a LEF file")
        found = False
        while not c.done:
            key = c.key()
            if key == "END":
                c.i += 1
                c.expect("LIBRARY")
                found = True
                break
            statement = _STATEMENTS.get(key)
            if statement is not None:
                c.i += 1
                statement(self)
                found = True
            elif key in _NAMED:
                c.i += 1
                skip_block(c, c.name("a name"))
            elif key in _UNNAMED:
                c.i += 1
                skip_block(c, key)
            elif key == "BEGINEXT":
                skip_extension(c)
            elif key[:1].isalpha():
                c.skip()
            else:
                c.fail("a word does not belong here", "a LEF statement such as MACRO")
        if not found:
            raise NetlistError("this is not a LEF file: no LEF statement is in it", file=self.file)
        notes = [
            f"{self.file.name}: {len(names)} {what} were read before and keep their first form: "
            + ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            for what, names in self.twice.items()
        ]  # fmt: skip
        self.library = replace(self.library, notes=(*self.library.notes, *notes))

    def set_once(self, key: str, value: object, what: str) -> None:
        """Keep a library-wide value; a note where two files disagree."""
        if key not in self.seen:
            self.seen.add(key)
            self.library = replace(self.library, **{key: value})  # type: ignore[arg-type]
        elif getattr(self.library, key) != value:
            note = f"{self.file.name}: {what} {value!r} is ignored, {getattr(self.library, key)!r} was read before"
            self.library = replace(self.library, notes=(*self.library.notes, note))

    def version(self) -> None:
        word = self.cursor.name("a version")
        self.cursor.end()
        if "version" not in self.seen:  # files of several versions are usual and no remark is worth reading
            self.set_once("version", word, "version")

    def divider(self) -> None:
        word = self.cursor.string("the divider")
        if len(word) != 1:
            self.cursor.i -= 1
            self.cursor.fail("the hierarchy divider is not one character", '"/"')
        self.cursor.end()
        self.set_once("divider", word, "DIVIDERCHAR")

    def bus_bits(self) -> None:
        word = self.cursor.string("the pair of bus characters")
        if len(word) != 2:
            self.cursor.i -= 1
            self.cursor.fail("the bus bit characters are not a pair", '"[]"')
        self.cursor.end()
        self.set_once("bus_bits", word, "BUSBITCHARS")

    def grid(self) -> None:
        value = self.cursor.number()
        if value <= 0:
            self.cursor.i -= 1
            self.cursor.fail("the manufacturing grid is not positive", "a positive number")
        self.cursor.end()
        self.set_once("manufacturing_grid", value, "manufacturing grid")

    def units(self) -> None:
        c = self.cursor
        while c.key() != "END":
            if c.key() == "DATABASE":
                c.i += 1
                c.expect("MICRONS")
                value = c.integer()
                if value <= 0:
                    c.i -= 1
                    c.fail("the database unit is not positive", "a whole number such as 2000")
                c.end()
                self.set_once("dbu_per_micron", value, "DATABASE MICRONS")
            else:
                c.skip()
        c.i += 1
        c.expect("UNITS")

    def site(self) -> None:
        c = self.cursor
        start = c.i - 1
        name = c.name("the name of the site")
        kind = "CORE"
        size: tuple[float, float] | None = None
        symmetry: tuple[str, ...] = ()
        pattern: list[tuple[str, str]] = []
        while c.key() != "END":
            key = c.key()
            c.i += 1
            if key == "CLASS":
                kind = c.name("a class").upper()
                c.end()
            elif key == "SIZE":
                size = read_size(c)
            elif key == "SYMMETRY":
                symmetry = read_symmetry(c)
            elif key == "ROWPATTERN":
                while c.peek() not in (";", ""):
                    other = c.name("a site")
                    orient = c.name("an orientation")
                    if ALIASES.get(orient, orient) not in CODE:
                        c.i -= 1
                        c.fail("an orientation is unknown", ", ".join(CODE))
                    pattern.append((other, orient))
                c.end()
            else:
                c.skip()
        close(c, name)
        if size is None:
            c.i = start
            c.fail(f"the site {name!r} has no SIZE", "SIZE width BY height ;")
        self.add(self.library.sites, Site(name, kind, *size, symmetry, tuple(pattern)), "sites")

    def layer(self) -> None:
        c = self.cursor
        start = c.i - 1
        name = c.name("the name of the layer")
        kind = direction = ""
        pairs: dict[str, tuple[float, float]] = {}
        single: dict[str, float] = {}
        table = 0.0
        while c.key() != "END":
            key = c.key()
            c.i += 1
            if key == "TYPE":
                kind = c.name("a type").upper()
            elif key == "DIRECTION":
                direction = c.name("a direction").upper()
            elif key in ("PITCH", "OFFSET"):
                first = c.number()
                pairs.setdefault(key, (first, c.number() if c.is_number() else first))
            elif key in ("WIDTH", "MINWIDTH", "AREA"):
                single.setdefault(key, c.number())
            elif key == "SPACING":
                value = c.number()
                if c.peek() == ";":  # one with conditions is no rule for everything
                    single.setdefault(key, value)
            elif key == "SPACINGTABLE":
                table = table or first_entry(c)
            elif key in _TABLES and not _is_single(c):
                while c.key() not in ("TABLEENTRIES", ""):
                    c.skip()
            c.skip()
        close(c, name)
        if not kind:
            c.i = start
            c.fail(f"the layer {name!r} has no TYPE", "TYPE ROUTING ;")
        nothing = (float("nan"), float("nan"))
        layer = Layer(
            name, kind, direction, pairs.get("PITCH", (0.0, 0.0)), pairs.get("OFFSET", nothing),
            single.get("WIDTH", 0.0), single.get("SPACING", table), single.get("MINWIDTH", 0.0),
            single.get("AREA", 0.0),
        )  # fmt: skip
        self.add(self.library.layers, layer, "layers")

    def macro(self) -> None:
        self.add(self.library.macros, read_macro(self.cursor, self.file), "masters")

    def add(
        self, where: dict[str, Site] | dict[str, Layer] | dict[str, Macro], item: Site | Layer | Macro, what: str
    ) -> None:
        if item.name in where:
            self.twice.setdefault(what, []).append(item.name)
        else:
            where[item.name] = item  # type: ignore[assignment]


def _is_single(c: Cursor) -> bool:
    """True for a current density of one number, False for the head of a table."""
    return c.words[c.i + 1 : c.i + 2] != [] and c.words[c.i + 1][:1] in "+-.0123456789"


_STATEMENTS: dict[str, Callable[[_Reader], None]] = {
    "VERSION": _Reader.version,
    "DIVIDERCHAR": _Reader.divider,
    "BUSBITCHARS": _Reader.bus_bits,
    "MANUFACTURINGGRID": _Reader.grid,
    "UNITS": _Reader.units,
    "SITE": _Reader.site,
    "LAYER": _Reader.layer,
    "MACRO": _Reader.macro,
}
