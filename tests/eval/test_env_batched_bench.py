"""The benchmark of the batched environment measures what it says."""

from __future__ import annotations

from eval.bench import env_batched
from tests.env.designs import small_design


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
