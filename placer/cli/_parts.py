"""What ``placer train --part`` trains besides the policy: ranking and maker of starts, schedule of the search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path

import typer

from placer.budget import Budget


class Part(StrEnum):
    """What is trained."""

    policy = "policy"
    ranking = "ranking"
    starts = "starts"
    schedule = "schedule"


#: Most macros of the designs rankings are learned from.
_LARGEST = 96
#: Steps of the network that makes starts, without a limit of any kind.
_STEPS = 2_000


def train_part(
    part: Part,
    folder: Path,
    *,
    budget: Budget,
    designs: int,
    steps: int | None,
    seed: int,
    resume: bool,
    useless: Mapping[str, object],
    say: Callable[[str], None],
) -> Path:
    """Train the ranking of starts, the network that makes them, or the policy that plans the search.

    Args:
        part: which of them.
        folder: where files go.
        budget: when to stop.
        designs: generated designs that rankings are learned from.
        steps: gradient steps of the network that makes starts; searches of the policy that plans, in all.
        seed: of everything random.
        resume: go on with what is in the folder.
        useless: options that only the policy has, by name, and whether they were given.
        say: told how it goes.

    Returns:
        The file to name when placing.

    Raises:
        typer.BadParameter: an option is of no use to the part.
        NetlistError: what is in the folder cannot be used, or nothing could be learned.
    """
    for name, given in useless.items():
        if given:
            raise typer.BadParameter(f"is of no use to --part {part}", param_hint=name)
    if part is Part.ranking:
        return _train_ranking(folder, budget, designs, seed, resume, say)
    if part is Part.schedule:
        from placer.warm import warm_up
        from policies.schedule.learn import train_schedule

        warm_up()
        return train_schedule(folder, budget=budget, searches=steps, seed=seed, resume=resume, say=say)
    from policies.amortised_training import StartsConfig, train_starts

    limit = _STEPS if steps is None and budget.time_limit is None else steps
    return train_starts(StartsConfig(steps=limit, seed=seed), folder, budget=budget, resume=resume, say=say)


def _train_ranking(
    folder: Path, budget: Budget, designs: int, seed: int, resume: bool, say: Callable[[str], None]
) -> Path:
    from policies.ranking import LearnConfig, StartRanker, learn, save_ranker
    from policies.splits import synthetic_designs
    from policies.start_sets import SetConfig, make_sets

    sets = folder / "sets.jsonl"
    if not resume:
        sets.unlink(missing_ok=True)
    made = synthetic_designs(0, designs, _LARGEST)
    found = make_sets(made, sets, SetConfig(seed=seed), budget=budget, say=say)
    model, card = learn(found, how=LearnConfig(seed=seed))
    for name, value in card.get("rank correlation", {}).items():
        say(f"rank correlation with the final cost, on designs left out: {name} {value:.3f}")
    return save_ranker(folder / "ranking.safetensors", StartRanker(model, card=card))
