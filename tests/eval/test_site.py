"""The site says what the ledger holds, escaped, and its exports can be read back."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from eval.ledger import read_runs
from eval.site import build_site
from eval.site.figures import judged_curve
from eval.site.html import number, slug
from eval.site.published import published
from eval.site.tables import groups
from netlists.errors import NetlistError
from tests.eval.site_cases import write_ledger


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ledger(tmp_path_factory.mktemp("ledger"))


@pytest.fixture(scope="module")
def site(ledger: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_site([ledger], tmp_path_factory.mktemp("site")).parent


class Links(HTMLParser):
    """Everything a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in ("href", "src") and value]


def test_groups_rank_methods_and_count_failures(ledger: Path) -> None:
    (group,) = groups(read_runs([ledger]).runs)
    assert group.methods == ("fine", "rough", "broken")
    fine, rough, broken = group.standings
    assert (fine.factor, fine.first, fine.solved, fine.failed, fine.late) == (1.0, 2, 2, 0, 0)
    assert rough.factor > 1.0
    assert (broken.solved, broken.failed, broken.runs) == (0, 8, 8)
    assert group.title == "case, 10 s on 1 core"
    found = group.versus("fine", "rough")
    assert found.count("win") == 2
    assert group.versus("broken", "fine").count("loss") == 2


def test_every_link_leads_somewhere_inside(site: Path) -> None:
    pages = sorted(site.glob("*.html"))
    assert len(pages) == 4
    for path in pages:
        links = Links()
        links.feed(path.read_text())
        for target in links.found:
            assert target == "data:," or (site / target).is_file(), f"{path.name}: {target}"


def test_names_and_reasons_are_text_and_not_markup(site: Path) -> None:
    for path in site.glob("*.html"):
        text = path.read_text()
        assert "<b>two" not in text
        assert "<script>alert" not in text
    assert "RuntimeError: &lt;script&gt;" in (site / "runs.html").read_text()


def test_the_front_page_tells_results_failures_and_what_was_not_run(site: Path) -> None:
    text = (site / "index.html").read_text()
    for words in (
        "Leaderboard",
        "Side by side",
        "fine",
        "published",
        "thinkorplace",
        "not on this machine &amp; elsewhere",
    ):
        assert words in text, words
    assert text.count("published</span>") == 3
    assert re.search(r'<span class="bad" title="RuntimeError[^"]*">crash</span>', text)


def test_exports_hold_every_run(site: Path, ledger: Path) -> None:
    runs = read_runs([ledger]).runs
    rows = list(csv.DictReader((site / "runs.csv").open()))
    assert len(rows) == len(runs) == 24
    by_key = {row["key"]: row for row in rows}
    for run in runs:
        row = by_key[run.key]
        assert row["design"] == run.design
        assert row["proxy_cost"] == ("" if run.score is None else str(run.score["proxy_cost"]))
    whole = json.loads((site / "runs.json").read_text())
    assert {one["key"] for one in whole} == set(by_key)
    curves = list(csv.reader((site / "curves.csv").open()))
    assert len(curves) == 1 + 16 * 7


def test_parquet_holds_the_same_table(site: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed (extra [parquet])")
    table = parquet.read_table(site / "runs.parquet")
    assert table.num_rows == 24
    costs = [row["proxy_cost"] for row in csv.DictReader((site / "runs.csv").open())]
    assert table.column("proxy_cost").to_pylist() == [float(cost) if cost else None for cost in costs]


def test_what_a_method_says_is_cut_at_what_it_handed_in(ledger: Path) -> None:
    run = next(run for run in read_runs([ledger]).runs if run.label == "fine")
    end = run.score["proxy_cost"]
    told = dict(run.values, curve=[[1.0, 0.5 * end], [2.0, 2 * end], [99.0, end]])
    curve = judged_curve(type(run)(told, run.ledger, run.machine), "proxy_cost")
    assert curve == [(1.0, end), (2.0, 2 * end), (run.seconds, end)]
    assert judged_curve(type(run)(told, run.ledger, run.machine), "hpwl_um") == [(run.seconds, run.figure("hpwl_um"))]


def test_pictures_of_one_design_have_one_scale(site: Path) -> None:
    from PIL import Image

    sizes = {}
    for path in (site / "pictures").glob("case-ariane*.png"):
        sizes[path.name] = Image.open(path).size
    assert len(sizes) == 2
    assert len(set(sizes.values())) == 1


def test_a_figure_that_is_misspelt_is_refused(ledger: Path, tmp_path: Path) -> None:
    with pytest.raises(NetlistError, match="did you mean 'hpwl_um'"):
        build_site([ledger], tmp_path, metric="hpwl")


def test_two_versions_of_a_method_and_designs_of_like_names_stay_apart(tmp_path: Path) -> None:
    from eval.ledger import Ledger, RunKey, Verdict

    with Ledger(tmp_path / "a.db") as book:
        key = RunKey("a/b", "f", "s", "mine", "my.py 0123456789ab", {}, 0, 10.0, None, 1, None, "1+a")
        keys = [key, replace(key, identity="my.py ba9876543210"), replace(key, design="A-b")]
        book.plan([(one, {"name": one.design, "method": "mine"}, "mine") for one in keys], suite="s",
                  metric="proxy_cost", command="")  # fmt: skip
        while (claim := book.claim()) is not None:
            values = {"score": {"proxy_cost": 1.0}, "seconds": 1.0}
            book.finish(claim, Verdict("ok", "", values), machine=book.machine({}))
    (group,) = groups(read_runs([tmp_path / "a.db"]).runs)
    assert set(group.methods) == {"mine (my.py 0123456789ab)", "mine (my.py ba9876543210)"}
    site = build_site([tmp_path / "a.db"], tmp_path / "site").parent
    assert len({path.name.lower() for path in site.glob("s-1-*.html")}) == 2


def test_a_ledger_without_results_is_refused(tmp_path: Path) -> None:
    from eval.ledger import Ledger

    Ledger(tmp_path / "empty.db").close()
    with pytest.raises(NetlistError, match="no run is finished"):
        build_site([tmp_path / "empty.db"], tmp_path / "site")


def test_the_command_writes_the_site(ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from placer.cli import run

    out = tmp_path / "site"
    words = ["report", str(ledger), "-o", str(out), "--no-published", "--no-placements", "--metric", "hpwl_um"]
    assert run(words) == 0
    assert capsys.readouterr().out.strip() == str(out / "index.html")
    text = (out / "index.html").read_text()
    assert "Mean hpwl_um" in text
    assert "thinkorplace" not in text
    assert not (out / "placements").exists()
    assert run(["report", str(tmp_path / "none.db")]) == 2
    assert "no such ledger" in capsys.readouterr().err


def test_published_results_name_their_source(tmp_path: Path) -> None:
    rows = published()
    assert len({(row.design, row.metric, row.method) for row in rows}) == len(rows)
    assert all(row.source and row.value > 0 for row in rows)
    bad = tmp_path / "p.toml"
    bad.write_text("[[result]]\ndesign = 'a'\n")
    with pytest.raises(NetlistError, match="needs"):
        published(bad)


def test_numbers_are_written_for_people() -> None:
    assert number(0.69123456) == "0.6912"
    assert number(1234567.8) == "1,234,568"
    assert number(float("inf")) == "&ndash;"
    assert re.fullmatch(r"[\w+-]+", slug("<b>a</b> / ü"))
