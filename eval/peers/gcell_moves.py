"""The five actions of the published simulated annealing on hard macros, compiled, and the packing it starts from.

Source: TILOS MacroPlacement simulated annealing (see ``simulated_annealing``). Macros sit on gcell centres; boxes that
touch count as overlapping. Every action draws its macros evenly and is given up when its result is not legal:

- swap: two macros exchange their centres; up to five pairs are drawn;
- shift: one macro goes one gcell left, right, down or up, tried in random order;
- mirror: one macro is mirrored left-right, up-down, or both;
- move: one macro goes to a gcell drawn from all;
- shuffle: the centres of four macros are permuted at random.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from netlists.design import Design
from netlists.netlist import HARD_MACRO
from netlists.orientation import MATRIX, oriented_sizes
from netlists.placement import Placement
from placer.cost.incremental import Problem, State, build_state, commit, propose, rebuild, revert
from placer.cost.incremental.state import PROXY
from placer.cost.lattice import blockage_boxes, canvas_box, integer_sizes, outline_boxes, round_steps
from placer.engines.search.rng import below, seeded, uniform

#: Actions, in the order of their probabilities.
ACTIONS: tuple[str, ...] = ("swap", "shift", "mirror", "move", "shuffle")
SWAP, SHIFT, MIRROR, MOVE, SHUFFLE = range(5)
#: Columns of the tally of each action.
TRIED, LEGAL, KEPT = range(3)

_SHUFFLED = 4
_SWAP_TRIES = 5
_AWAY = -(1 << 40)


def _mirrors() -> NDArray[np.int64]:
    """``[8, 3]`` orientation after mirroring left-right, up-down and both."""
    table = np.zeros((8, 3), np.int64)
    for code, matrix in enumerate(MATRIX):
        for kind, signs in enumerate(([-1, -1, 1, 1], [1, 1, -1, -1], [-1, -1, -1, -1])):
            table[code, kind] = np.flatnonzero((matrix * signs == MATRIX).all(axis=1))[0]
    return table


_MIRRORED = _mirrors()


class Macros(NamedTuple):
    """One chain: hard macros on integer ground, the running cost, and room for one action.

    Attributes:
        problem: flattened design, shared by all chains.
        state: running cost.
        hard: ids of the movable hard macros.
        others: ids of all hard macros, fixed ones too.
        wide: ``[N]`` sizes in lattice steps as the objects lie.
        high: ``[N]``.
        half_x: ``[N]`` half sizes, um.
        half_y: ``[N]``.
        box: canvas in steps: x0, y0, x1, y1.
        walls: ``[K, 4]`` boxes in steps that no hard macro may enter.
        step: um of a lattice step.
        inverse: steps of a um where that is whole, else 0.
        gap: steps kept between hard macros.
        aim_x: ``[N]`` centres the macros were put on before their corners were rounded to the lattice, um.
        aim_y: ``[N]``.
        left: ``[N]`` lower-left corners, steps.
        bottom: ``[N]``.
        rng: random state.
        tally: ``[5, 3]`` actions tried, legal and kept.
        ids: ``[4]`` macros of the drafted action; the following are its new values.
        to_aim_x: ``[4]``.
        to_aim_y: ``[4]``.
        to_left: ``[4]``.
        to_bottom: ``[4]``.
        to_x: ``[4]``.
        to_y: ``[4]``.
        to_orient: ``[4]``.
    """

    problem: Problem
    state: State
    hard: NDArray[np.int64]
    others: NDArray[np.int64]
    wide: NDArray[np.int64]
    high: NDArray[np.int64]
    half_x: NDArray[np.float64]
    half_y: NDArray[np.float64]
    box: NDArray[np.int64]
    walls: NDArray[np.int64]
    step: float
    inverse: float
    gap: int
    aim_x: NDArray[np.float64]
    aim_y: NDArray[np.float64]
    left: NDArray[np.int64]
    bottom: NDArray[np.int64]
    rng: NDArray[np.uint64]
    tally: NDArray[np.int64]
    ids: NDArray[np.int64]
    to_aim_x: NDArray[np.float64]
    to_aim_y: NDArray[np.float64]
    to_left: NDArray[np.int64]
    to_bottom: NDArray[np.int64]
    to_x: NDArray[np.float64]
    to_y: NDArray[np.float64]
    to_orient: NDArray[np.int64]


def build_macros(design: Design, placement: Placement, problem: Problem, gap: int, seed: int, chain: int) -> Macros:
    """A chain with every object where ``placement`` has it; the running cost is not yet computed."""
    n, canvas = design.netlist, design.canvas
    wide, high = integer_sizes(design, placement)
    width, height = oriented_sizes(n.node_width, n.node_height, placement.orient)
    inverse = float(np.rint(1.0 / canvas.lattice))
    i, f = np.int64, np.float64
    return Macros(
        problem=problem, state=build_state(problem, placement),
        hard=np.flatnonzero(design.movable & (n.node_kind == HARD_MACRO)),
        others=np.flatnonzero(n.node_kind == HARD_MACRO),
        wide=wide, high=high, half_x=width / 2, half_y=height / 2,
        box=np.array(canvas_box(canvas), i),
        walls=np.concatenate([outline_boxes(canvas), blockage_boxes(canvas)[0]]).astype(i),
        step=canvas.lattice, inverse=inverse if inverse >= 1 and abs(inverse * canvas.lattice - 1.0) < 1e-12 else 0.0,
        gap=gap, aim_x=placement.x.copy(), aim_y=placement.y.copy(),
        left=round_steps(placement.x - width / 2, canvas.lattice),
        bottom=round_steps(placement.y - height / 2, canvas.lattice),
        rng=seeded(seed, chain), tally=np.zeros((len(ACTIONS), 3), i),
        ids=np.zeros(_SHUFFLED, i), to_aim_x=np.zeros(_SHUFFLED, f), to_aim_y=np.zeros(_SHUFFLED, f),
        to_left=np.zeros(_SHUFFLED, i), to_bottom=np.zeros(_SHUFFLED, i), to_x=np.zeros(_SHUFFLED, f),
        to_y=np.zeros(_SHUFFLED, f), to_orient=np.zeros(_SHUFFLED, i),
    )  # fmt: skip


def copy_macros(source: Macros, target: Macros) -> None:
    """Give one chain the placement of another; its dice stay its own."""
    for name in ("x", "y", "orient"):
        getattr(target.state, name)[:] = getattr(source.state, name)
    for name in ("aim_x", "aim_y", "left", "bottom"):
        getattr(target, name)[:] = getattr(source, name)
    rebuild(target.problem, target.state)


@njit(cache=True, nogil=True)
def pack(m: Macros, order: NDArray, cells: NDArray) -> bool:
    """Put macros one by one on the first gcell centre where they fit.

    Args:
        m: the chain; positions change, the running cost does not.
        order: ids of the movable hard macros, first to last.
        cells: gcells (``row * columns + column``) in the order they are tried; each takes one macro.

    Returns:
        False when a macro found no place; positions are useless then.
    """
    p = m.problem
    taken = np.zeros(p.rows * p.columns, np.bool_)
    for i in order:
        m.left[i] = _AWAY
    for i in order:
        found = False
        for cell in cells:
            if taken[cell]:
                continue
            _draft(m, 0, i, _cell_x(p, cell % p.columns), _cell_y(p, cell // p.columns))
            if _legal(m, 1):
                taken[cell] = found = True
                _settle(m, 1)
                m.state.x[i], m.state.y[i] = m.to_x[0], m.to_y[0]
                break
        if not found:
            return False
    return True


@njit(cache=True, nogil=True)
def act(m: Macros, odds: NDArray, actions: int, temperature: float) -> None:
    """Try ``actions`` actions at one temperature.

    Args:
        m: changed in place; its running cost is up to date.
        odds: ``[5]`` cumulative probabilities of the actions.
        actions: how many.
        temperature: in units of proxy cost.
    """
    for _ in range(actions):
        u = uniform(m.rng)
        kind = 0
        while kind < len(odds) - 1 and u >= odds[kind]:
            kind += 1
        m.tally[kind, TRIED] += 1
        count = _drawn(m, kind)
        if count == 0:
            continue
        m.tally[kind, LEGAL] += 1
        before = m.state.total[PROXY]
        change = propose(m.problem, m.state, m.ids, m.to_x, m.to_y, m.to_orient, count, np.inf) - before
        if change <= 0.0 or uniform(m.rng) < np.exp(-change / temperature):
            commit(m.problem, m.state)
            _settle(m, count)
            m.tally[kind, KEPT] += 1
        else:
            revert(m.state)


@njit(cache=True)
def _drawn(m: Macros, kind: int) -> int:
    """Draft one action; returns the number of macros it moves, 0 when it is given up."""
    hard, rng, p = m.hard, m.rng, m.problem
    count = len(hard)
    if kind == SWAP:
        for _ in range(_SWAP_TRIES):
            a, b = hard[below(rng, count)], hard[below(rng, count)]
            if a != b:
                _draft(m, 0, a, m.aim_x[b], m.aim_y[b])
                _draft(m, 1, b, m.aim_x[a], m.aim_y[a])
                if _legal(m, 2):
                    return 2
        return 0
    if kind == SHUFFLE:
        if count < _SHUFFLED:
            return 0
        for k in range(_SHUFFLED):
            again = True
            while again:
                m.ids[k] = hard[below(rng, count)]
                again = False
                for j in range(k):
                    again = again or m.ids[j] == m.ids[k]
        places = m.ids.copy()
        for k in range(_SHUFFLED - 1, 0, -1):
            j = below(rng, k + 1)
            places[k], places[j] = places[j], places[k]
        for k in range(_SHUFFLED):
            _draft(m, k, m.ids[k], m.aim_x[places[k]], m.aim_y[places[k]])
        return _SHUFFLED if _legal(m, _SHUFFLED) else 0
    i = hard[below(rng, count)]
    if kind == MIRROR:
        _draft(m, 0, i, m.aim_x[i], m.aim_y[i])
        m.to_orient[0] = _MIRRORED[m.to_orient[0], below(rng, 3)]
        return 1
    if kind == MOVE:
        cell = below(rng, p.rows * p.columns)
        _draft(m, 0, i, _cell_x(p, cell % p.columns), _cell_y(p, cell // p.columns))
        return 1 if _legal(m, 1) else 0
    ways = np.arange(4)
    for k in range(3, -1, -1):
        j = below(rng, k + 1)
        ways[k], ways[j] = ways[j], ways[k]
        way = ways[k]
        dx = p.gcell_width * (1 - 2 * (way & 1)) if way < 2 else 0.0
        dy = p.gcell_height * (1 - 2 * (way & 1)) if way >= 2 else 0.0
        _draft(m, 0, i, m.aim_x[i] + dx, m.aim_y[i] + dy)
        if _legal(m, 1):
            return 1
    return 0


@njit(cache=True)
def _cell_x(p: Problem, column: int) -> float:
    return p.x0 + (column + 0.5) * p.gcell_width


@njit(cache=True)
def _cell_y(p: Problem, row: int) -> float:
    return p.y0 + (row + 0.5) * p.gcell_height


@njit(cache=True)
def _draft(m: Macros, k: int, i: int, x: float, y: float) -> None:
    """Entry ``k`` of the action: macro ``i`` with its centre at ``x, y`` (um), rounded to the lattice."""
    left = int(np.floor((x - m.half_x[i]) / m.step + 0.5))
    bottom = int(np.floor((y - m.half_y[i]) / m.step + 0.5))
    m.ids[k], m.to_aim_x[k], m.to_aim_y[k], m.to_left[k], m.to_bottom[k] = i, x, y, left, bottom
    m.to_x[k] = (left / m.inverse if m.inverse > 0.0 else left * m.step) + m.half_x[i]
    m.to_y[k] = (bottom / m.inverse if m.inverse > 0.0 else bottom * m.step) + m.half_y[i]
    m.to_orient[k] = m.state.orient[i]


@njit(cache=True)
def _settle(m: Macros, count: int) -> None:
    """Make the drafted corners and centres those of the macros."""
    for k in range(count):
        i = m.ids[k]
        m.aim_x[i], m.aim_y[i], m.left[i], m.bottom[i] = m.to_aim_x[k], m.to_aim_y[k], m.to_left[k], m.to_bottom[k]


@njit(cache=True)
def _legal(m: Macros, count: int) -> bool:
    """True when the drafted macros, and them alone at their new places, meet no macro, wall or canvas edge."""
    left, bottom, wide, high, gap = m.left, m.bottom, m.wide, m.high, m.gap
    for k in range(count):
        i, l0, b0 = m.ids[k], m.to_left[k], m.to_bottom[k]
        l1, b1 = l0 + wide[i], b0 + high[i]
        if l0 < m.box[0] or b0 < m.box[1] or l1 > m.box[2] or b1 > m.box[3]:
            return False
        for j in m.others:
            if (
                l0 < left[j] + wide[j] + gap
                and left[j] < l1 + gap
                and b0 < bottom[j] + high[j] + gap
                and bottom[j] < b1 + gap
            ):
                drafted = False
                for q in range(count):
                    drafted = drafted or m.ids[q] == j
                if not drafted:
                    return False
        for q in range(k):
            j, l2, b2 = m.ids[q], m.to_left[q], m.to_bottom[q]
            if l0 < l2 + wide[j] + gap and l2 < l1 + gap and b0 < b2 + high[j] + gap and b2 < b1 + gap:
                return False
        for w in range(len(m.walls)):
            wall = m.walls[w]
            if l0 < wall[2] and wall[0] < l1 and b0 < wall[3] and wall[1] < b1:
                return False
    return True
