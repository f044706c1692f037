"""Where global placement runs."""

from __future__ import annotations

import ctypes

from placer.engines.gpu_search.errors import GpuUnavailableError

#: Names a user may give: "torch" runs the form for devices on the CPU.
DEVICES = ("auto", "cpu", "cuda", "torch")


def resolve(device: str) -> str:
    """Settle on a device.

    Args:
        device: one of :data:`DEVICES`.

    Returns:
        "cpu", "torch" or "cuda"; "auto" becomes "cuda" where there is a device and "cpu" elsewhere.

    Raises:
        GpuUnavailableError: "cuda" was asked for and cannot be had.
        ValueError: an unknown name.
    """
    if device not in DEVICES:
        raise ValueError(f"unknown device {device!r}; there are {', '.join(DEVICES)}")
    if device in ("cpu", "torch"):
        return device
    reason = _why_not()
    if reason is None:
        return "cuda"
    if device == "cuda":
        raise GpuUnavailableError(reason)
    return "cpu"


def _why_not() -> str | None:
    """Why torch cannot use a CUDA device here, or None when it can."""
    try:
        # Asked first, because importing torch takes seconds and most machines have no use for it here.
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "no CUDA driver on this machine"
    import torch

    return None if torch.cuda.is_available() else "no CUDA device that torch can use"
