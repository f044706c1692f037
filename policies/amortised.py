"""Starts in one pass: a network that places all objects of a circuit at once, as many times as it gets noise codes.

A code is a random layout. The network pulls it along the nets, then moves all objects together in a few rounds: in each
an object sees where its nets are, how crowded the canvas is around it and which way out of the crowd is (the slope of
the potential of Poisson's equation with density as the charge, as in J. Lu et al., "ePlace", TODAES 2015), and it looks
at all other objects (attention). Rounds share their weights, so more of them can be run than were learned with. What
comes out overlaps; the legaliser mends that.

It learns without examples (``policies.amortised_training``): the smooth proxy cost of what it puts out has slopes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO, PORT
from netlists.placement import Placement
from placer.budget import Budget
from placer.engines.starts import EXACT, Schedule, Surrogate, gradient_starts
from placer.engines.starts.circuit import extract
from placer.flow import Starter
from policies.files import Checkpoint, read_checkpoint
from policies.shipped import FOLDER

FORMAT = "placer-starts"
#: Changes whenever older networks would be told something else than what they learned from.
VERSION = 1
#: What ships with the placer.
SHIPPED = FOLDER / "placer-starts.safetensors"
#: Cells per side of the map that crowds are seen on.
_GRID = 24
#: Waves a position is told in, per axis.
_WAVES = 3
#: Rounds in which a code is pulled along the nets.
_RELAX = 6
#: More objects than this are not looked at: attention takes the square of their number.
MOST_OBJECTS = 6000
#: Columns of :attr:`Board.looks`: hard, movable, width, height, area, connections, weight of nets, share of what stays.
_LOOKS = 8
#: What a round sees of an object beside its state: waves of its position, way to its nets, field, density.
_SEEN = 4 * _WAVES + 2 + 2 + 1
#: The last part of a descent: objects lie about right, their crowds remain.
FINISH = Schedule(
    step=(0.004, 0.0005), gamma=(1.0, 0.2), breadth=(3.0, 1.0), power=(2.0, 1.0), overlap=(0.2, 1.0), snap=(1.0, 0.5)
)


@dataclass(frozen=True)
class AmortisedConfig:
    """Sizes of the network; kept in every file."""

    width: int = 32
    """Length of all vectors."""
    layers: int = 2
    """Rounds of message passing over the circuit."""
    rounds: int = 6
    """Rounds of moving."""
    heads: int = 4
    """Heads of the attention."""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if type(value) is not int or not 1 <= value <= 1024:
                raise ValueError(f"{name} must be a whole number from 1 to 1024, not {value!r}")
        if self.width % self.heads:
            raise ValueError(f"the width must be a multiple of the heads, not {self.width} and {self.heads}")


@dataclass(frozen=True, eq=False)
class Board:
    """A circuit and the canvas as the network sees them; lengths in canvas widths and heights.

    Attributes:
        looks: ``[N, 8]`` what each object is.
        objects: ``[S]`` rows of what has to be placed.
        fixed: ``[N, 2]`` where ports and fixed objects are; the middle for all others.
        half: ``[S, 2]`` half sizes.
        ground: ``[G, G]`` density of fixed objects.
        node: ``[C]`` object of each connection.
        net: ``[C]`` net of each connection.
        tie: ``[C]`` weight of a connection's net for its object; those of an object add up to 1.
        share: ``[C]`` one over the connections of the net.
        offset: ``[N, 2]`` where the nets' centres are seen from the object's own pins, if all objects were in one spot.
        tied: ``[N, 1]`` 1 for objects with nets, else 0.
    """

    looks: Tensor
    objects: Tensor
    fixed: Tensor
    half: Tensor
    ground: Tensor
    node: Tensor
    net: Tensor
    tie: Tensor
    share: Tensor
    offset: Tensor
    tied: Tensor

    def over_nets(self, values: Tensor) -> Tensor:
        """``[N, *] -> [N, *]``: each object hears the weighted mean over its nets of the means of their members."""
        some = (-1,) + (1,) * (values.dim() - 1)
        nets = int(self.net[-1]) + 1 if len(self.net) else 0
        mean = values.new_zeros(nets, *values.shape[1:])
        mean = mean.index_add(0, self.net, values[self.node] * self.share.view(some))
        return torch.zeros_like(values).index_add(0, self.node, mean[self.net] * self.tie.view(some))


def build_board(design: Design) -> Board:
    """Make the board of a design.

    Raises:
        NetlistError: the design has nothing to place, or too many objects.
    """
    n, c, p, k = design.netlist, design.canvas, design.placement, extract(design)
    movable = design.movable & (n.node_kind != PORT)
    ids = np.flatnonzero(movable)
    if not 0 < len(ids) <= MOST_OBJECTS:
        raise NetlistError(
            "a network makes starts for some thousand objects", found=len(ids), expected=f"1 to {MOST_OBJECTS}"
        )
    span = np.array([c.width, c.height])
    stays = ~design.movable & p.placed
    at = np.stack([p.x - c.x0, p.y - c.y0], axis=1) / span
    at = np.clip(np.where(stays[:, None], at, 0.5), 0.0, 1.0)
    half = np.stack([k.width, k.height], axis=1) / (2 * span)
    solid = np.flatnonzero(stays & (n.node_kind != PORT))

    degree = np.diff(k.net_ptr)
    net, count = np.repeat(np.arange(len(degree)), degree), n.num_nodes
    pull = (k.weight / (degree - 1))[net]
    total = np.bincount(k.node, pull, count)
    tie = pull / np.maximum(total[k.node], np.finfo(float).tiny)
    pin = np.stack([k.dx, k.dy], axis=1) / span
    centre = np.stack([np.bincount(net, pin[:, axis], len(degree)) for axis in range(2)], axis=1) / degree[:, None]
    seen = tie[:, None] * (centre[net] - pin)
    offset = np.stack([np.bincount(k.node, seen[:, axis], count) for axis in range(2)], axis=1)
    anchored = np.bincount(k.node, tie * (np.bincount(net, ~movable[k.node], len(degree)) / degree)[net], count)
    looks = np.column_stack([
        n.node_kind == HARD_MACRO, movable, 2 * half, np.log(np.maximum(4 * half.prod(1), 1e-7)) / 8 + 1,
        np.log1p(np.bincount(k.node, minlength=count)) / 4, np.log1p(total / max(total.mean(), 1e-12)), anchored,
    ])  # fmt: skip
    return Board(
        looks=_single(looks),
        objects=torch.from_numpy(ids),
        fixed=_single(at),
        half=_single(half[ids]).clamp(max=0.5),
        ground=_density(*_coverage(_single(at[solid])[None], _single(half[solid])))[0],
        node=torch.from_numpy(k.node),
        net=torch.from_numpy(net),
        tie=_single(tie),
        share=_single(1.0 / degree[net]),
        offset=_single(offset),
        tied=_single(total > 0)[:, None],
    )


class AmortisedPlacer(nn.Module):
    """The network.

    Args:
        config: sizes.
    """

    def __init__(self, config: AmortisedConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or AmortisedConfig()
        d = c.width
        self.look = nn.Linear(_LOOKS, d)
        self.mix = nn.ModuleList(nn.Linear(2 * d, d) for _ in range(c.layers))
        self.begin = nn.Linear(d + 4 * _WAVES, d)
        self.sense = nn.Linear(d + _SEEN, 2 * d)
        self.think = nn.Linear(2 * d, d)
        self.quiet, self.calm, self.last = nn.LayerNorm(d), nn.LayerNorm(d), nn.LayerNorm(d)
        self.ask, self.answer = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.move = nn.Linear(d, 2)
        # How far objects follow their nets and the field, before anything is learned.
        self.follow, self.flee = nn.Parameter(torch.tensor(0.2)), nn.Parameter(torch.tensor(0.02))
        nn.init.zeros_(self.move.weight)
        nn.init.zeros_(self.move.bias)

    def forward(self, board: Board, codes: Tensor, rounds: int | None = None) -> Tensor:
        """Place.

        Args:
            board: the design.
            codes: ``[K, S, 2]`` random layouts in [0, 1].
            rounds: of moving; those of the sizes when None.

        Returns:
            ``[K, S, 2]`` centres in canvas widths and heights, inside the canvas.
        """
        nodes = torch.relu(self.look(board.looks))
        for mix in self.mix:
            nodes = nodes + torch.relu(mix(torch.cat([nodes, board.over_nets(nodes)], dim=1)))
        nodes = nodes[board.objects]
        low, high = board.half, 1 - board.half
        at = codes
        for _ in range(_RELAX):
            at = at + 0.5 * _way_to_nets(board, at)
        at = _inside(at + 0.2 * (codes - 0.5), low, high)
        state = self.begin(torch.cat([nodes.expand(len(codes), -1, -1), _waves(at)], dim=-1))
        for _ in range(rounds or self.config.rounds):
            pull = _way_to_nets(board, at)
            density, field = _crowds(_coverage(at, board.half), board.ground)
            seen = torch.cat([_waves(at), 4 * pull, 4 * field, density[..., None] - 1], dim=-1)
            state = state + self.think(torch.relu(self.sense(torch.cat([self.quiet(state), seen], dim=-1))))
            state = state + self._look_around(self.calm(state))
            step = self.follow * pull + self.flee * field + 0.1 * torch.tanh(self.move(self.last(state)))
            at = _inside(at + step, low, high)
        return at

    def _look_around(self, state: Tensor) -> Tensor:
        """``[K, S, d]``: what each object hears from all others."""
        k, s, d = state.shape
        split = self.ask(state).view(k, s, 3, self.config.heads, -1).permute(2, 0, 3, 1, 4)
        heard = F.scaled_dot_product_attention(*split.unbind(0))
        said: Tensor = self.answer(heard.transpose(1, 2).reshape(k, s, d))
        return said


def _way_to_nets(board: Board, at: Tensor) -> Tensor:
    """``[K, S, 2]``: from each object to the weighted mean of the centres of its nets; 0 without nets."""
    everything = board.fixed[:, None].expand(-1, len(at), -1)
    everything = everything.index_copy(0, board.objects, at.transpose(0, 1).contiguous())
    way = board.over_nets(everything) + board.offset[:, None] - board.tied[:, None] * everything
    return way[board.objects].transpose(0, 1)


def _inside(at: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Moved inside the canvas; slopes pass as if it had not been needed."""
    return at + (at.clamp(min=low, max=high) - at).detach()


def _waves(at: Tensor) -> Tensor:
    """``[..., 2] -> [..., 4 * _WAVES]``."""
    angle = at[..., None] * (torch.pi * 2.0 ** torch.arange(_WAVES, device=at.device))
    return torch.cat([angle.sin(), angle.cos()], dim=-1).flatten(-2)


def _coverage(at: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    """``[K, S, G]`` columns (rows) of the map that each object covers, in parts of one."""
    edge = torch.arange(_GRID + 1, device=at.device) / _GRID
    half = half.clamp(min=0.5e-3)
    found = []
    for axis in range(2):
        low, high = (at[..., axis] - half[:, axis])[..., None], (at[..., axis] + half[:, axis])[..., None]
        found.append((torch.minimum(high, edge[1:]) - torch.maximum(low, edge[:-1])).clamp(min=0) * _GRID)
    return found[0], found[1]


def _density(across: Tensor, up: Tensor) -> Tensor:
    """``[K, G, G]`` rows by columns."""
    return up.transpose(1, 2) @ across


def _crowds(cover: tuple[Tensor, Tensor], ground: Tensor) -> tuple[Tensor, Tensor]:
    """``[K, S]`` density under each object and ``[K, S, 2]`` the way out."""
    across, up = cover
    density = _density(across, up) + ground
    waves = _cosines(density.device)
    spectrum = waves @ density @ waves.t()
    order = (torch.pi * torch.arange(_GRID, device=density.device)) ** 2
    power = order[:, None] + order
    power[0, 0] = torch.inf
    potential = waves.t() @ (spectrum / power) @ waves
    rim = F.pad(potential[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    slope_x = (rim[:, 1:-1, :-2] - rim[:, 1:-1, 2:]) * (_GRID / 2)
    slope_y = (rim[:, :-2, 1:-1] - rim[:, 2:, 1:-1]) * (_GRID / 2)
    size = (across.sum(-1) * up.sum(-1)).clamp(min=1e-9)

    def under(values: Tensor) -> Tensor:
        return ((up @ values) * across).sum(-1) / size

    return under(density), torch.stack([under(slope_x), under(slope_y)], dim=-1)


def _cosines(device: torch.device) -> Tensor:
    """``[G, G]`` orthonormal cosine transform (DCT-II)."""
    k = torch.arange(_GRID, device=device)
    found = torch.cos(torch.pi / _GRID * k[:, None] * (k + 0.5)) * (2.0 / _GRID) ** 0.5
    found[0] *= 0.5**0.5
    return found


def _single(values: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


# -- starts ---------------------------------------------------------------------------------------------------------


def draw(
    design: Design, model: AmortisedPlacer, count: int, seed: int = 0, rounds: int | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres of all objects of ``count`` layouts, ``x, y`` each ``[count, N]`` in um; what is fixed stays.

    Args:
        design: the design.
        model: the network, on the CPU.
        count: layouts.
        seed: of the codes.
        rounds: of moving; those the network learned with when None.

    Raises:
        NetlistError: the network cannot place the design.
    """
    board = build_board(design)
    codes = torch.rand(count, len(board.objects), 2, generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        at = model(board, codes, rounds).double().numpy()
    c, p, ids = design.canvas, design.placement, board.objects.numpy()
    x, y = np.tile(p.x, (count, 1)), np.tile(p.y, (count, 1))
    x[:, ids], y[:, ids] = c.x0 + at[..., 0] * c.width, c.y0 + at[..., 1] * c.height
    return x, y


def amortised_starts(model: AmortisedPlacer, count: int = 4, refine: int = 30, draws: int | None = None) -> Starter:
    """Layouts of the network as starts for the search (``placer.flow.place(starter=...)``).

    Args:
        model: the network.
        count: starts wanted.
        refine: gradient steps that finish each; 0 for none.
        draws: layouts drawn; the best ``count`` by exact cost and overlap are taken. Twice ``count`` when None.

    Returns:
        ``(design, budget, seed) -> placements``, best first; none for designs the network cannot place.
    """

    def starts(design: Design, budget: Budget, seed: int) -> list[Placement]:
        try:
            x, y = draw(design, model, draws or 2 * count, seed)
        except NetlistError:
            return []
        best = np.argsort(smooth_cost(design, x, y), kind="stable")[:count]
        x, y = x[best], y[best]
        if refine:
            found = gradient_starts(
                design, count=len(x), seed=seed, iterations=refine, budget=budget, schedule=FINISH, at=(x, y)
            )
            x, y = found.x, found.y
        solid = np.ones(design.netlist.num_nodes, bool)
        return [design.placement.moved(x=a, y=b, placed=solid) for a, b in zip(x, y, strict=True)]

    return starts


def smooth_cost(design: Design, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """``[K]`` exact proxy cost plus the overlap of hard macros over their area, for layouts that are not legal yet."""
    surrogate = Surrogate(design)
    terms = surrogate.terms(torch.from_numpy(x), torch.from_numpy(y), EXACT)
    cost: NDArray[np.float64] = total(terms).numpy()
    return cost


def total(terms: dict[str, Tensor]) -> Tensor:
    """``[K]`` proxy cost plus overlap of the terms of a :class:`placer.engines.starts.Surrogate`."""
    return terms["wirelength"] + 0.5 * terms["density"] + 0.5 * terms["congestion"] + terms["overlap"]


# -- files ----------------------------------------------------------------------------------------------------------


def save_starts(path: Path, file: Checkpoint[AmortisedPlacer]) -> Path:
    """Write a network, all of it or nothing.

    Raises:
        NetlistError: the file cannot be written.
    """
    return file.write(path, FORMAT, VERSION, asdict(file.model.config))


def load_starts(path: Path | str | None = None) -> Checkpoint[AmortisedPlacer]:
    """Read a network.

    Args:
        path: the file; the one that ships with the placer when None.

    Raises:
        NetlistError: there is no such file, it is none of ours, of another version, damaged, or its tensors do not fit
            the network it says it is.
    """
    file = SHIPPED if path is None else Path(path)
    found = read_checkpoint(file, FORMAT, VERSION, lambda **sizes: AmortisedPlacer(AmortisedConfig(**sizes)))
    found.model.eval()
    return found
