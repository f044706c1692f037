"""One annealing chain: draws moves, prices them exactly, keeps them by the Metropolis rule."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit, njit_lean
from netlists.design import Design
from netlists.placement import Placement
from placer.cost.incremental import Problem, State, build_state, commit, propose, rebuild, revert
from placer.cost.incremental.state import CUT, DENSITY, PROXY
from placer.cost.incremental.state import SCREENED as CUT_SHORT
from placer.engines.search.ground import build_ground, settle
from placer.engines.search.moves.hot import feel
from placer.engines.search.moves.sample import Sample, build_sample, chosen, take
from placer.engines.search.moves.scan import scan
from placer.engines.search.moves.scene import Crowd, Scene, build_draft, build_heat, build_scene
from placer.engines.search.moves.table import KINDS, SCAN, draft_move
from placer.engines.search.rng import seeded, uniform
from placer.engines.search.screen import Screen, build_screen, expected_length, refresh
from placer.engines.search.wishes import Wishes, wish_change

#: Columns of the per-kind statistics: drawn, proposals priced, moves kept, sum of improvements, work, proposals that
#: were refused before their nets were priced.
TRIED, PRICED, KEPT, GAINED, WORK, SCREENED = range(6)
#: Work of a priced proposal besides its pins, in pins; of a draw that came to nothing; of a screened proposal.
_PROPOSAL, _DRAW, _GLANCE = 60.0, 10.0, 20.0
#: Draws between two looks at where the hot spots are.
_FEEL_EVERY = 4000


class Chain(NamedTuple):
    """One chain: everything it writes is its own, so chains run side by side in threads.

    Attributes:
        problem: the design, shared.
        state: placement and cost.
        scene: what moves look at.
        statistics: ``[kinds, 6]`` of each kind of move (columns named in this module).
        age: ``[1]`` draws so far.
        tally: ``[N, 3]`` proposals priced, moves kept and sum of improvements of each object, the first of its draft.
        sample: priced moves that are kept for later.
        screen: tables to refuse proposals by before their nets are priced.
    """

    problem: Problem
    state: State
    scene: Scene
    statistics: NDArray[np.float64]
    age: NDArray[np.int64]
    tally: NDArray[np.float64]
    sample: Sample
    screen: Screen


def build_chain(
    design: Design,
    problem: Problem,
    crowd: Crowd,
    placement: Placement,
    seed: int,
    index: int,
    wishes: Wishes | None = None,
    sample: Sample | None = None,
    screened: bool = True,
) -> Chain:
    """A chain that starts from a legal placement on the lattice; ``wishes`` are the design's own by default."""
    state = build_state(problem, placement)
    rebuild(problem, state)
    ground = build_ground(design, placement, wishes)
    draft, heat, rng = build_draft(ground), build_heat(problem, crowd), seeded(seed, index)
    scene = build_scene(problem, state, ground, crowd, draft, heat, rng)
    return Chain(
        problem, state, scene, np.zeros((len(KINDS), 6)), np.zeros(1, np.int64),
        np.zeros((design.netlist.num_nodes, 3)), build_sample(0, 1) if sample is None else sample,
        build_screen(problem, crowd, screened),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def anneal(chain: Chain, mix: NDArray, steps: int, hot: float, cold: float, reach: float, doubt: float = np.inf) -> int:
    """Draw moves while the temperature falls geometrically.

    Args:
        chain: changed in place.
        mix: ``[kinds]`` cumulative probabilities of the kinds of moves.
        steps: moves to draw; the proposals that a kind prices before it decides count too.
        hot: temperature at the beginning, in units of proxy cost.
        cold: temperature at the end; both 0 keeps improvements only.
        reach: longest random jump, um.
        doubt: what a move may be expected to cost above what the dice allow before it is refused unpriced, in units of
            proxy cost: room for what it may gain in congestion and for old tables. Infinite: all are priced.

    Returns:
        Steps taken: ``steps``, or a little more when the last kind priced many proposals.
    """
    return _anneal(chain, mix, steps, hot, cold, reach, doubt)


@njit_lean()
def _anneal(chain: Chain, mix: NDArray, steps: int, hot: float, cold: float, reach: float, doubt: float) -> int:
    p, s, v, statistics, age = chain.problem, chain.state, chain.scene, chain.statistics, chain.age
    g, d, rng, tally, sample, screen = v.ground, v.draft, v.rng, chain.tally, chain.sample, chain.screen
    screens = screen.every > 0 and doubt < np.inf
    ratio = (cold / hot) ** (1.0 / steps) if hot > 0.0 else 1.0
    temperature = hot
    taken = 0
    while taken < steps:
        if age[0] % _FEEL_EVERY == 0:
            feel(p, s, g, v.heat)
        if screens:
            if screen.left[0] <= 0:
                refresh(p, s, screen)
            screen.left[0] -= 1
        age[0] += 1
        taken += 1
        temperature *= ratio
        u = uniform(rng)
        kind = 0
        while kind < len(mix) - 1 and u >= mix[kind]:
            kind += 1
        statistics[kind, TRIED] += 1.0
        statistics[kind, WORK] += _DRAW
        d.size[0] = 0
        d.priced[0] = 0
        drafted = scan(p, s, v) if kind == SCAN else draft_move(kind, v, reach)
        if d.priced[0]:
            taken += d.priced[0]
            temperature *= ratio ** d.priced[0]
            i = d.objects[0]
            statistics[kind, PRICED] += d.priced[0]
            statistics[kind, WORK] += d.priced[0] * (_PROPOSAL + p.obj_ptr[i + 1] - p.obj_ptr[i])
        if not drafted:
            continue
        before = s.total[PROXY]
        wish = wish_change(g, d, s.x, s.y, s.orient) if g.wishes.on else 0.0
        limit = before - wish
        if temperature > 0.0:  # the Metropolis rule, its dice drawn first
            limit -= temperature * np.log(uniform(rng))
        # A move that goes into the sample is priced to the end; the decision is the same.
        sampled = chosen(sample)
        length = -np.inf
        if screens and kind != SCAN:
            length = expected_length(p, s, screen, d) - doubt
        price = propose(p, s, d.objects, d.x, d.y, d.orient, d.size[0], np.inf if sampled else limit, length)
        change = price - before + wish
        short = s.counter[CUT] == CUT_SHORT
        if sampled:
            short = before + length + (s.trial[DENSITY] - s.total[DENSITY]) * p.density_scale > limit
            take(sample, kind, d, s, change, temperature, age[0], price <= limit and not short)
        if short:
            statistics[kind, SCREENED] += 1.0
            statistics[kind, WORK] += _GLANCE
            revert(s)
            continue
        statistics[kind, PRICED] += 1.0
        statistics[kind, WORK] += _PROPOSAL
        for k in range(d.size[0]):
            i = d.objects[k]
            statistics[kind, WORK] += p.obj_ptr[i + 1] - p.obj_ptr[i]
        tally[d.objects[0], 0] += 1.0
        if price <= limit:
            commit(p, s)
            statistics[kind, KEPT] += 1.0
            tally[d.objects[0], 1] += 1.0
            if change < 0.0:
                statistics[kind, GAINED] -= change
                tally[d.objects[0], 2] -= change
            for k in range(d.size[0]):
                settle(g, d.objects[k], d.left[k], d.bottom[k], d.orient[k])
        else:
            revert(s)
    return taken
