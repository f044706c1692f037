"""Small pictures of placements, all of one design at one scale."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO, STDCELL
from netlists.placement import Placement
from placer.view import theme
from placer.view.scene import scene

#: Pictures are drawn this many times larger and scaled down, which smooths their edges.
_OVERSAMPLING = 2
#: Pixels around the canvas.
_EDGE = 4


def thumbnail(design: Design, placement: Placement, width: int = 460) -> bytes:
    """A PNG of the canvas with its objects; the same design always has the same scale.

    Args:
        design: netlist and canvas.
        placement: what to draw. Objects outside the canvas are cut off.
        width: pixels; a canvas taller than wide gets as many pixels in height.
    """
    view, c = scene(design, placement, layers=()), design.canvas
    scale = (width - 2 * _EDGE) / max(c.width, c.height) * _OVERSAMPLING
    edge = _EDGE * _OVERSAMPLING
    size = round(c.width * scale) + 2 * edge, round(c.height * scale) + 2 * edge
    image = Image.new("RGB", size, theme.GROUND)
    pen = ImageDraw.Draw(image)

    def pixels(points: NDArray[np.float64]) -> list[tuple[float, float]]:
        x, y = edge + (points[:, 0] - c.x0) * scale, edge + (c.y1 - points[:, 1]) * scale
        return list(zip(x.tolist(), y.tolist(), strict=True))

    for ring in view.rings:
        pen.polygon(pixels(ring), fill=theme.CANVAS_FILL)
    if view.crowd_fill is not None:
        stops = np.array([theme.rgb(colour) for colour in theme.CELLS], np.float64)
        at = np.clip(view.crowd_fill[::-1], 0, 1) * (len(stops) - 1)
        low = np.minimum(at.astype(np.int64), len(stops) - 2)
        part = (at - low)[..., None]
        raster = np.rint(stops[low] * (1 - part) + stops[low + 1] * part).astype(np.uint8)
        inner = size[0] - 2 * edge, size[1] - 2 * edge
        image.paste(Image.fromarray(raster).resize(inner, Image.Resampling.NEAREST), (edge, edge))
    kinds = (
        (STDCELL, theme.CELLS[2], theme.CELLS[4]), (SOFT_MACRO, theme.SOFT_FILL, theme.SOFT_LINE),
        (HARD_MACRO, theme.GROUP_COLOURS[0], theme.HARD_LINE),
    )  # fmt: skip
    for kind, fill, line in kinds:
        for node in view.ids(kind).tolist():
            left, bottom, right, top = (float(side[node]) for side in view.box)
            (x0, y1), (x1, y0) = pixels(np.array([[left, bottom], [right, top]]))
            if x1 - x0 >= 1 and y1 - y0 >= 1:
                pen.rectangle((x0, y0, x1, y1), fill=fill, outline=line)
            else:
                pen.line((x0, y0, x1, y1), fill=line)
    for corners in view.marks(view.ids(HARD_MACRO)):
        pen.polygon(pixels(corners), fill=theme.MARK)
    for ring in view.rings:
        pen.line(pixels(ring), fill=theme.CANVAS_LINE, width=_OVERSAMPLING)
    ports = view.crowd(PORT)[:: max(1, len(view.crowd(PORT)) // 2000)]
    for x, y in pixels(np.stack([placement.x[ports], placement.y[ports]], axis=1)) if len(ports) else ():
        pen.rectangle((x - 1, y - 1, x + 1, y + 1), fill=theme.PORT_COLOUR)
    small = image.resize((size[0] // _OVERSAMPLING, size[1] // _OVERSAMPLING), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    small.save(out, "PNG", optimize=True)
    return out.getvalue()
