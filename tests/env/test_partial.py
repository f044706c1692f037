"""The cost of what has a position is the full cost of the design without the rest."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from env.macro_placement import MacroPlacementEnv
from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT, Netlist
from netlists.placement import Placement
from placer.cost.full import CostWeights, full
from tests.env.designs import small_design, walled_design


def without_the_rest(design: Design, placement: Placement) -> Design:
    """A design of the placed ports and hard macros alone; nets keep their pins on those."""
    n = design.netlist
    keep = np.flatnonzero(placement.placed & np.isin(n.node_kind, (PORT, HARD_MACRO)))
    number = {int(node): i for i, node in enumerate(keep)}
    pins: list[tuple[int, float, float]] = []
    ptr, source, weight = [0], [], []
    for net in range(n.num_nets):
        conns = [c for c in range(*n.net_ptr[net : net + 2]) if int(n.conn_node[c]) in number]
        if not conns:
            continue
        source.append(len(pins) + (conns.index(n.net_source[net]) if n.net_source[net] in conns else 0))
        pins += [(number[int(n.conn_node[c])], n.conn_dx[c], n.conn_dy[c]) for c in conns]
        ptr.append(len(pins))
        weight.append(n.net_weight[net])
    node, dx, dy = (np.array(column) for column in zip(*pins, strict=True))
    netlist = Netlist(
        name="rest",
        node_names=[n.node_names[i] for i in keep],
        node_kind=n.node_kind[keep],
        node_width=n.node_width[keep],
        node_height=n.node_height[keep],
        pin_node=node.astype(np.int32),
        pin_dx=dx,
        pin_dy=dy,
        net_ptr=np.array(ptr),
        net_pins=np.arange(len(pins), dtype=np.int32),
        net_source=np.array(source),
        net_weight=np.array(weight),
    )
    p = placement
    return Design(
        netlist, design.canvas, Placement(p.x[keep], p.y[keep], p.orient[keep], p.fixed[keep], p.placed[keep])
    )


@pytest.mark.parametrize("smoothing", [0, 2])
@pytest.mark.parametrize("walled", [False, True])
def test_partial_costs_are_those_of_the_design_without_the_rest(walled: bool, smoothing: int) -> None:
    design = walled_design() if walled else small_design(fixed=[2])
    design = replace(design, canvas=replace(design.canvas, smoothing=smoothing))
    weights = CostWeights(2.0, 0.25, 0.75)
    env = MacroPlacementEnv(design, orientations="all", weights=weights, final_costs=False)
    rng = np.random.default_rng(1)
    for _ in range(2):  # the second episode begins where the first did
        observation, info = env.reset()
        over = False
        while not over:
            rest = without_the_rest(design, env.state.placement())
            expected = full(rest, weights=weights)
            share = rest.netlist.net_weight.sum() / design.netlist.net_weight.sum()
            wirelength = expected.wirelength_cost * share
            assert info["wirelength_cost"] == pytest.approx(wirelength, abs=1e-12)
            assert info["density_cost"] == pytest.approx(expected.density_cost, abs=1e-12)
            assert info["congestion_cost"] == pytest.approx(expected.congestion_cost, abs=1e-12)
            total = 2.0 * wirelength + 0.25 * expected.density_cost + 0.75 * expected.congestion_cost
            assert info["proxy_cost"] == pytest.approx(total, abs=1e-12)
            np.testing.assert_allclose(observation["h_congestion"], expected.h_congestion, rtol=1e-6)
            np.testing.assert_allclose(observation["v_congestion"], expected.v_congestion, rtol=1e-6)
            action = rng.choice(np.flatnonzero(info["action_mask"]))
            observation, _, over, _, info = env.step(action)
