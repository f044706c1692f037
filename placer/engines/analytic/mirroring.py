"""Cells with left and right exchanged where that shortens their nets and their row allows it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from placer.engines.analytic.board import LIFTED, Board, change, keep, lift, price, stirred


@njit(cache=True, nogil=True)
def mirror_cells(b: Board, cells: NDArray, since: int) -> float:
    """One pass over the cells.

    Args:
        b: the board.
        cells: in the order they are tried.
        since: cells are passed over while no net of theirs has changed after this clock; -1 for none.

    Returns:
        What the weighted HPWL fell by, um.
    """
    most = 1
    for i in cells:
        most = max(most, b.node_ptr[i + 1] - b.node_ptr[i])
    lifted = np.empty((most, LIFTED))
    one, xs, ys, turns = np.empty(1, np.int64), np.empty(1), np.empty(1), np.empty(1, np.int64)
    gained = 0.0
    for i in cells:
        turn = b.turn[i] ^ 1
        if not (b.mirror[b.segment[i]] and b.turns[i] >> turn & 1) or not stirred(b, i, since):
            continue
        nets = lift(b, i, lifted)
        x, y = b.x[i], b.y[i]
        if price(lifted, nets, x, y, turn) >= price(lifted, nets, x, y, b.turn[i]) - 1e-7:
            continue
        one[0], xs[0], ys[0], turns[0] = i, x, y, turn
        found = change(b, one, xs, ys, turns, 1)
        if found < 0.0:
            gained -= found
            keep(b, one, xs, ys, turns, 1)
    return gained
