"""How fast the exact proxy cost is: from scratch, and as the difference of a move."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from eval.bench.designs import Settings, find
from eval.bench.sheet import Sheet
from netlists.compiled import njit
from netlists.design import Design
from netlists.load import load
from netlists.netlist import HARD_MACRO, SOFT_MACRO
from placer.cost.full import full
from placer.cost.incremental import IncrementalCost, Problem, State, build_problem, commit, propose, revert
from placer.cost.incremental.state import CUTS
from placer.engines.search.chain import PRICED, anneal, build_chain
from placer.engines.search.ground import on_lattice
from placer.engines.search.moves.scene import build_crowd
from placer.engines.search.moves.table import first_mix

DESIGNS = (
    "ct/ariane133_ng45", "ct/nvdla_ng45", "ct/mempool_tile_ng45", "ct/ariane136_asap7", "ct/ibm01_unit",
)  # fmt: skip
QUICK = ("ct/ariane133_ng45",)
#: Moves of one kind in the timed loop: an object anywhere, an object by up to a gcell, two objects exchanged.
ANYWHERE, NEARBY, SWAP = range(3)
#: Moves drawn by the chain that shows how many proposals end early.
CHAIN_MOVES = 50_000
#: Share of the moves that are kept, as in a search that still makes progress.
KEPT = 0.02


def run(settings: Settings) -> Sheet:
    """Measure every clustered design on one core.

    Args:
        settings: what to measure.
    """
    sheet = Sheet(
        "cost",
        "Speed of the exact proxy cost, one core",
        {
            "design": "design",
            "objects": "movable objects",
            "connections": "connections",
            "full_ms": "from scratch, ms",
            "anywhere": "moves anywhere / s",
            "nearby": "moves nearby / s",
            "swap": "swaps / s",
            "typical": "moves of median objects anywhere / s",
            "early": "seen early to be too bad",
            "speedup": "nearby moves per evaluation from scratch",
            "drift": "relative difference at the end",
        },
        notes=[
            f"A move is one exact proposal of the new cost, from compiled code; {KEPT:.0%} are kept, the rest taken "
            "back. Objects are drawn evenly from hard and soft macros. Rates are per second of processor time.",
            "Median objects are those at the median of the number of nets.",
            f"Seen early to be too bad: share of {CHAIN_MOVES:,} moves of an annealing chain, cooled 100 times from "
            "the median rise in cost of its first moves, whose exact price was not needed to reject them. The rates "
            "before it are without any limit: every proposal is priced to the end.",
            "The difference is that between the running cost and an evaluation from scratch after all moves.",
            "For comparison: the public TILOS evaluator takes about 8 s an evaluation on ariane133_ng45; published "
            "exact incremental evaluators reach 180 to about 1,400 moves a second.",
        ],
    )
    for name in QUICK if settings.quick else DESIGNS:
        path = find(settings, name, sheet.skipped) if settings.wants(Path(name).name) else None
        if path is not None:
            sheet.rows.append({"design": name, **measure(load(path), 2_000 if settings.quick else 100_000)})
    for name in ("synth130",):
        if settings.wants(name):
            sheet.rows.append({"design": name, **measure(load(name), 2_000 if settings.quick else 100_000)})
    return sheet


def measure(design: Design, moves: int) -> dict[str, float]:
    """Time the cost of one design.

    Args:
        design: a clustered design with a placement.
        moves: proposals of each kind.

    Returns:
        A row of the sheet.
    """
    full(design)
    laps = []
    for _ in range(11):
        start = time.perf_counter()
        full(design)
        laps.append(time.perf_counter() - start)
    scratch = median(laps)

    kinds = design.netlist.node_kind
    objects = np.flatnonzero(design.movable & ((kinds == HARD_MACRO) | (kinds == SOFT_MACRO)))
    cost = IncrementalCost(design)
    canvas = design.canvas
    size = np.array([canvas.width, canvas.height, canvas.gcell_width, canvas.gcell_height])
    nets = np.diff(cost.problem.link_ptr)[objects]
    typical = objects[nets == np.sort(nets)[len(nets) // 2]]
    rates = []
    for kind, drawn in ((ANYWHERE, objects), (NEARBY, objects), (SWAP, objects), (ANYWHERE, typical)):
        _many_moves(cost.problem, cost.state, drawn, size, kind, KEPT, 10, 1)  # compiles
        start = time.process_time()
        _many_moves(cost.problem, cost.state, drawn, size, kind, KEPT, moves, 2 + kind)
        rates.append(moves / (time.process_time() - start))
    reference = full(design, cost.placement()).proxy_cost
    return {
        "objects": len(objects),
        "connections": design.netlist.num_connections,
        "full_ms": scratch * 1e3,
        "anywhere": rates[ANYWHERE],
        "nearby": rates[NEARBY],
        "swap": rates[SWAP],
        "typical": rates[-1],
        "early": early_share(design, min(moves, CHAIN_MOVES)),
        "speedup": rates[NEARBY] * scratch,
        "drift": abs(cost.proxy_cost - reference) / reference,
        "moves": len(rates) * moves,
    }


def early_share(design: Design, moves: int) -> float:
    """Share of the priced moves of an annealing chain that end before their exact price is known.

    Args:
        design: a clustered design with a placement.
        moves: how many the chain draws.
    """
    start = on_lattice(design, design.placement)
    chain = build_chain(design, build_problem(design), build_crowd(design, start), start, 1, 0)
    mix = np.cumsum(first_mix(chain.scene.crowd, frozenset({"scan"})))  # a scan prices hundreds of its own
    mix[-1] = 1.0
    reach = 0.5 * max(design.canvas.width, design.canvas.height)
    cost = IncrementalCost(design, start, problem=chain.problem)
    rng = np.random.default_rng(0)
    rises = []
    for i in rng.choice(np.flatnonzero(design.movable), 200):
        x = cost.state.x[i] + rng.normal(0.0, design.canvas.gcell_width)
        rises.append(cost.propose([i], [x], [cost.state.y[i]]) - cost.proxy_cost)
    hot = float(np.median([rise for rise in rises if rise > 0.0] or [0.0]))
    anneal(chain, mix, moves, hot, 0.01 * hot, reach)
    return float(chain.state.counter[CUTS] / max(chain.statistics[:, PRICED].sum(), 1.0))


@njit
def _many_moves(
    p: Problem, s: State, objects: NDArray, size: NDArray, kind: int, kept: float, moves: int, seed: int
) -> None:
    """Propose ``moves`` random moves of one kind; ``size`` is (width, height, gcell width, gcell height) in um."""
    np.random.seed(seed)  # noqa: NPY002 - Numba's compiled generator
    ids = np.zeros(3, np.int64)
    xs, ys = np.zeros(3), np.zeros(3)
    orients = np.zeros(3, np.int64)
    for _ in range(moves):
        a = objects[np.random.randint(len(objects))]  # noqa: NPY002
        ids[0], count = a, 1
        orients[0] = s.orient[a]
        if kind == ANYWHERE:
            xs[0], ys[0] = np.random.random() * size[0], np.random.random() * size[1]  # noqa: NPY002
        elif kind == NEARBY:
            xs[0] = min(max(s.x[a] + (2 * np.random.random() - 1) * size[2], 0.0), size[0])  # noqa: NPY002
            ys[0] = min(max(s.y[a] + (2 * np.random.random() - 1) * size[3], 0.0), size[1])  # noqa: NPY002
        else:
            b = objects[np.random.randint(len(objects))]  # noqa: NPY002
            if b == a:
                continue
            ids[1], count = b, 2
            orients[1] = s.orient[b]
            xs[0], ys[0], xs[1], ys[1] = s.x[b], s.y[b], s.x[a], s.y[a]
        propose(p, s, ids, xs, ys, orients, count, np.inf)
        if np.random.random() < kept:  # noqa: NPY002
            commit(p, s)
        else:
            revert(s)
