"""The constraints file: what it says ends up in the design, and every mistake is told with its line."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from netlists import STDCELL, Blockage, NetlistError, Placement
from netlists.canvas import BLOCK_PARTIAL
from netlists.constraints import GROUP_ARRAY, GROUP_MIRROR_X, REGION_FENCE, REGION_GUIDE
from netlists.orientation import CODE
from netlists.rules import read_rules
from tests.placer.blocks import block_design

DOCS = Path(__file__).parents[2] / "docs" / "constraints.md"


@pytest.fixture
def rules(tmp_path):
    """Write a file and apply it: ``rules(text, design)``."""

    def apply(text, design=None):
        file = tmp_path / "rules.toml"
        file.write_text(text, encoding="utf-8")
        return read_rules(file, blocks() if design is None else design)

    return apply


def blocks(**more):
    """Four macros ``b0``..``b3`` of 10 x 6 in a core of 100 x 100, and a cell ``b4``."""
    kind = [0, 0, 0, 0, STDCELL]
    size = [10.0] * 4 + [1.0], [6.0] * 4 + [1.0]
    return block_design(*size, [0, 20, 40, 60, 80], [0, 20, 40, 60, 80], kind=kind, **more)


def refused(rules, text, words, line, design=None):
    with pytest.raises(NetlistError, match=words) as error:
        rules(text, design)
    assert error.value.line == line, str(error.value)
    assert "rules.toml" in str(error.value)


# -- what it says --------------------------------------------------------------------------------------------------


def test_top_speaks_for_all_hard_macros_and_later_tables_win(rules):
    text = """
halo = 1
channel = 2.5
utilization = 0.6
boundary = 0.25
[[macro]]
name = "b*"
halo = [3, 4]
[[macro]]
name = ["b1", "b2"]
halo = [1, 2, 3, 4]
"""
    design = rules(text)
    assert any(note.startswith("utilization ") for note in design.notes)  # no cells: nothing uses it
    c = design.constraints
    assert c.halo.tolist() == [[3, 4, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [3, 4, 3, 4], [0, 0, 0, 0]]
    assert c.channel == (2.5, 2.5)
    assert c.utilization == 0.6
    assert c.boundary.tolist() == [0.25] * 4 + [0]


def test_quarter_turns_are_not_allowed_unless_asked_for(rules):
    assert rules("").constraints.orientations[:4].tolist() == [0b00110011] * 4
    some = rules("orientations = ['N', 'R90']\n[[macro]]\nname = 'b0'\norientations = ['any']").constraints
    assert some.orientations.tolist() == [0xFF, 0b101, 0b101, 0b101, 0xFF]


def test_location_fixes_unless_told_otherwise(rules):
    text = "[[macro]]\nname = 'b0'\nlocation = [50, 10]\norientation = 'W'\n"
    design = rules(text)
    assert design.placement.fixed.tolist() == [True, False, False, False, False]
    assert (design.placement.x[0], design.placement.y[0], design.placement.orient[0]) == (53, 15, CODE["W"])
    assert design.constraints.orientations[0] == 1 << CODE["W"]
    assert not rules(text + "fixed = false").placement.fixed.any()


def test_fixed_where_it_is(rules):
    assert rules("[[macro]]\nname = 'b1'\nfixed = true").placement.fixed[1]
    assert not rules("[[macro]]\nname = '*'\nfixed = false", blocks(fixed=[True] * 5)).placement.fixed[:4].any()


def test_regions_and_blockages(rules):
    design = rules(
        """
[[fence]]
name = "f"
members = ["b0", "b4"]
box = [0, 0, 30, 30]
[[guide]]
name = "g"
members = "b3"
polygon = [[50, 50], [90, 50], [90, 90], [50, 90]]
[[blockage]]
name = "half"
kind = "partial"
density = 0.5
box = [90, 0, 100, 10]
""",
        blocks(blockages=(Blockage(block_design([1], [1], [0], [0]).canvas.polygon, BLOCK_PARTIAL, 0.9),)),
    )
    assert [r.kind for r in design.constraints.regions] == [REGION_FENCE, REGION_GUIDE]
    assert design.constraints.region.tolist() == [0, -1, -1, 1, 0]
    assert [(b.kind, b.density) for b in design.canvas.blockages] == [(BLOCK_PARTIAL, 0.9), (BLOCK_PARTIAL, 0.5)]


def test_groups(rules):
    text = "halo = 1\n[[group]]\nname='a'\nkind='array'\nmembers=['b0','b1','b2']\ncolumns=2\nspacing=[3, 0.5]\n"
    (group,) = rules(text).constraints.groups
    assert (group.kind, group.members) == (GROUP_ARRAY, (0, 1, 2))
    assert group.offsets == ((0.0, 0.0), (13.0, 0.0), (0.0, 7.0))  # the halo is more than 0.5
    (group,) = rules("[[group]]\nname='m'\nkind='mirror-x'\nmembers=['b*']").constraints.groups
    assert (group.kind, group.members, group.offsets) == (GROUP_MIRROR_X, (0, 1, 2, 3), ())


def test_snapping_of_any_pitch(rules):
    c = rules("snap = {pitch = [0.5, 2], offset = [0.25, 0]}\n[[macro]]\nname='b0'\nsnap = 'grid'").constraints
    assert c.pitch[:2].tolist() == [[0, 0], [0.5, 2]]
    assert (c.offset[1] == [0.25, 0]).all()


def test_pin_side_leaves_the_orientations_that_turn_it_there(rules):
    from dataclasses import replace

    design = blocks()
    dx = np.where(np.arange(5) == 0, -4.9, 0.0)
    design = replace(design, netlist=replace(design.netlist, pin_dx=dx))
    c = rules("[[macro]]\nname='b0'\npin_side = 'right'\npin_halo = 4", design).constraints
    assert c.orientations[0] == (1 << CODE["S"]) | (1 << CODE["FN"])
    assert c.halo[0].tolist() == [4, 0, 0, 0]
    refused(rules, "[[macro]]\nname='b0'\npin_side = 'top'", "no allowed orientation of 'b0'", 3, design)


def test_the_documented_example_is_read(rules):
    text = re.search(r"<!-- example -->\n```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S).group(1)
    names = ["ram_0", "ram_1", "ram_2", "pll", "rom_0", "rom_1"]
    design = block_design([20] * 6, [10] * 6, np.arange(6) * 30.0, [50] * 6, canvas=(0, 0, 200, 200))
    from dataclasses import replace

    design = replace(design, netlist=replace(design.netlist, node_names=names))
    applied = rules(text, design)
    assert applied.placement.fixed.tolist() == [False, False, False, True, False, False]
    assert len(applied.constraints.regions) == 2
    assert len(applied.constraints.groups) == 1


# -- mistakes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("halo = 1\nchannel = = 2", "not valid TOML", 2),
        ("halo = 1\n\nchanel = 2", "no key 'chanel'; did you mean 'channel'", 3),
        ("[[macro]]\nname = 'b0'\nhalos = 2", r"\[\[macro\]\] has no key 'halos'; did you mean 'halo'", 3),
        ("\n[[fences]]\nname = 'f'", r"no table 'fences'; did you mean \[\[fence\]\]", 2),
        ("[fence]\nname = 'f'", "double brackets", 1),
        ("halo = -1", "halo is out of range", 1),
        ("halo = [1, 2, 3]", "halo needs 1 or 2 or 4 numbers", 1),
        ("halo = 'wide'", "halo must be a number", 1),
        ("utilization = 60", "out of range", 1),
        ("orientations = ['N', 'R45']", "unknown orientation 'R45'", 1),
        ("snap = 'row'", "did you mean 'rows'", 1),
        ("snap = 'rows'", "no rows", 1),
        ("snap = 'tracks'", "needs the LEF and DEF", 1),
        ("[[macro]]\nhalo = 1", "needs a name or a master", 1),
        ("[[macro]]\nname = 'c*'", r"'c\*' matches no hard macro", 2),
        ("[[macro]]\nname = 'bb1'", "did you mean 'b1'", 2),
        ("[[macro]]\nname = 'b4'", "matches no hard macro", 2),
        ("[[macro]]\nmaster = 'RAM'", "masters are known only", 2),
        ("[[macro]]\nname = 'b*'\nlocation = [1, 1]", "4 are meant", 3),
        ("[[fence]]\nname = 'f'\nmembers = 'b0'", "either a box or a polygon", 1),
        ("[[fence]]\nname = 'f'\nmembers = 'b0'\nbox = [5, 5, 1, 9]", "box is empty", 4),
        ("[[fence]]\nname = 'f'\nmembers = 'b0'\npolygon = [[0,0],[9,0],[5,9],[0,9]]", "horizontal or vertical", 4),
        ("[[blockage]]\nbox = [0, 0, 1, 1]\ndensity = 0.5", "density belongs to a partial", 3),
        ("[[group]]\nname = 'g'\nkind = 'aray'\nmembers = ['b0', 'b1']", "did you mean 'array'", 3),
        ("[[group]]\nname = 'g'\nkind = 'mirror-x'\nmembers = ['b0', 'b1', 'b2']", "pairs of them", 4),
    ],
)
def test_mistakes_are_told_with_their_line(rules, text, words, line):
    refused(rules, text, words, line)


FENCE = "[[fence]]\nname = 'f'\nbox = [0, 0, {}, {}]\nmembers = {}\n"


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("[[macro]]\nname = 'b0'\nlocation = [95, 0]", "'b0' is outside the core by 30", 3),
        (
            "[[macro]]\nname = 'b0'\nlocation = [5, 0]\n[[macro]]\nname = 'b1'\nlocation = [9, 0]",
            "fixed macros 'b0' and 'b1' overlap", 3,
        ),
        (
            "halo = 2\n[[macro]]\nname = 'b0'\nlocation = [0, 0]\n[[macro]]\nname = 'b1'\nlocation = [11, 0]",
            "closer than their halos", 4,
        ),
        ("[[macro]]\nname = 'b0'\nlocation = [5, 0]\n" + FENCE.format(12, 50, "'b0'"), "leaves its fence 'f'", 3),
        ("[[macro]]\nname = 'b0'\nlocation = [5, 0]\n" + FENCE.format(12, 50, "'b1'"), "is for others", 3),
        (
            "[[blockage]]\nname = 'k'\nbox = [0, 0, 9, 9]\n[[macro]]\nname = 'b0'\nlocation = [5, 0]",
            "on hard blockage 'k'", 6,
        ),
        (FENCE.format(9, 50, "'b0'"), "10 x 6 um does not fit fence 'f' of 9 x 50 um; quarter turns", 1),
        (FENCE.format(14, 10, "['b0', 'b1', 'b2']"), "3 macros of fence 'f' have 180 um.2, its free area is 140", 1),
        ("halo = 8\n" + FENCE.format(20, 20, "['b0', 'b1', 'b2', 'b3']"), "halos of the 4 macros of fence 'f'", 2),
        (FENCE.format(50, 50, "'b0'") + FENCE.format(9, 9, "'b1'"), "another region 'f'", 6),
        (
            FENCE.format(50, 50, "'b0'") + FENCE.format(90, 90, "'b0'").replace("'f'", "'g'"),
            r"'b0' is a member of 'f' \(line 1\) and of 'g'", 8,
        ),
        (
            FENCE.format(50, 50, "'b0'") + "[[group]]\nname = 'a'\nkind = 'array'\nmembers = ['b0', 'b1']",
            "different fences", 8,
        ),
        ("[[macro]]\nname = 'b0'\nfixed = true\norientations = ['S']", "orientation it may not have", 1),
    ],
)  # fmt: skip
def test_contradictions_are_told(rules, text, words, line):
    refused(rules, text, words, line)


def test_nothing_is_fixed_where_it_has_no_place(rules):
    design = blocks()
    design = design.with_placement(Placement.unplaced(5))
    refused(rules, "[[macro]]\nname = 'b0'\nfixed = true", "'b0' has no place to be fixed at", 3, design)
