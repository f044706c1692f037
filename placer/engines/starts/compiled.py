"""The maps of :mod:`placer.engines.starts.portable` for the CPU: compiled loops, slopes by hand."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from placer.engines.starts import kernels
from placer.engines.starts.circuit import Circuit


class CompiledMaps:
    """Same methods, arguments and results as ``PortableMaps``; about a hundred times as fast on a CPU.

    Uses as many threads as torch does when this is made, each with its own placements. Everything is computed in
    float64; results do not depend on the number of threads.

    Args:
        circuit: the flattened design.
    """

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        k = circuit
        longest = int(np.diff(k.net_ptr).max(initial=1))
        self._nets = (k.net_ptr, k.node, k.dx, k.dy, k.weight, longest, k.rows, k.columns, k.pitch_x, k.pitch_y)
        self._boxes = (k.width, k.height, k.solid, k.hard, k.pitch_x, k.pitch_y)
        self.threads = torch.get_num_threads()
        self._pool: ThreadPoolExecutor | None = None

    def nets(
        self, x: Tensor, y: Tensor, gamma: float, snap: float, span_weights: tuple[float, float] = (1.0, 1.0)
    ) -> tuple[Tensor, Tensor, Tensor]:
        """See :meth:`PortableMaps.nets`."""
        return _Nets.apply(x, y, self, gamma, snap, span_weights)

    def areas(self, x: Tensor, y: Tensor, snap: float) -> tuple[Tensor, Tensor, Tensor]:
        """See :meth:`PortableMaps.areas`."""
        area, h, v = _Areas.apply(x, y, self, snap)
        return area, self.circuit.h_macro * h, self.circuit.v_macro * v

    def overlap(self, x: Tensor, y: Tensor) -> Tensor:
        """See :meth:`PortableMaps.overlap`."""
        return _Overlap.apply(x, y, self)

    def spread(self, kernel: Callable[..., None], batch: int, *args: Any) -> None:  # noqa: ANN401 - kernel arguments
        """Run a kernel over a batch, its placements shared out among threads."""
        threads = min(self.threads, batch)
        if threads == 1:
            kernel(0, batch, *args)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="placer-starts")
        edges = [batch * i // threads for i in range(threads + 1)]
        jobs = [self._pool.submit(kernel, a, b, *args) for a, b in pairwise(edges)]
        for job in jobs:
            job.result()


def _array(t: Tensor) -> NDArray[np.float64]:
    return np.ascontiguousarray(t.detach().numpy(), dtype=np.float64)


class _Nets(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's context
        x: Tensor,
        y: Tensor,
        maps: CompiledMaps,
        gamma: float,
        snap: float,
        span_weights: tuple[float, float],
    ) -> tuple[Tensor, Tensor, Tensor]:
        k, batch = maps.circuit, x.shape[0]
        ax, ay = _array(x), _array(y)
        shape = (batch, max(2, k.rows), max(2, k.columns))
        length, h, v = np.zeros(batch), np.zeros(shape), np.zeros(shape)
        slope_x, slope_y = np.zeros_like(ax), np.zeros_like(ay)
        maps.spread(
            kernels.nets_forward, batch, ax, ay, *maps._nets, gamma, snap, *map(float, span_weights),
            length, h, v, slope_x, slope_y,
        )  # fmt: skip
        ctx.maps, ctx.snap, ctx.at, ctx.slopes, ctx.dtype = maps, snap, (ax, ay), (slope_x, slope_y), x.dtype
        demand_h = np.cumsum(h, axis=2)[:, : k.rows, : k.columns]
        demand_v = np.cumsum(v, axis=1)[:, : k.rows, : k.columns]
        return _tensor(length, x.dtype), _tensor(demand_h, x.dtype), _tensor(demand_v, x.dtype)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 - torch's context
        maps, (ax, ay) = ctx.maps, ctx.at
        k, batch = maps.circuit, len(ax)
        by_length = _array(slopes[0])[:, None]
        slope_x, slope_y = ctx.slopes[0] * by_length, ctx.slopes[1] * by_length
        shape = (batch, max(2, k.rows), max(2, k.columns))
        h, v = np.zeros(shape), np.zeros(shape)
        # The transpose of a running sum is the running sum from the other end.
        h[:, : k.rows, : k.columns] = np.cumsum(_array(slopes[1])[:, :, ::-1], axis=2)[:, :, ::-1]
        v[:, : k.rows, : k.columns] = np.cumsum(_array(slopes[2])[:, ::-1], axis=1)[:, ::-1]
        maps.spread(kernels.nets_backward, batch, ax, ay, *maps._nets, ctx.snap, h, v, slope_x, slope_y)
        return _tensor(slope_x, ctx.dtype), _tensor(slope_y, ctx.dtype), None, None, None, None


class _Areas(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 - torch's context
        x: Tensor,
        y: Tensor,
        maps: CompiledMaps,
        snap: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        k, batch = maps.circuit, x.shape[0]
        ax, ay = _array(x), _array(y)
        area, h, v = (np.zeros((batch, k.rows, k.columns)) for _ in range(3))
        maps.spread(kernels.areas_forward, batch, ax, ay, *maps._boxes, snap, area, h, v)
        ctx.maps, ctx.snap, ctx.at, ctx.dtype = maps, snap, (ax, ay), x.dtype
        return _tensor(area, x.dtype), _tensor(h, x.dtype), _tensor(v, x.dtype)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 - torch's context
        (ax, ay), maps = ctx.at, ctx.maps
        slope_x, slope_y = np.zeros_like(ax), np.zeros_like(ay)
        maps.spread(
            kernels.areas_backward, len(ax), ax, ay, *maps._boxes, ctx.snap, *map(_array, slopes), slope_x, slope_y
        )
        return _tensor(slope_x, ctx.dtype), _tensor(slope_y, ctx.dtype), None, None


class _Overlap(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, maps: CompiledMaps) -> Tensor:  # noqa: ANN401 - torch's context
        k = maps.circuit
        ax, ay = _array(x), _array(y)
        total, slope_x, slope_y = np.zeros(len(ax)), np.zeros_like(ax), np.zeros_like(ay)
        maps.spread(kernels.overlaps, len(ax), ax, ay, k.width, k.height, k.hard, total, slope_x, slope_y)
        ctx.slopes, ctx.dtype = (slope_x, slope_y), x.dtype
        return _tensor(total, x.dtype)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401 - torch's context
        by = _array(slopes[0])[:, None]
        return _tensor(ctx.slopes[0] * by, ctx.dtype), _tensor(ctx.slopes[1] * by, ctx.dtype), None


def _tensor(a: NDArray[np.float64], dtype: torch.dtype) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(a)).to(dtype)
