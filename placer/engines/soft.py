"""A fast, deterministic place for everything that is not a hard macro, given where the hard macros are.

Quadratic wirelength with spreading forces, after P. Spindler, U. Schlichtmann, F. Johannes, "Kraftwerk2 - A Fast
Force-Directed Quadratic Placement Approach", IEEE TCAD 27(8), 2008: nets are springs; the density of hard and movable
objects, taken as a charge, gives a potential (Poisson's equation, solved by cosine transforms); every object is
tied to where that potential's slope sends it, and the springs are solved again. Nothing is random.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.fft import dctn, idctn
from scipy.sparse.linalg import cg
from scipy.spatial import cKDTree

from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT
from netlists.orientation import oriented_offsets, oriented_sizes
from netlists.placement import Placement
from placer.cost.full import full
from placer.cost.lattice import blockage_boxes, microns, outline_boxes, soft_blockages
from placer.engines.legalise.clamp import clamp_soft

#: Nets up to this many pins are springs between all pairs; larger ones meet in a point of their own.
_CLIQUE = 3
#: Relative accuracy of each spring solution: far below what one gcell of spreading changes.
_ACCURACY = 1e-3
#: Strength of the tie to the spread-out position, as a multiple of an object's springs.
_TIE = 3.0
#: Mean distance objects are sent in the first round, in gcells, and the factor from round to round.
_REACH, _CALMING = 3.0, 0.9


def place_soft(design: Design, placement: Placement | None = None, *, rounds: int = 12) -> Placement:
    """Place all movable soft macros and standard cells; hard macros, ports and fixed objects stay.

    The result depends on the positions of what stays, not on where the movable objects were.

    Args:
        design: the circuit and its canvas.
        placement: where the hard macros are; the design's own by default.
        rounds: spreading rounds; every fourth one is scored and the best placement by proxy cost is kept.

    Returns:
        A placement with every movable soft object placed, on the canvas and inside its outline where the object fits
        there at all; members of a fence inside it. They may overlap each other and hard macros.
    """
    placement = placement or design.placement
    kind = design.netlist.node_kind
    soft = np.flatnonzero(design.movable & (kind != HARD_MACRO) & (kind != PORT))
    if not len(soft):
        return placement
    springs = _Springs(design, placement, soft)
    spreader = _Spreader(design, placement, soft)
    canvas = design.canvas
    xy = springs.solve(np.tile([(canvas.x0 + canvas.x1) / 2, (canvas.y0 + canvas.y1) / 2], (len(soft), 1)), 0.0)
    best: Placement | None = None
    best_cost = np.inf
    for turn in range(rounds + 1):
        xy = spreader.clamp(xy)
        if turn % 4 == 0 or turn == rounds:
            candidate = clamp_soft(design, _with(placement, soft, spreader.inside(xy)), fenced_only=True)
            cost = full(design, candidate).proxy_cost
            if best is None or cost < best_cost:
                best, best_cost = candidate, cost
        if turn < rounds:
            xy = springs.solve(xy + spreader.displacement(xy, _REACH * _CALMING**turn), _TIE)
    assert best is not None  # the first turn is always scored
    return best


def _with(placement: Placement, nodes: NDArray[np.int64], xy: NDArray[np.float64]) -> Placement:
    x, y, placed = placement.x.copy(), placement.y.copy(), placement.placed.copy()
    x[nodes], y[nodes], placed[nodes] = xy[:, 0], xy[:, 1], True
    return placement.moved(x=x, y=y, placed=placed)


class _Springs:
    """Nets as springs between movable objects, meeting points of large nets, and what does not move."""

    def __init__(self, design: Design, placement: Placement, soft: NDArray[np.int64]) -> None:
        n = design.netlist
        self._count = len(soft)
        unknown = np.full(n.num_nodes, -1)
        unknown[soft] = np.arange(len(soft))
        anchored = (unknown < 0) & placement.placed
        # Objects without a position pull nothing; nets of one pin, or with no movable one, have nothing to say.
        use = (unknown[n.conn_node] >= 0) | anchored[n.conn_node]
        conn = np.flatnonzero(use)
        net = n.conn_net[conn]
        degree = np.bincount(net, minlength=n.num_nets)
        moves = np.bincount(net[unknown[n.conn_node[conn]] >= 0], minlength=n.num_nets) > 0
        conn = conn[(moves & (degree > 1))[net]]
        net, node = n.conn_net[conn], n.conn_node[conn]
        dx, dy = oriented_offsets(n.conn_dx[conn], n.conn_dy[conn], placement.orient[node])
        offset = np.stack([dx, dy], axis=1)
        position = np.where(
            (unknown[node] >= 0)[:, None], offset, np.stack([placement.x[node], placement.y[node]], axis=1) + offset
        )
        weight = n.net_weight[net] / np.maximum(degree[net] - 1, 1)

        small = degree[net] <= _CLIQUE
        a, b = _all_pairs(net, small)
        big_nets, meeting = np.unique(net[~small], return_inverse=True)
        size = len(soft) + len(big_nets)
        first = np.concatenate([unknown[node[a]], unknown[node[~small]]])
        second = np.concatenate([unknown[node[b]], len(soft) + meeting])
        p = np.concatenate([position[a], position[~small]])
        q = np.concatenate([position[b], np.zeros((len(meeting), 2))])
        # A meeting point of d pins with springs d * w acts like all pairs with w (star-mesh transformation).
        w = np.concatenate([weight[a], weight[~small] * degree[net[~small]]])
        self._assemble(size, first, second, p - q, w)

    def _assemble(
        self,
        size: int,
        first: NDArray[np.int64],
        second: NDArray[np.int64],
        shift: NDArray[np.float64],
        weight: NDArray[np.float64],
    ) -> None:
        """Springs that want ``z[first] + shift == z[second]``; index -1 is solid ground, where z is 0."""
        diagonal, right = np.zeros(size), np.zeros((size, 2))
        for end, sign in ((first, -1.0), (second, 1.0)):
            free = end >= 0
            diagonal += np.bincount(end[free], weight[free], size)
            for axis in range(2):
                right[:, axis] += np.bincount(end[free], sign * (weight * shift[:, axis])[free], size)
        both = (first >= 0) & (second >= 0) & (first != second)
        same = (first == second) & (first >= 0)
        diagonal -= np.bincount(first[same], 2 * weight[same], size)
        rows, columns = np.concatenate([first[both], second[both]]), np.concatenate([second[both], first[both]])
        off = sparse.csr_array((-np.tile(weight[both], 2), (rows, columns)), shape=(size, size))
        self._diagonal, self._right = diagonal, right
        # A trace of pull to where an object is keeps objects without springs solvable and in place.
        self._floor = 1e-6 * max(float(diagonal.mean()), 1e-12)
        self._matrix = sparse.csr_array(off + sparse.diags_array(diagonal))
        self._state: NDArray[np.float64] | None = None

    def solve(self, target: NDArray[np.float64], tie: float) -> NDArray[np.float64]:
        """Positions ``[n, 2]`` at rest, each tied to its ``target`` with ``tie`` times the strength of its springs."""
        n = self._count
        extra = np.full(len(self._diagonal), self._floor)
        extra[:n] += tie * self._diagonal[:n]
        pull = np.empty_like(self._right)
        pull[:n], pull[n:] = target, target.mean(axis=0)
        if self._state is not None:
            pull[n:] = self._state[n:]
        matrix = self._matrix + sparse.diags_array(extra)
        inverse = sparse.diags_array(1.0 / (self._diagonal + extra))
        out = np.empty_like(pull)
        for axis in range(2):
            out[:, axis], _ = cg(
                matrix, self._right[:, axis] + extra * pull[:, axis], x0=pull[:, axis], rtol=_ACCURACY, M=inverse,
                maxiter=200,
            )  # fmt: skip
        self._state = out
        return out[:n]


def _all_pairs(net: NDArray[np.int32], small: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of positions in ``net`` (sorted) that share a small net."""
    left, right = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for gap in range(1, _CLIQUE):
        a = np.flatnonzero(small[:-gap] & (net[gap:] == net[:-gap]))
        left.append(a)
        right.append(a + gap)
    return np.concatenate(left), np.concatenate(right)


class _Spreader:
    """Where crowding sends objects."""

    def __init__(self, design: Design, placement: Placement, soft: NDArray[np.int64]) -> None:
        n, c = design.netlist, design.canvas
        self._origin = np.array([c.x0, c.y0])
        self._pitch = np.array([c.gcell_width, c.gcell_height])
        self._cells = np.array([c.columns, c.grid_rows])
        size = np.stack(oriented_sizes(n.node_width, n.node_height, placement.orient), axis=1)
        self._half = size[soft] / 2
        low, high = self._origin + self._half, np.array([c.x1, c.y1]) - self._half
        middle = (low + high) / 2
        self._low, self._high = np.minimum(low, middle), np.maximum(high, middle)
        stays = np.setdiff1d(np.flatnonzero((n.node_kind != PORT) & placement.placed), soft)
        centre = np.stack([placement.x, placement.y], axis=1)
        self._ground = self._density(centre[stays], size[stays] / 2)
        # What lies outside the outline or is blocked is full, soft blockages as far as they ask.
        walls = microns(outline_boxes(c), c.lattice)
        blocked = np.concatenate([walls, microns(blockage_boxes(c)[0], c.lattice)])
        self._ground += self._density((blocked[:, :2] + blocked[:, 2:]) / 2, (blocked[:, 2:] - blocked[:, :2]) / 2)
        for x0, y0, x1, y1, free in soft_blockages(c).tolist():
            middle, reach = np.array([[(x0 + x1) / 2, (y0 + y1) / 2]]), np.array([[(x1 - x0) / 2, (y1 - y0) / 2]])
            self._ground += free * self._density(middle, reach)
        self._walls = walls
        frequency = [2 - 2 * np.cos(np.pi * np.arange(k) / k) for k in (c.grid_rows, c.columns)]
        self._modes = frequency[0][:, None] / self._pitch[1] ** 2 + frequency[1][None, :] / self._pitch[0] ** 2
        self._modes[0, 0] = np.inf  # the mean charge pushes nowhere

    def clamp(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Keep whole objects on the canvas; what is larger than the canvas is centred."""
        return np.clip(xy, self._low, self._high)

    def inside(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bring objects that leave the outline to the nearest gcell centre where they do not."""
        out = self.clamp(xy)
        lost = np.flatnonzero(self._outside(out, self._half))
        if not len(lost):
            return out
        columns, rows = np.meshgrid(*(np.arange(count) for count in self._cells))
        centres = self._origin + (np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5) * self._pitch
        sizes, which = np.unique(self._half[lost], axis=0, return_inverse=True)
        for k, half in enumerate(sizes):
            places = np.clip(centres, self._origin + half, self._origin + self._cells * self._pitch - half)
            places = places[~self._outside(places, np.broadcast_to(half, places.shape))]
            if len(places):
                mine = lost[which.ravel() == k]
                out[mine] = places[cKDTree(places).query(out[mine])[1]]
        return out

    def _outside(self, centre: NDArray[np.float64], half: NDArray[np.float64]) -> NDArray[np.bool_]:
        """``[n]`` which boxes share area with what lies outside the outline."""
        hit = np.zeros(len(centre), bool)
        for wall in self._walls:
            hit |= ((centre + half > wall[:2]) & (centre - half < wall[2:])).all(axis=1)
        return hit

    def displacement(self, xy: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
        """``[n, 2]`` um, down the potential, ``reach`` gcells on average."""
        charge = self._ground + self._density(xy, self._half)
        potential = idctn(dctn(charge, type=2) / self._modes, type=2)
        slope = np.stack([_slope(potential, 1) / self._pitch[0], _slope(potential, 0) / self._pitch[1]])
        cell = np.clip((xy - self._origin) / self._pitch - 0.5, 0, self._cells - 1)
        low = np.minimum(cell.astype(np.int64), np.maximum(self._cells - 2, 0))
        high = np.minimum(low + 1, self._cells - 1)
        t = cell - low
        force = np.zeros_like(xy)
        for column, row, share in (
            (low[:, 0], low[:, 1], (1 - t[:, 0]) * (1 - t[:, 1])),
            (high[:, 0], low[:, 1], t[:, 0] * (1 - t[:, 1])),
            (low[:, 0], high[:, 1], (1 - t[:, 0]) * t[:, 1]),
            (high[:, 0], high[:, 1], t[:, 0] * t[:, 1]),
        ):
            force -= (slope[:, row, column] * share).T
        length = float(np.hypot(*force.T).mean())
        return force * (reach * float(self._pitch.mean()) / length) if length > 0 else force

    def _density(self, centre: NDArray[np.float64], half: NDArray[np.float64]) -> NDArray[np.float64]:
        """``[rows, columns]`` object area over gcell area."""
        area = np.zeros((self._cells[1], self._cells[0]))
        for part in range(0, len(centre), 4096):
            overlap = []
            for axis in range(2):
                low = self._origin[axis] + np.arange(self._cells[axis]) * self._pitch[axis]
                z, h = centre[part : part + 4096, axis, None], half[part : part + 4096, axis, None]
                overlap.append(np.clip(np.minimum(z + h, low + self._pitch[axis]) - np.maximum(z - h, low), 0, None))
            area += overlap[1].T @ overlap[0]
        return area / self._pitch.prod()


def _slope(potential: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    return np.gradient(potential, axis=axis) if potential.shape[axis] > 1 else np.zeros_like(potential)
