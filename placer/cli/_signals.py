"""Ctrl-C and SIGTERM end a run politely: the first asks for the best so far, the second kills."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stop_on_signals(stop: threading.Event, then: str = "the best placement will be written") -> Iterator[None]:
    """While inside, the first SIGINT or SIGTERM sets ``stop``; the next one ends the process at once.

    Args:
        stop: the flag of a :class:`placer.budget.Budget`.
        then: what will be done about what there is, for the message.
    """

    def first(number: int, frame: FrameType | None) -> None:
        stop.set()
        for later in SIGNALS:
            signal.signal(later, signal.SIG_DFL)
        # print() is not allowed here: the signal may have interrupted another write to the same stream.
        os.write(2, f"\nplacer: stopping, {then} (once more: stop at once)\n".encode())

    if threading.current_thread() is not threading.main_thread():  # Python delivers signals to the main thread only
        yield
        return
    before = {number: signal.signal(number, first) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def sigterm_interrupts() -> Iterator[None]:
    """While inside, SIGTERM raises KeyboardInterrupt as Ctrl-C does, so that temporary files are cleaned up."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
