"""Sheets about an archive of ``placer improve``."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.bench import improve
from eval.bench.designs import Settings
from netlists.errors import NetlistError
from policies.improve.parts import Genome
from tests.policies.improve_fakes import FakeArena, FakePart, always, run


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    run(folder, always(0.1), generations=1)
    run(folder, always(-0.1), generations=2)
    return folder


def test_the_sheet_has_a_line_for_every_generation(archive: Path) -> None:
    sheet = improve.run(Settings(run=archive))
    assert [(row["generation"], row["parent"], row["status"]) for row in sheet.rows] == [
        (0, None, "promoted"),
        (1, 0, "promoted"),
        (2, 1, "archived"),
    ]
    assert sheet.rows[1]["change"] == pytest.approx(-9.5, abs=2.0)
    assert sheet.rows[1]["designs"] == "4 of 4"
    assert sheet.rows[2]["designs"] == "2 of 4"
    page = sheet.markdown({})
    assert "policy" in page
    assert "6 pairs" in page


def test_the_examination_compares_the_last_with_all_others_on_the_same_runs() -> None:
    def genome(strength: float) -> Genome:
        return Genome((FakePart("policy", strength, always(0.0)),))

    contestants = {"search alone": genome(0.0), "generation 0": genome(0.1), "generation 3": genome(0.3)}
    sheet = improve.compare(FakeArena(noise=0.001), contestants, Settings(seeds=(0, 1), cores=1))
    *rows, total = sheet.rows
    assert len(rows) == improve.EXAM_DESIGNS
    assert all(len(runs) == 2 for row in rows for runs in row["runs"].values())
    assert total["over search alone"] == pytest.approx(-30, abs=0.2)
    assert total["over generation 0"] == pytest.approx(-20, abs=0.2)
    assert total["p generation 0"] == pytest.approx(2 * 2.0**-16)
    assert total["interval generation 0"].startswith("-20.")
    assert all(row["generation 3"] < row["generation 0"] < row["search alone"] for row in rows)


def test_a_folder_must_be_named_and_be_an_archive(tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match="name the archive"):
        improve.run(Settings())
    with pytest.raises(NetlistError, match="no archive"):
        improve.examine(Settings(run=tmp_path))
