"""From exceptions to exit codes: one clean line for what a user can mend, a traceback only on request."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
from typing import Any

import typer

from netlists.errors import NetlistError, PlacementError

DONE, DEFECT, BAD_INPUT, NO_PLACEMENT, INTERRUPTED = 0, 1, 2, 3, 130


class Interrupted(Exception):
    """Ctrl-C or SIGTERM ended a command; Typer would end a KeyboardInterrupt without a word."""


class NoLegalPlacement(Exception):
    """The placer looked for a legal placement and there is none, or none was found; the message says why."""


def guarded(command: Any, arguments: list[str]) -> int:  # noqa: ANN401 - a click command, see placer.cli._app
    """Run a click command; turn what it raises into one line on stderr and an exit code.

    Args:
        command: the click command.
        arguments: its words; ``--debug`` may stand anywhere among them. Commands find them in ``context.obj``.

    Returns:
        The exit code.
    """
    words = tuple(arguments)
    debug = bool(os.environ.get("PLACER_DEBUG", "").strip("0"))
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    if "--debug" in options:
        debug = True
        arguments = [word for word in options if word != "--debug"] + arguments[len(options) :]
    try:
        code = command.main(args=arguments, prog_name="placer", standalone_mode=False, obj=words)
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except (KeyboardInterrupt, Interrupted, typer.Abort):
        return _fail("interrupted; nothing was written", INTERRUPTED, debug)
    except BrokenPipeError:
        # The reader of our output has left (placer list | head). Nothing may be written any more, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except NoLegalPlacement as error:
        return _fail(str(error), NO_PLACEMENT, debug)
    except (NetlistError, PlacementError) as error:
        return _fail(str(error), BAD_INPUT, debug)
    except OSError as error:
        return _fail(_describe(error), BAD_INPUT, debug)
    except MemoryError:
        return _fail("this machine has not enough memory for that design", BAD_INPUT, debug)
    except Exception as error:
        if hasattr(error, "format_message"):  # click's usage errors, wherever this Typer keeps them
            return _fail(_usage(error), BAD_INPUT, debug)
        message = f"internal error: {type(error).__name__}: {error} (placer --debug shows where; please report it)"
        return _fail(message, DEFECT, debug)


def _usage(error: Any) -> str:  # noqa: ANN401 - click's UsageError, see above
    context = getattr(error, "ctx", None)
    name = context.command_path if context is not None else "placer"
    return f"{error.format_message().rstrip('.')}. See: {name} --help"


def _describe(error: OSError) -> str:
    names = [str(name) for name in (error.filename, error.filename2) if name]
    return ": ".join([*names, error.strerror or str(error)])


def _fail(message: str, code: int, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    line = f"placer: {' '.join(message.split())}"
    colour = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    with contextlib.suppress(OSError):
        print(f"\033[31m{line}\033[0m" if colour else line, file=sys.stderr, flush=True)
    return code
