"""Threads of global placement: the same sums whoever makes them."""

import threading

import numpy as np
import pytest

from placer.engines.analytic.workers import PARTS, Workers


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("least", [0, 1000])
def test_parts_come_back_in_order_by_any_number_of_threads(count: int, least: int) -> None:
    workers = Workers(count)
    cuts = workers.cuts(np.arange(101))
    try:
        found = workers.each(cuts, lambda first, last, more: (first, last, more), "x", least=least)
    finally:
        workers.close()
    assert [a for a, _, _ in found] == [0, *(b for _, b, _ in found[:-1])]
    assert found[-1][1] == 100
    assert len(found) == PARTS


def test_few_items_stay_on_the_calling_thread() -> None:
    workers = Workers(2)
    cuts = workers.cuts(np.arange(11))
    try:
        alone = workers.each(cuts, lambda first, last: threading.get_ident(), least=11)
        shared = workers.each(cuts, lambda first, last: threading.get_ident(), least=10)
    finally:
        workers.close()
    assert set(alone) == {threading.get_ident()}
    assert threading.get_ident() not in shared


def test_both_sides_run_at_once_where_there_are_two_threads() -> None:
    workers = Workers(2)
    meet = threading.Barrier(2, timeout=30)  # passed only by two threads at once
    try:
        assert workers.both(lambda: (meet.wait(), "a")[1], lambda: (meet.wait(), "b")[1]) == ("a", "b")
    finally:
        workers.close()


@pytest.mark.parametrize(("count", "shares"), [(1, (1, 1)), (2, (1, 1)), (3, (2, 1)), (4, (2, 2))])
def test_each_side_has_its_share_of_the_threads(count: int, shares: tuple[int, int]) -> None:
    workers = Workers(count)
    try:
        assert tuple(half.count for half in workers.halves) == shares
        assert workers.both(lambda: 1, lambda: 2) == (1, 2)
    finally:
        workers.close()


def test_an_error_on_either_side_comes_out_after_both_have_ended() -> None:
    workers = Workers(2)
    done = threading.Event()

    def fails() -> None:
        raise ValueError("first")

    try:
        with pytest.raises(ValueError, match="first"):
            workers.both(fails, done.set)
        assert done.is_set()
        with pytest.raises(ValueError, match="first"):
            workers.both(lambda: None, fails)
    finally:
        workers.close()
