"""``placer/MacroPlacement-v0``: put one macro a step on the placement grid."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from env.observation import Observer, make_space
from env.orders import Order
from env.partial import PartialCost, Terms, known_weights
from env.problem import MacroProblem, build_problem
from env.rewards import Outcome, Reward, make_reward
from env.sources import DesignSource, Generator
from env.state import MacroState
from env.viewer import draw_figure, draw_picture
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.orientation import NAMES
from netlists.placement import Placement
from placer.cost.full import CostWeights, full
from placer.engines.soft import place_soft

#: Upper bound of the wire mask, um, where the designs are not known beforehand.
_ANY_LENGTH = 1e15


@dataclass(frozen=True, eq=False)
class _Ready:
    """A design made ready to be placed; kept for the designs of a list."""

    problem: MacroProblem
    state: MacroState
    observer: Observer
    partial: PartialCost | None


class MacroPlacementEnv(gymnasium.Env[dict[str, Any], np.int64]):
    """Place the movable hard macros of a design one a step. ``docs/environment.md`` states the task formally.

    **Observation**: a Dict, see :class:`env.observation.Observer`. The netlist graph does not change during an
    episode, so it is not part of it: ``observation["ids"]`` refers to ``info["design"]`` of :meth:`reset`, which
    :func:`netlists.graphs.to_pyg` turns into a graph.

    **Action**: ``Discrete(R * C)``, cell ``row * C + column`` of the placement grid with row 0 at the bottom; with
    ``orientations`` ``Discrete(O * R * C)``, ``(k * R + row) * C + column``. ``info["action_mask"]`` (int8, flat) and
    :meth:`action_masks` say which are legal. An illegal action never changes the state.

    **End**: ``terminated`` with ``info["reason"]`` ``"complete"`` or ``"dead_end"``. Nothing truncates; give
    ``max_episode_steps`` to ``gymnasium.make`` to bound agents that keep choosing illegal cells. The only randomness is
    which design an episode has.

    **Info** of every step: ``action_mask``, ``macro`` (name of the current macro, ``""`` at the end), ``illegal``
    (whether this action was), ``hpwl_um`` and the cost terms ``proxy_cost``, ``wirelength_cost``, ``density_cost``,
    ``congestion_cost`` of what has a position (:mod:`env.partial`). At the end ``reason``; after ``"complete"`` the
    terms are those of the whole design with soft objects placed by :func:`placer.engines.soft.place_soft`, if
    ``final_costs``. Without ``maps`` only ``hpwl_um`` and ``wirelength_cost`` are given before that.

    Args:
        design: a Design, or whatever :func:`netlists.load.load` takes: a name, a file, a folder. ``"synth20"`` when
            neither this nor ``designs`` nor ``generator`` is given.
        designs: a list to draw from, one an episode.
        generator: makes designs on the fly, see :class:`env.sources.DesignSource`.
        generated_share: share of generated episodes where there are listed designs too.
        grid: rows and columns of the arrays, where designs differ; see :class:`env.sources.DesignSource`.
        order: ``"area"``, ``"connectivity"``, or a function, see :mod:`env.orders`.
        orientations: DEF names (``("N", "FN")``) or ``"all"`` to choose from; None keeps macros as they are given.
        reward: ``"hpwl"``, ``"proxy"``, ``"dense_proxy"``, ``"shaped_proxy"``, a mapping of these to factors, or any
            :class:`env.rewards.Reward`.
        weights: of the proxy cost; ``macro_wirelength`` must be 0.
        maps: observe congestion and give all cost terms in every info; takes most of a step's time.
        on_illegal: ``"penalise"`` gives ``illegal_reward`` and the same observation again; ``"raise"`` raises.
        illegal_reward: what an illegal action is worth when penalised.
        final_costs: place soft objects and score complete placements even when the reward does not need it (tens to
            hundreds of milliseconds an episode on large designs).
        render_mode: ``"rgb_array"`` (``[height, width, 3]`` uint8) or ``"plotly"`` (a Plotly figure), or None.

    Raises:
        NetlistError: a design cannot be read or gives no macro to place, see :func:`env.problem.build_problem`; its
            first macro has no legal place; or the generator's designs all are like that.
        ValueError: an option is unknown or makes no sense.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "plotly"], "render_fps": 10}  # noqa: RUF012 - as Env's

    design: Design
    problem: MacroProblem
    state: MacroState

    def __init__(
        self,
        design: str | Path | Design | None = None,
        *,
        designs: Sequence[str | Path | Design] | None = None,
        generator: Generator | None = None,
        generated_share: float = 0.5,
        grid: tuple[int, int] | None = None,
        order: str | Order = "area",
        orientations: str | Sequence[str] | None = None,
        reward: str | Mapping[str, float] | Reward = "hpwl",
        weights: CostWeights | None = None,
        maps: bool = True,
        on_illegal: str = "penalise",
        illegal_reward: float = -1.0,
        final_costs: bool = True,
        render_mode: str | None = None,
    ) -> None:
        if on_illegal not in ("penalise", "raise"):
            raise ValueError(f"unknown on_illegal {on_illegal!r}, expected 'penalise' or 'raise'")
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"unknown render_mode {render_mode!r}, expected one of {self.metadata['render_modes']}")
        if design is None and designs is None and generator is None:
            design = "synth20"
        self.orientations = orientation_codes(orientations)
        self.reward = make_reward(reward)
        self.weights = known_weights(weights)
        self.maps, self.on_illegal, self.illegal_reward = maps, on_illegal, illegal_reward
        self.final_costs, self.render_mode = final_costs, render_mode
        self._order = order
        self._source = DesignSource(design, designs, generator, generated_share, grid)
        self._ready = {number: self._prepare(number, d) for number, d in enumerate(self._source.listed)}
        # A generated design shows right away whether the generator's designs can be used.
        self._use(self._ready[0] if self._ready else self._source.usable(np.random.default_rng(0), self._prepare)[1])
        longest = max((ready.observer.longest for ready in self._ready.values()), default=_ANY_LENGTH)
        if self._source.generates:
            longest = _ANY_LENGTH
        orients = None if self.orientations is None else len(self.orientations)
        self.observation_space = make_space(self._source.frame, orients, longest, maps=maps)
        self.num_actions = (orients or 1) * self._source.frame[0] * self._source.frame[1]
        self.action_space = spaces.Discrete(self.num_actions)
        self._ended = True
        self._final: Placement | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode: draw a design if there are several, and take every macro off the canvas.

        Args:
            seed: seeds ``np_random``, which draws the designs.
            options: none are known.

        Returns:
            The observation and info, the latter with ``design``.

        Raises:
            NetlistError: the generator makes no design that can be played; no episode has begun.
        """
        super().reset(seed=seed)
        self._ended = True
        if self._source.generates or len(self._source.listed) > 1:
            self._use(self._source.usable(self.np_random, self._made_ready)[1])
        self.state.reset()
        if self._partial is not None:
            self._partial.reset(self.state.hpwl)
        self._ended = False
        self._final = None
        return self._observe(), self._info(illegal=False) | {"design": self.design}

    def step(self, action: np.int64 | int) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Put the current macro into a cell.

        Raises:
            ValueError: the action is not a whole number within the action space, or it is illegal and
                ``on_illegal="raise"``; the state is unchanged.
            gymnasium.error.ResetNeeded: the episode has ended, or not begun.
        """
        if self._ended:
            raise gymnasium.error.ResetNeeded("the episode is over: call reset() before step()")
        action = whole_number(action, self.num_actions)
        choice = self._observer.choice(action)
        if choice < 0 or not self.state.is_legal(choice):
            if self.on_illegal == "raise":
                raise ValueError(f"action {action} is illegal for macro {self._name()!r}; see info['action_mask']")
            return self._observe(), self.illegal_reward, False, False, self._info(illegal=True)
        before = self._partial.terms if self._partial is not None else None
        increase = self._place(choice)
        reason = "complete" if self.state.done else "dead_end" if self.state.num_legal == 0 else ""
        # Set before anything that may fail: whatever happens below, this episode takes no more steps.
        self._ended = reason != ""
        final = None
        if reason == "complete" and (self.final_costs or self.reward.needs_final):
            final = Terms.of(full(self.design, self.placement(), self.weights))
        after = self._partial.terms if self._partial is not None else None
        reward = self.reward.of(Outcome(increase * self.problem.hpwl_scale, before, after, reason, final))
        info = self._info(illegal=False)
        if reason:
            info["reason"] = reason
            info |= final.as_info() if final is not None else {}
        return self._observe(), reward, self._ended, False, info

    def action_masks(self) -> NDArray[np.bool_]:
        """``[num_actions]`` bool, the legal actions; the name sb3-contrib's MaskablePPO asks for."""
        return self._observer.action_mask(self.state).astype(bool)

    def placement(self) -> Placement:
        """Where everything is now.

        Soft objects are placed once all macros are; before that they are where the design has them.
        """
        if not self.state.done:
            return self.state.placement()
        if self._final is None:
            self._final = place_soft(self.design, self.state.placement())
        return self._final

    def render(self) -> Any:  # noqa: ANN401 - what it is depends on the render mode
        """The current state as ``render_mode`` says; None without one."""
        if self.render_mode == "rgb_array":
            return draw_picture(self.state)
        if self.render_mode == "plotly":
            return draw_figure(self.state)
        return None

    def _prepare(self, number: int, design: Design) -> _Ready:
        problem = build_problem(design, self._order, self.orientations)
        observer = Observer(
            problem, self._source.frame, number=number, turned=self.orientations is not None,
        )  # fmt: skip
        partial = PartialCost(problem, self.weights) if self.maps or self.reward.needs_terms else None
        state = MacroState(problem)
        if state.num_legal == 0:
            raise NetlistError(f"no cell of the placement grid is legal for the first macro of {design.name!r}")
        return _Ready(problem, state, observer, partial)

    def _made_ready(self, number: int, design: Design) -> _Ready:
        return self._ready[number] if number in self._ready else self._prepare(number, design)

    def _use(self, ready: _Ready) -> None:
        self.problem, self.state = ready.problem, ready.state
        self._observer, self._partial = ready.observer, ready.partial
        self.design = ready.problem.design

    def _place(self, choice: int) -> float:
        t = self.state.step
        increase = self.state.place(choice)
        if self._partial is not None:
            o, row, column = self.state.unravel(choice)
            x, y = float(self.problem.x[t, o, column]), float(self.problem.y[t, o, row])
            self._partial.place(t, o, x, y, self.state.hpwl)
        return increase

    def _observe(self) -> dict[str, Any]:
        return self._observer.observe(self.state, self._partial if self.maps else None)

    def _name(self) -> str:
        return "" if self.state.done else self.design.netlist.node_names[self.state.current]

    def _info(self, *, illegal: bool) -> dict[str, Any]:
        info = {
            "action_mask": self._observer.action_mask(self.state),
            "hpwl_um": self.state.hpwl,
            "wirelength_cost": self.state.hpwl * self.problem.hpwl_scale,
            "macro": self._name(),
            "illegal": illegal,
        }
        return info if self._partial is None else info | self._partial.terms.as_info()


def whole_number(action: Any, count: int) -> int:  # noqa: ANN401 - whatever an agent sends
    """The action as an int.

    Raises:
        ValueError: it is not one whole number from 0 to ``count - 1``.
    """
    try:
        number = operator.index(np.asarray(action).item())
    except (TypeError, ValueError):
        raise ValueError(f"an action must be one whole number, found {action!r}") from None
    if not 0 <= number < count:
        raise ValueError(f"action {number} is outside the action space 0..{count - 1}")
    return number


def orientation_codes(orientations: str | Sequence[str] | None) -> tuple[int, ...] | None:
    """Codes of the orientations an action chooses from, None for no choice.

    Args:
        orientations: DEF names or ``"all"``.

    Raises:
        ValueError: a name is unknown or repeated.
    """
    if orientations is None:
        return None
    names = NAMES if orientations == "all" else tuple(orientations)
    if not names or len(set(names)) < len(names) or not set(names) <= set(NAMES):
        raise ValueError(f"unknown orientations {orientations!r}, expected 'all' or some of {', '.join(NAMES)}")
    return tuple(NAMES.index(name) for name in names)
