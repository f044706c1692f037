"""``placer list``: the designs that have a name."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any

import typer

from netlists.catalogue import Entry, entries, entry, local_path

EXAMPLES = ("placer list", "placer list ibm01", "placer list --json")


def list_designs(
    name: Annotated[str | None, typer.Argument(help="Tell everything about one design.", metavar="NAME")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array on stdout.")] = False,
) -> None:
    """List the bundled designs and the open ones that placer fetch can get, with source, licence and size."""
    chosen = entries() if name is None else (entry(name),)
    if as_json:
        print(json.dumps([_record(item) for item in chosen], indent=2, sort_keys=True))
        return
    for line in catalogue_lines(chosen) if name is None else entry_lines(chosen[0]):
        print(line)


def catalogue_lines(designs: Iterable[Entry]) -> list[str]:
    """One line for each named design, then one for each origin.

    Args:
        designs: what :func:`netlists.catalogue.entries` returns.
    """
    origins: dict[tuple[str, str], int] = {}
    rows = [("name", "here", "size", "format", "from", "what it is")]
    for item in designs:
        number = origins.setdefault((item.licence, item.source), len(origins) + 1)
        size = _bytes(item.size) + (" " if item.verified else "*")
        rows.append((item.name, _here(item), size, item.format, f"[{number}]", item.description))
    w = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = [
        f"{name:<{w[0]}}  {here:<{w[1]}}  {size:>{w[2]}}  {form:<{w[3]}}  {number:>{w[4]}}  {about}"
        for name, here, size, form, number, about in rows
    ]
    lines += ["", *(f"[{number}] {licence}: {source}" for (licence, source), number in origins.items())]
    return [*lines, "  * nobody has checked this download yet; the first one's checksum is recorded and kept to"]


def entry_lines(item: Entry) -> list[str]:
    """Everything about one design.

    Args:
        item: an entry of the catalogue.
    """
    path = local_path(item.name)
    lines = [
        f"{item.name}: {item.description}",
        f"  format   {item.format}",
        f"  licence  {item.licence}",
        f"  source   {item.source}",
        f"  here     {_here(item)}{'' if path is None else f', {path}'}",
        f"  size     {_bytes(item.size)}",
    ]
    for file in item.files:
        lines += [
            f"  file     {file.name}, {_bytes(file.size)}",
            f"           {file.url}",
            f"           SHA-256 {file.sha256 or 'recorded at the first download'}",
        ]
    return lines


def _here(item: Entry) -> str:
    return "bundled" if item.bundled else "yes" if local_path(item.name) is not None else "no"


def _bytes(size: int | None) -> str:
    if size is None:
        return "?"
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _record(item: Entry) -> dict[str, Any]:
    path = local_path(item.name)
    return {
        **asdict(item),
        "path": None if path is None else str(path),
        "size": item.size,
        "verified": item.verified,
    }
