"""Searches on a Ray cluster: one worker a machine, each an independent search in threads of its own.

Ray is an extra (``pip install 'chip-placer[ray]'``); nothing here imports it before a :class:`RayPool` is made. Every
machine of the cluster needs the same version of the placer. Workers are started and compiled before any clock runs;
then each gets the design once, a share of the starts and the time that is left, and returns plain arrays. A worker
that dies, hangs or cannot be reached is left out, whatever it had found is lost, and the others go on.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from netlists.design import Design
from netlists.placement import Placement
from placer._version import __version__
from placer.budget import Budget, Event
from placer.cost.full import CostWeights
from placer.engines.accelerate import search_here
from placer.engines.search import SearchOptions, SearchResult, on_lattice, search
from placer.engines.spread import Task, share

#: What a user without Ray is told.
MISSING = "searching on other machines needs Ray: pip install 'chip-placer[ray]'"
#: Seconds workers may take to start and compile.
START_SECONDS = 300.0
#: Seconds after the end of the budget in which results may still arrive.
_GRACE = 1.2
#: Seconds between two looks at the workers.
_LOOK = 0.25


class Worker:
    """What runs on a machine of the cluster: one search at a time, and a way to ask and to stop it meanwhile."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._last: tuple[str, int, float | None] = ("search", 0, None)

    def hello(self) -> str:
        """Compile, and load what was compiled into this process; returns the version of the placer."""
        from netlists.load import load
        from placer.warm import warm_up, warm_up_device

        warm_up()
        warm_up_device(SearchOptions())
        design = load("synth20")
        search(design, [on_lattice(design, design.placement)], budget=Budget(), iterations=1_000)
        return __version__

    def prepare(self, design: Design, starts: list[Placement]) -> None:
        """Receive the work, so that its transfer is not taken for search time."""
        self._design, self._starts = design, starts

    def search(
        self,
        seconds: float | None,
        seed: int,
        jobs: int,
        iterations: int | None,
        weights: CostWeights | None,
        options: SearchOptions,
    ) -> SearchResult:
        """Search what was prepared; arguments as of :func:`placer.engines.accelerate.search_here`."""
        return search_here(
            self._design,
            self._starts,
            budget=Budget(seconds, self._stop),
            seed=seed,
            jobs=jobs,
            iterations=iterations,
            weights=weights,
            options=options,
            progress=self._hear,
        )

    def progress(self) -> tuple[str, int, float | None]:
        """Phase, proposals and best cost so far."""
        return self._last

    def stop(self) -> None:
        """End the search early and return the best so far."""
        self._stop.set()

    def _hear(self, event: Event) -> None:
        self._last = (event.phase, event.step, event.cost)


@dataclass(frozen=True)
class _Member:
    """A worker and where it is."""

    worker: Any
    name: str
    jobs: int


@dataclass
class _Share:
    """A share under way on one worker."""

    index: int
    member: _Member
    task: Task
    waiting: Any  # reference to what the worker does now
    began: float | None = None  # seconds of the budget when the search was sent off
    asked: Any = None  # reference to the last question for progress
    heard: tuple[str, int, float | None] = ("search", 0, None)
    result: SearchResult | None = None


class RayPool:
    """The machines of a Ray cluster.

    Args:
        address: ``"host:port"`` of a cluster's head, ``"ray://host:port"`` through Ray Client, ``"auto"`` for the one
            this machine belongs to, or ``"local"`` for an instance on this machine that ends with the pool.
        jobs: chains side by side on each machine; its processors when None.
        per_machine: workers on each machine, which share its processors.
        start_seconds: how long to wait for workers; those that are not ready by then are left out.

    Attributes:
        lost: one line for each worker that was left out or lost.

    Raises:
        ImportError: Ray is not installed.
        ConnectionError: there is no such cluster, or none of its machines can work.
    """

    def __init__(
        self, address: str, *, jobs: int | None = None, per_machine: int = 1, start_seconds: float = START_SECONDS
    ) -> None:
        ray = import_ray()
        self._ray = ray
        self.address = address
        self.lost: list[str] = []
        self._members: list[_Member] = []
        self._own = not ray.is_initialized()
        if self._own:
            connect(ray, address)
        try:
            self._start_workers(jobs, per_machine, start_seconds)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._members)

    def close(self) -> None:
        """End the workers and, unless somebody else made it, the connection."""
        for member in self._members:
            self._kill(member.worker)
        self._members = []
        if self._own and self._ray.is_initialized():
            self._ray.shutdown()

    def report(self) -> dict[str, object]:
        """Address, workers still there, and what became of the others."""
        return {"address": self.address, "workers": len(self._members), "lost": list(self.lost)}

    # -- the workers ---------------------------------------------------------------------------------------------

    def _start_workers(self, jobs: int | None, per_machine: int, seconds: float) -> None:
        ray = self._ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        remote = ray.remote(Worker)
        asked: dict[Any, _Member] = {}
        for node in sorted(ray.nodes(), key=lambda node: str(node["NodeID"])):
            cpus = int(node["Resources"].get("CPU", 0)) if node["Alive"] else 0
            if cpus < 1:
                continue
            each = max(1, cpus // per_machine)
            for k in range(min(per_machine, cpus)):
                worker = remote.options(
                    num_cpus=each,
                    # One thread searches, the others answer questions meanwhile.
                    max_concurrency=4,
                    max_restarts=0,
                    scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=node["NodeID"], soft=False),
                ).remote()
                name = f"{node['NodeManagerAddress']}/{k}"
                asked[worker.hello.remote()] = _Member(worker, name, each if jobs is None else jobs)
        ready, _ = ray.wait(list(asked), num_returns=len(asked), timeout=seconds) if asked else ([], [])
        for ref, member in asked.items():
            why = f"not ready after {seconds:.0f} s"
            if ref in ready:
                try:
                    version = ray.get(ref)
                    why = f"has chip-placer {version}, this is {__version__}" if version != __version__ else ""
                except ray.exceptions.RayError as error:
                    why = _first_line(error)
            if why:
                self._give_up(member, why)
            else:
                self._members.append(member)
        if not self._members:
            raise ConnectionError(f"no machine of the Ray cluster {self.address} can work: {'; '.join(self.lost)}")

    def _give_up(self, member: _Member, why: str) -> None:
        self.lost.append(f"{member.name}: {why}")
        self._members = [other for other in self._members if other is not member]
        self._kill(member.worker)

    def _kill(self, worker: Any) -> None:  # noqa: ANN401 - Ray's actor handle
        try:
            self._ray.kill(worker)
        except Exception:  # already gone, or the connection is
            logging.getLogger(__name__).debug("a worker could not be ended", exc_info=True)

    # -- the search ----------------------------------------------------------------------------------------------

    def run(self, task: Task) -> list[SearchResult]:
        """Search on every worker; see :class:`placer.engines.spread.Pool`."""
        members = list(self._members)
        if not members:
            return []
        design = self._ray.put(_lean(task.design))
        shares = []
        for k, member in enumerate(members):
            part = share(replace(task, jobs=member.jobs), k, len(members))
            shares.append(_Share(k, member, part, member.worker.prepare.remote(design, list(part.starts))))
        pending = {one.index: one for one in shares}
        over_since: float | None = None
        while pending:
            by_ref = {one.waiting: one for one in pending.values()}
            ready, _ = self._ray.wait(list(by_ref), num_returns=1, timeout=_LOOK)
            for ref in ready:
                if self._advance(by_ref[ref]):
                    del pending[by_ref[ref].index]
            self._tell(task, shares)
            if not task.budget.over:
                continue
            if over_since is None:
                over_since = time.perf_counter()
                for one in pending.values():
                    one.member.worker.stop.remote()
            elif time.perf_counter() - over_since > _GRACE:
                for one in pending.values():
                    self._give_up(one.member, "no answer at the end of the time")
                break
        return [one.result for one in shares if one.result is not None]

    def _advance(self, one: _Share) -> bool:
        """The worker is ready with what it did; returns True when there is nothing more for it to do."""
        try:
            value = self._ray.get(one.waiting)
        except self._ray.exceptions.RayError as error:
            self._give_up(one.member, _first_line(error))
            return True
        if one.began is None:
            self._send_off(one)
            return False
        one.result = _in_our_time(value, one.began)
        return True

    def _send_off(self, one: _Share) -> None:
        """The worker has the design: start its clock."""
        task, worker = one.task, one.member.worker
        one.began = task.budget.seconds
        seconds = None if task.budget.time_limit is None else task.budget.left
        one.waiting = worker.search.remote(seconds, task.seed, task.jobs, task.iterations, task.weights, task.options)
        one.asked = worker.progress.remote()

    def _tell(self, task: Task, shares: list[_Share]) -> None:
        """Collect what the workers say about their progress, and pass it on when there is news."""
        news = False
        for one in shares:
            if one.asked is None or not self._ray.wait([one.asked], timeout=0)[0]:
                continue
            try:
                heard = self._ray.get(one.asked)
            except self._ray.exceptions.RayError:  # its search will say so too
                one.asked = None
                continue
            news = news or heard != one.heard
            one.heard = heard
            one.asked = None if one.result is not None else one.member.worker.progress.remote()
        there = [one for one in shares if one.result is not None or one.member in self._members]
        costs = [one.heard[2] for one in there if one.heard[2] is not None]
        if news and costs:
            steps = sum(one.heard[1] for one in shares)
            phase = max(shares, key=lambda one: one.heard[1]).heard[0]
            task.progress(Event(phase, task.budget.seconds, steps, task.iterations, min(costs)))


def import_ray() -> Any:  # noqa: ANN401 - the module, which may be absent
    """Import Ray, kept quiet.

    Raises:
        ImportError: it is not installed; the message says what to do.
    """
    # Ray would send usage figures home, and warn about a change that does not concern us.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise ImportError(MISSING, name="ray") from error
    return ray


def connect(ray: Any, address: str) -> None:  # noqa: ANN401 - the module, which may be absent
    """Join a cluster quietly.

    Args:
        ray: the module.
        address: as of :class:`RayPool`.

    Raises:
        ConnectionError: there is none.
    """
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address == "local":
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
        ray.init(address="local", num_cpus=cores, include_dashboard=False, **quiet)
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host:  # Ray itself would try for minutes
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10.0).close()
        except (OSError, ValueError, OverflowError) as error:
            raise ConnectionError(f"no Ray cluster answers at {address}: {error}") from error
    try:
        ray.init(address=address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ConnectionError(f"no Ray cluster at {address}: {_first_line(error)}") from error


def _lean(design: Design) -> Design:
    """The design without what only files need."""
    netlist = replace(design.netlist, net_names=(), pin_names=(), extras={})
    return replace(design, netlist=netlist, path=None, placement_path=None, notes=())


def _in_our_time(result: SearchResult, began: float) -> SearchResult:
    """History in seconds of the whole run; the worker's clock began with its search."""
    return replace(result, history=[(began + seconds, phase, cost) for seconds, phase, cost in result.history])


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
