"""Global placement: wirelength against density by Nesterov's method (ePlace, TODAES 2015; ePlace-MS, TCAD 2015)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from placer.budget import Budget
from placer.engines.analytic.bodies import Bodies, make_bodies
from placer.engines.analytic.circuit import Circuit
from placer.engines.analytic.coarsen import coarsen, gathered, scattered, split_fillers
from placer.engines.analytic.congestion import Supply, growth_of
from placer.engines.analytic.cores import CoresModel
from placer.engines.analytic.descent import Model, Outcome, Settings, descend
from placer.engines.analytic.device import resolve
from placer.engines.analytic.ground import Ground
from placer.engines.analytic.wirelength import hpwl
from placer.engines.analytic.workers import Workers

__all__ = ["Settings", "Spread", "spread"]

Floats = NDArray[np.float64]

#: Overflow at which cells grow for their wires, and factor on the density weight they go on with. The shape of the
#: placement, and with it congestion, is settled by then, and cells can still move far.
_INFLATE_AT = 0.2
#: Rounds of growth.
_ROUNDS = 2
#: Clusters are worth their while where they leave at most so many of the nodes.
_WORTH = 0.7
#: Overflow at which clusters fall apart into cells.
_APART = 0.3
#: Of the time there is, what clusters may take before they fall apart: steps on cells cost more.
_COARSE_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class Spread:
    """What global placement ended with.

    Attributes:
        x: ``[N]`` centres, um.
        y: ``[N]``.
        hpwl: weighted HPWL, um.
        overflow: area above the target density over the movable area.
        iterations: steps made.
        weight: density weight at the end.
        fillers: ``[2, f]`` centres of the filler cells, for a run that goes on from here.
        retries: times the run went astray and was taken back.
        growth: ``[N]`` factors cells were widened by for their wires; None without inflation.
        filler_size: (width, height) of the fillers, um; those of the first fence where there are fences.
    """

    x: Floats
    y: Floats
    hpwl: float
    overflow: float
    iterations: int
    weight: float
    fillers: Floats
    retries: int = 0
    growth: Floats | None = None
    filler_size: tuple[float, float] = (0.0, 0.0)


def spread(
    circuit: Circuit,
    x: Floats,
    y: Floats,
    *,
    movable: NDArray[np.bool_],
    ground: Ground,
    settings: Settings,
    workers: Workers,
    budget: Budget,
    before: Spread | None = None,
    supply: Supply | None = None,
    device: str = "cpu",
    told: Callable[[int, float, float], None] | None = None,
) -> Spread:
    """Spread overlapping objects at little cost in wirelength.

    Args:
        circuit: nets and pins.
        x: ``[N]`` first centres, um.
        y: ``[N]``.
        movable: ``[N]`` which objects move here.
        ground: what is taken, and fences.
        settings: how.
        workers: threads.
        budget: when to stop.
        before: a run to go on from: its fillers stay and its density weight is taken up a little lower.
        supply: routing supply, for ``settings.inflation``; without it no cell grows.
        device: "cpu" (compiled loops), "cuda", "auto" for cuda where there is one, or "torch" for the form that runs
            on a device, here on the CPU.
        told: called with (step, hpwl, overflow) now and then.

    Raises:
        GpuUnavailableError: "cuda" was asked for and there is none.
    """
    where = resolve(device)
    growth = None if before is None else before.growth
    fillers = None if before is None else before.fillers
    weight = None if before is None else before.weight * settings.resume
    inflate = settings.inflation > 0 and supply is not None and before is None
    iterations = retries = 0
    if before is None and not budget.over and int((movable & (circuit.width > 0)).sum()) > settings.whole:
        coarse = coarsen(circuit, movable, ground)
        if coarse.circuit.num_nodes < _WORTH * circuit.num_nodes:
            first = spread(
                coarse.circuit, gathered(coarse, x), gathered(coarse, y), movable=coarse.movable,
                ground=coarse.ground, settings=replace(settings, stop=max(settings.stop, _APART), inflation=0.0),
                workers=workers, budget=budget.part(_COARSE_SHARE * budget.left), device=device, told=told,
            )  # fmt: skip
            x, y = scattered(coarse, x, y, (first.x, first.y), settings.seed)
            weight, iterations, retries = first.weight, first.iterations, first.retries
            typical = float(np.median((circuit.width * circuit.height)[movable & ~circuit.macro]))
            times = math.ceil(first.filler_size[0] * first.filler_size[1] / typical)
            fillers = split_fillers(first.fillers, times, first.filler_size, settings.seed)
    rounds = _ROUNDS if inflate else 0
    while True:
        bodies = make_bodies(circuit, x, y, movable, ground, settings.target, settings.seed, fillers, growth)
        model = _model(where, circuit, bodies, x, y, settings.target, workers)
        stop = max(settings.stop, _INFLATE_AT) if rounds else settings.stop
        outcome: Outcome = descend(model, settings, budget, weight=weight, told=told, stop=stop)
        x, y, fillers = _read(bodies, model.solution, x, y)
        iterations, retries = iterations + outcome.iterations, retries + outcome.retries
        weight = outcome.weight
        if not rounds or budget.over:
            break
        assert supply is not None
        growth = growth_of(circuit, x, y, movable, supply, settings.inflation, bodies, settings.target, growth)
        weight *= settings.resume
        rounds -= 1
    f = bodies.fields[0]
    filler_size = tuple(bodies.size[:, f.real].tolist()) if f.end > f.real else (0.0, 0.0)
    length = hpwl(circuit.net_ptr, circuit.pin_node, circuit.pin_dx, circuit.pin_dy, circuit.weight, x, y)
    return Spread(x, y, length, outcome.overflow, iterations, outcome.weight, fillers, retries, growth, filler_size)


def _model(
    where: str, circuit: Circuit, bodies: Bodies, x: Floats, y: Floats, target: float, workers: Workers
) -> Model:
    if where == "cpu":
        return CoresModel(circuit, bodies, x, y, target, workers)
    from placer.engines.analytic.torch_model import TorchModel  # torch takes seconds to import

    return TorchModel(circuit, bodies, x, y, target, "cuda" if where == "cuda" else "cpu")


def _read(bodies: Bodies, solution: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """``[N]`` centres of all nodes and ``[2, f]`` of the fillers."""
    real = bodies.node >= 0
    x, y = np.array(x), np.array(y)
    x[bodies.node[real]], y[bodies.node[real]] = solution[0, real], solution[1, real]
    return x, y, np.ascontiguousarray(solution[:, ~real])
