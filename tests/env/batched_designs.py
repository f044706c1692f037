"""Designs for the tests of the batched environment: different shapes and rules, to be played side by side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from netlists.constraints import Constraints
from netlists.design import Design
from tests.env.designs import crowded_design, ruled_design, small_design, walled_design


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
