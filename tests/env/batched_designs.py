"""Designs for the tests of the batched environment: different shapes and rules, to be played side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from shapely.geometry import box

from netlists.constraints import REGION_FENCE, Constraints, Region
from netlists.design import Design
from tests.env.designs import small_design, walled_design


def ruled_design(seed: int = 1) -> Design:
    """Halos, channels, a fence, snapping, and a fixed macro with a halo."""
    design = small_design(fixed=[2], size=(180.0, 150.0), grid=(12, 11), seed=seed)
    rng = np.random.default_rng(seed)
    n, hard = design.netlist.num_nodes, np.arange(3, 9)
    rules = Constraints.none(n)
    halo, region, pitch = np.zeros((n, 4)), np.full(n, -1), np.zeros((n, 2))
    halo[hard] = rng.integers(0, 4, (6, 4)) / 2
    region[4], pitch[6] = 0, (0.7, 1.3)
    fence = Region("west", box(0, 0, 60, 150), REGION_FENCE)
    rules = replace(rules, halo=halo, region=region, regions=(fence,), pitch=pitch, channel=(1.5, 0.5))
    return replace(design, constraints=rules)


def broken_weights(design: Design) -> Design:
    """The design with net weights whose sums must be rounded."""
    weight = np.random.default_rng(0).uniform(0.1, 2.0, design.netlist.num_nets)
    return replace(design, netlist=replace(design.netlist, net_weight=weight))


def random_design(seed: int) -> Design:
    """Sizes, shapes, fixed macros, rules and weights at random."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 12))
    sizes = rng.choice(rng.uniform(3, 26, (5, 2)).round(2), count)
    rows, columns = rng.integers(4, 13, 2)
    design = small_design(
        macros=[*map(tuple, sizes), (7.0, 6.0)],
        size=(float(rng.uniform(60, 130)), float(rng.uniform(60, 130))),
        grid=(int(columns), int(rows)),
        fixed=[count] if rng.random() < 0.5 else [],
        origin=(float(rng.integers(-40, 40)), float(rng.integers(-40, 40))),
        softs=int(rng.integers(0, 4)),
        seed=seed,
    )
    if rng.random() < 0.5:
        halo = rng.uniform(0, 3, (design.netlist.num_nodes, 4)).round(2)
        rules = replace(Constraints.none(design.netlist.num_nodes), halo=halo, channel=tuple(rng.uniform(0, 2, 2)))
        design = replace(design, constraints=rules)
    return broken_weights(design) if rng.random() < 0.3 else design


def mixed_designs() -> list[Design]:
    """One of each kind."""
    return [small_design(), walled_design(), ruled_design(), broken_weights(walled_design()), crowded_design()]


def crowded_design() -> Design:
    """Random episodes often end without a place for the last macros."""
    return small_design(
        macros=[(40, 44), (38, 40), (36, 40), (30, 30), (20, 20)], size=(100.0, 96.0), grid=(7, 8), seed=5
    )
