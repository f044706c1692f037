"""What LEF files say: sites, layers and masters, in microns as the files have them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netlists.errors import NetlistError

#: Pin directions in code order (LEF 5.8, MACRO PIN).
DIRECTIONS: tuple[str, ...] = ("INPUT", "OUTPUT", "OUTPUT TRISTATE", "INOUT", "FEEDTHRU")
INPUT, OUTPUT, TRISTATE, INOUT, FEEDTHRU = range(5)
#: Pin uses in code order; the last three are DEF's, and some LEF files have them, too.
USES: tuple[str, ...] = ("SIGNAL", "ANALOG", "POWER", "GROUND", "CLOCK", "SCAN", "RESET", "TIEOFF")
SIGNAL, ANALOG, POWER, GROUND, CLOCK, SCAN, RESET, TIEOFF = range(8)
#: Owner of a shape that is an obstruction and belongs to no pin.
OBSTRUCTION = -1


@dataclass(frozen=True)
class Site:
    """A placement site.

    Attributes:
        name: as written.
        kind: ``CORE`` or ``PAD``.
        width: um.
        height: um.
        symmetry: letters out of ``X``, ``Y``, ``R90``.
        row_pattern: (site, orientation name) pairs of a site made of others, left to right.
    """

    name: str
    kind: str
    width: float
    height: float
    symmetry: tuple[str, ...] = ()
    row_pattern: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Layer:
    """A layer; lengths in um, 0 where the file says nothing.

    Attributes:
        name: as written.
        kind: ``ROUTING``, ``CUT``, ``MASTERSLICE``, ``OVERLAP`` or ``IMPLANT``.
        direction: ``HORIZONTAL``, ``VERTICAL``, ``DIAG45``, ``DIAG135`` or ``""``.
        pitch: (x, y); both equal where the file gives one.
        offset: (x, y) of the routing grid; NaN where the file gives none (half the pitch is then customary).
        width: default wire width, or cut size.
        spacing: the first plain SPACING, else the first entry of the spacing table.
        min_width: least width.
        area: least area of a shape, um^2.
    """

    name: str
    kind: str
    direction: str = ""
    pitch: tuple[float, float] = (0.0, 0.0)
    offset: tuple[float, float] = (float("nan"), float("nan"))
    width: float = 0.0
    spacing: float = 0.0
    min_width: float = 0.0
    area: float = 0.0


@dataclass(frozen=True, eq=False)
class Shapes:
    """The rectangles and polygons of one master, as arrays over its ``K`` shapes.

    Attributes:
        box: ``[K, 4]`` float64 um, as written, before ORIGIN shifts them: left, bottom, right, top; of a polygon its
            bounding box.
        layer: ``[K]`` int16 index into ``layers``.
        owner: ``[K]`` int32 index of the pin, ``OBSTRUCTION`` for none.
        port: ``[K]`` int16 number of the port within its pin, 0 for obstructions.
        layers: names.
        polygons: corner points ``[V, 2]`` of the shapes that are not rectangles, by shape.
    """

    box: NDArray[np.float64]
    layer: NDArray[np.int16]
    owner: NDArray[np.int32]
    port: NDArray[np.int16]
    layers: tuple[str, ...] = ()
    polygons: dict[int, NDArray[np.float64]] = field(default_factory=dict)

    @staticmethod
    def none() -> Shapes:
        """No shape."""
        return Shapes(np.zeros((0, 4)), np.zeros(0, np.int16), np.zeros(0, np.int32), np.zeros(0, np.int16))


@dataclass(frozen=True, eq=False)
class Macro:
    """A master: anything a component can be an instance of, standard cells included.

    Attributes:
        name: as written.
        kind: ``BLOCK``, ``CORE``, ``PAD``, ``COVER``, ``RING``, ``ENDCAP``; ``""`` where the file gives none.
        subkind: ``BLACKBOX``, ``SOFT``, ``TIEHIGH``, ``SPACER``, ``BUMP``, ...; ``""`` for none.
        width: um.
        height: um.
        origin: (x, y) um that is added to every shape; the master then covers (0, 0) to (width, height).
        symmetry: out of ``X``, ``Y``, ``R90``; empty where the master may not be mirrored or turned.
        sites: names of the sites it fits.
        foreign: cell name in the layout file, ``""`` for none.
        foreign_offset: (x, y) um.
        pins: ``P`` names.
        direction: ``[P]`` int8 code into ``DIRECTIONS``, -1 where the file gives none.
        use: ``[P]`` int8 code into ``USES``; ``SIGNAL`` where the file gives none.
        shapes: pin shapes and obstructions.
        file: where it was read.
        line: 1-based line of its first word.
    """

    name: str
    kind: str
    width: float
    height: float
    subkind: str = ""
    origin: tuple[float, float] = (0.0, 0.0)
    symmetry: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    foreign: str = ""
    foreign_offset: tuple[float, float] = (0.0, 0.0)
    pins: tuple[str, ...] = ()
    direction: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    use: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))
    shapes: Shapes = field(default_factory=Shapes.none)
    file: Path | None = None
    line: int = 0

    @property
    def is_block(self) -> bool:
        """True for what a macro placer places: a block or ring, and no standard cell, pad or cover."""
        return self.kind in ("BLOCK", "RING")

    def pin_index(self) -> dict[str, int]:
        """Pin names to their numbers."""
        return {name: index for index, name in enumerate(self.pins)}

    def access_points(self) -> NDArray[np.float64]:
        """``[P, 2]`` where a wire meets each pin, um from the lower-left corner of the master in orientation N.

        The rule: the centre of the bounding box of the shapes of the pin's first port that has shapes; ORIGIN is
        added. A pin without shapes is met at the centre of the master.
        """
        points = np.tile([self.width / 2, self.height / 2], (len(self.pins), 1))
        s = self.shapes
        if len(s.owner) == 0 or not self.pins:
            return points
        first = np.full(len(self.pins), np.iinfo(np.int16).max, np.int16)
        of_pin = s.owner >= 0
        np.minimum.at(first, s.owner[of_pin], s.port[of_pin])
        used = np.flatnonzero(of_pin)
        used = used[s.port[used] == first[s.owner[used]]]
        low, high = np.full((len(self.pins), 2), np.inf), np.full((len(self.pins), 2), -np.inf)
        np.minimum.at(low, s.owner[used], s.box[used, :2])
        np.maximum.at(high, s.owner[used], s.box[used, 2:])
        known = np.isfinite(low[:, 0])
        points[known] = (low[known] + high[known]) / 2 + self.origin
        return points

    def pin_offsets(self) -> NDArray[np.float64]:
        """``[P, 2]`` the access points from the centre of the master, um, orientation N."""
        return self.access_points() - (self.width / 2, self.height / 2)


@dataclass(frozen=True, eq=False)
class Library:
    """Everything read from one or more LEF files.

    Attributes:
        version: of the first file that says.
        divider: hierarchy character of the names in it.
        bus_bits: bus bit characters.
        dbu_per_micron: database units per micron, 0 where no file says.
        manufacturing_grid: um, 0 where no file says.
        sites: by name.
        layers: by name, bottom up as in the file.
        macros: by name.
        notes: remarks a user should see.
        files: what was read.
    """

    version: str = "5.8"
    divider: str = "/"
    bus_bits: str = "[]"
    dbu_per_micron: int = 0
    manufacturing_grid: float = 0.0
    sites: dict[str, Site] = field(default_factory=dict)
    layers: dict[str, Layer] = field(default_factory=dict)
    macros: dict[str, Macro] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    def routing_layers(self) -> list[Layer]:
        """Routing layers, bottom up."""
        return [layer for layer in self.layers.values() if layer.kind == "ROUTING"]

    def require(self, masters: set[str] | list[str] | tuple[str, ...]) -> None:
        """Check that every master is known.

        Raises:
            NetlistError: some are missing; the message lists them.
        """
        missing = sorted(set(masters) - set(self.macros))
        if missing:
            read = ", ".join(path.name for path in self.files) or "no LEF file"
            raise NetlistError(
                f"{len(missing)} masters are in none of the LEF files: {', '.join(missing)}",
                expected=f"their LEF files beside {read}",
            )
