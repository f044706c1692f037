"""Parsed designs kept on disk, so that a large netlist is parsed once. Safe to delete at any time.

One ``.npz`` file a design, in ``PLACER_CACHE_DIR``, else ``$XDG_CACHE_HOME/chip-placer``, else
``~/.cache/chip-placer``; ``PLACER_CACHE=0`` turns it off. An entry is used only if every file that was read for it
still has the same content (SHA-256), the netlist's folder lists the same files (a placement may have appeared beside
it), and the readers' own source is the same. Entries hold plain arrays, UTF-8 text, JSON and WKB, never pickles. An
entry that is damaged, of another version or of a changed input is ignored and replaced; a folder that cannot be
written is left alone without a word.

Only designs that took :data:`MIN_SECONDS` or longer are kept, and at most :data:`MAX_BYTES`, oldest use first out.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import time
from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from netlists import formats
from netlists.cachedir import cache_dir
from netlists.canvas import Blockage, Canvas, Rows
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats.textio import atomic_write, recorded_reads
from netlists.netlist import Netlist
from netlists.placement import Placement

#: Designs that parse faster than this are not worth a file.
MIN_SECONDS = 0.25
#: Together the entries stay below this size.
MAX_BYTES = 2 << 30

_NAMES = ("node_names", "net_names", "pin_names")
_NETLIST_ARRAYS = (
    "node_kind", "node_width", "node_height", "pin_node", "pin_dx", "pin_dy", "net_ptr", "net_pins", "net_source",
    "net_weight", "pin_dir", "min_aspect", "max_aspect",
)  # fmt: skip
_PLACEMENT_ARRAYS = ("x", "y", "orient", "fixed", "placed")
_ROW_ARRAYS = ("y", "height", "x0", "num_sites", "site_width", "site_spacing", "orient")


def cached_read(path: Path, placement: Path | None = None) -> Design:
    """:func:`netlists.formats.read_design`, from the cache where it holds the design.

    Raises:
        NetlistError: the netlist is wrong.
        PlacementError: the placement is wrong.
    """
    path = Path(path)
    folder = cache_dir()
    if folder is None:
        return formats.read_design(path, placement)
    try:
        entry = folder / _entry_name(path, placement)
        known = entry.is_file()
    except OSError:
        return formats.read_design(path, placement)
    if known:
        design = _load(entry, path, placement)
        if design is not None:
            with contextlib.suppress(OSError):
                os.utime(entry)  # the oldest use goes first
            return design
    started = time.perf_counter()
    neighbours = ""
    with contextlib.suppress(OSError):
        neighbours = _neighbours(path)
    with recorded_reads() as reads:
        design = formats.read_design(path, placement)
    if time.perf_counter() - started >= MIN_SECONDS:
        with contextlib.suppress(NetlistError, OSError):
            _store(entry, design, reads, {"readers": _readers(), "neighbours": neighbours})
    return design


def clear() -> int:
    """Delete every entry; returns how many there were."""
    folder = cache_dir()
    count = 0
    for entry in _entries(folder) if folder is not None else ():
        with contextlib.suppress(OSError):
            entry.unlink()
            count += 1
    return count


# -- keys -----------------------------------------------------------------------------------------------------------


def _entry_name(path: Path, placement: Path | None) -> str:
    """File name of the entry of these two files; a changed input replaces its entry instead of adding one."""
    parts = [str(path.resolve()), str(placement.resolve()) if placement is not None else ""]
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()[:32] + ".npz"


def _neighbours(path: Path) -> str:
    """Digest of the names beside the netlist, where the reader looks for files on its own."""
    names = sorted(p.name for p in path.resolve().parent.iterdir())
    return hashlib.sha256("\0".join(names).encode(errors="surrogateescape")).hexdigest()


@lru_cache(maxsize=1)
def _readers() -> str:
    """Fingerprint of the source that turns files into designs: a changed reader must not meet its old results."""
    digest = hashlib.sha256()
    root = Path(__file__).resolve().parent
    for source in sorted([*root.glob("*.py"), *(root / "formats").rglob("*.py")]):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _digest(path: Path) -> str:
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _entries(folder: Path) -> list[Path]:
    try:
        return [p for p in folder.iterdir() if p.suffix == ".npz" and len(p.stem) == 32]
    except OSError:
        return []


# -- storing --------------------------------------------------------------------------------------------------------


def _store(entry: Path, design: Design, reads: Sequence[tuple[Path, int, int]], key: dict[str, str]) -> None:
    packed = _pack(design)
    if packed is None:
        return
    arrays, meta = packed
    files = []
    for file, size, mtime in reads:
        digest, status = _digest(file), file.stat()
        if (status.st_size, status.st_mtime_ns) != (size, mtime):
            return  # edited while it was read: what we parsed may be neither the old file nor the new one
        files.append([str(file.resolve()), size, digest])
    where = design.placement_path
    if where is not None and design.path is not None and where.parent == design.path.parent:
        where = Path(where.name)
    meta.update(key, files=files)
    meta["placement_path"] = None if where is None else str(where)
    arrays["meta"] = _bytes(json.dumps(meta).encode())
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)  # type: ignore[arg-type]
    if buffer.tell() <= MAX_BYTES:
        atomic_write(entry, buffer.getvalue())
        _trim(entry.parent)


def _trim(folder: Path) -> None:
    """Remove the entries used longest ago until the cache is within its bound."""
    sizes = []
    for entry in _entries(folder):
        with contextlib.suppress(OSError):
            status = entry.stat()
            sizes.append((status.st_mtime_ns, status.st_size, entry))
    total = sum(size for _, size, _ in sizes)
    for _, size, entry in sorted(sizes):
        if total <= MAX_BYTES:
            break
        with contextlib.suppress(OSError):
            entry.unlink()
            total -= size


def _bytes(data: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)


def _pack(design: Design) -> tuple[dict[str, NDArray[Any]], dict[str, Any]] | None:
    """Arrays and JSON of a design; None if its extras hold something neither can carry."""
    n, c = design.netlist, design.canvas
    arrays: dict[str, NDArray[Any]] = {f"netlist.{key}": getattr(n, key) for key in _NETLIST_ARRAYS}
    arrays.update({f"placement.{key}": getattr(design.placement, key) for key in _PLACEMENT_ARRAYS})
    for key in _NAMES:
        arrays[f"names.{key}"] = _pack_names(getattr(n, key))
    scalars = {f.name: getattr(c, f.name) for f in fields(Canvas) if f.name not in ("outline", "rows", "blockages")}
    meta: dict[str, Any] = {
        "name": n.name,
        "format": design.format,
        "notes": list(design.notes),
        "canvas": {key: int(v) if isinstance(v, (int, np.integer)) else float(v) for key, v in scalars.items()},
        "blockages": [[int(b.kind), float(b.density), b.name] for b in c.blockages],
        "extras": [],
    }
    if c.outline is not None:
        arrays["canvas.outline"] = _bytes(shapely.to_wkb(c.outline))
    for i, blockage in enumerate(c.blockages):
        arrays[f"canvas.blockage{i}"] = _bytes(shapely.to_wkb(blockage.polygon))
    if c.rows is not None:
        arrays.update({f"rows.{key}": np.asarray(getattr(c.rows, key)) for key in _ROW_ARRAYS})
        meta["row_symmetry"] = list(c.rows.symmetry)
    for i, (key, value) in enumerate(n.extras.items()):
        if isinstance(value, str):
            meta["extras"].append([key, "text", None])
            arrays[f"extras{i}"] = _bytes(value.encode(errors="surrogatepass"))
        elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
            meta["extras"].append([key, "array", None])
            arrays[f"extras{i}"] = value
        elif value is None or type(value) in (bool, int, float):
            meta["extras"].append([key, "json", value])
        else:
            return None
    return arrays, meta


def _pack_names(names: Sequence[str]) -> NDArray[np.uint8]:
    """Names as one blob: a marker byte, then lines, or JSON where a name has a line break in it."""
    if any("\n" in name for name in names) or tuple(names) == ("",):
        return _bytes(b"J" + json.dumps(list(names)).encode())
    return _bytes(b"L" + "\n".join(names).encode(errors="surrogatepass"))


# -- loading --------------------------------------------------------------------------------------------------------


def _load(entry: Path, path: Path, placement: Path | None) -> Design | None:
    """The design of an entry, or None if the entry is stale or damaged in any way."""
    try:
        with np.load(entry, allow_pickle=False) as data:
            meta = json.loads(data["meta"].tobytes())
            if meta["readers"] != _readers() or meta["neighbours"] != _neighbours(path):
                return None
            for file, size, digest in meta["files"]:
                if Path(file).stat().st_size != size or _digest(Path(file)) != digest:
                    return None
            return _unpack(data, meta, path, placement)
    except Exception:  # whatever is wrong with a cache file, the answer is to parse again
        return None


def _unpack(data: Any, meta: dict[str, Any], path: Path, placement: Path | None) -> Design:  # noqa: ANN401 - NpzFile
    names: dict[str, Any] = {key: _unpack_names(data[f"names.{key}"]) for key in _NAMES}
    extras: dict[str, Any] = {}
    for i, (key, kind, value) in enumerate(meta["extras"]):
        if kind == "text":
            extras[key] = data[f"extras{i}"].tobytes().decode(errors="surrogatepass")
        else:
            extras[key] = data[f"extras{i}"] if kind == "array" else value
    netlist = Netlist(
        name=meta["name"], **names, **{key: data[f"netlist.{key}"] for key in _NETLIST_ARRAYS}, extras=extras
    )
    rows = None
    if "row_symmetry" in meta:
        rows = Rows(**{key: data[f"rows.{key}"] for key in _ROW_ARRAYS}, symmetry=tuple(meta["row_symmetry"]))
    canvas = Canvas(
        **meta["canvas"],
        outline=shapely.from_wkb(data["canvas.outline"].tobytes()) if "canvas.outline" in data else None,
        rows=rows,
        blockages=tuple(
            Blockage(shapely.from_wkb(data[f"canvas.blockage{i}"].tobytes()), kind, density, name)
            for i, (kind, density, name) in enumerate(meta["blockages"])
        ),
    )
    where = meta["placement_path"]
    found = None if where is None else (placement if placement is not None else path.parent / where)
    state = Placement(**{key: data[f"placement.{key}"] for key in _PLACEMENT_ARRAYS})
    return Design(netlist, canvas, state, meta["format"], path, found, tuple(meta["notes"]))


def _unpack_names(blob: NDArray[np.uint8]) -> list[str]:
    raw = blob.tobytes()
    if raw[:1] == b"J":
        return [str(name) for name in json.loads(raw[1:])]
    return raw[1:].decode(errors="surrogatepass").split("\n") if len(raw) > 1 else []
