"""The harness: claims runs, has them carried out and judged, and enters what became of them."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.ledger import Claim, Ledger, Verdict
from eval.ledger.files import make_folder
from eval.ledger.store import FIGURES
from eval.methods import Choice
from eval.runner.jobs import NO_ROOM
from eval.runner.local import Ended, Executor
from eval.runner.plan import Plan, make_plan
from eval.runner.settings import Settings
from eval.suites import Suite
from netlists.errors import NetlistError

#: Seconds between two renewals of the claims.
_RENEW = 20.0
#: Seconds a judge may take, and how often one that died is replaced.
_JUDGING, _JUDGES = 1800.0, 5
#: Bytes of a run's output that are kept.
_LOG = 4000


@dataclass
class Summary:
    """What a call did.

    Attributes:
        planned: runs the suite asks for.
        outcomes: how many runs of this call ended how.
        skips: what could not be run at all.
        left: planned runs that are not finished, because other processes work on them.
        method_seconds: clocks of the methods added up.
        judge_seconds: of the judges, their start included.
        slot_seconds: time the slots were there for runs, added up.
    """

    planned: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    skips: list[tuple[str, str, str]] = field(default_factory=list)
    left: int = 0
    method_seconds: float = 0.0
    judge_seconds: float = 0.0
    slot_seconds: float = 0.0

    @property
    def overhead(self) -> float:
        """Share of the slots' time in which no method ran: starting, writing, judging, waiting."""
        return 1.0 - self.method_seconds / self.slot_seconds if self.slot_seconds > 0 else 0.0


#: Hears (claim, verdict or None when the run begins, runs left).
Listener = Callable[[Claim, Verdict | None, int], None]


def run_suite(
    suite: Suite,
    choices: Sequence[Choice],
    settings: Settings,
    ledger: Ledger,
    executor: Executor,
    *,
    command: str = "",
    retry_failed: bool = False,
    listen: Listener = lambda claim, verdict, left: None,
) -> Summary:
    """Bring the ledger to where every run of the suite has a result.

    Args:
        suite: designs.
        choices: methods.
        settings: seeds, budget, limits.
        ledger: what is in it already is not run again.
        executor: where runs are carried out; the caller closes it.
        command: what the user typed.
        retry_failed: run again what failed.
        listen: hears about every run.

    Raises:
        NetlistError: a method is unknown, nothing can be written any more, or every machine is gone.
        KeyboardInterrupt: runs under way are put back among those that wait.
    """
    plan: Plan = make_plan(suite, choices, settings, executor, ledger)
    ledger.note_skips(suite.name, plan.skips, plan.able)
    ledger.plan(plan.runs, suite=suite.name, metric=suite.metric, command=command, retry_failed=retry_failed)
    ledger.tidy()
    work = _Work(ledger, executor, settings, listen)
    work.summary.planned, work.summary.skips = len(plan.runs), plan.skips
    try:
        work.go()
    except BaseException:
        work.stop()
        raise
    ledger.tidy()
    return work.summary


@dataclass
class _Slot:
    """A slot with a run in one of its two stages."""

    claim: Claim
    number: int
    stage: str
    result: dict[str, Any] = field(default_factory=dict)
    ended: Ended | None = None
    judges: int = 0


class _Work:
    def __init__(self, ledger: Ledger, executor: Executor, settings: Settings, listen: Listener) -> None:
        self.ledger, self.executor, self.settings, self.listen = ledger, executor, settings, listen
        self.summary = Summary()
        self.slots: dict[int, _Slot] = {}
        self.endings: list[tuple[int, _Slot, Verdict]] = []
        self.gone: set[int] = set()
        self.numbers = 0
        self.renewed = time.monotonic()
        self.machines: dict[str, int] = {}
        self.first: dict[int, float] = {}
        self.last: dict[int, float] = {}

    def go(self) -> None:
        more = True
        while True:
            for index in range(len(self.executor.slots)):
                if more and index not in self.slots and index not in self.gone:
                    claim = self.ledger.claim()
                    if claim is None:
                        more = False
                    else:
                        self._begin(index, claim)
            self._settle()
            if not self.slots:
                if more:  # results that were found complete need no waiting
                    continue
                break
            for ended in self.executor.poll(1.0):
                where = [i for i, slot in self.slots.items() if slot.number == ended.number]
                if where:
                    more = True
                    self._ended(where[0], ended)
            if time.monotonic() - self.renewed > _RENEW:
                self.ledger.renew()
                self.renewed = time.monotonic()
        self.summary.left = self.ledger.open_runs()
        self.summary.slot_seconds = sum(self.last[i] - self.first[i] for i in self.last)

    def stop(self) -> None:
        """End what runs and put it back; what has ended is entered."""
        self.executor.close()
        with suppress(Exception):  # it may be why the work stops; the claims are free with this process's end
            self._settle()
        for slot in self.slots.values():
            with suppress(NetlistError):  # where that cannot be written the claims are free with this process's end
                self.ledger.give_up(slot.claim, "interrupted")

    # -- one run -------------------------------------------------------------------------------------------------

    def _begin(self, index: int, claim: Claim) -> None:
        self.first.setdefault(index, time.monotonic())
        slot = self.slots[index] = _Slot(claim, 0, "run")
        if claim.earlier is not None:
            with suppress(OSError):  # somebody tidied up meanwhile
                claim.earlier.rename(claim.folder)
        if (claim.folder / "run.json").is_file():  # the run was over when its harness died: only the judge is missing
            self._after_run(index, Ended(0, "exit"))
            return
        make_folder(claim.folder)
        self.listen(claim, None, 0)
        key = claim.key
        job = {
            "kind": "run", "folder": str(claim.folder.resolve()), "member": _design(claim),
            "method": claim.member["method"], "options": dict(key.options), "seed": key.seed, "seconds": key.seconds,
            "iterations": key.iterations, "memory": key.memory, "deadline": self.settings.deadline,
        }  # fmt: skip
        self._submit(index, slot, job)

    def _submit(self, index: int, slot: _Slot, job: Mapping[str, Any]) -> None:
        self.numbers += 1
        slot.number = self.numbers
        self.executor.submit(slot.number, index, job)

    def _ended(self, index: int, ended: Ended) -> None:
        if ended.how == "gone":
            self.gone.add(index)
            self.ledger.give_up(self.slots.pop(index).claim, "machine gone")
            if len(self.gone) == len(self.executor.slots):
                raise NetlistError(f"no machine is left to run on ({ended.detail})")
        elif self.slots[index].stage == "run":
            self._after_run(index, ended)
        else:
            self._after_judge(index, ended)

    def _after_run(self, index: int, ended: Ended) -> None:
        slot = self.slots[index]
        slot.ended = ended
        _must_have_room(ended, slot.claim.folder)
        path = slot.claim.folder / "run.json"
        if not path.is_file():
            self._without_result(index, ended)
            return
        slot.result = json.loads(path.read_text())
        self.summary.method_seconds += slot.result.get("seconds", 0.0)
        if "error" in slot.result:
            self._enter(index, Verdict(slot.result["error"], slot.result["message"], self._values(slot)))
            return
        allowed = slot.claim.key.cores * ended.wall_seconds
        if ended.cpu_seconds > 1.1 * allowed + 0.5:
            words = f"{ended.cpu_seconds:.1f} s of processor time in {ended.wall_seconds:.1f} s: more than "
            words += f"{slot.claim.key.cores} core(s) can give"
            self._enter(index, Verdict("overuse", words, self._values(slot)))
            return
        slot.stage = "judge"
        self._judge(index)

    def _judge(self, index: int) -> None:
        slot = self.slots[index]
        slot.judges += 1
        files = {role: slot.result[role] for role in ("placement", "raw") if role in slot.result}
        job = {
            "kind": "judge", "folder": str(slot.claim.folder.resolve()), "member": _design(slot.claim), "files": files,
            "deadline": _JUDGING, "memory": None,
        }  # fmt: skip
        self._submit(index, slot, job)

    def _without_result(self, index: int, ended: Ended) -> None:
        slot = self.slots[index]
        claim, values = slot.claim, self._values(slot)
        if ended.how == "timeout":
            verdict = Verdict("timeout", f"still running after {self.settings.deadline:g} s", values)
        elif ended.how == "memory":
            verdict = Verdict("memory", f"used more than {_gib(claim.key.memory)}", values)
        elif ended.how == "failed":
            verdict = Verdict("refused", f"the design cannot be read: {ended.detail}", values)
        elif ended.from_outside:
            if claim.kills < self.settings.retries:
                del self.slots[index]
                self.ledger.give_up(claim, "killed")
                return
            verdict = Verdict("killed", f"ended from outside {claim.kills + 1} times: {_ending(ended)}", values)
        else:
            tail = (values.get("log") or "").strip().rpartition("\n")[2]
            verdict = Verdict("crash", f"{_ending(ended)}{': ' + tail if tail else ''}", values)
        self._enter(index, verdict)

    def _after_judge(self, index: int, ended: Ended) -> None:
        slot = self.slots[index]
        self.summary.judge_seconds += ended.wall_seconds
        _must_have_room(ended, slot.claim.folder)
        path = slot.claim.folder / "judge.json"
        values = self._values(slot)
        if not path.is_file():
            if slot.judges < _JUDGES and ended.from_outside:
                self._judge(index)
            else:
                self._enter(index, Verdict("crash", f"the judge did not come to an end: {_ending(ended)}", values))
            return
        found = json.loads(path.read_text())
        if "error" in found:
            self._enter(index, Verdict("refused", f"the judge: {found['message']}", values))
            return
        score = found["placement"]["score"]
        values.update(
            score=score, placement_sha256=found["placement"]["sha256"], legal=int(score["legal"]),
            overlaps=score["overlaps"], **{name: score.get(name) for name in FIGURES},
        )  # fmt: skip
        raw = None
        if "raw" in found:
            values.update(raw_score=found["raw"]["score"], raw_sha256=found["raw"]["sha256"])
            raw = slot.claim.folder / slot.result["raw"]
        kept = slot.claim.folder / slot.result["placement"]
        if score["legal"]:
            verdict = Verdict("ok", "legal placement", values, kept, raw)
        else:
            counts = ", ".join(f"{n} {rule}" for rule, n in score["violation_counts"].items() if n)
            verdict = Verdict("illegal", f"broken rules: {counts}", values, kept, raw)
        self._enter(index, verdict)

    def _values(self, slot: _Slot) -> dict[str, Any]:
        """What is known about a run but for its score."""
        result, ended = slot.result, slot.ended
        values = {name: result.get(name) for name in ("seconds", "cpu_seconds", "facts", "curve", "curve_of")}
        peak = max(result.get("peak_bytes", 0), 0 if ended is None else ended.peak_bytes)
        values["peak_bytes"] = peak or None
        values["wall_seconds"] = ended.wall_seconds if ended is not None and ended.wall_seconds > 0 else None
        values["log"] = _tail(slot.claim.folder / "log.txt")
        return values

    def _enter(self, index: int, verdict: Verdict) -> None:
        """Free the slot; the result is entered once the next run is on its way, which need not wait for the disk."""
        self.endings.append((index, self.slots.pop(index), verdict))

    def _settle(self) -> None:
        """Enter the results of runs that ended."""
        while self.endings:
            index, slot, verdict = self.endings[0]
            facts = self.executor.machine(index)
            machine = self.machines.get(str(facts))
            if machine is None:
                machine = self.machines[str(facts)] = self.ledger.machine(facts)
            entered = self.ledger.finish(slot.claim, verdict, machine=machine)
            del self.endings[0]
            if entered:
                self.summary.outcomes[verdict.outcome] = self.summary.outcomes.get(verdict.outcome, 0) + 1
            self.last[index] = time.monotonic()
            self.listen(slot.claim, verdict, self.ledger.open_runs())


def _design(claim: Claim) -> dict[str, Any]:
    return {key: value for key, value in claim.member.items() if key != "method"}


def _must_have_room(ended: Ended, folder: Path) -> None:
    """What a full disk ends is no result.

    Raises:
        NetlistError: the job found no room for its files.
    """
    if ended.how == "exit" and ended.code == NO_ROOM:
        raise NetlistError("no room is left on this disk, or it must not be written", file=folder.parent)


def _tail(path: Path) -> str | None:
    try:
        with open(path, "rb") as handle:
            handle.seek(max(0, path.stat().st_size - _LOG))
            return handle.read().decode(errors="replace") or None
    except OSError:
        return None


def _ending(ended: Ended) -> str:
    if ended.code < 0:
        try:
            return f"signal {signal.Signals(-ended.code).name}"
        except ValueError:
            return f"signal {-ended.code}"
    return ended.detail or f"exit code {ended.code}"


def _gib(memory: int | None) -> str:
    return f"{(memory or 0) / 2**30:.3g} GiB"
