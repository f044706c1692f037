"""Guides as wires: what a member pays for lying outside its guide is the length of a net that every stage minds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netlists.constraints import ANY_ORIENTATION, REGION_GUIDE, Constraints
from netlists.design import Design
from netlists.netlist import DIR_UNKNOWN, PORT
from netlists.orientation import oriented_sizes
from netlists.placement import Placement

Floats = NDArray[np.float64]

#: Weight of a member's pull over that of all its own nets.
PULL = 1.0


@dataclass(frozen=True, eq=False)
class Pulled:
    """A design whose guides are nets.

    A member that is ``d`` um outside the box its centre may lie in lengthens a net of three pins, two corners of that
    box and the centre, by exactly ``d``. The corners are pins of one more port, the last object of the design. So the
    quadratic start, the smooth wirelength and the exact prices of detailed placement pull members, on any device,
    without knowing of guides.

    Attributes:
        design: with the port and the nets; the design as given where it has no guide with movable members.
        nets: how many nets were added, all after the design's own.
        constant: weighted HPWL of those nets with all members inside, um.
    """

    design: Design
    nets: int = 0
    constant: float = 0.0

    def own(self, placement: Placement) -> Placement:
        """A placement of :attr:`design` without the port: one of the design as given."""
        if not self.nets:
            return placement
        p = placement
        return Placement(p.x[:-1], p.y[:-1], p.orient[:-1], p.fixed[:-1], p.placed[:-1])

    def ported(self, placement: Placement) -> Placement:
        """A placement of the design as given with the port: one of :attr:`design`."""
        return _with_port(self.design, placement) if self.nets else placement


def with_guides(design: Design) -> Pulled:
    """Replace the guides of a design by nets that are as long as members are away.

    A member wants all of itself inside the bounding box of its guide, and to be centred there where it is larger, as in
    :mod:`placer.engines.search.wishes`. A um costs it :data:`PULL` times the weights of all its own nets, at least that
    of one: then no object leaves its guide for its own wires alone, and all do where there is no room.

    Args:
        design: a flat design; its placement says how members are turned.
    """
    rules = design.constraints
    if rules is None:
        return Pulled(design)
    ids = _members(design, rules)
    if not len(ids):
        return Pulled(design)
    n, p, canvas = design.netlist, design.placement, design.canvas
    low, high = _wanted(design, rules, ids)
    weight = _weights(design, ids)
    # Pins: the centres of the members, then for each the two corners, on the port in the corner of the canvas.
    corners = np.stack([low, high], axis=1).reshape(-1, 2) - np.array([canvas.x0, canvas.y0])
    count, pins, connections = len(ids), n.num_pins, n.num_connections
    centre, corner = pins + np.arange(count), pins + count + np.arange(2 * count).reshape(-1, 2)
    netlist = replace(
        n,
        node_names=(*n.node_names, _free_name(design)),
        node_kind=np.append(n.node_kind, np.int8(PORT)),
        node_width=np.append(n.node_width, 0.0),
        node_height=np.append(n.node_height, 0.0),
        pin_node=np.concatenate([n.pin_node, ids, np.full(2 * count, n.num_nodes)]),
        pin_dx=np.concatenate([n.pin_dx, np.zeros(count), corners[:, 0]]),
        pin_dy=np.concatenate([n.pin_dy, np.zeros(count), corners[:, 1]]),
        pin_dir=np.concatenate([n.pin_dir, np.full(3 * count, DIR_UNKNOWN)]) if len(n.pin_dir) else n.pin_dir,
        net_ptr=np.concatenate([n.net_ptr, connections + 3 * np.arange(1, count + 1)]),
        net_pins=np.concatenate([n.net_pins, np.column_stack([centre, corner]).ravel()]),
        net_source=np.concatenate([n.net_source, connections + 3 * np.arange(count)]),
        net_weight=np.concatenate([n.net_weight, weight]),
        net_names=(), pin_names=(), min_aspect=np.zeros(0), max_aspect=np.zeros(0), extras={},
    )  # fmt: skip
    pulled = replace(design, netlist=netlist, placement=_with_port(design, p), constraints=_without(rules, ids))
    return Pulled(pulled, count, float(weight @ (high - low).sum(axis=1)))


def guide_distance(design: Design, placement: Placement) -> float | None:
    """Mean distance (dx + dy) that movable members of guides would have to go to lie inside, um; None without any.

    Args:
        design: the design and its guides.
        placement: where its objects are.
    """
    rules = design.constraints
    if rules is None:
        return None
    ids = _members(design, rules)
    if not len(ids):
        return None
    low, high = _wanted(design.with_placement(placement), rules, ids)
    at = np.stack([placement.x[ids], placement.y[ids]], axis=1)
    return float((np.maximum(low - at, 0.0) + np.maximum(at - high, 0.0)).sum(axis=1).mean())


def _members(design: Design, rules: Constraints) -> NDArray[np.int64]:
    """Movable objects that a guide draws."""
    is_guide = np.array([region.kind == REGION_GUIDE for region in rules.regions] or [False])
    return np.flatnonzero((rules.region >= 0) & is_guide[rules.region] & design.movable)


def _wanted(design: Design, rules: Constraints, ids: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """``[k, 2]`` least and greatest centres with which members lie inside their guides, um."""
    n = design.netlist
    box = np.array([region.polygon.bounds for region in rules.regions])[rules.region[ids]]
    size = np.stack(oriented_sizes(n.node_width[ids], n.node_height[ids], design.placement.orient[ids]), axis=1)
    middle = (box[:, :2] + box[:, 2:]) / 2
    return np.minimum(box[:, :2] + size / 2, middle), np.maximum(box[:, 2:] - size / 2, middle)


def _weights(design: Design, ids: NDArray[np.int64]) -> Floats:
    """``[k]`` what a um costs each member."""
    n = design.netlist
    # Nets of one connection have no length.
    weight = np.where(n.net_degree > 1, n.net_weight, 0.0)
    wires = np.bincount(n.conn_node, weight[n.conn_net], n.num_nodes)[ids]
    real = weight[weight > 0]
    return PULL * np.maximum(wires, float(real.mean()) if len(real) else 1.0)


def _with_port(design: Design, p: Placement) -> Placement:
    return Placement(
        np.append(p.x, design.canvas.x0), np.append(p.y, design.canvas.y0), np.append(p.orient, np.int8(0)),
        np.append(p.fixed, True), np.append(p.placed, True),
    )  # fmt: skip


def _without(rules: Constraints, ids: NDArray[np.int64]) -> Constraints:
    """The rules for one object more, no member of ``ids`` being in its guide any longer."""
    region = rules.region.copy()
    region[ids] = -1
    return rules.changed(
        halo=np.concatenate([rules.halo, np.zeros((1, 4))]),
        orientations=np.append(rules.orientations, np.uint8(ANY_ORIENTATION)),
        region=np.append(region, np.int32(-1)),
        pitch=np.concatenate([rules.pitch, np.zeros((1, 2))]),
        offset=np.concatenate([rules.offset, np.zeros((1, 8, 2))]),
        boundary=np.append(rules.boundary, 0.0),
    )


def _free_name(design: Design) -> str:
    name = "guides"
    while name in design.netlist.node_index:
        name += "_"
    return name
