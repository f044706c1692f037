"""``placer fetch``: an open design from where its authors publish it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

EXAMPLES = ("placer list", "placer fetch ibm01", "PLACER_DATA=~/designs placer fetch ariane133_ng45")


def fetch(
    name: Annotated[str, typer.Argument(help="A name from placer list.", metavar="NAME")],
) -> None:
    """Download an open design, verify its checksum and keep it; an interrupted download is continued.

    Designs are kept under PLACER_DATA, or in the user's cache folder; afterwards NAME works as a DESIGN.
    """
    from netlists import catalogue

    Console(highlight=False).print(str(catalogue.fetch(name)), soft_wrap=True)
