"""Time is a budget: one object that says when to stop, and one small protocol that says how far we are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
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


@dataclass
class Budget:
    """When to stop: a wall-clock limit, and a flag anybody may set from outside.

    Attributes:
        time_limit: seconds from construction, or None for no limit.
        stop: set it (from a signal handler, another thread) to end the run early and keep the best so far.
    """

    time_limit: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    started: float = field(default_factory=time.perf_counter)

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
        return Budget(min(seconds, self.left), self.stop)
