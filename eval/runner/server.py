"""The fork server: imports and compiled kernels are loaded once, every run begins as a copy of that process.

``python -m eval.runner.server`` reads commands, one JSON object a line, from standard input and answers on standard
output. A new interpreter would spend seconds on imports and on loading compiled kernels before each run; a fork takes
milliseconds and gives every method the same warm start. The server itself runs no method and keeps one thread, so that
a fork copies a process in which nothing is going on.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from eval.methods import find
from eval.runner.jobs import NO_ROOM, carry_out, out_of_room, score_file
from eval.runner.processes import descendants, kill_group, outlives_nobody, status_kib
from eval.suites import Member, open_member
from netlists.design import Design
from netlists.formats import write_placement
from netlists.placement import Placement

#: Designs kept open: the one of the runs under way and the one before it.
OPEN_DESIGNS = 2
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class _Child:
    """A job under way.

    Attributes:
        number: of the job.
        cores: it is pinned to.
        began: monotonic clock before the fork.
    """

    number: int
    cores: frozenset[int]
    began: float


class Server:
    """Reads commands until the other end closes or dies, then ends what still runs.

    Processes that a job has started become children of the server when their parents end, even those that left the
    job's process group: whatever a run leaves behind is found and ended before the next one gets its cores.
    """

    def __init__(self, commands: int, answers: IO[str]) -> None:
        self._commands, self._answers = commands, answers
        self._designs: OrderedDict[str, Design] = OrderedDict()
        self._children: dict[int, _Child] = {}
        self._rehearsed = False
        self._wake, woken = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(woken, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler of any kind: only then is the pipe written to
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        self._woken = woken
        signal.signal(signal.SIGTERM, lambda *_: self._leave())
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)

    def serve(self) -> None:
        """Work until the commands end."""
        rest = b""
        while True:
            ready, _, _ = select.select([self._commands, self._wake], [], [])
            if self._wake in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake, 4096)
                self._reap()
            if self._commands in ready:
                data = os.read(self._commands, 1 << 16)
                if not data:
                    break
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    self._obey(json.loads(line))
        self._leave()

    def _leave(self) -> None:
        """End with everything that runs, at once: what is frozen cannot be taken down in order."""
        for pid in [*self._children, *descendants(os.getpid())]:
            kill_group(pid)
        os._exit(0)

    def _obey(self, command: Mapping[str, Any]) -> None:
        if "prepare" in command:
            self._prepare(command["prepare"])
        elif "start" in command:
            self._start(command["start"], command["job"])
        elif "kill" in command:
            for pid, child in self._children.items():
                if child.number == command["kill"]:
                    kill_group(pid)  # not reaped yet, so nobody else has its number

    def _prepare(self, choices: list[dict[str, Any]]) -> None:
        failures: dict[str, str] = {}
        for one in choices:
            try:
                found = find(one["name"])
                why = found.missing(one["options"])
                if why is None:
                    found.prepare()
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
            if why is not None:
                failures[one["label"]] = why
        if not self._rehearsed:
            _rehearse()
            self._rehearsed = True
        gc.collect()
        gc.freeze()  # the collector of a child must not touch, and so copy, what it shares with this process
        self._tell({"prepared": failures, "threads": _threads()})

    def _start(self, number: int, job: Mapping[str, Any]) -> None:
        try:
            design = self._design(job["member"])
        except MemoryError:
            self._tell({"failed": number, "reason": "this machine has not enough memory to read the design"})
            return
        except Exception as error:  # whatever is wrong with one design is no reason to end with all the others
            self._tell({"failed": number, "reason": f"{type(error).__name__}: {error}"})
            return
        parent, began = os.getpid(), time.monotonic()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                self._become_child(job, parent)
                carry_out(job, design)
                code = 0
            except BaseException as error:
                code = NO_ROOM if out_of_room(error) else 1
                if code != NO_ROOM:
                    import traceback

                    traceback.print_exc()
            finally:
                with contextlib.suppress(Exception):
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(code)
        self._children[pid] = _Child(number, frozenset(job["cores"]), began)
        self._tell({"started": number, "pid": pid})

    def _become_child(self, job: Mapping[str, Any], parent: int) -> None:
        """Shed everything of the server's that a run must not have."""
        os.setsid()
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for descriptor in (self._wake, self._woken, self._answers.fileno()):
            os.close(descriptor)
        folder = Path(job["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # where the commands came from
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.sched_setaffinity(0, job["cores"])
        if job.get("memory") is not None:
            # Of what the server has reserved a part was never used: that is not the run's.
            spare = max(0, status_kib("VmData") - status_kib("RssAnon")) * 1024
            resource.setrlimit(resource.RLIMIT_DATA, (job["memory"] + spare, job["memory"] + spare))
        # The server computes with one thread, since a fork has one; programs that are started read this.
        os.environ["OMP_NUM_THREADS"] = str(len(job["cores"]))
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.set_num_threads(len(job["cores"]))

    def _design(self, values: Mapping[str, Any]) -> Design:
        key = json.dumps(values, sort_keys=True)
        found = self._designs.pop(key, None)
        if found is None:
            while len(self._designs) >= OPEN_DESIGNS:
                self._designs.popitem(last=False)
            found = open_member(Member.from_dict(values))
        self._designs[key] = found
        return found

    def _reap(self) -> None:
        while True:
            try:
                dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if dead is None:
                return
            child = self._children.pop(dead.si_pid, None)
            if child is not None:
                kill_group(dead.si_pid)  # programs it left behind; its number is its own until it is reaped
            _, status, usage = os.wait4(dead.si_pid, 0)
            outlives_nobody([one.cores for one in self._children.values()], set(self._children))
            if child is not None:
                self._tell({
                    "ended": child.number, "code": os.waitstatus_to_exitcode(status),
                    "peak_bytes": usage.ru_maxrss * 1024, "wall_seconds": time.monotonic() - child.began,
                    "cpu_seconds": usage.ru_utime + usage.ru_stime,
                })  # fmt: skip

    def _tell(self, answer: Mapping[str, Any]) -> None:
        self._answers.write(json.dumps(answer) + "\n")
        self._answers.flush()


def _rehearse() -> None:
    """Do once what surrounds every run, so that each begins with the imports and kernels of it."""
    from netlists.load import load
    from placer.engines.legalise import legalise
    from placer.output import PLACEMENT_SUFFIX

    load("synth20")  # by its files, where no earlier run left it in the cache
    design = load("synth20")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"rehearsal{PLACEMENT_SUFFIX[design.format]}.gz"
        write_placement(design, legalise(design, _scattered(design)), path)
        json.dumps(score_file(design, path))


def _scattered(design: Design) -> Placement:
    """Objects anywhere: what overlaps and crosses the edge needs kernels that a good placement does not."""
    rng, c, n = np.random.default_rng(0), design.canvas, design.netlist.num_nodes
    x = np.where(design.movable, rng.uniform(c.x0, c.x1, n), design.placement.x)
    y = np.where(design.movable, rng.uniform(c.y0, c.y1, n), design.placement.y)
    return design.placement.moved(x=x, y=y, placed=np.ones(n, bool))


def _threads() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/task").iterdir())
    except OSError:
        return 1


def main() -> None:
    """Serve standard input until it ends, or the process does whose number is the first argument."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the harness's to handle
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):  # it died before it could be noticed
        return
    # What libraries print must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    Server(0, answers).serve()


if __name__ == "__main__":
    main()
