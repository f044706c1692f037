"""Generations in a world of fakes: who is promoted, who descends from whom, what a stop or a kill leaves."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from netlists.errors import NetlistError
from placer.budget import Budget
from policies.errors import DivergedError
from policies.improve.archive import Archive
from policies.improve.generation import TRIAL_SEED
from policies.improve.loop import BEST
from policies.improve.parents import choose_parent
from policies.improve.parts import Experience
from policies.improve.records import ARCHIVED, FAILED, PROMOTED, Generation
from policies.improve.report import rows
from policies.improve.settings import Recipe
from policies.improve.trial import level_of
from tests.conftest import ROOT
from tests.policies.improve_fakes import (
    LEVEL,
    SMALL,
    FakeArena,
    Killed,
    Killer,
    always,
    contents,
    run,
    strengths,
)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for the disk; nothing here cuts the power."""
    monkeypatch.setattr("policies.improve.archive._DURABLE", "OFF")
    monkeypatch.setattr("os.fsync", lambda descriptor: None)


def generations(folder: Path) -> list[Generation]:
    with Archive(folder) as archive:
        return archive.generations()


# -- promotion ---------------------------------------------------------------------------------------------------------


def test_a_child_that_wins_becomes_the_incumbent(tmp_path: Path) -> None:
    best = run(tmp_path, always(0.1), generations=2)
    found = generations(tmp_path)
    assert [one.status for one in found] == [PROMOTED, PROMOTED, PROMOTED]
    assert [(one.parent, one.incumbent) for one in found] == [(None, None), (0, 0), (1, 1)]
    assert best == tmp_path / BEST
    assert json.loads(best.read_text()) == pytest.approx(0.2)
    assert [one.skill for one in found] == pytest.approx([0.0, 0.1, 0.2], abs=0.03)
    # Each trial against a new incumbent has a new account.
    assert [(one.trial, one.level) for one in found[1:]] == [(1, LEVEL / 2), (1, LEVEL / 2)]


@pytest.mark.parametrize("difference", [0.0, -0.1])
def test_a_child_that_does_not_win_is_archived(tmp_path: Path, difference: float) -> None:
    best = run(tmp_path, always(difference), generations=3)
    found = generations(tmp_path)
    assert [one.status for one in found] == [PROMOTED, ARCHIVED, ARCHIVED, ARCHIVED]
    assert json.loads(best.read_text()) == 0.0
    assert {one.incumbent for one in found[1:]} == {0}
    assert [one.trial for one in found[1:]] == [1, 2, 3]
    assert [one.level for one in found[1:]] == [level_of(k, LEVEL) for k in (1, 2, 3)]


def test_a_lucky_child_is_not_promoted_by_fewer_designs_than_the_level_takes(tmp_path: Path) -> None:
    run(tmp_path, always(0.1), generations=1, settings=replace(SMALL, trial_designs=1))
    with Archive(tmp_path) as archive:
        assert len(archive.pairs(1)) == 4  # 2 ** -2 is the level of the first trial, and two more


def test_every_trial_has_new_held_out_designs_and_turns_who_goes_first(tmp_path: Path) -> None:
    arena = FakeArena()
    run(tmp_path, always(0.1), generations=2, arena=arena, settings=replace(SMALL, trial_seeds=2))
    with Archive(tmp_path) as archive:
        played = [archive.pairs(number) for number in (1, 2)]
        trained = archive.known_designs(before=3)
    one, two = ({pair.design for pair in trial} for trial in played)
    assert not one & two
    assert min(one | two) >= TRIAL_SEED > max(trained)
    assert [pair.child_first for pair in played[0]] == [k % 2 == 1 for k in range(8)]
    seeds = [pair.seed for trial in played for pair in trial]
    assert len(set(seeds)) == len(seeds)
    # As entered, so played: strength 0 is the founder.
    assert [strength > 0 for strength in arena.first[:4]] == [False, True, True, False]
    assert arena.rehearsed == 4


def test_a_child_that_is_clearly_worse_is_given_up_early(tmp_path: Path) -> None:
    run(tmp_path, always(-0.5), generations=1, settings=replace(SMALL, trial_designs=20))
    verdict = generations(tmp_path)[1].verdict
    assert verdict is not None
    assert (verdict.designs, verdict.planned) == (6, 20)


# -- what is learned from ----------------------------------------------------------------------------------------------


def test_the_best_placement_of_every_design_is_kept(tmp_path: Path) -> None:
    run(tmp_path, always(0.0), generations=6)
    with Archive(tmp_path) as archive:
        games = [dict(row) for number in range(1, 7) for row in archive.games(number)]
        stored = {one.design: one for one in archive.demonstrations()}
    assert len({game["seed"] for game in games}) == len(games)
    assert len({game["design"] for game in games}) < len(games)  # some were played again
    for design, one in stored.items():
        own = [game for game in games if game["design"] == design]
        assert one.cost == min(game["cost"] for game in own)
        best_so_far = np.minimum.accumulate([game["cost"] for game in own])
        assert [bool(game["kept"]) for game in own] == [True, *(np.diff(best_so_far) < 0)]
        assert one.choices[0] == design


def test_a_child_learns_from_its_own_games_first_and_from_some_others(tmp_path: Path) -> None:
    seen: list[Experience] = []

    def teach(experience: Experience, recipe: Recipe, seed: int) -> float:
        seen.append(experience)
        return 0.0

    run(tmp_path, teach, generations=4)
    assert [len(one.demonstrations) for one in seen] == [3, 4, 4, 4]  # there is room for four
    last = seen[-1]
    assert last.demonstrations[0].generation == 4
    assert set(last.played) >= {one.design for one in last.demonstrations if one.generation == 4}
    assert last.demonstrations[-1].generation < 4
    records = last.records["policy"]
    assert [file.parent.parent.name for _, file in records[::3]] == ["0004", "0003", "0002", "0001"]
    assert all(file.name == f"{design}-policy.safetensors" for design, file in records)
    assert [design for design, _ in records[:3]] == list(last.played)


def test_all_parts_are_kept_and_plugged_in(tmp_path: Path) -> None:
    run(tmp_path, always(0.1), generations=10, names=("policy", "proposals"))
    with Archive(tmp_path) as archive:
        learned = [set(archive.steps(number)["learn"]) - {"seconds"} for number in range(1, 11)]
    # Some generations teach both, others one of them.
    assert {len(names) for names in learned} == {1, 2}
    assert set.union(*(names for names in learned if len(names) == 1)) == {"policy/lessons", "proposals/lessons"}
    assert {file.name for file in (tmp_path / "generations" / "0001").glob("*.safetensors")} == {
        "policy.safetensors",
        "proposals.safetensors",
    }
    best = [json.loads((tmp_path / name).read_text()) for name in (BEST, "best-proposals.safetensors")]
    assert sum(best) == pytest.approx(0.1 * sum(len(names) for names in learned))
    assert generations(tmp_path)[-1].skill == pytest.approx(sum(best), abs=0.1)


def test_recipes_are_inherited_with_changes(tmp_path: Path) -> None:
    run(tmp_path, always(0.1), generations=3)
    rates = [one.recipe.learning_rate for one in generations(tmp_path)]
    assert len(set(rates)) == 4
    assert all(0.3 < b / a < 3 for a, b in pairwise(rates))


# -- lineage -----------------------------------------------------------------------------------------------------------


def made(
    number: int, parent: int | None, status: str = ARCHIVED, skill: float = 0.0, branch: int | None = None
) -> Generation:
    return Generation(
        number, parent, 0, branch, SMALL.recipe, SMALL, status, "trial", "", 1, 0.1, TRIAL_SEED, skill, None, 0.0, 1.0
    )  # fmt: skip


FAMILY = [
    made(0, None, PROMOTED),
    made(1, 0, skill=-0.05),
    made(2, 0, PROMOTED, skill=0.02),
    made(3, 1, FAILED),
    made(4, 1, skill=0.01, branch=1),
    made(5, 2, skill=0.01),
    made(6, 2, skill=0.01),
    made(7, 6, skill=-1.0),
]


def test_the_incumbent_is_the_parent_unless_others_are_explored() -> None:
    rng = np.random.default_rng(0)
    assert {choose_parent(FAMILY, rng, 0.0).id for _ in range(20)} == {2}
    drawn = [choose_parent(FAMILY, rng, 1.0).id for _ in range(2000)]
    counts = {number: drawn.count(number) for number in range(8)}
    assert counts[2] == counts[3] == 0  # the head is the other case; a failed one has nothing to hand down
    assert counts[1] < 0.1 * counts[5]  # worse by six per cent
    assert 1.5 < counts[5] / counts[6] < 2.7  # as good, with one child more
    assert 0.8 < counts[5] / counts[4] < 1.25


def test_a_branch_keeps_to_its_family() -> None:
    rng = np.random.default_rng(0)
    assert choose_parent(FAMILY, rng, 0.0, branch=1).id == 4
    assert {choose_parent(FAMILY, rng, 0.5, branch=1).id for _ in range(50)} == {1, 4}
    assert choose_parent(FAMILY, rng, 0.0, branch=0).id == 0  # the incumbent is a descendant, but of no branch
    assert choose_parent(FAMILY, rng, 0.0, branch=2).id == 2
    for wrong in (3, 99):
        with pytest.raises(NetlistError, match="no generation to branch from"):
            choose_parent(FAMILY, rng, 0.0, branch=wrong)


def test_a_branch_descends_from_any_generation_and_is_tried_against_the_incumbent(tmp_path: Path) -> None:
    run(tmp_path, always(0.1), generations=2)
    run(tmp_path, always(0.3), branch=0)
    last = generations(tmp_path)[-1]
    assert (last.id, last.parent, last.incumbent, last.status) == (3, 0, 2, PROMOTED)
    assert strengths(tmp_path)[-1] == pytest.approx(0.3)
    with pytest.raises(NetlistError, match="no generation to branch from"):
        run(tmp_path, branch=7)
    assert len(generations(tmp_path)) == 4
    with Archive(tmp_path) as archive:
        assert [row.branch for row in rows(archive)] == ["0", "├ 1", "│ └ 2", "└ 3"]


# -- going on ----------------------------------------------------------------------------------------------------------


def test_the_number_of_generations_is_that_of_the_archive(tmp_path: Path) -> None:
    run(tmp_path, generations=2)
    before = contents(tmp_path)
    run(tmp_path, generations=2)
    assert contents(tmp_path) == before
    run(tmp_path)  # one more
    assert len(generations(tmp_path)) == 4


def test_killed_at_any_moment_the_same_call_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killer = Killer(monkeypatch)
    run(tmp_path / "straight", generations=1)
    straight, moments = contents(tmp_path / "straight"), killer.moments
    assert moments > 25
    for moment in range(1, moments + 1):
        folder = tmp_path / f"killed-{moment}"
        killer.moments, killer.at = 0, moment
        with pytest.raises(Killed):
            run(folder, generations=1)
        killer.at = -1
        run(folder, generations=1)
        assert contents(folder) == straight, f"killed at moment {moment} of {moments}"


def test_stopped_at_any_run_the_state_is_kept(tmp_path: Path) -> None:
    run(tmp_path / "straight", generations=2)
    straight = contents(tmp_path / "straight")
    for runs in range(0, 22, 3):
        folder, budget = tmp_path / f"stopped-{runs}", Budget()
        arena = FakeArena(stop_after=runs, budget=budget)
        run(folder, generations=2, arena=arena, budget=budget)
        assert budget.stop.is_set()
        run(folder, generations=2)
        assert contents(folder) == straight


def test_a_process_killed_for_good_is_no_obstacle(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from tests.policies.improve_fakes import FakeArena, run\n"
        "class Mortal(FakeArena):\n"
        "    def match(self, *a):\n"
        "        if len(self.first) == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return super().match(*a)\n"
        "run(Path(sys.argv[1]), generations=1, arena=Mortal())\n"
    )
    died = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "killed")],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    with Archive(tmp_path / "killed") as archive:
        assert len(archive.pairs(1)) == 1
    (tmp_path / "killed" / ".best.safetensors.x.tmp").write_text("half a file")
    run(tmp_path / "killed", generations=1)
    run(tmp_path / "straight", generations=1)
    assert contents(tmp_path / "killed") == contents(tmp_path / "straight")


def test_a_generation_goes_on_with_the_settings_it_began_with(tmp_path: Path) -> None:
    budget = Budget()
    run(tmp_path, arena=FakeArena(stop_after=4, budget=budget), budget=budget)
    run(tmp_path, settings=replace(SMALL, games=1, trial_designs=9))
    one = generations(tmp_path)[1]
    assert one.settings == SMALL
    assert one.verdict is not None
    assert one.verdict.planned == 4


def test_no_pair_begins_that_cannot_end_in_time(tmp_path: Path) -> None:
    run(tmp_path, settings=replace(SMALL, trial_seconds=100.0), budget=Budget(20.0))
    one = generations(tmp_path)[1]
    assert (one.status, one.step) == ("running", "trial")
    with Archive(tmp_path) as archive:
        assert archive.pairs(1) == []


# -- failures ----------------------------------------------------------------------------------------------------------


def diverging(experience: Experience, recipe: Recipe, seed: int) -> float:
    raise DivergedError("the loss is not a number")


def test_a_child_that_diverges_is_noted_and_the_loop_goes_on_but_not_for_ever(tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match="3 generations in a row"):
        run(tmp_path, diverging, generations=9)
    found = generations(tmp_path)
    assert [one.status for one in found] == [PROMOTED, FAILED, FAILED, FAILED]
    assert found[1].reason == "the loss is not a number"
    assert found[1].trial is None  # no level was spent
    run(tmp_path, always(0.1))
    assert generations(tmp_path)[-1].parent == 0


def test_two_processes_do_not_work_on_one_archive(tmp_path: Path) -> None:
    run(tmp_path)
    with Archive(tmp_path, write=True), pytest.raises(NetlistError, match="another process"):
        run(tmp_path)
    with Archive(tmp_path, write=True), Archive(tmp_path) as reader:
        assert len(reader.generations()) == 2


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match="no archive"):
        Archive(tmp_path / "nothing")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("do not touch")
    with pytest.raises(NetlistError, match="neither empty nor an archive"):
        run(tmp_path / "other")
    assert [file.name for file in (tmp_path / "other").iterdir()] == ["thesis.txt"]
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "archive.db").write_text("not a database, but long enough to look at" * 100)
    with pytest.raises(NetlistError, match="not an archive"):
        Archive(tmp_path / "text")


def test_another_version_level_or_a_missing_checkpoint_is_told(tmp_path: Path) -> None:
    run(tmp_path, generations=1)
    with pytest.raises(NetlistError, match="the level of an archive stays"):
        Archive(tmp_path, level=0.2)
    (tmp_path / "generations" / "0001" / "policy.safetensors").unlink()
    with pytest.raises(NetlistError, match=r"missing|policy\.safetensors"):
        run(tmp_path)
    db = sqlite3.connect(tmp_path / "archive.db")
    db.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
    db.commit()
    db.close()
    with pytest.raises(NetlistError, match="another version"):
        Archive(tmp_path)
