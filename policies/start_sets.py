"""What a ranking of starts learns from: many starts of a design, and where a deep search from each of them ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.placement import Placement
from placer.budget import Budget
from placer.engines.legalise import legalise
from placer.engines.search import search
from placer.engines.starts import gradient_starts
from policies.ranking import RankingConfig, StartSet
from policies.start_features import FEATURES, Trial, start_features

_FORMAT, _VERSION = "placer-start-sets", 1


@dataclass(frozen=True)
class SetConfig:
    """How starts are made and tried."""

    starts: int = 8
    """Of each design."""
    descent: int = 40
    """Gradient steps of each start."""
    depth: float = 200.0
    """Exact moves of the deep search from each start, for each movable object. Much deeper ones forget where they
    began, and their results say nothing about starts."""
    seed: int = 0
    """Of everything random."""


def legal_starts(design: Design, config: SetConfig, budget: Budget | None = None) -> list[Placement]:
    """Diverse legal placements of a design; fewer where some cannot be made legal.

    Args:
        design: the design.
        config: how many, and how.
        budget: its flag ends the work early.
    """
    budget = Budget(None) if budget is None else Budget(None, budget.stop)
    made = gradient_starts(design, count=config.starts, seed=config.seed, iterations=config.descent, budget=budget)
    found, solid = [], np.ones(design.netlist.num_nodes, bool)
    for x, y in zip(made.x, made.y, strict=True):
        try:
            placement = design.placement.moved(x=x, y=y, placed=solid)
            found.append(legalise(design, placement, seed=config.seed, budget=budget))
        except PlacementError:
            continue
    return found


def make_set(
    design: Design, config: SetConfig, budget: Budget | None = None, starts: Sequence[Placement] | None = None
) -> StartSet:
    """Search deeply from every start of a design; no time is involved, so the result depends on the seed alone.

    Args:
        design: the design.
        config: how.
        budget: its flag ends the work early; the result is then of no use.
        starts: legal placements to begin from; :func:`legal_starts` when None.

    Raises:
        PlacementError: none of the starts can be made legal.
    """
    whole = Budget(None) if budget is None else Budget(None, budget.stop)
    starts = legal_starts(design, config, whole) if starts is None else starts
    if not starts:
        raise PlacementError("none of the starts could be made legal")
    proposals = max(1, int(config.depth * np.count_nonzero(design.movable)))
    trial = Trial(design, RankingConfig.depth)
    before, after, path, final = [], [], [], []
    for start in starts:
        ended, costs = trial.run(start)
        before.append(start_features(design, start))
        after.append(start_features(design, ended))
        path.append(costs)
        deep = search(design, [start], budget=whole, seed=config.seed, jobs=1, iterations=proposals)
        final.append(deep.proxy_cost)
    return StartSet(design.name, np.stack(before), np.stack(after), np.stack(path), np.array(final))


def make_sets(
    designs: Iterator[Design] | Sequence[Design],
    file: Path,
    config: SetConfig,
    *,
    budget: Budget | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> list[StartSet]:
    """Make the sets of many designs, one line of a file each; designs the file has already are not made again.

    Args:
        designs: what to place; their names must differ.
        file: JSON, one object a line; a line that a kill cut short is made again.
        config: how; the file must have been made in the same way.
        budget: ends the work after the design under way.
        say: told about each design in one line.

    Returns:
        The sets of all designs that are done, also of those that are in the file alone.

    Raises:
        NetlistError: the file is none of ours, or was made in another way.
    """
    budget = budget or Budget()
    about = {"format": _FORMAT, "version": _VERSION, "features": list(FEATURES), "config": vars(config)}
    found = {one.design: one for one in read_sets(file, config)} if file.exists() else {}
    file.parent.mkdir(parents=True, exist_ok=True)
    # Written anew: what a kill cut short must not stand in the middle of the file.
    lines = [json.dumps(about), *(json.dumps(_as_json(one)) for one in found.values())]
    file.write_text("".join(line + "\n" for line in lines))
    for design in designs:
        if budget.over:
            break
        if design.name in found:
            continue
        try:
            made = make_set(design, config, budget)
        except PlacementError as error:
            say(f"{design.name}: left out: {error}")
            continue
        if budget.stop.is_set():
            break
        found[design.name] = made
        with open(file, "a") as handle:
            handle.write(json.dumps(_as_json(made)) + "\n")
        say(
            f"{design.name}: {len(made.final)} starts, cost {made.path[:, 0].min():.4f} to "
            f"{made.path[:, 0].max():.4f}, in the end {made.final.min():.4f} to {made.final.max():.4f}"
        )
    return list(found.values())


def read_sets(file: Path, config: SetConfig | None = None) -> list[StartSet]:
    """Read a file of :func:`make_sets`; a last line that was cut short is left out.

    Args:
        file: the file.
        config: how it must have been made; any way when None.

    Raises:
        NetlistError: it is none of ours, damaged, of another version, or made in another way.
    """
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise NetlistError(f"cannot read: {error}", file=file) from None
    head = _parsed(lines[0]) if lines else None
    if head is None or head.get("format") != _FORMAT:
        raise NetlistError("no file of sets of starts", file=file, expected="a file of placer train --part ranking")
    if head.get("version") != _VERSION or head.get("features") != list(FEATURES):
        raise NetlistError("sets of starts of another version of the placer", file=file, line=1)
    if config is not None and head.get("config") != vars(config):
        raise NetlistError(
            "the sets of starts were made in another way", file=file, line=1, found=head.get("config"),
            expected=str(vars(config)),
        )  # fmt: skip
    found = []
    for number, line in enumerate(lines[1:], 2):
        one = _parsed(line)
        if one is None:
            if number == len(lines):
                continue
            raise NetlistError("this is no JSON object", file=file, line=number)
        try:
            arrays = {
                name: np.array(one[name], np.float64)  # None, which JSON has for NaN, becomes NaN
                for name in ("before", "after", "path", "final")
            }
            found.append(StartSet(str(one["design"]), **arrays))
        except (KeyError, TypeError, ValueError) as error:
            raise NetlistError(f"a set of starts is damaged ({error})", file=file, line=number) from None
    return found


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _as_json(one: StartSet) -> dict[str, Any]:
    def plain(values: np.ndarray) -> Any:  # noqa: ANN401 - nested lists
        found = values.astype(object)
        found[~np.isfinite(values)] = None  # JSON has no NaN
        return found.tolist()

    names = ("before", "after", "path", "final")
    return {"design": one.design} | {name: plain(getattr(one, name)) for name in names}
