"""Steps a second of the batched environment, against the number of copies and of macros, beside the single one.

Everything is measured in a process of its own, which gets its cores before JAX starts its threads.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import plotly.graph_objects as go
from gymnasium.vector import SyncVectorEnv
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from env.batched import BatchedMacroPlacement
from env.macro_placement import MacroPlacementEnv
from eval.bench.child import run_child
from eval.bench.designs import Settings, find
from eval.bench.pages import page
from eval.bench.sheet import Sheet
from netlists.design import Design
from netlists.load import load
from netlists.synthesis import SynthesisSpec, synthesize

DESIGN = "ct/ariane133_ng45"
#: Copies on one design, and macros of generated designs with :data:`WIDE` copies.
COPIES, QUICK_COPIES = (1, 4, 16, 64, 256, 1024), (1, 256)
MACROS, QUICK_MACROS = (20, 50, 130, 300, 500), (20,)
WIDE = 256
#: Copies that stay on the device from step to step: on a CPU, and on a GPU, which needs many to be busy.
LOOP_COPIES, GPU_LOOP_COPIES = (256, 1024), (256, 1024, 4096, 16384, 65536)
#: Steps of one lap of those; the host waits once a lap.
_LAP = 50
#: Steps of the single environment before its rate is measured.
_WARM = 20
#: Copies of the vector environment that steps single ones in turn.
_SYNC_COPIES = 16
_PLAIN: dict[str, Any] = {"maps": False, "final_costs": False}


def run(settings: Settings) -> Sheet:
    """Measure on JAX's default device with ``settings.cores`` processor cores.

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
            "through": "through",
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
            "HPWL reward, end of episodes and new beginning; without congestion maps and final costs. Actions are "
            "random and legal.",
            "Through `NumPy`: `step` with infos, as Gymnasium has it; choosing actions is not timed. Through `JAX`: "
            f"`advance`, nothing leaves the device, actions are chosen there and timed too, and the host waits "
            f"once in {_LAP} steps.",
        ],
    )
    path = find(settings, DESIGN, sheet.skipped)
    main = load(path or "synth130")
    plan = {
        "design": str(path or "synth130") if settings.wants(main.name) else None,
        "copies": QUICK_COPIES if settings.quick else COPIES,
        "loop_copies": LOOP_COPIES[:1] if settings.quick else None,
        "macros": [n for n in (QUICK_MACROS if settings.quick else MACROS) if settings.wants(f"generated{n}")],
        "seconds": 0.3 if settings.quick else 2.0,
    }
    found = run_child("env_batched", json.dumps(plan), timeout=3600.0, cores=settings.cores)
    sheet.rows += found["rows"]
    sheet.skipped += found["skipped"]
    sheet.notes.append(f"Device: {found['device']}. Processor cores: {found['cores']}.")
    sheet.files |= page("env-batched.html", figure(sheet.rows))
    return sheet


def carry_out(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Measure what a plan says, in this process.

    Args:
        plan: ``design`` (or None), ``copies``, ``loop_copies`` (None: as many as suit the device), ``macros`` of
            generated designs, ``seconds`` of each rate.

    Returns:
        ``rows`` and ``skipped`` of the sheet, the ``device`` and the number of ``cores``.
    """
    device, seconds, rows, skipped = jax.devices()[0], plan["seconds"], [], []
    if plan["design"] is not None:
        design = load(plan["design"])
        rows += measure(design, plan["copies"], ("float64", "float32"), seconds)
        loops = plan["loop_copies"] or (LOOP_COPIES if device.platform == "cpu" else GPU_LOOP_COPIES)
        for copies in loops:
            try:
                rows.append(measure_loop(design, copies, rows[0], seconds))
            except jax.errors.JaxRuntimeError as error:
                if "RESOURCE_EXHAUSTED" not in str(error):
                    raise
                skipped.append(f"{copies} copies: the device has too little memory")
                break
    for macros in plan["macros"]:
        design = synthesize(SynthesisSpec(num_macros=macros), seed=0)
        rows += [row | {"generated": True} for row in measure(design, [WIDE], ("float64",), seconds)]
    return {
        "rows": rows, "skipped": skipped, "device": f"{device.device_kind} ({device.platform})",
        "cores": len(os.sched_getaffinity(0)),
    }  # fmt: skip


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
            rates = {"steps": count * len(laps) / sum(laps), "cpu_steps": count * len(laps) / cpu}
            known = {"single": single, "sync": sync, "compile_s": compile_s, "through": "NumPy"}
            rows.append(_row(env, rates | known))
            env.close()
    return rows


def measure_loop(design: Design, copies: int, beside: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Row of the sheet for steps in float32 that stay on the device.

    Args:
        design: what is placed.
        copies: how many.
        beside: a row with the rates of the single environment and of ``SyncVectorEnv``.
        seconds: how long the rate is measured.
    """
    env = BatchedMacroPlacement(copies, design, dtype="float32")
    outcome, key = env.begin(seed=0), jax.random.key(0)

    def lap(steps: int) -> None:
        nonlocal outcome, key
        for _ in range(steps):
            key, actions = choose_on_device(key, outcome.observation["legality_mask"])
            outcome = env.advance(actions)
        jax.block_until_ready(outcome)

    start = time.perf_counter()
    lap(1)
    compile_s = time.perf_counter() - start
    lap(_LAP)
    start, busy, laps = time.perf_counter(), time.process_time(), 0
    while laps == 0 or time.perf_counter() - start < seconds:
        lap(_LAP)
        laps += 1
    spent, cpu, steps = time.perf_counter() - start, time.process_time() - busy, copies * laps * _LAP
    rates = {"steps": steps / spent, "cpu_steps": steps / cpu, "compile_s": compile_s, "through": "JAX"}
    row = _row(env, rates | {name: beside[name] for name in ("single", "sync")})
    env.close()
    return row


@jax.jit
def choose_on_device(key: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array]:
    """A random legal action for each copy, every one as likely; 0 where there is none.

    Args:
        key: of JAX's random numbers.
        mask: ``[B, ...]`` int8 legality masks.

    Returns:
        The next key and ``[B]`` int32 actions.
    """
    key, own = jax.random.split(key)
    count = jnp.cumsum(mask.reshape(len(mask), -1), axis=1, dtype=jnp.int32)
    most = count[:, -1:]
    wanted = jnp.floor(jax.random.uniform(own, most.shape, jnp.float32) * most.astype(jnp.float32)).astype(jnp.int32)
    return key, (count > jnp.minimum(wanted, most - 1)).argmax(1).astype(jnp.int32)


def _row(env: BatchedMacroPlacement, measured: Mapping[str, Any]) -> dict[str, Any]:
    memory = env.memory()
    return {
        "design": env.designs[0].name,
        "macros": env.problems[0].num_macros,
        "grid": "{} x {}".format(*env.problems[0].shape),
        "dtype": env.dtype.name,
        "copies": env.num_envs,
        **measured,
        "over_single": measured["steps"] / measured["single"],
        "over_sync": measured["steps"] / measured["sync"],
        "kib": memory["state"] / 1024,
        "tables_kib": memory["tables"] / 1024,
    }


def figure(rows: Sequence[dict[str, Any]]) -> go.Figure:
    """Steps a second against copies and against macros, and the memory of a copy against macros.

    Args:
        rows: of the sheet.
    """
    titles = ("against copies", "against macros", "state of a copy, KiB")
    picture = make_subplots(rows=1, cols=3, subplot_titles=titles)
    fixed = [row for row in rows if not row.get("generated")]
    grown = [row for row in rows if row.get("generated")]
    for dtype, through in dict.fromkeys((row["dtype"], row["through"]) for row in fixed):
        mine = [row for row in fixed if (row["dtype"], row["through"]) == (dtype, through)]
        _line(picture, 1, mine, "copies", "steps", f"{mine[0]['design']}, {dtype}, {through}")
    _line(picture, 1, [row for row in fixed if row["dtype"] == fixed[0]["dtype"]], "copies", "sync", "SyncVectorEnv")
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
    """Steps a second of the single environment; the first ones, which load the kernels, do not count."""
    rng, spent, count = np.random.default_rng(0), 0.0, -_WARM
    _, info = env.reset()
    while count < 1 or spent < seconds:
        if count == 0:
            spent = 0.0
        action = np.int64(_choose(info["action_mask"], rng))
        start = time.perf_counter()
        *_, over, _, info = env.step(action)
        if over:
            _, info = env.reset()
        spent += time.perf_counter() - start
        count += 1
    return count / spent
