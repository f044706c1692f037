"""``placer group``: the standard cells of a flat design gathered into soft macros."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from placer.cli._notes import print_notes
from placer.cli._physical import DefFile, LefFiles, TopModule, VerilogFiles, given, load_design

if TYPE_CHECKING:
    from netlists.grouping import Clustered

EXAMPLES = (
    "placer group designs/ibm01.aux out/ibm01",
    "placer group flat.pb.txt out/clusters --groups 800 --seed 3",
    "placer group flat.pb.txt out/again.pb.txt.gz --groups-file groups.final",
    "placer group --lef tech.lef --lef cells.lef --def chip.def out/chip",
)


def group(
    source: Annotated[
        str, typer.Argument(help="Name, file or folder of a flat design; left out with --lef.", metavar="[IN]")
    ],
    target: Annotated[
        Path | None,
        typer.Argument(
            help="New folder, or netlist file ending in .pb.txt or .pb.txt.gz.", metavar="OUT", show_default=False
        ),
    ] = None,
    groups: Annotated[
        int | None, typer.Option("--groups", min=1, help="Clusters.", show_default="a 120th of the cells, 50 to 1,000")
    ] = None,
    cells_per_group: Annotated[
        int | None, typer.Option("--cells-per-group", min=1, help="Cells in a cluster on average, instead.")
    ] = None,
    groups_file: Annotated[
        Path | None,
        typer.Option(
            "--groups-file",
            metavar="FILE",
            help="Take the clusters from a map this command wrote, or from a groups.final of Circuit Training.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Start of every random choice.")] = 0,
    balance: Annotated[float, typer.Option("--balance", help="Largest area of a cluster over the mean, less 1.")] = 0.2,
    hierarchy: Annotated[
        bool, typer.Option("--hierarchy/--no-hierarchy", help="Keep cells of one module together, by their names.")
    ] = True,
    max_fanout: Annotated[int, typer.Option("--max-fanout", min=2, help="Nets of so many sinks are dropped.")] = 500,
    bloat: Annotated[float, typer.Option("--bloat", help="Area of a soft macro over that of its cells.")] = 2.0,
    verilog: VerilogFiles = None,
    top: TopModule = None,
    lef: LefFiles = None,
    def_file: DefFile = None,
) -> None:
    """Gather standard cells into soft macros and write a Circuit Training netlist, placement and map of the cells."""
    from placer import grouping

    files = given(verilog, lef, def_file, top)
    if files and target is None:
        source, target = "", Path(source)
    elif files:
        raise typer.BadParameter("name a design or its files, not both", param_hint="IN")
    if target is None:
        raise typer.BadParameter("say where to write", param_hint="OUT")
    if sum(value is not None for value in (groups, cells_per_group, groups_file)) > 1:
        raise typer.BadParameter("--groups, --cells-per-group and --groups-file exclude each other")
    grouping.target_files(target)
    design = load_design(source or None, None, verilog, top, lef, def_file)
    print_notes(design, Console(stderr=True, highlight=False))
    found = grouping.group(
        design, groups=groups, cells_per_group=cells_per_group, groups_file=groups_file, seed=seed, balance=balance,
        hierarchy=hierarchy, max_fanout=max_fanout, bloat=bloat,
    )  # fmt: skip
    written = grouping.write_clustered(found, target)
    Console(highlight=False).print(_table(found, max_fanout))
    for file in written:
        print(file)


def _table(found: Clustered, max_fanout: int) -> Table:
    """What went in, what came out, and how well the clusters fit nets and hierarchy."""
    from netlists.grouping import measure_groups

    figures = measure_groups(found.flat, found.group_of, max_fanout=max_fanout)
    flat, soft = found.flat.netlist, found.design.netlist
    table = Table(title=escape(flat.name), title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in (
        ("cells", f"{figures.cells:,}"),
        ("cells on no net, left out", f"{figures.left_out:,}"),
        ("clusters", f"{figures.groups:,}"),
        ("cells a cluster", f"{figures.cells / figures.groups:,.1f}"),
        ("area, largest over mean", f"{figures.largest:.3f}"),
        ("area, smallest over mean", f"{figures.smallest:.3f}"),
        ("nets before", f"{flat.num_nets:,}"),
        ("nets after", f"{soft.num_nets:,}"),
        ("pins before", f"{flat.num_connections:,}"),
        ("pins after", f"{soft.num_connections:,}"),
        ("cut nets", f"{figures.cut_nets:,} of {figures.nets:,} ({figures.cut_nets / max(figures.nets, 1):.1%})"),
        ("connectivity", f"{figures.connectivity:,}"),
        ("terminals a cluster", f"{figures.terminals:,.1f}"),
        ("Rent exponent", _number(figures.rent_exponent, ".3f")),
        ("hierarchy agreement", _number(figures.hierarchy_agreement, ".1%")),
    ):
        table.add_row(name, value)
    return table


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)
