"""``placer synth``: a made-up design with realistic statistics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from placer.cli._notes import print_notes

EXAMPLES = (
    "placer synth 50 --output out/synth50/netlist.pb.txt",
    "placer synth 200 --cells 100000 --flat --output out/big.aux",
    "placer synth 20 --utilisation 0.7 --seed 3 --output out/dense.pb.txt",
)


def synth(
    macros: Annotated[int, typer.Argument(help="Hard macros.", metavar="MACROS", min=1)],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Netlist file to write.")],
    cells: Annotated[int | None, typer.Option("--cells", help="Standard cells.", show_default="600 a macro")] = None,
    flat: Annotated[bool, typer.Option("--flat", help="Keep every standard cell instead of clustering them.")] = False,
    utilisation: Annotated[float, typer.Option("--utilisation", help="Share of the canvas that is used.")] = 0.6,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="The same seed gives the same design.")] = 0,
    format: Annotated[
        str | None,
        typer.Option("--format", "-f", help="circuit-training, bookshelf or gsrc.", show_default="from FILE's name"),
    ] = None,
) -> None:
    """Make a design: memory arrays with shared buses, Rent's rule, hierarchy in the names, ports on the edge."""
    from netlists.synthesis import SynthesisSpec, synthesize
    from placer import api

    spec = SynthesisSpec(num_macros=macros, num_cells=cells, clustered=not flat, utilisation=utilisation)
    design = synthesize(spec, seed=seed)
    print_notes(design, Console(stderr=True, highlight=False))
    for file in api.convert(design, output, format=format):
        print(file)
