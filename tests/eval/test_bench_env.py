"""The measurement of the single environments runs and says what it measured."""

from __future__ import annotations

from pathlib import Path

from eval.bench import env
from eval.bench.designs import Settings


def test_the_sheet_has_every_mode_and_a_figure(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(env, "play", lambda made, steps, play=env.play: play(made, 8, rounds=1))
    sheet = env.run(Settings(data=tmp_path, quick=True, only=("synth20", "ariane133_ng45")))
    (row,) = sheet.rows
    assert (row["design"], row["macros"]) == ("synth20", 20)
    assert all(row[key] > 0 for key in env.MODES)
    assert row["reset_ms"] > 0
    assert "ariane133_ng45" in sheet.skipped[0]
    assert "hard macros" in sheet.files["env.html"]
