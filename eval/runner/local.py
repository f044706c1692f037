"""Jobs on this machine: a fork server, limits on time and memory, and what became of every job."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from eval.methods import Choice
from eval.runner.processes import children, kill_group, proportional_bytes, resident_bytes

#: Seconds between two looks at the memory of the jobs.
LOOK = 0.1
#: Seconds a fork server may take to import and compile.
_START = 900.0
#: How often one that dies meanwhile is started again.
_STARTS = 5
#: Signals that say that somebody ended a process, not that it failed.
_FOREIGN = {-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP}
#: What tells numerical libraries how many threads to use.
_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True)
class Ended:
    """What became of a job.

    Attributes:
        number: of the job.
        how: ``"exit"``, ``"timeout"``, ``"memory"``, ``"signal"``, ``"failed"`` (never began), ``"lost"`` (with its
            machine or server), ``"gone"`` (never began, and nothing can at this place any more).
        code: exit code, or minus the signal.
        detail: words, where there are any.
        wall_seconds: from its start to its end.
        peak_bytes: most memory that the kernel saw any process of it hold, or that was seen of all of them together.
        cpu_seconds: processor time of it and of those it waited for.
    """

    number: int
    how: str
    code: int = 0
    detail: str = ""
    wall_seconds: float = 0.0
    peak_bytes: int = 0
    cpu_seconds: float = 0.0

    @property
    def from_outside(self) -> bool:
        """Whether somebody else ended the job: its machine, its server or a signal that says so."""
        return self.how == "lost" or (self.how == "signal" and self.code in _FOREIGN)


class Executor(Protocol):
    """Where jobs are carried out."""

    #: Names of the places a job can run at; a place takes one job at a time.
    slots: Sequence[str]

    def prepare(self, choices: Sequence[Choice]) -> dict[str, str]:
        """Load what methods need; returns why some cannot run, by the text of their choice."""

    def submit(self, number: int, slot: int, job: Mapping[str, Any]) -> None:
        """Start a job, whose folder gets its result."""

    def poll(self, seconds: float) -> list[Ended]:
        """Jobs that ended; waits for the first up to ``seconds``."""

    def machine(self, slot: int) -> Mapping[str, str]:
        """Facts about the machine of a slot."""

    def close(self) -> None:
        """End everything."""


@dataclass
class _Running:
    slot: int
    job: Mapping[str, Any]
    pid: int = 0
    began: float = 0.0
    peak: int = 0
    doomed: str = ""


class LocalExecutor:
    """Jobs in processes of this machine, each pinned to its slot's cores.

    Args:
        slots: the cores of each slot.
    """

    def __init__(self, slots: Sequence[Sequence[int]]) -> None:
        self._cores = [list(cores) for cores in slots]
        self.slots: Sequence[str] = [",".join(map(str, cores)) for cores in self._cores]
        self._running: dict[int, _Running] = {}
        self._server: subprocess.Popen[bytes] | None = None
        self._prepared: list[dict[str, Any]] = []
        self._rest = b""
        self._looked = 0.0
        self._out: list[Ended] = []

    def prepare(self, choices: Sequence[Choice]) -> dict[str, str]:
        """See :class:`Executor`.

        Raises:
            ChildProcessError: the fork server does not start.
        """
        self._prepared = [{"name": c.name, "options": dict(c.options), "label": str(c)} for c in choices]
        if self._server is None or self._server.poll() is not None:
            return self._start_server()
        self._send({"prepare": self._prepared})
        found = self._await_prepared()
        return self._start_server() if found is None else found

    def submit(self, number: int, slot: int, job: Mapping[str, Any]) -> None:
        """See :class:`Executor`."""
        if self._server is None:
            self._start_server()
        job = {**job, "cores": self._cores[slot]}
        self._running[number] = _Running(slot, job, began=time.monotonic())
        self._send({"start": number, "job": job})

    def poll(self, seconds: float) -> list[Ended]:
        """See :class:`Executor`."""
        end = time.monotonic() + seconds
        while not self._out:
            wait = max(0.0, min(end - time.monotonic(), LOOK))
            if self._server is not None:
                for answer in self._answers(wait):
                    self._hear(answer)
            else:
                time.sleep(wait)
            self._watch()
            if time.monotonic() >= end:
                break
        out, self._out = self._out, []
        return out

    def machine(self, slot: int) -> Mapping[str, str]:
        """See :class:`Executor`."""
        from eval.runner.machine import machine_facts

        return machine_facts()

    def pids(self) -> list[int]:
        """Processes of the jobs under way, and the server's."""
        server = [] if self._server is None else [self._server.pid]
        return [one.pid for one in self._running.values() if one.pid] + server

    def close(self) -> None:
        """See :class:`Executor`."""
        self._stop_server()
        self._running.clear()

    # -- the server ----------------------------------------------------------------------------------------------

    def _start_server(self) -> dict[str, str]:
        for _ in range(_STARTS):
            self._launch()
            self._send({"prepare": self._prepared})
            found = self._await_prepared()
            if found is not None:
                return found
        raise ChildProcessError(f"the fork server died {_STARTS} times before it was ready")

    def _launch(self) -> None:
        threads = str(max(len(cores) for cores in self._cores))
        limits = {**dict.fromkeys(_THREADS, threads), "OMP_NUM_THREADS": "1"}
        self._server = subprocess.Popen(
            [sys.executable, "-m", "eval.runner.server", str(os.getpid())], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={**os.environ, **limits, "PYTHONPATH": search_path()}, start_new_session=True,
        )  # fmt: skip
        self._rest = b""

    def _await_prepared(self) -> dict[str, str] | None:
        """What the server answers, or None where it died."""
        end = time.monotonic() + _START
        while self._server is not None and time.monotonic() < end:
            for answer in self._answers(1.0):
                if "prepared" in answer:
                    return dict(answer["prepared"])
                self._hear(answer)
        if self._server is not None:
            self._stop_server()
        return None

    def _stop_server(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        assert server.stdin is not None
        assert server.stdout is not None
        with contextlib.suppress(OSError):
            server.stdin.close()
        try:
            server.wait(5.0)
        except subprocess.TimeoutExpired:
            server.kill()  # its children are told to die with it
            server.wait()
            self._end_groups()
        server.stdout.close()

    def _send(self, command: Mapping[str, Any]) -> None:
        assert self._server is not None
        assert self._server.stdin is not None
        with contextlib.suppress(OSError):  # a server that is gone is noticed when its answers end
            self._server.stdin.write(json.dumps(command).encode() + b"\n")
            self._server.stdin.flush()

    def _answers(self, seconds: float) -> list[dict[str, Any]]:
        assert self._server is not None
        assert self._server.stdout is not None
        descriptor = self._server.stdout.fileno()
        if not select.select([descriptor], [], [], seconds)[0]:
            return []
        data = os.read(descriptor, 1 << 16)
        if not data:
            self._lost_server()
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def _lost_server(self) -> None:
        """The server died, and with it all that ran."""
        server, self._server = self._server, None
        if server is not None:
            server.wait()
            for stream in (server.stdin, server.stdout):
                with contextlib.suppress(OSError):
                    if stream is not None:
                        stream.close()
            self._end_groups()
        for number, one in self._running.items():
            self._out.append(Ended(number, "lost", detail="the fork server died", wall_seconds=_since(one)))
        self._running.clear()

    def _end_groups(self) -> None:
        """End what the jobs of a server that is gone have started; the jobs themselves die with it."""
        for one in self._running.values():
            if one.pid:
                kill_group(one.pid)

    # -- the jobs ------------------------------------------------------------------------------------------------

    def _hear(self, answer: Mapping[str, Any]) -> None:
        if "started" in answer and answer["started"] in self._running:
            one = self._running[answer["started"]]
            one.pid, one.began = answer["pid"], time.monotonic()
        elif "failed" in answer:
            if self._running.pop(answer["failed"], None) is not None:
                self._out.append(Ended(answer["failed"], "failed", 1, answer["reason"]))
        elif "ended" in answer:
            ended = self._running.pop(answer["ended"], None)
            if ended is not None:
                code = answer["code"]
                how = ended.doomed or ("signal" if code < 0 else "exit")
                peak = max(ended.peak, answer["peak_bytes"])
                self._out.append(
                    Ended(answer["ended"], how, code, "", answer["wall_seconds"], peak, answer["cpu_seconds"])
                )

    def _watch(self) -> None:
        """End jobs that take too long or too much."""
        now = time.monotonic()
        if now - self._looked < LOOK:
            return
        self._looked = now
        for number, one in self._running.items():
            if not one.pid or one.doomed:
                continue
            held, limit = resident_bytes(one.pid), one.job.get("memory")
            if limit is not None and held > limit:
                # Several processes may share most of it; of one alone nothing is counted twice.
                held = proportional_bytes(one.pid) if children(one.pid) else held
                if held > limit:
                    one.doomed = "memory"
            one.peak = max(one.peak, held)
            if one.job.get("deadline") is not None and now - one.began > one.job["deadline"]:
                one.doomed = "timeout"
            if one.doomed:
                self._send({"kill": number})


def _since(one: _Running) -> float:
    return time.monotonic() - one.began


def search_path() -> str:
    """The packages of this process for the server too, wherever it is started."""
    root = str(Path(__file__).resolve().parents[2])
    return os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
