"""The interactive drawing of a placement: one Plotly figure with objects, flylines and maps as layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO, STDCELL
from netlists.orientation import NAMES
from netlists.placement import Placement
from placer.cost.full import Cost
from placer.view import theme
from placer.view.connect import connections
from placer.view.markings import Marking, markings
from placer.view.scene import KIND_WORDS, LAYER_KEYS, LAYERS, SHAPE_LIMIT, Scene, scene

#: Flylines drawn at once without anything selected.
TOP_FLYLINES = 300
#: Fill of objects while a map lies under them: only their outline stays.
_CLEAR = "rgba(255,255,255,0)"
_HOVER = (
    "<b>%{customdata[0]}</b><br>%{customdata[1]}<br>%{customdata[2]}<br>centre %{customdata[3]}"
    "<br>%{customdata[4]}<extra></extra>"
)


def figure(
    design: Design,
    placement: Placement | None = None,
    *,
    cost: Cost | None = None,
    layers: Iterable[str] = LAYER_KEYS,
    flylines: str | int | None = None,
    grid: bool = False,
) -> go.Figure:
    """Draw a placement as an interactive figure; a notebook shows it by itself.

    Hovering an object tells its name, kind, size, orientation, position and share of the cost. Buttons lay a map
    under the objects, the legend switches kinds of objects and what the floorplan and the constraints say: die, rows,
    halos, fences, guides, blockages, pins. Objects of a kind with more than 3,000 members are drawn
    as the area they fill.

    Args:
        design: netlist and canvas.
        placement: the design's own when None.
        cost: ``full(design, placement)`` when it is known already.
        layers: maps to offer: any of ``"density"``, ``"h_congestion"``, ``"v_congestion"``, ``"rudy"``.
        flylines: name or id of an object whose connections are drawn; None offers the strongest ones between hard
            macros and ports, switched off.
        grid: show the placement grid from the start (the legend switches it in any case).

    Raises:
        ValueError: a layer is unknown.
        NetlistError: no object has the name or id given in ``flylines``.
        PlacementError: the placement has another number of objects than the netlist.
    """
    view = scene(design, placement, cost=cost, layers=layers)
    fig = go.Figure(traces(view, flylines=flylines, grid=grid), layout(view))
    if view.maps:
        fig.update_layout(updatemenus=[_layer_buttons(fig)], margin_t=96)
    return fig


def traces(
    view: Scene,
    *,
    hover: bool = True,
    flylines: str | int | None = None,
    grid: bool = False,
    tops: dict[str, float] | None = None,
) -> list[go.Bar | go.Scatter | go.Heatmap]:
    """All traces of a scene, in an order that depends only on the design.

    Args:
        view: what to draw.
        hover: put hover texts into the figure; a page that writes its own needs only the ids (``customdata``).
        flylines: as in :func:`figure`.
        grid: as in :func:`figure`.
        tops: upper end of the colour scale by layer, so that two figures can share one.
    """
    out: list[go.Bar | go.Scatter | go.Heatmap] = [*_heatmaps(view, tops or {}), *_crowd(view)]
    out += _bars(view, view.ids(STDCELL), "standard cells", theme.CELLS[2], theme.CELLS[4], hover)
    out += _bars(view, view.ids(SOFT_MACRO), "soft macros", theme.SOFT_FILL, theme.SOFT_LINE, hover)
    for (label, ids), colour in zip(view.groups, theme.GROUP_COLOURS, strict=False):
        out += _bars(view, ids, _text(_shorten(label)), colour, theme.HARD_LINE, hover)
    out += [*_outline(view), *(_marking(one, hover) for one in markings(view)), *_marks(view), *_ports(view, hover)]
    return [*out, *_grid(view, grid), *_flylines(view, flylines)]


def layout(*views: Scene) -> go.Layout:
    """Axes in microns at equal scale that hold all views (of one design), legend and fonts."""
    view = views[0]
    left, bottom = (min(v.extent[k] for v in views) for k in (0, 1))
    right, top = (max(v.extent[k] for v in views) for k in (2, 3))
    margin = 0.02 * max(right - left, top - bottom)
    axis = {
        "showgrid": False, "zeroline": False, "ticks": "outside", "tickcolor": "#c5ccd6", "ticklen": 4,
        "tickfont": {"color": theme.FAINT, "size": 11}, "constrain": "domain",
    }  # fmt: skip
    return go.Layout(
        title={"text": _text(view.design.name), "x": 0.01, "font": {"size": 17, "color": theme.INK}},
        template="none",
        font={"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "color": theme.INK, "size": 12},
        paper_bgcolor="#ffffff",
        plot_bgcolor=theme.GROUND,
        xaxis={**axis, "range": [left - margin, right + margin], "title": {"text": "x, µm", "standoff": 4}},
        yaxis={**axis, "range": [bottom - margin, top + margin], "title": {"text": "y, µm", "standoff": 4},
               "scaleanchor": "x"},
        shapes=[{
            "type": "path", "path": _svg_path(view.rings), "fillcolor": theme.CANVAS_FILL, "layer": "below",
            "line": {"width": 0}, "fillrule": "evenodd",
        }],
        barmode="overlay",
        bargap=0,
        hovermode="closest",
        dragmode="pan",
        hoverlabel={"bgcolor": "#ffffff", "bordercolor": theme.FAINT, "align": "left", "namelength": -1},
        legend={"itemsizing": "constant", "x": 1.01, "y": 0.5, "yanchor": "middle", "title": {"text": ""}},
        modebar={"bgcolor": "rgba(255,255,255,0)", "color": "#9aa5b4", "activecolor": theme.FAINT},
        margin={"l": 60, "r": 20, "t": 56, "b": 48},
        height=720,
    )  # fmt: skip


def heat_tops(views: Sequence[Scene]) -> dict[str, float]:
    """Upper end of the colour scale of every layer, common to scenes and to both congestion maps."""
    tops: dict[str, float] = {}
    for key in LAYER_KEYS:
        values = [v.maps[key] for v in views if key in v.maps]
        if values:
            # One extreme gcell must not bleach the rest of the map; what lies above shows in the darkest colour.
            peak = max(float(v.max()) for v in values)
            tops[key] = min(peak, 1.25 * max(float(np.percentile(v, 99.5)) for v in values) or peak)
    both = [tops[k] for k in ("h_congestion", "v_congestion") if k in tops]
    tops.update({k: max(both) for k in ("h_congestion", "v_congestion") if k in tops})
    return tops


def _heatmaps(view: Scene, tops: dict[str, float]) -> list[go.Heatmap]:
    c, tops = view.canvas, {**heat_tops([view]), **tops}
    return [
        go.Heatmap(
            z=view.maps[layer.key].astype(np.float32), x0=c.x0 + c.gcell_width / 2, dx=c.gcell_width,
            y0=c.y0 + c.gcell_height / 2, dy=c.gcell_height, zmin=0.0, zmax=tops[layer.key],
            colorscale=theme.scale(theme.HEAT), visible=False, name=layer.label, meta=layer.key,
            colorbar={
                "title": {"text": layer.unit, "side": "right", "font": {"size": 11}}, "thickness": 12,
                "outlinewidth": 0, "len": 0.9, "x": 1.01, "tickfont": {"size": 11},
            },
            hovertemplate=f"{layer.label} %{{z:.3g}}<br>at (%{{x:.1f}}, %{{y:.1f}}) µm<extra></extra>",
        )
        for layer in LAYERS if layer.key in view.maps
    ]  # fmt: skip


def _crowd(view: Scene) -> list[go.Heatmap]:
    fill = view.crowd_fill
    if fill is None:
        return []
    c = view.canvas
    rows, columns = fill.shape
    dx, dy = c.width / columns, c.height / rows
    return [
        go.Heatmap(
            z=np.round(fill, 3).astype(np.float32), x0=c.x0 + dx / 2, dx=dx, y0=c.y0 + dy / 2, dy=dy, zmin=0.0,
            zmax=max(1.0, float(np.percentile(fill, 99.5))), colorscale=theme.scale(theme.CELLS), showscale=False,
            name=" and ".join(f"{word}, as area" for word, _ in view.crowds), meta="crowd", showlegend=True,
            hovertemplate="cells fill %{z:.0%}<br>at (%{x:.1f}, %{y:.1f}) µm<extra></extra>",
        )
    ]  # fmt: skip


def _bars(view: Scene, ids: NDArray[np.int64], name: str, fill: str, line: str, hover: bool) -> list[go.Bar]:
    """Objects as bars: one trace for all of them, and the whole area of each answers the mouse."""
    if not len(ids):
        return []
    left, bottom, right, top = (edge[ids] for edge in view.box)
    return [
        go.Bar(
            x=(left + right) / 2, width=right - left, base=bottom, y=top - bottom, name=name, meta="objects",
            marker={"color": fill, "line": {"color": line, "width": 0.8}}, **_hover(view, ids, hover),
        )
    ]  # fmt: skip


def _hover(view: Scene, ids: NDArray[np.int64], hover: bool) -> dict[str, object]:
    if not hover:
        return {"customdata": ids.astype(np.int32), "hoverinfo": "none"}
    return {"customdata": [_facts(view, int(i)) for i in ids], "hovertemplate": _HOVER}


def _facts(view: Scene, i: int) -> tuple[str, str, str, str, str]:
    """What hovering tells: name, kind, size and orientation, position, shares."""
    n, p = view.design.netlist, view.placement
    (w, h), fixed = view.size, " (fixed)" if p.fixed[i] else ""
    share = ""
    if view.shares is not None and view.cost is not None:
        parts = (
            ("wirelength", view.shares.wirelength[i], view.cost.wirelength_cost),
            ("density", view.shares.density[i], view.cost.density_cost),
            ("congestion", view.shares.congestion[i], view.cost.congestion_cost),
        )
        share = "share of " + ", ".join(f"{word} {part / whole:.2%}" for word, part, whole in parts if whole > 0)
    return (
        _text(n.node_names[i]),
        KIND_WORDS[n.node_kind[i]] + fixed,
        f"{w[i]:,.6g} x {h[i]:,.6g} µm, {NAMES[p.orient[i]]}",
        f"({p.x[i]:,.6g}, {p.y[i]:,.6g}) µm",
        share,
    )


def _outline(view: Scene) -> list[go.Scatter]:
    x, y = _paths(view.rings)
    return [_lines(x, y, "canvas" if view.design.physical is None else "core", theme.CANVAS_LINE, 1.5)]


def _marking(marking: Marking, hover: bool) -> go.Scatter:
    """One trace for all outlines or points of a kind; corners and the middle of each area answer the mouse."""
    rings = marking.rings
    common = {"name": _text(marking.name), "meta": marking.key, "visible": True if marking.shown else "legendonly"}
    if marking.points:
        x, y = np.concatenate(rings).T
        marker = {"symbol": "square", "size": 3, "color": marking.line, "line": {"width": 0}}
        return go.Scatter(x=x, y=y, mode="markers", marker=marker, hoverinfo="skip", **common)
    facts: dict[str, Any] = {"hoverinfo": "skip"}
    if marking.texts:
        # The middle is a ring of one point: nothing to see, but something to hover.
        rings = [part for ring in rings for part in (ring, (ring.min(axis=0) + ring.max(axis=0))[None] / 2)]
        texts = [
            text for text, ring in zip(np.repeat(marking.texts, 2), rings, strict=True) for _ in range(len(ring) + 1)
        ]
        facts = {"customdata": [_text(text) if hover else str(text) for text in texts[:-1]], "hoveron": "points"}
        facts |= {"hovertemplate": "%{customdata}<extra></extra>"} if hover else {"hoverinfo": "none"}
    if marking.titles:
        written = [""] * (sum(len(ring) + 1 for ring in rings) - 1)
        at = 0
        for title, ring in zip(marking.titles, marking.rings, strict=True):
            written[at + int(np.lexsort((ring[:, 0], -ring[:, 1]))[0])] = _text(_shorten(title))
            at += len(ring) + (3 if marking.texts else 1)  # a gap, and where there is one the middle and its gap
        facts |= {
            "text": written, "textposition": "bottom right", "textfont": {"color": marking.line, "size": 11},
        }  # fmt: skip
    x, y = _paths(rings)
    look = {"color": marking.line, "width": marking.width, "dash": "dash" if marking.dash else "solid"}
    filled = {} if marking.fill is None else {"fill": "toself", "fillcolor": marking.fill}
    mode = "lines+text" if marking.titles else "lines"
    return go.Scatter(x=x, y=y, mode=mode, line=look, **filled, **facts, **common)


def _marks(view: Scene) -> list[go.Scatter]:
    ids = view.ids(HARD_MACRO)
    if not len(ids):
        return []
    corners = view.marks(ids)
    x, y = _paths(np.concatenate([corners, corners[:, :1]], axis=1))
    return [
        go.Scatter(
            x=x, y=y, mode="lines", fill="toself", name="orientation marks", hoverinfo="skip", meta="marks",
            line={"color": theme.MARK, "width": 0.5}, fillcolor=theme.MARK, opacity=0.75,
        )
    ]  # fmt: skip


def _ports(view: Scene, hover: bool) -> list[go.Scatter]:
    ids, everyone = view.ids(PORT), view.crowd(PORT)
    if not len(everyone):
        return []
    shown = ids if len(ids) else everyone[:: -(-len(everyone) // SHAPE_LIMIT)]
    return [
        go.Scatter(
            x=view.placement.x[shown], y=view.placement.y[shown], mode="markers",
            name="ports" if len(ids) else f"ports ({len(shown):,} of {len(everyone):,})", meta="objects",
            marker={"symbol": "diamond", "size": 5, "color": theme.PORT_COLOUR, "line": {"width": 0}},
            **_hover(view, shown, hover),
        )
    ]  # fmt: skip


def _grid(view: Scene, shown: bool) -> list[go.Scatter]:
    c = view.canvas
    if c.columns + c.grid_rows > 500:
        return []
    x = np.linspace(c.x0, c.x1, c.columns + 1)
    y = np.linspace(c.y0, c.y1, c.grid_rows + 1)
    rings = [np.array([[a, c.y0], [a, c.y1]]) for a in x] + [np.array([[c.x0, b], [c.x1, b]]) for b in y]
    px, py = _paths(rings)
    trace = _lines(px, py, "placement grid", "rgba(91,103,121,0.35)", 0.5)
    trace.visible = True if shown else "legendonly"
    return [trace]


def _flylines(view: Scene, of: str | int | None) -> list[go.Scatter]:
    n, p = view.design.netlist, view.placement
    if of is None:
        asked = np.concatenate([view.ids(HARD_MACRO), view.ids(PORT)])
        name = "strongest flylines"
    else:
        asked = np.array([_node(view.design, of)])
        name = f"flylines of {_text(_shorten(n.node_names[asked[0]]))}"
    links = connections(n, asked)
    first = np.repeat(links.nodes, np.diff(links.ptr))
    second, weight = links.neighbour, links.weight
    keep = p.placed[second] & p.placed[first]
    if of is None:
        keep &= np.isin(second, asked) & (first < second)
    order = np.flatnonzero(keep)
    order = order[np.argsort(-weight[order], kind="stable")][:TOP_FLYLINES]
    if not len(order):
        return []
    ends = np.stack([first[order], second[order]], axis=1)
    x, y = _paths(np.stack([p.x[ends], p.y[ends]], axis=2))
    trace = _lines(x, y, name, theme.FLYLINE, 1.0)
    trace.opacity, trace.visible, trace.meta = 0.6, True if of is not None else "legendonly", "flylines"
    return [trace]


def _node(design: Design, which: str | int) -> int:
    n = design.netlist
    if isinstance(which, str):
        if which not in n.node_index:
            raise NetlistError("no object has this name", found=which)
        return n.node_index[which]
    if not 0 <= which < n.num_nodes:
        raise NetlistError("no object has this id", found=which, expected=f"0..{n.num_nodes - 1}")
    return which


def _layer_buttons(fig: go.Figure) -> dict[str, object]:
    """Buttons that show one map, or none, and let the objects show only their outline while one is on."""
    heat = [i for i, t in enumerate(fig.data) if t.type == "heatmap" and t.meta != "crowd"]
    solid = [i for i, t in enumerate(fig.data) if t.type == "bar"]
    fills = [fig.data[i].marker.color for i in solid]

    def button(label: str, chosen: int | None) -> dict[str, object]:
        visible = [i == chosen for i in heat] + [True] * len(solid)
        colours = [None] * len(heat) + (fills if chosen is None else [_CLEAR] * len(solid))
        change = {"visible": visible, "marker.color": colours}
        return {"label": label, "method": "restyle", "args": [change, heat + solid]}

    return {
        "type": "buttons", "direction": "right", "x": 0, "xanchor": "left", "y": 1.01, "yanchor": "bottom",
        "pad": {"t": 0, "b": 2}, "showactive": True, "bgcolor": "#ffffff", "bordercolor": "#c5ccd6",
        "font": {"size": 12}, "active": 0,
        "buttons": [button("Placement", None), *(button(fig.data[i].name, i) for i in heat)],
    }  # fmt: skip


def _lines(x: NDArray[np.float64], y: NDArray[np.float64], name: str, colour: str, width: float) -> go.Scatter:
    return go.Scatter(x=x, y=y, mode="lines", name=name, hoverinfo="skip", line={"color": colour, "width": width})


def _paths(rings: Iterable[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Point lists ``[K, 2]`` one after the other with a gap (NaN) between them, so that one trace draws them all."""
    gap = np.full((1, 2), np.nan)
    parts = [part for ring in rings for part in (ring, gap)]
    points = np.concatenate(parts[:-1]) if parts else np.zeros((0, 2))
    return points[:, 0], points[:, 1]


def _svg_path(rings: Iterable[NDArray[np.float64]]) -> str:
    return " ".join("M" + " L".join(f"{x:.6g},{y:.6g}" for x, y in ring) + " Z" for ring in rings)


def _text(name: str) -> str:
    """A netlist name as Plotly text, which would take ``<`` and ``&`` as markup."""
    return escape(name, quote=False)


def _shorten(name: str, limit: int = 28) -> str:
    return name if len(name) <= limit else "..." + name[-(limit - 3) :]
