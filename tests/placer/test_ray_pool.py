"""Searches on a Ray instance of this machine, with workers that die, hang and are stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import placer
from netlists.design import Design
from netlists.placement import Placement
from netlists.synthesis import SynthesisSpec, synthesize
from placer.budget import Budget, Event
from placer.cli import run
from placer.engines.legalise import legalise
from placer.engines.ray_pool import RayPool
from placer.engines.search import search
from placer.engines.spread import search_everywhere
from placer.warm import warm_up

ray = pytest.importorskip("ray", reason="Ray is not installed (pip install 'chip-placer[ray]')")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def instance() -> Iterator[None]:
    """One Ray instance with two processors; pools made while it runs use it whatever their address."""
    warm_up()
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.fixture
def pool(instance: None) -> Iterator[RayPool]:
    with RayPool("local", per_machine=2) as pool:
        assert len(pool) == 2
        yield pool


@pytest.fixture(scope="module")
def design() -> Design:
    return synthesize(SynthesisSpec(num_macros=5, num_cells=300, name="tiny"), seed=1)


@pytest.fixture(scope="module")
def starts(design: Design) -> list[Placement]:
    return [legalise(design)] * 3


def signal_workers(pool: RayPool, number: int, which: slice) -> list[int]:
    """Send a signal to the processes of some workers; returns their ids."""
    ask: list[Any] = [member.worker.__ray_call__.remote(lambda self: os.getpid()) for member in pool._members[which]]
    pids = ray.get(ask)
    for pid in pids:
        os.kill(pid, number)
    return pids


def test_one_worker_finds_what_this_process_finds(instance: None, design: Design, starts: list[Placement]) -> None:
    here = search(design, starts, budget=Budget(), seed=3, jobs=2, iterations=8000)
    with RayPool("local", jobs=2) as pool:
        there = search_everywhere(design, starts, budget=Budget(), seed=3, iterations=8000, pool=pool)
    assert there.proxy_cost == here.proxy_cost
    assert there.proposals == here.proposals
    for name in ("x", "y", "orient", "fixed", "placed"):
        assert np.array_equal(getattr(there.placement, name), getattr(here.placement, name)), name


def test_two_workers_share_the_work_and_tell_how_far_they_are(
    pool: RayPool, design: Design, starts: list[Placement]
) -> None:
    events: list[Event] = []
    budget = Budget(4.0)
    found = search_everywhere(design, starts, budget=budget, pool=pool, progress=events.append)
    assert budget.seconds < 6.0
    assert pool.lost == []
    costs = [cost for _, _, cost in found.history]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == found.proxy_cost
    assert [s for s, _, _ in found.history] == sorted(s for s, _, _ in found.history)
    assert events
    assert events[-1].cost is not None
    assert found.proposals > 0


def test_a_worker_killed_in_mid_run_loses_only_its_chains(
    pool: RayPool, design: Design, starts: list[Placement]
) -> None:
    timer = threading.Timer(1.5, signal_workers, (pool, signal.SIGKILL, slice(0, 1)))
    timer.start()
    budget = Budget(4.0)
    result = placer.place(design, budget=budget, effort="fast", ray=pool)
    timer.join()
    assert budget.seconds < 6.0
    assert result.legality.legal
    assert result.cost.proxy_cost < result.start_cost.proxy_cost
    assert len(pool) == 1
    assert len(pool.lost) == 1
    assert result.stats["proposals"] > 0
    assert result.stats["pool"]["workers"] == 1


def test_when_all_workers_are_killed_this_process_goes_on(
    pool: RayPool, design: Design, starts: list[Placement]
) -> None:
    timer = threading.Timer(1.0, signal_workers, (pool, signal.SIGKILL, slice(None)))
    timer.start()
    budget = Budget(5.0)
    found = search_everywhere(design, starts, budget=budget, pool=pool)
    timer.join()
    assert 4.5 < budget.seconds < 7.0
    assert len(pool) == 0
    assert len(pool.lost) == 2
    assert found.proposals > 0
    assert np.isfinite(found.proxy_cost)


def test_a_worker_that_hangs_is_left_behind_at_the_end_of_the_time(
    pool: RayPool, design: Design, starts: list[Placement]
) -> None:
    stopped: list[int] = []
    timer = threading.Timer(1.0, lambda: stopped.extend(signal_workers(pool, signal.SIGSTOP, slice(0, 1))))
    timer.start()
    budget = Budget(3.0)
    try:
        found = search_everywhere(design, starts, budget=budget, pool=pool)
        assert budget.seconds < 5.0
        assert len(pool.lost) == 1
        assert found.proposals > 0
    finally:
        timer.join()
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def test_the_stop_flag_reaches_the_workers(pool: RayPool, design: Design, starts: list[Placement]) -> None:
    budget = Budget(60.0)
    timer = threading.Timer(2.0, budget.stop.set)
    timer.start()
    begun = time.perf_counter()
    found = search_everywhere(design, starts, budget=budget, pool=pool)
    assert time.perf_counter() - begun < 4.0
    assert pool.lost == []
    assert found.proposals > 0


def test_no_cluster_at_the_address_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    was_up = ray.is_initialized()
    if was_up:
        ray.shutdown()
    assert run(["place", "synth20", "--ray", "127.0.0.1:1"]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("placer: ")
    assert "no Ray cluster answers at 127.0.0.1:1" in last
