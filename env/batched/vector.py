"""Many copies of ``placer/MacroPlacement-v0`` as one ``gymnasium.vector.VectorEnv`` on one device."""

from __future__ import annotations

from collections.abc import Sequence
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
from env.batched.step import Options, Outcome, State
from env.batched.tables import make_tables
from env.observation import Observer
from env.orders import Order
from env.problem import build_problem
from env.rewards import HpwlReward
from env.state import MacroState
from env.viewer import draw_picture
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.load import load
from netlists.placement import Placement
from placer.cost.full import full
from placer.engines.soft import place_soft

if TYPE_CHECKING:
    from env.batched.torch_view import TorchMacroPlacement


class BatchedMacroPlacement(VectorEnv[dict[str, NDArray[Any]], NDArray[Any], NDArray[Any]]):
    """``B`` copies of :class:`env.macro_placement.MacroPlacementEnv` with the HPWL reward.

    A step of all copies is one compiled call on the device: action, masks, maps, reward, end of episodes and their
    new beginning. In float64 on a CPU every number has the bits of the single environment; in float32 rewards and
    features agree to 1e-5.

    Several designs share one frame, the most rows and columns of any; an action is
    ``(orientation * rows + row) * columns + column`` of the frame, and cells beyond a design's own grid are illegal.

    **Output.** :meth:`reset` and :meth:`step` give read-only NumPy arrays, :meth:`torch` tensors, :meth:`begin` and
    :meth:`advance` JAX arrays; on the CPU all of them are views of one memory. Nothing handed out changes later.

    **Info**, each with its ``_key`` mask as Gymnasium has it: ``action_mask`` ``[B, actions]`` int8, ``hpwl_um``,
    ``illegal``, and where an episode ends ``reason``, with ``final_costs`` also the four costs of complete
    placements. With ``SAME_STEP`` what belongs to the ended episode is in ``final_info`` and ``final_obs``.

    Args:
        num_envs: copies, ``B``.
        design: a design as the single environment takes it, or a sequence of them: copy ``i`` plays number
            ``i % D``.
        order: see :mod:`env.orders`.
        orientations: codes an action chooses from; None keeps each macro's own.
        reward: ``"hpwl"``.
        on_illegal: ``"penalise"`` or ``"raise"``, as in the single environment. Raising needs the masks on the host
            before every step, which is slow on a GPU.
        illegal_reward: what an illegal action is worth when penalised.
        final_costs: score complete placements on the host, tens of milliseconds each on large designs.
        draw: every episode draws its design from those given, by the copy's seed and the number of the episode.
        max_episode_steps: actions after which an episode is truncated; None never does.
        autoreset_mode: ``NEXT_STEP``, where the step after an end ignores its action, is worth 0 and shows the new
            episode, or ``SAME_STEP``.
        dtype: ``"float64"`` or ``"float32"``.
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
        design: str | Design | Sequence[str | Design] = "synth20",
        *,
        order: str | Order = "area",
        orientations: tuple[int, ...] | None = None,
        reward: str = "hpwl",
        on_illegal: str = "penalise",
        illegal_reward: float = -1.0,
        final_costs: bool = False,
        draw: bool = False,
        max_episode_steps: int | None = None,
        autoreset_mode: str | AutoresetMode = AutoresetMode.NEXT_STEP,
        dtype: str | type[np.floating] = "float64",
        device: str | jax.Device | None = None,
        render_mode: str | None = None,
    ) -> None:
        mode = AutoresetMode(autoreset_mode)
        if mode is AutoresetMode.DISABLED:
            raise ValueError("the batched environment always begins anew: autoreset_mode NEXT_STEP or SAME_STEP")
        if reward != "hpwl":
            raise ValueError(f"unknown reward {reward!r}, expected 'hpwl': the only one worked out on the device")
        if on_illegal not in ("penalise", "raise"):
            raise ValueError(f"unknown on_illegal {on_illegal!r}, expected 'penalise' or 'raise'")
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"unknown render_mode {render_mode!r}, expected 'rgb_array' or None")
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise ValueError(f"unknown dtype {dtype!r}, expected 'float64' or 'float32'")
        if num_envs < 1:
            raise ValueError(f"num_envs is {num_envs}, expected 1 or more")
        self.num_envs = num_envs
        self.dtype = np.dtype(dtype)
        self.device = _device(device)
        self.metadata = self.metadata | {"autoreset_mode": mode}
        self.render_mode = render_mode
        self.on_illegal, self.final_costs = on_illegal, final_costs
        self.designs = [load(one) for one in ([design] if isinstance(design, str | Design) else design)]
        self.problems = [build_problem(one, order, orientations) for one in self.designs]
        turned = orientations is not None
        self._options = Options(
            turned=turned,
            same_step=mode is AutoresetMode.SAME_STEP,
            draw=draw,
            limit=max_episode_steps or 0,
            illegal_reward=float(illegal_reward),
            dead_end_reward=HpwlReward.dead_end,
        )
        tables, self._sizes = make_tables(self.problems, self.dtype, turned)
        with self._precision():
            self._tables = jax.device_put(tables, self.device)
            numbers = jax.device_put(np.arange(len(self.designs), dtype=np.int32), self.device)
            self._first = program.begin(
                self._sizes, self._options._replace(draw=False), self._tables, numbers, numbers.astype(jnp.uint32)
            )
        for one, legal in zip(self.designs, self._first[1].observation["legality_mask"], strict=True):
            if not np.asarray(legal).any():
                raise NetlistError(f"no cell of the placement grid is legal for the first macro of {one.name!r}")
        frame = (self._sizes.rows, self._sizes.columns)
        self._observers = [Observer(p, frame, number=i, turned=turned) for i, p in enumerate(self.problems)]
        self.single_observation_space: spaces.Dict = self._space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.single_action_space: spaces.Discrete = spaces.Discrete(self._sizes.orients * frame[0] * frame[1])
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._state: State | None = None
        self._outcome: Outcome | None = None
        self._blockage: jax.Array | None = None

    # -- JAX -----------------------------------------------------------------------------------------------------------

    def begin(self, seed: int | Sequence[int] | None = None) -> Outcome:
        """Begin all episodes anew.

        Args:
            seed: copy ``i`` gets ``seed + i``, or the ``i``-th of a sequence; None draws it from ``np_random``. Seeds
                matter only where designs are drawn.

        Returns:
            Arrays on the device.
        """
        if seed is None:
            seeds = self.np_random.integers(2**32, size=self.num_envs)
        elif isinstance(seed, int | np.integer):
            super().reset(seed=int(seed))
            seeds = int(seed) + np.arange(self.num_envs)
        else:
            seeds = np.array(seed)
            if seeds.shape != (self.num_envs,):
                raise ValueError(f"{len(seeds)} seeds for {self.num_envs} copies")
        with self._precision():
            numbers = jax.device_put(np.arange(self.num_envs, dtype=np.int32) % len(self.designs), self.device)
            keys = jax.device_put((seeds % 2**32).astype(np.uint32), self.device)
            self._state, self._outcome = program.begin(self._sizes, self._options, self._tables, numbers, keys)
            self._blockage = None
        return self._outcome

    def advance(self, actions: ArrayLike) -> Outcome:
        """Step all copies; like :meth:`step`, but nothing is checked or copied to the host.

        Args:
            actions: ``[B]`` integers on any device; those outside the action space count as illegal.

        Returns:
            Arrays on the device.

        Raises:
            gymnasium.error.ResetNeeded: before the first :meth:`begin` or :meth:`reset`.
        """
        if self._state is None:
            raise gymnasium.error.ResetNeeded("call reset() before step()")
        with self._precision():
            chosen = jax.device_put(jnp.asarray(actions, jnp.int32), self.device)
            if chosen.shape != (self.num_envs,):
                raise ValueError(f"actions have shape {chosen.shape}, expected ({self.num_envs},)")
            first = self._first if self._options.same_step else None
            # The old state's memory is given away: whatever happens inside, it is not to be used again.
            state, self._state = self._state, None
            self._state, self._outcome = program.step(
                self._sizes, self._options, self._tables, first, state, chosen
            )
            if self._options.draw:
                self._blockage = None
        return self._outcome

    def observation(self) -> dict[str, jax.Array]:
        """The latest observation with ``"blockage"``, on the device."""
        assert self._outcome is not None
        if self._blockage is None:
            with self._precision():
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
        outcome = self.begin(seed)
        return self._host(self.observation()), self._info(outcome)

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
        return self._host(self.observation()), reward, terminated, truncated, self._info(outcome)

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
            mask = self._flat_mask(self._outcome)[np.arange(self.num_envs), actions]
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
        return self._replay(int(self._state.design[copy]), np.asarray(self._state.cells[copy])[:steps])

    def placement(self, copy: int) -> Placement:
        """Where everything is in one copy; soft objects are placed once all macros are."""
        return self._finished(self.episode(copy))

    def render(self) -> tuple[Any, ...] | None:
        """A picture of each copy with ``render_mode="rgb_array"``."""
        if self.render_mode is None:
            return None
        return tuple(draw_picture(self.episode(copy)) for copy in range(self.num_envs))

    def close_extras(self, **_: Any) -> None:  # noqa: ANN401 - as VectorEnv's
        """Let go of the device's memory."""
        self._state = self._outcome = self._blockage = None

    def memory(self) -> dict[str, int]:
        """Bytes on the device: ``"state"`` and ``"output"`` for each copy, ``"tables"`` for all of them together."""
        with self._precision():
            numbers = jax.ShapeDtypeStruct((1,), jnp.int32), jax.ShapeDtypeStruct((1,), jnp.uint32)
            state, outcome = jax.eval_shape(
                lambda number, seed: program.begin(self._sizes, self._options, self._tables, number, seed), *numbers
            )
        tables, first = jax.tree.leaves(self._tables), jax.tree.leaves(self._first if self._options.same_step else ())
        return {
            "state": sum(a.size * a.dtype.itemsize for a in jax.tree.leaves(state)),
            "output": sum(a.size * a.dtype.itemsize for a in jax.tree.leaves(outcome)),
            "tables": sum(a.nbytes for a in tables + first),
        }

    # -- helpers -------------------------------------------------------------------------------------------------------

    def _precision(self) -> Any:  # noqa: ANN401 - a JAX context manager without a public type
        # Scoped, so that a user's own JAX code keeps its precision.
        return jax.enable_x64(self.dtype == np.float64)

    def _space(self) -> spaces.Dict:
        """The single environment's space with this environment's types."""
        single = dict(max(self._observers, key=lambda observer: observer.longest).space.spaces)
        if self.dtype == np.float32:
            wire = single["wire_mask"]
            assert isinstance(wire, spaces.Box)
            # A little room for rounding.
            single["wire_mask"] = spaces.Box(0.0, float(wire.high.max()) * (1 + 1e-5), wire.shape, np.float32)
            single["ids"] = spaces.Box(-1, 2**31 - 1, (2,), np.int32)
        return spaces.Dict(single)

    @staticmethod
    def _host(arrays: dict[str, jax.Array]) -> dict[str, NDArray[Any]]:
        return {key: np.asarray(value) for key, value in arrays.items()}

    def _flat_mask(self, outcome: Outcome) -> NDArray[np.int8]:
        return np.asarray(outcome.observation["legality_mask"]).reshape(self.num_envs, -1)

    def _info(self, outcome: Outcome) -> dict[str, Any]:
        everyone = np.ones(self.num_envs, bool)
        info: dict[str, Any] = {
            "action_mask": self._flat_mask(outcome), "hpwl_um": np.asarray(outcome.hpwl_um),
            "illegal": np.asarray(outcome.illegal),
        }  # fmt: skip
        info |= {f"_{key}": everyone for key in info}
        ended = np.asarray(outcome.terminated) | np.asarray(outcome.truncated)
        if not ended.any():
            return info
        found = self._ending(outcome, ended)
        if outcome.final is None:
            return info | found
        last, hpwl_um, _ = outcome.final
        shown = {key: np.asarray(value) for key, value in last.items()}
        blockage = np.asarray(self._tables.design.blockage)
        final_obs = np.full(self.num_envs, None, object)
        for i in np.flatnonzero(ended):
            final_obs[i] = {key: value[i] for key, value in shown.items()}
            final_obs[i]["blockage"] = blockage[final_obs[i]["ids"][0]]
        mask = shown["legality_mask"].reshape(self.num_envs, -1)
        found |= {"action_mask": mask, "hpwl_um": np.asarray(hpwl_um), "illegal": info["illegal"]}
        found |= {key: ended for key in ("_action_mask", "_hpwl_um", "_illegal")}
        return info | {"final_obs": final_obs, "_final_obs": ended, "final_info": found, "_final_info": ended}

    def _ending(self, outcome: Outcome, ended: NDArray[np.bool_]) -> dict[str, Any]:
        """What the info says of ended episodes alone."""
        codes = np.asarray(outcome.reason)
        reasons = np.array(program.REASONS, object)[codes]
        found: dict[str, Any] = {"reason": reasons, "_reason": codes != program.RUNNING}
        complete = codes == program.COMPLETE
        if not self.final_costs or not complete.any():
            return found
        assert self._state is not None
        cells = np.asarray(self._state.cells if outcome.final is None else outcome.final[2])
        last = outcome.observation if outcome.final is None else outcome.final[0]
        numbers = np.asarray(last["ids"])[:, 0]
        names = ("proxy_cost", "wirelength_cost", "density_cost", "congestion_cost")
        for name in names:
            found |= {name: np.zeros(self.num_envs), f"_{name}": complete}
        for i in np.flatnonzero(complete):
            number = int(numbers[i])
            played = self._replay(number, cells[i, : self.problems[number].num_macros])
            cost = full(self.designs[number], self._finished(played))
            for name in names:
                found[name][i] = getattr(cost, name)
        return found

    def _replay(self, number: int, actions: NDArray[np.int32]) -> MacroState:
        state = MacroState(self.problems[number])
        for action in actions.tolist():
            state.place(self._observers[number].choice(action))
        return state

    @staticmethod
    def _finished(state: MacroState) -> Placement:
        placement = state.placement()
        return place_soft(state.problem.design, placement) if state.done else placement


def _device(device: str | jax.Device | None) -> jax.Device:
    if device is None:
        return jax.devices()[0]
    if not isinstance(device, str):
        return device
    try:
        return jax.devices(device)[0]
    except RuntimeError as error:
        raise ValueError(f"JAX finds no device {device!r}: {error}") from None
