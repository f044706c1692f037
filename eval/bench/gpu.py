"""How many exact proposals a second one CUDA device prices, and whether they are right; without a device it says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eval.bench.designs import Settings, find
from eval.bench.sheet import Sheet
from netlists.design import Design
from netlists.load import load
from netlists.placement import Placement
from placer.budget import Budget, Event
from placer.cost.incremental import IncrementalCost
from placer.engines.gpu_search import GpuSchedule, GpuUnavailableError, Move, gpu_search, price_moves_gpu
from placer.engines.gpu_search.device import describe, why_not
from placer.engines.legalise import legalise
from placer.engines.search import on_lattice

DESIGNS = ("ct/ariane133_ng45", "ct/nvdla_ng45", "ct/mempool_tile_ng45", "ct/ibm01_unit")
QUICK = ("ct/ariane133_ng45",)
#: Threads of a block that are compared.
THREADS = (32, 64, 128, 256)
#: Moves whose prices are compared with the kernel's, on each of two chains.
_COMPARED = 300


def run(settings: Settings) -> Sheet:
    """Measure every design at several block sizes on the device that is here.

    Args:
        settings: what to measure; ``time_limit`` is that of each run.
    """
    sheet = Sheet(
        "gpu",
        "Exact search on one CUDA device",
        {
            "design": "design",
            "threads": "threads a block",
            "chains": "chains",
            "shared_bytes": "shared memory a block, bytes",
            "proposals": "exact proposals / s",
            "start": "cost at start",
            "cost": "cost at end",
            "seconds": "seconds",
            "difference": "largest relative difference to the kernel",
        },
        notes=[
            "Proposals are priced moves after the first launch (which compiles), over wall-clock time with all "
            "transfers; moves that are refused as illegal do not count.",
            f"The difference is that of {2 * _COMPARED} random moves, priced by the device and by the incremental "
            "kernel.",
        ],
    )
    reason = why_not()
    if reason is not None:
        sheet.skipped.append(f"no device: {reason}")
        return sheet
    sheet.notes.append(f"Device: {describe()}.")
    designs: list[tuple[str, Path | str]] = []
    for name in QUICK if settings.quick else DESIGNS:
        path = find(settings, name, sheet.skipped) if settings.wants(Path(name).name) else None
        if path is not None:
            designs.append((name, path))
    if settings.wants("synth130"):
        designs.append(("synth130", "synth130"))
    for name, source in designs:
        design = load(source)
        start = on_lattice(design, legalise(design, design.placement, seed=0))
        for threads in THREADS:
            try:
                row = measure(design, start, threads, settings.time_limit)
            except GpuUnavailableError as error:
                sheet.skipped.append(f"{name}: {error}")
                break
            sheet.rows.append({"design": name, **row})
    return sheet


def measure(design: Design, start: Placement, threads: int, seconds: float) -> dict[str, float]:
    """Search one design for a while and compare some prices.

    Args:
        design: a clustered design.
        start: a legal placement of it.
        threads: of one block.
        seconds: of the search, without compiling.

    Returns:
        A row of the sheet.

    Raises:
        GpuUnavailableError: no device, or a design the device code does not cover.
    """
    schedule = GpuSchedule(threads=threads)
    gpu_search(design, [start], budget=Budget(), chains=1, iterations=1, schedule=schedule)  # compiles
    events: list[Event] = []
    found = gpu_search(design, [start], budget=Budget(seconds), schedule=schedule, progress=events.append)
    first, last = events[1], events[-1]
    drawn = (last.step - first.step) / max(last.seconds - first.seconds, 1e-9)
    return {
        "threads": threads,
        "chains": found.layout["chains"],
        "shared_bytes": found.layout["shared_bytes"],
        "proposals": drawn * found.proposals / max(last.step, 1),
        "start": events[0].cost or float("nan"),
        "cost": found.proxy_cost,
        "seconds": last.seconds,
        "difference": difference(design, threads),
    }


def difference(design: Design, threads: int, moves: int = _COMPARED) -> float:
    """Largest relative difference between prices of random moves on the device and by the incremental kernel."""
    rng = np.random.default_rng(0)
    canvas, ids = design.canvas, np.flatnonzero(design.movable)
    chains, prices = [], []
    for _ in range(2):
        cost = IncrementalCost(design)
        chain, own = [], []
        for _ in range(moves):
            i = int(rng.choice(ids))
            x = canvas.x0 + canvas.width * rng.random()
            y = canvas.y0 + canvas.height * rng.random()
            keep = bool(rng.random() < 0.5)
            own.append(cost.propose([i], [x], [y]))
            chain.append(Move([i], [x], [y], [int(cost.state.orient[i])], keep))
            if keep:
                cost.commit()
        chains.append(chain)
        prices.append(own)
    found = price_moves_gpu(design, chains, threads=threads)
    return max(float(np.abs(r.costs / np.array(own) - 1.0).max()) for r, own in zip(found, prices, strict=True))
