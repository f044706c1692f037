"""The learned ranking of starts: what it learns, what it may look at, and its files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.placement import Placement
from placer import flow
from placer.cost.full import full
from placer.engines.legalise import legalise
from placer.engines.search import SearchOptions
from policies.ranking import (
    COLUMNS,
    LearnConfig,
    RankingConfig,
    RankingModel,
    StartRanker,
    StartSet,
    correlations,
    learn,
    load_ranker,
    save_ranker,
)
from policies.start_features import FEATURES, Trial, start_features
from policies.start_sets import SetConfig, make_sets, read_sets
from tests.env.designs import small_design

QUICK = SetConfig(starts=3, descent=3, depth=20.0)


def scattered(design: Design, count: int) -> list[Placement]:
    """Legal placements, each with its objects around other spots."""
    found = []
    for seed in range(count):
        rng, c, p = np.random.default_rng(seed), design.canvas, design.placement
        x = np.where(design.movable, c.x0 + rng.uniform(0.1, 0.9, len(p.x)) * c.width, p.x)
        y = np.where(design.movable, c.y0 + rng.uniform(0.1, 0.9, len(p.y)) * c.height, p.y)
        found.append(legalise(design, p.moved(x=x, y=y, placed=np.ones(len(x), bool)), seed=seed))
    return found


def made_up(seed: int, what: str, starts: int = 8) -> StartSet:
    """Starts whose final cost follows one of their figures and nothing else."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(starts, len(FEATURES)))
    final = np.exp(0.05 * rows[:, FEATURES.index(what)] + seed)
    return StartSet(f"made{seed}", rows, rows, np.exp(rng.normal(size=(starts, 3)) * 0.01), final)


def test_an_untrained_ranking_goes_by_exact_cost() -> None:
    design = small_design()
    starts = scattered(design, 5)
    scores = StartRanker(trials=False)(design, starts)
    exact = [full(design, one).proxy_cost for one in starts]
    assert np.argsort(scores).tolist() == np.argsort(exact).tolist()


def test_it_learns_which_figure_decides() -> None:
    model, card = learn([made_up(k, "rudy top 1%") for k in range(12)], how=LearnConfig(steps=150, decay=0.01))
    unseen = [correlations(model, made_up(100 + k, "rudy top 1%")) for k in range(5)]
    assert np.mean([one["learned"] for one in unseen]) > 0.8
    assert np.mean([one["learned without trial"] for one in unseen]) > 0.8
    assert card["rank correlation"]["learned"] > 0.8
    assert abs(card["rank correlation"]["exact cost"]) < 0.5
    assert (card["designs"], card["starts"]) == (12, 96)


def test_learning_depends_on_the_seed_alone() -> None:
    sets = [made_up(k, "periphery") for k in range(3)]
    one, two = (learn(sets, how=LearnConfig(steps=5, folds=0))[0].state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_only_differences_within_a_design_count() -> None:
    rows = torch.randn(6, len(COLUMNS))
    model = learn([made_up(k, "density") for k in range(3)], how=LearnConfig(steps=5, folds=0))[0]
    with torch.inference_mode():
        torch.testing.assert_close(model(rows), model(rows + torch.randn(len(COLUMNS))), atol=1e-4, rtol=1e-4)
        order = torch.randperm(6)
        torch.testing.assert_close(model(rows[order]), model(rows)[order])


def test_unknown_figures_count_as_average() -> None:
    rows = torch.randn(4, len(COLUMNS))
    rows[:, -2:] = torch.nan
    with torch.inference_mode():
        assert torch.isfinite(RankingModel()(rows)).all()


def test_starts_that_all_end_alike_teach_nothing() -> None:
    one = made_up(0, "density")
    with pytest.raises(NetlistError, match="nothing to rank"):
        learn([replace(one, final=np.ones(len(one.final)))])


def test_figures_are_finite_and_mean_what_they_say() -> None:
    design = small_design()
    start = scattered(design, 1)[0]
    seen = dict(zip(FEATURES, start_features(design, start), strict=True))
    assert seen["proxy"] == pytest.approx(np.log(full(design, start).proxy_cost))
    assert {name for name, value in seen.items() if not np.isfinite(value)} <= {"regularity"}  # no two of one size


def test_a_trial_only_goes_down_and_leaves_the_start_alone() -> None:
    design = small_design()
    start = scattered(design, 1)[0]
    before = start.x.copy()
    ended, costs = Trial(design, 30.0).run(start)
    assert costs[0] == pytest.approx(full(design, start).proxy_cost)
    assert costs[0] > costs[1] >= costs[2]
    assert costs[2] == pytest.approx(full(design, ended).proxy_cost)
    np.testing.assert_array_equal(start.x, before)


@pytest.mark.parametrize("halving", [True, False])
def test_the_flow_takes_it(halving: bool) -> None:
    options = SearchOptions(halving=halving, descent=3)
    ranker = StartRanker(RankingModel(RankingConfig(depth=2.0)), jobs=2)
    result = flow.place(small_design(), iterations=1000, jobs=1, effort="fast", options=options, ranker=ranker)
    assert result.legality.legal


def test_threads_change_no_score() -> None:
    design = small_design()
    starts = scattered(design, 3)
    one, two = (StartRanker(jobs=jobs)(design, starts) for jobs in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    model, card = learn([made_up(k, "density") for k in range(3)], RankingConfig(hidden=3), LearnConfig(steps=3))
    file = save_ranker(tmp_path / "ranking.safetensors", StartRanker(model, card=card))
    back = load_ranker(file)
    assert back.card == card
    assert back.model.config == model.config
    for name, value in model.state_dict().items():
        assert torch.equal(value, back.model.state_dict()[name])
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(NetlistError, match="no complete safetensors file"):
        load_ranker(file)


def test_sets_are_made_once_and_a_killed_run_goes_on(tmp_path: Path) -> None:
    file, said = tmp_path / "sets.jsonl", list[str]()
    designs = [small_design(seed=seed) for seed in (1, 2)]
    for k, design in enumerate(designs):
        object.__setattr__(design.netlist, "name", f"made{k}")
    first = make_sets(designs[:1], file, QUICK, say=said.append)
    whole = file.read_text()
    file.write_text(whole + whole.splitlines()[1][:50])  # the line a kill cut short
    both = make_sets(designs, file, QUICK, say=said.append)
    assert [line.split(":")[0] for line in said] == ["made0", "made1"]
    assert [one.design for one in both] == ["made0", "made1"]
    np.testing.assert_array_equal(both[0].final, first[0].final)
    np.testing.assert_array_equal(read_sets(file)[0].before, first[0].before)
    assert (both[1].final <= both[1].path[:, 0]).all()
    with pytest.raises(NetlistError, match="another way"):
        make_sets(designs, file, replace(QUICK, depth=5.0))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no file of sets"),
        ("{}", "no file of sets"),
        ("\x00", "no file of sets"),
        ('{"format": "other"}', "no file"),
    ],
)
def test_other_files_are_no_sets(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "sets.jsonl").write_text(text)
    with pytest.raises(NetlistError, match=why):
        read_sets(tmp_path / "sets.jsonl")


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "sets.jsonl"
    make_sets([small_design()], file, replace(QUICK, starts=1, depth=1.0))
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], lines[1].replace('"path"', '"road"')]))
    with pytest.raises(NetlistError, match=r"sets.jsonl:2: .*'path'"):
        read_sets(file)


def test_a_design_without_legal_starts_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def impossible(*_: object, **__: object) -> Placement:
        raise PlacementError("full")

    said = list[str]()
    monkeypatch.setattr("policies.start_sets.legalise", impossible)
    assert make_sets([small_design()], tmp_path / "sets.jsonl", QUICK, say=said.append) == []
    assert "left out" in said[0]
