"""Placements next to each other: each in its own drawing, all at one scale, one legend."""

import pytest

from placer.cost.full import full
from placer.view import side_by_side
from tests.placer.view_cases import diced_design, shuffled


def test_every_placement_has_a_drawing_with_its_objects_and_its_cost():
    design = diced_design()
    both = {"first <b>": design.placement, "second": shuffled(design)}
    drawn = side_by_side(design, both)
    titles = [one.text for one in drawn.layout.annotations]
    for title, (name, placement) in zip(titles, both.items(), strict=True):
        assert title == f"{name.replace('<b>', '&lt;b&gt;')}<br><b>{full(design, placement).proxy_cost:.4f}</b>"
    for axis, placement in (("x", design.placement), ("x2", both["second"])):
        shown = {
            row[0]: x
            for one in drawn.data
            if one.type == "bar" and one.xaxis == axis
            for row, x in zip(one.customdata, one.x, strict=True)
        }
        assert shown
        for name, x in shown.items():
            assert x == pytest.approx(placement.x[design.netlist.node_index[name]])


def test_scale_and_legend_are_common():
    design = diced_design()
    drawn = side_by_side(design, {str(k): shuffled(design, k) for k in range(4)}, columns=3)
    assert len({tuple(axis.range) for axis in drawn.select_xaxes()}) == 1
    assert [axis.scaleanchor for axis in drawn.select_yaxes() if axis.scaleanchor] == [
        axis.anchor for axis in drawn.select_yaxes()
    ]
    in_legend = [one.name for one in drawn.data if one.showlegend]
    assert len(in_legend) == len(set(in_legend))
    assert {one.legendgroup for one in drawn.data} == set(in_legend)


def test_nothing_to_draw_is_refused():
    with pytest.raises(ValueError, match="at least one placement"):
        side_by_side(diced_design(), {})
