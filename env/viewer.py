"""Pictures of an episode: the canvas, what is placed, and what the masks say about the next macro."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from env.state import MacroState
from netlists.netlist import PORT
from netlists.orientation import oriented_sizes
from placer.view import theme
from placer.view.scene import polygon_rings

#: Longer side of the canvas in the picture, and the margin around it, pixels.
_SIDE, _MARGIN = 512, 8


def draw_picture(state: MacroState) -> NDArray[np.uint8]:
    """Draw the state with Pillow.

    Legal cells of the next macro are tinted by their HPWL increase (pale is cheap); illegal ones are plain. Hard
    macros, blockages, the outline and ports lie over it. The size depends on the canvas only.

    Returns:
        ``[height, width, 3]`` uint8.
    """
    canvas = state.problem.design.canvas
    scale = _SIDE / max(canvas.width, canvas.height)
    width, height = max(1, round(canvas.width * scale)), max(1, round(canvas.height * scale))
    image = Image.new("RGB", (width + 2 * _MARGIN, height + 2 * _MARGIN), theme.GROUND)
    cells = Image.fromarray(_cell_colours(state)[::-1].copy())
    image.paste(cells.resize((width, height), Image.Resampling.NEAREST), (_MARGIN, _MARGIN))
    pen = ImageDraw.Draw(image)

    def pixels(points: NDArray[np.float64]) -> list[tuple[float, float]]:
        x = _MARGIN + (points[:, 0] - canvas.x0) * scale
        y = _MARGIN + (canvas.y1 - points[:, 1]) * scale
        return list(zip(x.tolist(), y.tolist(), strict=True))

    for blockage in canvas.blockages:
        for ring in polygon_rings(blockage.polygon):
            pen.polygon(pixels(ring), fill=theme.BLOCKAGE_FILL, outline=theme.BLOCKAGE_LINE)
    for ring in polygon_rings(canvas.polygon):
        pen.polygon(pixels(ring), outline=theme.CANVAS_LINE)
    for (x0, y0, x1, y1), fixed in zip(*_boxes(state), strict=True):
        (left, top), (right, bottom) = pixels(np.array([[x0, y1], [x1, y0]]))
        fill = theme.BLOCKAGE_LINE if fixed else theme.GROUP_COLOURS[0]
        pen.rectangle((left, top, max(left, right), max(top, bottom)), fill=fill, outline=theme.HARD_LINE)
    for x, y in pixels(_ports(state)):
        pen.rectangle((x - 1, y - 1, x + 1, y + 1), fill=theme.PORT_COLOUR)
    return np.asarray(image, dtype=np.uint8).copy()


def draw_figure(state: MacroState) -> go.Figure:
    """Draw the state as an interactive figure: hovering tells the HPWL increase of a cell and the names of macros."""
    design = state.problem.design
    canvas, names = design.canvas, design.netlist.node_names
    nodes = state.hard_macros()
    boxes, _ = _boxes(state)
    ports = _ports(state)
    fig = go.Figure(
        [
            go.Heatmap(
                z=_best_wire(state),
                x=canvas.x0 + (np.arange(canvas.columns) + 0.5) * canvas.gcell_width,
                y=canvas.y0 + (np.arange(canvas.grid_rows) + 0.5) * canvas.gcell_height,
                colorscale=theme.scale(theme.HEAT),
                colorbar={"title": "HPWL increase, um"},
                hovertemplate="%{z:.6g} um more<extra></extra>",
            ),
            go.Bar(
                x=(boxes[:, 0] + boxes[:, 2]) / 2,
                y=boxes[:, 3] - boxes[:, 1],
                base=boxes[:, 1],
                width=boxes[:, 2] - boxes[:, 0],
                marker={"color": theme.GROUP_COLOURS[0], "line": {"color": theme.HARD_LINE, "width": 1}},
                hovertext=[names[i] for i in nodes],
                hoverinfo="text",
                name="hard macros",
            ),
            go.Scatter(
                x=ports[:, 0], y=ports[:, 1], mode="markers", marker={"color": theme.PORT_COLOUR, "size": 4},
                hoverinfo="skip", name="ports",
            ),
        ]
    )  # fmt: skip
    title = f"{design.name}: {state.step} of {state.problem.num_macros} macros placed"
    if not state.done:
        title += f", next {names[state.current]}"
    fig.update_layout(
        title=title, showlegend=False, barmode="overlay", plot_bgcolor=theme.GROUND,
        xaxis={"range": [canvas.x0, canvas.x1], "title": "um", "constrain": "domain"},
        yaxis={"range": [canvas.y0, canvas.y1], "title": "um", "scaleanchor": "x"},
    )  # fmt: skip
    return fig


def _cell_colours(state: MacroState) -> NDArray[np.uint8]:
    """``[rows, columns, 3]``: legal cells from pale (cheapest) to dark, all others the canvas' own colour."""
    wire = _best_wire(state)
    colours = np.array([theme.rgb(colour) for colour in theme.HEAT[1:]], float)
    out = np.tile(np.array(theme.rgb(theme.CANVAS_FILL), np.uint8), (*wire.shape, 1))
    legal = np.isfinite(wire)
    if legal.any():
        values = wire[legal]
        spread = float(np.ptp(values))
        share = (values - values.min()) / spread if spread > 0 else np.zeros_like(values)
        at = share * (len(colours) - 1)
        low = np.minimum(at.astype(int), len(colours) - 2)
        part = (at - low)[:, None]
        out[legal] = np.rint(colours[low] * (1 - part) + colours[low + 1] * part)
    return out


def _best_wire(state: MacroState) -> NDArray[np.float64]:
    """``[R, C]`` least HPWL increase over the orientations, um; NaN where the next macro may not go."""
    wire = np.where(state.legal == 1, state.wire, np.inf).min(axis=0)
    return np.where(np.isfinite(wire), wire, np.nan)


def _boxes(state: MacroState) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """``[K, 4]`` x0, y0, x1, y1 in um of the hard macros that have a position, and which of them are fixed."""
    design, placement = state.problem.design, state.placement()
    nodes = state.hard_macros()
    width, height = oriented_sizes(
        design.netlist.node_width[nodes], design.netlist.node_height[nodes], placement.orient[nodes]
    )
    x, y = placement.x[nodes], placement.y[nodes]
    return np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1), ~design.movable[nodes]


def _ports(state: MacroState) -> NDArray[np.float64]:
    """``[P, 2]`` um of the ports that have a position."""
    design = state.problem.design
    there = (design.netlist.node_kind == PORT) & design.placement.placed
    return np.stack([design.placement.x[there], design.placement.y[there]], axis=1)
