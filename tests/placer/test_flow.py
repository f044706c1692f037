import dataclasses
import threading

import numpy as np
import pytest

from netlists import HARD_MACRO, PORT, NetlistError, PlacementError
from netlists.load import load
from placer.budget import Budget
from placer.cost.full import full
from placer.cost.legality import check
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
    assert result.stats["proposals"] > 5000
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
