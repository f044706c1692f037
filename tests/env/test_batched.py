"""The batched environment gives the numbers of the single one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from env.batched import BatchedMacroPlacement
from env.batched.draws import AHEAD
from env.macro_placement import MacroPlacementEnv
from netlists.errors import NetlistError
from placer.cost.full import CostWeights
from placer.cost.legality import check
from placer.cost.precision import precision
from tests.env.batched_designs import mixed_designs, random_design
from tests.env.designs import crowded_design, small_design

COPIES = 6
#: Single environments as the batched one has them.
PLAIN: dict[str, Any] = {"maps": False, "final_costs": False}


@cache
def mixed(**options: Any) -> BatchedMacroPlacement:
    """Copies that draw from every kind of design. Compiling takes seconds, so few programs serve all tests."""
    return BatchedMacroPlacement(COPIES, designs=mixed_designs(), **options)


@cache
def singles(mode: AutoresetMode = AutoresetMode.NEXT_STEP, **options: Any) -> SyncVectorEnv:
    """The same with single environments."""
    make = partial(MacroPlacementEnv, designs=mixed_designs(), **(PLAIN | options))
    return SyncVectorEnv([make] * COPIES, autoreset_mode=mode)


def choose(mask: NDArray[np.int8], rng: np.random.Generator, illegal: float) -> NDArray[np.int64]:
    """Mostly a legal action for each copy, where there is one."""
    legal = (mask * rng.random(mask.shape)).argmax(1)
    return np.where(rng.random(len(mask)) < illegal, rng.integers(0, mask.shape[1], len(mask)), legal)


def play_side_by_side(
    env: BatchedMacroPlacement, sync: SyncVectorEnv, seed: Any, steps: int, rtol: float = 0.0, illegal: float = 0.1
) -> int:
    """Play in both forms, comparing everything they give; returns how many episodes ended."""
    rng, ended = np.random.default_rng(0), 0
    rewards: list[Any] = []
    mine: Any = env.reset(seed=seed)
    theirs: Any = sync.reset(seed=seed)
    for _ in range(steps):
        assert_like(mine, theirs, rtol)
        actions = choose(mine[-1]["action_mask"], rng, illegal)
        mine, theirs = env.step(actions), sync.step(actions)
        ended += int(mine[2].sum())
        rewards.append((mine[1], theirs[1]))
    assert_like(mine, theirs, rtol)
    found, expected = (np.array(one) for one in zip(*rewards, strict=True))
    # Penalties are whole numbers and far larger than what lengths are worth.
    lengths = np.abs(expected[expected > -1.0]).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * lengths)
    return ended


def assert_like(mine: Any, theirs: Any, rtol: float = 0.0) -> None:
    """Equal bits, or nearly equal where asked, wherever Gymnasium says there is a value; theirs may name the design."""
    if isinstance(mine, tuple):
        for a, b in zip(mine, theirs, strict=True):
            assert_like(a, b, rtol)
    elif isinstance(mine, dict):
        assert set(mine) >= set(theirs) - {"design", "_design"}
        for key in mine:
            there = mine.get(f"_{key}")
            if there is None or isinstance(mine[key], dict):
                assert_like(mine[key], theirs[key], rtol)
            else:
                assert_like(mine[key][there], theirs[key][there], rtol)
    elif mine.dtype == object:
        for a, b in zip(mine, theirs, strict=True):
            if isinstance(a, dict):
                assert_like(a, b, rtol)
            else:
                assert a == b
    elif rtol:
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=rtol * np.maximum(1.0, np.abs(theirs).max()))
    else:
        np.testing.assert_array_equal(mine, theirs)
        assert mine.dtype == theirs.dtype


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**31 - 1), mode=st.sampled_from([AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]))
def test_in_float64_every_bit_is_that_of_the_single_environment(seed: int, mode: AutoresetMode) -> None:
    """Observations, rewards, ends, infos and the drawing of designs, as Gymnasium's SyncVectorEnv gives them."""
    assert play_side_by_side(mixed(autoreset_mode=mode), singles(mode), seed, 25) > 0


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31 - 1))
def test_in_float32_with_orientations_numbers_agree_to_a_hundred_thousandth(seed: int) -> None:
    assert play_side_by_side(mixed(orientations="all", dtype="float32"), singles(orientations="all"), seed, 25, 1e-5)


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31 - 1))
def test_in_float64_with_orientations_every_bit_is_the_same(seed: int) -> None:
    assert play_side_by_side(mixed(orientations="all"), singles(orientations="all"), seed, 25)


def test_designs_go_on_being_drawn_alike_without_a_seed_and_for_many_episodes() -> None:
    env, sync = mixed(), singles()
    for seed, steps in ((5, 2 * AHEAD + 5), (None, 30), (list(range(COPIES)), 5)):
        play_side_by_side(env, sync, seed, steps)


def test_complete_placements_cost_what_the_single_environment_says() -> None:
    for mode in AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP:
        sync = singles(mode, final_costs=True)
        assert play_side_by_side(mixed(autoreset_mode=mode, final_costs=True), sync, 1, 12, illegal=0.0) > 0


def test_copies_keep_their_design_when_none_is_drawn() -> None:
    env = mixed(draw=False)
    observation, info = env.reset(seed=0)
    for _ in range(20):
        np.testing.assert_array_equal(observation["ids"][:, 0], np.arange(COPIES) % len(env.designs))
        observation, _, _, _, info = env.step(choose(info["action_mask"], np.random.default_rng(0), 0.0))


def test_spaces_are_those_of_the_single_environment() -> None:
    for mode in AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP:
        env, sync = mixed(autoreset_mode=mode), singles(mode)
        assert env.metadata["autoreset_mode"] is mode
        assert env.single_observation_space == sync.single_observation_space
        assert env.observation_space == sync.observation_space
        assert env.action_space == sync.action_space


def test_placements_are_those_of_the_single_environment() -> None:
    env = mixed(draw=False)
    _, info = env.reset(seed=0)
    actions = choose(info["action_mask"], np.random.default_rng(0), 0.0)
    env.step(actions)
    grid: Any = env.single_observation_space["occupancy"].shape
    for copy, action in enumerate(actions.tolist()):
        single = MacroPlacementEnv(env.designs[copy % len(env.designs)], grid=grid, **PLAIN)
        single.reset()
        single.step(action)
        np.testing.assert_array_equal(env.placement(copy).x, single.placement().x)
        np.testing.assert_array_equal(env.placement(copy).placed, single.placement().placed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 60, 6))
def test_random_designs_have_the_bits_of_the_single_environment(first: int) -> None:
    designs = []
    for seed in range(first, first + 6):
        try:
            designs.append(MacroPlacementEnv(random_design(seed)).design)
        except ValueError:  # nothing fits
            continue
    env = BatchedMacroPlacement(COPIES, designs=designs, order="connectivity")
    make = partial(MacroPlacementEnv, designs=designs, order="connectivity", **PLAIN)
    sync = SyncVectorEnv([make] * COPIES)
    for seed in range(5):
        play_side_by_side(env, sync, seed, 60)


@pytest.mark.open_data
@pytest.mark.parametrize(
    "name", ["ariane133_ng45", *(pytest.param(n, marks=pytest.mark.slow) for n in ("ibm01_unit", "nvdla_ng45"))]
)
def test_real_designs_have_the_bits_of_the_single_environment(name: str, open_data: Any) -> None:
    env = BatchedMacroPlacement(2, str(open_data(f"ct/{name}")))
    sync = SyncVectorEnv([partial(MacroPlacementEnv, env.designs[0], **PLAIN)] * 2)
    play_side_by_side(env, sync, 0, env.problems[0].num_macros + 3, illegal=0.02)


@pytest.mark.open_data
def test_a_real_design_agrees_to_a_hundred_thousandth_in_float32(open_data: Any) -> None:
    env = BatchedMacroPlacement(2, str(open_data("ct/ariane133_ng45")), dtype="float32")
    sync = SyncVectorEnv([partial(MacroPlacementEnv, env.designs[0], **PLAIN)] * 2)
    play_side_by_side(env, sync, 0, env.problems[0].num_macros + 3, 1e-5, illegal=0.02)


@pytest.mark.slow
def test_a_million_random_steps_end_in_legal_placements_only() -> None:
    env = BatchedMacroPlacement(512, designs=mixed_designs())
    rng, checked = np.random.default_rng(0), 0
    _, info = env.reset(seed=0)
    for k in range(2000):
        _, reward, terminated, _, info = env.step(choose(info["action_mask"], rng, 0.1))
        assert np.isfinite(reward).all()
        complete: Sequence[int] = np.flatnonzero(info["reason"] == "complete").tolist() if terminated.any() else []
        if k % 50 == 0 and len(complete):
            played = env.episode(complete[0])
            design = played.problem.design
            check(design, played.placement(), reference=design.placement).raise_if_illegal()
            checked += 1
    assert checked > 10


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


def test_episodes_are_truncated_at_the_limit() -> None:
    env = mixed(max_episode_steps=3, illegal_reward=-0.25)
    env.begin(seed=0)
    for k in range(8):
        outcome = env.advance(np.full(COPIES, -1))
        assert (np.asarray(outcome.truncated) == (k % 4 == 2)).all()
        assert not np.asarray(outcome.terminated).any()
        assert (np.asarray(outcome.reward) == (0.0 if k % 4 == 3 else -0.25)).all()


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
    assert [env.episode(i).step for i in range(COPIES)] == [1] * COPIES


@pytest.mark.parametrize(
    "actions",
    [[0] * 5, [0.0] * 6, [float("nan")] * 6, [0] * 5 + [-1], [10**6] * 6, [[0] * 6], None, ["0"] * 6],
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
    outcome = env.advance(np.array([-1, 10**6, 2**32] * 2))
    assert np.asarray(outcome.illegal).all()
    assert (np.asarray(outcome.reward) == -1.0).all()
    assert env.episode(3).step == 0


@pytest.mark.parametrize(
    "actions",
    [[0.0] * 6, [float("nan")] * 6, np.zeros(6, bool), jnp.zeros(6), jnp.full(6, jnp.nan), ["0"] * 6, None],
)
def test_unchecked_actions_that_are_no_whole_numbers_are_refused(actions: Any) -> None:
    env = mixed()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="whole numbers"):
        env.advance(actions)
    assert env.episode(0).step == 0


def test_actions_of_every_integer_type_mean_the_same() -> None:
    env = mixed()
    env.reset(seed=0)
    cells = np.array([1, 2, 3, 4, 5, 6])
    with precision(np.float64):
        wide = jnp.array([2**32, -(2**40), 2**31, -1, 2**62, 10**6])
    outcome = env.advance(wide)
    assert np.asarray(outcome.illegal).all()
    expected = None
    for dtype in (np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64):
        env.reset(seed=0)
        found = np.asarray(env.advance(cells.astype(dtype)).hpwl_um)
        expected = found if expected is None else expected
        np.testing.assert_array_equal(found, expected)


def test_a_design_too_far_from_the_origin_for_32_bits_is_refused() -> None:
    far = small_design(origin=(3e6, 0.0))
    far = replace(far, canvas=replace(far.canvas, manufacturing_grid=0.001))
    assert MacroPlacementEnv(far, **PLAIN).reset()[1]["action_mask"].any()
    with pytest.raises(NetlistError, match="too far from the origin"):
        BatchedMacroPlacement(1, far)


def test_gymnasium_makes_it_by_its_id() -> None:
    import placer  # noqa: F401

    env = gymnasium.make_vec(
        "placer/MacroPlacement-v0",
        num_envs=COPIES,
        vectorization_mode="vector_entry_point",
        designs=mixed_designs(),
        render_mode="rgb_array",
    )
    assert isinstance(env.unwrapped, BatchedMacroPlacement)
    env.reset(seed=0)
    pictures: Any = env.render()
    assert len(pictures) == COPIES
    assert pictures[0].dtype == np.uint8
    env.close()
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.zeros(COPIES, np.int64))


def test_gymnasiums_vector_wrappers_work_as_they_are() -> None:
    """Returns and lengths of episodes, added up here once more."""
    env = RecordEpisodeStatistics(mixed())
    rng, returns, lengths, ended = np.random.default_rng(2), np.zeros(COPIES), np.zeros(COPIES, int), 0
    _, info = env.reset(seed=2)
    begun = np.zeros(COPIES, bool)
    for _ in range(25):
        _, reward, terminated, _, info = env.step(choose(info["action_mask"], rng, 0.0))
        returns, lengths = np.where(begun, 0, returns + reward), np.where(begun, 0, lengths + 1)
        for copy in np.flatnonzero(terminated):
            assert info["episode"]["r"][copy] == pytest.approx(returns[copy])
            assert info["episode"]["l"][copy] == lengths[copy]
            ended += 1
        begun = terminated
    assert ended > COPIES


def test_a_step_before_reset_is_refused() -> None:
    env = BatchedMacroPlacement(COPIES, designs=mixed_designs())
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.zeros(COPIES, np.int64))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"reward": "proxy"}, "reward"),
        ({"maps": True}, "maps"),
        ({"weights": CostWeights(macro_wirelength=0.1)}, "macro_wirelength"),
        ({"designs": "synth20", "design": None}, "must be a list"),
        ({"grid": 5}, "rows and columns"),
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
