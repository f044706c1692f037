"""What breaks the constraints of a design: halos, channels, fences, orientations, snapping grids, groups.

The rules are those of ``netlists.constraints``; each finder here returns the violations of one of them. Two hard
macros that overlap are said to overlap, and nothing is added about their halos or channels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.constraints import GROUP_ARRAY, GROUP_MIRROR_X, REGION_FENCE, Group
from netlists.design import Design
from netlists.netlist import HARD_MACRO, KIND_NAMES, PORT, STDCELL
from netlists.orientation import NAMES, oriented_sizes
from netlists.placement import Placement
from placer.cost.lattice import (
    canvas_box,
    ceil_steps,
    covering_boxes,
    floor_steps,
    lower_left,
    outside_boxes,
    round_steps,
)
from placer.cost.rules import (
    OUTWARDS,
    allowed_orientations,
    channel_steps,
    fence_of,
    halo_steps,
    mirrored,
    snap_steps,
)
from placer.cost.violation import Violation, box_um, depth, overlapping_pairs, shared

Ints = NDArray[np.int64]


def broken_rules(design: Design, placement: Placement, boxes: Ints) -> list[Violation]:
    """Violations of ``design.constraints``, rule by rule, in node order; none without constraints.

    Args:
        design: the design.
        placement: what to check.
        boxes: ``[N, 4]`` its bodies in steps (``placer.cost.lattice.integer_boxes``).

    Raises:
        NetlistError: a snapping grid is not on the canvas lattice.
    """
    if design.constraints is None:
        return []
    found = _pairs(design, placement, boxes)
    found += _fences(design, placement, boxes)
    found += _orientations(design, placement, boxes)
    found += _snapping(design, placement, boxes)
    for group in design.constraints.groups:
        found += _group(design, placement, boxes, group)
    return found


def group_offsets(group: Group, boxes: Ints, step: float) -> Ints:
    """``[m, 2]`` steps from the first member's lower-left corner to that of each member.

    Args:
        group: the group.
        boxes: ``[N, 4]`` bodies in steps, which decide where the group itself does not.
        step: um of one lattice step.
    """
    if group.offsets:
        return round_steps(np.asarray(group.offsets, dtype=np.float64), step)
    corners = boxes[np.asarray(group.members, dtype=np.int64), :2]
    return corners - corners[:1]


def _name(design: Design, node: int) -> str:
    kind = KIND_NAMES[design.netlist.node_kind[node]].replace("_", " ")
    return f"{kind} {design.netlist.node_names[node]!r}"


def _pairs(design: Design, placement: Placement, boxes: Ints) -> list[Violation]:
    """Halos and channels: one sweep finds every pair that is close enough to matter."""
    nodes = design.netlist.ids(HARD_MACRO)
    halos = halo_steps(design, placement.orient[nodes], nodes)
    channel = channel_steps(design)
    reach = np.maximum(halos, np.array([*channel, *channel]))
    if not len(nodes) or not reach.any():
        return []
    names, step = design.netlist.node_names, design.canvas.lattice
    body = boxes[nodes]
    wide = body + OUTWARDS * halos
    halo_found, channel_found = [], []
    for i, j in overlapping_pairs(body + OUTWARDS * reach).tolist():
        a, b = int(nodes[i]), int(nodes[j])
        gap_x = int(max(body[i, 0] - body[j, 2], body[j, 0] - body[i, 2]))
        gap_y = int(max(body[i, 1] - body[j, 3], body[j, 1] - body[i, 3]))
        if gap_x < 0 and gap_y < 0:
            continue
        inside = [int(depth(body[j : j + 1], wide[i])[0]), int(depth(body[i : i + 1], wide[j])[0])]
        if max(inside) > 0:
            owner, intruder = (i, j) if inside[0] >= inside[1] else (j, i)
            amount = max(inside) * step
            halo_found.append(
                Violation(
                    "halo", int(nodes[intruder]), int(nodes[owner]), amount, "um", max(inside),
                    f"hard macro {names[nodes[intruder]]!r} lies {amount:.6g} um inside the halo of "
                    f"{names[nodes[owner]]!r}", box_um(shared(body[intruder], wide[owner]), step),
                )
            )  # fmt: skip
        for axis, gap, across in ((0, gap_x, gap_y), (1, gap_y, gap_x)):
            if across < 0 <= gap < channel[axis]:
                middle = np.sort(np.stack([body[i], body[j]])[:, [axis, axis + 2]].ravel())[1:3]
                where = shared(body[i], body[j])
                where[[axis, axis + 2]] = middle
                message = (
                    f"hard macros {names[a]!r} and {names[b]!r} face each other {gap * step:.6g} um apart in "
                    f"{'xy'[axis]}, the channel is {channel[axis] * step:.6g} um"
                )
                short = channel[axis] - gap
                channel_found.append(
                    Violation("channel", a, b, short * step, "um", short, message, box_um(where, step))
                )
    return halo_found + channel_found


def _fences(design: Design, placement: Placement, boxes: Ints) -> list[Violation]:
    constraints = design.constraints
    assert constraints is not None
    fence, step = fence_of(design), design.canvas.lattice
    kind = design.netlist.node_kind
    # Objects that need not lie on the lattice get half a step of play, as at the canvas edge.
    x, y = lower_left(design, placement)
    width, height = oriented_sizes(design.netlist.node_width, design.netlist.node_height, placement.orient)
    # A standard cell without a place is nowhere yet.
    members = np.flatnonzero((fence >= 0) & (kind != PORT) & ((kind != STDCELL) | placement.placed))
    soft = members[kind[members] != HARD_MACRO]
    rounded = boxes.copy()
    rounded[soft] = round_steps(np.stack([x, y, x + width, y + height], axis=1)[soft], step)
    out = []
    for k, region in enumerate(constraints.regions):
        if region.kind != REGION_FENCE:
            continue
        inside = members[fence[members] == k]
        low, high = ceil_steps(region.polygon.bounds[:2], step), floor_steps(region.polygon.bounds[2:], step)
        b = rounded[inside]
        deep: Ints = np.maximum(low - b[:, :2], b[:, 2:] - high).max(axis=1, initial=0)
        bounds = canvas_box(design.canvas)
        for wall in outside_boxes(region.polygon, bounds, step):
            deep = np.maximum(deep, depth(b, wall))
        for i in np.flatnonzero(deep).tolist():
            amount = float(deep[i]) * step
            message = f"{_name(design, int(inside[i]))} is {amount:.6g} um outside its fence {region.name!r}"
            out.append(Violation("fence", int(inside[i]), k, amount, "um", int(deep[i]), message, box_um(b[i], step)))
        others = np.flatnonzero((kind == HARD_MACRO) & (fence != k))
        b, steps = boxes[others], np.zeros(len(others), np.int64)
        worst = np.zeros((len(others), 4), np.int64)
        for wall in covering_boxes(region.polygon, step):
            deep = depth(b, wall)
            for i in np.flatnonzero(deep > steps).tolist():
                steps[i], worst[i] = deep[i], shared(b[i], wall)
        for i in np.flatnonzero(steps).tolist():
            amount = float(steps[i]) * step
            message = f"{_name(design, int(others[i]))} lies {amount:.6g} um inside the fence {region.name!r} of others"
            out.append(
                Violation("fence", int(others[i]), k, amount, "um", int(steps[i]), message, box_um(worst[i], step))
            )
    return out


def _orientations(design: Design, placement: Placement, boxes: Ints) -> list[Violation]:
    allowed = allowed_orientations(design)
    kept = allowed[np.arange(len(allowed)), placement.orient]
    out = []
    for node in np.flatnonzero(~kept & (design.netlist.node_kind != PORT)).tolist():
        may = ", ".join(name for name, ok in zip(NAMES, allowed[node], strict=True) if ok)
        message = f"{_name(design, node)} is turned {NAMES[placement.orient[node]]}, allowed are {may}"
        where = box_um(boxes[node], design.canvas.lattice)
        out.append(Violation("orientation", node, -1, 0.0, "um", 0, message, where))
    return out


def _snapping(design: Design, placement: Placement, boxes: Ints) -> list[Violation]:
    nodes = design.netlist.ids(HARD_MACRO)
    pitch, offset = snap_steps(design, placement.orient[nodes], nodes)
    over = (boxes[nodes, :2] - offset) % pitch
    off = np.minimum(over, pitch - over)
    step = design.canvas.lattice
    out = []
    for k in np.flatnonzero(off.any(axis=1)).tolist():
        node, steps = int(nodes[k]), int(off[k].max())
        message = (
            f"{_name(design, node)} is {off[k, 0] * step:.6g}, {off[k, 1] * step:.6g} um off its snapping grid of "
            f"{pitch[k, 0] * step:.6g}, {pitch[k, 1] * step:.6g} um"
        )
        out.append(Violation("snap", node, -1, steps * step, "um", steps, message, box_um(boxes[node], step)))
    return out


def _group(design: Design, placement: Placement, boxes: Ints, group: Group) -> list[Violation]:
    members = np.asarray(group.members, dtype=np.int64)
    if not len(members):
        return []
    step = design.canvas.lattice
    out = []
    if group.offsets or group.kind == GROUP_ARRAY:
        off = np.abs(boxes[members, :2] - boxes[members[:1], :2] - group_offsets(group, boxes, step)).max(axis=1)
        for k in np.flatnonzero(off).tolist():
            out.append(_misplaced(design, boxes, group, int(members[k]), int(members[0]), int(off[k])))
    if group.kind == GROUP_ARRAY:
        return out
    axis = 0 if group.kind == GROUP_MIRROR_X else 1
    first, second = boxes[members[0::2]], boxes[members[1::2]]
    # Twice the mirror axis as each pair has it; all must agree with the first pair.
    twice = first[:, axis] + second[:, axis + 2]
    off = np.abs(twice - twice[0]) + np.abs(first[:, 1 - axis] - second[:, 1 - axis])
    off += np.abs((first[:, 2:] - first[:, :2]) - (second[:, 2:] - second[:, :2])).sum(axis=1)
    turned = [
        mirrored(int(a), flip_x=axis == 0) != int(b)
        for a, b in zip(placement.orient[members[0::2]], placement.orient[members[1::2]], strict=True)
    ]
    told = {v.node for v in out}
    for k in np.flatnonzero((off > 0) | np.array(turned)).tolist():
        a, b = int(members[2 * k]), int(members[2 * k + 1])
        if b in told:
            continue
        if off[k]:
            out.append(_misplaced(design, boxes, group, b, a, int(off[k])))
        else:
            message = (
                f"{_name(design, b)} is turned {NAMES[placement.orient[b]]} in mirror group {group.name!r}, the mirror "
                f"image of {NAMES[placement.orient[a]]} is "
                f"{NAMES[mirrored(int(placement.orient[a]), flip_x=axis == 0)]}"
            )
            out.append(Violation("group", b, a, 0.0, "um", 0, message, box_um(boxes[b], step)))
    return out


def _misplaced(design: Design, boxes: Ints, group: Group, node: int, other: int, steps: int) -> Violation:
    step = design.canvas.lattice
    message = (
        f"{_name(design, node)} is {steps * step:.6g} um out of line with {design.netlist.node_names[other]!r} "
        f"in group {group.name!r}"
    )
    return Violation("group", node, other, steps * step, "um", steps, message, box_um(boxes[node], step))
