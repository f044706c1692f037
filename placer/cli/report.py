"""``placer report``: ledgers as a site that opens offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = (
    "placer report out/bench/bundled.db",
    "placer report part-*.db --output site --metric hpwl_um",
)


def report(
    ledgers: Annotated[
        list[Path], typer.Argument(help="What placer bench wrote; several count as one.", metavar="LEDGER")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the pages go.")] = Path(
        "out/site"
    ),
    metric: Annotated[
        str | None,
        typer.Option("--metric", help="Figure to compare by, as placer score names it.", show_default="the suite's"),
    ] = None,
    published: Annotated[
        bool, typer.Option("--published/--no-published", help="Show published results beside measured ones.")
    ] = True,
    placements: Annotated[
        bool, typer.Option("--placements/--no-placements", help="Copy the placement files into the site.")
    ] = True,
) -> None:
    """Write a static site: leaderboard, comparisons, a page for each design, raw data; it needs no network."""
    from eval.site import build_site

    print(build_site(ledgers, output, metric=metric, show_published=published, copy_placements=placements))
