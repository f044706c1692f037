"""Archives from the network, unpacked as if they were hostile."""

from __future__ import annotations

import errno
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from netlists.errors import NetlistError

#: Limits on what an archive may become.
MAX_UNPACKED_BYTES = 8 << 30
MAX_MEMBERS = 10_000
_CHUNK = 1 << 20


def unpack(archive: Path, folder: Path, *, limit: int = MAX_UNPACKED_BYTES) -> list[Path]:
    """Unpack a tar (plain, gzip, bzip2, xz) or zip archive of plain files.

    Where all files lie in one top folder, that folder is dropped. Modes, owners and times are not restored.

    Args:
        archive: the archive, told by its content.
        folder: made if missing; files are made inside it only.
        limit: most bytes all files together may have.

    Returns:
        The files.

    Raises:
        NetlistError: not an archive, damaged, too large, or a member is a link, a device, or leads outside.
    """
    try:
        names = [name for name, _, _ in _members(archive)]
        drop = _common_folder(names)
        out: list[Path] = []
        total = 0
        for name, size, stream in _members(archive):
            total += size
            if total > limit:
                raise NetlistError("the archive unpacks to too much", file=archive, expected=f"at most {limit} bytes")
            target = folder.joinpath(*name.parts[drop:])
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(stream, target, size, archive)
            out.append(target)
        return out
    except (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError) as error:
        raise NetlistError(f"the archive is damaged: {error}", file=archive) from None
    except OSError as error:
        why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error.strerror or error)
        raise NetlistError(f"cannot unpack: {why}", file=archive) from None


def _members(archive: Path) -> Iterator[tuple[PurePosixPath, int, IO[bytes]]]:
    """Name, size and content of every plain file; everything else is refused or, for folders, passed over."""
    count = 0
    if tarfile.is_tarfile(archive):
        with tarfile.open(archive, "r:*") as tar:
            for info in tar:
                count = _counted(count, archive)
                if info.isdir():
                    continue
                if not info.isreg():
                    raise NetlistError("the archive holds a link or a device", file=archive, found=info.name)
                stream = tar.extractfile(info)
                if stream is not None and not _noise(info.name):
                    yield _safe(info.name, archive), info.size, stream
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for entry in zipped.infolist():
                count = _counted(count, archive)
                if entry.is_dir():
                    continue
                if (entry.external_attr >> 16) & 0o170000 not in (0, 0o100000):
                    raise NetlistError("the archive holds a link or a device", file=archive, found=entry.filename)
                if not _noise(entry.filename):
                    with zipped.open(entry) as stream:
                        yield _safe(entry.filename, archive), entry.file_size, stream
    else:
        raise NetlistError("this is neither a tar nor a zip archive", file=archive)


def _counted(count: int, archive: Path) -> int:
    if count >= MAX_MEMBERS:
        raise NetlistError("the archive has too many members", file=archive, expected=f"at most {MAX_MEMBERS}")
    return count + 1


def _safe(name: str, archive: Path) -> PurePosixPath:
    """The member's relative path.

    Raises:
        NetlistError: it is absolute, leads outside, or cannot be a file name.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    parts = [part for part in path.parts if part != "."]
    if path.is_absolute() or not parts or ".." in parts or ":" in parts[0] or "\0" in name:
        raise NetlistError("a member of the archive leads outside its folder", file=archive, found=name)
    return PurePosixPath(*parts)


def _noise(name: str) -> bool:
    """True for the resource forks macOS adds."""
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or bool(parts and parts[-1].startswith("._"))


def _common_folder(names: list[PurePosixPath]) -> int:
    """Number of leading folders all names share."""
    depth = 0
    while names and all(len(n.parts) > depth + 1 and n.parts[depth] == names[0].parts[depth] for n in names):
        depth += 1
    return depth


def _copy(stream: IO[bytes], target: Path, size: int, archive: Path) -> None:
    """Write exactly the declared size; a member that holds more is a bomb."""
    left = size
    with open(target, "xb") as handle:
        while chunk := stream.read(min(_CHUNK, left + 1)):
            left -= len(chunk)
            if left < 0:
                raise NetlistError("a member of the archive is larger than it says", file=archive, found=target.name)
            handle.write(chunk)
    if left:
        raise NetlistError("a member of the archive is cut off", file=archive, found=target.name)
