"""What a reader had to assume, shown to the user once."""

from __future__ import annotations

from rich.console import Console

from netlists.design import Design


def print_notes(design: Design, console: Console) -> None:
    """Print one line for the design and one for each note of its reader.

    Args:
        design: the design just read.
        console: where to print; stderr, so that results can be piped.
    """
    counts = design.netlist.describe()
    names = {
        "hard_macros": "hard macros", "soft_macros": "soft macros", "stdcells": "cells", "ports": "ports",
        "nets": "nets",
    }  # fmt: skip
    told = ", ".join(f"{counts[key]:,} {name}" for key, name in names.items() if counts[key])
    console.print(f"{design.name}: {told}", markup=False, soft_wrap=True)
    for note in design.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
