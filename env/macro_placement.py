"""``placer/MacroPlacement-v0``: put one macro a step on the placement grid."""

from __future__ import annotations

import operator
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from env.observation import Observer
from env.problem import build_problem
from env.rewards import Reward, make_reward
from env.state import MacroState
from env.viewer import draw_figure, draw_picture
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.load import load
from netlists.placement import Placement
from placer.cost.full import Cost, full
from placer.engines.soft import place_soft


class MacroPlacementEnv(gymnasium.Env[dict[str, Any], np.int64]):
    """Place the movable hard macros of a design, largest (or best connected) first, one a step.

    **Observation**: a Dict, see :class:`env.observation.Observer`. The netlist graph does not change, so it is not
    part of it: read ``env.unwrapped.design`` or ``info["design"]`` of :meth:`reset`.

    **Action**: ``Discrete(R * C)``, cell ``row * C + column`` of the placement grid with row 0 at the bottom. The
    macro's centre goes to the centre of the gcell, its lower-left corner to the nearest point of the canvas' lattice,
    and the macro is then kept on the canvas, so that cells at the edge may mean the same position. Macros keep the
    orientation the design gives them.

    **Legal** are the cells where the macro overlaps no placed or fixed hard macro and no hard blockage and stays
    inside the canvas and its outline, counted in whole lattice steps. ``info["action_mask"]`` (``[R * C]`` int8) has
    them flat. An illegal action never changes the state.

    **Reward**: ``"hpwl"`` (:class:`env.rewards.HpwlReward`), ``"proxy"`` (:class:`env.rewards.ProxyReward`), or any
    :class:`env.rewards.Reward`.

    **End**: ``terminated`` with ``info["reason"]`` ``"complete"`` when every macro is placed, ``"dead_end"`` when the
    next one has no legal cell. Nothing truncates; give ``max_episode_steps`` to ``gymnasium.make`` to bound agents
    that keep choosing illegal cells. There is no randomness: :meth:`reset` always leads to the same state.

    **Info** of every step: ``action_mask``, ``hpwl_um`` (weighted HPWL over the pins that have a position),
    ``macro`` (name of the current macro, ``""`` at the end), ``illegal`` (whether this action was). At the end also
    ``reason`` and, of a complete placement, ``proxy_cost``, ``wirelength_cost``, ``density_cost`` and
    ``congestion_cost`` of the whole design, with all soft objects placed by
    :func:`placer.engines.soft.place_soft`.

    Args:
        design: a Design, or whatever :func:`netlists.load.load` takes: a name, a file, a folder.
        order: ``"area"`` or ``"connectivity"``, see :mod:`env.orders`.
        reward: see above.
        on_illegal: ``"penalise"`` gives ``illegal_reward`` and the same observation again; ``"raise"`` raises.
        illegal_reward: what an illegal action is worth when penalised.
        final_costs: score complete placements in ``info`` even when the reward does not need it (tens of
            milliseconds an episode on large designs).
        render_mode: ``"rgb_array"`` (``[height, width, 3]`` uint8) or ``"plotly"`` (a Plotly figure), or None.

    Raises:
        NetlistError: the design cannot be read or gives no macro to place; see :func:`env.problem.build_problem`.
        ValueError: an option is unknown.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array", "plotly"], "render_fps": 10}  # noqa: RUF012 - as Env's

    def __init__(
        self,
        design: str | Design = "synth20",
        *,
        order: str = "area",
        reward: str | Reward = "hpwl",
        on_illegal: str = "penalise",
        illegal_reward: float = -1.0,
        final_costs: bool = True,
        render_mode: str | None = None,
    ) -> None:
        if on_illegal not in ("penalise", "raise"):
            raise ValueError(f"unknown on_illegal {on_illegal!r}, expected 'penalise' or 'raise'")
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"unknown render_mode {render_mode!r}, expected one of {self.metadata['render_modes']}")
        self.design = load(design)
        self.problem = build_problem(self.design, order)
        self.state = MacroState(self.problem)
        if self.state.num_legal == 0:
            raise NetlistError(f"no cell of the placement grid is legal for the first macro of {self.design.name!r}")
        self.reward = make_reward(reward)
        self.on_illegal = on_illegal
        self.illegal_reward = illegal_reward
        self.final_costs = final_costs
        self.render_mode = render_mode
        self._observer = Observer(self.problem)
        self.observation_space = self._observer.space
        self.num_actions = self.state.legal.size
        self.action_space = spaces.Discrete(self.num_actions)
        self._ended = True
        self._final: Placement | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Take every macro off the canvas.

        Args:
            seed: seeds ``np_random``; the environment itself has no randomness.
            options: none are known.

        Returns:
            The observation and info, the latter with ``design``.
        """
        super().reset(seed=seed)
        self.state.reset()
        self._ended = False
        self._final = None
        return self._observer.observe(self.state), self._info(illegal=False) | {"design": self.design}

    def step(self, action: np.int64 | int) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Put the current macro into a cell.

        Raises:
            ValueError: the action is not a whole number within the action space, or it is illegal and
                ``on_illegal="raise"``; the state is unchanged.
            gymnasium.error.ResetNeeded: the episode has ended, or not begun.
        """
        if self._ended:
            raise gymnasium.error.ResetNeeded("the episode is over: call reset() before step()")
        cell = self._cell(action)
        if not self.state.is_legal(cell):
            if self.on_illegal == "raise":
                raise ValueError(f"cell {cell} is illegal for macro {self._name()!r}; see info['action_mask']")
            return self._observer.observe(self.state), self.illegal_reward, False, False, self._info(illegal=True)
        increase = self.state.place(cell)
        reward = self.reward.of_step(self.problem, increase)
        info = self._info(illegal=False)
        if self.state.done:
            cost = self._score() if self.final_costs or self.reward.needs_cost else None
            reward += self.reward.of_end(cost)
            info["reason"] = "complete"
            if cost is not None:
                info |= {
                    "proxy_cost": cost.proxy_cost,
                    "wirelength_cost": cost.wirelength_cost,
                    "density_cost": cost.density_cost,
                    "congestion_cost": cost.congestion_cost,
                }
        elif self.state.num_legal == 0:
            reward += self.reward.dead_end
            info["reason"] = "dead_end"
        self._ended = "reason" in info
        return self._observer.observe(self.state), reward, self._ended, False, info

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

    def _cell(self, action: Any) -> int:  # noqa: ANN401 - whatever an agent sends
        try:
            cell = operator.index(np.asarray(action).item())
        except (TypeError, ValueError):
            raise ValueError(f"an action must be one whole number, found {action!r}") from None
        if not 0 <= cell < self.num_actions:
            raise ValueError(f"action {cell} is outside the action space 0..{self.num_actions - 1}")
        return cell

    def _score(self) -> Cost:
        return full(self.design, self.placement())

    def _name(self) -> str:
        return "" if self.state.done else self.design.netlist.node_names[self.state.current]

    def _info(self, *, illegal: bool) -> dict[str, Any]:
        return {
            "action_mask": self._observer.action_mask(self.state),
            "hpwl_um": self.state.hpwl,
            "macro": self._name(),
            "illegal": illegal,
        }
