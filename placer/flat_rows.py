"""Rows for the standard cells of a flat design: made up where there are none, and whether all cells fit them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import Canvas, Rows
from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.netlist import HARD_MACRO, STDCELL


def with_rows(design: Design) -> Design:
    """The design itself when it has rows; else with rows as high as most of its cells, over the whole canvas.

    Sites of made-up rows are as wide as the greatest length that all cells are whole multiples of.

    Raises:
        NetlistError: cells fit no rows by their height, or a DEF file has no rows.
    """
    from placer.engines.analytic.cells import MOST_ROWS

    n, canvas = design.netlist, design.canvas
    cells = np.flatnonzero(design.movable & (n.node_kind == STDCELL))
    made_up = canvas.rows is None or not len(canvas.rows.y)
    if made_up and design.physical is not None:
        raise NetlistError(
            "there are no rows to put cells in", file=design.path,
            expected="ROW statements in the DEF file; 'placer floorplan' makes them",
        )  # fmt: skip
    rows = canvas.rows
    if made_up or rows is None:
        rows = _made_up_rows(canvas, n.node_width[cells], n.node_height[cells])
    heights = np.unique(rows.height)
    for height in np.unique(n.node_height[cells]).tolist():
        spans = height / heights
        whole = (np.abs(spans - np.round(spans)) < 1e-6) & (np.round(spans) <= MOST_ROWS)
        if not ((spans <= 1 + 1e-6) | whole).any():
            high = cells[n.node_height[cells] == height]
            raise NetlistError(
                f"{len(high):,} of {len(cells):,} cells fit no rows, {n.node_names[high[0]]!r} for one",
                file=design.path, found=f"{height:g} um high",
                expected=f"at most a row's height, {', '.join(f'{h:g}' for h in heights[:5])} um, or 2 to {MOST_ROWS} "
                "times it",
            )  # fmt: skip
    if not made_up:
        return design
    note = (
        f"this design has no rows: {len(np.unique(rows.y)):,} rows of {rows.height[0]:g} um, the height of most cells, "
        f"with sites of {rows.site_spacing[0]:g} um are made up to place its cells in"
    )
    return replace(design, canvas=replace(canvas, rows=rows), notes=(*design.notes, note))


def _made_up_rows(canvas: Canvas, width: NDArray[np.float64], height: NDArray[np.float64]) -> Rows:
    values, counts = np.unique(height, return_counts=True)
    high = float(values[np.argmax(counts)])
    site = int(np.gcd.reduce(np.rint(width / canvas.lattice).astype(np.int64))) * canvas.lattice
    if site <= 0:
        site = high / 10.0
    count, sites = int(canvas.height / high + 1e-9), int(canvas.width / site + 1e-9)
    full_row: NDArray[np.float64] = np.ones(max(count, 1))
    return Rows(
        canvas.y0 + high * np.arange(len(full_row), dtype=np.float64), high * full_row, canvas.x0 * full_row,
        np.full(len(full_row), sites), site * full_row, site * full_row, np.zeros(len(full_row), np.int8),
    )  # fmt: skip


def require_room(design: Design) -> None:
    """Check that the free sites of the rows are enough for all cells and movable macros.

    Cells are counted in the rows they will be put in, rows of each height and site pitch by themselves, and then all of
    them together with the macros by area.

    Args:
        design: what :func:`with_rows` gave.

    Raises:
        PlacementError: they are not; the message says how much is missing.
    """
    from placer.engines.analytic.cells import free_sites, kinds_for

    n = design.netlist
    cells = np.flatnonzero(design.movable & (n.node_kind == STDCELL))
    macros = design.movable & (n.node_kind == HARD_MACRO)
    free = free_sites(design)
    kind, span = kinds_for(design, cells, n.node_height[cells], [rows for rows, _ in free])
    need, room = 0.0, 0.0
    for k, (rows, sites) in enumerate(free):
        pitch, height, mine = float(rows.site_spacing[0]), float(rows.height[0]), kind == k
        wanted = float((np.ceil(n.node_width[cells[mine]] / pitch - 1e-6).clip(1) * span[mine]).sum())
        if wanted > sites:
            which = "rows" if len(free) == 1 else f"rows of {height:g} um with sites of {pitch:g} um"
            raise PlacementError(
                f"cells need {wanted:,.0f} sites, the {which} have {sites:,} free: {wanted / max(sites, 1):.1%} full",
                rule="rows",
            )  # fmt: skip
        need, room = need + wanted * pitch * height, room + sites * pitch * height
    need += float((n.node_width * n.node_height)[macros].sum())
    if need > room * (1.0 + 1e-9):
        raise PlacementError(
            f"cells and movable macros need {need:,.0f} um^2, the rows have {room:,.0f} um^2 free: "
            f"{need / max(room, 1e-9):.1%} full", rule="rows",
        )  # fmt: skip
