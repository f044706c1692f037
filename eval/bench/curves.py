"""Cost against time: every run as a step curve (CSV), seeds as a band (Plotly)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from eval.bench.pages import page

#: Curves of a quality row: key of its runs -> name and colour.
METHODS: dict[str, tuple[str, str]] = {
    "runs": ("placer", "#1f6fb4"),
    "peer_runs": ("TILOS-style SA", "#c2571a"),
}
#: Instants at which the seeds of a band are compared.
_INSTANTS = 160


def files(stem: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The curves of a quality table.

    Args:
        stem: of the file names.
        rows: quality rows; each run carries ``seed`` and ``history``, pairs of seconds and best proxy cost.

    Returns:
        File name -> text: a CSV with one line a step, a page with one panel a design, and what that loads.
    """
    lines = ["design,method,seed,seconds,proxy_cost"]
    for row in rows:
        for key, (method, _) in METHODS.items():
            for run in row.get(key, ()):
                lines += [f"{row['design']},{method},{run['seed']},{at:.3f},{cost:.6f}" for at, cost in run["history"]]
    return {f"{stem}.csv": "\n".join(lines) + "\n"} | page(f"{stem}.html", figure(rows))


def figure(rows: Sequence[Mapping[str, Any]]) -> go.Figure:
    """One panel a design: best proxy cost so far, mean of the seeds as a line, all seeds within the band.

    Args:
        rows: as in :func:`files`.
    """
    columns = min(3, max(1, len(rows)))
    picture = make_subplots(
        rows=max(1, -(-len(rows) // columns)), cols=columns, subplot_titles=[str(row["design"]) for row in rows]
    )
    named: set[str] = set()
    for k, row in enumerate(rows):
        panel = {"row": k // columns + 1, "col": k % columns + 1}
        for key, (method, colour) in METHODS.items():
            if not row.get(key):
                continue
            at, costs = band([run["history"] for run in row[key]])
            group = {"legendgroup": method, "showlegend": False, "hoverinfo": "skip"}
            picture.add_scatter(x=at, y=costs.min(0), line={"width": 0}, **group, **panel)
            picture.add_scatter(
                x=at, y=costs.max(0), line={"width": 0}, fill="tonexty", fillcolor=_faint(colour), **group, **panel
            )
            picture.add_scatter(
                x=at, y=costs.mean(0), line={"color": colour}, name=method, legendgroup=method,
                showlegend=method not in named, **panel,
            )  # fmt: skip
            named.add(method)
        if row.get("best") is not None:
            picture.add_hline(
                y=row["best"], line={"color": "#555", "dash": "dot", "width": 1},
                annotation={"text": "best published", "font": {"size": 10}}, **panel,
            )  # fmt: skip
    picture.update_xaxes(type="log", title="seconds")
    picture.update_yaxes(title="proxy cost")
    picture.update_layout(
        template="plotly_white", height=360 * max(1, -(-len(rows) // columns)), width=420 * columns,
        title="Best legal placement so far; band: all seeds, line: their mean",
    )  # fmt: skip
    return picture


def band(histories: Sequence[Sequence[Sequence[float]]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Curves of several runs at common instants.

    Args:
        histories: per run, pairs of seconds and best cost, in order of time.

    Returns:
        ``[T]`` seconds from the first instant all runs have a placement to the last of any, evenly in log time; and
        ``[runs, T]`` best costs so far.
    """
    first = max(history[0][0] for history in histories)
    last = max(history[-1][0] for history in histories)
    at = np.geomspace(max(first, 1e-3), max(last, first, 2e-3), _INSTANTS)
    at[0] = max(at[0], first)  # not a rounding error too early
    costs = []
    for history in histories:
        seconds, cost = np.array(history, float).T
        best = np.minimum.accumulate(cost)
        costs.append(best[np.searchsorted(seconds, at, side="right") - 1])
    return at, np.array(costs)


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"
