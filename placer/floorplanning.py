"""Floorplans as users ask for them: blocks in an outline, or the ground of a chip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.netlist import PORT
from placer.budget import Budget, Progress, silent
from placer.cost.full import full
from placer.cost.legality import check
from placer.flow import Result, cores

if TYPE_CHECKING:
    from netlists.formats.def_ import DefFile
    from placer.engines.floorplan.chip import Ground, PinRule

#: Seconds when the caller gives neither time nor iterations.
DEFAULT_SECONDS = 60.0


@dataclass(frozen=True, eq=False)
class Floorplan:
    """A block floorplan.

    Attributes:
        design: the blocks with their shapes and positions; its canvas is the outline.
        figures: ``hpwl_um`` (weighted by nothing), ``weighted_hpwl_um``, ``block_area_um2``, ``outline_area_um2``,
            ``whitespace`` (free area over block area), ``deadspace`` (free area over outline area),
            ``bounding_area_um2``.
        seconds: wall-clock.
        moves: tried in all.
        history: (seconds, phase, weighted HPWL in um).
        settings: how it was asked for.
        interrupted: stopped from outside; the floorplan is the best until then.
    """

    design: Design
    figures: dict[str, float]
    seconds: float
    moves: int
    history: list[tuple[float, str, float]]
    settings: dict[str, Any] = field(default_factory=dict)
    interrupted: bool = False

    def lines(self) -> list[str]:
        """The figures in words, for the terminal."""
        f, c = self.figures, self.design.canvas
        return [
            f"outline {c.width:g} x {c.height:g} um, blocks {f['block_area_um2']:,.6g} um^2, "
            f"whitespace {f['whitespace']:.2%}, HPWL {f['hpwl_um']:,.0f} um, no overlap",
        ]

    @property
    def result(self) -> Result:
        """The same as a placement result, for the writers of files and reports."""
        cost = full(self.design)
        return Result(
            design=self.design, placement=self.design.placement, cost=cost, start_placement=self.design.placement,
            start_cost=None, legality=check(self.design), history=[], seconds=self.seconds,
            stats={"floorplan": self.figures, "moves": self.moves, "wirelength_history": self.history},
            interrupted=self.interrupted,
        )  # fmt: skip


def floorplan_blocks(
    design: Design,
    *,
    whitespace: float | None = None,
    aspect_ratio: float = 1.0,
    outline: tuple[float, float] | None = None,
    area_weight: float | None = None,
    time_limit: float | None = None,
    iterations: int | None = None,
    seed: int = 0,
    jobs: int | None = None,
    budget: Budget | None = None,
    progress: Progress = silent,
) -> Floorplan:
    """Floorplan blocks; see :func:`placer.floorplan`.

    Raises:
        NetlistError: numbers that make no sense or contradict each other.
        PlacementError: the blocks do not fit, or no floorplan that fits was found.
    """
    from placer.engines.floorplan.blocks import floorplan_blocks as run
    from placer.engines.floorplan.blocks.outline import outline_size, with_outline

    if outline is not None and whitespace is not None:
        raise NetlistError("an outline and a whitespace say the same thing twice; give one")
    if area_weight is not None and (outline is not None or whitespace is not None):
        raise NetlistError("an area weight is for floorplans without an outline")
    if area_weight is not None and not (np.isfinite(area_weight) and area_weight >= 0):
        raise NetlistError("the area weight must be 0 or more", found=area_weight)
    if iterations is not None and iterations < 1:
        raise NetlistError("iterations must be at least 1", found=iterations)
    n = design.netlist
    solid = n.node_kind != PORT
    area = float((n.node_width * n.node_height)[solid].sum())
    if outline is not None:
        design = with_outline(design, *outline)
    elif area_weight is None:
        design = with_outline(design, *outline_size(area, 0.15 if whitespace is None else whitespace, aspect_ratio))
    compile_kernels()
    if budget is None:
        budget = Budget(time_limit if time_limit is not None or iterations is not None else DEFAULT_SECONDS)
    jobs = cores() if jobs is None else jobs
    found = run(
        design, budget=budget, seed=seed, jobs=jobs, iterations=iterations, area_weight=area_weight, progress=progress
    )
    report = check(found.design)
    if not report.legal:  # never seen; a floorplan that breaks a rule must not leave the house
        raise PlacementError(f"the floorplanner broke a rule: {report.summary()}")
    settings = {"seed": seed, "jobs": jobs, "iterations": iterations, "time_limit": budget.time_limit,
                "aspect_ratio": aspect_ratio, "area_weight": area_weight}  # fmt: skip
    return Floorplan(
        found.design, figures(found.design), budget.seconds, found.moves, found.history, settings, budget.stop.is_set()
    )


def compile_kernels() -> None:
    """Compile what a block floorplan needs before its clock starts: floorplan two blocks."""
    from netlists.canvas import Canvas
    from netlists.netlist import HARD_MACRO, Netlist
    from netlists.placement import Placement
    from placer.engines.floorplan.blocks import floorplan_blocks as run

    two, zeros = np.full(2, 2.0), np.zeros(2)
    netlist = Netlist(
        "rehearsal", ("a", "b"), np.full(2, HARD_MACRO, np.int8), two, two, np.arange(2, dtype=np.int32), zeros, zeros,
        np.array([0, 2]), np.arange(2, dtype=np.int32), np.zeros(1, np.int64), np.ones(1),
    )  # fmt: skip
    run(Design(netlist, Canvas(0, 0, 5, 5, 2, 2), Placement.unplaced(2)), budget=Budget(), iterations=30)


def figures(design: Design) -> dict[str, float]:
    """Area, whitespace and wirelength of a block floorplan; see :class:`Floorplan`."""
    from netlists.orientation import oriented_sizes
    from placer.cost.metrics import metrics

    n, p, canvas = design.netlist, design.placement, design.canvas
    solid = n.node_kind != PORT
    width, height = oriented_sizes(n.node_width, n.node_height, p.orient)
    x0, y0 = (p.x - width / 2)[solid], (p.y - height / 2)[solid]
    x1, y1 = (p.x + width / 2)[solid], (p.y + height / 2)[solid]
    area = float((width * height)[solid].sum())
    known = metrics(design)
    return {
        "hpwl_um": known["hpwl_um"],
        "weighted_hpwl_um": known["weighted_hpwl_um"],
        "block_area_um2": area,
        "outline_area_um2": canvas.area,
        "whitespace": canvas.area / area - 1,
        "deadspace": 1 - area / canvas.area,
        "bounding_area_um2": float((x1.max() - x0.min()) * (y1.max() - y0.min())),
    }


@dataclass(frozen=True, eq=False)
class ChipFloorplan:
    """The floorplan of a chip before its macros are placed.

    Attributes:
        def_file: die, rows, tracks, unplaced macros and placed IO pins.
        ground: die, core and rows in database units.
        figures: ``cell_area_um2``, ``core_area_um2`` (of the rows), ``die_area_um2``, ``utilization`` (percent).
        notes: remarks of the readers.
    """

    def_file: DefFile
    ground: Ground
    figures: dict[str, float]
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """The figures in words, for the terminal."""
        g, d = self.ground, self.def_file
        x0, y0, x1, y1 = (v / g.dbu for v in g.die.bounds)
        return [
            *(f"note: {note}" for note in self.notes),
            f"{d.design}: die {x1 - x0:g} x {y1 - y0:g} um, {len(d.rows):,} rows of {g.site.name}, utilisation "
            f"{self.figures['utilization']:.1f} %, {len(d.components):,} macros to place, {len(d.pins):,} IO pins",
        ]

    def write(self, path: str | Path) -> Path:
        """Write the DEF file.

        Raises:
            NetlistError: it cannot be written.
        """
        from netlists.formats.def_ import write_def

        return write_def(self.def_file, path)


def floorplan_chip(
    verilog: str | Path | Sequence[str | Path],
    lef: str | Path | Sequence[str | Path],
    top: str | None = None,
    *,
    utilization: float | None = None,
    aspect_ratio: float = 1.0,
    margins: float | tuple[float, float, float, float] = 5.0,
    outline: NDArray[np.float64] | Sequence[Sequence[float]] | None = None,
    site: str | None = None,
    pin_layers: tuple[str | None, str | None] = (None, None),
    pin_spacing: int = 2,
    rules: Sequence[PinRule] = (),
    keep_pins: str | Path | None = None,
    macros: str | Path | None = None,
) -> ChipFloorplan:
    """Make the floorplan of a chip; see :func:`placer.floorplan`.

    Raises:
        NetlistError: files that cannot be used, or requests that contradict themselves, the library or the circuit.
    """
    from netlists.formats.def_ import read_def
    from netlists.physical import read_circuit
    from placer.engines.floorplan.chip.build import floorplan_def

    for what, files, option in (("a netlist", verilog, "--verilog"), ("LEF files", lef, "--lef")):
        if not files:
            raise NetlistError(f"the floorplan of a chip needs {what}", expected=option)
    if outline is not None and utilization is not None:
        raise NetlistError("an outline and a utilisation contradict each other; give one")
    circuit = read_circuit(verilog, lef, top)
    def_file, ground = floorplan_def(
        circuit, utilization=60.0 if utilization is None else utilization, aspect_ratio=aspect_ratio,
        margins=(margins,) * 4 if isinstance(margins, (int, float)) else margins,
        outline=None if outline is None else np.asarray(outline, np.float64), site=site, pin_layers=pin_layers,
        pin_spacing=pin_spacing, rules=rules, keep=None if keep_pins is None else read_def(keep_pins),
        macros=None if macros is None else read_def(macros),
    )  # fmt: skip
    n = circuit.netlist
    solid = n.node_kind != PORT
    cells = float((n.node_width * n.node_height)[solid].sum())
    core = ground.row_area / ground.dbu**2
    figures = {"cell_area_um2": cells, "core_area_um2": core, "die_area_um2": ground.die.area / ground.dbu**2,
               "utilization": 100 * cells / core}  # fmt: skip
    return ChipFloorplan(def_file, ground, figures, circuit.notes)


def parse_outline(text: str) -> NDArray[np.float64]:
    """``[V, 2]`` corners in um from ``x,y,x,y,...`` or from a file with one corner ``x y`` or ``x,y`` a line.

    Raises:
        NetlistError: it is neither; with file and line.
    """
    from netlists.formats.textio import read_bytes

    def numbers(words: list[str], file: Path | None = None, line: int | None = None) -> list[float]:
        try:
            found = [float(word) for word in words]
        except ValueError:
            found = []
        if not found or not all(math.isfinite(value) for value in found):
            raise NetlistError(
                "an outline is corners x,y in um", file=file, line=line, found=" ".join(words),
                expected="x,y,x,y,... or a file with one corner a line",
            )  # fmt: skip
        return found

    if not text.strip() or text.strip()[0] in "+-.0123456789":
        flat = numbers(text.replace(",", " ").split())
        if len(flat) % 2:
            raise NetlistError("an outline needs an even number of coordinates", found=len(flat))
        return np.array(flat).reshape(-1, 2)
    path = Path(text)
    corners = []
    for number, line in enumerate(read_bytes(path).decode(errors="replace").splitlines(), 1):
        words = line.split("#")[0].replace(",", " ").split()
        if words:
            pair = numbers(words, path, number)
            if len(pair) != 2:
                raise NetlistError("a corner is two numbers", file=path, line=number, found=line.strip())
            corners.append(pair)
    if len(corners) < 2:
        raise NetlistError("an outline needs two corners or more", file=path, found=len(corners))
    return np.array(corners)


def block_outline(corners: object) -> tuple[float, float] | None:
    """Width and height of the outline of blocks: ``W,H``, or the corners of a rectangle.

    Raises:
        NetlistError: it is no rectangle.
    """
    if corners is None:
        return None
    from placer.engines.floorplan.chip.rectilinear import checked_outline

    points = np.asarray(corners, np.float64)
    if points.shape == (1, 2):
        points = np.array([[0.0, 0.0], points[0]])
    shape = checked_outline(points)
    x0, y0, x1, y1 = shape.bounds
    if abs(shape.area - (x1 - x0) * (y1 - y0)) > 1e-9 * shape.area:
        raise NetlistError("the outline of blocks must be a rectangle", found=points.tolist(), expected="W,H")
    return x1 - x0, y1 - y0


def parse_margins(text: str) -> tuple[float, float, float, float]:
    """Left, bottom, right and top margin in um from one number or four.

    Raises:
        NetlistError: it is neither.
    """
    try:
        found = [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        found = []
    if len(found) == 1:
        found *= 4
    if len(found) != 4:
        raise NetlistError("a core margin is one number, or left,bottom,right,top", found=text)
    return found[0], found[1], found[2], found[3]


def parse_layers(text: str | None) -> tuple[str | None, str | None]:
    """Horizontal and vertical pin layer from ``H,V``.

    Raises:
        NetlistError: there are not two.
    """
    if text is None:
        return None, None
    words = [word.strip() for word in text.split(",")]
    if len(words) != 2 or not all(words):
        raise NetlistError("pin layers are a horizontal and a vertical one", found=text, expected="metal3,metal2")
    return words[0], words[1]


def parse_pin_rule(text: str) -> PinRule:
    """``NAMES=SIDE`` or ``NAMES=SIDE:LOW-HIGH`` (um from the die's lower left); SIDE may be ``any``.

    Raises:
        NetlistError: it is neither, or the side is none.
    """
    from placer.engines.floorplan.chip import PinRule

    names, equals, where = text.rpartition("=")
    side, colon, span = where.partition(":")
    low, high = -math.inf, math.inf
    if colon:
        first, dash, second = span.partition("-")
        try:
            low, high = float(first), float(second)
        except ValueError:
            dash = ""
        if not dash:
            raise NetlistError("a range of pins is LOW-HIGH in um", found=span)
    if not equals or not names or not side:
        raise NetlistError("a rule for pins is NAMES=SIDE or NAMES=SIDE:LOW-HIGH", found=text)
    return PinRule(names, "" if side == "any" else side, low, high)
