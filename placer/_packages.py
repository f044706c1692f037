"""The placer's floors have short names; this checks that Python found ours and not somebody's ``env.py``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

#: Top-level packages installed beside ``placer``.
FLOORS: tuple[str, ...] = ("netlists", "env", "policies", "eval")


def check_packages(names: Iterable[str] = FLOORS) -> None:
    """Check that each name means the package beside ``placer``'s own folder. Nothing is imported.

    Args:
        names: top-level package names.

    Raises:
        ImportError: another file or package of that name comes first (the message names both and says what to do),
            or ours is missing.
    """
    home = Path(__file__).resolve().parent.parent
    for name in names:
        ours = home / name
        found = _locations(name)
        if ours in found:
            continue
        if not found:
            raise ImportError(
                f"placer's own package {name!r} is missing from {home}. Install chip-placer again.", name=name
            )
        raise ImportError(
            f"{found[0]} hides placer's own package {name!r} in {ours}. Rename that file or folder, or start Python "
            "from another folder (python -P leaves the current folder out of the search).",
            name=name,
            path=str(found[0]),
        )


def _locations(name: str) -> list[Path]:
    """What ``import name`` means: the folders of a package, the file of a module, or nothing at all."""
    module = sys.modules.get(name)
    if module is not None:
        paths = list(getattr(module, "__path__", ())) or [getattr(module, "__file__", None) or f"<module {name!r}>"]
    else:
        spec = find_spec(name)
        if spec is None:
            return []
        paths = list(spec.submodule_search_locations or ()) or [spec.origin or f"<module {name!r}>"]
    return [Path(path).resolve() for path in paths]
