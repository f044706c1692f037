"""The front door: one command per file, no algorithm. ``main`` is the ``placer`` command.

Exit codes: 0 done; 2 bad usage or bad input; 3 no legal placement exists or was found; 130 interrupted (the best
placement so far was written if the command says so); 1 a defect of the placer itself.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the ``placer`` command and leave the process with its exit code.

    Args:
        arguments: the words after ``placer``; the process's own when None.
    """
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run the ``placer`` command inside this process.

    Args:
        arguments: the words after ``placer``.

    Returns:
        The exit code.
    """
    # Imported here, so that Ctrl-C during the first tenths of a second ends in words too.
    try:
        from placer.cli._app import command
        from placer.cli._errors import guarded
        from placer.cli._signals import sigterm_interrupts
    except KeyboardInterrupt:
        print("placer: interrupted; nothing was written", file=sys.stderr)
        return 130
    with sigterm_interrupts():
        return guarded(command(), list(arguments))
