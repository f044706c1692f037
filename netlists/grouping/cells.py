"""Standard cells of a flat design into groups that stay together."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.grouping.hypergraph import build_hypergraph
from netlists.grouping.modules import Modules, modules_of
from netlists.grouping.partition import partition
from netlists.netlist import SOFT_MACRO, STDCELL, Netlist

#: Cells in a group on average, and the range of the number of groups. Circuit Training's designs have 560 to 900.
CELLS_PER_GROUP, MIN_GROUPS, MAX_GROUPS = 120, 50, 1000
#: Clumps of cells that the partitioner gets for each group, about, where there are twice as many cells.
CLUMPS = 128
#: CPU seconds that :func:`group_cells` takes, about: for each group, and for each cell.
SECONDS_PER_GROUP, SECONDS_PER_CELL = 0.04, 3e-4
#: Largest area of a group over the mean, less 1, unless told otherwise.
BALANCE = 0.2
#: Nets of this fan-out or more join nothing, in Circuit Training and here.
MAX_FANOUT = 500


def usual_groups(cells: int) -> int:
    """How many groups a design of so many cells gets: one for 120 cells, 50 to 1,000."""
    return min(max(cells // CELLS_PER_GROUP, MIN_GROUPS), MAX_GROUPS)


def cells_to_group(netlist: Netlist) -> NDArray[np.int64]:
    """Standard cells that a net leads to, ascending; others (fillers, taps) belong to no group."""
    on_net = np.zeros(netlist.num_nodes, bool)
    on_net[netlist.conn_node] = True
    return np.flatnonzero((netlist.node_kind == STDCELL) & on_net)


def group_cells(
    design: Design,
    *,
    groups: int | None = None,
    seed: int = 0,
    balance: float = BALANCE,
    hierarchy: bool = True,
    max_fanout: int = MAX_FANOUT,
    threads: int | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> NDArray[np.int32]:
    """Group the standard cells of a flat design by connectivity and hierarchy.

    The cells are cut into groups of about equal area by hypergraph partitioning
    (:mod:`netlists.grouping.partition`, :mod:`netlists.grouping.hypergraph`). Cells of different fences or
    guides are never in one group.

    Args:
        design: a flat design of any format.
        groups: how many to make; :func:`usual_groups` when None, at most one a cell. Should some end up empty, there
            are fewer.
        seed: the same design, options and seed give the same groups, on any number of threads.
        balance: largest area of a group over the mean, less 1. Cells larger than a mean group may break it.
        hierarchy: let modules count; False goes by the nets alone.
        max_fanout: nets with this many sinks or more are left out.
        threads: at most so many; the cores this process may use when None.
        stop: asked now and then; once it says so, what is not grouped yet is shared out anyhow.

    Returns:
        ``[N]`` int32 group of each node, numbered from 0 in the order of their first cells; -1 for all but
        standard cells, and for cells that no net leads to.

    Raises:
        NetlistError: the design has no cell to group, fewer cells than groups, or fewer groups than fences and guides
            with cells; a number makes no sense; or the partitioner is missing or fails.
    """
    netlist = design.netlist
    cells = cells_to_group(netlist)
    if not len(cells):
        kinds = "its standard cells are in soft macros already" if _is_clustered(netlist) else "no net leads to one"
        raise NetlistError(f"design {netlist.name!r} has no standard cells to group: {kinds}")
    count = min(usual_groups(len(cells)), len(cells)) if groups is None else groups
    _check(count, len(cells), seed, balance, max_fanout)
    modules = modules_of(design) if hierarchy else None
    zone = np.zeros(len(cells)) if design.constraints is None else design.constraints.region[cells]
    label = np.zeros(len(cells), np.int64)
    first = 0
    for members, share in _shares(netlist, cells, zone, count):
        if share == len(members):
            label[members] = first + np.arange(share)
            first += share
            continue
        graph, _ = build_hypergraph(netlist, cells[members], max_fanout=max_fanout, groups=share, modules=modules)
        fine = _clumps(netlist, cells[members], share, modules)
        vertex = np.concatenate([fine, int(fine.max()) + 1 + np.arange(graph.num_vertices - len(members))])
        found = partition(
            graph.contracted(vertex), share, seed=seed, balance=balance, threads=threads or cores(), stop=stop
        )
        label[members] = first + found[fine]
        first += share
    _, start, number = np.unique(label, return_index=True, return_inverse=True)
    rank = np.empty(len(start), np.int32)
    rank[np.argsort(start)] = np.arange(len(start))
    out = np.full(netlist.num_nodes, -1, np.int32)
    out[cells] = rank[number]
    return out


def _clumps(netlist: Netlist, cells: NDArray[np.int64], groups: int, modules: Modules | None) -> NDArray[np.int64]:
    """``[K]`` clump of each cell: a few cells that are tied so closely that no partition needs to tell them apart.

    Only designs of many cells a group need them, to keep the partitioner's time in bounds: coarser clumps were
    measurably worse (eight a group cost a quarter more connectivity), these are a handful of cells.
    """
    if len(cells) <= 2 * CLUMPS * groups:
        return np.arange(len(cells))
    from netlists.physical.grouping import group_cells as first_choice
    from netlists.physical.record import Hierarchy

    tree = None if modules is None else Hierarchy(modules.names, modules.parent)
    apart = np.full(netlist.num_nodes, -1)
    apart[cells] = 0
    clump = first_choice(netlist, None if modules is None else modules.scope, tree, groups=CLUMPS * groups)[cells]
    return np.unique(clump, return_inverse=True)[1]


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _shares(
    netlist: Netlist, cells: NDArray[np.int64], zone: NDArray[Any], count: int
) -> list[tuple[NDArray[np.int64], int]]:
    """Cells of each fence or guide, and how many groups they get: by area, at least one and at most one a cell."""
    zones, of = np.unique(zone, return_inverse=True)
    if len(zones) > count:
        raise NetlistError(
            "there are fewer groups than fences and guides with cells", found=count, expected=f">= {len(zones)}"
        )
    area = np.bincount(of, (netlist.node_width * netlist.node_height)[cells])
    size = np.bincount(of)
    share = np.ones(len(zones), np.int64)
    for _ in range(count - len(zones)):  # the largest mean group is cut next
        share[np.argmax(np.where(share < size, area / share, -1.0))] += 1
    return [(np.flatnonzero(of == k), int(share[k])) for k in range(len(zones))]


def _is_clustered(netlist: Netlist) -> bool:
    return bool((netlist.node_kind == SOFT_MACRO).any())


def _check(groups: int, cells: int, seed: int, balance: float, max_fanout: int) -> None:
    if groups < 1:
        raise NetlistError("the number of groups must be positive", found=groups)
    if groups > cells:
        raise NetlistError("there are more groups than cells", found=groups, expected=f"at most {cells}")
    if not 0 <= seed < 2**31:
        raise NetlistError("the seed is out of range", found=seed, expected="0 to 2147483647")
    if not (np.isfinite(balance) and 0 < balance <= 10):
        raise NetlistError("the balance is out of range", found=balance, expected="above 0, at most 10")
    if max_fanout < 2:
        raise NetlistError("the fan-out limit is too small", found=max_fanout, expected="at least 2")
