"""Electrostatic density: objects are charges, their field spreads them (Lu et al., ePlace, TODAES 2015)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from netlists.compiled import njit
from placer.engines.analytic.workers import PARTS, Workers

Floats = NDArray[np.float64]


class Density:
    """Charge density of boxes on a grid of bins, its overflow and its field.

    Args:
        extent: (width, height) of the canvas, um.
        bins: (columns, rows) of the grid.
        width: ``[n]`` movable boxes, um.
        height: ``[n]``.
        scale: ``[n]`` charge per area, 1 for all but boxes denser than the target allows.
        fixed: ``[columns, rows]`` area taken by what does not move, um^2.
        target: density everything is spread to, 0 to 1.
        workers: threads.
    """

    def __init__(
        self,
        extent: tuple[float, float],
        bins: tuple[int, int],
        width: Floats,
        height: Floats,
        scale: Floats,
        fixed: Floats,
        target: float,
        workers: Workers,
    ) -> None:
        self.bin_width, self.bin_height = extent[0] / bins[0], extent[1] / bins[1]
        self.bins, self.target, self._workers = bins, target, workers
        area = self.bin_width * self.bin_height
        # A box narrower than a bin and a half is widened and thinned, or its force would jump as it crosses bins.
        self._wide = np.maximum(width, math.sqrt(2.0) * self.bin_width)
        self._high = np.maximum(height, math.sqrt(2.0) * self.bin_height)
        self._charge = scale * width * height / (self._wide * self._high)
        self._fixed = np.minimum(fixed, area) * target
        self._parts = np.empty((PARTS, *bins))
        touched = (np.ceil(self._wide / self.bin_width) + 1) * (np.ceil(self._high / self.bin_height) + 1)
        self._cuts = workers.cuts(np.concatenate([[0], np.cumsum(touched)]).astype(np.int64))
        u = math.pi * np.arange(bins[0]) / extent[0]
        v = math.pi * np.arange(bins[1]) / extent[1]
        square = u[:, None] ** 2 + v**2
        square[0, 0] = 1.0
        self._to_x, self._to_y = u[:, None] / square, v / square
        self.field_x, self.field_y = np.zeros(bins), np.zeros(bins)

    def spread(self, x: Floats, y: Floats) -> None:
        """Compute the field of the boxes at these centres."""
        density = self._map(x, y) / (self.bin_width * self.bin_height)
        coefficients = fft.dctn(density, type=2, workers=self._workers.count)
        coefficients[0, 0] = 0.0  # a uniform charge pushes nowhere
        self.field_x = self._field(coefficients * self._to_x, 0)
        self.field_y = self._field(coefficients * self._to_y, 1)

    def _field(self, coefficients: Floats, axis: int) -> Floats:
        """Sine series along ``axis``, cosine series along the other."""
        shifted = np.zeros_like(coefficients)
        if axis == 0:
            shifted[:-1] = coefficients[1:]
        else:
            shifted[:, :-1] = coefficients[:, 1:]
        part = fft.idst(shifted, type=2, axis=axis, workers=self._workers.count)
        out: Floats = fft.idct(part, type=2, axis=1 - axis, workers=self._workers.count)
        return out

    def slopes(self, x: Floats, y: Floats, out_x: Floats, out_y: Floats) -> None:
        """Slopes of the energy with respect to the centres, for the field of the last :meth:`spread`."""
        self._workers.each(
            self._cuts, _pull, x, y, self._wide, self._high, self._charge, self.bin_width, self.bin_height,
            self.field_x, self.field_y, out_x, out_y,
        )  # fmt: skip

    def overflow(self, x: Floats, y: Floats, count: int) -> float:
        """Area of the first ``count`` boxes above the target density, over their area."""
        parts = np.zeros(self.bins)
        _paint(0, count, x, y, self._wide, self._high, self._charge, self.bin_width, self.bin_height, parts)
        room = np.maximum(self.target * self.bin_width * self.bin_height - self._fixed, 0.0)
        total = float((self._charge[:count] * self._wide[:count] * self._high[:count]).sum())
        return float(np.maximum(parts - room, 0.0).sum()) / max(total, 1e-300)

    def _map(self, x: Floats, y: Floats) -> Floats:
        parts = self._parts
        parts[:] = 0.0

        def paint(first: int, last: int) -> None:
            part = int(np.searchsorted(self._cuts, first, side="right")) - 1
            _paint(
                first, last, x, y, self._wide, self._high, self._charge, self.bin_width, self.bin_height, parts[part]
            )

        self._workers.each(self._cuts, paint)
        total: Floats = parts.sum(0) + self._fixed
        return total


def fixed_area(extent: tuple[float, float], bins: tuple[int, int], boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """``[columns, rows]`` area of fixed boxes in each bin, um^2; overlapping boxes add up.

    Args:
        extent: (width, height) of the canvas.
        bins: (columns, rows).
        boxes: ``[k, 4]`` x0, y0, x1, y1, um.
    """
    out = np.zeros(bins)
    wide, high = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    x, y = boxes[:, 0] + wide / 2, boxes[:, 1] + high / 2
    _paint(0, len(boxes), x, y, wide, high, np.ones(len(boxes)), extent[0] / bins[0], extent[1] / bins[1], out)
    return out


@njit(cache=True, nogil=True)
def _paint(
    first: int,
    last: int,
    x: NDArray,
    y: NDArray,
    wide: NDArray,
    high: NDArray,
    charge: NDArray,
    bin_width: float,
    bin_height: float,
    out: NDArray,
) -> None:
    columns, rows = out.shape
    for i in range(first, last):
        x0, x1 = x[i] - wide[i] / 2, x[i] + wide[i] / 2
        y0, y1 = y[i] - high[i] / 2, y[i] + high[i] / 2
        c0, c1 = max(int(x0 / bin_width), 0), min(int(x1 / bin_width), columns - 1)
        r0, r1 = max(int(y0 / bin_height), 0), min(int(y1 / bin_height), rows - 1)
        for c in range(c0, c1 + 1):
            part = charge[i] * (min(x1, (c + 1) * bin_width) - max(x0, c * bin_width))
            if part <= 0.0:
                continue
            for r in range(r0, r1 + 1):
                up = min(y1, (r + 1) * bin_height) - max(y0, r * bin_height)
                if up > 0.0:
                    out[c, r] += part * up


@njit(cache=True, nogil=True)
def _pull(
    first: int,
    last: int,
    x: NDArray,
    y: NDArray,
    wide: NDArray,
    high: NDArray,
    charge: NDArray,
    bin_width: float,
    bin_height: float,
    field_x: NDArray,
    field_y: NDArray,
    out_x: NDArray,
    out_y: NDArray,
) -> None:
    columns, rows = field_x.shape
    for i in range(first, last):
        x0, x1 = x[i] - wide[i] / 2, x[i] + wide[i] / 2
        y0, y1 = y[i] - high[i] / 2, y[i] + high[i] / 2
        c0, c1 = max(int(x0 / bin_width), 0), min(int(x1 / bin_width), columns - 1)
        r0, r1 = max(int(y0 / bin_height), 0), min(int(y1 / bin_height), rows - 1)
        sx = sy = 0.0
        for c in range(c0, c1 + 1):
            part = min(x1, (c + 1) * bin_width) - max(x0, c * bin_width)
            if part <= 0.0:
                continue
            for r in range(r0, r1 + 1):
                up = min(y1, (r + 1) * bin_height) - max(y0, r * bin_height)
                if up > 0.0:
                    sx += part * up * field_x[c, r]
                    sy += part * up * field_y[c, r]
        out_x[i], out_y[i] = -charge[i] * sx, -charge[i] * sy
