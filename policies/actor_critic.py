"""The network: which gcell, which orientation, and how good the end will be.

The circuit is encoded once (:meth:`ActorCritic.encode`). A step (:meth:`ActorCritic.decide`) is cheap: the current
macro looks at the macros placed so far, what it sees of each is written into the gcell where that one lies, and a
small convolution turns these maps, the wire mask and the occupancy into a number for every gcell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from env.observation import MACRO_FEATURES, PROGRESS_FEATURES
from netlists.orientation import NAMES
from policies.encoder import Encoder
from policies.graphs import MACRO_INPUTS, GraphBatch

#: Logit of what is illegal: its probability is exactly 0 in float32, and 0 times it is 0.
ILLEGAL = -1e8
#: Maps that do not come from other macros: occupancy, blockage, legality, wire mask (over its range, and absolute),
#: pull (likewise), x, y, distance to the nearer side along x and y, inside the grid.
_PLAIN_MAPS = 12
#: Affinity below which a macro counts as unconnected.
_FAINT = 1e-3


@dataclass(frozen=True)
class PolicyConfig:
    """Sizes of the network; kept in every checkpoint."""

    width: int = 48
    """Length of the vectors of objects and nets."""
    layers: int = 2
    """Rounds of message passing."""
    glances: int = 8
    """Numbers that one placed macro writes into its gcell."""
    maps: int = 16
    """Channels of the convolutions."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if type(value) is not int or not 1 <= value <= 4096:
                raise ValueError(f"{name} must be a whole number from 1 to 4096, not {value!r}")


class Situation(NamedTuple):
    """What ``B`` decisions depend on, beside the circuits.

    ``R x C`` is the frame, ``O`` the orientations to choose from; lengths are relative to each design's canvas.

    Attributes:
        design: ``[B]`` int64 row in the :class:`Encoded` designs.
        step: ``[B]`` int64 macros placed so far; the current macro is that row of the design's macros.
        where: ``[B, T, 2]`` float32 x and y in [0, 1] of the gcells of placed macros; others are not looked at.
        occupancy: ``[B, R, C]`` float32, see :class:`env.observation.Observer`; so are the following.
        blockage: ``[B, R, C]`` float32.
        legal: ``[B, O, R, C]`` bool.
        wire: ``[B, O, R, C]`` float32, um.
        macro: ``[B, 8]`` float32.
        progress: ``[B, 4]`` float32.
    """

    design: Tensor
    step: Tensor
    where: Tensor
    occupancy: Tensor
    blockage: Tensor
    legal: Tensor
    wire: Tensor
    macro: Tensor
    progress: Tensor

    def at(self, rows: Tensor) -> Situation:
        """Some of the decisions."""
        return Situation(*(value[rows] for value in self))

    def to(self, device: torch.device | str) -> Situation:
        """On another device."""
        return Situation(*(value.to(device, non_blocking=True) for value in self))


class Encoded(NamedTuple):
    """Circuits as the network keeps them through an episode; padded to ``T`` macros.

    Attributes:
        graph: what was encoded.
        macros: ``[D, T, d]`` vectors of the macros in placing order.
        keys: ``[D, T, g]`` what each shows to macros that come later.
        values: ``[D, T, g]`` what it tells them.
        design: ``[D, d]`` mean over all objects.
    """

    graph: GraphBatch
    macros: Tensor
    keys: Tensor
    values: Tensor
    design: Tensor


class Decision(NamedTuple):
    """What the network says.

    Attributes:
        logits: ``[B, O * R * C]`` float32, :data:`ILLEGAL` where an action is illegal.
        value: ``[B]`` float32 expected sum of the rewards to come.
    """

    logits: Tensor
    value: Tensor


class ActorCritic(nn.Module):
    """Actor and critic for ``placer/MacroPlacement-v0``.

    Untrained it puts every macro about where the wire mask is lowest: the logit of an action is ``-a`` times the wire
    mask over its range among the legal actions, ``-b`` times the pull towards macros that are connected through soft
    objects (likewise), and a learned part that begins as 0.

    Args:
        config: sizes.
    """

    def __init__(self, config: PolicyConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or PolicyConfig()
        self.encoder = Encoder(c.width, c.layers)
        self.macro_in = nn.Linear(c.width + len(MACRO_INPUTS), c.width)
        self.key, self.value_of, self.query = (nn.Linear(c.width, c.glances) for _ in range(3))
        self.trust = nn.Parameter(torch.tensor(0.5))
        situation = 2 * c.width + c.glances + 2 + 3 + len(MACRO_INPUTS) + len(MACRO_FEATURES) + len(PROGRESS_FEATURES)
        self.summary = nn.Sequential(nn.Linear(situation, c.width), nn.ReLU(), nn.Linear(c.width, c.width), nn.ReLU())
        self.first = nn.Conv2d(_PLAIN_MAPS + c.glances + 2, c.maps, 3, padding=1)
        self.second = nn.Conv2d(c.maps, c.maps, 3, padding=2, dilation=2)
        self.third = nn.Conv2d(c.maps, c.maps, 3, padding=4, dilation=4)
        self.tune = nn.Linear(c.width, 5 * c.maps)
        # One score for the cell, and one for each orientation there.
        self.score = nn.Conv2d(c.maps, 1 + len(NAMES), 1)
        self.wire_slope, self.pull_slope = nn.Parameter(torch.tensor(8.0)), nn.Parameter(torch.tensor(-2.0))
        self.worth = nn.Linear(c.width, 1)
        self.judge = nn.Sequential(nn.Linear(2 * c.maps + c.width, c.width), nn.ReLU(), self.worth)
        for parameter in (*self.score.parameters(), *self.worth.parameters()):
            nn.init.zeros_(parameter)

    def forward(self, graph: GraphBatch, situation: Situation, codes: tuple[int, ...] = (0,)) -> Decision:
        """:meth:`encode`, then :meth:`decide`: what training differentiates."""
        return self.decide(self.encode(graph), situation, codes)

    def encode(self, graph: GraphBatch) -> Encoded:
        """The static part: once for a design."""
        nodes = self.encoder(graph)
        macros = torch.relu(self.macro_in(torch.cat([nodes[graph.macros], graph.macro_x], dim=-1)))
        sums = nodes.new_zeros(len(graph.count), nodes.shape[1]).index_add(0, graph.node_design, nodes)
        sizes = torch.bincount(graph.node_design, minlength=len(graph.count))
        return Encoded(graph, macros, self.key(macros), self.value_of(macros), sums / sizes[:, None])

    def decide(self, encoded: Encoded, s: Situation, codes: tuple[int, ...] = (0,)) -> Decision:
        """The dynamic part: once a step.

        Args:
            encoded: what :meth:`encode` gave.
            s: the decisions to make.
            codes: ``O`` orientation codes the actions choose from; of no meaning where ``O`` is 1.
        """
        graph, d = encoded.graph, s.design
        t = torch.minimum(s.step, graph.count[d] - 1)
        macro, own, anchor = encoded.macros[d, t], graph.macro_x[d, t], graph.anchor[d, t]
        # Tables of other designs may be longer; no step here needs what is beyond the shorter of the two.
        most = min(s.where.shape[1], encoded.macros.shape[1])
        where = s.where[:, :most]
        placed = torch.arange(most, device=d.device) < s.step[:, None]
        pull = graph.affinity[d, t][:, :most] * placed

        # What the current macro sees of those placed.
        query = self.query(macro)
        match = encoded.keys[d][:, :most] * query[:, None]
        score = match.sum(-1) / self.config.glances**0.5 + F.softplus(self.trust) * torch.log(pull + _FAINT)
        # A place to look at when there is nothing to see, worth as much as an unconnected macro.
        nothing = score.new_full((len(d), 1), 0.0)
        share = torch.softmax(torch.cat([score.masked_fill(~placed, ILLEGAL), nothing], dim=1), dim=1)[:, :-1]
        heard = (share[..., None] * encoded.values[d][:, :most]).sum(1)
        target = (share[..., None] * (where - 0.5)).sum(1)
        words = [macro, encoded.design[d], heard, target, anchor, own, s.macro, s.progress]
        summary = self.summary(torch.cat(words, dim=1))

        # Maps.
        frame = s.occupancy.shape[1:]
        inside, x, y = _grid(graph.shape[d], frame)
        glances = torch.cat([match, share[..., None], pull[..., None]], dim=-1) * placed[..., None]
        written = _write(glances.float(), where, graph.shape[d], frame)
        wire, wire_range = _over_range(s.wire, s.legal)
        pulled, pull_range = _over_range(_pull_map(where, pull, anchor, x, y)[:, None], s.legal.any(1, keepdim=True))
        reach = graph.reach[d, t][:, None, None]
        lowest, aside, above = wire.amin(1), _to_side(x), _to_side(y)
        grids = torch.broadcast_tensors(x[:, None, :], y[:, :, None], aside[:, None, :], above[:, :, None], inside)
        masks = s.occupancy, s.blockage, s.legal.any(1).float()
        plain = [*masks, lowest, wire_range * lowest / reach, pulled[:, 0], pull_range * pulled[:, 0], *grids]
        features = self._look(torch.cat([torch.stack(plain, dim=1), written], dim=1), summary, inside[:, None])

        scores = self.score(features).float()
        logits = scores[:, :1] - F.softplus(self.wire_slope) * wire - F.softplus(self.pull_slope) * pulled
        if len(codes) > 1:
            logits = logits + scores[:, [1 + code for code in codes]]
        cells = inside.sum((1, 2), keepdim=True)[..., 0]
        pooled = torch.cat([features.sum((2, 3)) / cells, features.amax((2, 3)), summary], dim=1)
        value = self.judge(pooled).float()[:, 0]
        return Decision(logits.masked_fill(~s.legal, ILLEGAL).flatten(1), value)

    def _look(self, maps: Tensor, summary: Tensor, inside: Tensor) -> Tensor:
        """``[B, m, R, C]`` features of the gcells.

        What is outside the grid stays 0 as beyond the edge of the frame, so a larger frame changes nothing.
        """
        a, b, c, d, e = self.tune(summary)[:, :, None, None].chunk(5, dim=1)
        out = torch.relu(self.first(maps * inside) + a) * inside
        out = (out + torch.relu(self.second(out) * (1 + b) + c)) * inside
        found: Tensor = (out + torch.relu(self.third(out) * (1 + d) + e)) * inside
        return found


def parameter_count(model: nn.Module) -> int:
    """Numbers to learn."""
    return sum(p.numel() for p in model.parameters())


def _grid(shape: Tensor, frame: torch.Size | tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """``[B, R, C]`` 1 inside each design's grid, ``[B, C]`` x of the columns' centres in [0, 1], ``[B, R]`` y."""
    row, column = (torch.arange(k, device=shape.device, dtype=torch.float32) for k in frame)
    rows, columns = shape[:, :1], shape[:, 1:]
    inside = (row < rows)[:, :, None] & (column < columns)[:, None, :]
    return inside.float(), ((column + 0.5) / columns).clamp(max=1), ((row + 0.5) / rows).clamp(max=1)


def _to_side(x: Tensor) -> Tensor:
    return 2 * torch.minimum(x, 1 - x)


def _write(values: Tensor, where: Tensor, shape: Tensor, frame: torch.Size | tuple[int, ...]) -> Tensor:
    """``[B, k, R, C]`` sums of ``values`` ``[B, T, k]`` in the gcells at ``where``."""
    rows, columns = frame
    limit = shape[:, None, :].flip(-1)
    cell = torch.minimum((where * limit).long(), limit - 1)
    index = (cell[..., 1] * columns + cell[..., 0])[..., None].expand(-1, -1, values.shape[2])
    board = values.new_zeros(len(values), rows * columns, values.shape[2])
    return board.scatter_add(1, index, values).transpose(1, 2).unflatten(2, (rows, columns))


def _pull_map(where: Tensor, pull: Tensor, anchor: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """``[B, R, C]`` mean distance along x plus y to what the macro is connected with and where that is."""

    def along(at: Tensor, known: Tensor, fixed: Tensor) -> Tensor:
        far = (at[:, :, None] - known[:, None, :]).abs()
        return (far @ pull[:, :, None])[..., 0] + anchor[:, :1] * (at - fixed[:, None]).abs()

    # Distances are compared with each other; half precision would make steps of them.
    with torch.autocast(where.device.type, enabled=False):
        across, up = along(x, where[..., 0], anchor[:, 1]), along(y, where[..., 1], anchor[:, 2])
    return up[:, :, None] + across[:, None, :]


def _over_range(values: Tensor, legal: Tensor) -> tuple[Tensor, Tensor]:
    """``[B, O, R, C]`` values from 0 to 1 between the least and the largest legal one, and that range ``[B, 1, 1]``."""
    low = values.masked_fill(~legal, torch.inf).amin((1, 2, 3), keepdim=True)
    high = values.masked_fill(~legal, -torch.inf).amax((1, 2, 3), keepdim=True)
    low, high = (torch.where(torch.isfinite(end), end, 0.0) for end in (low, high))
    # Costs that differ by the rounding of float32 only are ties.
    span = torch.where(high - low > 1e-6 * high.abs(), high - low, 0.0)
    scaled = ((values - low) / torch.where(span > 0, span, 1.0)).clamp(0, 1)
    return torch.where(span > 0, scaled, 0.0), span[:, 0]
