"""The same harness on a Ray instance of this machine, with a host killed in mid-run."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from eval.ledger import Ledger, read_runs
from eval.ledger.owner import process_start
from eval.methods import parse_choices
from eval.runner.harness import run_suite
from eval.runner.processes import descendants
from eval.runner.settings import Settings
from eval.suites import load_suite
from tests.eval.bench_cases import write_cases

ray = pytest.importorskip("ray", reason="Ray is not installed (pip install 'chip-placer[ray]')")
pytestmark = pytest.mark.slow


def test_a_host_killed_in_mid_run_costs_nothing_but_time(tmp_path: Path) -> None:
    from eval.runner.cluster import RayExecutor

    suite, methods = write_cases(tmp_path)
    choices = parse_choices(f"{methods}:shuffled[wait=0.4],{methods}:given,{methods}:raises")
    executor = RayExecutor("local")
    killed: list[int] = []

    def kill_a_host() -> None:
        # Not by asking the host: it is busy with its job.
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            # Of this test's own instance: others may run on this machine.
            own = [Path(f"/proc/{pid}") for pid in descendants(os.getpid())]
            hosts = [int(path.name) for path in own if _command(path).startswith("ray::Host.work")]
            if hosts:
                killed.extend([hosts[0], *descendants(hosts[0])])
                os.kill(hosts[0], signal.SIGKILL)
                return
            time.sleep(0.05)

    try:
        with Ledger(tmp_path / "a.db") as ledger:
            settings = replace(Settings(seeds=(0, 1, 2), seconds=30.0), retries=3)

            def listen(claim: object, verdict: object, left: int) -> None:
                if verdict is None and not killed and not timer.is_alive():
                    timer.start()

            timer = threading.Timer(0.3, kill_a_host)
            summary = run_suite(load_suite(suite), choices, settings, ledger, executor, listen=listen)
            timer.join()
    finally:
        executor.close()
    assert killed
    assert summary.outcomes == {"ok": 8, "crash": 6}
    runs = read_runs([tmp_path / "a.db"]).runs
    assert len(runs) == 14
    assert {run.label: run.outcome for run in runs} == {"shuffled[wait=0.4]": "ok", "given": "ok", "raises": "crash"}
    assert max(run.attempts for run in runs) == 2
    db = sqlite3.connect(tmp_path / "a.db")
    assert db.execute("SELECT how, COUNT(*) FROM attempts GROUP BY how ORDER BY how").fetchall() == [
        ("finished", 14), ("killed", 1),
    ]  # fmt: skip
    db.close()
    assert len(killed) > 2, "the host had a fork server and a run"
    assert not [pid for pid in killed if process_start(pid) is not None], "nothing of it lives on"
    assert all(run.file().is_file() for run in runs if run.status == "done")
    assert not ray.is_initialized()


def _command(path: Path) -> str:
    try:
        return (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def test_an_address_nobody_answers_is_bad_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from placer.cli import run

    suite, methods = write_cases(tmp_path)
    words = ["bench", "--suite", str(suite), "--methods", f"{methods}:given", "--ray", "localhost:1"]
    assert run([*words, "--ledger", str(tmp_path / "a.db")]) == 2
    assert "no Ray cluster answers" in capsys.readouterr().err
