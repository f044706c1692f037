"""A study says what was shown, and says so when it was not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from eval.ledger import read_runs
from eval.site.tables import groups
from eval.study import Claim, check_methods, findings, load_study, shipped, study_report
from eval.study.findings import study_group, study_runs
from netlists.errors import NetlistError
from tests.eval.bench_cases import write_cases
from tests.eval.site_cases import write_ledger
from tests.eval.study_cases import write_runs

STUDY = """
title = "Tiny"
suite = "tiny.toml"
methods = ["{methods}:given", "{methods}:shuffled", "{methods}:raises"]
seeds = 2
seconds = 20.0

[[claim]]
text = "Nothing that two seeds could tell."
first = "given"
second = "shuffled"
"""


def declared(folder: Path) -> Path:
    _, methods = write_cases(folder)
    path = folder / "study.toml"
    path.write_text(STUDY.format(methods=methods))
    return path


def test_claims_are_judged_by_their_interval(tmp_path: Path) -> None:
    (group,) = groups(read_runs([write_ledger(tmp_path)]).runs)
    mean = group.versus("fine", "rough").mean
    study = load_study(declared(tmp_path))
    claims = (
        Claim("less", "fine", "rough"),
        Claim("much less", "fine", "rough", mean.low / 2),
        Claim("about that much", "fine", "rough", mean.value),
        Claim("better than one that never works", "fine", "broken"),
    )
    found = findings(replace(study, claims=claims), group)
    assert [one.verdict for one in found] == ["shown", "refuted", "not shown", "not shown"]
    text = study_report(replace(study, claims=claims), group, found, [("design", "gone", "not here")])
    shown, refuted, not_shown = (
        text.partition(f"## {title}")[2].partition("##")[0]
        for title in ("What was shown", "What was refuted", "What was not shown")
    )
    assert "- less (" in shown
    assert "much less" in refuted
    assert "never works" in not_shown
    assert "- design gone: not here" in text


def test_the_command_runs_judges_and_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from placer.cli import run

    out, small = tmp_path / "out", tmp_path / "kept" / "tiny.db"
    assert run(["study", str(declared(tmp_path)), "--output", str(out), "--publish", str(small)]) == 0
    text = (out / "report.md").read_text()
    assert "## What was shown\n\nNothing." in text
    assert "not enough seeds to tell" in text
    assert (out / "site" / "index.html").is_file()
    assert "not enough seeds to tell: Nothing that two seeds" in capsys.readouterr().out
    runs = read_runs([out / "runs.db"]).runs
    assert len(runs) == 2 * (1 + 2 + 2)
    kept = read_runs([small]).runs
    assert [one.proxy_cost for one in kept] == [one.proxy_cost for one in runs]
    assert {one.command for one in kept} == {"placer study study"}
    report = small.with_suffix(".md").read_text()
    assert "`placer report tiny.db`" in report
    assert "Measured on:" in report
    assert str(tmp_path).encode() not in small.read_bytes() + report.encode()


def test_a_run_is_the_studys_only_by_the_same_code(tmp_path: Path) -> None:
    study = load_study("open-ct")
    runs = read_runs([write_runs(study, tmp_path / "runs.db", lambda d, m, s: 1.0)]).runs
    assert study_runs(study, runs) == []  # their code is not that of today
    assert len(study_group(study, runs).designs) == 5
    other = replace(study, settings=replace(study.settings, seconds=31.0))
    assert study_group(other, runs) is None


@pytest.mark.parametrize(
    ("cost", "verdict"),
    [
        (lambda d, m, s: 1.0 + 0.1 * s - 0.01 * m, "refuted"),
        (lambda d, m, s: 1.0 + 0.1 * s + 0.01 * m, "shown"),
        (lambda d, m, s: 1.0 + (0.1 if (d + m + s) % 2 else 0.0), "not shown"),
        (lambda d, m, s: None if (d, m, s) == (2, 0, 3) else 1.0 + 0.1 * s + 0.01 * m, "not shown"),
        (lambda d, m, s: 1.0 + 0.01 * m if d == 0 and s < 3 else None, "not enough seeds to tell"),
        (lambda d, m, s: None, "not shown"),
    ],
)
def test_a_paired_claim_is_judged_by_its_pairs(
    tmp_path: Path, cost: Callable[[int, int, int], float | None], verdict: str
) -> None:
    study = load_study("policy-search")
    group = study_group(study, read_runs([write_runs(study, tmp_path / "runs.db", cost)]).runs)
    (found,) = findings(study, group)
    assert found.verdict == verdict
    text = study_report(study, group, [found], [])
    assert f"({verdict}: {found.reason}.)" in text
    assert "| policy+search / search | from | to |" in text


def test_the_shipped_studies_can_be_run() -> None:
    for name in shipped():
        study = load_study(name)
        check_methods(study)
        assert study.name == name
        assert study.about


def test_a_paired_claim_needs_methods_that_use_seeds(tmp_path: Path) -> None:
    path = declared(tmp_path)
    path.write_text(path.read_text() + "paired = true\n")
    with pytest.raises(NetlistError, match="use seeds"):
        check_methods(load_study(path))


def test_the_studies_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    from placer.cli import run

    assert run(["study", "--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(shipped())
    assert run(["study"]) == 2
    assert run(["study", "no-such-study"]) == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('first = "given"', 'first = "nobody"', "methods of the study"),
        ("seconds = 20.0", "seconds = 20.0\niterations = 5", "not by both"),
        ('text = "Nothing', 'words = "Nothing', "a claim has"),
        ("seeds = 2", "seeds = 0", "needs seeds"),
        ("seeds = 2", "colour = 2", "unknown key"),
        ("seeds = 2", 'designs = ["one", "three"]', "no such design"),
        ('second = "shuffled"', 'second = "shuffled"\nat_most = 0.0', "above 0"),
        ('second = "shuffled"', 'second = "shuffled"\npaired = 1', "true or false"),
    ],
)
def test_a_wrong_declaration_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = declared(tmp_path)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(NetlistError, match=message):
        load_study(path)


def test_a_study_claims_something(tmp_path: Path) -> None:
    path = declared(tmp_path)
    path.write_text(path.read_text().partition("[[claim]]")[0])
    with pytest.raises(NetlistError, match="at least one"):
        load_study(path)
