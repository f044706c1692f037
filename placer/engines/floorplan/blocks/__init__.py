"""Floorplans of blocks: sequence pairs annealed for wirelength inside an outline, shapes and positions by LP."""

from placer.engines.floorplan.blocks.run import BlockResult, floorplan_blocks

__all__ = ["BlockResult", "floorplan_blocks"]
