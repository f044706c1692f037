"""Where networks run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from netlists.errors import NetlistError

if TYPE_CHECKING:
    import jax

DEVICES: tuple[str, ...] = ("auto", "cpu", "cuda")


def torch_device(name: str = "auto", rank: int = 0) -> torch.device:
    """The device of that name.

    Args:
        name: ``"cpu"``, ``"cuda"``, or ``"auto"``: CUDA where there is any.
        rank: of this process on its machine; each takes a CUDA device of its own.

    Raises:
        NetlistError: CUDA is asked for and there is none.
    """
    if name not in DEVICES:
        raise NetlistError("unknown device", found=name, expected=", ".join(DEVICES))
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise NetlistError("a CUDA device is asked for and PyTorch finds none", expected="--device cpu or auto")
    return torch.device("cuda", rank % torch.cuda.device_count())


def env_device(device: torch.device) -> jax.Device:
    """The JAX device for the environment of a network on ``device``: the same one where JAX can use it."""
    import jax

    if device.type == "cpu":
        return jax.devices("cpu")[0]
    found = jax.devices()  # the CPU where JAX was installed without CUDA; tensors are then copied
    return found[(device.index or 0) % len(found)]
