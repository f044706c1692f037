"""What one chain of incremental evaluation owns: positions, maps, sorted lists and scratch space."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netlists.placement import Placement
from placer.cost.incremental.problem import Problem

#: Most objects one proposal may move.
MAX_OBJECTS = 3

# Slots of ``State.total``.
HPWL, DENSITY, CONGESTION, PROXY = range(4)
# Slots of ``State.counter``.
MARK, VISIT, CONNS, NETS, RAW_CHANGED, CONGESTION_CHANGED, AREA_CHANGED, OBJECTS, COMMITS = range(9)


class State(NamedTuple):
    """Mutable arrays of one chain. Committed values, then those of the pending trial, then scratch.

    Object centres are absolute, pin positions are measured from the canvas origin. A map *entry* is
    ``row * columns + column`` for vertical demand, plus ``rows * columns`` for horizontal demand.

    Attributes:
        x: ``[N]`` centres, um.
        y: ``[N]``.
        orient: ``[N]`` int8.
        px: ``[C]`` pin positions; those of a pending trial until it is reverted.
        py: ``[C]``.
        cell: ``[C]`` int32 packed gcells, trial.
        cell0: ``[C]`` int32 packed gcells, committed.
        net_length: ``[M]`` HPWL of each net, um, unweighted.
        area: ``[rows * columns]`` object area in each gcell, um^2.
        congestion: ``[2 * rows * columns]`` demand over supply.
        area_order: entries of ``area`` by falling value.
        area_value: their values.
        congestion_order: entries of ``congestion`` by falling value.
        congestion_value: their values.
        total: committed HPWL, density term, congestion term, proxy (slots named in this module).
        trial: the same of the pending trial.
        counter: counters (slots named in this module).
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    orient: NDArray[np.int8]
    px: NDArray[np.float64]
    py: NDArray[np.float64]
    cell: NDArray[np.int32]
    cell0: NDArray[np.int32]
    net_length: NDArray[np.float64]
    area: NDArray[np.float64]
    congestion: NDArray[np.float64]
    area_order: NDArray[np.int32]
    area_value: NDArray[np.float64]
    congestion_order: NDArray[np.int32]
    congestion_value: NDArray[np.float64]
    total: NDArray[np.float64]
    trial: NDArray[np.float64]
    counter: NDArray[np.int64]
    # The pending trial.
    trial_obj: NDArray[np.int64]
    trial_x: NDArray[np.float64]
    trial_y: NDArray[np.float64]
    trial_orient: NDArray[np.int64]
    saved_conn: NDArray[np.int32]
    saved_px: NDArray[np.float64]
    saved_py: NDArray[np.float64]
    nets: NDArray[np.int32]
    net_new_length: NDArray[np.float64]
    # Changed entries: stamps, deltas, lists.
    net_mark: NDArray[np.int64]
    net_dirty: NDArray[np.bool_]
    raw_mark: NDArray[np.int64]
    raw_delta: NDArray[np.float64]
    raw_list: NDArray[np.int32]
    congestion_mark: NDArray[np.int64]
    congestion_delta: NDArray[np.float64]
    congestion_list: NDArray[np.int32]
    congestion_new: NDArray[np.float64]
    area_mark: NDArray[np.int64]
    area_delta: NDArray[np.float64]
    area_list: NDArray[np.int32]
    area_new: NDArray[np.float64]
    # Scratch.
    seen_new: NDArray[np.int64]
    seen_old: NDArray[np.int64]
    cells_new: NDArray[np.int64]
    cells_old: NDArray[np.int64]
    segments: NDArray[np.int64]
    overlap_x: NDArray[np.float64]
    overlap_y: NDArray[np.float64]
    sort_values: NDArray[np.float64]
    order_buffer: NDArray[np.int32]
    value_buffer: NDArray[np.float64]


def build_state(problem: Problem, placement: Placement) -> State:
    """Arrays for one chain, positions copied from ``placement``; maps are still empty (``kernel.rebuild`` fills)."""
    conns, nets = len(problem.conn_node), len(problem.net_weight)
    gcells = problem.rows * problem.columns
    longest = int(np.diff(problem.net_ptr).max(initial=1))
    f, i4, i8 = np.float64, np.int32, np.int64
    return State(
        x=placement.x.copy(),
        y=placement.y.copy(),
        orient=placement.orient.copy(),
        px=np.zeros(conns),
        py=np.zeros(conns),
        cell=np.zeros(conns, i4),
        cell0=np.zeros(conns, i4),
        net_length=np.zeros(nets),
        area=np.zeros(gcells),
        congestion=np.zeros(2 * gcells),
        area_order=np.arange(gcells, dtype=i4),
        area_value=np.zeros(gcells),
        congestion_order=np.arange(2 * gcells, dtype=i4),
        congestion_value=np.zeros(2 * gcells),
        total=np.zeros(4),
        trial=np.zeros(4),
        counter=np.zeros(9, i8),
        trial_obj=np.zeros(MAX_OBJECTS, i8),
        trial_x=np.zeros(MAX_OBJECTS, f),
        trial_y=np.zeros(MAX_OBJECTS, f),
        trial_orient=np.zeros(MAX_OBJECTS, i8),
        saved_conn=np.zeros(conns, i4),
        saved_px=np.zeros(conns),
        saved_py=np.zeros(conns),
        nets=np.zeros(nets, i4),
        net_new_length=np.zeros(nets),
        net_mark=np.zeros(nets, i8),
        net_dirty=np.zeros(nets, bool),
        raw_mark=np.zeros(2 * gcells, i8),
        raw_delta=np.zeros(2 * gcells),
        raw_list=np.zeros(2 * gcells, i4),
        congestion_mark=np.zeros(2 * gcells, i8),
        congestion_delta=np.zeros(2 * gcells),
        congestion_list=np.zeros(2 * gcells, i4),
        congestion_new=np.zeros(2 * gcells),
        area_mark=np.zeros(gcells, i8),
        area_delta=np.zeros(gcells),
        area_list=np.zeros(gcells, i4),
        area_new=np.zeros(gcells),
        seen_new=np.zeros(gcells, i8),
        seen_old=np.zeros(gcells, i8),
        cells_new=np.zeros(longest, i8),
        cells_old=np.zeros(longest, i8),
        segments=np.zeros((2 * longest + 4, 4), i8),
        overlap_x=np.zeros(problem.columns),
        overlap_y=np.zeros(problem.rows),
        sort_values=np.zeros(2 * gcells),
        order_buffer=np.zeros(2 * gcells, i4),
        value_buffer=np.zeros(2 * gcells),
    )
