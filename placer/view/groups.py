"""Groups of hard macros that belong together, for colouring: by hierarchy in their names, else by size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from netlists.netlist import Netlist
from placer.view.theme import GROUP_COLOURS

#: At most as many groups as there are colours to tell them apart.
MAX_GROUPS = len(GROUP_COLOURS)


def macro_groups(netlist: Netlist, ids: NDArray[np.int64]) -> list[tuple[str, NDArray[np.int64]]]:
    """Split objects into at most ``MAX_GROUPS`` groups of related ones.

    The largest group is split again and again at the next level of the hierarchy in its names (parts between ``/``)
    while the number of groups allows it. Names without hierarchy fall back to equal sizes.

    Args:
        netlist: names and sizes.
        ids: objects to group, in any order.

    Returns:
        (label, ids) of each group, the largest first; every id is in exactly one.
    """
    if not len(ids):
        return []
    groups: dict[tuple[str, ...], list[int]] = {(): [int(i) for i in ids]}
    done: set[tuple[str, ...]] = set()
    while open_keys := [key for key in groups if key not in done]:
        key = max(open_keys, key=lambda k: len(groups[k]))
        parts = _split(netlist, key, groups[key])
        if parts is None or len(groups) - 1 + len(parts) > MAX_GROUPS:
            done.add(key)
            continue
        del groups[key]
        groups.update(parts)
    if len(groups) == 1:
        return _by_size(netlist, ids)
    # What all groups have in common says nothing about any of them.
    shared = 0
    while len({key[shared] if len(key) > shared else None for key in groups}) == 1:
        shared += 1
    found = [
        ("/".join(key[shared:]).rstrip("/") or "top level", np.array(members, np.int64))
        for key, members in groups.items()
    ]
    return sorted(found, key=lambda item: (-len(item[1]), item[0]))


def _split(netlist: Netlist, key: tuple[str, ...], members: list[int]) -> dict[tuple[str, ...], list[int]] | None:
    """Members by the next part of their path in which they differ; None where there is none.

    The last part of a path is an object's own name and does not count. Members that end at a level where others go
    deeper get an empty part of their own.
    """
    paths = [netlist.node_names[i].split("/")[:-1] for i in members]
    while key[-1:] != ("",):
        depth = len(key)
        parts: dict[tuple[str, ...], list[int]] = {}
        for i, path in zip(members, paths, strict=True):
            parts.setdefault((*key, path[depth] if len(path) > depth else ""), []).append(i)
        if len(parts) > 1:
            return parts
        (key,) = parts
    return None


def _by_size(netlist: Netlist, ids: NDArray[np.int64]) -> list[tuple[str, NDArray[np.int64]]]:
    # Rounded: sizes that differ by float noise are one size.
    w, h = np.round(netlist.node_width[ids], 3), np.round(netlist.node_height[ids], 3)
    sizes, which = np.unique(np.stack([w, h], axis=1), axis=0, return_inverse=True)
    which = which.ravel()
    if not 1 < len(sizes) <= MAX_GROUPS:
        return [("hard macros", ids)]
    found = [(f"{w:g} \N{MULTIPLICATION SIGN} {h:g} µm", ids[which == k]) for k, (w, h) in enumerate(sizes)]
    return sorted(found, key=lambda item: (-len(item[1]), item[0]))
