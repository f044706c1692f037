"""Networks and training runs as files: safetensors with what they are written in front.

One format for both: tensors ``model.*``, and in the checkpoints of a run ``train.*`` too. The header says the format's
version, the network's sizes, and the model card; nothing is ever unpickled.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from policies.actor_critic import ActorCritic, PolicyConfig
from policies.files import damaged, fill, read_tensors, write_tensors
from policies.shipped import FOLDER

FORMAT = "placer-policy"
#: Changes whenever older networks would be told something else than what they learned from.
VERSION = 2
#: What ships with the placer.
SHIPPED = FOLDER / "placer-policy.safetensors"


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
    header = {"config": asdict(checkpoint.model.config), "card": checkpoint.card, "run": checkpoint.run}
    return write_tensors(path, FORMAT, VERSION, header, model | train)


def load_checkpoint(path: Path | str | None = None) -> Checkpoint:
    """Read a checkpoint.

    Args:
        path: the file; the one that ships with the placer when None.

    Raises:
        NetlistError: there is no such file, it is none of ours, of another version, damaged, or its tensors do not fit
            the network it says it is.
    """
    file = SHIPPED if path is None else Path(path)
    header, tensors = read_tensors(file, FORMAT, VERSION)
    try:
        config = PolicyConfig(**header.get("config", {}))
    except (TypeError, ValueError) as error:
        raise damaged(file, error) from None
    model = ActorCritic(config)
    fill(model, {k[6:]: v for k, v in tensors.items() if k.startswith("model.")}, file)
    train = {k[6:]: v for k, v in tensors.items() if k.startswith("train.")}
    return Checkpoint(model, header.get("card", {}), train, header.get("run", {}))
