"""The benchmark's own machinery, on designs small enough for a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.bench import lefdef, parse
from eval.bench.__main__ import main
from eval.bench.child import run_child
from eval.bench.designs import Settings, find
from netlists.formats.def_ import read_def


def test_an_absent_design_is_listed_as_skipped(tmp_path: Path) -> None:
    skipped: list[str] = []
    assert find(Settings(data=tmp_path), "ct/nothing", skipped) is None
    assert skipped == [f"ct/nothing: not found under PLACER_DATA ({tmp_path.name}/)"]


def test_without_any_open_design_every_row_is_skipped(tmp_path: Path) -> None:
    sheet = parse.run(Settings(data=tmp_path, quick=True))
    assert sheet.rows == []
    assert len(sheet.skipped) == len(parse.QUICK) + len(lefdef.QUICK)


def test_the_large_def_file_reads_back_as_planned(tmp_path: Path) -> None:
    path = lefdef.write_large(tmp_path / "a.def", components=100)
    d = read_def(path)
    assert (len(d.components), len(d.nets), d.notes) == (100, 100, ())
    assert d.components.status.all()
    assert run_child("read_physical", str(path))["connections"] == len(d.nets.pin)


def test_a_job_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="NetlistError"):
        run_child("read", "no-such-design", "nocache")


def test_an_unknown_measurement_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "nothing"])
    assert "invalid choice" in capsys.readouterr().err
