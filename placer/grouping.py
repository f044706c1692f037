"""From a flat design to a clustered one on disk: groups made or read, soft macros, map, all or nothing."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from netlists.errors import NetlistError
from netlists.formats.textio import atomic_write
from netlists.grouping import Clustered, cluster, group_cells, read_groups, render_map
from netlists.grouping.cells import BALANCE, MAX_FANOUT, cells_to_group
from netlists.grouping.clustered import BLOAT
from placer.conversion import NETLIST_SUFFIXES, PLACEMENT_SUFFIXES

if TYPE_CHECKING:
    from placer.api import Source

#: Map file in a folder, and what follows the stem of a netlist file.
MAP_NAME, MAP_SUFFIX = "groups.txt", ".groups.txt"


def group(
    source: Source,
    target: str | Path | None = None,
    *,
    groups: int | None = None,
    cells_per_group: int | None = None,
    groups_file: str | Path | None = None,
    seed: int = 0,
    balance: float = BALANCE,
    hierarchy: bool = True,
    max_fanout: int = MAX_FANOUT,
    bloat: float = BLOAT,
) -> Clustered:
    """Gather the standard cells of a flat design into soft macros.

    Args:
        source: what :func:`placer.load` takes.
        target: a new folder, or a name ending in ``.pb.txt`` or ``.pb.txt.gz`` (:func:`write_clustered`); None writes
            nothing.
        groups: how many clusters; one for 120 cells, 50 to 1,000, when neither this nor the next two is given.
        cells_per_group: instead, how many cells a cluster has on average.
        groups_file: instead, a file that says where each cell goes: one of the maps written here, or a
            ``groups.final`` of Circuit Training.
        seed: the same design, options and seed give the same clusters.
        balance: largest area of a cluster over the mean, less 1.
        hierarchy: let module names count.
        max_fanout: nets with this many sinks or more are dropped.
        bloat: area of a soft macro over that of its cells.

    Returns:
        Flat and clustered design and the map between them; ``flat_start`` and ``lift`` carry placements over.

    Raises:
        NetlistError: the design cannot be read or has no cells to group, an option makes no sense, the groups file is
            not one of this design, or ``target`` exists or cannot be written.
        ValueError: several of ``groups``, ``cells_per_group`` and ``groups_file`` are given.
    """
    from placer.api import load

    if sum(value is not None for value in (groups, cells_per_group, groups_file)) > 1:
        raise ValueError("groups, cells_per_group and groups_file exclude each other")
    if cells_per_group is not None and cells_per_group < 1:
        raise NetlistError("a group needs at least one cell", found=cells_per_group)
    if target is not None:
        target_files(target)  # what is wrong with it is said before any work
    design = load(source)
    if groups_file is not None:
        found = read_groups(Path(groups_file), design)
        if not (found >= 0).any():
            raise NetlistError(f"design {design.name!r} has no standard cells in groups", file=groups_file)
    else:
        if cells_per_group is not None:
            groups = max(len(cells_to_group(design.netlist)) // cells_per_group, 1)
        found = group_cells(
            design, groups=groups, seed=seed, balance=balance, hierarchy=hierarchy, max_fanout=max_fanout
        )
    out = cluster(design, found, bloat=bloat, max_fanout=max_fanout)
    if target is not None:
        write_clustered(out, target)
    return out


def write_clustered(clustered: Clustered, target: str | Path) -> list[Path]:
    """Write a clustered design as Circuit Training files, with the map of its cells.

    Args:
        clustered: what :func:`group` returned.
        target: a folder that is not there or empty, which gets ``netlist.pb.txt``, ``initial.plc`` and ``groups.txt``;
            or ``NAME.pb.txt`` (``.gz`` compresses), which gets ``NAME.plc`` and ``NAME.groups.txt`` beside it.

    Returns:
        Netlist, placement and map file.

    Raises:
        NetlistError: a file is there already, or cannot be written; nothing is then left behind.
    """
    files = target_files(target)
    netlist, _, map_file = files
    folder = netlist.parent
    stem = None if map_file.name == MAP_NAME else map_file.name.removesuffix(MAP_SUFFIX)
    with _made(folder), tempfile.TemporaryDirectory(prefix=".placer-", dir=folder) as staging:
        from netlists.formats import write_design

        compress = netlist.name.endswith(".gz")
        write_design(clustered.design, Path(staging), format="circuit-training", stem=stem, compress=compress)
        atomic_write(Path(staging) / map_file.name, render_map(clustered))
        moved: list[Path] = []
        try:
            for file in files:
                moved.append(file)
                (Path(staging) / file.name).replace(file)
        except BaseException as error:
            for file in moved:
                file.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise NetlistError(f"cannot write: {error.strerror or error}", file=folder) from None
            raise
    return files


def target_files(target: str | Path) -> list[Path]:
    """The netlist, placement and map file that :func:`write_clustered` makes.

    Args:
        target: see there.

    Raises:
        NetlistError: one of them is there already, or the name is neither that of a netlist nor of a folder.
    """
    target = Path(target)
    plain = target.name.removesuffix(".gz")
    if plain.endswith(".pb.txt") and plain != ".pb.txt" and not target.is_dir():
        stem = plain.removesuffix(".pb.txt")
        files = [target, target.with_name(f"{stem}.plc"), target.with_name(stem + MAP_SUFFIX)]
        taken = next((file for file in files if file.exists()), None)
    else:
        if plain.endswith((*NETLIST_SUFFIXES, *PLACEMENT_SUFFIXES)) and not target.is_dir():
            raise NetlistError(
                "a clustered design is written as a Circuit Training netlist", file=target,
                expected="a folder, or a name ending in .pb.txt or .pb.txt.gz",
            )  # fmt: skip
        files = [target / "netlist.pb.txt", target / "initial.plc", target / MAP_NAME]
        taken = target if target.exists() and not (target.is_dir() and not any(target.iterdir())) else None
    if taken is not None:
        raise NetlistError("this exists already; choose another name", file=taken)
    return files


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """While inside, the folder exists; what was made for it and stayed empty goes away again."""
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NetlistError(f"cannot write here: {error.strerror or error}", file=folder) from None
        yield
    finally:
        for parent in made:
            with contextlib.suppress(OSError):
                parent.rmdir()
