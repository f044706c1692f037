"""Pictures of an episode: the canvas, what is placed, and what the masks say about the next macro."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from env.state import MacroState
from netlists.design import Design
from netlists.netlist import PORT
from netlists.orientation import oriented_sizes
from netlists.placement import Placement
from placer.view import theme
from placer.view.scene import polygon_rings

#: Longer side of the canvas in the picture, and the margin around it, pixels.
_SIDE, _MARGIN = 512, 8


def draw_picture(state: MacroState) -> NDArray[np.uint8]:
    """Draw the state with Pillow; see :func:`paint`. Cells of the next macro are tinted by their HPWL increase.

    Returns:
        ``[height, width, 3]`` uint8.
    """
    return paint(state.problem.design, state.placement(), state.hard_macros(), _best_wire(state))


def paint(
    design: Design,
    placement: Placement,
    nodes: NDArray[np.int64],
    heat: NDArray[np.float64],
    *,
    chosen: int = -1,
) -> NDArray[np.uint8]:
    """Draw a placement. The size of the picture depends on the canvas only.

    Args:
        design: canvas and sizes.
        placement: where ``nodes`` are.
        nodes: what to draw as boxes.
        heat: ``[R, C]`` tints cells from pale (least) to dark; NaN leaves them plain.
        chosen: node to draw in another colour, -1 for none.

    Returns:
        ``[height, width, 3]`` uint8.
    """
    canvas = design.canvas
    scale = _SIDE / max(canvas.width, canvas.height)
    width, height = max(1, round(canvas.width * scale)), max(1, round(canvas.height * scale))
    image = Image.new("RGB", (width + 2 * _MARGIN, height + 2 * _MARGIN), theme.GROUND)
    cells = Image.fromarray(_cell_colours(heat)[::-1].copy())
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
    for node, (x0, y0, x1, y1) in zip(nodes.tolist(), _boxes(design, placement, nodes), strict=True):
        (left, top), (right, bottom) = pixels(np.array([[x0, y1], [x1, y0]]))
        fill = theme.GROUP_COLOURS[0] if design.movable[node] else theme.BLOCKAGE_LINE
        if node == chosen:
            fill = theme.GROUP_COLOURS[1]
        pen.rectangle((left, top, max(left, right), max(top, bottom)), fill=fill, outline=theme.HARD_LINE)
    for x, y in pixels(_ports(design)):
        pen.rectangle((x - 1, y - 1, x + 1, y + 1), fill=theme.PORT_COLOUR)
    return np.asarray(image, dtype=np.uint8).copy()


def draw_figure(state: MacroState) -> go.Figure:
    """Draw the state as an interactive figure: hovering tells the HPWL increase of a cell and the names of macros."""
    design = state.problem.design
    canvas, names = design.canvas, design.netlist.node_names
    nodes = state.hard_macros()
    boxes = _boxes(design, state.placement(), nodes)
    ports = _ports(design)
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


def _best_wire(state: MacroState) -> NDArray[np.float64]:
    """``[R, C]`` least HPWL increase over the orientations, um; NaN where the next macro may not go."""
    wire = np.where(state.legal == 1, state.wire, np.inf).min(axis=0)
    return np.where(np.isfinite(wire), wire, np.nan)


def _cell_colours(heat: NDArray[np.float64]) -> NDArray[np.uint8]:
    """``[rows, columns, 3]``: from pale (least) to dark, the canvas' own colour where there is no value."""
    colours = np.array([theme.rgb(colour) for colour in theme.HEAT[1:]], float)
    out = np.tile(np.array(theme.rgb(theme.CANVAS_FILL), np.uint8), (*heat.shape, 1))
    there = np.isfinite(heat)
    if there.any():
        values = heat[there]
        spread = float(np.ptp(values))
        share = (values - values.min()) / spread if spread > 0 else np.zeros_like(values)
        at = share * (len(colours) - 1)
        low = np.minimum(at.astype(int), len(colours) - 2)
        part = (at - low)[:, None]
        out[there] = np.rint(colours[low] * (1 - part) + colours[low + 1] * part)
    return out


def _boxes(design: Design, placement: Placement, nodes: NDArray[np.int64]) -> NDArray[np.float64]:
    """``[K, 4]`` x0, y0, x1, y1 in um."""
    width, height = oriented_sizes(
        design.netlist.node_width[nodes], design.netlist.node_height[nodes], placement.orient[nodes]
    )
    x, y = placement.x[nodes], placement.y[nodes]
    return np.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], axis=1)


def _ports(design: Design) -> NDArray[np.float64]:
    """``[P, 2]`` um of the ports that have a position."""
    there = (design.netlist.node_kind == PORT) & design.placement.placed
    return np.stack([design.placement.x[there], design.placement.y[there]], axis=1)
