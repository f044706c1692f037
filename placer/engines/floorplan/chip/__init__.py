"""The ground of a chip: die, core, rows and tracks from a library, and IO pins on the edges."""

from placer.engines.floorplan.chip.ground import Ground, make_ground, snap_outline
from placer.engines.floorplan.chip.pins import PinRule, assign_pins
from placer.engines.floorplan.chip.rectilinear import core_of, row_spans

__all__ = ["Ground", "PinRule", "assign_pins", "core_of", "make_ground", "row_spans", "snap_outline"]
