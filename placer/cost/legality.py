"""Legality in integers: which objects break which rule by how much.

Hard macros are compared as boxes of whole lattice steps (:mod:`placer.cost.lattice`), so that the answer for a
placement on the lattice is the same in float64, after a text round trip and after rounding to float32. Objects
that need not lie on the lattice (soft macros, standard cells) are outside when they stick out by more than half a
step, which no such rounding can cause or hide.

Rules:

``overlap``
    Two hard macros share area.
``outside``
    A hard macro, soft macro or standard cell leaves the canvas or its rectilinear outline.
``blockage``
    A hard macro lies on a hard placement blockage.
``off_lattice``
    A movable hard macro's lower-left corner is further from the lattice than rounding to float32 can move it. On
    request also a fixed one's, where the technology states its grid.
``fixed_moved``
    A fixed object is not where, or not turned as, it was in the reference placement.

With ``design.constraints`` also (:mod:`placer.cost.rule_checks`):

``halo``
    The body of a hard macro lies in the halo of another.
``channel``
    Two hard macros that face each other are closer than the channel.
``fence``
    An object leaves its fence, or a hard macro enters the fence of others.
``orientation``
    An object is turned as it may not be.
``snap``
    A hard macro's lower-left corner is off the grid it must lie on.
``group``
    A member of an array or mirror group is out of line.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import Canvas
from netlists.design import Design
from netlists.errors import PlacementError
from netlists.netlist import HARD_MACRO, KIND_NAMES, PORT, STDCELL
from netlists.orientation import NAMES, oriented_sizes
from netlists.placement import Placement
from placer.cost.lattice import (
    blockage_boxes,
    canvas_box,
    integer_boxes,
    lower_left,
    outline_boxes,
    round_steps,
)
from placer.cost.rule_checks import broken_rules
from placer.cost.violation import PAIR_RULES, Violation, box_um, depth, overlapping_pairs, shared

__all__ = ["RULES", "LegalityReport", "Violation", "check", "integer_boxes", "overlapping_pairs"]

#: Every rule a report can name.
RULES = (
    "overlap", "outside", "blockage", "off_lattice", "fixed_moved",
    "halo", "channel", "fence", "orientation", "snap", "group",
)  # fmt: skip


@dataclass(frozen=True)
class LegalityReport:
    """What :func:`check` found.

    Attributes:
        violations: broken rules that involve a movable object, or a fixed one that was moved.
        given: broken rules among fixed objects only: the input's doing, which no engine may mend. They do not make
            a placement illegal.
        overlap_area_um2: area shared by pairs of hard macros, summed over ``violations``.
    """

    violations: tuple[Violation, ...]
    given: tuple[Violation, ...]
    overlap_area_um2: float

    @property
    def legal(self) -> bool:
        """True when nothing that an engine may move breaks a rule."""
        return not self.violations

    @property
    def counts(self) -> dict[str, int]:
        """Violations of each rule, zero included; those of flat placements (``row``, ``site``) where there are any."""
        found = Counter(v.rule for v in self.violations)
        return {rule: found[rule] for rule in (*RULES, *sorted(found.keys() - set(RULES)))}

    @property
    def overlaps(self) -> int:
        """Pairs of hard macros that share area, at least one of them movable."""
        return self.counts["overlap"]

    def summary(self) -> str:
        """One line for tables and error messages."""
        given = f" ({len(self.given)} among fixed objects, as given)" if self.given else ""
        if self.legal:
            return "legal" + given
        parts = [f"{count} {rule}" for rule, count in self.counts.items() if count]
        return f"illegal: {', '.join(parts)}; first: {self.violations[0].message}{given}"

    def raise_if_illegal(self) -> None:
        """Turn the first violation into an error.

        Raises:
            PlacementError: the placement is not legal.
        """
        if not self.legal:
            raise PlacementError(self.summary(), rule=self.violations[0].rule)


def check(
    design: Design,
    placement: Placement | None = None,
    *,
    reference: Placement | None = None,
    fixed_lattice: bool = False,
) -> LegalityReport:
    """Check a placement against every rule of this module.

    Standard cells without a place break no rule: they are nowhere yet.

    Args:
        design: netlist and canvas; its own placement says which objects are fixed.
        placement: what to check; the design's own by default.
        reference: where fixed objects must be; without it ``fixed_moved`` is not checked.
        fixed_lattice: put fixed hard macros off the manufacturing grid under ``given``.

    Returns:
        All violations, rule by rule, in node order.

    Raises:
        PlacementError: a placement has another number of objects than the netlist.
    """
    placement = design.placement if placement is None else placement
    for candidate in (placement, reference):
        if candidate is not None and candidate.num_nodes != design.netlist.num_nodes:
            raise PlacementError(
                f"the placement has {candidate.num_nodes} objects, the netlist {design.netlist.num_nodes}", rule="shape"
            )
    boxes = integer_boxes(design, placement)
    found = _overlaps(design, boxes)
    area = sum(v.amount for v in found if design.movable[v.node] or design.movable[v.other])
    found += _outside_hard(design, boxes) + _outside_soft(design, placement)
    found += _on_blockages(design, boxes)
    found += _off_lattice(design, placement, boxes, fixed=fixed_lattice and design.canvas.manufacturing_grid > 0)
    found += broken_rules(design, placement, boxes)

    def mendable(v: Violation) -> bool:
        return bool(design.movable[v.node]) or (v.rule in PAIR_RULES and bool(design.movable[v.other]))

    violations = [v for v in found if mendable(v)]
    if reference is not None:
        violations += _fixed_moved(design, placement, reference, boxes)
    return LegalityReport(tuple(violations), tuple(v for v in found if not mendable(v)), float(area))


def check_placed(
    design: Design, placement: Placement, *, reference: Placement | None = None, fixed_lattice: bool = False
) -> LegalityReport:
    """:func:`check` for a placement of a user's, which may not be complete.

    Raises:
        PlacementError: a hard macro has no position.
    """
    missing = np.flatnonzero((design.netlist.node_kind == HARD_MACRO) & ~placement.placed)
    if len(missing):
        raise PlacementError(
            f"{len(missing)} of {len(design.netlist.ids(HARD_MACRO))} hard macros have no position",
            node=design.netlist.node_names[missing[0]],
            rule="placed",
        )
    return check(design, placement, reference=reference, fixed_lattice=fixed_lattice)


def _overlaps(design: Design, boxes: NDArray[np.int64]) -> list[Violation]:
    nodes = design.netlist.ids(HARD_MACRO)
    names, step = design.netlist.node_names, design.canvas.lattice
    out = []
    for a, b in nodes[overlapping_pairs(boxes[nodes])].tolist():
        p, q = boxes[a], boxes[b]
        size = np.minimum(p[2:], q[2:]) - np.maximum(p[:2], q[:2])
        # Pushing apart along an axis takes the smaller of the two ways out.
        steps = int(np.minimum(p[2:] - q[:2], q[2:] - p[:2]).min())
        area = float(size[0]) * step * float(size[1]) * step
        out.append(
            Violation(
                "overlap", a, b, area, "um^2", steps,
                f"hard macros {names[a]!r} and {names[b]!r} share {area:.6g} um^2 "
                f"({size[0] * step:.6g} x {size[1] * step:.6g} um)", box_um(shared(p, q), step),
            )
        )  # fmt: skip
    return out


def _outside_hard(design: Design, boxes: NDArray[np.int64]) -> list[Violation]:
    nodes = design.netlist.ids(HARD_MACRO)
    x0, y0, x1, y1 = canvas_box(design.canvas)
    b = boxes[nodes]
    deep = np.maximum.reduce([x0 - b[:, 0], y0 - b[:, 1], b[:, 2] - x1, b[:, 3] - y1, np.zeros(len(b), np.int64)])
    for notch in outline_boxes(design.canvas):
        deep = np.maximum(deep, depth(b, notch))
    step = design.canvas.lattice
    return [
        _outside(design, int(nodes[k]), float(deep[k]) * step, int(deep[k]), box_um(b[k], step))
        for k in np.flatnonzero(deep)
    ]


def _outside_soft(design: Design, placement: Placement) -> list[Violation]:
    kind = design.netlist.node_kind
    nodes = np.flatnonzero((kind != HARD_MACRO) & (kind != PORT) & ((kind != STDCELL) | placement.placed))
    canvas, step = design.canvas, design.canvas.lattice
    x, y = lower_left(design, placement)
    width, height = oriented_sizes(design.netlist.node_width, design.netlist.node_height, placement.orient)
    x0, y0 = x[nodes], y[nodes]
    x1, y1 = x0 + width[nodes], y0 + height[nodes]
    deep = np.maximum.reduce([canvas.x0 - x0, canvas.y0 - y0, x1 - canvas.x1, y1 - canvas.y1])
    if canvas.outline is not None:
        # Edges rounded to the nearest step: half a step of play, as for the bounding box.
        rounded = np.stack([round_steps(v, step) for v in (x0, y0, x1, y1)], axis=1)
        for notch in outline_boxes(canvas):
            deep = np.maximum(deep, depth(rounded, notch) * step)
    return [
        _outside(
            design, int(nodes[k]), float(deep[k]), int(np.ceil(deep[k] / step)),
            (float(x0[k]), float(y0[k]), float(x1[k]), float(y1[k])),
        )
        for k in np.flatnonzero(deep > step / 2)
    ]  # fmt: skip


def _outside(
    design: Design, node: int, amount: float, steps: int, where: tuple[float, float, float, float]
) -> Violation:
    kind = KIND_NAMES[design.netlist.node_kind[node]].replace("_", " ")
    message = f"{kind} {design.netlist.node_names[node]!r} is {amount:.6g} um outside {_ground(design.canvas)}"
    return Violation("outside", node, -1, amount, "um", steps, message, where)


def _ground(canvas: Canvas) -> str:
    return "the canvas" if canvas.outline is None else "the outline"


def _on_blockages(design: Design, boxes: NDArray[np.int64]) -> list[Violation]:
    blocked, owner = blockage_boxes(design.canvas)
    if not len(blocked):
        return []
    nodes = design.netlist.ids(HARD_MACRO)
    step = design.canvas.lattice
    worst: dict[tuple[int, int], tuple[float, int, list[NDArray[np.int64]]]] = {}
    for box, index in zip(blocked, owner.tolist(), strict=True):
        b = boxes[nodes]
        deep = depth(b, box)
        for k in np.flatnonzero(deep):
            key = (int(nodes[k]), index)
            area, steps, parts = worst.get(key, (0.0, 0, []))
            part = shared(b[k], box)
            area += float(part[2] - part[0]) * step * float(part[3] - part[1]) * step
            worst[key] = area, max(steps, int(deep[k])), [*parts, part]
    out = []
    for (node, index), (area, steps, parts) in sorted(worst.items(), key=lambda item: item[0]):
        name = design.canvas.blockages[index].name or f"number {index}"
        message = f"hard macro {design.netlist.node_names[node]!r} covers {area:.6g} um^2 of blockage {name}"
        all_of_it = np.concatenate([np.min(parts, axis=0)[:2], np.max(parts, axis=0)[2:]])
        out.append(Violation("blockage", node, index, area, "um^2", steps, message, box_um(all_of_it, step)))
    return out


def _off_lattice(design: Design, placement: Placement, boxes: NDArray[np.int64], *, fixed: bool) -> list[Violation]:
    nodes = np.flatnonzero((design.netlist.node_kind == HARD_MACRO) & (design.movable | fixed))
    canvas, step = design.canvas, design.canvas.lattice
    corners = np.stack(lower_left(design, placement), axis=1)[nodes]
    distance = np.abs(corners - round_steps(corners, step) * step).max(axis=1, initial=0.0)
    # Rounding a coordinate v to float32 moves it by at most v * 2**-24; FUZZ of a step covers float64.
    extent = max(abs(canvas.x0), abs(canvas.y0), abs(canvas.x1), abs(canvas.y1))
    limit = min(extent * 2.0**-24 * (1 + 1e-6) + 1e-6 * step, 0.49 * step)
    out = []
    for k in np.flatnonzero(distance > limit):
        name, amount = design.netlist.node_names[nodes[k]], float(distance[k])
        message = f"hard macro {name!r} is {amount:.6g} um off the {step:g} um lattice"
        where = box_um(boxes[nodes[k]], step)
        out.append(Violation("off_lattice", int(nodes[k]), -1, amount, "um", 1, message, where))
    return out


def _fixed_moved(
    design: Design, placement: Placement, reference: Placement, boxes: NDArray[np.int64]
) -> list[Violation]:
    step = design.canvas.lattice
    moved = np.maximum(np.abs(placement.x - reference.x), np.abs(placement.y - reference.y))
    turned = placement.orient != reference.orient
    held = reference.fixed | design.placement.fixed
    out = []
    for k in np.flatnonzero(held & ((moved > step / 2) | turned)).tolist():
        name, amount = design.netlist.node_names[k], float(moved[k])
        what = f"was moved by {amount:.6g} um" if amount > step / 2 else "was turned"
        if turned[k]:
            what += f" from {NAMES[reference.orient[k]]} to {NAMES[placement.orient[k]]}"
        message = f"fixed object {name!r} {what}"
        steps = int(np.ceil(amount / step))
        out.append(Violation("fixed_moved", k, -1, amount, "um", steps, message, box_um(boxes[k], step)))
    return out
