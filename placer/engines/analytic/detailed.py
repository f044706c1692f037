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

#: Cells between two looks at the budget, about.
_SLICE = 4096


@dataclass(frozen=True)
class Effort:
    """How long detailed placement goes on."""

    enough: float = 5e-4
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
        budget: when to stop; looked at every few thousand cells of each pass.
        told: called with (round, hpwl).
        effort: when it has been enough.

    Returns:
        The weighted HPWL after, never more than before.
    """
    effort = effort or Effort()
    since = np.full(len(board.x), -1, np.int64)
    rows = _Parts(len(board.row), max(len(board.row) * _SLICE // max(len(cells), 1), 1), budget)
    some = _Parts(len(cells), _SLICE, budget)

    def shift(k: int, last: int) -> float:
        return rows.each(lambda a, b: shift_in_segments(board, a, b, last))

    passes: list[Callable[[int, int], float]] = [
        shift,
        lambda k, last: some.each(lambda a, b: global_swap(board, cells[a:b], 3 if k < 3 else 2, since)),
        lambda k, last: rows.each(lambda a, b: local_reorder(board, a, b, last)),
        lambda k, last: match(board, cells, k, budget),
    ]
    if effort.mirror and board.mirror.any():
        passes.insert(0, lambda k, last: some.each(lambda a, b: mirror_cells(board, cells[a:b], last)))
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
        hpwl -= shift(0, -1)
    return hpwl


@dataclass(frozen=True)
class _Parts:
    """A pass over so many things, some at a time, which changes nothing but that it can end early."""

    total: int
    size: int
    budget: Budget

    def each(self, work: Callable[[int, int], float]) -> float:
        """Sum of ``work(begin, end)`` of the parts, as long as there is time."""
        gained = 0.0
        for begin in range(0, self.total, self.size):
            if self.budget.over:
                break
            gained += float(work(begin, min(begin + self.size, self.total)))
        return gained
