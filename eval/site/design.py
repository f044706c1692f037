"""A design's page: its methods side by side on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from eval.ledger import Run
from eval.site.exports import data_links
from eval.site.figures import curve_figure, map_figure
from eval.site.html import Markup, Number, Row, filters, link, note, number, page, plot, section, slug, table
from eval.site.pictures import thumbnail
from eval.site.published import Published
from eval.site.tables import Group
from eval.suites import Member, open_member
from netlists.design import Design
from netlists.errors import NetlistError, PlacementError
from netlists.formats.textio import atomic_write
from placer.cost.full import Cost, full
from placer.view import theme

_TERMS = ("proxy_cost", "wirelength_cost", "density_cost", "congestion_cost", "hpwl_um")


def design_page(
    group: Group, design: str, methods: Sequence[str], known: Sequence[Published], files: dict[str, str], folder: Path
) -> str:
    """The page; pictures are written into ``folder/pictures``.

    Args:
        group: comparison it belongs to.
        design: name in the group.
        methods: all of the site, for their colours.
        known: published results of the design.
        files: key of a run -> placement file of the site.
        folder: of the site.
    """
    cells = {method: group.cells[design, method] for method in group.methods if (design, method) in group.cells}
    figures: dict[str, Any] = {"curve": curve_figure(cells, methods, group.metric)}
    best = {method: cell.best for method, cell in cells.items()}
    shown = {method: run for method, run in best.items() if run is not None}
    body = [filters((), list(cells)), _results(group, cells, known, files)]
    body.append(section(
        "Cost over time",
        note("Mean over seeds, all seeds inside the band; the number of seeds in brackets. What methods say on their "
             "way is theirs, the end is the judge's."),
        plot("curve", "Cost over time of every method", 380),
    ))  # fmt: skip
    body.append(_pictures(shown, group, design, files, folder, figures))
    facts = next((run for cell in cells.values() for run in cell.runs), None)
    words = f"{group.title}; judged by {group.metric}" + (f"; circuit {facts.fingerprint[:12]}" if facts else "")
    return page(design, "".join(body), facts=words, figures=figures, up=True, data=data_links())


def _results(group: Group, cells: dict[str, Any], known: Sequence[Published], files: dict[str, str]) -> str:
    rows = []
    for method, cell in cells.items():
        for run in cell.runs:
            place = files.get(run.key)
            raw = (run.raw_score or {}).get(group.metric)
            rows.append(Row(
                [
                    method, run.seed, Markup(_outcome(run)), *(run.figure(name) for name in _TERMS),
                    raw if isinstance(raw, (int, float)) else None, Number(run.seconds, 2),
                    Number((run.peak_bytes or 0) / 2**20 or None, 0), link(place, "file") if place else None,
                ],
                {"method": method}, "lead" if run is cell.best else "",
            ))  # fmt: skip
    for one in known:
        values = [one.value if name == one.metric else None for name in _TERMS]
        tag = Markup('<span class="tag">published</span>')
        other = "" if one.metric in _TERMS else f", {one.metric} {one.value:,.0f}"
        words = f"{one.method}{other} ({one.source})"
        rows.append(Row([words, None, tag, *values, None, None, None, None], kind="published"))
    headings = (
        "method", "seed", "outcome", "proxy cost", "wirelength", "density", "congestion", "HPWL, um",
        f"raw {group.metric}", "seconds", "peak MiB", "",
    )  # fmt: skip
    return section(
        "Results", table(headings, rows, label="Runs on this design"),
        note("Shaded: the best run of each method. Raw: before it was made legal."),
    )  # fmt: skip


def _outcome(run: Run) -> str:
    if run.status == "done":
        return "legal"
    return f'<span class="bad" title="{escape(run.reason or "")}">{escape(run.outcome or "")}</span>'


def _pictures(
    shown: dict[str, Run], group: Group, design: str, files: dict[str, str], folder: Path, figures: dict[str, Any]
) -> str:
    """Placements and congestion maps of each method's best run."""
    opened: Design | None = None
    found: list[tuple[str, Run, Cost, str]] = []
    why = ""
    for method, run in shown.items():
        file = run.file()
        if file is None:
            continue
        try:
            if opened is None:
                values = {key: value for key, value in run.member.items() if key != "method"}
                opened = open_member(Member.from_dict(values))
            placed, cost = _placed(opened, file)
        except (NetlistError, PlacementError) as error:
            why = str(error)
            continue
        name = f"pictures/{slug(group.suite)}-{slug(design)}-{slug(method)}-{run.key[:8]}.png"
        atomic_write(folder / name, thumbnail(placed, placed.placement))
        found.append((method, run, cost, name))
    if not found or opened is None:
        words = f"The placements cannot be drawn: {why}" if why else "No placement to draw."
        return section("Placements", note(words))
    top = max(
        float(np.percentile(heat, 99.5)) for _, _, cost, _ in found for heat in (cost.h_congestion, cost.v_congestion)
    )
    cards = []
    for index, (method, run, cost, name) in enumerate(found):
        maps = ""
        for way, heat in (("H", cost.h_congestion), ("V", cost.v_congestion)):
            identity = f"map-{way}-{index}"
            figures[identity] = map_figure(heat, top, opened.canvas.width, opened.canvas.height)
            maps += f"<div><h4>{way} congestion</h4>{plot(identity, f'{way} congestion of {method}', 190)}</div>"
        value = number(run.figure(group.metric))
        picture = f'<img src="{quote(name)}" alt="Placement by {escape(method)}">'
        target = files.get(run.key)
        picture = f'<a href="{escape(quote(target))}">{picture}</a>' if target else picture
        cards.append(
            f'<figure class="card" data-method="{escape(method)}"><figcaption><b>{escape(method)}</b> '
            f"seed {run.seed}: {value}</figcaption>{picture}<div class='maps'>{maps}</div></figure>"
        )
    stops = ", ".join(f"{colour} {100 * at:.0f}%" for at, colour in theme.scale(theme.HEAT))
    bar = f'<span class="bar" style="background: linear-gradient(to right, {stops})"></span>'
    scale = '<p class="small">Best seed of each method, all at one scale. Congestion, demand over supply: '
    scale += f"0 {bar} {top:.2f}.</p>"
    return section("Placements", scale, f'<div class="cards">{"".join(cards)}</div>')


def _placed(design: Design, file: Path) -> tuple[Design, Cost]:
    """The placement of a file with its cost, in the form that was judged."""
    from placer import api
    from placer.clusters import fitted

    placed = api.load(design, file)
    if placed.physical is not None:
        placed = fitted(placed)
    return placed, full(placed)
