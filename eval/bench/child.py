"""Measurements that need a process of their own: its clock starts cold and its peak memory is its own.

``run_child("read", PATH)`` runs :func:`read` of this module in a fresh interpreter and returns what it printed.
"""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from eval.bench.machine import pinned


def run_child(job: str, *arguments: str, timeout: float = 900.0, cores: int | None = None) -> dict[str, Any]:
    """Run one job in a fresh process.

    Args:
        job: a key of ``JOBS``.
        arguments: its arguments.
        timeout: seconds.
        cores: processor cores it may use; None for all.

    Raises:
        RuntimeError: the job failed or took too long; the message is the end of its stderr.
    """
    command = [sys.executable, "-m", "eval.bench.child", job, *arguments]
    with contextlib.nullcontext() if cores is None else pinned(cores):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"{job} {' '.join(arguments)}: ended by force after {timeout:g} s") from error
    if done.returncode:
        raise RuntimeError(f"{job} {' '.join(arguments)}: {done.stderr.strip()[-500:]}")
    result = json.loads(done.stdout.splitlines()[-1])
    assert isinstance(result, dict)
    return result


def read(path: str, cache: str) -> dict[str, Any]:
    """Read a design once.

    Args:
        path: the design.
        cache: ``"cache"`` takes it from the cache of parsed designs or puts it there, ``"nocache"`` parses.
    """
    from netlists.load import load

    before = peak_mib()
    start = time.perf_counter()
    design = load(path, cache=cache == "cache")
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds, "peak_mib": peak_mib(), "before_mib": before, "format": design.format,
        **design.netlist.describe(),
    }  # fmt: skip


def peak_mib() -> float:
    """Largest resident memory of this process so far, MiB (``VmHWM``; ``ru_maxrss`` would start at the parent's)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found.group(1)) / 1024 if found else float("nan")


def read_physical(path: str) -> dict[str, Any]:
    """Read a LEF or DEF file once; loading the compiled kernels counts, compiling them does not.

    Args:
        path: the file.
    """
    from netlists.formats.def_ import read_def
    from netlists.formats.lef import read_lef

    start, cpu = time.perf_counter(), time.process_time()
    if path.removesuffix(".gz").endswith(".lef"):
        macros = read_lef(path).macros.values()
        found = {"nodes": len(macros), "connections": sum(len(macro.pins) for macro in macros)}
    else:
        d = read_def(path)
        found = {"nodes": len(d.components), "nets": len(d.nets), "connections": len(d.nets.pin)}
    return {
        "seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu, "peak_mib": peak_mib(),
        **found,
    }  # fmt: skip


def env_single(plan: str) -> dict[str, Any]:
    """Measure the single environments; see :func:`eval.bench.env.carry_out`.

    Args:
        plan: JSON.
    """
    from eval.bench.env import carry_out

    return carry_out(json.loads(plan))


def env_batched(plan: str) -> dict[str, Any]:
    """Measure the batched environment; see :func:`eval.bench.env_batched.carry_out`.

    Args:
        plan: JSON.
    """
    from eval.bench.env_batched import carry_out

    return carry_out(json.loads(plan))


def policy_speed(plan: str) -> dict[str, Any]:
    """Measure the policy network; see :func:`eval.bench.policy_speed.carry_out`.

    Args:
        plan: JSON.
    """
    from eval.bench.policy_speed import carry_out

    return carry_out(json.loads(plan))


def growth(plan: str) -> dict[str, Any]:
    """Place one synthetic flat design; see :func:`eval.bench.growth.carry_out`.

    Args:
        plan: JSON.
    """
    from eval.bench.growth import carry_out

    return carry_out(json.loads(plan))


def flat(job: str, *arguments: str) -> dict[str, Any]:
    """One of :mod:`eval.bench.analytic_jobs`.

    Args:
        job: name of the function there.
        arguments: of it.
    """
    from eval.bench import analytic_jobs

    found = getattr(analytic_jobs, job)(*arguments)
    assert isinstance(found, dict)
    return found


JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    "read": read, "read_physical": read_physical, "env_single": env_single, "env_batched": env_batched,
    "growth": growth, "policy_speed": policy_speed,
    **{
        f"flat_{job}": partial(flat, job)
        for job in ("ours", "our_detail", "coloquinte_detail", "coloquinte_fixed", "coloquinte_alone")
    },
}  # fmt: skip


def main(arguments: Sequence[str]) -> None:
    """Run a job and print its result as one line of JSON.

    Args:
        arguments: the job's name and its arguments.
    """
    print(json.dumps(JOBS[arguments[0]](*arguments[1:])))


if __name__ == "__main__":
    main(sys.argv[1:])
