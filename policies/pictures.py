"""Pictures of decisions: macros, masks and probabilities as heat maps on the canvas."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from env.state import MacroState
from netlists.orientation import oriented_sizes
from placer.view import theme
from policies.look import Look

#: Panels of a row.
PANELS: tuple[str, ...] = ("attention", "connections", "action mask", "wire mask", "probability")
#: Probabilities below this are drawn like it.
_LEAST = 1e-6
#: Pixels: whole width, left and right of the panels, above and below them, between two rows.
_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM, _GAP = 1000, 70, 10, 60, 10, 14
#: Between two panels of a row, as a share of the width.
_SPACE = 0.012


def decision_figure(states: Sequence[MacroState], looks: Sequence[Look]) -> go.Figure:
    """Draw decisions, one row each.

    *Attention* and *connections* colour the macros placed so far by how much the network looks at each and how strongly
    the next macro is connected to it; fixed macros stay pale, it does not look at them. *Action mask* has the legal
    cells, *wire mask* what each would add to the HPWL, *probability* what the policy makes of it, on a logarithmic
    scale. The box with a thick line is the next macro where it most likely goes. Where actions choose orientations too
    the best one counts for the masks and the sum for probabilities. The colours of each panel but the last span its own
    range; hovering tells the numbers.

    Args:
        states: of one design.
        looks: :func:`policies.look.look` at them.
    """
    names, canvas = states[0].problem.design.netlist.node_names, states[0].problem.design.canvas
    panel = (_WIDTH - _LEFT - _RIGHT) * (1 - (len(PANELS) - 1) * _SPACE) / len(PANELS)
    tall = panel * min(canvas.height / canvas.width, 2.0)
    inside = len(states) * tall + (len(states) - 1) * _GAP
    figure = make_subplots(
        rows=len(states), cols=len(PANELS), horizontal_spacing=_SPACE, vertical_spacing=_GAP / inside,
        subplot_titles=[*PANELS, *[""] * (len(PANELS) * (len(states) - 1))],
    )  # fmt: skip
    for number, (state, seen) in enumerate(zip(states, looks, strict=True), 1):
        for column, share in enumerate((seen.attention, seen.pull), 1):
            figure.add_trace(_macros(state, share), row=number, col=column)
        open_cells = seen.legal.any(axis=0)
        wire = np.where(seen.legal, seen.wire, np.inf).min(axis=0)
        chance = np.log10(np.maximum(seen.probability.sum(axis=0), _LEAST))
        maps = (
            (np.where(open_cells, 1.0, np.nan), 0.0, 5.0, "legal"),
            (np.where(open_cells, wire, np.nan), 0.0, float(wire[open_cells].max()) or 1.0, "+%{z:.4g} um"),
            (np.where(open_cells, chance, np.nan), float(np.log10(_LEAST)), 0.0, "%{customdata:.3g}"),
        )
        for column, (values, low, high, words) in enumerate(maps, 3):
            heat = _heat(state, values, low, high, words, seen.probability.sum(axis=0))
            figure.add_trace(heat, row=number, col=column)
            figure.add_trace(_outlines(state), row=number, col=column)
        for column in range(1, len(PANELS) + 1):
            figure.add_trace(_next(state, seen), row=number, col=column)
        left = f"{state.step} placed<br>next: {escape(_short(names[seen.node]))}"
        figure.update_yaxes(title={"text": left, "font": {"size": 11}}, row=number, col=1)
    _look_of(figure, states[0], round(inside) + _TOP + _BOTTOM)
    return figure


def _look_of(figure: go.Figure, state: MacroState, height: int) -> None:
    """Axes without numbers at equal scale, light ground, nothing to click."""
    canvas = state.problem.design.canvas
    bare = {"showticklabels": False, "ticks": "", "showgrid": False, "zeroline": False, "constrain": "domain",
            "mirror": True, "showline": True, "linecolor": theme.CANVAS_LINE}  # fmt: skip
    figure.update_xaxes(range=[canvas.x0, canvas.x1], **bare)
    figure.update_yaxes(range=[canvas.y0, canvas.y1], **bare)
    for axis in figure.select_yaxes():
        axis.scaleanchor = axis.anchor
    figure.update_layout(
        template="none", height=height, width=_WIDTH, showlegend=False, barmode="overlay", bargap=0,
        plot_bgcolor="#eceff3", paper_bgcolor="#ffffff",
        margin={"l": _LEFT, "r": _RIGHT, "t": _TOP, "b": _BOTTOM}, font={"color": theme.INK, "size": 12},
    )  # fmt: skip


def _boxes(state: MacroState) -> tuple[NDArray[np.float64], ...]:
    """Left, bottom, width and height of the hard macros that have a position, um."""
    n, p = state.problem.design.netlist, state.placement()
    nodes = state.hard_macros()
    width, height = oriented_sizes(n.node_width[nodes], n.node_height[nodes], p.orient[nodes])
    return p.x[nodes] - width / 2, p.y[nodes] - height / 2, width, height


def _macros(state: MacroState, share: NDArray[np.float64]) -> go.Bar:
    """Macros in their places, coloured by the number of their gcell; fixed ones stay pale."""
    names, nodes = state.problem.design.netlist.node_names, state.hard_macros()
    left, bottom, width, height = _boxes(state)
    _, row, column = np.unravel_index(state.choices[: state.step], state.legal.shape)
    values = np.zeros(len(nodes))
    values[len(nodes) - state.step :] = share[row, column]
    marker = {
        "color": values, "cmin": 0.0, "cmax": float(values.max(initial=0.0)) or 1.0,
        "colorscale": theme.scale(theme.HEAT), "line": {"color": theme.HARD_LINE, "width": 0.8},
    }  # fmt: skip
    return go.Bar(
        x=left + width / 2, width=width, base=bottom, y=height, customdata=[names[i] for i in nodes], marker=marker,
        hovertemplate="%{customdata}: %{marker.color:.2%}<extra></extra>",
    )  # fmt: skip


def _outlines(state: MacroState) -> go.Scatter:
    left, bottom, width, height = _boxes(state)
    x = np.stack([left, left + width, left + width, left, left, np.full_like(left, np.nan)], axis=1).ravel()
    y = np.stack([bottom, bottom, bottom + height, bottom + height, bottom, np.full_like(left, np.nan)], axis=1).ravel()
    return go.Scatter(
        x=x, y=y, mode="lines", fill="toself", fillcolor="rgba(127,140,158,0.35)", hoverinfo="skip",
        line={"color": theme.HARD_LINE, "width": 0.8},
    )  # fmt: skip


def _next(state: MacroState, seen: Look) -> go.Scatter:
    """The next macro where it most likely goes."""
    p, t = state.problem, state.step
    o, row, column = state.unravel(int(seen.probability.argmax()))
    (x, y), (w, h) = (p.x[t, o, column], p.y[t, o, row]), p.half[t, o]
    return go.Scatter(
        x=[x - w, x + w, x + w, x - w, x - w], y=[y - h, y - h, y + h, y + h, y - h], mode="lines", hoverinfo="skip",
        line={"color": theme.END_COLOUR, "width": 3},
    )  # fmt: skip


def _heat(
    state: MacroState, values: NDArray[np.float64], low: float, high: float, words: str, chance: NDArray[np.float64]
) -> go.Heatmap:
    c = state.problem.design.canvas
    return go.Heatmap(
        z=values, x0=c.x0 + c.gcell_width / 2, dx=c.gcell_width, y0=c.y0 + c.gcell_height / 2, dy=c.gcell_height,
        zmin=low, zmax=high, colorscale=theme.scale(theme.HEAT), showscale=False, customdata=chance,
        hovertemplate=words + "<extra></extra>",
    )  # fmt: skip


def _short(name: str) -> str:
    return name if len(name) <= 24 else "..." + name[-21:]
