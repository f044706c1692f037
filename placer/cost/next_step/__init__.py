"""What a macro arrangement leaves for the tools after it: channels, free space, pin access. See docs/metrics.md."""

from __future__ import annotations

from netlists.design import Design
from netlists.placement import Placement
from placer.cost.next_step.access import blocked_pins
from placer.cost.next_step.channels import Channels, channels
from placer.cost.next_step.ground import Scene, scene
from placer.cost.next_step.space import aligned_edges, dead_area, free_components, largest_rectangle

__all__ = ["Channels", "Scene", "channels", "figures", "scene"]


def figures(design: Design, placement: Placement | None = None) -> dict[str, float]:
    """Figures by name; units are in the names, NaN where a figure has no meaning.

    ``narrow_um``
        What counts as narrow below: ten rows where the canvas has rows, else 1 % of its shorter side.
    ``min_edge_channel_um``
        Narrowest gap between a hard macro and the core's edge or a hard blockage; abutment (one lattice step or
        less) is none.
    ``median_channel_um``
        Median width of all channels, weighted by their length.
    ``narrow_channel_length_um``
        Length of all channels narrower than ``narrow_um``.
    ``dead_area_um2``, ``dead_share``
        Free area that no square of side ``narrow_um`` inside the free area covers (its morphological opening is
        taken away), and its part of the free area: slits and pockets between macros.
    ``free_components``
        Pieces the free area falls into.
    ``largest_free_share``
        Largest free rectangle over the free area: 1 for whitespace in one block.
    ``aligned_edges``
        Part of the hard macros' edges that continue the same edge (left, right, lower or upper) of another macro
        within one lattice step.
    ``blocked_pins``
        Part of the connected hard-macro pins that face another macro, a hard blockage or the core's edge within
        ``narrow_um``, seen from the side of the macro they are nearest to.

    Args:
        design: netlist and canvas.
        placement: the design's own by default.
    """
    ground = scene(design, design.placement if placement is None else placement)
    found = channels(ground)
    step, narrow = ground.step, ground.narrow
    edge = found.width[(found.second < 0) | (found.first < 0)]
    free, dead = dead_area(ground)
    share = dead / free if free else float("nan")
    largest = largest_rectangle(ground)
    return {
        "narrow_um": narrow * step,
        "min_edge_channel_um": float(edge.min()) * step if len(edge) else float("nan"),
        "median_channel_um": found.median * step,
        "narrow_channel_length_um": float(found.length[found.width < narrow].sum()) * step,
        "dead_area_um2": dead * step * step,
        "dead_share": share,
        "free_components": float(free_components(ground)),
        "largest_free_share": largest / free if free else float("nan"),
        "aligned_edges": aligned_edges(ground),
        "blocked_pins": blocked_pins(design, design.placement if placement is None else placement, ground),
    }
