"""The steps of one generation: play, learn, trial. Each goes on where a stop or a kill left it.

What a step does follows from the archive's seed, the generation's number and what was there when the generation began,
and never from what a stopped attempt did; only costs of runs against the clock differ from machine to machine.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np

from placer.budget import Budget
from policies.errors import DivergedError
from policies.improve.archive import Archive
from policies.improve.arena import Arena
from policies.improve.parts import Experience, Genome, Loaders, Say, Stopped, load_genome
from policies.improve.records import RUNNING, Generation, StoredDemonstration
from policies.improve.settings import Recipe
from policies.improve.trial import Pair, designs_needed, hopeless, judge, per_design
from policies.splits import HELD_OUT_SEED

#: Trials take their designs from this seed of the generator on: held out, and not among the first thousands that
#: ``placer train`` looks at during training.
TRIAL_SEED = 2 * HELD_OUT_SEED
#: Part of a generation's games on designs that were played before: a better placement replaces the stored one.
REVISITS = 1 / 3
#: Generations whose records parts may learn from, the present one included.
RECENT = 8
#: How often all parts learn; otherwise one of them does, so that trials tell which of them it pays to teach.
TOGETHER = 0.5
#: Folder of the records of a generation's games.
RECORDS = "records"
#: What random numbers are for; each has a stream of its own.
PARENT, RECIPE, GAMES, LEARN, TRIAL = range(5)


def stream(archive: Archive, generation: int, purpose: int, *more: int) -> np.random.Generator:
    """Random numbers that depend on the archive's seed, a generation, and what they are for."""
    return np.random.default_rng([archive.seed, generation, purpose, *more])


def inherited(archive: Archive, parent: Generation, founder: Recipe, generation: int) -> Recipe:
    """How the next child learns: as its parent did, a little different; a child of the founder as the settings say.

    Args:
        archive: gives the seed.
        parent: of the child.
        founder: recipe of the settings.
        generation: number of the child.
    """
    recipe = founder if parent.parent is None else parent.recipe
    return recipe.mutated(stream(archive, generation, RECIPE))


class Worker:
    """Does the steps.

    Args:
        archive: open for writing.
        arena: where to play.
        loaders: how parts come back from their files.
        budget: when it is over, work stops within a run of the search or an epoch.
        say: told how it goes.
    """

    def __init__(self, archive: Archive, arena: Arena, loaders: Loaders, budget: Budget, say: Say) -> None:
        self._archive, self._arena, self._loaders = archive, arena, loaders
        self._budget, self._say = budget, say

    def run(self, generation: Generation) -> Generation:
        """Bring a generation to its end.

        Raises:
            Stopped: the budget is over; what was finished is kept.
            NetlistError: a file of the archive cannot be used.
        """
        steps: dict[str, Callable[[Generation], Generation]] = {
            "play": self._play, "learn": self._learn, "trial": self._trial,
        }  # fmt: skip
        while generation.status == RUNNING:
            generation = steps[generation.step](generation)
        return generation

    # -- play ----------------------------------------------------------------------------------------------------------

    def _play(self, generation: Generation) -> Generation:
        archive, number = self._archive, generation.id
        assert generation.parent is not None
        genome = self._genome(generation.parent)
        records = archive.place_of(number) / RECORDS
        done = {row["number"] for row in archive.games(number)}
        for k, (design, seed) in enumerate(self._plan(generation)):
            if k in done:
                continue
            self._require(0.0)
            game = self._arena.play(genome, k, design, seed, generation.settings, self._budget, records)
            self._require(0.0)  # else the game may have been cut short
            kept = archive.add_game(generation, game)
            self._say(f"generation {number}, game {k + 1}/{generation.settings.games}: {_told(game.cost, kept)}")
        rows = archive.games(number)
        gains = [row["gain"] for row in rows if row["gain"] is not None]
        figures = {
            "games": float(len(rows)), "kept": float(sum(row["kept"] for row in rows)),
            "gain": float(np.mean(gains)) if gains else 0.0,
        }  # fmt: skip
        return archive.finish_step(generation, sum(row["seconds"] for row in rows), figures)

    def _plan(self, generation: Generation) -> list[tuple[int, int]]:
        """Designs and seeds of the games: some that were played before, and new ones after the last of those."""
        games, rng = generation.settings.games, stream(self._archive, generation.id, GAMES)
        known = self._archive.known_designs(before=generation.id)
        again = (
            sorted(rng.choice(known, min(len(known), int(games * REVISITS)), replace=False).tolist()) if known else []
        )
        fresh = self._arena.playable(known[-1] + 1 if known else 0, games - len(again))
        seeds = rng.integers(0, 2**31, games).tolist()
        return list(zip([*again, *fresh], seeds, strict=True))

    # -- learn ---------------------------------------------------------------------------------------------------------

    def _learn(self, generation: Generation) -> Generation:
        archive, number = self._archive, generation.id
        assert generation.parent is not None
        self._require(0.0)
        genome, begun = self._genome(generation.parent), perf_counter()
        experience = Experience(
            self._replay(generation),
            [row["design"] for row in archive.games(number)],
            self._arena.design,
            {name: self._records(generation, name) for name in genome.names},
        )
        rng = stream(archive, number, LEARN, 2)
        only = None if rng.random() < TOGETHER else genome.names[int(rng.integers(len(genome.names)))]
        try:
            figures = genome.learn(
                experience, generation.recipe, only=only, seed=int(stream(archive, number, LEARN).integers(2**31)),
                budget=self._budget, say=lambda line: self._say(f"generation {number}, {line}"),
            )  # fmt: skip
        except DivergedError as error:
            return archive.fail(generation, str(error))
        if not figures:
            return archive.fail(generation, "there was nothing to learn from")
        genome.save(archive.place_of(number))
        return archive.finish_step(generation, perf_counter() - begun, figures)

    def _replay(self, generation: Generation) -> list[StoredDemonstration]:
        """All demonstrations of this generation, then some of the others, as many as there is room for."""
        found, room = self._archive.demonstrations(), generation.settings.replay
        own = [one for one in found if one.generation == generation.id][:room]
        others = [one for one in found if one.generation != generation.id]
        rng = stream(self._archive, generation.id, LEARN, 1)
        chosen = sorted(rng.choice(len(others), min(len(others), room - len(own)), replace=False).tolist())
        return own + [others[k] for k in chosen]

    def _records(self, generation: Generation, name: str) -> list[tuple[int, Path]]:
        """Of all games that count, the newest generation first."""
        found: list[tuple[int, Path]] = []
        for number in range(generation.id, max(generation.id - RECENT, 0), -1):
            folder = self._archive.place_of(number) / RECORDS
            designs = [int(row["design"]) for row in self._archive.games(number)]
            files = [(design, folder / f"{design}-{name}.safetensors") for design in designs]
            found += [(design, file) for design, file in files if file.is_file()]
        return found

    # -- trial ---------------------------------------------------------------------------------------------------------

    def _trial(self, generation: Generation) -> Generation:
        archive = self._archive
        if generation.trial is None:
            generation = archive.open_trial(generation, TRIAL_SEED)
        assert generation.level is not None
        assert generation.first_design is not None
        assert generation.incumbent is not None
        settings, pairs = generation.settings, archive.pairs(generation.id)
        planned = designs_needed(settings.trial_designs, generation.level)
        contestants: list[Genome] = []
        for k in range(len(pairs), planned * settings.trial_seeds):
            begins = k % settings.trial_seeds == 0
            if begins and pairs and hopeless(per_design(pairs), planned):
                break
            self._require(2.0 * settings.trial_seconds)
            if not contestants:
                contestants = self._contestants(generation)
            following = pairs[-1].design + 1 if pairs else generation.first_design
            design = self._arena.playable(following, 1)[0] if begins else pairs[-1].design
            pairs.append(self._pair(generation, contestants, k, design))
            archive.add_pair(generation, pairs[-1])
            latest, mean = (100 * np.expm1(x) for x in (pairs[-1].log_ratio, np.mean(per_design(pairs))))
            self._say(
                f"generation {generation.id}, pair {k + 1}/{planned * settings.trial_seeds} against generation "
                f"{generation.incumbent}: {latest:+.2f} %, mean {mean:+.2f} %"
            )
        verdict = judge(pairs, planned, generation.level)
        ended = archive.decide(generation, verdict, sum(pair.seconds for pair in pairs))
        if generation.id >= RECENT:  # nobody will learn from these again
            shutil.rmtree(archive.place_of(generation.id - RECENT + 1) / RECORDS, ignore_errors=True)
        return ended

    def _contestants(self, generation: Generation) -> list[Genome]:
        """Child and incumbent, with all that they need loaded and compiled before any clock runs."""
        assert generation.incumbent is not None
        both = [self._genome(generation.id), self._genome(generation.incumbent)]
        design = self._archive.games(generation.id)[0]["design"]
        for genome in both:
            self._arena.rehearse(genome, design, generation.settings)
        return both

    def _pair(self, generation: Generation, contestants: list[Genome], number: int, design: int) -> Pair:
        """Both place the same design from the same seed; who goes first takes turns."""
        seed = int(stream(self._archive, generation.id, TRIAL, number).integers(2**31))
        child_first = (number + generation.id) % 2 == 0
        begun, costs = perf_counter(), dict[int, float | None]()
        for who in (0, 1) if child_first else (1, 0):
            costs[who] = self._arena.match(contestants[who], design, seed, generation.settings, self._budget)
            self._require(0.0)  # else the run may have been cut short
        return Pair(number, design, seed, costs[0], costs[1], child_first, perf_counter() - begun)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _genome(self, number: int) -> Genome:
        return load_genome(self._archive.place_of(number), self._archive.parts, self._loaders)

    def _require(self, seconds: float) -> None:
        if self._budget.over or self._budget.left < seconds:
            raise Stopped


def _told(cost: float | None, kept: bool) -> str:
    if cost is None:
        return "no legal placement"
    return f"proxy cost {cost:.4f}, {'kept' if kept else 'no new lesson'}"
