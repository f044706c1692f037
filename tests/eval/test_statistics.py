"""Statistics against calculations by hand and against SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from eval.statistics import (
    band,
    best_so_far,
    bootstrap,
    compare,
    exact_difference,
    exact_shift,
    profiles,
    rank_correlations,
    ratio_of_means,
    spearman,
    time_grid,
)

RNG = np.random.default_rng(5)


def test_the_bootstrap_agrees_with_scipy() -> None:
    sample = RNG.lognormal(0.0, 0.5, 30)
    ours = bootstrap([sample], lambda drawn: drawn[0].mean(axis=1), resamples=20_000)
    theirs = stats.bootstrap((sample,), np.mean, n_resamples=20_000, method="percentile", rng=1).confidence_interval
    assert ours.value == pytest.approx(sample.mean())
    width = theirs.high - theirs.low
    assert abs(ours.low - theirs.low) < 0.03 * width
    assert abs(ours.high - theirs.high) < 0.03 * width


def test_a_ratio_of_means_by_hand() -> None:
    found = ratio_of_means(np.array([1.0, 3.0]), np.array([4.0]))
    # Means of two draws from {1, 3}: 1, 2, 2, 3; over 4.
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.25, 0.75))


def test_an_empty_sample_has_no_statistic() -> None:
    for call in (
        lambda: bootstrap([np.zeros(0)], lambda d: d[0].mean(axis=1)),
        lambda: exact_difference(np.zeros(0), np.ones(1)),
        lambda: exact_shift(np.zeros(0)),
    ):
        with pytest.raises(ValueError, match="empty"):
            call()


def test_the_permutation_test_by_hand() -> None:
    # {1, 2} against {3, 4}: of the six splits, this one and its mirror image are the farthest apart.
    found = exact_difference(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    assert (found.p, found.least) == pytest.approx((2 / 6, 2 / 6))
    # {1, 3} against {2, 4}: only {2, 3} against {1, 4} lies closer, in two ways.
    assert exact_difference(np.array([1.0, 3.0]), np.array([2.0, 4.0])).p == pytest.approx(4 / 6)


@pytest.mark.parametrize(("n", "m"), [(4, 4), (5, 5), (3, 6), (2, 5)])
def test_the_permutation_test_agrees_with_scipy(n: int, m: int) -> None:
    a, b = RNG.normal(0.0, 1.0, n), RNG.normal(1.0, 1.0, m)
    theirs = stats.permutation_test(
        (a, b), lambda x, y: abs(np.mean(x) - np.mean(y)), alternative="greater", n_resamples=np.inf
    )
    ours = exact_difference(a, b)
    assert ours.p == pytest.approx(theirs.pvalue)
    assert ours.least <= ours.p


def test_many_splits_are_sampled() -> None:
    a, b = RNG.normal(0.0, 1.0, 15), RNG.normal(0.6, 1.0, 15)
    theirs = stats.permutation_test((a, b), lambda x, y: np.mean(x) - np.mean(y), n_resamples=40_000, rng=3)
    assert exact_difference(a, b).p == pytest.approx(theirs.pvalue, abs=0.01)


def test_the_sign_flip_test_by_hand() -> None:
    found = exact_shift(np.array([-1.0, -2.0, -3.0]))
    assert (found.p, found.least) == pytest.approx((2 / 8, 2 / 8))
    # Sums of +-1 +-2 +-3 at least 4 from 0: 6, 4, -4, -6.
    assert exact_shift(np.array([-1.0, 2.0, 3.0])).p == pytest.approx(4 / 8)
    assert exact_shift(np.full(20, 1.0)).p < 0.001


def test_verdicts_need_seeds_that_could_have_told() -> None:
    clear = {"d": [1.0, 1.01, 1.02]}
    worse = {"d": [2.0, 2.01, 2.02]}
    # Three seeds each: at best 2 of 20 splits are as extreme.
    few = compare(clear, worse)
    assert few.designs[0].verdict == "too few seeds"
    assert not few.enough
    assert few.words("a", "b").startswith("Not enough seeds to tell a from b")
    clear["d"].append(1.0)
    worse["d"].append(2.0)
    enough = compare(clear, worse)
    assert enough.designs[0].verdict == "win"
    assert compare(worse, clear).designs[0].verdict == "loss"
    assert enough.designs[0].ratio.value == pytest.approx(4.03 / 8.03)
    assert enough.mean.value == pytest.approx(4.03 / 8.03)
    assert enough.over_designs is None
    assert "1 win" in enough.words("a", "b")


def test_equal_methods_tie_and_noisy_ones_are_unclear() -> None:
    same = compare({"d": [1.0, 1.0001, 0.9999, 1.0]}, {"d": [1.0001, 1.0, 1.0, 0.9999]})
    assert same.designs[0].verdict == "tie"
    noisy = compare({"d": [1.0, 2.0, 3.0, 4.0]}, {"d": [1.5, 2.5, 3.5, 2.0]})
    assert noisy.designs[0].verdict == "unclear"
    assert noisy.enough


def test_a_deterministic_method_is_one_number() -> None:
    costs = [1.0, 1.1, 0.9, 1.05, 0.95]
    assert compare({"d": costs}, {"d": [2.0]}).designs[0].verdict == "too few seeds"
    assert compare({"d": [*costs, 1.02]}, {"d": [2.0]}).designs[0].verdict == "win"
    assert compare({"d": [1.0]}, {"d": [2.0]}).designs[0].verdict == "too few seeds"


def test_who_fails_loses() -> None:
    tried = {"a": (True, True), "b": (True, True), "c": (True, True), "d": (True, False)}
    found = compare({"a": [1.0], "d": [1.0]}, {"b": [1.0]}, tried=tried)
    assert {one.design: one.verdict for one in found.designs} == {"a": "win", "b": "loss", "c": "both failed"}
    assert found.mean is None
    assert "no design in common" in found.words("x", "y")


def test_means_over_designs_are_geometric() -> None:
    first = {"a": [1.0] * 4, "b": [8.0] * 4, "c": [1.0] * 4}
    second = {"a": [2.0] * 4, "b": [2.0] * 4, "c": [1.0] * 4}
    found = compare(first, second)
    assert found.mean.value == pytest.approx((0.5 * 4 * 1) ** (1 / 3))
    assert found.median.value == pytest.approx(1.0)
    back = compare(second, first)
    assert back.mean.value == pytest.approx(1 / found.mean.value)
    with pytest.raises(ValueError, match="not positive"):
        compare({"a": [0.0]}, {"a": [1.0]})


def test_other_designs_leave_more_room_than_other_seeds() -> None:
    rng = np.random.default_rng(0)
    first = {f"d{k}": list(rng.normal(1.0 + 0.1 * k, 0.01, 5)) for k in range(6)}
    second = {f"d{k}": list(rng.normal(1.2, 0.01, 5)) for k in range(6)}
    found = compare(first, second)
    seeds, wider = found.mean, found.over_designs
    assert seeds.value == pytest.approx(wider.value)
    assert wider.high - wider.low > 5 * (seeds.high - seeds.low)


def test_profiles_by_hand() -> None:
    found = profiles({"a": {"x": 1.0, "y": 4.0, "z": math.inf}, "b": {"x": 2.0, "y": 2.0, "z": 3.0}})
    assert found["a"].factors.tolist() == [1.0, 2.0]
    assert found["a"].share == pytest.approx([1 / 3, 2 / 3])
    assert found["b"].share == pytest.approx([2 / 3, 1.0])
    assert profiles({"a": {}})["a"].share.tolist() == [0.0]
    with pytest.raises(ValueError, match="not positive"):
        profiles({"a": {"x": -1.0}})


def test_curves_are_steps_that_never_rise() -> None:
    at = np.array([0.5, 1.0, 2.5, 9.0])
    assert best_so_far([(1.0, 5.0), (2.0, 3.0), (3.0, 4.0)], at)[1:].tolist() == [5.0, 3.0, 3.0]
    assert np.isnan(best_so_far([(1.0, 5.0)], at)[0])
    assert np.isnan(best_so_far([], at)).all()


def test_a_band_waits_for_every_seed() -> None:
    found = band([[(1.0, 4.0), (2.0, 2.0)], [(1.5, 6.0)]], np.array([1.0, 1.5, 2.0]))
    assert np.isnan(found.middle[0])
    assert found.middle[1:].tolist() == [5.0, 4.0]
    assert found.low[1:].tolist() == [4.0, 2.0]
    assert found.high[1:].tolist() == [6.0, 6.0]
    assert found.seeds == 2
    assert band([], np.array([1.0])).seeds == 0


def test_the_grid_reaches_from_the_first_cost_to_the_last() -> None:
    grid = time_grid([[(0.0, 9.0), (0.1, 5.0)], [(7.0, 1.0)]], 5)
    assert grid[0] == 0.1
    assert grid[-1] == 7.0
    assert (np.diff(grid) > 0).all()
    assert time_grid([[(2.0, 1.0)]]).tolist() == [2.0]
    assert time_grid([]).tolist() == []


def test_rank_correlation_agrees_with_scipy() -> None:
    a = RNG.integers(0, 6, 40).astype(float)
    b = a + RNG.normal(0.0, 2.0, 40)
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic)
    assert np.isnan(spearman(a, np.ones(40)))


def test_correlations_are_taken_within_designs() -> None:
    # In both designs b falls when a rises; the second design is larger in both.
    rows = {
        "small": [{"a": float(k), "b": float(-k), "c": 1.0} for k in range(5)],
        "large": [{"a": 100.0 + k, "b": 100.0 - k, "c": None} for k in range(5)],
        "tiny": [{"a": 1.0, "b": 1.0, "c": 1.0}],
    }
    found = rank_correlations(rows, ("a", "b", "c"))
    assert found.median[0, 1] == pytest.approx(-1.0)
    assert found.designs[0, 1] == 2
    assert found.median[0, 0] == pytest.approx(1.0)
    assert np.isnan(found.median[0, 2])
    assert found.placements == 11
