"""The ground a circuit is placed on: outline, grid, routing supply, rows, blockages, lattice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Polygon, box

from netlists.errors import NetlistError

#: Blockage kinds.
BLOCK_HARD, BLOCK_SOFT, BLOCK_PARTIAL = range(3)

#: Lattice extents stay below this, so that a lattice coordinate survives rounding to float32 (24-bit mantissa).
_MAX_LATTICE_EXTENT = 2**22


@dataclass(frozen=True)
class Rows:
    """Standard-cell rows, bottom up, one entry a (sub)row; all arrays ``[R]`` float64 in um.

    Attributes:
        y: lower edge.
        height: row height.
        x0: left edge of the first site.
        num_sites: sites in the row.
        site_width: site width.
        site_spacing: site pitch.
        orient: ``[R]`` int8 orientation code of the sites.
        symmetry: ``R`` strings as the format spells them (``"Y"``, ``"1"``, ...), kept for writing.
    """

    y: NDArray[np.float64]
    height: NDArray[np.float64]
    x0: NDArray[np.float64]
    num_sites: NDArray[np.int64]
    site_width: NDArray[np.float64]
    site_spacing: NDArray[np.float64]
    orient: NDArray[np.int8]
    symmetry: tuple[str, ...] = ()

    @property
    def x1(self) -> NDArray[np.float64]:
        """Right edge of each row, um."""
        return self.x0 + self.num_sites * self.site_spacing


@dataclass(frozen=True)
class Blockage:
    """A region that objects must avoid (hard), cells should avoid (soft), or may fill to ``density`` (partial)."""

    polygon: Polygon
    kind: int = BLOCK_HARD
    density: float = 0.0
    name: str = ""


@dataclass(frozen=True)
class Canvas:
    """Where objects may lie. Microns; the origin is wherever the input puts it.

    Attributes:
        x0: left edge of the core bounding box.
        y0: lower edge.
        x1: right edge.
        y1: upper edge.
        columns: columns of the placement grid over the bounding box.
        grid_rows: rows of the placement grid over the bounding box.
        h_routes_per_um: horizontal routing tracks per um of height.
        v_routes_per_um: vertical routing tracks per um of width.
        h_macro_routes_per_um: horizontal tracks per um a hard macro takes.
        v_macro_routes_per_um: vertical tracks per um a hard macro takes.
        smoothing: congestion smoothing range in gcells.
        overlap_threshold: Circuit Training's allowed overlap fraction; kept, not used for legality.
        outline: rectilinear core outline, or None for the whole bounding box.
        rows: standard-cell rows, or None.
        blockages: placement blockages.
        manufacturing_grid: um, or 0 where the technology gives none; see :attr:`lattice`.

    Raises:
        NetlistError: the box is empty, a number is not finite, or the grid has no cell.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    columns: int
    grid_rows: int
    h_routes_per_um: float = 0.0
    v_routes_per_um: float = 0.0
    h_macro_routes_per_um: float = 0.0
    v_macro_routes_per_um: float = 0.0
    smoothing: int = 0
    overlap_threshold: float = 0.0
    outline: Polygon | None = None
    rows: Rows | None = None
    blockages: tuple[Blockage, ...] = field(default=())
    manufacturing_grid: float = 0.0

    def __post_init__(self) -> None:
        numbers = (
            self.x0, self.y0, self.x1, self.y1, self.h_routes_per_um, self.v_routes_per_um,
            self.h_macro_routes_per_um, self.v_macro_routes_per_um, self.overlap_threshold, self.manufacturing_grid,
        )  # fmt: skip
        if not np.isfinite(numbers).all():
            raise NetlistError("the canvas has a number that is not finite", found=numbers)
        if self.x1 <= self.x0 or self.y1 <= self.y0:
            raise NetlistError("the canvas is empty", found=f"{self.width} x {self.height} um")
        if self.columns < 1 or self.grid_rows < 1:
            raise NetlistError("the placement grid has no cell", found=f"{self.columns} x {self.grid_rows}")
        if min(numbers[4:]) < 0 or self.smoothing < 0:
            raise NetlistError("the canvas has a negative routing supply, smoothing range or grid", found=numbers[4:])

    @property
    def width(self) -> float:
        """Width of the bounding box, um."""
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        """Height of the bounding box, um."""
        return self.y1 - self.y0

    @property
    def area(self) -> float:
        """Area inside the outline, um^2."""
        return self.width * self.height if self.outline is None else float(self.outline.area)

    @property
    def gcell_width(self) -> float:
        """Width of a gcell, um."""
        return self.width / self.columns

    @property
    def gcell_height(self) -> float:
        """Height of a gcell, um."""
        return self.height / self.grid_rows

    @cached_property
    def polygon(self) -> Polygon:
        """Core outline as a Shapely polygon."""
        return self.outline if self.outline is not None else box(self.x0, self.y0, self.x1, self.y1)

    @cached_property
    def lattice(self) -> float:
        """Step in um of the lattice legal lower-left corners lie on.

        The manufacturing grid where the technology gives one; else the finest power of ten, 1e-3 um or coarser
        for large canvases, 1e-6 um at the finest, at which the canvas spans between 2**19 and 2**22 steps, so that
        a lattice coordinate survives text round trips and rounding to float32.
        """
        if self.manufacturing_grid > 0:
            return self.manufacturing_grid
        extent = max(self.width, self.height, abs(self.x0), abs(self.y0), abs(self.x1), abs(self.y1))
        exponent = int(np.ceil(np.log10(extent / _MAX_LATTICE_EXTENT)))
        return 10.0 ** max(exponent, -6)

    def with_grid(self, columns: int, rows: int) -> Canvas:
        """The same canvas with another placement grid."""
        return replace(self, columns=columns, grid_rows=rows)
