"""A design as the encoder reads it: its hypergraph with parallel nets merged, and how strongly macros pull.

Everything here depends on the circuit alone, not on where macros are, and is worked out once for a design.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from env.problem import MacroProblem
from netlists.design import Design
from netlists.graphs.pyg_view import EDGE_FEATURES, NET_FEATURES, NODE_FEATURES, to_pyg

#: Columns of :attr:`DesignGraph.node_x`: those of ``to_pyg``, then where ports and fixed objects are.
NODE_INPUTS: tuple[str, ...] = (*NODE_FEATURES, "fixed_x", "fixed_y")
#: Columns of :attr:`DesignGraph.net_x`; those of ``to_pyg``.
NET_INPUTS: tuple[str, ...] = NET_FEATURES
#: Columns of :attr:`DesignGraph.pin_x`; ``weight`` is ``log(1 + weight / mean weight)`` here.
PIN_INPUTS: tuple[str, ...] = EDGE_FEATURES
#: Columns of :attr:`DesignGraph.macro_x`.
MACRO_INPUTS: tuple[str, ...] = ("log width in gcells", "log height in gcells", "area / canvas area", "anchored share")
#: Nets with more objects say nothing about which macros belong together.
_LARGEST_PULL = 100


@dataclass(frozen=True, eq=False)
class DesignGraph:
    """What the encoder needs of a design with ``N`` nodes and ``T`` macros to place.

    Nets that join the same objects (the bits of a bus) are one of the ``M`` nets here, with the sum of their weights
    and the weighted mean of their pins; a node touches a net with one of the ``E`` pins.

    Attributes:
        node_x: ``[N, 12]`` float32, :data:`NODE_INPUTS`.
        net_x: ``[M, 3]`` float32, :data:`NET_INPUTS`.
        pin_x: ``[E, 4]`` float32, :data:`PIN_INPUTS`.
        pin_node: ``[E]`` int64.
        pin_net: ``[E]`` int64, ascending.
        macros: ``[T]`` int64 node ids in placing order.
        macro_x: ``[T, 4]`` float32, :data:`MACRO_INPUTS`.
        affinity: ``[T, T]`` float32: share of macro i's connections that lead to macro j, directly or through objects
            that have no position of their own (two steps of them at most).
        anchor: ``[T, 3]`` float32: share that leads to ports and fixed objects, and their mean x and y in [0, 1].
        reach: ``[T]`` float32: um of weighted HPWL a macro could cost at most: its net weight times half the canvas
            perimeter; never 0.
        shape: rows and columns of the grid.
    """

    node_x: Tensor
    net_x: Tensor
    pin_x: Tensor
    pin_node: Tensor
    pin_net: Tensor
    macros: Tensor
    macro_x: Tensor
    affinity: Tensor
    anchor: Tensor
    reach: Tensor
    shape: tuple[int, int]


@dataclass(frozen=True, eq=False)
class GraphBatch:
    """``D`` graphs side by side: one graph without edges between them, and tables padded to ``T`` macros.

    Attributes:
        node_x: all nodes.
        net_x: all nets.
        pin_x: all pins.
        pin_node: row in ``node_x``.
        pin_net: row in ``net_x``.
        node_design: ``[N]`` number of the design of each node.
        macros: ``[D, T]`` rows in ``node_x``; 0 where there is no macro.
        macro_x: ``[D, T, 4]``.
        affinity: ``[D, T, T]``.
        anchor: ``[D, T, 3]``.
        reach: ``[D, T]``, 1 where there is no macro.
        shape: ``[D, 2]`` rows and columns.
        count: ``[D]`` macros.
    """

    node_x: Tensor
    net_x: Tensor
    pin_x: Tensor
    pin_node: Tensor
    pin_net: Tensor
    node_design: Tensor
    macros: Tensor
    macro_x: Tensor
    affinity: Tensor
    anchor: Tensor
    reach: Tensor
    shape: Tensor
    count: Tensor


def build_graph(problem: MacroProblem) -> DesignGraph:
    """Make the graph of a design.

    Args:
        problem: the design as the environment sees it; the order of its macros is that of all rows here.
    """
    design = problem.design
    view = to_pyg(design)
    netlist, canvas = design.netlist, design.canvas
    fixed = ~design.movable & design.placement.placed
    where = (view["node"].pos - 0.5) * torch.from_numpy(fixed)[:, None]
    node_x = torch.cat([view["node"].x, where], dim=1)

    pins = _merged_pins(design, view["node", "pin", "net"].edge_attr.numpy())
    degree = np.bincount(pins.net, minlength=len(pins.weight)).astype(np.float64)
    mean = _mean_weight(netlist.net_weight)
    net_x = np.stack([np.log(degree), np.log1p(pins.weight / mean), np.log1p(pins.weight)], axis=1)
    affinity, anchor = _pull(design, problem.macros, pins)

    half = problem.half[:, 0] * 2
    cells = half / [canvas.gcell_width, canvas.gcell_height]
    macro_x = np.column_stack([np.log(cells), half.prod(1) / (canvas.width * canvas.height), anchor[:, 0]])
    ptr = problem.nets.ptr
    weight = np.diff(np.append(0.0, problem.nets.weight.cumsum())[ptr])
    reach = np.maximum(weight, mean) * (canvas.width + canvas.height)
    return DesignGraph(
        node_x=node_x,
        net_x=_single(net_x),
        pin_x=_single(pins.x),
        pin_node=torch.from_numpy(pins.node),
        pin_net=torch.from_numpy(pins.net),
        macros=torch.from_numpy(problem.macros.astype(np.int64)),
        macro_x=_single(macro_x),
        affinity=_single(affinity),
        anchor=_single(anchor),
        reach=_single(reach),
        shape=problem.shape,
    )


def join(graphs: Sequence[DesignGraph], device: torch.device | str = "cpu") -> GraphBatch:
    """Put graphs side by side.

    Args:
        graphs: at least one.
        device: where the result goes.
    """
    nodes, nets = ([len(x) for x in column] for column in zip(*((g.node_x, g.net_x) for g in graphs), strict=True))
    node_at, net_at = np.cumsum([0, *nodes]).tolist(), np.cumsum([0, *nets]).tolist()
    most = max(len(g.macros) for g in graphs)

    def table(rows: Sequence[Tensor], fill: float = 0.0) -> Tensor:
        out = torch.full((len(rows), most, *rows[0].shape[1:]), fill, dtype=rows[0].dtype)
        for k, row in enumerate(rows):
            out[k, : len(row)] = row
        return out

    affinity = torch.zeros(len(graphs), most, most)
    for k, g in enumerate(graphs):
        affinity[k, : len(g.macros), : len(g.macros)] = g.affinity
    batch = GraphBatch(
        node_x=torch.cat([g.node_x for g in graphs]),
        net_x=torch.cat([g.net_x for g in graphs]),
        pin_x=torch.cat([g.pin_x for g in graphs]),
        pin_node=torch.cat([g.pin_node + at for g, at in zip(graphs, node_at, strict=False)]),
        pin_net=torch.cat([g.pin_net + at for g, at in zip(graphs, net_at, strict=False)]),
        node_design=torch.repeat_interleave(torch.arange(len(graphs)), torch.tensor(nodes)),
        macros=table([g.macros + at for g, at in zip(graphs, node_at, strict=False)]),
        macro_x=table([g.macro_x for g in graphs]),
        affinity=affinity,
        anchor=table([g.anchor for g in graphs]),
        reach=table([g.reach for g in graphs], 1.0),
        shape=torch.tensor([g.shape for g in graphs]),
        count=torch.tensor([len(g.macros) for g in graphs]),
    )
    return moved(batch, device)


def moved(batch: GraphBatch, device: torch.device | str) -> GraphBatch:
    """The same batch on another device."""
    return GraphBatch(**{name: value.to(device) for name, value in vars(batch).items()})


@dataclass(frozen=True, eq=False)
class _Pins:
    node: NDArray[np.int64]  # [E]
    net: NDArray[np.int64]  # [E] ascending
    x: NDArray[np.float64]  # [E, 4]
    weight: NDArray[np.float64]  # [M] of each merged net


def _merged_pins(design: Design, attributes: NDArray[np.float32]) -> _Pins:
    """Pins with parallel nets merged and nets of one object left out."""
    n = design.netlist
    if not n.num_connections:
        none = np.zeros(0, np.int64)
        return _Pins(none, none, np.zeros((0, len(PIN_INPUTS))), np.zeros(0))
    # One entry for each object of a net, however many pins it has there.
    key, entry = np.unique(n.conn_net.astype(np.int64) * n.num_nodes + n.conn_node, return_inverse=True)
    net, node = np.divmod(key, n.num_nodes)
    times = np.bincount(entry)
    x = np.stack([np.bincount(entry, column) / times for column in attributes[:, :3].T], axis=1)
    # Nets are the same when the sums of random numbers of their objects are; a fixed seed keeps graphs repeatable.
    words = np.random.default_rng(0).integers(0, 2**63, n.num_nodes, dtype=np.uint64)
    starts = np.flatnonzero(np.diff(net, prepend=-1))
    total = np.add.reduceat(words[node], starts)
    degree = np.diff(starts, append=len(net))
    big = degree > 1
    _, first, merged = np.unique(total[big], return_index=True, return_inverse=True)
    of_net = np.full(len(starts), -1)
    of_net[big] = merged
    # The pins of all nets of a group go, weighted, to the same entries: those of its first net.
    weight = n.net_weight[net[starts]]
    weights = np.bincount(merged, weight[big], len(first)).astype(np.float64)
    group = np.repeat(of_net, degree)
    kept = group >= 0
    pair, entry = np.unique(group[kept] * n.num_nodes + node[kept], return_inverse=True)
    w = np.maximum(np.repeat(weight, degree)[kept], np.finfo(float).tiny)
    share = np.bincount(entry, w)
    columns = [np.bincount(entry, w * column) / share for column in x[kept].T]
    merged_net, merged_node = np.divmod(pair, n.num_nodes)
    columns.append(np.log1p(weights / _mean_weight(n.net_weight))[merged_net])
    return _Pins(merged_node, merged_net, np.stack(columns, axis=1), weights)


def _pull(design: Design, macros: NDArray[np.int64], pins: _Pins) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where each macro's connections lead: ``[T, T]`` to macros and ``[T, 3]`` to what stays.

    Nets are cliques with weight w / (d - 1). Objects without a position pass the pull on to their own neighbours in
    proportion, as the middle one of springs in a row does; two of them in a row at most.
    """
    n, count = design.netlist, len(macros)
    degree = np.bincount(pins.net, minlength=len(pins.weight))
    small = degree <= _LARGEST_PULL
    use = small[pins.net]
    shape = (len(pins.weight), n.num_nodes)
    incidence = sparse.csr_array((np.ones(use.sum()), (pins.net[use], pins.node[use])), shape=shape)
    spring = sparse.diags_array(np.where(small, pins.weight / np.maximum(degree - 1, 1), 0.0))
    between = sparse.csr_array(incidence.T @ spring @ incidence)
    between.setdiag(0.0)

    fixed = np.flatnonzero(~design.movable & design.placement.placed)
    loose = np.setdiff1d(np.flatnonzero(design.movable), macros)
    total = between.sum(axis=1)
    rows = between[macros]
    to_macros, to_fixed = rows[:, macros], rows[:, fixed]
    if len(loose):
        passes = sparse.diags_array(1.0 / np.maximum(total[loose], np.finfo(float).tiny))
        others = between[loose]
        through = rows[:, loose] @ passes
        through = through + through @ others[:, loose] @ passes
        to_macros, to_fixed = to_macros + through @ others[:, macros], to_fixed + through @ others[:, fixed]
    between_macros: NDArray[np.float64] = to_macros.toarray()
    np.fill_diagonal(between_macros, 0.0)
    canvas, at = design.canvas, design.placement
    anchored = to_fixed.sum(axis=1)
    safe = np.maximum(anchored, np.finfo(float).tiny)
    x = np.where(anchored > 0, to_fixed @ ((at.x[fixed] - canvas.x0) / canvas.width) / safe, 0.5)
    y = np.where(anchored > 0, to_fixed @ ((at.y[fixed] - canvas.y0) / canvas.height) / safe, 0.5)
    everything = np.maximum(between_macros.sum(axis=1) + anchored, np.finfo(float).tiny)
    anchor = np.stack([anchored / everything, np.clip(x, 0, 1), np.clip(y, 0, 1)], axis=1)
    return (between_macros / everything[:, None]).reshape(count, count), anchor


def _mean_weight(weight: NDArray[np.float64]) -> float:
    return float(weight.mean()) if len(weight) and weight.any() else 1.0


def _single(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
