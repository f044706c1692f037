"""``placer list`` and ``placer fetch``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netlists import catalogue
from netlists.download import DownloadEvent
from netlists.errors import NetlistError
from placer.cli import run


def test_list_has_a_line_for_every_design_and_its_origin(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = {line.split()[0]: line for line in lines if line.strip()}
    for item in catalogue.entries():
        assert item.description in told[item.name]
        assert any(item.licence in line and item.source in line for line in lines if line.startswith("["))
    assert "bundled" in told["synth130"]


def test_list_of_one_design_tells_where_its_files_come_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "ibm01"]) == 0
    out = capsys.readouterr().out
    item = catalogue.entry("ibm01")
    for file in item.files:
        assert file.url in out
        assert str(file.sha256) in out


def test_list_as_json_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["name"] for record in records] == list(catalogue.names())
    assert all({"licence", "source", "size", "path", "files"} <= set(record) for record in records)


@pytest.mark.parametrize("command", ["list", "fetch"])
def test_an_unknown_name_is_bad_input(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "no-such-design"]) == 2
    assert "no-such-design" in capsys.readouterr().err


def test_fetch_of_what_is_here_prints_its_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fetch", "synth20"]) == 0
    assert (Path(capsys.readouterr().out.strip()) / "netlist.pb.txt.gz").is_file()


def test_fetch_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(name: str, **options: Any) -> Path:
        raise NetlistError("the server does not answer", file="ibm01.aux.gz")

    monkeypatch.setattr(catalogue, "fetch", fail)
    assert run(["fetch", "ibm01"]) == 2
    assert "ibm01.aux.gz: the server does not answer" in capsys.readouterr().err


def test_fetch_draws_a_bar_for_each_file_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fetched(name: str, progress: Any) -> Path:
        for done in (0, 50, 100):
            progress(DownloadEvent("a.gz", done, 100))
        return Path("there")

    monkeypatch.setattr(catalogue, "fetch", fetched)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert run(["fetch", "ibm01"]) == 0
    out, err = capsys.readouterr()
    assert out.strip() == "there"
    assert "a.gz" in err
