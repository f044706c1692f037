"""What can go wrong in training."""

from __future__ import annotations


class DivergedError(RuntimeError):
    """A loss or gradient was not a number; the weights are the last good ones."""
