"""Who holds a claim, and whether they still live."""

from __future__ import annotations

import functools
import os
import platform
from pathlib import Path

#: Seconds after which a claim from another machine counts as given up, unless it is renewed.
LEASE = 180.0


@functools.cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"


def process_start(pid: int) -> int | None:
    """When a process began, in clock ticks since the machine did; None where there is no such process.

    A number a process had may be given to another one; together with this it names one process for good.
    """
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if words[0] in "ZX" else int(words[19])


def this_owner() -> str:
    """The running process, named for good: machine, its last boot, process number, when the process began."""
    pid = os.getpid()
    return f"{platform.node()}|{_boot()}|{pid}|{process_start(pid)}"


def is_gone(owner: str, renewed: float, now: float) -> bool:
    """Whether nobody will finish what ``owner`` claimed.

    Args:
        owner: of :func:`this_owner`.
        renewed: when the claim was last renewed, seconds since 1970.
        now: the time now.
    """
    node, boot, pid, start = owner.split("|")
    if node != platform.node():
        return now - renewed > LEASE
    return boot != _boot() or str(process_start(int(pid))) != start
