"""The model of global placement in torch: the same formulation in float32, for a GPU (as in Lin et al., DAC 2019).

Nothing here follows an order of its own, so on a GPU, where sums of many threads meet in any order, results differ in
the last digits from run to run.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from placer.engines.analytic.bodies import Bodies
from placer.engines.analytic.circuit import Circuit
from placer.engines.analytic.descent import Reading

Floats = NDArray[np.float64]

#: Bins around the maps, as in :mod:`placer.engines.analytic.density`.
_PAD = 2
#: Columns that a long cell of one row may touch; longer boxes are summed as products of their two sides.
_LONG = 9


class TorchModel:
    """:class:`placer.engines.analytic.descent.Model` on any torch device.

    Args:
        circuit: nets and pins.
        bodies: what moves.
        x: ``[N]`` centres of everything, um.
        y: ``[N]``.
        target: density the bodies are spread to.
        device: torch device.
    """

    def __init__(self, circuit: Circuit, bodies: Bodies, x: Floats, y: Floats, target: float, device: str) -> None:
        b, c = bodies, circuit
        self._device = torch.device(device)
        real = np.flatnonzero(b.node >= 0)
        self._real, self._node = self._ints(real), self._ints(b.node[real])
        self._xy = self._floats(np.stack([x, y]))
        self._pin_node = self._ints(c.pin_node)
        self._offset = self._floats(np.stack([c.pin_dx, c.pin_dy]))
        self._net = self._ints(np.repeat(np.arange(len(c.weight)), np.diff(c.net_ptr)))
        self._weight = self._floats(c.weight)
        self._low, self._high = self._floats(b.low), self._floats(b.high)
        self._pins, self._charge = self._floats(b.pins), self._floats(b.charge)
        self._fields = [
            (slice(f.begin, f.end), _TorchDensity(self, circuit.extent, b, k, target)) for k, f in enumerate(b.fields)
        ]
        self.unit = (circuit.extent[0] / b.bins[0] + circuit.extent[1] / b.bins[1]) / 2
        start = self._floats(b.start)
        self._u = self._v = self._trial_u = self._trial_v = self._best = start
        self._d = self._trial_d = self.wire = self.push = torch.zeros_like(start)

    @property
    def solution(self) -> Floats:
        """``[2, T]`` centres ``u``, um."""
        return self._u.cpu().numpy().astype(np.float64)

    def evaluate(self, gamma: float) -> Reading:
        """Slopes at the trial into ``wire`` and ``push``."""
        at = self._trial_v
        self._xy[:, self._node] = at[:, self._real]
        length, slope = self._wirelength(gamma)
        self.wire = torch.zeros_like(at)
        self.wire[:, self._real] = slope[:, self._node]
        self.push = torch.empty_like(at)
        over = at.new_zeros(())
        area = 0.0
        for part, density in self._fields:
            more, self.push[:, part] = density.spread(at[:, part])
            over, area = over + more, area + density.area
        read = torch.stack([length, over]).tolist()
        return Reading(read[0], read[1] / max(area, 1e-300))

    def balance(self) -> float:
        """Density weight at which both slopes are equal in sum."""
        return float(self.wire.abs().sum() / self.push.abs().sum().clamp_min(1e-30))

    def turn(self, weight: float) -> float:
        """Direction at the trial, and distance over change of direction since ``v``."""
        self._trial_d = self._direction(weight)
        moved, turned = (self._trial_v - self._v).norm(), (self._trial_d - self._d).norm()
        return float(moved / turned.clamp_min(1e-30))

    def aim(self, weight: float) -> float:
        """Direction at ``v`` under another weight; returns its largest entry."""
        self._d = self._direction(weight)
        return float(self._d.abs().max()) if self._d.numel() else 0.0

    def propose(self, step: float, momentum: float) -> None:
        """Make the trial."""
        self._trial_u = torch.clamp(self._v - step * self._d, self._low, self._high)
        self._trial_v = torch.clamp(self._trial_u + momentum * (self._trial_u - self._u), self._low, self._high)

    def accept(self) -> None:
        """The trial becomes ``u``, ``v`` and ``d``."""
        self._u, self._v, self._d = self._trial_u, self._trial_v, self._trial_d

    def keep(self) -> None:
        """Remember ``u``; no tensor is ever written in place, so that is a reference."""
        self._best = self._u

    def restore(self) -> None:
        """Begin from what was remembered."""
        self._u = self._v = self._trial_u = self._trial_v = self._best

    def _direction(self, weight: float) -> Tensor:
        return (self.wire + weight * self.push) / (self._pins + weight * self._charge).clamp_min(1.0)

    def _wirelength(self, gamma: float) -> tuple[Tensor, Tensor]:
        """Weighted HPWL and ``[2, N]`` slopes of the weighted-average wirelength (Hsu, Chang, Balabanov, DAC 2011)."""
        nets, nodes = len(self._weight), self._xy.shape[1]
        at = self._xy[:, self._pin_node] + self._offset
        net = self._net.expand(2, -1)
        high = at.new_full((2, nets), -math.inf).scatter_reduce(1, net, at, "amax", include_self=True)
        low = at.new_full((2, nets), math.inf).scatter_reduce(1, net, at, "amin", include_self=True)
        length = ((high - low).sum(0) * self._weight).sum(dtype=torch.float64)
        to_high, to_low = at - high[:, self._net], at - low[:, self._net]  # never above, never below 0
        up, down = torch.exp(to_high / gamma), torch.exp(-to_low / gamma)

        def by_net(values: Tensor) -> Tensor:
            return at.new_zeros((2, nets)).scatter_add(1, net, values)

        sum_up, sum_down = by_net(up), by_net(down)
        mean_up, mean_down = by_net(up * to_high) / sum_up, by_net(down * to_low) / sum_down
        slope = up / sum_up[:, self._net] * (1.0 + (to_high - mean_up[:, self._net]) / gamma)
        slope -= down / sum_down[:, self._net] * (1.0 - (to_low - mean_down[:, self._net]) / gamma)
        slope *= self._weight[self._net]
        return length, at.new_zeros((2, nodes)).scatter_add(1, self._pin_node.expand(2, -1), slope)

    def _floats(self, array: NDArray) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float32).to(self._device)

    def _ints(self, array: NDArray) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.int64).to(self._device)


class _TorchDensity:
    """One field; see :class:`placer.engines.analytic.density.Density`."""

    def __init__(self, owner: TorchModel, extent: tuple[float, float], b: Bodies, index: int, target: float) -> None:
        field = b.fields[index]
        part = slice(field.begin, field.end)
        columns, rows = b.bins
        self._bins, self._padded = b.bins, (columns + 2 * _PAD, rows + 2 * _PAD)
        pitch = np.array([extent[0] / columns, extent[1] / rows])
        self._bin_area = float(pitch.prod())
        size = b.size[:, part]
        stretched = np.maximum(size / pitch[:, None], math.sqrt(2.0))  # in bins
        charge = b.scale[part] * size.prod(0) / (stretched.prod(0) * self._bin_area)
        self.area = float((b.scale[part] * size.prod(0))[: field.real - field.begin].sum())
        # Boxes by how many bins they can touch; few are too large for a stencil.
        slim = stretched[1] <= 2.0
        classes = (slim & (stretched[0] <= 2.0), slim & (stretched[0] > 2.0) & (stretched[0] <= _LONG - 1))
        self._stencils = [
            (owner._ints(np.flatnonzero(some)), reach)
            for some, reach in zip(classes, (3, _LONG), strict=True)
            if some.any()
        ]
        self._large = owner._ints(np.flatnonzero(~(classes[0] | classes[1])))
        self._pitch, self._size = owner._floats(pitch[:, None]), owner._floats(stretched)
        self._density = owner._floats(charge)
        self._counts = owner._floats(np.arange(size.shape[1]) < field.real - field.begin)
        taken = np.minimum(field.fixed, self._bin_area) * target / self._bin_area
        self._fixed, self._room = owner._floats(taken), owner._floats(np.maximum(target - taken, 0.0))
        u = math.pi * np.arange(columns) / extent[0]
        v = math.pi * np.arange(rows) / extent[1]
        square = u[:, None] ** 2 + v**2
        square[0, 0] = 1.0
        self._to_x, self._to_y = owner._floats(u[:, None] / square), owner._floats(v / square)

    def spread(self, at: Tensor) -> tuple[Tensor, Tensor]:
        """Area above the target of the boxes that count, um^2, and ``[2, n]`` slopes of the energy."""
        low = at / self._pitch - 0.5 * self._size
        stencils = [(ids, *self._stencil(low[:, ids], self._size[:, ids], reach)) for ids, reach in self._stencils]
        large = self._large
        wide, high = self._overlaps(low[:, large], self._size[:, large])
        maps = []
        for counts in (self._counts, 1.0 - self._counts):
            charge = self._density * counts
            flat = at.new_zeros(self._padded[0] * self._padded[1])
            for ids, cells, weights in stencils:
                flat.scatter_add_(0, cells.flatten(), (weights * charge[ids]).flatten())
            inner = flat.view(self._padded)[_PAD:-_PAD, _PAD:-_PAD]
            maps.append(inner + (wide * charge[large, None]).T @ high)
        over = (maps[0] - self._room).clamp_min(0.0).sum(dtype=torch.float64) * self._bin_area
        coefficients = dct(dct(maps[0] + maps[1] + self._fixed).T).T
        coefficients[0, 0] = 0.0  # a uniform charge pushes nowhere
        slopes = torch.empty_like(at)
        for axis, factor in ((0, self._to_x), (1, self._to_y)):
            field = coefficients * factor
            field = idct(idst(field.T).T) if axis == 0 else idct(idst(field).T).T
            padded = torch.nn.functional.pad(field, (_PAD, _PAD, _PAD, _PAD)).flatten()
            for ids, cells, weights in stencils:
                slopes[axis, ids] = (padded[cells] * weights).sum(0)
            slopes[axis, large] = ((wide @ field) * high).sum(1)
        return over, -slopes * self._density * self._bin_area

    def _stencil(self, low: Tensor, size: Tensor, reach: int) -> tuple[Tensor, Tensor]:
        """``[3 * reach, k]`` padded bins under boxes and the area of each in them, in bins."""
        first = torch.floor(low)
        columns, across = self._touched(first[0], low[0], size[0], reach, 0)
        rows, along = self._touched(first[1], low[1], size[1], 3, 1)
        cells = columns[:, None] * self._padded[1] + rows[None]
        weights = across[:, None] * along[None]
        return cells.reshape(3 * reach, -1), weights.reshape(3 * reach, -1)

    def _touched(self, first: Tensor, low: Tensor, size: Tensor, reach: int, axis: int) -> tuple[Tensor, Tensor]:
        """``[reach, k]`` padded columns (rows) from ``first`` on and how much of each a box covers."""
        at = first + torch.arange(reach, device=low.device)[:, None]
        share = (torch.minimum(low + size, at + 1.0) - torch.maximum(low, at)).clamp_min(0.0)
        return (at + _PAD).long().clamp(0, self._padded[axis] - 1), share

    def _overlaps(self, low: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
        """``[k, columns]`` and ``[k, rows]`` how much of each column and row large boxes cover, in bins."""
        out = []
        for axis in range(2):
            edges = torch.arange(self._bins[axis], device=low.device)
            near, far = low[axis, :, None], (low[axis] + size[axis])[:, None]
            out.append((torch.minimum(far, edges + 1.0) - torch.maximum(near, edges.to(low.dtype))).clamp_min(0.0))
        return out[0], out[1]


def dct(values: Tensor) -> Tensor:
    """Cosine transform of type 2 along the last axis, not scaled, through one FFT (Makhoul, TASSP 1980)."""
    n = values.shape[-1]
    order = torch.cat([values[..., ::2], values[..., 1::2].flip(-1)], dim=-1)
    angle = torch.arange(n, device=values.device, dtype=values.dtype) * (math.pi / (2 * n))
    spectrum = torch.fft.fft(order, dim=-1)
    return 2.0 * (spectrum.real * torch.cos(angle) + spectrum.imag * torch.sin(angle))


def idct(values: Tensor) -> Tensor:
    """Inverse of :func:`dct`."""
    n = values.shape[-1]
    angle = torch.arange(n, device=values.device, dtype=values.dtype) * (math.pi / (2 * n))
    back = torch.nn.functional.pad(values[..., 1:].flip(-1), (1, 0))
    spectrum = torch.polar(torch.full_like(angle, 0.5), angle) * torch.complex(values, -back)
    order = torch.fft.ifft(spectrum, dim=-1).real
    out = torch.empty_like(values)
    half = (n + 1) // 2
    out[..., ::2], out[..., 1::2] = order[..., :half], order[..., half:].flip(-1)
    return out


def idst(values: Tensor) -> Tensor:
    """Sine series of type 2 along the last axis; entry ``k`` of the coefficients has frequency ``k``, as for cosines.

    The entry of frequency 0 is nothing; a sine transform is a cosine transform of alternating signs read backwards.
    """
    n = values.shape[-1]
    # scipy numbers sines from frequency 1: shift down, then reverse.
    shifted = torch.nn.functional.pad(values[..., 1:], (0, 1))
    out = idct(shifted.flip(-1))
    signs = 1.0 - 2.0 * (torch.arange(n, device=values.device) % 2).to(values.dtype)
    return out * signs
