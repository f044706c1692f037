"""What the benchmark of flat placement runs in fresh processes, so that nothing but the disk is warm."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

import numpy as np

from netlists.design import Design
from netlists.formats.bookshelf import read_placement, write_placement
from netlists.netlist import HARD_MACRO
from netlists.placement import Placement

#: File names in the folder of a run.
PLACED, ROUGH = "placed.pl", "rough.npz"


def ours(path: str, seed: str, jobs: str, folder: str) -> dict[str, Any]:
    """Place a design, write it, and keep what global placement ended with.

    Args:
        path: the design.
        seed: of the run.
        jobs: threads.
        folder: gets the files.
    """
    from netlists.load import load
    from placer.engines.analytic.flow import place_flat

    start = time.perf_counter()
    design = load(path)
    loaded = time.perf_counter()
    result = place_flat(design, seed=int(seed), jobs=int(jobs))
    placed = time.perf_counter()
    write_placement(design, result.placement, Path(folder) / PLACED)
    seconds = time.perf_counter() - start
    if result.rough is not None:
        rough = result.rough
        np.savez(Path(folder) / ROUGH, x=rough.x, y=rough.y, orient=rough.orient)
    end = time.perf_counter()
    found = scores(design, read_placement(Path(folder) / PLACED, design))
    return {
        "seconds": seconds, "judged_seconds": time.perf_counter() - end,
        "place_seconds": placed - loaded, "cpu_seconds": time.process_time(),
        "stages": result.stages, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **found,
    }  # fmt: skip


def our_detail(path: str, folder: str) -> dict[str, Any]:
    """Only legalise and improve the cells of what :func:`ours` left after global placement.

    Args:
        path: the design.
        folder: of that run.
    """
    from netlists.load import load
    from placer.engines.analytic.cells import place_cells
    from placer.engines.analytic.detailed import Effort

    design, rough = _rough(load(path), folder)
    place_cells(design, rough, effort=Effort(rounds=1))  # kernels into memory, where an imported library has its own
    start = time.perf_counter()
    legal = place_cells(design, rough)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, **scores(design, legal.placement)}


def coloquinte_detail(path: str, folder: str) -> dict[str, Any]:
    """Coloquinte's legaliser and detailed placer on what :func:`ours` left after global placement; macros stay."""
    from eval.peers.coloquinte import place_with
    from netlists.load import load

    design, rough = _rough(load(path), folder)
    seconds: list[float] = []
    placement = place_with(design, rough, fixed_macros=True, start_here=True, took=seconds.append)
    return {"seconds": seconds[0], **scores(design, placement)}


def coloquinte_alone(path: str, seed: str) -> dict[str, Any]:
    """Coloquinte from start to end, macros movable."""
    from eval.peers.coloquinte import place_with
    from netlists.load import load

    start = time.perf_counter()
    design = load(path)
    placement = place_with(design, _centred(design), seed=int(seed))
    return {"seconds": time.perf_counter() - start, **scores(design, placement)}


def coloquinte_fixed(path: str, seed: str, folder: str) -> dict[str, Any]:
    """Coloquinte from start to end with the macros where :func:`ours` put them."""
    from eval.peers.coloquinte import place_with
    from netlists.load import load

    start = time.perf_counter()
    design, rough = _rough(load(path), folder)
    placement = place_with(design, rough, seed=int(seed), fixed_macros=True)
    return {"seconds": time.perf_counter() - start, **scores(design, placement)}


def scores(design: Design, placement: Placement) -> dict[str, Any]:
    """HPWL as written and with everything in orientation N at the same lower-left corners, and legality."""
    from placer.cost.flat_rules import check_flat, macro_violations
    from placer.engines.analytic.wirelength import hpwl_of

    report = check_flat(design, placement, reference=design.placement)
    others = macro_violations(design, placement, reference=design.placement)
    return {
        "hpwl": hpwl_of(design, placement), "all_n": hpwl_of(design, all_n(design, placement)),
        "legal": report.legal and not others,
        "violations": {rule: count for rule, count in report.counts.items() if count} | {v.rule: 1 for v in others},
    }  # fmt: skip


def all_n(design: Design, placement: Placement) -> Placement:
    """Everything in orientation N at its lower-left corner, as scorers that read no orientation see it."""
    from placer.cost.lattice import lower_left

    x, y = lower_left(design, placement)
    n = design.netlist
    return placement.moved(x=x + n.node_width / 2, y=y + n.node_height / 2, orient=np.zeros(n.num_nodes, np.int8))


def _rough(design: Design, folder: str) -> tuple[Design, Placement]:
    with np.load(Path(folder) / ROUGH, allow_pickle=False) as file:
        x, y, orient = file["x"], file["y"], file["orient"]
    return design, design.placement.moved(x=x, y=y, orient=orient, placed=np.ones(len(x), bool))


def _centred(design: Design) -> Placement:
    """Everything that moves in the middle: where Coloquinte's own global placement begins does not matter to it."""
    c, p = design.canvas, design.placement
    moves = design.movable
    macro = moves & (design.netlist.node_kind == HARD_MACRO)
    return p.moved(
        x=np.where(moves, (c.x0 + c.x1) / 2, p.x), y=np.where(moves, (c.y0 + c.y1) / 2, p.y),
        placed=p.placed | moves | macro,
    )  # fmt: skip
