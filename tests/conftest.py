"""Shared fixtures: where the open designs are, and a skip with a reason where they are not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def data_root() -> Path:
    """The folder of open designs: ``PLACER_DATA``, else ``../shared/data`` beside the repository."""
    return Path(os.environ.get("PLACER_DATA") or ROOT.parent / "shared" / "data")


@pytest.fixture(scope="session")
def open_data() -> Callable[[str], Path]:
    """``open_data("ct/ariane133_ng45")`` -> path, or skips the test with the reason."""

    def find(relative: str) -> Path:
        path = data_root() / relative
        if not path.exists():
            pytest.skip(f"open design {relative} not found under {data_root()} (set PLACER_DATA)")
        return path

    return find
