"""Standard cells gathered into clusters for macro placement, and placements carried over and back.

``group_cells`` decides which cells stay together, ``cluster`` makes soft macros of them by Circuit Training's rules,
and the :class:`Clustered` it returns turns placements of either form into the other. ``read_groups`` and ``render_map``
read and write which cell is where; ``measure_groups`` says how good a grouping is.
"""

from netlists.grouping.cells import group_cells, usual_groups
from netlists.grouping.clustered import Clustered, cluster, fitting_bloat
from netlists.grouping.mapfile import read_groups, render_map
from netlists.grouping.modules import modules_of
from netlists.grouping.quality import GroupFigures, measure_groups

__all__ = [
    "Clustered",
    "GroupFigures",
    "cluster",
    "fitting_bloat",
    "group_cells",
    "measure_groups",
    "modules_of",
    "read_groups",
    "render_map",
    "usual_groups",
]
