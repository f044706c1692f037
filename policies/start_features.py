"""What can be seen of a start: figures whose differences within a design mean the same on designs of every size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from netlists.design import Design
from netlists.netlist import HARD_MACRO
from netlists.placement import Placement
from placer.budget import Budget
from placer.cost.full import Cost, CostWeights, full
from placer.cost.incremental import build_problem
from placer.cost.incremental.state import PROXY
from placer.cost.metrics import metrics
from placer.engines.search.chain import anneal, build_chain
from placer.engines.search.moves.scene import build_crowd
from placer.engines.search.moves.table import first_mix
from placer.engines.soft import place_soft
from placer.engines.starts import Smoothness, Surrogate

Floats = NDArray[np.float64]

#: Logarithms of costs, of maps' means over their highest entries and of lengths.
_LOGS = (
    "proxy", "wirelength", "density", "congestion",
    "soft anew: proxy", "soft anew: wirelength", "soft anew: density", "soft anew: congestion",
    "smooth wirelength", "smooth density", "smooth congestion",
    "density top 1%", "density top 30%", "h congestion", "v congestion", "congestion top 1%", "congestion top 30%",
    "rudy top 1%", "rudy top 10%", "macro wirelength", "soft spread", "hard spread",
)  # fmt: skip
#: Shares, as they are.
_SHARES = ("crowded", "off centre", "periphery", "regularity", "dead_share", "largest_free_share", "aligned_edges")
#: What a short trial adds: the logarithm of the cost before over that half-way, and of that over the one at its end.
PATH: tuple[str, ...] = ("first half of the trial", "second half of the trial")
#: Columns of :func:`start_features`.
FEATURES: tuple[str, ...] = (*_LOGS, *_SHARES)
#: How smooth the smooth cost is: what remains when details are mended.
_SMOOTH = Smoothness(gamma=4.0, snap=1.0, breadth=4.0, power=2.0)
#: With the nets between hard macros too; they change no other term.
_WITH_MACROS = CostWeights(macro_wirelength=1.0)


def start_features(design: Design, placement: Placement) -> Floats:
    """``[F]`` figures of one start, :data:`FEATURES`; NaN where one has no meaning.

    Args:
        design: the design.
        placement: a complete placement of it.
    """
    cost = full(design, placement, _WITH_MACROS)
    anew = full(design, place_soft(design, placement))
    proxy = cost.proxy_cost - cost.macro_wirelength_cost
    surrogate = Surrogate(design.with_placement(placement))
    x, y = (torch.tensor(a[None], dtype=surrogate.dtype) for a in (placement.x, placement.y))
    smooth = surrogate.terms(x, y, _SMOOTH)
    congestion = np.concatenate([cost.h_congestion.ravel(), cost.v_congestion.ravel()])
    shape = metrics(design, placement)
    logs = [
        proxy, *_terms(cost), anew.proxy_cost, *_terms(anew),
        *(float(smooth[name][0]) for name in ("wirelength", "density", "congestion")),
        _top(cost.density, 0.01), _top(cost.density, 0.3), cost.h_congestion.mean(), cost.v_congestion.mean(),
        _top(congestion, 0.01), _top(congestion, 0.3), shape["rudy_top1pct"], shape["rudy_top10pct"],
        cost.macro_wirelength_cost, _spread(design, placement, False), _spread(design, placement, True),
    ]  # fmt: skip
    crowded = np.maximum(cost.density - 1.0, 0.0).sum() / max(float(cost.density.sum()), 1e-12)
    shares = [crowded, _off_centre(design, placement), *(shape[name] for name in _SHARES[2:])]
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.concatenate([np.log(np.array(logs, np.float64)), np.array(shares, np.float64)])
    return np.where(np.isfinite(found), found, np.nan)


def _terms(cost: Cost) -> tuple[float, float, float]:
    return cost.wirelength_cost, cost.density_cost, cost.congestion_cost


def _top(values: Floats, share: float) -> float:
    """Mean of the highest entries."""
    flat = np.sort(values, axis=None)
    return float(flat[-max(1, int(share * flat.size)) :].mean())


def _spread(design: Design, placement: Placement, hard: bool) -> float:
    """Standard deviation of the movable hard (soft) objects, in canvas widths and heights, weighted by area."""
    at, area = _where(design, placement, hard)
    if not len(area):
        return float("nan")
    mean = np.average(at, axis=0, weights=area)
    return float(np.sqrt(np.average((at - mean) ** 2, axis=0, weights=area).sum()))


def _off_centre(design: Design, placement: Placement) -> float:
    """Distance of the hard macros' centre of gravity from the middle of the canvas, in canvas widths and heights."""
    at, area = _where(design, placement, True)
    return float(np.hypot(*(np.average(at, axis=0, weights=area) - 0.5))) if len(area) else float("nan")


def _where(design: Design, placement: Placement, hard: bool) -> tuple[Floats, Floats]:
    n, c = design.netlist, design.canvas
    ids = np.flatnonzero(design.movable & ((n.node_kind == HARD_MACRO) == hard))
    at = np.stack([(placement.x[ids] - c.x0) / c.width, (placement.y[ids] - c.y0) / c.height], axis=1)
    return at, np.maximum(n.node_width[ids] * n.node_height[ids], 1e-12)


class Trial:
    """Short exact searches that only go down, to see how easily a start improves.

    Args:
        design: the design.
        depth: proposals for each movable object.
        seed: of the proposals; all starts get the same dice.
    """

    def __init__(self, design: Design, depth: float, seed: int = 0) -> None:
        self._design, self._seed = design, seed
        self._problem = build_problem(design)
        self.proposals = int(depth * np.count_nonzero(design.movable))
        canvas = design.canvas
        self._reach = 2.0 * max(canvas.gcell_width, canvas.gcell_height)

    def run(self, placement: Placement, budget: Budget | None = None) -> tuple[Placement, Floats]:
        """Search a little.

        Args:
            placement: legal, on the lattice.
            budget: ends the trial early.

        Returns:
            Where the trial ended, and ``[3]`` exact cost before, half-way and there.
        """
        design = self._design
        crowd = build_crowd(design, placement)
        # Looks at every gcell cost more than a short trial has.
        mix = first_mix(crowd, frozenset({"scan"}))
        chain = build_chain(design, self._problem, crowd, placement, self._seed, 0)
        costs = [float(chain.state.total[PROXY])]
        for _ in range(2):
            if mix.sum() > 0 and self.proposals >= 2 and not (budget and budget.over):
                anneal(chain, np.cumsum(mix / mix.sum()), self.proposals // 2, 0.0, 0.0, self._reach)
            costs.append(float(chain.state.total[PROXY]))
        move, origin = design.movable, design.placement
        ended = placement.moved(
            x=np.where(move, chain.state.x, origin.x),
            y=np.where(move, chain.state.y, origin.y),
            orient=np.where(move, chain.state.orient, origin.orient),
        )
        return ended, np.array(costs)


def path_features(costs: Floats) -> Floats:
    """``[..., 2]`` columns :data:`PATH` from ``[..., 3]`` costs of trials."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.diff(-np.log(costs), axis=-1)
    return np.where(np.isfinite(found), found, np.nan)


def table(rows: Sequence[Floats] | Floats, paths: Floats | None) -> Floats:
    """``[n, F + 2]`` rows with what trials add, which is unknown (NaN) without any."""
    added = np.full((len(rows), len(PATH)), np.nan) if paths is None else path_features(paths)
    return np.concatenate([np.array(rows, np.float64), added], axis=1)
