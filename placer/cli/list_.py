"""``placer list``: the designs that have a name."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

EXAMPLES = ("placer list", "placer list --json")


def list(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array on stdout.")] = False,
) -> None:
    """List the bundled designs and the open ones that placer fetch can get, with source, licence and size."""
    from netlists import catalogue
    from placer.cli._tables import catalogue_table

    entries = catalogue.entries()
    if as_json:
        print(json.dumps([catalogue_record(entry) for entry in entries], indent=2, sort_keys=True))
    else:
        Console(highlight=False).print(catalogue_table(entries))
