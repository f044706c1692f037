"""Runs end in every way a run can end, and the ledger says how."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from eval.ledger import Ledger, Run, RunKey, read_runs
from eval.ledger.owner import process_start
from eval.methods import parse_choices
from eval.runner import jobs
from eval.runner.harness import Summary, _Work, run_suite
from eval.runner.jobs import NO_ROOM
from eval.runner.local import Ended, LocalExecutor
from eval.runner.processes import descendants
from eval.runner.settings import Settings, slots
from eval.suites import Suite, load_suite, open_member
from netlists.errors import NetlistError
from placer import api
from tests.conftest import ROOT
from tests.eval.bench_cases import write_cases


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> tuple[Suite, Path]:
    suite, methods = write_cases(tmp_path_factory.mktemp("cases"))
    return load_suite(suite), methods


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    executor = LocalExecutor(slots(None, 1))
    yield executor
    executor.close()


def bench(
    cases: tuple[Suite, Path],
    executor: LocalExecutor,
    path: Path,
    names: str,
    *,
    designs: int = 1,
    retry_failed: bool = False,
    **changes: object,
) -> tuple[Summary, list[Run]]:
    """Run methods of the test's file on the first designs, and read what the ledger holds then."""
    suite, methods = cases
    suite = replace(suite, members=suite.members[:designs])
    choices = parse_choices(",".join(f"{methods}:{name}" for name in names.split()))
    settings = replace(Settings(seeds=(0,), seconds=30.0), **changes)
    with Ledger(path) as ledger:
        summary = run_suite(suite, choices, settings, ledger, executor, retry_failed=retry_failed)
    return summary, list(read_runs([path]).runs)


def test_every_way_to_end_is_a_result_with_a_reason(
    cases: tuple[Suite, Path], executor: LocalExecutor, tmp_path: Path
) -> None:
    names = "shuffled given heap raises refuses unfit segfault nothing"
    summary, runs = bench(cases, executor, tmp_path / "a.db", names)
    assert summary.planned == len(runs) == len(names.split())
    ends = {run.label: (run.status, run.outcome) for run in runs}
    assert ends == {
        "shuffled": ("done", "ok"), "given": ("done", "ok"), "heap": ("failed", "illegal"),
        "raises": ("failed", "crash"), "refuses": ("failed", "refused"), "unfit": ("skipped", "unfit"),
        "segfault": ("failed", "crash"), "nothing": ("failed", "crash"),
    }  # fmt: skip
    reasons = {run.label: run.reason for run in runs}
    assert "overlap" in reasons["heap"]
    assert reasons["raises"] == "RuntimeError: no idea how to place this"
    assert "the macros do not fit" in reasons["refuses"]
    assert reasons["unfit"] == "only designs without macros"
    assert "SIGSEGV" in reasons["segfault"]
    assert "NoneType" in reasons["nothing"]
    assert "Traceback" in next(run.log for run in runs if run.label == "raises")
    assert all(run.attempts == 1 for run in runs)
    assert not (tmp_path / "a.db.files" / "work").exists()


def test_scores_are_the_judges_and_the_files_hold_what_was_scored(
    cases: tuple[Suite, Path], executor: LocalExecutor, tmp_path: Path
) -> None:
    _, runs = bench(cases, executor, tmp_path / "a.db", "liar given")
    design = open_member(cases[0].members[0])
    for run in runs:
        file = run.file()
        assert hashlib.sha256(file.read_bytes()).hexdigest() == run.placement_sha256
        score = api.score(design, file).as_dict()
        assert run.proxy_cost == score["proxy_cost"] > 0.01
        assert run.hpwl_um == score["hpwl_um"]
        assert run.score["violation_counts"] == score["violation_counts"]
    liar, given = sorted(runs, key=lambda run: run.label, reverse=True)
    assert liar.facts == {"proxy_cost": 1e-6}
    assert given.raw_score["proxy_cost"] > 0
    assert given.file("raw_placement").is_file()
    assert given.seed == 0


def test_a_run_knows_its_limits_and_its_past(
    cases: tuple[Suite, Path], executor: LocalExecutor, tmp_path: Path
) -> None:
    _, runs = bench(cases, executor, tmp_path / "a.db", "where", designs=2)
    assert {run.design for run in runs} == {"one", "two"}
    for run in runs:
        assert len(run.facts["cores"]) == 1
        assert run.facts["threads"] == 1
        assert run.seconds < 30
        assert 0 < run.cpu_seconds < 30
        assert run.peak_bytes > 1 << 20
        assert run.curve[0][1] == 9.0
        assert run.machine["node"]
        assert len(run.fingerprint) == 64
        assert "+" in run.code


def test_time_and_memory_are_limits(cases: tuple[Suite, Path], executor: LocalExecutor, tmp_path: Path) -> None:
    _, runs = bench(cases, executor, tmp_path / "a.db", "sleeps", seconds=0.5, kill_after=1.0)
    assert [run.outcome for run in runs] == ["timeout"]
    assert "after 1 s" in runs[0].reason
    limit = 1 << 30
    _, runs = bench(cases, executor, tmp_path / "b.db", "hogs shuffled", memory=limit)
    ends = {run.label: run.outcome for run in runs}
    assert ends == {"hogs": "memory", "shuffled": "ok"}
    hog = next(run for run in runs if run.label == "hogs")
    assert hog.peak_bytes > limit / 2
    assert "1 GiB" in hog.reason


def test_no_burst_and_no_family_gets_past_the_memory(
    cases: tuple[Suite, Path], executor: LocalExecutor, tmp_path: Path
) -> None:
    limit = 600 << 20
    _, runs = bench(cases, executor, tmp_path / "a.db", "bursts family", memory=limit, kill_after=60.0)
    runs = {run.label: run for run in runs}
    assert {run.outcome for run in runs.values()} == {"memory"}
    assert runs["bursts"].peak_bytes < limit + (256 << 20), "not even for a moment"
    assert "asked for more memory" in runs["bursts"].reason
    assert runs["family"].peak_bytes > limit, "all of them together"
    assert "used more than" in runs["family"].reason


def test_what_is_there_is_not_run_again(cases: tuple[Suite, Path], executor: LocalExecutor, tmp_path: Path) -> None:
    path, note = tmp_path / "a.db", tmp_path / "note"
    names = f"shuffled[note={note}]"
    bench(cases, executor, path, names, designs=2, seeds=(0, 1))
    assert len(note.read_text().split("\n")) == 5
    summary, runs = bench(cases, executor, path, names, designs=2, seeds=(0, 1))
    assert summary.outcomes == {}
    assert len(note.read_text().split("\n")) == 5
    summary, runs = bench(cases, executor, path, names, designs=2, seeds=(0, 1, 2))
    assert summary.outcomes == {"ok": 2}
    assert len(runs) == 6
    # Another budget is another run.
    summary, runs = bench(cases, executor, path, names, designs=2, seeds=(0,), seconds=31.0)
    assert summary.outcomes == {"ok": 2}
    assert len(runs) == 8


def test_failures_are_kept_until_they_are_asked_for_again(
    cases: tuple[Suite, Path], executor: LocalExecutor, tmp_path: Path
) -> None:
    path = tmp_path / "a.db"
    bench(cases, executor, path, "raises")
    assert bench(cases, executor, path, "raises")[0].outcomes == {}
    summary, runs = bench(cases, executor, path, "raises", retry_failed=True)
    assert summary.outcomes == {"crash": 1}
    assert runs[0].attempts == 2


def test_a_run_killed_from_outside_is_begun_anew_and_at_last_a_result(
    cases: tuple[Suite, Path], executor: LocalExecutor, tmp_path: Path
) -> None:
    _, runs = bench(cases, executor, tmp_path / "a.db", "always_killed", retries=1)
    assert runs[0].outcome == "killed"
    assert runs[0].attempts == 2
    assert "SIGKILL" in runs[0].reason


def test_a_run_that_was_over_when_its_harness_died_is_only_judged(
    cases: tuple[Suite, Path], executor: LocalExecutor, tmp_path: Path
) -> None:
    path, note = tmp_path / "a.db", tmp_path / "note"
    name = f"shuffled[note={note}]"
    _, (run,) = bench(cases, executor, path, name)
    # As if the harness had died between the end of the run and the judge's.
    db = sqlite3.connect(path)
    db.execute("UPDATE runs SET status = 'running', owner = ?", (f"{os.uname().nodename}|no-such-boot|1|1",))
    db.commit()
    db.close()
    work = tmp_path / "a.db.files" / "work" / f"{run.id}-{run.attempts}"
    work.mkdir(parents=True)
    (work / "placement.plc.gz").write_bytes(run.file().read_bytes())
    result = {"seconds": 1.5, "curve": [], "curve_of": "proxy_cost", "placement": "placement.plc.gz"}
    (work / "run.json").write_text(json.dumps(result))
    _, (again,) = bench(cases, executor, path, name)
    assert (again.status, again.seconds, again.proxy_cost) == ("done", 1.5, run.proxy_cost)
    assert note.read_text().count("\n") == 1, "it was not run again"


@pytest.mark.parametrize("how", ["", ",apart=1"])
def test_programs_a_method_left_behind_end_with_it(
    how: str, cases: tuple[Suite, Path], executor: LocalExecutor, tmp_path: Path
) -> None:
    note = tmp_path / "pid"
    _, runs = bench(cases, executor, tmp_path / "a.db", f"forks[pid={note}{how}]")
    assert runs[0].outcome == "ok"
    assert not is_alive(int(note.read_text()))


def test_nothing_outlives_a_harness_that_is_killed(cases: tuple[Suite, Path], tmp_path: Path) -> None:
    note, method = tmp_path / "pid", f"{cases[1]}:forks[pid={tmp_path / 'pid'},wait=600,apart=1]"
    command = [
        sys.executable, "-m", "placer", "bench", "--suite", str(cases[1].with_name("tiny.toml")), "--methods", method,
        "--ledger", str(tmp_path / "a.db"),
    ]  # fmt: skip
    harness = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    patience = time.monotonic() + 60
    while not (note.is_file() and note.read_text()):
        assert time.monotonic() < patience
        time.sleep(0.05)
    started = [*descendants(harness.pid), int(note.read_text())]
    harness.kill()
    harness.wait()
    while any(map(is_alive, started)):
        assert time.monotonic() < patience
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    return process_start(pid) is not None


KEY = RunKey("d", "f", "s", "m", "", {}, 0, 10.0, None, 1, None, "1+a")


class Scripted:
    """An executor that carries out nothing: every job ends as it is told."""

    slots = ("0",)

    def __init__(self, **ending: object) -> None:
        self.ending, self.jobs = ending, []

    def submit(self, number: int, slot: int, job: dict) -> None:
        self.jobs.append((number, job))
        (Path(job["folder"]) / "run.json").write_text('{"seconds": 1.0, "placement": "p.plc.gz"}')

    def poll(self, seconds: float) -> list[Ended]:
        return [Ended(self.jobs[-1][0], "exit", **self.ending)]

    def machine(self, slot: int) -> dict[str, str]:
        return {"node": "here"}

    def close(self) -> None:
        """Nothing to end."""


def claimed(path: Path) -> Ledger:
    ledger = Ledger(path)
    key = replace(KEY, seed=1)
    ledger.plan([(key, {"name": "d", "method": "m"}, "m")], suite="s", metric="proxy_cost", command="")
    return ledger


def test_more_processor_time_than_the_cores_can_give_is_no_result(tmp_path: Path) -> None:
    with claimed(tmp_path / "a.db") as ledger:
        work = _Work(ledger, Scripted(wall_seconds=10.0, cpu_seconds=19.0), Settings(), lambda *told: None)
        work.go()
    assert work.summary.outcomes == {"overuse": 1}
    assert "19.0 s of processor time in 10.0 s" in read_runs([tmp_path / "a.db"]).runs[0].reason


def test_a_full_disk_is_nobodys_result(tmp_path: Path) -> None:
    with claimed(tmp_path / "a.db") as ledger:
        work = _Work(ledger, Scripted(code=NO_ROOM), Settings(), lambda *told: None)
        with pytest.raises(NetlistError, match="no room is left"):
            work.go()
        work.stop()
        assert ledger.open_runs() == 1
    assert [run.status for run in read_runs([tmp_path / "a.db"]).runs] == ["waiting"]


def test_a_machine_that_is_gone_takes_no_run_with_it(tmp_path: Path) -> None:
    class Failing(Scripted):
        slots = ("gone", "there")

        def submit(self, number: int, slot: int, job: dict) -> None:
            super().submit(number, slot, job)
            self.last = slot

        def poll(self, seconds: float) -> list[Ended]:
            how, spent = ("gone", 0.0) if self.last == 0 else ("exit", 99.0)
            return [Ended(self.jobs[-1][0], how, cpu_seconds=spent, wall_seconds=10.0)]

    with claimed(tmp_path / "a.db") as ledger:
        executor = Failing()
        work = _Work(ledger, executor, Settings(retries=0), lambda *told: None)
        work.go()
        assert work.summary.outcomes == {"overuse": 1}, "carried out at the other place"
        ledger.plan([(KEY, {"name": "d", "method": "m"}, "m")], suite="s", metric="proxy_cost", command="")
        executor.slots = ("gone",)
        with pytest.raises(NetlistError, match="no machine is left"):
            _Work(ledger, executor, Settings(), lambda *told: None).go()
        assert ledger.open_runs() == 1


def test_a_job_that_finds_no_room_says_so_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*arguments: object) -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise NetlistError(f"cannot write: {error}") from None

    monkeypatch.setitem(jobs.KINDS, "run", full)
    with pytest.raises(NetlistError) as caught:
        jobs.carry_out({"kind": "run", "folder": str(tmp_path)}, None)
    assert jobs.out_of_room(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert not jobs.out_of_room(NetlistError("something else"))


def test_a_design_that_cannot_be_read_is_skipped_with_its_reason(
    cases: tuple[Suite, Path], executor: LocalExecutor, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.pb.txt"
    bad.write_text("node {\n  name: 7\n")
    toml = tmp_path / "some.toml"
    toml.write_text('[[design]]\nname = "bad"\npath = "bad.pb.txt"\n[[design]]\nname = "gone"\npath = "gone.aux"\n')
    summary, runs = bench((load_suite(toml), cases[1]), executor, tmp_path / "a.db", "given", designs=2)
    assert runs == []
    reasons = {name: why for _, name, why in summary.skips}
    assert "bad.pb.txt" in reasons["bad"]
    assert "PLACER_DATA" in reasons["gone"]
    assert {skip[2] for skip in read_runs([tmp_path / "a.db"]).skips} == {"bad", "gone"}


def test_two_harnesses_on_one_ledger_share_the_runs(
    cases: tuple[Suite, Path], executor: LocalExecutor, tmp_path: Path
) -> None:
    _, methods = cases
    path, note = tmp_path / "a.db", tmp_path / "note"
    toml = methods.with_name("tiny.toml")
    name = f"{methods}:shuffled[note={note},wait=0.2]"
    command = ["bench", "--suite", str(toml), "--methods", name, "--seeds", "6", "--time", "30", "--jobs", "1"]
    other = os.fork()
    if other == 0:
        os.execv(os.sys.executable, [os.sys.executable, "-m", "placer", *command, "--ledger", str(path)])
    from placer.cli import run

    assert run([*command, "--ledger", str(path)]) == 0
    assert os.waitpid(other, 0)[1] == 0
    runs = read_runs([path]).runs
    assert len(runs) == 12
    assert all(run.status == "done" and run.attempts == 1 for run in runs)
    lines = note.read_text().split("\n")[:-1]
    assert len(lines) == len(set(lines)) == 12


def test_a_fork_has_nothing_left_to_import(tmp_path: Path) -> None:
    # What a run or a judge imports by itself it imports again every time, and on the machine's time.
    code = """
import sys
from pathlib import Path
from eval.runner import server
from eval.runner.jobs import carry_out
from netlists.load import load

folder = Path(sys.argv[1])
(folder / "m.py").write_text("def same(task):\\n    return task.design.placement\\n")
server._rehearse()
before, design = set(sys.modules), load("synth20")
run = {"kind": "run", "method": f"{folder}/m.py:same", "seed": 0, "seconds": 5.0, "iterations": None, "cores": [0]}
carry_out({**run, "options": {}, "folder": folder}, design)
carry_out({"kind": "judge", "folder": folder, "files": {"placement": "placement.plc.gz"}}, design)
assert (folder / "judge.json").is_file()
print(sorted(name for name in set(sys.modules) - before if not name.startswith("placer_method_")))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "[]\n", done.stdout + done.stderr


def test_cores_are_never_shared() -> None:
    there = sorted(os.sched_getaffinity(0))
    found = slots(None, 1)
    assert sorted(core for cores in found for core in cores) == there
    with pytest.raises(NetlistError, match="cores of their own"):
        slots(1, len(there) + 1)
    with pytest.raises(NetlistError, match="cores of their own"):
        slots(len(there) + 1, 1)


def test_the_command_tells_what_it_did(
    cases: tuple[Suite, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from placer.cli import run

    monkeypatch.delenv("PLACER_DREAMPLACE", raising=False)
    _, methods = cases
    path = tmp_path / "a.db"
    toml = methods.with_name("tiny.toml")
    words = ["bench", "--suite", str(toml), "--methods", f"{methods}:given,dreamplace,{methods}:heap", "--seeds", "1"]
    assert run([*words, "--design", "two", "--time", "5s", "--ledger", str(path), "--memory", "2G"]) == 0
    out, err = capsys.readouterr()
    assert out.strip() == str(path)
    assert "skipped method dreamplace: DREAMPlace is not installed" in err
    assert "1 illegal, 1 ok" in err
    row = read_runs([path]).runs[0]
    assert row.command.startswith("placer bench --suite")
    assert row.memory_limit == 2 << 30
    assert json.loads(json.dumps(row.score))["legal"] in (True, False)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--suite", "no-such"], "no suite is called that"),
        (["--methods", "no-such"], "no method is called that"),
        (["--methods", "search,search"], "named twice"),
        (["--seeds", "x"], "are no seeds"),
        (["--memory", "lots"], "not an amount of memory"),
        (["--time", "5", "--iterations", "5"], "not by both"),
        (["--design", "nobody"], "no such design"),
    ],
)
def test_wrong_words_are_refused_in_one_line(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from placer.cli import run

    assert run(["bench", *words]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
