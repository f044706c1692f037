"""Die, core, rows, tracks and IO pins: rules on outlines and libraries small enough for paper."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Polygon, box

from netlists import PORT, STDCELL, NetlistError
from netlists.formats.lef import Layer, Library, Site
from netlists.orientation import FS, N
from placer.engines.floorplan.chip import PinRule, assign_pins, core_of, make_ground, row_spans
from placer.engines.floorplan.chip.rectilinear import checked_outline
from placer.engines.floorplan.chip.slots import BOTTOM, LEFT, RIGHT, TOP, pin_slots
from placer.floorplanning import parse_margins, parse_outline, parse_pin_rule
from tests.placer.blocks import block_design

L_SHAPE = [(0, 0), (40, 0), (40, 20), (20, 20), (20, 40), (0, 40)]


def library(**changes) -> Library:
    """Two routing layers of each direction, a site of 0.2 x 1.4 um, a 5 nm grid, 1000 units a micron."""
    layers = [
        Layer("m1", "ROUTING", "HORIZONTAL", (0.2, 0.2), (0.1, 0.1), 0.1),
        Layer("m2", "ROUTING", "VERTICAL", (0.2, 0.2), (0.1, 0.1), 0.1, area=0.04),
        Layer("m3", "ROUTING", "HORIZONTAL", (0.4, 0.4), (float("nan"), float("nan")), 0.2),
    ]
    given = {
        "dbu_per_micron": 1000, "manufacturing_grid": 0.005, "sites": {"core": Site("core", "CORE", 0.2, 1.4, ("Y",))},
        "layers": {layer.name: layer for layer in layers}, **changes,
    }  # fmt: skip
    return Library(**given)


@pytest.mark.parametrize(("utilization", "ratio"), [(50.0, 1.0), (80.0, 0.5), (100.0, 2.0), (33.3, 1.7)])
def test_the_core_has_the_utilisation_and_ratio_up_to_a_row_and_a_site(utilization, ratio):
    area = 400.0
    ground = make_ground(library(), area, utilization=utilization, aspect_ratio=ratio, margins=(3, 3, 3, 3))
    x0, y0, x1, y1 = (v / ground.dbu for v in ground.core.bounds)
    wish = area * 100 / utilization
    assert wish <= (x1 - x0) * (y1 - y0) <= wish + 0.2 * (y1 - y0) + 1.4 * (x1 - x0)
    assert (y1 - y0) / (x1 - x0) == pytest.approx(ratio, rel=2 * 1.4 / (y1 - y0))
    assert ground.row_area == ground.core.area


def test_rows_lie_on_the_site_grid_alternate_and_keep_the_margins():
    ground = make_ground(library(), 400, margins=(1.1, 2.2, 3.3, 4.4))
    assert [row.orient for row in ground.rows] == [N, FS] * (len(ground.rows) // 2) + [N] * (len(ground.rows) % 2)
    die = np.array(ground.die.bounds)
    for row in ground.rows:
        assert (row.x % 200, row.y % 1400) == (0, 0)
        assert row.x >= die[0] + 1100
        assert row.y >= die[1] + 2200
        assert row.x + row.columns * row.step_x <= die[2] - 3300
        assert row.y + 1400 <= die[3] - 4400
    assert (die % 5 == 0).all()


def test_tracks_start_at_their_offset_or_half_a_pitch():
    ground = make_ground(library(), 400)
    by = {(track.layers[0], track.axis): track for track in ground.tracks}
    assert len(by) == 6
    assert (by["m1", "Y"].start, by["m1", "Y"].step) == (100, 200)
    assert (by["m3", "X"].start, by["m3", "X"].step) == (200, 400)
    for track in ground.tracks:
        high = ground.die.bounds[2 if track.axis == "X" else 3]
        assert track.start + (track.count - 1) * track.step <= high < track.start + track.count * track.step


def test_rows_are_cut_to_a_rectilinear_outline():
    ground = make_ground(library(), 500, outline=np.array(L_SHAPE), margins=(1, 1, 1, 1))
    core = Polygon([(x * 1000, y * 1000) for x, y in [(1, 1), (39, 1), (39, 19), (19, 19), (19, 39), (1, 39)]])
    for row in ground.rows:
        assert core.covers(box(row.x, row.y, row.x + row.columns * 200, row.y + 1400))
    tops = {row.y + 1400 for row in ground.rows}
    assert max(tops) > 37_000
    assert ground.die.equals(Polygon([(x * 1000, y * 1000) for x, y in L_SHAPE]))


def test_a_u_shape_has_two_rows_side_by_side():
    shape = Polygon([(0, 0), (30, 0), (30, 20), (20, 20), (20, 10), (10, 10), (10, 20), (0, 20)])
    assert row_spans(shape, 0, 5) == [(0, 30)]
    assert row_spans(shape, 12, 15) == [(0, 10), (20, 30)]
    assert row_spans(shape, 8, 12) == [(0, 10), (20, 30)]
    assert row_spans(shape, 19, 21) == []


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4))
def test_spans_are_inside_and_nothing_wider_is(parts):
    # A skyline of columns on a common floor is rectilinear and in one piece.
    heights = np.zeros(16, int)
    for at, width, height in parts:
        heights[at : at + width] = np.maximum(heights[at : at + width], height)
    heights += 1
    corners = [(0, 0), (16, 0)]
    for c in range(15, -1, -1):
        corners += [(c + 1, int(heights[c])), (c, int(heights[c]))]
    shape = checked_outline(np.array(list(dict.fromkeys(corners)), float))
    for low in (0, 0.5, 1, 2.25):
        spans = row_spans(shape, low, low + 1)
        inside = [c for c in range(16) if heights[c] >= low + 1]
        assert sorted(c for a, b in spans for c in range(int(a), int(b))) == inside


def test_the_core_keeps_each_margin_from_its_own_side():
    core = core_of(Polygon(L_SHAPE), (1, 2, 3, 4))
    assert core.equals(Polygon([(1, 2), (37, 2), (37, 16), (17, 16), (17, 36), (1, 36)]))
    with pytest.raises(NetlistError, match="margins leave no core"):
        core_of(Polygon(L_SHAPE), (25, 25, 25, 25))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"utilization": 0.0}, "utilisation"),
        ({"utilization": 101.0}, "utilisation"),
        ({"utilization": float("nan")}, "utilisation"),
        ({"aspect_ratio": -1.0}, "aspect ratio"),
        ({"margins": (-1.0, 0, 0, 0)}, "margin"),
        ({"site": "nosuch"}, "site"),
        ({"outline": np.array([(0, 0), (10, 0), (5, 5)])}, "neither horizontal nor vertical"),
        ({"outline": np.array([(0, 0), (0, 10), (0, 0), (0, 10)])}, "no area"),
        ({"outline": np.array([(0.0, 0.0), (15.0, 15.0)])}, "less area than the cells"),
        ({"outline": np.array([(0.0, 0.0), (2.0, 1.0)]), "margins": (0, 0, 0, 0)}, "single row"),
        ({"largest": (50.0, 60.0)}, "larger than the core"),
    ],
)
def test_what_cannot_be_is_refused(asked, says):
    with pytest.raises(NetlistError, match=says):
        make_ground(library(), 400, **asked)


def test_a_library_without_a_core_site_is_refused():
    with pytest.raises(NetlistError, match="SITE of class CORE"):
        make_ground(library(sites={"pad": Site("pad", "PAD", 1, 1)}), 400)


def ported(pins, cells=((10.0, 10.0),), nets=None):
    """Ports without a place, and cells with one."""
    n = len(pins)
    x = [0.0] * n + [cell[0] for cell in cells]
    y = [0.0] * n + [cell[1] for cell in cells]
    size = [0.0] * n + [0.2] * len(cells)
    return block_design(
        size, size, x, y, kind=[PORT] * n + [STDCELL] * len(cells), nets=nets or [[i, n] for i in range(n)]
    )


def test_slots_lie_on_tracks_of_a_layer_that_leaves_straight():
    ground = make_ground(library(), 400)
    slots = pin_slots(ground, library(), spacing=1)
    die = ground.die.bounds
    for x, y, side in zip(slots.x, slots.y, slots.side, strict=True):
        assert {LEFT: x == die[0], RIGHT: x == die[2], BOTTOM: y == die[1], TOP: y == die[3]}[int(side)]
        assert (y % 400 == 200) if side in (LEFT, RIGHT) else (x % 200 == 100)
    assert slots.layers == ("m3", "m3", "m2", "m2")
    for side, inwards in ((LEFT, (1, 0)), (RIGHT, (-1, 0)), (BOTTOM, (0, 1)), (TOP, (0, -1))):
        (ax, ay), (bx, by) = slots.shapes[side].points
        assert np.dot(inwards, ((ax + bx) / 2, (ay + by) / 2)) > 0
    (ax, ay), (bx, by) = slots.shapes[BOTTOM].points
    assert (bx - ax) * (by - ay) >= 0.04e6
    with pytest.raises(NetlistError, match="not vertical"):
        pin_slots(ground, library(), ("m3", "m1"))
    with pytest.raises(NetlistError, match="routing layer"):
        pin_slots(ground, library(), (None, "m9"))


def test_slots_of_a_notch_know_on_which_side_the_outside_is():
    ground = make_ground(library(), 100, outline=np.array(L_SHAPE), margins=(1, 1, 1, 1))
    slots = pin_slots(ground, library())
    inner = (slots.x == 20_000) & (slots.y > 20_000)
    assert inner.any()
    assert (slots.side[inner] == RIGHT).all()
    assert (slots.side[(slots.y == 20_000) & (slots.x > 20_000)] == TOP).all()


def placed_pins(design, slots, rules=()):
    p = design.placement
    cells = design.netlist.node_kind != PORT
    return assign_pins(design.netlist, slots, 1000, rules, x=p.x.copy(), y=p.y.copy(), placed=cells)


def test_pins_take_the_slots_of_least_wire_and_no_two_the_same():
    ground = make_ground(library(), 400)
    slots = pin_slots(ground, library())
    right = ground.die.bounds[2] / 1000 - 1
    design = ported("ab", cells=[(0.5, 12.0), (right, 12.0)], nets=[[0, 2], [1, 3]])
    chosen = placed_pins(design, slots)
    assert slots.side[chosen].tolist() == [LEFT, RIGHT]
    assert abs(slots.y[chosen] / 1000 - 12.1).max() <= 0.8
    many = placed_pins(ported("abcdefgh"), slots)
    assert len(set(many.tolist())) == 8


def test_rules_put_pins_on_their_side_and_range():
    ground = make_ground(library(), 400)
    slots = pin_slots(ground, library())
    rules = [PinRule("*", "top"), PinRule("b1", "right", 5, 9)]
    chosen = placed_pins(ported("abc"), slots, rules)
    assert slots.side[chosen].tolist() == [TOP, RIGHT, TOP]
    assert 5 <= slots.y[chosen[1]] / 1000 <= 9


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([PinRule("zz*", "top")], "matches none"),
        ([PinRule("*", "top", 5.0, 5.3)], "places"),
        ([PinRule("b0", "top", 5, 5.7), PinRule("b1", "top", 5, 5.7), PinRule("b2", "top", 5, 5.7)], "contradict"),
    ],
)
def test_rules_that_cannot_be_kept_are_refused(rules, says):
    slots = pin_slots(make_ground(library(), 400), library())
    with pytest.raises(NetlistError, match=says):
        placed_pins(ported("abc"), slots, rules)


def test_more_pins_than_places_are_refused():
    slots = pin_slots(make_ground(library(), 4.0), library(), spacing=8)
    with pytest.raises(NetlistError, match="do not fit"):
        placed_pins(ported("x" * 400), slots)


def test_unplaced_cells_pull_connected_pins_together():
    # Two clusters of cells, ports in an order that mixes them: pins of one cluster end nearer to each other.
    rng = np.random.default_rng(0)
    n, cells = 24, 60
    nets = [[i, n + (i % 2) * 30 + int(rng.integers(30))] for i in range(n)]
    nets += [[n + s * 30 + int(a) for a in rng.choice(30, 3, replace=False)] for s in (0, 1) for _ in range(90)]
    design = ported("p" * n, cells=[(0.0, 0.0)] * cells, nets=nets)
    ground = make_ground(library(), 400)
    slots = pin_slots(ground, library())
    chosen = assign_pins(design.netlist, slots, 1000)
    points = np.stack([slots.x[chosen], slots.y[chosen]], axis=1).astype(float)
    apart = np.abs(points[:, None] - points[None]).sum(axis=2)
    same = (np.arange(n)[:, None] + np.arange(n)) % 2 == 0
    assert apart[same].mean() * n / (n - 2) < 0.8 * apart[~same].mean()
    assert len(set(chosen.tolist())) == n


def test_placed_macros_draw_the_pins_of_unplaced_cells():
    # Port a - cell - macro on the left, port b - cell - macro on the right; only the macros have places.
    ground = make_ground(library(), 400)
    slots = pin_slots(ground, library())
    right = ground.die.bounds[2] / 1000 - 1
    cells = [(9.0, 9.0), (9.0, 9.0), (1.0, 12.0), (right, 12.0)]
    design = ported("ab", cells=cells, nets=[[0, 2], [1, 3], [2, 4], [3, 5]])
    p = design.placement
    known = np.array([False] * 4 + [True] * 2)
    chosen = assign_pins(design.netlist, slots, 1000, x=p.x.copy(), y=p.y.copy(), placed=known)
    assert slots.side[chosen].tolist() == [LEFT, RIGHT]


def test_options_of_the_command_are_read_or_refused(tmp_path):
    assert parse_margins("5") == (5, 5, 5, 5)
    assert parse_margins("1,2,3,4") == (1, 2, 3, 4)
    assert parse_pin_rule("clk*=left:10-50") == PinRule("clk*", "left", 10, 50)
    assert parse_pin_rule("a[3]=any").members(["a[3]", "a3"]) == [0]
    file = tmp_path / "outline.txt"
    file.write_text("# corners\n0 0\n10, 5\n")
    assert parse_outline(str(file)).tolist() == parse_outline("0,0,10,5").tolist() == [[0, 0], [10, 5]]
    file.write_text("0 0\n1 x\n")
    for bad in ("1,2,3", "0,zero", str(file)):
        with pytest.raises(NetlistError):
            parse_outline(bad)
    for bad in ("left", "=left", "a=middle", "a=left:5", "a=left:9-3"):
        with pytest.raises(NetlistError):
            parse_pin_rule(bad)
    with pytest.raises(NetlistError):
        parse_margins("1,2")


@pytest.mark.open_data
def test_bp_fe_top_gets_a_floorplan_with_legal_pins(open_data, tmp_path):
    import placer
    from netlists.formats.def_ import write_def
    from netlists.physical import read_physical

    lef = open_data("lefdef/tech/NanGate45")
    files = [lef / "Nangate45_tech.lef", lef / "Nangate45_stdcell.lef.gz", *sorted(lef.glob("fakeram45*"))]
    verilog = open_data("lefdef/bp_fe_top_ng45/bp_fe_top.v.gz")
    made = placer.floorplan_chip(verilog, files, "bp_fe_top", pins=["clk_i=left"])
    assert made.figures["utilization"] == pytest.approx(60, abs=0.5)
    boxes = [pin.port.box() for pin in made.def_file.pins]
    assert len(boxes) == 2511
    by_layer: dict[str, list] = {}
    for pin, where in zip(made.def_file.pins, boxes, strict=True):
        assert made.ground.die.covers(box(*where))
        by_layer.setdefault(pin.port.shapes[0].layer, []).append(where)
    for layer, rects in by_layer.items():
        # Wider by the spacing of the layer on one side, no two may share area.
        need = round(0.07 * made.ground.dbu)
        sides = np.array(rects)
        order = np.lexsort((sides[:, 1], sides[:, 0]))
        for a, b in itertools.pairwise(order.tolist()):
            p, q = sides[a], sides[b]
            assert max(q[0] - p[2], p[0] - q[2], q[1] - p[3], p[1] - q[3]) >= need, layer
    assert next(pin for pin in made.def_file.pins if pin.name == "clk_i").port.x == 0
    design = read_physical(verilog, "bp_fe_top", files, made.write(tmp_path / "fp.def"))
    assert design.placement.placed[design.netlist.ids(PORT)].all()
    assert design.canvas.rows is not None
    components = made.def_file.components
    some = components.placed([0], [200_000], [300_000], [0])
    write_def(made.def_file.changed(components=some), tmp_path / "placed.def")
    again = placer.floorplan_chip(verilog, files, "bp_fe_top", macros=tmp_path / "placed.def").def_file
    assert again.components.x[0] == 200_000
    assert (again.components.status[1:] == 0).all()
    assert again.pins != made.def_file.pins


@pytest.mark.slow
@pytest.mark.open_data
def test_bp_fe_top_is_placed_on_its_new_floorplan(open_data, tmp_path):
    import placer
    from netlists import HARD_MACRO
    from netlists.formats.def_ import read_def

    lef = open_data("lefdef/tech/NanGate45")
    files = [lef / "Nangate45_tech.lef", lef / "Nangate45_stdcell.lef.gz", *sorted(lef.glob("fakeram45*"))]
    verilog = open_data("lefdef/bp_fe_top_ng45/bp_fe_top.v.gz")
    floor = placer.floorplan_chip(verilog, files, "bp_fe_top").write(tmp_path / "fp.def")
    design = placer.load(verilog=[verilog], top="bp_fe_top", lef=files, def_file=floor)
    result = placer.place(design, iterations=20_000, jobs=1, effort="fast")
    assert result.legality.legal
    hard = result.design.netlist.ids(HARD_MACRO)
    assert len(hard) == 11
    written = placer.convert(result.design, tmp_path / "placed.def", placement=result.placement)[0]
    report = placer.check(design, written)
    assert (report.legal, report.given) == (True, ())
    components = read_def(written).components
    assert (components.status == 1).sum() == 11
    before = read_def(floor)
    assert read_def(written).pins == before.pins
