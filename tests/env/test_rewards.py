"""Rewards sum to the difference of the scores they stand for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from env.macro_placement import MacroPlacementEnv
from env.rewards import HpwlReward, Outcome, ProxyReward, Reward, ShapedReward, WeightedReward
from placer.cost.full import CostWeights, full
from tests.env.designs import crowded_design, small_design, walled_design

WEIGHTS = CostWeights(1.5, 0.25, 0.75)


def play(reward: str | dict[str, float] | Reward, seed: int, walled: bool) -> tuple[float, dict[str, Any], Any]:
    """A random legal episode: sum of rewards, first info, the environment."""
    env = MacroPlacementEnv(walled_design() if walled else small_design(), reward=reward, weights=WEIGHTS)
    _, first = env.reset()
    rng, total, over, info = np.random.default_rng(seed), 0.0, False, first
    while not over:
        _, gain, over, _, info = env.step(rng.choice(np.flatnonzero(info["action_mask"])))
        total += gain
    return total, first | {"reason": info["reason"]}, (env, info)


@pytest.mark.parametrize("walled", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_dense_proxy_rewards_sum_to_the_difference_of_the_scores(seed: int, walled: bool) -> None:
    total, first, (env, last) = play("dense_proxy", seed, walled)
    if first["reason"] == "complete":
        cost = full(env.design, env.placement(), WEIGHTS)
        assert math.isclose(total, first["proxy_cost"] - cost.proxy_cost, abs_tol=1e-9)
        assert last["proxy_cost"] == cost.proxy_cost
        assert last["congestion_cost"] == cost.congestion_cost
    else:
        assert math.isclose(total, first["proxy_cost"] - last["proxy_cost"] - 10.0, abs_tol=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_shaping_adds_the_cost_at_reset_whatever_is_played(seed: int) -> None:
    base, _, _ = play("proxy", seed, walled=False)
    shaped, first, _ = play("shaped_proxy", seed, walled=False)
    assert math.isclose(shaped - base, first["proxy_cost"], abs_tol=1e-9)
    half, _, _ = play(ShapedReward(HpwlReward(), scale=0.5), seed, walled=False)
    length, _, _ = play("hpwl", seed, walled=False)
    assert math.isclose(half - length, 0.5 * first["proxy_cost"], abs_tol=1e-9)


@pytest.mark.parametrize("reward", ["dense_proxy", "shaped_proxy"])
def test_sums_hold_for_dead_ends_as_for_complete_placements(reward: str) -> None:
    env, reasons = MacroPlacementEnv(crowded_design(), reward=reward), set()
    for seed in range(12):
        rng, total, over = np.random.default_rng(seed), 0.0, False
        _, info = env.reset()
        first = info["proxy_cost"]
        while not over:
            _, gain, over, _, info = env.step(rng.choice(np.flatnonzero(info["action_mask"])))
            total += gain
        reasons.add(info["reason"])
        if info["reason"] == "complete":
            expected = first - info["proxy_cost"]
        else:
            expected = first - 10.0 - (info["proxy_cost"] if reward == "dense_proxy" else 0.0)
        assert math.isclose(total, expected, abs_tol=1e-9)
    assert reasons == {"complete", "dead_end"}


def test_a_mapping_of_rewards_is_their_weighted_sum() -> None:
    mixed, _, _ = play({"hpwl": 2.0, "dense_proxy": 0.5}, 1, walled=False)
    length, _, _ = play("hpwl", 1, walled=False)
    proxy, _, _ = play("dense_proxy", 1, walled=False)
    assert math.isclose(mixed, 2.0 * length + 0.5 * proxy, abs_tol=1e-9)
    assert WeightedReward({ProxyReward(): 1.0}).needs_final
    assert not WeightedReward({HpwlReward(): 1.0}).needs_terms


def test_every_info_carries_every_cost_term() -> None:
    env = MacroPlacementEnv(small_design())
    _, info = env.reset()
    over = False
    while not over:
        assert {"hpwl_um", "proxy_cost", "wirelength_cost", "density_cost", "congestion_cost"} <= info.keys()
        assert info["wirelength_cost"] == pytest.approx(info["hpwl_um"] * env.problem.hpwl_scale)
        terms = info["wirelength_cost"] + 0.5 * info["density_cost"] + 0.5 * info["congestion_cost"]
        assert info["proxy_cost"] == pytest.approx(terms, abs=1e-12)
        _, _, over, _, info = env.step(int(info["action_mask"].argmax()))
    assert {"proxy_cost", "wirelength_cost", "density_cost", "congestion_cost"} <= info.keys()


def test_rewards_without_what_they_need_say_so() -> None:
    with pytest.raises(ValueError, match="cost terms"):
        ProxyReward().of(Outcome(0.0, reason="complete"))
    with pytest.raises(ValueError, match="unknown reward"):
        MacroPlacementEnv(small_design(), reward={"hpwl": 1.0, "speed": 1.0})
