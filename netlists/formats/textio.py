"""Bytes in and out for every reader and writer: plain or gzip, bounded, replaced atomically."""

from __future__ import annotations

import contextlib
import gzip
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from netlists.errors import NetlistError

#: Largest text accepted after decompression; a million-cell flat netlist is about 1 GB.
MAX_TEXT_BYTES = 4 << 30
#: A gzip member that expands more than this, beyond ``_BOMB_FLOOR`` bytes, is refused as a bomb.
_BOMB_RATIO = 200
_BOMB_FLOOR = 64 << 20

#: Files read so far, with size and modification time before reading, while somebody listens.
_reads: ContextVar[list[tuple[Path, int, int]] | None] = ContextVar("reads", default=None)


@contextlib.contextmanager
def recorded_reads() -> Iterator[list[tuple[Path, int, int]]]:
    """Collect (path, size, mtime in ns) of every file :func:`read_bytes` reads inside the ``with`` block."""
    reads: list[tuple[Path, int, int]] = []
    token = _reads.set(reads)
    try:
        yield reads
    finally:
        _reads.reset(token)


def is_gzip(path: Path) -> bool:
    """True when the file starts with the gzip magic number, whatever its name.

    Raises:
        NetlistError: the file cannot be opened.
    """
    try:
        with open(path, "rb") as handle:
            return handle.read(2) == b"\x1f\x8b"
    except OSError as error:
        raise _os_error(error, path) from None


def read_bytes(path: Path, limit: int = MAX_TEXT_BYTES) -> bytes:
    """Whole content of a plain or gzip text file.

    Raises:
        NetlistError: missing, unreadable, a folder, not text, damaged gzip, or larger than ``limit`` bytes.
    """
    return _read(path, limit, whole=True)


def read_head(path: Path, size: int = 4096) -> bytes:
    """First ``size`` bytes after decompression, for format detection.

    Raises:
        NetlistError: missing, unreadable or a damaged gzip file.
    """
    return _read(path, size, whole=False)


def _read(path: Path, limit: int, *, whole: bool) -> bytes:
    path = Path(path)
    reads = _reads.get() if whole else None
    try:
        if reads is not None:
            status = path.stat()
            reads.append((path, status.st_size, status.st_mtime_ns))
        if not is_gzip(path):
            with open(path, "rb") as handle:
                data = handle.read(limit + 1 if whole else limit)
        else:
            packed = path.stat().st_size
            chunks: list[bytes] = []
            size = 0
            with gzip.open(path, "rb") as handle:
                while size <= limit if whole else size < limit:
                    chunk = handle.read(1 << 20 if whole else limit - size)
                    if not chunk:
                        break
                    size += len(chunk)
                    chunks.append(chunk)
                    if whole and size > _BOMB_FLOOR and size > _BOMB_RATIO * packed:
                        raise NetlistError(
                            "the gzip file expands suspiciously and was not read to the end",
                            file=path,
                            found=f"{packed} bytes -> over {size} bytes",
                        )
            data = b"".join(chunks)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise NetlistError(f"the gzip file is damaged or truncated: {error}", file=path) from None
    except OSError as error:
        raise _os_error(error, path) from None
    if whole:
        if len(data) > limit:
            raise NetlistError("the file is too large", file=path, expected=f"at most {limit} bytes")
        if b"\0" in data[:65536]:
            line = data[:65536].split(b"\0", 1)[0].count(b"\n") + 1
            raise NetlistError("this is a binary file, not text", file=path, line=line)
    return data


def atomic_write(path: Path, data: bytes | str) -> Path:
    """Write ``data`` to a temporary file beside ``path``, then rename; gzip when the name ends in ``.gz``.

    An earlier file stays untouched until the new one is complete on disk. Gzip output carries no time stamp, so
    the same data gives the same bytes.

    Raises:
        NetlistError: the folder is missing or read-only, or the disk is full.
    """
    path = Path(path)
    raw = data.encode() if isinstance(data, str) else data
    if path.name.endswith(".gz"):
        raw = gzip.compress(raw, 6, mtime=0)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(raw)
            handle.flush()
            os.fsync(handle.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise NetlistError(f"cannot write: {error.strerror or error}", file=path) from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
    return path


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value


def _os_error(error: OSError, path: Path) -> NetlistError:
    if isinstance(error, FileNotFoundError):
        return NetlistError("no such file", file=path)
    if isinstance(error, IsADirectoryError):
        return NetlistError("this is a folder, not a file", file=path)
    return NetlistError(f"cannot read: {error.strerror or error}", file=path)
