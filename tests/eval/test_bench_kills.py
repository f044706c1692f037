"""Harness, server and workers killed at random moments: nothing is lost, nothing is entered twice."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eval.ledger import read_runs
from tests.conftest import ROOT
from tests.eval.bench_cases import write_cases


def children(pid: int) -> list[int]:
    """Processes a process has started that still live."""
    found: list[int] = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    except OSError:
        pass
    return found


def victims(harness: int) -> dict[str, list[int]]:
    """Processes under a harness by what they are."""
    servers = children(harness)
    return {"harness": [harness], "server": servers, "worker": [w for server in servers for w in children(server)]}


def kill_at_random(folder: Path, kills: int, seed: int) -> tuple[int, int]:
    """Work on a suite while processes are killed; returns how many runs there are and how many harnesses it took."""
    suite, methods = write_cases(folder)
    ledger, seeds = folder / "a.db", 20 + 2 * kills
    jobs = min(2, len(os.sched_getaffinity(0)))
    command = [
        sys.executable, "-m", "placer", "bench", "--suite", str(suite), "--methods", f"{methods}:shuffled[wait=0.25]",
        "--jobs", str(jobs), "--seeds", str(seeds), "--time", "30s", "--retries", "100000", "--ledger", str(ledger),
    ]  # fmt: skip
    rng = random.Random(seed)
    done, harnesses = 0, 0
    while True:
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        harnesses += 1
        while process.poll() is None:
            time.sleep(rng.uniform(0.05, 0.6))
            if done >= kills:
                process.wait()
                break
            found = victims(process.pid)
            # Workers come and go; a harness dies less often, or nothing would ever begin.
            kind = rng.choices(["worker", "server", "harness"], [6, 1, 1])[0]
            if kind == "harness" and not found["worker"]:
                continue
            if found[kind]:
                try:
                    os.kill(rng.choice(found[kind]), signal.SIGKILL)
                    done += 1
                except ProcessLookupError:
                    pass
        error = process.stderr.read()
        if process.returncode == 0:
            break
        # A server that is killed again and again before it is ready makes the harness give up, with nothing lost.
        gave_up = process.returncode == 2 and "the fork server died" in error
        assert gave_up or process.returncode == -signal.SIGKILL, error
    assert done >= kills, "the suite was over before the killing was"
    check(ledger, 2 * seeds)
    return 2 * seeds, harnesses


def check(path: Path, expected: int) -> None:
    """Every run stands there once, finished once, with a placement that is what the ledger says."""
    runs = read_runs([path]).runs
    assert len(runs) == expected
    assert {run.status for run in runs} == {"done"}
    assert len({(run.design, run.seed) for run in runs}) == expected
    import hashlib

    for run in runs:
        assert hashlib.sha256(run.file().read_bytes()).hexdigest() == run.placement_sha256
    db = sqlite3.connect(path)
    finished = db.execute("SELECT run, COUNT(*) FROM attempts WHERE how = 'finished' GROUP BY run").fetchall()
    assert sorted(finished) == [(run.id, 1) for run in sorted(runs, key=lambda run: run.id)]
    assert db.execute("SELECT COUNT(*) FROM attempts WHERE ended IS NULL").fetchone() == (0,)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    assert not (path.with_name(path.name + ".files") / "work").exists()


def test_five_kills_lose_nothing(tmp_path: Path) -> None:
    kill_at_random(tmp_path, 5, seed=3)


@pytest.mark.slow
def test_fifty_kills_lose_nothing(tmp_path: Path) -> None:
    runs, harnesses = kill_at_random(tmp_path, 50, seed=1)
    assert runs == 240
    assert harnesses > 1
