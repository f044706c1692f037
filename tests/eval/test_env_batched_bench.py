"""The benchmark of the batched environment measures what it says."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from eval.bench import env_batched
from eval.bench.child import run_child
from tests.env.designs import small_design


def test_the_measuring_process_has_as_many_cores_as_asked_for() -> None:
    plan = '{"design": null, "copies": [], "loop_copies": null, "macros": [], "seconds": 0.1}'
    found = run_child("env_batched", plan, cores=1)
    assert (found["cores"], found["rows"]) == (1, [])


@pytest.mark.parametrize("quick", [True, False])
def test_every_run_measures_256_copies(quick: bool) -> None:
    assert 256 in (env_batched.QUICK_COPIES if quick else env_batched.COPIES)


def test_steps_that_stay_on_the_device_are_counted() -> None:
    beside = {"single": 10.0, "sync": 20.0}
    row = env_batched.measure_loop(small_design(), 2, beside, 0.02)
    assert (row["copies"], row["dtype"], row["through"]) == (2, "float32", "JAX")
    assert row["over_single"] == row["steps"] / 10.0 > 0


def test_actions_chosen_on_the_device_are_legal_and_all_as_likely() -> None:
    mask = np.zeros((4000, 2, 5), np.int8)
    mask[:, 0, 3] = mask[:, 1, 1] = mask[:, 1, 4] = 1
    mask[7] = 0
    _, actions = env_batched.choose_on_device(jax.random.key(1), mask)
    found, counts = np.unique(np.delete(actions, 7), return_counts=True)
    assert found.tolist() == [3, 6, 9]
    assert (counts > 1200).all()
    assert int(actions[7]) == 0


def test_rows_and_picture_hold_rates_and_memory() -> None:
    rows = env_batched.measure(small_design(), [1, 2], ["float32"], 0.02)
    assert [row["copies"] for row in rows] == [1, 2]
    for row in rows:
        assert row["macros"] == 6
        assert row["steps"] > 0
        assert row["over_single"] == row["steps"] / row["single"]
        assert row["kib"] * 1024 > 4 * 8 * 10  # at least the occupancy map
    grown = [row | {"generated": True} for row in rows]
    traces = {trace.name for trace in env_batched.figure(rows + grown).data}
    assert {"SyncVectorEnv", "generated designs", "single environment"} <= traces
