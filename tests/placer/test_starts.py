"""Smooth starts: the surrogate is the exact cost where it says so, ranks like it elsewhere, and descends."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from netlists.canvas import Canvas
from netlists.design import Design
from netlists.load import load
from netlists.netlist import HARD_MACRO, PORT, SOFT_MACRO, Netlist
from netlists.placement import Placement
from placer.budget import Budget, Event
from placer.cost.full import full
from placer.engines.starts import EXACT, Smoothness, Surrogate, gradient_starts
from placer.engines.starts.layouts import inside

TERMS = ("wirelength", "density", "congestion")


def small_design(seed=0, *, smoothing=1, columns=9, rows=7, origin=(3.0, -2.0), placed=True):
    """Ten hard macros (one fixed), forty soft ones, sixteen ports, nets of two to twenty pins."""
    rng = np.random.default_rng(seed)
    width, height = 90.0, 70.0
    kind = np.array([HARD_MACRO] * 10 + [SOFT_MACRO] * 40 + [PORT] * 16)
    n = len(kind)
    w = np.where(kind == HARD_MACRO, rng.uniform(5, 16, n), np.where(kind == SOFT_MACRO, rng.uniform(1, 9, n), 0))
    h = np.where(kind == HARD_MACRO, rng.uniform(5, 16, n), np.where(kind == SOFT_MACRO, rng.uniform(1, 9, n), 0))
    x, y = rng.uniform(8, width - 8, n), rng.uniform(8, height - 8, n)
    ports = kind == PORT
    x[ports] = np.where(rng.random(ports.sum()) < 0.5, 0, width)
    fixed = ports.copy()
    fixed[0] = True
    node = np.concatenate([np.arange(n), rng.integers(0, 50, 200)])
    dx, dy = (np.where(kind[node] == PORT, 0, rng.uniform(-0.4, 0.4, len(node)) * s[node]) for s in (w, h))
    degree = np.concatenate([rng.choice([1, 2, 2, 2, 3, 3, 4, 5, 7], 150), [20, 12]])
    pins = np.concatenate([rng.choice(len(node), d, replace=False) for d in degree])
    ptr = np.concatenate([[0], np.cumsum(degree)])
    netlist = Netlist(
        "small", [f"n{i}" for i in range(n)], kind, w, h, node, dx, dy, ptr, pins,
        ptr[:-1] + rng.integers(0, degree), rng.choice([1.0, 2.0, 5.0], len(degree)),
    )  # fmt: skip
    x0, y0 = origin
    canvas = Canvas(x0, y0, x0 + width, y0 + height, columns, rows, 4.0, 3.0, 2.0, 1.5, smoothing)
    place = Placement(x + x0, y + y0, rng.integers(0, 8, n), fixed, np.full(n, placed) | fixed)
    return Design(netlist, canvas, place)


def variants(design, count, seed=0):
    """Placements from the input to fully random ones, all inside the canvas: ``x, y`` [count, N]."""
    rng = np.random.default_rng(seed)
    p, c = design.placement, design.canvas
    circuit = Surrogate(design).circuit
    crowd = rng.uniform(0.4, 0.999, count)
    xs, ys = [], []
    for i in range(count):
        reach = 0.5 * (i / max(count - 1, 1)) ** 2 + 1e-3
        x, y = inside(
            p.x - c.x0 + rng.normal(0, reach * c.width, p.num_nodes),
            p.y - c.y0 + rng.normal(0, reach * c.height, p.num_nodes),
            circuit,
        )
        # A little off the edge and more or less crowded; flush edges are kinks of the density.
        x, y = (half + (at - half) * crowd[i] for at, half in ((x, c.width / 2), (y, c.height / 2)))
        xs.append(np.where(design.movable, x + c.x0, p.x))
        ys.append(np.where(design.movable, y + c.y0, p.y))
    return np.array(xs), np.array(ys)


def exact(design, xs, ys):
    costs = [full(design, design.placement.moved(x=x, y=y)) for x, y in zip(xs, ys, strict=True)]
    return {t: np.array([getattr(c, f"{t}_cost") for c in costs]) for t in TERMS}


def values(surrogate, xs, ys, smoothness):
    x, y = torch.as_tensor(xs, dtype=surrogate.dtype), torch.as_tensor(ys, dtype=surrogate.dtype)
    return {k: v.numpy() for k, v in surrogate.terms(x, y, smoothness).items()}


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    "shape", [{"smoothing": 0}, {"smoothing": 2}, {"columns": 1, "rows": 5}, {"columns": 3, "rows": 1}]
)
def test_without_smoothness_the_surrogate_is_the_exact_cost(compiled, shape):
    design = small_design(**shape)
    xs, ys = variants(design, 6)
    got, want = values(Surrogate(design, compiled=compiled), xs, ys, EXACT), exact(design, xs, ys)
    for term in TERMS:
        np.testing.assert_allclose(got[term], want[term], rtol=1e-9, atol=1e-12, err_msg=term)


@pytest.mark.parametrize("compiled", [True, False])
def test_that_holds_for_macros_partly_or_wholly_outside_too(compiled):
    design = small_design(4, smoothing=0)
    rng = np.random.default_rng(8)
    p, c = design.placement, design.canvas
    xs = np.where(design.movable, c.x0 + c.width * rng.uniform(-0.4, 1.4, (20, p.num_nodes)), p.x)
    ys = np.where(design.movable, c.y0 + c.height * rng.uniform(-0.4, 1.4, (20, p.num_nodes)), p.y)
    got, want = values(Surrogate(design, compiled=compiled), xs, ys, EXACT), exact(design, xs, ys)
    for term in TERMS:
        np.testing.assert_allclose(got[term], want[term], rtol=1e-9, atol=1e-12, err_msg=term)


@pytest.mark.parametrize("smoothness", [EXACT, Smoothness(2.0, 1.0, 5.0, 3.0), Smoothness(0.3, 0.4, 1.0, 1.0)])
def test_compiled_loops_and_torch_agree_in_values_and_slopes(smoothness):
    design = small_design(3)
    xs, ys = variants(design, 5, seed=4)
    results = []
    for compiled in (True, False):
        x, y = (torch.tensor(a, requires_grad=True) for a in (xs, ys))
        terms = Surrogate(design, dtype=torch.float64, compiled=compiled).terms(x, y, smoothness, (1.3, 0.8))
        for name in (*TERMS, "overlap"):
            slopes = torch.autograd.grad(terms[name].sum(), (x, y), retain_graph=True)
            # Ports tie for the extreme pin of a net; nobody moves by their slopes.
            slopes = [s * torch.as_tensor(design.movable) for s in slopes]
            results.append((name, terms[name].detach(), *slopes))
    for (name, *ours), (_, *theirs) in zip(results[: len(results) // 2], results[len(results) // 2 :], strict=True):
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-12, msg=name)


@pytest.mark.parametrize("term", [*TERMS, "overlap"])
def test_slopes_are_those_of_the_smooth_values(term):
    design = small_design(5)
    xs, ys = variants(design, 2, seed=1)
    surrogate, smooth = Surrogate(design), Smoothness(1.0, 1.0, 3.0, 2.0)
    x, y = (torch.tensor(a, requires_grad=True) for a in (xs, ys))
    surrogate.terms(x, y, smooth)[term].sum().backward()
    rng = np.random.default_rng(0)
    right = 0
    for node in rng.choice(np.flatnonzero(design.movable), 24, replace=False):
        step = np.zeros_like(xs)
        step[:, node] = 1e-6
        high, low = values(surrogate, xs + step, ys, smooth)[term], values(surrogate, xs - step, ys, smooth)[term]
        right += np.allclose((high - low) / 2e-6, x.grad[:, node].numpy(), rtol=1e-3, atol=1e-8)
    # The values are piecewise smooth; a probe may hit a kink.
    assert right >= 22


def test_smooth_terms_rank_like_the_exact_ones():
    design = small_design(7)
    xs, ys = variants(design, 24, seed=2)
    got, want = values(Surrogate(design), xs, ys, Smoothness()), exact(design, xs, ys)
    for term in TERMS:
        assert spearmanr(got[term], want[term]).statistic >= 0.95, term


@pytest.mark.open_data
@pytest.mark.parametrize("name", ["ariane133_ng45", "ibm01_unit"])
def test_smooth_terms_rank_like_the_exact_ones_on_open_designs(open_data, name):
    design = load(open_data(f"ct/{name}"))
    xs, ys = variants(design, 12, seed=2)
    got, want = values(Surrogate(design), xs, ys, Smoothness()), exact(design, xs, ys)
    for term in TERMS:
        assert spearmanr(got[term], want[term]).statistic >= 0.95, term
    sharp = values(Surrogate(design), xs, ys, EXACT)
    for term in TERMS:
        np.testing.assert_allclose(sharp[term], want[term], rtol=1e-9)


def check_starts(design, starts, count):
    p, c = design.placement, design.canvas
    circuit = Surrogate(design).circuit
    assert starts.x.shape == starts.y.shape == (count, p.num_nodes)
    assert starts.x.dtype == np.float64
    assert (starts.x[:, ~design.movable] == p.x[~design.movable]).all()
    assert (starts.y[:, ~design.movable] == p.y[~design.movable]).all()
    for at, size, low, high in ((starts.x, circuit.width, c.x0, c.x1), (starts.y, circuit.height, c.y0, c.y1)):
        assert (at - size / 2 >= low - 1e-9)[:, design.movable].all()
        assert (at + size / 2 <= high + 1e-9)[:, design.movable].all()
    assert (np.diff(starts.cost) >= 0).all()


def test_starts_beat_the_input_and_report_their_exact_cost():
    design = small_design(1)
    starts = gradient_starts(design, count=4, iterations=80, seed=3)
    check_starts(design, starts, 4)
    costs = [full(design, design.placement.moved(x=x, y=y)).proxy_cost for x, y in zip(starts.x, starts.y, strict=True)]
    np.testing.assert_allclose(starts.proxy, costs, rtol=1e-9)
    assert "input" in starts.kinds
    assert costs[0] < 0.9 * full(design).proxy_cost


def test_same_seed_and_iterations_give_the_same_bytes():
    design = small_design(2)
    a, b = (gradient_starts(design, count=3, iterations=15, seed=5) for _ in range(2))
    assert a.x.tobytes() == b.x.tobytes()
    assert a.y.tobytes() == b.y.tobytes()
    other = gradient_starts(design, count=3, iterations=15, seed=6)
    assert other.x.tobytes() != a.x.tobytes()


def test_unplaced_designs_start_from_connectivity():
    design = small_design(4, placed=False)
    starts = gradient_starts(design, count=4, iterations=40)
    check_starts(design, starts, 4)
    assert set(starts.kinds) == {"analytic", "random"}


def test_nothing_movable_is_left_as_it_is():
    design = small_design(4)
    p = design.placement
    starts = gradient_starts(design.with_placement(p.moved(fixed=np.ones(p.num_nodes, bool))), count=2, iterations=5)
    assert (starts.x == p.x).all()
    assert (starts.y == p.y).all()


def test_an_object_wider_than_the_canvas_lies_in_its_middle():
    design = small_design(4)
    n = design.netlist
    width = n.node_width.copy()
    width[1] = 500.0
    wide = Netlist(
        n.name, n.node_names, n.node_kind, width, n.node_height, n.pin_node, n.pin_dx, n.pin_dy, n.net_ptr, n.net_pins,
        n.net_source, n.net_weight,
    )  # fmt: skip
    orient = design.placement.orient.copy()
    orient[1] = 0
    starts = gradient_starts(Design(wide, design.canvas, design.placement.moved(orient=orient)), count=1, iterations=5)
    assert starts.x[0, 1] == pytest.approx((design.canvas.x0 + design.canvas.x1) / 2)


def test_a_spent_budget_still_gives_a_start_inside_the_canvas():
    design = small_design(6)
    budget = Budget()
    budget.stop.set()
    starts = gradient_starts(design, count=3, budget=budget)
    check_starts(design, starts, 3)
    assert np.isfinite(starts.cost).all()
    assert starts.steps == 0


def test_a_short_budget_ends_in_time_and_shortens_the_plan():
    design = small_design(6)
    gradient_starts(design, count=2, iterations=2)  # compile outside the clock
    events: list[Event] = []
    budget = Budget(1.0)
    starts = gradient_starts(design, count=2, iterations=1_000_000, budget=budget, progress=events.append)
    assert budget.seconds < 2.0
    assert 0 < starts.steps < 1_000_000
    assert events[-1].total < 1_000_000


def test_threads_of_torch_are_left_alone():
    threads = torch.get_num_threads()
    gradient_starts(small_design(1), count=2, iterations=3)
    assert torch.get_num_threads() == threads


def test_count_must_be_positive():
    with pytest.raises(ValueError, match="count"):
        gradient_starts(small_design(1), count=0)
