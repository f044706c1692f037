"""What goes wrong ends in one line on stderr and the documented exit code."""

from __future__ import annotations

import errno

import pytest

from netlists.errors import NetlistError, PlacementError
from placer.cli import run
from placer.cli._errors import NoLegalPlacement, guarded


class Command:
    """Stands for a click command that raises."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.arguments: list[str] = []

    def main(self, args: list[str], prog_name: str, standalone_mode: bool, obj: object) -> int:
        self.arguments = args
        raise self.error


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (NetlistError("a net has no pin", file="a.nets", line=3), 2, "a.nets:3: a net has no pin"),
        (PlacementError("not this design's", node="u1"), 2, "'u1'"),
        (NoLegalPlacement("the macros need 120 % of the canvas"), 3, "120 %"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "x.pl"), 2, "x.pl: No such file"),
        (MemoryError(), 2, "memory"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("oops"), 1, "internal error: ZeroDivisionError: oops"),
        (NetlistError("two\nlines"), 2, "two lines"),
    ],
)
def test_error_to_exit_code(error: BaseException, code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(Command(error), []) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.startswith("placer: ")
    assert err.count("\n") == 1


def test_debug_shows_the_traceback_wherever_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    command = Command(NetlistError("broken"))
    assert guarded(command, ["score", "x", "--debug"]) == 2
    assert command.arguments == ["score", "x"]
    assert "Traceback" in capsys.readouterr().err


def test_debug_can_come_from_the_environment(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACER_DEBUG", "1")
    guarded(Command(NetlistError("broken")), [])
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["place"], "nor its files with --lef, --def, --verilog. See: placer place --help"),
        (["place", "x", "--bogus"], "No such option: --bogus"),
        (["place", "x", "--time", "5q"], "write 90, 60s, 5m or 1h. See: placer place --help"),
        (["place", "x", "--seed", "-1"], "Invalid value for '--seed'"),
        (["place", "x", "--effort", "hero"], "'fast', 'default', 'best'"),
        (["bogus"], "No such command 'bogus'. See: placer --help"),
        (["score", "a", "b", "c"], "unexpected extra argument"),
    ],
)
def test_bad_usage_is_exit_code_2_and_says_where_help_is(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", ["place", "score", "show", "convert", "list", "fetch", "synth"])
def test_every_command_has_help_with_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert "Usage:" in out
    assert f"placer {name}" in out.split("Examples:")[1]


def test_no_command_prints_help_and_version_prints_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "Commands" in capsys.readouterr().out
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("placer ")
