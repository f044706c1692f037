"""What a figure was measured on."""

from __future__ import annotations

import contextlib
import datetime
import os
import platform
import shlex
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from placer._version import __version__


def facts() -> dict[str, str]:
    """Processor, cores, memory, versions, date and command, in reading order."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "numba", "torch", "jax"))
    return {
        "processor": _processor(),
        "cores": f"{len(os.sched_getaffinity(0))} usable of {os.cpu_count()}",
        "load before": " ".join(f"{value:.2f}" for value in os.getloadavg()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "placer": __version__,
        "libraries": versions,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "command": shlex.join(["python", "-m", "eval.bench", *sys.argv[1:]]),
    }


@contextlib.contextmanager
def pinned(cores: int) -> Iterator[int]:
    """Run on the first ``cores`` cores there are; processes started meanwhile inherit that.

    Yields:
        How many cores that is.
    """
    before = os.sched_getaffinity(0)
    chosen = sorted(before)[:cores]
    os.sched_setaffinity(0, chosen)
    try:
        yield len(chosen)
    finally:
        os.sched_setaffinity(0, before)


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
