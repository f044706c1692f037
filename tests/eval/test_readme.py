"""README says what docs/results says, and nothing that was typed by hand."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from eval.readme import BEGIN, END, Results, difference, render, replaced
from eval.readme.__main__ import main
from eval.readme.figures import percent, rough, seeds, span
from eval.readme.measure import MEASUREMENTS
from eval.readme.render import SECTIONS, TEMPLATE, sections
from eval.study import load_study, shipped
from netlists.errors import NetlistError
from tests.conftest import ROOT
from tests.eval.study_cases import publish

RESULTS = ROOT / "docs" / "results"
KEY = re.compile(r"\{\{([\w.]+)\}\}")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stored sheets, and made-up ledgers and a made-up harness sheet in place of stored ones."""
    folder = tmp_path_factory.mktemp("made")
    for file in RESULTS.glob("*.json"):
        shutil.copy(file, folder)
    sheet = json.loads((folder / "cost.json").read_text())
    row = {"runs": 200, "seconds_each": 2.0, "jobs": 2, "wall_share": 0.0213, "cpu_share": 0.0191}
    (folder / "harness.json").write_text(json.dumps({**sheet, "rows": [row]}))
    for name in shipped():
        publish(load_study(name), folder, lambda d, m, s: 1.0 + 0.1 * d + 0.05 * m + 0.001 * s)
    return folder


@pytest.fixture
def results(made: Path, tmp_path: Path) -> Path:
    """A copy of them to change."""
    return shutil.copytree(made, tmp_path / "results", ignore=shutil.ignore_patterns("sources"))


def test_readme_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().out


def test_every_section_is_written_and_every_figure_used(results: Path) -> None:
    block, missing = render(Results(results))
    assert missing == []
    assert "{{" not in block
    assert [name for name, _ in sections(TEMPLATE.read_text())] == list(SECTIONS)
    sources = Results(results)
    for name, text in sections(TEMPLATE.read_text()):
        assert set(KEY.findall(text)) <= set(SECTIONS[name](sources))
    assert "no method ran in 2.1 % of the time" in block
    assert "| policy+search / search |" in block
    assert block.count("| design | analytic | coloquinte | search | simulated-annealing |") == 2
    assert max(len(line) for line in block.splitlines() if "`" not in line and not line.startswith("|")) <= 120


def test_the_template_holds_no_figures() -> None:
    for name, text in sections(TEMPLATE.read_text()):
        sentence = re.sub(r"`[^`]*`|\]\([^)]*\)|\{\{[\w.]+\}\}", "", text)
        assert not re.search(r"\b\d", sentence), f"a figure in the section {name}: {sentence}"


def test_another_figure_in_the_results_shows_in_the_check(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"# Before\n\n{BEGIN} -->\n{END}\nAfter.\n")
    where = ["--readme", str(readme), "--results", str(results)]
    assert main([*where, "--check"]) == 1
    assert main(where) == 0
    assert main([*where, "--check"]) == 0
    text = readme.read_text()
    assert text.startswith("# Before\n\n" + BEGIN)
    assert text.endswith(END + "\nAfter.\n")
    sheet = json.loads((results / "growth.json").read_text())
    sheet["rows"][-1]["peak_mib"] = 7000.0
    (results / "growth.json").write_text(json.dumps(sheet))
    capsys.readouterr()
    assert main([*where, "--check"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("--- README.md as it is")
    assert re.search(r"^\+.*6\.8 GiB", out, re.MULTILINE)
    assert readme.read_text() == text


def test_results_that_are_not_there_are_left_out_and_named(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "flow.json").unlink()
    (results / "policy.db").unlink()
    block, missing = render(Results(results))
    assert missing == ["flow: flow.json is not there", "policy: policy.db is not there"]
    assert "From LEF, DEF and Verilog" not in block
    with pytest.raises(NetlistError, match="no section"):
        render(Results(results), "<!-- section weather -->\nrain\n")
    with pytest.raises(NetlistError, match="no such figure"):
        render(Results(results), "<!-- section growth -->\n{{rain}}\n")


def test_a_ledger_of_another_declaration_is_no_result(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(results / "policy.db", results / "iccad04.db")
    with pytest.raises(NetlistError, match="as it is declared now"):
        render(Results(results))
    assert main(["--check", "--results", str(results)]) == 2
    assert "as it is declared now" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["nothing", f"{BEGIN} -->\n", f"{END}\n{BEGIN} -->\n", f"{BEGIN}\n{BEGIN}\n{END}\n"])
def test_the_markers_have_to_be_there_once_and_in_order(text: str) -> None:
    with pytest.raises(NetlistError, match="one line has to begin with"):
        replaced(text, "block", Path("README.md"))


def test_the_rest_of_the_file_stays() -> None:
    old = f"a\n{BEGIN} x -->\nold\n{END}\nb\n"
    new = replaced(old, "\nnew\n\n", Path("README.md"))
    assert new.splitlines()[2:] == ["new", END, "b"]
    assert replaced(new, "new", Path("README.md")) == new
    assert {"-old", "+new"} < set(difference(old, new, "README.md").splitlines())
    assert difference(new, new, "README.md") == ""


def test_everything_that_is_shown_is_measured(made: Path) -> None:
    used = Results(made)
    assert render(used)[1] == []
    assert used.used - {"quality-60s"} <= {name for name, _ in MEASUREMENTS}


def test_numbers_are_written_for_people() -> None:
    assert [rough(v) for v in (239533.9, 99384.2, 623.2, 7.881, 0.8192)] == [
        "240,000",
        "99,400",
        "623",
        "7.88",
        "0.819",
    ]
    assert rough(7.881, 2) == "7.9"
    assert percent(0.0213) == "2.1 %"
    assert span([4.41, 9.46]) == "4.4 to 9.5"
    assert span([4.41, 4.42]) == "4.4"
    runs = [{"runs": [{"seed": 2}, {"seed": 0}]}, {"runs": [{"seed": 1}]}]
    assert seeds(runs) == "0 to 2"
    assert seeds(runs[:1]) == "0 and 2"
