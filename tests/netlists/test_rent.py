"""Rent's rule on circuits whose blocks and terminals can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from netlists import PORT, STDCELL
from netlists.graphs import rent_curve
from netlists.synthesis import SynthesisSpec, synthesize
from tests.netlists.grouping_cases import flat_design


def chain(length: int, weight: float = 1.0):
    """Cells in a row, each joined to the next."""
    nets = [[k, k + 1] for k in range(length - 1)]
    names = [f"c{k}" for k in range(length)]
    return flat_design(names, [STDCELL] * length, nets, weights=[weight] * len(nets)).netlist


def test_blocks_of_a_ring_have_two_terminals_whatever_their_size():
    names = [f"c{k}" for k in range(512)]
    curve = rent_curve(flat_design(names, [STDCELL] * 512, [[k, (k + 1) % 512] for k in range(512)]).netlist)
    assert curve.members[0] == 1
    assert (np.diff(curve.members) > 0).all()
    np.testing.assert_array_equal(curve.terminals[:-1], 2.0)
    assert curve.exponent == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(curve.line([1, 1000]), 2.0)


def test_all_of_a_circuit_without_ports_has_no_terminal_and_with_one_its_nets():
    closed = rent_curve(chain(256))
    assert (closed.members[-1], closed.terminals[-1]) == (256, 0)
    names = [f"c{k}" for k in range(256)] + ["p"]
    nets = [[k, k + 1] for k in range(255)] + [[256, 0, 100]]
    opened = rent_curve(flat_design(names, [STDCELL] * 256 + [PORT], nets).netlist)
    assert opened.members[-1] == 256  # a port is no member
    assert opened.terminals[-1] == 1


def test_net_weights_count_as_parallel_nets():
    one, three = rent_curve(chain(256)), rent_curve(chain(256, 3.0))
    np.testing.assert_allclose(three.terminals, 3 * one.terminals)
    assert three.exponent == pytest.approx(one.exponent)
    assert three.coefficient == pytest.approx(3 * one.coefficient)


def test_the_line_leaves_out_single_cells_and_blocks_of_more_than_an_eighth():
    netlist = synthesize(SynthesisSpec(num_macros=4, num_cells=3_000, clustered=False), 0).netlist
    curve = rent_curve(netlist)
    assert curve.fitted.sum() >= 3
    assert not curve.fitted[0]
    assert curve.members[curve.fitted].max() <= netlist.num_nodes / 8 * 2
    assert not curve.fitted[-1]
    away = np.log(curve.terminals[curve.fitted] / curve.line(curve.members[curve.fitted]))
    assert np.abs(away).max() < 0.2
    assert away.sum() == pytest.approx(0.0, abs=1e-9)  # least squares


def test_netlists_too_small_to_tell_have_no_exponent():
    few = rent_curve(chain(63))
    assert len(few.members) == 0
    assert np.isnan(few.exponent)
    short = rent_curve(chain(70))  # blocks of 4 to 8 cells: a level or two
    assert len(short.members)
    assert np.isnan(short.exponent)
