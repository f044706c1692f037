"""One small generation with the real search and the real network, and the command."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO
from placer import flow
from placer.budget import Budget
from placer.cli import run as command
from placer.engines.search import SearchOptions
from policies.actor_critic import ActorCritic
from policies.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from policies.improve.archive import Archive
from policies.improve.known_parts import loaders
from policies.improve.parts import Experience, Genome, Stopped, load_genome
from policies.improve.policy_part import PolicyPart
from policies.improve.proposal_part import ProposalPart
from policies.improve.ranking_part import RankingPart
from policies.improve.records import StoredDemonstration
from policies.improve.search_arena import SearchArena
from policies.improve.settings import Recipe, Settings
from tests.policies.test_training import SMALL

NAMES = ("policy", "proposals")
QUICK = Settings(games=1, moves=1500, trial_designs=2, trial_seconds=0.8, jobs=1)
WORDS = [
    "--device", "cpu", "--jobs", "1", "--games", "2", "--moves", "2000", "--largest", "7", "--epochs", "1",
    "--ppo-iterations", "0", "--trial-time", "0.4", "--trial-designs", "1", "--level", "0.6",
    "--parts", "policy,proposals",
]  # fmt: skip


@pytest.fixture(scope="module")
def founder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("founder") / "policy.safetensors"
    return save_checkpoint(path, Checkpoint(ActorCritic(SMALL), {"by": "hand"}))


def test_a_generation_from_games_to_verdict_by_the_command(
    founder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "night"
    assert command(["improve", str(out), "--checkpoint", str(founder), *WORDS]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == str(out / "best.safetensors")
    assert "generation 1 learns from generation 0" in said.err
    with Archive(out) as archive:
        child = archive.generation(1)
        games, pairs, steps = archive.games(1), archive.pairs(1), archive.steps(1)
        lessons = archive.demonstrations()
    assert child.able
    assert child.verdict is not None
    assert child.verdict.designs == len(pairs)
    assert all(pair.seconds > 0 for pair in pairs)
    assert set(steps) == {"play", "learn", "trial"}
    assert len(lessons) == sum(game["kept"] for game in games)
    assert steps["learn"].get("policy/lessons", len(lessons)) == len(lessons)
    both = [load_genome(out / "generations" / n, NAMES, loaders()) for n in ("0000", "0001")]
    assert all(genome.names == NAMES for genome in both)
    assert "starter" in both[1].plug({"options": SearchOptions()})
    files = [
        [(out / "generations" / n / f"{part}.safetensors").read_bytes() for part in NAMES] for n in ("0000", "0001")
    ]
    assert files[0] != files[1]
    assert load_checkpoint(out / "best.safetensors").model.config == SMALL
    # The tree, and what cannot be done.
    assert command(["improve", str(out), "--status"]) == 0
    table = capsys.readouterr().out
    assert "└ 1" in table
    assert child.status[:4] in table
    for words, why in (
        ([str(tmp_path / "nothing"), "--status"], "no archive"),
        ([str(out), "--level", "0.1"], "the level of an archive stays"),
        ([str(out), "--branch", "9"], "no generation to branch from"),
        ([str(tmp_path / "new"), "--checkpoint", str(tmp_path / "none")], "no such checkpoint"),
        ([str(out), "--level", "2"], "above 0 and below 1"),
        ([str(out), "--parts", "policy,magic"], "no part is called that"),
    ):
        assert command(["improve", *words]) == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert why in error, error


def test_a_network_is_plugged_in_as_starts_of_games_and_matches(founder: Path, tmp_path: Path) -> None:
    arena = SearchArena(largest=7)
    (number,) = arena.playable(0, 1)
    genome = Genome((PolicyPart.load(founder),))
    asked: list[int] = []

    class Counted(PolicyPart):
        def plug(self, arguments):  # type: ignore[no-untyped-def]
            inner = super().plug(arguments)["starter"]
            return arguments | {"starter": lambda *a: asked.append(a[2]) or inner(*a)}

    game, again = (arena.play(genome, 0, number, 5, QUICK, Budget(), tmp_path) for _ in range(2))
    assert game.cost == again.cost  # by moves, so the seed decides
    assert game.cost is not None
    counted = Genome((Counted.load(founder),))
    cost = arena.match(counted, number, 7, QUICK, Budget())
    assert cost is not None
    assert asked == [7]


def test_learning_depends_on_its_seed_alone_and_stops_when_asked(founder: Path) -> None:
    arena = SearchArena(largest=7)
    (number,) = arena.playable(0, 1)
    design = arena.design(number)
    macros = int((design.netlist.node_kind == HARD_MACRO).sum())
    assert macros == 6
    from env.problem import build_problem
    from tests.policies.test_actor_critic import after

    choices = after(build_problem(design), macros).choices
    experience = Experience([StoredDemonstration(number, 1, 1.0, 0.1, choices)], [number], arena.design)
    made = [PolicyPart.load(founder) for _ in range(2)]
    for part in made:
        figures = part.learn(
            experience, Recipe(epochs=2, ppo_iterations=0), seed=4, budget=Budget(), say=lambda _: None
        )
        assert figures["lessons"] == 1
    one, two = (part._checkpoint.model.state_dict() for part in made)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert made[0]._checkpoint.card["generations"] == 1
    assert made[0]._checkpoint.card["by"] == "hand"
    # Reinforcement learning alone, where there is nothing to imitate.
    figures = made[0].learn(
        Experience([], [number], arena.design), Recipe(ppo_iterations=1), seed=4, budget=Budget(), say=lambda _: None
    )
    assert figures["env_steps"] > 0
    assert any(not torch.equal(value, two[name]) for name, value in made[0]._checkpoint.model.state_dict().items())
    over = Budget()
    over.stop.set()
    with pytest.raises(Stopped):
        PolicyPart.load(founder).learn(experience, Recipe(), seed=4, budget=over, say=lambda _: None)


def test_a_stop_during_a_generation_ends_with_130_and_the_rest_is_done_later(
    founder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    original = SearchArena.play

    def stopping(self, *arguments):  # type: ignore[no-untyped-def]
        game = original(self, *arguments)
        arguments[-2].stop.set()
        return game

    monkeypatch.setattr(SearchArena, "play", stopping)
    assert command(["improve", str(tmp_path / "night"), "--checkpoint", str(founder), *WORDS]) == 130
    with Archive(tmp_path / "night") as archive:
        assert archive.unfinished() is not None
        assert archive.games(1) == []
    assert "play" in capsys.readouterr().out


def test_proposals_learn_from_moves_of_games_and_advise_from_then_on(tmp_path: Path) -> None:
    arena = SearchArena(largest=7)
    (number,) = arena.playable(0, 1)
    part = ProposalPart(None, {})
    plain = {"options": SearchOptions()}
    assert part.plug(plain) == plain  # it knows nothing, so it says nothing
    part = ProposalPart.load(part.save(tmp_path / "untrained.safetensors"))
    assert part.plug(plain) == plain
    arena.play(Genome((part,)), 0, number, 5, QUICK, Budget(), tmp_path)
    record = tmp_path / f"{number}-proposals.safetensors"
    experience = Experience([], [number], arena.design, {"proposals": [(number, record)]})
    figures = part.learn(experience, Recipe(epochs=2), seed=1, budget=Budget(), say=lambda _: None)
    assert figures["looks"] > 0
    again = ProposalPart.load(part.save(tmp_path / "trained.safetensors"))
    assert again.plug(plain)["options"].proposer is not None
    assert part.learn(Experience([], [], arena.design), Recipe(), seed=1, budget=Budget(), say=lambda _: None) == {}
    over = Budget()
    over.stop.set()
    with pytest.raises(Stopped):
        again.learn(experience, Recipe(), seed=1, budget=over, say=lambda _: None)


def test_rankings_learn_from_starts_of_games_and_choose_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policies.improve.ranking_part._STARTS", 3)
    monkeypatch.setattr("policies.improve.ranking_part._DEPTH", 5.0)
    arena = SearchArena(largest=7)
    numbers = arena.playable(0, 2)
    part = RankingPart(None)
    part = RankingPart.load(part.save(tmp_path / "untrained.safetensors"))
    assert part.plug({"jobs": 1}) == {"jobs": 1}
    records = [(number, tmp_path / f"{number}.safetensors") for number in numbers]
    for number, record in records:
        part.note({}, arena.design(number), 1, Budget(), record)
    experience = Experience([], numbers, arena.design, {"ranking": records})
    figures = part.learn(experience, Recipe(), seed=1, budget=Budget(), say=lambda _: None)
    assert (figures["designs"], figures["starts"]) == (2, 6)
    again = RankingPart.load(part.save(tmp_path / "trained.safetensors"))
    design = arena.design(numbers[0])
    result = flow.place(design, iterations=2000, seed=1, effort="fast", **again.plug({"jobs": 1}))
    assert result.legality.legal
    assert part.learn(Experience([], [], arena.design), Recipe(), seed=1, budget=Budget(), say=lambda _: None) == {}
    records[0][1].write_bytes(b"half a file")
    with pytest.raises(NetlistError, match="no complete safetensors"):
        part.learn(experience, Recipe(), seed=1, budget=Budget(), say=lambda _: None)
