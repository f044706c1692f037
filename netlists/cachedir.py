"""Where things that may be deleted at any time are kept: parsed designs and compiled kernels."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
from pathlib import Path

#: Packages and folders whose sources can end up inside a compiled kernel.
_KERNEL_SOURCES = ("netlists", "placer/cost", "placer/engines", "env")
#: Generations of compiled kernels that are kept.
_KEPT = 4


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


def share_kernels() -> None:
    """Have Numba keep compiled kernels in a folder of this very state of the sources.

    Numba recompiles a function when its own file changes, but not when a function it calls from another file does: a
    cached kernel would go on running the old one. Here any change begins a new folder. Must run before Numba is
    imported; a ``NUMBA_CACHE_DIR`` that the user has set is left alone.
    """
    base = cache_dir()
    if base is None or "NUMBA_CACHE_DIR" in os.environ:
        return
    folder = base / f"kernels-{_source_state()}"
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            generations = sorted(base.glob("kernels-*"), key=lambda path: path.stat().st_mtime)
            for old in generations[:-_KEPT]:
                shutil.rmtree(old, ignore_errors=True)
        if not os.access(folder, os.W_OK):
            return
    except OSError:  # no such home, a full disk: Numba finds a place of its own
        return
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = str(folder)


def _source_state() -> str:
    """Digest of names, sizes and times of all sources that kernels are made of."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256(sys.version.encode())
    for part in _KERNEL_SOURCES:
        for folder, folders, files in os.walk(root / part):
            folders.sort()
            for name in sorted(files):
                if name.endswith(".py"):
                    with contextlib.suppress(OSError):
                        stat = (Path(folder) / name).stat()
                        digest.update(f"{folder}/{name} {stat.st_mtime_ns} {stat.st_size}\n".encode())
    return digest.hexdigest()[:16]
