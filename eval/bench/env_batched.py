"""Steps a second of the batched environment, against the number of copies and of macros, beside the single one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
import plotly.graph_objects as go
from gymnasium.vector import SyncVectorEnv
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from env.batched import BatchedMacroPlacement
from env.macro_placement import MacroPlacementEnv
from eval.bench.designs import Settings, find
from eval.bench.sheet import Sheet
from netlists.design import Design
from netlists.load import load
from netlists.synthesis import SynthesisSpec, synthesize

DESIGN = "ct/ariane133_ng45"
#: Copies on one design, and macros of generated designs with :data:`WIDE` copies.
COPIES, QUICK_COPIES = (1, 4, 16, 64, 256, 1024), (1, 64)
MACROS, QUICK_MACROS = (20, 50, 130, 300, 500), (20,)
WIDE = 256
#: Copies of the vector environment that steps single ones in turn.
_SYNC_COPIES = 16
_PLAIN: dict[str, Any] = {"maps": False, "final_costs": False}


def run(settings: Settings) -> Sheet:
    """Measure on JAX's default device.

    Args:
        settings: what to measure.
    """
    sheet = Sheet(
        "env-batched",
        "Speed of the batched environment",
        {
            "design": "design",
            "macros": "macros",
            "grid": "grid",
            "dtype": "numbers",
            "copies": "copies B",
            "steps": "steps / s",
            "cpu_steps": "steps / CPU second",
            "single": "single environment, steps / s",
            "sync": f"SyncVectorEnv of {_SYNC_COPIES}, steps / s",
            "over_single": "batched / single",
            "over_sync": "batched / SyncVectorEnv",
            "kib": "state of a copy, KiB",
            "tables_kib": "tables of all copies, KiB",
            "compile_s": "first step, s",
        },
        notes=[
            "A step is one environment step: action, legality mask, wire mask, occupancy map, macro features, dense "
            "HPWL reward, end of episodes and new beginning. Actions are random and legal; choosing them is not timed.",
            "All through Gymnasium's NumPy interfaces, infos included, without congestion maps and final costs.",
            f"Device: {jax.devices()[0].device_kind} ({jax.devices()[0].platform}).",
        ],
    )
    seconds = 0.3 if settings.quick else 2.0
    path = find(settings, DESIGN, sheet.skipped)
    main = load(path or "synth130")
    if settings.wants(main.name):
        many: Sequence[int] = QUICK_COPIES if settings.quick else COPIES
        sheet.rows += measure(main, many, ("float64", "float32"), seconds)
    for macros in QUICK_MACROS if settings.quick else MACROS:
        if settings.wants(f"generated{macros}"):
            design = synthesize(SynthesisSpec(num_macros=macros), seed=0)
            wide = [QUICK_COPIES[-1] if settings.quick else WIDE]
            sheet.rows += [row | {"generated": True} for row in measure(design, wide, ("float64",), seconds)]
    sheet.files["env-batched.html"] = figure(sheet.rows).to_html(include_plotlyjs="cdn", full_html=True)
    return sheet


def measure(design: Design, copies: Sequence[int], dtypes: Sequence[str], seconds: float) -> list[dict[str, Any]]:
    """Rows of the sheet for one design.

    Args:
        design: what is placed.
        copies: numbers of copies.
        dtypes: of real numbers.
        seconds: how long each rate is measured.
    """
    make = partial(MacroPlacementEnv, design, **_PLAIN)
    single = _single_rate(make(), seconds)
    turns, _ = _laps(SyncVectorEnv([make] * _SYNC_COPIES), seconds)
    sync = _SYNC_COPIES * len(turns) / sum(turns)
    rows = []
    for dtype in dtypes:
        for count in copies:
            env = BatchedMacroPlacement(count, design, dtype=dtype)
            _, info = env.reset(seed=0)
            start = time.perf_counter()
            env.step(_choose(info["action_mask"], np.random.default_rng(0)))
            compile_s = time.perf_counter() - start
            laps, cpu = _laps(env, seconds)
            memory, rate = env.memory(), count * len(laps) / sum(laps)
            rows.append(
                {
                    "design": design.name,
                    "macros": env.problems[0].num_macros,
                    "grid": "{} x {}".format(*env.problems[0].shape),
                    "dtype": dtype,
                    "copies": count,
                    "steps": rate,
                    "cpu_steps": count * len(laps) / cpu,
                    "single": single,
                    "sync": sync,
                    "over_single": rate / single,
                    "over_sync": rate / sync,
                    "kib": memory["state"] / 1024,
                    "tables_kib": memory["tables"] / 1024,
                    "compile_s": compile_s,
                }
            )
            env.close()
    return rows


def figure(rows: Sequence[dict[str, Any]]) -> go.Figure:
    """Steps a second against copies and against macros, and the memory of a copy against macros.

    Args:
        rows: of the sheet.
    """
    titles = ("against copies", "against macros", "state of a copy, KiB")
    picture = make_subplots(rows=1, cols=3, subplot_titles=titles)
    fixed = [row for row in rows if not row.get("generated")]
    grown = [row for row in rows if row.get("generated")]
    for dtype in dict.fromkeys(row["dtype"] for row in fixed):
        mine = [row for row in fixed if row["dtype"] == dtype]
        _line(picture, 1, mine, "copies", "steps", f"{mine[0]['design']}, {dtype}")
    _line(picture, 1, fixed[: len({row["copies"] for row in fixed})], "copies", "sync", "SyncVectorEnv")
    _line(picture, 2, grown, "macros", "steps", "generated designs")
    _line(picture, 2, grown, "macros", "single", "single environment")
    _line(picture, 3, grown, "macros", "kib", "float64")
    for column, (x, y) in enumerate((("copies", "steps / s"), ("macros", "steps / s"), ("macros", "KiB")), start=1):
        picture.update_xaxes(title_text=x, type="log", row=1, col=column)
        picture.update_yaxes(title_text=y, type="log", row=1, col=column)
    picture.update_layout(template="plotly_white", height=440, width=1300, title="Batched environment")
    return picture


def _line(picture: go.Figure, panel: int, rows: Sequence[dict[str, Any]], x: str, y: str, name: str) -> None:
    if rows:
        xs, ys = [row[x] for row in rows], [row[y] for row in rows]
        picture.add_scatter(x=xs, y=ys, name=name, mode="lines+markers", row=1, col=panel)


def _choose(mask: NDArray[np.int8], rng: np.random.Generator) -> NDArray[np.int64]:
    """A random legal action for each copy."""
    return (mask * rng.random(mask.shape, dtype=np.float32)).argmax(-1)


def _laps(env: Any, seconds: float) -> tuple[list[float], float]:  # noqa: ANN401 - a vector environment
    """Times of whole steps for so long altogether, and their CPU time; the first step, which may compile, apart."""
    _, info = env.reset(seed=0)
    rng, laps, cpu = np.random.default_rng(0), [0.0], 0.0
    *_, info = env.step(_choose(info["action_mask"], rng))
    while sum(laps) < seconds:
        action = _choose(info["action_mask"], rng)
        start, busy = time.perf_counter(), time.process_time()
        *_, info = env.step(action)
        laps.append(time.perf_counter() - start)
        cpu += time.process_time() - busy
    return laps[1:], cpu


def _single_rate(env: MacroPlacementEnv, seconds: float) -> float:
    rng, spent, count = np.random.default_rng(0), 0.0, 0
    _, info = env.reset()
    while spent < seconds:
        action = np.int64(_choose(info["action_mask"], rng))
        start = time.perf_counter()
        *_, over, _, info = env.step(action)
        if over:
            _, info = env.reset()
        spent += time.perf_counter() - start
        count += 1
    return count / spent
