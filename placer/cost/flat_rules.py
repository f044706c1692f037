"""Legality of flat placements: cells among macros, in rows, on sites, in and out of fences.

Nothing here is shared with the code that makes placements legal: overlaps come from an R-tree of Shapely boxes, and
rows, fences and blockages are polygons that a cell's box must be covered by or stay clear of.

The rules of macros are :func:`placer.cost.legality.check`'s business, which works in integers on code that legalisers
use too; :func:`macro_violations` looks at the coarsest of them once more, with polygons. Cells need not lie on the
lattice of macros, so lengths are compared in um with half a lattice step of play, which no rounding to float32 can use
up.

Rules for standard cells that have a place:

``overlap``
    Two objects with area share some, at least one of them a cell.
``row``
    A movable cell does not begin at the lower edge of a row, or is not covered by the rows it spans, one to four.
``site``
    A movable cell does not begin at a site.
``orientation``
    A movable cell of an odd number of rows is turned otherwise than the sites of the row it begins in; left and right
    may be exchanged where the row is symmetric in Y. One of an even number may also be upside down.
``rail``
    A movable cell of an even number of rows begins in a row that is upside down, among rows of its kind (one height and
    site pitch) that lie both ways up: its rails then meet the wrong rails of all of its rows, turned or not, since such
    a cell has the same rail at both edges.
``blockage``
    A movable cell lies on a hard blockage.
``fence``
    A movable cell lies in a fence that it is no member of.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from netlists.canvas import BLOCK_HARD
from netlists.design import Design
from netlists.netlist import PORT, STDCELL
from netlists.orientation import NAMES, oriented_sizes
from netlists.placement import Placement
from placer.cost.legality import LegalityReport, check
from placer.cost.rules import fence_of
from placer.cost.violation import Violation

Floats = NDArray[np.float64]

#: Rows a cell may span.
_MOST_ROWS = 4
#: Orientations upside down: S and FS.
_UPSIDE_DOWN = (1, 5)
#: Left and right exchanged: N and FN, S and FS, W and FW, E and FE.
_MIRRORED = {0: 4, 4: 0, 1: 5, 5: 1, 2: 6, 6: 2, 3: 7, 7: 3}


def check_flat(
    design: Design, placement: Placement | None = None, *, reference: Placement | None = None
) -> LegalityReport:
    """Every rule of :func:`placer.cost.legality.check` and those of this module.

    Args:
        design: netlist, canvas and rules.
        placement: what to check; the design's own by default.
        reference: where fixed objects must be.

    Returns:
        All violations, those of macros first.
    """
    placement = design.placement if placement is None else placement
    report = check(design, placement, reference=reference)
    found = cell_violations(design, placement)

    def can_mend(v: Violation) -> bool:
        return bool(design.movable[v.node]) or (v.rule == "overlap" and bool(design.movable[v.other]))

    mendable = [v for v in found if can_mend(v)]
    given = [v for v in found if not can_mend(v)]
    area = sum(v.amount for v in mendable if v.rule == "overlap")
    return replace(
        report, violations=report.violations + tuple(mendable), given=report.given + tuple(given),
        overlap_area_um2=report.overlap_area_um2 + area,
    )  # fmt: skip


def macro_violations(design: Design, placement: Placement, *, reference: Placement | None = None) -> list[Violation]:
    """Macros against each other, the outline and hard blockages, and fixed objects against where they were.

    A second opinion that shares no code with legalisers: ``overlap`` of two macros of which one may move, ``outside``
    the outline or ``blockage`` of a movable macro, ``fixed_moved``.

    Args:
        design: netlist and canvas.
        placement: what to check.
        reference: where fixed objects must be.
    """
    return _Check(design, placement).macros(reference)


def cell_violations(design: Design, placement: Placement) -> list[Violation]:
    """The rules of this module alone."""
    return _Check(design, placement).all()


class _Check:
    def __init__(self, design: Design, placement: Placement) -> None:
        self.design, self.placement = design, placement
        n = design.netlist
        width, height = oriented_sizes(n.node_width, n.node_height, placement.orient)
        self.box: Floats = np.stack(
            [placement.x - width / 2, placement.y - height / 2, placement.x + width / 2, placement.y + height / 2], 1
        )
        self.play = design.canvas.lattice / 2
        solid = (n.node_kind != PORT) & (width > 0) & (height > 0)
        cell = solid & (n.node_kind == STDCELL) & placement.placed
        self.solid = np.flatnonzero(solid & (cell | (n.node_kind != STDCELL)))
        self.is_cell = cell
        self.moving = np.flatnonzero(cell & design.movable)

    def all(self) -> list[Violation]:
        return self.overlaps() + self.rows() + self.blockages(self.moving) + self.fences()

    def _told(self, rule: str, node: int, amount: float, message: str, other: int = -1, unit: str = "um") -> Violation:
        x0, y0, x1, y1 = (float(v) for v in self.box[node])
        steps = max(math.ceil(amount / self.design.canvas.lattice), 1) if unit == "um" else 1
        name = self.design.netlist.node_names[node]
        return Violation(rule, node, other, amount, unit, steps, f"{name!r} {message}", (x0, y0, x1, y1))

    def macros(self, reference: Placement | None) -> list[Violation]:
        d = self.design
        big = np.zeros(d.netlist.num_nodes, bool)
        big[self.solid] = self.placement.placed[self.solid] & ~self.is_cell[self.solid]
        moving = np.flatnonzero(big & d.movable)
        out = [
            v for v in self._overlaps(np.flatnonzero(big), np.ones(d.netlist.num_nodes, bool))
            if d.movable[v.node] or d.movable[v.other]
        ]  # fmt: skip
        boxes = _boxes(self.box[moving] + self.play * np.array([1, 1, -1, -1]))
        shapely.prepare(d.canvas.polygon)
        for k in np.flatnonzero(~shapely.covers(d.canvas.polygon, boxes)).tolist():
            over = float(shapely.area(shapely.difference(boxes[k], d.canvas.polygon)))
            out.append(self._told("outside", int(moving[k]), over, "sticks out of the outline", unit="um^2"))
        out += self.blockages(moving)
        if reference is not None:
            p = self.placement
            away = np.hypot(p.x - reference.x, p.y - reference.y)
            still = ~d.movable & reference.placed
            for node in np.flatnonzero(still & ((away > self.play) | (p.orient != reference.orient))).tolist():
                out.append(self._told("fixed_moved", node, float(away[node]), "is fixed and was moved"))
        return out

    def overlaps(self) -> list[Violation]:
        return self._overlaps(self.solid, self.is_cell) if self.is_cell.any() else []

    def _overlaps(self, ids: NDArray[np.int64], wanted: NDArray[np.bool_]) -> list[Violation]:
        """Pairs among ``ids``, at least one of them wanted, that share area."""
        names = self.design.netlist.node_names
        # Boxes shrunk by the play: abutting cells do not even touch.
        low, high = self.box[ids, :2] + self.play / 2, self.box[ids, 2:] - self.play / 2
        shapes = shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
        a, b = shapely.STRtree(shapes).query(shapes, predicate="intersects")
        keep = (a < b) & (wanted[ids[a]] | wanted[ids[b]])
        out = []
        for i, j in sorted(zip(ids[a[keep]].tolist(), ids[b[keep]].tolist(), strict=True)):
            x0, y0 = np.maximum(self.box[i, :2], self.box[j, :2]).tolist()
            x1, y1 = np.minimum(self.box[i, 2:], self.box[j, 2:]).tolist()
            area = (x1 - x0) * (y1 - y0)
            steps = max(math.ceil(min(x1 - x0, y1 - y0) / self.design.canvas.lattice), 1)
            message = f"{names[i]!r} and {names[j]!r} share {area:.6g} um^2"
            out.append(Violation("overlap", i, j, area, "um^2", steps, message, (x0, y0, x1, y1)))
        return out

    def rows(self) -> list[Violation]:
        rows = self.design.canvas.rows
        if rows is None or not len(rows.y) or not len(self.moving):
            return []
        strips = _boxes(np.stack([rows.x0, rows.y, rows.x1, rows.y + rows.height], axis=1))
        tree = shapely.STRtree(strips)
        inner = self.box[self.moving] + self.play * np.array([1, 1, -1, -1])
        cells = _boxes(inner)
        who, which = tree.query(cells, predicate="intersects")
        order = np.lexsort((rows.x0[which], rows.y[which], who))
        who, which = who[order], which[order]
        start = np.searchsorted(who, np.arange(len(self.moving) + 1))
        share = np.asarray(shapely.area(shapely.intersection(cells[who], strips[which])))
        area = np.asarray(shapely.area(cells))
        bare_of = area - np.bincount(who, share, len(self.moving))
        plain = self._plain(who, which, bare_of <= 1e-9 * area + self.play * self.play)
        out = []
        for k in np.flatnonzero(~plain).tolist():
            node = int(self.moving[k])
            mine = which[start[k] : start[k + 1]]
            x0, y0, _, y1 = self.box[node].tolist()
            low = [r for r in mine.tolist() if abs(rows.y[r] - y0) <= self.play]
            if not low:
                away = float(np.abs(rows.y - y0).min())
                out.append(self._told("row", node, max(away, self.play), "does not begin at a row"))
                continue
            high = y1 - y0
            # Of rows of several heights that begin here, one it fills or the lowest that holds it.
            fits = sorted(
                low, key=lambda r: (abs(rows.height[r] - high) > self.play, rows.height[r] < high, rows.height[r])
            )
            base = fits[0]
            spans = max(round(high / rows.height[base]), 1)
            if rows.height[base] < high - self.play and (
                abs(spans * rows.height[base] - high) > self.play or spans > _MOST_ROWS
            ):
                out.append(self._told("row", node, high - float(rows.height[base]), "is higher than its row"))
                continue
            # Rows of one height do not overlap each other, so what of the cell they cover is a sum.
            alike = rows.height[mine] == rows.height[base]
            bare = float(area[k] - share[start[k] : start[k + 1]][alike].sum())
            if bare > 1e-9 * area[k] + self.play * self.play:
                out.append(self._told("row", node, bare, "sticks out of the rows", unit="um^2"))
                continue
            own = [r for r in low if rows.height[r] == rows.height[base] and rows.x0[r] <= x0 + self.play < rows.x1[r]]
            sites = [(x0 - rows.x0[r]) / rows.site_spacing[r] for r in own]
            off = min((abs(s - round(s)) * rows.site_spacing[r] for s, r in zip(sites, own, strict=True)), default=0.0)
            if off > self.play:
                out.append(self._told("site", node, float(off), f"is {off:.6g} um off the sites of its row"))
            out += self._turned(node, own or [base], spans)
            begins = (own or [base])[0]
            if spans % 2 == 0 and int(rows.orient[begins]) in _UPSIDE_DOWN and self._both_ways_up(begins):
                out.append(self._told("rail", node, float(rows.height[base]), "begins in a row that is upside down"))
        return out

    def _both_ways_up(self, row: int) -> bool:
        """True when rows of the height and site pitch of this one lie both upright and upside down."""
        rows = self.design.canvas.rows
        assert rows is not None
        alike = np.abs(rows.height - rows.height[row]) < 1e-9
        alike &= np.abs(rows.site_spacing - rows.site_spacing[row]) < 1e-9
        return len(set(np.isin(rows.orient[alike], _UPSIDE_DOWN).tolist())) == 2

    def _plain(self, who: NDArray[np.int64], which: NDArray[np.int64], covered: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """``[m]`` which movable cells are told at a glance to break no rule of rows: most are.

        Where all rows are alike, those as high as a row that are covered by rows and begin at a site of one, turned as
        it is. All others have to be looked at one by one.

        Args:
            who: number of a movable cell.
            which: row it touches.
            covered: ``[m]`` which cells lie on rows with all of their area.
        """
        rows = self.design.canvas.rows
        assert rows is not None
        plain = np.zeros(len(self.moving), bool)
        mirror = np.array([_MIRRORED[k] for k in range(8)])
        if np.ptp(rows.height) > self.play:
            return plain
        low, node = self.box[self.moving[who], :2], self.moving[who]
        own = (np.abs(rows.y[which] - low[:, 1]) <= self.play) & (rows.x0[which] <= low[:, 0] + self.play)
        own &= low[:, 0] + self.play < rows.x1[which]
        own &= np.abs(self.box[node, 3] - low[:, 1] - rows.height[which]) <= self.play
        sites = (low[:, 0] - rows.x0[which]) / rows.site_spacing[which]
        own &= np.abs(sites - np.round(sites)) * rows.site_spacing[which] <= self.play
        turn, code = rows.orient[which], self.placement.orient[node]
        symmetric = np.array(["Y" in text.upper().split() for text in rows.symmetry] or [False] * len(rows.y), bool)
        own &= (code == turn) | (symmetric[which] & (code == mirror[turn]))
        plain[who[own]] = True
        return plain & covered

    def _turned(self, node: int, own: list[int], spans: int) -> list[Violation]:
        rows, code = self.design.canvas.rows, int(self.placement.orient[node])
        assert rows is not None
        allowed: set[int] = set()
        for r in own:
            turn = int(rows.orient[r])
            symmetric = bool(rows.symmetry) and "Y" in rows.symmetry[r].upper().split()
            turns = {turn, _MIRRORED[turn]} if symmetric else {turn}
            if spans % 2 == 0:  # the other way up has the same rails at both edges
                turns |= {{0: 5, 5: 0, 4: 1, 1: 4}.get(t, t) for t in turns}
            allowed |= turns
        if code in allowed:
            return []
        names = " or ".join(NAMES[t] for t in sorted(allowed))
        return [self._told("orientation", node, 0.0, f"is turned {NAMES[code]} where the row has {names}")]

    def blockages(self, nodes: NDArray[np.int64]) -> list[Violation]:
        out = []
        for index, blockage in enumerate(self.design.canvas.blockages):
            if blockage.kind == BLOCK_HARD:
                name = blockage.name or f"number {index}"
                out += self._inside("blockage", index, blockage.polygon, nodes, f"blockage {name}")
        return out

    def fences(self) -> list[Violation]:
        constraints = self.design.constraints
        if constraints is None:
            return []
        fence, out = fence_of(self.design), []
        for k in constraints.fences:
            region = constraints.regions[k]
            others = self.moving[fence[self.moving] != k]
            out += self._inside("fence", k, region.polygon, others, f"the fence {region.name!r} of others")
        return out

    def _inside(
        self,
        rule: str,
        index: int,
        polygon: shapely.Polygon | shapely.MultiPolygon,
        nodes: NDArray[np.int64],
        what: str,
    ) -> list[Violation]:
        """Nodes whose boxes, less the play, reach into a polygon."""
        if not len(nodes):
            return []
        boxes = _boxes(self.box[nodes] + self.play * np.array([1, 1, -1, -1]))
        shapely.prepare(polygon)
        out = []
        for k in np.flatnonzero(shapely.intersects(polygon, boxes)).tolist():
            area = float(shapely.area(shapely.intersection(polygon, boxes[k])))
            if area > 0:
                out.append(self._told(rule, int(nodes[k]), area, f"covers {area:.6g} um^2 of {what}", index, "um^2"))
        return out


def _boxes(corners: Floats) -> NDArray[np.object_]:
    """``[n]`` polygons of ``[n, 4]`` boxes x0, y0, x1, y1."""
    return np.asarray(shapely.box(corners[:, 0], corners[:, 1], corners[:, 2], corners[:, 3]), object)
