"""Budgets on a clock of the test's own: limits, parts, stops, and time kept back as work slows down."""

import math

import pytest

from placer import budget as module
from placer.budget import Budget, Pace, Reserved


class Clock:
    """Time passes when the test says so; a second of it is ``1 / slow`` seconds of work."""

    def __init__(self, monkeypatch):
        self.now = self.worked = 0.0
        monkeypatch.setattr(module.time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(module.time, "thread_time", lambda: self.worked)

    def work(self, seconds, slow=1.0):
        self.now += seconds * slow
        self.worked += seconds


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_the_pace_is_clock_over_work_and_follows_the_last_seconds(clock):
    pace = Pace()
    assert pace.factor == 1.0
    with pace.measured():
        clock.work(0.01, slow=9.0)
    assert pace.factor == 1.0, "too little to tell"
    with pace.measured():
        clock.work(10.0, slow=3.0)
    assert pace.factor == pytest.approx(3.0, rel=0.05)
    clock.now += 100.0  # waiting outside of work says nothing
    assert pace.factor == pytest.approx(3.0, rel=0.05)
    for _ in range(20):
        with pace.measured():
            clock.work(1.0)
    assert pace.factor == pytest.approx(1.0, rel=0.1)
    with pace.measured():
        clock.work(50.0, slow=1000.0)
    assert pace.factor == 20.0


def test_time_is_kept_back_by_the_pace_up_to_a_share(clock):
    outer = Budget(100.0)
    inner = Reserved(outer, work=5.0, share=0.3)
    assert (inner.left, inner.time_limit) == (95.0, 95.0)
    with outer.pace.measured():
        clock.work(10.0, slow=2.0)
    assert inner.left == pytest.approx(100.0 - 20.0 - 10.0)
    with outer.pace.measured():
        clock.work(4.0, slow=10.0)
    assert outer.left == pytest.approx(40.0)
    assert inner.left == pytest.approx(40.0 - 30.0), "30 % of what was left at first, at most"
    clock.now += 15.0
    assert inner.over
    assert not outer.over


def test_parts_end_with_what_they_are_part_of_even_when_that_comes_nearer(clock):
    outer = Budget(100.0)
    part = Reserved(outer, work=5.0).part(90.0).part(80.0)
    assert part.left == 80.0
    with outer.pace.measured():
        clock.work(5.0, slow=4.0)  # 20 s gone, 20 s to be kept
    assert part.left == pytest.approx(60.0)
    assert part.pace is outer.pace
    outer.stop.set()
    assert part.left == 0.0


def test_without_a_limit_nothing_is_kept_back(clock):
    inner = Reserved(Budget(), work=5.0)
    assert inner.time_limit is None
    assert inner.left == inner.part(math.inf).left == math.inf
    inner.stop.set()
    assert inner.over
