"""Floorplanning: blocks in an outline; die, core, rows, tracks and IO pins of a chip."""
