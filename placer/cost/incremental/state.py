"""What one chain of incremental evaluation owns: positions, maps, top sums and scratch space."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.placement import Placement
from placer.cost.incremental.lanes import FILLER, LANES, padded
from placer.cost.incremental.problem import Problem

#: Most objects one proposal of ``IncrementalCost`` may move; compiled callers may move ``len(State.trial_obj)``.
MAX_OBJECTS = 3
#: Room for the objects of one trial.
TRIAL_ROOM = 16

# Slots of ``State.total`` and ``State.trial``.
HPWL, DENSITY, CONGESTION, PROXY = range(4)
# Slots of ``State.counter``.
MARK, VISIT, OBJECTS, AREA_CHANGED, ROUTED, BLOCKED, COMMITS, CUT, CUTS = range(9)
# What ``counter[CUT]`` says besides 0, priced, and 1, seen to be above the limit: refused before its nets were priced.
SCREENED = 2


class State(NamedTuple):
    """Mutable arrays of one chain: committed values, then those of the pending trial, then scratch.

    Object centres are absolute, pin positions are measured from the canvas origin. Entry ``row * v_width + column``
    of the congestion map is vertical, entry ``h_begin + column * h_width + row`` horizontal (see ``Problem``); lines
    end in fillers. ``docs/search.md`` says who may write what.

    Attributes:
        x: ``[N]`` centres, um.
        y: ``[N]``.
        orient: ``[N]`` int8.
        px: ``[C]`` pin positions, um.
        py: ``[C]``.
        cell: ``[C]`` int32 packed gcells.
        net_cells: ``[M]`` int32 distinct gcells of each net of three or more connections, else 0.
        area: ``[rows * columns]`` object area in each gcell, um^2, then fillers.
        congestion: demand over supply.
        total: HPWL, density term, congestion term, proxy (slots named in this module).
        area_figures: edge of the top sum of ``area`` (slots named in ``top``).
        congestion_figures: the same for ``congestion``.
        counter: counters (slots named in this module).
        trial_obj: ``[TRIAL_ROOM]`` objects of the pending trial.
        trial_x: their centres, um.
        trial_y: the same.
        trial_orient: their orientations.
        trial: HPWL, density term, congestion term, proxy of the trial.
        area_trial: as ``area``; equal to it when no trial is pending.
        area_changed: int32 entries in which they differ, some twice.
        congestion_trial: as ``congestion``.
        node_mark: ``[N]`` the trial that moves the object.
        node_slot: ``[N]`` where it stands in ``trial_obj``.
        net_mark: ``[M]`` stamps of the nets of trials with several objects.
        ends: as ``congestion``; ends of segments (see ``demand``), all zero outside ``propose``.
        base: as ``congestion``; the map with the blockages of a trial.
        seen: ``[rows * columns]`` stamps of gcells.
        cells_old: ``[longest net]`` int64 gcells.
        cells_new: the same.
        segments: ``[., 4]`` int64 segments of one net.
        wide: ``[columns]`` overlaps of one object, um.
        high: ``[rows]``.
        scratch: numbers of a top sum.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    orient: NDArray[np.int8]
    px: NDArray[np.float64]
    py: NDArray[np.float64]
    cell: NDArray[np.int32]
    net_cells: NDArray[np.int32]
    area: NDArray[np.float64]
    congestion: NDArray[np.float64]
    total: NDArray[np.float64]
    area_figures: NDArray[np.float64]
    congestion_figures: NDArray[np.float64]
    counter: NDArray[np.int64]
    # The pending trial.
    trial_obj: NDArray[np.int64]
    trial_x: NDArray[np.float64]
    trial_y: NDArray[np.float64]
    trial_orient: NDArray[np.int64]
    trial: NDArray[np.float64]
    area_trial: NDArray[np.float64]
    area_changed: NDArray[np.int32]
    congestion_trial: NDArray[np.float64]
    node_mark: NDArray[np.int64]
    node_slot: NDArray[np.int64]
    net_mark: NDArray[np.int64]
    # Scratch.
    ends: NDArray[np.float64]
    base: NDArray[np.float64]
    seen: NDArray[np.int64]
    cells_old: NDArray[np.int64]
    cells_new: NDArray[np.int64]
    segments: NDArray[np.int64]
    wide: NDArray[np.float64]
    high: NDArray[np.float64]
    scratch: NDArray[np.float64]


def build_state(problem: Problem, placement: Placement) -> State:
    """Arrays for one chain, positions copied from ``placement``; maps are still empty (``kernel.rebuild`` fills)."""
    p = problem
    conns, nets, nodes = len(p.conn_node), len(p.net_weight), len(p.width)
    gcells, area_size = p.rows * p.columns, padded(p.rows * p.columns)
    map_size = p.h_begin + p.columns * p.h_width
    longest = int(np.diff(p.net_ptr).max(initial=1))
    f, i4, i8 = np.float64, np.int32, np.int64
    congestion = np.full(map_size, FILLER)
    congestion[: p.h_begin].reshape(p.rows, p.v_width)[:, : p.columns] = 0.0
    congestion[p.h_begin :].reshape(p.columns, p.h_width)[:, : p.rows] = 0.0
    area = np.concatenate([np.zeros(gcells), np.full(area_size - gcells, FILLER)])
    return State(
        x=placement.x.copy(),
        y=placement.y.copy(),
        orient=placement.orient.copy(),
        px=np.zeros(conns),
        py=np.zeros(conns),
        cell=np.zeros(conns, i4),
        net_cells=np.zeros(nets, i4),
        area=area,
        congestion=congestion,
        total=np.zeros(4),
        area_figures=np.zeros(4),
        congestion_figures=np.zeros(4),
        counter=np.zeros(9, i8),
        trial_obj=np.zeros(TRIAL_ROOM, i8),
        trial_x=np.zeros(TRIAL_ROOM, f),
        trial_y=np.zeros(TRIAL_ROOM, f),
        trial_orient=np.zeros(TRIAL_ROOM, i8),
        trial=np.zeros(4),
        area_trial=area.copy(),
        area_changed=np.zeros(2 * TRIAL_ROOM * gcells, i4),
        congestion_trial=congestion.copy(),
        node_mark=np.zeros(nodes, i8),
        node_slot=np.zeros(nodes, i8),
        net_mark=np.zeros(nets, i8),
        ends=np.zeros(map_size),
        base=congestion.copy(),
        seen=np.zeros(gcells, i8),
        cells_old=np.zeros(longest, i8),
        cells_new=np.zeros(longest, i8),
        segments=np.zeros((2 * longest + 4, 4), i8),
        wide=np.zeros(p.columns),
        high=np.zeros(p.rows),
        scratch=np.zeros(2 * max(map_size, area_size) + LANES),
    )
