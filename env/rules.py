"""The rules of a design as the environment needs them: in lattice steps, for every macro and orientation.

The rules themselves are read by :mod:`placer.cost.rules`, which legality shares.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO
from placer.cost.lattice import integer_boxes
from placer.cost.rules import channel_steps, fence_of, halo_steps, region_walls, snap_steps


@dataclass(frozen=True, eq=False)
class MacroRules:
    """Rules of ``T`` macros in ``O`` orientations, in lattice steps.

    Attributes:
        halo: ``[T, O, 4]`` int64 left, bottom, right, top as the macro lies.
        pitch: ``[T, O, 2]`` int64: corners lie at ``offset + k * pitch``; 1 where any lattice point will do.
        offset: ``[T, O, 2]`` int64.
        channel: ``[2]`` int64 least gaps along x and y between macros that face each other.
        fixed: ``[F, 4]`` int64 x0, y0, x1, y1 of fixed hard macros.
        fixed_halo: ``[F, 4]`` int64 their halos.
        fence: ``[T]`` int64 index into ``walls``.
        walls: ``[W, 4]`` int64 boxes that bodies keep out of (hard blockages, what lies outside the outline or the
            macro's fence, fences of others): first for macros without a fence, then for each fence with a member.
    """

    halo: NDArray[np.int64]
    pitch: NDArray[np.int64]
    offset: NDArray[np.int64]
    channel: NDArray[np.int64]
    fixed: NDArray[np.int64]
    fixed_halo: NDArray[np.int64]
    fence: NDArray[np.int64]
    walls: tuple[NDArray[np.int64], ...]


def build_rules(design: Design, macros: NDArray[np.int64], orient: NDArray[np.int64]) -> MacroRules:
    """Read the rules of ``design`` (:class:`netlists.constraints.Constraints`) for some of its hard macros.

    Args:
        design: the design; without constraints only blockages, the outline and fixed macros are rules.
        macros: ``[T]`` node ids.
        orient: ``[T, O]`` orientation codes the macros may take.

    Raises:
        NetlistError: some of the macros are in a group, which placing them one by one cannot keep, or a snapping
            grid is not on the lattice.
    """
    if design.constraints is not None:
        grouped = {node for group in design.constraints.groups for node in group.members} & set(macros.tolist())
        if grouped:
            raise NetlistError(
                f"hard macro {design.netlist.node_names[min(grouped)]!r} is in a group, and macros are placed one by "
                "one here; leave the groups out with design.constraints.changed(groups=())"
            )
    fixed = np.flatnonzero((design.netlist.node_kind == HARD_MACRO) & ~design.movable)
    fences = fence_of(design)[macros]
    used = np.unique(fences[fences >= 0])
    halo, pitch, offset = np.zeros((*orient.shape, 4), np.int64), *np.zeros((2, *orient.shape, 2), np.int64)
    for k, codes in enumerate(orient.T):
        halo[:, k] = halo_steps(design, codes.astype(np.int8), macros)
        pitch[:, k], offset[:, k] = snap_steps(design, codes.astype(np.int8), macros)
    return MacroRules(
        halo=halo,
        pitch=pitch,
        offset=offset,
        channel=np.array(channel_steps(design), np.int64),
        fixed=integer_boxes(design, design.placement)[fixed],
        fixed_halo=halo_steps(design, design.placement.orient[fixed], fixed),
        fence=np.where(fences >= 0, np.searchsorted(used, fences) + 1, 0),
        walls=tuple(np.ascontiguousarray(region_walls(design, region)) for region in (-1, *used.tolist())),
    )
