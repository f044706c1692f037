"""The analytic engine on an open mixed-size design, through the front door."""

import numpy as np
import pytest

import placer
from netlists.formats import write_placement
from netlists.orientation import oriented_sizes
from placer.cost.flat_rules import check_flat
from placer.engines.analytic.wirelength import hpwl_of

#: The best published figure for ibm01, everything in orientation N (um).
PUBLISHED = 2.18e6


@pytest.mark.slow
@pytest.mark.open_data
def test_ibm01_is_legal_short_and_written_as_it_is(open_data, tmp_path):
    source = open_data("bookshelf/ibm01")
    result = placer.place(source, engine="analytic", seed=0)
    design, p = result.design, result.placement
    report = check_flat(design, p, reference=design.placement)
    assert report.legal, report.summary()
    n = design.netlist
    width, height = oriented_sizes(n.node_width, n.node_height, p.orient)
    upright = p.moved(
        x=p.x - width / 2 + n.node_width / 2, y=p.y - height / 2 + n.node_height / 2, orient=np.zeros_like(p.orient)
    )
    assert hpwl_of(design, upright) < PUBLISHED
    write_placement(design, p, tmp_path / "ibm01.pl")
    again = placer.load(source, tmp_path / "ibm01.pl")
    np.testing.assert_array_equal(again.placement.x, p.x)
    np.testing.assert_array_equal(again.placement.y, p.y)
    np.testing.assert_array_equal(again.placement.orient, p.orient)
    assert hpwl_of(again, again.placement) == hpwl_of(design, p)
