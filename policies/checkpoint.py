"""Networks and training runs as files: safetensors with what they are written in front.

One format for both: tensors ``model.*``, and in the checkpoints of a run ``train.*`` too. The header says the format's
version, the network's sizes, and the model card; nothing is ever unpickled.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from netlists.errors import NetlistError
from netlists.formats.textio import atomic_write
from policies.actor_critic import ActorCritic, PolicyConfig

FORMAT = "placer-policy"
#: Changes whenever older networks would be told something else than what they learned from.
VERSION = 1
#: What ships with the placer.
SHIPPED = Path(__file__).resolve().parent / "checkpoints" / "placer-policy.safetensors"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a file holds.

    Attributes:
        model: the network, on the CPU.
        card: what it was trained on, for how long, with which scores; JSON values.
        tensors: of the training run; empty in a file that only holds a network.
        run: of the training run, JSON values; empty likewise.
    """

    model: ActorCritic
    card: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint, all of it or nothing.

    Raises:
        NetlistError: the file cannot be written.
    """
    model = {f"model.{name}": value for name, value in checkpoint.model.state_dict().items()}
    train = {f"train.{name}": value for name, value in checkpoint.tensors.items()}
    # Clones: safetensors refuses tensors that share memory.
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in (model | train).items()}
    header = {
        "format": FORMAT,
        "version": str(VERSION),
        "config": json.dumps(asdict(checkpoint.model.config)),
        "card": json.dumps(checkpoint.card),
        "run": json.dumps(checkpoint.run),
    }
    return atomic_write(path, save(tensors, metadata=header))


def load_checkpoint(path: Path | str | None = None) -> Checkpoint:
    """Read a checkpoint.

    Args:
        path: the file; the one that ships with the placer when None.

    Raises:
        NetlistError: there is no such file, it is none of ours, of another version, damaged, or its tensors do not fit
            the network it says it is.
    """
    file = SHIPPED if path is None else Path(path)
    if not file.is_file():
        raise NetlistError("no such checkpoint", file=file)
    try:
        with safe_open(str(file), framework="pt") as opened:
            header = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError) as error:
        raise NetlistError(
            f"not a checkpoint: no complete safetensors file ({error})", file=file, expected="a file of placer train"
        ) from None
    if header.get("format") != FORMAT:
        raise NetlistError("a safetensors file, but no checkpoint of the placer", file=file)
    if header.get("version") != str(VERSION):
        raise NetlistError(
            "a checkpoint of another version", file=file, found=header.get("version"), expected=str(VERSION)
        )
    try:
        config = PolicyConfig(**_parsed(header, "config"))
        card, run = _parsed(header, "card"), _parsed(header, "run")
    except (TypeError, ValueError) as error:
        raise NetlistError(f"the checkpoint's header is damaged: {error}", file=file) from None
    model = ActorCritic(config)
    _fill(model, {k[6:]: v for k, v in tensors.items() if k.startswith("model.")}, file)
    return Checkpoint(model, card, {k[6:]: v for k, v in tensors.items() if k.startswith("train.")}, run)


def _parsed(header: dict[str, str], key: str) -> dict[str, Any]:
    value = json.loads(header.get(key, "{}"))
    if not isinstance(value, dict):
        raise ValueError(f"{key!r} is no object")
    return value


def _fill(model: ActorCritic, tensors: dict[str, Tensor], file: Path) -> None:
    own = model.state_dict()
    for name in sorted(own.keys() | tensors.keys()):
        found, wanted = tensors.get(name), own.get(name)
        if found is None or wanted is None:
            what = "lacks" if found is None else "has an unknown"
            raise NetlistError(f"the checkpoint {what} tensor {name!r}", file=file)
        if found.shape != wanted.shape or found.dtype != wanted.dtype:
            raise NetlistError(
                f"tensor {name!r} of the checkpoint does not fit the network", file=file,
                found=f"{list(found.shape)} of {found.dtype}", expected=f"{list(wanted.shape)} of {wanted.dtype}",
            )  # fmt: skip
        if not torch.isfinite(found).all():
            raise NetlistError(f"tensor {name!r} of the checkpoint holds numbers that are none", file=file)
    model.load_state_dict(tensors)
