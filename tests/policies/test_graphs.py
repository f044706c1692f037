"""The hypergraph as the encoder reads it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from env.problem import build_problem
from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO, Netlist
from netlists.placement import Placement
from policies.graphs import build_graph, join
from tests.env.designs import small_design


def chained() -> Design:
    """A port, two macros that meet in a soft macro, and a third macro on the port; the first net is there twice."""
    base = small_design(macros=((20, 20), (18, 18), (16, 16)), softs=1)
    nets = [[1, 4], [4, 1], [2, 4], [0, 3], [2]]
    flat = np.concatenate([np.array(net) for net in nets])
    netlist = Netlist(
        name="chained",
        node_names=["port", "a", "b", "c", "soft"],
        node_kind=np.array([PORT, HARD_MACRO, HARD_MACRO, HARD_MACRO, SOFT_MACRO], np.int8),
        node_width=np.array([0, 20, 18, 16, 9.0]),
        node_height=np.array([0, 20, 18, 16, 7.0]),
        pin_node=flat.astype(np.int32),
        pin_dx=np.zeros(len(flat)),
        pin_dy=np.zeros(len(flat)),
        net_ptr=np.cumsum([0, *(len(net) for net in nets)]),
        net_pins=np.arange(len(flat), dtype=np.int32),
        net_source=np.cumsum([0, *(len(net) for net in nets[:-1])]),
        net_weight=np.array([1.0, 2.0, 3.0, 1.0, 1.0]),
    )
    x = np.array([0.0, 60, 60, 60, 60])
    placement = Placement(x, np.full(5, 48.0), np.zeros(5, np.int8), np.zeros(5, bool), np.arange(5) == 0)
    return Design(netlist, base.canvas, placement)


def test_nets_between_the_same_objects_are_one() -> None:
    graph = build_graph(build_problem(chained()))
    assert len(graph.net_x) == 3  # the net of one object is gone, the two between a and the soft macro are one
    assert sorted(torch.bincount(graph.pin_net).tolist()) == [2, 2, 2]


def test_macros_that_meet_in_a_soft_macro_pull_each_other() -> None:
    graph = build_graph(build_problem(chained()))
    # The soft macro passes half of a's pull to b (springs 3 and 3), and half of it back, which is nobody's.
    assert graph.affinity[0, 1] > 0.9
    assert graph.affinity[1, 0] > 0.9
    assert graph.affinity[2].sum() == 0
    torch.testing.assert_close(graph.anchor[2], torch.tensor([1.0, 0.0, 0.5]))


def test_shares_add_up_to_one() -> None:
    graph = build_graph(build_problem(small_design()))
    total = graph.affinity.sum(1) + graph.anchor[:, 0]
    torch.testing.assert_close(total, torch.ones_like(total))


def test_sizes_are_relative() -> None:
    """A design and the same one in other units look the same."""
    design = small_design()
    n, c, p = design.netlist, design.canvas, design.placement
    grown = Design(
        replace(
            n, node_width=n.node_width * 8, node_height=n.node_height * 8, pin_dx=n.pin_dx * 8, pin_dy=n.pin_dy * 8
        ),
        replace(c, x1=c.x1 * 8, y1=c.y1 * 8),
        p.moved(x=p.x * 8, y=p.y * 8),
    )
    one, two = build_graph(build_problem(design)), build_graph(build_problem(grown))
    for name in ("node_x", "net_x", "pin_x", "macro_x", "affinity", "anchor"):
        torch.testing.assert_close(getattr(one, name), getattr(two, name), msg=name)


def test_joined_graphs_have_no_pins_between_them() -> None:
    graphs = [build_graph(build_problem(small_design(seed=seed, softs=3 + seed))) for seed in range(3)]
    batch = join(graphs)
    net_design = batch.node_design[batch.pin_node]
    for net in batch.pin_net.unique():
        assert len(net_design[batch.pin_net == net].unique()) == 1
    assert batch.count.tolist() == [6, 6, 6]
