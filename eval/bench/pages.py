"""Figures as pages that open without a network."""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

#: The drawing library, one file beside all pages of a folder: in every page it would weigh 5 MB each time.
LIBRARY = "plotly.min.js"


def page(name: str, figure: go.Figure) -> dict[str, str]:
    """The files of a page: the page itself and the library it loads from its own folder.

    Args:
        name: of the page's file.
        figure: what it shows.

    Returns:
        File name -> text, as :attr:`eval.bench.sheet.Sheet.files` holds them.
    """
    return {name: figure.to_html(include_plotlyjs="directory", full_html=True), LIBRARY: get_plotlyjs()}
