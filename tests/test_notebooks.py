"""The notebooks run from top to bottom, with smaller parameters than a reader's, and are kept without outputs."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
#: What stands behind the cell of parameters here, so that all of them take a minute. What is not named is as printed.
SMALL: dict[str, dict[str, Any]] = {
    "01_explore": {"SECONDS": 2.0, "CELLS": 2000, "RENT": (0.5, 0.7)},
    "02_environment": {"REFINE_STEPS": 12},
    "03_train_a_policy": {"SECONDS": 3.0, "COPIES": 4, "PLACE_SECONDS": 0.5, "SHOWN": (2, 12)},
    "04_compare_placers": {
        "DESIGNS": ("synth20",),
        "METHODS": "greedy-wire-mask,search,out/mine.py:mine",
        "SECOND": "greedy-wire-mask",
        "SEEDS": 2,
        "SECONDS": 0.5,
    },
    "05_lefdef_to_handoff": {"ROWS": 2, "COLUMNS": 2, "GATES": 60, "SECONDS": 2.0},
}
#: What Jupyter draws by itself, without a network.
FIGURE = "application/vnd.plotly.v1+json"


def parameters(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The cell tagged as papermill wants it."""
    (cell,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    return cell


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def notebook(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def test_a_notebook_is_kept_without_outputs(notebook: nbformat.NotebookNode) -> None:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert cells
    for cell in cells:
        assert cell.outputs == []
        assert cell.execution_count is None


def test_what_may_be_changed_stands_in_the_first_cell_of_code(path: Path, notebook: nbformat.NotebookNode) -> None:
    cell = parameters(notebook)
    assert cell is next(one for one in notebook.cells if one.cell_type == "code")
    known = set()
    for line in ast.parse(cell.source).body:
        assert isinstance(line, ast.Assign), "values only: nothing in it takes time"
        known |= {name.id for target in line.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    assert set(SMALL[path.stem]) <= known, "a value that is put behind the cell must replace one of it"


def test_links_lead_somewhere(path: Path, notebook: nbformat.NotebookNode) -> None:
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert link.startswith("https://") or (path.parent / link).exists(), link
    for page in re.findall(r"`(docs/[^`]+)`", text):
        assert (ROOT / page).exists(), page


def test_a_notebook_runs_and_draws_without_a_network(
    path: Path, notebook: nbformat.NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a kernel of its own, as a reader's; the first cell that fails is named."""
    # The kernel starts in another folder, and must find these sources there.
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    monkeypatch.delenv("PLOTLY_RENDERER", raising=False)
    small = "\n".join(f"{name} = {value!r}" for name, value in SMALL[path.stem].items())
    notebook.cells.insert(notebook.cells.index(parameters(notebook)) + 1, nbformat.v4.new_code_cell(small))
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output]
    assert sum(FIGURE in output.data for output in outputs) >= 2
    for output in outputs:
        assert not re.search(r"<script[^>]*\ssrc=", output.data.get("text/html", ""))
