"""Global placement: recovery, fences, blockages, wires' room, macro orientations, and the form for devices."""

import math
import time
from dataclasses import replace

import numpy as np
import pytest
from shapely.geometry import box

from netlists.canvas import BLOCK_HARD, BLOCK_PARTIAL, BLOCK_SOFT, Blockage
from netlists.constraints import Constraints, Region
from netlists.netlist import STDCELL
from netlists.orientation import NAMES
from placer.budget import Budget
from placer.cost.full import full
from placer.engines.analytic import device as device_module
from placer.engines.analytic.bodies import bins_for, make_bodies
from placer.engines.analytic.circuit import extract
from placer.engines.analytic.coarsen import coarsen
from placer.engines.analytic.congestion import Supply, congestion, growth_of
from placer.engines.analytic.cores import CoresModel
from placer.engines.analytic.density import fixed_area
from placer.engines.analytic.descent import Reading, Settings, descend
from placer.engines.analytic.device import resolve
from placer.engines.analytic.flips import best_orientations
from placer.engines.analytic.flow import place_flat
from placer.engines.analytic.ground import ground_of
from placer.engines.analytic.initial import quadratic
from placer.engines.analytic.spread import spread
from placer.engines.analytic.wirelength import Wirelength, hpwl
from placer.engines.analytic.workers import Workers
from placer.engines.gpu_search.errors import GpuUnavailableError
from tests.placer.flat_designs import broken_rules, flat_design

QUICK = Settings(target=0.95, stop=0.12, iterations=1500)


def run(design, settings=QUICK, device="cpu", budget=None, **options):
    c = extract(design)
    p = design.placement
    x, y = p.x - design.canvas.x0, p.y - design.canvas.y0
    return c, spread(
        c, x, y, movable=c.movable, ground=ground_of(design, p, ~c.movable), settings=settings, workers=Workers(1),
        budget=budget or Budget(), device=device, **options,
    )  # fmt: skip


def with_fence(design, low, high, kind_of_member=STDCELL, count=40):
    canvas = design.canvas
    n = design.netlist.num_nodes
    region = np.full(n, -1, np.int32)
    region[np.flatnonzero(design.netlist.node_kind == kind_of_member)[:count]] = 0
    size = np.array([canvas.width, canvas.height])
    a, b = np.array(low) * size, np.array(high) * size
    corner = np.array([canvas.x0, canvas.y0])
    area = box(*(corner + a), *(corner + b))
    return replace(design, constraints=Constraints.none(n).changed(region=region, regions=(Region("f", area),)))


# -- recovery ------------------------------------------------------------------------------------------------------


class Hurt(CoresModel):
    """A model whose slopes break at one evaluation."""

    at, how, seen = 60, "nan", 0

    def evaluate(self, gamma):
        found = super().evaluate(gamma)
        Hurt.seen += 1
        if Hurt.seen == Hurt.at:
            if Hurt.how == "nan":
                self.wire[0, 0] = np.nan
            elif Hurt.how == "far":
                return Reading(1e3 * found.hpwl, 50.0)
            else:
                self.push[:] = np.inf
        return found


@pytest.mark.parametrize("how", ["nan", "far", "inf"])
def test_a_run_that_goes_astray_is_taken_back(how, monkeypatch):
    design = flat_design(3, cells=120)
    _, calm = run(design)
    Hurt.seen, Hurt.how = 0, how
    monkeypatch.setattr("placer.engines.analytic.spread.CoresModel", Hurt)
    _, hurt = run(design)
    assert (calm.retries, hurt.retries) == (0, 1)
    assert np.isfinite(hurt.x).all()
    assert np.isfinite(hurt.y).all()
    assert hurt.overflow <= QUICK.stop
    assert hurt.hpwl < 1.15 * calm.hpwl


class Hopeless(CoresModel):
    """A model that never says a number."""

    def evaluate(self, gamma):
        super().evaluate(gamma)
        self.wire[:] = np.nan
        return Reading(math.nan, math.nan)


def test_without_any_sound_slope_the_start_is_returned(monkeypatch):
    monkeypatch.setattr("placer.engines.analytic.spread.CoresModel", Hopeless)
    design = flat_design(3, cells=60)
    c, found = run(design)
    inside = np.clip(design.placement.x, c.width / 2, c.extent[0] - c.width / 2)
    np.testing.assert_allclose(found.x[c.movable], inside[c.movable])
    assert math.isfinite(found.hpwl)


def test_a_spent_budget_ends_after_one_step():
    budget = Budget()
    budget.stop.set()
    _, found = run(flat_design(3, cells=60), budget=budget)
    assert found.iterations == 0
    assert np.isfinite(found.x).all()


def test_the_budget_is_looked_at_every_step():
    class Slow(CoresModel):
        def evaluate(self, gamma):
            time.sleep(0.02)
            return super().evaluate(gamma)

    design = flat_design(3, cells=60)
    c = extract(design)
    p = design.placement
    bodies = make_bodies(c, p.x, p.y, c.movable, ground_of(design, p, ~c.movable), 0.95, 0)
    budget = Budget(0.3)
    descend(Slow(c, bodies, p.x, p.y, 0.95, Workers(1)), Settings(stop=0.0), budget)
    assert budget.over
    assert budget.seconds < 2.0


# -- ground --------------------------------------------------------------------------------------------------------


def test_members_of_a_fence_end_inside_and_others_stay_out():
    design = with_fence(flat_design(5, macros=0, cells=200, utilisation=0.4, origin=(3.0, 2.0)), (0.55, 0.5), (1, 1))
    c, found = run(design)
    members = design.constraints.region == 0
    inside_x = found.x - c.width / 2 >= 0.55 * c.extent[0] - 1e-6
    inside_y = found.y - c.height / 2 >= 0.5 * c.extent[1] - 1e-6
    assert (inside_x & inside_y)[members].all()
    others = c.movable & ~members
    centre_in = (found.x > 0.57 * c.extent[0]) & (found.y > 0.52 * c.extent[1])
    assert centre_in[others].mean() < 0.05


def test_blockages_take_the_share_they_close():
    design = flat_design(1, macros=0, cells=50, origin=(4.0, 4.0))
    w, h = design.canvas.width, design.canvas.height
    quarter = box(4, 4, 4 + w / 4, 4 + h)
    taken = []
    for kind, density in ((BLOCK_HARD, 0.0), (BLOCK_SOFT, 0.0), (BLOCK_PARTIAL, 0.25)):
        canvas = replace(design.canvas, blockages=(Blockage(quarter, kind, density),))
        blocked = replace(design, canvas=canvas)
        bodies = make_bodies(
            extract(blocked), blocked.placement.x, blocked.placement.y, blocked.movable,
            ground_of(blocked, blocked.placement, ~blocked.movable), 1.0, 0,
        )  # fmt: skip
        taken.append(bodies.fields[0].fixed.sum() / (w * h / 4))
    assert taken == pytest.approx([1.0, 1.0, 0.75], rel=0.02)


def test_points_and_what_lies_outside_take_nothing():
    design = flat_design(1, fixed=1)
    assert fixed_area((10.0, 8.0), (7, 5), np.array([[-1e9, -1e9, -5.0, 20.0], [12.0, 0.0, 1e9, 8.0]])).sum() == 0
    p = design.placement
    fixed = design.netlist.ids(0)[0]
    x = p.x.copy()
    x[fixed] = -1e5
    ground = ground_of(design, p.moved(x=x), ~design.movable)
    bodies = make_bodies(extract(design), x, p.y, design.movable, ground, 1.0, 0)
    assert bodies.fields[0].fixed.sum() == 0
    assert len(ground.boxes) == 1


class Looks(Budget):
    """A budget that is over after so many looks at it, however long they take."""

    def __init__(self, looks):
        super().__init__()
        self.looks = looks

    @property
    def left(self):
        self.looks -= 1
        return 1000.0 if self.looks >= 0 else 0.0

    def part(self, seconds):
        return self


def test_a_quadratic_start_that_is_broken_off_is_a_start():
    design = flat_design(3, cells=200, fixed=2)
    c, p = extract(design), design.placement
    x, y = (np.where(c.movable, side / 2, at) for side, at in zip(c.extent, (p.x, p.y), strict=True))
    whole = quadratic(c, x, y)
    lengths = []
    for looks in (0, 3, 20, 10**6):
        got = quadratic(c, x, y, Looks(looks))
        for at, before, size in zip(got, (x, y), c.extent, strict=True):
            assert np.isfinite(at).all()
            np.testing.assert_array_equal(at[~c.movable], before[~c.movable])
            assert ((at >= 0) & (at <= size))[c.movable].all()
        lengths.append(hpwl(c.net_ptr, c.pin_node, c.pin_dx, c.pin_dy, c.weight, *got))
    np.testing.assert_array_equal(quadratic(c, x, y, Looks(0))[0], x)
    for at, wanted in zip(got, whole, strict=True):
        np.testing.assert_array_equal(at, wanted)
    assert lengths[3] < lengths[0]


def test_the_quadratic_start_of_a_chain_is_even():
    """Objects on a string between two ports share its length; the linearised lengths agree from the second round."""
    design = flat_design(0, macros=0, cells=3, ports=2)
    n = design.netlist
    order = [3, 0, 1, 2, 4]
    chain = replace(
        n, pin_node=np.repeat(order, 2)[1:-1], pin_dx=np.zeros(8), pin_dy=np.zeros(8), net_ptr=np.arange(0, 9, 2),
        net_pins=np.arange(8), net_source=np.arange(0, 8, 2), net_weight=np.ones(4),
    )  # fmt: skip
    x = design.placement.x.copy()
    x[3], x[4] = design.canvas.x0, design.canvas.x1
    x[:3] = np.linspace(x[3], x[4], 5)[1:-1]
    got, _ = quadratic(extract(replace(design, netlist=chain)), x, design.placement.y)
    np.testing.assert_allclose(got[:3], x[:3], rtol=1e-2)


# -- wires ---------------------------------------------------------------------------------------------------------


def test_congestion_is_wire_over_tracks():
    """Summed over the canvas each direction holds the width (height) of every net's box."""
    design = flat_design(2, cells=80)
    c = extract(design)
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.1, 0.9, c.num_nodes) * c.extent[0], rng.uniform(0.1, 0.9, c.num_nodes) * c.extent[1]
    area = c.extent[0] * c.extent[1] / 100
    spans = []
    for at, offset in ((x, c.pin_dx), (y, c.pin_dy)):
        pin = at[c.pin_node] + offset
        spans.append(np.maximum.reduceat(pin, c.net_ptr[:-1]) - np.minimum.reduceat(pin, c.net_ptr[:-1]))
    across = congestion(c, x, y, Supply(1.0, 1e30), (10, 10)).sum() * area
    along = congestion(c, x, y, Supply(1e30, 1.0), (10, 10)).sum() * area
    assert [across, along] == pytest.approx([(c.weight * s).sum() for s in spans], rel=1e-6)


def test_cells_grow_where_wires_crowd_and_only_into_free_room():
    design = flat_design(2, cells=200, utilisation=0.5)
    c, found = run(design)
    p = design.placement
    bodies = make_bodies(c, found.x, found.y, c.movable, ground_of(design, p, ~c.movable), 0.95, 0)
    demand = congestion(c, found.x, found.y, Supply(1.0, 1.0), bodies.bins)
    supply = Supply(float(np.median(demand)), float(np.median(demand)))
    growth = growth_of(c, found.x, found.y, c.movable, supply, 1.0, bodies, 0.95, None)
    assert (growth >= 1).all()
    assert growth[c.movable & ~c.macro].max() > 1.05
    assert (growth[c.macro] == 1).all()
    fillers = bodies.node < 0
    assert (c.width * c.height * (growth - 1)).sum() <= (bodies.size[0] * bodies.size[1])[fillers].sum()


def test_inflation_lowers_the_peak_of_congestion():
    design = flat_design(7, cells=400, utilisation=0.4)
    c, plain = run(design)
    bins = (16, 16)
    peak = np.sort(congestion(c, plain.x, plain.y, Supply(1.0, 1.0), bins).ravel())[-13:].mean()
    supply = Supply(0.5 * peak, 0.5 * peak)
    _, grown = run(design, replace(QUICK, inflation=1.5), supply=supply)
    after = np.sort(congestion(c, grown.x, grown.y, Supply(1.0, 1.0), bins).ravel())[-13:].mean()
    assert grown.growth is not None
    assert after < peak


# -- orientations --------------------------------------------------------------------------------------------------


def test_turned_macros_are_shorter_by_the_reference_and_keep_the_rules():
    design = flat_design(4, macros=5, cells=80)
    n = design.netlist
    rng = np.random.default_rng(1)
    placement = design.placement.moved(
        x=rng.uniform(design.canvas.x0, design.canvas.x1, n.num_nodes),
        y=rng.uniform(design.canvas.y0, design.canvas.y1, n.num_nodes),
    )
    only = np.full(n.num_nodes, 0xFF, np.uint8)
    only[0] = 1 << NAMES.index("N")
    design = replace(design, placement=placement, constraints=Constraints.none(n.num_nodes).changed(orientations=only))
    x, y = placement.x - design.canvas.x0, placement.y - design.canvas.y0
    orient = best_orientations(design, extract(design), placement.orient, np.arange(5), x, y)
    assert orient[0] == 0
    assert (orient[1:5] != 0).any()
    assert (orient[5:] == 0).all()
    before, after = full(design, placement).hpwl_um, full(design, placement.moved(orient=orient)).hpwl_um
    assert after < before
    for macro in range(1, 5):  # no single flip is better still
        for code in (0, 1, 4, 5):
            other = orient.copy()
            other[macro] = code
            assert full(design, placement.moved(orient=other)).hpwl_um >= after - 1e-6


def test_a_flow_that_turns_macros_reports_what_is_written():
    design = flat_design(4, cells=120)
    found = place_flat(design, turn_macros=True)
    assert found.hpwl == pytest.approx(full(design, found.placement).hpwl_um, rel=1e-9)
    turned = design.with_placement(design.placement.moved(orient=found.placement.orient))
    assert broken_rules(turned, found.placement) == []


# -- devices -------------------------------------------------------------------------------------------------------


@pytest.fixture
def one_thread():
    """Threads of torch that wait for each other on a busy machine take longer than the work."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def both_models(design, target=0.9):
    from placer.engines.analytic.torch_model import TorchModel

    c, p = extract(design), design.placement
    x, y = p.x - design.canvas.x0, p.y - design.canvas.y0
    bodies = make_bodies(c, x, y, c.movable, ground_of(design, p, ~c.movable), target, 0)
    rng = np.random.default_rng(3)
    bodies.start[:] = bodies.low + rng.random(bodies.start.shape) * (bodies.high - bodies.low)
    return CoresModel(c, bodies, x, y, target, Workers(1)), TorchModel(c, bodies, x, y, target, "cpu")


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("fenced", [False, True])
def test_torch_has_the_slopes_of_the_compiled_loops(fenced):
    design = flat_design(8, macros=6, cells=700, fixed=1)
    if fenced:
        design = with_fence(design, (0.0, 0.0), (0.5, 0.5))
    cores, torch_model = both_models(design)
    for gamma in (20.0, 1.0):
        mine, theirs = cores.evaluate(gamma), torch_model.evaluate(gamma)
        assert theirs == pytest.approx(mine, rel=1e-4)
        for a, b in ((cores.wire, torch_model.wire), (cores.push, torch_model.push)):
            assert np.abs(a - b.numpy()).max() <= 1e-4 * np.abs(a).max()
    assert torch_model.balance() == pytest.approx(cores.balance(), rel=1e-3)


@pytest.mark.usefixtures("one_thread")
def test_torch_ends_as_long_as_the_compiled_loops():
    design = flat_design(9, cells=200)
    _, mine = run(design)
    _, theirs = run(design, device="torch")
    assert theirs.overflow <= QUICK.stop
    assert theirs.hpwl == pytest.approx(mine.hpwl, rel=0.05)


def on_a_device(monkeypatch):
    """A mode in which every tensor of every operation has to be on torch's device without data, as on a GPU.

    On a GPU a tensor made without saying where is on the processor, and meeting one of the GPU is an error; "meta"
    tensors would meet it in silence, so this looks at what goes into and comes out of each operation.
    """
    from torch import Tensor
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Strict(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.seen = set()

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            name = func.name().removeprefix("aten::").split(".")[0]
            for tensor in tree_leaves((args, kwargs, out)):
                if isinstance(tensor, Tensor) and tensor.device.type != "meta":
                    raise AssertionError(f"{name} has a tensor {tuple(tensor.shape)} on {tensor.device}")
            self.seen.add(name)
            return out

    # Where numbers leave the device there are none.
    monkeypatch.setattr(Tensor, "tolist", lambda self: [1.0] * self.numel())
    monkeypatch.setattr(Tensor, "__float__", lambda self: 1.0)
    return Strict()


@pytest.mark.usefixtures("one_thread")
def test_torch_makes_no_tensor_off_its_device(monkeypatch):
    import torch

    from placer.engines.analytic.torch_model import TorchModel

    design = with_fence(flat_design(8, macros=6, cells=300, fixed=1), (0.0, 0.0), (0.5, 0.5))
    c, p = extract(design), design.placement
    x, y = p.x - design.canvas.x0, p.y - design.canvas.y0
    bodies = make_bodies(c, x, y, c.movable, ground_of(design, p, ~c.movable), 0.9, 0)
    model = TorchModel(c, bodies, x, y, 0.9, "meta")
    tensors = [v for v in (*vars(model).values(), *vars(model._fields[0][1]).values()) if isinstance(v, torch.Tensor)]
    assert len(tensors) > 20
    assert {t.device.type for t in tensors} == {"meta"}
    with on_a_device(monkeypatch) as strict:
        assert model.evaluate(1.0) == Reading(1.0, pytest.approx(1.0 / sum(d.area for _, d in model._fields)))
        assert (model.balance(), model.turn(2.0), model.aim(2.0)) == (1.0, 1.0, 1.0)
        model.accept()
        model.propose(0.1, 0.5)
        model.keep()
        model.restore()
        with pytest.raises(AssertionError, match="on cpu"):
            model._u + torch.zeros(model._u.shape)
    assert {"scatter_add", "scatter_add_", "index", "index_put_", "_fft_c2c", "constant_pad_nd", "mm"} <= strict.seen
    assert model.wire.shape == model.push.shape == bodies.start.shape


def test_a_device_that_is_not_there_is_said_in_one_line(monkeypatch):
    monkeypatch.setattr(device_module, "_why_not", lambda: "no CUDA driver on this machine")
    with pytest.raises(GpuUnavailableError, match="no CUDA driver"):
        place_flat(flat_design(1, cells=20), device="cuda")
    assert resolve("auto") == "cpu"
    with pytest.raises(ValueError, match="unknown device"):
        resolve("tpu")


def test_bins_grow_with_the_design_up_to_a_limit():
    assert [bins_for(n) for n in (0, 1000, 20_000, 10**6, 10**7)] == [32, 32, 256, 1024, 1024]


# -- clusters ------------------------------------------------------------------------------------------------------


def test_clusters_hold_every_cell_once_and_cut_the_same_nets():
    design = with_fence(flat_design(6, cells=300), (0.0, 0.0), (0.5, 0.5))
    c = extract(design)
    coarse = coarsen(c, c.movable, ground_of(design, design.placement, ~c.movable))
    small, parent = coarse.circuit, coarse.parent
    cells = c.movable & ~c.macro
    assert small.num_nodes < 0.6 * c.num_nodes
    area = np.bincount(parent, c.width * c.height, small.num_nodes)
    np.testing.assert_allclose(small.width * small.height, area)
    assert (np.bincount(parent)[parent[~cells]] == 1).all(), "macros, ports and fixed objects stay alone"
    fence = design.constraints.region
    assert all(len(set(fence[parent == k])) == 1 for k in range(small.num_nodes))
    # With every cell in the middle of its cluster both circuits grow alike, but for nets that cannot stretch.
    joined = np.bincount(parent)[parent[c.pin_node]] > 1
    flat = replace(c, pin_dx=np.where(joined, 0, c.pin_dx), pin_dy=np.where(joined, 0, c.pin_dy))
    rng = np.random.default_rng(0)
    both = []
    for _ in range(2):
        at = rng.uniform(0, 50, (2, small.num_nodes))
        fine = Wirelength(flat, Workers(1)).hpwl(at[0][parent], at[1][parent])
        both.append(fine - Wirelength(small, Workers(1)).hpwl(*at))
    assert both[0] == pytest.approx(both[1], abs=1e-6)


def test_a_start_with_clusters_ends_as_long_as_one_without():
    design = flat_design(9, cells=500)
    _, whole = run(design)
    _, joined = run(design, replace(QUICK, whole=100))
    assert joined.overflow <= QUICK.stop
    assert joined.hpwl < 1.1 * whole.hpwl
