"""DEF: what is read, that nothing else changes when it is written, and what is refused."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlists.errors import NetlistError
from netlists.formats.def_ import (
    COVER,
    DESIGN_PIN,
    EVERY_COMPONENT,
    FIXED,
    HARD_HALO,
    PLACED,
    SOFT_HALO,
    UNPLACED,
    Blockage,
    Components,
    DefFile,
    GcellGrid,
    Group,
    Nets,
    Pin,
    PinShape,
    Port,
    Region,
    Row,
    Track,
    Verbatim,
    bit_of,
    centres,
    corners,
    def_bytes,
    def_name,
    path_of,
    plain,
    read_def,
    write_def,
)  # fmt: skip
from netlists.formats.textio import read_bytes
from netlists.orientation import FE, FS, FW, E, N, S, W
from tests.netlists.lefdef_cases import DEF


def read(tmp_path: Path, text: str | bytes) -> DefFile:
    path = tmp_path / "a.def"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_def(path)


def again(tmp_path: Path, d: DefFile) -> DefFile:
    """The same file written and read."""
    return read_def(write_def(d, tmp_path / "again.def"))


def test_head_and_floorplan_are_read(tmp_path: Path) -> None:
    d = read(tmp_path, DEF)
    assert (d.design, d.version, d.divider, d.bus_bits, d.dbu_per_micron) == ("top", "5.8", "/", "[]", 2000)
    assert d.die_area.tolist() == [
        [0, 0], [0, 400000], [200000, 400000], [200000, 300000], [400000, 300000], [400000, 0],
    ]  # fmt: skip
    assert d.rows == (
        Row("r0", "unit", 0, 0, N, 1000, 1, 400, 0),
        Row("r1", "unit", 0, 2800, FS, 1000, 1, 400, 0, '+ PROPERTY note "a b"'),
        Row("r2", "unit", 0, 5600),
    )
    assert d.tracks == (Track("X", 190, 1052, 380, ("met2",)), Track("Y", 140, 1428, 280, ("met1", "met3"), "MASK 1"))
    assert d.gcell_grid == (GcellGrid("X", 0, 100, 4000), GcellGrid("Y", 0, 100, 4000))
    assert [part.keyword for part in d.verbatim] == [
        "TECHNOLOGY", "HISTORY", "PROPERTYDEFINITIONS", "VIAS", "NONDEFAULTRULES", "PINPROPERTIES", "SPECIALNETS",
        "SCANCHAINS", "BEGINEXT",
    ]  # fmt: skip
    assert d.text_of("VIAS").startswith("VIAS 1 ;\n- via_a")
    assert d.notes == ()


def test_components_are_read(tmp_path: Path) -> None:
    c = read(tmp_path, DEF).components
    assert c.names == ("u_mem/bank\\[0\\].ram", "u_mem/bank\\[1\\].ram", "c1", "c2", "cov")
    assert [c.masters[k] for k in c.master] == ["ram", "ram", "inv", "inv", "inv"]
    assert c.status.tolist() == [FIXED, UNPLACED, UNPLACED, PLACED, COVER]
    assert list(zip(c.x.tolist(), c.y.tolist(), c.orient.tolist(), strict=True)) == [
        (10000, -20000, FW), (0, 0, N), (0, 0, N), (4000, 0, S), (1, 2, FE),
    ]  # fmt: skip
    assert c.halo.tolist()[:3] == [[1000, 2000, 3000, 4000], [5, 6, 7, 8], [0, 0, 0, 0]]
    assert c.halo_kind.tolist() == [HARD_HALO, SOFT_HALO, 0, 0, 0]
    assert [c.regions[k] if k >= 0 else None for k in c.region] == [None, None, None, "box", None]
    assert [c.options.of(i) for i in range(5)] == [
        ["+ SOURCE NETLIST"], ["+ WEIGHT 3"], [], ['+ PROPERTY note "x ; y"'],
        ["+ EEQMASTER inv2", "+ ROUTEHALO 100 met1 met2"],
    ]  # fmt: skip
    assert c.options.value(1, "WEIGHT") == "3"
    assert c.options.value(1, "SOURCE") is None
    assert c.index["c2"] == 3


def test_pins_are_read(tmp_path: Path) -> None:
    clk, d0, nowhere, vdd = read(tmp_path, DEF).pins
    assert clk == Pin(
        "clk", "clk", "INPUT", "CLOCK", (Port((PinShape("met2", ((-70, 0), (70, 140))),), FIXED, 2000, 0, N),), True
    )
    assert d0.options == ('+ NETEXPR "p vdd"',)
    assert d0.ports == (
        Port((PinShape("met1", ((0, -70), (140, 70)), "MASK 1 SPACING 60"),), PLACED, 400000, 150000, W, (), True),
        Port(
            (PinShape("met2", ((0, 0), (10, 0), (10, 20), (0, 20))),), COVER, 1, 1, FS, ("+ VIA via_a ( 5 5 )",), True
        ),
    )
    assert d0.port is d0.ports[0]
    assert d0.port.box() == (400000 - 70, 150000, 400000 + 70, 150140)
    assert nowhere.port.status == UNPLACED
    assert nowhere.port.box() is None
    assert vdd.use == "POWER"


def test_areas_and_groups_are_read(tmp_path: Path) -> None:
    d = read(tmp_path, DEF)
    assert d.blockages == (
        Blockage(layer="met1", text="met1 + PUSHDOWN RECT ( 0 0 ) ( 10 10 )"),
        Blockage(((0, 0, 100, 200), (500, 500, 600, 600))),
        Blockage(((0, 0, 5, 5),), soft=True),
        Blockage(((0, 0, 5, 5),), partial=37.5, options=("+ NOTED twice",)),
        Blockage((), (((0, 0), (9, 0), (9, 9), (0, 9)),), pushdown=True, component="c1"),
    )
    assert d.regions == (
        Region("box", ((0, 0, 40000, 40000), (40000, 0, 80000, 20000)), "FENCE"),
        Region("hint", ((10000, 10000, 50000, 50000),), "GUIDE", ("+ PROPERTY x 1",)),
    )
    assert d.groups == (Group("g", ("u_mem/*", "c1"), "box", ('+ PROPERTY p "v"',)),)


def test_nets_are_read(tmp_path: Path) -> None:
    n = read(tmp_path, DEF).nets
    assert n.names == ("clk", "d\\[0\\]", "tie", "empty")
    assert [list(n.connections(i)) for i in range(4)] == [
        [(DESIGN_PIN, "clk"), (2, "A"), (0, "a[0]")], [(DESIGN_PIN, "d[0]"), (2, "Y"), (3, "A")],
        [(EVERY_COMPONENT, "vss")], [],
    ]  # fmt: skip
    assert n.synthesized.tolist() == [False, False, False, False, True, False, False]
    assert n.weight.tolist() == [5, 1, 1, 1]
    assert n.has_weight.tolist() == [True, False, False, False]
    assert n.uses() == ["CLOCK", "", "", ""]
    assert n.words[n.source[1]] == "NETLIST"
    assert n.original == {1: "d"}
    assert n.options.of(1)[0].split()[:6] == ["+", "ROUTED", "met1", "(", "0", "0"]
    assert n.options.of(2) == ["+ FIXEDBUMP", '+ PROPERTY note "( c1 A )"']


def test_written_unchanged_it_is_the_same_bytes(tmp_path: Path) -> None:
    d = read(tmp_path, DEF)
    assert def_bytes(d) == DEF.encode()
    write_def(d, tmp_path / "b.def.gz")
    assert gzip.decompress((tmp_path / "b.def.gz").read_bytes()) == DEF.encode()
    assert read_def(tmp_path / "b.def.gz").same_as(d)


def test_moving_a_component_changes_its_location_and_nothing_else(tmp_path: Path) -> None:
    d = read(tmp_path, DEF)
    c = d.components.placed([0, 1, 2], [7, 8, 9], [-1, -2, -3], [N, E, FS], [PLACED, FIXED, PLACED])
    c = c.placed([3], [0], [0], [N], UNPLACED)
    expected = (
        DEF.replace("+ FIXED ( 10000 -20000 ) FW", "+ PLACED ( 7 -1 ) N").replace("+ UNPLACED", "+ FIXED ( 8 -2 ) E")
        .replace("- c1 inv ;", "- c1 inv + PLACED ( 9 -3 ) FS ;").replace("+ PLACED ( 4000.00 0 ) S", "+ UNPLACED")
    )  # fmt: skip
    assert def_bytes(d.changed(components=c)).decode() == expected


def test_moving_a_pin_writes_that_pin_anew(tmp_path: Path) -> None:
    d = read(tmp_path, DEF)
    shape = PinShape("met3", ((-5, 0), (5, 10)))
    pins = (*d.pins[:2], d.pins[2].placed(100, 200, S, FIXED, [shape]), d.pins[3])
    text = def_bytes(d.changed(pins=pins)).decode()
    new = "- nowhere + NET nowhere\n  + LAYER met3 ( -5 0 ) ( 5 10 )\n  + FIXED ( 100 200 ) S ;"
    assert text == DEF.replace("- nowhere + NET nowhere ;", new)
    assert read(tmp_path, text).pins == pins


def test_every_part_can_be_changed_added_and_taken_out(tmp_path: Path) -> None:
    d = read(tmp_path, DEF)
    part = Verbatim.of("FILLS 1 ;\n- LAYER met1 RECT ( 0 0 ) ( 1 1 ) ;\nEND FILLS")
    changes: list[dict[str, object]] = [
        {"rows": d.rows[:1]}, {"rows": ()}, {"tracks": (Track("X", 1, 2, 3),)}, {"gcell_grid": ()},
        {"die_area": np.array([[0, 0], [10, 0], [10, 20], [0, 20]])}, {"blockages": d.blockages[1:]}, {"regions": ()},
        {"groups": (Group("h", ("*",)),)}, {"pins": d.pins[2:]}, {"nets": Nets.make(["n"], [[(0, "q"), (-1, "clk")]])},
        {"design": "other", "divider": "|", "bus_bits": "<>", "version": "5.7"},
        {"components": Components.make(["x", "y"], ["inv", "ram"]), "nets": Nets.make((), ())},
        {"components": d.components.changed(halo=d.components.halo + 1, halo_kind=np.full(5, SOFT_HALO, np.int8))},
        {"components": d.components.changed(region=np.array([0, -1, 0, -1, 0], np.int32))},
        {"verbatim": (*d.verbatim[2:], part)}, {"verbatim": ()},
    ]  # fmt: skip
    for change in changes:
        other = d.changed(**change)
        back = again(tmp_path, other)
        if "verbatim" in change:
            assert {p.keyword for p in back.verbatim} == {p.keyword for p in other.verbatim}
            back = back.changed(verbatim=other.verbatim)
        assert back.same_as(other), change
        assert not back.same_as(d), change
        restored = {key: getattr(d, key) for key in change if key != "verbatim"}
        if restored:
            assert again(tmp_path, back.changed(**restored)).same_as(d), change


def test_parts_a_file_lacks_are_put_where_the_standard_wants_them(tmp_path: Path) -> None:
    bare = read(
        tmp_path,
        "VERSION 5.8 ;\nDESIGN t ;\nUNITS DISTANCE MICRONS 1000 ;\n"
        "COMPONENTS 1 ;\n- a m ;\nEND COMPONENTS\nEND DESIGN\n",
    )
    full = bare.changed(
        die_area=np.array([[0, 0], [9, 0], [9, 9], [0, 9]]), rows=(Row("r", "s", 0, 0),), pins=(Pin("p", "n"),),
        nets=Nets.make(["n"], [[(-1, "p"), (0, "A")]]), bus_bits="<>",
    )  # fmt: skip
    text = def_bytes(full).decode()
    order = ["VERSION", "BUSBITCHARS", "DESIGN", "UNITS", "DIEAREA", "ROW", "COMPONENTS", "PINS", "NETS", "END DESIGN"]
    places = [text.index(word) for word in order]
    assert places == sorted(places)
    assert read(tmp_path, text).same_as(full)


def test_a_file_made_from_nothing_says_what_it_holds(tmp_path: Path) -> None:
    d = read(tmp_path, DEF)
    assert again(tmp_path, d.changed(source=None)).same_as(d)
    bare = DefFile("t", 1000)
    assert again(tmp_path, bare).same_as(bare)


def test_changes_def_cannot_say_are_refused(tmp_path: Path) -> None:
    d = read(tmp_path, DEF)
    c = d.components
    bad: list[dict[str, object]] = [
        {"dbu_per_micron": 1000}, {"components": Components.make(["a b"], ["m"])},
        {"components": c.changed(orient=np.full(5, 9, np.int8))}, {"components": c.changed(x=c.x[:3])},
        {"components": c.changed(x=c.x + 0.5)}, {"pins": (replace(d.pins[0], name=""),)},
        {"nets": Nets.make(["n"], [[(7, "A")]])}, {"design": "two words"},
    ]  # fmt: skip
    for change in bad:
        with pytest.raises(NetlistError):
            def_bytes(d.changed(**change))


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("DESIGN top ;\n", "", "VERSION", "DESIGN statement is missing"),
        ("END DESIGN\n", "", "ENDEXT", "truncated"),
        ("END COMPONENTS\n", "", "COMPONENTS 5", "never closed"),
        ("END VIAS\n", "", "VIAS 1", "never closed"),
        ("ENDEXT\n", "", 'BEGINEXT "tool"', "never closed"),
        ("MICRONS 2000", "MICRONS 0", "MICRONS 0", "makes no sense"),
        ("- c1 inv ;\n", "- c1 inv\n", "- c2 inv", "'+ OPTION' or ';'"),
        ("- c1 inv ;\n", "- c1 ;\n", "- c1 ;", "master is missing"),
        ("- c1 inv ;\n", "c1 inv ;\n", "c1 inv ;", "begin with '-'"),
        ("- c1 inv ;\n", "- c1 inv extra ;\n", "- c1 inv extra", "does not belong"),
        ("- c1 inv ;\n", "- c1 inv + ;\n", "- c1 inv + ;", "does not belong"),
        ("- c1 inv ;\n", "- c2 inv ;\n", '- c2 inv + PLACED', "same name"),
        ("- cov inv", "- cov inv + WEIGHT 3 - x inv", "- x inv", "before the last one ended"),
        ("( 10000 -20000 ) FW", "( 10000 -20000 ) Q", ") Q", "orientation is unknown"),
        ("( 10000 -20000 ) FW", "( 10000 x ) FW", "10000 x", "whole number"),
        ("( 10000 -20000 ) FW", "10000 -20000 FW", "FIXED 10000", "malformed"),
        ("( 4000.00 0 )", "( 4000.25 0 )", "4000.25", "whole number"),
        ("HALO 1000 2000 3000 4000", "HALO 1000 2000 3000", "HALO 1000", "malformed"),
        ("COMPONENTS 5 ;", "COMPONENTS five ;", "COMPONENTS five", "number"),
        ("( c2 A )", "( c9 A )", "( c9 A )", "not in COMPONENTS"),
        ("( c2 A )", "( c2 A", "( c2 A", "connection is malformed"),
        ("+ WEIGHT 5 ;", "+ WEIGHT many ;", "WEIGHT many", "whole number"),
        ("+ WEIGHT 5 ;", "+ WEIGHT -5 ;", "- clk ( PIN clk )", "weight"),
        ("DIEAREA ( 0 0 ) ( 0 400000 )", "DIEAREA ( 0 0 ) ( 7 400000 )", "DIEAREA", "neither horizontal"),
        ("DO 1000 BY 1 STEP 400 0\n", "DO 0 BY 1 STEP 400 0\n", "DO 0 BY", "not positive"),
        ("TRACKS X", "TRACKS Z", "TRACKS Z", "direction is missing"),
        ("PARTIAL 37.5", "PARTIAL 375", "PARTIAL 375", "percentage"),
        ("+ TYPE GUIDE", "+ TYPE GUIED", "GUIED", "FENCE or GUIDE"),
        ("- nowhere", "- clk", "- clk + NET nowhere", "same name"),
        ("- PLACEMENT + SOFT RECT", "- PLACEMENT + SOFT BOX", "- PLACEMENT + SOFT BOX", "does not belong"),
        ("DESIGN top ;", "DESIGN top ;\nDESIGN top2 ;", "DESIGN top2", "twice"),
        ('BEGINEXT "tool"', 'BEGINEXT "tool', 'BEGINEXT "tool', "string is not closed"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: str, said: str) -> None:
    assert old in DEF
    text = DEF.replace(old, new, 1)
    with pytest.raises(NetlistError) as caught:
        read(tmp_path, text)
    assert said in str(caught.value)
    assert caught.value.line == text[: text.index(line)].count("\n") + 1


def test_keywords_may_be_in_any_case_but_a_component_may_be_called_pin(tmp_path: Path) -> None:
    text = (
        DEF.replace("+ FIXED ( 10000", "+ fixed ( 10000").replace("+ HALO 1000", "+ halo 1000").replace("- c1", "- pin")
    )
    text = text.replace("( c1 A ) ( u_mem", "( pin A ) ( u_mem").replace("( c1 Y )", "( pin Y )")
    d, plain_case = read(tmp_path, text), read(tmp_path, DEF)
    assert d.components.status.tolist() == plain_case.components.status.tolist()
    assert d.components.halo.tolist() == plain_case.components.halo.tolist()
    assert d.nets.component.tolist() == plain_case.nets.component.tolist()


def test_wrong_counts_and_missing_units_are_noted(tmp_path: Path) -> None:
    d = read(tmp_path, DEF.replace("COMPONENTS 5 ;", "COMPONENTS 7 ;").replace("UNITS DISTANCE MICRONS 2000 ;\n", ""))
    assert d.dbu_per_micron == 100
    assert len(d.notes) == 2
    assert any("COMPONENTS announces 7 entries and holds 5" in note for note in d.notes)


_level = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=8
)


@given(st.lists(_level, min_size=1, max_size=4))
def test_any_hierarchical_name_survives_its_def_spelling(path: list[str]) -> None:
    name = def_name(path)
    assert path_of(name) == tuple(path)
    assert plain(name) == "/".join(path)


def test_names_mean_what_they_say() -> None:
    assert path_of("a/b\\[0\\].c/d\\/e") == ("a", "b[0].c", "d/e")
    assert def_name(("a", "b[0].c", "d/e")) == "a/b\\[0\\].c/d\\/e"
    assert path_of("a.b", ".") == ("a", "b")
    assert bit_of("bus[12]") == ("bus", 12)
    assert bit_of("bus\\[12\\]") == ("bus[12]", None)
    assert bit_of("a[1][2]") == ("a[1]", 2)
    assert bit_of("x<3>", "<>") == ("x", 3)
    assert bit_of("x") == ("x", None)
    assert bit_of("x[]") == ("x[]", None)


@given(
    st.lists(st.tuples(st.integers(-(2**31), 2**31), st.integers(-(2**31), 2**31), st.integers(1, 10**7),
                       st.integers(1, 10**7), st.integers(0, 7)), min_size=1, max_size=20),
    st.sampled_from([100, 1000, 2000, 4000, 10000, 20000]),
)  # fmt: skip
def test_corners_to_centres_and_back_is_exact(boxes: list[tuple[int, int, int, int, int]], dbu: int) -> None:
    x, y, w, h, orient = (np.array(column) for column in zip(*boxes, strict=True))
    cx, cy = centres(x, y, w / dbu, h / dbu, orient, dbu)
    back_x, back_y = corners(cx, cy, w / dbu, h / dbu, orient, dbu)
    assert back_x.tolist() == x.tolist()
    assert back_y.tolist() == y.tolist()


def test_the_centre_is_that_of_the_turned_box() -> None:
    cx, cy = centres([1000], [2000], [3.0], [1.0], [W], 1000)
    assert (cx[0], cy[0]) == (1.5, 3.5)


_names = st.lists(st.from_regex(r"[a-z][a-z0-9\[\]/\\]{0,6}[a-z]", fullmatch=True), max_size=5, unique=True)
_coordinate = st.integers(-(10**9), 10**9)


@st.composite
def _files(draw: st.DrawFn) -> DefFile:
    names = draw(_names)
    n = len(names)
    c = Components.make(names, [draw(st.sampled_from(["m", "k"])) for _ in names])
    status = np.array([draw(st.integers(0, 3)) for _ in names], np.int8)
    where = np.array([(draw(_coordinate), draw(_coordinate)) for _ in names], np.int64).reshape(-1, 2)
    where[status == 0] = 0
    orient = np.array([draw(st.integers(0, 7)) for _ in names], np.int8)
    orient[status == 0] = 0
    kind = np.array([draw(st.integers(0, 2)) for _ in names], np.int8)
    halo = np.array([[draw(st.integers(0, 9)) for _ in range(4)] for _ in names], np.int64).reshape(-1, 4)
    halo[kind == 0] = 0
    c = c.changed(status=status, x=where[:, 0], y=where[:, 1], orient=orient, halo=halo, halo_kind=kind)
    nets = draw(_names)
    owners = st.tuples(st.integers(-2, n - 1), st.sampled_from("ABC"))
    ends = [draw(st.lists(owners, max_size=9)) for _ in nets]
    return DefFile("t", 1000, components=c, nets=Nets.make(nets, ends), pins=tuple(map(draw, map(_pin, draw(_names)))))


def _pin(name: str) -> st.SearchStrategy[Pin]:
    point = st.tuples(_coordinate, _coordinate)
    shapes = st.lists(st.builds(PinShape, st.just("m1"), st.tuples(point, point)), max_size=2).map(tuple)
    placed = st.builds(Port, shapes, st.integers(1, 3), _coordinate, _coordinate, st.integers(0, 7))
    port = st.one_of(placed, st.builds(Port, shapes))
    return st.builds(Pin, st.just(name), st.just(name), st.sampled_from(["", "INPUT"]), ports=st.tuples(port))


@given(_files())
@settings(max_examples=30, deadline=None)
def test_any_file_survives_writing_and_reading(tmp_path_factory: pytest.TempPathFactory, d: DefFile) -> None:
    folder = tmp_path_factory.mktemp("def")
    back = again(folder, d)
    assert back.same_as(d)
    n = len(d.components)
    moved = back.changed(components=back.components.placed(range(n), range(n), range(n), [i % 8 for i in range(n)]))
    assert again(folder, moved).same_as(moved)


@pytest.mark.open_data
@pytest.mark.parametrize(
    "name",
    ["ariane133_asap7/ariane_fp.def.gz", "ariane133_asap7/ariane_fp_placed_macros.def.gz", "ct_ariane/ariane.def.gz",
     "ibex_core_ng45/ibex_core.def.gz", "ispd18_test1/ispd18_test1.input.def.gz", "openroad_mpl_tests"],
)  # fmt: skip
def test_open_designs_are_written_as_they_were(name: str, open_data: Callable[[str], Path], tmp_path: Path) -> None:
    found = open_data(f"lefdef/{name}")
    for path in sorted(found.glob("*.def")) if found.is_dir() else [found]:
        d = read_def(path)
        text = read_bytes(path)
        assert def_bytes(d) == text
        if len(text) < 4_000_000:
            assert again(tmp_path, d.changed(source=None)).same_as(d)
