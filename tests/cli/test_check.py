"""``placer check`` and ``--constraints``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import placer
from placer.cli import run


@pytest.fixture
def halo(tmp_path: Path) -> Path:
    """Constraints that the tiny design's own placement breaks."""
    file = tmp_path / "rules.toml"
    file.write_text("halo = 15\n", encoding="utf-8")
    return file


def test_a_legal_placement_ends_with_zero(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tiny)]) == 0
    assert capsys.readouterr().out == "legal\n"


def test_violations_are_listed_with_coordinates(tiny: Path, halo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tiny), "--constraints", str(halo)]) == 3
    out = capsys.readouterr().out
    report = placer.check(tiny, constraints=halo)
    assert len(report.violations) > 0
    assert out.count("inside the halo of") == len(report.violations)
    first = report.violations[0]
    assert f"{first.box[0]:.4f}".rstrip("0").rstrip(".") in out
    assert out.endswith(f"illegal: {len(report.violations)} violations\n")


def test_json_names_objects_rule_and_place(tiny: Path, halo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", str(tiny), "-c", str(halo), "--json"]) == 3
    values = json.loads(capsys.readouterr().out)
    assert values["legal"] is False
    assert values["violation_counts"]["halo"] == len(values["violations"])
    record = values["violations"][0]
    assert set(record) == {"rule", "objects", "amount", "unit", "box_um", "message"}
    assert len(record["objects"]) == 2
    assert len(record["box_um"]) == 4


def test_place_keeps_the_file_and_check_agrees(
    tiny: Path, tmp_path: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("halo = 3\nchannel = [4, 2]\n", encoding="utf-8")
    assert run(["place", str(tiny), "--time", "3", "-c", str(file), "-o", "out.plc"]) == 0
    assert run(["check", str(tiny), "out.plc", "-c", str(file)]) == 0
    assert run(["score", str(tiny), "out.plc", "-c", str(file), "--json"]) == 0
    assert '"legal": true' in capsys.readouterr().out


def test_mistakes_in_the_file_end_with_two(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("halo = 1\nchanel = 2\n", encoding="utf-8")
    for command in ("check", "score", "show", "place"):
        assert run([command, str(tiny), "--constraints", str(file)]) == 2
        assert "rules.toml:2: the file has no key 'chanel'; did you mean 'channel'?" in capsys.readouterr().err
