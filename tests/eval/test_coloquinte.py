"""Coloquinte beside ours: it reads what we write, counts the same wirelength, and its results come back whole."""

import builtins
from dataclasses import replace

import numpy as np
import pytest

from eval.bench.analytic_jobs import all_n, scores
from eval.peers import coloquinte as peer
from netlists.errors import NetlistError
from netlists.formats import bookshelf
from netlists.formats.bookshelf import write_design
from netlists.load import load
from netlists.netlist import DIR_INPUT, DIR_OUTPUT, HARD_MACRO, PORT, STDCELL
from placer.budget import Budget
from placer.engines.analytic.cells import place_cells
from placer.engines.analytic.flow import place_flat
from placer.engines.analytic.wirelength import hpwl_of
from tests.netlists.test_bookshelf_whole import on_pins
from tests.placer.flat_designs import alternating, flat_design, thrown

needed = pytest.importorskip("coloquinte", reason="Coloquinte is not installed (pip install 'chip-placer[peers]')")


def in_whole_units(seed=0, **options):
    """A flat design in units of a tenth of a um, everything whole: sizes even, pins on whole units."""
    design = alternating(flat_design(seed, ports=0, **options))
    n = design.netlist
    scale = 10.0
    rows, c = design.canvas.rows, design.canvas
    rows = replace(
        rows, y=rows.y * scale, height=rows.height * scale, x0=rows.x0 * scale, site_width=rows.site_width * scale,
        site_spacing=rows.site_spacing * scale,
    )  # fmt: skip
    canvas = replace(
        c, x0=c.x0 * scale, y0=c.y0 * scale, x1=c.x1 * scale, y1=c.y1 * scale, rows=rows, manufacturing_grid=0.0
    )
    width = n.node_width * scale
    half = np.round(n.pin_dx * scale + width[n.pin_node] / 2) - width[n.pin_node] / 2
    netlist = replace(
        n, node_width=width, node_height=n.node_height * scale, pin_dx=half, pin_dy=np.round(n.pin_dy * scale)
    )
    direction = np.full(n.num_pins, DIR_INPUT, np.int8)
    direction[n.net_pins[n.net_source]] = DIR_OUTPUT
    netlist = replace(netlist, pin_dir=direction)
    placement = design.placement.moved(x=design.placement.x * scale, y=design.placement.y * scale)
    return replace(design, netlist=netlist, canvas=canvas, placement=placement)


def test_what_we_write_loads_there_and_scores_the_same(tmp_path):
    design = in_whole_units(1, macros=0, cells=80)
    legal = place_cells(design, thrown(design)).placement
    aux = write_design(design.with_placement(legal), tmp_path)[0]
    circuit = needed.Circuit.read_ispd(str(aux))
    ours = hpwl_of(design, legal)
    assert circuit.hpwl() == pytest.approx(ours, abs=1e-6)
    assert peer.hpwl_in(design, legal, per_um=1.0) == pytest.approx(ours, abs=1e-6)
    again = load(aux)
    assert hpwl_of(again, again.placement) == pytest.approx(ours, abs=1e-6)


def test_its_own_reader_takes_whole_units_and_scores_the_same(tmp_path):
    """Ports, turned macros, pins and places at fractions: all that its reader of integers would trip over."""
    design = on_pins(alternating(flat_design(4, macros=4, cells=80)), 0.05)
    assert set(design.placement.orient.tolist()) - {0}
    aux = write_design(bookshelf.in_whole_units(design), tmp_path)[0]
    circuit = needed.Circuit.read_ispd(str(aux))
    assert circuit.hpwl() / 20 == pytest.approx(hpwl_of(design, design.placement), rel=1e-9)
    assert sum(circuit.cell_is_fixed) == (design.netlist.node_kind == PORT).sum()


@pytest.mark.open_data
def test_a_placed_open_design_loads_in_its_own_reader_and_scores_the_same(open_data, tmp_path):
    """Cells and macros where this placer puts them; wirelength equal but for rounding that the note tells."""
    design = load(open_data("bookshelf/ibm01"))
    placed = place_flat(design, budget=Budget(4.0)).placement
    design = design.with_placement(placed)
    whole = bookshelf.in_whole_units(design)
    circuit = needed.Circuit.read_ispd(str(write_design(whole, tmp_path)[0]))
    per_um = whole.canvas.width / design.canvas.width
    bound = 4 * design.netlist.num_nets if "units off" in whole.notes[-1] else 1e-3
    plain = replace(design.netlist, net_weight=np.ones(design.netlist.num_nets))
    assert abs(circuit.hpwl() - per_um * hpwl_of(replace(design, netlist=plain), placed)) <= bound
    assert circuit.nb_cells == design.netlist.num_nodes


def test_finer_units_count_fractions_of_pins():
    design = alternating(flat_design(2, macros=2, cells=60))
    placement = thrown(design)
    assert peer.hpwl_in(design, placement, per_um=1e5) == pytest.approx(hpwl_of(design, placement), rel=1e-4)


def test_its_results_are_legal_and_score_as_it_says():
    design = in_whole_units(3, macros=0, cells=120)
    placement = peer.place_with(design, thrown(design), effort=1)
    found = scores(design, placement)
    assert found["legal"], found["violations"]
    unit = 1.0 / float(design.canvas.rows.site_spacing[0])
    assert peer.hpwl_in(design, placement, per_um=unit) == pytest.approx(found["hpwl"], rel=0.05)


def test_legalising_there_keeps_macros_that_are_held():
    design = alternating(flat_design(4, macros=3, cells=80, utilisation=0.5))
    rough = place_flat(design).rough
    placement = peer.place_with(design, rough, fixed_macros=True, start_here=True, effort=1)
    held = np.isin(design.netlist.node_kind, (HARD_MACRO, PORT))
    assert (placement.x == rough.x)[held].all()
    assert (placement.y == rough.y)[held].all()
    found = scores(design, placement)
    assert found["legal"], found["violations"]


def test_all_in_n_keeps_lower_left_corners():
    design = alternating(flat_design(5, macros=0, cells=60))
    legal = place_cells(design, thrown(design)).placement
    flat = all_n(design, legal)
    cells = design.netlist.node_kind == STDCELL
    assert (flat.orient == 0).all()
    np.testing.assert_allclose(flat.x[cells], legal.x[cells])
    np.testing.assert_allclose(flat.y[cells], legal.y[cells])


def test_without_coloquinte_one_line_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def missing(name, *rest, **kwargs):
        if name == "coloquinte":
            raise ImportError(name)
        return real(name, *rest, **kwargs)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(NetlistError, match=r"pip install 'chip-placer\[peers\]'"):
        peer.coloquinte()
