"""An archive as rows: who descends from whom, how each did, and how long it took."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from policies.improve.archive import Archive
from policies.improve.records import Generation
from policies.improve.settings import Recipe


@dataclass(frozen=True)
class Row:
    """One generation.

    Attributes:
        generation: its number.
        branch: lines that lead to it in a drawing of the tree, then its number.
        parent: of it; None for the founder.
        incumbent: whom it was tried against; None likewise.
        status: ``"promoted"``, ``"archived"``, ``"failed"`` or the step under way.
        change: cost against the incumbent in its trial, %, negative where it is better; None before.
        low: lower end of the 95 % interval; None below two designs.
        high: upper end.
        designs: played in the trial, out of those planned; None before.
        planned: see ``designs``.
        p: of the trial; None before.
        level: of the trial; None before.
        skill: cost against the founder by adding up trials, %; an estimate that is too good for promoted ones, since
            they were chosen by it.
        kept: games whose placement was the best of its design so far; None before.
        games: of the generation; None before.
        seconds: wall-clock of the steps that are done.
        recipe: how it learned.
        reason: why it failed.
    """

    generation: int
    branch: str
    parent: int | None
    incumbent: int | None
    status: str
    change: float | None
    low: float | None
    high: float | None
    designs: int | None
    planned: int | None
    p: float | None
    level: float | None
    skill: float | None
    kept: int | None
    games: int | None
    seconds: dict[str, float]
    recipe: Recipe
    reason: str


def rows(archive: Archive) -> list[Row]:
    """Every generation, children below their parents.

    Args:
        archive: an open archive.
    """
    generations = archive.generations()
    return [_row(archive, one, lines) for one, lines in _tree(generations)] if generations else []


def _tree(generations: Sequence[Generation]) -> Iterator[tuple[Generation, str]]:
    children: dict[int | None, list[Generation]] = {}
    for one in generations:
        children.setdefault(one.parent, []).append(one)
    # A stack, not recursion: a night may make a line of more generations than Python likes to nest.
    waiting = [(children[None][0], "", "")]
    while waiting:
        one, before, after = waiting.pop()
        yield one, f"{before}{one.id}"
        own = children.get(one.id, [])
        for k, child in reversed(list(enumerate(own))):
            last = k == len(own) - 1
            waiting.append((child, after + ("└ " if last else "├ "), after + ("  " if last else "│ ")))


def _row(archive: Archive, one: Generation, branch: str) -> Row:
    verdict, steps = one.verdict, archive.steps(one.id)
    play = steps.get("play", {})
    return Row(
        generation=one.id,
        branch=branch,
        parent=one.parent,
        incumbent=one.incumbent,
        status=one.step if one.ended is None else one.status,
        change=None if verdict is None else _percent(verdict.mean),
        low=None if verdict is None else _percent(verdict.low),
        high=None if verdict is None else _percent(verdict.high),
        designs=None if verdict is None else verdict.designs,
        planned=None if verdict is None else verdict.planned,
        p=None if verdict is None else verdict.p,
        level=one.level,
        skill=_percent(-one.skill) if one.able else None,
        kept=None if not play else int(play["kept"]),
        games=None if not play else int(play["games"]),
        seconds={name: float(figures["seconds"]) for name, figures in steps.items()},
        recipe=one.recipe,
        reason=one.reason,
    )


def _percent(log_ratio: float) -> float | None:
    return 100.0 * math.expm1(log_ratio) if math.isfinite(log_ratio) else None
