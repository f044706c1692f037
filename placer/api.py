"""What users call: ``placer.load``, ``place``, ``score``, ``show``, ``convert``; each command has its call here."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from netlists.design import Design
from netlists.load import load as _load
from netlists.placement import Placement
from placer.budget import Budget, Progress, silent
from placer.clusters import fitted, placeable, usual_weights

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

    from placer.cost.full import CostWeights
    from placer.cost.legality import LegalityReport
    from placer.engines.search import SearchOptions
    from placer.engines.spread import Pool
    from placer.floorplanning import ChipFloorplan, Floorplan
    from placer.flow import Result, Starter
    from placer.scoring import Score

Source = str | Path | Design
Files = str | Path | Sequence[str | Path]


def load(
    source: Source | None = None,
    placement: str | Path | Placement | None = None,
    *,
    verilog: Files = (),
    top: str | None = None,
    lef: Files = (),
    def_file: str | Path | None = None,
    constraints: str | Path | None = None,
) -> Design:
    """Read a design.

    Args:
        source: a bundled or catalogue name, a file, a folder that holds one design's files, or a design; None for a
            design of LEF, DEF and Verilog files.
        placement: a placement file or placement that replaces the design's own.
        verilog: gate-level netlists; the nets of the DEF file count without any.
        top: top module of the Verilog; the DEF file's design when None.
        lef: LEF files, technology first.
        def_file: floorplan.
        constraints: a TOML file of halos, fences, fixed macros and other rules (docs/constraints.md); macros it gives a
            location are put there.

    Returns:
        Netlist, canvas and placement; ``design.notes`` says what the reader had to assume.

    Raises:
        NetlistError: nothing of that name, or a file that cannot be used (with file and line).
        PlacementError: the placement is not one of this design.
        ValueError: both a source and files are given, or neither.
    """
    if verilog or lef or def_file is not None or top is not None:
        if source is not None:
            raise ValueError("a design is given by its source or by its files, not by both")
        from netlists.physical import read_physical

        source = read_physical(verilog, top, lef, def_file)
    if source is None:
        raise ValueError("no design is given: neither a source nor LEF, DEF and Verilog files")
    design = _load_placed(source, placement)
    if constraints is None:
        return design
    from netlists.rules import read_rules

    return read_rules(constraints, design)


def _load_placed(source: Source, placement: str | Path | Placement | None) -> Design:
    if isinstance(source, Design):
        if placement is None:
            return source
        if isinstance(placement, Placement):
            return source.with_placement(placement)
        from netlists.formats import read_placement

        return source.with_placement(read_placement(Path(placement), source), Path(placement))
    if isinstance(placement, Placement):
        return _load(source).with_placement(placement)
    return _load(source, placement)


def place(
    source: Source,
    *,
    time_limit: float | None = None,
    seed: int = 0,
    effort: str = "default",
    jobs: int | None = None,
    budget: Budget | None = None,
    progress: Progress | None = None,
    iterations: int | None = None,
    ray: str | Pool | None = None,
    options: SearchOptions | None = None,
    weights: CostWeights | None = None,
    engine: str | None = None,
    target_density: float | None = None,
    routability: float = 0.0,
    turn_macros: bool = False,
    starter: Starter | None = None,
) -> Result:
    """Find a legal placement: of low proxy cost, and for flat designs of short wires with every cell in a row.

    Args:
        source: what :func:`load` takes.
        time_limit: seconds of wall-clock time; what the effort takes when None: 15, 60 or 300. The cells of flat
            designs are placed without a limit then.
        seed: the same seed and the same ``iterations`` give the same bytes.
        effort: ``"fast"``, ``"default"`` or ``"best"``.
        jobs: searches side by side; the cores this process may use when None.
        budget: a clock and stop flag of the caller's; replaces ``time_limit``.
        progress: called with :class:`placer.budget.Event` now and then; None listens to nothing.
        iterations: exact proposals in total, instead of time, for runs that can be repeated to the byte.

        ray: search on the machines of a Ray cluster (extra ``[ray]``): ``"host:port"`` of its head, ``"auto"`` or
            ``"local"``; or a pool that is open already, such as :class:`placer.engines.ray_pool.RayPool`. ``jobs``
            then counts searches on each machine.
        options: a :class:`placer.engines.search.SearchOptions`: the device to use, and for measurements what to leave
            out. By default a CUDA device helps where there is one.
        weights: of what is minimised, :class:`placer.cost.CostWeights`; ``macro_wirelength`` is a term of its own
            beside the three of the proxy cost, and part of it by default where cells were gathered in clusters
            (:func:`placer.clusters.usual_weights`).
        engine: ``"search"`` places macros, ``"analytic"`` and ``"hybrid"`` the standard cells of a flat design too
            (docs/analytic.md). None takes ``"analytic"`` for flat designs, ``"search"`` for all others and for LEF/DEF.
        target_density: density that cells are spread to, above 0 and at most 1; 0.95 when None.
        routability: how strongly cells keep room for wires where more are wanted than fit; 0 for not at all.
        turn_macros: whether the engines for cells may turn and mirror macros, within their footprint.
        starter: makes starts for the ``"search"`` engine, such as those of a trained network (docs/policy.md).

    The first call after an installation compiles the kernels, before its clock starts.

    With the search engine the standard cells of a LEF/DEF design are gathered in soft macros first
    (:mod:`netlists.physical.clustered`); ``design`` of the result is the clustered design, and its macros are what is
    written to DEF.

    Returns:
        The placement, its cost and legality, and those of the start.

    Raises:
        NetlistError: the design cannot be read.
        PlacementError: no legal placement exists or was found; the message says why.
        ImportError: ``ray`` is given and Ray is not installed.
        GpuUnavailableError: the options insist on a CUDA device and there is none.
        ConnectionError: no Ray cluster answers, or none of its machines can work.
    """
    from placer import flat, flow
    from placer.engines import search
    from placer.warm import warm_up, warm_up_device

    warm_up()
    design = load(source)
    engine, _ = flat.choose(design, engine)
    if engine != "analytic":
        warm_up_device(options or search.SearchOptions())
    if engine == "search" and (target_density is not None or routability or turn_macros):
        raise ValueError("options for cells are of use to the analytic and hybrid engines only")
    if engine != "search" and starter is not None:
        raise ValueError("a starter is of use to the search engine only")
    if engine == "search":
        design = placeable(design)
    with _pool(ray, jobs) as pool:  # before the clock: machines take a while to get ready
        if engine != "search":
            return flat.place_cells(
                design, engine, time_limit=time_limit, seed=seed, effort=effort, jobs=jobs, budget=budget,
                progress=silent if progress is None else progress, iterations=iterations,
                target_density=target_density, routability=routability, turn_macros=turn_macros,
                weights=weights, pool=pool, options=options,
            )  # fmt: skip
        return flow.place(
            design,
            time_limit=time_limit,
            seed=seed,
            effort=effort,
            jobs=jobs,
            budget=budget,
            progress=silent if progress is None else progress,
            iterations=iterations,
            pool=pool,
            options=options,
            weights=usual_weights(design) if weights is None else weights,
            starter=starter,
        )


def _pool(ray: str | Pool | None, jobs: int | None) -> AbstractContextManager[Pool | None]:
    if not isinstance(ray, str):
        return nullcontext(ray)  # the caller's, who closes it
    from placer.engines.ray_pool import RayPool

    return RayPool(ray, jobs=jobs)


def floorplan(
    source: Source,
    *,
    whitespace: float | None = None,
    aspect_ratio: float = 1.0,
    outline: Sequence[float] | Sequence[Sequence[float]] | None = None,
    area_weight: float | None = None,
    time_limit: float | None = None,
    iterations: int | None = None,
    seed: int = 0,
    jobs: int | None = None,
    budget: Budget | None = None,
    progress: Progress | None = None,
) -> Floorplan:
    """Place and shape the blocks of a block design (GSRC, MCNC) without overlap for short wires.

    Soft blocks are reshaped inside their aspect limits, hard ones turned; pads keep their place relative to the
    outline. For the floorplan of a chip from Verilog and LEF see :func:`placer.floorplan_chip`.

    Args:
        source: what :func:`load` takes; all its blocks are movable.
        whitespace: free area over block area, 0.15 by default.
        aspect_ratio: height over width of the outline.
        outline: its width and height in um, instead.
        area_weight: no outline: minimise wirelength plus this weight times the side of the bounding box, both
            relative to the start.
        time_limit: seconds, 60 by default.
        iterations: moves instead of time, for runs that can be repeated to the byte.
        seed: of every random choice.
        jobs: searches side by side; the cores this process may use when None.
        budget: a clock and stop flag of the caller's; replaces ``time_limit``.
        progress: hears about it now and then.

    Returns:
        The floorplan: the design with shapes and positions, and its figures.

    Raises:
        NetlistError: the design cannot be read, or numbers make no sense.
        PlacementError: the blocks do not fit, or no floorplan that fits was found.
    """
    from placer.floorplanning import block_outline, floorplan_blocks

    frame = None if outline is None else block_outline([outline] if np.ndim(outline) == 1 else outline)
    return floorplan_blocks(
        load(source), whitespace=whitespace, aspect_ratio=aspect_ratio, outline=frame, area_weight=area_weight,
        time_limit=time_limit, iterations=iterations, seed=seed, jobs=jobs, budget=budget,
        progress=silent if progress is None else progress,
    )  # fmt: skip


def floorplan_chip(
    verilog: Files,
    lef: Files,
    top: str | None = None,
    *,
    utilization: float | None = None,
    aspect_ratio: float = 1.0,
    margins: float | tuple[float, float, float, float] = 5.0,
    outline: Sequence[Sequence[float]] | None = None,
    site: str | None = None,
    pin_layers: tuple[str | None, str | None] = (None, None),
    pin_spacing: int = 2,
    pins: Sequence[str] = (),
    keep_pins: str | Path | None = None,
    macros: str | Path | None = None,
) -> ChipFloorplan:
    """Make die, core, rows, tracks and IO pins of a chip from its netlist and library.

    Args:
        verilog: gate-level netlists.
        lef: LEF files, technology first.
        top: top module; the only one that nothing instantiates when None.
        utilization: percent of the core that cells and macros fill, 60 by default.
        aspect_ratio: height over width of the core.
        margins: die edge to core in um: one number, or left, bottom, right, top.
        outline: corners of a rectilinear die in um, instead of utilisation and aspect ratio.
        site: name of the rows' site; by default the CORE site that most masters name.
        pin_layers: layers of pins on the left and right, and on the bottom and top.
        pin_spacing: tracks from one pin to the next.
        pins: rules ``NAMES=SIDE`` or ``NAMES=SIDE:LOW-HIGH``, later rules override earlier ones.
        keep_pins: DEF file whose FIXED pins stay where they are.
        macros: DEF file whose placed macros stay, for pins that follow them.

    Returns:
        The floorplan; its ``write`` makes the DEF file that :func:`load` and :func:`place` take.

    Raises:
        NetlistError: files that cannot be used, or requests that contradict themselves, the library or the circuit.
    """
    from placer.floorplanning import floorplan_chip as make
    from placer.floorplanning import parse_pin_rule

    return make(
        verilog, lef, top, utilization=utilization, aspect_ratio=aspect_ratio, margins=margins, outline=outline,
        site=site, pin_layers=pin_layers, pin_spacing=pin_spacing, rules=[parse_pin_rule(text) for text in pins],
        keep_pins=keep_pins, macros=macros,
    )  # fmt: skip


def score(source: Source, placement: str | Path | Placement | None = None) -> Score:
    """Score a placement: proxy cost, wirelength, RUDY, overlaps and every broken rule.

    LEF/DEF designs are scored with their cells in clusters; where all cells have a place, clusters lie at the mean
    of their cells, and ``cells_hpwl_um`` among the metrics is the wirelength from cell to cell.

    Args:
        source: what :func:`load` takes.
        placement: what to score; the design's own by default. Fixed objects must be where the design has them.

    Raises:
        NetlistError: the design cannot be read.
        PlacementError: the placement is not one of this design.
    """
    from placer.scoring import score_placement, with_cells

    design = load(source)
    if placement is None:
        return with_cells(score_placement(fitted(design)), design)
    moved = load(design, placement)
    if moved.physical is None:
        return score_placement(design, moved.placement)
    reference = placeable(design)  # where fixed objects are
    return with_cells(score_placement(reference, fitted(moved).placement), moved)


def check(
    source: Source, placement: str | Path | Placement | None = None, *, constraints: str | Path | None = None
) -> LegalityReport:
    """Check a placement against every rule: overlaps, outline, blockages, lattice and the design's constraints.

    Args:
        source: what :func:`load` takes.
        placement: what to check; the design's own by default. Fixed objects must be where the design has them.
        constraints: see :func:`load`.

    Returns:
        Every violation with names, amount and coordinates; ``legal`` when there is none that a placer could mend.
        ``given`` lists what fixed objects do to each other, fixed macros off the manufacturing grid included.
        LEF/DEF designs are checked flat: hard macros by every rule, standard cells that have a place by ``outside``
        and ``fence``.

    Raises:
        NetlistError: the design or the constraints cannot be read.
        PlacementError: the placement is not one of this design, or macros have no position.
    """
    from placer.cost.legality import check_placed

    design = load(source, constraints=constraints)
    if placement is None:
        return check_placed(design, design.placement, fixed_lattice=True)
    found = load(design, placement).placement
    return check_placed(design, found, reference=design.placement, fixed_lattice=True)


def show(
    source: Source, placement: str | Path | Placement | None = None, path: str | Path | None = None
) -> Figure | Path:
    """Draw a placement with its congestion, density and RUDY maps.

    Args:
        source: what :func:`load` takes.
        placement: what to draw; the design's own by default.
        path: file to write, ending in ``.html`` (interactive, opens offline), ``.png`` or ``.svg``.

    Returns:
        ``path``, or a Plotly figure when it is None; a notebook shows that by itself.

    Raises:
        NetlistError: the design cannot be read, or the file's name or place will not do.
        PlacementError: the placement is not one of this design.
    """
    from placer.view import show as draw

    return draw(placeable(load(source, placement)), path=path)


def convert(
    source: Source,
    target: str | Path,
    *,
    format: str | None = None,
    placement: str | Path | Placement | None = None,
    whole_units: bool = False,
) -> list[Path]:
    """Write a design in another format (or the same one).

    Args:
        source: what :func:`load` takes.
        target: a netlist file to write (``.pb.txt``, ``.aux``, ``.blocks``; formats of several files put the others
            beside it), a placement file (``.plc``, ``.pl``), or a folder. A further ``.gz`` compresses.
        format: ``"circuit-training"``, ``"bookshelf"`` or ``"gsrc"``; told from ``target``'s name when None.
        placement: replaces the design's own.
        whole_units: Bookshelf only: multiply lengths so that all are whole numbers, and write ports as ``terminal``,
            for readers that know nothing else (see :func:`netlists.formats.bookshelf.in_whole_units`).

    Returns:
        The files written.

    Raises:
        NetlistError: the design cannot be read, the format is unknown or cannot hold it, or writing failed.
        PlacementError: the placement is not one of this design.
    """
    from placer import conversion

    design = load(source, placement)
    if whole_units:
        design = conversion.whole_units(design, Path(target), format)
    return conversion.write_converted(design, Path(target), format)
