"""LEF and DEF files for the parse benchmark: the open ones, and a large DEF file made on the spot."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from netlists.formats.def_ import DefFile, Nets, Row, write_def
from netlists.formats.def_.data import Components

#: Files under the folder of open designs.
FILES = (
    "lefdef/ariane133_asap7/ariane_fp_placed_macros.def.gz",
    "lefdef/ibex_core_ng45/ibex_core.def.gz",
    "lefdef/ct_ariane/ariane.def.gz",
    "lefdef/ispd18_test1/ispd18_test1.input.lef.gz",
    "lefdef/tech/NanGate45/Nangate45.lef.gz",
)
QUICK = ("lefdef/ariane133_asap7/ariane_fp_placed_macros.def.gz",)
#: Name of the generated file; its size is about this many MB.
LARGE = "generated_40mb.def"
_LARGE_COMPONENTS = 190_000


def write_large(path: Path, components: int = _LARGE_COMPONENTS, seed: int = 0) -> Path:
    """Write a DEF file of placed standard cells and nets, about 215 bytes a component.

    Every component drives one net; the number of its sinks is geometric with mean 2.3, as in mapped netlists.

    Args:
        path: the file.
        components: how many.
        seed: of the random connections and locations.
    """
    rng = np.random.default_rng(seed)
    names = [f"u_core/u_block_{i // 2000}/u_part_{i // 50 % 40}/g{i}" for i in range(components)]
    masters = np.array(["NAND2_X1", "NOR2_X1", "AOI21_X1", "INV_X2", "DFFR_X1"])
    c = Components.make(names, masters[rng.integers(0, len(masters), components)].tolist())
    x, y = rng.integers(0, 5000, components) * 380, rng.integers(0, 700, components) * 2800
    c = c.placed(range(components), x, y, rng.choice([0, 1, 4, 5], components))
    fanout = rng.geometric(1 / 2.3, components)
    sinks = np.split(rng.integers(0, components, int(fanout.sum())), np.cumsum(fanout)[:-1])
    nets = [[(i, "ZN"), *((int(sink), "A") for sink in own)] for i, own in enumerate(sinks)]
    rows = tuple(Row(f"ROW_{i}", "core", 0, 2800 * i, 0, 5000, 1, 380, 0) for i in range(700))
    die = np.array([[0, 0], [1_900_000, 0], [1_900_000, 1_960_000], [0, 1_960_000]])
    wires = Nets.make([f"n{i}" for i in range(components)], nets)
    return write_def(DefFile("large", 2000, die_area=die, rows=rows, components=c, nets=wires), path)
