"""Searches with varied schedules: what the policy learns from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.formats.textio import atomic_write
from netlists.synthesis import SynthesisSpec, synthesize
from placer import flow
from placer.budget import Budget
from placer.engines.search import SearchOptions
from placer.engines.search.options import Facts, Schedule
from policies.schedule.controls import CONTROLS, SPREADS, schedule_of
from policies.schedule.model import ScheduleModel

#: Searches of one design: half of them with the opposite variation of the others.
PLAYS = 4
#: Moves for each movable object that a search has time for, at ``_PACE`` moves a second: between these, log-uniform.
_FEWEST, _MOST, _PACE = 600, 6_000, 200_000
#: Seconds of a search.
_SHORTEST, _LONGEST = 1.2, 10.0


@dataclass(frozen=True)
class Example:
    """One search.

    Attributes:
        design: number of the design.
        seconds: time limit.
        varied: ``[controls]`` by how much its actions differed from the policy's, in units of their spreads.
        facts: what was known when it began.
        cost: final proxy cost.
    """

    design: int
    seconds: float
    varied: tuple[float, ...]
    facts: Facts
    cost: float


def drawn_design(number: int) -> Design:
    """A generated design to learn on: 15 to 300 macros, 100 to 1000 soft macros, everything about it drawn.

    Raises:
        NetlistError: what was drawn cannot be generated.
    """
    rng = np.random.default_rng([number, 123])
    macros = int(np.exp(rng.uniform(np.log(15), np.log(300))))
    soft = int(np.clip(macros * np.exp(rng.uniform(np.log(2), np.log(8))), 100, 1000))
    spec = SynthesisSpec(
        num_macros=macros,
        num_cells=int(soft * np.exp(rng.uniform(np.log(25), np.log(110)))),
        num_soft_macros=soft,
        utilisation=float(rng.uniform(0.4, 0.72)),
        macro_area_share=float(rng.uniform(0.3, 0.85)),
        rent_exponent=float(rng.uniform(0.56, 0.7)),
        num_masters=int(rng.integers(2, 7)) if rng.random() < 0.6 else 1,
        name=f"plan{number}",
    )
    return synthesize(spec, seed=number)


def play(number: int, model: ScheduleModel, budget: Budget, plays: int = PLAYS) -> Iterator[Example]:
    """Searches of one design with schedules varied around the policy's.

    Args:
        number: of the design; decides all dice too.
        model: the policy.
        budget: when to stop; the search that runs then is left out.
        plays: how many.
    """
    try:
        design = drawn_design(number)
    except NetlistError:
        return
    rng = np.random.default_rng([number, 8])
    moves = float(design.movable.sum()) * np.exp(rng.uniform(np.log(_FEWEST), np.log(_MOST)))
    seconds = float(np.clip(moves / _PACE, _SHORTEST, _LONGEST))
    half = [rng.normal(size=len(CONTROLS)) for _ in range((plays + 1) // 2)]
    for varied in [one for pair in half for one in (pair, -pair)][:plays]:
        seen: list[Facts] = []

        def planner(facts: Facts, varied: np.ndarray = varied, seen: list[Facts] = seen) -> Schedule:
            seen.append(facts)
            return schedule_of(model.actions(facts) + SPREADS * varied)

        options = SearchOptions(device="cpu", planner=planner)
        clock = Budget(seconds, budget.stop)
        try:
            result = flow.place(design, budget=clock, seed=int(rng.integers(1 << 30)), jobs=1, options=options)
        except (NetlistError, PlacementError):
            return
        if budget.over or not seen:
            return
        yield Example(number, seconds, tuple(varied.tolist()), seen[0], result.cost.proxy_cost)


def write_example(file: Path, example: Example) -> None:
    """Append one line of JSON."""
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(example)) + "\n")


def cut_back(file: Path) -> None:
    """Take away the line that a kill cut short, so that the next one does not go on in it."""
    text = file.read_bytes() if file.exists() else b""
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        atomic_write(file, whole)


def read_examples(file: Path) -> list[Example]:
    """All complete examples of a file; the line a kill cut short is left out.

    Raises:
        NetlistError: a line before the last is no example.
    """
    found: list[Example] = []
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    for number, line in enumerate(lines, 1):
        try:
            values = json.loads(line)
            example = Example(**values)
            example = replace(example, varied=tuple(example.varied), facts=Facts(**values["facts"]))
            if len(example.varied) != len(CONTROLS):
                raise ValueError(f"{len(example.varied)} controls")
        except (ValueError, TypeError, KeyError) as error:
            if number == len(lines):
                break
            raise NetlistError("no example of a search", file=file, line=number, found=str(error)) from None
        found.append(example)
    return found
