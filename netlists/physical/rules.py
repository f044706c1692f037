"""Rules that LEF and DEF state themselves: halos, regions, orientations."""

from __future__ import annotations

import fnmatch

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon, box

from netlists.constraints import ANY_ORIENTATION, REGION_FENCE, REGION_GUIDE, Constraints, Region
from netlists.formats.def_ import DefFile
from netlists.formats.def_.data import HARD_HALO
from netlists.formats.lef import Macro
from netlists.netlist import HARD_MACRO, Netlist
from netlists.orientation import FN, FS, N, S
from netlists.physical.bound import component_blockages
from netlists.physical.from_def import full_name
from netlists.physical.record import Physical


def orientation_mask(macro: Macro) -> int:
    """Orientations a master may lie in, as a bit mask: N always, mirrored as its LEF SYMMETRY allows.

    X allows FS, Y allows FN, both allow S as well. Quarter turns are not offered, not even with R90: they turn the
    direction of the transistors, which most processes forbid. A file of constraints may allow them.
    """
    mask = 1 << N
    if "X" in macro.symmetry:
        mask |= 1 << FS
    if "Y" in macro.symmetry:
        mask |= 1 << FN
    if "X" in macro.symmetry and "Y" in macro.symmetry:
        mask |= 1 << S
    return mask


def constraints_of(netlist: Netlist, physical: Physical, orient: NDArray[np.int8]) -> tuple[Constraints, list[str]]:
    """What the LEF and DEF files ask of the nodes.

    Halos are those of the components' ``HALO`` (soft halos keep cells away, not macros, and are left out) and of
    blockages that belong to a macro (:mod:`netlists.physical.bound`). Regions
    are fences unless the file says GUIDE; members come from the components' ``REGION`` and from groups, whose
    patterns may end in ``*``. Hard macros may be mirrored as their LEF SYMMETRY says; an orientation the input has
    already given a macro stays allowed.

    Args:
        netlist: the circuit.
        physical: where its nodes come from, with a DEF file.
        orient: ``[N]`` orientations the input gives.

    Returns:
        The constraints and notes.
    """
    n = netlist.num_nodes
    halo = np.zeros((n, 4))
    mask = np.full(n, ANY_ORIENTATION, np.uint8)
    by_master = np.array([orientation_mask(physical.library.macros[name]) for name in physical.masters], np.uint8)
    hard = netlist.node_kind == HARD_MACRO
    mask[hard] = by_master[physical.master[hard]] | (1 << orient[hard].astype(np.int64)).astype(np.uint8)
    region = np.full(n, -1, np.int32)
    def_file = physical.def_file
    if def_file is None:
        return Constraints(halo, mask, region), []
    notes: list[str] = []
    known = physical.component >= 0
    component = physical.component[known]
    counts = def_file.components.halo_kind[component] == HARD_HALO
    halo[known] = np.where(counts[:, None], def_file.components.halo[component], 0) / def_file.dbu_per_micron
    bound = component_blockages(def_file, physical.library).halos
    for node in np.flatnonzero(np.isin(physical.component, list(bound))).tolist():
        halo[node] = np.maximum(halo[node], bound[int(physical.component[node])])
    regions, number, told = _regions(def_file)
    notes += told
    if regions:
        names = def_file.components.regions
        code = np.array([number.get(name, -1) for name in names] + [-1], np.int32)
        region[known] = code[def_file.components.region[component]]
        notes += _groups(def_file, number, netlist, physical, region)
    return Constraints(halo, mask, region, regions=regions), notes


def _regions(def_file: DefFile) -> tuple[tuple[Region, ...], dict[str, int], list[str]]:
    """Regions, their numbers by name, and notes on empty ones."""
    per_um = def_file.dbu_per_micron
    out: list[Region] = []
    number: dict[str, int] = {}
    notes: list[str] = []
    for region in def_file.regions:
        shape = shapely.union_all([box(a / per_um, b / per_um, c / per_um, d / per_um) for a, b, c, d in region.rects])
        if not isinstance(shape, Polygon | MultiPolygon) or shape.is_empty:
            notes.append(f"region {region.name} is not kept: it is empty")
            continue
        number[region.name] = len(out)
        out.append(Region(region.name, shape, REGION_GUIDE if region.kind == "GUIDE" else REGION_FENCE))
    return tuple(out), number, notes


def _groups(
    def_file: DefFile, number: dict[str, int], netlist: Netlist, physical: Physical, region: NDArray[np.int32]
) -> list[str]:
    """Put the members of groups into their regions; returns notes on patterns that match nothing."""
    notes = []
    nodes = np.flatnonzero(physical.master >= 0)
    names = [netlist.node_names[i] for i in nodes.tolist()]
    index = dict(zip(names, nodes.tolist(), strict=True))
    for group in def_file.groups:
        code = number.get(group.region)
        if code is None:
            continue
        for pattern in group.patterns:
            plain = full_name(pattern, def_file.divider)
            if "*" in plain or "?" in plain:
                literal = "".join(f"[{c}]" if c == "[" else c for c in plain)
                members = [index[name] for name in fnmatch.filter(names, literal)]
            else:
                members = [index[plain]] if plain in index else []
            if not members:
                notes.append(f"group {group.name}: {pattern!r} matches no component")
            region[members] = code
    return notes
