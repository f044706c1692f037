"""The report as a user meets it: open, hover, click, switch layers, in a real browser and without a network."""

import time

import numpy as np
import pytest
from PIL import Image

from netlists import HARD_MACRO
from placer.cost.full import full
from placer.view import figure, theme, write_report
from placer.view.scene import SHAPE_LIMIT
from tests.placer.chromium import Browser, find_browser
from tests.placer.view_cases import HOSTILE, diced_design, shuffled

pytestmark = pytest.mark.browser

#: Where a point in microns is in the window.
WHERE = """((x, y) => {
  const p = document.querySelector('.js-plotly-plot'), l = p._fullLayout, r = p.getBoundingClientRect();
  return [r.x + l.xaxis._offset + l.xaxis.l2p(x), r.y + l.yaxis._offset + l.yaxis.l2p(y)];
})"""
DRAWN = "document.getElementById('placement')"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium found in PATH (set CHROME)")
    browser = Browser(program, tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def design():
    return diced_design(names=HOSTILE)


@pytest.fixture(scope="module")
def report(design, tmp_path_factory):
    history = [(k * 0.1, "start" if k < 30 else "search", 2.0 - 0.01 * k) for k in range(100)]
    path = tmp_path_factory.mktemp("page") / "report.html"
    return write_report(path, design, start=shuffled(design), history=history, meta={"seed": 1})


@pytest.fixture
def page(browser, report):
    browser.open(report)
    browser.wait("document.body.dataset.ready")
    yield browser
    assert browser.errors == []
    strangers = [url for url in browser.requests if not url.startswith(("file:", "data:", "blob:"))]
    assert strangers == []


def spot(page, design, node):
    """Window position of an object in the end placement."""
    return page.run(f"{WHERE}({design.placement.x[node]}, {design.placement.y[node]})")


def free_macro(design):
    """A hard macro whose centre no other object covers."""
    p, n = design.placement, design.netlist
    for i in n.ids(HARD_MACRO):
        near = (abs(p.x - p.x[i]) < 30) & (abs(p.y - p.y[i]) < 30)
        if near.sum() == 1:
            return int(i)
    raise AssertionError("the dice were unkind")


def test_the_page_opens_with_every_part_drawn(page):
    assert page.run("document.querySelectorAll('#placement .bars path').length") == 12 + 30
    assert page.run("document.querySelectorAll('#curve .scatterlayer .trace').length") == 1
    for key in ("density", "h_congestion", "v_congestion", "rudy"):
        assert page.run(f"document.querySelectorAll('#map-{key} .heatmaplayer image').length") == 1
    assert page.run("document.querySelectorAll('#placement .modebar-btn').length") == 6


def test_hovering_a_macro_tells_its_facts(page, design):
    node = free_macro(design)
    page.move(*spot(page, design, node))
    page.wait("!document.getElementById('tip').hidden")
    told = page.run("document.getElementById('tip').innerText")
    assert design.netlist.node_names[node] in told
    assert "hard macro" in told
    assert "Share of congestion" in told
    page.move(5, 5)
    page.wait("document.getElementById('tip').hidden")


def test_clicking_a_macro_draws_its_flylines_and_again_clears_them(page, design):
    node = free_macro(design)
    lines = (
        f"{DRAWN}.layout.shapes.reduce((n, s) => n + ((s.path || '').match(/M[^MZ]*L[^MLZ]*(?=M|$)/g) || []).length, 0)"
    )
    page.click(*spot(page, design, node))
    page.wait("!document.getElementById('details').hidden")
    page.wait(f"{lines} > 0")
    assert design.netlist.node_names[node] in page.run("document.getElementById('details').innerText")
    said = page.run("document.querySelector('#details .small').textContent")
    assert said.startswith(f"{page.run(lines)} flylines")
    page.click_on("#details button.clear")
    page.wait(f"{lines} === 0")


def test_layers_switch_and_show_their_scale(page):
    # What is seen: the opacity of the drawn pictures, and whether objects cover them.
    seen = "[...document.querySelectorAll('#placement .heatmaplayer image')].map(e => +getComputedStyle(e).opacity)"
    covered = "getComputedStyle(document.querySelector('#placement .barlayer path')).fillOpacity === '1'"
    for k, key in enumerate(("density", "h_congestion", "v_congestion", "rudy")):
        page.click_on(f'#layers button[data-value="{key}"]')
        page.wait(f"{seen}.join() === '{','.join('1' if i == k else '0' for i in range(4))}'")
        assert not page.run(covered)
        assert not page.run("document.getElementById('scale').hidden")
    page.click_on('#layers button[data-value="null"]')
    page.wait(f"{seen}.join() === '0,0,0,0'")
    assert page.run(covered)
    assert page.run("document.getElementById('scale').hidden")


def test_a_map_tells_its_value_between_objects(page, design):
    page.click_on('#layers button[data-value="density"]')
    cost = full(design)
    c = design.canvas
    row, column = next(rc for rc in zip(*np.nonzero(cost.density == 0), strict=True) if rc[0] > 0)
    page.move(*page.run(f"{WHERE}({c.x0 + (column + 0.5) * c.gcell_width}, {c.y0 + (row + 0.5) * c.gcell_height})"))
    page.wait("!document.getElementById('tip').hidden")
    told = page.run("document.getElementById('tip').innerText.split('\\n')")
    assert told[told.index("Density") + 1] == "0"
    assert f"column {column}, row {row}" in told


def test_start_and_end_can_be_compared(page):
    first = f"JSON.stringify([...{DRAWN}.calcdata.find(c => c[0].trace.type === 'bar')].map(c => [c.p, c.b]))"
    end = page.run(first)
    page.click_on('#states button[data-value="0"]')
    page.wait(f"{first} !== {end!r}")
    page.click_on('#states button[data-value="1"]')
    page.wait(f"{first} === {end!r}")


def test_the_legend_hides_a_kind(page):
    page.click_on("#legend li:first-child input")
    page.wait("document.querySelectorAll('#placement .bars path').length === 12")


def test_an_object_can_be_found_by_its_name(page):
    name = HOSTILE[0]
    found = "document.querySelector('#details .name')?.textContent"
    page.run("document.getElementById('find').focus()")
    page.call("Input.insertText", text=name)
    page.wait(f"{found} === {name!r}")
    # Part of a name, in any case, and Enter.
    page.run("document.getElementById('find').select()")
    page.call("Input.insertText", text="IO[1")
    page.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    page.call("Input.dispatchKeyEvent", type="keyUp", key="Enter", code="Enter", windowsVirtualKeyCode=13)
    page.wait(f"{found} === 'io[1]'")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 800)])
def test_the_page_fits_wide_and_narrow_screens(browser, report, width, height):
    browser.open(report, width, height, touch=width < 500)
    browser.wait("document.body.dataset.ready")
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run(f"{DRAWN}.getBoundingClientRect().height") >= 260
    assert browser.errors == []


def test_a_hundred_thousand_cells_stay_responsive(browser, tmp_path):
    big = diced_design(hard=130, cells=100_000, nets=30_000)
    assert big.netlist.num_nodes > 30 * SHAPE_LIMIT
    path = write_report(tmp_path / "big.html", big)
    began = time.monotonic()
    browser.open(path)
    browser.wait("document.body.dataset.ready")
    assert time.monotonic() - began < 20
    assert browser.run("document.querySelectorAll('#placement *').length") < 2000
    began = time.monotonic()
    browser.click_on('#layers button[data-value="density"]')
    browser.wait(f"{DRAWN}.data.some(t => t.meta === 'density' && t.opacity === 1)")
    assert time.monotonic() - began < 5
    assert browser.errors == []


def test_the_plain_figure_works_too(browser, design, tmp_path):
    path = tmp_path / "figure.html"
    figure(design).write_html(path)
    browser.open(path)
    browser.wait("document.querySelector('.js-plotly-plot .bars path')")
    node = free_macro(design)
    browser.move(*spot(browser, design, node))
    browser.wait("document.querySelector('.hoverlayer .hovertext')")
    assert design.netlist.node_names[node] in browser.run("document.querySelector('.hoverlayer').textContent")
    at = browser.run("""(() => { const r = [...document.querySelectorAll('.updatemenu-button')]
        .find(e => e.textContent === 'H congestion').getBoundingClientRect();
        return [r.x + r.width / 2, r.y + r.height / 2]; })()""")
    browser.click(*at)
    browser.wait("document.querySelectorAll('.heatmaplayer image').length === 1")
    assert browser.errors == []


def test_what_is_seen_can_be_saved_as_a_picture(page, tmp_path):
    page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.click_on('#layers button[data-value="density"]')
    page.click_on("#placement .modebar-btn")
    end = time.monotonic() + 20
    while not (found := list(tmp_path.glob("*.png"))) and time.monotonic() < end:
        time.sleep(0.1)
    assert [f.name for f in found] == ["diced.png"]
    colours = {colour for _, colour in Image.open(found[0]).convert("RGB").getcolors(1 << 24)}
    # The hottest gcells show through the macros on them, whose own colours are gone.
    assert theme.rgb(theme.HEAT[0]) in colours
    assert theme.rgb(theme.GROUP_COLOURS[1]) not in colours
