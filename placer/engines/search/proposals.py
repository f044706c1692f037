"""What may advise a search: which objects to move, and where to, as somebody above the engines sees it.

A chain draws its moves by fixed kinds: the object by chance, the target by a rule. A :class:`Proposer` looks at a
chain now and then and answers with weights. The chain draws by them and prices every move exactly as ever, so advice
can cost time but cannot spoil a placement. What learns hands in a proposer; this package knows none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from placer.cost.incremental import Problem, State
from placer.engines.search.ground import Ground
from placer.engines.search.moves.scene import Crowd, Heat
from placer.engines.search.moves.table import NAMES


@dataclass(frozen=True, eq=False)
class Standing:
    """How a chain stands; arrays belong to the chain and are not to be written.

    Attributes:
        state: committed positions and maps (``State.x``, ``.y``, ``.orient``, ``.area``, ``.congestion``, ...).
        ground: integer geometry, sizes as the objects are turned now.
        heat: which objects carry the averaged part of the maps, taken just now.
        tally: ``[N, 3]`` proposals priced, moves kept and sum of improvements of each object lately: counts are halved
            at every look.
        temperature: of the annealing now, in units of proxy cost; never 0.
        hottest: temperature of its beginning.
        progress: part of the annealing that is over, 0 to 1; 1 is the quench, where only improvements are kept.
        seed: of any random choice the answer needs; differs from look to look and from chain to chain.
    """

    state: State
    ground: Ground
    heat: Heat
    tally: NDArray[np.float64]
    temperature: float
    hottest: float
    progress: float
    seed: int


def _no_numbers() -> NDArray[np.float64]:
    return np.zeros(0)


@dataclass(frozen=True, eq=False)
class Proposals:
    """An answer: both parts may be empty.

    Attributes:
        objects: ``[P]`` ids of movable objects; pairs with the targets, drawn by the kind ``learned``.
        x: ``[P]`` centre to go to, um.
        y: ``[P]``.
        weight: ``[P]`` how often each pair is drawn, relative to the others.
        importance: ``[kinds, N]`` how often each kind of ``moves.table.NAMES`` draws each object, relative to the
            other objects of the same sort; kinds that draw by heat take no notice of it.

    Raises:
        ValueError: arrays of different length, or weights that are negative or no numbers.
    """

    objects: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    x: NDArray[np.float64] = field(default_factory=_no_numbers)
    y: NDArray[np.float64] = field(default_factory=_no_numbers)
    weight: NDArray[np.float64] = field(default_factory=_no_numbers)
    importance: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))

    def __post_init__(self) -> None:
        if not len(self.objects) == len(self.x) == len(self.y) == len(self.weight):
            raise ValueError("objects, x, y and weight differ in length")
        if self.importance.size and len(self.importance) != len(NAMES):
            raise ValueError(f"importance has a row for each of {len(NAMES)} kinds, not {len(self.importance)}")
        for name in ("weight", "importance"):
            given = getattr(self, name)
            if not (np.isfinite(given).all() and (given >= 0.0).all()):
                raise ValueError(f"{name} must be finite and not negative")
        if not (np.isfinite(self.x).all() and np.isfinite(self.y).all()):
            raise ValueError("a target is not finite")


#: Answers for the chains of one run; called from several threads at once.
Advise = Callable[[Standing], Proposals]


class Proposer(Protocol):
    """Advises searches. It has to be picklable where searches run on other machines."""

    def prepare(self, design: Design, problem: Problem, crowd: Crowd) -> Advise:
        """Get ready for one design; what does not change during a run is computed here.

        Args:
            design: the design.
            problem: the same, flattened, with the weights of the run.
            crowd: who moves.
        """
        ...  # pragma: no cover
