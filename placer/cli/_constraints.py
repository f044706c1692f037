"""The option every command shares that reads a design and keeps rules."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ConstraintsFile = Annotated[
    Path | None,
    typer.Option(
        "--constraints",
        "-c",
        metavar="FILE",
        help="TOML file of halos, channels, fences, blockages, fixed macros and other rules to keep.",
    ),
]
