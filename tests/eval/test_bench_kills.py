"""Harness, server and workers killed at random moments: nothing is lost, nothing is entered twice, nothing lives on."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from eval.ledger import read_runs
from eval.ledger.owner import process_start
from eval.runner.processes import children, descendants
from tests.conftest import ROOT
from tests.eval.bench_cases import write_cases

#: Who is killed how often.
SHARES = {"worker": 0.5, "server": 0.25, "harness": 0.25}


@dataclass
class Tally:
    """What a killing spree came to."""

    runs: int = 0
    harnesses: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    seen: dict[int, int | None] = field(default_factory=dict)

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kills.items()))
        ends = ", ".join(f"{count} {how}" for how, count in sorted(self.attempts.items()))
        return (
            f"{self.kills.total()} kills ({kinds}), {self.harnesses} harnesses, {self.runs} runs planned and finished, "
            f"0 lost, 0 duplicated; attempts: {ends}"
        )


def victims(harness: int) -> dict[str, list[int]]:
    """Processes under a harness by what they are."""
    servers = children(harness)
    return {"harness": [harness], "server": servers, "worker": [w for server in servers for w in children(server)]}


def kill_at_random(folder: Path, suite: str | Path, designs: int, seeds: int, kills: int, seed: int) -> Tally:
    """Work on a suite while processes are killed; everything is checked at the end."""
    _, methods = write_cases(folder)
    ledger, jobs = folder / "a.db", min(2, len(os.sched_getaffinity(0)))
    command = [
        sys.executable, "-m", "placer", "bench", "--suite", str(suite), "--methods", f"{methods}:shuffled[wait=0.25]",
        "--jobs", str(jobs), "--seeds", str(seeds), "--time", "30s", "--retries", "100000", "--ledger", str(ledger),
    ]  # fmt: skip
    rng, tally = random.Random(seed), Tally(designs * seeds)
    while True:
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        tally.harnesses += 1
        while process.poll() is None:
            time.sleep(rng.uniform(0.05, 0.6))
            tally.seen.update((pid, process_start(pid)) for pid in descendants(process.pid))
            if tally.kills.total() >= kills:
                process.wait()
                break
            found = victims(process.pid)
            # Whoever was spared so far is the likelier to be next; who only starts is spared most of the time.
            behind = [max(0.0, share * (tally.kills.total() + 1) - tally.kills[k]) for k, share in SHARES.items()]
            kind = rng.choices(list(SHARES), [0.1 + one for one in behind])[0]
            under_way = any((folder / "a.db.files" / "work").glob("[0-9]*"))
            if not under_way and rng.random() < 0.95:
                continue
            if found[kind]:
                try:
                    os.kill(rng.choice(found[kind]), signal.SIGKILL)
                    tally.kills[kind] += 1
                except ProcessLookupError:
                    pass
        error = process.stderr.read()
        if process.returncode == 0:
            break
        # A server that is killed again and again before it is ready makes the harness give up, with nothing lost.
        gave_up = process.returncode == 2 and "the fork server died" in error
        assert gave_up or process.returncode == -signal.SIGKILL, error
    assert tally.kills.total() >= kills, "the suite was over before the killing was"
    check(ledger, tally)
    return tally


def check(path: Path, tally: Tally) -> None:
    """Every run stands there once, finished once, with a placement that is what the ledger says; nothing lives on."""
    runs = read_runs([path]).runs
    assert len(runs) == tally.runs
    assert {run.status for run in runs} == {"done"}
    assert len({(run.design, run.seed) for run in runs}) == tally.runs
    for run in runs:
        assert hashlib.sha256(run.file().read_bytes()).hexdigest() == run.placement_sha256
    placements = path.with_name(path.name + ".files") / "placements"
    assert {file.name for file in placements.iterdir()} == {run.file().name for run in runs}
    db = sqlite3.connect(path)
    finished = db.execute("SELECT run, COUNT(*) FROM attempts WHERE how = 'finished' GROUP BY run").fetchall()
    assert sorted(finished) == [(run.id, 1) for run in sorted(runs, key=lambda run: run.id)]
    assert db.execute("SELECT COUNT(*) FROM attempts WHERE ended IS NULL").fetchone() == (0,)
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    tally.attempts.update(dict(db.execute("SELECT how, COUNT(*) FROM attempts GROUP BY how")))
    db.close()
    assert not (path.with_name(path.name + ".files") / "work").exists()
    patience = time.monotonic() + 30
    while alive := [pid for pid, start in tally.seen.items() if start is not None and process_start(pid) == start]:
        assert time.monotonic() < patience, f"still alive: {alive}"
        time.sleep(0.1)


def test_five_kills_lose_nothing(tmp_path: Path) -> None:
    suite, _ = write_cases(tmp_path)
    kill_at_random(tmp_path, suite, 2, 30, 5, seed=3)


@pytest.mark.slow
def test_fifty_kills_of_two_hundred_runs_lose_nothing(tmp_path: Path) -> None:
    tally = kill_at_random(tmp_path, "bundled", 3, 67, 50, seed=1)
    print(f"\n{tally}")
    assert min(tally.kills[kind] for kind in ("harness", "server", "worker")) > 0
