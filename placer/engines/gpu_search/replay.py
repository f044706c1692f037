"""Replay given moves on the device: how the device code is held to the incremental kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.netlist import HARD_MACRO
from netlists.placement import Placement
from placer.cost.full import CostWeights
from placer.engines.gpu_search import device
from placer.engines.gpu_search.board import Board, build_board
from placer.engines.gpu_search.storage import build_layout, empty_chains
from placer.engines.search.ground import build_ground

#: Most objects of one move on the device; the kinds of moves it draws need no more.
MOST_OBJECTS = 3


@dataclass(frozen=True)
class Move:
    """One move of one to three distinct objects.

    Attributes:
        objects: node ids.
        x: their new centres, um.
        y: likewise.
        orient: their new orientations.
        keep: commit it; else it is only priced.
    """

    objects: Sequence[int]
    x: Sequence[float]
    y: Sequence[float]
    orient: Sequence[int]
    keep: bool


@dataclass(frozen=True)
class Replayed:
    """What a replay gave.

    Attributes:
        costs: ``[n]`` proxy cost of each move at its turn, kept or not.
        proxy_cost: of the placement after the last one.
        hpwl_um: of the placement after the last one.
        placement: that placement.
    """

    costs: NDArray[np.float64]
    proxy_cost: float
    hpwl_um: float
    placement: Placement


def price_moves_gpu(
    design: Design,
    moves: Sequence[Sequence[Move]],
    placement: Placement | None = None,
    *,
    weights: CostWeights | None = None,
    threads: int = 64,
    block_bytes: int | None = None,
) -> list[Replayed]:
    """Price moves one after the other on the device, one chain for each list of moves.

    Args:
        design: the design.
        moves: for each chain, its moves; positions need not be legal.
        placement: where every chain begins; the design's own when omitted.
        weights: weights of the proxy cost.
        threads: of one block.
        block_bytes: shared memory a block may take; less moves the maps, then the positions to global memory.

    Raises:
        GpuUnavailableError: no device, or a design it does not cover.
        ValueError: a move of no, too many or repeated objects, or of one that is fixed.
    """
    device.require()
    from placer.engines.gpu_search.kernels import replay
    from placer.engines.gpu_search.price import FIGURES, HPWL, PROXY

    placement = placement or design.placement
    board, nodes = build_board(design, weights)
    if block_bytes is None:
        block_bytes = min(device.shared_memory()[0], device.FREE_BYTES)
    layout = build_layout(board, threads, block_bytes)
    slot = np.full(design.netlist.num_nodes, -1, np.int64)
    slot[nodes] = np.arange(len(nodes))
    chains, longest = len(moves), max(map(len, moves), default=0)
    shape = (chains, longest, MOST_OBJECTS)
    which, turn = np.full(shape, -1, np.int64), np.zeros(shape, np.int64)
    xs, ys = np.zeros(shape), np.zeros(shape)
    keep = np.zeros((chains, longest), np.int32)
    for c, listed in enumerate(moves):
        for k, move in enumerate(listed):
            count = len(move.objects)
            if not 1 <= count <= MOST_OBJECTS or len(set(move.objects)) != count:
                raise ValueError(f"a move has 1 to {MOST_OBJECTS} distinct objects, not {list(move.objects)}")
            which[c, k, :count] = slot[list(move.objects)]
            if which[c, k, :count].min() < 0:
                raise ValueError(f"an object of {list(move.objects)} does not move")
            xs[c, k, :count], ys[c, k, :count], turn[c, k, :count] = move.x, move.y, move.orient
            keep[c, k] = move.keep
        which[c, len(listed) :, 0] = 0  # chains with fewer moves price the first object where it is, and forget it
        xs[c, len(listed) :, 0], ys[c, len(listed) :, 0] = placement.x[nodes[0]], placement.y[nodes[0]]
    state = device.upload(empty_chains(layout, *positions(design, board, nodes, [placement] * chains)))
    costs, figures = device.to_device(np.zeros((chains, longest))), device.to_device(np.zeros((chains, FIGURES)))
    device.launch(
        replay, chains, threads, layout.shared_bytes, device.upload(board), layout, state,
        device.to_device(which), device.to_device(xs), device.to_device(ys), device.to_device(turn),
        device.to_device(keep), costs, figures,
    )  # fmt: skip
    price, last = device.to_host(costs), device.to_host(figures)
    place, orient = device.to_host(state.place), device.to_host(state.orient)
    return [
        Replayed(
            price[c, : len(moves[c])], float(last[c, PROXY]), float(last[c, HPWL]),
            placement_of(placement, nodes, place[c], orient[c]),
        )
        for c in range(chains)
    ]  # fmt: skip


def positions(
    design: Design, board: Board, nodes: NDArray[np.int64], placements: Sequence[Placement]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """Place, corner, orientation and gap of chains (see ``storage.Chains``) that begin at ``placements``."""
    hards = nodes[: board.hards]
    assert (design.netlist.node_kind[hards] == HARD_MACRO).all()
    grounds = [build_ground(design, p) for p in placements]
    return (
        np.stack([np.concatenate([p.x[nodes], p.y[nodes]]) for p in placements]),
        np.stack([np.concatenate([g.left[hards], g.bottom[hards]]) for g in grounds]),
        np.stack([p.orient[nodes].astype(np.int32) for p in placements]),
        np.array([g.gap for g in grounds], np.int32),
    )


def placement_of(
    origin: Placement, nodes: NDArray[np.int64], place: NDArray[np.float64], orient: NDArray[np.int32]
) -> Placement:
    """The placement of one chain: ``origin`` with the movable objects where the chain has them."""
    x, y, turned, placed = origin.x.copy(), origin.y.copy(), origin.orient.copy(), origin.placed.copy()
    x[nodes], y[nodes] = place[: len(nodes)], place[len(nodes) :]
    turned[nodes] = orient
    placed[nodes] = True
    return origin.moved(x=x, y=y, orient=turned, placed=placed)
