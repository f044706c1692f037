"""Flat designs for the tests of grouping: two modules joined by one net, and random circuits."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from netlists import HARD_MACRO, PORT, STDCELL, Canvas, Design, Netlist, Placement


def flat_design(names, kinds, nets, *, sizes=None, weights=None, seed=0):
    """A design with one pin a node; ``nets`` lists node ids, the driver first."""
    count = len(names)
    rng = np.random.default_rng(seed)
    size = np.ones(count) if sizes is None else np.asarray(sizes, float)
    kinds = np.asarray(kinds, np.int8)
    size = np.where(kinds == PORT, 0.0, size)
    ptr = np.concatenate([[0], np.cumsum([len(net) for net in nets])]).astype(np.int64)
    netlist = Netlist(
        "case", names, kinds, size, np.where(kinds == PORT, 0.0, 1.0), np.arange(count), np.zeros(count),
        np.zeros(count), ptr, np.concatenate([[], *nets]).astype(np.int32), ptr[:-1],
        np.ones(len(nets)) if weights is None else np.asarray(weights, float), pin_names=names,
    )  # fmt: skip
    flags = np.ones(count, bool)
    placement = Placement(rng.uniform(10, 90, count), rng.uniform(10, 90, count), np.zeros(count), kinds == PORT, flags)
    return Design(netlist, Canvas(0, 0, 100, 100, 10, 10), placement)


def two_modules(size=20):
    """Modules a and b: each a ring with chords, one net between them, a macro on the first cell of a, a port on b's."""
    names = [f"{m}/c{i}" for m in "ab" for i in range(size)] + ["a/ram", "p"]
    nets = []
    for base in (0, size):
        nets += [[base + i, base + (i + 1) % size, base + (i + 3) % size] for i in range(size)]
    nets += [[0, size], [2 * size, 0], [2 * size + 1, size]]
    return flat_design(names, [STDCELL] * (2 * size) + [HARD_MACRO, PORT], nets)


@st.composite
def circuits(draw):
    """A random flat design and groups of its cells, numbers with gaps."""
    ports, macros, cells = draw(st.integers(0, 3)), draw(st.integers(0, 3)), draw(st.integers(1, 14))
    count = ports + macros + cells
    node = st.integers(0, count - 1)
    nets = draw(st.lists(st.lists(node, min_size=1, max_size=6, unique=True), min_size=1, max_size=20))
    weights = draw(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.5]), min_size=len(nets), max_size=len(nets)))
    sizes = draw(st.lists(st.floats(0.5, 8.0), min_size=count, max_size=count))
    names = [f"n{i}" for i in range(count)]
    kinds = [PORT] * ports + [HARD_MACRO] * macros + [STDCELL] * cells
    design = flat_design(names, kinds, nets, sizes=sizes, weights=weights, seed=draw(st.integers(0, 99)))
    groups = draw(st.lists(st.sampled_from([0, 2, 3, 7, 40]), min_size=cells, max_size=cells))
    return design, np.array([-1] * (ports + macros) + groups)
