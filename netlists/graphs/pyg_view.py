"""A design as a PyTorch Geometric graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.netlist import KIND_NAMES

if TYPE_CHECKING:
    from torch_geometric.data import HeteroData

#: Columns of ``data["node"].x``.
NODE_FEATURES: tuple[str, ...] = (
    *(f"is_{kind}" for kind in KIND_NAMES), "width", "height", "log_area", "log_pins", "log_nets", "movable",
)  # fmt: skip
#: Columns of ``data["net"].x``.
NET_FEATURES: tuple[str, ...] = ("log_degree", "weight", "log_weight")
#: Columns of the ``edge_attr`` of both edge types.
EDGE_FEATURES: tuple[str, ...] = ("dx", "dy", "is_source", "weight")


def to_pyg(design: Design) -> HeteroData:
    r"""View a design as a bipartite ``HeteroData`` for message passing node -> net -> node.

    Nets are nodes of their own, so a net of any degree costs memory in proportion to its pins, and pin offsets and
    direction have an edge to live on. All circuit nodes share the type ``"node"``, in the netlist's order, so that
    placements and actions index them directly; their kind is one-hot in the features.

    With canvas size :math:`W \times H` um, gcell area :math:`A_g` and mean net weight :math:`\bar w`:

    ``data["node"].x`` ``[N, 10]``: ``is_hard_macro``, ``is_soft_macro``, ``is_stdcell``, ``is_port`` (0 or 1);
    ``width`` :math:`w/W`; ``height`` :math:`h/H` (orientation N); ``log_area`` :math:`\log(1 + wh/A_g)`; ``log_pins``
    :math:`\log(1 + \text{pins})`; ``log_nets`` :math:`\log(1 + \text{connections})`; ``movable`` (0 or 1).

    ``data["net"].x`` ``[M, 3]``: ``log_degree`` :math:`\log d` of the number of connections; ``weight``
    :math:`w/\bar w`; ``log_weight`` :math:`\log(1 + w)`.

    ``data["node", "pin", "net"]``: ``edge_index`` ``[2, C]`` and ``edge_attr`` ``[C, 4]``: ``dx`` :math:`/W` and ``dy``
    :math:`/H` of the pin from the node's centre in its N frame; ``is_source`` (0 or 1); ``weight`` :math:`w/\bar w` of
    the net. ``data["net", "rev_pin", "node"]``: the same edges the other way round, in the same order.

    The placement is kept apart from ``x``, because it changes: ``data["node"].pos`` ``[N, 2]`` centres mapped to
    [0, 1] over the canvas, ``data["node"].orient`` ``[N]`` int64 orientation codes, and the masks
    ``data["node"].placed`` and ``data["node"].movable`` ``[N]`` bool.

    Args:
        design: the design.

    Returns:
        The graph; floating tensors are float32. ``data.name`` is the design's name.
    """
    import torch
    from torch_geometric.data import HeteroData

    n, c, p = design.netlist, design.canvas, design.placement
    mean_weight = float(n.net_weight.mean()) if n.num_nets and n.net_weight.any() else 1.0

    def tensor(*columns: NDArray[np.generic]) -> torch.Tensor:
        return torch.from_numpy(np.stack([np.asarray(x, np.float32) for x in columns], axis=1))

    pins = np.bincount(n.pin_node, minlength=n.num_nodes)
    connections = np.bincount(n.conn_node, minlength=n.num_nodes)
    gcell = c.gcell_width * c.gcell_height
    data = HeteroData()
    data.name = n.name
    data["node"].x = tensor(
        *(n.node_kind == kind for kind in range(len(KIND_NAMES))),
        n.node_width / c.width,
        n.node_height / c.height,
        np.log1p(n.node_width * n.node_height / gcell),
        np.log1p(pins),
        np.log1p(connections),
        design.movable,
    )
    data["node"].pos = tensor((p.x - c.x0) / c.width, (p.y - c.y0) / c.height)
    data["node"].orient = torch.from_numpy(p.orient.astype(np.int64))
    data["node"].placed = torch.from_numpy(p.placed.copy())
    data["node"].movable = torch.from_numpy(design.movable.copy())
    data["net"].x = tensor(np.log(n.net_degree), n.net_weight / mean_weight, np.log1p(n.net_weight))
    is_source = np.zeros(n.num_connections)
    is_source[n.net_source] = 1.0
    attributes = tensor(n.conn_dx / c.width, n.conn_dy / c.height, is_source, n.net_weight[n.conn_net] / mean_weight)
    ends = torch.from_numpy(np.stack([n.conn_node, n.conn_net]).astype(np.int64))
    data["node", "pin", "net"].edge_index = ends
    data["node", "pin", "net"].edge_attr = attributes
    data["net", "rev_pin", "node"].edge_index = ends.flip(0)
    data["net", "rev_pin", "node"].edge_attr = attributes
    return data
