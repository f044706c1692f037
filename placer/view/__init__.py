"""Drawing: interactive figures, self-contained reports and static pictures of placements."""

from placer.view.figure import figure
from placer.view.picture import write_image
from placer.view.report import write_report
from placer.view.show import show
from placer.view.side_by_side import side_by_side

__all__ = ["figure", "show", "side_by_side", "write_image", "write_report"]
