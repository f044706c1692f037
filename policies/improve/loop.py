"""One generation after the other, in a folder, for as long as there is time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from netlists.errors import NetlistError
from netlists.formats.textio import atomic_write
from placer.budget import Budget
from policies.errors import DivergedError
from policies.improve.archive import FOLDERS, Archive
from policies.improve.arena import Arena
from policies.improve.generation import PARENT, Worker, inherited, stream
from policies.improve.parents import choose_parent
from policies.improve.parts import Genome, Loaders, Say, Stopped, part_file
from policies.improve.records import FAILED, PROMOTED, Generation
from policies.improve.settings import Settings

#: The network of the incumbent, for ``--checkpoint``.
BEST = "best.safetensors"
#: Name of the part that is the network.
NETWORK = "policy"
#: Generations that may fail one after the other.
MOST_FAILURES = 3


def improve(
    folder: Path,
    *,
    founder: Callable[[], Genome],
    loaders: Loaders,
    arena: Callable[[int], Arena],
    settings: Settings | None = None,
    level: float | None = None,
    seed: int | None = None,
    largest: int | None = None,
    generations: int | None = None,
    branch: int | None = None,
    budget: Budget | None = None,
    say: Say = lambda _: None,
) -> Path:
    """Begin an archive, or go on with one.

    Killed at any moment, the same call goes on where it was. A generation that was stopped is finished first, with the
    settings it began with.

    Args:
        folder: of the archive; made if it is not there.
        founder: makes generation 0 of a new archive.
        loaders: how parts come back from their files.
        arena: makes the place to play, given the most macros of its designs.
        settings: of the generations that begin now.
        level: chance that an incumbent is ever replaced by something that is no better; of a new archive.
        seed: of every random choice, likewise.
        largest: most macros of generated designs, likewise.
        generations: how many the archive is to have, beside the founder. Without this and without a time limit, one
            more than it has, or the unfinished one.
        branch: continue this generation: choose parents among it and what was made in its branch so far.
        budget: when to stop; what a step has not finished is done again the next time.
        say: told how it goes.

    Returns:
        The network of the incumbent.

    Raises:
        NetlistError: the folder, or a checkpoint in it, cannot be used.
        DivergedError: several generations one after the other failed to learn.
    """
    settings, budget = settings or Settings(), budget or Budget()
    with Archive(folder, write=True, level=level, seed=seed, largest=largest) as archive:
        _tidy(archive)
        if archive.incumbent() is None:
            _found(archive, founder(), settings)
        mend_best(archive)
        if branch is not None:  # said before any work
            choose_parent(archive.generations(), stream(archive, 0, PARENT), 0.0, branch)
        if generations is None and budget.time_limit is None:
            last = archive.generations()[-1]
            generations = last.id + (archive.unfinished() is None)
        failures = 0
        worker = Worker(archive, arena(archive.largest), loaders, budget, say)
        while not budget.over:
            generation = archive.unfinished()
            if generation is None:
                known = archive.generations()
                if generations is not None and known[-1].id >= generations:
                    break
                generation = _begin(archive, known, settings, branch)
                say(
                    f"generation {generation.id} learns from generation {generation.parent}; "
                    f"incumbent: generation {generation.incumbent}"
                )
            try:
                ended = worker.run(generation)
            except Stopped:
                break
            mend_best(archive)
            say(_ending(ended))
            failures = failures + 1 if ended.status == FAILED else 0
            if failures == MOST_FAILURES:
                raise DivergedError(f"{failures} generations in a row failed; the last: {ended.reason}")
        return archive.folder / best_name(archive.parts[0])


def mend_best(archive: Archive) -> None:
    """Bring ``best.safetensors``, and ``best-<part>.safetensors`` of the other parts, up to the incumbent.

    Raises:
        NetlistError: a checkpoint of the incumbent is missing.
    """
    incumbent = archive.incumbent()
    assert incumbent is not None
    for name in archive.parts:
        source, target = part_file(archive.place_of(incumbent.id), name), archive.folder / best_name(name)
        if not source.is_file():
            raise NetlistError("the checkpoint of a generation is missing", file=source)
        data = source.read_bytes()
        if not target.is_file() or target.read_bytes() != data:
            atomic_write(target, data)


def best_name(part: str) -> str:
    """File name of a part of the incumbent; that of the network goes without its name."""
    return BEST if part == NETWORK else f"best-{part}.safetensors"


def _found(archive: Archive, genome: Genome, settings: Settings) -> None:
    genome.save(archive.place_of(0))
    archive.found(settings, genome.names)


def _begin(archive: Archive, known: list[Generation], settings: Settings, branch: int | None) -> Generation:
    number = known[-1].id + 1
    parent = choose_parent(known, stream(archive, number, PARENT), settings.explore, branch)
    return archive.begin(parent, inherited(archive, parent, settings.recipe, number), settings, branch)


def _tidy(archive: Archive) -> None:
    """Remove what a kill left of files that were being written."""
    for place in (archive.folder, *(archive.folder / FOLDERS).glob("*"), *(archive.folder / FOLDERS).glob("*/*")):
        if place.is_dir():
            for file in place.glob(".*.tmp"):
                file.unlink(missing_ok=True)


def _ending(ended: Generation) -> str:
    if ended.verdict is None:
        return f"generation {ended.id} failed: {ended.reason}"
    v = ended.verdict
    what = "promoted" if ended.status == PROMOTED else "archived"
    return (
        f"generation {ended.id} {what}: mean log cost ratio {v.mean:+.5f} on {v.designs} designs, "
        f"p {v.p:.3g} at level {v.level:.3g}"
    )
