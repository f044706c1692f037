"""JAX's 64-bit mode is on where asked and nowhere else."""

from __future__ import annotations

import jax
import jax.experimental
import jax.numpy as jnp
import numpy as np
import pytest

from placer.cost.precision import precision


def dtypes() -> tuple[str, str, str]:
    """Of an array made in a 64-bit block, in a 32-bit one within it, and outside."""
    with precision("float64"):
        wide = jnp.ones(1).dtype.name
        with precision(np.float32):
            narrow = jnp.ones(1).dtype.name
    return wide, narrow, jnp.ones(1).dtype.name


def test_the_mode_lasts_for_the_block() -> None:
    assert dtypes() == ("float64", "float32", "float32")


def test_the_switch_is_found_where_older_versions_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    switch = getattr(jax, "enable_x64", None)
    if switch is None:
        pytest.skip("this is an older version")
    calls = []
    monkeypatch.delattr(jax, "enable_x64")
    monkeypatch.setitem(vars(jax.experimental), "enable_x64", lambda on: calls.append(on) or switch(on))
    assert dtypes() == ("float64", "float32", "float32")
    assert calls == [True, False]
