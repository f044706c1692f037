"""What moves as one under constraints: a hard macro, or a group of them in the arrangement its rules ask for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netlists.constraints import GROUP_ARRAY, GROUP_MIRROR_X, Group
from netlists.design import Design
from netlists.errors import PlacementError
from netlists.netlist import HARD_MACRO
from netlists.orientation import SWAPS_SIDES
from netlists.placement import Placement
from placer.cost.lattice import integer_boxes
from placer.cost.rule_checks import group_offsets
from placer.cost.rules import allowed_orientations, channel_steps, fence_of, halo_steps, mirrored, snap_steps
from placer.cost.violation import overlapping_pairs
from placer.engines.legalise.problem import Ints

#: Longest common snapping period of a group that is looked for, in steps.
_LONGEST_PERIOD = 10_000_000


@dataclass(frozen=True, eq=False)
class Piece:
    """Hard macros that keep their offsets.

    Attributes:
        name: of the macro or group, for messages.
        nodes: ``[m]`` node ids.
        offsets: ``[m, 2]`` steps from the piece's corner, which is its first member's, to each member's.
        body: ``[4]`` box around the members, steps from the piece's corner.
        need: ``[4]`` steps to keep free on the left, bottom, right and top of ``body``: halos, channel, gap.
        pitch: ``[2]`` snapping grid of the piece's corner.
        residue: ``[2]`` corners lie at ``residue + k * pitch``.
        fence: index of the region all members must lie in, or -1.
    """

    name: str
    nodes: Ints
    offsets: Ints
    body: Ints
    need: Ints
    pitch: Ints
    residue: Ints
    fence: int


def turned_as_allowed(design: Design, placement: Placement) -> Placement:
    """Turn movable objects that lie as they may not, keeping width and height where possible.

    The second macro of a mirrored pair is turned to be the image of the first.

    Raises:
        PlacementError: no allowed orientations of a mirrored pair are images of each other.
    """
    constraints = design.constraints
    if constraints is None:
        return placement
    allowed, orient = allowed_orientations(design), placement.orient.copy()
    wrong = design.movable & ~allowed[np.arange(len(orient)), orient]
    for node in np.flatnonzero(wrong).tolist():
        orient[node] = _nearest_turn(int(orient[node]), allowed[node])
    for group in constraints.groups:
        if group.kind == GROUP_ARRAY:
            continue
        flip_x = group.kind == GROUP_MIRROR_X
        n = design.netlist
        for a, b in zip(group.members[0::2], group.members[1::2], strict=True):
            if (n.node_width[a], n.node_height[a]) != (n.node_width[b], n.node_height[b]):
                raise PlacementError(
                    f"{n.node_names[a]!r} and {n.node_names[b]!r} differ in size and cannot be mirror images, as group "
                    f"{group.name!r} asks",
                    rule="group",
                )
            images = [mirrored(code, flip_x=flip_x) for code in range(8)]
            both = np.array([allowed[a, code] and allowed[b, images[code]] for code in range(8)])
            if not design.movable[a]:
                both &= np.arange(8) == orient[a]
            if not design.movable[b]:
                both &= np.array(images) == orient[b]
            if not both.any():
                raise PlacementError(
                    f"no allowed orientations of {n.node_names[a]!r} and {n.node_names[b]!r} are mirror images, "
                    f"as group {group.name!r} asks",
                    rule="group",
                )
            orient[a] = _nearest_turn(int(orient[a]), both)
            orient[b] = images[orient[a]]
    return placement.moved(orient=orient)


def _nearest_turn(orient: int, allowed: np.ndarray) -> int:
    """The allowed orientation that changes least: itself, one with the same sides, any."""
    codes = np.flatnonzero(allowed)
    order = np.lexsort((codes, SWAPS_SIDES[codes] != SWAPS_SIDES[orient], codes != orient))
    return int(codes[order[0]])


def pieces(design: Design, placement: Placement, gap: int) -> list[Piece]:
    """Everything that moves, fixed members of groups included (see :func:`held`).

    Args:
        design: netlist, canvas and constraints.
        placement: orientations, and the arrangement of groups that do not say theirs.
        gap: steps to keep free between any two hard macros.

    Raises:
        PlacementError: members of a group belong to different fences, or to snapping grids that never meet.
    """
    constraints = design.constraints
    assert constraints is not None
    boxes, fence = integer_boxes(design, placement), fence_of(design)
    hard = design.netlist.node_kind == HARD_MACRO
    alone = hard & design.movable
    need = needs(design, placement, gap)
    pitch, offset = snap_steps(design, placement.orient)
    out = []
    for group in constraints.groups:
        nodes = np.array([i for i in group.members if hard[i]], np.int64)
        alone[nodes] = False
        if not design.movable[nodes].any():
            continue
        if len(set(fence[nodes].tolist())) > 1:
            raise PlacementError(f"the members of group {group.name!r} belong to different fences", rule="fence")
        common = np.array([_period(pitch[nodes, axis], group.name) for axis in (0, 1)], np.int64)
        offsets = _arrangement(group, nodes, boxes, need, common, design.canvas.lattice)
        residue = [
            _residue(common[axis], pitch[nodes, axis], offset[nodes, axis] - offsets[:, axis], group.name)
            for axis in (0, 1)
        ]
        size = boxes[nodes, 2:] - boxes[nodes, :2]
        own = np.concatenate([offsets, offsets + size], axis=1)
        body = np.concatenate([own[:, :2].min(axis=0), own[:, 2:].max(axis=0)])
        inset = np.concatenate([own[:, :2] - body[:2], body[2:] - own[:, 2:]], axis=1)
        out.append(
            Piece(
                group.name, nodes, offsets, body, (need[nodes] - inset).max(axis=0).clip(min=_least(design, gap)),
                common, np.array(residue, np.int64), int(fence[nodes[0]]),
            )
        )  # fmt: skip
    for node in np.flatnonzero(alone).tolist():
        size = boxes[node, 2:] - boxes[node, :2]
        out.append(
            Piece(
                design.netlist.node_names[node], np.array([node]), np.zeros((1, 2), np.int64),
                np.concatenate([[0, 0], size]), need[node], pitch[node], offset[node], int(fence[node]),
            )
        )  # fmt: skip
    return out


def held(design: Design, piece: Piece, boxes: Ints) -> Ints | None:
    """The corner (``[2]`` steps) of a piece one of whose members is fixed, or None."""
    fixed = np.flatnonzero(~design.movable[piece.nodes])
    return None if not len(fixed) else boxes[piece.nodes[fixed[0]], :2] - piece.offsets[fixed[0]]


def needs(design: Design, placement: Placement, gap: int) -> Ints:
    """``[N, 4]`` steps to keep free on the left, bottom, right and top of each object as it lies."""
    return np.maximum(halo_steps(design, placement.orient), _least(design, gap))


def _least(design: Design, gap: int) -> Ints:
    channel = channel_steps(design)
    return np.maximum(np.array([*channel, *channel], np.int64), gap)


def _period(pitches: Ints, name: str) -> int:
    period = int(np.lcm.reduce(pitches))
    if not 0 < period <= _LONGEST_PERIOD:
        raise PlacementError(f"the snapping grids in group {name!r} have no common period to speak of", rule="snap")
    return period


def _residue(period: int, pitch: Ints, residue: Ints, name: str) -> int:
    """The corner, modulo ``period``, at which every member is on its own grid."""
    candidates = np.arange(residue[0] % pitch[0], period, pitch[0])
    for p, r in zip(pitch[1:].tolist(), residue[1:].tolist(), strict=True):
        candidates = candidates[(candidates - r) % p == 0]
    if not len(candidates):
        raise PlacementError(
            f"the members of group {name!r} can never lie on their snapping grids at the same time", rule="snap"
        )
    return int(candidates[0])


def _arrangement(group: Group, nodes: Ints, boxes: Ints, need: Ints, pitch: Ints, step: float) -> Ints:
    """``[m, 2]`` offsets: what the group says, what the placement has if that will do, or rows and pairs."""
    if group.offsets:
        return group_offsets(group, boxes, step)
    given = boxes[nodes, :2] - boxes[nodes[:1], :2]
    if _stands(group, boxes[nodes], need[nodes]):
        return given
    size = boxes[nodes, 2:] - boxes[nodes, :2]
    space = need[nodes].max(axis=0)
    gap = np.maximum(space[:2], space[2:])

    def up(length: np.ndarray) -> np.ndarray:  # so that whoever shares a grid stays on it
        return -(-length // pitch) * pitch

    offsets = np.zeros((len(nodes), 2), np.int64)
    if group.kind == GROUP_ARRAY:
        columns = int(np.ceil(np.sqrt(len(nodes))))
        cell = up(size.max(axis=0) + gap)
        offsets[:, 0], offsets[:, 1] = np.arange(len(nodes)) % columns, np.arange(len(nodes)) // columns
        return offsets * cell
    along = 0 if group.kind == GROUP_MIRROR_X else 1
    widest = int(size[:, along].max())
    # Pairs in a row across the axis; the first of each against a common line, the second as far on the other side.
    reach = up(np.full(2, 2 * widest) + gap)[along]
    rank = np.arange(len(nodes)) // 2
    offsets[:, 1 - along] = rank * up(size.max(axis=0) + gap)[1 - along]
    offsets[1::2, along] = reach - size[1::2, along]
    return offsets - offsets[:1]


def _stands(group: Group, boxes: Ints, need: Ints) -> bool:
    """True when members as they lie are clear of each other and, in a mirror group, images of each other."""
    # Grown on the right and top by the most anybody needs, boxes that are clear of each other are far enough apart.
    most = np.maximum(need[:, :2], need[:, 2:]).max(axis=0)
    if len(overlapping_pairs(boxes + np.concatenate([[0, 0], most]))):
        return False
    if group.kind == GROUP_ARRAY:
        return True
    axis = 0 if group.kind == GROUP_MIRROR_X else 1
    first, second = boxes[0::2], boxes[1::2]
    twice = first[:, axis] + second[:, axis + 2]
    return bool((twice == twice[0]).all() and (first[:, 1 - axis] == second[:, 1 - axis]).all())
