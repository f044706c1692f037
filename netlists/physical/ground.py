"""The ground a DEF file and its technology describe: core, rows, routing supply, blockages, lattice."""

from __future__ import annotations

from fractions import Fraction
from math import gcd

import numpy as np
import shapely
from shapely.geometry import Polygon, box

from netlists.canvas import BLOCK_HARD, BLOCK_PARTIAL, BLOCK_SOFT, Blockage, Canvas, Rows
from netlists.errors import NetlistError
from netlists.formats.bookshelf import assume
from netlists.formats.def_ import DefFile
from netlists.formats.lef import Layer, Library, Macro
from netlists.formats.lef.library import OBSTRUCTION
from netlists.physical.bound import component_blockages

#: A layer counts as taken by a macro when its obstructions cover at least this part of the macro.
TAKEN = 0.5


def make_canvas(def_file: DefFile, library: Library, macros: list[Macro]) -> tuple[Canvas, list[str]]:
    """The canvas of a DEF file.

    The core is the outline of the rows (gaps inside it, as cut around macros, are filled), the die without rows. The
    lattice is the least common multiple of the manufacturing grid and the database unit. The grid of gcells is the one
    assumed for every format that states none.

    Args:
        def_file: die, rows, tracks and blockages.
        library: sites and layers.
        macros: the master of every hard macro, one entry an instance.

    Returns:
        The canvas and notes on what was assumed.

    Raises:
        NetlistError: there is neither a die nor a row, or a row's site is in no LEF file.
    """
    per_um = def_file.dbu_per_micron
    notes: list[str] = []
    rows = _rows(def_file, library)
    if rows is not None:
        outline = _row_outline(rows)
    elif len(def_file.die_area):
        outline = Polygon(def_file.die_area / per_um)
        if len(def_file.die_area) == 2:
            (xa, ya), (xb, yb) = (def_file.die_area / per_um).tolist()
            outline = box(xa, ya, xb, yb)
        notes.append("no rows in the DEF file: the core is the die")
    else:
        raise NetlistError(
            "this DEF file has no floorplan: neither DIEAREA nor ROW", file=def_file.file,
            expected="a DEF file that 'placer floorplan' or another tool has written a floorplan to",
        )  # fmt: skip
    # Corners are whole database units; the union of rows in floating point must not invent others.
    outline = shapely.transform(outline, lambda xy: np.rint(xy * per_um) / per_um)
    x0, y0, x1, y1 = outline.bounds
    columns, grid_rows = assume.grid(x1 - x0, y1 - y0, len(macros))
    supply, told = routing_supply(def_file, library, macros)
    notes += [f"placement grid assumed: {columns} x {grid_rows}", told]
    bound = component_blockages(def_file, library)
    blockages = _blockages(def_file, bound.standing)
    if bound.left_out:
        notes.append(
            f"{bound.left_out:,} placement blockages belong to components without a place, or speak of cells around "
            "one, and are left out: write what they ask as a halo"
        )
    if any(b.kind != BLOCK_HARD for b in blockages):
        notes.append("soft and partial blockages speak of cells: clusters keep off them, macros may lie on them")
    canvas = Canvas(
        x0, y0, x1, y1, columns, grid_rows,
        smoothing=assume.SMOOTHING,
        outline=None if outline.equals(box(x0, y0, x1, y1)) else outline,
        rows=rows,
        blockages=blockages,
        manufacturing_grid=lattice(def_file, library),
        **supply,
    )  # fmt: skip
    return canvas, notes


def lattice(def_file: DefFile, library: Library) -> float:
    """Least common multiple of the manufacturing grid and the database unit, um: where corners may lie in a DEF."""
    unit = Fraction(1, def_file.dbu_per_micron)
    grid = Fraction(str(library.manufacturing_grid)).limit_denominator(10**9) or unit
    a, b = unit.numerator * grid.denominator, grid.numerator * unit.denominator
    return float(Fraction(a * b // gcd(a, b), unit.denominator * grid.denominator))


def _rows(def_file: DefFile, library: Library) -> Rows | None:
    if not def_file.rows:
        return None
    missing = sorted({row.site for row in def_file.rows} - set(library.sites))
    if missing:
        raise NetlistError(
            f"sites of rows are in none of the LEF files: {', '.join(missing)}", file=def_file.file,
            expected="the technology LEF",
        )  # fmt: skip
    # Pad rows around the core are not core; a pattern "DO 1 BY n" is n rows of one site.
    rows = [row for row in def_file.rows if library.sites[row.site].kind == "CORE"] or list(def_file.rows)
    per_um = def_file.dbu_per_micron
    y, x, sites, site, orient = [], [], [], [], []
    for row in rows:
        for k in range(row.rows):
            y.append(row.y + k * row.step_y)
            x.append(row.x)
            sites.append(row.columns)
            site.append(row)
            orient.append(row.orient)
    order = np.lexsort((x, y))
    width = np.array([library.sites[row.site].width for row in site])
    step = np.array([row.step_x / per_um for row in site])
    return Rows(
        y=(np.array(y) / per_um)[order],
        height=np.array([library.sites[row.site].height for row in site])[order],
        x0=(np.array(x) / per_um)[order],
        num_sites=np.array(sites, np.int64)[order],
        site_width=width[order],
        site_spacing=np.where(step > 0, step, width)[order],
        orient=np.array(orient, np.int8)[order],
        symmetry=tuple(" ".join(library.sites[site[i].site].symmetry) for i in order.tolist()),
    )


def _row_outline(rows: Rows) -> Polygon:
    shape = shapely.union_all(shapely.box(rows.x0, rows.y, rows.x1, rows.y + rows.height))
    if not isinstance(shape, Polygon):  # rows with space between them: what they span
        return box(*shape.bounds)
    outer = shapely.simplify(Polygon(shape.exterior), 0)
    assert isinstance(outer, Polygon)
    return outer


def routing_supply(def_file: DefFile, library: Library, macros: list[Macro]) -> tuple[assume.Supply, str]:
    """Routing tracks per um each way, and how many of them hard macros take.

    Every routing layer but the lowest (pins and rails of the cells) counts in its own direction with one track a
    pitch: the DEF file's TRACKS, else the LEF pitch. A macro takes the layers that its obstructions cover at least
    half of; over several kinds of macros the mean is taken by area. Where no layer can be counted the supply is
    assumed from the rows as in formats without layers.
    """
    tracks = _track_steps(def_file)
    layers = [layer for layer in library.routing_layers()[1:] if layer.direction in ("HORIZONTAL", "VERTICAL")]
    per_layer = {layer.name: _routes(layer, tracks) for layer in layers}
    total = {"HORIZONTAL": 0.0, "VERTICAL": 0.0}
    taken = dict(total)
    share = _taken_share(macros, library)
    for layer in layers:
        total[layer.direction] += per_layer[layer.name]
        taken[layer.direction] += per_layer[layer.name] * share.get(layer.name, 0.0)
    if not (total["HORIZONTAL"] and total["VERTICAL"]):
        height = min((site.height for site in library.sites.values() if site.kind == "CORE"), default=1.0)
        return assume.supply_of_rows(height), (
            f"routing supply assumed: {assume.TRACKS_PER_ROW:g} tracks a row height each way (no layers to count)"
        )
    if not share and macros:
        taken = {way: assume.MACRO_SHARE * routes for way, routes in total.items()}
    supply: assume.Supply = {
        "h_routes_per_um": total["HORIZONTAL"],
        "v_routes_per_um": total["VERTICAL"],
        "h_macro_routes_per_um": taken["HORIZONTAL"],
        "v_macro_routes_per_um": taken["VERTICAL"],
    }
    told = (
        f"routing supply from {len(layers)} layers above the lowest: {total['HORIZONTAL']:.4g} horizontal and"
        f" {total['VERTICAL']:.4g} vertical tracks a um"
    )
    return supply, told


def _track_steps(def_file: DefFile) -> dict[tuple[str, str], float]:
    """(Layer, direction of the wires) -> distance between tracks, um; several patterns on one layer add up."""
    routes: dict[tuple[str, str], float] = {}
    for track in def_file.tracks:
        way = "HORIZONTAL" if track.axis == "Y" else "VERTICAL"
        for layer in track.layers if track.step > 0 else ():
            routes[layer, way] = max(routes.get((layer, way), 0.0), def_file.dbu_per_micron / track.step)
    return routes


def _routes(layer: Layer, tracks: dict[tuple[str, str], float]) -> float:
    known = tracks.get((layer.name, layer.direction))
    if known is not None:
        return known
    pitch = layer.pitch[1] if layer.direction == "HORIZONTAL" else layer.pitch[0]
    pitch = pitch or layer.width + layer.spacing
    return 1.0 / pitch if pitch > 0 else 0.0


def _taken_share(macros: list[Macro], library: Library) -> dict[str, float]:
    """Layer -> part of the macros' area under which it is taken; empty where no macro states obstructions."""
    area = sum(m.width * m.height for m in macros)
    share: dict[str, float] = {}
    known: dict[str, list[str]] = {}
    for macro in macros:
        if macro.name not in known:
            s = macro.shapes
            own = s.owner == OBSTRUCTION
            size = (s.box[:, 2:] - s.box[:, :2]).prod(axis=1)
            covered = np.bincount(s.layer[own], size[own], len(s.layers)) if own.any() else np.zeros(len(s.layers))
            known[macro.name] = [
                name
                for name, a in zip(s.layers, covered.tolist(), strict=True)
                if a >= TAKEN * macro.width * macro.height
            ]
        for name in known[macro.name]:
            share[name] = share.get(name, 0.0) + macro.width * macro.height / area
    return share


def _blockages(def_file: DefFile, standing: frozenset[int]) -> tuple[Blockage, ...]:
    """Placement blockages, one a rectangle or polygon; of those that belong to components the ``standing`` ones."""
    per_um = def_file.dbu_per_micron
    out: list[Blockage] = []
    for number, blockage in enumerate(def_file.blockages):
        if blockage.layer or (blockage.component and number not in standing):
            continue
        kind, density = BLOCK_HARD, 0.0
        if blockage.partial is not None:
            kind, density = BLOCK_PARTIAL, blockage.partial / 100
        elif blockage.soft:
            kind = BLOCK_SOFT
        shapes = [box(a / per_um, b / per_um, c / per_um, d / per_um) for a, b, c, d in blockage.rects]
        shapes += [Polygon([(x / per_um, y / per_um) for x, y in points]) for points in blockage.polygons]
        out += [Blockage(shape, kind, density, f"blockage {number + 1}") for shape in shapes if shape.area > 0]
    return tuple(out)
