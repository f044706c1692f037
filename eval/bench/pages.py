"""Figures as pages that need no network on the machine that made them."""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs, get_plotlyjs_version

#: The drawing library, one file beside all pages of a folder: in every page it would weigh 5 MB each time.
LIBRARY = "plotly.min.js"
#: Where a page goes on alone, without the folder it was made in: the library is not kept with stored results.
_ELSEWHERE = (
    "<script>window.Plotly || document.write("
    "'<script src=\"https://cdn.plot.ly/plotly-{version}.min.js\"><\\/script>')</script>"
)


def page(name: str, figure: go.Figure) -> dict[str, str]:
    """The files of a page: the page itself and the library it loads from its own folder, or else from Plotly's site.

    Args:
        name: of the page's file.
        figure: what it shows.

    Returns:
        File name -> text, as :attr:`eval.bench.sheet.Sheet.files` holds them.
    """
    text = figure.to_html(include_plotlyjs="directory", full_html=True)
    begin = f'src="{LIBRARY}"></script>'
    text = text.replace(begin, begin + _ELSEWHERE.format(version=get_plotlyjs_version()), 1)
    return {name: text, LIBRARY: get_plotlyjs()}
