"""The interactive drawing shows every object where it lies, and says what it claims to say."""

import numpy as np
import pytest

from netlists import HARD_MACRO, PORT, SOFT_MACRO, Canvas, Design, Netlist, NetlistError, Placement
from netlists.netlist import STDCELL
from netlists.orientation import FS, oriented_offsets
from netlists.physical import read_physical
from placer.cost.full import full
from placer.view import figure
from placer.view.connect import connections
from placer.view.groups import MAX_GROUPS, macro_groups
from placer.view.markings import ROW_LIMIT, markings
from placer.view.scene import SHAPE_LIMIT, area_raster, scene
from tests.netlists import physical_cases
from tests.placer.view_cases import HOSTILE, diced_design, shuffled

NO_RUDY = ("density", "h_congestion", "v_congestion")


def bars(fig):
    return [t for t in fig.data if t.type == "bar"]


def test_every_macro_is_drawn_once_where_it_lies():
    design = diced_design()
    drawn = sorted(
        (row[0], x - w / 2, b, x + w / 2, b + h)
        for t in bars(figure(design, layers=()))
        for row, x, w, b, h in zip(t.customdata, t.x, t.width, t.base, t.y, strict=True)
    )
    view = scene(design, layers=())
    ids = design.netlist.ids(HARD_MACRO, SOFT_MACRO)
    expected = sorted((design.netlist.node_names[i], *(edge[i] for edge in view.box)) for i in ids)
    assert [d[0] for d in drawn] == [e[0] for e in expected]
    np.testing.assert_allclose([d[1:] for d in drawn], [e[1:] for e in expected])


def test_hover_tells_name_kind_size_orientation_position_and_shares():
    design = diced_design()
    rows = {row[0]: row for t in bars(figure(design, layers=())) for row in t.customdata}
    name = design.netlist.node_names[0]
    text = " ".join(rows[name])
    p = design.placement
    assert "hard macro" in text
    assert f"({p.x[0]:.6g}, {p.y[0]:.6g}) µm" in text
    for word in ("wirelength", "density", "congestion"):
        assert f"{word} " in rows[name][4]


def test_names_are_text_not_markup():
    rows = [row[0] for t in bars(figure(diced_design(names=HOSTILE), layers=())) for row in t.customdata]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in rows
    assert not any("<" in row for row in rows)


def test_maps_are_layers_with_their_values_and_the_scale_of_congestion_is_common():
    design = diced_design()
    cost = full(design)
    fig = figure(design, cost=cost, layers=NO_RUDY)
    maps = {t.meta: t for t in fig.data if t.type == "heatmap"}
    assert list(maps) == list(NO_RUDY)
    for key in NO_RUDY:
        np.testing.assert_allclose(maps[key].z, getattr(cost, key), rtol=1e-6)
    assert maps["h_congestion"].zmax == maps["v_congestion"].zmax
    c = design.canvas
    assert maps["density"].x0 == pytest.approx(c.x0 + c.gcell_width / 2)
    assert maps["density"].y0 == pytest.approx(c.y0 + c.gcell_height / 2)
    assert fig.layout.updatemenus[0].buttons[0].label == "Placement"


def test_a_layer_button_shows_one_map_and_keeps_the_outlines():
    fig = figure(diced_design(), layers=NO_RUDY)
    button = fig.layout.updatemenus[0].buttons[2]
    change, traces = button.args
    shown = [fig.data[i].meta for i, v in zip(traces, change["visible"], strict=True) if v and i < 3]
    assert shown == ["h_congestion"]
    assert sum(v is True for v in change["visible"]) == 1 + len(bars(fig))


def test_an_unknown_layer_is_refused():
    with pytest.raises(ValueError, match="unknown layer 'heat'"):
        figure(diced_design(), layers=("heat",))


def test_the_orientation_mark_tells_all_eight_orientations_apart_and_sits_inside():
    netlist = Netlist(
        "m", [f"m{i}" for i in range(8)], [HARD_MACRO] * 8, [6.0] * 8, [4.0] * 8, [], [], [], [0], [], [], []
    )
    placement = Placement(np.full(8, 50.0), np.full(8, 50.0), np.arange(8), np.zeros(8, bool), np.ones(8, bool))
    view = scene(Design(netlist, Canvas(0, 0, 100, 100, 10, 10), placement), layers=())
    marks = view.marks(np.arange(8))
    assert len({m.round(9).tobytes() for m in marks - 50.0}) == 8
    for i, mark in enumerate(marks):
        assert abs(mark[:, 0] - 50).max() <= view.size[0][i] / 2 + 1e-9
        assert abs(mark[:, 1] - 50).max() <= view.size[1][i] / 2 + 1e-9
        # The right angle sits in the corner that is lower left in orientation N.
        np.testing.assert_allclose(mark[0] - 50, np.stack(oriented_offsets(-3.0, -2.0, i)))


def test_flylines_of_an_object_end_at_its_neighbours():
    design = diced_design()
    fig = figure(design, layers=(), flylines="io[3]")
    lines = next(t for t in fig.data if t.meta == "flylines")
    node = design.netlist.node_index["io[3]"]
    found = connections(design.netlist, np.array([node]))
    ends = np.stack([lines.x, lines.y], axis=1).reshape(-1)
    ends = np.append(ends, [np.nan, np.nan]).reshape(-1, 3, 2)
    p = design.placement
    np.testing.assert_allclose(ends[:, 0], np.broadcast_to([p.x[node], p.y[node]], (len(found.neighbour), 2)))
    np.testing.assert_allclose(ends[:, 1], np.stack([p.x, p.y], axis=1)[found.neighbour])


@pytest.mark.parametrize("which", ["nobody", 9999, -1])
def test_flylines_of_nobody_are_refused(which):
    with pytest.raises(NetlistError):
        figure(diced_design(), layers=(), flylines=which)


def test_connections_count_shared_nets_by_the_clique_model():
    # Net 0: a b (weight 2); net 1: a b c (weight 3), b twice; net 2: only a; net 3: a c (weight 0).
    netlist = Netlist(
        "c", ["a", "b", "c"], [SOFT_MACRO] * 3, [1] * 3, [1] * 3, [0, 1, 2], [0] * 3, [0] * 3,
        [0, 2, 6, 7, 9], [0, 1, 0, 1, 1, 2, 0, 0, 2], [0, 2, 6, 7], [2.0, 3.0, 9.0, 0.0],
    )  # fmt: skip
    found = connections(netlist, np.array([0, 2]))
    assert found.neighbour.tolist() == [1, 2, 0, 1]
    assert found.weight.tolist() == [3.5, 1.5, 1.5, 1.5]
    assert found.nets.tolist() == [2, 2, 2, 1]
    limited = connections(netlist, np.array([0]), limit=1)
    assert limited.neighbour.tolist() == [1]
    assert limited.left_out.tolist() == [1]


def test_crowds_are_drawn_as_area_that_adds_up():
    design = diced_design(cells=SHAPE_LIMIT + 1, nets=10)
    fig = figure(design, layers=())
    crowd = next(t for t in fig.data if t.meta == "crowd")
    view = scene(design, layers=())
    c, cells = design.canvas, view.crowd(STDCELL)
    left, bottom, right, top = (edge[cells] for edge in view.box)
    inside = (np.minimum(right, c.x1) - np.maximum(left, c.x0)) * (np.minimum(top, c.y1) - np.maximum(bottom, c.y0))
    pixel = c.width * c.height / crowd.z.size
    assert view.crowd_fill.sum() * pixel == pytest.approx(inside.sum())
    assert sum(len(t.x) for t in bars(fig)) == len(design.netlist.ids(HARD_MACRO, SOFT_MACRO))


def test_area_raster_covers_exactly_what_boxes_cover():
    rng = np.random.default_rng(0)
    canvas = Canvas(-3, 2, 17, 12, 4, 4)
    left, bottom = rng.uniform(-6, 18, 40), rng.uniform(0, 13, 40)
    box = (left, bottom, left + rng.uniform(0, 9, 40), bottom + rng.uniform(0, 5, 40))
    edges_x, edges_y = np.linspace(-3, 17, 8), np.linspace(2, 12, 6)

    def overlap(low, high, a, b):
        return np.clip(np.minimum(high, b) - np.maximum(low, a), 0, None)

    expected = np.array([
        [(overlap(box[0], box[2], *edges_x[c : c + 2]) * overlap(box[1], box[3], *edges_y[r : r + 2])).sum()
         for c in range(7)] for r in range(5)
    ])  # fmt: skip
    pixel = (20 / 7) * (10 / 5)
    np.testing.assert_allclose(area_raster(box, canvas, 5, 7) * pixel, expected, atol=1e-9)


def test_groups_follow_the_hierarchy_and_hold_every_macro_once():
    design = diced_design(hard=40)
    groups = macro_groups(design.netlist, design.netlist.ids(HARD_MACRO))
    assert 1 < len(groups) <= MAX_GROUPS
    assert sorted(i for _, ids in groups for i in ids) == design.netlist.ids(HARD_MACRO).tolist()
    for label, ids in groups:
        assert all(design.netlist.node_names[i].startswith(label) for i in ids)


def test_group_labels_stop_where_macros_stop_to_differ():
    names = ["top/a/x/y/m0", "top/b/c/d/m1", "top/b/c/d/m2", "top/b/c/e/m3", "top/m4"]
    netlist = Netlist("g", names, [HARD_MACRO] * 5, [1.0] * 5, [1.0] * 5, [], [], [], [0], [], [], [])
    groups = {label: ids.tolist() for label, ids in macro_groups(netlist, np.arange(5))}
    assert groups == {"b/c/d": [1, 2], "a": [0], "b/c/e": [3], "top level": [4]}


def test_an_unplaced_design_is_drawn_empty():
    design = diced_design()
    fig = figure(design, Placement.unplaced(design.netlist.num_nodes))
    assert not bars(fig)
    assert not [t for t in fig.data if t.type == "heatmap"]


def test_a_placement_can_be_given():
    design = diced_design()
    other = shuffled(design)
    ports = next(t for t in figure(design, other, layers=()).data if t.name == "ports")
    assert len(ports.x) == len(design.netlist.ids(PORT))
    assert not np.array_equal(bars(figure(design, layers=()))[-1].x, bars(figure(design, other, layers=()))[-1].x)


SOFT = "- PLACEMENT + SOFT RECT ( 6000 20000 ) ( 8000 22000 ) ;"


@pytest.fixture
def chip(tmp_path):
    text = physical_cases.DEF.replace(
        "BLOCKAGES 2 ;", "BLOCKAGES 3 ;\n- PLACEMENT + SOFT RECT ( 6000 20000 ) ( 8000 22000 ) ;"
    )
    text = text.replace("REGIONS 1 ;", "REGIONS 2 ;\n- soon ( 2000 2000 ) ( 9000 9000 ) + TYPE GUIDE ;")
    return read_physical(**physical_cases.write(tmp_path, def_file=text))


def corners(trace):
    """Boxes of a trace's areas, in order: left, bottom, right, top; single points left out."""
    x, y = np.array(trace.x, float), np.array(trace.y, float)
    parts = np.split(np.arange(len(x)), np.flatnonzero(np.isnan(x)))
    parts = [part[~np.isnan(x[part])] for part in parts]
    return [(x[p].min(), y[p].min(), x[p].max(), y[p].max()) for p in parts if len(p) > 1]


def test_what_lef_and_def_say_is_drawn_where_they_say_it(chip):
    fig = figure(chip, layers=())
    drawn = {t.name: t for t in fig.data}
    assert corners(drawn["die"]) == [(0, 0, 40, 40)]
    assert corners(drawn["core"]) == [(2, 2, 38, 38)]
    assert len(corners(drawn["rows"])) == 18
    # HALO 1 2 3 4 of the memory at (4, 4), 10 x 8 um, upside down: the 4 um lie below it.
    assert chip.placement.orient[chip.netlist.node_index["left/mem[0]"]] == FS
    assert corners(drawn["halos"]) == [(3, 0, 17, 14)]
    assert drawn["halos"].line.dash == "dash"
    assert corners(drawn["fences"]) == [(20, 2, 38, 38)]
    assert corners(drawn["guides"]) == [(2, 2, 9, 9)]
    assert [t for t in drawn["fences"].text if t] == ["east"]
    assert [t for t in drawn["guides"].text if t] == ["soon"]
    assert corners(drawn["hard blockages"]) == [(30, 30, 34, 38)]
    assert corners(drawn["soft blockages"]) == [(6, 20, 8, 22)]
    assert corners(drawn["partial blockages"]) == [(2, 30, 6, 38)]
    assert "cells up to 40%" in drawn["partial blockages"].customdata[0]
    assert len({drawn[f"{kind} blockages"].fillcolor for kind in ("hard", "soft", "partial")}) == 3
    assert fig.layout.xaxis.range[0] < 0 < 40 < fig.layout.xaxis.range[1]


def test_hover_texts_and_names_have_a_place_for_every_point(chip):
    for trace in figure(chip, layers=()).data:
        for values in (trace.customdata, trace.text):
            if trace.type == "scatter" and values is not None:
                assert len(values) == len(trace.x)


def test_pins_of_macros_lie_where_their_orientation_puts_them(chip):
    drawn = {t.name: t for t in figure(chip, layers=()).data}
    found = sorted(zip(drawn["macro pins"].x, drawn["macro pins"].y, strict=True))
    # D at (0.5, 1.5) and (0.5, 3.5), Q at (9.5, same) in a memory of 10 x 8 at (4, 4), upside down.
    expected = [(4.5, 8.5), (4.5, 10.5), (13.5, 8.5), (13.5, 10.5)]
    np.testing.assert_allclose(found, expected)
    shapes = corners(drawn["port shapes"])
    np.testing.assert_allclose(sorted(shapes)[0], (0, 9.9, 0.2, 10.1))
    assert len(shapes) == 3
    assert any(text == "in[0], layer m2, left side" for text in drawn["port shapes"].customdata)
    assert any(text == "out[0], layer m2, right side" for text in drawn["port shapes"].customdata)


def test_many_rows_wait_in_the_legend(tmp_path):
    rows = "\n".join(f"ROW more{k} unit 2000 {2000 + 2000 * k} N DO 1 BY 1 STEP 200 0 ;" for k in range(ROW_LIMIT))
    text = physical_cases.DEF.replace("TRACKS Y", rows + "\nTRACKS Y", 1)
    design = read_physical(**physical_cases.write(tmp_path, def_file=text))
    assert next(t for t in figure(design, layers=()).data if t.name == "rows").visible == "legendonly"


def test_other_formats_have_no_markings():
    assert markings(scene(diced_design(), layers=())) == []
