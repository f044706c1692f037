"""The benchmark of flat placement: its jobs on a design small enough for a test, its table without any data."""

from __future__ import annotations

import numpy as np
import pytest

from eval.bench import analytic, analytic_jobs
from eval.bench.__main__ import BENCHES, USUAL
from eval.bench.child import JOBS
from eval.bench.designs import Settings
from netlists.formats.bookshelf import write_design
from tests.placer.flat_designs import alternating, flat_design


def test_it_is_one_of_the_usual_measurements():
    assert BENCHES["analytic"] is analytic.run
    assert "analytic" in USUAL


def test_without_data_every_design_is_skipped(tmp_path):
    sheet = analytic.run(Settings(data=tmp_path))
    assert sheet.rows == []
    assert len(sheet.skipped) == len(analytic.DESIGNS)


def test_best_of_the_others_is_a_published_figure_of_each_design():
    assert set(analytic.PUBLISHED) == set(analytic.DESIGNS)
    for figures in analytic.PUBLISHED.values():
        assert {"dreamplace", "dreamplace_s"} <= set(figures)


@pytest.fixture
def written(tmp_path):
    design = alternating(flat_design(1, macros=2, cells=80))
    return str(write_design(design, tmp_path / "design")[0])


def test_a_run_leaves_what_the_others_begin_with(written, tmp_path):
    found = JOBS["flat_ours"](written, "1", "1", str(tmp_path))
    assert found["legal"], found["violations"]
    assert found["hpwl"] > 0
    assert found["all_n"] > 0
    again = JOBS["flat_our_detail"](written, str(tmp_path))
    assert again["hpwl"] == pytest.approx(found["hpwl"], rel=1e-9)


def test_the_row_of_a_design_has_ours_and_says_what_is_missing(written, tmp_path, monkeypatch):
    folder = tmp_path / "data"
    (folder / "bookshelf").mkdir(parents=True)
    monkeypatch.setattr(analytic, "find", lambda settings, relative, skipped: written)
    monkeypatch.setattr(analytic, "run_child", lambda job, *rest, **options: JOBS[job](*rest))
    monkeypatch.setattr(analytic, "find_spec", lambda name: None)
    sheet = analytic.run(Settings(quick=True, data=folder, cores=1))
    (row,) = sheet.rows
    assert row["legal"]
    assert row["ratio"] == pytest.approx(row["all_n"] / analytic.PUBLISHED["ibm01"]["replace_cq"])
    assert row["detail"] == pytest.approx(row["hpwl"], rel=1e-9)
    assert any("chip-placer[peers]" in line for line in sheet.skipped)
    assert "ours / best" in sheet.markdown({})


def test_rough_placements_are_read_without_unpickling(tmp_path):
    np.savez(tmp_path / analytic_jobs.ROUGH, x=np.array([object()]), y=np.zeros(1), orient=np.zeros(1))
    with pytest.raises(ValueError, match="allow_pickle"):
        analytic_jobs._rough(flat_design(0, cells=5), str(tmp_path))
