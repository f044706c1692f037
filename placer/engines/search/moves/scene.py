"""What the kinds of moves see and fill: who moves, the draft, the hot spots, and the scene that joins them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.netlist import HARD_MACRO
from netlists.placement import Placement
from placer.cost.incremental.problem import Problem
from placer.cost.incremental.state import TRIAL_ROOM, State
from placer.engines.search.ground import Ground
from placer.engines.search.moves.advice import Advice, no_advice

#: Nets looked at for the optimal region of an object.
MEDIAN_NETS = 15


class Crowd(NamedTuple):
    """Which objects move: the same for every chain of a run.

    Attributes:
        soft: ids of movable objects that may overlap (soft macros, standard cells).
        is_soft: ``[N]`` the same as flags.
        hard: ids of movable hard macros.
        rank: ``[N]`` index into ``hard``, -1 for all others.
        twin_ptr: ``[len(hard) + 1]`` offsets into ``twin``.
        twin: for each movable hard macro, the movable ones of its size (itself too).
    """

    soft: NDArray[np.int64]
    is_soft: NDArray[np.bool_]
    hard: NDArray[np.int64]
    rank: NDArray[np.int64]
    twin_ptr: NDArray[np.int64]
    twin: NDArray[np.int64]


class Draft(NamedTuple):
    """One drafted move: ``size[0]`` objects, their new corners (steps), centres (um) and orientations.

    Attributes:
        size: ``[1]`` objects of the draft.
        priced: ``[1]`` proposals priced while drafting (kinds that look before they leap).
        objects: ``[TRIAL_ROOM]`` distinct ids.
        left: ``[TRIAL_ROOM]`` corners, lattice steps.
        bottom: ``[TRIAL_ROOM]``.
        x: ``[TRIAL_ROOM]`` centres, um.
        y: ``[TRIAL_ROOM]``.
        orient: ``[TRIAL_ROOM]`` orientation codes.
        ends: scratch of the optimal region.
        boxes: scratch of the free-space query.
    """

    size: NDArray[np.int64]
    priced: NDArray[np.int64]
    objects: NDArray[np.int64]
    left: NDArray[np.int64]
    bottom: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    orient: NDArray[np.int64]
    ends: NDArray[np.float64]
    boxes: NDArray[np.int64]


class Heat(NamedTuple):
    """Which objects carry the averaged part of the maps; in units of proxy cost.

    Attributes:
        lift: ``[N]`` hot horizontal tracks of the nets an object drives: they lie in its row.
        sway: ``[N]`` hot vertical tracks of the nets an object ends: they lie in its column.
        bulk: ``[N]`` its area in the fullest gcells and the hot tracks it blocks itself.
        movers: ``[K]`` ids of all movable objects.
        running: ``[K]`` sum of the heat of the movers up to each.
        row_hot: ``[rows, columns + 1]`` hot horizontal entries of a row left of each column.
        column_hot: ``[columns, rows + 1]`` hot vertical entries of a column below each row.
        full: ``[rows, columns]`` the fullest gcells.
    """

    lift: NDArray[np.float64]
    sway: NDArray[np.float64]
    bulk: NDArray[np.float64]
    movers: NDArray[np.int64]
    running: NDArray[np.float64]
    row_hot: NDArray[np.int64]
    column_hot: NDArray[np.int64]
    full: NDArray[np.bool_]


class Scene(NamedTuple):
    """The one argument of every drafting function.

    It holds the few arrays of ``Problem`` and ``State`` that drafting reads, under their names there: a compiled
    function takes a tuple apart into all its arrays, so a small one compiles in a third of the time.
    """

    net_ptr: NDArray[np.int32]
    conn_node: NDArray[np.int32]
    conn_net: NDArray[np.int32]
    obj_ptr: NDArray[np.int32]
    obj_conn: NDArray[np.int32]
    hard: NDArray[np.bool_]
    rows: int
    columns: int
    v_width: int
    h_width: int
    h_begin: int
    x0: float
    y0: float
    gcell_width: float
    gcell_height: float
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    orient: NDArray[np.int8]
    px: NDArray[np.float64]
    py: NDArray[np.float64]
    area: NDArray[np.float64]
    congestion: NDArray[np.float64]
    ground: Ground
    crowd: Crowd
    draft: Draft
    heat: Heat
    advice: Advice
    rng: NDArray[np.uint64]


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
    rank = np.full(n.num_nodes, -1, np.int64)
    rank[hard] = np.arange(len(hard))
    swapped = (placement.orient[hard] & 2) > 0
    size = np.stack([n.node_width[hard], n.node_height[hard], swapped], axis=1)
    _, group = np.unique(size, axis=0, return_inverse=True)
    members = [hard[group.reshape(-1) == k] for k in group.reshape(-1)]
    twin_ptr = np.zeros(len(hard) + 1, np.int64)
    np.cumsum([len(m) for m in members], out=twin_ptr[1:])
    twin = np.concatenate([*members, np.zeros(0, np.int64)]).astype(np.int64)
    return Crowd(np.flatnonzero(is_soft), is_soft, hard, rank, twin_ptr, twin)


def build_draft(ground: Ground) -> Draft:
    """An empty draft for moves on ``ground``."""
    i, f = np.int64, np.float64
    n = TRIAL_ROOM
    return Draft(
        np.zeros(1, i), np.zeros(1, i), np.zeros(n, i), np.zeros(n, i), np.zeros(n, i), np.zeros(n, f), np.zeros(n, f),
        np.zeros(n, i), np.zeros((2, 2 * MEDIAN_NETS), f),
        np.zeros((len(ground.hard) + max(len(ground.hard_walls), len(ground.rules.walls)) + 1, 4), i),
    )  # fmt: skip


def build_heat(problem: Problem, crowd: Crowd) -> Heat:
    """Empty heat; ``hot.feel`` fills it."""
    n, rows, columns = len(problem.width), problem.rows, problem.columns
    movers = np.concatenate([crowd.soft, crowd.hard]).astype(np.int64)
    return Heat(
        np.zeros(n), np.zeros(n), np.zeros(n), movers, np.zeros(len(movers)),
        np.zeros((rows, columns + 1), np.int64), np.zeros((columns, rows + 1), np.int64),
        np.zeros((rows, columns), bool),
    )  # fmt: skip


def build_scene(
    problem: Problem, state: State, ground: Ground, crowd: Crowd, draft: Draft, heat: Heat, rng: NDArray[np.uint64]
) -> Scene:
    """Join them, without any advice; nothing is copied."""
    own = {"ground": ground, "crowd": crowd, "draft": draft, "heat": heat, "advice": no_advice(), "rng": rng}
    there = {**problem._asdict(), **state._asdict(), **own}
    return Scene(**{name: there[name] for name in Scene._fields})
