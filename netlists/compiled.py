"""``njit`` for every kernel of the placer, with a cache on disk that notices when a called function changes.

Numba compiles a cached function again when its own file changes, but not when a function it calls from another file
does: the cached kernel would go on running the old one. Here the machine code of a file is kept under a digest of
that file and of all files whose code or constants can end up inside it, so a change is always noticed, nothing else
is compiled again, and two checkouts with equal sources share what they compiled.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

from numba import njit
from numba.core.caching import CacheImpl, _CacheLocator

from netlists.cachedir import cache_dir

__all__ = ["kernel_cache", "kernel_files", "njit", "njit_lean", "source_digest"]

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("netlists", "placer", "env", "policies", "eval")
#: ``from package.module import names`` at the left margin; names may run over lines inside brackets.
_IMPORT = re.compile(rf"^from ((?:{'|'.join(_PACKAGES)})[\w.]*) import (\((?:[^)]*)\)|[^\n]*)", re.MULTILINE)
#: What a file with kernels says.
_MARK = "from netlists.compiled import njit"
#: Classes no kernel can see: importing nothing but these ties no machine code to their file.
_UNSEEN = {"Budget", "Canvas", "Design", "Netlist", "NetlistError", "Placement", "PlacementError"}
#: Compiled files that nobody has used for this long are deleted, seconds.
_KEEP = 14 * 86400.0


def njit_lean(
    *, inline: Literal["never", "always"] = "never", allocates: bool = False
) -> Callable[[Callable[..., Any]], Any]:
    """``njit`` for functions that are called millions of times: references to arrays are not counted.

    Numba counts the references to every array a function is handed or takes out of a tuple, with a locked
    instruction each. In a kernel of small functions over a tuple of fifty arrays that was two thirds of the time.
    Without it a function must not create an array (slices are fine) nor return one.

    Args:
        inline: "always" writes the function out where it is called.
        allocates: the function creates arrays after all, so it counts; needed where one that does not count calls it.
    """
    return njit(cache=True, inline=inline, _nrt=allocates)  # type: ignore[call-overload, no-any-return]


def source_digest(file: str | Path) -> str:
    """Digest of a file with kernels and of every file of the placer that its machine code can depend on.

    Those are the kernel files it calls into, directly or through an ``__init__.py``, and the files whose constants
    or named tuples it imports. A function of a file without kernels never becomes machine code.
    """
    digest = hashlib.sha256()
    for path in sorted(_dependencies(Path(file).resolve())):
        digest.update(f"{path.relative_to(_ROOT)}\n".encode())
        digest.update(_content(path).encode())
    return digest.hexdigest()[:20]


def kernel_files(*packages: str) -> list[Path]:
    """Files of the named packages that hold kernels, sorted."""
    files = (path for package in packages for path in (_ROOT / package).rglob("*.py"))
    return sorted(path for path in files if path != Path(__file__).resolve() and _MARK in _content(path))


def _dependencies(file: Path) -> set[Path]:
    found: set[Path] = set()
    ahead = [file]
    while ahead:
        path = ahead.pop()
        if path in found:
            continue
        found.add(path)
        text = _content(path)
        if path == file or path.name == "__init__.py" or _MARK in text:
            for module, names in _IMPORT.findall(text):
                wanted = set(re.findall(r"\w+", re.sub(r"#.*", "", names))) - _UNSEEN
                seen = any(name[:1].isupper() or name[:2].strip("_").isupper() for name in wanted)
                ahead += [p for p in _files(module, wanted) if seen or p.name == "__init__.py" or _MARK in _content(p)]
    return found


def _files(module: str, names: set[str]) -> list[Path]:
    """The file of a module, or of the package and of the modules in it that are named."""
    base = _ROOT.joinpath(*module.split("."))
    if base.with_suffix(".py") == Path(__file__).resolve():
        return []
    if not base.is_dir():
        return [base.with_suffix(".py")] if base.with_suffix(".py").is_file() else []
    inside = [base / f"{name}.py" for name in sorted(names)]
    return [path for path in (base / "__init__.py", *inside) if path.is_file()]


@cache
def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def kernel_cache() -> Path | None:
    """Where machine code is kept: the folder the user told Numba, or one in the placer's cache; None without one."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        return Path(named)
    own = cache_dir()
    return None if own is None else own / "kernels"


class _Locator(_CacheLocator):  # type: ignore[misc]
    """Tells Numba where the machine code of a file of the placer is kept; other files are not its business."""

    def __init__(self, folder: Path, digest: str, line: int) -> None:
        self._folder, self._digest, self._line = folder, digest, line

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return self._digest

    def get_disambiguator(self) -> str:
        return str(self._line)

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> _Locator | None:
        path = Path(py_file).resolve()
        base = kernel_cache()
        try:
            relative = path.relative_to(_ROOT)
        except ValueError:
            return None
        if base is None or relative.parts[0] not in _PACKAGES or not path.is_file():
            return None
        digest = source_digest(path)
        folder = base / ".".join(relative.with_suffix("").parts) / digest
        locator = cls(folder, digest, py_func.__code__.co_firstlineno)
        try:
            if not folder.is_dir():
                _forget_old(folder.parent)
            locator.ensure_cache_path()
        except OSError:  # no such home, a full disk: Numba finds a place of its own
            return None
        return locator


def _forget_old(folder: Path) -> None:
    for old in folder.glob("*"):
        with contextlib.suppress(OSError):
            newest = max((entry.stat().st_mtime for entry in old.iterdir()), default=old.stat().st_mtime)
            if newest < time.time() - _KEEP:
                shutil.rmtree(old, ignore_errors=True)


_locators: list[Any] = CacheImpl._locator_classes  # searched in order
_locators.insert(0, _Locator)
