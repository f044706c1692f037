"""LEF 5.x: technology (units, grid, sites, layers) and masters (size, pins, obstructions), plain or gzip.

What the reader does with what it meets:

* Lengths stay microns as written; ``ORIGIN`` is kept beside the shapes, not added to them.
* Keywords may be in any case, names may not. ``#`` comments, strings over several lines and ``BEGINEXT`` are skipped.
* Vias, rules and statements that a placer does not need are skipped.
* ``PATH`` wires become one rectangle a segment, half the wire width longer at either end; ``ITERATE`` is unrolled.
* Later files add to earlier ones. A site, layer or master that comes twice keeps its first form; a note says so.
* The access point of a pin is stated in :meth:`Macro.access_points`.
"""

from __future__ import annotations

from netlists.formats.lef.library import Layer, Library, Macro, Shapes, Site
from netlists.formats.lef.read import read_lef
from netlists.formats.lef.write import lef_text, write_lef

__all__ = ["NAME", "Layer", "Library", "Macro", "Shapes", "Site", "lef_text", "read_lef", "write_lef"]

NAME = "lef"
