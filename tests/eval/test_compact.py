"""A published ledger is small, tells nothing about people's machines, and says the same about every run."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.ledger import compact, read_runs
from eval.ledger.compact import MOST_POINTS
from eval.site import build_site
from eval.study import load_study
from netlists.errors import NetlistError
from tests.eval.study_cases import publish

STUDY = "policy-search"


def cost(design: int, method: int, seed: int) -> float | None:
    return None if (design, method, seed) == (0, 1, 2) else 1.0 + 0.1 * design + 0.01 * method + 0.001 * seed


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published ledger; the one it was made from is in ``sources`` beside it."""
    return publish(load_study(STUDY), tmp_path_factory.mktemp("published"), cost)


def test_every_run_keeps_its_figures(target: Path) -> None:
    source = target.parent / "sources" / target.name
    before = {run.key: run for run in read_runs([source]).runs}
    after = read_runs([target]).runs
    assert {run.key for run in after} == set(before)
    for run in after:
        old = before[run.key]
        for name in ("design", "label", "seed", "outcome", "seconds", "placement_sha256", "proxy_cost", "code"):
            assert getattr(run, name) == getattr(old, name)
        assert run.figure("proxy_cost") == old.figure("proxy_cost")
        assert run.machine == {"processor": "slow"}
        assert run.command == "placer study policy-search"
        assert len(run.curve) == MOST_POINTS
        assert (run.curve[0], run.curve[-1]) == (old.curve[0], old.curve[-1])
        assert run.log is None
        assert run.file() is None
        assert run.facts == {"tool": "tool -x"}
    assert target.stat().st_size < 0.5 * source.stat().st_size
    assert sorted(path.name for path in target.parent.iterdir()) == [f"{STUDY}.db", f"{STUDY}.md", "sources"]


def test_nothing_tells_whose_machine_it_was(target: Path) -> None:
    for file in (target, target.with_suffix(".md")):
        content = file.read_bytes()
        for word in (b"/home", b"somebody", b"secret-host"):
            assert word not in content
    assert b"cannot open 'x.so'" in target.read_bytes()


def test_a_site_is_built_from_it(target: Path, tmp_path: Path) -> None:
    before = target.read_bytes()
    assert "policy+search" in build_site([target], tmp_path / "site").read_text()
    assert target.read_bytes() == before


def test_only_chosen_runs_are_copied_and_an_old_copy_is_replaced(target: Path, tmp_path: Path) -> None:
    source, small = target.parent / "sources" / target.name, tmp_path / "small.db"
    keys = [run.key for run in read_runs([source]).runs]
    compact(source, small, keys, command="x")
    compact(source, small, keys[:3], command="x")
    assert {run.key for run in read_runs([small]).runs} == set(keys[:3])


def test_a_ledger_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no ledger at all, only text that is long enough to be looked at\n" * 20)
    for name in ("absent.db", "text.db"):
        with pytest.raises(NetlistError):
            compact(tmp_path / name, tmp_path / "out.db", [], command="x")
    assert not (tmp_path / "out.db").exists()
