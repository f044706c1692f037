"""LEF, DEF and Verilog put together: every number of the design follows from the files, and differences are named."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from netlists.canvas import BLOCK_HARD, BLOCK_PARTIAL
from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.formats.def_ import read_def, read_placement
from netlists.netlist import DIR_INPUT, DIR_OUTPUT, HARD_MACRO, PORT, STDCELL
from netlists.orientation import FN, FS, N, S
from netlists.physical import read_circuit, read_physical
from netlists.physical.write import placed_def, write_placement
from netlists.rules.conflicts import require_possible
from tests.netlists import physical_cases as case


@pytest.fixture
def design(tmp_path: Path) -> Design:
    return read_physical(**case.write(tmp_path))


def nets(d: Design) -> dict[str, list[str]]:
    """Net -> names of its pins, the driver first."""
    n = d.netlist
    out = {}
    for i, name in enumerate(n.net_names):
        conns = range(int(n.net_ptr[i]), int(n.net_ptr[i + 1]))
        order = sorted(conns, key=lambda c: (c != n.net_source[i], n.pin_names[n.net_pins[c]]))
        out[name] = [n.pin_names[n.net_pins[c]] for c in order]
    return out


def test_nodes_are_ports_then_instances_with_kinds_and_sizes_of_their_masters(design: Design) -> None:
    n = design.netlist
    assert n.node_names[:5] == ("in[1]", "in[0]", "out[1]", "out[0]", "spare")
    assert Counter(n.node_kind.tolist()) == {PORT: 5, HARD_MACRO: 2, STDCELL: 5}
    ram = n.node_index["left/mem[0]"]
    assert (n.node_width[ram], n.node_height[ram]) == (10, 8)
    assert n.node_names[-1] == "tap1"  # in the DEF file alone: no signal pin


def test_nets_have_their_drivers_first_and_neither_power_nor_lonely_nets(design: Design) -> None:
    assert nets(design) == {
        "in[1]": ["in[1]", "left/mem[0]/D[1]"],
        "in[0]": ["in[0]", "left/mem[0]/D[0]"],
        "mid[1]": ["left/b1/Y", "right/mem[0]/D[1]"],
        "mid[0]": ["left/b0/Y", "right/mem[0]/D[0]"],
        "out[1]": ["right/b1/Y", "out[1]"],
        "out[0]": ["right/b0/Y", "out[0]"],
        "left/m[1]": ["left/mem[0]/Q[1]", "left/b1/A"],
        "left/m[0]": ["left/mem[0]/Q[0]", "left/b0/A"],
        "right/m[1]": ["right/mem[0]/Q[1]", "right/b1/A"],
        "right/m[0]": ["right/mem[0]/Q[0]", "right/b0/A"],
    }


def test_pins_are_offset_from_the_centre_of_their_master(design: Design) -> None:
    n = design.netlist
    at = {name: i for i, name in enumerate(n.pin_names)}
    pin = at["left/mem[0]/Q[1]"]
    assert (n.pin_dx[pin], n.pin_dy[pin]) == (4.5, -0.5)
    assert n.pin_dir[pin] == DIR_OUTPUT
    assert n.pin_dir[at["in[0]"]] == DIR_INPUT


def test_core_rows_grid_and_lattice_come_from_the_files(design: Design) -> None:
    c = design.canvas
    assert (c.x0, c.y0, c.x1, c.y1) == (2, 2, 38, 38)
    assert c.outline is None
    assert c.rows is not None
    assert len(c.rows.y) == 18
    assert c.manufacturing_grid == 0.005  # the least common multiple with the database unit, 0.001


def test_routing_supply_counts_tracks_above_the_lowest_layer_and_what_macros_cover(design: Design) -> None:
    c = design.canvas
    assert c.h_routes_per_um == pytest.approx(1 / 0.4)  # m3 by its TRACKS, not by its pitch
    assert c.v_routes_per_um == pytest.approx(1 / 0.2 + 1 / 0.5)  # m2 by its pitch, m4 by its TRACKS
    assert c.v_macro_routes_per_um == pytest.approx(1 / 0.2)  # m2 is covered, m4 is not
    assert c.h_macro_routes_per_um == 0.0  # m3 is covered to 24 of 80 um^2 only


def test_components_and_pins_lie_where_the_def_says(design: Design) -> None:
    p, index = design.placement, design.netlist.node_index
    ram = index["left/mem[0]"]
    assert (p.x[ram], p.y[ram], p.orient[ram], p.placed[ram], p.fixed[ram]) == (9, 8, FS, True, False)
    other = index["right/mem[0]"]
    assert (p.x[other], p.y[other], p.placed[other]) == (20, 20, False)
    assert p.fixed[index["tap1"]]
    port = index["in[0]"]
    # The shape (-0.1 0) (0.1 0.2) turned by E about the pin's origin spans x 0 to 0.2 and y 9.9 to 10.1.
    assert (p.x[port], p.y[port], p.fixed[port], p.placed[port]) == (0.1, 10, True, True)
    assert not p.placed[index["spare"]]
    assert any("2 ports have no place" in note for note in design.notes)


def test_halos_fences_and_orientations_are_rules_of_the_design(design: Design) -> None:
    rules, index = design.constraints, design.netlist.node_index
    assert rules is not None
    left, right = index["left/mem[0]"], index["right/mem[0]"]
    assert rules.halo[left].tolist() == [1, 2, 3, 4]
    assert rules.halo[right].tolist() == [0, 0, 0, 0]
    assert rules.region[right] == 0
    assert rules.region[left] == -1
    assert rules.regions[0].polygon.bounds == (20, 2, 38, 38)
    assert rules.orientations[left] == sum(1 << code for code in (N, FS, FN, S))  # no quarter turn despite R90


def test_blockages_keep_their_kind_and_density(design: Design) -> None:
    hard, partial = design.canvas.blockages
    assert (hard.kind, hard.polygon.bounds) == (BLOCK_HARD, (30, 30, 34, 38))
    assert (partial.kind, partial.density) == (BLOCK_PARTIAL, 0.4)


def test_the_design_remembers_its_files_and_hierarchy(design: Design) -> None:
    physical = design.physical
    assert physical is not None
    assert physical.def_file is not None
    ram = design.netlist.node_index["right/mem[0]"]
    assert physical.def_file.components.names[physical.component[ram]] == r"right/mem\[0\]"
    assert physical.macro(ram) is physical.library.macros["RAM"]
    assert physical.hierarchy.names == ("", "left", "right")
    assert physical.hierarchy.modules == ("chip", "bank", "bank")
    assert physical.hierarchy.names[physical.scope[ram]] == "right"
    again = pickle.loads(pickle.dumps(design))
    assert again.netlist.node_names == design.netlist.node_names
    assert again.physical.top == "chip"


def test_a_def_file_with_nets_needs_no_verilog(tmp_path: Path) -> None:
    files = case.write(tmp_path, def_file=case.DEF_WITH_NETS)
    d = read_physical(lef=files["lef"], def_file=files["def_file"])
    assert nets(d) == {
        "left/m[0]": ["left/mem[0]/Q[0]", "left/b0/A"], "in[0]": ["in[0]", "left/mem[0]/D[0]"],
    }  # fmt: skip
    assert d.netlist.net_weight.tolist() == [3, 1]
    assert d.physical is not None
    assert d.physical.hierarchy.names == ("", "left", "right")
    assert "VDD" not in d.netlist.node_index


def test_a_netlist_without_a_floorplan_is_a_circuit_for_the_floorplanner(tmp_path: Path) -> None:
    files = case.write(tmp_path)
    circuit = read_circuit(files["verilog"], files["lef"])
    assert circuit.netlist.describe()["hard_macros"] == 2
    assert "RAM" in circuit.library.macros
    with pytest.raises(NetlistError, match="placer floorplan"):
        read_physical(verilog=files["verilog"], lef=files["lef"])


def test_pads_are_ports_with_a_size_that_keep_macros_away(tmp_path: Path) -> None:
    text = case.DEF_WITH_NETS.replace("COMPONENTS 4 ;", "COMPONENTS 5 ;\n- p1 PADC + PLACED ( 1000 1000 ) N ;")
    files = case.write(tmp_path, def_file=text)
    d = read_physical(lef=files["lef"], def_file=files["def_file"])
    pad = d.netlist.node_index["p1"]
    assert d.netlist.node_kind[pad] == PORT
    assert d.placement.fixed[pad]
    assert [b.polygon.bounds for b in d.canvas.blockages] == [(1, 1, 5, 5)]


def test_an_l_shaped_core_is_the_outline_of_its_rows(tmp_path: Path) -> None:
    text = case.DEF.replace("ROW r0 unit 2000 2000 N DO 180", "ROW r0 unit 2000 2000 N DO 90")
    d = read_physical(**case.write(tmp_path, def_file=text))
    assert d.canvas.outline is not None
    assert d.canvas.area == pytest.approx(36 * 36 - 18 * 2)


# -- results back into the file --------------------------------------------------------------------------------------


def test_a_placement_goes_into_the_def_and_comes_back(design: Design, tmp_path: Path) -> None:
    index = design.netlist.node_index
    ram = index["right/mem[0]"]
    x, y, orient = design.placement.x.copy(), design.placement.y.copy(), design.placement.orient.copy()
    placed = design.placement.placed.copy()
    x[ram], y[ram], orient[ram], placed[ram] = 27.005, 16.01, S, True
    moved = design.placement.moved(x=x, y=y, orient=orient, placed=placed)
    write_placement(design, moved, tmp_path / "out.def.gz")
    back = read_placement(tmp_path / "out.def.gz", design)
    assert (back.x[ram], back.y[ram], back.orient[ram], back.placed[ram]) == (27.005, 16.01, S, True)
    text = read_def(tmp_path / "out.def.gz")
    assert text.components.x.tolist() == [4000, 22005, 2000]
    assert text.pins == design.physical.def_file.pins  # type: ignore[union-attr]


def test_macros_that_a_floorplan_does_not_name_are_added_with_def_escapes(tmp_path: Path) -> None:
    bare = case.DEF_HEAD + case.PINS + "END DESIGN\n"
    d = read_physical(**case.write(tmp_path, def_file=bare))
    hard = d.netlist.node_kind == HARD_MACRO
    out = placed_def(d, d.placement.moved(placed=d.placement.placed | hard))
    assert out.components.names == (r"left/mem\[0\]", r"right/mem\[0\]")
    write_placement(d, d.placement.moved(placed=d.placement.placed | hard), tmp_path / "out.def")
    assert read_placement(tmp_path / "out.def", d).placed[hard].all()


def test_a_placement_of_another_design_is_refused(design: Design, tmp_path: Path) -> None:
    (tmp_path / "other.def").write_text(case.DEF.replace("mem", "rom"))
    with pytest.raises(PlacementError, match="2 hard macros of the netlist are not in the DEF file"):
        read_placement(tmp_path / "other.def", design)


# -- what is wrong ---------------------------------------------------------------------------------------------------


def test_differences_of_netlist_and_def_are_listed_on_both_sides(tmp_path: Path) -> None:
    text = case.DEF.replace("right/mem", "wrong/mem").replace("- spare", "- spade")
    with pytest.raises(NetlistError) as caught:
        read_physical(**case.write(tmp_path, def_file=text))
    message = str(caught.value)
    assert r"1 components are not in the netlist: wrong/mem\[0\]" in message
    assert "1 macros are not among the components: right/mem[0]" in message
    assert "1 pins are not ports of the netlist: spade" in message
    assert "1 ports are not among the pins: spare" in message


def test_an_instance_of_another_master_in_the_def_is_refused(tmp_path: Path) -> None:
    text = case.DEF.replace(r"right/mem\[0\] RAM", r"right/mem\[0\] INV")
    with pytest.raises(NetlistError, match="RAM in the netlist, INV in the DEF file"):
        read_physical(**case.write(tmp_path, def_file=text))


def test_masters_without_lef_are_listed_all_at_once(tmp_path: Path) -> None:
    files = case.write(tmp_path, lef=case.LEF.replace("MACRO RAM", "MACRO ROM").replace("END RAM", "END ROM"))
    with pytest.raises(NetlistError, match=r"1 modules are neither .*RAM"):
        read_physical(**files)
    with pytest.raises(NetlistError, match="RAM"):
        read_physical(lef=files["lef"], def_file=files["def_file"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("unit 2000 2000", "gone 2000 2000"), "sites of rows are in none of the LEF files: gone"),
        (("DESIGN chip", "DESIGN ship"), "no module is called 'ship'.*chip"),
    ],
)
def test_a_def_file_that_does_not_fit_is_refused(tmp_path: Path, change: tuple[str, str], words: str) -> None:
    with pytest.raises(NetlistError, match=words):
        read_physical(**case.write(tmp_path, def_file=case.DEF.replace(*change)))


def test_lef_files_are_asked_for(tmp_path: Path) -> None:
    files = case.write(tmp_path)
    with pytest.raises(NetlistError, match="LEF files are needed"):
        read_physical(verilog=files["verilog"], def_file=files["def_file"])


# -- real designs ----------------------------------------------------------------------------------------------------


def asap7(open_data: Callable[[str], Path]) -> list[Path]:
    folder = open_data("lefdef/tech/ASAP7")
    return sorted(folder.glob("*.lef*"), key=lambda path: "tech" not in path.name)


@pytest.mark.open_data
def test_ariane_with_its_reference_placement_is_legal_in_its_own_terms(open_data: Callable[[str], Path]) -> None:
    d = read_physical(
        verilog=open_data("lefdef/ariane133_asap7/ariane.v.gz"), lef=asap7(open_data),
        def_file=open_data("lefdef/ariane133_asap7/ariane_fp_placed_macros.def.gz"),
    )  # fmt: skip
    n, p, c = d.netlist, d.placement, d.canvas
    hard = n.ids(HARD_MACRO)
    assert n.describe() | {"nets": 0, "pins": 0, "connections": 0} == {
        "hard_macros": 133, "soft_macros": 0, "stdcells": 100_702, "ports": 495, "nets": 0, "pins": 0,
        "connections": 0,
    }  # fmt: skip
    assert p.placed[hard].all()
    left, low = p.x[hard] - n.node_width[hard] / 2, p.y[hard] - n.node_height[hard] / 2
    assert (left >= c.x0 - 1e-9).all()
    assert (low >= c.y0 - 1e-9).all()
    assert np.allclose(left / c.lattice, np.rint(left / c.lattice), atol=1e-6)
    assert d.constraints is not None
    assert (d.constraints.halo[hard] == 1.0).all()
    assert p.placed[n.ids(PORT)].all()


@pytest.mark.open_data
def test_a_def_file_with_all_nets_counts_as_its_sections_announce(open_data: Callable[[str], Path]) -> None:
    d = read_physical(
        lef=open_data("lefdef/ct_ariane/ariane.lef.gz"), def_file=open_data("lefdef/ct_ariane/ariane.def.gz")
    )
    assert d.netlist.describe()["hard_macros"] == 133
    assert d.netlist.describe()["stdcells"] == 82_821
    assert d.netlist.num_nets == 85_193


def test_a_wrong_top_from_the_def_file_says_where_the_name_is_from(tmp_path: Path) -> None:
    files = case.write(tmp_path, def_file=case.DEF.replace("DESIGN chip", "DESIGN ship"))
    with pytest.raises(NetlistError, match=r"chip\.def: no module is called 'ship'.*DESIGN.*--top.*chip"):
        read_physical(**files)
    assert read_physical(**files, top="chip").name == "chip"


def test_all_missing_masters_are_listed(tmp_path: Path) -> None:
    cells = "\n".join(f"LOST{k:02} u{k} (.A(in[0]));" for k in range(30))
    files = case.write(tmp_path, verilog=case.VERILOG.replace("wire [1:0] mid;", "wire [1:0] mid;\n" + cells))
    with pytest.raises(NetlistError) as error:
        read_physical(**files)
    assert all(f"LOST{k:02}" in str(error.value) for k in range(30))


def test_many_differences_are_listed_and_the_rest_counted(tmp_path: Path) -> None:
    extra = "\n".join(f"- lost{k} INV ;" for k in range(60))
    text = case.DEF.replace("COMPONENTS 3 ;", "COMPONENTS 63 ;\n" + extra)
    with pytest.raises(NetlistError, match=r"60 components .* lost0, .*lost49 and 10 more"):
        read_physical(**case.write(tmp_path, def_file=text))


def test_contradictions_of_the_def_file_are_notes_that_name_it(tmp_path: Path) -> None:
    text = case.DEF.replace("+ PLACED ( 4000 4000 ) FS", "+ FIXED ( 4000 4000 ) FS")
    text = text.replace(r"right/mem\[0\] RAM ;", r"right/mem\[0\] RAM + FIXED ( 10000 6000 ) N ;")
    notes = read_physical(**case.write(tmp_path, def_file=text)).notes
    assert "chip.def: fixed macros 'left/mem[0]' and 'right/mem[0]' overlap" in notes
    assert any("'right/mem[0]' leaves its fence 'east'" in note for note in notes)


def test_a_region_smaller_than_its_members_is_noted_and_stops_a_run(tmp_path: Path) -> None:
    text = case.DEF.replace("- east ( 20000 2000 ) ( 38000 38000 )", "- east ( 20000 2000 ) ( 27000 9000 )")
    design = read_physical(**case.write(tmp_path, def_file=text))
    told = "does not fit fence 'east' of 7 x 7 um"
    assert any(note.startswith("chip.def: ") and told in note for note in design.notes)
    with pytest.raises(NetlistError, match=f"chip.def: no placement is possible: .*{told}"):
        require_possible(design)


def test_files_without_contradictions_have_no_such_notes(design: Design) -> None:
    assert not any(note.startswith("chip.def:") for note in design.notes)
    require_possible(design)


def test_a_blockage_around_a_macro_is_a_halo(tmp_path: Path) -> None:
    # The macro of 10 x 8 um lies FS at (4, 4); its halo of 1, 2, 3, 4 um is in its N frame.
    text = case.DEF.replace(
        "BLOCKAGES 2 ;",
        r"BLOCKAGES 3 ;" + "\n" + r"- PLACEMENT + COMPONENT left/mem\[0\] RECT ( 3500 1000 ) ( 19000 12500 ) ;",
    )
    design = read_physical(**case.write(tmp_path, def_file=text))
    assert design.constraints is not None
    ram = design.netlist.node_index["left/mem[0]"]
    # As it lies: 0.5 left, 3 below, 5 right, 0.5 above; FS exchanges below and above.
    assert design.constraints.halo[ram] == pytest.approx([1, 2, 5, 4])
    assert not any("belong to components" in note for note in design.notes)
    assert len(design.canvas.blockages) == 2


def test_a_blockage_of_a_fixed_cell_stays_where_it_is(tmp_path: Path) -> None:
    text = case.DEF.replace(
        "BLOCKAGES 2 ;", "BLOCKAGES 3 ;\n- PLACEMENT + COMPONENT tap1 RECT ( 2000 2000 ) ( 3000 4000 ) ;"
    )
    design = read_physical(**case.write(tmp_path, def_file=text))
    assert design.canvas.blockages[0].polygon.bounds == pytest.approx((2, 2, 3, 4))
    assert not any("belong to components" in note for note in design.notes)


def test_blockages_that_are_not_kept_are_told(tmp_path: Path) -> None:
    text = case.DEF.replace(
        "BLOCKAGES 2 ;", r"BLOCKAGES 3 ;" + "\n" + r"- PLACEMENT + COMPONENT left/mem\[0\] RECT ( 0 0 ) ( 20 20 ) ;"
    )
    notes = read_physical(**case.write(tmp_path, def_file=text)).notes
    assert any("1 placement blockages belong to components" in note for note in notes)
    assert any("soft and partial blockages" in note for note in notes)
