"""Hand-off scripts say what the written DEF file says."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from netlists.design import Design
from netlists.formats.def_ import read_def
from netlists.orientation import FN, FS
from netlists.physical import read_physical
from netlists.physical.handoff import OPEN_ACCESS, innovus_tcl, librelane_json, openroad_tcl, placed_macros
from netlists.physical.write import write_placement
from tests.netlists import physical_cases as case


@pytest.fixture
def placed(tmp_path: Path) -> Design:
    design = read_physical(**case.write(tmp_path))
    n, p = design.netlist, design.placement
    left, right = n.node_index["left/mem[0]"], n.node_index["right/mem[0]"]
    x, y, orient, there = p.x.copy(), p.y.copy(), p.orient.copy(), p.placed.copy()
    x[[left, right]], y[[left, right]] = (9.005, 30.0), (9.1, 20.0)
    orient[[left, right]] = FS, FN
    there[[left, right]] = True
    return design.with_placement(p.moved(x=x, y=y, orient=orient, placed=there))


def test_corners_names_and_orientations_are_those_of_the_def_file(placed: Design, tmp_path: Path) -> None:
    write_placement(placed, placed.placement, tmp_path / "out.def")
    c = read_def(tmp_path / "out.def").components
    macros = placed_macros(placed, placed.placement)
    assert [m.name for m in macros] == [r"left/mem\[0\]", r"right/mem\[0\]"]
    for m in macros:
        i = c.names.index(m.name)
        assert (m.x, m.y) == (Decimal(int(c.x[i])) / 1000, Decimal(int(c.y[i])) / 1000)
        assert m.orient == c.orient[i]
        assert m.master == "RAM"


def test_openroad_commands(placed: Design) -> None:
    lines = openroad_tcl(placed, placed.placement).splitlines()
    assert lines[0].startswith("# Macro placement of chip: 2 macros")
    assert lines[1:] == [
        r"place_macro -macro_name {left/mem\[0\]} -location {4.005 5.1} -orientation MX",
        r"place_macro -macro_name {right/mem\[0\]} -location {25 16} -orientation MY",
    ]


def test_innovus_names_have_no_escapes(placed: Design) -> None:
    assert innovus_tcl(placed, placed.placement).splitlines()[1] == ("placeInstance {left/mem[0]} 4.005 5.1 MX -fixed")


def test_tcl_sees_the_names_as_they_are(placed: Design) -> None:
    """Braces keep brackets from being commands."""
    tcl = pytest.importorskip("tkinter", reason="no Tcl interpreter").Tcl()
    seen: list[tuple[str, ...]] = []
    for command in ("place_macro", "placeInstance"):
        tcl.createcommand(command, lambda *words: seen.append(words))
    tcl.eval(openroad_tcl(placed, placed.placement))
    tcl.eval(innovus_tcl(placed, placed.placement))
    assert [words[1] for words in seen[:2]] == [r"left/mem\[0\]", r"right/mem\[0\]"]
    assert [words[0] for words in seen[2:]] == ["left/mem[0]", "right/mem[0]"]
    assert seen[0][3].split() == ["4.005", "5.1"]


def test_librelane_entry(placed: Design) -> None:
    ram = json.loads(librelane_json(placed, placed.placement))["MACROS"]["RAM"]
    assert ram["instances"] == {
        "left/mem[0]": {"location": [4.005, 5.1], "orientation": "FS"},
        "right/mem[0]": {"location": [25.0, 16.0], "orientation": "FN"},
    }
    assert [Path(file).suffix for file in ram["lef"]] == [".lef"]
    assert ram["gds"] == []


def test_macros_that_were_fixed_in_the_input_are_left_out(tmp_path: Path) -> None:
    text = case.DEF.replace("+ PLACED ( 4000 4000 ) FS", "+ FIXED ( 4000 4000 ) FS")
    files = case.write(tmp_path)
    Path(files["def_file"]).write_text(text)
    design = read_physical(**files)
    there = np.ones(design.netlist.num_nodes, bool)
    placement = design.placement.moved(placed=there)
    assert [m.name for m in placed_macros(design, placement)] == [r"right/mem\[0\]"]
    assert not re.search("left/", openroad_tcl(design, placement))


def test_orientation_names_mean_the_same_as_those_of_def() -> None:
    from netlists.orientation import NAMES, parse

    assert [parse(name) for name in OPEN_ACCESS] == [parse(name) for name in NAMES]


def test_a_divider_of_the_def_files_own_is_understood_when_results_go_back(tmp_path: Path) -> None:
    files = case.write(tmp_path)
    path = Path(files["def_file"])
    path.write_text(case.DEF.replace('DIVIDERCHAR "/"', 'DIVIDERCHAR "|"').replace("left/mem", "left|mem").replace(
        "right/mem", "right|mem"
    ))  # fmt: skip
    design = read_physical(**files)
    there = np.ones(design.netlist.num_nodes, bool)
    macros = placed_macros(design, design.placement.moved(placed=there))
    assert [m.name for m in macros] == [r"left|mem\[0\]", r"right|mem\[0\]"]
    assert [m.path for m in macros] == [("left", "mem[0]"), ("right", "mem[0]")]


def test_a_region_in_several_pieces_is_kept(tmp_path: Path) -> None:
    files = case.write(tmp_path)
    text = case.DEF.replace(
        "( 38000 38000 ) + TYPE FENCE", "( 38000 10000 ) ( 20000 20000 ) ( 38000 38000 ) + TYPE FENCE"
    )
    assert text != case.DEF
    Path(files["def_file"]).write_text(text)
    design = read_physical(**files)
    assert design.constraints is not None
    (shape,) = (region.polygon for region in design.constraints.regions if region.name == "east")
    assert len(shape.geoms) == 2
    assert not any("region east is not kept" in note for note in design.notes)
