"""``placer/MacroRefinement-v0``: improve a full placement by legal moves, swaps and turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from env.macro_placement import whole_number
from env.partial import known_weights
from env.problem import MacroProblem, build_problem
from env.refinement_state import RefinementState
from env.sources import DesignSource, Generator
from env.starts import Start, checked, given_start, random_start
from env.viewer import paint
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO
from netlists.orientation import oriented_sizes
from netlists.placement import Placement
from netlists.synthesis import SynthesisSpec
from placer.cost.full import CostWeights
from placer.view.figure import figure

#: What the entries of a row of ``"objects"`` mean; rows beyond the design's objects are 0.
OBJECT_FEATURES: tuple[str, ...] = (
    "x of the centre from the left edge / canvas width",
    "y of the centre from the lower edge / canvas height",
    "width as it lies / canvas width",
    "height as it lies / canvas height",
    "orientation code / 7",
    "1 for hard macros",
    "nets / most nets of an object",
    "1 for the current object",
)
#: What the entries of ``"cost"`` mean.
COST_FEATURES: tuple[str, ...] = (
    "proxy cost", "wirelength_cost", "density_cost", "congestion_cost", "proxy cost at reset",
)  # fmt: skip
_LARGEST = np.finfo(np.float32).max


@dataclass(frozen=True, eq=False)
class _Ready:
    """A design made ready; kept for the designs of a list."""

    problem: MacroProblem
    state: RefinementState
    given: Placement | None


class MacroRefinementEnv(gymnasium.Env[dict[str, Any], np.int64]):
    """Improve a full placement. ``docs/environment.md`` states the task formally.

    Each step is about one *current object*. With ``choose="env"`` the environment names it (every object once in
    random order, then again), with ``choose="agent"`` the agent does, in a step of its own.

    **Action**: one ``Discrete`` number in blocks, so that one flat mask says exactly what is legal:

    ==============================  ==========================================================================
    action                          meaning
    ==============================  ==========================================================================
    ``row * C + column``            move the current object to a cell of the placement grid (R rows, C columns)
    ``R * C + k``                   exchange centres with object ``k``; or, while none is current, name it
    ``R * C + K + o``               turn it about its centre into orientation code ``o``
    ``R * C + K + 8``               leave it
    ==============================  ==========================================================================

    **Observation**, a Dict with R rows and C columns, row 0 at the bottom, and K objects:

    ===================  ============  ========  ==============================================================
    key                  shape         dtype     meaning
    ===================  ============  ========  ==============================================================
    ``action_mask``      ``[A]``       int8      1 for legal actions
    ``wire_mask``        ``[R, C]``    float64   change of the weighted HPWL, um, of moving the current object to
                                                 each cell as it is turned; 0 while none is current
    ``objects``          ``[K, 8]``    float32   :data:`OBJECT_FEATURES`
    ``blockage``         ``[R, C]``    float32   share of each gcell under hard blockages or outside the outline
    ``density``          ``[R, C]``    float32   object area over gcell area
    ``h_congestion``     ``[R, C]``    float32   horizontal routing demand over supply
    ``v_congestion``     ``[R, C]``    float32   vertical
    ``cost``             ``[5]``       float32   :data:`COST_FEATURES`
    ``ids``              ``[2]``       int64     number of the design, node id of the current object or -1
    ===================  ============  ========  ==============================================================

    **Reward**: the proxy cost before minus after, exact; naming and leaving earn 0. An episode therefore sums to the
    cost at reset minus the last one. An illegal action changes nothing.

    **End**: there is none but truncation; ``gymnasium.make`` sets ``max_episode_steps`` to 256.

    **Info**: ``action_mask``, ``object`` (name, or ``""``), ``illegal``, ``hpwl_um``, ``proxy_cost``,
    ``wirelength_cost``, ``density_cost``, ``congestion_cost``; of :meth:`reset` also ``design``.

    Args:
        design: as :class:`env.macro_placement.MacroPlacementEnv` takes it; likewise the next four.
        designs: a list to draw from.
        generator: makes designs on the fly.
        generated_share: share of generated episodes in a mix.
        grid: rows and columns of the arrays.
        start: ``"given"``, ``"random"``, or a function, see :mod:`env.starts`.
        soft: whether soft macros and standard cells are objects too, besides hard macros.
        choose: ``"env"`` or ``"agent"``.
        max_objects: K, where designs differ; the most of any listed design, and of a specification without ``soft``,
            by default.
        weights: of the proxy cost; a weight of 0 leaves a term out of the reward. ``macro_wirelength`` must be 0.
        maps: observe density and congestion.
        on_illegal: ``"penalise"`` or ``"raise"``.
        illegal_reward: what an illegal action is worth when penalised.
        render_mode: ``"rgb_array"``, ``"plotly"`` or None.

    Raises:
        NetlistError: a design cannot be read, has no movable hard macro or more objects than ``max_objects``.
        PlacementError: with ``start="given"`` no legal placement of a listed design was found.
        ValueError: an option is unknown or makes no sense.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "plotly"], "render_fps": 10}  # noqa: RUF012 - as Env's

    def __init__(
        self,
        design: str | Path | Design | None = None,
        *,
        designs: Sequence[str | Path | Design] | None = None,
        generator: Generator | None = None,
        generated_share: float = 0.5,
        grid: tuple[int, int] | None = None,
        start: str | Start = "given",
        soft: bool = False,
        choose: str = "env",
        max_objects: int | None = None,
        weights: CostWeights | None = None,
        maps: bool = True,
        on_illegal: str = "penalise",
        illegal_reward: float = -1.0,
        render_mode: str | None = None,
    ) -> None:
        for name, value, known in (
            ("on_illegal", on_illegal, ("penalise", "raise")),
            ("choose", choose, ("env", "agent")),
            ("start", start if isinstance(start, str) else "given", ("given", "random")),
            ("render_mode", render_mode, (None, *self.metadata["render_modes"])),
        ):
            if value not in known:
                raise ValueError(f"unknown {name} {value!r}, expected one of {', '.join(map(repr, known))}")
        if design is None and designs is None and generator is None:
            design = "synth20"
        self.start, self.soft, self.choose, self.maps = start, soft, choose, maps
        self.weights = known_weights(weights)
        self.on_illegal, self.illegal_reward, self.render_mode = on_illegal, illegal_reward, render_mode
        self._source = DesignSource(design, designs, generator, generated_share, grid)
        self._ready = {number: self._prepare(d) for number, d in enumerate(self._source.listed)}
        if max_objects is None:
            counts = [ready.state.num_objects for ready in self._ready.values()]
            if isinstance(generator, SynthesisSpec) and not soft:
                counts.append(generator.num_macros)
            elif generator is not None:
                raise ValueError("this generator needs max_objects, the most objects its designs have")
            max_objects = max(counts)
        self.max_objects = max_objects
        for ready in self._ready.values():
            self._check(ready.state)
        rows, columns = self._source.frame
        self.num_actions = rows * columns + max_objects + 9
        self.action_space = spaces.Discrete(self.num_actions)
        maps_space = spaces.Box(0.0, float(_LARGEST), (rows, columns), np.float32)
        self.observation_space = spaces.Dict(
            {
                "action_mask": spaces.MultiBinary(self.num_actions),
                "wire_mask": spaces.Box(-1e15, 1e15, (rows, columns), np.float64),
                "objects": spaces.Box(0.0, 1.0, (max_objects, len(OBJECT_FEATURES)), np.float32),
                "blockage": spaces.Box(0.0, 1.0, (rows, columns), np.float32),
                "cost": spaces.Box(0.0, float(_LARGEST), (len(COST_FEATURES),), np.float32),
                "ids": spaces.Box(-1, 2**31 - 1, (2,), np.int64),
                **(dict.fromkeys(("density", "h_congestion", "v_congestion"), maps_space) if maps else {}),
            }
        )
        self._running = False
        self._current = -1

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode at a legal placement.

        Args:
            seed: seeds ``np_random``, which draws designs, random starts and the order of objects.
            options: none are known.

        Returns:
            The observation and info, the latter with ``design``.

        Raises:
            NetlistError: there is no legal random start, a function's start is not legal, or the generator makes no
                design that can be played. No episode has begun.
        """
        super().reset(seed=seed)
        self._running = False
        self._number, (ready, placement) = self._source.usable(self.np_random, self._started)
        if placement is None:
            placement = checked(ready.problem.design, self._own_start(ready.problem.design))
        self.design, self.problem, self.state = ready.problem.design, ready.problem, ready.state
        self.state.reset(placement)
        self._terms = self._first = self.state.terms()
        self._queue: list[int] = []
        self._static_objects()
        self._next_object()
        self._running = True
        return self._observe(), self._info(illegal=False) | {"design": self.design}

    def step(self, action: np.int64 | int) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Do what an action says.

        Raises:
            ValueError: the action is not a whole number within the action space, or it is illegal and
                ``on_illegal="raise"``; nothing has changed.
            gymnasium.error.ResetNeeded: no episode has begun.
        """
        self._need_reset("step")
        number = whole_number(action, self.num_actions)
        if not self._mask[number]:
            if self.on_illegal == "raise":
                raise ValueError(f"action {number} is illegal; see info['action_mask']")
            return self._observe(), self.illegal_reward, False, False, self._info(illegal=True)
        before = self._terms
        self._do(number)
        self._terms = self.state.terms()
        return self._observe(), before.proxy_cost - self._terms.proxy_cost, False, False, self._info(illegal=False)

    def action_masks(self) -> NDArray[np.bool_]:
        """``[A]`` bool, the legal actions; the name sb3-contrib's MaskablePPO asks for.

        Raises:
            gymnasium.error.ResetNeeded: no episode has begun.
        """
        self._need_reset("action_masks")
        return self._mask.astype(bool)

    def placement(self) -> Placement:
        """Where everything is now.

        Raises:
            gymnasium.error.ResetNeeded: no episode has begun.
        """
        self._need_reset("placement")
        return self.state.placement()

    def render(self) -> Any:  # noqa: ANN401 - what it is depends on the render mode
        """The current placement as ``render_mode`` says; None without one.

        The picture tints the cells the current object may move to by their change of HPWL (pale is best).

        Raises:
            gymnasium.error.ResetNeeded: no episode has begun.
        """
        self._need_reset("render")
        if self.render_mode == "rgb_array":
            heat = np.where(self._moves[: self.problem.shape[0], : self.problem.shape[1]] == 1, self._own_wire, np.nan)
            hard = np.flatnonzero(self.design.netlist.node_kind == HARD_MACRO)
            return paint(self.design, self.placement(), hard, heat, chosen=self._node())
        if self.render_mode == "plotly":
            return figure(self.design, self.placement())
        return None

    def _need_reset(self, what: str) -> None:
        if not self._running:
            raise gymnasium.error.ResetNeeded(f"call reset() before {what}()")

    def _do(self, action: int) -> None:
        rows, columns = self._source.frame
        rest = action - rows * columns
        if rest < 0:
            self.state.move(self._current, *divmod(action, columns))
        elif rest < self.max_objects:
            if self._current < 0:
                self._current = rest
                self._look_ahead()
                return
            self.state.swap(self._current, rest)
        elif rest < self.max_objects + 8:
            self.state.turn(self._current, rest - self.max_objects)
        self._next_object()

    def _next_object(self) -> None:
        if self.choose == "agent":
            self._current = -1
        else:
            if not self._queue:
                self._queue = self.np_random.permutation(self.state.num_objects).tolist()
            self._current = self._queue.pop()
        self._look_ahead()

    def _look_ahead(self) -> None:
        """Mask and wire mask of the current object."""
        (rows, columns), (own_rows, own_columns) = self._source.frame, self.problem.shape
        self._mask = np.zeros(self.num_actions, np.int8)
        self._moves = self._mask[: rows * columns].reshape(rows, columns)
        swaps = self._mask[rows * columns :][: self.state.num_objects]
        self._wire = np.zeros((rows, columns))
        self._own_wire = np.zeros((own_rows, own_columns))
        if self._current < 0:
            swaps[:] = 1
            return
        legal = np.zeros((own_rows, own_columns), np.int8)
        self.state.move_mask(self._current, legal)
        self._moves[:own_rows, :own_columns] = legal
        self.state.swap_mask(self._current, swaps)
        turns = rows * columns + self.max_objects
        self.state.turn_mask(self._current, self._mask[turns : turns + 8])
        self._mask[-1] = 1
        self.state.wire_mask(self._current, self._own_wire)
        self._wire[:own_rows, :own_columns] = self._own_wire

    def _observe(self) -> dict[str, Any]:
        t = self._terms
        cost = (t.proxy_cost, t.wirelength_cost, t.density_cost, t.congestion_cost, self._first.proxy_cost)
        out = {
            "action_mask": self._mask.copy(),
            "wire_mask": self._wire.copy(),
            "objects": self._objects(),
            "blockage": self._blockage.copy(),
            "cost": np.array(cost, np.float32),
            "ids": np.array([self._number, self._node()], np.int64),
        }
        if self.maps:
            horizontal, vertical = self.state.cost.congestion_maps()
            out["density"] = self._framed(self.state.cost.density_map(), 0.0)
            out["h_congestion"], out["v_congestion"] = self._framed(horizontal, 0.0), self._framed(vertical, 0.0)
        return out

    def _static_objects(self) -> None:
        n, nodes = self.design.netlist, self.state.nodes
        self._features = np.zeros((self.max_objects, len(OBJECT_FEATURES)), np.float32)
        nets = self.state.num_nets
        self._features[: len(nodes), 5] = n.node_kind[nodes] == HARD_MACRO
        self._features[: len(nodes), 6] = nets / max(int(nets.max()), 1)
        self._blockage = self._framed(self.problem.blockage, 1.0)

    def _objects(self) -> NDArray[np.float32]:
        out, s, n, canvas = self._features.copy(), self.state, self.design.netlist, self.design.canvas
        nodes, count = s.nodes, len(s.nodes)
        wide, high = oriented_sizes(n.node_width[nodes], n.node_height[nodes], s.orient[nodes])
        out[:count, 0] = (s.x[nodes] - canvas.x0) / canvas.width
        out[:count, 1] = (s.y[nodes] - canvas.y0) / canvas.height
        out[:count, 2], out[:count, 3] = wide / canvas.width, high / canvas.height
        out[:count, 4] = s.orient[nodes] / 7
        if self._current >= 0:
            out[self._current, 7] = 1.0
        return np.clip(out, 0.0, 1.0)

    def _framed(self, values: NDArray[np.float64], fill: float) -> NDArray[np.float32]:
        out = np.full(self._source.frame, fill, np.float32)
        # Differences that should cancel may leave a rounding error below 0.
        out[: values.shape[0], : values.shape[1]] = np.maximum(values, 0.0)
        return out

    def _node(self) -> int:
        return int(self.state.nodes[self._current]) if self._current >= 0 else -1

    def _info(self, *, illegal: bool) -> dict[str, Any]:
        node = self._node()
        return {
            "action_mask": self._mask.copy(),
            "object": self.design.netlist.node_names[node] if node >= 0 else "",
            "illegal": illegal,
            "hpwl_um": self.state.cost.hpwl_um,
            **self._terms.as_info(),
        }

    def _started(self, number: int, design: Design) -> tuple[_Ready, Placement | None]:
        """A design made ready and where its episode begins; None where the user's own function says so."""
        ready = self._ready[number] if number in self._ready else self._prepare(design)
        self._check(ready.state)
        if self.start == "random":
            return ready, random_start(design, self.np_random, ready.problem)
        return ready, ready.given

    def _own_start(self, design: Design) -> Placement:
        assert callable(self.start)
        return self.start(design, self.np_random)

    def _prepare(self, design: Design) -> _Ready:
        problem = build_problem(design, orientations=tuple(range(8)))
        state = RefinementState(problem, soft=self.soft, weights=self.weights)
        given = checked(design, given_start(design)) if self.start == "given" else None
        return _Ready(problem, state, given)

    def _check(self, state: RefinementState) -> None:
        if state.num_objects > self.max_objects:
            raise NetlistError(
                f"design {state.problem.design.name!r} has more objects than max_objects",
                found=f"{state.num_objects} objects", expected=f"at most {self.max_objects}",
            )  # fmt: skip
