"""One annealing chain: draws moves, prices them exactly, keeps them by the Metropolis rule."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from netlists.design import Design
from netlists.netlist import HARD_MACRO
from netlists.placement import Placement
from placer.cost.incremental import Problem, State, build_state, commit, propose, rebuild, revert
from placer.cost.incremental.state import PROXY
from placer.engines.search.ground import Ground, build_ground, settle
from placer.engines.search.moves import HARD_SLIDE, NAMES, Draft, build_draft, draft_hard, draft_soft
from placer.engines.search.rng import seeded, uniform
from placer.engines.search.wishes import wish_change

#: Columns of the per-kind statistics.
TRIED, PRICED, KEPT, GAINED = range(4)


class Crowd(NamedTuple):
    """Which objects move: the same for every chain of a run.

    Attributes:
        soft: ids of movable objects that may overlap (soft macros, standard cells).
        is_soft: ``[N]`` the same as flags.
        hard: ids of movable hard macros.
        twin_ptr: ``[len(hard) + 1]`` offsets into ``twin``.
        twin: for each movable hard macro, the movable ones of its size.
    """

    soft: NDArray[np.int64]
    is_soft: NDArray[np.bool_]
    hard: NDArray[np.int64]
    twin_ptr: NDArray[np.int64]
    twin: NDArray[np.int64]


class Chain(NamedTuple):
    """One chain: everything it writes is its own, so chains run side by side in threads."""

    problem: Problem
    state: State
    ground: Ground
    crowd: Crowd
    draft: Draft
    rng: NDArray[np.uint64]
    statistics: NDArray[np.float64]


def build_crowd(design: Design, placement: Placement) -> Crowd:
    """Sort the movable objects of a design by how they may move."""
    n = design.netlist
    is_hard = design.movable & (n.node_kind == HARD_MACRO)
    if design.constraints is not None:
        # Members of a group stay where the legaliser aligned them: every kind of move would break the line.
        for aligned in design.constraints.groups:
            is_hard[np.asarray(aligned.members, dtype=np.int64)] = False
    is_soft = design.movable & (n.node_kind != HARD_MACRO)
    hard = np.flatnonzero(is_hard)
    swapped = (placement.orient[hard] & 2) > 0
    size = np.stack([n.node_width[hard], n.node_height[hard], swapped], axis=1)
    _, group = np.unique(size, axis=0, return_inverse=True)
    members = [hard[group.reshape(-1) == k] for k in group.reshape(-1)]
    twin_ptr = np.zeros(len(hard) + 1, np.int64)
    np.cumsum([len(m) for m in members], out=twin_ptr[1:])
    twin = np.concatenate([*members, np.zeros(0, np.int64)]).astype(np.int64)
    return Crowd(np.flatnonzero(is_soft), is_soft, hard, twin_ptr, twin)


def build_chain(design: Design, problem: Problem, crowd: Crowd, placement: Placement, seed: int, index: int) -> Chain:
    """A chain that starts from a legal placement on the lattice."""
    state = build_state(problem, placement)
    rebuild(problem, state)
    return Chain(
        problem, state, build_ground(design, placement), crowd, build_draft(), seeded(seed, index),
        np.zeros((len(NAMES), 4)),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def anneal(chain: Chain, mix: NDArray, steps: int, hot: float, cold: float, reach: float) -> None:
    """Draw ``steps`` moves while the temperature falls geometrically.

    Args:
        chain: changed in place.
        mix: ``[kinds]`` cumulative probabilities of the kinds of moves.
        steps: moves to draw.
        hot: temperature at the beginning, in units of proxy cost.
        cold: temperature at the end; both 0 keeps improvements only.
        reach: longest random jump, um.
    """
    p, s, g, d, rng = chain.problem, chain.state, chain.ground, chain.draft, chain.rng
    crowd, statistics = chain.crowd, chain.statistics
    ratio = (cold / hot) ** (1.0 / steps) if hot > 0.0 else 1.0
    temperature = hot
    for _ in range(steps):
        temperature *= ratio
        u = uniform(rng)
        kind = 0
        while kind < len(mix) - 1 and u >= mix[kind]:
            kind += 1
        statistics[kind, TRIED] += 1.0
        if kind < HARD_SLIDE:
            drafted = draft_soft(p, s, g, d, rng, kind, crowd.soft, crowd.is_soft, reach)
        else:
            drafted = draft_hard(p, s, g, d, rng, kind, crowd.hard, crowd.twin_ptr, crowd.twin, reach)
        if not drafted:
            continue
        statistics[kind, PRICED] += 1.0
        before = s.total[PROXY]
        wish = wish_change(g, d.size[0], d.objects, d.x, d.y, s.x, s.y) if g.wishes.on else 0.0
        limit = before - wish
        if temperature > 0.0:  # the Metropolis rule, its dice drawn first
            limit -= temperature * np.log(uniform(rng))
        price = propose(p, s, d.objects, d.x, d.y, d.orient, d.size[0], limit)
        if price <= limit:
            change = price - before + wish
            commit(p, s)
            statistics[kind, KEPT] += 1.0
            if change < 0.0:
                statistics[kind, GAINED] -= change
            for k in range(d.size[0]):
                settle(g, d.objects[k], d.left[k], d.bottom[k], d.orient[k])
        else:
            revert(s)
