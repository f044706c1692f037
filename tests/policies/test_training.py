"""Whole training runs: files, going on after a kill, what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from netlists.errors import NetlistError
from placer.cli import run
from policies.actor_critic import PolicyConfig
from policies.checkpoint import load_checkpoint
from policies.logs import TrainLog
from policies.ppo import PPOConfig
from policies.splits import HELD_OUT, HELD_OUT_SEED, synthetic_designs
from policies.training import BEST, LAST, TrainConfig, train

SMALL = PolicyConfig(width=8, layers=1, glances=4, maps=4)


def config(steps: int) -> TrainConfig:
    return TrainConfig(
        steps=steps, designs=1, largest=7, held_out=1, evaluate_every=1, policy=SMALL,
        ppo=PPOConfig(copies=2, minibatches=1, epochs=1),
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    train(config(20), folder, device="cpu")
    return folder


def test_a_run_leaves_networks_and_a_curve(done: Path) -> None:
    lines = [json.loads(line) for line in (done / "metrics.jsonl").read_text().splitlines()]
    assert [line["iteration"] for line in lines] == list(range(len(lines)))
    assert all("held_out/greedy" in line for line in lines)
    card = load_checkpoint(done / BEST).card
    assert [name[:4] for name in card["trained_on"]] == ["made"]
    assert load_checkpoint(done / LAST).run["numbers"]["env_steps"] >= 20


def test_a_killed_run_goes_on_as_if_it_had_not_been(done: Path, tmp_path: Path) -> None:
    train(config(40), tmp_path / "straight", device="cpu")
    folder = tmp_path / "killed"
    folder.mkdir()
    (folder / LAST).write_bytes((done / LAST).read_bytes())
    # A line of an iteration whose checkpoint was never written, and half a line.
    (folder / "metrics.jsonl").write_text((done / "metrics.jsonl").read_text() + '{"iteration": 99}\n{"iter')
    train(config(40), folder, device="cpu", resume=True)
    one, two = (load_checkpoint(where / LAST) for where in (tmp_path / "straight", folder))
    assert one.run["numbers"] == two.run["numbers"]
    for name, value in one.model.state_dict().items():
        assert torch.equal(value, two.model.state_dict()[name]), name
    curves = [(where / "metrics.jsonl").read_text().splitlines() for where in (tmp_path / "straight", folder)]
    assert [json.loads(line)["iteration"] for line in curves[0]] == [
        json.loads(line)["iteration"] for line in curves[1]
    ]


def test_held_out_designs_are_refused_and_never_generated() -> None:
    with pytest.raises(NetlistError, match="held out"):
        TrainConfig(open_designs=("designs/ariane133_ng45",))
    assert "synth130" in HELD_OUT
    names = {design.netlist.name for design in synthetic_designs(0, 3, 8)}
    assert not names & {design.netlist.name for design in synthetic_designs(HELD_OUT_SEED, 3, 8)}


def test_a_log_without_tensorboard_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    said: list[str] = []
    log = TrainLog(tmp_path, said.append)
    log.write(1, {"a": 1.0, "b": float("nan")})
    log.close()
    assert len(said) == 1
    assert json.loads((tmp_path / "metrics.jsonl").read_text()) == {"iteration": 1, "a": 1.0}


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(words) == 2
    error = capsys.readouterr().err.strip()
    assert error.count("\n") == 0
    return error


def test_the_command_trains_goes_on_and_refuses(done: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    words = [
        "train",
        "-o",
        out,
        "--finetune",
        "synth20",
        "--checkpoint",
        str(done / BEST),
        "--copies",
        "1",
        "--steps",
        "1",
    ]
    assert run([*words, "--device", "cpu"]) == 0
    capsys.readouterr()
    assert load_checkpoint(tmp_path / "out" / LAST).card["trained_on"] == ["synth20"]
    assert "no such checkpoint" in refused(["train", "-o", str(tmp_path / "none"), "--resume"], capsys)
    (tmp_path / "out" / LAST).write_bytes((done / LAST).read_bytes()[:1000])
    assert "no complete safetensors" in refused(["train", "-o", out, "--resume", "--steps", "2"], capsys)
    (tmp_path / "out" / LAST).write_bytes((done / BEST).read_bytes())
    assert "not the state of a training run" in refused(["train", "-o", out, "--resume", "--steps", "2"], capsys)
    if not torch.cuda.is_available():
        assert "CUDA" in refused(["train", "-o", out, "--device", "cuda"], capsys)
    assert "held out" in refused(["train", "-o", out, "--also", "synth130"], capsys)
