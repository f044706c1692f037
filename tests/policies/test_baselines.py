"""Policies that need no training."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

import env as environments
from env.macro_placement import MacroPlacementEnv
from placer.cost.legality import check
from policies import greedy_wire_mask, random_masked, run_episode
from tests.env.designs import small_design, walled_design


def test_random_episodes_depend_on_the_seed_alone() -> None:
    env = MacroPlacementEnv(small_design(), final_costs=False)
    one, two, three = (run_episode(env, random_masked(env, seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.placement.x, two.placement.x)
    assert one.total_reward == two.total_reward
    assert (one.placement.x != three.placement.x).any()


def test_random_never_chooses_an_illegal_cell() -> None:
    env = MacroPlacementEnv(walled_design(), final_costs=False, on_illegal="raise")
    for seed in range(20):
        run_episode(env, random_masked(env, seed))


def test_greedy_takes_the_cheapest_legal_cell_every_time() -> None:
    env = MacroPlacementEnv(walled_design(), final_costs=False)
    policy = greedy_wire_mask(env)
    seen = []

    def watched(observation: Any, info: Any) -> int:
        action = policy(observation, info)
        costs = np.where(observation["legality_mask"] == 1, observation["wire_mask"], np.inf).ravel()
        seen.append(costs[action] <= costs.min() * (1 + 1e-9) + 1e-9)
        return action

    episode = run_episode(env, watched)
    assert len(seen) == len(episode.infos)
    assert all(seen)


def test_greedy_breaks_ties_towards_the_middle_and_then_downwards() -> None:
    env = MacroPlacementEnv(small_design(grid=(4, 4)))
    observation = {"wire_mask": np.zeros((4, 4))}
    mask = np.ones(16, np.int8)
    assert greedy_wire_mask(env)(observation, {"action_mask": mask}) == 5
    mask[5] = 0
    assert greedy_wire_mask(env)(observation, {"action_mask": mask}) == 6


def test_greedy_beats_random_on_average() -> None:
    env = MacroPlacementEnv(small_design(), final_costs=False)
    randoms = [run_episode(env, random_masked(env, seed)) for seed in range(30)]
    rewards = [episode.total_reward for episode in randoms if episode.complete]
    greedy = run_episode(env, greedy_wire_mask(env))
    assert greedy.complete
    assert greedy.total_reward > np.mean(rewards)


def test_a_complete_episode_gives_a_legal_placement_of_everything() -> None:
    design = small_design()
    env = MacroPlacementEnv(design, reward="proxy")
    episode = run_episode(env, greedy_wire_mask(env))
    assert episode.complete
    assert len(episode.infos) == env.problem.num_macros
    check(design, episode.placement, reference=design.placement).raise_if_illegal()
    assert episode.total_reward == -episode.infos[-1]["proxy_cost"]


def test_episodes_run_through_wrappers() -> None:
    environments.register()
    env = gymnasium.make(environments.MACRO_PLACEMENT, design=small_design(), max_episode_steps=2)
    episode = run_episode(env, random_masked(env, 0))
    assert not episode.complete
    assert len(episode.infos) == 2


def test_other_action_spaces_are_refused() -> None:
    with pytest.raises(TypeError, match="Discrete"):
        random_masked(gymnasium.make("Pendulum-v1"), 0)
