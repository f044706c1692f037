"""The Typer application: which commands there are, and in what order help lists them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from placer._version import __version__
from placer.cli import (
    bench,
    check,
    convert,
    fetch,
    floorplan,
    group,
    improve,
    list_,
    place,
    report,
    score,
    show,
    study,
    synth,
    train,
)
from placer.cli._errors import Interrupted

_EPILOG = (
    "A DESIGN is a bundled or catalogue name (placer list), a file, or a folder that holds one design's files.\n\n"
    "Exit codes: 0 done, 2 bad usage or input, 3 no legal placement, 130 interrupted with the best one written."
)


class _Group(TyperGroup):
    """The commands; an interruption of one is told by :func:`placer.cli._errors.guarded`."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - click's context and whatever the command returns
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise Interrupted from error


def command() -> Any:  # noqa: ANN401 - a click command; where click lives depends on Typer's version
    """Build the click command behind ``placer``."""
    app = typer.Typer(
        name="placer", cls=_Group, no_args_is_help=False, add_completion=False, rich_markup_mode="rich", epilog=_EPILOG
    )
    app.callback(invoke_without_command=True)(_callback)
    app.command("place", epilog=_examples(place.EXAMPLES))(place.place)
    app.command("floorplan", epilog=_examples(floorplan.EXAMPLES))(floorplan.floorplan)
    app.command("score", epilog=_examples(score.EXAMPLES))(score.score)
    app.command("check", epilog=_examples(check.EXAMPLES))(check.check)
    app.command("show", epilog=_examples(show.EXAMPLES))(show.show)
    app.command("convert", epilog=_examples(convert.EXAMPLES))(convert.convert)
    app.command("group", epilog=_examples(group.EXAMPLES))(group.group)
    app.command("list", epilog=_examples(list_.EXAMPLES))(list_.list_designs)
    app.command("fetch", epilog=_examples(fetch.EXAMPLES))(fetch.fetch)
    app.command("synth", epilog=_examples(synth.EXAMPLES))(synth.synth)
    app.command("train", epilog=_examples(train.EXAMPLES))(train.train)
    app.command("improve", epilog=_examples(improve.EXAMPLES))(improve.improve)
    app.command("bench", epilog=_examples(bench.EXAMPLES))(bench.bench)
    app.command("report", epilog=_examples(report.EXAMPLES))(report.report)
    app.command("study", epilog=_examples(study.EXAMPLES))(study.study)
    return typer.main.get_command(app)


def _callback(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and leave.")] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks of errors; works after a command too (or PLACER_DEBUG=1).")
    ] = False,
) -> None:
    """Place the macros of a chip: real netlists in, legal placements out."""
    if version:
        print(f"placer {__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help(), end="")


def _examples(lines: tuple[str, ...]) -> str:
    return "Examples:\n" + "\n".join(f"  [cyan]{line}[/cyan]" for line in lines)
