"""One file from the network to the disk: streamed, resumable, verified, complete or not there at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from netlists.errors import NetlistError

#: Nothing larger is fetched when the catalogue does not give a size.
MAX_BYTES = 4 << 30
_CHUNK = 1 << 17
_TIMEOUT = 30.0
#: A lost connection is picked up again this often before the user has to.
_ATTEMPTS = 4


@dataclass(frozen=True)
class DownloadEvent:
    """How far a download is.

    Attributes:
        file: name of the file.
        done: bytes on disk.
        total: bytes it will have, or None when neither catalogue nor server say.
    """

    file: str
    done: int
    total: int | None


#: Anything that wants to hear about a download.
DownloadProgress = Callable[[DownloadEvent], None]


def download(
    url: str,
    target: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    progress: DownloadProgress | None = None,
    pause: float = 1.0,
) -> str:
    """Fetch ``url`` into ``target``.

    Bytes go to ``<target>.part``; the name appears once size and hash are right. A ``.part`` left by an earlier run is
    continued with a Range request that the server honours only while the file is unchanged (If-Range with its ETag
    or date, RFC 9110 section 13.1.5); otherwise the download starts over. A lost connection is retried from where it
    broke.

    Args:
        url: http or https address.
        target: file to make; its folder must exist.
        size: exact size in bytes, if known.
        sha256: hexadecimal digest, if known.
        progress: called after each chunk; an exception it raises ends the download and leaves the ``.part``.
        pause: seconds before the first retry; doubled each time.

    Returns:
        The file's SHA-256.

    Raises:
        NetlistError: no network, no such file, wrong size or hash (nothing is left behind), or no space.
    """
    if not url.startswith(("https://", "http://")):
        raise NetlistError("only http and https addresses can be fetched", found=url)
    part = _Part(target)
    lost: Exception | None = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            _transfer(url, part, size, progress)
            break
        except (http.client.HTTPException, ConnectionError, TimeoutError) as error:
            lost = error
    else:
        raise NetlistError(
            f"the connection was lost {_ATTEMPTS} times ({_reason(lost)}); {part.length} bytes are kept, "
            "fetch again to continue",
            file=url,
        )
    digest = part.digest()
    if size is not None and part.length != size:
        found = part.length
        part.remove()
        raise NetlistError("the downloaded file has the wrong size", file=url, found=found, expected=f"{size} bytes")
    if sha256 is not None and digest != sha256.lower():
        part.remove()
        raise NetlistError(
            "the downloaded file is not the one in the catalogue: its SHA-256 differs; it was deleted",
            file=url, found=digest, expected=sha256,
        )  # fmt: skip
    part.finish()
    return digest


class _Part:
    """A partial download and the validator it belongs to."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.path = target.with_name(target.name + ".part")
        self.meta = target.with_name(target.name + ".part.json")

    @property
    def length(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def validator(self, url: str) -> str | None:
        """ETag or date of what is here, if it came from ``url``."""
        try:
            known = json.loads(self.meta.read_text())
            return str(known["validator"]) if known["url"] == url and known["validator"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def remember(self, url: str, validator: str | None) -> None:
        self.meta.write_text(json.dumps({"url": url, "validator": validator}))

    def digest(self) -> str:
        if not self.path.exists():
            return hashlib.sha256().hexdigest()
        with open(self.path, "rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()

    def remove(self) -> None:
        for path in (self.path, self.meta):
            path.unlink(missing_ok=True)

    def finish(self) -> None:
        self.path.replace(self.target)
        self.meta.unlink(missing_ok=True)


def _transfer(url: str, part: _Part, size: int | None, progress: DownloadProgress | None) -> None:
    """One request: continue or begin, and stream to the end.

    Raises:
        NetlistError: errors that trying again will not cure.
        HTTPException, ConnectionError, TimeoutError: the connection was lost.
    """
    have = part.length
    validator = part.validator(url)
    if have and (validator is None or (size is not None and have > size)):
        part.remove()
        have = 0
    if have and have == size:
        return  # complete, only not yet verified
    headers = {"User-Agent": "chip-placer", "Accept-Encoding": "identity"}
    if have and validator:
        headers.update({"Range": f"bytes={have}-", "If-Range": validator})
    with contextlib.closing(_open(urllib.request.Request(url, headers=headers), part)) as reply:
        start = _start(reply, have)
        length = reply.headers.get("Content-Length")
        total = start + int(length) if length and length.isdigit() else None
        limit = size if size is not None else MAX_BYTES
        if total is not None and total > limit:
            raise NetlistError("the file is larger than expected", file=url, found=total, expected=f"{limit} bytes")
        etag = reply.headers.get("ETag")
        # A weak ETag may not be used for ranges; a date is the fallback.
        validator = etag if etag and not etag.startswith("W/") else reply.headers.get("Last-Modified")
        done = start
        with _writing(part), open(part.path, "r+b" if start else "wb") as handle:
            part.remember(url, validator)
            handle.seek(start)
            handle.truncate()
            while chunk := _read(reply):
                done += len(chunk)
                if done > limit:
                    raise NetlistError("the file is larger than expected", file=url, expected=f"{limit} bytes")
                handle.write(chunk)
                if progress is not None:
                    progress(DownloadEvent(part.target.name, done, size if size is not None else total))
        if total is not None and done < total:
            raise http.client.IncompleteRead(b"", total - done)


def _read(reply: http.client.HTTPResponse) -> bytes:
    """The next chunk; whatever the network does wrong is a lost connection."""
    try:
        return reply.read(_CHUNK)
    except OSError as error:
        raise http.client.HTTPException(_reason(error)) from None


@contextlib.contextmanager
def _writing(part: _Part) -> Iterator[None]:
    """Disk errors become NetlistErrors."""
    try:
        yield
    except OSError as error:
        why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error.strerror or error)
        raise NetlistError(f"cannot write the download: {why}", file=part.path) from None


def _open(request: urllib.request.Request, part: _Part) -> http.client.HTTPResponse:
    """Open a request; errors that trying again will not cure become NetlistErrors."""
    url = request.full_url
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT)  # type: ignore[no-any-return]
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # what we have is longer than the file is now
            part.remove()
            raise http.client.HTTPException("the file has changed on the server") from None
        if error.code in (404, 410):
            raise NetlistError("there is no such file any more", file=url, found=f"HTTP {error.code}") from None
        if error.code in (429, 500, 502, 503, 504):
            raise http.client.HTTPException(f"HTTP {error.code} {error.reason}") from None
        raise NetlistError("the server refuses", file=url, found=f"HTTP {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, ConnectionResetError | TimeoutError):
            raise error.reason from None
        raise NetlistError(f"cannot reach the server: {_reason(error.reason)}; is there a network?", file=url) from None


def _start(reply: http.client.HTTPResponse, have: int) -> int:
    """Where the reply's bytes belong: after what we have, or at the beginning."""
    if reply.status != 206:
        return 0
    match = re.match(r"bytes (\d+)-", reply.headers.get("Content-Range", ""))
    if match is None or int(match.group(1)) != have:
        raise http.client.HTTPException("the server sent another range than asked for")
    return have


def _reason(error: object) -> str:
    """A short reason without a class name's noise."""
    text = getattr(error, "strerror", None) or str(error)
    return text or type(error).__name__
