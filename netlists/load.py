"""What a user calls a DESIGN - a name, a file, a folder, or a design in memory - turned into a :class:`Design`."""

from __future__ import annotations

import difflib
import importlib
from pathlib import Path
from types import ModuleType

from netlists import formats
from netlists.cache import cached_read
from netlists.design import Design
from netlists.errors import NetlistError

#: A folder with more entries than this is not searched for a design.
MAX_FOLDER_ENTRIES = 2000


def load(source: str | Path | Design, placement: str | Path | None = None, *, cache: bool = True) -> Design:
    """Load a design.

    Args:
        source: a netlist file of any format; a folder that holds one design's files; a placement file that lies
            beside its netlist; the name of a bundled or catalogue design; or a design, returned as it is. A path that
            exists wins over a name.
        placement: placement file to use instead of the one beside the netlist (``initial.plc``, the ``.pl``).
        cache: keep large parsed designs in the user's cache folder and take them from there; see
            :mod:`netlists.cache`.

    Raises:
        NetlistError: nothing usable is there, or a file is wrong; with file and line.
        PlacementError: the placement is wrong or belongs to another design; with file and line.
    """
    if isinstance(source, Design):
        if placement is None:
            return source
        path = Path(placement)
        return source.with_placement(formats.read_placement(path, source), path)
    netlist, beside = resolve(source)
    chosen = Path(placement) if placement is not None else beside
    return cached_read(netlist, chosen) if cache else formats.read_design(netlist, chosen)


def resolve(source: str | Path) -> tuple[Path, Path | None]:
    """Netlist file of a DESIGN, and the placement file if the DESIGN names one.

    Raises:
        NetlistError: there is no such path or name, or a folder holds no netlist or several.
    """
    path = Path(source).expanduser()
    try:
        if path.is_dir():
            return find_netlist(path), None
        exists = path.exists()
    except OSError as error:
        raise NetlistError(f"cannot read: {error.strerror or error}", file=path) from None
    if not exists:
        folder = _named(str(source))
        return (find_netlist(folder) if folder.is_dir() else folder), None
    module, role = formats.detect(path)
    if role == "netlist":
        return path, None
    if role == "part":
        return find_netlist(path.parent, only=module.NAME), None
    return find_netlist(path.parent, only=module.NAME), path


def find_netlist(folder: Path, only: str | None = None) -> Path:
    """The one netlist file in a folder (its subfolders are not searched).

    Raises:
        NetlistError: there is none, or there are several.
    """
    try:
        entries = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    except OSError as error:
        raise NetlistError(f"cannot read: {error.strerror or error}", file=folder) from None
    if len(entries) > MAX_FOLDER_ENTRIES:
        raise NetlistError(
            "this folder has too many files to search for a design", file=folder, found=f"{len(entries)} files",
            expected="the netlist file itself",
        )  # fmt: skip
    found: list[Path] = []
    for entry in entries:
        try:
            seen = formats.sniff(entry)
        except NetlistError:
            continue  # an unreadable or damaged file beside a design is not the design's fault
        if seen is not None and seen[1] == "netlist" and _may_be(seen[0], only):
            found.append(entry)
    if len(found) > 1:
        raise NetlistError(
            "this folder holds several netlists, name one of them", file=folder, found=", ".join(p.name for p in found)
        )
    if not found:
        raise NetlistError(
            "no netlist in this folder", file=folder,
            expected="a Circuit Training netlist.pb.txt, a Bookshelf .aux or a GSRC .blocks file, plain or gzipped",
        )  # fmt: skip
    return found[0]


def _may_be(module: ModuleType, only: str | None) -> bool:
    """True where a folder may be a design because of a file of this format."""
    return getattr(module, "ALONE", True) and only in (None, module.NAME)


def _named(name: str) -> Path:
    """Folder or file of a bundled or catalogue design.

    Raises:
        NetlistError: unknown, or known but not on this machine.
    """
    try:
        catalogue = importlib.import_module("netlists.catalogue")
    except ImportError:
        raise NetlistError("no such file or folder", file=name) from None
    local = catalogue.local_path(name)
    if local is not None:
        return Path(local)
    known = [str(n) for n in catalogue.names()]
    if name in known:
        raise NetlistError(
            f"the design {name!r} is not on this machine yet", expected=f"'placer fetch {name}' to be run first"
        )
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    raise NetlistError(
        f"no file, folder or design is called {name!r}", expected="one of " + ", ".join(near) if near else None
    )
