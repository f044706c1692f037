"""Electrostatic density: objects are charges, their field spreads them (Lu et al., ePlace, TODAES 2015)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from netlists.compiled import njit
from placer.engines.analytic.workers import PARTS, Workers

Floats = NDArray[np.float64]

#: Bins around the maps, so that a box that hangs over the edge of the canvas needs no test of its own.
_PAD = 2


class Density:
    """Charge density of boxes on a grid of bins, its overflow and its field.

    Maps are float32: sums of a few boxes a bin, and a field that steers but is never reported.

    Args:
        extent: (width, height) of the canvas, um.
        bins: (columns, rows) of the grid.
        width: ``[n]`` movable boxes, um.
        height: ``[n]``.
        scale: ``[n]`` charge per area, 1 for all but boxes denser than the target allows.
        fixed: ``[columns, rows]`` area taken by what does not move, um^2.
        target: density everything is spread to, 0 to 1.
        workers: threads.
        real: the first so many boxes count for the overflow, the rest are fillers; all when None.

    Attributes:
        field: ``[columns, rows, 2]`` float32 view, x and y components of the field.
        over: area above the target density of the boxes that count, after :meth:`spread`, um^2.
        area: their area, um^2.
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
        real: int | None = None,
    ) -> None:
        self.bin_width, self.bin_height = extent[0] / bins[0], extent[1] / bins[1]
        self.bins, self._workers = bins, workers
        bin_area = self.bin_width * self.bin_height
        # A box narrower than a bin and a half is widened and thinned, or its force would jump as it crosses bins.
        self._wide = np.maximum(width / self.bin_width, math.sqrt(2.0))
        self._high = np.maximum(height / self.bin_height, math.sqrt(2.0))
        self._charge = scale * width * height / (self._wide * self._high * bin_area)
        taken = np.minimum(fixed, bin_area) * target / bin_area
        self._fixed = taken.astype(np.float32)
        self._room = np.maximum(target - taken, 0.0).astype(np.float32)
        padded = (bins[0] + 2 * _PAD, bins[1] + 2 * _PAD)
        self._parts = np.zeros((PARTS, *padded), np.float32)
        self._padded_field = np.zeros((*padded, 2), np.float32)
        self.field = self._padded_field[_PAD:-_PAD, _PAD:-_PAD]
        touched = (np.ceil(self._wide) + 1) * (np.ceil(self._high) + 1) + 4
        real = len(width) if real is None else real
        self._cuts = workers.cuts(_running(touched))
        self._spans = [workers.cuts(_running(touched[:real])), real + workers.cuts(_running(touched[real:]))]
        u = math.pi * np.arange(bins[0]) / extent[0]
        v = math.pi * np.arange(bins[1]) / extent[1]
        square = u[:, None] ** 2 + v**2
        square[0, 0] = 1.0
        self._to_x, self._to_y = (u[:, None] / square).astype(np.float32), (v / square).astype(np.float32)
        self.over = 0.0
        self.area = float((scale * width * height)[:real].sum())

    def spread(self, x: Floats, y: Floats) -> None:
        """Compute ``field`` and ``over`` for boxes at these ``[n]`` centres, um."""
        self._parts[:] = 0.0
        real = self._paint(self._spans[0], x, y)
        bin_area = self.bin_width * self.bin_height
        self.over = float(np.maximum(real - self._room, 0.0).sum(dtype=np.float64)) * bin_area
        total = self._paint(self._spans[1], x, y) if self._spans[1][-1] > self._spans[1][0] else real
        threads = self._workers.count
        coefficients = fft.dctn(total + self._fixed, type=2, workers=threads, overwrite_x=True)
        coefficients[0, 0] = 0.0  # a uniform charge pushes nowhere
        for axis, factor in ((0, self._to_x), (1, self._to_y)):
            # Sine series along the axis, cosine series along the other.
            shifted = np.zeros_like(coefficients)
            if axis == 0:
                np.multiply(coefficients[1:], factor[1:], out=shifted[:-1])
            else:
                np.multiply(coefficients[:, 1:], factor[:, 1:], out=shifted[:, :-1])
            part = fft.idst(shifted, type=2, axis=axis, workers=threads, overwrite_x=True)
            self.field[..., axis] = fft.idct(part, type=2, axis=1 - axis, workers=threads, overwrite_x=True)

    def slopes(self, x: Floats, y: Floats, out_x: Floats, out_y: Floats) -> None:
        """Slopes of the energy with respect to the ``[n]`` centres, for the field of the last :meth:`spread`."""
        self._workers.each(
            self._cuts, _pull, x, y, self._wide, self._high, self._charge, self.bin_width, self.bin_height,
            self._padded_field, out_x, out_y,
        )  # fmt: skip

    @property
    def overflow(self) -> float:
        """Share of the area that counts that lies above the target density, after :meth:`spread`."""
        return self.over / max(self.area, 1e-300)

    def _paint(self, cuts: NDArray[np.int64], x: Floats, y: Floats) -> NDArray[np.float32]:
        """Add boxes to the parts; their sum without the pad, in shares of a bin."""
        parts = self._parts

        def paint(first: int, last: int) -> None:
            part = int(np.searchsorted(cuts, first, side="right")) - 1
            _paint(
                first, last, x, y, self._wide, self._high, self._charge, self.bin_width, self.bin_height, parts[part]
            )

        self._workers.each(cuts, paint)
        total: NDArray[np.float32] = parts[:, _PAD:-_PAD, _PAD:-_PAD].sum(0)
        return total


def fixed_area(
    extent: tuple[float, float],
    bins: tuple[int, int],
    boxes: NDArray[np.float64],
    share: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """``[columns, rows]`` area of fixed boxes in each bin, um^2; overlapping boxes add up.

    Args:
        extent: (width, height) of the canvas.
        bins: (columns, rows).
        boxes: ``[k, 4]`` x0, y0, x1, y1, um; what lies outside the canvas does not count.
        share: ``[k]`` part of its area that a box takes; 1 when None.
    """
    width, height = extent[0] / bins[0], extent[1] / bins[1]
    # Whole canvas sides at most: an object far outside must not make the loop over its bins long.
    inside = np.clip(boxes, 0.0, np.tile(extent, 2))
    wide, high = inside[:, 2] - inside[:, 0], inside[:, 3] - inside[:, 1]
    out = np.zeros((bins[0] + 2 * _PAD, bins[1] + 2 * _PAD))
    _paint(
        0, len(boxes), inside[:, 0] + wide / 2, inside[:, 1] + high / 2, wide / width, high / height,
        np.ones(len(boxes)) if share is None else share, width, height, out,
    )  # fmt: skip
    return np.ascontiguousarray(out[_PAD:-_PAD, _PAD:-_PAD]) * (width * height)


def _running(work: Floats) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(work)]).astype(np.int64)


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
    """Add boxes to a padded map, in shares of a bin; ``wide`` and ``high`` are in bins."""
    columns, rows = out.shape[0] - 2 * _PAD, out.shape[1] - 2 * _PAD
    per_x, per_y = 1.0 / bin_width, 1.0 / bin_height
    for i in range(first, last):
        w, h, q = wide[i], high[i], charge[i]
        x0, y0 = x[i] * per_x - 0.5 * w, y[i] * per_y - 0.5 * h
        # Written so that a coordinate that is no number fails it too.
        if not (-w < x0 < columns and -h < y0 < rows):
            continue
        if 1.0 <= w <= 2.0 and 1.0 <= h <= 2.0:  # the usual case: three bins each way
            c, r = int(x0 + _PAD), int(y0 + _PAD)
            a0, b0 = c + 1 - _PAD - x0, r + 1 - _PAD - y0
            a1, b1 = min(w - a0, 1.0), min(h - b0, 1.0)
            a2, b2 = w - a0 - a1, h - b0 - b1
            a0, a1, a2 = a0 * q, a1 * q, a2 * q
            out[c, r] += a0 * b0
            out[c, r + 1] += a0 * b1
            out[c, r + 2] += a0 * b2
            out[c + 1, r] += a1 * b0
            out[c + 1, r + 1] += a1 * b1
            out[c + 1, r + 2] += a1 * b2
            out[c + 2, r] += a2 * b0
            out[c + 2, r + 1] += a2 * b1
            out[c + 2, r + 2] += a2 * b2
            continue
        x1, y1 = x0 + w, y0 + h
        c0, c1 = max(int(x0), 0), min(int(x1), columns - 1)
        r0, r1 = max(int(y0), 0), min(int(y1), rows - 1)
        for c in range(c0, c1 + 1):
            part = q * (min(x1, c + 1.0) - max(x0, c))
            if part <= 0.0:
                continue
            for r in range(r0, r1 + 1):
                up = min(y1, r + 1.0) - max(y0, r)
                if up > 0.0:
                    out[c + _PAD, r + _PAD] += part * up


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
    field: NDArray,
    out_x: NDArray,
    out_y: NDArray,
) -> None:
    """Minus the field over each box, weighted by the area there, into ``out_x`` and ``out_y``."""
    columns, rows = field.shape[0] - 2 * _PAD, field.shape[1] - 2 * _PAD
    per_x, per_y = 1.0 / bin_width, 1.0 / bin_height
    area = bin_width * bin_height
    for i in range(first, last):
        w, h = wide[i], high[i]
        x0, y0 = x[i] * per_x - 0.5 * w, y[i] * per_y - 0.5 * h
        sx = sy = 0.0
        if not (-w < x0 < columns and -h < y0 < rows):
            out_x[i] = out_y[i] = 0.0
            continue
        if 1.0 <= w <= 2.0 and 1.0 <= h <= 2.0:
            c, r = int(x0 + _PAD), int(y0 + _PAD)
            a, b0 = c + 1 - _PAD - x0, r + 1 - _PAD - y0
            b1 = min(h - b0, 1.0)
            b2 = h - b0 - b1
            left = w
            for k in range(c, c + 3):
                sx += a * (b0 * field[k, r, 0] + b1 * field[k, r + 1, 0] + b2 * field[k, r + 2, 0])
                sy += a * (b0 * field[k, r, 1] + b1 * field[k, r + 1, 1] + b2 * field[k, r + 2, 1])
                left -= a
                a = min(left, 1.0)
        else:
            x1, y1 = x0 + w, y0 + h
            c0, c1 = max(int(x0), 0), min(int(x1), columns - 1)
            r0, r1 = max(int(y0), 0), min(int(y1), rows - 1)
            for c in range(c0, c1 + 1):
                part = min(x1, c + 1.0) - max(x0, c)
                if part <= 0.0:
                    continue
                for r in range(r0, r1 + 1):
                    up = min(y1, r + 1.0) - max(y0, r)
                    if up > 0.0:
                        sx += part * up * field[c + _PAD, r + _PAD, 0]
                        sy += part * up * field[c + _PAD, r + _PAD, 1]
        q = -charge[i] * area
        out_x[i], out_y[i] = q * sx, q * sy
