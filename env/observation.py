"""The observation: which arrays an agent sees, their shapes and units."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from env.masks import net_features
from env.problem import MacroProblem
from env.state import MacroState

#: What the entries of ``"macro"`` mean, each in [0, 1]. Nothing but the last three changes during an episode.
MACRO_FEATURES: tuple[str, ...] = (
    "width / canvas width",
    "height / canvas height",
    "area / area of the largest macro",
    "nets / most nets of a macro",
    "net weight / most net weight of a macro",
    "share of its nets that already have a placed pin",
    "x of the weighted mean of those nets' box centres, from the left edge, / canvas width; 0.5 without any",
    "y of it, from the lower edge, / canvas height; 0.5 without any",
)
#: What the entries of ``"progress"`` mean, each in [0, 1].
PROGRESS_FEATURES: tuple[str, ...] = (
    "placed macros / macros",
    "placed macro area / macro area",
    "legal cells of the current macro / cells",
    "weighted HPWL so far / ((canvas width + height) * sum of net weights)",
)


class Observer:
    """Makes observations of a :class:`~env.state.MacroState`. With R rows and C columns, row 0 at the bottom:

    ==================  ============  ========  =====================================================================
    key                 shape         dtype     meaning
    ==================  ============  ========  =====================================================================
    ``occupancy``       ``[R, C]``    float32   share of each gcell under fixed and placed hard macros
    ``blockage``        ``[R, C]``    float32   share of each gcell under hard blockages or outside the outline
    ``legality_mask``   ``[R, C]``    int8      1 where the current macro may go
    ``wire_mask``       ``[R, C]``    float64   exact increase of the weighted HPWL, um, of putting it there, over the
                                                pins that have a position (ports, fixed objects, placed macros);
                                                objects without one are ignored. Given for illegal cells too
    ``macro``           ``[8]``       float32   :data:`MACRO_FEATURES` of the current macro
    ``node``            scalar        int64     node id of the current macro; N when there is none
    ``progress``        ``[4]``       float32   :data:`PROGRESS_FEATURES`
    ==================  ============  ========  =====================================================================

    After the last macro the masks and the macro's features are 0.
    """  # noqa: D415 - the first line leads into the table

    def __init__(self, problem: MacroProblem) -> None:
        self._problem = problem
        netlist, canvas = problem.design.netlist, problem.design.canvas
        area = netlist.node_width[problem.macros] * netlist.node_height[problem.macros]
        count = np.diff(problem.nets.ptr)
        weight = np.add.reduceat(np.append(problem.nets.weight, 0.0), problem.nets.ptr[:-1]) * (count > 0)
        self._static = np.stack(
            [
                2 * problem.half[:, 0] / canvas.width,
                2 * problem.half[:, 1] / canvas.height,
                area / area.max(),
                count / max(count.max(), 1),
                weight / max(weight.max(), np.finfo(float).tiny),
            ],
            axis=1,
        )
        self._placed_area = np.concatenate([[0.0], np.cumsum(area) / area.sum()])
        self._blockage = problem.blockage.astype(np.float32)
        rows, columns = problem.shape
        # No increase exceeds every net of a macro stretching across all there is.
        longest = _span(problem) * max(float(weight.max()), np.finfo(float).tiny)
        self.space = spaces.Dict(
            {
                "occupancy": spaces.Box(0.0, 1.0, (rows, columns), np.float32),
                "blockage": spaces.Box(0.0, 1.0, (rows, columns), np.float32),
                "legality_mask": spaces.MultiBinary((rows, columns)),
                "wire_mask": spaces.Box(0.0, longest, (rows, columns), np.float64),
                "macro": spaces.Box(0.0, 1.0, (len(MACRO_FEATURES),), np.float32),
                "node": spaces.Discrete(netlist.num_nodes + 1),
                "progress": spaces.Box(0.0, 1.0, (len(PROGRESS_FEATURES),), np.float32),
            }
        )

    def observe(self, state: MacroState) -> dict[str, Any]:
        """A fresh observation; nothing in it changes when the state does."""
        p = self._problem
        progress = (
            state.step / p.num_macros,
            self._placed_area[state.step],
            state.num_legal / state.legal.size,
            state.hpwl * p.hpwl_scale,
        )
        return {
            "occupancy": np.minimum(state.occupancy, 1.0, dtype=np.float32, casting="same_kind"),
            "blockage": self._blockage.copy(),
            "legality_mask": state.legal.copy(),
            "wire_mask": state.wire.copy(),
            "macro": self._macro(state),
            "node": np.int64(p.design.netlist.num_nodes if state.done else state.current),
            "progress": np.clip(np.array(progress, np.float32), 0, 1),
        }

    def _macro(self, state: MacroState) -> NDArray[np.float32]:
        out = np.zeros(len(MACRO_FEATURES), np.float32)
        if state.done:
            return out
        p, canvas = self._problem, self._problem.design.canvas
        span = slice(p.nets.ptr[state.step], p.nets.ptr[state.step + 1])
        out[:5] = self._static[state.step]
        out[5:] = net_features(
            p.nets.net[span], p.nets.weight[span], state.net_box, canvas.x0, canvas.y0, canvas.width, canvas.height
        )
        return np.clip(out, 0, 1)


def _span(problem: MacroProblem) -> float:
    """Half the perimeter of a box around the canvas and every pin that is or can be placed, um."""
    canvas, nets, box = (
        problem.design.canvas,
        problem.nets,
        problem.net_box[problem.net_box[:, 0] <= problem.net_box[:, 1]],
    )
    reach = [np.abs(offsets).max(initial=0.0) for offsets in ((nets.x0, nets.x1), (nets.y0, nets.y1))]
    x = box[:, 1].max(initial=canvas.x1 + reach[0]) - box[:, 0].min(initial=canvas.x0 - reach[0])
    y = box[:, 3].max(initial=canvas.y1 + reach[1]) - box[:, 2].min(initial=canvas.y0 - reach[1])
    return float(x + y)
