"""How runs are carried out: budgets, limits, cores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from netlists.errors import NetlistError


@dataclass(frozen=True)
class Settings:
    """What all runs of a call share.

    Attributes:
        seeds: one run each.
        seconds: time limit of a run; None where ``iterations`` bound it.
        iterations: limit of steps, in each method's own unit.
        cores: processor cores of a run.
        memory: bytes a run may use, or None.
        kill_after: seconds after which a run is ended by force; by default the time limit, a fifth of it and 10 s more,
            or an hour without a time limit.
        retries: how often a run that somebody killed is begun anew before that is its result.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    seconds: float | None = 60.0
    iterations: int | None = None
    cores: int = 1
    memory: int | None = None
    kill_after: float | None = None
    retries: int = 2

    @property
    def deadline(self) -> float:
        """Seconds after which a run is ended by force."""
        if self.kill_after is not None:
            return self.kill_after
        return 3600.0 if self.seconds is None else 1.2 * self.seconds + 10.0


def slots(jobs: int | None, cores: int) -> list[list[int]]:
    """Disjoint sets of the cores this process may use.

    Args:
        jobs: sets wanted; as many as there are cores for when None.
        cores: cores of each.

    Raises:
        NetlistError: there are not enough cores; runs that share one cannot be compared by time.
    """
    there: Sequence[int] = sorted(os.sched_getaffinity(0))
    most = len(there) // cores
    if most < 1 or (jobs is not None and jobs > most):
        wanted = cores * (jobs or 1)
        raise NetlistError(
            "runs side by side need cores of their own", found=f"{wanted} wanted", expected=f"at most {len(there)}"
        )
    count = most if jobs is None else jobs
    return [list(there[k * cores : (k + 1) * cores]) for k in range(count)]
