"""Benchmark results are written so that people and programs can read them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from eval.bench.machine import facts
from eval.bench.sheet import Sheet, table


def sheet() -> Sheet:
    return Sheet(
        "speed",
        "Speed",
        {"design": "design", "rate": "rate, 1/s", "legal": "legal"},
        [{"design": "a|b", "rate": 12345.6, "legal": True, "hidden": [1]}, {"design": "c", "rate": 0.12345}],
        ["A note."],
        ["d: not found"],
    )


def test_markdown_has_the_table_the_notes_what_was_skipped_and_the_machine() -> None:
    page = sheet().markdown({"processor": "X"})
    assert page.splitlines()[:6] == [
        "# Speed",
        "",
        "| design | rate, 1/s | legal |",
        "|---|--:|--:|",
        "| a\\|b | 12,346 | yes |",
        "| c | 0.1235 |  |",
    ]
    for words in ("- A note.", "- d: not found", "- processor: X"):
        assert words in page


def test_csv_and_json_hold_the_full_numbers(tmp_path: Path) -> None:
    files = sheet().write(tmp_path / "new", {"processor": "X"})
    assert sorted(file.name for file in files) == ["speed.csv", "speed.json", "speed.md"]
    with open(tmp_path / "new" / "speed.csv", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert rows[0] == {"design": "a|b", "rate": "12345.6", "legal": "True"}
    record = json.loads((tmp_path / "new" / "speed.json").read_text())
    assert record["rows"][0]["hidden"] == [1]
    assert record["machine"] == {"processor": "X"}


def test_text_columns_are_not_aligned_as_numbers() -> None:
    assert table({"a": "a"}, [{"a": "x"}])[1] == "|---|"


def test_machine_facts_say_processor_cores_versions_and_command() -> None:
    told = facts()
    for key in ("processor", "cores", "Python", "placer", "libraries", "date", "command"):
        assert told[key]
