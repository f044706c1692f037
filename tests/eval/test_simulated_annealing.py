"""The published annealing: its actions are legal and exactly priced, its packing and schedule are as described."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import placer
from eval.bench import peers
from eval.bench.designs import Settings as BenchSettings
from eval.peers.force_directed import force_directed
from eval.peers.gcell_moves import ACTIONS, KEPT, LEGAL, TRIED, Macros, act, build_macros, pack
from eval.peers.simulated_annealing import Settings, main, simulated_annealing, spiral
from netlists.design import Design
from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO
from netlists.orientation import FE, FN, FS, FW, E, N, S, W
from netlists.synthesis import SynthesisSpec, synthesize
from placer.budget import Budget
from placer.cost.full import full
from placer.cost.incremental import build_problem, rebuild
from placer.cost.incremental.state import PROXY
from placer.cost.legality import check, overlapping_pairs


@pytest.fixture(scope="module")
def design() -> Design:
    return synthesize(SynthesisSpec(num_macros=8, num_cells=600, name="small"), seed=3)


@pytest.fixture
def packed(design: Design) -> Macros:
    macros = build_macros(design, design.placement, build_problem(design), 1, 0, 0)
    assert pack(macros, macros.hard, spiral(design.canvas.grid_rows, design.canvas.columns))
    rebuild(macros.problem, macros.state)
    return macros


def odds(action: str) -> np.ndarray:
    """Cumulative probabilities that draw one action only."""
    return np.cumsum([float(name == action) for name in ACTIONS])


def boxes(m: Macros) -> np.ndarray:
    i = m.others
    return np.stack([m.left[i], m.bottom[i], m.left[i] + m.wide[i], m.bottom[i] + m.high[i]], axis=1)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (5, 1), (2, 2), (4, 7), (7, 3)])
def test_the_spiral_visits_every_gcell_once_and_each_beside_the_last(rows: int, columns: int) -> None:
    cells = spiral(rows, columns)
    assert sorted(cells) == list(range(rows * columns))
    assert cells[0] == 0
    steps = np.abs(np.diff(cells // columns)) + np.abs(np.diff(cells % columns))
    assert (steps == 1).all()


def test_packing_puts_macros_on_gcell_centres_without_touching(design: Design, packed: Macros) -> None:
    canvas, hard = design.canvas, packed.hard
    column = (packed.state.x[hard] - canvas.x0) / canvas.gcell_width - 0.5
    row = (packed.state.y[hard] - canvas.y0) / canvas.gcell_height - 0.5
    assert np.allclose(column, np.rint(column), atol=canvas.lattice / canvas.gcell_width)
    assert np.allclose(row, np.rint(row), atol=canvas.lattice / canvas.gcell_height)
    assert len(overlapping_pairs(boxes(packed) + np.array([0, 0, 1, 1]))) == 0


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_is_priced_exactly_and_keeps_macros_legal(design: Design, packed: Macros, action: str) -> None:
    before = packed.state.x.copy(), packed.state.y.copy(), packed.state.orient.copy()
    act(packed, odds(action), 300, 1.0)  # so hot that most is kept
    tried, legal, kept = packed.tally[ACTIONS.index(action)]
    assert tried == packed.tally[:, TRIED].sum() == 300
    assert 0 < kept <= legal <= 300
    s = packed.state
    placement = design.placement.moved(x=s.x, y=s.y, orient=s.orient)
    assert full(design, placement).proxy_cost == pytest.approx(s.total[PROXY], rel=1e-9)
    assert len(overlapping_pairs(boxes(packed) + np.array([0, 0, 1, 1]))) == 0
    assert check(design, placement, reference=design.placement).overlaps == 0
    others = design.netlist.node_kind != HARD_MACRO
    changed = [(now != was)[~others].any() for now, was in zip((s.x, s.y, s.orient), before, strict=True)]
    assert changed[2] == (action == "mirror")
    assert (changed[0] or changed[1]) == (action != "mirror")
    assert all((now == was)[others].all() for now, was in zip((s.x, s.y, s.orient), before, strict=True))


def test_swap_and_shuffle_only_exchange_places(packed: Macros) -> None:
    def places() -> list[tuple[float, float]]:
        return sorted(zip(packed.aim_x[packed.hard], packed.aim_y[packed.hard], strict=True))

    before = places()
    act(packed, odds("swap"), 200, 1.0)
    act(packed, odds("shuffle"), 200, 1.0)
    assert packed.tally[0, KEPT] > 0
    assert packed.tally[4, KEPT] > 0
    assert places() == before


def test_shift_goes_one_gcell_along_one_axis(design: Design, packed: Macros) -> None:
    x, y = packed.aim_x.copy(), packed.aim_y.copy()
    while packed.tally[1, KEPT] == 0:
        act(packed, odds("shift"), 1, 1e9)
    dx = np.abs(packed.aim_x - x)[packed.hard] / design.canvas.gcell_width
    dy = np.abs(packed.aim_y - y)[packed.hard] / design.canvas.gcell_height
    assert np.sort(dx + dy)[-2:] == pytest.approx([0.0, 1.0])


def test_mirrors_are_those_of_the_def_orientations() -> None:
    from eval.peers.gcell_moves import _MIRRORED

    assert _MIRRORED[N].tolist() == [FN, FS, S]
    assert _MIRRORED[FN].tolist() == [N, S, FS]
    assert set(_MIRRORED[W].tolist()) == {E, FW, FE}  # width and height stay where they are


def test_at_temperature_almost_zero_the_cost_never_rises(packed: Macros) -> None:
    cost = packed.state.total[PROXY]
    for _ in range(20):
        act(packed, np.cumsum(Settings().odds), 20, 1e-12)
        assert packed.state.total[PROXY] <= cost + 1e-12
        cost = packed.state.total[PROXY]
    assert packed.tally[:, LEGAL].sum() > 0


def test_attraction_brings_a_cluster_to_what_it_is_tied_to_and_repulsion_spreads(design: Design) -> None:
    n = design.netlist
    soft, solid = np.flatnonzero(n.node_kind == SOFT_MACRO), np.flatnonzero(n.node_kind != PORT)
    m = build_macros(design, design.placement, build_problem(design), 1, 0, 0)
    rebuild(m.problem, m.state)

    def after(attract: int, repel: int) -> tuple[float, float]:
        force_directed(m.problem, m.state, soft, n.node_kind == SOFT_MACRO, solid, m.half_x, m.half_y, attract, repel)
        rebuild(m.problem, m.state)
        cost = full(design, design.placement.moved(x=m.state.x, y=m.state.y))
        return cost.wirelength_cost, cost.density_cost

    centred, pulled, spread = after(1, 0), after(100, 0), after(100, 200)
    assert pulled[0] < centred[0]
    assert spread[1] < pulled[1]
    canvas = design.canvas
    assert (m.state.x[soft] - m.half_x[soft] >= canvas.x0 - 1e-9).all()
    assert (m.state.y[soft] + m.half_y[soft] <= canvas.y1 + 1e-9).all()


def test_a_run_is_legal_better_than_its_start_and_repeatable(design: Design) -> None:
    first = simulated_annealing(design, iterations=8_000, seed=5, jobs=2)
    again = simulated_annealing(design, iterations=8_000, seed=5, jobs=2)
    other = simulated_annealing(design, iterations=8_000, seed=6, jobs=2)
    assert check(design, first.placement, reference=design.placement).legal
    assert not first.legalised
    assert 8_000 <= first.actions < 8_100
    assert first.proposals <= first.actions
    assert first.cost.proxy_cost == pytest.approx(min(first.chains), rel=1e-3)
    assert first.history[-1][1] < first.history[0][1]
    assert np.array_equal(first.placement.x, again.placement.x)
    assert not np.array_equal(first.placement.x, other.placement.x)


def test_a_time_limit_is_kept_and_the_stop_flag_obeyed(design: Design) -> None:
    assert simulated_annealing(design, time_limit=1.0).seconds < 2.5
    budget = Budget(30.0)
    budget.stop.set()
    stopped = simulated_annealing(design, budget=budget)
    assert stopped.actions == 0
    assert check(design, stopped.placement, reference=design.placement).legal


def test_fixed_macros_stay_and_are_obstacles(design: Design) -> None:
    start = simulated_annealing(design, iterations=500).placement
    fixed = np.zeros(len(start.x), bool)
    fixed[np.flatnonzero(design.netlist.node_kind == HARD_MACRO)[:2]] = True
    held = design.with_placement(start.moved(fixed=fixed | start.fixed))
    result = simulated_annealing(held, iterations=2_000)
    assert check(held, result.placement, reference=held.placement).legal
    assert np.array_equal(result.placement.x[fixed], start.x[fixed])


@pytest.mark.parametrize("wrong", [{"jobs": 0}, {"iterations": 0}, {"budget": Budget()}])
def test_a_run_that_cannot_be_is_refused(design: Design, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"at least 1|time limit or"):
        simulated_annealing(design, **wrong)  # type: ignore[arg-type]


def test_the_command_writes_a_placement_that_scores_as_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "sa.plc"
    assert main(["synth20", "--time", "1", "--jobs", "1", "--output", str(file)]) == 0
    record = json.loads(capsys.readouterr().out)
    score = placer.score("synth20", file)
    assert score.legality.legal
    assert score.cost.proxy_cost == pytest.approx(record["proxy_cost"], rel=1e-9)


@pytest.mark.slow
def test_the_benchmark_adds_the_peer_to_a_row() -> None:
    row = peers.simulated_annealing("synth20", BenchSettings(time_limit=2.0, cores=1), (0, 1), ours=0.5)
    assert set(row) == {*peers.COLUMNS, "peer_runs"}
    assert row["peer_gain"] == pytest.approx(100 * (1 - 0.5 / row["peer_sa"]))
    assert [run["seed"] for run in row["peer_runs"]] == [0, 1]
    assert all(run["legal"] and run["overlaps"] == 0 for run in row["peer_runs"])
