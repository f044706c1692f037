"""Kernels are compiled before the clock of the first run starts, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest

from placer import warm


@pytest.fixture
def cold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine that has compiled nothing; tells how often it rehearsed."""
    rehearsals: list[str] = []
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("PLACER_CACHE", "0")
    monkeypatch.setattr(warm, "_warm", False)
    monkeypatch.setattr(warm, "_rehearse", lambda: rehearsals.append("once"))
    return rehearsals


def test_the_first_call_rehearses_and_says_so_and_the_next_does_not(cold: list[str]) -> None:
    said: list[str] = []
    assert not warm.is_warm()
    warm.warm_up(lambda: said.append("compiling"))
    warm.warm_up(lambda: said.append("compiling"))
    assert (len(cold), len(said)) == (1, 1)


def test_another_process_finds_the_marker(cold: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    warm.warm_up()
    monkeypatch.setattr(warm, "_warm", False)
    assert warm.is_warm()
    warm.warm_up()
    assert len(cold) == 1


def test_other_sources_are_compiled_anew(cold: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    warm.warm_up()
    monkeypatch.setattr(warm, "_warm", False)
    monkeypatch.setattr(warm, "_marker_name", lambda: "compiled-other")
    warm.warm_up()
    assert len(cold) == 2


def test_a_place_that_cannot_be_written_only_costs_the_rehearsal(
    cold: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "folder"))
    warm.warm_up()
    assert len(cold) == 1
    assert not warm.is_warm()
