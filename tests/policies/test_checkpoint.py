"""Checkpoints: what comes back, and what is refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from netlists.errors import NetlistError
from policies.actor_critic import ActorCritic, PolicyConfig
from policies.checkpoint import SHIPPED, Checkpoint, load_checkpoint, save_checkpoint
from policies.splits import TRAIN_OPEN

TINY = PolicyConfig(width=8, layers=1, glances=4, maps=4)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    card = {"trained_on": ["made0"]}
    return save_checkpoint(tmp_path / "one.safetensors", Checkpoint(ActorCritic(TINY), card, {"a": torch.ones(2)}))


def rewritten(file: Path, **header: str) -> Path:
    from safetensors import safe_open

    with safe_open(str(file), "pt") as opened:
        tensors = {k: opened.get_tensor(k) for k in opened.keys()}  # noqa: SIM118
        metadata = opened.metadata() | header
    save_file(tensors, str(file), metadata=metadata)
    return file


def test_what_was_saved_comes_back(file: Path) -> None:
    model = ActorCritic(TINY)
    back = load_checkpoint(save_checkpoint(file, Checkpoint(model, {"x": 1}, {"b": torch.arange(3)}, {"n": 2})))
    assert back.card == {"x": 1}
    assert back.run == {"n": 2}
    assert torch.equal(back.tensors["b"], torch.arange(3))
    for name, value in model.state_dict().items():
        assert torch.equal(value, back.model.state_dict()[name])


def test_other_versions_are_refused(file: Path) -> None:
    with pytest.raises(NetlistError, match="another version"):
        load_checkpoint(rewritten(file, version="99"))


def test_other_sizes_are_refused(file: Path) -> None:
    config = json.dumps({"width": 16, "layers": 1, "glances": 4, "maps": 4})
    with pytest.raises(NetlistError, match="does not fit the network"):
        load_checkpoint(rewritten(file, config=config))


@pytest.mark.parametrize("config", ["[]", "{", '{"width": "8"}', '{"depth": 2}', '{"width": 1e9}'])
def test_damaged_headers_are_refused(file: Path, config: str) -> None:
    with pytest.raises(NetlistError, match="checkpoint is damaged"):
        load_checkpoint(rewritten(file, config=config))


@pytest.mark.parametrize("part", [0, 5, 200, -1])
def test_truncated_files_are_refused(file: Path, part: int) -> None:
    file.write_bytes(file.read_bytes()[:part])
    with pytest.raises(NetlistError, match="no complete safetensors file"):
        load_checkpoint(file)


def test_other_files_are_refused(tmp_path: Path) -> None:
    torch.save({"x": torch.ones(1)}, tmp_path / "pickle.pt")
    save_file({"x": torch.ones(1)}, str(tmp_path / "other.safetensors"))
    for name, why in (("pickle.pt", "no complete"), ("other.safetensors", "no checkpoint of"), ("none", "no such")):
        with pytest.raises(NetlistError, match=why):
            load_checkpoint(tmp_path / name)


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    model = ActorCritic(TINY)
    with torch.no_grad():
        model.trust.fill_(float("nan"))
    with pytest.raises(NetlistError, match="'trust'"):
        load_checkpoint(save_checkpoint(tmp_path / "nan.safetensors", Checkpoint(model)))


def test_the_shipped_network_is_small_and_says_what_it_is() -> None:
    assert SHIPPED.stat().st_size < 20e6
    card = load_checkpoint().card
    assert {"trained_on", "env_steps", "device", "scores"} <= card.keys()
    assert all(name.startswith("made") or name in TRAIN_OPEN for name in card["trained_on"])
