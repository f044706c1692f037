"""Steps a second and resets of the single environments, against the number of macros."""

from __future__ import annotations

import gc
import json
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from env.macro_placement import MacroPlacementEnv
from env.macro_refinement import MacroRefinementEnv
from eval.bench.child import run_child
from eval.bench.designs import BUNDLED, Settings, find
from eval.bench.pages import page
from eval.bench.sheet import Sheet
from netlists.design import Design
from netlists.load import load

#: Open designs beside the bundled ones.
OPEN = ("ct/ariane133_ng45", "ct/nvdla_ng45", "ct/ibm01_unit")
#: Columns of steps a second: key -> heading and how the environment is made.
MODES: dict[str, tuple[str, Callable[[Design], Any]]] = {
    "full": ("every observation, steps/s", lambda d: MacroPlacementEnv(d, final_costs=False)),
    "masks": ("without congestion maps, steps/s", lambda d: MacroPlacementEnv(d, final_costs=False, maps=False)),
    "turned": ("8 orientations, steps/s", lambda d: MacroPlacementEnv(d, final_costs=False, orientations="all")),
    "final": ("soft placed and scored at the end, steps/s", MacroPlacementEnv),
    "refine": ("refinement without maps, steps/s", lambda d: MacroRefinementEnv(d, maps=False)),
    "refine_maps": ("refinement, steps/s", MacroRefinementEnv),
}


def run(settings: Settings) -> Sheet:
    """Measure random legal play in a process of its own that has one core.

    Args:
        settings: what to measure.
    """
    sheet = Sheet(
        "env",
        "Speed of the single environments",
        {
            "design": "design",
            "macros": "macros",
            "grid": "grid",
            **{key: heading for key, (heading, _) in MODES.items()},
            "cpu_full": "every observation, steps / CPU second",
            "reset_ms": "reset, ms",
            "make_ms": "make, ms",
            "copy_kib": "memory of a copy, KiB",
        },
        notes=[
            "Wall clock of `step` alone on one core, median of rounds of random legal play; choosing actions does "
            "not count. Every observation: masks, all maps, macro features, and all cost terms in every info, with "
            "the dense HPWL reward.",
            "Resets are the slowest seen with every observation. Making includes reading nothing: the design "
            "is loaded before.",
            "Memory of a copy is what Python and NumPy hold for a second environment with every observation on the "
            "same design, after its first step; the design itself is shared.",
            "`python -m eval.bench --only env` measures this; the batched environment has a sheet of its own.",
        ],
    )
    names = [(name, name) for name in BUNDLED if settings.wants(name)]
    for name in OPEN[:1] if settings.quick else OPEN:
        path = find(settings, name, sheet.skipped) if settings.wants(name.split("/")[-1]) else None
        if path is not None:
            names.append((name, str(path)))
    plan = {"designs": names, "steps": 300 if settings.quick else 1000}
    sheet.rows += run_child("env_single", json.dumps(plan), timeout=3600.0, cores=1)["rows"]
    sheet.rows.sort(key=lambda row: int(row["macros"]))
    sheet.files |= page("env.html", figure(sheet.rows))
    return sheet


def carry_out(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Measure what a plan says, in this process.

    Args:
        plan: ``designs``, pairs of a name and what to load, and ``steps`` of a round.

    Returns:
        ``rows`` of the sheet.
    """
    return {"rows": [{"design": name, **measure(load(path), plan["steps"])} for name, path in plan["designs"]]}


def measure(design: Design, steps: int) -> dict[str, Any]:
    """Speeds on one design.

    Args:
        design: what to place.
        steps: of a round.
    """
    MacroPlacementEnv(design, final_costs=False).reset()  # loads the kernels
    start = time.perf_counter()
    env = MacroPlacementEnv(design, final_costs=False)
    row: dict[str, Any] = {
        "macros": env.problem.num_macros,
        "grid": f"{env.problem.shape[0]} x {env.problem.shape[1]}",
        "make_ms": 1e3 * (time.perf_counter() - start),
        "copy_kib": copy_bytes(design) / 1024,
    }
    for key, (_, make) in MODES.items():
        found = play(make(design), steps)
        row[key] = float(np.median(found["steps"]))
        row[f"{key}_rounds"] = found["steps"]
        if key == "full":
            row |= {"reset_ms": 1e3 * found["reset"], "cpu_full": float(np.median(found["cpu_steps"]))}
    return row


def copy_bytes(design: Design) -> int:
    """Bytes that one more environment with every observation holds, beside the design.

    Args:
        design: already used by another environment.
    """
    gc.collect()
    tracemalloc.start()
    try:
        env = MacroPlacementEnv(design, final_costs=False)
        env.step(np.int64(env.reset()[1]["action_mask"].argmax()))
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


def play(env: Any, steps: int, rounds: int = 3) -> dict[str, Any]:  # noqa: ANN401 - either environment
    """Rounds of random legal play.

    Args:
        env: a placement or refinement environment, not wrapped.
        steps: of a round; a first, shorter one does not count.
        rounds: how many.

    Returns:
        ``steps`` a second of each round, ``cpu_steps`` a second of CPU time, and ``reset``, seconds of the slowest.
    """
    rng, slowest = np.random.default_rng(0), 0.0
    rates: list[tuple[float, float]] = []
    env.reset(seed=0)
    for count in (min(steps, 50), *[steps] * rounds):
        spent, cpu, over = 0.0, 0.0, True
        for _ in range(count):
            if over:
                start = time.perf_counter()
                env.reset()
                slowest = max(slowest, time.perf_counter() - start)
            action = rng.choice(np.flatnonzero(env.action_masks()))
            start, busy = time.perf_counter(), time.process_time()
            over = env.step(action)[2]
            cpu += time.process_time() - busy
            spent += time.perf_counter() - start
        rates.append((count / spent, count / cpu))
    wall, processor = zip(*rates[1:], strict=True)
    return {"steps": list(wall), "cpu_steps": list(processor), "reset": slowest}


def figure(rows: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Steps a second against the number of macros, one line a mode.

    Args:
        rows: of the sheet, by rising number of macros.
    """
    picture = go.Figure()
    for key, (heading, _) in MODES.items():
        picture.add_scatter(
            x=[row["macros"] for row in rows], y=[row[key] for row in rows], text=[row["design"] for row in rows],
            mode="lines+markers", name=heading.removesuffix(", steps/s"),
            hovertemplate="%{text}: %{y:,.0f} steps/s<extra></extra>",
        )  # fmt: skip
    picture.add_hline(y=2000, line_dash="dot", line_color="#888", annotation_text="2,000")
    picture.update_layout(
        title="Single environments: steps a second against macros", template="plotly_white",
        xaxis={"type": "log", "title": "hard macros"}, yaxis={"type": "log", "title": "steps / s"},
    )  # fmt: skip
    return picture
