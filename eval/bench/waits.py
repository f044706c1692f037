"""A method that only waits, to see what the harness costs."""

from __future__ import annotations

import time

from eval.methods import Task
from netlists.placement import Placement


def waits(task: Task) -> Placement:
    """Hand back what came with the design when the time is over."""
    while not task.budget.over:
        time.sleep(min(0.01, max(task.budget.left, 0.0)))
    return task.design.placement
