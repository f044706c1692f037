"""Die, core, rows and tracks of a chip, in whole database units on the manufacturing grid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon, box

from netlists.errors import NetlistError
from netlists.formats.def_ import Row, Track
from netlists.formats.lef import Library, Site
from netlists.orientation import FS, N
from placer.engines.floorplan.chip.rectilinear import checked_outline, core_of, row_spans, straight

#: Database units a micron where no LEF file says.
DEFAULT_DBU = 1000
#: Largest sensible value of either way of an aspect ratio.
_MAX_RATIO = 20.0


@dataclass(frozen=True, eq=False)
class Ground:
    """What a floorplan consists of before anything lies on it; lengths in database units.

    Attributes:
        dbu: database units a micron.
        grid: manufacturing grid.
        die: outline of the chip.
        core: where rows are.
        rows: rows, bottom up, alternating N and FS.
        tracks: routing tracks of every routing layer, both ways.
        site: the rows' site.
    """

    dbu: int
    grid: int
    die: Polygon
    core: Polygon
    rows: tuple[Row, ...]
    tracks: tuple[Track, ...]
    site: Site

    @property
    def row_area(self) -> float:
        """Area of the rows, dbu^2."""
        w, h = round(self.site.width * self.dbu), round(self.site.height * self.dbu)
        return float(sum(row.columns for row in self.rows) * w * h)


def make_ground(
    library: Library,
    area: float,
    largest: tuple[float, float] = (0.0, 0.0),
    *,
    utilization: float = 60.0,
    aspect_ratio: float = 1.0,
    margins: tuple[float, float, float, float] = (5.0, 5.0, 5.0, 5.0),
    outline: NDArray[np.float64] | None = None,
    site: str | None = None,
) -> Ground:
    """Make die, core, rows and tracks.

    The core has ``area / utilization``, its sides whole sites and rows, rounded up; its lower-left corner lies on the
    site grid at or beyond the margins, the die ends a margin beyond its other sides. With an outline the die is that,
    snapped inwards to the manufacturing grid, and rows fill what the margins leave.

    Args:
        library: technology: units, grid, sites, layers.
        area: of all cells and macros, um^2.
        largest: the longest short side and the longest long side of any macro, um.
        utilization: percent of the core that cells and macros fill.
        aspect_ratio: height over width of the core.
        margins: left, bottom, right, top between die and core, um.
        outline: ``[V, 2]`` corners of the die, um; replaces utilisation and aspect ratio.
        site: name of the rows' site; the smallest CORE site when None.

    Raises:
        NetlistError: numbers that make no sense, no site, or cells and macros that do not fit.
    """
    chosen = _site(library, site)
    dbu, grid = units(library)
    if not all(math.isfinite(m) and m >= 0 for m in margins):
        raise NetlistError("a core margin is negative or not a number", found=margins)
    wide, high = (
        _whole(chosen.width, dbu, f"the width of site {chosen.name!r}"),
        _whole(chosen.height, dbu, f"the height of site {chosen.name!r}"),
    )
    left, bottom, right, top = (float(math.ceil(m * dbu / grid - 1e-9) * grid) for m in margins)
    inset = (left, bottom, right, top)
    if outline is None:
        die = _die_for(area, utilization, aspect_ratio, inset, (wide, high), dbu, grid)
    else:
        die = snap_outline(outline, dbu, grid)
    inside = core_of(die, inset)
    rows = _rows(inside, chosen.name, wide, high)
    if not rows:
        raise NetlistError(
            "the core is too small for a single row", found=_size(inside, dbu), expected=f"sites of {chosen.name}"
        )
    have = sum(row.columns for row in rows) * wide * high / dbu**2
    if area > have:
        raise NetlistError(
            "the rows have less area than the cells and macros",
            found=f"{have:,.0f} um^2",
            expected=f"{area:,.0f} um^2 or more",
        )
    core = _outline_of(rows, wide, high)
    x0, y0, x1, y1 = core.bounds
    sides = sorted(((x1 - x0) / dbu, (y1 - y0) / dbu))
    if largest[0] > sides[0] + 1e-9 or largest[1] > sides[1] + 1e-9:
        raise NetlistError(
            "a macro is larger than the core", found=f"{largest[0]:g} x {largest[1]:g} um",
            expected=f"at most {sides[0]:g} x {sides[1]:g} um; less utilisation or another aspect ratio",
        )  # fmt: skip
    return Ground(dbu, grid, die, core, rows, _tracks(library, die, dbu), chosen)


def units(library: Library) -> tuple[int, int]:
    """Database units a micron, and the manufacturing grid in them (least common multiple with the unit)."""
    dbu = library.dbu_per_micron or DEFAULT_DBU
    if library.manufacturing_grid <= 0:
        return dbu, 1
    grid = Fraction(str(library.manufacturing_grid)).limit_denominator(10**9) * dbu
    return dbu, max(1, grid.numerator)


def snap_outline(outline: NDArray[np.float64], dbu: int, grid: int) -> Polygon:
    """A user's outline (um) on the manufacturing grid: corners move to the nearest grid point.

    Raises:
        NetlistError: it is no rectilinear outline, before or after.
    """
    shape = checked_outline(outline)
    return checked_outline(np.rint(np.asarray(shape.exterior.coords) * dbu / grid) * grid)


def _site(library: Library, name: str | None) -> Site:
    if name is not None:
        if name not in library.sites:
            raise NetlistError("no LEF file has this site", found=name, expected=", ".join(library.sites) or "a site")
        return library.sites[name]
    plain = [
        s for s in library.sites.values() if s.kind == "CORE" and not s.row_pattern and s.width > 0 and s.height > 0
    ]
    if not plain:
        read = ", ".join(path.name for path in library.files) or "no LEF file"
        raise NetlistError("no LEF file has a SITE of class CORE, which rows are made of", found=read)
    used: dict[str, int] = {}
    for macro in library.macros.values():
        for site in macro.sites:
            used[site] = used.get(site, 0) + 1
    # The site that most masters name; where none does, the smallest.
    return min(plain, key=lambda s: (-used.get(s.name, 0), s.width * s.height))


def _die_for(
    area: float, utilization: float, aspect_ratio: float, inset: tuple[float, float, float, float],
    unit: tuple[int, int], dbu: int, grid: int,
) -> Polygon:  # fmt: skip
    if not (math.isfinite(utilization) and 0 < utilization <= 100):
        raise NetlistError("the utilisation is a percentage above 0 and up to 100", found=utilization)
    if not (math.isfinite(aspect_ratio) and 1 / _MAX_RATIO <= aspect_ratio <= _MAX_RATIO):
        raise NetlistError(
            "the aspect ratio (height over width) is out of range", found=aspect_ratio,
            expected=f"{1 / _MAX_RATIO:g} to {_MAX_RATIO:g}",
        )  # fmt: skip
    if area <= 0:
        raise NetlistError("there is nothing to make a core for: cells and macros have no area")
    wide, high = unit
    total = area * dbu**2 * 100 / utilization
    columns = max(1, math.ceil(math.sqrt(total / aspect_ratio) / wide - 1e-9))
    count = max(1, math.ceil(math.sqrt(total * aspect_ratio) / high - 1e-9))
    x0, y0 = math.ceil(inset[0] / wide - 1e-9) * wide, math.ceil(inset[1] / high - 1e-9) * high
    x1 = math.ceil((x0 + columns * wide + inset[2]) / grid) * grid
    y1 = math.ceil((y0 + count * high + inset[3]) / grid) * grid
    return box(0, 0, x1, y1)


def _rows(inside: Polygon, site: str, wide: int, high: int) -> tuple[Row, ...]:
    """Rows on the site grid (multiples of the site's sides from the origin of coordinates) inside a core."""
    _, y0, _, y1 = inside.bounds
    rows: list[Row] = []
    first = math.ceil(y0 / high - 1e-9)
    for k in range(first, math.floor(y1 / high + 1e-9)):
        for left, right in row_spans(inside, k * high, (k + 1) * high):
            start = math.ceil(left / wide - 1e-9)
            columns = math.floor(right / wide + 1e-9) - start
            if columns > 0:
                orient = N if (k - first) % 2 == 0 else FS
                rows.append(Row(f"ROW_{len(rows)}", site, start * wide, k * high, orient, columns, 1, wide, 0))
    return tuple(rows)


def _outline_of(rows: tuple[Row, ...], wide: int, high: int) -> Polygon:
    shape = shapely.union_all([box(r.x, r.y, r.x + r.columns * wide, r.y + high) for r in rows])
    if not isinstance(shape, Polygon):  # pieces apart from each other: what they span
        shape = box(*shape.bounds)
    return straight(shape)


def _tracks(library: Library, die: Polygon, dbu: int) -> tuple[Track, ...]:
    """Tracks of each routing layer in both directions, from the die's lower-left corner on.

    LEF 5.8: the offset is that of the first track from the design's origin; half a pitch where the file gives none.
    """
    x0, y0, x1, y1 = die.bounds
    tracks = []
    for layer in library.routing_layers():
        for axis, low, high, index in (("X", x0, x1, 0), ("Y", y0, y1, 1)):
            step = round(layer.pitch[index] * dbu)
            if step <= 0:
                continue
            offset = layer.offset[index]
            first = round(offset * dbu) if math.isfinite(offset) else step // 2
            start = int(low) + first % step
            if start <= high:
                tracks.append(Track(axis, start, int((high - start) // step) + 1, step, (layer.name,)))
    return tuple(tracks)


def _whole(length: float, dbu: int, what: str) -> int:
    units = round(length * dbu)
    if units <= 0 or abs(units - length * dbu) > 1e-6:
        raise NetlistError(
            f"{what} is no whole number of database units", found=f"{length:g} um", expected=f"1/{dbu} um"
        )
    return units


def _size(shape: Polygon, dbu: int) -> str:
    x0, y0, x1, y1 = shape.bounds
    return f"{(x1 - x0) / dbu:g} x {(y1 - y0) / dbu:g} um"
