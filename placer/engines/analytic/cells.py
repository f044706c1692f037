"""Cells of a flat design into rows, legally, and then to better places there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import BLOCK_SOFT, Rows
from netlists.design import Design
from netlists.errors import PlacementError
from netlists.netlist import HARD_MACRO, PORT
from netlists.orientation import N, oriented_sides, oriented_sizes
from netlists.placement import Placement
from placer.budget import Budget
from placer.cost.lattice import covering_boxes
from placer.cost.rules import allowed_orientations, fence_of, region_walls
from placer.engines.analytic.abacus import place_in_rows
from placer.engines.analytic.board import build_board, length
from placer.engines.analytic.circuit import Circuit, extract
from placer.engines.analytic.detailed import Effort, improve
from placer.engines.analytic.guides import with_guides
from placer.engines.analytic.segments import (
    CODE_OF,
    TURN_OF,
    Segments,
    of_segments,
    row_kinds,
    rows_of,
    segments,
    segments_at,
)
from placer.engines.analytic.tall import place_tall
from placer.engines.analytic.wirelength import hpwl_of
from placer.engines.legalise.pieces import turned_as_allowed

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Rows a cell may span; what is higher and fits no row is an error.
MOST_ROWS = 4


def upright(design: Design) -> Placement:
    """The design's placement with movable cells in orientation N and macros turned as they may be."""
    p = turned_as_allowed(design, design.placement)
    kind = design.netlist.node_kind
    cells = design.movable & (kind != HARD_MACRO) & (kind != PORT)
    return p.moved(orient=np.where(cells, N, p.orient))


def kinds_for(design: Design, cells: Ints, height: Floats, kinds: list[Rows]) -> tuple[Ints, Ints]:
    """Kind of rows, and number of rows, of each cell.

    Rows exactly as high as the cell win; then rows it is a whole multiple of; then the lowest rows above it.

    Args:
        design: for names.
        cells: ``[n]`` nodes.
        height: ``[n]`` um.
        kinds: what :func:`placer.engines.analytic.segments.row_kinds` gives.

    Returns:
        ``[n]`` index into ``kinds``, and ``[n]`` rows it spans, 1 to ``MOST_ROWS``.

    Raises:
        PlacementError: a cell is too high for all of them.
    """
    heights = np.array([float(rows.height[0]) for rows in kinds])
    room = np.array([float(rows.num_sites.sum() * rows.site_spacing[0]) for rows in kinds])
    kind, span = np.zeros(len(cells), np.int64), np.ones(len(cells), np.int64)
    for high in np.unique(height):
        ratio = high / heights
        whole = np.round(ratio)
        exact = (np.abs(ratio - whole) < 1e-6) & (whole >= 1) & (whole <= MOST_ROWS)
        here = height == high
        if exact.any():
            options = np.flatnonzero(exact)
            best = options[np.lexsort((-room[options], whole[options]))[0]]
            kind[here], span[here] = best, int(whole[best])
        elif (heights >= high).any():
            options = np.flatnonzero(heights >= high)
            kind[here] = options[np.lexsort((-room[options], heights[options]))[0]]
        else:
            raise PlacementError(
                f"the cell is {high:g} um high, which fits rows of {', '.join(f'{h:g}' for h in heights)} um "
                f"in no way",
                rule="rows", node=design.netlist.node_names[int(cells[np.argmax(here)])],
            )  # fmt: skip
    return kind, span


@dataclass(frozen=True, eq=False)
class Legal:
    """What :func:`place_cells` ends with.

    Attributes:
        placement: all cells legal in rows, turned as their rows are.
        legalised: weighted HPWL before detailed placement, um.
        hpwl: weighted HPWL after it, um.
    """

    placement: Placement
    legalised: float
    hpwl: float


def place_cells(
    design: Design,
    rough: Placement,
    *,
    budget: Budget | None = None,
    effort: Effort | None = None,
    told: Callable[[int, float], None] | None = None,
    legalised: Callable[[float], None] | None = None,
) -> Legal:
    """Put every movable cell into rows near where it is, then change places while that shortens nets.

    Cells lie on sites of rows as high as they are, or of the lowest rows that are higher; cells as high as two to
    four rows span so many. They keep clear of everything else that has area, of hard blockages, of what is outside
    the outline and of fences of others; members of a fence lie in it. Where there is room they also keep out of the
    halos of macros and off soft blockages. Wirelength is that of the orientations written: cells lie as the sites of
    their rows do.

    Args:
        design: netlist, canvas and rules.
        rough: where everything is, um; what is no movable cell stays there.
        budget: when to stop improving.
        effort: of detailed placement.
        told: called with (round, weighted HPWL in um) during detailed placement.
        legalised: called with the weighted HPWL once all cells are legal.

    Raises:
        PlacementError: cells do not fit the rows.
    """
    return _Cells(design, rough, budget or Budget(), effort, told).go(legalised or (lambda hpwl: None))


def free_sites(design: Design) -> list[tuple[Rows, int]]:
    """What :func:`place_cells` can fill, as if no object that may move were there.

    Returns:
        Rows of each height and site pitch, the lowest first, and how many of their sites are free.
    """
    run = _Cells(design, design.placement, Budget(), None, None)
    run.obstacle &= ~run.design.movable
    return [(rows, run.segments(rows, keep_out=False).room) for rows in run.kinds()]


@dataclass(frozen=True, eq=False)
class _Filled:
    """Rows of one kind with their cells of one row's height.

    Attributes:
        rows: the rows.
        keep_out: halos and soft blockages are kept free.
        where: what is left of the rows.
        cells: ``[n]`` node ids.
        segment: ``[n]`` segment each lies in.
        site: ``[n]`` its first site, as counted there.
    """

    rows: Rows
    keep_out: bool
    where: Segments
    cells: Ints
    segment: Ints
    site: Ints


class _Cells:
    def __init__(
        self,
        design: Design,
        rough: Placement,
        budget: Budget,
        effort: Effort | None,
        told: Callable[[int, float], None] | None,
    ) -> None:
        self.given, self.guides = design, with_guides(design)
        design, rough = self.guides.design, self.guides.ported(rough)
        self.design, self.budget, self.effort, self.told = design, budget, effort, told
        n = design.netlist
        self.cells = np.flatnonzero(design.movable & (n.node_kind != HARD_MACRO) & (n.node_kind != PORT))
        orient = rough.orient.copy()
        orient[self.cells] = N
        self.rough = rough.moved(orient=orient)
        self.corner = (design.canvas.x0, design.canvas.y0)
        self.x, self.y = rough.x - self.corner[0], rough.y - self.corner[1]
        self.want = self.x.copy(), self.y.copy()
        self.width, self.height = oriented_sizes(n.node_width, n.node_height, orient)
        self.turn = np.zeros(n.num_nodes, np.int64)
        self.fence = fence_of(design).astype(np.int64)
        allowed = allowed_orientations(design)[:, CODE_OF]
        self.turns = (allowed * (1 << np.arange(4))).sum(axis=1).astype(np.int64)
        self.obstacle = (n.node_kind != PORT) & (self.width > 0) & (self.height > 0)
        self.obstacle[self.cells] = False

    def go(self, legal: Callable[[float], None]) -> Legal:
        if not len(self.cells):
            value = self._hpwl()
            return Legal(self.guides.own(self.rough), value, value)
        canvas = self.design.canvas
        kinds = self.kinds()
        kind, span = kinds_for(self.design, self.cells, self.height[self.cells], kinds)
        wishes = self.design.constraints is not None or any(b.kind == BLOCK_SOFT for b in canvas.blockages)
        done: list[_Filled] = []
        # Higher rows first: where kinds share ground, low cells find their way around high ones, but not the reverse.
        for k, rows in reversed(list(enumerate(kinds))):
            mine, tall = self.cells[(kind == k) & (span == 1)], self.cells[(kind == k) & (span > 1)]
            if not len(mine) and not len(tall):
                continue
            for keep_out in (True, False) if wishes else (False,):
                failed = self._tall(rows, tall, span[np.searchsorted(self.cells, tall)], keep_out)
                where = self.segments(rows, keep_out)
                segment, site = self._in_rows(where, mine)
                failed += int((segment < 0).sum())
                if not failed:
                    break
                self.obstacle[tall] = False
            else:
                missing = mine[segment < 0] if (segment < 0).any() else tall
                raise PlacementError(
                    f"{failed} of {len(self.cells)} cells found no place in the rows", rule="rows",
                    node=self.design.netlist.node_names[int(missing[0])],
                )  # fmt: skip
            self._settle(where, mine, segment, site)
            self.obstacle[mine] = True
            done.append(_Filled(rows, keep_out, where, mine, segment, site))
        legalised = after = self._hpwl()
        legal(legalised)
        for filled in done:
            mine = filled.cells
            if not len(mine):
                continue
            if len(done) > 1:  # cells of other kinds came later, or have moved since: their ground may be this one's
                filled = self._recut(filled)
            where, segment, site = filled.where, filled.segment, filled.site
            board = build_board(
                self._circuit(mine), where, self.x, self.y, mine, segment, site, fence=self.fence, turns=self.turns
            )
            before = float(length(board)) - self.guides.constant
            after = improve(board, mine, before, self.budget, self.told, self.effort)
            self.x[mine], self.y[mine], self.turn[mine] = board.x[mine], board.y[mine], board.turn[mine]
        if self.guides.nets:  # what members pay is no wirelength
            after = self._hpwl()
        return Legal(self.guides.own(self._placement()), legalised, after)

    # -- stages ------------------------------------------------------------------------------------------------

    def _tall(self, rows: Rows, cells: Ints, span: Ints, keep_out: bool) -> int:
        """Place cells of several rows; returns how many found no place."""
        if not len(cells):
            return 0
        where = self.segments(rows, keep_out)
        parity = len(np.unique(TURN_OF[rows.orient] & 2)) > 1  # rows share rails: every other one is upside down
        failed = 0
        for fence in np.unique(self.fence[cells]).tolist():
            some = self.fence[cells] == fence
            ids = cells[some]
            own = of_segments(where, where.region == fence)
            x, y, turn = place_tall(
                own, self.want[0][ids] - self.width[ids] / 2, self.want[1][ids] - self.height[ids] / 2,
                self.width[ids], span[some], self.turns[ids], parity=parity,
            )  # fmt: skip
            failed += int((turn < 0).sum())
            self.x[ids], self.y[ids] = x + self.width[ids] / 2, y + self.height[ids] / 2
            self.turn[ids] = np.maximum(turn, 0)
        self.obstacle[cells] = True
        return failed

    def _in_rows(self, where: Segments, cells: Ints) -> tuple[Ints, Ints]:
        if not where.num_segments:
            return np.full(len(cells), -1, np.int64), np.zeros(len(cells), np.int64)
        return place_in_rows(
            where, self.want[0][cells] - self.width[cells] / 2, self.want[1][cells] - self.height[cells] / 2,
            self.width[cells], self.height[cells], self.fence[cells], self.turns[cells],
        )  # fmt: skip

    def _settle(self, where: Segments, cells: Ints, segment: Ints, site: Ints) -> None:
        self.x[cells] = where.x0[segment] + site * where.site + self.width[cells] / 2
        self.y[cells] = where.row_y[where.row[segment]] + self.height[cells] / 2
        face = where.face[segment]
        self.turn[cells] = np.where(self.turns[cells] >> face & 1, face, face ^ 1)

    def _recut(self, filled: _Filled) -> _Filled:
        """The same cells in segments that all other cells, where they are now, are obstacles of."""
        old, mine = filled.where, filled.cells
        self.obstacle[mine] = False
        new = self.segments(filled.rows, filled.keep_out)
        self.obstacle[mine] = True
        left = old.x0[filled.segment] + filled.site * old.site
        segment = segments_at(new, old.row[filled.segment], left)
        site = np.round((left - new.x0[segment]) / new.site).astype(np.int64)
        return replace(filled, where=new, segment=segment, site=site)

    # -- helpers -----------------------------------------------------------------------------------------------

    def kinds(self) -> list[Rows]:
        """Rows of each height and site pitch."""
        high = float(np.median(self.height[self.cells])) if len(self.cells) else 1.0
        return row_kinds(rows_of(self.design.canvas, high))

    def segments(self, rows: Rows, keep_out: bool) -> Segments:
        """What obstacles leave of rows; with ``keep_out`` halos and soft blockages are obstacles too."""
        design = self.design
        step, corner = design.canvas.lattice, np.tile(self.corner, 2)
        regions = np.unique(self.fence[self.cells]).tolist()
        walls = {region: region_walls(design, region) * step - corner for region in regions}
        return segments(rows, self.corner, self._obstacles(keep_out), walls)

    def _obstacles(self, keep_out: bool) -> Floats:
        """``[k, 4]`` boxes of what cells must keep clear of, um relative to the corner."""
        ids = np.flatnonzero(self.obstacle)
        half_x, half_y = self.width[ids] / 2, self.height[ids] / 2
        boxes = np.stack(
            [self.x[ids] - half_x, self.y[ids] - half_y, self.x[ids] + half_x, self.y[ids] + half_y], axis=1
        )
        if not keep_out:
            return boxes
        if self.design.constraints is not None:
            halo = oriented_sides(self.design.constraints.halo[ids], self.rough.orient[ids])
            hard = (self.design.netlist.node_kind[ids] == HARD_MACRO)[:, None]
            boxes = boxes + np.where(hard, halo, 0.0) * np.array([-1.0, -1.0, 1.0, 1.0])
        canvas = self.design.canvas
        soft = [covering_boxes(b.polygon, canvas.lattice) for b in canvas.blockages if b.kind == BLOCK_SOFT]
        ground = np.concatenate([np.zeros((0, 4)), *soft]) * canvas.lattice - np.tile(self.corner, 2)
        return np.concatenate([boxes, ground])

    def _circuit(self, cells: Ints) -> Circuit:
        """The circuit with ``cells`` in orientation N and everything else as it lies."""
        turn = self.turn.copy()
        turn[cells] = 0
        return extract(self.design, self._placement(turn))

    def _placement(self, turn: Ints | None = None) -> Placement:
        orient = self.rough.orient.copy()
        orient[self.cells] = CODE_OF[(self.turn if turn is None else turn)[self.cells]]
        x, y, placed = self.rough.x.copy(), self.rough.y.copy(), self.rough.placed.copy()
        x[self.cells], y[self.cells] = self.x[self.cells] + self.corner[0], self.y[self.cells] + self.corner[1]
        placed[self.cells] = True
        return self.rough.moved(x=x, y=y, orient=orient, placed=placed)

    def _hpwl(self) -> float:
        return hpwl_of(self.given, self.guides.own(self._placement()))
