"""Pictures need no browser, show what lies where, and never fall for a name."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image
from shapely.geometry import Polygon, box

from netlists import HARD_MACRO, SOFT_MACRO, Blockage, Canvas, Design, Netlist, NetlistError, Placement
from netlists.physical import read_physical
from placer.view import show, theme, write_image
from tests.netlists import physical_cases
from tests.placer.view_cases import HOSTILE, diced_design

SVG = "{http://www.w3.org/2000/svg}"


def one_macro(**canvas):
    netlist = Netlist("one", ["m", "s"], [HARD_MACRO, SOFT_MACRO], [20, 5], [10, 5], [], [], [], [0], [], [], [])
    placement = Placement([30.0, 80.0], [20.0, 70.0], [0, 0], [False] * 2, [True] * 2)
    return Design(netlist, Canvas(0, 0, 100, 80, 10, 8, **canvas), placement)


def pixel(image, x, y, scale, left, top):
    return image.getpixel((round(left + x * scale), round(top + (80 - y) * scale)))


def test_png_has_objects_where_they_lie(tmp_path):
    image = Image.open(write_image(tmp_path / "p.png", one_macro(), width=600)).convert("RGB")
    scale = (600 - 3 * 24 - 210) / 100
    at = {"macro": (30, 20), "soft": (80, 70), "empty": (60, 40)}
    colours = {what: pixel(image, *xy, scale, 24, 58) for what, xy in at.items()}
    assert colours["macro"] == theme.rgb(theme.GROUP_COLOURS[0])
    assert colours["soft"] == theme.rgb(theme.SOFT_FILL)
    assert colours["empty"] == theme.rgb(theme.CANVAS_FILL)
    # The orientation mark is in the lower-left corner.
    corners = [(20.7, 15.5), (39.3, 15.5), (39.3, 24.5), (20.7, 24.5)]
    brightness = [sum(pixel(image, *corner, scale, 24, 58)) for corner in corners]
    assert brightness[0] < 250 < min(brightness[1:])


def test_svg_is_well_formed_and_counts_its_shapes(tmp_path):
    root = ET.parse(write_image(tmp_path / "p.svg", one_macro())).getroot()
    fills = [p.get("fill") for p in root.iter(f"{SVG}polygon")]
    assert fills.count(theme.GROUP_COLOURS[0]) == 2  # the macro and its legend entry
    assert fills.count(theme.MARK) == 1


def test_hostile_names_are_text(tmp_path):
    design = diced_design(names=HOSTILE)
    root = ET.parse(write_image(tmp_path / "p.svg", design)).getroot()
    assert {e.tag for e in root.iter()} <= {SVG + tag for tag in ("svg", "rect", "polygon", "text", "image")}
    n = design.netlist
    fields = {k: getattr(n, k) for k in n.__dataclass_fields__}
    odd = Netlist(**{**fields, "name": "a\x00\x1b<b>&\N{BELL}"})
    ET.parse(write_image(tmp_path / "q.svg", Design(odd, design.canvas, design.placement)))
    write_image(tmp_path / "q.png", Design(odd, design.canvas, design.placement))


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_a_map_can_lie_under_the_objects(tmp_path, suffix):
    design = diced_design()
    plain = write_image(tmp_path / f"a{suffix}", design).read_bytes()
    assert write_image(tmp_path / f"b{suffix}", design, layer="density").read_bytes() != plain


def test_map_colours_are_upright(tmp_path):
    image = Image.open(write_image(tmp_path / "p.png", one_macro(), width=600, layer="density")).convert("RGB")
    scale = (600 - 3 * 24 - 210) / 100
    dark, light = pixel(image, 33, 22, scale, 24, 58), pixel(image, 33, 60, scale, 24, 58)
    assert sum(dark) < sum(light)


def test_blockages_and_outlines_are_drawn(tmp_path):
    outline = Polygon([(0, 0), (100, 0), (100, 40), (50, 40), (50, 80), (0, 80)])
    design = one_macro(outline=outline, blockages=(Blockage(box(60, 5, 90, 30)),))
    image = Image.open(write_image(tmp_path / "p.png", design, width=600)).convert("RGB")
    scale = (600 - 3 * 24 - 210) / 100
    assert pixel(image, 75, 18, scale, 24, 58) == theme.rgb(theme.BLOCKAGE_FILL)
    assert pixel(image, 95, 60, scale, 24, 58) == theme.rgb(theme.GROUND)


def test_what_hangs_over_the_edge_is_in_the_picture(tmp_path):
    design = one_macro()
    p = design.placement
    image = Image.open(write_image(tmp_path / "p.png", design, p.moved(x=np.array([100.0, 80.0])), width=600))
    assert theme.rgb(theme.GROUP_COLOURS[0]) == image.convert("RGB").getpixel(
        (round(24 + 107 * (600 - 3 * 24 - 210) / 110), round(58 + 60 * (600 - 3 * 24 - 210) / 110))
    )


def test_the_same_input_gives_the_same_bytes(tmp_path):
    design = diced_design()
    for suffix in (".png", ".svg"):
        a, b = (write_image(tmp_path / f"{k}{suffix}", design).read_bytes() for k in "ab")
        assert a == b


def test_show_chooses_by_suffix(tmp_path):
    design = diced_design()
    assert show(design).data
    assert show(design, path=tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG")
    assert show(design, path=tmp_path / "a.svg").read_text().startswith("<svg")
    assert show(design, path=str(tmp_path / "a.html")).read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(NetlistError, match=r"\.html or \.png or \.svg"):
        show(design, path=tmp_path / "a.pdf")


def test_pictures_are_refused_where_they_cannot_be(tmp_path):
    with pytest.raises(NetlistError, match=r"\.png or \.svg"):
        write_image(tmp_path / "a.jpg", one_macro())
    with pytest.raises(ValueError, match="at least 400"):
        write_image(tmp_path / "a.png", one_macro(), width=10)


def test_halos_fences_die_and_blockages_of_each_kind_are_in_the_picture(tmp_path):
    design = read_physical(**physical_cases.write(tmp_path))
    text = write_image(tmp_path / "chip.svg", design).read_text()
    for word in ("die", "halos (1)", "fences (1)", "hard blockages (1)", "partial blockages (1)", "macro pins (4)"):
        assert f">{word}</text>" in text
    assert ">east</text>" in text
    assert theme.BLOCKAGE_FILL in text
    assert theme.PARTIAL_BLOCKAGE_FILL in text
