"""The report is one safe, complete file; what it says matches what was measured."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from netlists import HARD_MACRO, NetlistError, Placement
from placer.cost.full import full
from placer.cost.legality import check
from placer.view import write_report
from placer.view.report_data import page_data
from placer.view.scene import scene
from tests.placer.view_cases import HOSTILE, diced_design, shuffled

HISTORY = [(0.5, "start", None), (1.0, "start", 1.5), (2.0, "legalise", 1.4), (9.0, "search", 1.1)]


class Page(HTMLParser):
    """Tags, texts outside scripts, and addresses."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.addresses = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for key, value in attrs if key in ("src", "href")]

    def handle_data(self, data):
        if not self.tags or self.tags[-1] not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(self.texts)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    design = diced_design(names=HOSTILE)
    start = shuffled(design)
    path = write_report(
        tmp_path_factory.mktemp("report") / "r.html", design, start=start, history=HISTORY,
        meta={"seed": 7, "command": "placer place <x> --seed 7", "version": "9.9"},
    )  # fmt: skip
    return design, start, path.read_text()


def test_the_page_loads_nothing(written):
    text = written[2]
    page = Page(text)
    assert page.addresses == ["data:,"]
    assert "default-src 'none'" in text
    assert len(text) < 7e6


def test_hostile_names_never_become_markup(written):
    text = written[2]
    assert "<script>alert(1)" not in text
    # The three scripts of the page, and nothing a name slipped in.
    assert Page(text).tags.count("script") == 3
    assert Page(text).tags.count("b") == 0


def test_names_survive_exactly_in_the_data(written):
    design, _, text = written
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)[1])
    known = dict(zip(data["nodes"]["name"], range(10**6), strict=False))
    for name in HOSTILE:
        assert name in known
    assert set(known) == set(design.netlist.node_names)


def test_headlines_metrics_legality_notes_and_run_are_said(written):
    design, start, text = written
    said = Page(text).text
    end_cost, start_cost = full(design), full(design, start)
    assert f"{end_cost.proxy_cost:.4f}" in said
    assert f"{start_cost.proxy_cost:.4f}" in said
    assert f"{len(check(design).violations)} violations" in said
    assert "made by dice" in said
    assert "placer place <x> --seed 7" in said
    assert "9.9" in said


def test_the_same_input_gives_the_same_bytes(tmp_path):
    design = diced_design()
    a = write_report(tmp_path / "a.html", design, history=HISTORY).read_bytes()
    assert a == write_report(tmp_path / "b.html", design, history=HISTORY).read_bytes()


def test_without_a_start_there_is_one_view_and_no_change_column(tmp_path):
    text = write_report(tmp_path / "r.html", diced_design()).read_text()
    assert "Change" not in Page(text).text
    assert 'id="curve"' not in text


def test_an_unplaced_start_is_no_comparison(tmp_path):
    design = diced_design()
    unplaced = Placement.unplaced(design.netlist.num_nodes)
    text = write_report(tmp_path / "r.html", design, start=unplaced).read_text()
    assert "Change" not in Page(text).text


def test_an_unplaced_design_is_said_to_have_no_cost(tmp_path):
    design = diced_design()
    text = write_report(tmp_path / "r.html", design, Placement.unplaced(design.netlist.num_nodes)).read_text()
    assert "Nothing is placed yet" in Page(text).text


def test_callers_figures_are_shown_and_facts_about_the_run_go_to_the_run(tmp_path):
    figures = {"proxy_cost": 0.123456, "odd_length_um": 1234.5, "seconds": 6.25, "design": "d", "legal": True}
    said = Page(write_report(tmp_path / "r.html", diced_design(), metrics=figures).read_text()).text
    assert "0.1235" in said
    assert "Odd length (µm)" in said
    assert "Seconds used" in said


def test_an_earlier_report_survives_a_failed_write(tmp_path, monkeypatch):
    path = tmp_path / "r.html"
    path.write_text("earlier")

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(NetlistError, match="No space left"):
        write_report(path, diced_design())
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_the_curve_keeps_phases_in_order_and_its_last_point():
    design = diced_design()
    history = [(i / 1000, "search" if i > 100 else "start", 2.0 - i / 1e5) for i in range(10_001)]
    data = json.loads(page_data({"Placement": scene(design, layers=())}, history))
    line = data["curve"]["data"][0]
    assert len(line["x"]) <= 4001
    assert (line["x"][-1], line["y"][-1]) == (history[-1][0], history[-1][2])
    bands = data["curve"]["layout"]["shapes"]
    assert [(b["x0"], b["x1"]) for b in bands] == [(0.0, 0.1), (0.1, 10.0)]


def test_both_views_share_colour_scales_and_trace_names():
    design = diced_design()
    data = json.loads(page_data({"Start": scene(design, shuffled(design)), "End": scene(design)}, None))
    a, b = ([(t.get("name"), t.get("zmax")) for t in v["data"]] for v in data["views"])
    assert [x for x in a if "flylines" not in x[0]] == [x for x in b if "flylines" not in x[0]]


def test_shares_in_the_page_sum_to_one():
    import base64

    design = diced_design()
    data = json.loads(page_data({"Placement": scene(design, layers=())}, None))
    for key in ("wirelength", "density", "congestion", "proxy"):
        spec = data["views"][0]["nodes"][key]
        values = np.frombuffer(base64.b64decode(spec["bdata"]), "<" + spec["dtype"])
        assert values.sum() == pytest.approx(1.0, rel=1e-5)


@pytest.mark.open_data
@pytest.mark.parametrize("name", ["ct/ariane133_ng45", "ct_flat/ariane133_ng45"])
def test_real_designs_make_small_reports(open_data, tmp_path, name):
    from netlists.load import load

    design = load(open_data(name))
    path = write_report(tmp_path / "r.html", design, start=design.placement)
    assert path.stat().st_size < 7e6
    assert f"{len(design.netlist.ids(HARD_MACRO))} hard macros" in Page(path.read_text()).text
