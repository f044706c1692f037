"""When a child counts as better."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from netlists.errors import NetlistError
from policies.improve.settings import Recipe, Settings
from policies.improve.trial import (
    FAILED,
    Pair,
    designs_needed,
    flip_test,
    hopeless,
    judge,
    level_of,
    per_design,
)


def pairs(log_ratios: list[float], seeds: int = 1) -> list[Pair]:
    return [Pair(k, k // seeds, k, float(np.exp(x)), 1.0, k % 2 == 0, 1.0) for k, x in enumerate(log_ratios)]


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_the_p_value_counts_all_sign_patterns(size: int) -> None:
    values = np.random.default_rng(size).normal(-0.3, 1.0, size)
    values[size // 2] = values[0]  # a tie
    sums = np.array(list(product((-1, 1), repeat=size))) @ values
    assert flip_test(values.tolist()) == pytest.approx(np.mean(sums <= values.sum() + 1e-12))


def test_as_many_wins_as_can_be_give_the_least_p_value() -> None:
    assert flip_test([-0.01] * 24) == 2.0**-24
    assert flip_test([-1e-3 * k for k in range(1, 41)]) == 2.0**-40


def test_the_same_cost_everywhere_is_no_win() -> None:
    assert flip_test([0.0] * 10) == 1.0
    assert not judge(pairs([0.0] * 10), 10, 0.5).win


@pytest.mark.parametrize("values", [[], [float("nan")], [0.0] * 41])
def test_what_cannot_be_tested_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite numbers"):
        flip_test(values)


def test_levels_of_all_trials_add_up_to_the_level() -> None:
    levels = [level_of(number, 0.05) for number in range(1, 2000)]
    assert levels == sorted(levels, reverse=True)
    assert 0.049 < sum(levels) <= 0.05
    with pytest.raises(ValueError, match="no level"):
        level_of(0)


@pytest.mark.parametrize("number", [1, 3, 30, 1000])
def test_a_trial_has_designs_enough_to_be_won(number: int) -> None:
    level = level_of(number)
    n = designs_needed(4, level)
    assert flip_test([-1.0] * (n - 1) + [0.5]) <= level
    assert designs_needed(n + 1, level) == n + 1


def test_seeds_of_a_design_count_as_one() -> None:
    played = pairs([-0.2, -0.4, 0.1, 0.3], seeds=2)
    assert per_design(played) == pytest.approx([-0.3, 0.2])
    assert judge(played, 2, 0.05).designs == 2


def test_a_run_without_a_placement_costs_twice_as_much() -> None:
    assert Pair(0, 0, 0, None, 3.0, True, 1.0).log_ratio == FAILED
    assert Pair(0, 0, 0, 3.0, None, True, 1.0).log_ratio == -FAILED
    assert Pair(0, 0, 0, None, None, True, 1.0).log_ratio == 0.0


def test_a_trial_that_was_given_up_is_not_won() -> None:
    verdict = judge(pairs([-0.1] * 8), 10, 0.05)
    assert verdict.p < verdict.level
    assert not verdict.win
    assert judge(pairs([-0.1] * 10), 10, 0.05).win


def test_children_that_are_behind_are_given_up() -> None:
    assert hopeless([0.1, 0.2], 4)
    assert not hopeless([0.1], 4)
    assert not hopeless([-0.1, 0.05], 4)
    assert hopeless([0.1] * 6, 24)
    assert not hopeless([0.1, -0.1] * 3, 24)


def test_false_promotions_of_a_reign_stay_below_the_level() -> None:
    """Children that are no better, tried six times against one incumbent, on noise with outliers."""
    rng, level, reigns, lost = np.random.default_rng(1), 0.2, 400, 0
    for _ in range(reigns):
        for number in range(1, 7):
            share = level_of(number, level)
            planned, values = designs_needed(8, share), list[float]()
            while len(values) < planned and not hopeless(values, planned):
                values.append(0.01 * float(rng.standard_t(2)))
            if judge(pairs(values), planned, share).win:
                lost += 1
                break
    assert 0 < lost <= reigns * level  # some are lost: the level is used


def test_a_child_that_is_better_by_half_a_deviation_is_found() -> None:
    rng = np.random.default_rng(2)
    won = [judge(pairs(rng.normal(-0.007, 0.01, 24).tolist()), 24, level_of(1, 0.05)).win for _ in range(50)]
    assert np.mean(won) > 0.6


def test_recipes_change_a_little_and_keep_off_what_is_off() -> None:
    rng = np.random.default_rng(0)
    recipe = Recipe(1e-3, 20, 2)
    for _ in range(200):
        recipe = recipe.mutated(rng)
        assert 1e-5 <= recipe.learning_rate <= 3e-3
        assert 1 <= recipe.epochs <= 100
        assert recipe.ppo_iterations >= 1
    assert recipe != Recipe(1e-3, 20, 2)
    assert Recipe(1e-3, 20, 0).mutated(rng).ppo_iterations == 0


@pytest.mark.parametrize(
    "wrong", [{"games": 0}, {"trial_designs": 41}, {"trial_seconds": 0.0}, {"explore": 2.0}, {"jobs": 0}]
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(NetlistError):
        Settings(**wrong)  # type: ignore[arg-type]
