"""Compile once, before any clock runs.

The kernels are compiled by Numba on first use and kept on disk. On a fresh installation that takes one to two minutes,
which would otherwise be taken out of the first run's time limit. ``python -m placer.warm`` does it at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from netlists.cache import cache_dir
from netlists.errors import NetlistError
from netlists.formats.textio import atomic_write

#: What users are told while they wait.
NOTICE = "compiling, once after an installation (one to two minutes)"
#: Exact proposals of the rehearsal: enough for every phase of the search to be entered.
_PROPOSALS = 4_000


_warm = False


def warm_up(say: Callable[[], None] = lambda: None) -> None:
    """Compile every kernel that a run needs, unless this machine has done so already.

    Args:
        say: called once before the work begins, if there is work.
    """
    global _warm
    if not _warm and not is_warm():
        say()
        _rehearse()
        _remember()
    _warm = True


def is_warm() -> bool:
    """True when this machine has compiled these sources already."""
    name = _marker_name()
    return any((folder / name).exists() for folder in _folders())


def _rehearse() -> None:
    """Place, score and draw the smallest bundled design, without a clock."""
    from netlists.load import load
    from placer import flow
    from placer.scoring import score_placement
    from placer.view.scene import scene

    result = flow.place(load("synth20"), effort="fast", jobs=1, iterations=_PROPOSALS)
    scored = score_placement(result.design, result.placement)
    scene(result.design, result.placement, cost=scored.cost)


def _folders() -> list[Path]:
    """Where the marker may be kept: with the compiled kernels, or with other caches where that folder is read-only."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    own = cache_dir()
    first = Path(named) if named else Path(__file__).resolve().parent / "__pycache__"
    return [first, *([] if own is None else [own])]


def _marker_name() -> str:
    """Name of the file that exists once these sources were compiled by this Python and Numba for this processor."""
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parent.parent
    for package in ("netlists", "placer"):
        for file in sorted((root / package).rglob("*.py")):
            stat = file.stat()
            digest.update(f"{file} {stat.st_mtime_ns} {stat.st_size}\n".encode())
    digest.update(repr((sys.version, metadata.version("numba"), metadata.version("numpy"), platform.uname())).encode())
    return f"compiled-{digest.hexdigest()[:20]}"


def _remember() -> None:
    for folder in _folders():
        with contextlib.suppress(NetlistError, OSError):
            atomic_write(folder / _marker_name(), "These sources were compiled here.\n")
            for old in folder.glob("compiled-*"):
                if old.name != _marker_name():
                    old.unlink()
            return


if __name__ == "__main__":
    warm_up(lambda: print(f"placer: {NOTICE}", file=sys.stderr, flush=True))
