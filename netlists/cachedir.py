"""Where things that may be deleted at any time are kept: parsed designs and compiled kernels."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path | None:
    """Folder of the cache, or None when it is turned off."""
    if os.environ.get("PLACER_CACHE", "").strip() == "0":
        return None
    named = os.environ.get("PLACER_CACHE_DIR")
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "chip-placer"
    except RuntimeError:  # no home folder
        return None
