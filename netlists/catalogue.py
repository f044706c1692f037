"""Designs with a name: the ones that ship in the package, and open ones that can be fetched.

``catalogue.toml`` lists where each open design is published, under which licence, and - where somebody has checked
the file - its size and SHA-256. A file without a known hash is trusted on first use: its hash is recorded in the
user's data folder, said so in the log, and every later download must match it.

Folders: fetched designs live in ``$PLACER_HOME`` or ``$XDG_DATA_HOME/chip-placer`` (default
``~/.local/share/chip-placer``); ``PLACER_DATA`` names folders (separated by ``:``) with local copies, read only.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from netlists import bundled
from netlists.download import DownloadProgress, download
from netlists.errors import NetlistError
from netlists.formats.textio import atomic_write
from netlists.unpack import unpack

_TOML = Path(__file__).with_name("catalogue.toml")
_RECORD = ".source.json"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RemoteFile:
    """One file of a design.

    Attributes:
        name: name on disk.
        url: where it is published.
        size: bytes, or None where nobody has checked.
        sha256: hexadecimal digest, or None likewise.
        unpack: it is an archive whose content is the design.
    """

    name: str
    url: str
    size: int | None = None
    sha256: str | None = None
    unpack: bool = False


@dataclass(frozen=True)
class Entry:
    """A named design.

    Attributes:
        name: what the user types.
        format: file format, as ``Design.format``.
        description: one line.
        source: web page of the publisher.
        licence: SPDX identifier, or what the publisher says in its place.
        files: what to fetch; empty for bundled designs.
        local: paths under ``PLACER_DATA`` where a copy is looked for.
        bundled: ships in the package.
    """

    name: str
    format: str
    description: str
    source: str
    licence: str
    files: tuple[RemoteFile, ...] = ()
    local: tuple[str, ...] = ()
    bundled: bool = False

    @property
    def size(self) -> int | None:
        """Bytes to fetch (bundled: bytes on disk), or None where not all are known."""
        if self.bundled:
            return sum(path.stat().st_size for path in bundled.folder(self.name).iterdir() if path.is_file())
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def verified(self) -> bool:
        """The SHA-256 of every file is known."""
        return self.bundled or all(file.sha256 is not None for file in self.files)


def entries() -> tuple[Entry, ...]:
    """All named designs: the bundled ones, then the open ones in the catalogue's order."""
    return _entries()


def names() -> tuple[str, ...]:
    """Names of all designs, in the order of :func:`entries`."""
    return tuple(entry.name for entry in _entries())


def entry(name: str) -> Entry:
    """The entry of a name.

    Raises:
        NetlistError: there is no such design.
    """
    for item in _entries():
        if item.name == name:
            return item
    raise NetlistError(f"no design is called {name!r}", expected="a name that 'placer list' shows")


def home() -> Path:
    """Folder that fetched designs live in; it may not exist yet."""
    if os.environ.get("PLACER_HOME"):
        return Path(os.environ["PLACER_HOME"]).expanduser()
    base = os.environ.get("XDG_DATA_HOME")
    # The XDG specification says that a relative path is invalid and to be ignored.
    root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "share"
    return root / "chip-placer"


def local_path(name: str) -> Path | None:
    """Folder (or netlist file, where a folder holds several designs) of a design on this machine, or None.

    Looks among the bundled designs, then the fetched ones, then under the ``PLACER_DATA`` folders, where a copy may lie
    at the catalogue's path or in a folder of the design's name. An unknown name is not on this machine.
    """
    try:
        item = entry(name)
    except NetlistError:
        return None
    if item.bundled:
        return bundled.folder(name)
    fetched = home() / "designs" / name
    if (fetched / _RECORD).is_file():
        return fetched
    for root in filter(None, os.environ.get("PLACER_DATA", "").split(os.pathsep)):
        for relative in (*item.local, name):
            path = Path(root).expanduser() / relative
            if path.is_file() or (path.is_dir() and any(path.iterdir())):
                return path
    return None


def fetch(name: str, *, progress: DownloadProgress | None = None, base_url: str | None = None) -> Path:
    """Bring a design to this machine, unless it is here already.

    Files are downloaded one after the other into a staging folder, continued if an earlier run was interrupted, checked
    against size and SHA-256, and moved into place together: a design is there completely or not at all.

    Args:
        name: a catalogue name.
        progress: hears :class:`netlists.download.DownloadEvent`; raising from it interrupts.
        base_url: mirror to use: files are taken from ``<base_url>/<name>/<file name>``.

    Returns:
        The design's folder, usable as a DESIGN.

    Raises:
        NetlistError: unknown name, no network, a file is gone, too large or not the one expected, or no space.
    """
    item = entry(name)
    found = local_path(name)
    return found if found is not None else fetch_entry(item, progress=progress, base_url=base_url)


def fetch_entry(item: Entry, *, progress: DownloadProgress | None = None, base_url: str | None = None) -> Path:
    """Download an entry's files; see :func:`fetch`. An earlier copy is replaced.

    Raises:
        NetlistError: as :func:`fetch`.
    """
    final = home() / "designs" / item.name
    staging = home() / "partial" / item.name
    try:
        staging.mkdir(parents=True, exist_ok=True)
        final.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NetlistError(f"cannot make the folder for designs: {error.strerror or error}", file=home()) from None
    with _alone(staging.with_name(f"{item.name}.lock")):
        record = []
        try:
            for file in item.files:
                url = file.url if base_url is None else f"{base_url.rstrip('/')}/{item.name}/{file.name}"
                record.append(_one(item, file, url, staging / file.name, progress))
            return _install(item, staging, final, record)
        except OSError as error:
            raise NetlistError(f"cannot put the design in place: {error.strerror or error}", file=final) from None
        finally:
            with contextlib.suppress(OSError):
                staging.rmdir()  # goes only if nothing is left to continue from


def _one(
    item: Entry, file: RemoteFile, url: str, target: Path, progress: DownloadProgress | None
) -> dict[str, str | int]:
    """Download and verify one file; returns what is known about it now."""
    expected = file.sha256 or _recorded(file.url)
    if target.is_file() and expected is not None:  # finished by an earlier run that stopped at a later file
        digest = _sha256(target)
        if digest == expected:
            return {"name": file.name, "url": url, "size": target.stat().st_size, "sha256": digest}
    target.unlink(missing_ok=True)
    digest = download(url, target, size=file.size, sha256=expected, progress=progress)
    if expected is None:
        _record(file.url, digest)
        _log.warning(
            "%s: the catalogue has no checksum for %s; trusting this first download, SHA-256 %s is now recorded in %s",
            item.name, file.name, digest, home() / "hashes.json",
        )  # fmt: skip
    return {"name": file.name, "url": url, "size": target.stat().st_size, "sha256": digest}


def _sha256(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _install(item: Entry, staging: Path, final: Path, record: list[dict[str, str | int]]) -> Path:
    """Unpack archives and swap the complete folder into place."""
    ready = staging.with_name(f"{item.name}.ready")
    shutil.rmtree(ready, ignore_errors=True)
    ready.mkdir()
    try:
        for file in item.files:
            path = staging / file.name
            if file.unpack:
                try:
                    unpack(path, ready)
                finally:
                    path.unlink(missing_ok=True)
            else:
                path.replace(ready / file.name)
        text = json.dumps(
            {"name": item.name, "source": item.source, "licence": item.licence, "files": record}, indent=2
        )
        (ready / _RECORD).write_text(text + "\n")
        shutil.rmtree(final, ignore_errors=True)
        ready.replace(final)
    finally:
        shutil.rmtree(ready, ignore_errors=True)
        shutil.rmtree(staging, ignore_errors=True)
    return final


def _recorded(url: str) -> str | None:
    """Hash seen when this address was first used."""
    try:
        value = json.loads((home() / "hashes.json").read_text()).get(url)
    except (OSError, ValueError, AttributeError):
        return None
    return value if isinstance(value, str) else None


def _record(url: str, digest: str) -> None:
    path = home() / "hashes.json"
    known: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        known = dict(json.loads(path.read_text()))
    known[url] = digest
    atomic_write(path, json.dumps(known, indent=2, sort_keys=True) + "\n")


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock file, so that two fetches of one design do not write into each other's files."""
    with open(lock, "w") as handle:
        try:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass  # no flock on this system: the hash check still catches a mix-up
        except OSError:
            raise NetlistError("another process is fetching this design right now", file=lock) from None
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


@functools.cache
def _entries() -> tuple[Entry, ...]:
    own = tuple(
        Entry(
            name, "circuit-training", bundled.describe(name), "made by netlists.synthesis, ships in the package",
            "Apache-2.0", bundled=True,
        )
        for name in bundled.names()
    )  # fmt: skip
    return own + parse(_TOML.read_text())


def parse(text: str) -> tuple[Entry, ...]:
    """Entries of a catalogue file.

    Raises:
        NetlistError: the text is not a catalogue.
    """
    try:
        data = tomllib.loads(text)
        return tuple(
            Entry(
                name=item["name"], format=item["format"], description=item["description"],
                source=item["source"], licence=item["licence"], local=tuple(item.get("local", ())),
                files=tuple(RemoteFile(**file) for file in item["files"]),
            )
            for item in data["design"]
        )  # fmt: skip
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise NetlistError(f"the catalogue cannot be read: {error}", file=_TOML) from None
