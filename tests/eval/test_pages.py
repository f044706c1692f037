"""Pages with figures need no network."""

from __future__ import annotations

import re
from pathlib import Path

import plotly.graph_objects as go
import pytest

from eval.bench.pages import LIBRARY, page
from tests.conftest import ROOT

RESULTS = sorted((ROOT / "docs" / "results").glob("*.html"))


def loads(text: str) -> list[str]:
    """What a page fetches."""
    return re.findall(r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)\s*=\s*[\"']?([^\"'\s>]+)", text)


def test_a_page_loads_nothing_but_the_library_beside_it() -> None:
    files = page("speed.html", go.Figure(go.Scatter(y=[1, 2])))
    assert loads(files["speed.html"]) == [LIBRARY]
    assert "Plotly.newPlot" in files["speed.html"]
    assert "plotly.js v" in files[LIBRARY][:200]


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.name)
def test_pages_of_results_open_offline(path: Path) -> None:
    for name in loads(path.read_text()):
        assert (path.parent / name).is_file()
