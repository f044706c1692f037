"""Shares of the cost add up to the cost, and belong to the objects that cause it."""

import numpy as np
import pytest

from netlists import HARD_MACRO, PORT, SOFT_MACRO, Canvas, Design, Netlist, Placement
from placer.cost.attribution import attribute
from placer.cost.full import CostWeights, full
from tests.placer.view_cases import diced_design


@pytest.mark.parametrize("smoothing", [0, 2])
@pytest.mark.parametrize("grid", [(20, 16), (3, 3), (1, 1), (7, 40)])
def test_shares_sum_to_every_term(grid, smoothing):
    for seed in range(3):
        design = diced_design(seed=seed, grid=grid, smoothing=smoothing, cells=50)
        cost = full(design)
        shares = attribute(design, cost=cost)
        np.testing.assert_allclose(shares.wirelength.sum(), cost.wirelength_cost, rtol=1e-9)
        np.testing.assert_allclose(shares.density.sum(), cost.density_cost, rtol=1e-9)
        np.testing.assert_allclose(shares.congestion.sum(), cost.congestion_cost, rtol=1e-9)
        weights = CostWeights(2.0, 0.25, 3.0)
        np.testing.assert_allclose(shares.proxy(weights).sum(), full(design, weights=weights).proxy_cost, rtol=1e-9)


def test_no_share_is_negative_and_ports_take_no_area():
    design = diced_design(seed=5)
    shares = attribute(design)
    assert min(a.min() for a in (shares.wirelength, shares.density, shares.wiring, shares.blockage)) > -1e-12
    assert not shares.density[design.netlist.ids(PORT)].any()


def test_only_hard_macros_block():
    design = diced_design(seed=2)
    blockage = attribute(design).blockage
    assert blockage[design.netlist.ids(HARD_MACRO)].sum() > 0
    assert not blockage[design.netlist.node_kind != HARD_MACRO].any()


def test_shares_of_a_case_done_by_hand():
    # Two objects in opposite corners of a 10 x 10 grid, one net of weight 3 over 8 + 8 um; a third, unconnected one.
    netlist = Netlist(
        "hand", ["a", "b", "c"], [HARD_MACRO, SOFT_MACRO, SOFT_MACRO], [1, 1, 2], [1, 1, 2],
        [0, 1], [0, 0], [0, 0], [0, 2], [0, 1], [0], [3.0],
    )  # fmt: skip
    placement = Placement([0.5, 8.5, 5.0], [0.5, 8.5, 5.0], [0] * 3, [False] * 3, [True] * 3)
    canvas = Canvas(0, 0, 10, 10, 10, 10, h_routes_per_um=1, v_routes_per_um=1, v_macro_routes_per_um=100)
    shares = attribute(Design(netlist, canvas, placement))
    np.testing.assert_allclose(shares.wirelength, [0.4, 0.4, 0.0])
    # The ten fullest gcells hold a, b, and the four that c fills.
    np.testing.assert_allclose(shares.density, [0.05, 0.05, 0.2], atol=1e-15)
    # Ten of 200 entries count: the 100 tracks a blocks, and nine of the sixteen entries with the net's 3 tracks.
    np.testing.assert_allclose(shares.blockage, [10.0, 0.0, 0.0])
    np.testing.assert_allclose(shares.wiring, [1.35, 1.35, 0.0])


def test_a_design_without_nets_or_supply_has_zero_shares():
    bare = diced_design(nets=0)
    shares = attribute(bare)
    assert not shares.wirelength.any()
    assert not shares.wiring.any()
    np.testing.assert_allclose(shares.blockage.sum(), full(bare).congestion_cost)


@pytest.mark.open_data
@pytest.mark.parametrize("name", ["ct/ariane133_ng45", "ct/ibm01_unit"])
def test_shares_sum_on_real_designs(open_data, name):
    from netlists.load import load

    design = load(open_data(name))
    cost = full(design)
    np.testing.assert_allclose(attribute(design, cost=cost).proxy().sum(), cost.proxy_cost, rtol=1e-9)
