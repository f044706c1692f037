"""Networks as files: safetensors with what they are written in the header. Nothing is ever unpickled."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from netlists.errors import NetlistError
from netlists.formats.textio import atomic_write

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True, eq=False)
class Checkpoint(Generic[Network]):
    """A network, and the training run it belongs to: tensors ``model.*`` and ``train.*`` of a file.

    Attributes:
        model: the network, on the CPU.
        card: what it was trained on, for how long, with which scores; JSON values.
        tensors: of the training run; empty in a file that only holds a network.
        run: of the training run, JSON values; empty likewise.
    """

    model: Network
    card: dict[str, Any] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)

    def write(self, path: Path, kind: str, version: int, config: Mapping[str, Any]) -> Path:
        """Write it, all of it or nothing.

        Args:
            path: the file.
            kind: see :func:`write_tensors`.
            version: likewise.
            config: sizes of the network.

        Raises:
            NetlistError: the file cannot be written.
        """
        model = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        train = {f"train.{name}": value for name, value in self.tensors.items()}
        header = {"config": config, "card": self.card, "run": self.run}
        return write_tensors(path, kind, version, header, model | train)


def read_checkpoint(path: Path, kind: str, version: int, build: Callable[..., Network]) -> Checkpoint[Network]:
    """Read what :meth:`Checkpoint.write` wrote.

    Args:
        path: the file.
        kind: see :func:`read_tensors`.
        version: likewise.
        build: the network of the sizes in the header, which are its keywords.

    Raises:
        NetlistError: see :func:`read_tensors`; or the tensors do not fit the network the file says it is.
    """
    header, tensors = read_tensors(path, kind, version)
    try:
        model = build(**header.get("config", {}))
    except (TypeError, ValueError) as error:
        raise damaged(path, error) from None
    fill(model, {name[6:]: one for name, one in tensors.items() if name.startswith("model.")}, path)
    train = {name[6:]: one for name, one in tensors.items() if name.startswith("train.")}
    return Checkpoint(model, header.get("card", {}), train, header.get("run", {}))


def write_tensors(
    path: Path, kind: str, version: int, header: Mapping[str, Mapping[str, Any]], tensors: Mapping[str, Tensor]
) -> Path:
    """Write a file, all of it or nothing.

    Args:
        path: the file.
        kind: what it is; :func:`read_tensors` asks for it.
        version: of its meaning.
        header: objects of JSON values by name.
        tensors: on any device.

    Raises:
        NetlistError: the file cannot be written.
    """
    # Clones: safetensors refuses tensors that share memory.
    clean = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    about = {"format": kind, "version": str(version)} | {name: json.dumps(dict(one)) for name, one in header.items()}
    return atomic_write(path, save(clean, metadata=about))


def read_tensors(path: Path, kind: str, version: int) -> tuple[dict[str, dict[str, Any]], dict[str, Tensor]]:
    """Read a file of :func:`write_tensors`.

    Args:
        path: the file.
        kind: what it must be.
        version: of which it must be.

    Returns:
        The objects of the header, and the tensors on the CPU.

    Raises:
        NetlistError: there is no such file, it is none of ours or of another kind, of another version, or damaged.
    """
    if not path.is_file():
        raise NetlistError("no such checkpoint", file=path)
    try:
        with safe_open(str(path), framework="pt") as opened:
            about = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError) as error:
        raise NetlistError(
            f"not a checkpoint: no complete safetensors file ({error})", file=path, expected="a file of placer train"
        ) from None
    if about.get("format") != kind:
        raise NetlistError(
            f"a safetensors file, but no checkpoint of the placer of kind {kind}", file=path, found=about.get("format")
        )
    if about.get("version") != str(version):
        raise NetlistError(
            "a checkpoint of another version", file=path, found=about.get("version"), expected=str(version)
        )
    header: dict[str, dict[str, Any]] = {}
    for name in about.keys() - {"format", "version"}:
        try:
            value = json.loads(about[name])
        except ValueError as error:
            raise damaged(path, error) from None
        if not isinstance(value, dict):
            raise damaged(path, f"{name!r} is no object")
        header[name] = value
    return header, tensors


def damaged(path: Path, why: object) -> NetlistError:
    """What to raise when a file makes no sense."""
    return NetlistError(f"the checkpoint is damaged: {why}", file=path)


def fill(model: nn.Module, tensors: Mapping[str, Tensor], file: Path) -> None:
    """Give a network the tensors of a file.

    Raises:
        NetlistError: one is missing, unknown, of another shape or type, or holds numbers that are none.
    """
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
    model.load_state_dict(dict(tensors))
