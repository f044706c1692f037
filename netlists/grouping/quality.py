"""How good a grouping is: cut, balance, pins, Rent's exponent, agreement with the hierarchy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netlists.design import Design
from netlists.grouping.cells import MAX_FANOUT
from netlists.grouping.modules import Modules, modules_of
from netlists.netlist import STDCELL


@dataclass(frozen=True)
class GroupFigures:
    """Figures of a grouping. Nets are those of fewer sinks than the limit with a cell in a group.

    Attributes:
        cells: cells in groups.
        left_out: other standard cells.
        groups: groups that have a cell.
        nets: nets that count.
        cut_nets: of them, those with cells in several groups.
        connectivity: over the cut nets, the sum of the groups on a net less 1.
        largest: area of the largest group over the mean.
        smallest: area of the smallest group over the mean.
        terminals: nets that leave a group (to other groups, macros or ports), mean over the groups.
        rent_exponent: p of ``T = t k^p``, from the geometric means over the groups of their terminals T and cells k,
            and the mean pins t of a cell (B. S. Landman, R. L. Russo, "On a Pin Versus Block Relationship For
            Partitions of Logic Graphs", IEEE Trans. Computers C-20(12), 1971); NaN for groups of one cell.
        hierarchy_agreement: share of the cells that are in the module that most cells of their group are in, modules
            taken as deep as they still hold the cells of a mean group; NaN where no names speak of modules.
    """

    cells: int
    left_out: int
    groups: int
    nets: int
    cut_nets: int
    connectivity: int
    largest: float
    smallest: float
    terminals: float
    rent_exponent: float
    hierarchy_agreement: float


def measure_groups(design: Design, groups: ArrayLike, *, max_fanout: int = MAX_FANOUT) -> GroupFigures:
    """Measure a grouping of a flat design's cells.

    Args:
        design: the flat design.
        groups: ``[N]`` group of each node, -1 for none; only those of standard cells may have one.
        max_fanout: nets with this many sinks or more do not count.
    """
    n = design.netlist
    given = np.asarray(groups, np.int64)
    cells = np.flatnonzero(given >= 0)
    of = np.full(n.num_nodes, -1, np.int64)
    ids, of[cells] = np.unique(given[cells], return_inverse=True)
    area = np.bincount(of[cells], (n.node_width * n.node_height)[cells], len(ids))

    node = n.conn_node
    use = (n.net_degree - 1 < max_fanout)[n.conn_net]
    inside = use & (of[node] >= 0)
    pair = np.unique(n.conn_net[inside].astype(np.int64) * len(ids) + of[node[inside]])
    net, group = pair // len(ids), pair % len(ids)
    spread = np.bincount(net, minlength=n.num_nets)
    other = np.bincount(n.conn_net[use & (of[node] < 0)], minlength=n.num_nets)
    leaves = (spread > 1) | (other > 0)
    terminals = np.bincount(group[leaves[net]], minlength=len(ids))
    size = np.bincount(of[cells], minlength=len(ids))
    pins_a_cell = inside.sum() / max(len(cells), 1)
    return GroupFigures(
        cells=len(cells),
        left_out=int((n.node_kind == STDCELL).sum()) - len(cells),
        groups=len(ids),
        nets=int((spread > 0).sum()),
        cut_nets=int((spread > 1).sum()),
        connectivity=int((spread[spread > 1] - 1).sum()),
        largest=float(area.max() / area.mean()),
        smallest=float(area.min() / area.mean()),
        terminals=float(terminals.mean()),
        rent_exponent=_rent(terminals, size, pins_a_cell),
        hierarchy_agreement=_agreement(modules_of(design), cells, of[cells], len(ids)),
    )


def _rent(terminals: NDArray[np.int64], size: NDArray[np.int64], pins_a_cell: float) -> float:
    use = (terminals > 0) & (size > 1)
    if not use.any() or pins_a_cell <= 0:
        return float("nan")
    return float((np.log(terminals[use]).mean() - np.log(pins_a_cell)) / np.log(size[use]).mean())


def _agreement(modules: Modules, cells: NDArray[np.int64], of: NDArray[np.int64], groups: int) -> float:
    if modules.levels == 0:
        return float("nan")
    large = modules.sizes(cells) >= len(cells) / groups
    home = np.arange(len(modules.parent))
    for _ in range(modules.levels):  # up to the first module that is large enough
        up = ~large[home] & (modules.parent[home] >= 0)
        home[up] = modules.parent[home[up]]
    pair, count = np.unique(of * len(home) + home[modules.scope[cells]], return_counts=True)
    most = np.zeros(groups, np.int64)
    np.maximum.at(most, pair // len(home), count)
    return float(most.sum() / len(cells))
