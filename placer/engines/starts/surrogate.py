"""The proxy cost as a function with slopes: every term of a batch of placements, as smooth as asked for."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from netlists.design import Design
from placer.engines.starts.circuit import extract
from placer.engines.starts.compiled import CompiledMaps
from placer.engines.starts.portable import PortableMaps


@dataclass(frozen=True)
class Smoothness:
    """How far the surrogate departs from the exact cost; zeros, and ones for the last two, are the exact cost.

    Attributes:
        gamma: width of the weighted-average wirelength, in gcells.
        snap: 1 spreads routes bilinearly over neighbouring gcells, 0 puts them on one as the exact model does.
        breadth: factor on the number of gcells (map entries) in the mean of the highest ones.
        power: exponent of that mean; above 1 the higher ones count more, so that crowds dissolve from inside.
    """

    gamma: float = 0.5
    snap: float = 1.0
    breadth: float = 1.0
    power: float = 1.0


#: The surrogate with this is the proxy cost itself.
EXACT = Smoothness(0.0, 0.0, 1.0, 1.0)


class Surrogate:
    """Wirelength, density and congestion cost of ``B`` placements at once, with slopes.

    On the CPU the maps come from compiled loops, elsewhere from torch operations; both compute the same. At
    ``EXACT`` the values are the proxy cost's own (to rounding), and the slopes are those of the bilinear demand.

    Args:
        design: the design; orientations are those of its placement.
        device: torch device, default CPU.
        dtype: float32 or float64; default float64 on the CPU, else float32.
        compiled: use the compiled loops; default on the CPU only.
    """

    def __init__(
        self,
        design: Design,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        *,
        compiled: bool | None = None,
    ) -> None:
        self.device = torch.device(device or "cpu")
        on_cpu = self.device.type == "cpu"
        self.dtype = dtype or (torch.float64 if on_cpu else torch.float32)
        self.circuit = k = extract(design)
        self.origin = (design.canvas.x0, design.canvas.y0)
        self._maps: CompiledMaps | PortableMaps
        if on_cpu if compiled is None else compiled:
            self._maps = CompiledMaps(k)
        else:
            self._maps = PortableMaps(k, self.device, self.dtype)
        self._spread_h = self._window(k.rows, k.smoothing)
        self._spread_v = self._window(k.columns, k.smoothing)
        area = float((k.width[k.hard] * k.height[k.hard]).sum())
        self._overlap_scale = 1.0 / area if area > 0 else 0.0

    def _window(self, count: int, reach: int) -> Tensor:
        """``[count, count]`` share of entry ``j`` that lands in entry ``i``: even over j's clipped window."""
        index = torch.arange(count, device=self.device)
        near = ((index[:, None] - index).abs() <= reach).to(self.dtype)
        return near / near.sum(0)

    def terms(
        self,
        x: Tensor,
        y: Tensor,
        smoothness: Smoothness | None = None,
        span_weights: tuple[float, float] = (1.0, 1.0),
    ) -> dict[str, Tensor]:
        """The three cost terms and the overlap of hard macros.

        Args:
            x: ``[B, N]`` centres in um.
            y: ``[B, N]``.
            smoothness: default :class:`Smoothness`.
            span_weights: factors of x and y spans in the wirelength, for canvases whose directions differ in supply.

        Returns:
            ``wirelength``, ``density`` and ``congestion`` on the scale of the exact costs, and ``overlap``: penetration
            area of hard macro pairs over their total area; each ``[B]``.
        """
        s, k = smoothness or Smoothness(), self.circuit
        x, y = x - self.origin[0], y - self.origin[1]
        gamma = s.gamma * (k.pitch_x + k.pitch_y) / 2
        length, h, v = self._maps.nets(x, y, gamma, s.snap, span_weights)
        area, h_block, v_block = self._maps.areas(x, y, s.snap)
        if k.smoothing:
            h, v = torch.matmul(self._spread_h, h), torch.matmul(v, self._spread_v.t())
        demand = torch.cat([((h + h_block) / k.h_supply).flatten(1), ((v + v_block) / k.v_supply).flatten(1)], 1)
        density = (area / (k.pitch_x * k.pitch_y)).flatten(1)
        if k.density_top:
            top = _top_mean(density, k.density_top, s.breadth, s.power)
        else:
            top = density.sum(1) / (density > 0).sum(1).clamp(min=1)
        return {
            "wirelength": length * k.hpwl_scale,
            "density": 0.5 * top,
            "congestion": _top_mean(demand, k.congestion_top, s.breadth, s.power),
            "overlap": self._maps.overlap(x, y) * self._overlap_scale,
        }

    def memory(self, batch: int) -> int:
        """Rough bytes one evaluation with slopes of a batch takes."""
        k = self.circuit
        if isinstance(self._maps, CompiledMaps):
            each = 12 * len(k.width) + 24 * k.rows * k.columns
        else:
            # Corners keep indices and shares for the way back: about a hundred numbers a connection (measured).
            each = 150 * len(k.node) + 8 * len(k.solid) * (k.rows + k.columns) + 4 * len(k.hard) ** 2
        return 8 * batch * each


def _top_mean(values: Tensor, count: int, breadth: float, power: float) -> Tensor:
    """``[B, n] -> [B]`` power mean of the ``breadth * count`` highest."""
    count = min(values.shape[1], max(1, round(count * breadth)))
    top = values.topk(count, dim=1, sorted=False).values
    if power == 1:
        return top.mean(1)
    # Relative to the highest: the slope of a power of zero stays finite, and float32 does not overflow.
    peak = top.detach().amax(1, keepdim=True).clamp(min=1e-12)
    return peak[:, 0] * (top / peak).pow(power).mean(1).clamp(min=1e-12).pow(1 / power)
