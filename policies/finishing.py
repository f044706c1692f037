"""What comes after a decoder has said where the hard macros go: soft objects and flips, by exact moves.

A decoder of macros leaves two things open, as in A. Mirhoseini et al., "A graph placement methodology for fast chip
design", Nature 594, 2021: clusters of standard cells, which a placer of its own kind puts between the macros, and the
mirroring of macros, which is settled greedily afterwards. Here the placer's exact search does both, with kinds of moves
that leave every hard macro where it is. The same finishing serves a trained network, an untrained one, the greedy
decoder and random placements, so that comparing them shows what the macros' places are worth.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netlists.design import Design
from netlists.errors import PlacementError
from netlists.netlist import HARD_MACRO, PORT
from netlists.placement import Placement
from placer.budget import Budget, Event, Progress, silent
from placer.cost.full import CostWeights
from placer.engines.legalise import legalise
from placer.engines.search import Schedule, SearchOptions, search
from placer.engines.search.moves.table import KINDS

#: How soft objects are placed: by the environment's solver alone, or by exact moves after it.
SOFT: tuple[str, ...] = ("solver", "exact")
#: Kinds of moves that leave hard macros where they are.
STAYING: frozenset[str] = frozenset({kind.name for kind in KINDS if kind.moves == "soft"} | {"hard-flip"})
#: Placements of hard macros that compete in short trials.
STARTS = 3
#: Part of the time for drawing placements; the rest is for finishing the best of them.
DRAWING = 0.25
#: The same where nothing is soft and all there is to finish are flips.
_DRAWING_HARD = 0.9
#: Exact moves where no clock bounds the finishing.
MOVES = 20_000
#: Part of the finishing for the trials: starts differ in their macros, which the finishing cannot mend.
_TRIALS = 0.2


class Shortlist:
    """The cheapest few placements that differ.

    Args:
        length: how many are kept.
    """

    def __init__(self, length: int = STARTS) -> None:
        self._length = length
        self._kept: list[tuple[float, Placement]] = []

    def add(self, cost: float, placement: Placement) -> bool:
        """Keep a placement if it is among the cheapest and new; says whether it is the cheapest so far."""
        first = not self._kept or cost < self._kept[0][0]
        if any(cost == known and np.array_equal(placement.x, one.x) for known, one in self._kept):
            return False
        self._kept = sorted([*self._kept, (cost, placement)], key=lambda pair: pair[0])[: self._length]
        return first

    @property
    def cost(self) -> float | None:
        """Of the cheapest; None while there is none."""
        return self._kept[0][0] if self._kept else None

    @property
    def placements(self) -> list[Placement]:
        """Cheapest first."""
        return [placement for _, placement in self._kept]


def has_soft(design: Design) -> bool:
    """Whether a movable object is neither a hard macro nor a port."""
    kind = design.netlist.node_kind
    return bool((design.movable & (kind != HARD_MACRO) & (kind != PORT)).any())


def drawing_share(design: Design, soft: str) -> float:
    """Part of the time for drawing placements.

    Args:
        design: what is placed.
        soft: one of :data:`SOFT`.

    Raises:
        ValueError: it is not.
    """
    if soft not in SOFT:
        raise ValueError(f"soft must be {' or '.join(SOFT)}, not {soft!r}")
    if soft == "solver":
        return 1.0
    return DRAWING if has_soft(design) else _DRAWING_HARD


def finish(
    design: Design,
    starts: Sequence[Placement],
    *,
    budget: Budget,
    seed: int = 0,
    soft: str = "exact",
    jobs: int = 1,
    iterations: int | None = None,
    weights: CostWeights | None = None,
    progress: Progress = silent,
) -> Placement:
    """Make placements legal, and place soft objects and flip macros of the best one by exact moves.

    Args:
        design: what is placed.
        starts: complete placements, the best one first; hard macros stay where legalisation puts them.
        budget: when to stop. A legal placement comes out even past its end.
        seed: of the moves.
        soft: ``"solver"`` makes the first start legal and leaves it at that.
        jobs: chains side by side.
        iterations: exact proposals instead of time.
        weights: of the proxy cost.
        progress: told how far it is.

    Returns:
        A legal placement.

    Raises:
        PlacementError: none of the starts can be made legal.
    """
    legal: list[Placement] = []
    failure: PlacementError | None = None
    for start in starts if soft == "exact" else starts[:1]:
        # A legal placement must come out even past the limit.
        enough = budget.part(0.1 * budget.left) if legal and budget.time_limit is not None else _grace(budget)
        if legal and budget.over:
            break
        try:
            legal.append(legalise(design, start, seed=seed, budget=enough))
        except PlacementError as error:
            failure = error
    if not legal:
        raise failure or PlacementError("there is no placement to finish")
    if soft == "solver" or budget.over:
        return legal[0]

    def told(event: Event) -> None:
        progress(Event("soft", event.seconds, event.step, event.total, event.cost))

    options = SearchOptions(only=STAYING, device="cpu", schedule=Schedule(trial_share=_TRIALS))
    found = search(
        design, legal, budget=budget, seed=seed, jobs=jobs, iterations=iterations, weights=weights, options=options,
        progress=told,
    )  # fmt: skip
    return found.placement


def _grace(budget: Budget) -> Budget:
    return Budget(max(budget.left, 30.0)) if budget.time_limit is not None else Budget()
