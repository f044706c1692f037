"""A suite and methods small enough that a run takes hundredths of a second."""

from __future__ import annotations

from pathlib import Path

SUITE = """
title = "two tiny designs"
metric = "proxy_cost"

[[design]]
name = "one"
synthetic = { num_macros = 4, num_cells = 200 }
seed = 1

[[design]]
name = "two"
synthetic = { num_macros = 5, num_cells = 200 }
seed = 2
"""

METHODS = '''
"""Methods that end in every way a run can end."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from eval.methods import Answer, NotApplicableError, method
from netlists.errors import PlacementError
from netlists.netlist import HARD_MACRO
from placer.budget import Event


def shuffled(task):
    """Legalise a random placement; the seed says which."""
    from placer.engines.legalise import legalise

    d = task.design
    rng = np.random.default_rng(task.seed)
    c = d.canvas
    x = np.where(d.movable, rng.uniform(c.x0, c.x1, d.netlist.num_nodes), d.placement.x)
    y = np.where(d.movable, rng.uniform(c.y0, c.y1, d.netlist.num_nodes), d.placement.y)
    task.progress(Event("draw", 0.0, cost=9.0))
    placed = legalise(d, d.placement.moved(x=x, y=y, placed=np.ones(len(x), bool)))
    wait = float(task.options.get("wait", 0))
    if wait:
        time.sleep(wait)
    note = task.options.get("note")
    if note:
        with open(note, "a") as handle:
            handle.write(f"{d.name} {task.seed}\\n")
    return placed


@method("given", deterministic=True)
def given(task):
    """Hand back what came."""
    from placer.engines.legalise import legalise

    return Answer(legalise(task.design), raw=task.design.placement, facts={"cores": task.cores})


def heap(task):
    """Everything on one spot."""
    d = task.design
    hard = d.movable & (d.netlist.node_kind == HARD_MACRO)
    c = d.canvas
    x = np.where(hard, (c.x0 + c.x1) / 2, d.placement.x)
    return d.placement.moved(x=x, y=np.where(hard, (c.y0 + c.y1) / 2, d.placement.y))


def liar(task):
    """Claims a cost it does not have."""
    task.progress(Event("lie", 0.0, cost=1e-6))
    return Answer(shuffled(task), facts={"proxy_cost": 1e-6})


def raises(task):
    raise RuntimeError("no idea how to place this")


def refuses(task):
    raise PlacementError("the macros do not fit")


def unfit(task):
    raise NotApplicableError("only designs without macros")


def segfault(task):
    os.kill(os.getpid(), signal.SIGSEGV)


def sleeps(task):
    time.sleep(600)


def hogs(task):
    hoard = []
    for _ in range(10_000):
        hoard.append(bytearray(os.urandom(1)) * (8 << 20))
        time.sleep(0.002)


def bursts(task):
    np.ones(3 << 27)  # 3 GiB in one breath


def family(task):
    """Three processes, none of which holds much alone."""
    for _ in range(2):
        if os.fork() == 0:
            hoard = bytearray(os.urandom(1)) * (350 << 20)
            time.sleep(600)
            os._exit(len(hoard))
    time.sleep(600)


def forks(task):
    """Starts a program and forgets it; in a session of its own where ``apart`` is given."""
    import subprocess

    child = subprocess.Popen(["sleep", "600"], start_new_session="apart" in task.options)
    Path(task.options["pid"]).write_text(str(child.pid))
    wait = float(task.options.get("wait", 0))
    time.sleep(wait)
    return shuffled(task)


def nothing(task):
    return None


def always_killed(task):
    os.kill(os.getpid(), signal.SIGKILL)


def where(task):
    """Tells which cores it may use and whether files of others are open."""
    threads = len(os.listdir("/proc/self/task"))
    return Answer(shuffled(task), facts={"cores": sorted(os.sched_getaffinity(0)), "threads": threads})
'''


def write_cases(folder: Path) -> tuple[Path, Path]:
    """Write the suite and the methods; returns both files."""
    suite, methods = folder / "tiny.toml", folder / "cases.py"
    suite.write_text(SUITE)
    methods.write_text(METHODS)
    return suite, methods
