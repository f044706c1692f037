"""GSRC and MCNC floorplanning: ``.blocks .nets .pl`` and an optional ``.wts``, plain or gzip.

What the reader does with what the files leave open:

* One file unit is one micron. ``.pl`` files hold lower-left corners, the model holds centres. ``: %25 %-50`` after a
  pin is its offset from the block's centre in percent of the block's width and height; without ``%`` it is in units.
* ``softrectangular area min max``: the ratios are width / height, as in the Parquet floorplanner. The block starts as
  nearly square as they allow. ``DIMS = (w, h)`` in the ``.pl`` beside the design gives it another shape.
* ``hardrectilinear`` blocks with more than four corners are represented by their bounding box; the corners are kept
  for writing.
* The format has no outline; see ``netlists.formats.bookshelf.assume.outline``. Terminals keep their coordinates even
  where they lie outside it.
* Placement grid and routing supply are assumed and said in ``Design.notes``.
* A folder may hold several designs (``n100``, ``n100_soft``): the ``.blocks`` file picks one, and parts it lacks come
  from the design whose name remains when ``_soft`` is dropped.
* Blocks whose positions cannot be disjoint (their bounding box is smaller than their area) are not placed yet.
* A pin may lie outside its block by 1 % of the block's longer side.
"""

from __future__ import annotations

from pathlib import Path

from netlists.formats.bookshelf.lines import header_kind
from netlists.formats.gsrc.read import input_files, read_design, read_placement
from netlists.formats.gsrc.write import write_design, write_placement

__all__ = ["NAME", "input_files", "read_design", "read_placement", "sniff", "write_design", "write_placement"]

NAME = "gsrc"

#: Files of other tools that lie beside the designs (alignment requests, power maps).
_IGNORED = (".alr", ".wpl")


def sniff(path: Path, head: bytes) -> str | None:
    """Tell by content what a file is to this format.

    ``.pl``, ``.nets`` and ``.wts`` files look the same in Bookshelf designs; they are claimed where a ``.blocks`` file
    lies beside.

    Args:
        path: the file; only its neighbours and, for ignored parts, its suffix matter.
        head: its first bytes after decompression.

    Returns:
        ``"netlist"`` (an entry point), ``"placement"``, ``"part"`` or None.
    """
    path = Path(path)
    kind = header_kind(head)
    if kind == "blocks":
        return "netlist"
    if kind in ("pl", "nets", "wts") and _beside_blocks(path):
        return "placement" if kind == "pl" else "part"
    return "part" if path.name.lower().removesuffix(".gz").endswith(_IGNORED) else None


def _beside_blocks(path: Path) -> bool:
    try:
        return any(p.name.removesuffix(".gz").endswith(".blocks") for p in path.parent.iterdir())
    except OSError:
        return False
