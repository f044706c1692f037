"""A study says what was shown, and says so when it was not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eval.ledger import read_runs
from eval.site.tables import groups
from eval.study import Claim, findings, load_study, study_report
from netlists.errors import NetlistError
from tests.eval.bench_cases import write_cases
from tests.eval.site_cases import write_ledger

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

    out = tmp_path / "out"
    assert run(["study", str(declared(tmp_path)), "--output", str(out)]) == 0
    text = (out / "report.md").read_text()
    assert "## What was shown\n\nNothing." in text
    assert "not enough seeds to tell" in text
    assert (out / "site" / "index.html").is_file()
    assert "not enough seeds to tell: Nothing that two seeds" in capsys.readouterr().out
    runs = read_runs([out / "runs.db"]).runs
    assert len(runs) == 2 * (1 + 2 + 2)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('first = "given"', 'first = "nobody"', "methods of the study"),
        ("seconds = 20.0", "seconds = 20.0\niterations = 5", "not by both"),
        ('text = "Nothing', 'words = "Nothing', "a claim has"),
        ("seeds = 2", "seeds = 0", "needs seeds"),
        ("seeds = 2", "colour = 2", "unknown key"),
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
