"""The proposal model as a part: it advises the search which objects to move, and learns from moves priced in games."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from netlists.design import Design
from placer._version import __version__
from placer.budget import Budget
from placer.engines.search import MoveLog, MoveRecorder
from policies.improve.parts import Arguments, Experience, Say, Stopped
from policies.improve.settings import Recipe
from policies.proposals import SHIPPED, LearnedProposer, ProposalModel, load_proposals, save_proposals
from policies.proposals.learn import learn_lessons
from policies.proposals.lessons import all_lessons

#: One in so many priced moves of a game is kept.
_EVERY = 4
#: Logs to learn from, the latest ones, and looks of each.
_LOGS, _LOOKS = 32, 8
#: Step size over that of the network's recipe: what each learns best with when left to itself.
_FASTER = 2e-3 / Recipe().learning_rate


class ProposalPart:
    """A model that says what a move may gain.

    Until it has learned something it is not plugged in: advice that knows nothing only takes time.

    Args:
        model: the model; None for one that has learned nothing.
        card: what it learned from.
    """

    name = "proposals"

    def __init__(self, model: ProposalModel | None, card: dict[str, Any]) -> None:
        self._model, self._card = model, card

    @classmethod
    def load(cls, path: Path | None) -> ProposalPart:
        """Read a model; when None, the one that ships with the placer, or one that has learned nothing.

        Raises:
            NetlistError: see :func:`policies.proposals.load_proposals`.
        """
        if path is None and not SHIPPED.exists():
            return cls(None, {})
        model, card = load_proposals(path)
        return cls(None if card.get("untrained") else model, card)

    def plug(self, arguments: Arguments) -> Arguments:
        """It advises the chains."""
        if self._model is None:
            return arguments
        return arguments | {"options": replace(arguments["options"], proposer=LearnedProposer.of(self._model))}

    def watch(self, arguments: Arguments) -> Arguments:
        """Keep a sample of the moves."""
        return arguments | {"options": replace(arguments["options"], recorder=MoveRecorder(_EVERY))}

    def note(self, arguments: Arguments, design: Design, seed: int, budget: Budget, record: Path) -> None:
        """Write that sample down; nothing where there was no move."""
        for log in arguments["options"].recorder.logs[:1]:
            log.save(record)

    def learn(self, experience: Experience, recipe: Recipe, *, seed: int, budget: Budget, say: Say) -> dict[str, float]:
        """Learn to rank moves by what they gained; see :class:`policies.improve.parts.Part`."""
        lessons = []
        for k, (number, file) in enumerate(experience.records.get(self.name, ())[:_LOGS]):
            if budget.over:
                raise Stopped
            log, design = MoveLog.load(file), experience.design(number)
            lessons += all_lessons([log], {design.netlist.name: design}, looks=_LOOKS)
            say(f"proposals: log {k + 1} read")
        if not lessons:
            return {}
        losses: list[float] = []
        self._model = learn_lessons(
            lessons, self._model, epochs=recipe.epochs, learning_rate=_FASTER * recipe.learning_rate, seed=seed,
            budget=budget, say=_telling(say, losses),
        )  # fmt: skip
        if budget.over:  # the learning may have ended early
            raise Stopped
        self._card = {
            "placer": __version__, "looks": len(lessons), "generations": int(self._card.get("generations", 0)) + 1,
        }  # fmt: skip
        return {"looks": float(len(lessons)), "loss": losses[-1]}

    def save(self, path: Path) -> Path:
        """Write a model for ``--proposals``."""
        if self._model is None:
            return save_proposals(path, ProposalModel(), {"untrained": True})
        return save_proposals(path, self._model, self._card)


def _telling(say: Say, losses: list[float]) -> Callable[[int, float], None]:
    def tell(epoch: int, loss: float) -> None:
        losses.append(loss)
        say(f"proposals, round {epoch + 1}: loss {loss:.4g}")

    return tell
