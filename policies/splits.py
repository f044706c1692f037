"""Which designs networks learn from, and which are kept back to see how they do on circuits they have never met.

Every real design with published placements of its own is held out, and so is every bundled one: a network may meet it
only by ``placer train --finetune``. Training designs come from the generator with seeds below :data:`HELD_OUT_SEED`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count as count_from
from itertools import islice

import numpy as np

from netlists.catalogue import local_path
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.synthesis import SynthesisSpec, synthesize

#: Open designs that are trained on where they are found, by their names in the catalogue.
TRAIN_OPEN: tuple[str, ...] = ("macro_tiles_10x10",)
#: Designs that are never trained on; other forms of the same circuits are not either.
HELD_OUT: tuple[str, ...] = (
    "ariane133_ng45", "ariane136_asap7", "nvdla_ng45", "mempool_tile_ng45", "ibm01_unit",
    "synth20", "synth130", "synth500",
    "ariane136_ng45", "ariane133_asap7", "nvdla_asap7", "mempool_tile_asap7", "ibm01", "ibm01_clustered",
    "ariane133_ng45_flat", "ariane136_ng45_flat", "nvdla_ng45_flat", "mempool_tile_ng45_flat",
)  # fmt: skip
#: Generated designs from this seed on are never trained on.
HELD_OUT_SEED = 1_000_000


def open_designs() -> tuple[str, ...]:
    """Those of :data:`TRAIN_OPEN` that are on this machine, as what to load."""
    found = (local_path(name) for name in TRAIN_OPEN)
    return tuple(str(path) for path in found if path is not None)


def synthetic(seed: int, largest: int = 64) -> Design:
    """The generated design of a seed: 6 to ``largest`` macros, everything about it drawn.

    Args:
        seed: which design; below :data:`HELD_OUT_SEED` to train on.
        largest: most macros.
    """
    rng = np.random.default_rng([seed, largest])
    macros = int(np.exp(rng.uniform(np.log(6), np.log(largest))))
    spec = SynthesisSpec(
        num_macros=macros,
        num_cells=int(macros * rng.uniform(150, 600)) + 1500,
        num_soft_macros=int(np.clip(macros * rng.uniform(2, 6), 40, 300)),
        utilisation=float(rng.uniform(0.4, 0.68)),
        macro_area_share=float(rng.uniform(0.45, 0.8)),
        rent_exponent=float(rng.uniform(0.58, 0.7)),
        num_masters=int(rng.integers(1, 5)),
        name=f"made{seed}",
    )
    return synthesize(spec, seed=seed)


def synthetic_designs(first: int, count: int, largest: int = 64) -> list[Design]:
    """``count`` generated designs from seed ``first`` on, leaving out what cannot be generated or played."""
    return [design for _, design in islice(playable(first, largest), count)]


def playable(first: int, largest: int = 64) -> Iterator[tuple[int, Design]]:
    """Generated designs from seed ``first`` on with their seeds, leaving out what cannot be generated or played.

    Args:
        first: seed to begin with.
        largest: most macros.
    """
    from env.macro_placement import MacroPlacementEnv

    for seed in count_from(first):
        try:
            design = synthetic(seed, largest)
            MacroPlacementEnv(design, maps=False, final_costs=False)
        except NetlistError:
            continue
        yield seed, design
