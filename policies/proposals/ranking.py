"""How well scores rank moves: by the exact gains of held-out looks, beside rules that anybody could write down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, spearmanr

from policies.proposals import features as f
from policies.proposals.features import Seen
from policies.proposals.lessons import Lesson
from policies.proposals.model import LearnedProposer

#: Part of a list that counts as its top.
_TOP = 0.1
#: Lists shorter than this, or without any gain, say nothing.
_SHORTEST = 10


@dataclass(frozen=True)
class Ranking:
    """Means over lists; a list are the moves of one kind, or the candidate pairs, of one look.

    Attributes:
        lists: how many.
        auc: chance that a move that gains is ranked above one that does not; 0.5 is no knowledge.
        spearman: rank correlation with the gains.
        hits: part of the top tenth that gains.
        share: part of all gain that lies in the top tenth; 0.1 is no knowledge.
    """

    lists: int
    auc: float
    spearman: float
    hits: float
    share: float


#: Scores of the movable objects of a look, from what is seen alone.
Rule = Callable[[Seen], NDArray[np.floating]]

OBJECT_RULES: dict[str, Rule] = {
    "heat": lambda seen: np.sinh(seen.objects[:, [f.LIFT, f.SWAY, f.BULK]].astype(np.float64)).sum(axis=1),
    "distance to the median": lambda seen: np.maximum(seen.objects[:, f.MEDIAN_X], seen.objects[:, f.MEDIAN_Y]),
    "gain lately": lambda seen: seen.objects[:, f.GAINED],
    "detour": lambda seen: seen.objects[:, f.DETOUR],
}
PAIR_RULES: dict[str, Rule] = {
    "heat": lambda seen: OBJECT_RULES["heat"](seen)[seen.pair_of],
    "to the median": lambda seen: seen.targets[:, f.T_SOURCE],
    "shorter nets": lambda seen: -seen.targets[:, f.T_LENGTH],
    "first order": lambda seen: -seen.targets[:, f.T_SUM],
}


def rank_moves(lessons: Sequence[Lesson], proposer: LearnedProposer | None, seed: int = 0) -> dict[str, Ranking]:
    """Rankings of the sampled moves of each look by their objects, kind by kind.

    Args:
        lessons: of designs the model has not seen.
        proposer: the model, listed as ``model``; None for the rules alone.
        seed: of the ranking by chance.
    """
    rng = np.random.default_rng(seed)
    lists: dict[str, list[tuple[NDArray[np.floating], NDArray[np.float64]]]] = {}
    for lesson in lessons:
        by = {name: rule(lesson.seen) for name, rule in OBJECT_RULES.items()}
        known = None if proposer is None else proposer.kind_scores(lesson.seen)
        chance = rng.random(len(lesson.seen.movers))
        for kind in np.unique(lesson.kind):
            own = lesson.kind == kind
            mover, gain = lesson.mover[own], lesson.gain[own]
            for name, score in by.items():
                lists.setdefault(name, []).append((score[mover], gain))
            lists.setdefault("chance", []).append((chance[mover], gain))
            if known is not None and proposer is not None and lesson.kinds[kind] in proposer.kinds:
                column = proposer.kinds.index(lesson.kinds[kind])
                lists.setdefault("model", []).append((known[mover, column], gain))
    return {name: ranking(found) for name, found in lists.items()}


def rank_pairs(lessons: Sequence[Lesson], proposer: LearnedProposer | None, seed: int = 0) -> dict[str, Ranking]:
    """Rankings of the candidate pairs of each look; arguments as of :func:`rank_moves`."""
    rng = np.random.default_rng(seed)
    rules = PAIR_RULES | {"chance": lambda seen: rng.random(len(seen.pair_of))}
    if proposer is not None:
        rules |= {"model": proposer.pair_scores}
    return {
        name: ranking([(rule(lesson.seen)[lesson.pair], lesson.pair_gain) for lesson in lessons])
        for name, rule in rules.items()
    }


def ranking(lists: Sequence[tuple[NDArray[np.floating], NDArray[np.float64]]]) -> Ranking:
    """Figures of lists of (scores, gains)."""
    rows = []
    for score, gain in lists:
        gains = gain > 0.0
        if len(gain) < _SHORTEST or not gains.any() or gains.all():
            continue
        ranks, up, down = rankdata(score), int(gains.sum()), int((~gains).sum())
        auc = (ranks[gains].sum() - up * (up + 1) / 2) / (up * down)
        top = np.argsort(-score, kind="stable")[: max(1, round(_TOP * len(gain)))]
        rho = spearmanr(score, gain).statistic if np.ptp(score) > 0 else 0.0
        rows.append((auc, rho, gains[top].mean(), gain[top].sum() / gain.sum()))
    if not rows:
        return Ranking(0, 0.5, 0.0, 0.0, 0.0)
    return Ranking(len(rows), *(float(value) for value in np.mean(rows, axis=0)))
