"""From a hypergraph to one vector for each object: message passing between objects and nets.

Most of the time of such an encoder goes into its pins, of which a circuit has far more than objects. Nothing here makes
an array with a vector for each pin: what a pin knows multiplies what its sender says, and that is a product of a sparse
matrix and a dense one.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch_geometric.nn import MessagePassing

from policies.graphs import NET_INPUTS, NODE_INPUTS, PIN_INPUTS, GraphBatch, Incidence


class PinConv(MessagePassing):
    r"""Messages along pins, from objects to nets or back.

    .. math::
        m_i^k = \frac{1}{|P_i|} \sum_{p \in P_i} a_p^k \, \mathrm{relu}(W^k h_{s(p)}), \qquad
        h_i' = h_i + U\, \mathrm{relu}(V [\mathrm{norm}(h_i), m_i^0, \dots, m_i^4])

    with :math:`P_i` the pins of receiver :math:`i`, :math:`s(p)` the sender, :math:`a_p^0 = 1` and :math:`a_p^{1..4}`
    the features of a pin (offset along x and y, direction, net weight).

    Shapes: senders ``[S, *]``, receiver ``[R, d]``, incidence of ``R`` and ``S``; out ``[R, d]``.

    Args:
        senders: lengths of the vectors of each kind of sender.
        width: length ``d`` of the receivers' vectors.
    """

    def __init__(self, senders: Sequence[int], width: int) -> None:
        super().__init__()
        # Half of a message is the plain mean; the rest is shared by what pins know.
        self.parts = (max(1, width // 2), *[max(1, width // 8)] * len(PIN_INPUTS))
        self.send = nn.ModuleList(nn.Linear(length, sum(self.parts)) for length in senders)
        self.norm = nn.LayerNorm(width)
        self.update_in = nn.Linear(width + sum(self.parts), width)
        self.update_out = nn.Linear(width, width)

    def forward(self, senders: Sequence[Tensor], receiver: Tensor, incidence: Incidence) -> Tensor:
        """New vectors of the receivers.

        Args:
            senders: of each kind ``[*, *]``, ``S`` in all.
            receiver: ``[R, d]``.
            incidence: who hears whom.
        """
        said = torch.cat([torch.relu(send(x)) for send, x in zip(self.send, senders, strict=True)])
        if len(incidence.source):
            pins = _matrix(incidence.ptr, incidence.source, incidence.x[0], len(said))
            heard = self.propagate(pins, said=said.float(), incidence=incidence)
        else:
            heard = said.new_zeros(len(receiver), said.shape[1])
        return receiver + self.update_out(torch.relu(self.update_in(torch.cat([self.norm(receiver), heard], dim=1))))

    def message_and_aggregate(self, edge_index: Tensor, said: Tensor, incidence: Incidence) -> Tensor:
        """``[R, m]`` what each receiver hears: as many sparse products as a pin has features, and one more."""
        del edge_index  # the incidence has the same entries, with all features
        parts = said.split(self.parts, dim=1)
        return torch.cat([_Product.apply(part, incidence, k) for k, part in enumerate(parts)], dim=1)


class _Product(torch.autograd.Function):
    """``[R, m]`` one feature of the pins as a sparse matrix, times ``[S, m]``; differentiable in the latter."""

    @staticmethod
    def forward(ctx: Any, said: Tensor, incidence: Incidence, feature: int) -> Tensor:  # noqa: ANN401 - torch's own
        ctx.incidence, ctx.feature = incidence, feature
        matrix = _matrix(incidence.ptr, incidence.source, incidence.x[feature], incidence.sources)
        return _plain_product(matrix, said)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        ptr, source, order = ctx.incidence.transposed
        matrix = _matrix(ptr, source, ctx.incidence.x[ctx.feature][order], ctx.incidence.receivers)
        return _plain_product(matrix, gradient), None, None


def _plain_product(matrix: Tensor, dense: Tensor) -> Tensor:
    with torch.autocast(dense.device.type, enabled=False):  # there are no sparse products in half precision
        product: Tensor = matrix @ dense.contiguous()
    return product


def _matrix(ptr: Tensor, source: Tensor, values: Tensor, columns: int) -> Tensor:
    with warnings.catch_warnings():  # that such matrices are in beta
        warnings.simplefilter("ignore")
        return torch.sparse_csr_tensor(ptr, source, values, (len(ptr) - 1, columns), check_invariants=False)


class Encoder(nn.Module):
    """Vectors of all objects after ``layers`` rounds from objects to nets and back.

    No input grows with the design: sizes are relative to the canvas and to gcells, counts are logarithms, sums over
    pins are means. Nets, which are many, have vectors half as long as objects.

    Args:
        width: length ``d`` of the objects' vectors.
        layers: rounds.
    """

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        narrow = max(1, width // 2)
        self.node_in = nn.Linear(len(NODE_INPUTS), width)
        self.net_in = nn.Linear(len(NET_INPUTS), narrow)
        self.to_nets = nn.ModuleList(PinConv((width,), narrow) for _ in range(layers))
        self.to_nodes = nn.ModuleList(PinConv((narrow, width), width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, graph: GraphBatch) -> Tensor:
        """Vectors ``[N, d]`` of the objects.

        Args:
            graph: one design or many.
        """
        nodes, nets = torch.relu(self.node_in(graph.node_x)), torch.relu(self.net_in(graph.net_x))
        for to_nets, to_nodes in zip(self.to_nets, self.to_nodes, strict=True):
            nets = to_nets((nodes,), nets, graph.to_net)
            nodes = to_nodes((nets, nodes), nodes, graph.to_node)
        normed: Tensor = self.norm(nodes)
        return normed
