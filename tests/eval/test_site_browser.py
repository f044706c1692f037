"""The site in a real browser, from files and without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.site import build_site
from tests.eval.site_cases import write_ledger
from tests.placer.chromium import Browser, find_browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory):
    program = find_browser()
    if program is None:
        pytest.skip("no Chromium found in PATH (set CHROME)")
    browser = Browser(program, tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    return build_site([write_ledger(folder)], folder / "site").parent


def visit(browser: Browser, page: Path, width: int = 1280) -> None:
    browser.open(page, width, 800, touch=width < 500)
    browser.wait("document.body.dataset.ready")


@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_opens_offline_and_fits(browser: Browser, site: Path, width: int) -> None:
    for page in sorted(site.glob("*.html")):
        visit(browser, page, width)
        assert browser.run("document.documentElement.scrollWidth") <= width, page.name
        assert browser.run("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
        plots = browser.run("[...document.querySelectorAll('.plot')].every(p => p.querySelector('.main-svg'))")
        assert plots, page.name
    assert browser.errors == []
    assert [url for url in browser.requests if not url.startswith(("file:", "data:", "blob:"))] == []


def test_filters_hide_rows_and_curves(browser: Browser, site: Path) -> None:
    page = next(site.glob("case-1-ariane*.html"))
    visit(browser, page)
    rows = "[...document.querySelectorAll('tr[data-method=rough]')].filter(r => !r.hidden).length"
    traces = "document.getElementById('curve').data.filter(t => t.meta === 'rough' && t.visible !== false).length"
    assert browser.run(rows) == 4
    assert browser.run(traces) == 3
    browser.run("document.querySelector('.filters details').open = true")
    browser.click_on("input[value=rough]")
    browser.wait(f"{rows} === 0 && {traces} === 0")
    assert browser.run("document.querySelector('.card[data-method=rough]').hidden")
    browser.click_on("input[value=rough]")
    browser.wait(f"{rows} === 4 && {traces} === 3")


def test_filters_hide_the_columns_and_comparisons_of_a_method(browser: Browser, site: Path) -> None:
    visit(browser, site / "index.html")
    columns = "[...document.querySelectorAll('th[data-method]')].filter(h => !h.hidden).length"
    pairs = "[...document.querySelectorAll('tr[data-other]')].filter(r => !r.hidden).length"
    assert (browser.run(columns), browser.run(pairs)) == (3, 3)
    browser.run("document.querySelectorAll('.filters details').forEach(d => d.open = true)")
    browser.click_on("input[value=rough]")
    browser.wait(f"{columns} === 2 && {pairs} === 1")


def test_tables_sort_by_number(browser: Browser, site: Path) -> None:
    visit(browser, site / "runs.html")
    column = "[...document.querySelectorAll('tbody tr')].map(r => r.cells[5].dataset.value).filter(Boolean).map(Number)"
    for down in (False, True):
        browser.click_on("th:nth-child(6) button")
        values = browser.run(column)
        assert len(values) == 16
        assert values == sorted(values, reverse=down)
    assert browser.run("document.querySelector('tbody tr:last-child').cells[5].textContent") == "", "empty cells last"
