import dataclasses
import threading

import numpy as np
import pytest

from netlists import HARD_MACRO, PORT, NetlistError, PlacementError
from netlists.load import load
from placer.budget import Budget
from placer.cost.full import full
from placer.cost.legality import check
from placer.engines.search import SearchOptions
from placer.flow import EFFORTS, place
from tests.placer.blocks import block_design


def test_the_result_is_legal_better_and_fully_described():
    design = load("synth20")
    events = []
    result = place(design, effort="fast", iterations=20_000, jobs=1, progress=events.append)
    assert check(design, result.placement, reference=design.placement).legal
    assert result.cost.proxy_cost < 0.9 * result.start_cost.proxy_cost
    assert result.cost.proxy_cost == full(design, result.placement).proxy_cost
    assert result.start_cost.proxy_cost == full(design).proxy_cost
    assert {"legalise", "start", "search"} <= {event.phase for event in events}
    screened = sum(kind["screened"] for kind in result.stats["moves"].values())
    assert result.stats["proposals"] + screened > 5000
    assert not result.interrupted


def test_same_seed_and_iterations_give_the_same_bytes():
    design = load("synth20")
    a, b = (place(design, effort="fast", iterations=10_000, jobs=2, seed=5) for _ in range(2))
    assert a.placement.x.tobytes() == b.placement.x.tobytes()
    assert a.placement.orient.tobytes() == b.placement.orient.tobytes()


def test_fixed_objects_and_ports_do_not_move():
    design = load("synth20")
    hard = np.flatnonzero(design.netlist.node_kind == HARD_MACRO)
    fixed = design.placement.fixed.copy()
    fixed[hard[:5]] = True
    pinned = design.with_placement(design.placement.moved(fixed=fixed))
    result = place(pinned, effort="fast", iterations=5_000, jobs=1)
    still = fixed | (design.netlist.node_kind == PORT)
    for name in ("x", "y", "orient"):
        assert (getattr(result.placement, name)[still] == getattr(design.placement, name)[still]).all()


def test_a_design_without_a_placement_gets_one():
    design = load("synth20")
    port = design.netlist.node_kind == PORT
    bare = design.with_placement(
        design.placement.moved(x=np.where(port, design.placement.x, 0.0), y=np.where(port, design.placement.y, 0.0),
                               placed=port)
    )  # fmt: skip
    result = place(bare, effort="fast", iterations=5_000, jobs=1)
    assert result.start_cost is None
    assert result.legality.legal
    assert result.cost.proxy_cost < 1.2 * place(design, effort="fast", iterations=5_000, jobs=1).cost.proxy_cost


def test_a_stop_before_the_first_step_still_gives_a_legal_placement():
    design = load("synth20")
    budget = Budget(30.0)
    budget.stop.set()
    result = place(design, budget=budget)
    assert result.interrupted
    assert result.legality.legal


def test_a_stop_halfway_keeps_the_best():
    design = load("synth20")
    budget = Budget(60.0)
    threading.Timer(1.0, budget.stop.set).start()
    result = place(design, budget=budget, effort="fast")
    assert result.interrupted
    assert budget.seconds < 15
    assert result.legality.legal


def test_an_object_larger_than_the_canvas_is_named():
    with pytest.raises(NetlistError, match="b1"):
        place(block_design([5, 130], [5, 5], [0, 0], [0, 10]), iterations=10)


def test_an_overfull_canvas_is_explained():
    with pytest.raises(PlacementError, match=r"(?i)area|room|space|full"):
        place(block_design([60] * 4, [60] * 4, [0] * 4, [0] * 4), iterations=10)


@pytest.mark.parametrize(
    "bad", [{"effort": "heroic"}, {"time_limit": 0}, {"time_limit": float("nan")}, {"iterations": 0}, {"jobs": 0}]
)
def test_bad_arguments_are_refused(bad):
    with pytest.raises(ValueError, match=str(next(iter(bad)))[:4]):
        place(load("synth20"), **bad)


def test_efforts_are_ordered():
    levels = [EFFORTS[name] for name in ("fast", "default", "best")]
    for field in dataclasses.fields(levels[0]):
        values = [getattr(level, field.name) for level in levels]
        assert values == sorted(values)


@pytest.mark.open_data
def test_ariane133_ends_legal_and_clearly_better_than_it_came(open_data):
    design = load(open_data("ct/ariane133_ng45"))
    result = place(design, iterations=60_000, effort="fast", jobs=2)
    assert result.legality.legal
    assert result.cost.proxy_cost < 0.98 * result.start_cost.proxy_cost


def _by_exact_cost(design, placements):
    return np.array([full(design, one).proxy_cost for one in placements])


@pytest.mark.parametrize("halving", [True, False])
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_ranker_by_exact_cost_changes_no_byte(halving, jobs):
    design, options = load("synth20"), SearchOptions(halving=halving, descent=20)
    asked = []

    def ranker(given, placements):
        asked.append(len(placements))
        return _by_exact_cost(given, placements)

    plain, ranked = (
        place(design, effort="default", iterations=6_000, jobs=jobs, options=options, ranker=one)
        for one in (None, ranker)
    )
    assert asked
    assert plain.placement.x.tobytes() == ranked.placement.x.tobytes()
    assert plain.placement.orient.tobytes() == ranked.placement.orient.tobytes()
    assert plain.stats["proposals"] == ranked.stats["proposals"]


def test_a_ranker_decides_which_start_gets_depth():
    design = load("synth20")
    costs = [
        place(
            design, effort="fast", iterations=5_000, jobs=1, options=SearchOptions(halving=False, descent=20),
            ranker=lambda given, placements, sign=sign: sign * _by_exact_cost(given, placements),
        ).history[-1][2]
        for sign in (1, -1)
    ]  # fmt: skip
    assert costs[0] != costs[1]


def test_a_ranker_is_not_asked_where_every_start_survives():
    def ranker(design, placements):
        raise AssertionError("asked")

    place(load("synth20"), iterations=500, jobs=1, options=SearchOptions(starts=0), ranker=ranker)


@pytest.mark.parametrize("scores", [np.zeros(1), np.full(3, np.nan)])
def test_a_ranker_must_give_a_number_for_each_start(scores):
    with pytest.raises(ValueError, match="ranker"):
        place(
            load("synth20"), iterations=500, jobs=1, effort="fast", options=SearchOptions(descent=5),
            ranker=lambda design, placements: scores,
        )  # fmt: skip
