"""The independent check of flat placements: every rule, and the whole against comparing everything with everything."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from netlists.canvas import Blockage
from netlists.constraints import Constraints, Region
from netlists.netlist import HARD_MACRO, PORT, STDCELL
from netlists.orientation import FN, FS, N, S
from placer.cost.flat_rules import _Check, cell_violations, check_flat, macro_violations
from placer.engines.analytic.cells import place_cells
from placer.engines.analytic.flow import place_flat
from tests.placer.flat_designs import alternating, flat_design, heights, rows_of_two_heights, thrown


def lined_up(rows=3, per_row=4, orient=True):
    """Cells of two sites, one apart, from the lower left; rows alternate N and FS."""
    design = alternating(flat_design(0, macros=0, cells=rows * per_row, ports=2, utilisation=0.3))
    n = design.netlist
    cells = np.flatnonzero(n.node_kind == STDCELL)
    width = n.node_width.copy()
    width[cells] = 1.0
    netlist = replace(n, node_width=width, pin_dx=np.zeros(n.num_pins), pin_dy=np.zeros(n.num_pins))
    row, column = np.divmod(np.arange(len(cells)), per_row)
    x, y = design.placement.x.copy(), design.placement.y.copy()
    code = design.placement.orient.copy()
    x[cells], y[cells] = 1.5 * column + 0.5, 2.0 * row + 1.0
    code[cells] = np.where(row % 2, FS, N) if orient else N
    placement = design.placement.moved(x=x, y=y, orient=code, placed=np.ones(len(x), bool))
    return replace(design, netlist=netlist, placement=placement), cells


def rules(design, **changes):
    p = design.placement
    arrays = {key: getattr(p, key).copy() for key in ("x", "y", "orient")}
    for key, (node, value) in changes.items():
        arrays[key][node] = value
    return sorted({(v.rule, v.node) for v in check_flat(design, p.moved(**arrays), reference=p).violations})


def test_cells_on_sites_of_their_rows_are_legal():
    design, _ = lined_up()
    assert rules(design) == []


def test_each_rule_is_told_of_the_cell_that_breaks_it():
    design, cells = lined_up()
    a, b = int(cells[0]), int(cells[1])
    p = design.placement
    assert rules(design, x=(b, p.x[b] - 1.0)) == [("overlap", a)]
    assert rules(design, x=(a, p.x[a] + 0.25)) == [("site", a)]
    assert ("row", a) in rules(design, y=(a, p.y[a] + 0.5))
    assert ("row", a) in rules(design, x=(a, p.x[a] - 0.5))
    assert rules(design, orient=(a, FS)) == [("orientation", a)]
    assert rules(design, orient=(a, FN)) == [], "symmetric in Y"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_cells_told_at_a_glance_are_those_that_break_no_rule_one_by_one(seed, two_heights):
    rng = np.random.default_rng(seed)
    design, cells = lined_up(rows=4, per_row=6)
    if two_heights:
        design = rows_of_two_heights(design)
    p = design.placement
    x, y, code = p.x.copy(), p.y.copy(), p.orient.copy()
    some = rng.choice(cells, 8, replace=False)
    x[some] += rng.choice([0.0, 0.5, 0.25, -0.5, 40.0, 1e-7], 8)
    y[some] += rng.choice([0.0, 0.0, 2.0, 1.0, -2.0, 1e-7], 8)
    code[some] = rng.choice([N, FN, FS, S], 8)
    moved = p.moved(x=x, y=y, orient=code)
    found = cell_violations(design, moved)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Check, "_plain", lambda self, who, which, covered: np.zeros(len(covered), bool))
        assert [(v.rule, v.node, v.message) for v in cell_violations(design, moved)] == [
            (v.rule, v.node, v.message) for v in found
        ]


def test_sites_without_symmetry_take_one_orientation():
    design, cells = lined_up()
    rows = replace(design.canvas.rows, symmetry=())
    design = replace(design, canvas=replace(design.canvas, rows=rows))
    assert rules(design, orient=(int(cells[0]), FN)) == [("orientation", cells[0])]


def test_what_is_written_all_in_n_is_not_legal_in_alternating_rows():
    design, cells = lined_up(orient=False)
    assert rules(design) == [("orientation", i) for i in cells[4:8].tolist()]


def test_fixed_cells_may_lie_anywhere_but_nothing_on_them():
    design, cells = lined_up()
    p = design.placement
    fixed = p.fixed.copy()
    fixed[cells[0]] = True
    x = p.x.copy()
    x[cells[0]] += 0.25
    moved = design.with_placement(p.moved(fixed=fixed, x=x))
    assert rules(moved) == []
    assert rules(moved, x=(cells[1], p.x[cells[1]] - 0.5)) == [("overlap", cells[0])]
    assert rules(moved, x=(cells[0], p.x[cells[0]])) == [("fixed_moved", cells[0])]


def test_ports_are_no_obstacles():
    design, cells = lined_up()
    port = int(np.flatnonzero(design.netlist.node_kind == PORT)[0])
    width = design.netlist.node_width.copy()
    height = design.netlist.node_height.copy()
    width[port] = height[port] = 1.0
    design = replace(design, netlist=replace(design.netlist, node_width=width, node_height=height))
    x, y = design.placement.x.copy(), design.placement.y.copy()
    x[port], y[port] = x[cells[0]], y[cells[0]]
    assert rules(design.with_placement(design.placement.moved(x=x, y=y))) == []


def test_cells_on_hard_blockages_and_in_fences_of_others():
    design, cells = lined_up()
    spot = box(1.6, 0.2, 2.2, 0.6)
    assert rules(replace(design, canvas=replace(design.canvas, blockages=(Blockage(spot),)))) == [
        ("blockage", cells[1])
    ]
    region = np.full(design.netlist.num_nodes, -1, np.int32)
    region[cells[1]] = 0
    n = design.netlist.num_nodes
    fenced = Constraints.none(n).changed(region=region, regions=(Region("f", box(1.5, 0, 3.5, 2.0)),))
    assert rules(replace(design, constraints=fenced)) == [("fence", cells[2])]


def test_even_cells_may_be_either_way_up_and_must_be_covered():
    design, cells = lined_up()
    n = design.netlist
    height = n.node_height.copy()
    height[cells[8]] = 4.0
    y = design.placement.y.copy()
    y[cells[8]] = 6.0  # rows 2 and 3
    rows = design.canvas.rows
    design = replace(design, netlist=replace(n, node_height=height))
    design = design.with_placement(design.placement.moved(y=y))
    assert rules(design) == []
    assert rules(design, orient=(cells[8], FS)) == []
    assert rules(design, orient=(cells[8], S)) == []
    top = float(rows.y[-1])
    assert ("row", cells[8]) in rules(design, y=(cells[8], top + 2.0))


def two_high(rows):
    """Cells of one row and one of two; rows turned as told, from the lowest."""
    design, cells = lined_up(rows=4)
    height = design.netlist.node_height.copy()
    tall = int(cells[8])
    height[tall] = 4.0
    own = design.canvas.rows
    orient = own.orient.copy()
    orient[:] = [rows[k % len(rows)] for k in range(len(orient))]
    design = replace(
        design, netlist=replace(design.netlist, node_height=height),
        canvas=replace(design.canvas, rows=replace(own, orient=orient)),
    )  # fmt: skip
    code = design.placement.orient.copy()
    code[cells] = orient[np.arange(len(cells)) // 4]
    x, y = design.placement.x.copy(), design.placement.y.copy()
    x[tall], code[tall] = 10.5, N  # clear of the others
    y[tall] = 2.0
    return design.with_placement(design.placement.moved(x=x, y=y, orient=code)), tall


def test_rails_of_even_cells_meet_those_of_the_rows():
    design, tall = two_high([N, FS])
    for row in range(4):
        for code in (N, FN, FS, S):
            wrong = [("rail", tall)] if row % 2 else []
            assert rules(design, y=(tall, 2.0 * row + 2.0), orient=(tall, code)) == wrong, (row, code)
    height = design.netlist.node_height.copy()
    height[tall] = 6.0
    odd = replace(design, netlist=replace(design.netlist, node_height=height))
    assert rules(odd, y=(tall, 3.0)) == []
    assert rules(odd, y=(tall, 5.0), orient=(tall, FS)) == [], "one of three rows lies as its row does"
    assert rules(odd, y=(tall, 5.0)) == [("orientation", tall)]


def test_rows_that_all_lie_one_way_up_ask_nothing_of_rails():
    for rows in ([N], [FS]):
        design, tall = two_high(rows)
        for row in range(3):
            assert rules(design, y=(tall, 2.0 * row + 2.0)) == []


def test_the_legaliser_keeps_the_rails_the_check_asks_for():
    """From a start in which every tall cell lies in the middle of a row that is upside down."""
    design = alternating(flat_design(2, macros=0, cells=80, utilisation=0.4))
    tall = np.flatnonzero(design.netlist.node_kind == STDCELL)[::5]
    for spans in (2, 4):
        high = heights(design, tall, 2.0 * spans)
        start = thrown(high, 1)
        y = start.y.copy()
        y[tall] = design.canvas.rows.y[1] + high.netlist.node_height[tall] / 2
        found = place_cells(high, start.moved(y=y)).placement
        report = check_flat(high, found, reference=high.placement)
        assert report.legal, report.summary()
        low = found.y[tall] - high.netlist.node_height[tall] / 2
        assert np.isin(low.round(6), design.canvas.rows.y[::2].round(6)).all()


def pairs_by_brute_force(design, placement):
    n = design.netlist
    solid = [i for i in range(n.num_nodes) if n.node_kind[i] != PORT]
    out = set()
    for a in solid:
        for b in solid:
            if a < b:
                x = min(placement.x[k] + n.node_width[k] / 2 for k in (a, b)) - max(
                    placement.x[k] - n.node_width[k] / 2 for k in (a, b)
                )
                y = min(placement.y[k] + n.node_height[k] / 2 for k in (a, b)) - max(
                    placement.y[k] - n.node_height[k] / 2 for k in (a, b)
                )
                if x > 1e-6 and y > 1e-6:
                    out.add((a, b))
    return out


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 3))
def test_overlaps_are_those_of_comparing_all_pairs(seed, macros):
    design = alternating(flat_design(seed, macros=macros, cells=25, utilisation=0.6))
    rng = np.random.default_rng(seed)
    n = design.netlist
    rows = design.canvas.rows
    x = np.round(rng.uniform(0, design.canvas.width, n.num_nodes) * 2) / 2 + n.node_width / 2
    y = rows.y[rng.integers(0, len(rows.y), n.num_nodes)] + n.node_height / 2
    placement = design.placement.moved(x=x, y=y, placed=np.ones(n.num_nodes, bool))
    report = check_flat(design, placement)
    got = {(v.node, v.other) for v in report.violations if v.rule == "overlap"}
    assert got == pairs_by_brute_force(design, placement)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_rows_sites_and_orientations_are_those_of_a_plain_loop(seed):
    design, cells = lined_up()
    rng = np.random.default_rng(seed)
    rows = design.canvas.rows
    x, y = design.placement.x.copy(), design.placement.y.copy()
    code = design.placement.orient.copy()
    x[cells] = rng.integers(-2, 4 * int(rows.num_sites[0]) + 2, len(cells)) * 0.125 + 0.5
    y[cells] = rng.integers(-1, 2 * len(rows.y) + 1, len(cells)) * 1.0 + 1.0
    code[cells] = rng.choice([N, FN, FS, S], len(cells))
    placement = design.placement.moved(x=x, y=y, orient=code)
    got = {(v.rule, v.node) for v in cell_violations(design, placement) if v.rule != "overlap"}
    want = set()
    for i in cells.tolist():
        left, low = x[i] - 0.5, y[i] - 1.0
        row = [r for r in range(len(rows.y)) if rows.y[r] == low]
        if not row or left < rows.x0[row[0]] or left + 1.0 > rows.x1[row[0]]:
            want.add(("row", i))
            continue
        if left * 2 != round(left * 2):
            want.add(("site", i))
        if code[i] not in ((N, FN) if row[0] % 2 == 0 else (FS, S)):
            want.add(("orientation", i))
    assert got == want


def test_macros_are_looked_at_once_more_with_polygons() -> None:
    design = flat_design(3, cells=20, macros=3)
    placed = place_flat(design).placement
    assert macro_violations(design, placed, reference=design.placement) == []
    macros = np.flatnonzero((design.netlist.node_kind == HARD_MACRO) & design.movable)
    a, b = macros[:2].tolist()
    x, y = placed.x.copy(), placed.y.copy()
    x[a], y[a] = placed.x[b], placed.y[b]
    found = {(v.rule, v.node, v.other) for v in macro_violations(design, placed.moved(x=x, y=y))}
    assert ("overlap", min(a, b), max(a, b)) in found
    assert all(rule == "overlap" and a in pair for rule, *pair in found)
    x[a] = design.canvas.x1
    y[a] = placed.y[a]
    assert "outside" in {v.rule for v in macro_violations(design, placed.moved(x=x, y=y))}
    fixed = np.ones(len(x), bool)
    held = design.with_placement(placed.moved(fixed=fixed))
    moved = macro_violations(held, placed.moved(x=placed.x + 1.0, y=placed.y), reference=placed)
    assert {v.rule for v in moved} == {"fixed_moved"}
    assert len(moved) == design.netlist.num_nodes
