"""Who becomes a parent: mostly the incumbent, now and then another branch that is good and has few children."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from netlists.errors import NetlistError
from policies.improve.records import PROMOTED, Generation

#: Difference in skill that makes one generation 2.7 times as likely as another: one per cent of cost.
WARMTH = 0.01


def choose_parent(
    generations: Sequence[Generation], rng: np.random.Generator, explore: float, branch: int | None = None
) -> Generation:
    """Choose the parent of the next generation.

    The head is the latest promoted generation. With probability ``1 - explore`` it is the parent. Otherwise the parent
    is drawn among all others that learned to the end, each with weight ``exp(skill / WARMTH) / (1 + children)``: better
    ones more often, and those that were tried less often. Weighing by score and by children follows J. Zhang et al.,
    "Darwin Goedel Machine", arXiv:2505.22954, appendix A.

    Args:
        generations: all there are.
        rng: random numbers.
        explore: how often to look beyond the head.
        branch: choose only among this generation and those that were made to continue it. The head is the incumbent
            if it is one of them, else the one with the most skill.

    Raises:
        NetlistError: there is no such generation, or it has nothing to hand down.
    """
    children: dict[int, int] = {}
    for one in generations:
        if one.parent is not None:
            children[one.parent] = children.get(one.parent, 0) + 1
    able = [one for one in generations if one.able]
    if branch is not None:
        if branch not in {one.id for one in able}:
            known = ", ".join(str(one.id) for one in able)
            raise NetlistError("no generation to branch from", found=branch, expected=f"one of {known}")
        able = [one for one in able if one.id == branch or one.branch == branch]
    promoted = max(one.id for one in generations if one.status == PROMOTED)
    head = next((one for one in able if one.id == promoted), None) or max(able, key=lambda one: (one.skill, one.id))
    others = [one for one in able if one.id != head.id]
    if not others or rng.random() >= explore:
        return head
    best = max(one.skill for one in others)
    weights = np.array([math.exp((one.skill - best) / WARMTH) / (1 + children.get(one.id, 0)) for one in others])
    return others[int(rng.choice(len(others), p=weights / weights.sum()))]
