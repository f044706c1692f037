"""Static pictures of a placement, PNG and SVG, drawn without a browser."""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats.textio import atomic_write
from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO, STDCELL
from netlists.placement import Placement
from placer.cost.full import Cost
from placer.view import theme
from placer.view.figure import heat_tops
from placer.view.markings import markings
from placer.view.scene import LAYERS, SHAPE_LIMIT, Scene, scene

#: Pixels around the canvas, and those of the title line and of a legend row.
_MARGIN, _TITLE, _ROW = 24, 34, 20
_LEGEND = 210
#: Pictures are drawn this many times larger and scaled down, which smooths their edges.
_OVERSAMPLING = 3
#: Corners of a pin's dot around its middle, pixels.
_DOT = 1.2 * np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])

Colour = tuple[int, int, int]
Points = NDArray[np.float64]


class Surface(Protocol):
    """What a picture is drawn on; coordinates in pixels from the upper left."""

    def polygon(self, points: Points, fill: str | None, line: str | None, width: float = 1.0) -> None:
        """A closed polygon ``[K, 2]``."""

    def raster(self, box: tuple[float, float, float, float], pixels: NDArray[np.uint8]) -> None:
        """``[rows, columns, 3]`` colours, first row at the top, stretched over left, top, right, bottom."""

    def text(self, x: float, y: float, text: str, size: int, colour: str, *, bold: bool = False) -> None:
        """One line of text; ``x`` its left end, ``y`` its middle."""


def write_image(
    path: str | Path,
    design: Design,
    placement: Placement | None = None,
    *,
    cost: Cost | None = None,
    layer: str | None = None,
    width: int = 1200,
) -> Path:
    """Draw a placement into a ``.png`` or ``.svg`` file.

    Args:
        path: the file; an earlier one is replaced when the new one is complete.
        design: netlist and canvas.
        placement: the design's own when None.
        cost: ``full(design, placement)`` when it is known already.
        layer: map laid under the objects: ``"density"``, ``"h_congestion"``, ``"v_congestion"`` or ``"rudy"``.
        width: pixels across, legend included.

    Returns:
        ``path``.

    Raises:
        NetlistError: the name ends in something else, or the file cannot be written.
        PlacementError: the placement has another number of objects than the netlist.
        ValueError: the layer is unknown or the width is below 400.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".png", ".svg"):
        raise NetlistError("cannot draw into this kind of file", file=path, found=suffix, expected=".png or .svg")
    if width < 400:
        raise ValueError(f"a picture {width} pixels wide has no room for its legend (expected at least 400)")
    view = scene(design, placement, cost=cost, layers=() if layer is None else (layer,))
    frame = _Frame(view, width)
    if suffix == ".svg":
        sheet = _Svg(frame.width, frame.height)
        _draw(view, frame, sheet, layer)
        return atomic_write(path, sheet.finish())
    page = _Png(frame.width, frame.height)
    _draw(view, frame, page, layer)
    return atomic_write(path, page.finish())


class _Frame:
    """From microns to pixels: the canvas fills the picture beside the legend; y turns over."""

    def __init__(self, view: Scene, width: int) -> None:
        self.x0, y0, x1, self.y1 = view.extent
        inner = width - 3 * _MARGIN - _LEGEND
        # Very tall canvases must not make endless pictures.
        self.scale = min(inner / (x1 - self.x0), 2.0 * inner / (self.y1 - y0))
        self.left, self.top = float(_MARGIN), float(_MARGIN + _TITLE)
        self.right, self.bottom = self.left + (x1 - self.x0) * self.scale, self.top + (self.y1 - y0) * self.scale
        self.width = width
        self.height = max(round(self.bottom + _MARGIN), 380)

    def points(self, points: Points) -> Points:
        """``[..., 2]`` um -> pixels."""
        out = np.empty_like(points)
        out[..., 0] = self.left + (points[..., 0] - self.x0) * self.scale
        out[..., 1] = self.top + (self.y1 - points[..., 1]) * self.scale
        return out


def _draw(view: Scene, frame: _Frame, sheet: Surface, layer: str | None) -> None:
    heat = view.maps.get(layer) if layer is not None else None
    c = view.canvas
    (left, top), (right, bottom) = frame.points(np.array([[c.x0, c.y1], [c.x1, c.y0]]))
    whole = (float(left), float(top), float(right), float(bottom))
    for ring in view.rings:
        sheet.polygon(frame.points(ring), theme.CANVAS_FILL, None)
    if heat is not None:
        sheet.raster(whole, _colours(heat, theme.HEAT, heat_tops([view])[str(layer)]))
    elif view.crowd_fill is not None:
        fill = view.crowd_fill
        sheet.raster(whole, _colours(fill, theme.CELLS, max(1.0, float(np.percentile(fill, 99.5)))))
    entries: list[tuple[str, str | None, str]] = []
    plain = heat is not None  # outlines only: groups would look alike
    shown_markings = [one for one in markings(view) if one.shown]
    for one in shown_markings:
        if not one.points:
            inside = None if plain else one.solid
            for ring in one.rings:
                sheet.polygon(frame.points(ring), inside, one.line, one.width)

    def boxes(ids: NDArray[np.int64], label: str, fill: str, line: str, width: float) -> None:
        if not len(ids):
            return
        left, bottom, right, top = (edge[ids] for edge in view.box)
        corners = np.stack([left, bottom, right, bottom, right, top, left, top], axis=1).reshape(-1, 4, 2)
        shown = None if plain else fill
        for polygon in frame.points(corners):
            sheet.polygon(polygon, shown, line, width)
        entries.append((f"{label} ({len(ids):,})", fill, line))

    boxes(view.ids(STDCELL), "standard cells", theme.CELLS[2], theme.CELLS[4], 0.5)
    boxes(view.ids(SOFT_MACRO), "soft macros", theme.SOFT_FILL, theme.SOFT_LINE, 0.8)
    groups = [("hard macros", view.ids(HARD_MACRO))] if plain else view.groups
    for (label, ids), colour in zip(groups, theme.GROUP_COLOURS, strict=False):
        boxes(ids, label, colour, theme.HARD_LINE, 1.0)
    for corners in frame.points(view.marks(view.ids(HARD_MACRO))):
        sheet.polygon(corners, theme.MARK, None)
    for ring in view.rings:
        sheet.polygon(frame.points(ring), None, theme.CANVAS_LINE, 1.6)
    for one in shown_markings:
        if one.points:
            for at in frame.points(np.concatenate(one.rings)):
                sheet.polygon(at + _DOT, one.line, None)
        for title, ring in zip(one.titles, one.rings, strict=False):
            at = frame.points(ring).min(axis=0)
            sheet.text(at[0] + 4, at[1] + 10, _clip(title, 30), 12, one.line)
    ports = view.crowd(PORT)
    shown = ports[:: max(1, -(-len(ports) // SHAPE_LIMIT))]
    diamond = 3.5 * np.array([[0, -1], [1, 0], [0, 1], [-1, 0]])
    for at in frame.points(np.stack([view.placement.x[shown], view.placement.y[shown]], axis=1)):
        sheet.polygon(at + diamond, theme.PORT_COLOUR, None)
    if view.crowd_fill is not None and heat is None:
        entries.append(
            (" and ".join(f"{word} ({count:,})" for word, count in view.crowds), theme.CELLS[3], theme.CELLS[4])
        )
    for one in shown_markings:
        box = one.line if one.points else one.solid or theme.CANVAS_FILL
        entries.append((f"{one.name} ({len(one.rings):,})" if one.key != "die" else one.name, box, one.line))
    if len(ports):
        entries.append((f"ports ({len(ports):,})", theme.PORT_COLOUR, theme.PORT_COLOUR))
    _labels(view, frame, sheet, entries, layer if heat is not None else None)


def _labels(
    view: Scene, frame: _Frame, sheet: Surface, entries: Sequence[tuple[str, str | None, str]], layer: str | None
) -> None:
    sheet.text(frame.left, _MARGIN + 6, _clip(view.design.name, 60), 18, theme.INK, bold=True)
    # Left of the legend, where the canvas ends when it is narrow.
    x, y = min(frame.right + _MARGIN, frame.width - _MARGIN - _LEGEND), frame.top + 8
    if view.cost is not None:
        for label, value in (
            ("proxy cost", f"{view.cost.proxy_cost:.4f}"),
            ("wirelength", f"{view.cost.wirelength_cost:.4f}"),
            ("density", f"{view.cost.density_cost:.4f}"),
            ("congestion", f"{view.cost.congestion_cost:.4f}"),
        ):
            sheet.text(x, y, label, 13, theme.FAINT)
            sheet.text(x + 110, y, value, 13, theme.INK, bold=label == "proxy cost")
            y += _ROW
        y += _ROW / 2
    for label, fill, line in entries:
        box = np.array([[x, y - 6], [x + 12, y - 6], [x + 12, y + 6], [x, y + 6]], dtype=np.float64)
        sheet.polygon(box, None if layer is not None and fill != line else fill, line, 1.0)
        sheet.text(x + 20, y, _clip(label, 30), 13, theme.INK)
        y += _ROW
    if layer is not None:
        about = next(one for one in LAYERS if one.key == layer)
        y += _ROW / 2
        sheet.text(x, y, about.label, 13, theme.INK, bold=True)
        ramp = _colours(np.linspace(0, 1, 120)[None, :], theme.HEAT, 1.0)
        sheet.raster((x, y + 12, x + 180, y + 24), ramp)
        sheet.text(x, y + 35, "0", 12, theme.FAINT)
        sheet.text(x + 150, y + 35, f"{heat_tops([view])[layer]:.3g}", 12, theme.FAINT)
        sheet.text(x, y + 53, about.unit, 12, theme.FAINT)


def _colours(values: NDArray[np.float64], colours: tuple[str, ...], top: float) -> NDArray[np.uint8]:
    """``[rows, columns]`` numbers, row 0 at the bottom -> ``[rows, columns, 3]`` colours, first row at the top."""
    stops = np.array([theme.rgb(colour) for colour in colours], dtype=np.float64)
    at = np.clip(values[::-1] / top if top > 0 else 0 * values, 0, 1) * (len(stops) - 1)
    low = np.minimum(at.astype(np.int64), len(stops) - 2)
    part = (at - low)[..., None]
    return np.rint(stops[low] * (1 - part) + stops[low + 1] * part).astype(np.uint8)


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else "..." + text[-(limit - 3) :]


class _Png:
    """Draws with Pillow, larger than wanted, and scales down at the end; text comes last, at its true size."""

    def __init__(self, width: int, height: int) -> None:
        self.size = (width, height)
        self.image = Image.new("RGB", (width * _OVERSAMPLING, height * _OVERSAMPLING), theme.GROUND)
        self.pen = ImageDraw.Draw(self.image)
        self.texts: list[tuple[float, float, str, int, str, bool]] = []

    def polygon(self, points: Points, fill: str | None, line: str | None, width: float = 1.0) -> None:
        """See :class:`Surface`."""
        corners = [(float(x), float(y)) for x, y in points * _OVERSAMPLING]
        thick = max(1, round(width * _OVERSAMPLING))
        if fill is not None:
            self.pen.polygon(corners, fill=fill)
        if line is not None:
            self.pen.line([*corners, corners[0], corners[1]], fill=line, width=thick)

    def raster(self, box: tuple[float, float, float, float], pixels: NDArray[np.uint8]) -> None:
        """See :class:`Surface`."""
        left, top, right, bottom = (round(v * _OVERSAMPLING) for v in box)
        patch = Image.fromarray(np.ascontiguousarray(pixels)).resize(
            (max(1, right - left), max(1, bottom - top)), Image.Resampling.NEAREST
        )
        self.image.paste(patch, (left, top))

    def text(self, x: float, y: float, text: str, size: int, colour: str, *, bold: bool = False) -> None:
        """See :class:`Surface`."""
        self.texts.append((x, y, text, size, colour, bold))

    def finish(self) -> bytes:
        """The PNG file."""
        small = self.image.resize(self.size, Image.Resampling.LANCZOS)
        pen = ImageDraw.Draw(small)
        for x, y, text, size, colour, bold in self.texts:
            font = ImageFont.load_default(size)
            # The built-in font has no bold face: a second print beside the first makes one.
            for shift in (0.0, 0.5) if bold else (0.0,):
                pen.text((x + shift, y), text, fill=colour, font=font, anchor="lm")
        out = io.BytesIO()
        small.save(out, "PNG", optimize=True)
        return out.getvalue()


class _Svg:
    """Writes SVG elements; names are escaped."""

    def __init__(self, width: int, height: int) -> None:
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="system-ui, -apple-system, \'Segoe UI\', Roboto, sans-serif">',
            f'<rect width="{width}" height="{height}" fill="{theme.GROUND}"/>',
        ]

    def polygon(self, points: Points, fill: str | None, line: str | None, width: float = 1.0) -> None:
        """See :class:`Surface`."""
        path = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
        stroke = f' stroke="{line}" stroke-width="{width:g}"' if line is not None else ""
        self.parts.append(f'<polygon points="{path}" fill="{fill or "none"}"{stroke}/>')

    def raster(self, box: tuple[float, float, float, float], pixels: NDArray[np.uint8]) -> None:
        """See :class:`Surface`."""
        import base64

        out = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG", optimize=True)
        left, top, right, bottom = box
        self.parts.append(
            f'<image x="{left:.2f}" y="{top:.2f}" width="{right - left:.2f}" height="{bottom - top:.2f}" '
            'preserveAspectRatio="none" style="image-rendering:pixelated" '
            f'href="data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"/>'
        )

    def text(self, x: float, y: float, text: str, size: int, colour: str, *, bold: bool = False) -> None:
        """See :class:`Surface`."""
        weight = ' font-weight="600"' if bold else ""
        # Control characters cannot stand in XML at all.
        clean = escape("".join(ch if ch.isprintable() else "\ufffd" for ch in text), quote=False)
        self.parts.append(
            f'<text x="{x:.2f}" y="{y:.2f}" font-size="{size}" fill="{colour}"{weight} '
            f'dominant-baseline="central">{clean}</text>'
        )

    def finish(self) -> str:
        """The SVG file."""
        return "\n".join([*self.parts, "</svg>", ""])
