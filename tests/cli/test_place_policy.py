"""``placer place --engine policy`` and ``policy+search``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from placer.cli import run
from policies.actor_critic import ActorCritic, PolicyConfig
from policies.checkpoint import Checkpoint, save_checkpoint


@pytest.fixture
def network(tmp_path: Path) -> str:
    model = ActorCritic(PolicyConfig(width=8, layers=1, glances=4, maps=4))
    return str(save_checkpoint(tmp_path / "network.safetensors", Checkpoint(model)))


@pytest.mark.parametrize("engine", ["policy", "policy+search"])
def test_both_engines_write_a_legal_placement(engine: str, tiny: Path, network: str, tmp_path: Path) -> None:
    words = ["place", str(tiny), "--engine", engine, "--checkpoint", network, "--time", "2", "--jobs", "1"]
    assert run([*words, "-o", str(tmp_path / "out")]) == 0
    record = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert record["legal"]
    assert record["settings"]["engine"] == engine
    assert record["settings"]["checkpoint"] == network


def test_what_cannot_be_is_refused_in_one_line(
    tiny: Path, network: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "half.safetensors").write_bytes(Path(network).read_bytes()[:500])
    policy = ["--engine", "policy", "--checkpoint"]
    cases = [
        ([*policy, str(tmp_path / "half.safetensors")], "no complete safetensors"),
        ([*policy, str(tmp_path / "none.safetensors")], "no such checkpoint"),
        (["--checkpoint", network], "--engine policy"),
        ([*policy, network, "--ray", "local"], "--ray"),
    ]
    if not torch.cuda.is_available():
        cases.append(([*policy, network, "--device", "cuda"], "CUDA"))
    for words, why in cases:
        assert run(["place", str(tiny), *words, "-o", str(tmp_path / "out")]) == 2, words
        error = capsys.readouterr().err.strip()
        assert why in error
        assert "\n" not in error
    assert not (tmp_path / "out").exists()


def test_a_proposal_model_advises_the_search(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["place", str(tiny), "--time", "2", "--jobs", "1", "--device", "cpu", "-o", str(tmp_path / "out")]
    assert run([*words, "--proposals", "shipped"]) == 0
    record = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert record["settings"]["proposals"] == "shipped"
    assert record["legal"]
    capsys.readouterr()
    for given, why in ((["--proposals", str(tiny / "none")], "no such"), (["--engine", "policy"], "--proposals")):
        extra = given if "--proposals" in given else [*given, "--proposals", "shipped"]
        assert run([*words, *extra]) == 2
        assert why in capsys.readouterr().err


def test_a_learned_schedule_plans_the_search(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["place", str(tiny), "--time", "2", "--jobs", "1", "--device", "cpu", "-o", str(tmp_path / "out")]
    assert run([*words, "--schedule", "learned"]) == 0
    record = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert record["settings"]["schedule"] == "learned"
    assert record["legal"]
    capsys.readouterr()
    cases = (
        (["--schedule", str(tiny / "none")], "no such"),
        (["--schedule", "learned", "--engine", "policy"], "--schedule"),
    )
    for given, why in cases:
        assert run([*words, *given]) == 2
        error = capsys.readouterr().err.strip()
        assert why in error
        assert "\n" not in error
