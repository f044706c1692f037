"""Jobs on the machines of a Ray cluster: a host with a fork server of its own for each slot.

The hosts carry out the very jobs that :class:`eval.runner.local.LocalExecutor` does, by one of their own; files go
there and back as bytes. A host that dies costs the job it had, which the harness begins anew; another host takes its
place. Where the machine itself is gone the others go on. Nothing here imports Ray before an executor is made.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.ledger.key import code_version
from eval.methods import Choice
from eval.runner.local import Ended, LocalExecutor, search_path
from netlists.errors import NetlistError
from placer.engines.ray_pool import connect, import_ray

#: Seconds a host may take to start, and to import and compile.
_START, _PREPARE = 120.0, 900.0


class Host:
    """What runs on a machine of the cluster: one job at a time, on cores of its own.

    Args:
        index: which of the hosts of its machine it is.
        cores: processor cores of a job.
    """

    def __init__(self, index: int, cores: int) -> None:
        there = sorted(os.sched_getaffinity(0))
        own = there[index * cores : (index + 1) * cores]
        if len(own) < cores:
            raise RuntimeError(f"this machine has {len(there)} cores, too few for {index + 1} runs of {cores}")
        self._local = LocalExecutor([own])

    def hello(self) -> tuple[str, dict[str, str]]:
        """Version of the code, and facts about the machine."""
        return code_version(), dict(self._local.machine(0))

    def prepare(self, choices: list[Choice]) -> dict[str, str]:
        """See :class:`eval.runner.local.Executor`."""
        return self._local.prepare(choices)

    def work(self, job: dict[str, Any], files: dict[str, bytes]) -> tuple[Ended, dict[str, bytes]]:
        """Carry out a job in a folder of this machine.

        Args:
            job: of the harness; its folder is replaced.
            files: what lies in the folder at the beginning.

        Returns:
            What became of it, and what lies there at the end.
        """
        folder = Path(tempfile.mkdtemp(prefix="placer-bench-"))
        try:
            for name, content in files.items():
                (folder / name).write_bytes(content)
            self._local.submit(1, 0, {**job, "folder": str(folder)})
            ended: list[Ended] = []
            while not ended:
                ended = self._local.poll(10.0)
            return ended[0], {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def processes(self) -> list[int]:
        """Processes of the job under way and of the fork server, and this one's own last."""
        return [*self._local.pids(), os.getpid()]


@dataclass
class _Place:
    """A slot of the cluster."""

    node: str
    index: int
    host: Any = None
    facts: Mapping[str, str] | None = None


class RayExecutor:
    """Jobs on the machines of a Ray cluster; see :class:`eval.runner.local.Executor`.

    Args:
        address: of the cluster, as of :class:`placer.engines.ray_pool.RayPool`.
        jobs: runs side by side on each machine; as many as it has cores for when None.
        cores: processor cores of each.

    Raises:
        ImportError: Ray is not installed.
        ConnectionError: there is no such cluster, or no machine with enough cores.
    """

    def __init__(self, address: str, *, jobs: int | None = None, cores: int = 1) -> None:
        self._ray, self._cores = import_ray(), cores
        self._own = not self._ray.is_initialized()
        if self._own:
            connect(self._ray, address)
        self._places: list[_Place] = []
        self._prepared: list[Choice] = []
        self._waiting: dict[Any, tuple[int, int, Path, float]] = {}
        self._refused: list[Ended] = []
        for node in sorted(self._ray.nodes(), key=lambda node: str(node["NodeID"])):
            cpus = int(node["Resources"].get("CPU", 0)) if node["Alive"] else 0
            most = cpus // cores
            self._places += [_Place(node["NodeID"], k) for k in range(most if jobs is None else min(jobs, most))]
        if not self._places:
            self.close()
            raise ConnectionError(f"no machine of the Ray cluster {address} has {cores} cores")
        self.slots: Sequence[str] = [f"{place.node[:8]}/{place.index}" for place in self._places]

    def prepare(self, choices: Sequence[Choice]) -> dict[str, str]:
        """See :class:`eval.runner.local.Executor`: a method that is missing anywhere is missing.

        Raises:
            NetlistError: a machine has another version of the code.
        """
        self._prepared = list(choices)
        for place in self._places:
            if place.host is None:
                self._start(place)
        found = self._ray.get([place.host.prepare.remote(self._prepared) for place in self._places], timeout=_PREPARE)
        missing: dict[str, str] = {}
        for one in found:
            missing.update(one)
        return missing

    def submit(self, number: int, slot: int, job: Mapping[str, Any]) -> None:
        """See :class:`eval.runner.local.Executor`."""
        place, folder = self._places[slot], Path(job["folder"])
        host = place.host
        if host is None:
            try:
                host = self._start(place)
            except self._ray.exceptions.RayError as error:
                self._drop(place)
                detail = str(error).strip().partition("\n")[0]
                self._refused.append(Ended(number, "gone", detail=f"{self.slots[slot]}: {detail}"))
                return
            host.prepare.remote(self._prepared)  # jobs of a host wait for each other
        wanted = job.get("files", {}).values()
        files = {name: (folder / name).read_bytes() for name in wanted}
        self._waiting[host.work.remote(dict(job), files)] = (number, slot, folder, time.monotonic())

    def poll(self, seconds: float) -> list[Ended]:
        """See :class:`eval.runner.local.Executor`."""
        if self._refused or not self._waiting:
            refused, self._refused = self._refused, []
            return refused
        ready, _ = self._ray.wait(list(self._waiting), num_returns=1, timeout=seconds)
        out = []
        for ref in ready:
            number, slot, folder, began = self._waiting.pop(ref)
            try:
                ended, files = self._ray.get(ref)
            except self._ray.exceptions.RayError as error:
                self._drop(self._places[slot])
                detail = str(error).strip().partition("\n")[0]
                out.append(Ended(number, "lost", detail=detail, wall_seconds=time.monotonic() - began))
                continue
            folder.mkdir(parents=True, exist_ok=True)
            # The result is what says that all is there: it comes last.
            for name in sorted(files, key=lambda name: name == f"{_kind(files)}.json"):
                (folder / name).write_bytes(files[name])
            out.append(replace(ended, number=number))
        return out

    def machine(self, slot: int) -> Mapping[str, str]:
        """See :class:`eval.runner.local.Executor`."""
        return self._places[slot].facts or {"node": self.slots[slot]}

    def close(self) -> None:
        """See :class:`eval.runner.local.Executor`; a cluster somebody else joined stays joined."""
        for place in self._places:
            self._drop(place)
        self._waiting.clear()
        if self._own and self._ray.is_initialized():
            self._ray.shutdown()

    def _start(self, place: _Place) -> Any:  # noqa: ANN401 - Ray's actor handle
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        place.host = (
            self._ray.remote(Host)
            .options(
                num_cpus=self._cores,
                max_restarts=0,
                # On another machine its cores would be those of a host that is there already.
                scheduling_strategy=NodeAffinitySchedulingStrategy(node_id=place.node, soft=False),
                runtime_env={"env_vars": {"PYTHONPATH": search_path()}},
            )
            .remote(place.index, self._cores)
        )
        version, place.facts = self._ray.get(place.host.hello.remote(), timeout=_START)
        if version != code_version():
            self._drop(place)
            raise NetlistError("a machine of the cluster has another version", found=version, expected=code_version())
        return place.host

    def _drop(self, place: _Place) -> None:
        host, place.host = place.host, None
        if host is not None:
            try:
                self._ray.kill(host)
            except Exception:  # gone already, or the connection is
                return


def _kind(files: Mapping[str, bytes]) -> str:
    return next((kind for kind in ("judge", "run", "describe") if f"{kind}.json" in files), "")
