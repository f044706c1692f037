"""What a run looks like while it runs: a live line on a terminal, now and then a plain line anywhere else."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from placer.budget import Event

#: Seconds between two plain lines of one phase.
PLAIN_PERIOD = 5.0


class RunProgress:
    """A progress listener (:data:`placer.budget.Progress`) that draws on a console.

    Args:
        console: where to draw; a terminal gets one live line, anything else a line for every phase and every
            ``PLAIN_PERIOD`` seconds.
        time_limit: seconds the run may take; they scale the bar. None for a run that ends by itself.
        started: ``time.perf_counter()`` when the run began; now when None.
    """

    def __init__(self, console: Console, time_limit: float | None, started: float | None = None) -> None:
        self._console = console
        self._limit = time_limit
        self._started = time.perf_counter() if started is None else started
        self._phase = ""
        self._last = float("-inf")
        self._live: Progress | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Progress(
                SpinnerColumn(),
                TextColumn("{task.description:<10}"),
                BarColumn(bar_width=30),
                TextColumn("{task.completed:.0f}" + ("" if self._limit is None else " of {task.total:.0f}") + " s"),
                TextColumn("{task.fields[cost]}"),
                console=self._console,
                transient=True,
            )
            self._live.start()
            self._task = self._live.add_task("start", total=self._limit, cost="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, event: Event) -> None:
        """Draw one report."""
        # The run's clock, not the event's: the phases of a run may count their seconds each from its own beginning.
        seconds = time.perf_counter() - self._started
        cost = ""
        if event.cost is not None:
            cost = f"{event.measure} {event.cost:{',.0f' if event.measure == 'HPWL' else '.4f'}}"
        if self._live is not None:
            self._live.update(
                self._task, description=event.phase, completed=min(seconds, self._limit or seconds), cost=cost
            )
            return
        if event.phase != self._phase or seconds - self._last >= PLAIN_PERIOD:
            self._phase, self._last = event.phase, seconds
            work = f"  step {event.step}" + (f" of {event.total}" if event.total else "") if event.step else ""
            self._console.print(f"{seconds:8.1f} s  {event.phase:<10}{work}  {cost}".rstrip(), highlight=False)
