"""The benchmark's own machinery, on designs small enough for a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from eval.bench import flow, lefdef, parse
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


def test_the_flow_lists_every_design_that_is_absent(tmp_path: Path) -> None:
    sheet = flow.run(Settings(data=tmp_path))
    assert sheet.rows == []
    assert [line.split(":")[0] for line in sheet.skipped] == [case.name for case in flow.CASES]


@pytest.mark.slow
@pytest.mark.open_data
def test_the_flow_keeps_halos_in_the_file_it_writes(open_data: Callable[[str], Path]) -> None:
    (row,) = flow.run(Settings(data=open_data("lefdef").parent, quick=True, time_limit=2.0)).rows
    assert (row["design"], row["macros"], row["placed"], row["legal"]) == ("halos1", 2, 2, True)
    assert row["halo"] == row["outside"] == row["off_lattice"] == row["orientation"] == 0
    assert "ref_proxy" not in row


@pytest.mark.slow
@pytest.mark.open_data
def test_ariane_goes_from_its_files_to_a_legal_def_better_than_the_reference(open_data: Callable[[str], Path]) -> None:
    settings = Settings(data=open_data("lefdef").parent, seeds=(0,), time_limit=60.0, only=("ariane133_asap7",))
    sheet = flow.run(settings)
    assert sheet.skipped == []
    (row,) = sheet.rows
    assert (row["macros"], row["placed"], row["legal"]) == (133, 133, True)
    assert set(row["orientations"].split()[::2]) <= {"N", "S", "FN", "FS"}
    assert row["hpwl"] < row["ref_hpwl"]
    assert row["proxy"] < row["ref_proxy"]
