"""JAX's 64-bit mode for one block of code."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.experimental
import numpy as np
from numpy.typing import DTypeLike


def precision(dtype: DTypeLike) -> AbstractContextManager[Any]:
    """JAX's 64-bit mode inside a ``with`` block, on for float64 and off for anything else.

    A user's own JAX code keeps its setting. JAX has the switch as ``jax.enable_x64`` from 0.8 on and as
    ``jax.experimental.enable_x64`` before.

    Args:
        dtype: of the real numbers in the block.
    """
    # Its truth value raises, so it is compared with None.
    switch = getattr(jax, "enable_x64", None)
    if switch is None:
        switch = vars(jax.experimental)["enable_x64"]
    chosen: AbstractContextManager[Any] = switch(np.dtype(dtype) == np.float64)
    return chosen
