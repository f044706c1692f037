"""Plotly figures of the site, as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.ledger import Run
from eval.site.tables import Cell, Group
from eval.statistics import RankTable, band, time_grid
from placer.view import theme

#: Colours of methods, told apart by colour-blind eyes too (Okabe and Ito, 2008), dark enough for lines on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#a8407f", "#7a6a00", "#3d5a80", "#8c2d04", "#555555")
_FONT = {"family": "system-ui, sans-serif", "size": 12, "color": theme.INK}
#: Figures whose agreement is looked at.
CORRELATED = (
    "proxy_cost", "wirelength_cost", "density_cost", "congestion_cost", "hpwl_um", "macro_hpwl_um", "rudy_max",
    "rudy_top1pct", "rudy_top10pct", "periphery", "regularity", "notches", "narrow_channel_length_um", "dead_share",
    "blocked_pins", "overlap_area_um2",
)  # fmt: skip


def colour(methods: Sequence[str], method: str) -> str:
    """The colour of a method, the same on every page."""
    return COLOURS[sorted(methods).index(method) % len(COLOURS)]


def layout(x: str, y: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - Plotly's
    """What all line charts share."""
    axis = {"gridcolor": "#e6eaf0", "zeroline": False, "linecolor": "#9aa5b5", "automargin": True}
    return {
        "font": _FONT, "paper_bgcolor": "#fff", "plot_bgcolor": "#fff", "margin": {"l": 60, "r": 12, "t": 10, "b": 44},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}, "hovermode": "closest",
        "xaxis": {**axis, "title": {"text": x}}, "yaxis": {**axis, "title": {"text": y}}, **more,
    }  # fmt: skip


def profile_figure(group: Group, methods: Sequence[str]) -> dict[str, Any]:
    """Performance profiles: share of designs against the factor to the best."""
    data = []
    for method, found in group.profiles().items():
        last = float(found.factors[-1])
        data.append({
            "type": "scatter", "mode": "lines", "name": method, "meta": method,
            "x": [*found.factors.tolist(), last * 1.02], "y": [*found.share.tolist(), float(found.share[-1])],
            "line": {"shape": "hv", "width": 2.4, "color": colour(methods, method)},
        })  # fmt: skip
    made = layout("mean cost, times the best method's", "share of designs")
    made["yaxis"]["range"] = [0, 1.04]
    return {"data": data, "layout": made}


def judged_curve(run: Run, metric: str) -> list[tuple[float, float]]:
    """A run's curve as the judge lets it stand: what the method said about the metric, then its true end.

    Claims better than the end are cut to it: a method cannot have been better than what it handed in.
    """
    end, seconds = run.figure(metric), run.seconds
    if end is None or seconds is None:
        return []
    said = run.curve if run.curve_of == metric else []
    return [(at, max(cost, end)) for at, cost in said or () if at < seconds] + [(seconds, end)]


def curve_figure(cells: Mapping[str, Cell], methods: Sequence[str], metric: str) -> dict[str, Any]:
    """Cost over time of every method on one design: the mean over seeds, all seeds inside the band."""
    data: list[dict[str, Any]] = []
    for method, cell in cells.items():
        curves = [curve for run in cell.good if (curve := judged_curve(run, metric))]
        at = time_grid(curves)
        if not len(at):
            continue
        found, tone = band(curves, at), colour(methods, method)
        known = np.isfinite(found.middle)
        shared = {"meta": method, "legendgroup": method, "hoverinfo": "skip", "showlegend": False, "mode": "lines"}
        x = at[known].tolist()
        if known.sum() > 1:
            data += [
                {"type": "scatter", "x": x, "y": found.low[known].tolist(), "line": {"width": 0}, **shared},
                {"type": "scatter", "x": x, "y": found.high[known].tolist(), "line": {"width": 0}, "fill": "tonexty",
                 "fillcolor": tone + "26", **shared},
            ]  # fmt: skip
        data.append({
            "type": "scatter", "x": x, "y": found.middle[known].tolist(), "name": f"{method} ({found.seeds})",
            "mode": "lines+markers", "meta": method, "legendgroup": method,
            "line": {"width": 2.4, "color": tone, "shape": "hv"},
            "marker": {"size": [0.0] * (len(x) - 1) + [9.0], "opacity": 1, "line": {"width": 0}},  # where it ended
            "hovertemplate": "%{x:.2f} s: %{y:.5g}<extra></extra>",
        })  # fmt: skip
    made = layout("seconds", metric)
    made["xaxis"]["type"] = "log"
    times = [t for trace in data for t in trace["x"]]
    if times:  # room at both ends, so that a method of one point is seen whole
        low, high = math.log10(min(times)), math.log10(max(times))
        room = 0.04 * (high - low) + 0.02
        made["xaxis"]["range"] = [low - room, high + room]
    return {"data": data, "layout": made}


def map_figure(values: NDArray[np.float64], top: float, width: float, height: float) -> dict[str, Any]:
    """A congestion map; ``top`` is the end of the scale, the same for all methods."""
    none = {"visible": False, "fixedrange": True}
    return {
        "data": [{
            "type": "heatmap", "z": np.round(values, 4).tolist(), "zmin": 0, "zmax": top, "showscale": False,
            "colorscale": [list(stop) for stop in theme.scale(theme.HEAT)],
            "hovertemplate": "column %{x}, row %{y}: %{z:.3f}<extra></extra>",
        }],
        "layout": {
            "margin": {"l": 0, "r": 0, "t": 0, "b": 0}, "paper_bgcolor": "#fff", "plot_bgcolor": "#fff", "font": _FONT,
            "xaxis": {**none, "constrain": "domain"},
            "yaxis": {**none, "scaleanchor": "x", "scaleratio": (height / values.shape[0]) / (width / values.shape[1])},
        },
    }  # fmt: skip


def correlation_figure(found: RankTable) -> dict[str, Any]:
    """Medians of the rank correlations as a coloured table."""
    telling = np.flatnonzero(found.designs.diagonal() > 0)
    names = [found.figures[k] for k in telling]
    text = [
        [
            f"{a} and {b}: {found.median[i, j]:.2f} ({found.low[i, j]:.2f} to {found.high[i, j]:.2f}, "
            f"{found.designs[i, j]} designs)" if np.isfinite(found.median[i, j]) else f"{a} and {b}: nothing to tell"
            for j, b in zip(telling, names, strict=True)
        ]
        for i, a in zip(telling, names, strict=True)
    ]  # fmt: skip
    made = layout("", "")
    made["yaxis"].update(autorange="reversed")
    made["xaxis"].update(tickangle=-45)
    return {
        "data": [{
            "type": "heatmap", "x": names, "y": names, "z": found.median[np.ix_(telling, telling)], "text": text,
            "zmin": -1, "zmax": 1,
            "colorscale": [[0, "#b3450f"], [0.5, "#ffffff"], [1, "#0072b2"]], "hovertemplate": "%{text}<extra></extra>",
            "texttemplate": "%{z:.2f}", "textfont": {"size": 10}, "colorbar": {"thickness": 12},
        }],
        "layout": made,
    }  # fmt: skip
