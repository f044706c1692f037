"""Suites are found, read, and honest about what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.methods import find
from eval.suites import Member, load_suite, names, open_member
from netlists.errors import NetlistError


def test_the_shipped_suites_name_designs_methods_and_a_metric(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PLACER_DATA", str(tmp_path))
    monkeypatch.setenv("PLACER_HOME", str(tmp_path))
    assert names() == ("bundled", "floorplan", "fresh", "iccad04", "open-ct", "synthetic-scaling", "unseen")
    for name in names():
        suite = load_suite(name)
        assert suite.name == name
        assert suite.title
        assert suite.metric in ("proxy_cost", "hpwl_um")
        assert suite.members or suite.missing
        for method in suite.methods:
            find(method)
    assert load_suite("bundled").missing == {}
    assert load_suite("synthetic-scaling").missing == {}
    assert load_suite("fresh").missing == {}
    missing = load_suite("iccad04").missing
    assert set(missing) == {f"ibm{k:02d}" for k in range(1, 7)}
    assert "placer fetch ibm01" in missing["ibm01"]


def test_designs_are_found_beside_the_file_and_under_the_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLACER_DATA", str(tmp_path / "data"))
    (tmp_path / "data" / "there").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    toml = tmp_path / "s.toml"
    toml.write_text("\n".join(f'[[design]]\nname = "{n}"\npath = "{n}"' for n in ("here", "there", "nowhere")))
    suite = load_suite(toml)
    assert [Path(m.source) for m in suite.members] == [tmp_path / "here", tmp_path / "data" / "there"]
    assert "not found under PLACER_DATA" in suite.missing["nowhere"]


def test_synthetic_designs_are_made_to_measure() -> None:
    member = Member("s", synthetic={"num_macros": 4, "num_cells": 200, "data_bits": [8, 16]}, seed=3)
    design = open_member(Member.from_dict(member.as_dict()))
    assert design.name == "s"
    assert design.netlist.describe()["hard_macros"] == 4
    with pytest.raises(NetlistError, match="no such parameter"):
        open_member(Member("s", synthetic={"macros": 4}))


@pytest.mark.open_data
def test_block_designs_get_an_outline(open_data) -> None:
    path = open_data("floorplan/gsrc/n10")
    free, framed = (open_member(Member("n10", str(path), whitespace=w)) for w in (None, 0.15))
    n = framed.netlist
    area = float((n.node_width * n.node_height)[framed.movable].sum())
    assert framed.canvas.width * framed.canvas.height == pytest.approx(1.15 * area, rel=0.02)
    assert free.canvas.width != framed.canvas.width


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", None, "at least one"),
        ("[[design]]\n", 1, "needs a name"),
        ("[[design]]\nname = 'a'\n[[design]]\nname = 'a'\n", 4, "same name"),
        ("[[design]]\nname = 'a'\npath = 'x'\nsynthetic = {}\n", 3, "not both"),
        ("colour = 1\n[[design]]\nname = 'a'\n", 1, "no key 'colour'"),
        ("[[design]]\nname = 'a'\nsede = 1\n", 3, "did you mean 'seed'"),
        ("title = 't'\n= 1", 2, "not valid TOML"),
        ("[[desing]]\nname = 'a'\n", 1, r"did you mean \[\[design\]\]"),
        ("design = 3\n", 1, "list of tables"),
        ("methods = 'search'\n[[design]]\nname = 'a'\n", 1, "list of names"),
        ("metric = 'proxy-cost'\n[[design]]\nname = 'a'\n", 1, "did you mean 'proxy_cost'"),
        ("title = 3\n[[design]]\nname = 'a'\n", 1, "must be text"),
        ("[[design]]\nname = 'a'\npath = 'x'\nseed = 'x'\n", 4, "whole number"),
        ("[[design]]\nname = 'a'\npath = 'x'\nwhitespace = 'x'\n", 4, "must be a number"),
        ("[[design]]\nname = 'a'\npath = 3\n", 3, "needs a path"),
        ("[[design]]\nname = 'a'\nsynthetic = 3\n", 3, "is a table"),
        ("[[design]]\nname = 'a'\nsynthetic = { num_macro = 3 }\n", 3, "did you mean 'num_macros'"),
    ],
)
def test_a_wrong_suite_is_refused_with_its_line(tmp_path: Path, text: str, line: int | None, message: str) -> None:
    toml = tmp_path / "s.toml"
    toml.write_text(text)
    with pytest.raises(NetlistError, match=message) as caught:
        load_suite(toml)
    assert (caught.value.file, caught.value.line) == (str(toml), line)


def test_a_misspelt_design_is_missing_with_a_suggestion(tmp_path: Path) -> None:
    toml = tmp_path / "s.toml"
    toml.write_text("[[design]]\nname = 'synth13'\n")
    assert "did you mean 'synth130'" in load_suite(toml).missing["synth13"]
