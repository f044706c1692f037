"""Folders and files beside a ledger, which several processes make and remove at the same time."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from eval.ledger.key import RunKey, run_key


def make_folder(path: Path) -> Path:
    """Make a folder and those above it, also while another process removes one that is empty.

    Raises:
        OSError: it cannot be made.
    """
    for _ in range(100):
        with suppress(FileNotFoundError):
            path.mkdir(parents=True, exist_ok=True)
            return path
    path.mkdir(parents=True, exist_ok=True)
    return path


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def kept_name(key: RunKey, mark: str, suffix: str) -> str:
    """What a placement of a run is called in the ledger's folder."""
    stem = f"{key.design}-{key.method.rpartition(':')[2]}-s{key.seed}-{run_key(key)[:10]}"
    return "".join(c if c.isalnum() or c in "-_+" else "_" for c in stem) + (f".{mark}" if mark else "") + f".{suffix}"


def laid_ready(source: Path, target: Path) -> Path:
    """Put a file beside the place it is to have, so that a rename is all that is missing.

    The source keeps its own name until then, and nothing is lost in between.

    Returns:
        Where it is.
    """
    fresh = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    fresh.unlink(missing_ok=True)
    try:
        os.link(source, fresh)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, fresh)
    sync(fresh)
    return fresh
