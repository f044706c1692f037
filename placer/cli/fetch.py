"""``placer fetch``: an open design from where its authors publish it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from netlists.download import DownloadProgress

EXAMPLES = ("placer list", "placer fetch ibm01", "placer place ibm01")


def fetch(
    name: Annotated[str, typer.Argument(help="A name from placer list.", metavar="NAME")],
) -> None:
    """Download an open design, verify its checksum and keep it; an interrupted download is continued.

    Designs are kept in PLACER_HOME, by default the user's data folder; copies under PLACER_DATA are used as they are.
    Afterwards NAME works as a DESIGN.
    """
    from netlists import catalogue

    with _shown() as progress:
        path = catalogue.fetch(name, progress=progress)
    print(path)


@contextlib.contextmanager
def _shown() -> Iterator[DownloadProgress | None]:
    """A bar for each file on a terminal; silence elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import DownloadColumn, Progress, TransferSpeedColumn

    from netlists.download import DownloadEvent

    with Progress(
        *Progress.get_default_columns(), DownloadColumn(), TransferSpeedColumn(), console=Console(stderr=True)
    ) as bars:
        tasks = {}

        def draw(event: DownloadEvent) -> None:
            if event.file not in tasks:
                tasks[event.file] = bars.add_task(event.file, total=event.total)
            bars.update(tasks[event.file], completed=event.done, total=event.total)

        yield draw
