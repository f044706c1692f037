"""Does the smooth surrogate rank placements as the exact cost does?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr

from eval.bench.designs import Settings, find
from eval.bench.sheet import Sheet
from netlists.design import Design
from netlists.formats import read_placement
from netlists.load import load
from netlists.orientation import oriented_sizes
from netlists.placement import Placement
from placer.cost.full import full
from placer.engines.starts import Schedule, Smoothness, Surrogate

DESIGNS = ("ct/ariane133_ng45", "ct/nvdla_ng45", "ct/mempool_tile_ng45", "ct/ariane136_asap7", "ct/ibm01_unit")
BUNDLED = ("synth130", "synth500")
TERMS = ("wirelength", "density", "congestion")
#: What the descent ends with.
SMOOTHNESS = Smoothness(Schedule.gamma[1], Schedule.snap[1], Schedule.breadth[1], Schedule.power[1])
#: Placements of each of the two sets.
COUNT = 24


def run(settings: Settings) -> Sheet:
    """Rank random and disturbed placements of every design by both costs.

    Args:
        settings: what to measure.
    """
    sheet = Sheet(
        "ranks",
        "Rank correlation of the smooth surrogate with the exact cost",
        {
            "design": "design",
            "placements": "placements",
            **{f"random_{term}": f"golden and random: {term}" for term in TERMS},
            **{f"disturbed_{term}": f"disturbed: {term}" for term in TERMS},
        },
        notes=[
            "Spearman's rank correlation of each term, at the smoothness the descent ends with.",
            f"Golden and random: the design's published placements (where there are any) and {COUNT} random ones, each "
            "even over a window of 40 to 100 % of the canvas.",
            f"Disturbed: {COUNT} copies of the design's own placement with every movable object moved by a normal "
            "step of 0.1 % to 30 % of the canvas, then pushed inside; half the steps are below 2 %: near ties.",
        ],
    )
    for name in BUNDLED[:1] if settings.quick else (*BUNDLED, *DESIGNS):
        if not settings.wants(Path(name).name):
            continue
        path = find(settings, name, sheet.skipped) if "/" in name else Path(name)
        if path is not None:
            sheet.rows.append({"design": Path(name).name, **measure(load(str(path)), path)})
    return sheet


def measure(design: Design, path: Path) -> dict[str, Any]:
    """Rank correlations on one design.

    Args:
        design: a design with a placement.
        path: its folder; golden placements lie in ``golden/``.

    Returns:
        A row of the sheet.
    """
    golden = [read_placement(file, design) for file in sorted((path / "golden").glob("*.plc*"))]
    sets = {"random": golden + list(scattered(design, COUNT)), "disturbed": list(disturbed(design, COUNT))}
    row: dict[str, Any] = {"placements": sum(map(len, sets.values()))}
    for name, placements in sets.items():
        smooth = surrogate_terms(design, placements)
        costs = [full(design, placement) for placement in placements]
        for term in TERMS:
            exact = [getattr(cost, f"{term}_cost") for cost in costs]
            row[f"{name}_{term}"] = float(spearmanr(smooth[term], exact).statistic)
    return row


def surrogate_terms(design: Design, placements: list[Placement]) -> dict[str, NDArray[np.float64]]:
    """``[B]`` smooth value of each term; placements with other orientations are evaluated by themselves.

    Args:
        design: the design.
        placements: ``B`` placements of it.
    """
    values: dict[str, list[float]] = {term: [] for term in TERMS}
    for placement in placements:
        surrogate = Surrogate(design.with_placement(placement))
        x, y = (torch.as_tensor(np.array(a)[None], dtype=surrogate.dtype) for a in (placement.x, placement.y))
        for term, value in surrogate.terms(x, y, SMOOTHNESS).items():
            if term in values:
                values[term].append(float(value[0]))
    return {term: np.array(found) for term, found in values.items()}


def disturbed(design: Design, count: int, seed: int = 0) -> Iterator[Placement]:
    """Copies of the design's placement, from hardly to thoroughly disturbed.

    Args:
        design: a design with a placement.
        count: how many.
        seed: of the steps.
    """
    rng = np.random.default_rng([seed, 1])
    p, c = design.placement, design.canvas
    for reach in np.geomspace(1e-3, 0.3, count):
        yield _inside(
            design,
            p.x + rng.normal(0.0, reach * c.width, p.num_nodes),
            p.y + rng.normal(0.0, reach * c.height, p.num_nodes),
        )


def scattered(design: Design, count: int, seed: int = 0) -> Iterator[Placement]:
    """Random placements, each within a window around the middle of the canvas.

    Args:
        design: the design.
        count: how many.
        seed: of the places.
    """
    rng = np.random.default_rng([seed, 2])
    c, n = design.canvas, design.placement.num_nodes
    for _ in range(count):
        share = rng.uniform(0.4, 1.0)
        yield _inside(
            design,
            (c.x0 + c.x1) / 2 + (rng.random(n) - 0.5) * c.width * share,
            (c.y0 + c.y1) / 2 + (rng.random(n) - 0.5) * c.height * share,
        )


def _inside(design: Design, x: NDArray[np.float64], y: NDArray[np.float64]) -> Placement:
    n, c, p = design.netlist, design.canvas, design.placement
    width, height = oriented_sizes(n.node_width, n.node_height, p.orient)
    x = np.clip(x, c.x0 + width / 2, np.maximum(c.x1 - width / 2, c.x0 + width / 2))
    y = np.clip(y, c.y0 + height / 2, np.maximum(c.y1 - height / 2, c.y0 + height / 2))
    return p.moved(x=np.where(design.movable, x, p.x), y=np.where(design.movable, y, p.y))
