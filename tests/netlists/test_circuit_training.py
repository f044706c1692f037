"""Reading Circuit Training files: what each line means."""

import gzip
import json

import numpy as np
import pytest

from netlists import HARD_MACRO, PORT, SOFT_MACRO, STDCELL, orientation
from netlists.formats import circuit_training as ct
from netlists.formats.circuit_training.plc import counts_of, read_plc

from .ct_cases import TINY, cell, macro, node, pin, plc, port, read, write


def test_a_net_is_its_driver_then_its_sinks_in_order(tmp_path):
    n = read(tmp_path, TINY).netlist
    assert n.node_names == ("P", "M", "C")
    assert n.node_kind.tolist() == [PORT, HARD_MACRO, STDCELL]
    assert n.pin_names == ("P", "M/a", "C")
    assert [n.net_pins[a:b].tolist() for a, b in zip(n.net_ptr[:-1], n.net_ptr[1:], strict=True)] == [[0, 1, 2], [1, 0]]
    assert n.net_source.tolist() == [0, 3]
    assert n.net_weight.tolist() == [1, 3]
    assert (n.pin_dx.tolist(), n.pin_dy.tolist()) == ([0, -5, 0], [0, 2.5, 0])
    assert n.node_width.tolist() == [0, 10, 2]


def test_a_pin_may_sink_many_nets_and_a_node_its_own(tmp_path):
    text = macro("M") + pin("M/in", "M") + port("A", "M/in") + port("B", "M/in", "B")
    n = read(tmp_path, text).netlist
    assert n.net_pins.tolist() == [1, 0, 2, 0, 2]


def test_coordinates_are_centres_and_the_placement_file_wins(tmp_path):
    design = read(tmp_path, TINY, plc("1 21 31 FS 1", "3 9 9 N 0"))
    p = design.placement
    assert p.x.tolist() == [0, 21, 9]  # the port is not in the file and keeps its place
    assert p.orient.tolist() == [orientation.N, orientation.FS, orientation.N]
    assert p.fixed.tolist() == [True, True, False]
    assert p.placed.all()


def test_ports_are_fixed_whatever_the_flag_says(tmp_path):
    assert read(tmp_path, TINY, plc("0 1 1 - 0")).placement.fixed.tolist() == [True, False, False]


def test_metadata_is_no_node_and_has_no_index(tmp_path):
    text = '# c\nnode { name: "__metadata__" attr { key: "note" value { placeholder: "x" } } }\n' + TINY
    design = read(tmp_path, text, plc("1 50 60 N 0"))
    assert design.netlist.num_nodes == 3
    assert design.placement.x[1] == 50


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        (macro("M", type="macro"), [HARD_MACRO]),
        (macro("Grp_1", type="macro"), [SOFT_MACRO]),
        (macro("Grp_1", type="MACRO"), [HARD_MACRO]),
        (macro("M", type="MACRO") + macro("cluster7", type="macro"), [HARD_MACRO, SOFT_MACRO]),
        (node("__metadata__", soft_macro_area_bloating_ratio=2) + macro("cluster7", type="macro"), [SOFT_MACRO]),
        (port("p") + node("q", type="port") + node("c", type="stdcell", width=1, height=1), [PORT, PORT, STDCELL]),
    ],
)
def test_kinds_follow_the_documented_rule(tmp_path, text, kinds):
    assert read(tmp_path, text).netlist.node_kind.tolist() == kinds


def test_every_layout_of_the_text_reads_the_same(tmp_path):
    squeezed = " ".join(TINY.split())
    swapped = TINY.replace('key: "width"\n    value {\n      f: 10\n    }', 'value { f: 1.0e1 } key: "width"')
    angled = TINY.replace("attr {", "attr: <", 1).replace("    }\n  }\n", "    };\n  >,\n", 1)
    dressed = TINY.replace("\n", "\r\n\t # remark { \" '\r\n").replace("f: 20", "f:+2.00000000000000000000e+1f")
    single = TINY.replace('"', "'")
    escaped = TINY.replace('"M/a"', '"M\\x2f\\141"', 1)
    assert swapped != TINY
    want = read(tmp_path, TINY)
    for i, text in enumerate((squeezed, swapped, angled, dressed, single, escaped)):
        got = read(tmp_path / str(i), text)
        assert got.netlist.node_names == want.netlist.node_names
        assert got.netlist.net_pins.tolist() == want.netlist.net_pins.tolist()
        assert got.netlist.node_width.tolist() == want.netlist.node_width.tolist()
        assert got.placement.x.tolist() == want.placement.x.tolist()


def test_strings_are_unescaped(tmp_path):
    n = read(tmp_path, port(r"a\"b\\[3] \303\266", "q") + port("q") + port("ö ü")).netlist
    assert n.node_names == ('a"b\\[3] ö', "q", "ö ü")


@pytest.mark.parametrize(
    "text", ["0", "-0.0", "1e22", "1e23", "0.1", "123456789012345678", "5e-324", "1.7976931348623157e308", "4.35",
             "0.20625865", "-16.666667", ".5", "5.", "1E+3", "9007199254740993", "2.2250738585072011e-308"],
)  # fmt: skip
def test_numbers_are_read_to_the_nearest_float(tmp_path, text):
    assert read(tmp_path, port("p", x=0, y=0).replace("f: 0", f"f: {text}")).placement.x[0] == float(text)


def test_gzip_is_recognised_by_content(tmp_path):
    path = tmp_path / "netlist.pb.txt"
    path.write_bytes(gzip.compress(TINY.encode()))
    (tmp_path / "initial.plc").write_bytes(gzip.compress(plc("1 50 60 N 0").encode()))
    assert ct.read_design(path).placement.x[1] == 50


# -- the canvas ------------------------------------------------------------------------------------------


def test_canvas_comes_from_the_placement_header(tmp_path):
    extra = (
        "# Routes per micron, hor : 57.031  ver : 56.818", "# Routes used by macros, hor : 39.583  ver : 30.303",
        "# Smoothing factor : 3", "# Overlap threshold : 0.004", "# Block : blk",
    )  # fmt: skip
    design = read(tmp_path, "# FP bbox: {0 0} {200 200}\n" + TINY, plc(columns=5, rows=7, width=123.5, extra=extra))
    c = design.canvas
    assert (c.x0, c.y0, c.x1, c.y1, c.columns, c.grid_rows, c.smoothing) == (0, 0, 123.5, 80, 5, 7, 3)
    assert (c.h_routes_per_um, c.v_routes_per_um) == (57.031, 56.818)
    assert (c.h_macro_routes_per_um, c.v_macro_routes_per_um, c.overlap_threshold) == (39.583, 30.303, 0.004)
    assert design.name == "blk"
    assert design.notes == ()


@pytest.mark.parametrize("comment", ["# FP bbox: {1.0 2.0} {50 60}", "#FP bbox : {1 2 50 60}"])
def test_canvas_comes_from_the_bbox_comment_without_a_header(tmp_path, comment):
    design = read(tmp_path, comment + "\n" + TINY)
    assert (design.canvas.x0, design.canvas.y0, design.canvas.x1, design.canvas.y1) == (1, 2, 50, 60)
    assert any("FP bbox" in note for note in design.notes)


def test_canvas_is_the_bounding_box_of_the_coordinates_otherwise(tmp_path):
    c = read(tmp_path, TINY).canvas
    assert (c.x0, c.y0, c.x1, c.y1) == (0, 0, 25, 33)


def test_canvas_is_sized_by_area_without_coordinates(tmp_path):
    design = read(tmp_path, macro("A", 6, 10) + macro("B", 6, 10))
    assert design.canvas.area == pytest.approx(120 / 0.6)
    assert not design.placement.placed.any()
    assert any("no coordinates" in note for note in design.notes)


def test_every_default_is_remarked_on(tmp_path):
    notes = " ".join(read(tmp_path, TINY).notes)
    for word in ("canvas", "grid", "routing supply", "smoothing"):
        assert word in notes


def test_a_found_placement_of_another_netlist_gives_only_its_canvas(tmp_path):
    design = read(tmp_path, TINY, plc("0 1 1 - 1", "99 3 3 N 0", extra=("# SOFT_MACROs : 4",)))
    assert (design.canvas.width, design.placement.x[1], design.placement_path) == (100, 20, None)
    assert "another netlist" in design.notes[0]


def test_pins_slightly_outside_their_macro_are_remarked_on(tmp_path):
    design = read(tmp_path, macro("M") + pin("M/a", "M", dx=5.0005) + pin("M/b", "M", dx=7))
    assert "a pin lies outside the macro, 'M/b' by 2 um" in design.notes
    assert not read(tmp_path / "b", macro("M") + pin("M/a", "M", dx=5.0005)).notes[0].startswith("a pin")


# -- which placement, which role -------------------------------------------------------------------------


def test_the_placement_of_the_same_stem_comes_first(tmp_path):
    path = write(tmp_path, TINY, plc("1 50 50 N 0"))
    (tmp_path / "other.plc").write_text(plc("1 51 51 N 0"))
    assert ct.read_design(path).placement.x[1] == 50
    (tmp_path / "netlist.plc").write_text(plc("1 52 52 N 0"))
    assert ct.read_design(path).placement.x[1] == 52
    assert ct.read_design(path, tmp_path / "other.plc").placement.x[1] == 51


@pytest.mark.parametrize(
    ("name", "head", "role"),
    [
        ("anything", TINY[:40].encode(), "netlist"),
        ("x.txt", b"# proto-file: x\n\n# y\nnode{name:", "netlist"),
        ("x", b"# Columns : 3  Rows : 4\n", "placement"),
        ("x", b"0 1.5 2 - 1\n3 4 5 FN 0\n", "placement"),
        ("empty.plc", b"# nothing\n", "placement"),
        ("groups.final.gz", b"17\n17\n18\n", "part"),
        ("x.pl", b"UCLA pl 1.0\n a 0 0 : N\n", None),
        ("x.json", b'{"node": 1}', None),
        ("README", b"# node index\n", None),
        ("x.bin", bytes(range(256)), None),
    ],
)
def test_the_role_of_a_file_comes_from_its_content(tmp_path, name, head, role):
    assert ct.sniff(tmp_path / name, head) == role


# -- the open designs ------------------------------------------------------------------------------------

FITTING = [
    "ariane133_ng45", "ariane136_asap7", "nvdla_ng45", "mempool_tile_ng45", "ibm01_unit", "google_macro_tiles_10x10",
    "google_sample_clustered", "tilos_unit_sample_clustered_macroxy",
]  # fmt: skip
LOADING = [
    "google_simple_with_coords", "google_toy_macro_stdcell", "tilos_unit_0P1M1m", "tilos_unit_0P2M0m",
    "tilos_unit_0P3M0m", "tilos_unit_0P4M0m", "tilos_unit_sample_clustered_nomacro",
    "tilos_unit_sample_clustered_uniform_one_hard", "tilos_unit_sample_clustered_uniform_one_soft",
    "tilos_unit_sample_clustered_uniform_two_soft",
]  # fmt: skip


def netlist_of(folder):
    return next(folder.glob("*.pb.txt*"))


@pytest.mark.open_data
@pytest.mark.parametrize("name", FITTING)
def test_open_designs_have_the_counts_of_their_headers(open_data, name):
    folder = open_data(f"ct/{name}")
    design = ct.read_design(netlist_of(folder))
    header = read_plc(folder / "initial.plc").header
    assert header.counts
    assert counts_of(design.netlist) == header.counts
    assert design.placement.placed.all()
    assert design.placement_path is not None


@pytest.mark.open_data
@pytest.mark.parametrize(
    ("name", "kinds"),
    list(zip(LOADING, [(2, 0), (2, 0), (1, 1), (2, 0), (3, 0), (4, 0), (0, 1), (1, 0), (0, 1), (0, 2)], strict=True)),
)
def test_small_open_cases_load_with_the_right_macros(open_data, name, kinds):
    counts = counts_of(ct.read_design(netlist_of(open_data(f"ct/{name}"))).netlist)
    assert (counts["HARD_MACROs"], counts["SOFT_MACROs"]) == kinds


@pytest.mark.open_data
@pytest.mark.parametrize("name", FITTING[:5])
def test_the_evaluator_took_the_widths_of_the_header(open_data, name):
    folder = open_data(f"ct/{name}")
    design = ct.read_design(netlist_of(folder))
    weights = float(design.netlist.net_weight.sum())
    for cost in json.loads((folder / "golden" / "costs.json").read_text())["costs"]:
        scale = cost["hpwl_um"] / cost["wirelength_cost"]
        assert scale / (design.canvas.width + design.canvas.height) == pytest.approx(weights, rel=1e-12)


@pytest.mark.open_data
def test_golden_placements_are_read_for_their_design(open_data):
    folder = open_data("ct/ariane133_ng45")
    design = ct.read_design(netlist_of(folder))
    other = ct.read_placement(folder / "golden" / "jittered.plc", design)
    assert other.num_nodes == design.netlist.num_nodes
    assert not np.array_equal(other.x, design.placement.x)


@pytest.mark.open_data
def test_flat_ariane133_has_every_cell(open_data):
    design = ct.read_design(netlist_of(open_data("ct_flat/ariane133_ng45")))
    counts = design.netlist.describe()
    assert (counts["hard_macros"], counts["stdcells"], counts["ports"], counts["nets"]) == (133, 88411, 495, 90986)
    assert design.canvas.columns == 24
    assert "another netlist" in design.notes[0]
    assert design.placement.placed.all()
    assert (design.placement.orient == orientation.S).sum() == 19


def test_cells_and_macros_may_be_sinks_at_their_centre(tmp_path):
    n = read(tmp_path, cell("C", "D", "M") + cell("D") + macro("M")).netlist
    assert n.conn_node.tolist() == [0, 1, 2]
    assert not n.conn_dx.any()
