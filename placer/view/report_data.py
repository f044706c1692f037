"""What the report's script needs to know, as one compact JSON object."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.io.json import to_json_plotly

from netlists.netlist import HARD_MACRO
from netlists.orientation import NAMES
from placer.view import theme
from placer.view.connect import Connections, connections
from placer.view.figure import heat_tops, layout, traces
from placer.view.scene import KIND_WORDS, LAYERS, Scene

#: Flylines kept in the page, all objects together; hard macros get up to ``_MACRO_LINES`` of them each.
_LINES, _MACRO_LINES = 60_000, 150
#: Points of the cost curve kept in the page.
_CURVE_POINTS = 4000

#: One point of a run's history: seconds since the start, phase, cost (None before the first legal placement).
HistoryPoint = tuple[float, str, float | None]


def page_data(views: Mapping[str, Scene], history: Sequence[HistoryPoint] | None, measure: str = "proxy cost") -> str:
    """JSON for the page's script; safe inside a ``<script>`` element.

    Args:
        views: scenes of one design by label, in the order of time; the last is shown first.
        history: cost over time.
        measure: what that cost is.
    """
    scenes = list(views.values())
    last = scenes[-1]
    tops = heat_tops(scenes)
    links = _links(last)
    # Ids in the page count the objects it knows: those drawn, then those at the far end of a flyline.
    drawn = np.unique(np.concatenate([s.drawn for s in scenes]))
    points = np.concatenate([drawn, np.setdiff1d(links.neighbour, drawn)])
    local = np.full(last.design.netlist.num_nodes, -1, np.int32)
    local[points] = np.arange(len(points))
    at = np.full(len(points), -1, np.int32)
    at[local[links.nodes]] = np.arange(len(links.nodes))
    n, c = last.design.netlist, last.canvas
    page = {
        "file": "".join(ch if ch.isalnum() or ch in "-_" else "_" for ch in n.name) or "placement",
        "aspect": c.width / c.height,
        "pad": 0.003 * max(c.width, c.height),
        "kinds": KIND_WORDS,
        "orientations": NAMES,
        "theme": {"flyline": theme.FLYLINE, "ground": theme.GROUND},
        "layers": [
            {"key": layer.key, "label": layer.label, "unit": layer.unit,
             "peak": max(float(s.maps[layer.key].max()) for s in scenes)}
            for layer in LAYERS if layer.key in last.maps
        ],
        "layout": _page_layout(scenes),
        "nodes": {
            "drawn": len(drawn),
            "name": [n.node_names[i] for i in points],
            "kind": _pack(n.node_kind[points], "u1"),
            "fixed": _pack(last.placement.fixed[points], "u1"),
        },
        "links": {
            "at": _pack(at, "i4"),
            "ptr": _pack(links.ptr, "i4"),
            "neighbour": _pack(local[links.neighbour], "i4"),
            "weight": _pack(links.weight, "f4"),
            "nets": _pack(np.minimum(links.nets, 65535), "u2"),
            "left_out": _pack(links.left_out, "i4"),
        },
        "views": [_view(label, s, points, local, tops) for label, s in views.items()],
        "curve": _curve(history, measure) if history else None,
    }  # fmt: skip
    text: str = to_json_plotly(page)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _view(label: str, view: Scene, points: np.ndarray, local: np.ndarray, tops: Mapping[str, float]) -> dict[str, Any]:
    drawing = traces(view, hover=False, tops=dict(tops))
    labels = []
    for trace in drawing:
        if trace.meta == "objects":
            labels.append({"text": _plain(trace.name), "count": len(trace.customdata)})
            trace.customdata = local[trace.customdata]
        elif trace.meta == "crowd":
            labels.append({"text": trace.name, "count": sum(count for _, count in view.crowds)})
        else:
            labels.append({"text": _plain(trace.name)})
        if trace.type == "heatmap":
            trace.showscale = False
            trace.hovertemplate, trace.hoverinfo = None, "skip"
    w, h = view.size
    placement = view.placement
    nodes = {
        "x": _pack(placement.x[points], "f8"),
        "y": _pack(placement.y[points], "f8"),
        "w": _pack(w[points], "f8"),
        "h": _pack(h[points], "f8"),
        "orient": _pack(placement.orient[points], "u1"),
        "placed": _pack(placement.placed[points], "u1"),
    }
    if view.shares is not None and view.cost is not None:
        parts = [
            ("wirelength", view.shares.wirelength, view.cost.wirelength_cost),
            ("density", view.shares.density, view.cost.density_cost),
            ("congestion", view.shares.congestion, view.cost.congestion_cost),
            ("proxy", view.shares.proxy(), float(view.shares.proxy().sum())),
        ]
        for key, part, whole in parts:
            if whole > 0 or key != "congestion":
                nodes[key] = _pack(part[points] / (whole if whole > 0 else 1.0), "f4")
    peaks = {key: float(values.max()) for key, values in view.maps.items()}
    return {
        "label": label,
        "data": go.Figure(drawing).to_dict()["data"],
        "labels": labels,
        "nodes": nodes,
        "peaks": peaks,
    }


def _links(view: Scene) -> Connections:
    """Connections of everything that is drawn, hard macros in more detail than the rest."""
    drawn = view.drawn
    hard = view.design.netlist.node_kind[drawn] == HARD_MACRO
    macro_lines = min(_MACRO_LINES, _LINES // 2 // max(1, int(hard.sum())))
    other_lines = min(_MACRO_LINES // 3, _LINES // 2 // max(1, int((~hard).sum())))
    return connections(view.design.netlist, drawn, np.where(hard, max(10, macro_lines), max(10, other_lines)))


def _page_layout(views: Sequence[Scene]) -> dict[str, Any]:
    made: dict[str, Any] = layout(*views).to_plotly_json()
    for key in ("title", "legend", "height"):
        made.pop(key)
    return {**made, "showlegend": False, "margin": {"l": 58, "r": 10, "t": 8, "b": 44}, "autosize": True}


def _curve(history: Sequence[HistoryPoint], measure: str) -> dict[str, Any]:
    """Cost over time as a step line over one band a phase."""
    points = [(float(s), str(phase), None if cost is None else float(cost)) for s, phase, cost in history]
    bands: list[list[Any]] = []  # phase, begin, end
    for seconds, phase, _ in points:
        if not bands or bands[-1][0] != phase:
            bands.append([phase, bands[-1][2] if bands else 0.0, seconds])
        bands[-1][2] = seconds
    total = max(points[-1][0], 1e-9)
    costed = [p for p in points if p[2] is not None]
    step = -(-len(costed) // _CURVE_POINTS) if costed else 1
    kept = costed[::step] + (costed[-1:] if costed and (len(costed) - 1) % step else [])
    shapes, notes = [], []
    for k, (phase, begin, end) in enumerate(bands):
        shapes.append({
            "type": "rect", "xref": "x", "yref": "paper", "x0": begin, "x1": end, "y0": 0, "y1": 1, "layer": "below",
            "line": {"width": 0}, "fillcolor": "#f1f4f8" if k % 2 == 0 else "#e4eaf1",
        })  # fmt: skip
        if end - begin > 0.08 * total:
            notes.append({
                "text": phase.replace("&", "&amp;").replace("<", "&lt;"), "xref": "x", "yref": "paper",
                "x": (begin + end) / 2, "y": 1.0, "yanchor": "bottom", "showarrow": False,
                "font": {"size": 11, "color": theme.FAINT},
            })  # fmt: skip
    axis = {"gridcolor": "#dfe5ec", "zeroline": False, "tickfont": {"color": theme.FAINT, "size": 11}}
    return {
        "data": [{
            "type": "scatter", "mode": "lines+markers" if len(kept) < 40 else "lines", "name": "cost",
            "x": [p[0] for p in kept], "y": [p[2] for p in kept],
            "text": [p[1].replace("&", "&amp;").replace("<", "&lt;") for p in kept],
            "line": {"color": theme.END_COLOUR, "width": 2, "shape": "hv"}, "marker": {"size": 5},
            "hovertemplate": "%{text}<br>%{x:.2f} s<br>" + (
                "cost %{y:.5f}" if measure == "proxy cost" else f"{measure} %{{y:,.0f}}"
            ) + "<extra></extra>",
        }],
        "layout": {
            "font": {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "color": theme.INK},
            "margin": {"l": 58, "r": 12, "t": 24, "b": 42}, "paper_bgcolor": "#fff", "plot_bgcolor": "#fff",
            "hovermode": "closest", "showlegend": False, "shapes": shapes, "annotations": notes, "dragmode": False,
            "xaxis": {**axis, "title": {"text": "seconds", "standoff": 4}, "range": [0, total], "showgrid": False},
            "yaxis": {**axis, "title": {"text": measure, "standoff": 4},
                      "tickformat": ".3~f" if measure == "proxy cost" else ".3~s"},
        },
    }  # fmt: skip


def _plain(name: str) -> str:
    """A trace name without Plotly's escapes: the page writes it as text."""
    return name.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _pack(values: ArrayLike, dtype: str) -> dict[str, str]:
    """Little-endian bytes as base64, in Plotly's own form for typed arrays."""
    raw = np.ascontiguousarray(values, dtype="<" + dtype)
    return {"dtype": dtype, "bdata": base64.b64encode(raw.tobytes()).decode()}
