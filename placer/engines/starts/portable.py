"""Wirelength, routing demand and area maps of many placements at once in plain torch, on any device.

All routes are written as *corners*. A horizontal run along row ``r`` over columns ``[a, b)`` is ``+w`` at ``(r, a)``
and ``-w`` at ``(r, b)`` of a difference map whose running sum along the columns is the demand; vertical runs
likewise along the rows. A corner takes its row from one pin and its column from another, and lies between gcell
centres, so it is spread bilinearly over four of them: that makes the demand piecewise linear in the positions. ``snap``
sharpens the spreading: 1 is bilinear, 0 puts the whole corner on the gcell that holds it, which is the exact model. The
slope used backwards is the bilinear one at every ``snap``.

Shapes: positions ``[B, N]``; inside, connections come first and the batch last, so that one gather fetches a
connection of all placements.
"""

from __future__ import annotations

import torch
from torch import Tensor

from placer.engines.starts.circuit import Circuit


class PortableMaps:
    """The maps of a circuit in torch operations with automatic differentiation.

    Args:
        circuit: the flattened design.
        device: torch device.
        dtype: float32 or float64.
    """

    def __init__(self, circuit: Circuit, device: torch.device, dtype: torch.dtype) -> None:
        self.circuit, self.device, self.dtype = circuit, device, dtype
        conns, self._blocks, start = [], [], 0
        for nets, conn in circuit.blocks():
            size, m = conn.shape
            # Padding slots repeat the source: harmless to spans and to distinct gcells, but not to averages.
            real = torch.ones(conn.shape, dtype=torch.bool)
            real[1:] = torch.as_tensor(conn[1:] != conn[:1])
            weight = torch.as_tensor(circuit.weight[nets], dtype=dtype, device=device)[:, None]
            mask = None if bool(real.all()) else real.to(device=device, dtype=dtype)[:, :, None]
            self._blocks.append((slice(start, start + size * m), size, m, weight, mask))
            conns.append(conn.ravel())
            start += size * m
        order = torch.as_tensor(_concat(conns))
        self._node = torch.as_tensor(circuit.node)[order].to(device)
        self._dx = torch.as_tensor(circuit.dx)[order].to(device=device, dtype=dtype)[:, None]
        self._dy = torch.as_tensor(circuit.dy)[order].to(device=device, dtype=dtype)[:, None]
        self._solid = torch.as_tensor(circuit.solid, device=device)
        self._hard = torch.as_tensor(circuit.hard, device=device)
        self._width = torch.as_tensor(circuit.width, device=device, dtype=dtype)
        self._height = torch.as_tensor(circuit.height, device=device, dtype=dtype)

    # -- nets --------------------------------------------------------------------------------------------------------

    def nets(
        self, x: Tensor, y: Tensor, gamma: float, snap: float, span_weights: tuple[float, float] = (1.0, 1.0)
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Weighted wirelength and routing demand.

        Args:
            x: ``[B, N]`` centres, um from the canvas corner.
            y: ``[B, N]``.
            gamma: width (um) of the weighted-average smoothing of the HPWL; 0 is the exact HPWL.
            snap: 1 bilinear demand ... 0 exact demand.
            span_weights: factors of the x and the y span in the wirelength.

        Returns:
            Wirelength ``[B]`` in um, horizontal and vertical demand ``[B, rows, columns]``, not smoothed.
        """
        k, batch = self.circuit, x.shape[0]
        px = x.t().index_select(0, self._node) + self._dx
        py = y.t().index_select(0, self._node) + self._dy
        column, row = _coordinate(px, k.pitch_x, k.columns), _coordinate(py, k.pitch_y, k.rows)
        rows, columns = max(2, k.rows), max(2, k.columns)
        h = torch.zeros(rows * columns * batch, dtype=self.dtype, device=self.device)
        v = torch.zeros_like(h)
        length = torch.zeros(batch, dtype=self.dtype, device=self.device)
        for where, size, m, weight, mask in self._blocks:
            shape = (size, m, batch)
            for p, factor in ((px, span_weights[0]), (py, span_weights[1])):
                length = length + factor * (weight * _span(p[where].view(shape), gamma, mask)).sum(0)
            corners = _routes(row[where].view(shape), column[where].view(shape), weight)
            for r, c, hv, vv in corners:
                h, v = _splat(h, v, r, c, hv, vv, snap, rows, columns)
        h = h.view(rows, columns, batch).cumsum(1)[: k.rows, : k.columns]
        v = v.view(rows, columns, batch).cumsum(0)[: k.rows, : k.columns]
        return length, h.permute(2, 0, 1), v.permute(2, 0, 1)

    # -- areas -------------------------------------------------------------------------------------------------------

    def areas(self, x: Tensor, y: Tensor, snap: float) -> tuple[Tensor, Tensor, Tensor]:
        """Object area in every gcell, and the tracks hard macros take.

        Returns:
            Area (um^2), horizontal and vertical blockage (tracks), each ``[B, rows, columns]``.
        """
        k = self.circuit
        area = _product(
            self._overlap(x, self._width, self._solid, k.pitch_x, k.columns),
            self._overlap(y, self._height, self._solid, k.pitch_y, k.rows),
        )
        wide = self._overlap(x, self._width, self._hard, k.pitch_x, k.columns)
        high = self._overlap(y, self._height, self._hard, k.pitch_y, k.rows)
        over_x = self._cover(x, self._width, self._hard, k.pitch_x, k.columns, snap)
        over_y = self._cover(y, self._height, self._hard, k.pitch_y, k.rows, snap)
        return area, k.h_macro * _product(over_x, high), k.v_macro * _product(wide, over_y)

    def _overlap(self, centre: Tensor, size: Tensor, ids: Tensor, pitch: float, count: int) -> Tensor:
        """``[B, n, count]`` length of each object inside each column (row), um."""
        centre, half = centre.index_select(1, ids)[..., None], size.index_select(0, ids)[:, None] / 2
        edge = torch.arange(count, device=self.device, dtype=self.dtype) * pitch
        return (torch.minimum(centre + half, edge + pitch) - torch.maximum(centre - half, edge)).clamp(min=0)

    def _cover(self, centre: Tensor, size: Tensor, ids: Tensor, pitch: float, count: int, snap: float) -> Tensor:
        """``[B, n, count]`` share of each column (row) a macro blocks: from its low edge's cell to before its high's.

        That is the public rule that a macro which does not cover whole gcells leaves its last row or column free;
        a macro inside one row blocks that row, and one wholly outside none.
        """
        centre, half = centre.index_select(1, ids), size.index_select(0, ids) / 2
        low = _coordinate(centre - half, pitch, count)
        high = torch.maximum(_coordinate(centre + half, pitch, count), low + 1)
        cell = torch.arange(count, device=self.device)
        cover = torch.zeros((), dtype=self.dtype, device=self.device)
        for sign, value in ((1.0, low), (-1.0, high)):
            index, fraction = _split(value, count + 2, snap)
            ramp = (cell >= index[..., None]).to(self.dtype) - (cell == index[..., None]) * fraction[..., None]
            cover = cover + sign * ramp
        touches = (centre + half > 0) & (centre - half < count * pitch)
        return cover * touches[..., None]

    def overlap(self, x: Tensor, y: Tensor) -> Tensor:
        """``[B]`` sum over pairs of hard macros of penetration depth in x times depth in y, um^2."""
        total = 0.0 * x.sum(1)  # keeps a slope where there is no macro
        hx, hy = x.index_select(1, self._hard), y.index_select(1, self._hard)
        w, h = self._width.index_select(0, self._hard), self._height.index_select(0, self._hard)
        count, step = len(w), max(1, 4_000_000 // max(1, len(w) * x.shape[0]))
        index = torch.arange(count, device=self.device)
        for i in range(0, count, step):
            part = slice(i, min(i + step, count))
            deep_x = ((w[part, None] + w) / 2 - (hx[:, part, None] - hx[:, None]).abs()).clamp(min=0)
            deep_y = ((h[part, None] + h) / 2 - (hy[:, part, None] - hy[:, None]).abs()).clamp(min=0)
            later = index[part, None] < index
            total = total + (deep_x * deep_y * later).sum((1, 2))
        return total


def _concat(parts: list) -> Tensor:
    if not parts:
        return torch.zeros(0, dtype=torch.long)
    return torch.cat([torch.as_tensor(p) for p in parts])


def _product(across: Tensor, up: Tensor) -> Tensor:
    """``[B, n, columns], [B, n, rows] -> [B, rows, columns]``."""
    return torch.matmul(up.transpose(1, 2), across)


def _coordinate(position: Tensor, pitch: float, count: int) -> Tensor:
    """Position in units of gcell centres: 0 at the first centre, ``count - 1`` at the last, clamped there."""
    return (position / pitch - 0.5).clamp(0, count - 1)


def _split(value: Tensor, count: int, snap: float) -> tuple[Tensor, Tensor]:
    """Lower neighbour of a coordinate and the share of the upper one, sharpened forwards and linear backwards."""
    index = value.detach().floor().clamp(max=max(count - 2, 0))
    fraction = value - index
    plain = fraction.detach()
    sharp = ((plain - 0.5) / snap + 0.5).clamp(0, 1) if snap > 0 else (plain >= 0.5).to(plain.dtype)
    return index.long(), fraction + (sharp - plain)


def _span(p: Tensor, gamma: float, mask: Tensor | None) -> Tensor:
    """``[size, m, B] -> [m, B]`` weighted-average span (Hsu, Chang, Balabanov, DAC 2011); exact where gamma is 0."""
    if gamma == 0:
        return p.amax(0) - p.amin(0)
    if p.shape[0] == 2:
        # The same expression in closed form for two pins.
        d = p[0] - p[1]
        return d * torch.tanh(d / (2 * gamma))
    return _average(p, gamma, mask) + _average(-p, gamma, mask)


def _average(p: Tensor, gamma: float, mask: Tensor | None) -> Tensor:
    top = p.detach().amax(0)  # its gradient cancels: the slopes of the average add up to 1
    u = p - top
    e = torch.exp(u / gamma)
    if mask is not None:
        e = e * mask
    return top + (u * e).sum(0) / e.sum(0)


def _routes(row: Tensor, column: Tensor, weight: Tensor) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Corners ``(row, column, horizontal value, vertical value)``, each ``[.., m, B]``, of one block of nets."""
    size = row.shape[0]
    weight = weight.expand(row.shape[1:])
    if size == 2:
        return _star(row, column, weight, None)
    cell_r, cell_c = (row.detach() + 0.5).floor(), (column.detach() + 0.5).floor()
    new = _first_in_cell(cell_r.int() * 65536 + cell_c.int())
    sinks = new[1:].sum(0)  # distinct gcells beside the source's
    three = sinks == 2
    zero = torch.zeros((), dtype=row.dtype, device=row.device)
    corners = _star(row, column, torch.where(three, zero, weight), new[1:])
    # Nets on exactly three gcells, whatever their degree: the source and its first and last new sink.
    first = new[1:].int().argmax(0) + 1
    last = size - 1 - new[1:].flip(0).int().argmax(0)

    def take(a: Tensor, slot: Tensor) -> Tensor:
        return a.gather(0, slot[None])[0]

    pins = [(row[0], column[0], cell_r[0], cell_c[0])]
    for slot in (first, last):
        pins.append((take(row, slot), take(column, slot), take(cell_r, slot), take(cell_c, slot)))
    return corners + _three(pins, torch.where(three, weight, zero))


def _first_in_cell(code: Tensor) -> Tensor:
    """``[size, m, B]`` bool: no earlier slot of the net lies in the same gcell."""
    size = code.shape[0]
    if size <= 8:
        new = torch.ones(code.shape, dtype=torch.bool, device=code.device)
        for i in range(1, size):
            new[i] = (code[:i] != code[i]).all(0)
        return new
    value, order = torch.sort(code, dim=0, stable=True)
    head = torch.ones(code.shape, dtype=torch.bool, device=code.device)
    head[1:] = value[1:] != value[:-1]
    return torch.zeros_like(head).scatter_(0, order, head)


def _star(
    row: Tensor, column: Tensor, weight: Tensor, new: Tensor | None
) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Routes from the source to every new sink: along the source's row, then the sink's column."""
    r0, c0, r, c = row[:1], column[:1], row[1:], column[1:]
    weight = weight.expand(r.shape) if new is None else weight * new
    h = torch.where(c0 < c, weight, -weight)
    v = torch.where(r0 < r, weight, -weight)
    zero = torch.zeros((), dtype=row.dtype, device=row.device)
    return [
        (r0[0], c0[0], h.sum(0), zero),
        (r0.expand(r.shape), c, -h, v),
        (r, c, zero, -v),
    ]


def _three(
    pins: list[tuple[Tensor, Tensor, Tensor, Tensor]], weight: Tensor
) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    """Three gcells: a chain by columns (staircase and the two special shapes), else a T on the median row."""
    by_column: list[tuple[Tensor, ...]] = [(cc.int() * 65536 + rr.int(), r, c, rr, cc) for r, c, rr, cc in pins]
    for i, j in ((0, 1), (1, 2), (0, 1)):
        by_column[i], by_column[j] = _ordered(by_column[i], by_column[j])
    (_, r1, c1, y1, x1), (_, r2, c2, y2, x2), (_, r3, c3, y3, x3) = by_column
    stairs = (x1 < x2) & (x2 < x3) & (torch.minimum(y1, y3) < y2) & (y2 < torch.maximum(y1, y3))
    fork = (x2 == x3) & (x1 < x2) & (y1 < torch.minimum(y2, y3))
    chain = stairs | fork | (y2 == y3)

    by_row: list[tuple[Tensor, ...]] = [(r, c) for r, c, _, _ in pins]
    for i, j in ((0, 1), (1, 2), (0, 1)):
        by_row[i], by_row[j] = _ordered(by_row[i], by_row[j])
    (low_r, low_c), (mid_r, _), (high_r, high_c) = by_row
    left = torch.minimum(torch.minimum(c1, c2), c3)
    right = torch.maximum(torch.maximum(c1, c2), c3)

    zero = torch.zeros((), dtype=weight.dtype, device=weight.device)
    h12, h23 = torch.where(c1 < c2, weight, -weight), torch.where(c2 < c3, weight, -weight)
    v12, v23 = torch.where(r1 < r2, weight, -weight), torch.where(r2 < r3, weight, -weight)

    def pick(a: Tensor, b: Tensor) -> Tensor:
        return torch.where(chain, a, b)

    return [
        (pick(r1, mid_r), pick(c1, left), pick(h12, weight), zero),
        (pick(r1, mid_r), pick(c2, right), pick(-h12, -weight), pick(v12, zero)),
        (pick(r2, low_r), pick(c2, low_c), pick(h23, zero), pick(-v12, weight)),
        (pick(r2, mid_r), pick(c3, low_c), pick(-h23, zero), pick(v23, -weight)),
        (pick(r3, mid_r), pick(c3, high_c), zero, pick(-v23, weight)),
        (high_r, high_c, zero, pick(zero, -weight)),
    ]


def _ordered(a: tuple[Tensor, ...], b: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    swap = b[0] < a[0]
    low = tuple(torch.where(swap, q, p) for p, q in zip(a, b, strict=True))
    return low, tuple(torch.where(swap, p, q) for p, q in zip(a, b, strict=True))


def _splat(
    h: Tensor,
    v: Tensor,
    row: Tensor,
    column: Tensor,
    h_value: Tensor,
    v_value: Tensor,
    snap: float,
    rows: int,
    columns: int,
) -> tuple[Tensor, Tensor]:
    """Add corners to the difference maps ``[rows * columns * B]``."""
    batch = row.shape[-1]
    r, fr = _split(row, rows, snap)
    c, fc = _split(column, columns, snap)
    base = (r * columns + c) * batch + torch.arange(batch, device=row.device)
    use_h, use_v = h_value.dim() > 0, v_value.dim() > 0
    for dr, wr in ((0, 1 - fr), (1, fr)):
        for dc, wc in ((0, 1 - fc), (1, fc)):
            share, index = wr * wc, (base + (dr * columns + dc) * batch).reshape(-1)
            if use_h:
                h = h.index_add(0, index, (share * h_value).reshape(-1))
            if use_v:
                v = v.index_add(0, index, (share * v_value).reshape(-1))
    return h, v
