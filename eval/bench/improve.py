"""What a run of ``placer improve`` came to, from its archive; and its last generation examined on fresh designs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from eval.bench.designs import Settings
from eval.bench.machine import pinned
from eval.bench.sheet import Sheet
from netlists.errors import NetlistError
from placer.budget import Budget
from policies.improve.archive import Archive
from policies.improve.arena import Arena
from policies.improve.known_parts import loaders
from policies.improve.parts import Genome, Loaders, load_genome
from policies.improve.report import rows
from policies.improve.search_arena import SearchArena
from policies.improve.settings import Settings as Generation
from policies.improve.trial import Pair, judge
from policies.splits import HELD_OUT_SEED

#: The examination takes its designs from this seed of the generator on; no trial comes near.
EXAM_SEED = 9 * HELD_OUT_SEED
#: Designs of the examination.
EXAM_DESIGNS = 16


def run(settings: Settings) -> Sheet:
    """Every generation of an archive: lineage, trial, times.

    Args:
        settings: ``run`` is the folder.

    Raises:
        NetlistError: it is no archive, or none was named.
    """
    with Archive(_folder(settings)) as archive:
        found, level, largest = rows(archive), archive.level, archive.largest
        generations = archive.generations()
        pairs = sum(len(archive.pairs(one.id)) for one in generations)
        lessons = len(archive.demonstrations())
        parts = ", ".join(archive.parts)
    sheet = Sheet(
        "improve",
        "A network that improves itself",
        {
            "generation": "generation",
            "parent": "learned from",
            "incumbent": "against",
            "status": "outcome",
            "change": "cost, %",
            "interval": "95 % interval",
            "designs": "designs",
            "p": "p",
            "level": "at level",
            "skill": "against generation 0, %",
            "games": "games",
            "kept": "lessons kept",
            "play": "playing, s",
            "learn": "learning, s",
            "trial": "trial, s",
        },
        notes=[
            f"Parts: {parts}. {lessons} demonstrations of generated designs of up to {largest} macros, {pairs} pairs "
            "of runs on held-out ones.",
            "Cost: of placements by search with the generation's parts against search with those of the generation it "
            "was tried against, same designs and seeds, equal wall-clock with inference; negative is better. Interval: "
            "Student's t over designs.",
            f"A generation is promoted where the exact one-sided sign-flip test over designs is below its level; the "
            f"levels of all trials against one generation add up to {level:g}. Fewer designs than planned: given up "
            "because it was behind.",
            "Against generation 0: trials added up along the way; too good for promoted ones, which were chosen by it.",
        ],
    )
    last = generations[-1].settings if generations else None
    if last is not None:
        sheet.notes.append(
            f"Settings of the last generation: {last.games} games of {last.moves:,} moves, {last.trial_seeds} seed(s) "
            f"a design, {last.trial_seconds:g} s a run, {last.jobs} core(s)."
        )
    for row in found:
        values: dict[str, Any] = {**asdict(row), "interval": _interval(row.low, row.high)}
        values |= {step: row.seconds.get(step) for step in ("play", "learn", "trial")}
        values["designs"] = None if row.designs is None else f"{row.designs} of {row.planned}"
        sheet.rows.append(values)
    return sheet


def examine(settings: Settings) -> Sheet:
    """The incumbent of an archive against its founder and against the search alone, on designs no trial has used.

    Args:
        settings: ``run`` is the folder; ``time_limit``, ``seeds`` and ``cores`` are those of the runs.

    Raises:
        NetlistError: it is no archive, or none was named.
    """
    with Archive(_folder(settings)) as archive:
        incumbent = archive.incumbent()
        if incumbent is None:
            raise NetlistError("the archive has no generation yet", file=settings.run)
        arena: Arena = SearchArena(archive.largest)
        contestants = {
            "search alone": Genome(()),
            "generation 0": _genome(archive, 0, loaders()),
            f"generation {incumbent.id}": _genome(archive, incumbent.id, loaders()),
        }
    return compare(arena, contestants, settings)


def compare(arena: Arena, contestants: dict[str, Genome], settings: Settings) -> Sheet:
    """The last contestant against each of the others, on fresh held-out designs.

    Args:
        arena: where to play.
        contestants: by name.
        settings: time, seeds and cores.
    """
    count = 4 if settings.quick else EXAM_DESIGNS
    how = Generation(trial_seconds=settings.time_limit, trial_designs=count, jobs=settings.cores)
    names = list(contestants)
    sheet = Sheet(
        "improve-exam",
        f"The last generation examined, {settings.time_limit:g} s a run",
        {
            "design": "design",
            **{name: f"{name}, proxy cost" for name in names},
            **{f"over {name}": f"{names[-1]} over {name}, %" for name in names[:-1]},
            **{f"interval {name}": "95 % interval" for name in names[:-1]},
            **{f"p {name}": "p" for name in names[:-1]},
        },
        notes=[
            f"{count} generated designs that no generation and no trial has met (from seed {EXAM_SEED:,}), "
            f"{len(settings.seeds)} seed(s) each, {settings.cores} core(s); costs are means over seeds. Contestants "
            "take turns on each design and seed; inference is part of the time.",
            "Percent: mean logarithm of the cost ratio; negative, the last generation is better. Last line: mean over "
            "designs with Student's t interval, and the two-sided exact sign-flip test.",
        ],
    )
    designs = arena.playable(EXAM_SEED, count)
    pairs: dict[str, list[Pair]] = {name: [] for name in names[:-1]}
    with pinned(settings.cores):
        for genome in contestants.values():
            arena.rehearse(genome, designs[0], how)
        for number, design in enumerate(designs):
            costs: dict[str, list[float | None]] = {name: [] for name in names}
            for k, seed in enumerate(settings.seeds):
                turn = (number + k) % len(names)
                for name in names[turn:] + names[:turn]:
                    costs[name].append(arena.match(contestants[name], design, seed, how, Budget()))
            row: dict[str, Any] = {"design": f"made{design}", "runs": costs}
            for name in names:
                good = [cost for cost in costs[name] if cost is not None]
                row[name] = sum(good) / len(good) if good else None
            for name, played in pairs.items():
                own = [
                    Pair(number, design, seed, last, other, True, 0.0)
                    for seed, last, other in zip(settings.seeds, costs[names[-1]], costs[name], strict=True)
                ]
                played += own
                row[f"over {name}"] = 100 * judge(own, 1, 0.5).mean
            sheet.rows.append(row)
    total: dict[str, Any] = {"design": "mean"}
    for name, played in pairs.items():
        verdict, other = judge(played, count, 0.5), judge([_swapped(pair) for pair in played], count, 0.5)
        total[f"over {name}"] = 100 * verdict.mean
        total[f"interval {name}"] = _interval(100 * verdict.low, 100 * verdict.high)
        total[f"p {name}"] = min(1.0, 2 * min(verdict.p, other.p))
    sheet.rows.append(total)
    return sheet


def _folder(settings: Settings) -> Path:
    if settings.run is None:
        raise NetlistError("name the archive of placer improve", expected="--run FOLDER")
    return settings.run


def _genome(archive: Archive, number: int, known: Loaders) -> Genome:
    return load_genome(archive.place_of(number), archive.parts, known)


def _swapped(pair: Pair) -> Pair:
    return Pair(pair.number, pair.design, pair.seed, pair.incumbent, pair.child, not pair.child_first, pair.seconds)


def _interval(low: float | None, high: float | None) -> str | None:
    return None if low is None or high is None else f"{low:+.2f} to {high:+.2f}"
