"""Compiled loops for the CPU: the same maps and slopes as the portable torch code, net by net without temporaries.

Every function works on the placements ``first <= b < last`` of a batch and releases the interpreter lock, so that
threads can share a batch. Positions are ``[B, N]`` float64 in um from the canvas corner.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit

#: Division by zero cannot happen here and need not be checked for at every step.
_compiled = njit(cache=True, nogil=True, error_model="numpy")
_inlined = njit(cache=True, nogil=True, error_model="numpy", inline="always")

#: exp(-x) beyond this share of the largest term cannot be seen in an average.
_FAR = 30.0


@_inlined
def _coordinate(position: float, pitch: float, count: int) -> float:
    return min(max(position / pitch - 0.5, 0.0), count - 1.0)


@_inlined
def _share(fraction: float, snap: float) -> float:
    """Share of the upper neighbour: linear for snap 1, a step for 0."""
    if snap <= 0.0:
        return 1.0 if fraction >= 0.5 else 0.0
    return min(max((fraction - 0.5) / snap + 0.5, 0.0), 1.0)


@_compiled
def _span(p: NDArray, size: int, gamma: float, factor: float, slope: NDArray, up: NDArray, down: NDArray) -> float:
    """Weighted-average span of ``p[:size]``; adds ``factor`` times its slopes to ``slope``; ``up, down``: scratch."""
    low = high = p[0]
    at_low = at_high = 0
    for i in range(1, size):
        if p[i] < low:
            low, at_low = p[i], i
        if p[i] > high:
            high, at_high = p[i], i
    if gamma <= 0.0:
        slope[at_high] += factor
        slope[at_low] -= factor
        return high - low
    if size == 2:
        d = p[0] - p[1]
        t = math.tanh(d / (2.0 * gamma))
        g = factor * (t + d / (2.0 * gamma) * (1.0 - t * t))
        slope[0] += g
        slope[1] -= g
        return d * t
    top_e = top_u = bottom_e = bottom_u = 0.0
    near, inverse = gamma * _FAR, 1.0 / gamma
    for i in range(size):
        up[i] = down[i] = 0.0
        if high - p[i] < near:
            u = p[i] - high
            e = math.exp(u * inverse)
            up[i] = e
            top_e += e
            top_u += u * e
        if p[i] - low < near:
            u = low - p[i]
            e = math.exp(u * inverse)
            down[i] = e
            bottom_e += e
            bottom_u += u * e
    top, bottom = top_u / top_e, bottom_u / bottom_e
    for i in range(size):
        u, w = p[i] - high, low - p[i]
        slope[i] += factor * (
            up[i] / top_e * (1.0 + (u - top) * inverse) - down[i] / bottom_e * (1.0 + (w - bottom) * inverse)
        )
    return high - low + top + bottom


@_inlined
def _corner(pins: NDArray, values: NDArray, count: int, row: int, column: int, h: float, v: float) -> int:
    pins[count, 0], pins[count, 1] = row, column
    values[count, 0], values[count, 1] = h, v
    return count + 1


@_compiled
def _corners(r: NDArray, c: NDArray, size: int, cell: NDArray, kept: NDArray, pins: NDArray, values: NDArray) -> int:
    """Corners of one net of weight 1.

    Args:
        r: row coordinates of the pins, source first.
        c: column coordinates.
        size: pins.
        cell: int64 scratch of at least ``size``.
        kept: int64 scratch of at least ``size + 2``.
        pins: int64 ``[>= 2 size + 6, 2]``: the pin each corner takes its row, and its column, from.
        values: float64, likewise: horizontal and vertical value of each corner.

    Returns:
        Number of corners.
    """
    kept[0] = 0
    distinct = 1
    if size == 2:
        # Two pins keep a soft route even within one gcell.
        kept[1] = 1
        distinct = 2
    else:
        for i in range(1, size):
            code = math.floor(r[i] + 0.5) << 16 | math.floor(c[i] + 0.5)
            cell[i] = code
            new = code != math.floor(r[0] + 0.5) << 16 | math.floor(c[0] + 0.5)
            for j in range(1, distinct):
                if cell[kept[j]] == code:
                    new = False
                    break
            if new:
                kept[distinct] = i
                distinct += 1
    count = 0
    if distinct == 3:
        return _three(r, c, kept, pins, values)
    total = 0.0
    for j in range(1, distinct):
        i = kept[j]
        h = 1.0 if c[0] < c[i] else -1.0
        v = 1.0 if r[0] < r[i] else -1.0
        total += h
        count = _corner(pins, values, count, 0, i, -h, v)
        count = _corner(pins, values, count, i, i, 0.0, -v)
    if distinct > 1:
        count = _corner(pins, values, count, 0, 0, total, 0.0)
    return count


@_compiled
def _three(r: NDArray, c: NDArray, kept: NDArray, pins: NDArray, values: NDArray) -> int:
    """Three gcells: a chain by columns (staircase and the two special shapes), else a T on the median row."""
    p1, p2, p3 = kept[0], kept[1], kept[2]
    for pair in range(3):
        a, b = (p2, p3) if pair == 1 else (p1, p2)
        ca, cb = math.floor(c[a] + 0.5), math.floor(c[b] + 0.5)
        if cb < ca or (cb == ca and math.floor(r[b] + 0.5) < math.floor(r[a] + 0.5)):
            if pair == 1:
                p2, p3 = b, a
            else:
                p1, p2 = b, a
    x1, x2, x3 = math.floor(c[p1] + 0.5), math.floor(c[p2] + 0.5), math.floor(c[p3] + 0.5)
    y1, y2, y3 = math.floor(r[p1] + 0.5), math.floor(r[p2] + 0.5), math.floor(r[p3] + 0.5)
    stairs = x1 < x2 and x2 < x3 and min(y1, y3) < y2 and y2 < max(y1, y3)
    fork = x2 == x3 and x1 < x2 and y1 < min(y2, y3)
    count = 0
    if stairs or fork or y2 == y3:
        h12, h23 = (1.0 if c[p1] < c[p2] else -1.0), (1.0 if c[p2] < c[p3] else -1.0)
        v12, v23 = (1.0 if r[p1] < r[p2] else -1.0), (1.0 if r[p2] < r[p3] else -1.0)
        count = _corner(pins, values, count, p1, p1, h12, 0.0)
        count = _corner(pins, values, count, p1, p2, -h12, v12)
        count = _corner(pins, values, count, p2, p2, h23, -v12)
        count = _corner(pins, values, count, p2, p3, -h23, v23)
        return _corner(pins, values, count, p3, p3, 0.0, -v23)
    left = right = low = high = kept[0]
    for j in range(1, 3):
        i = kept[j]
        if c[i] < c[left]:
            left = i
        if c[i] > c[right]:
            right = i
        if r[i] < r[low]:
            low = i
        if r[i] >= r[high]:
            high = i
    middle = kept[0] + kept[1] + kept[2] - low - high
    count = _corner(pins, values, count, middle, left, 1.0, 0.0)
    count = _corner(pins, values, count, middle, right, -1.0, 0.0)
    count = _corner(pins, values, count, low, low, 0.0, 1.0)
    count = _corner(pins, values, count, middle, low, 0.0, -1.0)
    count = _corner(pins, values, count, middle, high, 0.0, 1.0)
    return _corner(pins, values, count, high, high, 0.0, -1.0)


@_compiled
def nets_forward(
    first: int,
    last: int,
    x: NDArray,
    y: NDArray,
    net_ptr: NDArray,
    node: NDArray,
    dx: NDArray,
    dy: NDArray,
    weight: NDArray,
    longest: int,
    grid_rows: int,
    grid_columns: int,
    pitch_x: float,
    pitch_y: float,
    gamma: float,
    snap: float,
    factor_x: float,
    factor_y: float,
    length: NDArray,
    h: NDArray,
    v: NDArray,
    slope_x: NDArray,
    slope_y: NDArray,
) -> None:
    """Wirelength ``[B]`` with its slopes ``[B, N]``, and difference maps ``[B, rows, columns]`` of both demands.

    The maps must be at least 2 x 2 and zero; ``slope_x, slope_y`` must be zero too.
    """
    rows, columns = h.shape[1], h.shape[2]
    px, py = np.empty(longest), np.empty(longest)
    r, c = np.empty(longest), np.empty(longest)
    sx, sy = np.empty(longest), np.empty(longest)
    up, down = np.empty(longest), np.empty(longest)
    cell, kept = np.empty(longest + 2, np.int64), np.empty(longest + 2, np.int64)
    pins, values = np.empty((2 * longest + 8, 2), np.int64), np.empty((2 * longest + 8, 2))
    for b in range(first, last):
        total = 0.0
        for net in range(len(weight)):
            start, size, w = net_ptr[net], net_ptr[net + 1] - net_ptr[net], weight[net]
            for i in range(size):
                k = start + i
                px[i], py[i] = x[b, node[k]] + dx[k], y[b, node[k]] + dy[k]
                r[i], c[i] = _coordinate(py[i], pitch_y, grid_rows), _coordinate(px[i], pitch_x, grid_columns)
                sx[i] = sy[i] = 0.0
            total += w * factor_x * _span(px, size, gamma, w * factor_x, sx, up, down)
            total += w * factor_y * _span(py, size, gamma, w * factor_y, sy, up, down)
            for i in range(size):
                slope_x[b, node[start + i]] += sx[i]
                slope_y[b, node[start + i]] += sy[i]
            for k in range(_corners(r, c, size, cell, kept, pins, values)):
                at_r, at_c = r[pins[k, 0]], c[pins[k, 1]]
                i, j = min(int(at_r), rows - 2), min(int(at_c), columns - 2)
                fr, fc = _share(at_r - i, snap), _share(at_c - j, snap)
                w00, w01, w10, w11 = (1 - fr) * (1 - fc) * w, (1 - fr) * fc * w, fr * (1 - fc) * w, fr * fc * w
                value = values[k, 0]
                if value != 0.0:
                    h[b, i, j] += w00 * value
                    h[b, i, j + 1] += w01 * value
                    h[b, i + 1, j] += w10 * value
                    h[b, i + 1, j + 1] += w11 * value
                value = values[k, 1]
                if value != 0.0:
                    v[b, i, j] += w00 * value
                    v[b, i, j + 1] += w01 * value
                    v[b, i + 1, j] += w10 * value
                    v[b, i + 1, j + 1] += w11 * value
        length[b] = total


@_compiled
def nets_backward(
    first: int,
    last: int,
    x: NDArray,
    y: NDArray,
    net_ptr: NDArray,
    node: NDArray,
    dx: NDArray,
    dy: NDArray,
    weight: NDArray,
    longest: int,
    grid_rows: int,
    grid_columns: int,
    pitch_x: float,
    pitch_y: float,
    snap: float,
    h: NDArray,
    v: NDArray,
    slope_x: NDArray,
    slope_y: NDArray,
) -> None:
    """Add the slopes of the demand to ``slope_x, slope_y`` ``[B, N]``; ``h, v`` are slopes of the difference maps."""
    rows, columns = h.shape[1], h.shape[2]
    r, c = np.empty(longest), np.empty(longest)
    sr, sc = np.empty(longest), np.empty(longest)
    free_r, free_c = np.empty(longest, np.bool_), np.empty(longest, np.bool_)
    cell, kept = np.empty(longest + 2, np.int64), np.empty(longest + 2, np.int64)
    pins, values = np.empty((2 * longest + 8, 2), np.int64), np.empty((2 * longest + 8, 2))
    for b in range(first, last):
        for net in range(len(weight)):
            start, size, w = net_ptr[net], net_ptr[net + 1] - net_ptr[net], weight[net]
            for i in range(size):
                k = start + i
                cx, cy = (x[b, node[k]] + dx[k]) / pitch_x - 0.5, (y[b, node[k]] + dy[k]) / pitch_y - 0.5
                r[i], c[i] = min(max(cy, 0.0), grid_rows - 1.0), min(max(cx, 0.0), grid_columns - 1.0)
                free_r[i], free_c[i] = r[i] == cy, c[i] == cx
                sr[i] = sc[i] = 0.0
            for k in range(_corners(r, c, size, cell, kept, pins, values)):
                at_r, at_c = r[pins[k, 0]], c[pins[k, 1]]
                i, j = min(int(at_r), rows - 2), min(int(at_c), columns - 2)
                fr, fc = _share(at_r - i, snap), _share(at_c - j, snap)
                hv, vv = values[k, 0] * w, values[k, 1] * w
                g00 = hv * h[b, i, j] + vv * v[b, i, j]
                g01 = hv * h[b, i, j + 1] + vv * v[b, i, j + 1]
                g10 = hv * h[b, i + 1, j] + vv * v[b, i + 1, j]
                g11 = hv * h[b, i + 1, j + 1] + vv * v[b, i + 1, j + 1]
                sr[pins[k, 0]] += (g10 - g00) * (1 - fc) + (g11 - g01) * fc
                sc[pins[k, 1]] += (g01 - g00) * (1 - fr) + (g11 - g10) * fr
            for i in range(size):
                if free_c[i]:
                    slope_x[b, node[start + i]] += sc[i] / pitch_x
                if free_r[i]:
                    slope_y[b, node[start + i]] += sr[i] / pitch_y


@_inlined
def _window(low: float, high: float, pitch: float, count: int, out: NDArray, slope: NDArray) -> tuple[int, int]:
    """Overlap of an interval with each gcell it touches, and its slope when the interval shifts."""
    i0, i1 = max(math.floor(low / pitch), 0), min(math.floor(high / pitch), count - 1)
    for i in range(i0, i1 + 1):
        left, right = i * pitch, (i + 1) * pitch
        out[i] = max(0.0, min(high, right) - max(low, left))
        slope[i] = 0.0
        if out[i] > 0.0:
            slope[i] = (1.0 if high < right else 0.0) - (1.0 if low > left else 0.0)
    return i0, i1


@_inlined
def _cover(
    low: float, high: float, pitch: float, count: int, snap: float, out: NDArray, slope: NDArray
) -> tuple[int, int]:
    """Share of each row (column) a macro blocks, see ``PortableMaps``; ``out`` may be one longer than the grid."""
    a, b = low / pitch - 0.5, high / pitch - 0.5
    free_a = 0.0 <= a <= count - 1.0
    free_b = 0.0 <= b <= count - 1.0
    a, b = min(max(a, 0.0), count - 1.0), min(max(b, 0.0), count - 1.0)
    if b < a + 1.0:
        b, free_b = a + 1.0, free_a
    i, j = int(a), int(b)
    fa, fb = _share(a - i, snap), _share(b - j, snap)
    for k in range(i, j + 1):
        out[k], slope[k] = 1.0, 0.0
    out[i] -= fa
    out[j] -= 1.0 - fb
    if free_a:
        slope[i] -= 1.0 / pitch
    if free_b:
        slope[j] += 1.0 / pitch
    return i, min(j, count - 1)


@_compiled
def areas_forward(
    first: int,
    last: int,
    x: NDArray,
    y: NDArray,
    width: NDArray,
    height: NDArray,
    solid: NDArray,
    hard: NDArray,
    pitch_x: float,
    pitch_y: float,
    snap: float,
    area: NDArray,
    h_block: NDArray,
    v_block: NDArray,
) -> None:
    """Add object areas and macro blockages (um, before the routes per um) to ``[B, rows, columns]`` maps."""
    rows, columns = area.shape[1], area.shape[2]
    wide, high, cover_x, cover_y = np.empty(columns), np.empty(rows), np.empty(columns + 1), np.empty(rows + 1)
    wide_s, high_s, cover_xs, cover_ys = np.empty(columns), np.empty(rows), np.empty(columns + 1), np.empty(rows + 1)
    for b in range(first, last):
        for i in solid:
            c0, c1 = _window(x[b, i] - width[i] / 2, x[b, i] + width[i] / 2, pitch_x, columns, wide, wide_s)
            r0, r1 = _window(y[b, i] - height[i] / 2, y[b, i] + height[i] / 2, pitch_y, rows, high, high_s)
            for r in range(r0, r1 + 1):
                for c in range(c0, c1 + 1):
                    area[b, r, c] += wide[c] * high[r]
        for i in hard:
            x0, x1 = x[b, i] - width[i] / 2, x[b, i] + width[i] / 2
            y0, y1 = y[b, i] - height[i] / 2, y[b, i] + height[i] / 2
            if x1 <= 0.0 or y1 <= 0.0 or x0 >= columns * pitch_x or y0 >= rows * pitch_y:
                continue  # wholly outside
            c0, c1 = _window(x0, x1, pitch_x, columns, wide, wide_s)
            r0, r1 = _cover(y0, y1, pitch_y, rows, snap, cover_y, cover_ys)
            for r in range(r0, r1 + 1):
                for c in range(c0, c1 + 1):
                    v_block[b, r, c] += wide[c] * cover_y[r]
            c0, c1 = _cover(x0, x1, pitch_x, columns, snap, cover_x, cover_xs)
            r0, r1 = _window(y0, y1, pitch_y, rows, high, high_s)
            for r in range(r0, r1 + 1):
                for c in range(c0, c1 + 1):
                    h_block[b, r, c] += cover_x[c] * high[r]


@_compiled
def areas_backward(
    first: int,
    last: int,
    x: NDArray,
    y: NDArray,
    width: NDArray,
    height: NDArray,
    solid: NDArray,
    hard: NDArray,
    pitch_x: float,
    pitch_y: float,
    snap: float,
    area: NDArray,
    h_block: NDArray,
    v_block: NDArray,
    slope_x: NDArray,
    slope_y: NDArray,
) -> None:
    """Add to ``slope_x, slope_y`` ``[B, N]`` what slopes ``[B, rows, columns]`` of the three maps come to."""
    rows, columns = area.shape[1], area.shape[2]
    wide, high, cover_x, cover_y = np.empty(columns), np.empty(rows), np.empty(columns + 1), np.empty(rows + 1)
    wide_s, high_s, cover_xs, cover_ys = np.empty(columns), np.empty(rows), np.empty(columns + 1), np.empty(rows + 1)
    for b in range(first, last):
        for i in solid:
            c0, c1 = _window(x[b, i] - width[i] / 2, x[b, i] + width[i] / 2, pitch_x, columns, wide, wide_s)
            r0, r1 = _window(y[b, i] - height[i] / 2, y[b, i] + height[i] / 2, pitch_y, rows, high, high_s)
            gx = gy = 0.0
            for r in range(r0, r1 + 1):
                for c in range(c0, c1 + 1):
                    gx += area[b, r, c] * wide_s[c] * high[r]
                    gy += area[b, r, c] * wide[c] * high_s[r]
            slope_x[b, i] += gx
            slope_y[b, i] += gy
        for i in hard:
            x0, x1 = x[b, i] - width[i] / 2, x[b, i] + width[i] / 2
            y0, y1 = y[b, i] - height[i] / 2, y[b, i] + height[i] / 2
            if x1 <= 0.0 or y1 <= 0.0 or x0 >= columns * pitch_x or y0 >= rows * pitch_y:
                continue  # wholly outside
            gx = gy = 0.0
            c0, c1 = _window(x0, x1, pitch_x, columns, wide, wide_s)
            r0, r1 = _cover(y0, y1, pitch_y, rows, snap, cover_y, cover_ys)
            for r in range(r0, r1 + 1):
                for c in range(c0, c1 + 1):
                    gx += v_block[b, r, c] * wide_s[c] * cover_y[r]
                    gy += v_block[b, r, c] * wide[c] * cover_ys[r]
            c0, c1 = _cover(x0, x1, pitch_x, columns, snap, cover_x, cover_xs)
            r0, r1 = _window(y0, y1, pitch_y, rows, high, high_s)
            for r in range(r0, r1 + 1):
                for c in range(c0, c1 + 1):
                    gx += h_block[b, r, c] * cover_xs[c] * high[r]
                    gy += h_block[b, r, c] * cover_x[c] * high_s[r]
            slope_x[b, i] += gx
            slope_y[b, i] += gy


@_compiled
def overlaps(
    first: int,
    last: int,
    x: NDArray,
    y: NDArray,
    width: NDArray,
    height: NDArray,
    hard: NDArray,
    total: NDArray,
    slope_x: NDArray,
    slope_y: NDArray,
) -> None:
    """Sum over macro pairs of x depth times y depth into ``total`` ``[B]``, and its slopes ``[B, N]``."""
    for b in range(first, last):
        left = np.empty(len(hard))
        for k in range(len(hard)):
            left[k] = x[b, hard[k]] - width[hard[k]] / 2
        order = np.argsort(left, kind="mergesort")
        for s in range(len(hard)):
            i = hard[order[s]]
            right = x[b, i] + width[i] / 2
            for t in range(s + 1, len(hard)):
                j = hard[order[t]]
                if left[order[t]] >= right:
                    break
                deep_x = (width[i] + width[j]) / 2 - abs(x[b, i] - x[b, j])
                deep_y = (height[i] + height[j]) / 2 - abs(y[b, i] - y[b, j])
                if deep_x <= 0.0 or deep_y <= 0.0:
                    continue
                total[b] += deep_x * deep_y
                gx = deep_y if x[b, i] < x[b, j] else (-deep_y if x[b, i] > x[b, j] else 0.0)
                gy = deep_x if y[b, i] < y[b, j] else (-deep_x if y[b, i] > y[b, j] else 0.0)
                slope_x[b, i] += gx
                slope_x[b, j] -= gx
                slope_y[b, i] += gy
                slope_y[b, j] -= gy
