"""What the forked processes do: describe a design, run a method, judge a placement."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import shutil
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eval.bench.child import peak_mib
from eval.methods import Answer, NotApplicableError, Task, find
from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.placement import Placement
from placer.budget import Budget, Event

#: More points of a curve than this are thinned out.
MOST_POINTS = 1000
#: Exit code of a job that had no room for its files: the disk is full, and that is nobody's result.
NO_ROOM = 75
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}
#: The clock of a run. Methods get a budget with a clock of its own, which is theirs to spoil.
_clock = time.perf_counter


def carry_out(job: Mapping[str, Any], design: Design) -> None:
    """Do a job and write ``<kind>.json`` into its folder, last of all and all at once.

    Args:
        job: ``kind`` (``"describe"``, ``"run"``, ``"judge"``), ``folder`` and what the kind needs.
        design: the design it is about.

    Raises:
        OSError: the disk is full; see :func:`out_of_room`.
    """
    folder = Path(job["folder"])
    try:
        result = KINDS[job["kind"]](job, design)
    except Exception as error:
        if out_of_room(error):
            raise
        result = _failure(job, error)
    _write(folder / f"{job['kind']}.json", result)


def out_of_room(error: BaseException | None) -> bool:
    """Whether an error, or what led to it, says that nothing can be written to the disk any more."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return True
        error = error.__cause__ or error.__context__
    return False


def _failure(job: Mapping[str, Any], error: Exception) -> dict[str, Any]:
    if isinstance(error, NotApplicableError):
        return {"error": "unfit", "message": str(error)}
    if isinstance(error, (NetlistError, PlacementError)):
        return {"error": "refused", "message": f"{type(error).__name__}: {error}"}
    if isinstance(error, MemoryError):
        limit = job.get("memory")
        words = f"asked for more memory than its {limit / 2**30:.3g} GiB" if limit else "the machine has no more memory"
        return {"error": "memory", "message": words}
    traceback.print_exc()
    return {"error": "crash", "message": f"{type(error).__name__}: {error}"}


def start_digest(design: Design) -> str:
    """Digest of the placement a design came with, where a method may begin, and of its rules, which it must keep."""
    digest = hashlib.sha256()
    p = design.placement
    for array in (p.x, p.y, p.orient, p.placed):
        digest.update(np.ascontiguousarray(array).tobytes())
    if design.constraints is not None:
        digest.update(repr(design.constraints).encode())
    return digest.hexdigest()[:16]


def _describe(job: Mapping[str, Any], design: Design) -> dict[str, Any]:
    from placer.output import fingerprint

    c = design.canvas
    return {
        "fingerprint": fingerprint(design),
        "start": start_digest(design),
        "facts": {
            "name": design.name, "format": design.format, **design.netlist.describe(), "width_um": c.width,
            "height_um": c.height, "movable": int(design.movable.sum()), "notes": list(design.notes),
        },
    }  # fmt: skip


def _run(job: Mapping[str, Any], design: Design) -> dict[str, Any]:
    from placer.clusters import placeable

    folder = Path(job["folder"])
    found = find(job["method"])
    flat, design = design, placeable(design)
    scratch = folder / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    base = peak_mib()
    curve: list[tuple[float, float]] = []
    before = _cpu()
    started = _clock()
    budget = Budget(job["seconds"])

    def hear(event: Event) -> None:
        if event.cost is not None and (not curve or event.cost < curve[-1][1]):
            curve.append((round(_clock() - started, 4), float(event.cost)))
            if len(curve) > 2 * MOST_POINTS:
                del curve[1:-1:2]

    task = Task(
        design, job["seed"], budget, job["seconds"], job["iterations"], len(job["cores"]), scratch, hear,
        dict(job["options"]), flat,
    )  # fmt: skip
    given = found.run(task)
    seconds = _clock() - started
    answer = given if isinstance(given, Answer) else Answer(given)
    cpu = [after - earlier for after, earlier in zip(_cpu(), before, strict=True)]
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    result: dict[str, Any] = {
        "seconds": seconds,
        "cpu_seconds": sum(cpu),
        "peak_bytes": int(max(peak_mib() * 2**20, children)),
        "base_bytes": int(base * 2**20),
        "curve": curve if answer.curve is None else [[float(at), float(cost)] for at, cost in answer.curve],
        "curve_of": answer.curve_of,
        "facts": _jsonable(dict(answer.facts)),
        "placement": _keep(answer.design or design, answer.placement, folder, "placement"),
    }
    if answer.raw is not None:
        result["raw"] = _keep(answer.design or design, answer.raw, folder, "raw")
    shutil.rmtree(scratch, ignore_errors=True)
    return result


def _judge(job: Mapping[str, Any], design: Design) -> dict[str, Any]:
    """Score what was written, knowing nothing but the design and the files."""
    folder = Path(job["folder"])
    result: dict[str, Any] = {}
    for role, name in job["files"].items():
        path = folder / name
        digest = _sha256(path)
        try:
            score = score_file(design, path)
        except (NetlistError, PlacementError) as error:
            if role == "placement":
                raise
            score = {"error": str(error)}
        score["violations"] = score.get("violations", [])[:5]  # the counts are complete
        result[role] = {"sha256": digest, "score": score}
    return result


def score_file(design: Design, path: Path) -> dict[str, Any]:
    """What the judge says about a placement file.

    For flat designs that is also whether the cells lie legally in rows, and ``north_hpwl_um``: the wirelength with
    every object in orientation N, which programs that ignore orientations report.

    Args:
        design: as it was read.
        path: the file.

    Raises:
        NetlistError: the file cannot be read.
        PlacementError: it is not one of this design.
    """
    from placer import api
    from placer.cost.flat_rules import check_flat
    from placer.cost.length import net_lengths
    from placer.flat import has_cells

    found = api.score(design, path)
    values = found.as_dict()
    if design.physical is None and has_cells(design):
        placement = found.design.placement
        report = check_flat(design, placement, reference=design.placement)
        north = design.with_placement(placement.moved(orient=np.zeros(placement.num_nodes, np.int8)))
        values.update(
            legal=report.legal, violation_counts=dict(Counter(v.rule for v in report.violations)),
            violations=[{"rule": v.rule, "message": v.message} for v in report.violations[:5]],
            north_hpwl_um=float(net_lengths(north).sum()),
        )  # fmt: skip
    return values


KINDS: dict[str, Callable[[Mapping[str, Any], Design], dict[str, Any]]] = {
    "describe": _describe, "run": _run, "judge": _judge,
}  # fmt: skip


def _keep(design: Design, placement: Placement, folder: Path, stem: str) -> str:
    """Write a placement in the design's own format, compressed; returns the file's name."""
    from netlists.formats import write_placement
    from placer.output import PLACEMENT_SUFFIX

    if not isinstance(placement, Placement):
        raise TypeError(f"the method returned {type(placement).__name__}, not a placement")
    suffix = PLACEMENT_SUFFIX.get(design.format, ".plc")
    path = folder / f"{stem}{suffix}.gz"
    write_placement(design, placement, path)
    return path.name


def _sha256(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _cpu() -> tuple[float, ...]:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime, own.ru_stime, children.ru_utime, children.ru_stime


def _jsonable(value: Any) -> Any:  # noqa: ANN401 - any nest of values
    from placer.scoring import jsonable

    return jsonable(value)


def _write(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result under its name at once. Killed processes lose nothing of it; only the ledger needs the disk."""
    result = {**result, "ended": time.time()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(result))
    temporary.replace(path)
