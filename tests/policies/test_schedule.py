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
from policies.schedule import learn as learning
from policies.schedule.controls import CIRCUMSTANCES, CONTROLS, SPREADS, circumstances, schedule_of
from policies.schedule.examples import Example, cut_back, drawn_design, play, read_examples, write_example
from policies.schedule.learn import step, surface, train_schedule

FACTS = Facts(2000.0, 400.0, 0.2, 30.0, 1.5, 0.2, 0.4, 1e-3, 10.0, 5.0, 0.1)


def stirred():
    model = ScheduleModel()
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        model.centre.copy_(torch.randn(len(CONTROLS), generator=rng))
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


def test_circumstances_are_cut_off():
    typical = circumstances(FACTS)
    assert (np.abs(typical) < 1.0).all()
    far = circumstances(replace(FACTS, draws=1e9, hard=0.0))
    assert far[0] == 2.0
    assert far[2] == -2.0
    assert np.delete(far, [0, 2]) == pytest.approx(np.delete(typical, [0, 2]))


def test_planners_travel_and_say_what_the_network_says():
    model = stirred()
    planner = pickle.loads(pickle.dumps(LearnedPlanner.of(model)))
    assert planner(FACTS).heat == pytest.approx(schedule_of(model.actions(FACTS)).heat)
    assert planner(FACTS).heat != pytest.approx(planner.constant()(FACTS).heat)
    assert planner.constant()(FACTS) == planner.constant()(replace(FACTS, draws=9.0))


def made_up(rng, designs, plays, cost):
    for number in range(designs):
        facts = replace(FACTS, draws=float(np.exp(rng.uniform(6.0, 9.5))))
        level = rng.uniform(0.5, 0.9)
        half = [rng.normal(size=len(CONTROLS)) for _ in range(plays // 2)]
        for varied in [one for pair in half for one in (pair, -pair)]:
            value = level * np.exp(cost(varied, circumstances(facts)) + 0.003 * rng.normal())
            yield Example(number, 2.0, tuple(varied), facts, float(value))


def test_the_surface_shows_where_costs_fall_and_a_step_goes_there():
    """Costs fall with the first control, more so in long runs, and are least at 0.8 of the second control."""

    def cost(varied, seen):
        return -0.002 * varied[0] * (1.0 + seen[0]) + 0.002 * (varied[1] - 0.8) ** 2

    found = surface(list(made_up(np.random.default_rng(0), 150, 4, cost)))
    assert found.searches == 600
    assert (found.linear / found.error < -3.0).all()
    new = step(ScheduleModel(), found)
    assert float(new.centre[0].detach()) > 1.0
    assert float(new.centre[1].detach()) == pytest.approx(0.8, abs=0.2)
    assert float(new.slope[0, 0].detach()) > 0.3
    assert np.abs(new.slope[1].detach().numpy()).max() < 0.3


def test_designs_with_few_searches_say_nothing():
    with pytest.raises(ValueError, match="no design"):
        surface([Example(number, 1.0, (0.0,) * len(CONTROLS), FACTS, 0.5) for number in range(9)])


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
    header = {"config": {"sees": ["stars"], "does": [], "spreads": SPREADS.tolist()}}
    other = write_tensors(tmp_path / "other.safetensors", "placer-schedule", 1, header, model.state_dict())
    with pytest.raises(NetlistError, match="something else"):
        load_schedule(other)
    with torch.no_grad():
        model.centre[0] = float("nan")
    with pytest.raises(NetlistError, match="numbers that are none"):
        load_schedule(save_schedule(tmp_path / "nan.safetensors", model))


def test_searches_are_varied_both_ways_and_written_down(tmp_path):
    number = next(k for k in range(100) if drawable(k))
    examples = list(play(number, ScheduleModel(), Budget(600.0), plays=2))
    assert examples[0].varied == tuple(-one for one in examples[1].varied)
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


def test_a_run_steps_when_it_has_seen_enough_and_goes_on_after_a_kill(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    played = []

    def fake(number, model, budget):
        played.append(number)
        yield from (replace(one, design=number) for one in made_up(rng, 1, 8, lambda varied, seen: 0.01 * varied[0]))
        if len(played) == 7:
            budget.stop.set()

    monkeypatch.setattr(learning, "play", fake)
    said = []
    file = train_schedule(tmp_path, budget=Budget(600.0), step_after=40, say=said.append)
    assert file.name == "policy-1.safetensors"
    assert load_schedule(file)[1]["searches"] == 40
    assert float(load_schedule(file)[0].centre[0].detach()) < 0.0
    with pytest.raises(NetlistError, match="resume"):
        train_schedule(tmp_path, budget=Budget(600.0))
    train_schedule(tmp_path, budget=Budget(1e-9), resume=True)
    played.clear()
    stop = Budget(600.0)
    monkeypatch.setattr(
        learning, "play", lambda number, model, budget: (played.append(number), budget.stop.set(), ())[2]
    )
    train_schedule(tmp_path, budget=stop, resume=True)
    assert played == [7]
