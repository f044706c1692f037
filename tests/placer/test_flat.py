"""Flat designs from start to end: which engine, legal cells, figures that can be worked out again."""

import time
from dataclasses import replace

import numpy as np
import pytest
from shapely.geometry import box

import placer
from netlists.canvas import BLOCK_HARD, BLOCK_SOFT, Blockage
from netlists.constraints import REGION_FENCE, Constraints, Region
from netlists.errors import NetlistError, PlacementError
from netlists.grouping.cells import cells_to_group
from netlists.netlist import HARD_MACRO, STDCELL
from netlists.orientation import FS
from placer.budget import Budget, silent
from placer.cost.flat_rules import check_flat
from placer.cost.full import full
from placer.cost.metrics import metrics
from placer.engines.analytic.cells import free_sites
from placer.engines.analytic.flow import _Grace, place_flat
from placer.flat import _Run, choose, clustered_cost, place_cells
from placer.flat_rows import with_rows
from tests.placer.flat_designs import alternating, broken_rules, flat_design, heights, rows_of_two_heights


@pytest.fixture(scope="module")
def hybrid():
    design = flat_design(4, cells=250)
    return design, place_cells(design, "hybrid", seed=1, jobs=1, effort="fast", iterations=500)


def test_hybrid_ends_with_legal_macros_and_cells(hybrid):
    design, result = hybrid
    assert broken_rules(design, result.placement) == []
    assert result.legality.legal
    assert result.placement.placed.all()
    np.testing.assert_array_equal(result.placement.fixed, design.placement.fixed)


def test_figures_are_those_of_the_placement(hybrid):
    design, result = hybrid
    figures = result.flat
    values = metrics(design, result.placement)
    assert figures.hpwl_um == pytest.approx(values["hpwl_um"])
    assert figures.weighted_hpwl_um == pytest.approx(values["weighted_hpwl_um"])
    north = design.with_placement(result.placement.moved(orient=np.zeros_like(result.placement.orient)))
    assert figures.north_hpwl_um == pytest.approx(metrics(north)["hpwl_um"])
    assert figures.proxy["proxy_cost"] == clustered_cost(design, result.placement)[0].proxy_cost
    assert figures.stages[-1][1] == pytest.approx(figures.weighted_hpwl_um)
    names = [stage[0] for stage in figures.stages]
    assert names.index("global placement") < names.index("macros by search") < names.index("detailed placement", 7)
    assert 0 <= figures.overflow < 0.5


def test_hybrid_repeats_with_iterations(hybrid):
    design, result = hybrid
    again = place_cells(design, "hybrid", seed=1, jobs=1, effort="fast", iterations=500)
    assert again.placement.x.tobytes() == result.placement.x.tobytes()


def clusters_by(design, limit):
    run = _Run(design, Budget(limit), 0, 1, silent, {})
    groups = run._groups()
    assert (groups[cells_to_group(design.netlist)] >= 0).all()
    assert (groups[design.netlist.node_kind != STDCELL] == -1).all()
    return run.stats["clusters_by"]


def test_clusters_are_made_by_partitioning_where_the_limit_allows():
    design = flat_design(4, cells=250)  # 50 clusters: 2 s by estimate
    assert clusters_by(design, None) == clusters_by(design, 60.0) == "partitioning"
    assert clusters_by(design, 10.0) == "first choice"


def test_clusters_keep_fences_apart_either_way():
    design = flat_design(4, cells=250)
    n, c = design.netlist, design.canvas
    region = np.full(n.num_nodes, -1, np.int32)
    members = np.flatnonzero(n.node_kind == STDCELL)[::4]
    region[members] = 0
    fence = Region("f", box(c.x0, c.y0, (c.x0 + c.x1) / 2, c.y1), REGION_FENCE)
    ruled = replace(design, constraints=Constraints.none(n.num_nodes).changed(regions=(fence,), region=region))
    for limit in (None, 5.0):
        groups = _Run(ruled, Budget(limit), 0, 1, silent, {})._groups()
        others = np.setdiff1d(np.flatnonzero(n.node_kind == STDCELL), members)
        assert not np.intersect1d(groups[members][groups[members] >= 0], groups[others]).size


def test_a_design_of_a_few_cells_on_nets_is_clustered():
    assert clusters_by(flat_design(4, cells=3), None) == "partitioning"


def test_hybrid_stopped_while_clusters_are_made_keeps_what_it_has(monkeypatch):
    design, budget = flat_design(4, cells=150), Budget()
    made = _Run._groups

    def stopping(run):
        budget.stop.set()
        return made(run)

    monkeypatch.setattr(_Run, "_groups", stopping)
    result = place_cells(design, "hybrid", jobs=1, budget=budget)
    assert result.stats["kept"] == "analytic: the time was up"
    assert broken_rules(design, result.placement) == []


def test_analytic_does_not_depend_on_jobs():
    design = flat_design(5, cells=150)
    one, two = (place_cells(design, "analytic", seed=2, jobs=jobs) for jobs in (1, 2))
    assert one.placement.x.tobytes() == two.placement.x.tobytes()
    assert one.placement.y.tobytes() == two.placement.y.tobytes()


def test_without_movable_macros_hybrid_places_the_cells():
    design = flat_design(3, macros=0, cells=120)
    result = place_cells(design, "hybrid", jobs=1)
    assert broken_rules(design, result.placement) == []


@pytest.mark.parametrize("engine", ["analytic", "hybrid"])
def test_a_run_that_is_stopped_at_once_is_legal(engine):
    design = flat_design(6, cells=150)
    budget = Budget()
    budget.stop.set()
    result = place_cells(design, engine, jobs=1, budget=budget)
    assert result.interrupted
    assert broken_rules(design, result.placement) == []


def test_the_engine_is_chosen_by_what_the_design_has():
    flat, macros = flat_design(1, cells=20), placer.load("synth20")
    assert choose(flat)[0] == "analytic"
    assert "20 cells" in choose(flat)[1]
    assert choose(macros) == ("search", "")
    assert choose(flat, "analytic") == ("analytic", "")
    for engine in ("analytic", "hybrid"):
        with pytest.raises(NetlistError, match="none that may move"):
            choose(macros, engine)
    with pytest.raises(ValueError, match="unknown engine"):
        choose(flat, "magic")


def test_python_calls_choose_too():
    result = placer.place(flat_design(2, cells=60), jobs=1, engine="analytic", target_density=0.9)
    assert result.flat.engine == "analytic"
    assert result.flat.target_density == 0.9
    with pytest.raises(ValueError, match="options for cells"):
        placer.place(placer.load("synth20"), time_limit=1, target_density=0.9)


def test_rows_are_made_up_where_there_are_none():
    design = flat_design(7, cells=100)
    bare = replace(design, canvas=replace(design.canvas, rows=None))
    made = with_rows(bare)
    assert "made up" in made.notes[-1]
    assert made.canvas.rows.height[0] == 2.0
    assert made.canvas.rows.site_spacing[0] == pytest.approx(0.5)
    result = place_cells(bare, "analytic", jobs=1)
    assert result.flat.rows_made_up
    assert result.design is bare
    assert broken_rules(made, result.placement) == []


def changed_rows(design, **changes):
    rows = design.canvas.rows
    return replace(design, canvas=replace(design.canvas, rows=replace(rows, **changes)))


def test_rows_that_cells_cannot_use_are_told():
    design = flat_design(8, macros=0, cells=80)
    rows = design.canvas.rows
    with pytest.raises(NetlistError, match="fit no rows"):
        place_cells(changed_rows(design, height=np.full(len(rows.y), 1.7)), "analytic")
    with pytest.raises(PlacementError, match="sites"):
        place_cells(changed_rows(design, num_sites=rows.num_sites // 2), "analytic")


@pytest.mark.parametrize("engine", ["analytic", "hybrid"])
def test_cells_of_two_to_four_rows_are_placed_among_macros(engine):
    design = alternating(flat_design(11, macros=2, cells=120, utilisation=0.4))
    cells = np.flatnonzero(design.netlist.node_kind == STDCELL)
    for rows in (2, 3, 4):
        design = heights(design, cells[rows::15], 2.0 * rows)
    result = placer.place(design, engine=engine, jobs=1, iterations=200 if engine == "hybrid" else None)
    report = check_flat(design, result.placement, reference=design.placement)
    assert report.legal, report.summary()
    low = result.placement.y[cells] - design.netlist.node_height[cells] / 2
    assert np.isin(low.round(6), design.canvas.rows.y.round(6)).all()
    assert result.flat.hpwl_um == pytest.approx(metrics(design, result.placement)["hpwl_um"])


def test_cells_go_to_the_rows_of_their_height():
    design = rows_of_two_heights(flat_design(12, macros=2, cells=150, utilisation=0.35))
    cells = np.flatnonzero(design.netlist.node_kind == STDCELL)
    tall = cells[::3]
    design = heights(design, tall, 3.0)
    result = placer.place(design, engine="analytic", jobs=1)
    report = check_flat(design, result.placement, reference=design.placement)
    assert report.legal, report.summary()
    rows = design.canvas.rows
    for some, high in ((tall, 3.0), (np.setdiff1d(cells, tall), 2.0)):
        low = result.placement.y[some] - high / 2
        assert np.isin(low.round(6), rows.y[rows.height == high].round(6)).all()


def test_rows_of_another_site_pitch_are_used_too():
    design = flat_design(13, macros=0, cells=150, utilisation=0.45)
    rows = design.canvas.rows
    odd = np.arange(len(rows.y)) % 2 == 1
    pitch = np.where(odd, 0.25, 0.5)
    mixed = changed_rows(design, site_width=pitch, site_spacing=pitch, num_sites=rows.num_sites * np.where(odd, 2, 1))
    result = placer.place(mixed, engine="analytic", jobs=1, target_density=0.8)
    report = check_flat(mixed, result.placement, reference=mixed.placement)
    assert report.legal, report.summary()


def test_cells_without_enough_rows_of_their_height_are_told():
    design = rows_of_two_heights(flat_design(12, macros=0, cells=150, utilisation=0.6))
    cells = np.flatnonzero(design.netlist.node_kind == STDCELL)
    with pytest.raises(PlacementError, match=r"cells need .* sites, the rows of 3 um with sites of 0.5 um have"):
        placer.place(heights(design, cells, 3.0), engine="analytic", jobs=1)


def test_cells_of_more_than_four_rows_are_named():
    design = flat_design(14, macros=0, cells=40, utilisation=0.3)
    with pytest.raises(NetlistError, match=r"1 of 40 cells fit no rows, 'o4' for one.*10 um high.*2 to 4 times"):
        placer.place(heights(design, [4], 10.0), engine="analytic", jobs=1)


def test_room_is_what_fixed_objects_and_hard_blockages_leave():
    design = flat_design(15, macros=2, cells=60, utilisation=0.5, fixed=1)
    n, c = design.netlist, design.canvas
    ((rows, free),) = free_sites(design)
    assert rows.height[0] == 2.0
    high = round(n.node_height[0] / 2.0)
    assert free == rows.num_sites.sum() - high * round(n.node_width[0] / 0.5)
    top = box(c.x0, c.y1 - 4.0, c.x1, c.y1)
    for kind, taken in ((BLOCK_SOFT, 0), (BLOCK_HARD, 2 * int(rows.num_sites[0]))):
        ruled = replace(design, canvas=replace(c, blockages=(Blockage(top, kind),)))
        assert free_sites(ruled)[0][1] == free - taken


@pytest.mark.parametrize(("key", "value"), [("target_density", 0.0), ("target_density", 1.2), ("time_limit", -1.0)])
def test_numbers_that_cannot_be_are_refused(key, value):
    with pytest.raises(ValueError, match="must be"):
        place_cells(flat_design(1, cells=20), "analytic", **{key: value})


def test_cells_are_turned_as_their_rows_are():
    design = flat_design(9, cells=120)
    ways = np.where(np.arange(len(design.canvas.rows.y)) % 2, FS, 0).astype(np.int8)
    turned = changed_rows(design, orient=ways)
    result = place_flat(turned, seed=0)
    cells = design.netlist.node_kind == STDCELL
    low = result.placement.y - design.netlist.node_height / 2
    row = np.rint((low[cells] - design.canvas.y0) / 2.0).astype(int)
    np.testing.assert_array_equal(result.placement.orient[cells], ways[row])
    assert result.hpwl == pytest.approx(full(turned, result.placement).hpwl_um)


def test_cells_keep_out_of_halos_and_soft_blockages():
    design = flat_design(10, cells=120, macros=2, utilisation=0.45)
    n = design.netlist
    halo = np.zeros((n.num_nodes, 4))
    halo[n.node_kind == HARD_MACRO] = 3.0
    c = design.canvas
    blocked = (c.x0, c.y0, c.x0 + 6.0, c.y0 + 6.0)
    ruled = replace(
        design, canvas=replace(c, blockages=(Blockage(box(*blocked), BLOCK_SOFT),)),
        constraints=Constraints.none(n.num_nodes).changed(halo=halo),
    )  # fmt: skip
    p = place_flat(ruled, seed=0).placement
    cells = np.flatnonzero(n.node_kind == STDCELL)
    boxes = [blocked]
    for i in np.flatnonzero(n.node_kind == HARD_MACRO):
        w, h = n.node_width[i] / 2 + 3.0, n.node_height[i] / 2 + 3.0
        boxes.append((p.x[i] - w, p.y[i] - h, p.x[i] + w, p.y[i] + h))
    for x0, y0, x1, y1 in boxes:
        wide = np.minimum(p.x[cells] + n.node_width[cells] / 2, x1) - np.maximum(
            p.x[cells] - n.node_width[cells] / 2, x0
        )
        high = np.minimum(p.y[cells] + 1.0, y1) - np.maximum(p.y[cells] - 1.0, y0)
        assert not ((wide > 1e-6) & (high > 1e-6)).any()


def test_room_for_wires_without_routing_supply_is_told_in_a_note():
    design = flat_design(1, macros=0, cells=40, utilisation=0.5)
    none = replace(design, canvas=replace(design.canvas, h_routes_per_um=0.0))
    plain, asked = (place_cells(none, "analytic", jobs=1, routability=p) for p in (0.0, 1.0))
    assert plain.flat.notes == ()
    (note,) = asked.flat.notes
    assert "no routing supply" in note
    assert asked.flat.as_dict()["notes"] == (note,)
    np.testing.assert_array_equal(plain.placement.x, asked.placement.x)
    assert place_cells(design, "analytic", jobs=1, routability=1.0).flat.notes == ()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PlacementError("no legal placement was found", rule="overlap"), "no legal places among clusters"),
        (PlacementError("the search broke a rule: 1 overlap"), None),
        (PlacementError("the arrays of a placement differ in length", rule="shape"), None),
        (NetlistError("net_ptr has the wrong length"), None),
        (IndexError("list index out of range"), None),
    ],
)
def test_hybrid_falls_back_for_want_of_room_alone_and_says_so(error, told, monkeypatch):
    def fails(*arguments, **options):
        raise error

    monkeypatch.setattr("placer.flat.place", fails)
    design = flat_design(4, macros=2, cells=60, utilisation=0.5)
    if told is None:
        with pytest.raises(type(error)) as raised:
            place_cells(design, "hybrid", jobs=1, iterations=10)
        assert raised.value is error
        return
    result = place_cells(design, "hybrid", jobs=1, iterations=10)
    (note,) = result.flat.notes
    assert told in note
    assert note.startswith("hybrid kept the placement of analytic: ")
    assert result.stats["kept"] in note.replace("hybrid kept the placement of ", "")
    assert broken_rules(design, result.placement) == []


def test_hybrid_says_why_it_did_no_more_than_analytic():
    design = flat_design(4, macros=2, cells=60, utilisation=0.5, fixed=2)
    (note,) = place_cells(design, "hybrid", jobs=1, iterations=10).flat.notes
    assert "no hard macro may move" in note
    over = Budget()
    over.stop.set()
    (note,) = place_cells(flat_design(4, macros=2, cells=60), "hybrid", jobs=1, budget=over).flat.notes
    assert "the time was up" in note


def test_making_macros_legal_hears_of_the_end():
    outer = Budget()
    grace = _Grace(outer, 0.2)
    assert not grace.over
    outer.stop.set()
    assert 0.0 < grace.left <= 0.2
    time.sleep(0.25)
    assert grace.over
