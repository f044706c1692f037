"""The constraints file for designs of LEF and DEF files: masters, rows, tracks, and what those files say already."""

from __future__ import annotations

import numpy as np
import pytest

from netlists import HARD_MACRO, Design
from netlists.orientation import CODE
from netlists.physical import read_physical
from netlists.rules import read_rules
from placer.cost.legality import check
from placer.engines.legalise import legalise
from tests.netlists.physical_cases import write


@pytest.fixture
def apply(tmp_path):
    """``apply(text)``: the tiny chip with a constraints file; two RAMs of 10 x 8 um, pins on m3."""

    def go(text: str) -> Design:
        file = tmp_path / "rules.toml"
        file.write_text(text, encoding="utf-8")
        return read_rules(file, read_physical(**write(tmp_path)))

    return go


def test_masters_select_and_the_files_own_rules_stay(apply):
    design = apply("[[macro]]\nname = 'right/*'\nmaster = 'RAM'\nhalo = 0.5\n")
    left, right = (design.netlist.node_names.index(name) for name in ("left/mem[0]", "right/mem[0]"))
    assert design.constraints.halo[[left, right]].tolist() == [[1, 2, 3, 4], [0.5] * 4]
    assert design.constraints.regions[design.constraints.region[right]].name == "east"


def test_brackets_in_names_are_no_pattern(apply):
    design = apply("[[macro]]\nname = 'left/mem[0]'\nboundary = 1\n")
    assert (design.constraints.boundary > 0).sum() == 1


def test_snapping_to_tracks_puts_pins_on_track(apply):
    design = apply("snap = 'tracks'\n")
    ram = design.netlist.node_names.index("right/mem[0]")
    # Tracks of m3 every 0.4 um from 0; pins 1.5 um above the lower edge in N, 6.5 um in FS. No pin is on m4.
    assert design.constraints.pitch[ram].tolist() == [0, 0.4]
    assert design.constraints.offset[ram, CODE["N"], 1] == pytest.approx(0.1)
    assert design.constraints.offset[ram, CODE["FS"], 1] == pytest.approx(0.3)
    placed = legalise(design)
    assert check(design, placed).legal
    n = design.netlist
    for node in n.ids(HARD_MACRO).tolist():
        bottom = placed.y[node] - n.node_height[node] / 2
        pin = bottom + (6.5 if placed.orient[node] in (CODE["S"], CODE["FS"]) else 1.5)
        assert abs(pin / 0.4 - np.rint(pin / 0.4)) < 1e-6


def test_snapping_to_rows(apply):
    design = apply("snap = 'rows'\n")
    placed = legalise(design)
    assert check(design, placed).legal
    for node in design.netlist.ids(HARD_MACRO).tolist():
        x, y = placed.x[node] - 5, placed.y[node] - 4
        # Sites of 0.2 um from x = 2, rows of 2 um from y = 2.
        assert ((x - 2) / 0.2) == pytest.approx(round((x - 2) / 0.2), abs=1e-6)
        assert ((y - 2) / 2) == pytest.approx(round((y - 2) / 2), abs=1e-6)
