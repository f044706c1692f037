"""Claims, leases, and who may enter a result."""

from __future__ import annotations

import copy
import os
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from eval.ledger import Ledger, RunKey, Verdict, read_runs, run_key
from eval.ledger.key import code_version
from eval.ledger.owner import LEASE, is_gone, process_start, this_owner
from netlists.errors import NetlistError

KEY = RunKey("d", "f" * 64, "s", "m", "", {}, 0, 60.0, None, 1, None, "1+a")


def planned(path: Path, count: int = 2) -> Ledger:
    ledger = Ledger(path)
    runs = [(replace(KEY, seed=seed), {"name": "d", "method": "m"}, "m") for seed in range(count)]
    ledger.plan(runs, suite="s", metric="proxy_cost", command="placer bench")
    return ledger


def test_every_part_of_the_key_makes_another_run() -> None:
    changes = {
        "design": "e", "fingerprint": "0", "start": "t", "method": "n", "identity": "2", "options": {"a": "1"},
        "seed": 1, "seconds": 61.0, "iterations": 5, "cores": 2, "memory": 1 << 30, "code": "1+b",
    }  # fmt: skip
    keys = {run_key(KEY)} | {run_key(replace(KEY, **{name: value})) for name, value in changes.items()}
    assert len(keys) == len(changes) + 1
    assert run_key(replace(KEY, options={"a": "1", "b": "2"})) == run_key(replace(KEY, options={"b": "2", "a": "1"}))


def test_runs_are_claimed_in_order_and_once(tmp_path: Path) -> None:
    with planned(tmp_path / "a.db", 3) as ledger, Ledger(tmp_path / "a.db") as other:
        other.plan([(replace(KEY, seed=2), {"method": "m"}, "m")], suite="s", metric="m", command="")
        assert ledger.claim().key.seed == 0
        assert other.claim().key.seed == 2, "only what it planned itself"
        assert ledger.claim().key.seed == 1
        assert ledger.claim() is None
        assert other.claim() is None
        assert ledger.open_runs() == 3


def test_planning_again_changes_nothing_that_is_there(tmp_path: Path) -> None:
    with planned(tmp_path / "a.db") as ledger:
        ledger.finish(ledger.claim(), Verdict("ok", "fine", {"proxy_cost": 1.5}), machine=ledger.machine({"a": "b"}))
    with planned(tmp_path / "a.db", 3) as ledger:
        assert ledger.open_runs() == 2
        assert ledger.claim().key.seed == 1
    runs = read_runs([tmp_path / "a.db"]).runs
    assert [run.status for run in runs] == ["done", "running", "waiting"]
    assert runs[0].proxy_cost == 1.5
    assert runs[0].machine == {"a": "b"}


def test_a_result_is_entered_by_the_holder_of_the_claim_only(tmp_path: Path) -> None:
    with planned(tmp_path / "a.db", 1) as ledger:
        machine = ledger.machine({})
        claim = ledger.claim()
        # Somebody took the run for abandoned meanwhile.
        db = sqlite3.connect(tmp_path / "a.db")
        db.execute("UPDATE runs SET attempts = 2, owner = 'other|boot|1|1'")
        db.commit()
        assert not ledger.finish(claim, Verdict("ok", "fine"), machine=machine)
        db.execute("UPDATE runs SET attempts = 1, owner = ?", (this_owner(),))
        db.commit()
        assert ledger.finish(claim, Verdict("ok", "fine"), machine=machine)
        assert not ledger.finish(claim, Verdict("ok", "again"), machine=machine), "once"
    assert read_runs([tmp_path / "a.db"]).runs[0].reason == "fine"


def test_the_claims_of_the_dead_are_free(tmp_path: Path) -> None:
    code = (
        "import sys; from tests.eval.test_ledger import planned; from pathlib import Path\n"
        "ledger = planned(Path(sys.argv[1]), 1)\nclaim = ledger.claim()\nassert claim.attempt == 1\n"
        "claim.folder.mkdir(parents=True)\n(claim.folder / 'run.json').write_text('{}')\n"
        "print('claimed', flush=True)\ninput()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "a.db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout.readline() == b"claimed\n"
    with planned(tmp_path / "a.db", 1) as ledger:
        assert ledger.claim() is None
        child.kill()
        child.wait()
        claim = ledger.claim()
        assert claim.attempt == 2
        assert claim.earlier.name == "1-1"
        ledger.give_up(claim, "interrupted")
        assert ledger.claim().attempt == 3
    db = sqlite3.connect(tmp_path / "a.db")
    assert [how for (how,) in db.execute("SELECT how FROM attempts ORDER BY attempt")] == [
        "abandoned", "interrupted", None,
    ]  # fmt: skip


def test_whether_an_owner_is_gone() -> None:
    now = time.time()
    node, boot, pid, start = this_owner().split("|")
    assert not is_gone(this_owner(), now - 1e6, now)
    assert is_gone(f"{node}|{boot}|{pid}|{int(start) - 1}", now, now), "the number was given to another process"
    assert is_gone(f"{node}|other|{pid}|{start}", now, now), "the machine was started anew"
    assert not is_gone(f"elsewhere|{boot}|{pid}|{start}", now - LEASE / 2, now)
    assert is_gone(f"elsewhere|{boot}|{pid}|{start}", now - 2 * LEASE, now)
    assert process_start(os.getpid()) == int(start)
    assert process_start(2**22 + 1) is None


def test_several_ledgers_are_read_as_one(tmp_path: Path) -> None:
    with planned(tmp_path / "a.db", 2) as ledger:
        ledger.finish(ledger.claim(), Verdict("ok", "a"), machine=ledger.machine({}))
    with planned(tmp_path / "b.db", 3) as ledger:
        for _ in range(2):
            ledger.finish(ledger.claim(), Verdict("ok", "b"), machine=ledger.machine({}))
        ledger.note_skips("s", [("design", "x", "gone")])
    found = read_runs([tmp_path / "a.db", tmp_path / "b.db"])
    assert [(run.seed, run.status, run.reason) for run in found.runs] == [
        (0, "done", "a"), (1, "done", "b"), (2, "waiting", None),
    ]  # fmt: skip
    assert found.skips == (("s", "design", "x", "gone"),)
    assert copy.deepcopy(found.runs[0]).reason == "a"


def test_files_go_with_their_run(tmp_path: Path) -> None:
    with planned(tmp_path / "a.db", 1) as ledger:
        claim = ledger.claim()
        claim.folder.mkdir(parents=True)
        file = claim.folder / "placement.plc.gz"
        file.write_bytes(b"abc")
        ledger.finish(claim, Verdict("ok", "", {}, placement=file), machine=ledger.machine({}))
        assert not claim.folder.exists()
    run = read_runs([tmp_path / "a.db"]).runs[0]
    assert run.file().read_bytes() == b"abc"
    assert run.file().name.endswith(".plc.gz")
    assert not Path(run.placement).is_absolute(), "a ledger may be moved"


def test_a_result_of_the_past_leaves_nothing_behind(tmp_path: Path) -> None:
    with planned(tmp_path / "a.db", 1) as ledger:
        machine = ledger.machine({})
        values = {"proxy_cost": 1.0, "score": {"proxy_cost": 1.0}, "log": "words"}
        ledger.finish(ledger.claim(), Verdict("illegal", "overlaps", values), machine=machine)
        ledger.plan([(KEY, {"method": "m"}, "m")], suite="s", metric="m", command="", retry_failed=True)
        ledger.finish(ledger.claim(), Verdict("crash", "again", {}), machine=machine)
    run = read_runs([tmp_path / "a.db"]).runs[0]
    assert (run.outcome, run.proxy_cost, run.score, run.log) == ("crash", None, None, None)


def test_who_lost_a_claim_does_not_touch_the_files_of_the_run(tmp_path: Path) -> None:
    with planned(tmp_path / "a.db", 1) as ledger:
        machine, claim = ledger.machine({}), ledger.claim()
        claim.folder.mkdir(parents=True)
        file = claim.folder / "placement.plc.gz"
        file.write_bytes(b"winner")
        ledger.finish(claim, Verdict("ok", "", placement=file), machine=machine)
        late = tmp_path / "placement.plc.gz"
        late.write_bytes(b"loser")
        assert not ledger.finish(claim, Verdict("ok", "", placement=late), machine=machine)
        assert {path.read_bytes() for path in (ledger.files / "placements").iterdir()} == {b"winner"}


def test_only_kills_of_the_run_itself_count_as_kills(tmp_path: Path) -> None:
    with planned(tmp_path / "a.db", 1) as ledger:
        for how in ("interrupted", "killed", "interrupted", "killed"):
            ledger.give_up(ledger.claim(), how)
        claim = ledger.claim()
        assert (claim.attempt, claim.kills) == (5, 2)
        ledger.finish(claim, Verdict("killed", "too often"), machine=ledger.machine({}))
        ledger.plan([(KEY, {"method": "m"}, "m")], suite="s", metric="m", command="", retry_failed=True)
        assert ledger.claim().kills == 0


def test_tidying_up_leaves_alone_what_others_need(tmp_path: Path) -> None:
    with planned(tmp_path / "a.db", 2) as ledger, Ledger(tmp_path / "a.db") as other:
        mine, claim = ledger.workplace("design-1"), ledger.claim()
        work = claim.folder.parent
        (work / "1-0").mkdir()  # of an attempt before, whose result may be wanted
        for leftover in ("7-1", "own-1-0-design", "gone-5-7-2", "what"):
            (work / leftover / "deep").mkdir(parents=True)
        claim.folder.mkdir()
        other.tidy()
        assert sorted(path.name for path in work.iterdir()) == sorted(["1-0", "1-1", mine.name])
        ledger.give_up(claim, "interrupted")
        mine.rmdir()
        other.tidy()
        assert not work.exists()


def test_a_full_disk_and_the_database_of_somebody_else_are_told_in_words(tmp_path: Path) -> None:
    with planned(tmp_path / "a.db", 1) as ledger:
        pages = ledger._db.execute("PRAGMA page_count").fetchone()[0]
        ledger._db.execute(f"PRAGMA max_page_count = {pages}")
        many = [(replace(KEY, seed=seed), {"method": "m" * 4000}, "m") for seed in range(1, 50)]
        with pytest.raises(NetlistError, match="cannot be written: database or disk is full"):
            ledger.plan(many, suite="s", metric="m", command="")
        assert ledger.open_runs() == 1, "nothing of it was kept"
    db = sqlite3.connect(tmp_path / "b.db")
    db.execute("CREATE TABLE accounts (name TEXT)")
    db.commit()
    db.close()
    with pytest.raises(NetlistError, match="another program"):
        Ledger(tmp_path / "b.db")


def test_a_ledger_says_what_could_not_be_run_until_it_can(tmp_path: Path) -> None:
    with planned(tmp_path / "a.db", 1) as ledger:
        ledger.note_skips("s", [("method", "x", "gone"), ("design", "d", "not here")])
        ledger.note_skips("s", [("method", "y", "gone too")], able=[("design", "d")])
    skips = read_runs([tmp_path / "a.db"]).skips
    assert [skip[2] for skip in skips] == ["x", "y"]


def test_a_run_names_no_files_outside_its_ledger(tmp_path: Path) -> None:
    with planned(tmp_path / "a.db", 1) as ledger:
        ledger.finish(ledger.claim(), Verdict("ok", "", {"placement": "../secret"}), machine=ledger.machine({}))
    (tmp_path / "secret").write_text("x")
    assert read_runs([tmp_path / "a.db"]).runs[0].file() is None


@pytest.mark.parametrize("content", [b"not a database, but long enough to look at" * 50, None])
def test_what_is_no_ledger_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.db"
    if content is not None:
        path.write_bytes(content)
        with pytest.raises(NetlistError, match="ledger"):
            Ledger(path)
    with pytest.raises(NetlistError, match="ledger"):
        read_runs([path])


def test_the_code_version_names_the_sources() -> None:
    version, plus, digest = code_version().partition("+")
    assert version.count(".") >= 1
    assert plus == "+"
    assert len(digest) == 12
