"""What a placement must keep besides not overlapping: halos, channels, regions, orientations, snapping, groups."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from netlists.errors import NetlistError

#: Region kinds: members of a fence lie inside it and other macros outside; a guide only attracts its members.
REGION_FENCE, REGION_GUIDE = range(2)
#: Group kinds: members keep their offsets (array), or are mirror images about a vertical or horizontal axis.
GROUP_ARRAY, GROUP_MIRROR_X, GROUP_MIRROR_Y = range(3)
#: Orientation masks, bit ``1 << code``; codes are those of ``netlists.orientation`` (N S W E FN FS FW FE).
ANY_ORIENTATION = 0xFF


@dataclass(frozen=True)
class Region:
    """A named area that some objects must or should lie in.

    Attributes:
        name: as in the DEF or TOML file.
        polygon: rectilinear, um; in one piece or several.
        kind: ``REGION_FENCE`` or ``REGION_GUIDE``.
    """

    name: str
    polygon: Polygon | MultiPolygon
    kind: int = REGION_FENCE


@dataclass(frozen=True)
class Group:
    """Objects that move as one.

    Attributes:
        name: as in the TOML file.
        kind: ``GROUP_ARRAY``: members keep their offsets. ``GROUP_MIRROR_X`` (``_Y``): of each pair the second is the
            mirror image of the first, flipped in x (y), and all pairs share one axis, which may lie anywhere.
        members: node ids; pairs (a, b) one after the other for mirror groups.
        offsets: lower-left corner of each placed member relative to that of the first, um. Empty: what the placement
            the group is judged by or legalised from has; an array is then aligned as it comes.
    """

    name: str
    kind: int
    members: tuple[int, ...]
    offsets: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, eq=False)
class Constraints:
    """Rules for the ``N`` nodes of one netlist. Arrays are made read-only.

    Attributes:
        halo: ``[N, 4]`` float64 um, non-negative: left, bottom, right, top of the node in its N frame; it turns and
            flips with the node. No body of another hard macro may enter it; halos of two macros may share area. It
            may hang over the canvas edge.
        channel: (x, y) least gaps in um between the bodies of two hard macros that face each other.
        orientations: ``[N]`` uint8 bit mask of allowed orientation codes.
        region: ``[N]`` int32 index into ``regions``, -1 for none.
        regions: fences and guides.
        groups: objects kept aligned.
        pitch: ``[N, 2]`` float64 um: where positive, the lower-left corner of the placed box (x, y) must lie at
            ``offset + k * pitch``; 0 means the canvas lattice alone.
        offset: ``[N, 8, 2]`` float64 um, by orientation code; ``[0, 8, 2]`` means all zero.
        boundary: ``[N]`` float64 wish to be near the canvas edge, 0 (none) to 1.
        utilization: target utilisation of the core, 0 to 1; NaN without one.

    Raises:
        NetlistError: lengths disagree, or a number cannot be.
    """

    halo: NDArray[np.float64]
    orientations: NDArray[np.uint8]
    region: NDArray[np.int32]
    channel: tuple[float, float] = (0.0, 0.0)
    regions: tuple[Region, ...] = ()
    groups: tuple[Group, ...] = ()
    pitch: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    offset: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 8, 2)))
    boundary: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    utilization: float = float("nan")

    def __post_init__(self) -> None:
        n = len(self.halo)
        for key, dtype, shape in (
            ("halo", np.float64, (n, 4)), ("orientations", np.uint8, (n,)), ("region", np.int32, (n,)),
            ("pitch", np.float64, (n, 2)), ("offset", np.float64, (n, 8, 2)), ("boundary", np.float64, (n,)),
        ):  # fmt: skip
            array: NDArray[Any] = np.array(getattr(self, key), dtype=dtype)
            if len(array) == 0:
                array = np.zeros(shape, dtype)
            if array.shape != shape:
                raise NetlistError(f"the constraints' {key} has the wrong shape", found=array.shape, expected=shape)
            array.flags.writeable = False
            object.__setattr__(self, key, array)
        if not (np.isfinite(self.halo).all() and (self.halo >= 0).all()):
            raise NetlistError("a halo is negative or not finite")
        if not (np.isfinite(self.pitch).all() and (self.pitch >= 0).all() and np.isfinite(self.offset).all()):
            raise NetlistError("a snapping pitch is negative or not finite")
        if not (np.isfinite(self.channel).all() and min(self.channel) >= 0):
            raise NetlistError("a channel is negative or not finite", found=self.channel)
        if n and (self.orientations == 0).any():
            raise NetlistError(
                "an object has no allowed orientation", found=f"node {int(np.argmin(self.orientations))}"
            )
        if n and not (self.region.min() >= -1 and self.region.max() < len(self.regions)):
            raise NetlistError("a region index is out of range", found=int(self.region.max()))
        for group in self.groups:
            if group.members and not (min(group.members) >= 0 and max(group.members) < n):
                raise NetlistError(f"group {group.name!r} names an unknown object")
            if group.kind != GROUP_ARRAY and len(group.members) % 2:
                raise NetlistError(f"mirror group {group.name!r} needs pairs", found=f"{len(group.members)} members")
            if group.offsets and len(group.offsets) != len(group.members):
                raise NetlistError(f"group {group.name!r} has {len(group.offsets)} offsets for {len(group.members)}")

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return len(self.halo)

    @property
    def fences(self) -> tuple[int, ...]:
        """Indices of the regions that are fences."""
        return tuple(k for k, region in enumerate(self.regions) if region.kind == REGION_FENCE)

    @staticmethod
    def none(num_nodes: int) -> Constraints:
        """No rule for anything."""
        return Constraints(
            np.zeros((num_nodes, 4)),
            np.full(num_nodes, ANY_ORIENTATION, np.uint8),
            np.full(num_nodes, -1, np.int32),
        )

    def changed(self, **changes: Any) -> Constraints:  # noqa: ANN401 - forwards to the dataclass fields
        """A copy with some fields replaced."""
        return replace(self, **changes)
