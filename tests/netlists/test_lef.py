"""LEF: what is read, what is skipped, what is refused, and that it is written back equal."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlists.errors import NetlistError
from netlists.formats.lef import Library, Macro, Shapes, Site, lef_text, read_lef, write_lef
from netlists.formats.lef.library import CLOCK, DIRECTIONS, INOUT, INPUT, OBSTRUCTION, POWER, SIGNAL, TRISTATE, USES
from tests.netlists.lefdef_cases import LEF


def read(tmp_path: Path, text: str, name: str = "a.lef") -> Library:
    path = tmp_path / name
    path.write_text(text)
    return read_lef(path)


def shapes_of(macro: Macro) -> dict[str, list[tuple[object, ...]]]:
    """Shapes of each pin and of the obstructions, free of numbering."""
    s = macro.shapes
    found: dict[str, list[tuple[object, ...]]] = {}
    for k, owner in enumerate(s.owner.tolist()):
        name = "OBS" if owner == OBSTRUCTION else macro.pins[owner]
        points = s.polygons.get(k, s.box[k]).reshape(-1).tolist()
        found.setdefault(name, []).append((s.layers[s.layer[k]], int(s.port[k]), points))
    return found


def described(library: Library) -> dict[str, object]:
    """Everything a library holds, comparable."""
    macros = {
        m.name: (
            m.kind, m.subkind, m.width, m.height, m.origin, m.symmetry, m.sites, m.foreign, m.foreign_offset, m.pins,
            m.direction.tolist(), m.use.tolist(), shapes_of(m),
        )
        for m in library.macros.values()
    }  # fmt: skip
    head = (library.version, library.divider, library.bus_bits, library.dbu_per_micron, library.manufacturing_grid)
    return {"head": head, "sites": library.sites, "layers": repr(library.layers), "macros": macros}


def test_technology_is_read(tmp_path: Path) -> None:
    library = read(tmp_path, LEF)
    assert (library.dbu_per_micron, library.manufacturing_grid, library.bus_bits) == (2000, 0.005, "[]")
    assert library.sites["unit"] == Site("unit", "CORE", 0.2, 1.4, ("Y",))
    assert library.sites["twin"].row_pattern == (("unit", "N"), ("unit", "FS"))
    assert list(library.layers) == ["poly", "met1", "via1", "met2"]
    met1, met2 = library.routing_layers()
    assert (met1.direction, met1.pitch, met1.offset, met1.width, met1.spacing) == (
        "HORIZONTAL", (0.14, 0.14), (0.07, 0.1), 0.06, 0.06,
    )  # fmt: skip
    assert met1.area == 0.02
    assert (met2.pitch, met2.spacing) == ((0.19, 0.14), 0.07)
    assert np.isnan(met2.offset).all()
    assert library.notes == ()


def test_masters_are_read(tmp_path: Path) -> None:
    library = read(tmp_path, LEF)
    ram, inv = library.macros["ram"], library.macros["inv"]
    assert (ram.kind, ram.width, ram.height, ram.origin) == ("BLOCK", 40.0, 30.0, (1.0, 2.0))
    assert (ram.symmetry, ram.foreign, ram.foreign_offset) == (("X", "Y", "R90"), "ram_gds", (-1.0, 0.5))
    assert (inv.kind, inv.subkind, inv.sites, inv.symmetry) == ("CORE", "SPACER", ("unit",), ())
    assert ram.is_block
    assert not inv.is_block
    assert ram.pins == ("a[0]", "q", "vdd", "floating")
    assert ram.direction.tolist() == [INPUT, TRISTATE, INOUT, -1]
    assert ram.use.tolist() == [SIGNAL, SIGNAL, POWER, SIGNAL]
    shapes = shapes_of(ram)
    assert shapes["a[0]"] == [
        ("met1", 0, [-1.0, 0.0, -0.5, 1.0]), ("met1", 0, [-1.0, 2.0, 0.0, 3.0]), ("met2", 1, [20.0, 20.0, 21.0, 21.0]),
    ]  # fmt: skip
    assert shapes["q"] == [("met2", 0, [10.0, 10.0, 14.0, 10.0, 14.0, 11.0, 11.0, 11.0, 11.0, 12.0, 10.0, 12.0])]
    path = [[-1.0, 4.0, 21.0, 6.0], [19.0, 4.0, 21.0, 16.0]]
    copies = [[5.0 * i, 20.0 + 4 * j, 5.0 * i + 1, 21.0 + 4 * j] for j in range(2) for i in range(3)]
    assert [points for _, _, points in shapes["vdd"]] == path + copies
    assert shapes["OBS"] == [("met1", 0, [-1.0, -2.0, 39.0, 28.0])]
    assert LEF.splitlines()[ram.line - 1] == "MACRO ram"


def test_a_pin_is_met_at_the_centre_of_its_first_port(tmp_path: Path) -> None:
    ram = read(tmp_path, LEF).macros["ram"]
    # box of port 0 is (-1, 0, 0, 3), of the polygon (10, 10, 14, 12); ORIGIN adds (1, 2)
    assert ram.access_points().tolist()[:2] == [[0.5, 3.5], [13.0, 13.0]]
    assert ram.access_points().tolist()[3] == [20.0, 15.0]  # no shape: the centre
    assert ram.pin_offsets().tolist()[0] == [0.5 - 20, 3.5 - 15]


def test_keywords_may_be_in_any_case_and_semicolons_may_stick(tmp_path: Path) -> None:
    library = read(tmp_path, "macro m\nclass block; size 1 by 2;\npin A direction input; end A\nend m\nend library\n")
    assert library.macros["m"].kind == "BLOCK"
    assert library.macros["m"].pins == ("A",)


def test_later_files_add_and_first_forms_stay(tmp_path: Path) -> None:
    (tmp_path / "tech.lef").write_text(LEF)
    (tmp_path / "more.lef").write_text(
        "UNITS DATABASE MICRONS 1000 ; END UNITS\n"
        "MACRO inv SIZE 9 BY 9 ; END inv\nMACRO buf SIZE 1 BY 1.4 ; END buf\nEND LIBRARY\n"
    )
    library = read_lef([tmp_path / "tech.lef", tmp_path / "more.lef"])
    assert list(library.macros) == ["ram", "inv", "buf"]
    assert library.macros["inv"].width == 0.4
    assert library.dbu_per_micron == 2000
    assert len(library.notes) == 2
    assert any("1 masters" in note and "inv" in note for note in library.notes)
    assert any("1000" in note and "2000" in note for note in library.notes)


def test_missing_masters_are_listed_at_once(tmp_path: Path) -> None:
    library = read(tmp_path, LEF)
    library.require(["ram", "inv"])
    with pytest.raises(NetlistError, match=r"2 masters are in none of the LEF files: rom, tap"):
        library.require(["tap", "ram", "rom"])


def test_written_and_read_back_it_is_equal(tmp_path: Path) -> None:
    library = read(tmp_path, LEF)
    again = read_lef(write_lef(library, tmp_path / "out.lef.gz"))
    assert described(again) == described(library)
    assert lef_text(again) == lef_text(library)


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("SIZE 40 BY 30 ;", "SIZE 40 TO 30 ;", "SIZE 40 TO", "'BY'"),
        ("SIZE 40 BY 30 ;", "SIZE 40 BY x ;", "BY x", "number"),
        ("SIZE 40 BY 30 ;", "SIZE 0 BY 30 ;", "SIZE 0 BY", "not positive"),
        ("SIZE 40 BY 30 ;", "", "MACRO ram", "no SIZE"),
        ("SYMMETRY X Y R90 ;", "SYMMETRY X Z ;", "SYMMETRY X Z", "symmetry is unknown"),
        ("DIRECTION INPUT ;", "DIRECTION INPT ;", "DIRECTION INPT", "direction of a pin is unknown"),
        ("USE POWER ;", "USE PWR ;", "USE PWR", "use of a pin is unknown"),
        ("END q\n", "END r\n", "END r", "closed by another name"),
        ("PIN q\n", "PIN a[0] # again\n", "PIN a[0] # again", "comes twice"),
        ("RECT -1 2 0 3 ;", "RECT -1 2 0 ;", "RECT -1 2 0 ;", "number"),
        ("RECT -1 2 0 3 ;", "RECT -1 2 0 3 4 5 ;", "RECT -1 2 0 3", "two corners"),
        ("DO 3 BY 2", "DO 0 BY 2", "DO 0 BY", "copies"),
        ("OBS\n    LAYER met1 DESIGNRULEWIDTH 0.5 ;", "OBS\n", "-2 39 28", "no layer"),
        ("MANUFACTURINGGRID 0.005", "MANUFACTURINGGRID -1", "GRID -1", "not positive"),
        ("MICRONS 2000", "MICRONS 0.5", "MICRONS 0.5", "whole number"),
        ('DIVIDERCHAR "/"', 'DIVIDERCHAR "//"', "DIVIDERCHAR", "one character"),
        ('BUSBITCHARS "[]"', "BUSBITCHARS []", "BUSBITCHARS", "pair"),
        ('"END ram ; PIN fake"', '"END ram ; PIN fake', "PIN fake", "string is not closed"),
        ("  TYPE MASTERSLICE ;\n", "", "LAYER poly", "no TYPE"),
        ("END via1_0\n", "", "VIA via1_0 DEFAULT", "never closed"),
        ("MACRO ram", "{ ram", "{ ram", "does not belong"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: str, said: str) -> None:
    assert LEF.count(old) >= 1
    text = LEF.replace(old, new, 1)
    number = text[: text.index(line)].count("\n") + 1
    with pytest.raises(NetlistError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert caught.value.line == number
    assert caught.value.expected is not None


def test_files_that_are_no_lef_are_refused(tmp_path: Path) -> None:
    for text in ("", "# nothing\n", "hello world\n", "a b ;\n"):
        with pytest.raises(NetlistError):
            read(tmp_path, text)


_name = st.from_regex(r"[A-Za-z_][A-Za-z0-9_\[\]/\\.<>]{0,6}", fullmatch=True).filter(lambda s: not s.endswith("\\"))
_length = st.integers(1, 10**6).map(lambda k: k / 2000)
_coordinate = st.integers(-(10**6), 10**6).map(lambda k: k / 2000)


@st.composite
def _libraries(draw: st.DrawFn) -> Library:
    macros = {}
    for name in draw(st.lists(_name, max_size=3, unique=True)):
        pins = draw(st.lists(_name, max_size=4, unique=True))
        layers = draw(st.lists(_name, min_size=1, max_size=3, unique=True))
        owners = sorted(draw(st.lists(st.integers(-1, len(pins) - 1), max_size=6)), key=lambda o: (o < 0, o))
        boxes = [draw(st.tuples(*[_coordinate] * 4)) for _ in owners]
        box = [(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in boxes]
        # ports count up from 0 within each pin
        ports = [owners[:k].count(owner) if owner >= 0 else 0 for k, owner in enumerate(owners)]
        shapes = Shapes(
            np.array(box).reshape(-1, 4), np.array([draw(st.integers(0, len(layers) - 1)) for _ in owners], np.int16),
            np.array(owners, np.int32), np.array(ports, np.int16), tuple(layers),
        )  # fmt: skip
        directions, uses = st.integers(-1, len(DIRECTIONS) - 1), st.integers(0, len(USES) - 1)
        macros[name] = Macro(
            name, draw(st.sampled_from(["", "BLOCK", "CORE"])), draw(_length), draw(_length),
            origin=(draw(_coordinate), draw(_coordinate)), symmetry=draw(st.sampled_from([(), ("X",), ("X", "Y")])),
            sites=tuple(draw(st.lists(_name, max_size=2, unique=True))), pins=tuple(pins),
            direction=np.array([draw(directions) for _ in pins], np.int8),
            use=np.array([draw(uses) for _ in pins], np.int8), shapes=shapes,
        )  # fmt: skip
    return Library(macros=macros, manufacturing_grid=0.005, dbu_per_micron=draw(st.sampled_from([0, 1000, 2000])))


@given(_libraries())
@settings(max_examples=25, deadline=None)
def test_any_library_survives_writing_and_reading(tmp_path_factory: pytest.TempPathFactory, library: Library) -> None:
    path = tmp_path_factory.mktemp("lef") / "a.lef"
    assert described(read_lef(write_lef(library, path))) == described(library)


def test_names_lef_cannot_hold_are_refused() -> None:
    for name in ("a b", "", ";", "#x", '"q"', "x;"):
        with pytest.raises(NetlistError, match="cannot be written"):
            lef_text(Library(macros={name: Macro(name, "BLOCK", 1, 1)}))


def test_the_text_says_what_the_codes_mean() -> None:
    codes = {"direction": np.array([INPUT], np.int8), "use": np.array([CLOCK], np.int8)}
    macro = Macro("m", "BLOCK", 1e-7, 2.5, pins=("c",), **codes)
    text = lef_text(Library(macros={"m": macro}))
    assert "SIZE 0.0000001 BY 2.5 ;" in text
    assert re.search(r"PIN c\s+DIRECTION INPUT ;\s+USE CLOCK ;\s+END c", text)
