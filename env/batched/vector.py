"""Many copies of ``placer/MacroPlacement-v0`` as one ``gymnasium.vector.VectorEnv`` on one device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from jax.typing import ArrayLike
from numpy.typing import NDArray

from env.batched import step as program
from env.batched.draws import AHEAD, DesignDraws
from env.batched.info import Reporter, finished
from env.batched.step import Options, Outcome, Settings, State
from env.batched.tables import make_tables
from env.macro_placement import orientation_codes
from env.observation import make_space
from env.orders import Order
from env.partial import known_weights
from env.problem import build_problem
from env.rewards import HpwlReward
from env.sources import DesignSource
from env.state import MacroState
from env.viewer import draw_picture
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.placement import Placement
from placer.cost.full import CostWeights
from placer.cost.precision import precision

if TYPE_CHECKING:
    from env.batched.torch_view import TorchMacroPlacement


class BatchedMacroPlacement(VectorEnv[dict[str, NDArray[Any]], NDArray[Any], NDArray[Any]]):
    """``B`` copies of :class:`env.macro_placement.MacroPlacementEnv` with the HPWL reward and without congestion maps.

    A step of all copies is one compiled call on the device: action, masks, maps, reward, end of episodes and their
    new beginning. In float64 on a CPU every number has the bits of the single environment; in float32 rewards and
    features agree to 1e-5. Actions, observations, infos and randomness are those of the single environment with
    ``maps=False``, ``final_costs=False`` and the same designs, vectorised as Gymnasium does.

    **Output.** :meth:`reset` and :meth:`step` give read-only NumPy arrays, :meth:`torch` tensors, :meth:`begin` and
    :meth:`advance` JAX arrays; on the CPU all of them are views of one memory. Nothing handed out changes later.

    Args:
        num_envs: copies, ``B``.
        design: one design, as the single environment takes it; ``"synth20"`` without ``designs``.
        designs: several, of any sizes.
        draw: every episode draws one of ``designs`` from its copy's seed; otherwise copy ``i`` always plays number
            ``i % D``.
        grid: rows and columns of the arrays; the largest of the designs by default.
        order: see :mod:`env.orders`.
        orientations: DEF names to choose from, or ``"all"``; None keeps each macro's own.
        reward: ``"hpwl"`` or an :class:`env.rewards.HpwlReward`: what can be worked out on the device.
        weights: of the proxy cost; ``macro_wirelength`` must be 0.
        maps: False: congestion is not observed here.
        on_illegal: ``"penalise"`` or ``"raise"``, as in the single environment. Raising needs the masks on the host
            before every step, which is slow on a GPU.
        illegal_reward: what an illegal action is worth when penalised.
        final_costs: give all cost terms of complete placements, worked out on the host one by one, tens to hundreds
            of milliseconds each on large designs.
        max_episode_steps: actions after which an episode is truncated; None never does.
        autoreset_mode: ``NEXT_STEP``, where the step after an end ignores its action, is worth 0 and shows the new
            episode, or ``SAME_STEP``.
        dtype: of real numbers, ``"float64"`` or ``"float32"``.
        device: a JAX device, or the name of a JAX platform such as ``"cpu"`` or ``"gpu"``; None takes JAX's default.
        render_mode: ``"rgb_array"`` or None.

    Raises:
        NetlistError: a design cannot be read or played; see :func:`env.problem.build_problem`.
        ValueError: an option is unknown, or there is no such device.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012 - as VectorEnv's

    def __init__(
        self,
        num_envs: int = 1,
        design: str | Path | Design | None = None,
        *,
        designs: Sequence[str | Path | Design] | None = None,
        draw: bool = True,
        grid: tuple[int, int] | None = None,
        order: str | Order = "area",
        orientations: str | Sequence[str] | None = None,
        reward: str | HpwlReward = "hpwl",
        weights: CostWeights | None = None,
        maps: bool = False,
        on_illegal: str = "penalise",
        illegal_reward: float = -1.0,
        final_costs: bool = False,
        max_episode_steps: int | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        dtype: str | type[np.floating] = "float64",
        device: str | jax.Device | None = None,
        render_mode: str | None = None,
    ) -> None:
        mode = AutoresetMode(autoreset_mode)
        _expect("autoreset_mode", mode, (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP))
        _expect("on_illegal", on_illegal, ("penalise", "raise"))
        _expect("render_mode", render_mode, ("rgb_array", None))
        _expect("maps", maps, (False,))
        _expect("dtype", np.dtype(dtype).name, ("float64", "float32"))
        if not isinstance(reward, HpwlReward):
            _expect("reward", reward, ("hpwl",))
            reward = HpwlReward()
        if num_envs < 1 or (max_episode_steps is not None and max_episode_steps < 1):
            raise ValueError(f"num_envs is {num_envs} and max_episode_steps {max_episode_steps}, expected 1 or more")
        weights = known_weights(weights)
        codes = orientation_codes(orientations)
        source = DesignSource("synth20" if design is None and designs is None else design, designs, grid=grid)
        self.num_envs, self.dtype, self.device = num_envs, np.dtype(dtype), _device(device)
        self.metadata = self.metadata | {"autoreset_mode": mode}
        self.render_mode, self.on_illegal = render_mode, on_illegal
        self.designs = source.listed
        self.problems = [build_problem(one, order, codes) for one in self.designs]
        self._options = Options(
            turned=codes is not None,
            same_step=mode is AutoresetMode.SAME_STEP,
        )
        tables, self._sizes = make_tables(self.problems, source.frame, self.dtype, turned=codes is not None)
        with precision(self.dtype):
            self._tables = jax.device_put(tables, self.device)
            limit = jnp.asarray(max_episode_steps or np.iinfo(np.int32).max, jnp.int32)
            worth = (jnp.asarray(value, self.dtype) for value in (illegal_reward, reward.dead_end))
            self._settings = jax.device_put(Settings(limit, *worth), self.device)
            self._first = program.first_steps(self._sizes, self._options, self._tables)
        for one, legal in zip(self.designs, self._first[1].observation["legality_mask"], strict=True):
            if not np.asarray(legal).any():
                raise NetlistError(f"no cell of the placement grid is legal for the first macro of {one.name!r}")
        scored = weights if final_costs else None
        self._report = Reporter(self.problems, source.frame, codes is not None, scored)
        self.single_observation_space: spaces.Dict = self._space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        actions = self._sizes.orients * source.frame[0] * source.frame[1]
        self.single_action_space: spaces.Discrete = spaces.Discrete(actions)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._draws = DesignDraws(num_envs, len(self.designs), draw=draw) if len(self.designs) > 1 else None
        self._upcoming: jax.Array | None = None
        self._until_refill = 0
        self._state: State | None = None
        self._outcome: Outcome | None = None
        self._blockage: jax.Array | None = None

    # -- JAX -----------------------------------------------------------------------------------------------------------

    def begin(self, seed: int | Sequence[int] | None = None) -> Outcome:
        """Begin all episodes anew.

        Args:
            seed: copy ``i`` gets ``seed + i``, or the ``i``-th of a sequence; None goes on with the randomness there
                is. Seeds matter only where designs are drawn.

        Returns:
            Arrays on the device.
        """
        if isinstance(seed, int | np.integer):
            super().reset(seed=int(seed))
            seed = [int(seed) + i for i in range(self.num_envs)]
        if seed is not None and len(seed) != self.num_envs:
            raise ValueError(f"{len(seed)} seeds for {self.num_envs} copies")
        numbers: NDArray[np.int32] = np.zeros(self.num_envs, np.int32)
        if self._draws is not None:
            self._draws.restart(seed, 0 if self._state is None else np.asarray(self._state.episode) + 1)
            numbers = self._draws.numbers[:, 0]
            self._send_draws()
        with precision(self.dtype):
            given = jax.device_put(numbers, self.device)
            self._state, self._outcome = program.begin(self._first, given)
            self._blockage = None
        return self._outcome

    def advance(self, actions: ArrayLike) -> Outcome:
        """Step all copies; like :meth:`step`, but nothing is checked or copied to the host.

        Args:
            actions: ``[B]`` integers on any device; those outside the action space count as illegal.

        Returns:
            Arrays on the device.

        Raises:
            ValueError: the actions are no integers or have another shape; no copy has changed.
            gymnasium.error.ResetNeeded: before the first :meth:`begin` or :meth:`reset`.
        """
        if self._state is None:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        with precision(self.dtype):
            chosen = jax.device_put(_narrow(actions), self.device)
            if chosen.shape != (self.num_envs,):
                raise ValueError(f"actions have shape {chosen.shape}, expected ({self.num_envs},)")
            if self._draws is not None:
                self._blockage = None
                self._until_refill -= 1
                if self._until_refill < 0:
                    self._draws.refill(np.asarray(self._state.episode))
                    self._send_draws()
            first = self._first if self._options.same_step else None
            # The old state's memory is given away: whatever happens inside, it is not to be used again.
            state, self._state = self._state, None
            self._state, self._outcome = program.step(
                self._sizes, self._options, self._tables, self._settings, first, self._upcoming, state, chosen
            )
        return self._outcome

    def observation(self) -> dict[str, jax.Array]:
        """The latest observation with ``"blockage"``, on the device."""
        assert self._outcome is not None
        if self._blockage is None:
            with precision(self.dtype):
                self._blockage = self._tables.design.blockage[self._outcome.design]
        arrays = self._outcome.observation | {"blockage": self._blockage}
        return {key: arrays[key] for key in self.single_observation_space.spaces}

    # -- Gymnasium -----------------------------------------------------------------------------------------------------

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Begin all episodes anew.

        Args:
            seed: see :meth:`begin`.
            options: none are known.

        Returns:
            Observation and info.
        """
        self.begin(seed)
        return self._host(self.observation()), self._info()

    def step(
        self, actions: NDArray[Any]
    ) -> tuple[dict[str, NDArray[Any]], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Step all copies.

        Args:
            actions: ``[B]`` integers. Copies whose episode ended in the step before ignore theirs with ``NEXT_STEP``.

        Returns:
            Observation, reward, terminated, truncated and info.

        Raises:
            ValueError: an action is outside the action space, or illegal with ``on_illegal="raise"``; no copy has
                changed.
            gymnasium.error.ResetNeeded: before the first :meth:`reset`.
        """
        self.check(np.asarray(actions))
        outcome = self.advance(actions)
        reward, terminated, truncated = (np.asarray(a) for a in (outcome.reward, outcome.terminated, outcome.truncated))
        return self._host(self.observation()), reward, terminated, truncated, self._info()

    def check(self, actions: NDArray[Any]) -> None:
        """Raise what :meth:`step` would for these actions."""
        if self._state is None or self._outcome is None:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        count = int(self.single_action_space.n)
        if actions.shape != (self.num_envs,) or not np.issubdtype(actions.dtype, np.integer):
            raise ValueError(
                f"actions must be {self.num_envs} whole numbers, found shape {actions.shape} of {actions.dtype}"
            )
        outside = np.flatnonzero((actions < 0) | (actions >= count))
        if len(outside):
            raise ValueError(
                f"action {actions[outside[0]]} of copy {outside[0]} is outside the action space 0..{count - 1}"
            )
        if self.on_illegal == "raise":
            masks = np.asarray(self._outcome.observation["legality_mask"]).reshape(self.num_envs, -1)
            mask = masks[np.arange(self.num_envs), actions]
            illegal = np.flatnonzero((mask == 0) & ~np.asarray(self._state.ended))
            if len(illegal):
                raise ValueError(
                    f"action {actions[illegal[0]]} of copy {illegal[0]} is illegal; see info['action_mask']"
                )

    def torch(self) -> TorchMacroPlacement:
        """The same copies with PyTorch tensors in and out, in the same memory."""
        from env.batched.torch_view import TorchMacroPlacement

        return TorchMacroPlacement(self)

    def episode(self, copy: int) -> MacroState:
        """The state of one copy as the single environment has it, to read placements from or draw.

        With ``SAME_STEP`` an episode that ended has already made room for the next one.
        """
        if self._state is None:
            raise gymnasium.error.ResetNeeded("call reset() first")
        steps = int(self._state.step[copy])
        return self._report.replay(int(self._state.design[copy]), np.asarray(self._state.cells[copy])[:steps])

    def placement(self, copy: int) -> Placement:
        """Where everything is in one copy; soft objects are placed once all macros are."""
        return finished(self.episode(copy))

    def render(self) -> tuple[Any, ...] | None:
        """A picture of each copy with ``render_mode="rgb_array"``."""
        if self.render_mode is None:
            return None
        return tuple(draw_picture(self.episode(copy)) for copy in range(self.num_envs))

    def close_extras(self, **_: Any) -> None:  # noqa: ANN401 - as VectorEnv's
        """Let go of the copies' memory."""
        self._state = self._outcome = self._blockage = None

    def memory(self) -> dict[str, int]:
        """Bytes on the device: ``"state"`` and ``"output"`` of each copy, ``"tables"`` of all of them together."""

        def count(arrays: Any) -> int:  # noqa: ANN401 - a tree
            return sum(a.nbytes for a in jax.tree.leaves(arrays))

        state, outcome = (count(part) // len(self.designs) for part in self._first)
        return {"state": state, "output": outcome, "tables": count((self._tables, self._first))}

    # -- helpers -------------------------------------------------------------------------------------------------------

    def _space(self) -> spaces.Dict:
        """The single environment's space with this environment's types."""
        longest = max(observer.longest for observer in self._report.observers)
        single = (self._sizes.rows, self._sizes.columns)
        space = make_space(single, self._sizes.orients if self._options.turned else None, longest, maps=False)
        if self.dtype == np.float64:
            return space
        entries = dict(space.spaces)
        # A little room for rounding.
        entries["wire_mask"] = spaces.Box(0.0, longest * (1 + 1e-5), space["wire_mask"].shape, np.float32)
        entries["ids"] = spaces.Box(-1, 2**31 - 1, (2,), np.int32)
        return spaces.Dict(entries)

    def _send_draws(self) -> None:
        assert self._draws is not None
        self._upcoming = jax.device_put(self._draws.numbers, self.device)
        # An episode takes a step or more.
        self._until_refill = AHEAD - 2

    @staticmethod
    def _host(arrays: dict[str, jax.Array]) -> dict[str, NDArray[Any]]:
        return {key: np.asarray(value) for key, value in arrays.items()}

    def _info(self) -> dict[str, Any]:
        assert self._outcome is not None
        assert self._state is not None
        return self._report.info(self._outcome, self._state.cells, self._tables.design.blockage)


def _expect(name: str, found: object, known: Sequence[object]) -> None:
    if found not in known:
        raise ValueError(f"unknown {name} {found!r}, expected {' or '.join(map(repr, known))}")


def _device(device: str | jax.Device | None) -> jax.Device:
    if device is None:
        return jax.devices()[0]
    if not isinstance(device, str):
        return device
    try:
        return jax.devices(device)[0]
    except RuntimeError as error:
        raise ValueError(f"JAX finds no device {device!r}: {error}") from None


def _narrow(actions: ArrayLike) -> jax.Array | NDArray[np.int32]:
    """Actions in 32 bits. What does not fit them becomes another number outside the action space.

    Raises:
        ValueError: they are no integers: a NaN would otherwise turn into some cell.
    """
    given = actions if isinstance(actions, jax.Array) else np.asarray(actions)
    if not np.issubdtype(given.dtype, np.integer):
        raise ValueError(f"actions must be whole numbers, found {given.dtype}")
    own, most = np.iinfo(given.dtype), np.iinfo(np.int32).max
    if own.max <= most:
        return given.astype(np.int32)
    low, high = max(-1, own.min), most
    if isinstance(given, jax.Array):
        with precision(np.float64):
            return jnp.clip(given, low, high).astype(jnp.int32)
    return np.clip(given, low, high).astype(np.int32)
