"""Random constraints, and a judge of them by Shapely that shares no code with the product."""

from __future__ import annotations

import numpy as np
from shapely.affinity import rotate, scale
from shapely.geometry import MultiPoint, Polygon, box

from netlists import Design, Placement
from netlists.constraints import (
    GROUP_ARRAY,
    GROUP_MIRROR_X,
    GROUP_MIRROR_Y,
    REGION_FENCE,
    REGION_GUIDE,
    Constraints,
    Group,
    Region,
)
from tests.placer.blocks import block_design, shapes

#: How an orientation is made: mirrored about the vertical axis first, then turned by so many degrees.
TURNS = {0: (False, 0), 1: (False, 180), 2: (False, 90), 3: (False, 270),
         4: (True, 0), 5: (True, 180), 6: (True, 270), 7: (True, 90)}  # fmt: skip
#: Areas and lengths below this are rounding.
DUST = 1e-7


def turned(shape, orient, origin=(0, 0)):
    """A Shapely shape of the N frame as it lies."""
    mirror, degrees = TURNS[int(orient)]
    if mirror:
        shape = scale(shape, -1, 1, origin=origin)
    return rotate(shape, degrees, origin=origin)


def judge_rules(design: Design, placement: Placement) -> set[tuple[str, frozenset[int]]]:
    """(rule, objects) of every broken constraint between or of hard macros, by geometry alone."""
    c, n = design.constraints, design.netlist
    body = shapes(design, placement)
    hard = [i for i in range(n.num_nodes) if n.node_kind[i] == 0]
    halo = {}
    for i in hard:
        w, h = n.node_width[i] / 2, n.node_height[i] / 2
        left, bottom, right, top = c.halo[i]
        frame = turned(box(-w - left, -h - bottom, w + right, h + top), placement.orient[i])
        halo[i] = Polygon([(x + placement.x[i], y + placement.y[i]) for x, y in frame.exterior.coords])
    out = set()
    for a in hard:
        for b in hard:
            if a >= b or body[a].intersection(body[b]).area > DUST:
                continue
            if body[a].intersection(halo[b]).area > DUST or body[b].intersection(halo[a]).area > DUST:
                out.add(("halo", frozenset((a, b))))
            for axis in (0, 1):
                # Stretched along the axis by less than the channel, one meets the other if they face each other.
                x0, y0, x1, y1 = body[a].bounds
                reach = c.channel[axis]
                wide = box(x0 - reach, y0, x1 + reach, y1) if axis == 0 else box(x0, y0 - reach, x1, y1 + reach)
                if wide.intersection(body[b]).area > DUST:
                    out.add(("channel", frozenset((a, b))))
    for k, region in enumerate(c.regions):
        if region.kind == REGION_FENCE:
            for i in hard:
                inside = body[i].intersection(region.polygon).area
                wrong = inside < body[i].area - DUST if c.region[i] == k else inside > DUST
                if wrong:
                    out.add(("fence", frozenset((i,))))
    for i in hard:
        if not c.orientations[i] >> placement.orient[i] & 1:
            out.add(("orientation", frozenset((i,))))
        for axis in (0, 1):
            pitch = c.pitch[i, axis]
            if pitch > 0:
                over = (body[i].bounds[axis] - c.offset[i, placement.orient[i], axis]) % pitch
                if min(over, pitch - over) > 1e-6:
                    out.add(("snap", frozenset((i,))))
    for group in c.groups:
        corners = np.array([body[i].bounds[:2] for i in group.members])
        if group.offsets and np.abs(corners - corners[0] - np.array(group.offsets)).max() > 1e-6:
            out.add(("group", frozenset(group.members)))
        if group.kind != GROUP_ARRAY:
            axis = 0 if group.kind == GROUP_MIRROR_X else 1
            pairs = list(zip(group.members[::2], group.members[1::2], strict=True))
            middle = MultiPoint([corner for i in pairs[0] for corner in body[i].exterior.coords]).envelope.centroid
            factors = (-1, 1) if axis == 0 else (1, -1)
            for a, b in pairs:
                seen = scale(body[a], *factors, origin=middle)
                arrow = Polygon([(0, 0), (3, 0), (0, 1)])  # no symmetry: tells all eight orientations apart
                there = scale(turned(arrow, placement.orient[a]), *factors, origin=(0, 0))
                if (
                    seen.symmetric_difference(body[b]).area > 1e-5
                    or there.symmetric_difference(turned(arrow, placement.orient[b])).area > DUST
                ):
                    out.add(("group", frozenset(group.members)))
    return out


def found_rules(report) -> set[tuple[str, frozenset[int]]]:
    """A legality report in the judge's words."""
    out = set()
    for v in (*report.violations, *report.given):
        if v.rule in ("halo", "channel", "group"):
            out.add((v.rule, frozenset((v.node, v.other))))
        elif v.rule in ("fence", "orientation", "snap"):
            out.add((v.rule, frozenset((v.node,))))
    return out


def random_rules(seed: int, *, macros: int = 7, fill: float = 1.0, groups: bool = True) -> Design:
    """Macros on whole um, halos on tenths, a fence, a guide, a channel, snapping and groups, each now and then."""
    rng = np.random.default_rng(seed)
    n = macros
    size = rng.integers(4, 22, (2, n)) * fill
    size = np.maximum(np.round(size, 1), 0.5)
    orient = rng.integers(0, 8, n).astype(np.int8)
    at = rng.integers(0, 80, (2, n)).astype(float)
    kind = int(rng.choice([GROUP_ARRAY, GROUP_MIRROR_X, GROUP_MIRROR_Y]))
    chosen = tuple(int(i) for i in rng.permutation(n)[:4])
    if groups and kind != GROUP_ARRAY:
        size[:, chosen[1]], size[:, chosen[3]] = size[:, chosen[0]], size[:, chosen[2]]
    design = block_design(*size, *at, orient=orient)
    c = Constraints.none(n)
    halo = np.round(rng.uniform(0, 4, (n, 4)) * rng.integers(0, 2, (n, 1)), 1)
    regions = ()
    region = np.full(n, -1, np.int32)
    if rng.random() < 0.6:
        corner = [(0, 0), (60, 0), (60, 30), (30, 30), (30, 60), (0, 60)] if rng.random() < 0.5 else None
        fence = Polygon(corner) if corner else box(0, 0, 55, 60)
        regions = (Region("fence", fence), Region("guide", box(50, 50, 100, 100), REGION_GUIDE))
        region = rng.choice([-1, 0, 1], n, p=[0.5, 0.25, 0.25]).astype(np.int32)
    mask = np.where(rng.random(n) < 0.5, 0xFF, 1 << rng.integers(0, 8, n) | 0b110011).astype(np.uint8)
    pitch = np.where(rng.random(n) < 0.4, rng.choice([0.5, 2.0]), 0.0)[:, None] * np.ones(2)
    offset = np.round(rng.uniform(0, 1, (n, 8, 2)), 1)
    members: tuple[Group, ...] = ()
    if groups and rng.random() < 0.5:
        offsets = tuple((float(x), 0.0) for x in (0, 25, 50, 75)) if kind == GROUP_ARRAY else ()
        members = (Group("group", kind, chosen, offsets),)
    return with_rules(
        design,
        c.changed(
            halo=halo, channel=tuple(np.round(rng.uniform(0, 3, 2) * rng.integers(0, 2, 2), 1)), orientations=mask,
            region=region, regions=regions, groups=members, pitch=pitch, offset=offset,
        ),
    )  # fmt: skip


def with_rules(design: Design, constraints: Constraints) -> Design:
    """The design with other constraints."""
    from dataclasses import replace

    return replace(design, constraints=constraints)
