"""Balanced partitions of a hypergraph by Mt-KaHyPar, many blocks in several rounds of a few.

The partitioner is L. Gottesbueren, T. Heuer, N. Maas, P. Sanders, S. Schlag, "Scalable High-Quality Hypergraph
Partitioning", ACM Transactions on Algorithms 20(1), 2024, in its deterministic form; the objective is the
connectivity, the sum over hyperedges of their weight times the number of blocks they touch, less one. A thousand
blocks are not cut at once: a round makes a few parts, each a multiple of the final block, and the parts are cut
further. The slack of a part shrinks from round to round as in recursive bipartitioning with adaptive imbalance (Schlag
et al., "k-way Hypergraph Partitioning via n-Level Recursive Bisection", ALENEX 2016, section 4), so that every final
block keeps the bound.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlists.errors import NetlistError
from netlists.grouping.hypergraph import Hypergraph

#: Parts a hypergraph is cut into at once.
WAYS = 8
#: Least slack a round gets, however full a part is.
_LEAST_SLACK = 0.01


def partition(
    graph: Hypergraph,
    blocks: int,
    *,
    seed: int,
    balance: float,
    threads: int,
    stop: Callable[[], bool] = lambda: False,
) -> NDArray[np.int64]:
    """Cut a hypergraph into blocks of about equal weight that few hyperedges join.

    Args:
        graph: the hypergraph.
        blocks: how many blocks, at least 1.
        seed: the same seed gives the same blocks.
        balance: largest weight of a block over the mean, less 1; single heavy vertices may break it.
        threads: of the partitioner; their number does not change the result.
        stop: asked before each cut; from when it says so on, parts are shared out without looking at hyperedges.

    Returns:
        ``[V]`` block of each vertex; a block may stay empty.

    Raises:
        NetlistError: the package ``mtkahypar`` is missing, or fails.
    """
    out = np.zeros(graph.num_vertices, np.int64)
    if blocks <= 1:
        return out
    engine = _Engine(threads)
    # The deterministic form knows no seed; what changes its choices is the order of the vertices.
    order = np.random.default_rng(seed).permutation(graph.num_vertices) if seed else np.arange(graph.num_vertices)
    graph = graph.part(order) if seed else graph
    limit = (1.0 + balance) * float(graph.weight.sum()) / blocks
    open_parts = [(graph, order, blocks, 0)]
    while open_parts:
        part, vertices, count, first = open_parts.pop()
        if len(vertices) <= count:
            out[vertices] = first + np.arange(len(vertices))
            continue
        if count == 1:
            out[vertices] = first
            continue
        ways = min(count, WAYS)
        shares = np.full(ways, count // ways) + (np.arange(ways) < count % ways)
        rounds = math.ceil(round(math.log(count) / math.log(WAYS), 9))
        total = float(part.weight.sum())
        slack = max((limit * count / total) ** (1.0 / rounds), 1.0 + _LEAST_SLACK)
        if part.num_edges and not stop():
            label = engine.cut(part, np.ceil(total / count * shares * slack).astype(np.int64))
        else:  # nothing joins these vertices, or there is no time: they are shared out in their order
            middle = (np.cumsum(part.weight) - part.weight / 2) / total
            label = np.searchsorted(np.cumsum(shares) / count, middle, side="right").clip(max=ways - 1)
        start = first + np.cumsum(shares) - shares
        for k in range(ways):
            inside = np.flatnonzero(label == k)
            if len(inside):
                open_parts.append((part.part(inside), vertices[inside], int(shares[k]), int(start[k])))
    return out


class _Engine:
    """Mt-KaHyPar, loaded when the first partition is asked for."""

    def __init__(self, threads: int) -> None:
        self._kit: Any
        try:
            import mtkahypar
        except ImportError as error:
            raise NetlistError(
                "grouping cells needs the package mtkahypar, which cannot be loaded", found=str(error),
                expected="pip install mtkahypar",
            ) from None  # fmt: skip
        self._kit = mtkahypar
        try:
            self._start = mtkahypar.initialize(max(threads, 1), False)
        except Exception as error:
            raise _failed(error) from None

    def cut(self, graph: Hypergraph, limits: NDArray[np.int64]) -> NDArray[np.int64]:
        """``[V]`` part of each vertex, part ``k`` of weight at most ``limits[k]``."""
        kit = self._kit
        pins, ptr = graph.pins.tolist(), graph.ptr.tolist()
        try:
            context = self._start.context_from_preset(kit.PresetType.DETERMINISTIC)
            context.logging = False
            context.set_partitioning_parameters(len(limits), 0.03, kit.Objective.KM1)
            context.set_individual_target_block_weights(limits.tolist())
            hypergraph = self._start.create_hypergraph(
                context,
                graph.num_vertices,
                graph.num_edges,
                [pins[a:b] for a, b in pairwise(ptr)],
                graph.weight.tolist(),
                graph.edge_weight.tolist(),
            )
            found = hypergraph.partition(context).get_partition()
        except Exception as error:
            raise _failed(error) from None
        return np.array(found, np.int64)


def _failed(error: Exception) -> NetlistError:
    return NetlistError(f"the partitioner mtkahypar failed: {error}")
