"""Time limits and stops of the analytic engine, the start's sums, and macros turned back by their rules."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from netlists.constraints import GROUP_MIRROR_X, Constraints, Group
from netlists.errors import PlacementError
from netlists.orientation import FN, N
from placer.budget import Budget
from placer.cost.flat_rules import check_flat
from placer.engines.analytic import detailed, flow, matching
from placer.engines.analytic.board import length
from placer.engines.analytic.detailed import improve
from placer.engines.analytic.flow import place_flat
from placer.engines.analytic.initial import _solve
from placer.engines.analytic.wirelength import hpwl_of
from tests.placer.flat_designs import alternating, broken_rules, flat_design
from tests.placer.test_analytic_cells import legal_board

ROOT = Path(__file__).resolve().parents[2]


class Looks(Budget):
    """A budget that is over after so many looks."""

    def __init__(self, looks):
        super().__init__()
        self.looks = looks

    @property
    def over(self):
        self.looks -= 1
        return self.looks < 0


def test_slices_of_passes_change_nothing(monkeypatch):
    (_, _, ids, one), (_, _, _, two) = (legal_board(3, cells=400, utilisation=0.8) for _ in range(2))
    effort = detailed.Effort(rounds=3, enough=0.0)
    improve(one, ids, float(length(one)), Budget(), effort=effort)
    monkeypatch.setattr(detailed, "_SLICE", 7)
    monkeypatch.setattr(matching, "_SLICE", matching._POOL)
    improve(two, ids, float(length(two)), Budget(), effort=effort)
    for key in ("x", "y", "turn", "segment", "site"):
        np.testing.assert_array_equal(getattr(one, key), getattr(two, key))


@pytest.mark.parametrize("looks", [1, 5, 40, 90, 200, 400])
def test_passes_end_with_the_slice_in_which_the_budget_does(looks, monkeypatch):
    """Every part of every pass is paid for by one look at the budget."""
    monkeypatch.setattr(detailed, "_SLICE", 10)
    monkeypatch.setattr(matching, "_SLICE", matching._POOL)
    budget, parts = Looks(looks), []

    def counted(module, name):
        real = getattr(module, name)

        def call(*arguments):
            parts.append(budget.looks)
            return real(*arguments)

        monkeypatch.setattr(module, name, call)

    for name in ("global_swap", "local_reorder", "shift_in_segments", "mirror_cells"):
        counted(detailed, name)
    counted(matching, "_match")
    _, _, ids, board = legal_board(3, cells=400, utilisation=0.8)
    after = improve(board, ids, float(length(board)), budget, effort=detailed.Effort(enough=-1.0))
    assert budget.looks < 0  # there was more to do
    assert min(parts, default=0) >= 0  # nothing was begun after the budget was over
    assert len(set(parts)) == len(parts)
    assert after == pytest.approx(length(board), rel=1e-9)


def test_a_stop_ends_detailed_placement_within_a_pass(monkeypatch):
    """The flag falls in the third slice of the first swaps: not one more slice nor pass is begun."""
    monkeypatch.setattr(detailed, "_SLICE", 10)
    budget, calls = Budget(), []

    def watched(name):
        real = getattr(detailed, name)

        def call(*arguments):
            calls.append((name, budget.stop.is_set()))
            if sum(word == "global_swap" for word, _ in calls) == 3:
                budget.stop.set()
            return real(*arguments)

        monkeypatch.setattr(detailed, name, call)

    for name in ("global_swap", "match", "local_reorder", "shift_in_segments", "mirror_cells"):
        watched(name)
    design = alternating(flat_design(5, cells=300))
    result = place_flat(design, budget=budget)
    assert [word for word, _ in calls].count("global_swap") == 3
    assert not any(late for _, late in calls)
    assert broken_rules(design, result.placement) == []


@pytest.mark.parametrize(("needed", "attempts"), [(1, 1), (3, 3), (99, 4)])
def test_macros_get_bounded_time_when_the_time_is_up(needed, attempts, monkeypatch):
    monkeypatch.setattr(flow, "_GRACE", 0.01)
    monkeypatch.setattr(flow, "_LONGEST_GRACE", 0.08)
    seen = []
    real = flow.legal_macros

    def slow(design, rough, *, seed, budget):
        seen.append(budget.left)
        if len(seen) < needed:
            while not budget.over:
                pass
            raise PlacementError("none was found: the time ran out")
        return real(design, rough, seed=seed)

    monkeypatch.setattr(flow, "legal_macros", slow)
    design = flat_design(6, cells=50)
    budget = Budget()
    budget.stop.set()
    if needed == 99:
        with pytest.raises(PlacementError, match="the time ran out"):
            place_flat(design, budget=budget)
    else:
        assert broken_rules(design, place_flat(design, budget=budget).placement) == []
    assert len(seen) == attempts
    assert all(left <= 0.01 * 2**k for k, left in enumerate(seen))


def test_what_no_time_helps_is_not_tried_again(monkeypatch):
    seen = []

    def never(design, rough, **options):
        seen.append(options)
        raise PlacementError("the search was exhausted")

    monkeypatch.setattr(flow, "legal_macros", never)
    with pytest.raises(PlacementError, match="exhausted"):
        place_flat(flat_design(6, cells=50))
    assert len(seen) == 1


def test_a_partner_turned_back_by_its_group_is_scored_and_written_so(monkeypatch):
    design = alternating(flat_design(7, macros=4, cells=80, utilisation=0.4))
    n = design.netlist
    width, height = n.node_width.copy(), n.node_height.copy()
    width[1], height[1] = width[0], height[0]
    half_x, half_y = width[n.pin_node] / 2, height[n.pin_node] / 2
    netlist = replace(
        n, node_width=width, node_height=height, pin_dx=np.clip(n.pin_dx, -half_x, half_x),
        pin_dy=np.clip(n.pin_dy, -half_y, half_y),
    )  # fmt: skip
    rules = Constraints.none(n.num_nodes).changed(groups=(Group("wings", GROUP_MIRROR_X, (0, 1)),))
    design = replace(design, netlist=netlist, constraints=rules)
    # All macros upright is what the wirelength asks for, say; the legaliser then turns one of the pair.
    monkeypatch.setattr(flow, "best_orientations", lambda design, circuit, orient, *rest: np.zeros_like(orient))
    result = place_flat(design, turn_macros=True)
    assert sorted(result.placement.orient[:2].tolist()) == [N, FN]
    report = check_flat(design, result.placement, reference=design.placement)
    assert report.legal, report.summary()
    assert result.hpwl == pytest.approx(hpwl_of(design, result.placement), rel=1e-9)
    assert result.rough.orient[:2].tolist() == result.placement.orient[:2].tolist()


def system(size):
    """A long chain of springs with random stiffness, tied to the ground at one end."""
    rng = np.random.default_rng(1)
    stiff = rng.uniform(0.5, 2.0, size)
    diagonal = stiff + np.concatenate([stiff[1:], [0.0]])
    ptr = np.concatenate([[0], np.cumsum(np.where(np.isin(np.arange(size), (0, size - 1)), 2, 3))])
    rows = [
        [(k - 1, -stiff[k])] * (k > 0) + [(k, diagonal[k])] + [(k + 1, -stiff[min(k + 1, size - 1)])] * (k < size - 1)
        for k in range(size)
    ]
    column = np.array([c for row in rows for c, _ in row], np.int32)
    value = np.array([v for row in rows for _, v in row])
    return ptr, column, value, rng.normal(size=size), 1.0 / diagonal


def test_the_start_solves_its_equations():
    ptr, column, value, right, inverse = system(60)
    x = np.zeros(60)
    _solve(ptr, column, value, right, inverse, x, 1e-10, 500, Budget())
    dense = np.zeros((60, 60))
    dense[np.repeat(np.arange(60), np.diff(ptr)), column] = value
    np.testing.assert_allclose(dense @ x, right, atol=1e-8)


def solved_digest():
    """Digest of a system of 25,000 unknowns after 20 steps; run in processes of its own below."""
    ptr, column, value, right, inverse = system(25_000)
    x = np.zeros(25_000)
    _solve(ptr, column, value, right, inverse, x, 1e-3, 20, Budget())
    return hashlib.sha256(x.tobytes()).hexdigest()


def test_the_start_does_not_depend_on_the_threads_of_a_library():
    script = "from tests.placer.test_analytic_limits import solved_digest; print(solved_digest())"
    found = [
        subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=ROOT,
            env=os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads),
        ).stdout
        for threads in ("1", "2")
    ]  # fmt: skip
    assert found[0] == found[1]
    assert len(found[0].strip()) == 64
