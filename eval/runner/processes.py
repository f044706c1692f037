"""Processes of this machine as ``/proc`` shows them: who started whom, what memory they hold, and their end."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Collection, Sequence
from pathlib import Path


def status_kib(field: str, pid: int | str = "self") -> int:
    """A figure of ``/proc/<pid>/status`` in KiB, for example ``VmData``; 0 where there is none."""
    try:
        found = re.search(rf"^{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def children(pid: int) -> list[int]:
    """Processes a process has started, or inherited, that still live."""
    found: list[int] = []
    with contextlib.suppress(OSError, ValueError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    return found


def descendants(pid: int) -> list[int]:
    """Children of a process, theirs, and so on; parents before their children."""
    found, ahead = [], children(pid)
    while ahead:
        one = ahead.pop()
        found.append(one)
        ahead += children(one)
    return found


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants; pages that several share count for each."""
    pages = 0
    for one in (pid, *descendants(pid)):
        with contextlib.suppress(OSError, IndexError, ValueError):  # it ended meanwhile
            pages += int(Path(f"/proc/{one}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def proportional_bytes(pid: int) -> int:
    """Resident memory of a process and its descendants; a page that ``k`` processes share counts a ``k``-th for each.

    Slower than :func:`resident_bytes`: the kernel looks at every page.
    """
    total = 0
    for one in (pid, *descendants(pid)):
        with contextlib.suppress(OSError):
            found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{one}/smaps_rollup").read_text(), re.MULTILINE)
            total += int(found[1]) if found else 0
    return total * 1024


def kill_group(pid: int) -> None:
    """End a process and its process group at once."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, signal.SIGKILL)


def outlives_nobody(busy: Sequence[frozenset[int]], known: Collection[int]) -> None:
    """End what ended jobs have left behind among this process's children.

    A child that is no job is somebody's leftover. One that is pinned to the cores of a job that still runs may be
    that job's, and stays until it ends.

    Args:
        busy: cores of every job that still runs.
        known: children that are jobs.
    """
    for pid in children(os.getpid()):
        if pid in known:
            continue
        try:
            cores = os.sched_getaffinity(pid)
        except OSError:
            continue
        if not any(cores <= own for own in busy):
            for one in (pid, *descendants(pid)):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(one, signal.SIGKILL)
