"""The learning curve of a training run, from what ``placer train`` wrote down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from eval.bench.designs import Settings
from eval.bench.pages import page
from eval.bench.sheet import Sheet
from netlists.errors import NetlistError

#: Gains in percent: key in the metrics -> key here and name of the curve.
GAINS: dict[str, tuple[str, str]] = {
    "held_out/greedy": ("greedy", "held out, most likely episode"),
    "held_out/drawn": ("drawn", "held out, mean of draws"),
    "held_out/best": ("best", "held out, best of all"),
    "gain": ("gain", "training, mean of draws"),
}


def run(settings: Settings) -> Sheet:
    """Read the metrics of a run.

    Args:
        settings: ``run`` is the folder of ``placer train``.

    Raises:
        NetlistError: no folder is named, or it holds no metrics.
    """
    if settings.run is None:
        raise NetlistError("the learning curve needs the folder of a training run", expected="--run FOLDER")
    lines = read(settings.run / "metrics.jsonl")
    rows = [row(line) for line in lines if any(key in line for key in GAINS if key.startswith("held_out"))]
    sheet = Sheet(
        "training",
        "Learning curve",
        {
            "iteration": "iteration", "env_steps": "environment steps", "minutes": "minutes",
            "greedy": "most likely, %", "drawn": "mean of draws, %", "best": "best, %", "rise": "rise, %",
            "rise_error": "+-", "gain": "training, %", "entropy": "entropy", "kl": "divergence",
            "explained_variance": "explained variance", "steps_per_second": "steps/s",
        },
        rows=rows,
        notes=[
            "Gains are shares of exact proxy cost saved against the greedy wire-mask decoder on the same design, soft "
            "macros placed by the environment's solver. Held-out designs are generated ones that are never trained "
            "on; the dice of their draws are the same at every trial.",
            "Rise: how much the mean of draws has grown since the first trial, with its standard error over the "
            "held-out designs. Iteration 0 is the network before reinforcement learning, after imitation if the run "
            "had any. Minutes are wall-clock and count everything, imitation and trials too.",
            "The other columns are means since the row above.",
            "`placer train --output FOLDER ...`, then `python -m eval.bench --only training --run FOLDER`.",
        ],
    )  # fmt: skip
    means = ("gain", "entropy", "kl", "explained_variance", "steps_per_second")
    last = -1
    for found in sheet.rows:
        since = [line for line in lines if last < line["iteration"] <= found["iteration"]]
        for key in means:
            values = [line[key] for line in since if key in line]
            found[key] = sum(values) / len(values) * (100.0 if key == "gain" else 1.0) if values else None
        last = found["iteration"]
    sheet.files |= page("training.html", figure(sheet.rows))
    return sheet


def read(file: Path) -> list[dict[str, Any]]:
    """The lines of a ``metrics.jsonl``.

    Raises:
        NetlistError: there is none, or a line is no JSON object.
    """
    try:
        lines = [json.loads(line) for line in file.read_text().splitlines()]
    except OSError as error:
        raise NetlistError(f"cannot read: {error.strerror or error}", file=file) from None
    except ValueError as error:
        raise NetlistError(f"no metrics of a training run ({error})", file=file) from None
    if not all(isinstance(line, dict) and "iteration" in line for line in lines):
        raise NetlistError("no metrics of a training run", file=file)
    return lines


def row(line: Mapping[str, Any]) -> dict[str, Any]:
    """One trial as a row; gains in percent."""
    found: dict[str, Any] = {"iteration": line["iteration"], "env_steps": int(line.get("env_steps", 0))}
    found["minutes"] = line["seconds"] / 60 if "seconds" in line else None
    for key in ("greedy", "drawn", "best", "rise", "rise_error"):
        value = line.get(f"held_out/{key}")
        found[key] = None if value is None else 100.0 * value
    return found


def figure(rows: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Gains against environment steps, and under them entropy.

    Args:
        rows: of the sheet.
    """
    picture = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.75, 0.25], vertical_spacing=0.06)
    steps = [one["env_steps"] for one in rows]
    for key, name in GAINS.values():
        error = None
        if key == "drawn":
            error = {"type": "data", "array": [one["rise_error"] or 0.0 for one in rows], "thickness": 1}
        picture.add_scatter(
            x=steps, y=[one[key] for one in rows], error_y=error, mode="lines+markers", name=name, row=1, col=1
        )
    picture.add_scatter(
        x=steps, y=[one["entropy"] for one in rows], mode="lines", name="entropy", showlegend=False, row=2, col=1
    )
    picture.update_layout(title="Gain over the greedy wire-mask decoder", template="plotly_white")
    picture.update_yaxes(title="saved proxy cost, %", row=1, col=1)
    picture.update_yaxes(title="entropy, nats", row=2, col=1)
    picture.update_xaxes(title="environment steps", row=2, col=1)
    return picture
