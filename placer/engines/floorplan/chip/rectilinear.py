"""Rectilinear outlines in whole database units: checks, insets, and the spans of a band inside one."""

from __future__ import annotations

import itertools

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon

from netlists.errors import NetlistError


def straight(shape: Polygon) -> Polygon:
    """The outer ring of a rectilinear polygon, without corners in the middle of straight edges."""
    corners = np.asarray(shape.exterior.coords[:-1])
    # The neighbours of a corner that turns share no coordinate.
    turns = (np.roll(corners, 1, axis=0) != np.roll(corners, -1, axis=0)).all(axis=1)
    return Polygon(corners[turns])


def checked_outline(points: NDArray[np.float64]) -> Polygon:
    """A rectilinear outline from its corners, at least two; two are opposite corners of a rectangle.

    Args:
        points: ``[V, 2]`` in any unit.

    Raises:
        NetlistError: fewer corners, a slanted edge, edges that cross, or no area.
    """
    points = np.asarray(points, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2 or not np.isfinite(points).all():
        raise NetlistError("an outline is a list of x,y corners", found=points.shape, expected="two or more corners")
    if len(points) == 2:
        (ax, ay), (bx, by) = points.tolist()
        points = np.array([[ax, ay], [bx, ay], [bx, by], [ax, by]])
    if (points[0] == points[-1]).all():
        points = points[:-1]
    step = np.abs(np.roll(points, -1, axis=0) - points)
    slanted = np.flatnonzero((step > 0).all(axis=1))
    if len(slanted):
        k = int(slanted[0])
        raise NetlistError("an edge of the outline is neither horizontal nor vertical", found=tuple(points[k].tolist()))
    shape = Polygon(points)
    if shape.area <= 0 or not shape.is_valid:
        raise NetlistError("the outline has no area or crosses itself", found=points.tolist())
    return straight(shape)


def core_of(die: Polygon, margins: tuple[float, float, float, float]) -> Polygon:
    """The part of a die that is at least a margin away from every edge.

    Args:
        die: rectilinear.
        margins: left, bottom, right, top, in the die's unit; an edge is left when the die lies right of it.

    Raises:
        NetlistError: nothing is left, or it falls apart.
    """
    left, bottom, right, top = margins
    # The points from which the box of margins around them lies inside the die: the die minus every edge's shadow.
    corners = np.asarray(die.exterior.coords)
    core = die
    for (ax, ay), (bx, by) in itertools.pairwise(corners.tolist()):
        x0, x1, y0, y1 = min(ax, bx), max(ax, bx), min(ay, by), max(ay, by)
        core = core.difference(shapely.box(x0 - right, y0 - top, x1 + left, y1 + bottom))
    if core.is_empty or not isinstance(core, Polygon) or core.interiors:
        raise NetlistError(
            "the margins leave no core in one piece", found=f"margins {', '.join(f'{m:g}' for m in margins)}",
            expected=f"less, in a die of {np.ptp(corners[:, 0]):g} x {np.ptp(corners[:, 1]):g}",
        )  # fmt: skip
    return straight(core)


def row_spans(shape: Polygon, low: float, high: float) -> list[tuple[float, float]]:
    """Intervals of x over which the whole band ``low <= y <= high`` lies inside a rectilinear polygon."""
    corners = np.asarray(shape.exterior.coords)
    levels = np.unique(corners[:, 1])
    cuts = np.concatenate([[low], levels[(levels > low) & (levels < high)], [high]])
    spans: list[tuple[float, float]] | None = None
    first, second = corners[:-1], corners[1:]
    upright = first[:, 0] == second[:, 0]
    for a, b in itertools.pairwise(cuts.tolist()):
        middle = (a + b) / 2
        crossed = upright & (np.minimum(first[:, 1], second[:, 1]) < middle) & (
            middle < np.maximum(first[:, 1], second[:, 1])
        )  # fmt: skip
        x = np.sort(first[crossed, 0])
        here = list(zip(x[::2].tolist(), x[1::2].tolist(), strict=True))
        spans = here if spans is None else _common(spans, here)
    return spans or []


def _common(a: list[tuple[float, float]], b: list[tuple[float, float]]) -> list[tuple[float, float]]:
    both = [(max(p[0], q[0]), min(p[1], q[1])) for p in a for q in b]
    return sorted(span for span in both if span[0] < span[1])
