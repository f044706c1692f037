"""From a hypergraph to one vector for each object: message passing between objects and nets."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from policies.graphs import NET_INPUTS, NODE_INPUTS, PIN_INPUTS, GraphBatch


class PinConv(MessagePassing):
    r"""Messages along pins, from objects to nets or back.

    .. math::
        m_i = \frac{1}{|P_i|} \sum_{p \in P_i} \mathrm{relu}(W h_{s(p)} + E a_p), \qquad
        h_i' = h_i + U\, \mathrm{relu}(V [\mathrm{norm}(h_i), m_i])

    with :math:`P_i` the pins of receiver :math:`i`, :math:`s(p)` the sender and :math:`a_p` the features of a pin
    (offset, direction, net weight).

    Shapes: sender ``[S, d]``, receiver ``[R, d]``, pins ``[E]``, pin features ``[E, 4]``; out ``[R, d]``.
    """

    def __init__(self, width: int) -> None:
        super().__init__(aggr="mean")
        self.send = nn.Linear(width, width)
        self.pin = nn.Linear(len(PIN_INPUTS), width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.update_in = nn.Linear(2 * width, width)
        self.update_out = nn.Linear(width, width)

    def forward(self, sender: Tensor, receiver: Tensor, pins: Tensor, pin_x: Tensor) -> Tensor:
        """New vectors of the receivers.

        Args:
            sender: ``[S, d]``.
            receiver: ``[R, d]``.
            pins: ``[2, E]`` sender and receiver of each pin.
            pin_x: ``[E, 4]``.
        """
        size = (len(sender), len(receiver))
        # The sender's part is worked out before it is copied to its pins: there are far more pins than objects.
        heard = self.propagate(pins, x=(self.send(sender), receiver), pin_x=pin_x, size=size)
        return receiver + self.update_out(torch.relu(self.update_in(torch.cat([self.norm(receiver), heard], dim=1))))

    def message(self, x_j: Tensor, pin_x: Tensor) -> Tensor:
        """What a pin carries, ``[E, d]``."""
        # Pins are many: one array of their size is made here, not three.
        return torch.addmm(x_j, pin_x, self.pin.weight.t()).relu_()


class Encoder(nn.Module):
    """Vectors of all objects after ``layers`` rounds from objects to nets and back.

    No input grows with the design: sizes are relative to the canvas and to gcells, counts are logarithms, sums over
    pins are means.

    Args:
        width: length ``d`` of all vectors.
        layers: rounds.
    """

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.node_in = nn.Linear(len(NODE_INPUTS), width)
        self.net_in = nn.Linear(len(NET_INPUTS), width)
        self.to_nets = nn.ModuleList(PinConv(width) for _ in range(layers))
        self.to_nodes = nn.ModuleList(PinConv(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, graph: GraphBatch) -> Tensor:
        """Vectors ``[N, d]`` of the nodes.

        Args:
            graph: one design or many.
        """
        nodes, nets = torch.relu(self.node_in(graph.node_x)), torch.relu(self.net_in(graph.net_x))
        out = torch.stack([graph.pin_node, graph.pin_net])
        back = out.flip(0)
        for to_nets, to_nodes in zip(self.to_nets, self.to_nodes, strict=True):
            nets = to_nets(nodes, nets, out, graph.pin_x)
            nodes = to_nodes(nets, nodes, back, graph.pin_x)
        normed: Tensor = self.norm(nodes)
        return normed
