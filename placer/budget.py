"""Time is a budget: one object that says when to stop, and one small protocol that says how far we are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Event:
    """One progress report of a long-running engine.

    Attributes:
        phase: ``"start"``, ``"legalise"``, ``"search"``, ...
        seconds: wall-clock since the run began.
        step: work done in this phase (gradient steps, proposals, ...).
        total: work planned in this phase, or None when only time bounds it.
        cost: best cost so far, or None before the first legal placement.
        measure: what ``cost`` is: ``"proxy cost"``, or ``"HPWL"`` in um.
    """

    phase: str
    seconds: float
    step: int = 0
    total: int | None = None
    cost: float | None = None
    measure: str = "proxy cost"


#: Anything that wants to hear about progress: the CLI draws it, Jupyter too, tests record it.
Progress = Callable[[Event], None]


def silent(event: Event) -> None:
    """The progress listener that does not listen."""


class Pace:
    """How much longer work takes by the clock than by the processor, which others may use too.

    Estimates of what is still to be done are made for a processor of one's own; times this factor they hold on a busy
    one. It is measured over stretches in which one thread works without waiting, the last seconds counting most.
    """

    #: Seconds of work below which nothing is known; those after which a stretch counts half; the factor at most.
    _LEAST, _HALF, _MOST = 0.05, 2.0, 20.0

    def __init__(self) -> None:
        self._clock = self._work = 0.0

    @property
    def factor(self) -> float:
        """Seconds on the clock for a second of work, 1 to 20; 1 as long as too little was measured."""
        if self._work < self._LEAST:
            return 1.0
        return min(max(self._clock / self._work, 1.0), self._MOST)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """While inside, this thread works and does not wait for files or other threads."""
        clock, work = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.note(time.perf_counter() - clock, time.thread_time() - work)

    def note(self, clock: float, work: float) -> None:
        """Take a stretch of so many seconds on the clock and of work into account."""
        kept = 0.5 ** (work / self._HALF)
        self._clock, self._work = self._clock * kept + clock, self._work * kept + work


@dataclass
class Budget:
    """When to stop: a wall-clock limit, and a flag anybody may set from outside.

    Attributes:
        time_limit: seconds from construction, or None for no limit.
        stop: set it (from a signal handler, another thread) to end the run early and keep the best so far.
        started: reading of ``time.perf_counter`` at which it began.
        pace: of the work so far, shared by all parts.
    """

    time_limit: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    started: float = field(default_factory=lambda: time.perf_counter())
    pace: Pace = field(default_factory=Pace)

    @property
    def seconds(self) -> float:
        """Wall-clock since the budget began."""
        return time.perf_counter() - self.started

    @property
    def left(self) -> float:
        """Seconds left; infinite without a limit, 0 when stopped."""
        if self.stop.is_set():
            return 0.0
        return float("inf") if self.time_limit is None else max(0.0, self.time_limit - self.seconds)

    @property
    def over(self) -> bool:
        """True when the run should end."""
        return self.left <= 0.0

    def part(self, seconds: float) -> Budget:
        """A budget that ends after ``seconds`` or with this one, whichever is first, and shares the stop flag."""
        return Budget(min(seconds, self.left), self.stop, pace=self.pace)


class Reserved(Budget):
    """A budget that keeps time back for what comes after it, the more the slower work has become.

    Args:
        outer: the budget that both have to fit in.
        work: seconds that what follows takes on a processor of its own.
        share: part of the time left now that is kept back at most.
    """

    def __init__(self, outer: Budget, work: float, share: float = 1.0) -> None:
        self._outer, self._work, self._most = outer, work, share * outer.left
        limit = None if outer.time_limit is None else outer.time_limit - self.kept
        super().__init__(limit, outer.stop, outer.started, outer.pace)

    @property
    def kept(self) -> float:
        """Seconds kept back, as the pace is now."""
        return min(self._work * self._outer.pace.factor, self._most)

    @property
    def left(self) -> float:
        """Seconds left before what follows has to begin; infinite without a limit, 0 when stopped."""
        return max(self._outer.left - self.kept, 0.0)

    def part(self, seconds: float) -> Budget:
        """A budget that ends after ``seconds`` or with this one as it is then, whichever is first."""
        return _Part(self, seconds)


class _Part(Budget):
    """Part of a budget whose end may still come nearer."""

    def __init__(self, outer: Budget, seconds: float) -> None:
        super().__init__(min(seconds, outer.left), outer.stop, pace=outer.pace)
        self._outer = outer

    @property
    def left(self) -> float:
        return min(super().left, self._outer.left)

    def part(self, seconds: float) -> Budget:
        return _Part(self, seconds)
