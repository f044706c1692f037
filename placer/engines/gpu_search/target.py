"""The one place that imports ``numba.cuda``: modules with device code take ``cuda`` from here.

Under ``NUMBA_ENABLE_CUDASIM=1`` every device thread is a Python thread. The simulator swaps the name ``cuda`` in a
module's globals while one of its functions runs, and threads that leave a function put it back under those still
inside. An object that looks the running block up at each use needs no swap.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from numba import config
from numba import cuda as _cuda

#: Registers of one thread of a kernel. Without a bound the compiler takes 255, which halves the chains on a device.
REGISTERS = 128
#: True when device code runs in the simulator.
SIMULATED = bool(getattr(config, "ENABLE_CUDASIM", 0))


class _Simulated:
    """``cuda`` of the block that runs now; outside of kernels that of the host."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands for a module
        from numba.cuda.simulator import kernel

        here = kernel._get_kernel_context()
        return getattr(_cuda if here is None else here, name)


cuda: Any = _Simulated() if SIMULATED else _cuda


def program(function: Callable[..., None]) -> Any:  # noqa: ANN401 - a kernel
    """Mark a kernel: compiled once a machine, with few enough registers for several blocks a multiprocessor."""
    limits = {} if SIMULATED else {"max_registers": REGISTERS}
    return cuda.jit(cache=True, **limits)(function)


@cuda.jit(device=True)
def floor_of(value: float) -> int:
    """Largest whole number that is not above ``value``."""
    return int(math.floor(value))  # noqa: RUF046 - a float on some targets
