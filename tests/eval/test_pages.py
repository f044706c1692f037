"""Pages with figures need no network where the library lies beside them."""

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
    tags = r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)\s*=\s*[\"']?([^\"'\s>]+)"
    return re.findall(tags, re.sub(r"<script>window\.Plotly \|\|.*?</script>", "", text))


def test_a_page_loads_nothing_but_the_library_beside_it() -> None:
    files = page("speed.html", go.Figure(go.Scatter(y=[1, 2])))
    assert loads(files["speed.html"]) == [LIBRARY]
    assert "Plotly.newPlot" in files["speed.html"]
    assert "plotly.js v" in files[LIBRARY][:200]
    assert files["speed.html"].index(LIBRARY) < files["speed.html"].index("window.Plotly || document.write(")


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.name)
def test_pages_of_results_load_the_library_alone(path: Path) -> None:
    assert loads(path.read_text()) == [LIBRARY]
