"""How time and memory of flat placement grow with the design, from ten thousand cells to a million."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from eval.bench.child import peak_mib, run_child
from eval.bench.designs import Settings
from eval.bench.pages import page
from eval.bench.sheet import Sheet

#: Cells of each design.
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
QUICK = (2_000, 5_000)
#: One hard macro for so many cells.
CELLS_PER_MACRO = 2_000
#: Seconds after which a run is given up.
_TIMEOUT = 4 * 3600.0


def run(settings: Settings) -> Sheet:
    """Place synthetic designs of growing size, each in a process of its own.

    Args:
        settings: ``only`` picks sizes by their number of cells ("100000").
    """
    sheet = Sheet(
        "growth",
        "Flat placement: growth with size",
        {
            "cells": "cells", "macros": "macros", "nets": "nets", "pins": "pins", "wall": "wall, s",
            "cpu": "CPU, s", "peak_mib": "peak memory, MiB", "make_mib": "of it before placing, MiB",
            "cpu_per_mpin": "CPU s per million pins", "hpwl": "HPWL, um", "violations": "broken rules",
        },
        notes=[
            "Synthetic flat designs (netlists.synthesis, Rent exponent 0.65, seed 0) with one hard macro for "
            f"{CELLS_PER_MACRO:,} cells; every figure is one run of placer.engines.analytic.flow.place_flat in a fresh "
            f"process on {settings.cores} cores: global placement, macro legalisation, cell legalisation, detailed "
            "placement. Making the design is not counted in the times; it is in the peak memory.",
            "Pins are connections of nets; compiled kernels come from the cache.",
        ],
    )  # fmt: skip
    for cells in QUICK if settings.quick else SIZES:
        if not settings.wants(str(cells)):
            continue
        plan = json.dumps({"cells": cells, "macros": max(4, cells // CELLS_PER_MACRO), "jobs": settings.cores})
        row = run_child("growth", plan, timeout=_TIMEOUT, cores=settings.cores)
        sheet.rows.append(row | {"cpu_per_mpin": row["cpu"] / row["pins"] * 1e6})
    if len(sheet.rows) > 1:
        sheet.notes.append(
            "Slope of the line through all points, log against log: "
            f"{slope(sheet.rows, 'cpu'):.2f} for CPU time, {slope(sheet.rows, 'peak_mib'):.2f} for memory."
        )
    sheet.files |= page("growth.html", figure(sheet.rows))
    return sheet


def carry_out(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Make one design, place it, and say what that took.

    Args:
        plan: ``cells``, ``macros``, ``jobs``.
    """
    from netlists.synthesis import SynthesisSpec, synthesize
    from placer.cost.flat_rules import check_flat, macro_violations
    from placer.engines.analytic.flow import place_flat

    design = synthesize(SynthesisSpec(plan["macros"], plan["cells"], clustered=False))
    before = peak_mib()
    marks: dict[str, float] = {}
    wall, cpu = time.perf_counter(), time.process_time()

    def note(event: Any) -> None:  # noqa: ANN401
        if not event.step:
            marks[event.phase] = time.process_time() - cpu

    result = place_flat(design, jobs=plan["jobs"], progress=note, device="cpu")
    wall, cpu_spent = time.perf_counter() - wall, time.process_time() - cpu
    peak = peak_mib()  # before the check, which takes more than the placer
    report = check_flat(design, result.placement, reference=design.placement)
    others = macro_violations(design, result.placement, reference=design.placement)
    return {
        "cells": plan["cells"], "macros": plan["macros"], "nets": design.netlist.num_nets,
        "pins": design.netlist.num_connections, "wall": wall, "cpu": cpu_spent, "peak_mib": peak,
        "make_mib": before, "hpwl": result.hpwl, "cpu_at_end_of": marks,
        "violations": len(report.violations) + len(others),
    }  # fmt: skip


def slope(rows: Sequence[Mapping[str, Any]], key: str) -> float:
    """Exponent of the power law of pins that fits a column best, by least squares of logarithms."""
    x = [math.log(row["pins"]) for row in rows]
    y = [math.log(row[key]) for row in rows]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)


def figure(rows: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Time and memory against pins, both axes logarithmic, beside a line of slope 1.

    Args:
        rows: of :func:`run`.
    """
    picture = make_subplots(rows=1, cols=2, subplot_titles=["time", "memory"])
    pins = [row["pins"] for row in rows]
    curves = (("cpu", "CPU, s", 1, "#1f6fb4"), ("wall", "wall, s", 1, "#c2571a"), ("peak_mib", "MiB", 2, "#1f6fb4"))
    for key, name, column, colour in curves:
        values = [row[key] for row in rows]
        picture.add_scatter(
            x=pins, y=values, name=name, mode="lines+markers", line={"color": colour}, row=1, col=column
        )  # fmt: skip
    for key, column in (("cpu", 1), ("peak_mib", 2)):
        if rows:
            line = [rows[-1][key] * p / pins[-1] for p in pins]
            picture.add_scatter(
                x=pins, y=line, name="linear", mode="lines", line={"color": "#777", "dash": "dot"}, row=1, col=column,
                showlegend=column == 1,
            )  # fmt: skip
    picture.update_xaxes(type="log", title="pins")
    picture.update_yaxes(type="log", title="seconds", col=1)
    picture.update_yaxes(type="log", title="MiB", col=2)
    picture.update_layout(template="plotly_white", height=460, width=1000, title="Flat placement: growth with size")
    return picture
