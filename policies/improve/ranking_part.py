"""The ranking of starts as a part: which of them deserve depth, learned from where searches from them ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from placer._version import __version__
from placer.budget import Budget
from policies.files import read_tensors, write_tensors
from policies.improve.parts import Arguments, Experience, Say, Stopped
from policies.improve.settings import Recipe
from policies.ranking import SHIPPED, LearnConfig, StartRanker, StartSet, learn, load_ranker, save_ranker
from policies.start_sets import SetConfig, make_set

#: Starts of each game's design and how deeply each is searched: about as many moves as three games.
_STARTS, _DEPTH = 6, 100.0
#: Designs to learn from, the latest ones.
_SETS = 96
_KIND, _VERSION = "placer-start-set", 1


class RankingPart:
    """A ranking of starts, which decides after the search's own short trials of them.

    Until it has learned something it is not plugged in; exact cost decides then.

    Args:
        ranker: the ranking; None for one that has learned nothing.
    """

    name = "ranking"

    def __init__(self, ranker: StartRanker | None) -> None:
        self._ranker = ranker

    @classmethod
    def load(cls, path: Path | None) -> RankingPart:
        """Read a ranking; when None, the one that ships with the placer, or one that has learned nothing.

        Raises:
            NetlistError: see :func:`policies.ranking.load_ranker`.
        """
        if path is None and not SHIPPED.exists():
            return cls(None)
        ranker = load_ranker(path)
        return cls(None if ranker.card.get("untrained") else ranker)

    def plug(self, arguments: Arguments) -> Arguments:
        """It makes the choice among the starts."""
        if self._ranker is None:
            return arguments
        return arguments | {"ranker": replace(self._ranker.without_trials(), jobs=arguments.get("jobs", 1))}

    def watch(self, arguments: Arguments) -> Arguments:
        """A game searches from one start to its end; what ranking learns from takes runs of its own."""
        return arguments

    def note(self, arguments: Arguments, design: Design, seed: int, budget: Budget, record: Path) -> None:
        """Search from several starts of the design and write down where they ended."""
        try:
            made = make_set(design, SetConfig(starts=_STARTS, depth=_DEPTH, seed=seed), budget)
        except PlacementError:  # no start could be made legal
            return
        arrays = {name: torch.from_numpy(getattr(made, name)) for name in _ARRAYS}
        write_tensors(record, _KIND, _VERSION, {"about": {"design": made.design}}, arrays)

    def learn(self, experience: Experience, recipe: Recipe, *, seed: int, budget: Budget, say: Say) -> dict[str, float]:
        """Learn anew from the latest designs; see :class:`policies.improve.parts.Part`."""
        if budget.over:
            raise Stopped
        sets = [_read(file) for _, file in experience.records.get(self.name, ())[:_SETS]]
        try:
            model, card = learn(sets, how=LearnConfig(seed=seed))
        except NetlistError:  # no two starts of a design ended differently
            return {}
        self._ranker = StartRanker(model.eval(), card=card | {"placer": __version__})
        found = {name: float(value) for name, value in card.get("rank correlation", {}).items()}
        say(
            "ranking, designs left out: "
            + (", ".join(f"{name} {value:.3f}" for name, value in found.items()) or "none")
        )
        good = {name: value for name, value in found.items() if np.isfinite(value)}
        return {"designs": float(card["designs"]), "starts": float(card["starts"]), **good}

    def save(self, path: Path) -> Path:
        """Write a ranking."""
        return save_ranker(path, self._ranker or StartRanker(card={"untrained": True}))


_ARRAYS = ("before", "after", "path", "final")


def _read(file: Path) -> StartSet:
    header, tensors = read_tensors(file, _KIND, _VERSION)
    try:
        return StartSet(
            str(header["about"]["design"]), **{name: tensors[name].numpy().astype(np.float64) for name in _ARRAYS}
        )
    except (KeyError, ValueError) as error:
        raise NetlistError(f"a set of starts is damaged ({error})", file=file) from None
