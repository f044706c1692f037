"""The ``placer`` command as a user runs it: a fresh process on as many cores as the settings say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from eval.bench.designs import Settings
from eval.bench.machine import pinned


def placer(settings: Settings, *arguments: str, ok: Sequence[int] = (0,)) -> str:
    """Run the ``placer`` command in a fresh process on ``settings.cores`` cores and return its stdout.

    Args:
        settings: cores and time limit.
        arguments: of the command.
        ok: exit codes that are no failure.

    Raises:
        RuntimeError: any other exit code; the message is the end of its stderr.
    """
    command = [sys.executable, "-m", "placer", *arguments]
    with pinned(settings.cores):
        done = subprocess.run(command, capture_output=True, text=True, timeout=settings.time_limit + 600)
    if done.returncode not in ok:
        raise RuntimeError(f"placer {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout
