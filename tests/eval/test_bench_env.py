"""The measurement of the single environments runs and says what it measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eval.bench import env
from eval.bench.designs import Settings
from tests.env.designs import small_design


def test_the_sheet_has_every_mode_and_a_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def here(job: str, plan: str, **how: Any) -> dict[str, Any]:
        asked.update(how, job=job)
        return env.carry_out(json.loads(plan))

    monkeypatch.setattr(env, "run_child", here)
    monkeypatch.setattr(env, "play", lambda made, steps, play=env.play: play(made, 8, rounds=1))
    sheet = env.run(Settings(data=tmp_path, quick=True, only=("synth20", "ariane133_ng45")))
    (row,) = sheet.rows
    assert (row["design"], row["macros"]) == ("synth20", 20)
    assert all(row[key] > 0 for key in env.MODES)
    assert set(sheet.columns) <= set(row)
    assert row["reset_ms"] > 0
    assert "ariane133_ng45" in sheet.skipped[0]
    assert "hard macros" in sheet.files["env.html"]
    assert (asked["job"], asked["cores"]) == ("env_single", 1)


def test_the_memory_of_a_copy_is_that_of_its_arrays_and_not_of_the_design() -> None:
    design = small_design()
    held = env.copy_bytes(design)
    maps = 8 * 80 * 8  # ten float64 maps and more of 80 gcells
    assert maps < held < 2**20
    assert abs(env.copy_bytes(design) - held) < 2**16
