"""``placer place``: what it writes, when it refuses, and how it is stopped."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import placer
from netlists.errors import PlacementError
from placer import api
from placer.cli import run
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def placed(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OUT of one short run."""
    out = tmp_path_factory.mktemp("placed") / "new" / "out"
    assert run(["place", str(tiny), "--time", "3", "--jobs", "1", "--effort", "fast", "-o", str(out)]) == 0
    return out


def test_out_gets_the_placement_the_metrics_and_the_report(placed: Path) -> None:
    assert sorted(file.name for file in placed.iterdir()) == ["metrics.json", "report.html", "tiny.plc"]
    assert "<html" in (placed / "report.html").read_text()[:500].lower()


def test_the_written_placement_scores_as_the_metrics_say(placed: Path, tiny: Path) -> None:
    record = json.loads((placed / "metrics.json").read_text())
    again = placer.score(tiny, placed / "tiny.plc").as_dict()
    assert again["proxy_cost"] == pytest.approx(record["proxy_cost"], rel=1e-9)
    assert again["legal"]
    assert record["legal"]
    assert record["overlaps"] == 0
    assert record["proxy_cost"] < record["start"]["proxy_cost"]


def test_the_metrics_say_how_the_run_was_made(placed: Path, tiny: Path) -> None:
    text = (placed / "metrics.json").read_text()
    record = json.loads(text)
    assert list(record) == sorted(record)
    assert record["version"] == placer.__version__
    assert record["settings"]["seed"] == 0
    assert record["settings"]["time_limit"] == 3
    assert record["settings"]["command"] == f"placer place {tiny} --time 3 --jobs 1 --effort fast -o {placed}"
    assert len(record["fingerprint"]) == 64
    assert record["seconds"] > 0
    assert record["history"]
    assert not record["interrupted"]
    assert "NaN" not in text


def test_a_placement_suffix_gets_the_placement_only(
    tiny: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["place", str(tiny), "--time", "1", "--jobs", "1", "--effort", "fast", "-o", "mine.plc"]) == 0
    assert [file.name for file in elsewhere.iterdir()] == ["mine.plc"]
    out, err = capsys.readouterr()
    for word in ("start", "end", "proxy cost", "congestion", "overlaps", "seconds", "mine.plc"):
        assert word in out
    assert "tiny: 6 hard macros" in err
    assert "search" in err  # plain progress lines, since this is no terminal


def never(*arguments: object, **options: object) -> Any:
    raise AssertionError("time was spent")


@pytest.mark.parametrize("out", ["a-file/out", "a-file", "mine.pl", "taken"])
def test_a_place_that_cannot_be_written_is_refused_before_the_run(
    out: str, tiny: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (elsewhere / "a-file").write_text("x")
    (elsewhere / "taken" / "report.html").mkdir(parents=True)
    monkeypatch.setattr(api, "place", never)
    assert run(["place", str(tiny), "-o", out]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("placer: ")
    assert (elsewhere / "a-file").read_text() == "x"
    assert sorted(file.name for file in elsewhere.iterdir()) == ["a-file", "taken"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused_before_the_run(
    tiny: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere.chmod(0o500)
    monkeypatch.setattr(api, "place", never)
    assert run(["place", str(tiny), "-o", "out"]) == 2


def test_the_input_is_never_replaced(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(api, "place", never)
    before = (tiny / "initial.plc").read_bytes()
    assert run(["place", str(tiny), "-o", str(tiny / "initial.plc")]) == 2
    assert "replace the input" in capsys.readouterr().err
    assert (tiny / "initial.plc").read_bytes() == before


def test_no_legal_placement_is_exit_code_3_and_leaves_no_folder(
    tiny: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*arguments: object, **options: object) -> Any:
        raise PlacementError("the macros need 120 % of the canvas", rule="space")

    monkeypatch.setattr(api, "place", fail)
    assert run(["place", str(tiny), "-o", "new/out"]) == 3
    assert "120 %" in capsys.readouterr().err.splitlines()[-1]
    assert list(elsewhere.iterdir()) == []


def test_a_full_disk_leaves_earlier_results_as_they_were(
    placed: Path, tiny: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = elsewhere / "out"
    out.mkdir()
    for name in ("metrics.json", "report.html", "tiny.plc"):
        (out / name).write_text("earlier")

    def full_disk(*arguments: object, **options: object) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("placer.view.report.write_report", full_disk)
    assert run(["place", str(tiny), "--time", "1", "--jobs", "1", "--effort", "fast", "-o", str(out)]) == 2
    assert "No space left" in capsys.readouterr().err.splitlines()[-1]
    assert {file.name: file.read_text() for file in out.iterdir()} == {
        "metrics.json": "earlier",
        "report.html": "earlier",
        "tiny.plc": "earlier",
    }


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_the_best_written(number: signal.Signals, tiny: Path, tmp_path: Path) -> None:
    process = start(["place", str(tiny), "--time", "60s", "--effort", "fast", "--jobs", "1", "-o", "out"], tmp_path)
    wait_for(process, "search")
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["interrupted"]
    assert placer.score(tiny, tmp_path / "out" / "tiny.plc").legality.legal
    assert "Traceback" not in err


def start(words: list[str], cwd: Path) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "placer", *words],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    """Read stderr until a line has the word."""
    assert process.stderr is not None
    deadline = time.monotonic() + 120
    for line in process.stderr:
        if word in line:
            return
        assert time.monotonic() < deadline
    raise AssertionError(f"the command ended before it said {word!r}")


def test_the_python_call_takes_what_the_command_takes(tiny: Path) -> None:
    events: list[str] = []
    listen: Callable[..., None] = lambda event: events.append(event.phase)  # noqa: E731
    result = placer.place(tiny, time_limit=1, seed=3, effort="fast", jobs=1, progress=listen)
    assert result.legality.legal
    assert result.cost.proxy_cost <= result.start_cost.proxy_cost  # type: ignore[union-attr]
    assert events


def test_weights_say_what_is_minimised(elsewhere: Path) -> None:
    words = ["place", "synth20", "--time", "1", "--jobs", "1", "-w", "macro-wirelength=0.5", "--weight", "density=0"]
    assert run([*words, "-o", "out"]) == 0
    record = json.loads(Path("out/metrics.json").read_text())
    assert record["settings"]["weights"] == {
        "wirelength": 1.0, "density": 0.0, "congestion": 0.5, "macro_wirelength": 0.5,
        **dict.fromkeys(("channels", "regularity", "pin_access", "rudy", "whitespace"), 0.0),
    }  # fmt: skip
    public = record["wirelength_cost"] + 0.5 * record["density_cost"] + 0.5 * record["congestion_cost"]
    assert record["proxy_cost"] == pytest.approx(public)
    assert record["objective"] > public - 0.5 * record["density_cost"]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("macro_wirelenght=1", "did you mean macro_wirelength?"),
        ("density", "TERM=W"),
        ("density=-1", "at least 0"),
        ("density=lots", "at least 0"),
    ],
)
def test_wrong_weights_are_told(word: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["place", "synth20", "--weight", word]) == 2
    assert told in " ".join(capsys.readouterr().err.split())
