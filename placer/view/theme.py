"""Colours and words every drawing shares: light ground, colour-blind-safe, dark enough text."""

from __future__ import annotations

#: Hard macros by group. Okabe & Ito's qualitative palette (2008), lightened so that black marks stay readable on it.
GROUP_COLOURS: tuple[str, ...] = (
    "#7fb2d9",
    "#f2b56b",
    "#6fc3a7",
    "#d99abf",
    "#a8a4d8",
    "#e3d26f",
    "#e08b6a",
    "#9fb0bf",
)
SOFT_FILL, SOFT_LINE = "#e9eef4", "#b3c0cf"
HARD_LINE, MARK = "#33415c", "#22304a"
PORT_COLOUR = "#0b6e69"
BLOCKAGE_FILL, BLOCKAGE_LINE = "#e3dfd8", "#a89f91"
#: Fills that let what lies under them through, for browsers.
BLOCKAGE_CLEAR, SOFT_BLOCKAGE_CLEAR = "rgba(227,223,216,0.55)", "rgba(227,223,216,0.25)"
PARTIAL_BLOCKAGE_CLEAR, FENCE_CLEAR = "rgba(242,233,205,0.45)", "rgba(106,81,163,0.08)"
#: The same on white, for pictures without transparency.
SOFT_BLOCKAGE_FILL, PARTIAL_BLOCKAGE_FILL = "#f5f3f0", "#f6f0dc"
PORT_CLEAR = "rgba(11,110,105,0.6)"
DIE_LINE, ROW_LINE, HALO_LINE = "#7b8798", "#d3d9e1", "#b0583a"
FENCE_LINE, GUIDE_LINE, PIN_COLOUR = "#6a51a3", "#2c7fb8", "#8c2d04"
CANVAS_FILL, CANVAS_LINE = "#ffffff", "#1f2a3d"
GROUND, INK, FAINT = "#f4f6f9", "#1b2536", "#5b6779"
FLYLINE = "#c2185b"
START_COLOUR, END_COLOUR = "#8a96a8", "#0b6e69"

#: Sequential scale for every map: lightness falls steadily, so it also reads in grey and with colour-blind eyes.
HEAT: tuple[str, ...] = ("#fffdf5", "#fee8b8", "#fbc27a", "#f08a4b", "#d34f3d", "#9c2348", "#571845")
#: Scale for the area filled by standard cells, where they are too many to draw one by one.
CELLS: tuple[str, ...] = ("#ffffff", "#dbe5f0", "#b5c8de", "#88a4c4", "#5d7fa6", "#3a5d86")


def scale(colours: tuple[str, ...]) -> list[tuple[float, str]]:
    """Colours as evenly spaced (position, colour) stops in [0, 1]."""
    return [(i / (len(colours) - 1), colour) for i, colour in enumerate(colours)]


def rgb(colour: str) -> tuple[int, int, int]:
    """``#rrggbb`` -> three integers 0..255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
