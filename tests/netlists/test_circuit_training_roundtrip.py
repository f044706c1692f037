"""What is written is what was read: arrays, attributes, comments, and the file itself on the second write."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netlists import HARD_MACRO, PORT, SOFT_MACRO, STDCELL, Canvas, Design, Netlist, Placement
from netlists.formats import circuit_training as ct
from netlists.formats.circuit_training.plc import number, read_plc
from netlists.formats.circuit_training.scan import escape, unescape
from netlists.orientation import oriented_offsets

from .ct_cases import NETLIST_ARRAYS, PLACEMENT_ARRAYS, TINY, macro, node, pin, plc, port, read


@pytest.fixture(autouse=True)
def no_fsync(monkeypatch):
    """Hundreds of tiny files need not reach the platter."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def assert_same(a, b):
    """Equal in everything a Circuit Training file carries."""
    assert a.netlist.node_names == b.netlist.node_names
    assert a.netlist.pin_names == b.netlist.pin_names
    for key in NETLIST_ARRAYS:
        assert np.array_equal(getattr(a.netlist, key), getattr(b.netlist, key)), key
    for key in PLACEMENT_ARRAYS:
        assert np.array_equal(getattr(a.placement, key), getattr(b.placement, key)), key
    assert a.canvas == b.canvas


def twice(design, folder):
    """The design after one trip through files, which a second trip must reproduce byte for byte."""
    first = ct.write_design(design, folder / "a")
    back = ct.read_design(first[0])
    second = ct.write_design(back, folder / "b")
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]
    return back


RICH = """# FP bbox: {-5 -5} {95.5 75}
# kept: second header line
node { name: "__metadata__" attr { key: "soft_macro_area_bloating_ratio" value { f: 2 } } }
versions { producer: 22 min_consumer: 7 # inside
}
# before M
node {
  name: "M \\"q\\"\\\\"
  op: "nop"
  # inside M
  attr { key: "type" value { s: "macro" } }
  attr { key: "height" value { f: 6.1 } }
  attr { key: "width" value { i: 10 } }
  attr { key: "odd key \\t" value { list { f: 1 f: 2 } } }
  attr { key: "many" value { i: 12345678901234567890 } }
  attr { key: "nan" value { f: nan } }
  attr { key: "empty" value { } }
  attr { key: "side" value { placeholder: "\\303\\266" } }
  attr { key: "shape" value { shape { dim { size: 3 } } } }
}
node { name: "Grp_1" attr { key: "type" value { placeholder: "macro" } }
  attr { key: "width" value { f: 3 } } attr { key: "height" value { f: 0.30000000000000004 } }
  attr { key: "y" value { f: 1e-7 } } attr { key: "x" value { f: 123456.789012345678 } } }
# the end
"""


EXTRA = ("# My own : remark", "# Block : b")


def test_everything_in_a_file_survives(tmp_path):
    design = read(
        tmp_path / "in", RICH, plc("0 1.5 2.25 FW 1", width=100.5, extra=("# My own : remark", "# Block : b"))
    )
    back = twice(design, tmp_path)
    assert_same(design, back)
    text = (tmp_path / "a" / "netlist.pb.txt").read_text()
    for piece in (
        "# kept: second header line", "# inside M", "# the end", 'op: "nop"', "i: 12345678901234567890", "i: 10\n",
        "f: nan", "dim { size: 3 }", 's: "macro"', 'placeholder: "ö"', r'name: "M \"q\"\\"', "f: 0.30000000000000004",
        "f: 1e-07", "f: 123456.78901234567", "# inside\n", r'key: "odd key \t"', "min_consumer: 7",
    ):  # fmt: skip
        assert piece in text, piece
    assert text.count("# inside\n") == 1
    assert (design.canvas.x0, design.canvas.x1) == (-5, 95.5)
    placement = (tmp_path / "a" / "initial.plc").read_text()
    assert "# My own : remark" in placement
    assert "0 1.5 2.25 FW 1\n1 123456.78901234567 1e-07 N 0\n" in placement


def test_stale_header_lines_go_and_counts_are_right(tmp_path):
    stale = ("# Date : today", "# Wirelength cost : 0.3", "#  3|1| |2|", "# To view this file", "# HARD_MACROs : 1",
             "# Area : 12.5", "# Project : pr", "# Block : bl", "# Smoothing factor : 2")  # fmt: skip
    design = read(tmp_path / "in", TINY, plc("1 1 1 N 0", extra=stale))
    changed = replace(design, canvas=replace(design.canvas, columns=9, smoothing=0))
    lines = ct.write_design(changed, tmp_path / "out")[1].read_text().splitlines()
    kept = ("# Area : 12.5", "# Project : pr", "# Block : bl", "# Width : 100  Height : 80")
    new = ("# Columns : 9  Rows : 4", "# Smoothing factor : 0", "# HARD_MACROs     :         1")
    for line in kept + new:
        assert lines.count(line) == 1, line
    assert not [line for line in lines if "Date" in line or "cost" in line or "|" in line or "view" in line]


def test_changes_to_the_netlist_are_written(tmp_path):
    design = read(tmp_path / "in", TINY)
    changes = {
        "net_weight": [2.5, 1], "node_width": [0, 11, 2.5], "pin_dx": [0, 1.25, 0],
        "net_pins": [0, 2, 1, 1, 0],
    }  # fmt: skip
    changed = replace(design, netlist=replace(design.netlist, **{k: np.array(v) for k, v in changes.items()}))
    back = twice(changed, tmp_path).netlist
    for key, value in changes.items():
        assert getattr(back, key).tolist() == value


def test_unplaced_objects_stay_unplaced(tmp_path):
    design = read(tmp_path / "in", macro("A") + macro("B"), plc("0 5 5 N 0"))
    assert twice(design, tmp_path).placement.placed.tolist() == [True, False]
    assert read_plc(tmp_path / "a" / "initial.plc").index.tolist() == [0]


def test_gzip_and_stem_are_chosen_by_the_caller(tmp_path):
    design = read(tmp_path / "in", TINY)
    paths = ct.write_design(design, tmp_path / "out", stem="x", compress=True)
    assert [p.name for p in paths] == ["x.pb.txt.gz", "x.plc"]
    assert ct.read_design(paths[0]).placement_path == paths[1]
    assert_same(design, ct.read_design(paths[0]))


def test_a_placement_is_written_and_read_for_its_design(tmp_path):
    design = read(tmp_path / "in", TINY)
    moved = design.placement.moved(x=[0.1, 0.2, 0.30000000000000004], orient=[0, 5, 3], fixed=[True, True, False])
    for name in ("p.plc", "p.plc.gz"):
        ct.write_placement(design, moved, tmp_path / name)
        back = ct.read_placement(tmp_path / name, design)
        for key in PLACEMENT_ARRAYS:
            assert np.array_equal(getattr(back, key), getattr(moved, key)), key


@pytest.mark.open_data
@pytest.mark.parametrize("name", ["ariane133_ng45", "mempool_tile_ng45", "ibm01_unit", "google_macro_tiles_10x10",
                                  "google_toy_macro_stdcell", "tilos_unit_0P4M0m"])  # fmt: skip
def test_open_designs_round_trip(open_data, tmp_path, name):
    design = ct.read_design(next(open_data(f"ct/{name}").glob("*.pb.txt*")))
    assert_same(design, twice(design, tmp_path))


# -- designs of other origin -----------------------------------------------------------------------------

finite = st.floats(-1e6, 1e6, allow_subnormal=False)
sizes = st.floats(1e-3, 1e4)
names = st.text(st.characters(codec="utf-8", exclude_characters="\0\x85\u2028\u2029"), min_size=1, max_size=6)


@st.composite
def designs(draw):
    """Small random designs, as no Circuit Training file would hold them."""
    n = draw(st.integers(1, 6))
    kind = draw(st.lists(st.sampled_from([HARD_MACRO, SOFT_MACRO, STDCELL, PORT]), min_size=n, max_size=n))
    width = [0.0 if k == PORT and draw(st.booleans()) else draw(sizes) for k in kind]
    height = [0.0 if w == 0 else draw(sizes) for w in width]
    node_names = draw(st.lists(names.filter(lambda name: name != "__metadata__"), min_size=n, max_size=n, unique=True))
    q = draw(st.integers(0, 10))
    pin_node = draw(st.lists(st.integers(0, n - 1), min_size=q, max_size=q))
    share = st.sampled_from([0.0, 0.0, 0.5, -0.5, 0.3])
    nets = draw(st.lists(st.lists(st.integers(0, q - 1), min_size=1, max_size=4), max_size=5)) if q else []
    degree = [len(net) for net in nets]
    ptr = np.concatenate([[0], np.cumsum(degree)]).astype(int)
    netlist = Netlist(
        name="random", node_names=node_names, node_kind=kind, node_width=width, node_height=height, pin_node=pin_node,
        pin_dx=[draw(share) * width[i] for i in pin_node], pin_dy=[draw(share) * height[i] for i in pin_node],
        net_ptr=ptr, net_pins=[p for net in nets for p in net],
        net_source=[a + draw(st.integers(0, d - 1)) for a, d in zip(ptr[:-1].tolist(), degree, strict=True)],
        net_weight=[draw(st.sampled_from([1.0, 0.0, 2.5, 1e-3])) for _ in nets],
        pin_names=draw(st.sampled_from([(), ("A",) * q])),
    )  # fmt: skip
    corner = draw(st.sampled_from([(0.0, 0.0), (-8.0, 16.0)]))
    canvas = Canvas(*corner, corner[0] + draw(sizes), corner[1] + draw(sizes), columns=3, grid_rows=2)
    placement = Placement(
        [draw(finite) for _ in kind], [draw(finite) for _ in kind],
        [draw(st.integers(0, 7)) for _ in kind], [k == PORT or draw(st.booleans()) for k in kind], [True] * n,
    )  # fmt: skip
    return Design(netlist, canvas, placement)


def net_boxes(design):
    """Weight and bounding box of each net, relative to the canvas, in an order that does not depend on names."""
    n, p = design.netlist, design.placement
    dx, dy = oriented_offsets(n.conn_dx, n.conn_dy, p.orient[n.conn_node])
    x, y = p.x[n.conn_node] + dx - design.canvas.x0, p.y[n.conn_node] + dy - design.canvas.y0
    return sorted(
        (w, x[a:b].min(), x[a:b].max(), y[a:b].min(), y[a:b].max())
        for w, a, b in zip(n.net_weight.tolist(), n.net_ptr[:-1], n.net_ptr[1:], strict=True)
    )


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(design=designs())
def test_random_designs_are_written_without_loss(tmp_path, design):
    back = twice(design, tmp_path)
    assert back.netlist.node_names == design.netlist.node_names
    for key in ("node_kind", "node_width", "node_height"):
        assert np.array_equal(getattr(back.netlist, key), getattr(design.netlist, key)), key
    assert np.array_equal(back.placement.orient, design.placement.orient)
    assert np.array_equal(back.placement.fixed, design.placement.fixed)
    assert np.allclose(back.placement.x, design.placement.x - design.canvas.x0, rtol=0, atol=1e-9)
    assert (back.canvas.x0, back.canvas.y0) == (0, 0)
    assert np.allclose(net_boxes(back), net_boxes(design), rtol=0, atol=1e-6)
    assert_same(back, ct.read_design(tmp_path / "b" / "netlist.pb.txt"))


@given(text=st.text())
def test_escaping_is_undone_by_reading(text):
    raw = escape(text)
    assert "\n" not in raw
    assert unescape(raw.encode()) == text


@settings(max_examples=200)
@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_placement_numbers_read_back_exactly(value):
    assert float(number(value)) == value


def test_all_soft_designs_stay_soft(tmp_path):
    design = read(tmp_path / "in", node("__metadata__", soft_macro_area_bloating_ratio=1) + macro("s", type="macro"))
    fresh = replace(design, netlist=replace(design.netlist, extras={}))
    assert twice(fresh, tmp_path).netlist.node_kind.tolist() == [SOFT_MACRO]


def test_a_pin_that_drives_two_nets_gets_a_twin(tmp_path):
    design = read(tmp_path / "in", macro("M") + pin("M/a", "M", "P", dx=1) + port("P") + port("Q"))
    n = design.netlist
    two = replace(n, net_ptr=[0, 2, 4], net_pins=[0, 1, 0, 1], net_source=[0, 2], net_weight=[1, 1], extras={})
    back = twice(replace(design, netlist=two), tmp_path).netlist
    assert back.num_nets == 2
    assert back.pin_names == ("M/a", "M/a__2", "P")
    assert back.pin_dx.tolist() == [1, 1, 0]


def test_extras_are_plain_text_and_arrays(tmp_path):
    for key, value in read(tmp_path, RICH).netlist.extras.items():
        assert key.startswith("circuit-training.")
        assert isinstance(value, (str, np.ndarray))
        if key.endswith(("keys", "strings", "texts")):
            json.loads(value)
