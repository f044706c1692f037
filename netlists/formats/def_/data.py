"""What a DEF file says, in its own database units; arrays for components and nets, records for the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netlists.formats.def_.texts import Options, Verbatim

#: Placement statuses in code order. UNPLACED also stands for no statement at all.
STATUSES: tuple[str, ...] = ("UNPLACED", "PLACED", "FIXED", "COVER")
UNPLACED, PLACED, FIXED, COVER = range(4)
#: Halo kinds in code order.
NO_HALO, HARD_HALO, SOFT_HALO = range(3)
#: Stand-ins for the component of a connection: a pin of the design, and ``*``, every component.
DESIGN_PIN, EVERY_COMPONENT = -1, -2


@dataclass(frozen=True)
class Row:
    """ROW; database units.

    Attributes:
        name: as written.
        site: name of its site.
        x: left edge.
        y: lower edge.
        orient: orientation code of the sites.
        columns: sites along x.
        rows: sites along y.
        step_x: pitch along x; 0 where the file gives none.
        step_y: pitch along y.
        options: what else is said, verbatim.
    """

    name: str
    site: str
    x: int
    y: int
    orient: int = 0
    columns: int = 1
    rows: int = 1
    step_x: int = 0
    step_y: int = 0
    options: str = ""


@dataclass(frozen=True)
class Track:
    """TRACKS: ``count`` lines from ``start`` on, ``step`` apart.

    Attributes:
        axis: ``X`` (vertical lines) or ``Y``.
        start: coordinate of the first line.
        count: number of lines.
        step: distance between lines.
        layers: names of the layers they are for.
        mask: words about masks, verbatim.
    """

    axis: str
    start: int
    count: int
    step: int
    layers: tuple[str, ...] = ()
    mask: str = ""


@dataclass(frozen=True)
class GcellGrid:
    """GCELLGRID: like :class:`Track`, for the global routing grid."""

    axis: str
    start: int
    count: int
    step: int


@dataclass(frozen=True, eq=False)
class Components:
    """The ``C`` components, as arrays; database units.

    Attributes:
        names: ``C`` names as written.
        masters: names of the masters that occur.
        master: ``[C]`` int32 index into ``masters``.
        status: ``[C]`` int8 code into ``STATUSES``.
        x: ``[C]`` int64 left edge of the placed box; 0 without location.
        y: ``[C]`` int64 lower edge.
        orient: ``[C]`` int8 orientation code.
        halo: ``[C, 4]`` int64 left, bottom, right, top of the master in orientation N; it turns with the component.
        halo_kind: ``[C]`` int8 ``NO_HALO``, ``HARD_HALO`` or ``SOFT_HALO``.
        regions: names of the regions that occur in ``+ REGION``.
        region: ``[C]`` int32 index into ``regions``, -1 for none.
        options: everything else (SOURCE, WEIGHT, ROUTEHALO, PROPERTY, ...), verbatim.
    """

    names: tuple[str, ...]
    masters: tuple[str, ...]
    master: NDArray[np.int32]
    status: NDArray[np.int8]
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    orient: NDArray[np.int8]
    halo: NDArray[np.int64]
    halo_kind: NDArray[np.int8]
    regions: tuple[str, ...]
    region: NDArray[np.int32]
    options: Options

    def __len__(self) -> int:
        return len(self.names)

    @staticmethod
    def make(
        names: Sequence[str], masters: Sequence[str], *, options: Mapping[int, Sequence[str]] | None = None
    ) -> Components:
        """Unplaced components from their names and the name of the master of each.

        Args:
            names: as DEF spells them.
            masters: one for each name.
            options: verbatim options (``"+ SOURCE DIST"``) by component.
        """
        kinds: dict[str, int] = {}
        master = [kinds.setdefault(name, len(kinds)) for name in masters]
        n = len(names)
        return Components(
            tuple(names), tuple(kinds), np.array(master, np.int32), np.zeros(n, np.int8), np.zeros(n, np.int64),
            np.zeros(n, np.int64), np.zeros(n, np.int8), np.zeros((n, 4), np.int64), np.zeros(n, np.int8), (),
            np.full(n, -1, np.int32), Options.make(n, options or {}),
        )  # fmt: skip

    @cached_property
    def index(self) -> dict[str, int]:
        """Names to numbers."""
        return {name: i for i, name in enumerate(self.names)}

    def changed(self, **changes: Any) -> Components:  # noqa: ANN401 - forwards to the dataclass fields
        """A copy with some fields replaced."""
        return replace(self, **changes)

    def placed(
        self,
        which: NDArray[np.integer[Any]] | Sequence[int],
        x: NDArray[np.int64] | Sequence[int],
        y: NDArray[np.int64] | Sequence[int],
        orient: NDArray[np.int8] | Sequence[int],
        status: int | NDArray[np.int8] = PLACED,
    ) -> Components:
        """A copy with some components placed.

        Args:
            which: ``[K]`` numbers of the components.
            x: ``[K]`` left edges of the placed boxes, database units.
            y: ``[K]`` lower edges.
            orient: ``[K]`` orientation codes.
            status: code into ``STATUSES``, one for all or ``[K]``.
        """
        arrays = {key: getattr(self, key).copy() for key in ("x", "y", "orient", "status")}
        for key, value in (("x", x), ("y", y), ("orient", orient), ("status", status)):
            arrays[key][which] = value
        return replace(self, **arrays)


@dataclass(frozen=True, eq=False)
class Nets:
    """The ``M`` nets with ``K`` connections, net by net.

    Attributes:
        names: ``M`` names as written.
        ptr: ``[M + 1]`` int64 CSR offsets into the connections.
        component: ``[K]`` int32 index of the component, ``DESIGN_PIN`` or ``EVERY_COMPONENT``.
        pin: ``[K]`` int32 index into ``pins``.
        pins: names of all pins that occur, of components and of the design.
        synthesized: ``[K]`` bool, ``+ SYNTHESIZED`` stands behind the connection.
        weight: ``[M]`` int32, 1 where the file gives none.
        has_weight: ``[M]`` bool, the file gives one.
        use: ``[M]`` int16 index into ``words``, -1 for none.
        source: ``[M]`` int16 index into ``words``, -1 for none.
        words: names of uses and sources that occur.
        original: names of the nets some were made from, by net.
        options: everything else, wiring included, verbatim.
    """

    names: tuple[str, ...]
    ptr: NDArray[np.int64]
    component: NDArray[np.int32]
    pin: NDArray[np.int32]
    pins: tuple[str, ...]
    synthesized: NDArray[np.bool_]
    weight: NDArray[np.int32]
    has_weight: NDArray[np.bool_]
    use: NDArray[np.int16]
    source: NDArray[np.int16]
    words: tuple[str, ...]
    original: Mapping[int, str]
    options: Options

    def __len__(self) -> int:
        return len(self.names)

    @staticmethod
    def make(
        names: Sequence[str], connections: Sequence[Sequence[tuple[int, str]]], *, use: Sequence[str] | None = None
    ) -> Nets:
        """Nets from lists of (component number or ``DESIGN_PIN``, pin name)."""
        pins: dict[str, int] = {}
        pin = [pins.setdefault(name, len(pins)) for net in connections for _, name in net]
        words: dict[str, int] = {}
        codes = [words.setdefault(word, len(words)) if word else -1 for word in use or [""] * len(names)]
        n = len(names)
        ptr = np.zeros(n + 1, np.int64)
        np.cumsum([len(net) for net in connections], out=ptr[1:])
        return Nets(
            tuple(names), ptr, np.array([c for net in connections for c, _ in net], np.int32), np.array(pin, np.int32),
            tuple(pins), np.zeros(len(pin), bool), np.ones(n, np.int32), np.zeros(n, bool), np.array(codes, np.int16),
            np.full(n, -1, np.int16), tuple(words), {}, Options.make(n, {}),
        )  # fmt: skip

    def uses(self) -> list[str]:
        """``M`` uses, ``""`` where the file gives none."""
        return [self.words[code] if code >= 0 else "" for code in self.use.tolist()]

    def connections(self, net: int) -> Iterator[tuple[int, str]]:
        """(Component number or stand-in, pin name) of one net."""
        for k in range(int(self.ptr[net]), int(self.ptr[net + 1])):
            yield int(self.component[k]), self.pins[self.pin[k]]


@dataclass(frozen=True)
class PinShape:
    """A shape of a design pin, in the pin's own frame.

    Attributes:
        layer: its name.
        points: two corners of a rectangle, or the corners of a polygon.
        options: ``MASK``, ``SPACING`` or ``DESIGNRULEWIDTH``, verbatim.
    """

    layer: str
    points: tuple[tuple[int, int], ...]
    options: str = ""


@dataclass(frozen=True)
class Port:
    """One port of a design pin: shapes and where they lie.

    Attributes:
        shapes: rectangles and polygons.
        status: code into ``STATUSES``.
        x: location.
        y: location.
        orient: orientation code.
        options: what else is said, verbatim, each with its ``+``.
        explicit: the word PORT stands in the file.
    """

    shapes: tuple[PinShape, ...] = ()
    status: int = UNPLACED
    x: int = 0
    y: int = 0
    orient: int = 0
    options: tuple[str, ...] = ()
    explicit: bool = False

    def box(self) -> tuple[int, int, int, int] | None:
        """Left, bottom, right, top of the placed shapes, None without any."""
        points = [point for shape in self.shapes for point in shape.points]
        if not points:
            return None
        from netlists.formats.def_.units import turned

        where = [turned(x, y, self.orient) for x, y in points]
        xs, ys = [self.x + p[0] for p in where], [self.y + p[1] for p in where]
        return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True)
class Pin:
    """A pin of the design.

    Attributes:
        name: as written.
        net: its net.
        direction: ``INPUT``, ``OUTPUT``, ``INOUT``, ``FEEDTHRU`` or ``""``.
        use: ``SIGNAL``, ``POWER``, ... or ``""``.
        ports: at least one.
        special: ``+ SPECIAL``.
        options: what else is said, verbatim, each with its ``+``.
    """

    name: str
    net: str
    direction: str = ""
    use: str = ""
    ports: tuple[Port, ...] = (Port(),)
    special: bool = False
    options: tuple[str, ...] = ()

    @property
    def port(self) -> Port:
        """The first placed port, else the first."""
        return next((port for port in self.ports if port.status != UNPLACED), self.ports[0])

    def placed(self, x: int, y: int, orient: int, status: int = FIXED, shapes: Sequence[PinShape] = ()) -> Pin:
        """A copy whose first port lies elsewhere; ``shapes`` replaces its shapes where given."""
        first = replace(self.ports[0], x=x, y=y, orient=orient, status=status)
        if shapes:
            first = replace(first, shapes=tuple(shapes))
        return replace(self, ports=(first, *self.ports[1:]))


@dataclass(frozen=True)
class Blockage:
    """A placement blockage, or a routing blockage kept verbatim.

    Attributes:
        rects: ``(left, bottom, right, top)`` each.
        polygons: corner points each.
        soft: only cells of early placement keep away.
        partial: largest density in percent, None for a full blockage.
        pushdown: ``+ PUSHDOWN``.
        component: the component it belongs to, ``""`` for none.
        layer: the layer of a routing blockage, ``""`` for a placement blockage.
        text: a routing blockage from its layer's name to its last word, verbatim.
        options: what else is said of a placement blockage, verbatim, each with its ``+``.
    """

    rects: tuple[tuple[int, int, int, int], ...] = ()
    polygons: tuple[tuple[tuple[int, int], ...], ...] = ()
    soft: bool = False
    partial: float | None = None
    pushdown: bool = False
    component: str = ""
    layer: str = ""
    text: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Region:
    """REGIONS: rectangles ``(left, bottom, right, top)``; ``kind`` is ``FENCE``, ``GUIDE`` or ``""``."""

    name: str
    rects: tuple[tuple[int, int, int, int], ...]
    kind: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """GROUPS: patterns of component names, the region they keep to (``""`` for none), other options verbatim."""

    name: str
    patterns: tuple[str, ...] = ()
    region: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class DefFile:
    """A whole DEF file. Lengths and coordinates are in database units.

    A file read from disk remembers its bytes: :func:`netlists.formats.def_.write_def` then writes what changed and
    keeps everything else. Change it with :meth:`changed`.

    Attributes:
        design: name of the design.
        dbu_per_micron: ``UNITS DISTANCE MICRONS``.
        version: ``VERSION``.
        divider: ``DIVIDERCHAR``.
        bus_bits: ``BUSBITCHARS``.
        die_area: ``[V, 2]`` int64 corner points of the die, counter-clockwise or clockwise as in the file, four for a
            rectangle; empty where the file gives none.
        rows: ROW statements.
        tracks: TRACKS statements.
        gcell_grid: GCELLGRID statements.
        components: COMPONENTS.
        pins: PINS.
        blockages: BLOCKAGES.
        regions: REGIONS.
        groups: GROUPS.
        nets: NETS.
        verbatim: sections and statements that are kept as text, in the order of the file.
        notes: remarks a user should see.
        file: where it was read.
        source: what is needed to write it back unchanged, None for one made in memory.
    """

    design: str
    dbu_per_micron: int
    version: str = "5.8"
    divider: str = "/"
    bus_bits: str = "[]"
    die_area: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    rows: tuple[Row, ...] = ()
    tracks: tuple[Track, ...] = ()
    gcell_grid: tuple[GcellGrid, ...] = ()
    components: Components = field(default_factory=lambda: Components.make((), ()))
    pins: tuple[Pin, ...] = ()
    blockages: tuple[Blockage, ...] = ()
    regions: tuple[Region, ...] = ()
    groups: tuple[Group, ...] = ()
    nets: Nets = field(default_factory=lambda: Nets.make((), ()))
    verbatim: tuple[Verbatim, ...] = ()
    notes: tuple[str, ...] = ()
    file: Path | None = None
    source: Source | None = None

    def changed(self, **changes: Any) -> DefFile:  # noqa: ANN401 - forwards to the dataclass fields
        """A copy with some fields replaced."""
        return replace(self, **changes)

    def text_of(self, keyword: str) -> str:
        """Verbatim text of the sections and statements of one keyword (``VIAS``, ``SPECIALNETS``, ...)."""
        return "\n".join(part.text for part in self.verbatim if part.keyword == keyword)

    def same_as(self, other: DefFile) -> bool:
        """True when both say the same, however their text is laid out; comments do not count."""
        skip = ("notes", "file", "source")
        return all(same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self) if f.name not in skip)


def same(a: object, b: object) -> bool:
    """True when two values of a field say the same: arrays by value, records by content."""
    if a is b:
        return True
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and bool((a == b).all())
    if isinstance(a, Components | Nets) and type(a) is type(b):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    return a == b


@dataclass(frozen=True, eq=False)
class Source:
    """The bytes of a DEF file and what stands where.

    Attributes:
        data: the text.
        items: (keyword, first byte, byte behind the last) of every statement and section, ascending.
        sections: the contents as they were read, by field name of :class:`DefFile`.
        placements: ``[C, 2]`` bytes of the location of each component; empty where one would be put in.
        statements: ``[C, 2]`` bytes of the statement of each component.
        pins: ``[P, 2]`` bytes of the statement of each pin.
    """

    data: bytes
    items: tuple[tuple[str, int, int], ...]
    sections: Mapping[str, object]
    placements: NDArray[np.int64]
    statements: NDArray[np.int64]
    pins: NDArray[np.int64]
