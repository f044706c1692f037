"""``placer train --part``: what is learned besides the policy, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from netlists.errors import NetlistError
from placer.cli import run
from policies.amortised import load_starts
from policies.schedule import examples, load_schedule


def test_the_network_that_makes_starts_is_trained_and_goes_on(tmp_path: Path) -> None:
    words = ["train", "--part", "starts", "--output", str(tmp_path / "starts")]
    assert run([*words, "--steps", "1"]) == 0
    (file,) = (tmp_path / "starts").glob("*.safetensors")
    assert run([*words, "--steps", "2", "--resume"]) == 0
    assert load_starts(file).run


def test_the_schedule_is_trained_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examples, "_LONGEST", 1.5)
    seed = next(seed for seed in range(20) if drawable(1000 * seed))
    out = tmp_path / "out"
    words = ["train", "--part", "schedule", "--output", str(out), "--seed", str(seed)]
    assert run([*words, "--steps", "1"]) == 0
    assert capsys.readouterr().out.strip().endswith("policy.safetensors")
    assert run([*words, "--steps", "1"]) == 2
    assert "--resume" in capsys.readouterr().err
    assert run([*words, "--steps", "2", "--resume"]) == 0
    assert len(examples.read_examples(out / "searches.jsonl")) == 2
    assert load_schedule(out / "policy.safetensors")[1] == {"searches": 2}


def test_options_of_the_policy_are_of_no_use_to_other_parts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("starts", "ranking", "schedule"):
        assert run(["train", "--part", part, "--imitate", "--output", str(tmp_path / "out")]) == 2
        assert "--imitate" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def drawable(number: int) -> bool:
    try:
        examples.drawn_design(number)
    except NetlistError:
        return False
    return True
