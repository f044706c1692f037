"""How a search spends its budget, and what of it can be switched off to see what it is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.placement import Placement
from placer.engines.search.move_log import MoveRecorder
from placer.engines.search.moves.table import NAMES
from placer.engines.search.proposals import Proposer

#: Which of several starts of one design deserve depth: ``(design, placements [n]) -> [n]`` scores, lower is better.
Ranker = Callable[[Design, Sequence[Placement]], NDArray[np.float64]]


@dataclass(frozen=True)
class Schedule:
    """How the search spends its budget."""

    trial_share: float = 0.08
    """Part of the budget for short trials of the starts, when there are more starts than chains."""
    heat: float = 1.0
    """First temperature over the median rise in cost of a random move by about a gcell, measured on the first start."""
    cooling: float = 100.0
    """First over last temperature of the deep annealing."""
    reach: float = 0.5
    """Longest random jump at the beginning, over the longer side of the canvas."""
    narrowing: float = 2.0
    """It shrinks with what is left of the annealing to this power, down to two gcells."""
    trial_chill: float = 4.0
    """How much cooler than the deep annealing the trials begin: they rank starts, they must not erase them."""
    quench_share: float = 0.03
    """Last part of the budget, spent at temperature 0."""
    winners_at: tuple[float, ...] = (0.5, 0.7)
    """Parts of the deep annealing after which the worst chain takes over the best one's placement. Not earlier: while
    it is hot, the cost of a chain says little about where it will end."""
    rounds: int = 100
    """Rounds of the deep annealing."""
    look_share: float = 0.03
    """Part of the time that a proposer may take; looks that would come sooner are left out. Runs of iterations, which
    have to repeat, look whenever it is due."""
    doubt: float = 2.0
    """How many temperatures a move may be expected to cost above what the dice allow before it is refused unpriced."""
    mix_floor: float = 0.25
    """Part of the move mix that stays with the initial one however little a kind gains."""


@dataclass(frozen=True)
class Facts:
    """A search at its beginning. Nothing here grows with the canvas or with the unit of the cost.

    Attributes:
        draws: moves each chain can be expected to draw for each movable object.
        movers: movable objects.
        hard: part of them that are hard macros.
        connections: connections of a movable object, mean.
        gcells: gcells for each movable object.
        wirelength: part of the first start's cost.
        density: likewise.
        rise: median rise in cost of a random move by about a gcell, over the first start's cost.
        spread: ninth decile of these rises over their median.
        starts: starts there are.
        gap: how much dearer the first start is than the cheapest one.
    """

    draws: float
    movers: float
    hard: float
    connections: float
    gcells: float
    wirelength: float
    density: float
    rise: float
    spread: float
    starts: float
    gap: float


#: Plans one search from what is known about it.
Planner = Callable[[Facts], Schedule]

#: Where chains may run.
DEVICES: tuple[str, ...] = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class SearchOptions:
    """Settings of a run; the defaults are what a run uses. All but ``device`` are for measuring what a part is worth.

    Raises:
        ValueError: an unknown kind of move or device, or a number that cannot be.
    """

    without: frozenset[str] = frozenset()
    """Kinds of moves to leave out (names of ``moves.table.KINDS``)."""
    only: frozenset[str] | None = None
    """Kinds of moves to draw; all when None."""
    adaptive: bool = True
    """Whether the mix of moves follows what pays."""
    halving: bool = True
    """Whether short trials come before the choice among the starts; otherwise it is made at once."""
    ranker: Ranker | None = None
    """Makes the choice among the starts; the cheapest ones by exact cost are taken when None. It is asked only where
    there are more starts than chains to go on with."""
    takeovers: bool = True
    """Whether a chain that lags continues from the best one."""
    quench: bool = True
    """Whether the end is spent at temperature 0."""
    screen: bool = True
    """Whether moves that tables of wirelength and the exact density term speak against are refused unpriced."""
    starts: int | None = None
    """Smooth starts besides the input placement; those of the effort when None, 0 for none."""
    descent: int | None = None
    """Gradient steps of each smooth start; those of the effort when None."""
    directional: float = 0.0
    """How far smooth starts weigh x and y spans by the scarcity of tracks, 0 to 1."""
    device: str = "auto"
    """``"cpu"``; ``"cuda"``, which must be there; or ``"auto"``: a CUDA device beside the CPU in runs with a time
    limit, if there is one. The other settings do not reach a device: measure parts with ``"cpu"``."""
    schedule: Schedule = field(default_factory=Schedule)
    """How the budget is spent."""
    planner: Planner | None = None
    """Plans ``schedule`` for the search at hand, once its starts are there; ``schedule`` itself is used when None."""
    proposer: Proposer | None = None
    """Who advises the chains on the processor which objects to move, and where to; its time is the chains' time."""
    refresh: int = 4
    """Rounds of the deep annealing between two looks of the proposer (and of the recorder) at each chain."""
    recorder: MoveRecorder | None = None
    """Who keeps a sample of the moves that were priced; of chains on the processor of this machine."""

    def __post_init__(self) -> None:
        for name in ("without", "only"):  # any collection of names will do
            given = getattr(self, name)
            if given is not None:
                object.__setattr__(self, name, frozenset([given] if isinstance(given, str) else given))
        unknown = (self.without | (self.only or frozenset())) - set(NAMES)
        if unknown:
            raise ValueError(f"no kind of move is called {min(unknown)!r}; there are {', '.join(NAMES)}")
        if self.device not in DEVICES:
            raise ValueError(f"unknown device {self.device!r}; one of {', '.join(DEVICES)}")
        if (self.starts is not None and self.starts < 0) or (self.descent is not None and self.descent < 0):
            raise ValueError("starts and descent must not be negative")
        if self.refresh < 1:
            raise ValueError(f"refresh must be at least 1 round, not {self.refresh}")

    @property
    def left_out(self) -> frozenset[str]:
        """Kinds that are not drawn."""
        return self.without | (frozenset() if self.only is None else frozenset(NAMES) - self.only)
