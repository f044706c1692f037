"""From a constraints file to a design with its constraints, blockages and pre-placed macros."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists.canvas import BLOCK_HARD, BLOCK_PARTIAL, BLOCK_SOFT, Blockage
from netlists.constraints import (
    ANY_ORIENTATION,
    GROUP_ARRAY,
    GROUP_MIRROR_X,
    GROUP_MIRROR_Y,
    REGION_FENCE,
    REGION_GUIDE,
    Constraints,
    Group,
    Region,
)
from netlists.design import Design
from netlists.netlist import HARD_MACRO, STDCELL
from netlists.orientation import ALIASES, CODE, SIDE_OF, SWAPS_SIDES, oriented_sizes
from netlists.rules.conflicts import check_conflicts
from netlists.rules.names import chosen, masters_of, members
from netlists.rules.snapping import snap
from netlists.rules.table import Table, read_tables

Ints = NDArray[np.int64]

_TABLES = ("macro", "fence", "guide", "blockage", "group")
_FOR_MACROS = ("halo", "orientations", "boundary", "snap")
_TOP = ("utilization", "channel", *_FOR_MACROS)
_MACRO = ("name", "master", "location", "orientation", "fixed", "pin_side", "pin_halo", *_FOR_MACROS)
_SIDES = ("left", "bottom", "right", "top")
_BLOCKAGES = {"hard": BLOCK_HARD, "soft": BLOCK_SOFT, "partial": BLOCK_PARTIAL}
_GROUPS = {"array": GROUP_ARRAY, "mirror-x": GROUP_MIRROR_X, "mirror-y": GROUP_MIRROR_Y}
#: Orientations that keep width and height.
_NO_QUARTER_TURN = int((~SWAPS_SIDES) @ (1 << np.arange(8)))


def read_rules(path: str | Path, design: Design) -> Design:
    """Apply a constraints file to a design.

    What the design's own files say (LEF symmetry, DEF halos, regions, blockages, fixed components) stays unless the
    file says otherwise: keys above the first table speak for all hard macros, ``[[macro]]`` tables for those they
    name, later ones over earlier ones. Hard macros are not turned by 90 degrees unless an ``orientations`` says so.

    Args:
        path: the TOML file; docs/constraints.md describes it.
        design: the design it is about.

    Returns:
        The design with constraints, canvas blockages, and fixed and pre-placed macros.

    Raises:
        NetlistError: the file is wrong or contradicts itself or the design; with file, line and key.
    """
    top, tables = read_tables(path, _TABLES)
    return _Rules(design, top).read(tables)


class _Rules:
    """The arrays of the constraints while the file is read."""

    def __init__(self, design: Design, top: Table) -> None:
        self.design, self.top = design, top
        n = design.netlist.num_nodes
        given = design.constraints or Constraints.none(n)
        self.given = given
        self.masters = masters_of(design)
        self.halo, self.region = given.halo.copy(), given.region.copy()
        self.pitch, self.offset = given.pitch.copy(), given.offset.copy()
        self.boundary, self.mask = given.boundary.copy(), given.orientations.copy()
        self.regions, self.groups = list(given.regions), list(given.groups)
        self.x, self.y = design.placement.x.copy(), design.placement.y.copy()
        self.orient, self.fixed = design.placement.orient.copy(), design.placement.fixed.copy()
        self.placed = design.placement.placed.copy()
        self.blockages = list(design.canvas.blockages)
        #: Table that placed each macro, fenced each object in, or grouped it, for messages.
        self.located: dict[int, Table] = {}
        self.member_of: dict[int, Table] = {}
        self.grouped: dict[int, str] = {}
        hard = design.netlist.node_kind == HARD_MACRO
        if design.constraints is None:
            # Without LEF nobody said how macros may lie; those that lie turned already may stay so.
            turned = hard & SWAPS_SIDES[self.orient] & (design.placement.placed | design.placement.fixed)
            self.mask[hard & ~turned] = _NO_QUARTER_TURN

    def read(self, tables: list[Table]) -> Design:
        top, design = self.top, self.design
        top.only((*_TOP, *_TABLES))
        everything = design.netlist.ids(HARD_MACRO).astype(np.int64)
        self._common(top, everything)
        utilization = top.number("utilization", 0.0, 1.0)
        channel = top.pair("channel")
        readers = {"macro": self._macro, "fence": self._area, "guide": self._area, "blockage": self._blockage}
        for table in tables:
            if table.name != "group":
                readers[table.name](table)
        for table in tables:  # groups speak of macros as the other tables left them
            if table.name == "group":
                self._group(table, channel or self.given.channel)
        constraints = Constraints(
            halo=self.halo,
            orientations=self.mask,
            region=self.region,
            channel=channel or self.given.channel,
            regions=tuple(self.regions),
            groups=tuple(self.groups),
            pitch=self.pitch,
            offset=self.offset,
            boundary=self.boundary,
            utilization=self.given.utilization if utilization is None else utilization,
        )
        placement = design.placement.moved(x=self.x, y=self.y, orient=self.orient, fixed=self.fixed, placed=self.placed)
        canvas = replace(design.canvas, blockages=tuple(self.blockages))
        result = replace(design, constraints=constraints, placement=placement, canvas=canvas)
        if utilization is not None and not (design.physical and (design.netlist.node_kind == STDCELL).any()):
            told = "utilization sizes the clusters of LEF/DEF designs with standard cells; it changes nothing here"
            result = replace(result, notes=(*result.notes, told))
        check_conflicts(result, top, self.located, self.member_of)
        return result

    def _common(self, table: Table, nodes: Ints) -> None:
        """Keys that a table of macros and the top of the file share."""
        halo = table.sides("halo")
        if halo is not None:
            self.halo[nodes] = halo
        if "orientations" in table.values:
            words = table.texts("orientations") or []
            self.mask[nodes] = self._orientations(table, words)
        boundary = table.number("boundary", 0.0, 1.0)
        if boundary is not None:
            self.boundary[nodes] = boundary
        if "snap" in table.values:
            snap(self.design, table, nodes, self.pitch, self.offset)

    def _orientations(self, table: Table, words: list[str]) -> int:
        if words == ["any"]:
            return ANY_ORIENTATION
        return sum({1 << self._orientation(table, "orientations", word) for word in words})

    def _orientation(self, table: Table, key: str, word: str) -> int:
        name = ALIASES.get(word, word)
        if name not in CODE:
            table.fail(f"unknown orientation {word!r}", key, expected=", ".join(CODE))
        return CODE[name]

    def _macro(self, table: Table) -> None:
        table.only(_MACRO)
        if "name" not in table.values and "master" not in table.values:
            table.fail("[[macro]] needs a name or a master", expected="name = '*' for all of them")
        nodes = chosen(self.design, table, self.masters)
        self._common(table, nodes)
        if "orientation" in table.values:
            words = table.texts("orientation") or []
            if len(words) != 1:
                table.fail("orientation is one word", "orientation", found=words)
            self.orient[nodes] = code = self._orientation(table, "orientation", words[0])
            if "orientations" not in table.values:
                self.mask[nodes] = 1 << code
        self._pins(table, nodes)
        self._location(table, nodes)

    def _pins(self, table: Table, nodes: Ints) -> None:
        """``pin_side``: only orientations that turn the side with most pins there; ``pin_halo``: room on that side."""
        side = table.word("pin_side", _SIDES)
        room = table.number("pin_halo")
        if side is None and room is None:
            return
        for node in nodes.tolist():
            own = _pin_side(self.design, node)
            if own < 0:
                continue
            if room is not None:
                self.halo[node, own] = max(self.halo[node, own], room)
            if side is not None:
                faces = SIDE_OF[:, _SIDES.index(side)] == own
                mask = int(self.mask[node]) & int(faces @ (1 << np.arange(8)))
                if not mask:
                    table.fail(
                        f"no allowed orientation of {self.design.netlist.node_names[node]!r} turns its pins, which are "
                        f"on its {_SIDES[own]} side in orientation N, to the {side}",
                        "pin_side",
                    )
                self.mask[node] = mask

    def _location(self, table: Table, nodes: Ints) -> None:
        at, fixed = table.point("location"), table.flag("fixed")
        names, netlist = self.design.netlist.node_names, self.design.netlist
        if at is not None:
            if len(nodes) != 1:
                table.fail(f"a location is for one macro, {len(nodes)} are meant", "location")
            node = int(nodes[0])
            width, height = oriented_sizes(netlist.node_width[node], netlist.node_height[node], self.orient[node])
            self.x[node], self.y[node] = at[0] + float(width) / 2, at[1] + float(height) / 2
            self.placed[node] = True
            self.located[node] = table
            fixed = True if fixed is None else fixed
        if fixed is not None:
            if fixed and not self.placed[nodes].all():
                first = int(nodes[~self.placed[nodes]][0])
                table.fail(f"{names[first]!r} has no place to be fixed at", "fixed", expected="a location")
            self.fixed[nodes] = fixed
            for node in nodes.tolist():
                self.located[node] = table
        if fixed:
            for node in nodes.tolist():
                if not self.mask[node] >> self.orient[node] & 1:
                    table.fail(f"{names[node]!r} is fixed with an orientation it may not have", "orientation")

    def _area(self, table: Table) -> None:
        table.only(("name", "members", "box", "polygon"))
        kind = REGION_FENCE if table.name == "fence" else REGION_GUIDE
        name, polygon = table.text("name"), table.area()
        if any(region.name == name for region in self.regions):
            table.fail(f"there is another region {name!r}", "name")
        for node in members(self.design, table, hard_only=False):
            before = self.member_of.get(node)
            if before is not None:
                table.fail(
                    f"{self.design.netlist.node_names[node]!r} is a member of {before.values['name']!r} (line "
                    f"{before.line}) and of {name!r}",
                    "members",
                )
            self.member_of[node] = table
            self.region[node] = len(self.regions)
        self.regions.append(Region(name, polygon, kind))

    def _blockage(self, table: Table) -> None:
        table.only(("name", "kind", "density", "box", "polygon"))
        kind = _BLOCKAGES[table.word("kind", list(_BLOCKAGES)) or "hard"]
        density = table.number("density", 0.0, 1.0)
        if (density is not None) != (kind == BLOCK_PARTIAL):
            table.fail("a density belongs to a partial blockage, and a partial one needs it", "density")
        name = table.text("name") if "name" in table.values else ""
        self.blockages.append(Blockage(table.area(), kind, density or 0.0, name))

    def _group(self, table: Table, channel: tuple[float, float]) -> None:
        table.only(("name", "kind", "members", "columns", "spacing"))
        name, word = table.text("name"), table.word("kind", list(_GROUPS))
        if word is None:
            table.fail("[[group]] needs a kind", expected=f"one of {', '.join(_GROUPS)}")
        kind = _GROUPS[word]
        nodes = members(self.design, table, hard_only=True)
        names, netlist = self.design.netlist.node_names, self.design.netlist
        if len(nodes) < 2 or (kind != GROUP_ARRAY and len(nodes) % 2):
            table.fail("an array needs two members or more, a mirror group pairs of them", "members", found=len(nodes))
        for node in nodes:
            if node in self.grouped:
                table.fail(f"{names[node]!r} is a member of {self.grouped[node]!r} and of {name!r}", "members")
            self.grouped[node] = name
        if len({int(self.region[node]) for node in nodes}) > 1:
            table.fail(f"the members of {name!r} belong to different fences or guides", "members")
        if kind != GROUP_ARRAY:
            for a, b in zip(nodes[0::2], nodes[1::2], strict=True):
                if (netlist.node_width[a], netlist.node_height[a]) != (netlist.node_width[b], netlist.node_height[b]):
                    table.fail(f"{names[a]!r} and {names[b]!r} differ in size: no mirror images", "members")
        columns, spacing = table.number("columns", 1), table.pair("spacing")
        offsets: tuple[tuple[float, float], ...] = ()
        if columns is not None or spacing is not None:
            if kind != GROUP_ARRAY:
                table.fail("columns and spacing are for arrays", "columns" if columns is not None else "spacing")
            count = len(nodes) if columns is None else int(columns)
            if columns is not None and count != columns:
                table.fail("columns is a whole number", "columns", found=columns)
            offsets = self._array(np.array(nodes), count, spacing or (0.0, 0.0), channel)
        self.groups.append(Group(name, kind, tuple(nodes), offsets))

    def _array(
        self, nodes: Ints, columns: int, spacing: tuple[float, float], channel: tuple[float, float]
    ) -> tuple[tuple[float, float], ...]:
        """Rows of ``columns`` members from the lower left, as far apart as spacing, halos and grids ask."""
        netlist = self.design.netlist
        width, height = oriented_sizes(netlist.node_width[nodes], netlist.node_height[nodes], self.orient[nodes])
        # Halos turn with the members, whose orientation may still change between N and its mirror images.
        halo = self.halo[nodes].max(axis=0)
        turned = bool(SWAPS_SIDES[self.orient[nodes]].any())
        room = (max(halo[0], halo[2]), max(halo[1], halo[3])) if not turned else (halo.max(), halo.max())
        cell = []
        for axis, size in enumerate((width, height)):
            step = float(size.max()) + max(spacing[axis], channel[axis], float(room[axis]))
            unit = max(float(self.pitch[nodes, axis].max()), self.design.canvas.lattice)
            cell.append(np.ceil(round(step / unit, 6)) * unit)
        return tuple((float(k % columns * cell[0]), float(k // columns * cell[1])) for k in range(len(nodes)))


def _pin_side(design: Design, node: int) -> int:
    """The side in orientation N that most pins of a node are nearest to; -1 without a majority."""
    n = design.netlist
    pins = np.flatnonzero(n.pin_node == node)
    if not len(pins):
        return -1
    dx, dy = n.pin_dx[pins], n.pin_dy[pins]
    half = n.node_width[node] / 2, n.node_height[node] / 2
    near = np.stack([half[0] + dx, half[1] + dy, half[0] - dx, half[1] - dy])
    # A pin that two sides are equally near to, as one in the centre, speaks for neither.
    order = np.sort(near, axis=0)
    clear = order[1] - order[0] > 1e-9
    counts = np.bincount(near.argmin(axis=0)[clear], minlength=4)
    return int(counts.argmax()) if clear.any() and np.sum(counts == counts.max()) == 1 else -1
