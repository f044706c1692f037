"""A full placement that is being improved: where everything lies, what may go where, what it costs."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from env.masks import legality_masks
from env.partial import Terms, known_weights
from env.problem import MacroProblem
from env.refine_kernels import body_at, is_clear, swap_mask, wire_changes
from netlists.netlist import HARD_MACRO, PORT
from netlists.orientation import MATRIX, oriented_sizes
from netlists.placement import Placement
from placer.cost.full import CostWeights
from placer.cost.incremental import IncrementalCost, build_problem
from placer.cost.lattice import canvas_box, integer_boxes, microns, outline_boxes, outside_boxes, round_steps
from placer.cost.rules import fence_of

#: A box beyond every canvas: it is in nobody's way.
_NOWHERE = 2**50


class RefinementState:
    """Objects of one design that may move: its movable hard macros and, if wanted, its soft ones.

    Object ``k < T`` is macro ``problem.macros[k]``; soft objects follow by node id. Hard macros go to lattice corners
    and keep every rule of the masks; soft objects go to centres of gcells, kept on the canvas and in their fence, may
    overlap, keep their orientation, and swap only with each other.

    Args:
        problem: the design with all eight orientations.
        soft: whether soft macros and standard cells move too.
        weights: of the proxy cost.

    Raises:
        ValueError: see :func:`env.partial.known_weights`.

    Attributes:
        nodes: ``[K]`` node id of each object.
        num_hard: ``T``.
        num_nets: ``[K]`` nets of each object, however many of its pins are on them.
        x: ``[N]`` centres, um; likewise ``y`` and ``orient``.
    """

    def __init__(self, problem: MacroProblem, *, soft: bool, weights: CostWeights) -> None:
        self.problem, self.weights = problem, known_weights(weights)
        design = problem.design
        n, kind = design.netlist, design.netlist.node_kind
        others = np.flatnonzero(design.movable & (kind != HARD_MACRO) & (kind != PORT) & soft)
        self.nodes = np.concatenate([problem.macros, others])
        self.num_hard = problem.num_macros
        # The kernel's own terms stay unweighted: a weight of 0 must not hide one.
        self._flat = build_problem(design, CostWeights(1.0, 1.0, 1.0))
        self._bounds = np.array(canvas_box(design.canvas), np.int64)
        order = np.argsort(n.conn_node, kind="stable")
        ends = np.searchsorted(n.conn_node[order], np.stack([self.nodes, self.nodes + 1]))
        self._nets = [np.unique(n.conn_net[order[a:b]]).astype(np.int64) for a, b in ends.T]
        self.num_nets = np.array([len(nets) for nets in self._nets])
        rules = problem.rules
        counts = np.array([len(rules.walls[f]) for f in rules.fence])
        self._walls = np.concatenate([rules.walls[f] for f in rules.fence])
        stops = np.cumsum(counts)
        self._wall_ptr = np.stack([stops - counts, stops], axis=1)
        self._reach = int(max(rules.halo.max(), rules.fixed_halo.max(initial=0), rules.channel.max()))
        self._room = np.zeros((2, 4), np.int64)
        softs = self.nodes[self.num_hard :]
        lying = oriented_sizes(n.node_width[softs], n.node_height[softs], design.placement.orient[softs])
        self._soft_size = np.stack(lying, axis=1)
        self._soft_fence = fence_of(design)[softs]
        outline = outline_boxes(design.canvas)
        # What soft objects keep out of, by fence; -1 for those without one.
        self._soft_walls = {-1: outline}
        for region in np.unique(self._soft_fence[self._soft_fence >= 0]).tolist():
            assert design.constraints is not None
            polygon = design.constraints.regions[region].polygon
            outside = outside_boxes(polygon, canvas_box(design.canvas), design.canvas.lattice)
            self._soft_walls[region] = np.concatenate([outline, outside])

    def reset(self, placement: Placement) -> None:
        """Begin at a legal placement of everything."""
        p, design = self.problem, self.problem.design
        self.cost = IncrementalCost(design, placement, problem=self._flat)
        self.x, self.y, self.orient = placement.x.copy(), placement.y.copy(), placement.orient.astype(np.int64)
        own = integer_boxes(design, placement)[p.macros]
        self._boxes = np.ascontiguousarray(np.concatenate([p.rules.fixed, own]))
        turned = p.rules.halo[np.arange(p.num_macros), self.orient[p.macros]]
        self._halos = np.ascontiguousarray(np.concatenate([p.rules.fixed_halo, turned]))

    @property
    def num_objects(self) -> int:
        """``K``."""
        return len(self.nodes)

    def terms(self) -> Terms:
        """Cost of the placement, each term unweighted, their weighted sum."""
        t, w = self.cost.terms(), self.weights
        wirelength, density, congestion = t["wirelength"], t["density"], t["congestion"]
        proxy = w.wirelength * wirelength + w.density * density + w.congestion * congestion
        return Terms(proxy, wirelength, density, congestion)

    def placement(self) -> Placement:
        """Where everything is."""
        return self.cost.placement()

    def move_mask(self, k: int, out: NDArray[np.int8]) -> None:
        """Where object ``k`` may go as it is turned: ``out`` ``[R, C]``, 1 for legal cells."""
        p = self.problem
        if k >= self.num_hard:
            x, y, wide, high = self._soft_centres(k)
            fence = int(self._soft_fence[k - self.num_hard])
            out[:] = self._clear(fence, x[None], y[:, None], np.array(wide), np.array(high))
            return
        o, at = slice(self.orient[self.nodes[k]], self.orient[self.nodes[k]] + 1), len(p.rules.fixed) + k
        body = self._boxes[at].copy()
        self._boxes[at] = _NOWHERE
        legality_masks(
            p.x0[k, o], p.y0[k, o], p.size[k, o], p.rules.halo[k, o], np.ones(1, bool), p.rules.walls[p.rules.fence[k]],
            self._boxes, self._halos, len(self._boxes), p.rules.channel, out[None],
        )  # fmt: skip
        self._boxes[at] = body

    def swap_mask(self, k: int, out: NDArray[np.int8]) -> None:
        """Objects that may exchange centres with object ``k``: ``out`` ``[K]``."""
        p = self.problem
        out[:] = 0
        if k >= self.num_hard:
            softs, sizes, fences = self.nodes[self.num_hard :], self._soft_size, self._soft_fence
            own, node = k - self.num_hard, self.nodes[k]
            fits = self._inside(int(fences[own]), self.x[softs], self.y[softs], sizes[own][None])
            for fence in self._soft_walls:
                members = fences == fence
                fits[members] &= self._inside(fence, self.x[node], self.y[node], sizes[members])
            out[self.num_hard :] = fits
            out[k] = 0
            return
        macro, o = np.arange(p.num_macros), self.orient[p.macros]
        swap_mask(
            k, p.size[macro, o], p.rules.pitch[macro, o], p.rules.offset[macro, o], self._bounds, len(p.rules.fixed),
            self._walls, self._wall_ptr, self._boxes, self._halos, p.rules.channel, self._reach, self._room,
            out[: self.num_hard],
        )  # fmt: skip

    def turn_mask(self, k: int, out: NDArray[np.int8]) -> None:
        """Other orientations object ``k`` may take about its centre: ``out`` ``[8]``."""
        out[:] = 0
        if k >= self.num_hard:
            return
        p, now = self.problem, self.orient[self.nodes[k]]
        for o in range(8):
            if o != now and p.allowed[k, o]:
                out[o] = self._turned(k, o) is not None

    def wire_mask(self, k: int, out: NDArray[np.float64]) -> None:
        """Change of the weighted HPWL, um, of moving object ``k`` to each cell: ``out`` ``[R, C]``."""
        p, n, node = self.problem, self.problem.design.netlist, int(self.nodes[k])
        if k < self.num_hard:
            x, y = p.x[k, self.orient[node]], p.y[k, self.orient[node]]
        else:
            x, y, _, _ = self._soft_centres(k)
        along_x, along_y = np.zeros(len(x)), np.zeros(len(y))
        wire_changes(
            node, self._nets[k], n.net_ptr, n.conn_node, n.conn_dx, n.conn_dy, n.net_weight,
            self.x, self.y, self.orient, MATRIX, x, y, along_x, along_y,
        )  # fmt: skip
        np.add(along_x, along_y[:, None], out=out)

    def move(self, k: int, row: int, column: int) -> None:
        """Put object ``k`` into a legal cell."""
        p, node = self.problem, int(self.nodes[k])
        if k >= self.num_hard:
            x, y, _, _ = self._soft_centres(k)
            self._commit([k], [float(x[column])], [float(y[row])], [int(self.orient[node])])
            return
        o = int(self.orient[node])
        corner = np.array([p.x0[k, o, column], p.y0[k, o, row]])
        self._commit_bodies([k], [np.concatenate([corner, corner + p.size[k, o]])], [o])

    def swap(self, a: int, b: int) -> None:
        """Exchange the centres of two objects for which it is legal."""
        if a >= self.num_hard:
            i, j = int(self.nodes[a]), int(self.nodes[b])
            self._commit(
                [a, b], [float(self.x[j]), float(self.x[i])], [float(self.y[j]), float(self.y[i])],
                [int(self.orient[i]), int(self.orient[j])],
            )  # fmt: skip
            return
        orients = [int(self.orient[self.nodes[k]]) for k in (a, b)]
        bodies = [self._body_like(k, self._body(other), o) for k, other, o in ((a, b, orients[0]), (b, a, orients[1]))]
        self._commit_bodies([a, b], bodies, orients)

    def turn(self, k: int, orient: int) -> None:
        """Turn a macro about its centre into an orientation for which it is legal."""
        body = self._turned(k, orient)
        assert body is not None  # the mask allowed it
        self._commit_bodies([k], [body], [orient])

    def _body(self, k: int) -> NDArray[np.int64]:
        return self._boxes[len(self.problem.rules.fixed) + k]

    def _body_like(self, k: int, where: NDArray[np.int64], orient: int) -> NDArray[np.int64]:
        """Box of macro ``k`` in an orientation, centred like another box."""
        p, out = self.problem, np.zeros(4, np.int64)
        body_at(
            where[0] + where[2], where[1] + where[3], p.size[k, orient], self._bounds,
            p.rules.pitch[k, orient], p.rules.offset[k, orient], out,
        )  # fmt: skip
        return out

    def _turned(self, k: int, orient: int) -> NDArray[np.int64] | None:
        """Box of macro ``k`` once turned, or None where it does not fit."""
        p, at = self.problem, len(self.problem.rules.fixed) + k
        body = self._body_like(k, self._body(k), orient)
        walls = p.rules.walls[p.rules.fence[k]]
        inside = (body[:2] >= self._bounds[:2]).all()
        clear = inside and is_clear(
            body, p.rules.halo[k, orient], walls, self._boxes, self._halos, p.rules.channel, self._reach, at, at
        )
        return body if clear else None

    def _commit_bodies(self, objects: list[int], bodies: list[NDArray[np.int64]], orients: list[int]) -> None:
        p, step = self.problem, self.problem.design.canvas.lattice
        x, y = [], []
        for k, body, o in zip(objects, bodies, orients, strict=True):
            at = len(p.rules.fixed) + k
            self._boxes[at], self._halos[at] = body, p.rules.halo[k, o]
            x.append(float(microns(body[0], step) + p.half[k, o, 0]))
            y.append(float(microns(body[1], step) + p.half[k, o, 1]))
        self._commit(objects, x, y, orients)

    def _commit(self, objects: list[int], x: list[float], y: list[float], orients: list[int]) -> None:
        nodes = self.nodes[objects]
        self.cost.propose(nodes.tolist(), x, y, orients)
        self.cost.commit()
        self.x[nodes], self.y[nodes], self.orient[nodes] = x, y, orients

    def _soft_centres(self, k: int) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float]:
        """Centres of a soft object by column and by row, and its size as it lies, um."""
        canvas = self.problem.design.canvas
        wide, high = (float(v) for v in self._soft_size[k - self.num_hard])
        x = canvas.x0 + (np.arange(canvas.columns) + 0.5) * canvas.gcell_width
        y = canvas.y0 + (np.arange(canvas.grid_rows) + 0.5) * canvas.gcell_height
        x = np.maximum(np.minimum(x, canvas.x1 - wide / 2), canvas.x0 + wide / 2)
        y = np.maximum(np.minimum(y, canvas.y1 - high / 2), canvas.y0 + high / 2)
        return x, y, wide, high

    def _inside(self, fence: int, x: ArrayLike, y: ArrayLike, size: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether soft objects of ``size`` ``[S, 2]`` um with centres ``x, y`` lie on the canvas and are clear."""
        canvas = self.problem.design.canvas
        x, y, wide, high = np.asarray(x), np.asarray(y), size[:, 0], size[:, 1]
        inside = (x - wide / 2 >= canvas.x0) & (x + wide / 2 <= canvas.x1)
        inside &= (y - high / 2 >= canvas.y0) & (y + high / 2 <= canvas.y1)
        return np.asarray(inside & self._clear(fence, x, y, wide, high), bool)

    def _clear(
        self, fence: int, x: NDArray[np.float64], y: NDArray[np.float64],
        wide: NDArray[np.float64], high: NDArray[np.float64],
    ) -> NDArray[np.bool_]:  # fmt: skip
        """Whether soft objects lie inside the outline and their fence; all arguments broadcast.

        Edges are rounded to the nearest step, as :mod:`placer.cost.legality` does for what need not be on the lattice.
        """
        step = self.problem.design.canvas.lattice
        left, bottom = x - wide / 2, y - high / 2
        x0, x1 = round_steps(left, step), round_steps(left + wide, step)
        y0, y1 = round_steps(bottom, step), round_steps(bottom + high, step)
        clear = np.ones(np.broadcast_shapes(x0.shape, y0.shape), bool)
        for wall in self._soft_walls[fence]:
            clear &= (x1 <= wall[0]) | (x0 >= wall[2]) | (y1 <= wall[1]) | (y0 >= wall[3])
        return clear
