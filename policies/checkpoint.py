"""Networks and training runs as files: safetensors with what they are written in front.

One format for both: tensors ``model.*``, and in the checkpoints of a run ``train.*`` too. The header says the format's
version, the network's sizes, and the model card; nothing is ever unpickled.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from policies.actor_critic import ActorCritic, PolicyConfig
from policies.files import Checkpoint, read_checkpoint
from policies.shipped import FOLDER

__all__ = ["FORMAT", "SHIPPED", "VERSION", "Checkpoint", "load_checkpoint", "save_checkpoint"]

FORMAT = "placer-policy"
#: Changes whenever older networks would be told something else than what they learned from.
VERSION = 2
#: What ships with the placer.
SHIPPED = FOLDER / "placer-policy.safetensors"


def save_checkpoint(path: Path, checkpoint: Checkpoint[ActorCritic]) -> Path:
    """Write a checkpoint, all of it or nothing.

    Raises:
        NetlistError: the file cannot be written.
    """
    return checkpoint.write(path, FORMAT, VERSION, asdict(checkpoint.model.config))


def load_checkpoint(path: Path | str | None = None) -> Checkpoint[ActorCritic]:
    """Read a checkpoint.

    Args:
        path: the file; the one that ships with the placer when None.

    Raises:
        NetlistError: there is no such file, it is none of ours, of another version, damaged, or its tensors do not fit
            the network it says it is.
    """
    file = SHIPPED if path is None else Path(path)
    return read_checkpoint(file, FORMAT, VERSION, lambda **sizes: ActorCritic(PolicyConfig(**sizes)))
