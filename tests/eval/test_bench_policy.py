"""Sheets about the policy: its speed, and the curve of a training run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eval.bench import policy_speed, training
from eval.bench.__main__ import USUAL
from eval.bench.designs import Settings
from netlists.errors import NetlistError
from netlists.load import load


def test_every_part_of_the_network_is_timed() -> None:
    row = policy_speed.measure(load("synth20"))
    assert row["macros"] == 20
    assert row["nets"] > row["own"] > 0
    assert all(row[key] > 0 for key in ("graph_ms", "encode_ms", "encode_wall_ms", "step_ms", "steps_ms"))


def test_a_curve_has_a_row_for_every_trial(tmp_path: Path) -> None:
    """By hand: gains in percent, training gains as means since the trial before."""
    lines = [
        {"iteration": 0, "env_steps": 0.0, "seconds": 60.0, "held_out/greedy": 0.01, "held_out/drawn": 0.02},
        {"iteration": 1, "env_steps": 500.0, "gain": 0.01, "entropy": 3.0},
        {"iteration": 2, "env_steps": 1000.0, "seconds": 180.0, "gain": 0.03, "entropy": 2.0, "held_out/greedy": 0.02,
         "held_out/drawn": 0.05, "held_out/rise": 0.03, "held_out/rise_error": 0.01},
    ]  # fmt: skip
    (tmp_path / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    sheet = training.run(Settings(run=tmp_path))
    assert [row["env_steps"] for row in sheet.rows] == [0, 1000]
    assert sheet.rows[0]["gain"] is None
    last = sheet.rows[1]
    assert (last["minutes"], last["entropy"]) == (3.0, 2.5)
    assert (last["gain"], last["drawn"], last["rise"]) == pytest.approx((2.0, 5.0, 3.0))
    assert "training.html" in sheet.files
    assert "training" not in USUAL


@pytest.mark.parametrize("content", ["{half", "[1]\n"])
def test_what_is_no_curve_is_refused(content: str, tmp_path: Path) -> None:
    for settings in (Settings(), Settings(run=tmp_path)):
        with pytest.raises(NetlistError):
            training.run(settings)
    (tmp_path / "metrics.jsonl").write_text(content)
    with pytest.raises(NetlistError, match="no metrics"):
        training.run(Settings(run=tmp_path))
