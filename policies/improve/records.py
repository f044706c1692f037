"""The records of an archive: generations, games, demonstrations."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from policies.improve.settings import Recipe, Settings
from policies.improve.trial import Verdict

RUNNING, PROMOTED, ARCHIVED, FAILED = "running", "promoted", "archived", "failed"
#: Steps of a generation, in order; it ends with the decision on the last.
STEPS: tuple[str, ...] = ("play", "learn", "trial")


@dataclass(frozen=True)
class Generation:
    """One generation.

    Attributes:
        id: 0 is the founder; later ones have larger numbers than their parents.
        parent: whom it learned from; None for the founder.
        incumbent: whom it is tried against.
        branch: the generation whose branch it was asked to continue; None where nothing was asked.
        recipe: how it learns.
        settings: what it does.
        status: ``"running"``, ``"promoted"``, ``"archived"`` or ``"failed"``.
        step: the step under way, or the last one.
        reason: why it failed.
        trial: number of its trial against this incumbent, from 1; None before.
        level: of the trial.
        first_design: seed from which the trial takes its designs.
        skill: estimated share of cost saved against the founder, as a logarithm: the incumbent's and what the trial
            adds.
        verdict: of the trial.
        began: seconds since 1970.
        ended: likewise.
    """

    id: int
    parent: int | None
    incumbent: int | None
    branch: int | None
    recipe: Recipe
    settings: Settings
    status: str
    step: str
    reason: str
    trial: int | None
    level: float | None
    first_design: int | None
    skill: float
    verdict: Verdict | None
    began: float
    ended: float | None

    @property
    def able(self) -> bool:
        """Whether it has something to hand down."""
        return self.status in (PROMOTED, ARCHIVED)


@dataclass(frozen=True, eq=False)
class Game:
    """One training design placed by the search.

    Attributes:
        number: counted from 0 through the generation.
        design: seed of the generator.
        seed: of the search.
        cost: of the placement; None where none was found.
        gain: of its lesson over the greedy decoder; None where there is no lesson.
        choices: ``[T]`` int64, the lesson; None likewise.
        seconds: wall-clock.
    """

    number: int
    design: int
    seed: int
    cost: float | None
    gain: float | None
    choices: NDArray[np.int64] | None
    seconds: float


@dataclass(frozen=True, eq=False)
class StoredDemonstration:
    """The best placement of a design so far, as choices to imitate; see :class:`Game`."""

    design: int
    generation: int
    cost: float
    gain: float
    choices: NDArray[np.int64]


def generation_of(row: sqlite3.Row) -> Generation:
    """A generation from its row in the archive."""
    known = json.loads(row["settings"])
    known["recipe"] = Recipe(**known["recipe"])
    verdict = None if row["verdict"] is None else Verdict(**json.loads(row["verdict"]))
    return Generation(
        id=row["id"], parent=row["parent"], incumbent=row["incumbent"], branch=row["branch"],
        recipe=Recipe(**json.loads(row["recipe"])),
        settings=Settings(**known), status=row["status"], step=row["step"], reason=row["reason"], trial=row["trial"],
        level=row["level"], first_design=row["first_design"], skill=0.0 if row["skill"] is None else row["skill"],
        verdict=verdict, began=row["began"], ended=row["ended"],
    )  # fmt: skip
