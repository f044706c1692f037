"""Damaged LEF and DEF files end in one error with file and line, never in a traceback of another kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netlists.errors import NetlistError
from netlists.formats.def_ import def_bytes, read_def
from netlists.formats.lef import lef_text, read_lef
from tests.netlists.lefdef_cases import DEF, LEF

_CASES: dict[str, tuple[bytes, Callable[[Path], object]]] = {
    "lef": (LEF.encode(), lambda path: lef_text(read_lef(path))),
    "def": (DEF.encode(), lambda path: def_bytes(read_def(path).changed(source=None))),
}
_WORDS = [b";", b"+", b"-", b"(", b")", b"END", b"*", b'"', b"#", b"\n", b"0", b"-1e999", b"nan", b"9" * 20,
          b"\\", b"\xff", b"END DESIGN", b"PIN", b"MACRO", b"LAYER", b"RECT", b"DO", b""]  # fmt: skip


def _check(kind: str, data: bytes, folder: Path) -> None:
    path = _written(folder, kind, data)
    _, error = _outcome(kind, path)
    if error is not None:
        assert error.file == str(path) or "cannot be written" in str(error)
        assert error.line is None or 1 <= error.line <= data.count(b"\n") + 1


def _outcome(kind: str, path: Path) -> tuple[object, NetlistError | None]:
    """What a file gives: a result, or the one error it may end in."""
    try:
        return _CASES[kind][1](path), None
    except NetlistError as error:
        return None, error


@pytest.mark.parametrize("kind", list(_CASES))
def test_every_truncation_is_an_error_or_a_whole_file(kind: str, tmp_path: Path) -> None:
    data, use = _CASES[kind]
    whole = use(_written(tmp_path, kind, data))
    for end in range(0, len(data), 13):
        path = _written(tmp_path, kind, data[:end])
        result, error = _outcome(kind, path)
        if error is not None:
            assert error.file == str(path)
        else:  # a LEF needs no END LIBRARY; a DEF is whole once END DESIGN stands there
            assert kind == "lef" or result == whole


def _written(folder: Path, kind: str, data: bytes) -> Path:
    path = folder / f"a.{kind}"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", list(_CASES))
@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_words_are_named(kind: str, tmp_path: Path, data: st.DataObject) -> None:
    _damage(kind, tmp_path, data)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(_CASES))
@given(st.data())
@settings(max_examples=5000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_many_damaged_words_are_named(kind: str, tmp_path: Path, data: st.DataObject) -> None:
    _damage(kind, tmp_path, data)


def _damage(kind: str, folder: Path, data: st.DataObject) -> None:
    words = _CASES[kind][0].split(b" ")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(words) - 1))
        change = data.draw(st.sampled_from(["drop", "double", "swap", "put"]))
        if change == "drop":
            del words[at]
        elif change == "double":
            words.insert(at, words[at])
        elif change == "swap":
            other = data.draw(st.integers(0, len(words) - 1))
            words[at], words[other] = words[other], words[at]
        else:
            words[at] = data.draw(st.sampled_from(_WORDS))
    _check(kind, b" ".join(words), folder)
