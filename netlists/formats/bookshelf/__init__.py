"""UCLA Bookshelf: ``.aux .nodes .nets .wts .pl .scl``, plain or gzip.

The placement formats of the GSRC bookshelf as the ISPD and ICCAD04 contests use them.

What the reader does with what the files leave open:

* One file unit is one micron. Files hold lower-left corners of the oriented box, the model holds centres; pin offsets
  are from the centre in orientation N in both.
* The canvas is the bounding box of the rows. Without ``.scl``: see ``assume.outline``.
* Kinds: see :func:`read_design`. Pads keep their size.
* A ``.wts`` file weighs nets or nodes; the names tell. Node weights are kept for writing only.
* Driver of a net: the first ``O`` pin, else the first pin.
* Placement grid and routing supply are assumed by the rules in ``assume`` and said in ``Design.notes``.
* Movable macros (or cells) that all share one corner are not placed yet.
* A pin may lie outside its node by 1 % of the node's longer side plus a tenth of the row height.
* ``.route``, ``.shapes`` and other files an ``.aux`` may name are ignored with a note.
"""

from __future__ import annotations

from pathlib import Path

from netlists.formats.bookshelf.lines import header_kind
from netlists.formats.bookshelf.parts import aux_entry, input_files, listed_in_aux
from netlists.formats.bookshelf.read import read_design, read_placement
from netlists.formats.bookshelf.whole import in_whole_units
from netlists.formats.bookshelf.write import write_design, write_placement

__all__ = [
    "NAME",
    "in_whole_units",
    "input_files",
    "read_design",
    "read_placement",
    "sniff",
    "write_design",
    "write_placement",
]

NAME = "bookshelf"


def sniff(path: Path, head: bytes) -> str | None:
    """Tell by content what a file is to this format.

    ``.pl`` and ``.nets`` files look the same in GSRC designs; where a ``.blocks`` and no ``.nodes`` file of the same
    stem lies beside, they are left to that format.

    A ``.nodes`` file is the entry point of its design unless an ``.aux`` beside it lists it.

    Args:
        path: the file; only its neighbours matter, and only for ``.nodes``, ``.pl`` and ``.nets``.
        head: its first bytes after decompression.

    Returns:
        ``"netlist"`` (an entry point), ``"placement"``, ``"part"`` or None.
    """
    if aux_entry(head) is not None:
        return "netlist"
    kind = header_kind(head)
    if kind == "nodes":
        return "part" if listed_in_aux(Path(path)) else "netlist"
    if kind in ("wts", "scl"):
        return "part"
    if kind in ("pl", "nets") and not _belongs_to_blocks(path):
        return "placement" if kind == "pl" else "part"
    return None


def _belongs_to_blocks(path: Path) -> bool:
    folder = Path(path).parent
    try:
        names = {p.name.removesuffix(".gz") for p in folder.iterdir()}
    except OSError:
        return False
    has_nodes = any(name.endswith((".nodes", ".aux")) for name in names)
    return not has_nodes and any(name.endswith(".blocks") for name in names)
