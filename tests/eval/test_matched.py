"""Pairs of runs with the same seed: against calculations by hand, and what must hold whatever the numbers are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from eval.statistics import compare_pairs, exact_signs

costs = st.floats(0.1, 10.0)
tables = st.dictionaries(
    st.sampled_from("abcdef"),
    st.dictionaries(st.integers(0, 9), st.tuples(costs, costs), min_size=1, max_size=5),
    min_size=1,
    max_size=6,
)


def split(table: dict[str, dict[int, tuple[float, float]]], which: int) -> dict[str, dict[int, float]]:
    return {design: {seed: pair[which] for seed, pair in row.items()} for design, row in table.items()}


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (5, 0), (0, 6), (4, 4), (9, 2), (30, 11)])
def test_the_sign_test_agrees_with_scipy(wins: int, losses: int) -> None:
    found = exact_signs(wins, losses)
    theirs = 1.0 if wins + losses == 0 else stats.binomtest(wins, wins + losses).pvalue
    assert found.p == pytest.approx(theirs)
    assert found.least == min(1.0, 2 / 2 ** (wins + losses))
    with pytest.raises(ValueError, match="negative"):
        exact_signs(-1, 0)


def test_ratios_by_hand() -> None:
    # a: ratios 1/2 and 2, geometric mean 1. b: 1/4 and 1/4. The designs' mean: sqrt(1/4) = 1/2.
    first = {"a": {0: 1.0, 1: 4.0}, "b": {0: 1.0, 7: 2.0}}
    second = {"a": {0: 2.0, 1: 2.0}, "b": {0: 4.0, 7: 8.0}}
    found = compare_pairs(first, second)
    a, b = found.designs
    assert (a.ratio.value, b.ratio.value, found.mean.value) == pytest.approx((1.0, 0.25, 0.5))
    # Means of two draws from {-ln 2, ln 2}: -ln 2, 0, 0, ln 2; wider by sqrt(2), since two seeds stand for many.
    assert (a.ratio.low, a.ratio.high) == pytest.approx((2 ** -math.sqrt(2), 2 ** math.sqrt(2)))
    assert (b.ratio.low, b.ratio.high) == pytest.approx((0.25, 0.25))
    assert [(d.wins, d.ties, d.losses, d.lost) for d in found.designs] == [(1, 0, 1, 0), (2, 0, 0, 0)]
    # Of the 16 ways to turn pairs round, the sums +-1 +-1 +-2 +-2 (in units of ln 2 / 4) reach 4 in 8.
    assert found.test.p == pytest.approx(6 / 16)
    assert found.test.least == 2 / 16
    assert found.signs.p == pytest.approx(stats.binomtest(3, 4).pvalue)
    assert found.over_designs is None


def test_a_large_design_counts_as_much_as_a_small_one() -> None:
    first = {"a": dict.fromkeys(range(8), 1.0), "b": {0: 4.0, 1: 4.0}}
    second = {"a": dict.fromkeys(range(8), 2.0), "b": {0: 2.0, 1: 2.0}}
    assert compare_pairs(first, second).mean.value == pytest.approx(1.0)


def test_what_both_runs_of_a_pair_share_cancels() -> None:
    rng = np.random.default_rng(1)
    weather = {(d, s): math.exp(rng.normal(0.0, 1.0)) for d in "ab" for s in range(4)}
    second = {d: {s: weather[d, s] for s in range(4)} for d in "ab"}
    first = {d: {s: 0.99 * cost for s, cost in row.items()} for d, row in second.items()}
    found = compare_pairs(first, second)
    assert (found.mean.value, found.mean.low, found.mean.high) == pytest.approx((0.99, 0.99, 0.99))
    assert found.test.p == pytest.approx(2 / 2**8)
    assert found.enough
    assert "8 pairs won, 0 tied, 0 lost" in found.words("x", "y")


def test_few_seeds_cannot_tell_on_a_design_but_many_designs_can() -> None:
    first = {d: {s: 1.0 + 0.01 * s for s in range(5)} for d in "abcdefgh"}
    second = {d: {s: 1.1 + 0.012 * s for s in range(5)} for d in "abcdefgh"}
    found = compare_pairs(first, second)
    assert {one.verdict for one in found.designs} == {"too few seeds"}  # at best 2 of 32 outcomes are as extreme
    assert found.enough
    assert found.test.p < 0.001
    assert found.mean.high < 1
    assert found.over_designs.high < 1
    few = compare_pairs({"a": {0: 1.0, 1: 1.0}}, {"a": {0: 2.0, 1: 2.0}})
    assert not few.enough
    assert few.words("x", "y").startswith("Not enough seeds to tell x from y")
    alone = compare_pairs({"a": {0: 1.0}}, {"a": {0: 2.0}})
    assert (alone.mean, alone.enough, alone.designs[0].ratio) == (None, False, None)


def test_six_pairs_tell_on_one_design() -> None:
    better, worse = {"d": {s: 1.0 + 0.1 * s for s in range(6)}}, {"d": {s: 1.1 + 0.1 * s for s in range(6)}}
    assert compare_pairs(better, worse).designs[0].verdict == "win"
    assert compare_pairs(worse, better).designs[0].verdict == "loss"
    same = {"d": {s: 1.0 + 0.1 * s for s in range(6)}}
    assert compare_pairs(better, same).designs[0].verdict == "tie"
    mixed = {"d": {s: (1.0 + 0.1 * s) * (1.1 if s % 2 else 0.92) for s in range(6)}}
    assert compare_pairs(better, mixed).designs[0].verdict == "unclear"


def test_the_tests_ask_about_the_claimed_ratio() -> None:
    first, second = {"d": {s: 0.9 + 0.001 * s for s in range(8)}}, {"d": dict.fromkeys(range(8), 1.0)}
    assert compare_pairs(first, second).test.p < 0.01
    assert compare_pairs(first, second, against=0.9035).test.p > 0.5
    assert compare_pairs(first, second, against=0.8).designs[0].verdict == "loss"


def test_who_fails_loses_the_pair() -> None:
    tried = {"a": ({0, 1, 2, 9}, {0, 1, 2}), "b": ({0}, {0}), "c": ({1}, {1}), "d": ({0}, {5})}
    found = compare_pairs({"a": {0: 1.0, 1: 1.0}, "b": {0: 1.0}}, {"a": {0: 2.0}}, tried=tried)
    a, b, c = found.designs
    assert (a.pairs, a.wins, a.losses, a.lost) == (1, 2, 0, 2)  # seed 2 failed for both, 9 has no partner
    assert (b.verdict, c.verdict) == ("win", "both failed")
    assert found.lost == 4
    nothing = compare_pairs({}, {"b": {0: 1.0}}, tried={"b": ({0}, {0})})
    assert nothing.designs[0].verdict == "loss"
    assert "no pair of runs" in nothing.words("x", "y")
    with pytest.raises(ValueError, match="not positive"):
        compare_pairs({"a": {0: 0.0}}, {"a": {0: 1.0}})


def test_intervals_hold_the_true_ratio_about_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for case in range(80):
        second = {d: {s: math.exp(rng.normal(0.0, 0.5)) for s in range(5)} for d in "abcdefgh"}
        first = {
            d: {s: cost * math.exp(-0.01 + rng.normal(0.0, 0.01)) for s, cost in row.items()}
            for d, row in second.items()
        }
        mean = compare_pairs(first, second, resamples=400, seed=case).mean
        held += mean.low <= math.exp(-0.01) <= mean.high
    assert 0.88 <= held / 80 <= 0.98


@settings(max_examples=25, deadline=None)
@given(tables)
def test_the_other_way_round_everything_turns_over(table: dict[str, dict[int, tuple[float, float]]]) -> None:
    one = compare_pairs(split(table, 0), split(table, 1), resamples=50)
    other = compare_pairs(split(table, 1), split(table, 0), resamples=50)
    assert (one.wins, one.ties, one.losses, one.lost) == (other.losses, other.ties, other.wins, 0)
    assert one.wins + one.ties + one.losses == one.pairs == sum(map(len, table.values()))
    assert one.test.p == pytest.approx(other.test.p)
    assert one.signs == other.signs
    if one.mean is not None:
        assert one.mean.value * other.mean.value == pytest.approx(1.0)
        assert one.mean.low <= one.mean.high


@settings(max_examples=25, deadline=None)
@given(tables, st.lists(costs, min_size=6, max_size=6))
def test_designs_may_be_hard_or_easy(table: dict[str, dict[int, tuple[float, float]]], scales: list[float]) -> None:
    scale = dict(zip("abcdef", scales, strict=True))
    harder = {d: {s: (a * scale[d], b * scale[d]) for s, (a, b) in row.items()} for d, row in table.items()}
    one, other = (compare_pairs(split(t, 0), split(t, 1), resamples=50) for t in (table, harder))
    assert one.test.p == pytest.approx(other.test.p)
    if one.mean is not None:
        assert one.mean.value == pytest.approx(other.mean.value)
        assert (one.mean.low, one.mean.high) == pytest.approx((other.mean.low, other.mean.high))
