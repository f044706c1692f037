"""The batched environment gives the numbers of the single one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from env.batched import BatchedMacroPlacement
from env.macro_placement import MacroPlacementEnv
from netlists.design import Design
from tests.env.batched_designs import crowded_design, mixed_designs, random_design
from tests.env.designs import small_design, walled_design

#: Made once for each set of options: compiling a step takes seconds, running it none.
_made: dict[Any, BatchedMacroPlacement] = {}


def mixed(**options: Any) -> BatchedMacroPlacement:
    """Every kind of design, twice."""
    key = tuple(sorted(options.items()))
    if key not in _made:
        _made[key] = BatchedMacroPlacement(10, designs=mixed_designs(), **({"draw": False} | options))
    return _made[key]


def singles(designs: Sequence[Design], copies: int, **options: Any) -> list[MacroPlacementEnv]:
    return [
        MacroPlacementEnv(designs[i % len(designs)], final_costs=False, maps=False, **options) for i in range(copies)
    ]


def choose(mask: NDArray[np.int8], rng: np.random.Generator, illegal: float) -> NDArray[np.int64]:
    """Mostly a legal action for each copy, where there is one."""
    legal = (mask * rng.random(mask.shape)).argmax(1)
    return np.where(rng.random(len(mask)) < illegal, rng.integers(0, mask.shape[1], len(mask)), legal)


def assert_same(batched: NDArray[Any], single: Any, rtol: float, what: str) -> None:
    """Equal bits, or nearly equal where asked; padding must hold what observations say it does."""
    single = np.asarray(single)
    if batched.shape != single.shape:
        beyond = np.ones(batched.shape, bool)
        beyond[..., : single.shape[-2], : single.shape[-1]] = False
        assert (batched[beyond] == (1 if what == "blockage" else 0)).all(), what
        batched = batched[..., : single.shape[-2], : single.shape[-1]]
    if rtol:
        np.testing.assert_allclose(batched, single, rtol=0, atol=rtol * max(1.0, np.abs(single).max()), err_msg=what)
    else:
        np.testing.assert_array_equal(batched, single, err_msg=what)


def play_side_by_side(
    env: BatchedMacroPlacement, seed: int, steps: int, rtol: float = 0.0, illegal: float = 0.1, **options: Any
) -> int:
    """Play next-step episodes in both forms, comparing everything; returns how many ended."""
    rng = np.random.default_rng(seed)
    others = singles(env.designs, env.num_envs, **options)
    frame = (env.single_observation_space["occupancy"].shape or ())[:2]
    observation, info = env.reset(seed=seed)
    found = [single.reset(seed=seed + i) for i, single in enumerate(others)]
    over, ended = np.zeros(env.num_envs, bool), 0
    reward, terminated = np.zeros(env.num_envs), over
    for _ in range(steps):
        for i, (wanted, wanted_info) in enumerate(found):
            for key, value in wanted.items():
                if key == "ids":
                    value = [i % len(env.designs), value[1]]
                assert_same(observation[key][i], value, rtol, key)
            assert_same(info["hpwl_um"][i], wanted_info["hpwl_um"], rtol, "hpwl_um")
            assert info["illegal"][i] == wanted_info["illegal"]
            assert (info["reason"][i] if "reason" in info else None) == wanted_info.get("reason")
        actions = choose(info["action_mask"], rng, illegal)
        observation, reward, terminated, truncated, info = env.step(actions)
        assert not truncated.any()
        for i, single in enumerate(others):
            if over[i]:
                found[i] = single.reset()
                assert reward[i] == 0.0
                assert not terminated[i]
                continue
            turn, row, column = np.unravel_index(actions[i], (single.problem.num_orients, *frame))
            rows, columns = single.problem.shape
            if row < rows and column < columns:
                own, wanted_reward, done, _, own_info = single.step((turn * rows + row) * columns + column)
            else:  # beyond this design's grid
                own, own_info = found[i][0], found[i][1] | {"illegal": True}
                wanted_reward, done = single.illegal_reward, False
            found[i] = own, own_info
            assert_same(reward[i], wanted_reward, rtol, "reward")
            assert terminated[i] == done
        over = terminated.copy()
        ended += int(over.sum())
    return ended


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**31 - 1))
def test_in_float64_every_bit_is_that_of_the_single_environment(seed: int) -> None:
    assert play_side_by_side(mixed(), seed, 25) > 0


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31 - 1))
def test_in_float32_numbers_agree_to_a_hundred_thousandth(seed: int) -> None:
    play_side_by_side(mixed(dtype="float32"), seed, 25, rtol=1e-5)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31 - 1))
def test_orientations_are_those_of_the_single_environment(seed: int) -> None:
    turns = ("N", "S", "FN")
    play_side_by_side(mixed(orientations=turns), seed, 25, orientations=turns)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 60, 6))
def test_random_designs_have_the_bits_of_the_single_environment(first: int) -> None:
    designs = []
    for seed in range(first, first + 6):
        try:
            designs.append(MacroPlacementEnv(random_design(seed)).design)
        except ValueError:  # nothing fits
            continue
    env = BatchedMacroPlacement(len(designs), designs=designs, draw=False, order="connectivity")
    for seed in range(5):
        play_side_by_side(env, seed, 30, order="connectivity")


@pytest.mark.open_data
@pytest.mark.parametrize("name", ["ct/ariane133_ng45", "ct/ibm01_unit"])
def test_real_designs_have_the_bits_of_the_single_environment(name: str, open_data: Any) -> None:
    env = BatchedMacroPlacement(2, str(open_data(name)))
    play_side_by_side(env, 0, env.problems[0].num_macros + 3, illegal=0.02)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_it_behaves_as_gymnasiums_vector_environment(mode: AutoresetMode) -> None:
    """Of one design, everything it gives is what SyncVectorEnv gives, infos and final observations too."""
    design = crowded_design()
    env = BatchedMacroPlacement(4, design, autoreset_mode=mode)
    sync = SyncVectorEnv([lambda: MacroPlacementEnv(design, final_costs=False, maps=False)] * 4, autoreset_mode=mode)
    rng, ended = np.random.default_rng(0), 0
    assert env.metadata["autoreset_mode"] is mode
    assert env.single_observation_space == sync.single_observation_space
    assert env.action_space == sync.action_space
    mine: Any = env.reset(seed=3)
    theirs: Any = sync.reset(seed=3)
    for _ in range(40):
        assert_like(mine, theirs)
        actions = choose(mine[-1]["action_mask"], rng, 0.1)
        mine, theirs = env.step(actions), sync.step(actions)
        ended += int(mine[2].sum())
    assert ended > 8


def assert_like(mine: Any, theirs: Any) -> None:
    """Equal where gymnasium says there is a value; theirs may say more (the design)."""
    if isinstance(mine, tuple):
        for a, b in zip(mine, theirs, strict=True):
            assert_like(a, b)
    elif isinstance(mine, dict):
        for key in mine:
            there = mine.get(f"_{key}")
            if there is None or isinstance(mine[key], dict):
                assert_like(mine[key], theirs[key])
            else:
                assert_like(mine[key][there], theirs[key][there])
        assert set(mine) >= set(theirs) - {"design", "_design"}
    elif mine.dtype == object:
        for a, b in zip(mine, theirs, strict=True):
            if isinstance(a, dict):
                assert_like(a, b)
            else:
                assert a == b
    else:
        np.testing.assert_array_equal(mine, theirs)
        assert mine.dtype == theirs.dtype


def test_observations_lie_in_the_space_and_never_change() -> None:
    env = mixed()
    rng, kept = np.random.default_rng(1), []
    observation, info = env.reset(seed=1)
    for _ in range(12):
        assert env.observation_space.contains(observation)
        kept.append((observation, {key: value.copy() for key, value in observation.items()}))
        observation, _, _, _, info = env.step(choose(info["action_mask"], rng, 0.1))
    for then, copies in kept:
        for key, value in then.items():
            np.testing.assert_array_equal(value, copies[key])


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_designs_are_drawn_as_the_single_environment_draws_them(mode: AutoresetMode) -> None:
    """Everything is the same, with seeds, without, and for more episodes than are drawn ahead."""
    designs = [crowded_design(), small_design(macros=[(60, 50), (50, 70), (44, 44)], grid=(4, 5)), walled_design()]
    env = BatchedMacroPlacement(3, designs=designs, autoreset_mode=mode)
    make = [lambda: MacroPlacementEnv(designs=designs, final_costs=False, maps=False)] * 3
    sync = SyncVectorEnv(make, autoreset_mode=mode)
    rng, seen = np.random.default_rng(0), set()
    mine: Any
    theirs: Any
    seeds: tuple[Any, ...] = (5, None, [3, 1, 2])
    for seed, steps in zip(seeds, (130, 10, 10), strict=True):
        mine, theirs = env.reset(seed=seed), sync.reset(seed=seed)
        for _ in range(steps):
            assert_like(mine, theirs)
            seen |= set(mine[0]["ids"][:, 0].tolist())
            actions = choose(mine[-1]["action_mask"], rng, 0.1)
            mine, theirs = env.step(actions), sync.step(actions)
    assert seen == {0, 1, 2}


def test_episodes_are_truncated_at_the_limit() -> None:
    env = mixed(max_episode_steps=3)
    _, info = env.reset(seed=0)
    rng = np.random.default_rng(0)
    for k in range(8):
        _, reward, terminated, truncated, info = env.step(choose(info["action_mask"], rng, 0.0))
        assert (truncated == (k % 4 == 2)).all()
        assert not terminated.any()
        assert (reward == 0).all() == (k % 4 == 3)


def test_illegal_actions_raise_before_anything_changes() -> None:
    env = mixed(on_illegal="raise")
    _, info = env.reset(seed=0)
    actions = info["action_mask"].argmax(1)
    bad = actions.copy()
    bad[4] = np.flatnonzero(info["action_mask"][4] == 0)[0]
    with pytest.raises(ValueError, match="copy 4 is illegal"):
        env.step(bad)
    _, _, _, _, info = env.step(actions)
    assert not info["illegal"].any()
    assert [env.episode(i).step for i in range(10)] == [1] * 10


@pytest.mark.parametrize(
    "actions", [[0] * 9, [0.0] * 10, [float("nan")] * 10, [0] * 9 + [-1], [10**6] * 10, [[0] * 10], None, ["0"] * 10]
)
def test_actions_outside_the_space_are_refused(actions: Any) -> None:
    env = mixed()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="action"):
        env.step(actions)
    assert env.episode(0).step == 0


def test_unchecked_actions_outside_the_space_count_as_illegal() -> None:
    env = mixed()
    env.reset(seed=0)
    outcome = env.advance(np.array([-1, 10**6] * 5))
    assert np.asarray(outcome.illegal).all()
    assert (np.asarray(outcome.reward) == -1.0).all()
    assert env.episode(3).step == 0


def test_complete_placements_cost_what_the_single_environment_says() -> None:
    design = mixed_designs()[2]
    for mode in AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP:
        env = BatchedMacroPlacement(2, design, final_costs=True, autoreset_mode=mode)
        single = MacroPlacementEnv(design)
        _, info = env.reset(seed=0)
        single.reset()
        over = False
        while not over:
            actions = np.array([info["action_mask"][0].argmax()] * 2)
            _, _, over, _, wanted = single.step(actions[0])
            _, _, _, _, info = env.step(actions)
        info = info.get("final_info", info)
        assert wanted["reason"] == "complete"
        for key in ("proxy_cost", "wirelength_cost", "density_cost", "congestion_cost"):
            assert info[f"_{key}"].all()
            np.testing.assert_array_equal(info[key], [wanted[key]] * 2)
        if mode is AutoresetMode.NEXT_STEP:
            np.testing.assert_array_equal(env.placement(1).x, single.placement().x)


def test_gymnasium_makes_it_by_its_id() -> None:
    import placer  # noqa: F401

    env = gymnasium.make_vec(
        "placer/MacroPlacement-v0",
        num_envs=2,
        vectorization_mode="vector_entry_point",
        design=crowded_design(),
        render_mode="rgb_array",
    )
    assert isinstance(env.unwrapped, BatchedMacroPlacement)
    env.reset(seed=0)
    pictures: Any = env.render()
    assert len(pictures) == 2
    assert pictures[0].dtype == np.uint8
    env.close()
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.zeros(2, np.int64))


def test_a_step_before_reset_is_refused() -> None:
    env = BatchedMacroPlacement(2, crowded_design())
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.zeros(2, np.int64))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"reward": "proxy"}, "reward"),
        ({"maps": True}, "maps"),
        ({"orientations": ["X"]}, "orientations"),
        ({"max_episode_steps": 0}, "max_episode_steps"),
        ({"on_illegal": "x"}, "on_illegal"),
        ({"dtype": "int32"}, "dtype"),
        ({"device": "abacus"}, "no device"),
        ({"autoreset_mode": AutoresetMode.DISABLED}, "autoreset"),
        ({"num_envs": 0}, "num_envs"),
        ({"render_mode": "human"}, "render_mode"),
    ],
)
def test_unknown_options_are_refused(option: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BatchedMacroPlacement(**({"design": crowded_design()} | option))


def test_the_users_precision_is_left_alone() -> None:
    before = jnp.ones(1).dtype
    env = mixed()
    observation, _ = env.reset(seed=0)
    assert observation["wire_mask"].dtype == np.float64
    assert jnp.ones(1).dtype == before == np.float32


def test_memory_is_what_the_arrays_take() -> None:
    env = mixed()
    env.reset(seed=0)
    held = sum(leaf.nbytes for leaf in jax.tree.leaves(env._state))
    assert env.memory()["state"] * env.num_envs == held
