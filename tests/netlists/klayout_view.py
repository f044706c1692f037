"""What KLayout sees in a DEF file and its LEF files: the independent reader ours is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

#: KLayout's names of the eight orientations (rotation or mirror axis in degrees).
ORIENT = {"r0": "N", "r90": "W", "r180": "S", "r270": "E", "m0": "FS", "m45": "FW", "m90": "FN", "m135": "FE"}


class Seen(NamedTuple):
    """One component as KLayout shows it.

    Attributes:
        master: name of its cell.
        orient: DEF orientation name.
        box: left, bottom, right, top of its outline as placed, database units.
    """

    master: str
    orient: str
    box: tuple[int, int, int, int]


def _options(lef_paths: Sequence[Path], dbu_per_micron: int) -> Any:
    db = pytest.importorskip("klayout.db")
    options = db.LoadLayoutOptions()
    config = options.lefdef_config
    config.read_lef_with_def = False
    config.lef_files = [str(path) for path in lef_paths]
    config.macro_resolution_mode = 1  # the LEF is all there is, whatever FOREIGN says
    config.produce_cell_outlines = True
    config.cell_outline_layer = "OUTLINE (990/0)"
    for produce in ("routing", "via_geometry", "special_routing", "fills", "labels", "lef_labels"):
        setattr(config, f"produce_{produce}", False)
    config.instance_property_name = "name"
    config.dbu = 1 / dbu_per_micron
    options.lefdef_config = config
    return options


def masters(lef_path: Path, technology: Sequence[Path], dbu_per_micron: int) -> dict[str, dict[str, Any]]:
    """Shapes of the masters of one LEF file by layer: ``OUTLINE``, ``M1.PIN``, ``M1.OBS``, ... as merged regions."""
    db = pytest.importorskip("klayout.db")
    layout = db.Layout()
    layout.read(str(lef_path), _options(technology, dbu_per_micron))
    return {
        cell.name: {
            layout.get_info(layer).name: db.Region(cell.begin_shapes_rec(layer)).merged()
            for layer in layout.layer_indexes()
        }
        for cell in layout.each_cell()
    }


def design_pins(def_path: Path, lef_paths: Sequence[Path], dbu_per_micron: int) -> dict[str, Any]:
    """Shapes of the pins of the design by layer, as merged regions."""
    db = pytest.importorskip("klayout.db")
    layout = db.Layout()
    layout.read(str(def_path), _options(lef_paths, dbu_per_micron))
    (top,) = layout.top_cells()
    found = {layout.get_info(i).name: db.Region(top.shapes(i)).merged() for i in layout.layer_indexes()}
    return {name[:-4]: region for name, region in found.items() if name.endswith(".PIN") and not region.is_empty()}


def components(def_path: Path, lef_paths: Sequence[Path], dbu_per_micron: int) -> dict[str, Seen]:
    """Placed components by name, without backslashes. KLayout shows no unplaced ones."""
    db = pytest.importorskip("klayout.db")
    layout = db.Layout()
    layout.read(str(def_path), _options(lef_paths, dbu_per_micron))
    outline = next(i for i in layout.layer_indexes() if layout.get_info(i).name == "OUTLINE")
    (top,) = (cell for cell in layout.top_cells() if any(True for _ in cell.each_inst()) or cell.bbox().area())
    found = {}
    for instance in top.each_inst():
        box = instance.bbox(outline)
        orient = ORIENT[str(instance.trans).split()[0]]
        found[str(instance.property("name"))] = Seen(
            instance.cell.name, orient, (box.left, box.bottom, box.right, box.top)
        )
    return found
