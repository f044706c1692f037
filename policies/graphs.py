"""A design as the encoder reads it: its hypergraph with parallel nets merged, and how strongly macros pull.

A net of three or more objects is a node of its own; of a net of two each object hears the other one directly, which
spares most of the nets of a circuit a vector of their own.

Everything here depends on the circuit alone, not on where macros are, and is worked out once for a design.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

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
#: What is known of a pin; ``weight`` is ``log(1 + weight / mean weight)`` here.
PIN_INPUTS: tuple[str, ...] = EDGE_FEATURES
#: Columns of :attr:`DesignGraph.macro_x`.
MACRO_INPUTS: tuple[str, ...] = ("log width in gcells", "log height in gcells", "area / canvas area", "anchored share")
#: Nets with more objects say nothing about which macros belong together.
_LARGEST_PULL = 100


@dataclass(frozen=True, eq=False)
class Incidence:
    """Who hears whom, over which pins: ``E`` entries of a matrix of ``R`` receivers and ``sources`` senders.

    Attributes:
        ptr: ``[R + 1]`` int32; the entries of receiver ``i`` are ``ptr[i]`` to ``ptr[i + 1]``.
        source: ``[E]`` int32 sender of each entry.
        x: ``[1 + 4, E]`` float32: 1 and :data:`PIN_INPUTS` of the receiver's pin, or of the pin towards a net; each
            over the number of entries of its receiver, so that sums are means.
        sources: number of senders.
    """

    ptr: Tensor
    source: Tensor
    x: Tensor
    sources: int

    @property
    def receivers(self) -> int:
        """``R``."""
        return len(self.ptr) - 1

    @cached_property
    def transposed(self) -> tuple[Tensor, Tensor, Tensor]:
        """``ptr`` and ``source`` of senders as receivers, and ``[E]`` the entries in that order."""
        order = torch.argsort(self.source, stable=True)
        count = torch.bincount(self.source, minlength=self.sources)
        ptr = torch.cat([count.new_zeros(1), count.cumsum(0)]).int()
        return ptr, self.rows[order], order

    @property
    def rows(self) -> Tensor:
        """``[E]`` int32 receiver of each entry."""
        numbers = torch.arange(self.receivers, dtype=torch.int32, device=self.ptr.device)
        return torch.repeat_interleave(numbers, self.ptr.diff(), output_size=len(self.source))

    def to(self, device: torch.device | str) -> Incidence:
        """On another device."""
        return Incidence(self.ptr.to(device), self.source.to(device), self.x.to(device), self.sources)

    def mirrored(self, axis: int) -> Incidence:
        """With pins mirrored along x (0) or y (1)."""
        x = self.x.clone()
        x[1 + PIN_INPUTS.index("dx") + axis] *= -1
        return replace(self, x=x)


@dataclass(frozen=True, eq=False)
class DesignGraph:
    """What the encoder needs of a design with ``N`` objects and ``T`` macros to place.

    Nets that join the same objects (the bits of a bus) are one here, with the sum of their weights and the weighted
    mean of their pins. ``M`` of them join three objects or more.

    Attributes:
        node_x: ``[N, 12]`` float32, :data:`NODE_INPUTS`.
        net_x: ``[M, 3]`` float32, :data:`NET_INPUTS`.
        to_net: nets hear their objects: ``M`` receivers, ``N`` senders.
        to_node: objects hear their nets, and the other objects of nets of two: ``N`` receivers, ``M + N`` senders.
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
    to_net: Incidence
    to_node: Incidence
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
        node_x: all objects.
        net_x: all nets.
        to_net: of all nets.
        to_node: of all objects; senders are all nets, then all objects.
        node_design: ``[N]`` number of the design of each object.
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
    to_net: Incidence
    to_node: Incidence
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
    to_net, to_node = _incidences(pins, degree > 2, netlist.num_nodes)
    affinity, anchor = _pull(design, problem.macros, pins)

    half = problem.half[:, 0] * 2
    cells = half / [canvas.gcell_width, canvas.gcell_height]
    macro_x = np.column_stack([np.log(cells), half.prod(1) / (canvas.width * canvas.height), anchor[:, 0]])
    ptr = problem.nets.ptr
    weight = np.diff(np.append(0.0, problem.nets.weight.cumsum())[ptr])
    reach = np.maximum(weight, mean) * (canvas.width + canvas.height)
    return DesignGraph(
        node_x=node_x,
        net_x=_single(net_x[degree > 2]),
        to_net=to_net,
        to_node=to_node,
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

    objects = [g.to_net.source + at for g, at in zip(graphs, node_at, strict=False)]
    # Of each design nets come first, then objects; side by side all nets come before all objects.
    senders = [
        g.to_node.source + torch.where(g.to_node.source < own, at, net_at[-1] - own + first).int()
        for g, own, at, first in zip(graphs, nets, net_at, node_at, strict=False)
    ]
    affinity = torch.zeros(len(graphs), most, most)
    for k, g in enumerate(graphs):
        affinity[k, : len(g.macros), : len(g.macros)] = g.affinity
    batch = GraphBatch(
        node_x=torch.cat([g.node_x for g in graphs]),
        net_x=torch.cat([g.net_x for g in graphs]),
        to_net=_beside([g.to_net for g in graphs], objects, node_at[-1]),
        to_node=_beside([g.to_node for g in graphs], senders, net_at[-1] + node_at[-1]),
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


def _beside(parts: Sequence[Incidence], source: Sequence[Tensor], sources: int) -> Incidence:
    """Incidences below each other, with the numbers that their senders have now."""
    ends = np.cumsum([0, *(len(part.source) for part in parts)]).tolist()
    ptr = [parts[0].ptr[:1], *(part.ptr[1:] + at for part, at in zip(parts, ends, strict=False))]
    return Incidence(torch.cat(ptr), torch.cat(list(source)), torch.cat([part.x for part in parts], dim=1), sources)


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


def _incidences(pins: _Pins, big: NDArray[np.bool_], num_nodes: int) -> tuple[Incidence, Incidence]:
    """Who hears whom: nets with a vector of their own (``big``) and objects."""
    at_net = big[pins.net]
    number, count = np.cumsum(big) - 1, int(big.sum())
    net, node, x = number[pins.net[at_net]], pins.node[at_net], pins.x[at_net]
    # Pins are in the order of nets, so both ends of a net of two lie side by side.
    pair, pair_x = pins.node[~at_net].reshape(-1, 2), pins.x[~at_net]
    other = pair[:, ::-1].reshape(-1) + count
    to_node = np.concatenate([node, pair.reshape(-1)]), np.concatenate([net, other]), np.concatenate([x, pair_x])
    return _incidence(net, node, x, count, num_nodes), _incidence(*to_node, num_nodes, count + num_nodes)


def _incidence(
    row: NDArray[np.int64], source: NDArray[np.int64], x: NDArray[np.float64], rows: int, sources: int
) -> Incidence:
    order, count = np.argsort(row, kind="stable"), np.bincount(row, minlength=rows)
    row = row[order]
    columns = np.concatenate([np.ones((1, len(row))), x[order].T]) / np.maximum(count, 1)[row]
    ptr = np.concatenate([[0], count.cumsum()])
    return Incidence(
        torch.from_numpy(ptr.astype(np.int32)),
        torch.from_numpy(source[order].astype(np.int32)),
        _single(columns),
        sources,
    )


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
