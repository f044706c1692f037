"""Guides of flat designs: a pull that is priced exactly, is minded by every stage, and is no wirelength."""

from dataclasses import replace

import numpy as np
import pytest
from shapely.geometry import box

from netlists.constraints import REGION_GUIDE, Constraints, Region
from netlists.netlist import PORT, STDCELL
from placer.cost.flat_rules import check_flat
from placer.engines.analytic.cells import place_cells as to_rows
from placer.engines.analytic.flow import place_flat
from placer.engines.analytic.guides import guide_distance, with_guides
from placer.engines.analytic.wirelength import hpwl_of
from placer.flat import place_cells
from tests.placer.flat_designs import flat_design, thrown


def with_guide(design, members, share=0.45):
    """Members are to lie in the lower left."""
    c, n = design.canvas, design.netlist.num_nodes
    region = np.full(n, -1, np.int32)
    region[members] = 0
    area = box(c.x0, c.y0, c.x0 + share * c.width, c.y0 + share * c.height)
    rules = Constraints.none(n).changed(region=region, regions=(Region("g", area, REGION_GUIDE),))
    return replace(design, constraints=rules)


def some_members(design, count=60):
    """One macro and some cells."""
    return np.concatenate([[1], np.flatnonzero(design.netlist.node_kind == STDCELL)[:count]])


def test_what_a_member_pays_is_its_distance_times_the_weight_of_its_wires():
    design = flat_design(3, cells=40, origin=(5.0, -3.0))
    members = some_members(design, 5)
    guided = with_guide(design, members)
    pulled = with_guides(guided)
    placement = thrown(design, 1)
    n, c = design.netlist, design.canvas
    wires = np.bincount(n.conn_node, np.where(n.net_degree > 1, n.net_weight, 0.0)[n.conn_net], n.num_nodes)
    paid = total = 0.0
    for i in members:
        away = 0.0
        for at, side, low, high in (
            (placement.x[i], n.node_width[i], c.x0, c.x0 + 0.45 * c.width),
            (placement.y[i], n.node_height[i], c.y0, c.y0 + 0.45 * c.height),
        ):
            # A macro wider than the guide wants its centre there.
            slack = max((high - low - side) / 2, 0.0)
            away += max(abs(at - (low + high) / 2) - slack, 0.0)
        total += away
        paid += max(wires[i], 1.0) * away
    extra = hpwl_of(pulled.design, pulled.ported(placement)) - hpwl_of(design, placement)
    assert extra - pulled.constant == pytest.approx(paid)
    assert guide_distance(guided, placement) == pytest.approx(total / len(members))
    np.testing.assert_array_equal(pulled.own(pulled.ported(placement)).x, placement.x)


def test_designs_without_guided_objects_that_move_are_left_as_they_are():
    design = flat_design(3, cells=20)
    port = int(np.flatnonzero(design.netlist.node_kind == PORT)[0])
    for same in (design, with_guide(design, [port])):
        assert with_guides(same).design is same
        assert guide_distance(same, same.placement) is None


def test_members_end_in_their_guide_where_there_is_room():
    design = flat_design(3, macros=4, cells=300, utilisation=0.5, origin=(5.0, -3.0))
    guided = with_guide(design, some_members(design))
    free, drawn = place_flat(design, seed=1), place_flat(guided, seed=1)
    report = check_flat(guided, drawn.placement, reference=design.placement)
    assert report.legal, report.summary()
    assert guide_distance(guided, drawn.placement) < 0.1 * guide_distance(guided, free.placement)
    assert drawn.hpwl == pytest.approx(hpwl_of(design, drawn.placement), rel=1e-9)
    assert drawn.stages["detailed placement"] == drawn.hpwl
    # The last stage before rows is reported without the pull too: near what the rows then make of it.
    assert drawn.stages["global placement of cells"] == pytest.approx(drawn.stages["cells legal"], rel=0.25)


def test_a_guide_too_small_for_its_members_keeps_them_near_and_the_result_legal():
    design = flat_design(3, macros=2, cells=200, utilisation=0.5)
    cells = np.flatnonzero(design.netlist.node_kind == STDCELL)
    guided = with_guide(design, cells, share=0.1)
    free, drawn = place_flat(design, seed=1), place_flat(guided, seed=1)
    report = check_flat(guided, drawn.placement, reference=design.placement)
    assert report.legal, report.summary()
    assert 0.0 < guide_distance(guided, drawn.placement) < guide_distance(guided, free.placement)


def test_detailed_placement_pays_for_leaving_a_guide():
    """From one start in rows: with the guide members stay nearer to it, and the reported length is that of wires."""
    design = flat_design(6, macros=0, cells=250, utilisation=0.5)
    guided = with_guide(design, some_members(design, 80)[1:])
    start = place_flat(guided, seed=1).rough
    free, drawn = to_rows(design, start), to_rows(guided, start)
    assert guide_distance(guided, drawn.placement) < 0.7 * guide_distance(guided, free.placement)
    assert drawn.hpwl == pytest.approx(hpwl_of(design, drawn.placement), rel=1e-9)
    assert drawn.placement.num_nodes == design.netlist.num_nodes


def test_the_distance_is_reported():
    design = flat_design(3, macros=2, cells=120, utilisation=0.5)
    guided = with_guide(design, some_members(design, 30))
    result = place_cells(guided, "analytic", seed=1, jobs=1)
    assert result.flat.guide_um == guide_distance(guided, result.placement)
    assert result.flat.as_dict()["guide_um"] == result.flat.guide_um
    assert result.stats["wish_cost"] >= 0.0
    assert place_cells(design, "analytic", seed=1, jobs=1).flat.guide_um is None
