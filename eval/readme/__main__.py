"""``python -m eval.readme``: write the results in README.md, or check that they are current."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from eval.readme.block import difference, replaced
from eval.readme.measure import MEASUREMENTS, measure
from eval.readme.render import render
from eval.readme.sources import ROOT, Results
from netlists.errors import NetlistError
from netlists.formats.textio import atomic_write


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the block.

    Args:
        arguments: command line; the process's own when None.

    Returns:
        The exit code: 1 where README is not current, or a measurement failed; 2 for bad input.
    """
    options = _parser().parse_args(arguments)
    try:
        failed = measure(options.only, options.results) if options.measure else 0
        old = options.readme.read_text()
        block, missing = render(Results(options.results))
        new = replaced(old, block, options.readme)
    except (NetlistError, OSError) as error:
        print(f"eval.readme: {error}", file=sys.stderr)
        return 2
    for line in missing:
        print(f"left out: {line}", file=sys.stderr)
    if options.check:
        sys.stdout.write(difference(old, new, options.readme.name))
        return int(old != new)
    if old != new:
        print(atomic_write(options.readme, new))
    return int(bool(failed))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m eval.readme",
        description="Write the results in README.md from docs/results.",
    )
    parser.add_argument("--check", action="store_true", help="write nothing; print a diff and exit 1 if not current")
    parser.add_argument("--measure", action="store_true", help="measure everything anew first (hours)")
    parser.add_argument(
        "--only", action="append", default=[], choices=[name for name, _ in MEASUREMENTS], metavar="NAME",
        help="with --measure: only this measurement (may be repeated)",
    )  # fmt: skip
    parser.add_argument("--readme", type=Path, default=ROOT / "README.md", help="the file with the markers")
    parser.add_argument("--results", type=Path, default=ROOT / "docs" / "results", help="where the results are")
    return parser


if __name__ == "__main__":
    sys.exit(main())
