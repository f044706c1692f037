"""The files of a Bookshelf design and how they find each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from netlists.errors import NetlistError
from netlists.formats import textio
from netlists.formats.bookshelf.lines import header_kind, split_lines

#: Files a design is made of; nodes and nets are the least.
ROLES = ("nodes", "nets", "wts", "pl", "scl")


@dataclass
class Parts:
    """Which file plays which role.

    Attributes:
        files: role -> existing file.
        keyword: word before the colon in the ``.aux`` file.
        listed: file names as the ``.aux`` lists them, in its order; empty when there is none.
        ignored: names the ``.aux`` lists that play no role here.
    """

    files: dict[str, Path]
    keyword: str = "RowBasedPlacement"
    listed: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def role_of(name: str) -> str | None:
    """``"nodes"`` for ``ibm01.nodes`` and ``ibm01.nodes.gz``; None for a name that plays no role."""
    name = name.lower().removesuffix(".gz")
    role = name.rpartition(".")[2]
    return role if role in ROLES and "." in name else None


def stem_of(name: str) -> str:
    """``ibm01`` for ``ibm01.aux``, ``ibm01.nodes.gz``, ..."""
    name = name[:-3] if name.lower().endswith(".gz") else name
    return name.rpartition(".")[0] or name


def existing(path: Path) -> Path | None:
    """The file itself, or its packed or unpacked twin, whichever exists."""
    twin = path.with_name(path.name[:-3]) if path.name.endswith(".gz") else path.with_name(path.name + ".gz")
    return next((p for p in (path, twin) if p.is_file()), None)


def find_parts(path: Path) -> Parts:
    """Find the files of the design that ``path`` (an ``.aux`` or ``.nodes`` file, perhaps packed) stands for.

    Raises:
        NetlistError: it is neither, or names files that do not exist (all of them are listed).
    """
    path = Path(path)
    head = textio.read_head(path)
    kind = header_kind(head)
    if kind == "nodes":
        return _from_nodes(path)
    if kind is not None:
        raise NetlistError(
            "this is only one part of a Bookshelf design", file=path, line=1, found=kind,
            expected="its .aux or .nodes file",
        )  # fmt: skip
    return _from_aux(path)


def aux_entry(data: bytes) -> tuple[str, list[str], int] | None:
    """Keyword, listed names and line index of the first line of an ``.aux`` file, or None if it is none."""
    for index, line in enumerate(split_lines(data)):
        if not line.strip():
            continue
        keyword, colon, rest = line.partition(b":")
        try:
            names = rest.decode().split()
            word = keyword.strip().decode()
        except UnicodeDecodeError:
            return None
        if colon and word.isidentifier() and any(role_of(name) == "nodes" for name in names):
            return word, names, index
        return None
    return None


def input_files(path: Path, placement: Path | None = None) -> list[Path]:
    """Every file that reading the design depends on, the entry point first (for fingerprints).

    Raises:
        NetlistError: as :func:`find_parts`.
    """
    files = [Path(path), *find_parts(path).files.values(), *([Path(placement)] if placement else [])]
    return list(dict.fromkeys(files))


def listed_in_aux(path: Path) -> bool:
    """True when an ``.aux`` file beside ``path`` lists it (or its packed or unpacked twin)."""
    name = path.name.removesuffix(".gz")
    try:
        beside = [p for p in path.parent.iterdir() if p.name.endswith((".aux", ".aux.gz"))]
        entries = [aux_entry(textio.read_head(p)) for p in beside]
    except (OSError, NetlistError):
        return False
    return any(name in {other.removesuffix(".gz") for other in entry[1]} for entry in entries if entry)


def _from_aux(path: Path) -> Parts:
    entry = aux_entry(textio.read_bytes(path))
    if entry is None:
        raise NetlistError(
            "this is no Bookshelf .aux or .nodes file", file=path, line=1,
            expected="RowBasedPlacement : x.nodes x.nets x.wts x.pl x.scl",
        )  # fmt: skip
    keyword, listed, index = entry
    files: dict[str, Path] = {}
    ignored: list[str] = []
    missing: list[str] = []
    for name in listed:
        role = role_of(name)
        if role is None:
            ignored.append(name)
        elif role in files:
            raise NetlistError(f"two .{role} files are listed", file=path, line=index + 1, found=name)
        else:
            found = existing(path.parent / name)
            if found is None:
                missing.append(name)
            else:
                files[role] = found
    if missing:
        raise NetlistError(
            f"listed files do not exist: {', '.join(missing)}", file=path, line=index + 1,
            expected="each, plain or with .gz, beside the .aux",
        )  # fmt: skip
    if "nets" not in files:
        raise NetlistError("no .nets file is listed", file=path, line=index + 1, found=" ".join(listed))
    return Parts(files, keyword, listed, ignored)


def _from_nodes(path: Path) -> Parts:
    stem = stem_of(path.name)
    files = {"nodes": path}
    for role in ROLES[1:]:
        found = existing(path.with_name(f"{stem}.{role}"))
        if found is not None:
            files[role] = found
    if "nets" not in files:
        raise NetlistError("there is no .nets file beside it", file=path, expected=f"{stem}.nets or {stem}.nets.gz")
    return Parts(files)
