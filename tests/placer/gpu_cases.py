"""Runs the device code in Numba's simulator and prints what came out as JSON; ``test_gpu_search.py`` starts it.

A process of its own: whether ``numba.cuda`` means the simulator is decided once, when it is imported.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys

import numpy as np

from netlists import HARD_MACRO, PORT, Canvas, Design, Netlist, Placement
from netlists.load import load
from placer.budget import Budget
from placer.cost.full import CostWeights, full
from placer.cost.incremental import IncrementalCost
from placer.cost.legality import check
from tests.placer.random_designs import random_design

#: Threads of a simulated block: enough for races, few enough to be quick.
THREADS = 3


def long_nets(design: Design) -> Design:
    """The same pins in fewer nets, of 20 to 40 pins each (and one of two pins)."""
    n = design.netlist
    cuts = sorted({0, 2, *range(30, n.num_connections, 30), n.num_connections})
    ptr = np.array(cuts)
    netlist = Netlist(
        name=n.name, node_names=n.node_names, node_kind=n.node_kind, node_width=n.node_width,
        node_height=n.node_height, pin_node=n.pin_node, pin_dx=n.pin_dx, pin_dy=n.pin_dy,
        net_ptr=ptr, net_pins=n.net_pins, net_source=ptr[:-1], net_weight=np.arange(1.0, len(ptr)),
    )  # fmt: skip
    return Design(netlist, design.canvas, design.placement)


def legal_design(seed: int, fixed_macro: bool = True) -> Design:
    """Six hard macros apart from each other, soft macros among them, a notch in the outline, ports on the edge."""
    from shapely.geometry import Polygon

    rng = np.random.default_rng(seed)
    kind = np.array([HARD_MACRO] * 6 + [1] * 4 + [PORT] * 2, np.int8)
    n = len(kind)
    outline = Polygon([(0, 0), (40, 0), (40, 20), (30, 20), (30, 30), (0, 30)])
    canvas = Canvas(0, 0, 40, 30, 5, 4, 3.0, 2.5, 1.0, 0.8, smoothing=int(rng.integers(0, 2)), outline=outline)
    width = np.where(kind == PORT, 0.0, np.where(kind == HARD_MACRO, rng.choice([4.0, 6.0], n), 3.0))
    height = np.where(kind == PORT, 0.0, np.where(kind == HARD_MACRO, rng.choice([4.0, 5.0], n), 3.0))
    x = np.array([4, 14, 24, 4, 14, 24, 8, 18, 28, 10, 0, 40], float)
    y = np.array([5, 5, 5, 15, 15, 15, 10, 10, 10, 22, 3, 9], float)
    pins = 3 * n
    pin_node = np.concatenate([np.arange(n), rng.integers(0, n, pins - n)])
    degree = rng.choice([2, 3, 4, 6], 20)
    ptr = np.concatenate([[0], np.cumsum(degree)])
    netlist = Netlist(
        name="legal", node_names=[f"n{i}" for i in range(n)], node_kind=kind, node_width=width, node_height=height,
        pin_node=pin_node, pin_dx=rng.uniform(-0.4, 0.4, pins) * width[pin_node],
        pin_dy=rng.uniform(-0.4, 0.4, pins) * height[pin_node],
        net_ptr=ptr, net_pins=rng.integers(0, pins, ptr[-1]), net_source=ptr[:-1], net_weight=np.full(20, 1.5),
    )  # fmt: skip
    fixed = kind == PORT
    fixed[2] = fixed_macro
    placement = Placement(x, y, np.zeros(n, np.int8), fixed, np.ones(n, bool))
    design = Design(netlist, canvas, placement)
    assert check(design).legal, check(design).summary()
    return design


def random_moves(design: Design, seed: int, count: int, weights: CostWeights) -> tuple[list, list[float], float]:
    """Moves, their prices by the incremental kernel, and the cost after the last one."""
    from placer.engines.gpu_search import Move
    from tests.placer.test_incremental import random_move

    rng = np.random.default_rng(seed)
    cost = IncrementalCost(design, weights=weights)
    moves, prices = [], []
    for _ in range(count):
        ids, x, y, orient = random_move(cost, rng)
        keep = bool(rng.random() < 0.6)
        prices.append(cost.propose(ids, x, y, orient))
        cost.commit() if keep else cost.revert()
        moves.append(Move(ids.tolist(), x.tolist(), y.tolist(), orient.tolist(), keep))
    return moves, prices, cost.proxy_cost


def replayed(design: Design, count: int, **options: int) -> dict[str, float]:
    """Largest relative differences between device, incremental kernel and reference."""
    from placer.engines.gpu_search import price_moves_gpu

    weights = CostWeights(1.3, 0.4, 0.7)
    first, second = random_moves(design, 1, count, weights), random_moves(design, 2, count // 2, weights)
    found = price_moves_gpu(design, [first[0], second[0]], weights=weights, threads=THREADS, **options)
    out = {"price": 0.0, "end": 0.0, "full": 0.0, "moves": count + count // 2}
    for (_, prices, end), r in zip((first, second), found, strict=True):
        reference = full(design, r.placement, weights)
        out["price"] = max(out["price"], float(np.abs(r.costs / np.array(prices) - 1).max()))
        out["end"] = max(out["end"], abs(r.proxy_cost / end - 1))
        out["full"] = max(
            out["full"], abs(r.proxy_cost / reference.proxy_cost - 1), abs(r.hpwl_um / reference.hpwl_um - 1)
        )
    return out


def searched(seed: int, iterations: int, chains: int = 2) -> dict:
    """One search of a small design."""
    from placer.engines.gpu_search import GpuSchedule, gpu_search

    design = legal_design(3)
    schedule = GpuSchedule(threads=THREADS, launches=4, winners_every=2, winners_share=0.5)
    r = gpu_search(
        design, [design.placement], budget=Budget(), seed=seed, chains=chains, iterations=iterations,
        schedule=schedule,
    )  # fmt: skip
    last = [cost for _, _, cost in r.history][-1]
    return {
        "start": full(design).proxy_cost, "cost": r.proxy_cost, "told": last, "proposals": r.proposals,
        "full": full(design, r.placement).proxy_cost,
        "legal": check(design, r.placement, reference=design.placement).legal,
        "x": r.placement.x.tolist(), "orient": r.placement.orient.tolist(),
        "kept": {kind: figures["kept"] for kind, figures in r.kinds.items()},
        "tried": {kind: figures["tried"] for kind, figures in r.kinds.items()},
    }  # fmt: skip


def stopped() -> dict:
    """A search that is told to stop before it begins, and one with almost no time."""
    from placer.engines.gpu_search import GpuSchedule, gpu_search

    design = legal_design(3)
    over, short = Budget(), Budget(1.0)
    over.stop.set()
    schedule = GpuSchedule(threads=THREADS)
    a = gpu_search(design, [design.placement], budget=over, chains=1, iterations=10**9, schedule=schedule)
    b = gpu_search(design, [design.placement], budget=short, chains=1, schedule=schedule)
    return {
        "over": a.proposals,
        "short": b.proposals,
        "seconds": short.seconds,
        "start": a.proxy_cost,
        "end": b.proxy_cost,
    }


def top_sums() -> float:
    """Largest difference between the device's top sum and a sort, over maps with ties, guesses near and far."""
    from placer.engines.gpu_search.reduce import COLUMNS, top_sum
    from placer.engines.gpu_search.target import cuda

    @cuda.jit
    def run(values, counts, guesses, out):
        scratch = cuda.shared.array(64, np.float64)
        for k in range(len(counts)):
            total, edge = top_sum(values, 0, len(values), counts[k], guesses[k], scratch)
            if cuda.threadIdx.x == 0:
                out[k, 0], out[k, 1] = total, edge

    assert COLUMNS * (THREADS + 1) <= 64
    worst = 0.0
    rng = np.random.default_rng(0)
    for size in (1, 7, 40):
        values = rng.integers(0, 9, size) * 0.25
        counts = rng.integers(1, size + 1, 12)
        guesses = rng.choice([-1.0, 0.0, 0.5, 1.1, 2.0, 99.0], 12)
        out = np.zeros((12, 2))
        run[1, THREADS](values, counts, guesses, out)
        falling = np.sort(values)[::-1]
        for k, count in enumerate(counts):
            worst = max(worst, abs(out[k, 0] - falling[:count].sum()), abs(out[k, 1] - falling[count - 1]))
    return worst


def main(deep: bool) -> dict:
    from placer.engines.gpu_search.drafts import NAMES
    from placer.engines.gpu_search.run import KINDS

    assert tuple(KINDS) == NAMES
    sys.setswitchinterval(1e-5)  # the simulator's threads wait for each other all the time
    designs = [random_design(s) for s in ((2, 4, 12, 19, 27, *range(40, 80)) if deep else (4, 19))]
    designs = [d for d in designs if d.canvas.columns * d.canvas.grid_rows >= 10]
    count = 40 if deep else 12
    stretched = [long_nets(random_design(s, nodes=20, nets=40)) for s in ((5, 7, 8, 12, 27) if deep else (5, 12))]
    stretched = [d for d in stretched if d.canvas.columns * d.canvas.grid_rows >= 10]
    assert designs
    assert stretched
    assert all((np.diff(d.netlist.net_ptr) > 25).any() for d in stretched)
    fixed = designs[0].placement.moved(fixed=designs[0].placement.fixed | (np.arange(14) % 3 == 0))
    halves = dataclasses.replace(designs[0], placement=fixed)
    return {
        "random": [replayed(d, count) for d in designs],
        "long": [replayed(d, count // 2) for d in stretched],
        "fixed": replayed(halves, count),
        "global": replayed(designs[0], count, block_bytes=0),
        "search": searched(1, 400 if deep else 160),
        "again": searched(1, 400 if deep else 160),
        "other": searched(2, 400 if deep else 160),
        "stop": stopped(),
        "top": top_sums(),
        "bundled": [replayed(load("synth20"), 12)] if deep else [],
    }


if __name__ == "__main__":
    assert os.environ["NUMBA_ENABLE_CUDASIM"] == "1"
    if sys.argv[1:2] == ["design"]:
        sys.setswitchinterval(1e-5)
        print(json.dumps(replayed(load(sys.argv[2]), 6)))
    else:
        print(json.dumps(main("deep" in sys.argv)))
