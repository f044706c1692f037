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
from policies.schedule.controls import CENTRE, CONTROLS, SPREADS, schedule_of

#: Searches of one design: half of them with the opposite variation of the others.
PLAYS = 4
#: Moves for each movable object that a search has time for, at ``_PACE`` moves a second: between these, log-uniform.
_FEWEST, _MOST, _PACE = 500, 5_000, 130_000
#: Seconds of a search.
_SHORTEST, _LONGEST = 1.5, 14.0
#: Fields of a canvas that are routing supply and what macros take of it.
_TRACKS = ("h_routes_per_um", "v_routes_per_um", "h_macro_routes_per_um", "v_macro_routes_per_um")


@dataclass(frozen=True)
class Example:
    """One search.

    Attributes:
        design: number of the design.
        seconds: time limit.
        actions: ``[controls]`` what the schedule was.
        facts: what was known when it began.
        cost: final proxy cost.
    """

    design: int
    seconds: float
    actions: tuple[float, ...]
    facts: Facts
    cost: float


def drawn_design(number: int) -> Design:
    """A generated design to learn on: 30 to 300 macros, 150 to 1100 soft macros, everything about it drawn.

    Routing supply and grid are drawn too: with the generator's own, designs differ less in what their cost is made of
    than real ones do.

    Raises:
        NetlistError: what was drawn cannot be generated.
    """
    rng = np.random.default_rng([number, 124])
    macros = int(_log_uniform(rng, 30, 300))
    soft = int(np.clip(macros * _log_uniform(rng, 2, 10), 150, 1100))
    spec = SynthesisSpec(
        num_macros=macros,
        num_cells=int(soft * _log_uniform(rng, 25, 130)),
        num_soft_macros=soft,
        utilisation=float(rng.uniform(0.4, 0.75)),
        macro_area_share=float(rng.uniform(0.3, 0.88)),
        rent_exponent=float(rng.uniform(0.5, 0.7)),
        reset_share=_log_uniform(rng, 0.03, 0.3),
        enable_share=_log_uniform(rng, 0.002, 0.01),
        bus_share=float(rng.uniform(0.2, 0.6)),
        tail_share=_log_uniform(rng, 0.015, 0.06),
        num_masters=int(rng.integers(2, 7)) if rng.random() < 0.6 else 1,
        bloat=float(rng.uniform(1.4, 2.2)),
        columns=int(np.clip(np.sqrt((macros + soft) * _log_uniform(rng, 0.4, 3.0)) + 1, 8, 60)),
        name=f"plan{number}",
    )
    design = synthesize(spec, seed=number)
    supply = _log_uniform(rng, 0.5, 1.5)
    tracks = {name: getattr(design.canvas, name) * supply for name in _TRACKS}
    return replace(design, canvas=replace(design.canvas, smoothing=int(rng.choice([0, 0, 2])), **tracks))


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def play(number: int, budget: Budget, plays: int = PLAYS) -> Iterator[Example]:
    """Searches of one design with varied schedules.

    Args:
        number: of the design; decides all dice too.
        budget: when to stop; the search that runs then is left out.
        plays: how many.
    """
    try:
        design = drawn_design(number)
    except NetlistError:
        return
    rng = np.random.default_rng([number, 8])
    moves = float(design.movable.sum()) * _log_uniform(rng, _FEWEST, _MOST)
    seconds = float(np.clip(moves / _PACE, _SHORTEST, _LONGEST))
    half = [rng.normal(size=len(CONTROLS)) for _ in range((plays + 1) // 2)]
    for varied in [one for pair in half for one in (pair, -pair)][:plays]:
        actions = CENTRE + SPREADS * varied
        seen: list[Facts] = []

        def planner(facts: Facts, actions: np.ndarray = actions, seen: list[Facts] = seen) -> Schedule:
            seen.append(facts)
            return schedule_of(actions)

        options = SearchOptions(device="cpu", planner=planner)
        clock = Budget(seconds, budget.stop)
        try:
            result = flow.place(design, budget=clock, seed=int(rng.integers(1 << 30)), jobs=1, options=options)
        except (NetlistError, PlacementError):
            return
        if budget.over or not seen:
            return
        yield Example(number, seconds, tuple(actions.tolist()), seen[0], result.cost.proxy_cost)


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
            example = replace(example, actions=tuple(example.actions), facts=Facts(**values["facts"]))
            if len(example.actions) != len(CONTROLS):
                raise ValueError(f"{len(example.actions)} controls")
        except (ValueError, TypeError, KeyError) as error:
            if number == len(lines):
                break
            raise NetlistError("no example of a search", file=file, line=number, found=str(error)) from None
        found.append(example)
    return found
