"""Message passing: its arithmetic against a plain loop, and its gradient."""

from __future__ import annotations

import numpy as np
import torch

from env.problem import build_problem
from netlists.design import Design
from netlists.netlist import HARD_MACRO, Netlist
from netlists.placement import Placement
from policies.encoder import Encoder, PinConv
from policies.graphs import build_graph, join
from tests.env.designs import small_design


def test_messages_are_means_over_pins_of_what_pins_know_times_what_senders_say() -> None:
    torch.manual_seed(0)
    heard = build_graph(build_problem(small_design())).to_node
    conv = PinConv((6,), 8)
    said = torch.rand(heard.sources, sum(conv.parts))
    got = conv.message_and_aggregate(said, said, heard)
    wanted, column = torch.zeros_like(got), 0
    for k, part in enumerate(conv.parts):
        for entry, (row, source) in enumerate(zip(heard.rows.tolist(), heard.source.tolist(), strict=True)):
            wanted[row, column : column + part] += heard.x[k, entry] * said[source, column : column + part]
        column += part
    torch.testing.assert_close(got, wanted)


def test_the_gradient_is_that_of_the_dense_product() -> None:
    torch.manual_seed(0)
    heard = build_graph(build_problem(small_design())).to_net
    conv = PinConv((6,), 8).double()
    heard = type(heard)(heard.ptr, heard.source, heard.x.double(), heard.sources)
    said = torch.rand(heard.sources, sum(conv.parts), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: conv.message_and_aggregate(x, x, heard), (said,))


def test_designs_beside_each_other_do_not_hear_each_other() -> None:
    torch.manual_seed(0)
    encoder = Encoder(16, 2)
    graphs = [build_graph(build_problem(small_design(seed=seed, softs=3 + seed))) for seed in range(3)]
    with torch.no_grad():
        together = encoder(join(graphs))
        alone = torch.cat([encoder(join([graph])) for graph in graphs])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-5)


def test_a_design_without_nets_can_be_encoded() -> None:
    base = small_design()
    none = np.zeros(0)
    netlist = Netlist(
        name="alone", node_names=["a", "b"], node_kind=np.full(2, HARD_MACRO, np.int8),
        node_width=np.full(2, 10.0), node_height=np.full(2, 8.0), pin_node=none.astype(np.int32), pin_dx=none,
        pin_dy=none, net_ptr=np.zeros(1, np.int64), net_pins=none.astype(np.int32), net_source=none.astype(np.int64),
        net_weight=none,
    )  # fmt: skip
    placement = Placement(
        np.full(2, 30.0), np.full(2, 30.0), np.zeros(2, np.int8), np.zeros(2, bool), np.zeros(2, bool)
    )
    graph = build_graph(build_problem(Design(netlist, base.canvas, placement)))
    assert torch.isfinite(Encoder(8, 1)(join([graph]))).all()
