"""The macro-placer cases of OpenROAD: what each one is named after is kept, by the product's check and by Shapely.

The DEF files hold the floorplan; what their scripts add (a guide, a wish for the boundary) is added here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import placer
from netlists import HARD_MACRO, PORT
from netlists.constraints import REGION_GUIDE
from netlists.physical import read_physical
from netlists.rules import read_rules
from placer.cost.full import full
from placer.cost.legality import check
from tests.placer.blocks import judge, shapes
from tests.placer.rules_judge import judge_rules

#: A pad no open LEF file has: size and pins are this test's.
PAD = """
MACRO PADCELL_SIG_H
  CLASS PAD ; SIZE 25 BY 30 ; SYMMETRY R90 ;
  PIN PAD DIRECTION INOUT ; PORT LAYER metal9 ; RECT 5 5 20 10 ; END END PAD
  PIN PU DIRECTION INPUT ; PORT LAYER metal3 ; RECT 12 28 13 30 ; END END PU
END PADCELL_SIG_H
END LIBRARY
"""

pytestmark = pytest.mark.open_data


@pytest.fixture
def run(open_data: Callable[[str], Path], tmp_path: Path) -> Callable[..., tuple]:
    """``run(case, rules)``: read, place and check one case; returns design, placement and bodies by name."""

    def go(case: str, rules: str = "", iterations: int = 3000) -> tuple:
        folder = open_data("lefdef")
        cases = folder / "openroad_mpl_tests"
        own = "orientation_improve1" if case == "macros_without_pins1" else case
        macros = [cases / f"{own}.lef", folder / "tech/NanGate45/fake_macros.lef"]
        (tmp_path / "pad.lef").write_text(PAD, encoding="utf-8")
        lef = [folder / "tech/NanGate45/Nangate45.lef.gz", next(f for f in macros if f.exists()), tmp_path / "pad.lef"]
        design = read_physical(lef=lef, def_file=cases / f"{case}.def")
        if rules:
            file = tmp_path / "rules.toml"
            file.write_text(rules, encoding="utf-8")
            design = read_rules(file, design)
        result = placer.place(design, iterations=iterations, effort="fast", jobs=1, seed=1)
        soft, placement = result.design, result.placement
        assert check(soft, placement, reference=soft.placement).legal
        assert judge(soft, placement, 1e-6) == []
        movable = {int(i) for i in soft.netlist.ids(HARD_MACRO) if soft.movable[i]}
        assert [found for found in judge_rules(soft, placement) if found[1] & movable] == []
        still = soft.placement.fixed
        assert (placement.x[still] == soft.placement.x[still]).all()
        assert (placement.y[still] == soft.placement.y[still]).all()
        bodies = dict(zip(soft.netlist.node_names, shapes(soft, placement), strict=True))
        return soft, placement, bodies

    return go


@pytest.mark.parametrize("case", ["clocked_macro", "io_constraints1"])
def test_cases_without_a_rule_to_see_in_the_files_end_legal(case, run):
    soft, placement, _ = run(case)
    assert placement.placed[soft.netlist.node_kind == HARD_MACRO].all()


def test_macro_only(run):
    _, _, bodies = run("macro_only")
    assert len(bodies) == 10


def test_boundary_push(run):
    soft, _, bodies = run("boundary_push1", "boundary = 1\n")
    canvas = soft.canvas
    for name, body in bodies.items():
        if name.startswith("MACRO"):
            x0, y0, x1, y1 = body.bounds
            # 100 of 220 um: anywhere else the nearest edge is up to 60 um away.
            assert min(x0 - canvas.x0, y0 - canvas.y0, canvas.x1 - x1, canvas.y1 - y1) < 1.0, name


def test_fixed_ios(run):
    soft, placement, _ = run("fixed_ios1")
    port = soft.netlist.node_kind == PORT
    assert port.any()
    assert (placement.x[port] == soft.placement.x[port]).all()


def test_fixed_macro(run):
    _, _, bodies = run("fixed_macros1")
    assert bodies["MACRO_1"].bounds == pytest.approx((80, 110, 180, 210))
    assert bodies["MACRO_1"].intersection(bodies["MACRO_2"]).area == 0


def test_guide(run):
    box = (45, 20, 149, 124)
    soft, _, bodies = run("guides1", f"[[guide]]\nname = 'g'\nmembers = 'MACRO_1'\nbox = {list(box)}\n")
    assert [region.kind for region in soft.constraints.regions] == [REGION_GUIDE]
    x0, y0, x1, y1 = bodies["MACRO_1"].bounds
    assert x0 >= box[0] - 1e-6
    assert y0 >= box[1] - 1e-6
    assert x1 <= box[2] + 1e-6
    assert y1 <= box[3] + 1e-6


def test_halo(run):
    soft, placement, bodies = run("halos1")
    index = soft.netlist.node_names.index("MACRO_1")
    assert soft.constraints.halo[index].tolist() == [2.5, 5, 7.5, 10]
    # The mirror images of N only: the halo flips with the macro.
    left, bottom, right, top = soft.constraints.halo[index]
    flip_x, flip_y = placement.orient[index] in (1, 4), placement.orient[index] in (1, 5)
    x0, y0, x1, y1 = bodies["MACRO_1"].bounds
    other = bodies["MACRO_2"].bounds
    apart = (
        other[2] <= x0 - (right if flip_x else left) + 1e-6 or other[0] >= x1 + (left if flip_x else right) - 1e-6
        or other[3] <= y0 - (top if flip_y else bottom) + 1e-6 or other[1] >= y1 + (bottom if flip_y else top) - 1e-6
    )  # fmt: skip
    assert apart


def test_io_pads(run):
    _, _, bodies = run("io_pads1")
    pad = bodies["PAD_1"]
    assert pad.bounds[:2] == pytest.approx((150, 50))
    assert bodies["MACRO_1"].intersection(pad).area == 0


def test_macros_without_pins(run):
    _, _, bodies = run("macros_without_pins1")
    assert bodies["MACRO_1"].bounds == pytest.approx((0, 0, 100, 100))
    assert bodies["MACRO_1"].intersection(bodies["MACRO_2"]).area == 0


def test_placement_blockage(run):
    soft, _, bodies = run("placement_blockages1")
    (blockage,) = soft.canvas.blockages
    assert blockage.polygon.bounds == pytest.approx((0, 25, 40, 60))
    assert bodies["MACRO_1"].intersection(blockage.polygon).area == 0


def test_orientation_is_improved(run):
    soft, placement, _ = run("orientation_improve1")
    index = soft.netlist.node_names.index("MACRO_1")
    mask = int(soft.constraints.orientations[index])
    assert mask == 0b00110011
    lengths = {}
    for code in range(8):
        if mask >> code & 1:
            orient = placement.orient.copy()
            orient[index] = code
            lengths[code] = full(soft, placement.moved(orient=orient)).hpwl_um
    assert lengths[int(placement.orient[index])] == pytest.approx(min(lengths.values()))
    assert np.ptp(list(lengths.values())) > 0
