"""A sample of the moves a chain prices: every so many-th one, with its exact change in cost."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit_lean
from placer.cost.incremental.state import State
from placer.engines.search.moves.scene import Draft

#: Columns of ``Sample.rows``: index of the kind, the first object of the draft, how many objects, its centre before
#: and after (um), change in cost, temperature, draws of the chain until then, whether the move was kept.
KIND, OBJECT, COUNT, FROM_X, FROM_Y, TO_X, TO_Y, CHANGE, TEMPERATURE, STEP, TAKEN = range(11)


class Sample(NamedTuple):
    """Where a chain writes.

    Attributes:
        rows: ``[room, 11]`` columns named in this module; no room: nothing is taken.
        counter: ``[2]`` rows written; proposals since the last one taken.
        every: one in so many priced proposals.
    """

    rows: NDArray[np.float64]
    counter: NDArray[np.int64]
    every: int


def build_sample(room: int, every: int) -> Sample:
    """An empty sample."""
    return Sample(np.zeros((room, 11)), np.zeros(2, np.int64), every)


@njit_lean()
def chosen(sample: Sample) -> bool:
    """True when the proposal at hand is one to take."""
    if sample.counter[0] >= len(sample.rows):
        return False
    sample.counter[1] += 1
    return sample.counter[1] >= sample.every


@njit_lean()
def take(
    sample: Sample, kind: int, d: Draft, s: State, change: float, temperature: float, step: int, kept: bool
) -> None:
    """Write down the drafted move; the placement is still the one before it."""
    row, i = sample.rows[sample.counter[0]], d.objects[0]
    row[KIND], row[OBJECT], row[COUNT] = kind, i, d.size[0]
    row[FROM_X], row[FROM_Y], row[TO_X], row[TO_Y] = s.x[i], s.y[i], d.x[0], d.y[0]
    row[CHANGE], row[TEMPERATURE], row[STEP], row[TAKEN] = change, temperature, step, 1.0 if kept else 0.0
    sample.counter[0] += 1
    sample.counter[1] = 0
