"""Our reading of LEF and DEF against KLayout's, on every open design; and KLayout's reading of what we write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from netlists.formats.def_ import FIXED, PLACED, Components, DefFile, plain, read_def, to_dbu, write_def
from netlists.formats.lef import Library, Macro, read_lef, write_lef
from netlists.orientation import NAMES, SWAPS_SIDES
from tests.netlists import klayout_view
from tests.netlists.lefdef_cases import LEF

_ASAP7 = ("tech/ASAP7/asap7_tech_1x_201209.lef", "tech/ASAP7/sram_asap7_16x256_1rw.lef")
_NG45 = ("tech/NanGate45/Nangate45.lef.gz",)
_MPL = (*_NG45, "tech/NanGate45/fake_macros.lef")

#: DEF file and its LEF files, under the folder of LEF/DEF designs.
DESIGNS: dict[str, tuple[str, ...]] = {
    "ariane133_asap7/ariane_fp.def.gz": _ASAP7,
    "ariane133_asap7/ariane_fp_placed_macros.def.gz": _ASAP7,
    "ct_ariane/ariane.def.gz": ("ct_ariane/ariane.lef.gz",),
    "ibex_core_ng45/ibex_core.def.gz": _NG45,
    "ispd18_test1/ispd18_test1.input.def.gz": ("ispd18_test1/ispd18_test1.input.lef.gz",),
    "openroad_mpl_tests/boundary_push1.def": _MPL,
    "openroad_mpl_tests/clocked_macro.def": (*_NG45, "openroad_mpl_tests/clocked_macro.lef"),
    "openroad_mpl_tests/fixed_ios1.def": _MPL,
    "openroad_mpl_tests/fixed_macros1.def": _MPL,
    "openroad_mpl_tests/guides1.def": _MPL,
    "openroad_mpl_tests/halos1.def": _MPL,
    "openroad_mpl_tests/io_constraints1.def": _MPL,
    "openroad_mpl_tests/io_pads1.def": _MPL,
    "openroad_mpl_tests/macro_only.def": (*_NG45, "openroad_mpl_tests/macro_only.lef"),
    "openroad_mpl_tests/macros_without_pins1.def": (*_NG45, "openroad_mpl_tests/orientation_improve1.lef"),
    "openroad_mpl_tests/orientation_improve1.def": (*_NG45, "openroad_mpl_tests/orientation_improve1.lef"),
    "openroad_mpl_tests/placement_blockages1.def": _MPL,
}


def ours(d: DefFile, library: Library) -> dict[str, klayout_view.Seen]:
    """Our components the way KLayout shows them."""
    c = d.components
    library.require(c.masters)
    macros = [library.macros[name] for name in c.masters]
    width = to_dbu([macro.width for macro in macros], d.dbu_per_micron)[c.master]
    height = to_dbu([macro.height for macro in macros], d.dbu_per_micron)[c.master]
    swap = SWAPS_SIDES[c.orient]
    right, top = c.x + np.where(swap, height, width), c.y + np.where(swap, width, height)
    return {
        plain(c.names[i]): klayout_view.Seen(
            c.masters[c.master[i]], NAMES[c.orient[i]], (int(c.x[i]), int(c.y[i]), int(right[i]), int(top[i]))
        )
        for i in np.flatnonzero(c.status).tolist()
    }


@pytest.mark.open_data
@pytest.mark.parametrize("name", list(DESIGNS))
def test_components_agree_with_klayout(name: str, open_data: Callable[[str], Path], tmp_path: Path) -> None:
    path = open_data(f"lefdef/{name}")
    lefs = [open_data(f"lefdef/{lef}") for lef in DESIGNS[name]]
    d, library = read_def(path), read_lef(lefs)
    missing = [master for master in d.components.masters if master not in library.macros]
    if missing:  # the data has no LEF for one pad: any size does here, as long as both readers see the same
        stand_in = tmp_path / "missing.lef"
        write_lef(Library(macros={name: Macro(name, "BLOCK", 100.07, 50.035) for name in missing}), stand_in)
        lefs.append(stand_in)
        library = read_lef(lefs)
    assert ours(d, library) == klayout_view.components(path, lefs, d.dbu_per_micron)
    # what we write, with every orientation and every component placed, is what KLayout then shows
    n = len(d.components)
    some = np.arange(n)
    c = d.components.placed(some, 1400 * (some % 97), 700 * (some // 97), (some % 8).astype(np.int8), PLACED)
    c = c.placed([0], [-500], [3], [1], FIXED)
    moved = d.changed(components=c)
    target = tmp_path / "out.def"
    write_def(moved, target)
    shown = klayout_view.components(target, lefs, d.dbu_per_micron)
    assert len(shown) == n
    assert shown == ours(moved, library)


def test_origin_agrees_with_klayout(tmp_path: Path) -> None:
    """The location is the corner of the placed box, wherever ORIGIN puts the shapes of the master."""
    lef, path = tmp_path / "a.lef", tmp_path / "a.def"
    lef.write_text(LEF)
    library = read_lef(lef)
    assert library.macros["ram"].origin == (1.0, 2.0)
    c = Components.make([f"u/r\\[{i}\\]" for i in range(8)], ["ram"] * 8)
    c = c.placed(range(8), [100_000 * i - 5 for i in range(8)], range(8), range(8), FIXED)
    d = DefFile("top", 2000, components=c, die_area=np.array([[0, 0], [9, 0], [9, 9], [0, 9]]))
    write_def(d, path)
    assert klayout_view.components(path, [lef], 2000) == ours(d, library)


@pytest.mark.open_data
@pytest.mark.parametrize(
    "name",
    [
        "ariane133_asap7/ariane_fp_placed_macros.def.gz",
        "ibex_core_ng45/ibex_core.def.gz",
        "openroad_mpl_tests/fixed_ios1.def",
    ],
)
def test_design_pins_agree_with_klayout(name: str, open_data: Callable[[str], Path]) -> None:
    """Every shape of every pin of the design, turned and moved."""
    db = pytest.importorskip("klayout.db")
    path = open_data(f"lefdef/{name}")
    d = read_def(path)
    # a layer of a pin is drawn once some LEF file has it
    seen = klayout_view.design_pins(path, [open_data(f"lefdef/{lef}") for lef in DESIGNS[name]], d.dbu_per_micron)
    regions: dict[str, object] = {}
    for pin in d.pins:
        box = pin.port.box()
        assert box is not None
        (layer,) = {shape.layer for shape in pin.port.shapes}
        regions.setdefault(layer, db.Region()).insert(db.Box(*box))  # type: ignore[attr-defined]
    assert set(seen) == set(regions)
    assert all((seen[layer] ^ region).is_empty() for layer, region in regions.items())


_TECH = {"ASAP7": (_ASAP7[0], 4000), "NanGate45": ("tech/NanGate45/Nangate45_tech.lef", 2000)}
_LEFS = {
    "ct_ariane/ariane.lef.gz": ("ct_ariane/ariane.lef.gz", 2000),
    "ispd18_test1/ispd18_test1.input.lef.gz": ("ispd18_test1/ispd18_test1.input.lef.gz", 2000),
    **{
        f"openroad_mpl_tests/{name}.lef": _TECH["NanGate45"]
        for name in ("clocked_macro", "macro_only", "orientation_improve1")
    },
    **{
        f"tech/ASAP7/{name}": _TECH["ASAP7"]
        for name in (
            "asap7sc7p5t_27_R_1x_201211.lef.gz", "sram_asap7_116x128_1rw.lef", "sram_asap7_16x256_1rw.lef",
            "sram_asap7_256x128_1rw.lef.gz", "sram_asap7_32x128_1rw.lef", "sram_asap7_32x256_1rw.lef",
            "sram_asap7_32x32_1rw.lef", "sram_asap7_48x256_1rw.lef", "sram_asap7_62x64_1rw.lef",
        )
    },
    **{
        f"tech/NanGate45/{name}": _TECH["NanGate45"]
        for name in (
            "Nangate45.lef.gz", "Nangate45_lvt.lef.gz", "Nangate45_stdcell.lef.gz", "fake_bumps.lef", "fake_macros.lef",
            "fakeram45_1024x32.lef", "fakeram45_256x16.lef", "fakeram45_512x64.lef", "fakeram45_64x32.lef",
            "fakeram45_64x7.lef", "fakeram45_64x96.lef.gz",
        )
    },
}  # fmt: skip


@pytest.mark.open_data
@pytest.mark.parametrize("name", list(_LEFS))
def test_masters_agree_with_klayout(name: str, open_data: Callable[[str], Path]) -> None:
    """Outlines, pin shapes and obstructions of every master, layer by layer."""
    db = pytest.importorskip("klayout.db")
    technology, dbu = _LEFS[name]
    path = open_data(f"lefdef/{name}")
    seen = klayout_view.masters(path, [open_data(f"lefdef/{technology}")] if technology != name else [], dbu)
    library = read_lef(path)
    assert set(library.macros) <= set(seen)
    for macro in library.macros.values():
        width, height, x, y = to_dbu([macro.width, macro.height, *macro.origin], dbu).tolist()
        regions = {"OUTLINE": db.Region(db.Box(-x, -y, width - x, height - y))}
        s = macro.shapes
        for shape in range(len(s.owner)):
            layer = s.layers[s.layer[shape]] + (".PIN" if s.owner[shape] >= 0 else ".OBS")
            corners = s.polygons.get(shape, s.box[shape].reshape(2, 2))  # KLayout draws masters without their ORIGIN
            points = [db.Point(*point) for point in to_dbu(corners, dbu).tolist()]
            region = regions.setdefault(layer, db.Region())
            region.insert(db.Polygon(points) if shape in s.polygons else db.Polygon(db.Box(*points)))
        shown = seen[macro.name]
        regions.pop("OVERLAP.OBS", None)  # KLayout draws no layer that the technology lacks or calls an overlap layer
        assert {layer for layer, region in shown.items() if not region.is_empty()} == {
            layer for layer, region in regions.items() if not region.merged().is_empty()
        }
        for layer, region in regions.items():
            assert layer not in shown or (region.merged() ^ shown[layer]).is_empty(), (macro.name, layer)
