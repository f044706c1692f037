"""IO pins on the edges: each to the slot where its net is shortest, no two on one slot, rules kept."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import cg

from netlists.errors import NetlistError
from netlists.netlist import PORT, Netlist
from placer.engines.floorplan.chip.slots import SIDES, Slots

#: Cost of a slot that a pin may not take, against um of wire.
_NEVER = 1e12
#: Most entries of the matrix of costs; slots are thinned out evenly beyond that.
_MAX_COSTS = 40_000_000
#: Rounds of placing cells by springs and pins by cells, while nothing is placed.
_ROUNDS = 2
#: Nets of a higher degree say little about where a pin belongs and cost much.
_MAX_DEGREE = 200


@dataclass(frozen=True)
class PinRule:
    """Where some pins must lie.

    Attributes:
        pattern: of names, ``*`` and ``?`` as in file names; brackets stand for themselves.
        side: ``left``, ``right``, ``bottom`` or ``top``, or ``""`` for any.
        low: least coordinate along the side, um from the die's lower left.
        high: greatest.
    """

    pattern: str
    side: str = ""
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        if self.side and self.side not in SIDES:
            raise NetlistError("a side of the die is unknown", found=self.side, expected=", ".join(SIDES))
        if not self.low <= self.high:
            raise NetlistError(
                f"the range of pins {self.pattern!r} is empty", found=f"{self.low:g} to {self.high:g} um"
            )

    def members(self, names: Sequence[str]) -> list[int]:
        """Numbers of the names that match."""
        literal = "".join(f"[{c}]" if c == "[" else c for c in self.pattern)
        return [k for k, name in enumerate(names) if fnmatch.fnmatchcase(name, literal)]


def assign_pins(
    netlist: Netlist,
    slots: Slots,
    dbu: int,
    rules: Sequence[PinRule] = (),
    *,
    fixed: NDArray[np.bool_] | None = None,
    x: NDArray[np.float64] | None = None,
    y: NDArray[np.float64] | None = None,
    placed: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """Give every free port a slot.

    Where all objects are placed, a slot costs what it adds to the HPWL of the pin's nets, and the assignment of least
    total cost is found exactly (Hungarian method). Objects that are not are put where springs along their nets pull
    them, and pins are assigned to that, in turn; the first round takes pins in the order of their names.

    Args:
        netlist: ports and what they are connected to.
        slots: places for pins.
        dbu: database units a micron.
        rules: later rules override earlier ones.
        fixed: ``[N]`` ports that have a place in ``x`` and ``y`` already.
        x: ``[N]`` centres, um; needed where something is fixed or placed.
        y: ``[N]``.
        placed: ``[N]`` other objects whose place counts.

    Returns:
        ``[P]`` slot of each free port, in node order.

    Raises:
        NetlistError: a rule matches no pin, there are more pins than slots, or rules ask for more than there are.
    """
    n = netlist.num_nodes
    held = np.zeros(n, bool) if fixed is None else fixed
    px = np.zeros(n) if x is None else x.copy()
    py = np.zeros(n) if y is None else y.copy()
    known = held | (np.zeros(n, bool) if placed is None else placed)
    ports = np.flatnonzero((netlist.node_kind == PORT) & ~held)
    if not len(ports):
        return np.zeros(0, np.int64)
    allowed = _allowed([netlist.node_names[i] for i in ports.tolist()], slots, dbu, rules)
    keep = _thinned(allowed, len(ports))
    allowed = allowed[:, keep]
    sx, sy = slots.x[keep] / dbu, slots.y[keep] / dbu
    if not known[netlist.node_kind != PORT].all():
        chosen = _by_springs(netlist, ports, known, px, py, sx, sy, allowed)
    else:
        chosen = _assigned(_hpwl_costs(netlist, ports, known, px, py, sx, sy), allowed, netlist, ports)
    return np.asarray(keep[chosen], np.int64)


def _allowed(names: list[str], slots: Slots, dbu: int, rules: Sequence[PinRule]) -> NDArray[np.bool_]:
    """``[P, S]`` which slots the rules leave to each pin."""
    allowed = np.ones((len(names), len(slots)), bool)
    along = np.where(slots.side < 2, slots.y, slots.x) / dbu
    for rule in rules:
        members = rule.members(names)
        if not members:
            raise NetlistError(
                "a rule for IO pins matches none", found=rule.pattern, expected=f"names like {names[0]!r}"
            )
        fits = (along >= rule.low) & (along <= rule.high)
        if rule.side:
            fits &= slots.side == SIDES.index(rule.side)
        if int(fits.sum()) < len(members):
            raise NetlistError(
                f"rule {rule.pattern!r} puts {len(members)} pins where there are {int(fits.sum())} places",
                expected="a wider range, less spacing, or a larger die",
            )
        allowed[members] = fits
    if len(names) > len(slots):
        raise NetlistError(
            f"{len(names)} pins do not fit the {len(slots)} places on the edges",
            expected="less spacing between pins, or a larger die",
        )
    return allowed


def _thinned(allowed: NDArray[np.bool_], pins: int) -> NDArray[np.int64]:
    """Slots to consider: all, or every k-th where the matrix would be too large and enough remain for all."""
    count = allowed.shape[1]
    every = max(1, count * pins // _MAX_COSTS)
    every = min(every, max(1, count // (2 * pins)))
    keep = np.arange(0, count, every)
    # Rules may need the ones between: a narrow range keeps all of its own.
    tight = allowed.sum(axis=1) < count
    if tight.any():
        keep = np.union1d(keep, np.flatnonzero(allowed[tight].any(axis=0)))
    return keep


def _assigned(
    cost: NDArray[np.float64], allowed: NDArray[np.bool_], netlist: Netlist, ports: NDArray[np.int64]
) -> NDArray[np.int64]:
    _, chosen = linear_sum_assignment(np.where(allowed, cost, _NEVER))
    bad = np.flatnonzero(~allowed[np.arange(len(chosen)), chosen])
    if len(bad):
        raise NetlistError(
            "the rules for IO pins contradict each other: too many pins share too few places",
            found=netlist.node_names[int(ports[bad[0]])],
        )
    return np.asarray(chosen, np.int64)


def _hpwl_costs(
    netlist: Netlist, ports: NDArray[np.int64], known: NDArray[np.bool_], x: NDArray[np.float64],
    y: NDArray[np.float64], sx: NDArray[np.float64], sy: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """``[P, S]`` weighted HPWL that a pin's nets gain when it takes a slot."""
    box = np.tile([np.inf, np.inf, -np.inf, -np.inf], (netlist.num_nets, 1))
    counts = known[netlist.conn_node]
    node, net = netlist.conn_node[counts], netlist.conn_net[counts]
    for column, values, fold in ((0, x, np.minimum), (1, y, np.minimum), (2, x, np.maximum), (3, y, np.maximum)):
        fold.at(box[:, column], net, values[node])
    number = np.full(netlist.num_nodes, -1)
    number[ports] = np.arange(len(ports))
    mine = np.flatnonzero(number[netlist.conn_node] >= 0)
    cost = np.zeros((len(ports), len(sx)))
    for k in mine.tolist():
        x0, y0, x1, y1 = box[netlist.conn_net[k]].tolist()
        if x0 <= x1:
            away = np.abs(sx - np.clip(sx, x0, x1)) + np.abs(sy - np.clip(sy, y0, y1))
            cost[number[netlist.conn_node[k]]] += netlist.net_weight[netlist.conn_net[k]] * away
    return cost


def _by_springs(
    netlist: Netlist, ports: NDArray[np.int64], held: NDArray[np.bool_], x: NDArray[np.float64],
    y: NDArray[np.float64], sx: NDArray[np.float64], sy: NDArray[np.float64], allowed: NDArray[np.bool_],
) -> NDArray[np.int64]:  # fmt: skip
    """Slots while cells have no place: cells follow pins by springs, pins follow cells, in turn.

    Placed macros hold the springs alone; pins then follow once.
    """
    cells = (netlist.node_kind != PORT) & ~held
    if held[netlist.node_kind != PORT].any():
        x[~held], y[~held] = float(sx.mean()), float(sy.mean())
        _Springs(netlist, held).relax(x, y)
        return _assigned(_hpwl_costs(netlist, ports, held | cells, x, y, sx, sy), allowed, netlist, ports)
    # Names in file order keep buses together; slots run around the die.
    start = np.linspace(0, len(sx), len(ports), endpoint=False).astype(np.int64)
    x[ports], y[ports] = sx[start], sy[start]
    springs = _Springs(netlist, held | (netlist.node_kind == PORT))
    chosen = start
    for _ in range(_ROUNDS):
        springs.relax(x, y)
        # Springs draw all cells to the middle; spread by rank, so that distances to the edges mean something.
        spread_x, spread_y = _ranked(x, cells, sx), _ranked(y, cells, sy)
        cost = _hpwl_costs(netlist, ports, held | cells, spread_x, spread_y, sx, sy)
        chosen = _assigned(cost, allowed, netlist, ports)
        x[ports], y[ports] = sx[chosen], sy[chosen]
    return chosen


def _ranked(values: NDArray[np.float64], cells: NDArray[np.bool_], slots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cells at the quantile of their coordinate, over the extent of the slots."""
    out = values.copy()
    order = np.argsort(values[cells], kind="stable")
    rank = np.empty(len(order))
    rank[order] = (np.arange(len(order)) + 0.5) / max(len(order), 1)
    out[cells] = slots.min() + rank * (slots.max() - slots.min())
    return out


class _Springs:
    """Quadratic wirelength: a spring of weight ``2 / degree`` from each pin of a net to its driver."""

    def __init__(self, netlist: Netlist, held: NDArray[np.bool_]) -> None:
        n = netlist.num_nodes
        degree = netlist.net_degree
        use = (degree >= 2) & (degree <= _MAX_DEGREE)
        rows = use[netlist.conn_net]
        net = netlist.conn_net[rows]
        a = netlist.conn_node[rows].astype(np.int64)
        b = netlist.conn_node[netlist.net_source[net]].astype(np.int64)
        weight = netlist.net_weight[net] * 2.0 / degree[net]
        apart = a != b
        a, b, weight = a[apart], b[apart], weight[apart]
        ends = (np.concatenate([a, b]), np.concatenate([b, a]))
        pull = coo_array((np.concatenate([weight, weight]), ends), shape=(n, n)).tocsr()
        self.free = np.flatnonzero(~held)
        self.held = np.flatnonzero(held)
        total = np.asarray(pull.sum(axis=1)).ravel()
        # A faint pull to the middle keeps what no pin holds from being nowhere.
        self.faint = 1e-6 * max(float(total.max(initial=0.0)), 1e-12)
        self.matrix = (diags_array(total[self.free] + self.faint) - pull[self.free][:, self.free]).tocsr()
        self.to_held = pull[self.free][:, self.held].tocsr()
        self.smooth = diags_array(1.0 / self.matrix.diagonal())

    def relax(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """Move everything that is not held to rest."""
        for values in (x, y):
            middle = float(values[self.held].mean()) if len(self.held) else 0.0
            bound = self.to_held @ values[self.held] + self.faint * middle
            found, _ = cg(self.matrix, bound, x0=values[self.free], rtol=1e-3, maxiter=100, M=self.smooth)
            values[self.free] = found
