import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from netlists.errors import NetlistError
from netlists.load import load
from placer import flow
from placer.budget import Budget
from placer.engines.search import SearchOptions
from placer.engines.search.options import Facts, Schedule
from policies.files import write_tensors
from policies.schedule import LearnedPlanner, ScheduleModel, load_schedule, save_schedule
from policies.schedule import examples as examples_module
from policies.schedule import learn as learning
from policies.schedule.controls import CENTRE, CIRCUMSTANCES, CONTROLS, REACH, circumstances, schedule_of
from policies.schedule.examples import PLAYS, Example, cut_back, drawn_design, play, read_examples, write_example
from policies.schedule.learn import HESITATION, fit, train_schedule
from policies.schedule.model import FAR, FORMAT, VERSION

FACTS = Facts(2000.0, 400.0, 0.2, 30.0, 1.5, 0.2, 0.4, 1e-3, 10.0, 5.0, 0.1)


def stirred():
    """A policy that differs between runs and is sure of itself."""
    model = ScheduleModel()
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        model.typical.copy_(torch.as_tensor(circumstances(FACTS)))
        model.intercept.copy_(0.4 * torch.randn(len(CONTROLS), generator=rng))
        model.slope.copy_(0.3 * torch.randn(len(CONTROLS), len(CIRCUMSTANCES), generator=rng))
    return model


def test_no_action_is_the_schedule_of_the_search():
    plan = schedule_of(np.zeros(len(CONTROLS)))
    assert plan == Schedule()
    results = [
        flow.place(
            load("synth20"), iterations=3_000, jobs=1,
            options=SearchOptions(device="cpu", starts=0, planner=planner),
        )
        for planner in (None, LearnedPlanner.of(ScheduleModel()))
    ]  # fmt: skip
    assert (results[0].placement.x == results[1].placement.x).all()


def test_actions_change_the_search_and_stay_within_their_bounds():
    plan = schedule_of(np.full(len(CONTROLS), 3.0))
    assert plan.heat == pytest.approx(np.exp(3.0))
    assert schedule_of(np.full(len(CONTROLS), -9.0)).cooling == 3.0
    seen = []

    def planner(facts):
        seen.append(facts)
        return LearnedPlanner.of(stirred())(facts)

    options = SearchOptions(device="cpu", starts=1, planner=planner)
    result = flow.place(load("synth20"), iterations=3_000, jobs=1, options=options)
    plain = flow.place(load("synth20"), iterations=3_000, jobs=1, options=replace(options, planner=None))
    assert result.legality.legal
    assert (result.placement.x != plain.placement.x).any()
    assert len(seen) == 1
    assert result.stats["schedule"]["heat"] == LearnedPlanner.of(stirred())(seen[0]).heat
    assert "schedule" not in plain.stats
    assert seen[0].starts == 2.0
    assert seen[0].movers * seen[0].draws == pytest.approx(3_000)
    with pytest.raises(ValueError, match="finite"):
        schedule_of([0.0])


def test_a_run_with_a_clock_is_told_how_many_moves_it_can_expect():
    seen = []

    def planner(facts):
        seen.append(facts)
        return Schedule()

    flow.place(load("synth20"), time_limit=0.6, jobs=1, options=SearchOptions(device="cpu", starts=0, planner=planner))
    assert seen[0].draws > 1.0


def test_what_is_far_from_usual_counts_as_if_it_were_nearer():
    model = stirred()
    with torch.no_grad():
        model.usual.fill_(0.5)

    def changes(draws):
        return model.changes(torch.as_tensor(circumstances(replace(FACTS, draws=draws)))).numpy()

    edge = FACTS.draws * np.exp(FAR * 0.5)
    assert changes(1e12) == pytest.approx(changes(edge))
    assert changes(0.99 * edge)[0] != pytest.approx(changes(edge)[0], abs=1e-6)
    assert np.isfinite(circumstances(replace(FACTS, hard=0.0))).all()


def test_the_plan_is_the_lowest_point_of_the_surface():
    model = stirred()
    with torch.no_grad():
        model.intercept.copy_(torch.tensor([0.3, -0.2]))
        model.slope.zero_()
        model.curvature.copy_(torch.tensor([[0.4, -0.1], [-0.1, 0.3]]))
    best = model.actions(FACTS)
    assert (np.abs(best) < REACH).all()

    def cost(a):
        return model.intercept.numpy() @ a + a @ model.curvature.numpy() @ a

    for step in np.random.default_rng(0).normal(scale=0.1, size=(50, 2)):
        assert cost(best + step) > cost(best)


def test_what_is_not_sure_is_left_alone():
    model = stirred()
    with torch.no_grad():
        model.intercept.copy_(torch.tensor([0.3, 0.05]))
        model.slope.zero_()
        model.margin.fill_(0.1)
    heat, cooling = model.actions(FACTS)
    assert cooling == 0.0
    assert heat == pytest.approx(-0.1)
    with torch.no_grad():
        model.margin.fill_(0.4)
    assert (model.actions(FACTS) == 0.0).all()
    assert LearnedPlanner.of(model)(FACTS) == Schedule()
    with torch.no_grad():
        model.margin.fill_(0.0)
        model.intercept.fill_(99.0)
    assert model.actions(FACTS) == pytest.approx(-REACH)


def test_planners_travel_and_say_what_the_network_says():
    model = stirred()
    planner = pickle.loads(pickle.dumps(LearnedPlanner.of(model)))
    other = replace(FACTS, draws=90.0, hard=0.5)
    assert planner(other).heat == pytest.approx(schedule_of(model.actions(other)).heat)
    assert planner(other).heat != pytest.approx(planner.constant()(other).heat)
    assert planner.constant()(FACTS) == planner.constant()(other) == planner(FACTS)


def made_up(rng, designs, plays, cost):
    for number in range(designs):
        facts = replace(FACTS, draws=float(np.exp(rng.uniform(6.0, 9.5))))
        level = rng.uniform(0.5, 0.9)
        half = [rng.normal(size=len(CONTROLS)) for _ in range(plays // 2)]
        for actions in [one for pair in half for one in (pair, -pair)]:
            value = level * np.exp(cost(number, actions, facts) + 0.003 * rng.normal())
            yield Example(number, 2.0, tuple(actions), facts, float(value))


def test_the_surface_is_found():
    """Hotter is better in runs of many moves; of cooling, 0.8 more is best for all."""

    def cost(number, actions, facts):
        many = np.log(facts.draws) - 7.7
        return -0.004 * actions[0] * many + 0.002 * (actions**2).sum() - 0.0032 * actions[1]

    examples = list(made_up(np.random.default_rng(0), 200, 4, cost))
    model, card = fit(examples)
    assert card["searches"] == 800
    assert card["designs"] == 200
    assert card["noise"] == pytest.approx(0.003, rel=0.15)
    assert max(card["between"]) < 0.001
    assert model.curvature.numpy() == pytest.approx(0.002 * np.eye(2), abs=4e-4)
    few, many = (model.actions(replace(FACTS, draws=draws)) for draws in (600.0, 9_000.0))
    assert few[0] < -0.6 < 0.6 < many[0]
    assert few[1] == pytest.approx(0.8, abs=0.3)
    assert many[1] == pytest.approx(0.8, abs=0.3)


def test_where_designs_differ_unforeseeably_little_is_done():
    rng = np.random.default_rng(1)
    own = 0.01 * rng.normal(size=200)
    examples = list(made_up(rng, 200, 4, lambda number, actions, facts: actions[0] * (own[number] - 0.004)))
    model, card = fit(examples)
    assert card["between"][0] == pytest.approx(0.01, rel=0.2)
    assert card["between"][1] < 0.5 * card["between"][0]  # some of it is taken for the other control's
    assert float(model.margin[0]) == pytest.approx(HESITATION * card["between"][0])
    assert model.actions(FACTS)[0] == 0.0  # hotter is better on average, but worse for a third of them


def test_designs_with_few_searches_say_nothing():
    with pytest.raises(ValueError, match="0 designs"):
        fit([Example(number, 1.0, (0.0,) * len(CONTROLS), FACTS, 0.5) for number in range(99)])


def test_files(tmp_path):
    model = stirred()
    file = save_schedule(tmp_path / "one.safetensors", model, {"steps": 3})
    back, card = load_schedule(file)
    assert card == {"steps": 3}
    assert torch.equal(back.slope, model.slope)
    with pytest.raises(NetlistError, match="no such checkpoint"):
        load_schedule(tmp_path / "none.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(file.read_bytes()[:-9])
    with pytest.raises(NetlistError, match="no complete"):
        load_schedule(tmp_path / "cut.safetensors")
    header = {"config": {"sees": ["stars"], "does": []}}
    other = write_tensors(tmp_path / "other.safetensors", FORMAT, VERSION, header, model.state_dict())
    with pytest.raises(NetlistError, match="something else"):
        load_schedule(other)
    old = write_tensors(tmp_path / "old.safetensors", FORMAT, VERSION - 1, header, model.state_dict())
    with pytest.raises(NetlistError, match="another version"):
        load_schedule(old)
    for name in ("usual", "curvature"):
        flat = ScheduleModel()
        with torch.no_grad():
            getattr(flat, name).zero_()
        with pytest.raises(NetlistError, match="must be positive"):
            load_schedule(save_schedule(tmp_path / "flat.safetensors", flat))
    with torch.no_grad():
        model.intercept[0] = float("nan")
    with pytest.raises(NetlistError, match="numbers that are none"):
        load_schedule(save_schedule(tmp_path / "nan.safetensors", model))


def test_searches_are_varied_both_ways_and_written_down(tmp_path, monkeypatch):
    monkeypatch.setattr(examples_module, "_LONGEST", 1.5)
    number = next(k for k in range(100) if drawable(k))
    examples = list(play(number, Budget(600.0), plays=2))
    assert np.add(*(one.actions for one in examples)) == pytest.approx(2.0 * CENTRE)
    assert examples[0].actions != examples[1].actions
    for example in examples:
        write_example(tmp_path / "lines.jsonl", example)
    assert read_examples(tmp_path / "lines.jsonl") == examples
    text = (tmp_path / "lines.jsonl").read_text()
    (tmp_path / "lines.jsonl").write_text(text[:-20])  # killed while writing
    assert read_examples(tmp_path / "lines.jsonl") == examples[:1]
    cut_back(tmp_path / "lines.jsonl")  # the next example begins a line of its own
    write_example(tmp_path / "lines.jsonl", examples[1])
    assert read_examples(tmp_path / "lines.jsonl") == examples
    (tmp_path / "lines.jsonl").write_text("{}\n" + text)
    with pytest.raises(NetlistError, match="no example"):
        read_examples(tmp_path / "lines.jsonl")


def drawable(number):
    try:
        drawn_design(number)
    except NetlistError:
        return False
    return True


def test_a_run_learns_when_it_has_seen_enough_and_goes_on_after_a_kill(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    played = []

    def fake(number, budget, plays):
        assert plays == PLAYS
        played.append(number)
        yield from (replace(one, design=number) for one in made_up(rng, 1, 4, lambda n, actions, f: 0.01 * actions[0]))
        if len(played) in (15, 30):
            budget.stop.set()

    monkeypatch.setattr(learning, "play", fake)
    said = []
    file = train_schedule(tmp_path, budget=Budget(600.0), say=said.append)
    model, card = load_schedule(file)
    assert card == {"searches": 60}  # of too few designs
    assert (model.actions(FACTS) == 0.0).all()
    assert said[-1] == "60 searches"
    with pytest.raises(NetlistError, match="resume"):
        train_schedule(tmp_path, budget=Budget(600.0))
    train_schedule(tmp_path, budget=Budget(1e-9), resume=True)
    assert played == list(range(15))
    train_schedule(tmp_path, budget=Budget(600.0), resume=True)
    assert played == list(range(30))
    model, card = load_schedule(file)
    assert card["designs"] == 30
    assert model.actions(FACTS)[0] < -0.5
    train_schedule(tmp_path, budget=Budget(600.0), resume=True, searches=120)
    assert len(played) == 30
