"""Threads that share loops of compiled code; results do not depend on how many there are."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Parts a loop is cut into, whatever the number of threads, so that sums are always made in the same order.
PARTS = 4


class Workers:
    """A few threads.

    Args:
        count: threads, at least 1.
    """

    def __init__(self, count: int) -> None:
        self.count = max(1, count)
        self._pool = ThreadPoolExecutor(self.count) if self.count > 1 else None

    def cuts(self, ends: NDArray[np.int64]) -> NDArray[np.int64]:
        """``[PARTS + 1]`` bounds of parts of about equal work.

        Args:
            ends: ``[n + 1]`` running sum of the work of ``n`` items, from 0.
        """
        targets = ends[-1] * np.arange(1, PARTS) / PARTS
        return np.concatenate([[0], np.searchsorted(ends[1:], targets), [len(ends) - 1]]).astype(np.int64)

    @cached_property
    def halves(self) -> tuple[Workers, Workers]:
        """The threads in two shares, for the two sides of :meth:`both`; one thread serves both in turn."""
        return (self, self) if self.count == 1 else (Workers(self.count - self.count // 2), Workers(self.count // 2))

    def each(
        self,
        cuts: NDArray[np.int64],
        work: Callable[..., Any],
        *arguments: Any,  # noqa: ANN401
        least: int = 0,
    ) -> list[Any]:
        """Call ``work(first, last, *arguments)`` for every part; compiled without the interpreter lock.

        Args:
            cuts: bounds of the parts (:meth:`cuts`).
            work: the loop.
            arguments: of it, after its bounds.
            least: fewer items than that are done here: to wake a thread takes up to half a millisecond.

        Returns:
            What the calls returned, in the order of the parts, whichever ended first.
        """
        spans = [(int(a), int(b)) for a, b in itertools.pairwise(cuts) if b > a]
        if self._pool is None or len(spans) == 1 or int(cuts[-1] - cuts[0]) < least:
            return [work(a, b, *arguments) for a, b in spans]
        return list(self._pool.map(lambda span: work(*span, *arguments), spans))

    def both(self, first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
        """Call two functions that do not meet, side by side where there are two threads.

        One long piece of work for each thread wastes less than many short ones. Either may use a half of the threads
        (:attr:`halves`), but not all of them.

        Returns:
            What they returned.
        """
        if self._pool is None:
            return first(), second()
        other = self._pool.submit(second)
        try:
            here = first()
        finally:
            there = other.result()
        return here, there

    def close(self) -> None:
        """Let the threads go."""
        if self._pool is not None:
            self._pool.shutdown()
            if "halves" in self.__dict__:
                for half in self.halves:
                    half.close()
