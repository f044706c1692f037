"""``placer train``: a network that places macros."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from placer.budget import Budget
from placer.cli._durations import parse_duration
from placer.cli._errors import BAD_INPUT, INTERRUPTED
from placer.cli._parts import Part, train_part
from placer.cli._signals import stop_on_signals

EXAMPLES = (
    "placer train --output out/run --imitate --time 30m",
    "placer train --output out/run --resume --time 30m",
    "placer train --output out/mine --finetune designs/ariane133 --time 10m",
    "placer train --part starts --output out/starts --time 30m",
    "placer train --part ranking --output out/ranking --designs 40",
    "placer train --part schedule --output out/schedule --time 2h",
)
#: Exact moves of the search behind each lesson of ``--imitate``: a few seconds on the designs of the generator.
_LESSON_MOVES = 40_000
#: Training without a limit of any kind ends after this many environment steps.
_STEPS = 200_000


class Device(StrEnum):
    """Where the network runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Reward(StrEnum):
    """What episodes are worth."""

    proxy = "proxy"
    hpwl = "hpwl"


def train(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where checkpoints and curves go.")
    ] = Path("out/train"),
    part: Annotated[
        Part,
        typer.Option(
            "--part",
            help="policy places macros. starts makes starts for the search, ranking says which starts deserve depth, "
            "schedule plans the search.",
        ),
    ] = Part.policy,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            min=0,
            help="Environment steps to train for, in all; searches, with --part schedule.",
            show_default=f"{_STEPS} without --time",
        ),
    ] = None,
    time: Annotated[
        float | None,
        typer.Option("--time", "-t", parser=parse_duration, metavar="TIME", help="Wall-clock limit: 90, 60s, 5m, 1h."),
    ] = None,
    imitate: Annotated[
        bool, typer.Option("--imitate", help="First learn from placements that a short search makes.")
    ] = False,
    finetune: Annotated[
        str | None,
        typer.Option(
            "--finetune", metavar="DESIGN", help="Train on this design alone, from the shipped network by default."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in FOLDER.")] = False,
    checkpoint: Annotated[
        Path | None, typer.Option("--checkpoint", metavar="FILE", help="Network to begin with.", show_default="new")
    ] = None,
    device: Annotated[Device, typer.Option("--device", help="Where the network runs.")] = Device.auto,
    designs: Annotated[int, typer.Option("--designs", min=1, help="Generated designs to train on.")] = 40,
    also: Annotated[
        list[str] | None, typer.Option("--also", metavar="DESIGN", help="Train on this design too; may be repeated.")
    ] = None,
    reward: Annotated[
        Reward, typer.Option("--reward", help="Worth of an episode: saved proxy cost, or HPWL alone.")
    ] = Reward.proxy,
    copies: Annotated[int, typer.Option("--copies", min=1, help="Episodes played side by side.")] = 32,
    amp: Annotated[bool, typer.Option("--amp", help="Mixed precision (bfloat16).")] = False,
    seed: Annotated[int, typer.Option("--seed", "-s", min=0, help="Start of every random choice.")] = 0,
) -> None:
    """Train the network behind ``placer place --engine policy``.

    FOLDER gets last.safetensors, best.safetensors (for --checkpoint), metrics.jsonl and TensorBoard files. Ctrl-C
    ends the run after the iteration under way; --resume goes on. With torchrun several processes train together.
    """
    from policies.checkpoint import SHIPPED
    from policies.errors import DivergedError
    from policies.ppo import PPOConfig
    from policies.splits import open_designs
    from policies.training import TrainConfig
    from policies.training import train as run

    log = Console(stderr=True, highlight=False)
    budget = Budget(time)

    def say(line: str) -> None:
        log.print(f"placer: {line}", markup=False, soft_wrap=True)

    if part is not Part.policy:
        useless = {
            "--imitate": imitate, "--finetune": finetune, "--checkpoint": checkpoint, "--also": also, "--amp": amp,
        }  # fmt: skip
        with stop_on_signals(budget.stop):
            print(
                train_part(
                    part, output, budget=budget, designs=designs, steps=steps, seed=seed, resume=resume,
                    useless=useless, say=say,
                )
            )  # fmt: skip
        if budget.stop.is_set():
            raise typer.Exit(INTERRUPTED)
        return
    if resume and (finetune is not None or checkpoint is not None):
        raise typer.BadParameter("the run that goes on has a network and designs already", param_hint="--resume")
    if finetune is not None and checkpoint is None and SHIPPED.exists():
        checkpoint = SHIPPED
    config = TrainConfig(
        steps=_STEPS if steps is None and time is None else steps,
        designs=designs,
        open_designs=(*open_designs(), *(also or ())),
        finetune=finetune,
        imitate=_LESSON_MOVES if imitate else 0,
        ppo=PPOConfig(copies=copies, minibatches=min(8, copies), reward=reward.value, amp=amp, seed=seed),
    )
    with stop_on_signals(budget.stop):
        try:
            file = run(
                config, output, budget=budget, device=device.value, checkpoint=checkpoint, resume=resume,
                say=say,
            )  # fmt: skip
        except DivergedError as error:
            log.print(f"placer: training stopped: {error}; the last good weights are in {output}", soft_wrap=True)
            raise typer.Exit(BAD_INPUT) from None
    if os.environ.get("RANK", "0") == "0":  # of torchrun's processes the first one speaks
        print(file)
    if budget.stop.is_set():
        raise typer.Exit(INTERRUPTED)
