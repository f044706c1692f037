"""The designs that ship are what their recipes make, and fit to place."""

import gzip

import numpy as np
import pytest

from netlists import HARD_MACRO, SOFT_MACRO, NetlistError, bundled
from netlists.formats.circuit_training import read_design, write_design
from netlists.synthesis import synthesize
from tests.netlists.test_synthesis import assert_hard_macros_legal


def texts(folder):
    plain = (folder / "initial.plc").read_bytes()
    return {"initial.plc": plain, "netlist.pb.txt": gzip.decompress((folder / "netlist.pb.txt.gz").read_bytes())}


@pytest.mark.parametrize("name", ["synth20", "synth130"])
def test_the_shipped_files_are_what_the_recipe_makes(name, tmp_path):
    write_design(synthesize(*bundled.RECIPES[name]), tmp_path, compress=True)
    assert texts(tmp_path) == texts(bundled.folder(name))


@pytest.mark.parametrize("name", bundled.names())
def test_shipped_designs_are_small_complete_and_legal(name):
    folder = bundled.folder(name)
    assert sum(p.stat().st_size for p in folder.iterdir()) < 400_000
    design = read_design(folder / "netlist.pb.txt.gz")
    assert design.name == name
    assert design.notes == ()
    assert design.placement.placed.all()
    assert len(design.netlist.ids(HARD_MACRO)) == bundled.RECIPES[name][0].num_macros
    assert len(design.netlist.ids(SOFT_MACRO)) >= 100
    assert_hard_macros_legal(design)


def test_reading_back_gives_the_synthesised_design():
    made, read = synthesize(*bundled.RECIPES["synth20"]), read_design(bundled.folder("synth20") / "netlist.pb.txt.gz")
    for key in ("node_kind", "node_width", "node_height", "pin_node", "pin_dx", "pin_dy", "net_ptr", "net_pins"):
        assert np.array_equal(getattr(made.netlist, key), getattr(read.netlist, key)), key
    assert np.array_equal(made.netlist.net_weight, read.netlist.net_weight)
    assert made.netlist.node_names == read.netlist.node_names
    assert made.netlist.pin_names == read.netlist.pin_names
    for key in ("x", "y", "orient", "fixed", "placed"):
        assert np.array_equal(getattr(made.placement, key), getattr(read.placement, key)), key
    for key in (
        "x0",
        "y0",
        "x1",
        "y1",
        "columns",
        "grid_rows",
        "h_routes_per_um",
        "v_macro_routes_per_um",
        "smoothing",
    ):
        assert getattr(made.canvas, key) == getattr(read.canvas, key), key


def test_unknown_names_are_refused():
    with pytest.raises(NetlistError, match="no bundled design"):
        bundled.folder("synth7")
