"""Detailed placement: legal cells change places until that no longer pays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placer.budget import Budget
from placer.engines.analytic.board import Board
from placer.engines.analytic.matching import match
from placer.engines.analytic.mirroring import mirror_cells
from placer.engines.analytic.reorder import local_reorder
from placer.engines.analytic.shift import shift_in_segments
from placer.engines.analytic.swaps import global_swap


@dataclass(frozen=True)
class Effort:
    """How long detailed placement goes on."""

    enough: float = 2e-4
    """A round that gains less than this share of the wirelength is the last."""
    rounds: int = 40
    """Rounds at most."""
    mirror: bool = True
    """Exchange left and right of cells where their row allows it."""


def improve(
    board: Board,
    cells: NDArray[np.int64],
    hpwl: float,
    budget: Budget,
    told: Callable[[int, float], None] | None = None,
    effort: Effort | None = None,
) -> float:
    """Rounds of global swaps, matching, local reordering and exact shifting; cells stay legal at any moment.

    Every pass keeps only what makes the weighted HPWL shorter.

    Args:
        board: legal cells; changed in place.
        cells: those that may move.
        hpwl: weighted HPWL now, um.
        budget: when to stop; looked at between passes.
        told: called with (round, hpwl).
        effort: when it has been enough.

    Returns:
        The weighted HPWL after, never more than before.
    """
    effort = effort or Effort()
    since = np.full(len(board.x), -1, np.int64)
    passes: list[Callable[[int, int], float]] = [
        lambda k, last: float(shift_in_segments(board, last)),
        lambda k, last: float(global_swap(board, cells, 3 if k < 3 else 2, since)),
        lambda k, last: float(local_reorder(board, last)),
        lambda k, last: match(board, cells, k),
    ]
    if effort.mirror and board.mirror.any():
        passes.insert(0, lambda k, last: float(mirror_cells(board, cells, last)))
    visited = [-1] * len(passes)
    for k in range(effort.rounds):
        before = hpwl
        for p, work in enumerate(passes):
            if budget.over:
                return hpwl
            now = int(board.clock[0])
            hpwl -= work(k, visited[p])
            visited[p] = now
        if told is not None:
            told(k, hpwl)
        if before - hpwl < effort.enough * before:
            break
    if not budget.over:
        hpwl -= float(shift_in_segments(board, -1))
    return hpwl
