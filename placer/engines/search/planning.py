"""What is known about a search before it anneals, for who plans its schedule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from placer.cost.incremental import Problem
from placer.cost.incremental.state import CONGESTION, DENSITY, HPWL, PROXY, State
from placer.engines.search.moves.scene import Crowd
from placer.engines.search.options import Facts


def facts(p: Problem, s: State, crowd: Crowd, draws: float, rises: Sequence[float], costs: Sequence[float]) -> Facts:
    """Facts of a search.

    Args:
        p: flattened design.
        s: state of its first chain.
        crowd: who moves.
        draws: moves the chain can be expected to draw.
        rises: rises in cost of random moves by about a gcell.
        costs: of all starts.
    """
    movers = max(len(crowd.soft) + len(crowd.hard), 1)
    moving = np.concatenate([crowd.soft, crowd.hard])
    total = max(float(s.total[PROXY]), 1e-12)
    median = float(np.median(rises)) if len(rises) else 0.0
    terms = (
        float(s.total[HPWL]) * p.wirelength_scale, float(s.total[DENSITY]) * p.density_scale,
        float(s.total[CONGESTION]) * p.congestion_scale,
    )  # fmt: skip
    return Facts(
        draws=draws / movers,
        movers=float(movers),
        hard=len(crowd.hard) / movers,
        connections=float((p.obj_ptr[moving + 1] - p.obj_ptr[moving]).mean()) if len(moving) else 0.0,
        gcells=p.rows * p.columns / movers,
        wirelength=terms[0] / total,
        density=terms[1] / total,
        rise=median / total,
        spread=float(np.quantile(rises, 0.9)) / median if median > 0.0 else 1.0,
        starts=float(len(costs)),
        gap=max(float(costs[0]) / max(min(costs), 1e-12) - 1.0, 0.0),
    )
