"""Hierarchical names: modules are blocks of the binary subdivision the logic was built on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netlists.synthesis.logic import levels
from netlists.synthesis.memories import Memories

_UNITS = ("u_core", "u_fpu", "u_noc", "u_dma", "u_l2", "u_periph", "u_vec", "u_dbg")
_BLOCKS = ("u_ctl", "u_lsu", "u_alu", "u_ifu", "u_mmu", "u_arb", "u_queue", "u_dec")
#: Levels of the subdivision a module level spans (eight children each), and the smallest module in levels.
_STEP, _LEAF = 3, 6


def modules(cells: int) -> tuple[NDArray[np.int64], list[str]]:
    """The leaf module of every cell.

    Returns:
        ``[cells]`` index of each cell's leaf module, ascending, and the modules' full names.
    """
    depth = levels(cells)
    shift = max(depth - _STEP, 0)
    cuts = [shift]
    while shift - _STEP >= _LEAF:
        shift -= _STEP
        cuts.append(shift)
    leaf = (np.arange(cells, dtype=np.int64) << depth) // cells >> cuts[-1]
    names = []
    for module in range(int(leaf[-1]) + 1):
        parts = []
        for k, cut in enumerate(cuts):
            child = (module >> (cut - cuts[-1])) & 7
            parts.append((_UNITS, _BLOCKS)[k][child] if k < 2 else f"u_{child}")
        names.append("/".join(parts))
    return leaf, names


def cell_names(leaf: NDArray[np.int64], names: Sequence[str]) -> list[str]:
    """``module/g<number>``, the number unique over the design."""
    return [f"{names[m]}/g{i}" for i, m in enumerate(leaf.tolist())]


def macro_names(memories: Memories, leaf: NDArray[np.int64], names: Sequence[str]) -> list[str]:
    """``module/<array>[<index>]/mem``, array names unique in their module."""
    seen: Counter[str] = Counter()
    arrays = []
    for anchor, kind in zip(memories.anchor.tolist(), memories.kind, strict=True):
        path = f"{names[leaf[anchor]]}/{kind}"
        arrays.append(path if seen[path] == 0 else f"{path}_{seen[path]}")
        seen[path] += 1
    return [f"{arrays[a]}[{i}]/mem" for a, i in zip(memories.array_of.tolist(), memories.index.tolist(), strict=True)]
