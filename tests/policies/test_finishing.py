"""The end of placing by a decoder: soft objects and flips, and hard macros that stay."""

from __future__ import annotations

import numpy as np
import pytest

from env.problem import build_problem
from netlists.netlist import HARD_MACRO
from placer.budget import Budget
from placer.cost.full import full
from placer.cost.legality import check
from placer.engines.legalise import legalise
from policies.decoding import Decoder
from policies.finishing import DRAWING, Shortlist, drawing_share, finish
from policies.scoring import finished
from tests.env.designs import small_design
from tests.policies.test_actor_critic import stirred


def test_hard_macros_stay_where_the_decoder_put_them_and_the_rest_gets_cheaper() -> None:
    design = small_design(softs=8)
    decoder = Decoder(stirred(), build_problem(design))
    start = finished(design, decoder.greedy().state)
    plain = finish(design, [start], budget=Budget(), soft="solver")
    done = finish(design, [start], budget=Budget(), iterations=5000, seed=1)
    hard = design.netlist.node_kind == HARD_MACRO
    np.testing.assert_array_equal(plain.x, legalise(design, start).x)
    np.testing.assert_array_equal(done.x[hard], plain.x[hard])
    np.testing.assert_array_equal(done.y[hard], plain.y[hard])
    assert (done.x[~hard] != plain.x[~hard]).any()
    # A flip keeps the sides: bit 1 of the code says whether they are exchanged.
    np.testing.assert_array_equal(done.orient[hard] & 2, plain.orient[hard] & 2)
    assert full(design, done).proxy_cost < full(design, plain).proxy_cost
    assert check(design, done, reference=design.placement).legal


def test_the_seed_decides_and_the_start_that_ends_cheaper_wins() -> None:
    design = small_design(softs=8)
    decoder = Decoder(stirred(), build_problem(design))
    starts = [finished(design, one.state) for one in decoder.sample(3, seed=2)]
    one, two = (finish(design, starts, budget=Budget(), iterations=3000, seed=4) for _ in range(2))
    np.testing.assert_array_equal(one.x, two.x)
    hard = design.netlist.node_kind == HARD_MACRO
    assert any(np.array_equal(one.x[hard], legalise(design, start).x[hard]) for start in starts)


def test_a_budget_that_is_over_still_gives_a_legal_placement() -> None:
    design, budget = small_design(), Budget(5.0)
    start = finished(design, Decoder(stirred(), build_problem(design)).greedy().state)
    budget.stop.set()
    assert check(design, finish(design, [start], budget=budget), reference=design.placement).legal


def test_a_shortlist_keeps_the_cheapest_few_that_differ() -> None:
    given = small_design().placement
    other = given.moved(x=given.x + 1.0)
    best = Shortlist(2)
    assert best.cost is None
    assert best.add(3.0, given)
    assert not best.add(3.0, given)
    assert not best.add(5.0, other)
    assert best.add(1.0, other)
    assert (best.cost, len(best.placements)) == (1.0, 2)
    assert best.placements[0] is other
    assert best.placements[1] is given


def test_time_is_shared_only_where_something_is_left_to_finish() -> None:
    assert drawing_share(small_design(), "solver") == 1.0
    assert drawing_share(small_design(), "exact") == DRAWING
    assert DRAWING < drawing_share(small_design(softs=0), "exact") < 1.0
    with pytest.raises(ValueError, match="solver or exact"):
        drawing_share(small_design(), "none")
