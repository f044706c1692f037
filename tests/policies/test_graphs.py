"""The hypergraph as the encoder reads it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from env.problem import build_problem
from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO, Netlist
from netlists.placement import Placement
from policies.graphs import PIN_INPUTS, build_graph, join
from tests.env.designs import small_design


def chained() -> Design:
    """A port, two macros that meet in a soft macro, and a third macro on the port; the first net is there twice."""
    return wired([[1, 4], [4, 1], [2, 4], [0, 3], [2]], [1.0, 2.0, 3.0, 1.0, 1.0])


def joined_by_three() -> Design:
    """A net of three, and nets of two; the k-th net's pins lie ``k + 1`` um to the right of the centres."""
    return wired([[1, 2, 4], [2, 4], [0, 3]], [1.0, 1.0, 1.0], aside=True)


def wired(nets: list[list[int]], weights: list[float], *, aside: bool = False) -> Design:
    """A port (0), three macros (1 to 3) and a soft macro (4) with these nets."""
    base = small_design(macros=((20, 20), (18, 18), (16, 16)), softs=1)
    flat = np.concatenate([np.array(net) for net in nets])
    netlist = Netlist(
        name="chained",
        node_names=["port", "a", "b", "c", "soft"],
        node_kind=np.array([PORT, HARD_MACRO, HARD_MACRO, HARD_MACRO, SOFT_MACRO], np.int8),
        node_width=np.array([0, 20, 18, 16, 9.0]),
        node_height=np.array([0, 20, 18, 16, 7.0]),
        pin_node=flat.astype(np.int32),
        pin_dx=np.repeat(np.arange(1.0, len(nets) + 1), [len(net) for net in nets]) * aside,
        pin_dy=np.zeros(len(flat)),
        net_ptr=np.cumsum([0, *(len(net) for net in nets)]),
        net_pins=np.arange(len(flat), dtype=np.int32),
        net_source=np.cumsum([0, *(len(net) for net in nets[:-1])]),
        net_weight=np.array(weights),
    )
    x = np.array([0.0, 60, 60, 60, 60])
    placement = Placement(x, np.full(5, 48.0), np.zeros(5, np.int8), np.zeros(5, bool), np.arange(5) == 0)
    return Design(netlist, base.canvas, placement)


def test_nets_between_the_same_objects_are_one() -> None:
    graph = build_graph(build_problem(chained()))
    # The net of one object is gone, the two between a and the soft macro are one; nets of two have no vectors.
    assert len(graph.net_x) == 0
    heard = graph.to_node
    assert heard.ptr.diff().tolist() == [1, 1, 1, 1, 2]
    assert heard.source.tolist()[:4] == [3, 4, 4, 0]
    assert sorted(heard.source.tolist()[4:]) == [1, 2]


def test_objects_of_larger_nets_hear_the_net_and_those_of_nets_of_two_each_other() -> None:
    graph = build_graph(build_problem(joined_by_three()))
    assert len(graph.net_x) == 1
    assert graph.to_net.source.tolist() == [1, 2, 4]
    # Senders are the net, then the five objects.
    heard = graph.to_node
    pairs = list(zip(heard.rows.tolist(), heard.source.tolist(), strict=True))
    assert sorted(pairs) == [(0, 1 + 3), (1, 0), (2, 0), (2, 1 + 4), (3, 1 + 0), (4, 0), (4, 1 + 2)]
    # What is summed over the entries of a receiver is a mean.
    totals = torch.zeros(5).index_add(0, heard.rows, heard.x[0])
    torch.testing.assert_close(totals, torch.ones(5))
    # The soft macro hears the net over its pin there, and its partner over the other one; pins lie 1 and 2 um aside.
    across = heard.x[1 + PIN_INPUTS.index("dx"), heard.rows == 4] * 2 * 120.0
    torch.testing.assert_close(across.sort().values, torch.tensor([1.0, 2.0]), rtol=1e-4, atol=1e-4)


def test_the_transposed_matrix_has_the_same_entries() -> None:
    heard = build_graph(build_problem(small_design())).to_node
    ptr, source, order = heard.transposed
    senders = torch.repeat_interleave(torch.arange(heard.sources), ptr.diff())
    assert torch.equal(senders.int(), heard.source[order])
    assert torch.equal(source, heard.rows[order])


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
    for name in ("node_x", "net_x", "macro_x", "affinity", "anchor"):
        torch.testing.assert_close(getattr(one, name), getattr(two, name), msg=name)
    torch.testing.assert_close(one.to_net.x, two.to_net.x)
    torch.testing.assert_close(one.to_node.x, two.to_node.x)


def test_joined_graphs_have_no_pins_between_them() -> None:
    graphs = [build_graph(build_problem(small_design(seed=seed, softs=3 + seed))) for seed in range(3)]
    batch = join(graphs)
    nets = torch.tensor([len(graph.net_x) for graph in graphs])
    net_design = batch.node_design[batch.to_net.source]
    for net in range(batch.to_net.receivers):
        assert len(net_design[batch.to_net.rows == net].unique()) == 1
    sender_design = torch.cat([torch.repeat_interleave(torch.arange(3), nets), batch.node_design])
    heard = batch.to_node
    assert torch.equal(sender_design[heard.source], batch.node_design[heard.rows])
    # Joined, every entry is what it was alone.
    alone = graphs[1].to_node
    own = (batch.node_design[heard.rows] == 1).nonzero()[:, 0]
    assert torch.equal(heard.x[:, own], alone.x)
    assert torch.equal(heard.rows[own] - len(graphs[0].node_x), alone.rows)
    assert batch.count.tolist() == [6, 6, 6]
