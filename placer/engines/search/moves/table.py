"""The kinds of moves, each listed once. To add one: write its function, list it here, draw it in ``draft_move``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit_lean
from placer.engines.search.moves.groups import array_shift, hard_push, joint_shift
from placer.engines.search.moves.hard import (
    hard_abut,
    hard_exchange,
    hard_flip,
    hard_jump,
    hard_rotate,
    hard_slide,
    hard_swap,
    hard_to_free,
)
from placer.engines.search.moves.hot import hot_away, hot_shift
from placer.engines.search.moves.learned import learned
from placer.engines.search.moves.scene import Crowd, Scene
from placer.engines.search.moves.soft import (
    gcell_shift,
    soft_group,
    soft_shift,
    soft_swap,
    soft_to_median,
    soft_to_neighbour,
)


class Kind(NamedTuple):
    """One kind of moves.

    Attributes:
        name: what reports print and options name.
        moves: ``"soft"``, ``"hard"`` or ``"any"``: it is left out on designs where none of these moves; ``"pairs"``:
            it is left out where no proposer names any.
        weight: how much of the work it gets at first, relative to the others.
        does: what it does, in one sentence.
    """

    name: str
    moves: str
    weight: float
    does: str


KINDS: tuple[Kind, ...] = (
    Kind("soft-shift", "soft", 1.0, "a soft macro by a random step, log-uniform in size"),
    Kind("soft-to-neighbour", "soft", 1.0, "a soft macro to a pin it is connected to"),
    Kind("soft-to-median", "soft", 1.0, "a soft macro into its optimal region (medians of its nets' ends)"),
    Kind("soft-swap", "soft", 0.5, "two connected soft macros exchange places"),
    Kind("soft-group", "soft", 0.5, "two or three connected soft macros go the same way"),
    Kind("gcell-shift", "soft", 0.5, "a soft macro by exactly one gcell along one axis"),
    Kind("hard-slide", "hard", 0.5, "a hard macro along one axis, at most to the next obstacle"),
    Kind("hard-jump", "hard", 0.5, "a hard macro to a random free place near it or near a net's pin"),
    Kind("hard-abut", "hard", 0.3, "a hard macro against another one, one edge in line"),
    Kind("hard-swap", "hard", 0.5, "two hard macros of one size exchange places"),
    Kind("hard-flip", "hard", 0.2, "a hard macro to another orientation with the same sides"),
    Kind("hard-exchange", "hard", 0.2, "two hard macros of any sizes exchange centres, where both then fit"),
    Kind("hard-rotate", "hard", 0.1, "three hard macros of one size change places in a ring"),
    Kind("hard-to-free", "hard", 0.05, "a hard macro to the free place nearest to its optimal region or a net's pin"),
    Kind("hard-push", "hard", 0.1, "a hard macro to an occupied place; what lies there is pushed aside, and on"),
    Kind("array-shift", "hard", 0.1, "hard macros of one size that lie side by side shift as one"),
    Kind("joint-shift", "hard", 0.05, "a hard macro and one or two objects it shares nets with go the same way"),
    Kind("hot-shift", "any", 0.5, "a driver leaves a hot row, or a sink a hot column, by a gcell or two"),
    Kind("hot-away", "any", 0.3, "an object in a hot spot goes to the coolest of some places drawn"),
    Kind("learned", "pairs", 0.5, "an object near a target that a proposer named, drawn by its weight"),
    Kind("scan", "any", 0.02, "an object goes to the best of all gcells by exact cost"),
)
NAMES: tuple[str, ...] = tuple(kind.name for kind in KINDS)
(
    SOFT_SHIFT, SOFT_TO_NEIGHBOUR, SOFT_TO_MEDIAN, SOFT_SWAP, SOFT_GROUP, GCELL_SHIFT, HARD_SLIDE, HARD_JUMP,
    HARD_ABUT, HARD_SWAP, HARD_FLIP, HARD_EXCHANGE, HARD_ROTATE, HARD_TO_FREE, HARD_PUSH, ARRAY_SHIFT,
    JOINT_SHIFT, HOT_SHIFT, HOT_AWAY, LEARNED, SCAN,
) = range(21)  # fmt: skip


@njit_lean()
def draft_move(kind: int, v: Scene, reach: float) -> bool:
    """Draft a move of the kind at ``KINDS[kind]``; False when the dice gave none.

    Args:
        kind: index into ``KINDS``; all but ``SCAN``, which prices as it goes and is drawn by the chain itself.
        v: what moves, and where it is.
        reach: longest random jump, um.
    """
    v.draft.size[0] = 0
    v.draft.priced[0] = 0
    v.advice.kind[0] = kind
    if kind == SOFT_SHIFT:
        return soft_shift(v, reach)
    if kind == SOFT_TO_NEIGHBOUR:
        return soft_to_neighbour(v, reach)
    if kind == SOFT_TO_MEDIAN:
        return soft_to_median(v, reach)
    if kind == SOFT_SWAP:
        return soft_swap(v, reach)
    if kind == SOFT_GROUP:
        return soft_group(v, reach)
    if kind == GCELL_SHIFT:
        return gcell_shift(v, reach)
    if kind == HARD_SLIDE:
        return hard_slide(v, reach)
    if kind == HARD_JUMP:
        return hard_jump(v, reach)
    if kind == HARD_ABUT:
        return hard_abut(v, reach)
    if kind == HARD_SWAP:
        return hard_swap(v, reach)
    if kind == HARD_FLIP:
        return hard_flip(v, reach)
    if kind == HARD_EXCHANGE:
        return hard_exchange(v, reach)
    if kind == HARD_ROTATE:
        return hard_rotate(v, reach)
    if kind == HARD_TO_FREE:
        return hard_to_free(v, reach)
    if kind == HARD_PUSH:
        return hard_push(v, reach)
    if kind == ARRAY_SHIFT:
        return array_shift(v, reach)
    if kind == JOINT_SHIFT:
        return joint_shift(v, reach)
    if kind == HOT_SHIFT:
        return hot_shift(v, reach)
    if kind == LEARNED:
        return learned(v, reach)
    return hot_away(v, reach)


def first_mix(crowd: Crowd, without: frozenset[str] = frozenset(), advised: bool = False) -> NDArray[np.float64]:
    """``[kinds]`` initial shares of the work, summing to 1 (all 0 where nothing moves).

    Args:
        crowd: which objects move.
        without: names of kinds that are not drawn.
        advised: whether a proposer names pairs.
    """
    soft, hard = len(crowd.soft) > 0, len(crowd.hard) > 0
    there = {"soft": soft, "hard": hard, "any": soft or hard, "pairs": advised and (soft or hard)}
    mix = np.array([kind.weight * (there[kind.moves] and kind.name not in without) for kind in KINDS])
    return mix / mix.sum() if mix.sum() > 0 else mix
