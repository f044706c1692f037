"""Results on disk: the placement in the input's own format, ``metrics.json`` and ``report.html``.

Where results go is checked before any time is spent, and nothing replaces an earlier file until all new ones are
complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO
from netlists.physical.handoff import SCRIPTS
from placer._version import __version__
from placer.scoring import jsonable

if TYPE_CHECKING:
    from placer.flow import Result

#: Format -> suffix of its placement files; formats without one of their own are written as Circuit Training's.
PLACEMENT_SUFFIX: dict[str, str] = {
    "circuit-training": ".plc",
    "bookshelf": ".pl",
    "gsrc": ".pl",
    "lefdef": ".def",
}
#: Names that make OUT a placement file instead of a folder.
FILE_SUFFIXES: tuple[str, ...] = (".plc", ".pl", ".def", ".plc.gz", ".pl.gz", ".def.gz")
#: Seconds that writing takes: whatever the design, and for each object (150,000 cells and a report: 2 s of CPU).
_WRITE_SECONDS, _WRITE_SECONDS_AN_OBJECT = 0.5, 1.5e-5


@dataclass(frozen=True)
class Target:
    """Where the results of a run go.

    Attributes:
        placement: the placement file.
        folder: also gets ``metrics.json`` and ``report.html``; None when only the placement is wanted.
        scripts: kinds of hand-off scripts that are written beside it (``netlists.physical.handoff.SCRIPTS``).
        fixed: write hard macros as FIXED, so that nothing after this moves them (DEF only).
    """

    placement: Path
    folder: Path | None
    scripts: tuple[str, ...] = ()
    fixed: bool = False

    @property
    def files(self) -> dict[str, Path]:
        """Every file a run writes, by what it is."""
        files = {"placement": self.placement}
        if self.folder is not None:
            files.update(metrics=self.folder / "metrics.json", report=self.folder / "report.html")
        stem = self.placement.name.removesuffix(".gz").removesuffix(".def")
        files.update({kind: self.placement.with_name(stem + SCRIPTS[kind][0]) for kind in self.scripts})
        return files


def target(design: Design, out: str | Path | None = None, *, fixed: bool = False) -> Target:
    """Decide where the results of a design go.

    Args:
        design: the design.
        out: a folder, or a placement file when the name ends like one (``FILE_SUFFIXES``); ``out/<design>`` when
            None.
        fixed: see :class:`Target`.

    Raises:
        NetlistError: the design is not written as DEF but ``fixed``, the name is another format's
            placement, or a result would replace the input.
    """
    suffix = PLACEMENT_SUFFIX.get(design.format, ".plc")
    if fixed and suffix != ".def":
        raise NetlistError("only a DEF file can hold fixed macros", found=f"a {suffix} file", expected="no --fix")
    path = Path("out") / design.name if out is None else Path(out)
    if path.name.endswith(FILE_SUFFIXES) and not path.is_dir():
        if not path.name.removesuffix(".gz").endswith(suffix):
            raise NetlistError(f"a {design.format or 'generated'} design is placed in a {suffix} file", file=path)
        chosen = Target(path, None, fixed=fixed)
    else:
        scripts = tuple(SCRIPTS) if design.format == "lefdef" else ()
        chosen = Target(path / f"{Path(design.name).name or 'design'}{suffix}", path, scripts, fixed)
    inputs = [p.resolve() for p in (design.path, design.placement_path) if p is not None]
    for file in chosen.files.values():
        if file.resolve() in inputs:
            raise NetlistError("this would replace the input; choose another --output", file=file)
    return chosen


@contextlib.contextmanager
def reserve(where: Target) -> Iterator[None]:
    """Check that results can be written, before the run; while inside, their folder exists.

    A folder that was made here and stayed empty is removed again.

    Raises:
        NetlistError: a name is taken by something else, or the folder cannot be made or written.
    """
    folder = where.placement.parent
    made: list[Path] = []
    try:
        for parent in (folder, *folder.parents):
            if parent.exists():
                break
            made.append(parent)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(prefix=".placer-", dir=folder):
            pass
    except OSError as error:
        _remove_empty(made)
        raise NetlistError(f"results cannot be written here: {error.strerror or error}", file=folder) from None
    try:
        for file in where.files.values():
            if file.is_dir():
                raise NetlistError("a result file has this name, but it is a folder", file=file)
        yield
    finally:
        _remove_empty(made)


def write_result(
    result: Result, out: Target | str | Path | None = None, *, settings: Mapping[str, Any] | None = None
) -> dict[str, Path]:
    """Write the placement, ``metrics.json`` and ``report.html`` of a run.

    Args:
        result: what :func:`placer.place` returned.
        out: a :class:`Target`, or what :func:`target` takes.
        settings: how the run was asked for (seed, command line, ...); kept in the metrics and the report.

    Returns:
        The files written, by what they are: ``placement``, ``metrics``, ``report``, and the hand-off scripts.

    Raises:
        NetlistError: a file cannot be written; earlier files are then as they were.
    """
    from netlists.formats import write_placement
    from netlists.physical.write import write_placement as write_fixed

    where = out if isinstance(out, Target) else target(result.design, out)
    files = where.files
    with reserve(where), tempfile.TemporaryDirectory(prefix=".placer-", dir=where.placement.parent) as staging:
        staged = {kind: Path(staging) / file.name for kind, file in files.items()}
        try:
            if where.fixed:
                hard = result.design.netlist.node_kind == HARD_MACRO  # cells stay PLACED
                held = result.placement.moved(fixed=result.placement.fixed | hard)
                write_fixed(result.design, held, staged["placement"])
            else:
                write_placement(result.design, result.placement, staged["placement"])
            for kind in where.scripts:
                staged[kind].write_text(SCRIPTS[kind][1](result.design, result.placement))
            if where.folder is not None:
                record = result_record(result, settings)
                staged["metrics"].write_text(json.dumps(record, indent=2, sort_keys=True) + "\n")
                _write_report(result, staged["report"], record)
            for kind, file in files.items():
                staged[kind].replace(file)
        except OSError as error:
            raise NetlistError(f"cannot write: {error.strerror or error}", file=where.placement.parent) from None
    return files


def writing_seconds(design: Design) -> float:
    """Seconds that :func:`write_result` takes for a design, about: what a limit on the whole run has to keep back.

    Args:
        design: what is placed.
    """
    return _WRITE_SECONDS + _WRITE_SECONDS_AN_OBJECT * design.netlist.num_nodes


def result_record(result: Result, settings: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What ``metrics.json`` holds: the score of the result, that of its start, and how it came about.

    Args:
        result: what :func:`placer.place` returned.
        settings: how the run was asked for.
    """
    from placer.api import score

    design = result.design
    end = score(design, result.placement)  # as the files written will be scored
    start = None if result.start_cost is None else score(design, result.start_placement).as_dict()
    record = {
        **end.as_dict(),
        "start": start,
        "counts": design.netlist.describe(),
        "fingerprint": fingerprint(design),
        "format": design.format,
        "history": [list(point) for point in result.history],
        "interrupted": result.interrupted,
        "objective": result.objective,
        "seconds": result.seconds,
        "settings": dict(settings or {}),
        "stats": result.stats,
        "version": __version__,
        **({} if result.flat is None else {"flat": result.flat.as_dict()}),
    }
    plain = jsonable(record)
    assert isinstance(plain, dict)
    return plain


def fingerprint(design: Design) -> str:
    """SHA-256 over the circuit and the canvas, not the placement: two runs with the same one had the same problem."""
    digest = hashlib.sha256()
    n, c = design.netlist, design.canvas
    digest.update("\n".join(n.node_names).encode())
    for array in (
        n.node_kind, n.node_width, n.node_height, n.pin_node, n.pin_dx, n.pin_dy, n.net_ptr, n.net_pins, n.net_source,
        n.net_weight, design.placement.fixed,
    ):  # fmt: skip
        digest.update(np.ascontiguousarray(array).tobytes())
    numbers = (
        c.x0, c.y0, c.x1, c.y1, c.columns, c.grid_rows, c.h_routes_per_um, c.v_routes_per_um, c.h_macro_routes_per_um,
        c.v_macro_routes_per_um, c.smoothing, c.manufacturing_grid,
    )  # fmt: skip
    digest.update(repr(numbers).encode())
    digest.update(c.polygon.wkb)
    return digest.hexdigest()


def _write_report(result: Result, path: Path, record: Mapping[str, Any]) -> None:
    from placer.view.report import write_report

    write_report(
        path,
        result.design,
        result.placement,
        start=None if result.start_cost is None else result.start_placement,
        cost=result.cost,
        start_cost=result.start_cost,
        history=result.history,
        metrics={key: value for key, value in record.items() if isinstance(value, (int, float, str, bool))},
        legality=result.legality,
        flat=result.flat,
        meta={**record["settings"], "version": record["version"]},
    )


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()
