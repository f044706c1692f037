"""The observation: which arrays an agent sees, their shapes and units."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from env.masks import net_features
from env.partial import PartialCost
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
    ``occupancy``       ``[R, C]``    float32   density: share of each gcell under fixed and placed hard macros
    ``blockage``        ``[R, C]``    float32   share of each gcell under hard blockages or outside the outline
    ``legality_mask``   ``[R, C]``    int8      1 where the current macro may go
    ``wire_mask``       ``[R, C]``    float64   exact increase of the weighted HPWL, um, of putting it there, over the
                                                pins that have a position (ports, fixed objects, placed macros);
                                                objects without one are ignored. Given for illegal cells too
    ``h_congestion``    ``[R, C]``    float32   horizontal routing demand over supply of the pins and hard macros that
                                                have a position (:mod:`env.partial`)
    ``v_congestion``    ``[R, C]``    float32   vertical
    ``macro``           ``[8]``       float32   :data:`MACRO_FEATURES` of the current macro
    ``progress``        ``[4]``       float32   :data:`PROGRESS_FEATURES`
    ``ids``             ``[2]``       int64     number of the design and node id of the current macro: the rows of
                                                whatever a policy keeps of the netlist's graph
    ==================  ============  ========  =====================================================================

    The congestion maps are there if the environment has ``maps``. Where actions choose an orientation too, both masks
    are ``[O, R, C]``. After the last macro the masks and the macro's features are 0 and its node id is -1. Where R x C
    is larger than the grid of the design (environments of several designs), the cells beyond it hold blockage 1 and 0
    elsewhere.

    Args:
        problem: the design.
        frame: R and C of the arrays; the design's own grid by default.
        number: number of the design.
        turned: whether the masks have an orientation axis.

    Attributes:
        static: ``[T, 5]`` the features of each macro that do not change.
        longest: upper bound of the wire mask, um.
    """  # noqa: D415 - the first line leads into the table

    def __init__(
        self,
        problem: MacroProblem,
        frame: tuple[int, int] | None = None,
        *,
        number: int = 0,
        turned: bool = False,
    ) -> None:
        self._problem = problem
        self._frame = frame or problem.shape
        self._number, self._turned = number, turned
        netlist, canvas = problem.design.netlist, problem.design.canvas
        self._origin = canvas.x0 / canvas.lattice, canvas.y0 / canvas.lattice
        self._extent = canvas.width / canvas.lattice, canvas.height / canvas.lattice
        size = np.stack([netlist.node_width[problem.macros], netlist.node_height[problem.macros]], axis=1)
        area = size[:, 0] * size[:, 1]
        count = np.diff(problem.nets.ptr)
        weight = np.add.reduceat(np.append(problem.nets.weight, 0.0), problem.nets.ptr[:-1]) * (count > 0)
        lying = size if turned else 2 * problem.half[:, 0]
        self.static = np.stack(
            [
                lying[:, 0] / canvas.width,
                lying[:, 1] / canvas.height,
                area / area.max(),
                count / max(count.max(), 1),
                weight / max(weight.max(), np.finfo(float).tiny),
            ],
            axis=1,
        )
        self._placed_area = np.concatenate([[0.0], np.cumsum(area) / area.sum()])
        self._blockage = self._framed(problem.blockage.astype(np.float32), 1.0)
        # No increase exceeds every net of a macro stretching across all there is.
        self.longest = _span(problem) * max(float(weight.max()), np.finfo(float).tiny)

    def observe(self, state: MacroState, partial: PartialCost | None = None) -> dict[str, Any]:
        """A fresh observation; nothing in it changes when the state does.

        Args:
            state: of the episode.
            partial: with it the observation has congestion maps.
        """
        p = self._problem
        progress = (
            state.step / p.num_macros,
            self._placed_area[state.step],
            state.num_legal / state.legal.size,
            state.hpwl * p.hpwl_scale,
        )
        legal, wire = (state.legal, state.wire) if self._turned else (state.legal[0], state.wire[0])
        out = {
            "occupancy": self._framed(np.minimum(state.occupancy, 1.0, dtype=np.float32, casting="same_kind")),
            "blockage": self._blockage.copy(),
            "legality_mask": self._framed(legal),
            "wire_mask": self._framed(wire),
            "macro": self._macro(state),
            "progress": np.clip(np.array(progress, np.float32), 0, 1),
            "ids": np.array([self._number, state.current], np.int64),
        }
        if partial is not None:
            out["h_congestion"] = self._framed(partial.h_congestion.astype(np.float32))
            out["v_congestion"] = self._framed(partial.v_congestion.astype(np.float32))
        return out

    def action_mask(self, state: MacroState) -> NDArray[np.int8]:
        """``[O * R * C]`` int8, 1 for every legal action."""
        return self._framed(state.legal).reshape(-1)

    def choice(self, action: int) -> int:
        """The state's choice for an action, or -1 for cells beyond the design's grid."""
        rows, columns = self._frame
        rest, column = divmod(action, columns)
        o, row = divmod(rest, rows)
        own_rows, own_columns = self._problem.shape
        if row >= own_rows or column >= own_columns:
            return -1
        return (o * own_rows + row) * own_columns + column

    def _framed(self, values: NDArray[Any], fill: float = 0) -> NDArray[Any]:
        """A copy of ``[..., rows, columns]`` in an array of the frame's size."""
        if values.shape[-2:] == self._frame:
            return values.copy()
        out = np.full((*values.shape[:-2], *self._frame), fill, values.dtype)
        out[..., : values.shape[-2], : values.shape[-1]] = values
        return out

    def _macro(self, state: MacroState) -> NDArray[np.float32]:
        out = np.zeros(len(MACRO_FEATURES), np.float32)
        if state.done:
            return out
        p = self._problem
        span = slice(p.nets.ptr[state.step], p.nets.ptr[state.step + 1])
        out[:5] = self.static[state.step]
        out[5:] = net_features(p.nets.net[span], p.nets.weight[span], state.net_box, *self._origin, *self._extent)
        return np.clip(out, 0, 1)


def make_space(frame: tuple[int, int], orients: int | None, longest: float, *, maps: bool) -> spaces.Dict:
    """The observation space for a frame of ``(rows, columns)``.

    Args:
        frame: rows and columns.
        orients: length of the masks' orientation axis, None for none.
        longest: upper bound of the wire mask, um.
        maps: whether there are congestion maps.
    """
    masks = frame if orients is None else (orients, *frame)
    entries: dict[str, spaces.Space[Any]] = {
        "occupancy": spaces.Box(0.0, 1.0, frame, np.float32),
        "blockage": spaces.Box(0.0, 1.0, frame, np.float32),
        "legality_mask": spaces.MultiBinary(masks),
        "wire_mask": spaces.Box(0.0, longest, masks, np.float64),
        "macro": spaces.Box(0.0, 1.0, (len(MACRO_FEATURES),), np.float32),
        "progress": spaces.Box(0.0, 1.0, (len(PROGRESS_FEATURES),), np.float32),
        "ids": spaces.Box(-1, 2**31 - 1, (2,), np.int64),
    }
    if maps:
        # Demand over supply has no bound of its own.
        most = np.finfo(np.float32).max
        entries["h_congestion"] = entries["v_congestion"] = spaces.Box(0.0, most, frame, np.float32)
    return spaces.Dict(entries)


def _span(problem: MacroProblem) -> float:
    """Half the perimeter of a box around the canvas and every pin that is or can be placed, um."""
    canvas, nets = problem.design.canvas, problem.nets
    box = problem.net_box[problem.net_box[:, 0] <= problem.net_box[:, 1]] * canvas.lattice
    reach = [np.abs(offsets).max(initial=0.0) * canvas.lattice for offsets in (nets.x0, nets.x1, nets.y0, nets.y1)]
    x = box[:, 1].max(initial=canvas.x1 + reach[1]) - box[:, 0].min(initial=canvas.x0 - reach[0])
    y = box[:, 3].max(initial=canvas.y1 + reach[3]) - box[:, 2].min(initial=canvas.y0 - reach[2])
    return float(x + y)
