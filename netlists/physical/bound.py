"""Placement blockages that belong to a component (``+ COMPONENT``) and move with it.

Of a macro that has a place, a full one says what a halo says: no other macro as far as it reaches beyond the macro's
own body. Of any other component that is FIXED it never moves and is a blockage like all others. The rest (of
components that still wait for a place or may be moved, soft or partial ones, which speak of cells, and any that stand
apart from their macro) cannot be kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netlists.formats.def_ import DefFile
from netlists.formats.def_.data import COVER, FIXED, UNPLACED
from netlists.formats.lef import Library
from netlists.orientation import SIDE_OF, oriented_sizes


@dataclass(frozen=True)
class ComponentBlockages:
    """What becomes of them.

    Attributes:
        halos: component index -> ``[4]`` um left, bottom, right, top in the component's N frame.
        standing: indices of the blockages that are like all others.
        left_out: how many are not kept.
    """

    halos: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    standing: frozenset[int] = frozenset()
    left_out: int = 0


def component_blockages(def_file: DefFile, library: Library) -> ComponentBlockages:
    """Sort the blockages of components by what can be done for them.

    Args:
        def_file: components and blockages.
        library: their masters.
    """
    bound = [(k, b) for k, b in enumerate(def_file.blockages) if b.component and not b.layer]
    if not bound:
        return ComponentBlockages()
    components = def_file.components
    index = {name: k for k, name in enumerate(components.names)}
    halos: dict[int, NDArray[np.float64]] = {}
    standing, left_out = set(), 0
    for number, blockage in bound:
        k = index.get(blockage.component)
        macro = None if k is None else library.macros.get(components.masters[components.master[k]])
        corners = [*blockage.rects, *((*np.min(p, axis=0), *np.max(p, axis=0)) for p in blockage.polygons)]
        if k is None or macro is None or components.status[k] == UNPLACED or not corners:
            left_out += 1
        elif macro.is_block and not blockage.soft and blockage.partial is None:
            turn = int(components.orient[k])
            size = np.array(oriented_sizes(macro.width, macro.height, turn))
            at = np.array([components.x[k], components.y[k]]) / def_file.dbu_per_micron
            low = np.min(np.array(corners)[:, :2], axis=0) / def_file.dbu_per_micron
            high = np.max(np.array(corners)[:, 2:], axis=0) / def_file.dbu_per_micron
            if (low > at + size).any() or (high < at).any():  # apart from the macro: no halo says that
                left_out += 1
                continue
            halo = np.empty(4)
            halo[SIDE_OF[turn]] = np.maximum(np.concatenate([at - low, high - at - size]), 0.0)
            halos[k] = np.maximum(halos.get(k, 0.0), halo)
        elif components.status[k] in (FIXED, COVER) and not macro.is_block:
            standing.add(number)
        else:
            left_out += 1
    return ComponentBlockages(halos, frozenset(standing), left_out)
