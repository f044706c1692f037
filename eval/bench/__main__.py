"""``python -m eval.bench``: run the measurements and write their sheets."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from eval.bench import (
    ablation,
    analytic,
    cost,
    env,
    env_batched,
    floorplan,
    flow,
    gpu,
    growth,
    harness,
    improve,
    parse,
    policy_speed,
    quality,
    ranks,
    training,
)
from eval.bench.designs import Settings
from eval.bench.machine import facts
from eval.bench.sheet import Sheet, table
from placer.warm import warm_up

#: Measurements by name, in the order they run.
BENCHES: dict[str, Callable[[Settings], Sheet]] = {
    "parse": parse.run, "cost": cost.run, "ranks": ranks.run, "quality": quality.run,
    "ablation": ablation.run, "gpu": gpu.run,
    "env": env.run, "env-batched": env_batched.run,
    "floorplan": floorplan.run, "flow": flow.run, "analytic": analytic.run, "growth": growth.run,
    "harness": harness.run, "improve": improve.run, "improve-exam": improve.examine,
    "policy-speed": policy_speed.run, "training": training.run,
}  # fmt: skip
#: Those that run when none is named; ``gpu`` needs a device, ``growth`` half an hour and 16 GB, and ``harness`` a
#: machine with nothing else to do, ``training``, ``improve`` and ``improve-exam`` a run to report on: these are asked
#: for by name.
USUAL = (
    "parse", "cost", "ranks", "quality", "ablation", "env", "env-batched", "floorplan", "flow", "analytic",
    "policy-speed",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen measurements one after the other.

    Args:
        arguments: command line; the process's own when None.

    Returns:
        The exit code.
    """
    options = _parser().parse_args(arguments)
    folder = options.output or Path("out/bench" if options.quick or options.design else "docs/results")
    settings = Settings(
        quick=options.quick,
        seeds=tuple(range(options.seeds)),
        time_limit=options.time or (5.0 if options.quick else 60.0),
        cores=options.cores,
        only=tuple(options.design),
        peers=None if options.peer_design is None else tuple(name for name in options.peer_design if name),
        run=options.run,
    )
    warm_up()  # compiling belongs to no measurement
    machine = facts()
    for name in options.only or USUAL:
        sheet = BENCHES[name](settings)
        print(f"\n{sheet.title}\n", *table(sheet.columns, sheet.rows), sep="\n")
        for what in sheet.skipped:
            print(f"skipped: {what}")
        files = sheet.write(folder, machine)
        print("\nwritten:", *files)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m eval.bench",
        description="Measure speed and quality; results go to docs/results (out/bench for partial or quick runs).",
    )
    parser.add_argument("--quick", action="store_true", help="fewer designs, shorter times, one seed")
    parser.add_argument("--only", action="append", choices=list(BENCHES), help="one measurement (may be repeated)")
    parser.add_argument("--design", action="append", default=[], metavar="NAME", help="one design (may be repeated)")
    parser.add_argument(
        "--peer-design", action="append", metavar="NAME", help="run peers on this design only (repeatable; '' for none)"
    )
    parser.add_argument("--seeds", type=int, default=3, help="seeds of the quality table (3)")
    parser.add_argument("--time", type=float, help="seconds of each placement run (60; quick 5)")
    parser.add_argument("--cores", type=int, default=2, help="processor cores of each placement run (2)")
    parser.add_argument(
        "--run", type=Path, metavar="FOLDER", help="folder of placer train or archive of placer improve to report on"
    )
    parser.add_argument("--output", type=Path, help="folder for the results")
    return parser


if __name__ == "__main__":
    sys.exit(main())
