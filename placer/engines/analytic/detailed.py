"""Detailed placement: legal cells change places until that no longer pays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from placer.budget import Budget
from placer.engines.analytic.board import Board
from placer.engines.analytic.reorder import local_reorder
from placer.engines.analytic.swaps import global_swap

#: A round that gains less than this share of the wirelength is the last.
ENOUGH = 5e-4
#: Rounds at most.
ROUNDS = 8


def improve(
    board: Board,
    cells: NDArray[np.int64],
    hpwl: float,
    budget: Budget,
    told: Callable[[int, float], None] | None = None,
) -> float:
    """Rounds of global swaps and local reordering; cells stay legal at any moment.

    Args:
        board: legal cells; changed in place.
        cells: those that may move.
        hpwl: weighted HPWL now, um.
        budget: when to stop; looked at between passes.
        told: called with (round, hpwl).

    Returns:
        The weighted HPWL after, never more than before.
    """
    for k in range(ROUNDS):
        before = hpwl
        if budget.over:
            break
        hpwl -= global_swap(board, cells, 2 if k == 0 else 1)
        if not budget.over:
            hpwl -= local_reorder(board)
        if told is not None:
            told(k, hpwl)
        if before - hpwl < ENOUGH * before:
            break
    return hpwl
