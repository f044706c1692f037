"""Facts about the machine of a run."""

from __future__ import annotations

import functools
import platform

from eval.bench.machine import facts

#: Facts that change from one minute to the next.
_PASSING = ("date", "command", "load before")


@functools.cache
def machine_facts() -> dict[str, str]:
    """Processor, cores, memory, system and versions, and the machine's name."""
    return {"node": platform.node(), **{key: value for key, value in facts().items() if key not in _PASSING}}
