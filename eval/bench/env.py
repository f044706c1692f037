"""Steps a second and resets of the single environments, against the number of macros."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from env.macro_placement import MacroPlacementEnv
from env.macro_refinement import MacroRefinementEnv
from eval.bench.child import peak_mib
from eval.bench.designs import BUNDLED, Settings, find
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
    """Measure random legal play, one process, one core.

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
            "reset_ms": "reset, ms",
            "make_ms": "make, ms",
            "peak_mib": "peak memory of the process so far, MiB",
        },
        notes=[
            "Process CPU time of `step` alone, median of rounds of random legal play; choosing actions does not count. "
            "Resets are the slowest seen with every observation. Making includes reading nothing: the design "
            "is loaded before.",
            "`python -m eval.bench --only env` measures this; the batched environment has a sheet of its own.",
        ],
    )
    names: list[tuple[str, Any]] = [(name, name) for name in BUNDLED if settings.wants(name)]
    for name in OPEN[:1] if settings.quick else OPEN:
        if settings.wants(name.split("/")[-1]):
            names.append((name, find(settings, name, sheet.skipped)))
    for name, path in names:
        if path is not None:
            sheet.rows.append({"design": name, **measure(load(path), 300 if settings.quick else 1000)})
    sheet.rows.sort(key=lambda row: int(row["macros"]))
    sheet.files["env.html"] = figure(sheet.rows).to_html(include_plotlyjs="cdn", full_html=True)
    return sheet


def measure(design: Design, steps: int) -> dict[str, Any]:
    """Speeds on one design.

    Args:
        design: what to place.
        steps: of a round.
    """
    start = time.process_time()
    env = MacroPlacementEnv(design, final_costs=False)
    row: dict[str, Any] = {
        "macros": env.problem.num_macros,
        "grid": f"{env.problem.shape[0]} x {env.problem.shape[1]}",
        "make_ms": 1e3 * (time.process_time() - start),
    }
    for key, (_, make) in MODES.items():
        speeds, reset = play(make(design), steps)
        row[key] = float(np.median(speeds))
        row[f"{key}_rounds"] = speeds
        if key == "full":
            row["reset_ms"] = 1e3 * reset
    return row | {"peak_mib": peak_mib()}


def play(env: Any, steps: int, rounds: int = 3) -> tuple[list[float], float]:  # noqa: ANN401 - either environment
    """Steps a second of some rounds of random legal play, and seconds of the slowest reset.

    Args:
        env: a placement or refinement environment, not wrapped.
        steps: of a round; a first, shorter one does not count.
        rounds: how many.
    """
    rng, speeds, slowest = np.random.default_rng(0), [], 0.0
    env.reset(seed=0)
    for count in (min(steps, 50), *[steps] * rounds):
        spent, over = 0.0, True
        for _ in range(count):
            if over:
                start = time.process_time()
                env.reset()
                slowest = max(slowest, time.process_time() - start)
            action = rng.choice(np.flatnonzero(env.action_masks()))
            start = time.process_time()
            over = env.step(action)[2]
            spent += time.process_time() - start
        speeds.append(count / spent)
    return speeds[1:], slowest


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
