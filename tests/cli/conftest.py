"""A design small enough to place in a test, as files a user would have."""

from __future__ import annotations

from pathlib import Path

import pytest

from netlists.formats import write_design
from netlists.synthesis import SynthesisSpec, synthesize


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with ``netlist.pb.txt`` and ``initial.plc`` of a design with 6 macros; read only."""
    folder = tmp_path_factory.mktemp("tiny")
    write_design(synthesize(SynthesisSpec(num_macros=6, num_cells=400, name="tiny"), seed=1), folder)
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, for commands that write to ``out/``."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
