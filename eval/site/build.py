"""From ledgers to a folder of pages that opens in any browser, without a network."""

from __future__ import annotations

import difflib
import shutil
from collections.abc import Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from eval.ledger import Run, read_runs
from eval.ledger.rows import Contents
from eval.site.design import design_page
from eval.site.exports import data_links, write_exports
from eval.site.figures import CORRELATED, correlation_figure, profile_figure
from eval.site.html import Markup, Number, Row, filters, interval, link, note, number, page, plot, section, slug, table
from eval.site.published import Published, published
from eval.site.tables import Group, groups
from eval.statistics import rank_correlations
from netlists.errors import NetlistError
from netlists.formats.textio import atomic_write


def build_site(
    ledgers: Sequence[str | Path],
    folder: str | Path,
    *,
    metric: str | None = None,
    show_published: bool = True,
    copy_placements: bool = True,
) -> Path:
    """Write the site.

    Args:
        ledgers: files; runs that stand in several count once.
        folder: made if missing; files of an earlier report are replaced.
        metric: figure to compare by; each suite's own by default.
        show_published: put published figures beside measured ones.
        copy_placements: put the placement files beside the pages, so that the folder is complete.

    Returns:
        The front page.

    Raises:
        NetlistError: a ledger cannot be read or holds no finished run, or a file cannot be written.
    """
    contents, folder = read_runs(ledgers), Path(folder)
    found = groups(contents.runs, metric)
    if not found:
        raise NetlistError("no run is finished yet, so there is nothing to report", file=ledgers[0])
    figures = {name for run in contents.runs for name in run.score or () if run.figure(name) is not None}
    if metric is not None and figures and metric not in figures:
        near = difflib.get_close_matches(metric, sorted(figures), 1, 0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise NetlistError(f"no run has a figure of this name{hint}", found=metric, expected=", ".join(sorted(figures)))
    known = published() if show_published else ()
    files = _placements(contents.runs, folder) if copy_placements else {}
    methods = sorted({method for group in found for method in group.methods})
    pages: dict[tuple[int, str], str] = {}
    for index, group in enumerate(found):
        for design in group.designs:
            name = f"{slug(group.suite)}-{index + 1}-{slug(design)}"
            if f"{name.lower()}.html" in {taken.lower() for taken in pages.values()}:  # a/b and a-b
                name += f"-{len(pages) + 1}"
            pages[index, design] = name = f"{name}.html"
            html = design_page(group, design, methods, [p for p in known if p.design == _plain(design)], files, folder)
            atomic_write(folder / name, html)
    atomic_write(folder / "runs.html", _runs_page(contents.runs, files))
    _write_assets(folder)
    write_exports(contents.runs, folder)
    return atomic_write(folder / "index.html", _front(contents, found, methods, known, pages, len(ledgers)))


def _front(
    contents: Contents,
    found: Sequence[Group],
    methods: Sequence[str],
    known: Sequence[Published],
    pages: dict[tuple[int, str], str],
    ledgers: int,
) -> str:
    figures: dict[str, Any] = {}
    designs = sorted({design for group in found for design in group.designs})
    body = [filters(designs, methods)]
    for index, group in enumerate(found):
        identity = f"profile-{index}"
        figures[identity] = profile_figure(group, methods)
        parts = [
            note(f"Judged by {group.metric}, smaller is better. Code {group.code}."), _leaderboard(group),
            _grid(group, index, pages),
        ]  # fmt: skip
        if len(group.methods) > 1:
            parts += [
                _pairs(group),
                "<h3>Performance profile</h3>",
                plot(identity, "Performance profiles of the methods"),
            ]
        body.append(section(group.title, *parts))
    body.append(_published(known, contents.runs))
    rows: dict[str, list[dict[str, float | None]]] = {}
    for run in contents.runs:
        raw = None if run.raw_sha256 == run.placement_sha256 else run.raw_score
        for score in filter(None, (run.score, raw)):
            values = {name: score.get(name) for name in CORRELATED}
            rows.setdefault(f"{run.design} {run.fingerprint}", []).append(values)
    correlations = rank_correlations(rows, CORRELATED)
    if (correlations.designs > 0).any():
        figures["ranks"] = correlation_figure(correlations)
        body.append(section(
            "Do the figures agree?",
            note("Spearman rank correlation within each design over all stored placements, raw and legal ones; the "
                 f"median over designs. {correlations.placements} placements of {len(rows)} designs. 1: the same "
                 "order, -1: the opposite order, empty: nothing to tell."),
            plot("ranks", "Rank correlations between figures", 620),
        ))  # fmt: skip
    body.append(_skips(contents))
    finished = sum(run.finished is not None for run in contents.runs)
    facts = (
        f"{finished} runs of {len(methods)} methods on {len(designs)} designs, from {ledgers} "
        f"ledger{'s' if ledgers > 1 else ''}. Every placement was read back, scored and checked by the judge."
    )
    return page("Placement benchmark", "".join(body), facts=facts, figures=figures, data=data_links())


def _leaderboard(group: Group) -> str:
    rows = [
        Row(
            [rank, s.method, f"{s.solved} of {len(group.designs)}", s.factor, s.first, Number(s.seconds, 2),
             s.runs, s.failed, s.late],
            {"method": s.method}, "lead" if rank == 1 else "",
        )
        for rank, s in enumerate(group.standings, start=1)
    ]  # fmt: skip
    headings = ("", "method", "designs placed", "times the best", "best on", "seconds", "runs", "failed", "late")
    return (
        "<h3>Leaderboard</h3>"
        + table(headings, rows, label=f"Leaderboard of {group.title}")
        + note(
            "Times the best: geometric mean over the designs a method placed of its mean cost over the least mean cost "
            "of any method. Methods that placed more designs stand first. Late: over 2 s more than its time."
        )
    )


def _grid(group: Group, index: int, pages: dict[tuple[int, str], str]) -> str:
    """Mean and range of every method on every design."""
    rows = []
    for design in group.designs:
        least = min(group.cells[design, m].mean for m in group.methods if (design, m) in group.cells)
        cells: list[object] = [link(pages[index, design], design)]
        for method in group.methods:
            cell = group.cells.get((design, method))
            if cell is None or not cell.runs:
                cells.append(Markup("", method=method))
            elif not cell.costs:
                why = cell.runs[0]
                title = escape(why.reason or "")
                text = f'<span class="bad" title="{title}">{escape(str(why.outcome))}</span>'
                cells.append(Markup(text, method=method))
            else:
                spread = f"{number(min(cell.costs))} to {number(max(cell.costs))}, {len(cell.costs)} seeds"
                kind = "best" if cell.mean == least else ""
                few = f' <span class="bad">{len(cell.failed)} failed</span>' if cell.failed else ""
                text = f'<span class="{kind}" title="{spread}">{number(cell.mean)}</span>{few}'
                cells.append(Markup(text, cell.mean, method))
        rows.append(Row(cells, {"design": design}))
    return f"<h3>Mean {escape(group.metric)}</h3>" + table(
        ("design", *group.methods), rows, label=f"Mean {group.metric} by design and method", methods=group.methods
    )


def _pairs(group: Group) -> str:
    """Every method against every method below it."""
    rows = []
    for i, first in enumerate(group.methods):
        for second in group.methods[i + 1 :]:
            found = group.versus(first, second)
            mean, median = found.mean, found.median
            ratios: list[object] = [None, None]
            if mean is not None and median is not None:
                if found.enough:
                    ratios = [interval(one.low, one.value, one.high) for one in (mean, median)]
                else:
                    ratios = [mean.value, median.value]
            counts = [found.count(v) for v in ("win", "tie", "loss", "unclear", "too few seeds", "both failed")]
            rows.append(Row([
                first, second, *ratios, *counts, "" if found.enough else "not enough seeds to tell",
            ], {"method": first, "other": second}))  # fmt: skip
    headings = (
        "method", "against", "mean ratio", "median ratio", "wins", "ties", "losses", "unclear", "too few seeds",
        "both failed", "",
    )  # fmt: skip
    return (
        "<h3>Side by side</h3>"
        + table(headings, rows, label="Paired comparisons")
        + note(
            "Ratio of mean costs per design, geometric mean and median over designs; below 1 the first is better. "
            "In brackets: 95 % bootstrap intervals over seeds, for these designs. A win or loss is a difference that "
            "an exact test of permutations finds by chance in at most 5 % of cases; with too few seeds nothing could "
            "have shown one."
        )
    )


def _published(known: Sequence[Published], runs: Sequence[Run]) -> str:
    """Published figures, and the best legal placement of this report by the same figure."""
    rows = []
    for one in known:
        own = [(value, run.label) for run in runs if run.design == one.design and run.finished_well
               and (value := run.figure(one.metric)) is not None]  # fmt: skip
        if own:
            tag = Markup('<span class="tag">published</span>')
            rows.append(Row(
                [one.design, one.metric, one.method, tag, one.value, one.source, *min(own)], {"design": one.design},
                "published",
            ))  # fmt: skip
    if not rows:
        return ""
    headings = ("design", "figure", "method", "", "value", "source", "best here", "by")
    return section(
        "Published results",
        note("Nobody ran these here: other machines, other times, sometimes other conventions. They are no part of the "
             "comparisons above. Best here: the best single run of this report, whatever its time."),
        table(headings, rows, label="Published results"),
    )  # fmt: skip


def _skips(contents: Contents) -> str:
    if not contents.skips:
        return ""
    rows = [Row([suite, kind, name, why]) for suite, kind, name, why in contents.skips]
    return section("Not run", table(("suite", "", "name", "why"), rows, label="What could not be run"))


def _runs_page(runs: Sequence[Run], files: dict[str, str]) -> str:
    rows = []
    for run in runs:
        place = files.get(run.key)
        rows.append(Row(
            [
                run.design, run.label, run.seed, run.outcome or run.status,
                link(place, "placement") if place else None, run.figure("proxy_cost"), run.figure("hpwl_um"),
                run.overlaps, Number(run.seconds, 2), Number(run.cpu_seconds, 2),
                Number((run.peak_bytes or 0) / 2**20 or None, 0), run.attempts,
                None if run.outcome == "ok" else run.reason, run.machine.get("node"), run.code, run.key[:10],
            ],
            {"design": run.design, "method": run.label, "outcome": run.outcome or run.status},
        ))  # fmt: skip
    headings = (
        "design", "method", "seed", "outcome", "file", "proxy cost", "HPWL, um", "overlaps", "seconds", "CPU s",
        "peak MiB", "attempts", "reason", "machine", "code", "key",
    )  # fmt: skip
    values = [
        sorted({str(getattr(run, name) or run.status) for run in runs}) for name in ("design", "label", "outcome")
    ]
    body = filters(*values) + section("Runs", table(headings, rows, label="All runs"))
    return page("All runs", body, facts=f"{len(runs)} runs", up=True, data=data_links())


def _placements(runs: Sequence[Run], folder: Path) -> dict[str, str]:
    """Copy placement files; returns the key of a run -> the file's name in the site."""
    out: dict[str, str] = {}
    for run in runs:
        file = run.file()
        if file is not None:
            target = folder / "placements" / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.is_file() or target.stat().st_size != file.stat().st_size:
                shutil.copyfile(file, target)
            out[run.key] = f"placements/{file.name}"
    return out


def _write_assets(folder: Path) -> None:
    from plotly.offline import get_plotlyjs

    where = resources.files("eval.site.assets")
    for name in ("site.css", "site.js"):
        atomic_write(folder / name, where.joinpath(name).read_text(encoding="utf-8"))
    atomic_write(folder / "plotly.min.js", get_plotlyjs())


def _plain(design: str) -> str:
    """Name without the mark that tells two versions of a design apart."""
    return design.partition(" (")[0]
