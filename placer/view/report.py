"""The report of a run: one HTML file that opens anywhere, offline."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plotly.offline import get_plotlyjs

from netlists.design import Design
from netlists.formats.textio import atomic_write
from netlists.placement import Placement
from placer.cost.full import Cost
from placer.cost.legality import check
from placer.view import report_parts as parts
from placer.view.report_data import HistoryPoint, page_data
from placer.view.report_flat import flat_cards, flat_curve, flat_legality
from placer.view.scene import Scene, scene

if TYPE_CHECKING:
    from placer.cost.legality import LegalityReport
    from placer.flat import FlatFigures

#: What a caller's figures may say about the run rather than about the placement.
_ABOUT_RUN = ("seconds", "interrupted", "format", "fingerprint", "version")
#: Said elsewhere on the page.
_SAID = ("design", "legal")


def write_report(
    path: str | Path,
    design: Design,
    placement: Placement | None = None,
    *,
    start: Placement | None = None,
    cost: Cost | None = None,
    start_cost: Cost | None = None,
    history: Sequence[HistoryPoint] | None = None,
    metrics: Mapping[str, Any] | None = None,
    legality: LegalityReport | None = None,
    meta: Mapping[str, Any] | None = None,
    flat: FlatFigures | None = None,
) -> Path:
    """Write a self-contained HTML report: drawing with layers and flylines, cost curve, maps, figures, legality.

    The page carries its own scripts and data and is told not to load anything.

    Args:
        path: the file; an earlier one is replaced when the new one is complete.
        design: netlist, canvas and notes.
        placement: what the page is about; the design's own when None.
        start: the placement the run began with, for comparison.
        cost: ``full(design, placement)`` when it is known already.
        start_cost: ``full(design, start)`` when it is known already.
        history: (seconds, phase, cost) as the run went on.
        metrics: figures of ``placement`` by name (``Score.as_dict()``); worked out when None.
        legality: what the legality check found; checked here when None.
        meta: how the run was asked for: version, seed, command, time limit, ...
        flat: figures of a run that placed standard cells; ``history`` is then of wirelength.

    Returns:
        ``path``.

    Raises:
        NetlistError: the file cannot be written.
        PlacementError: a placement has another number of objects than the netlist.
    """
    end = scene(design, placement, cost=cost)
    before = scene(design, start, cost=start_cost) if start is not None else None
    if before is not None and before.cost is None:
        before = None  # nothing was placed at the start: nothing to compare with
    if before is not None:
        _same_layers(before, end)
    if legality is None:
        legality = check(design, end.placement, reference=design.placement)
    figures = dict(metrics) if metrics is not None else _figures(design, end, legality)
    about = {**(meta or {}), **{key: figures[key] for key in _ABOUT_RUN if key in figures and key not in (meta or {})}}
    for key in (*_ABOUT_RUN, *_SAID):
        figures.pop(key, None)
    views = {"Placement": end} if before is None else {"Start": before, "End": end}
    page = {
        "title": escape(f"{design.name} - placement report"),
        "generator": escape(f"chip-placer {about.get('version', '')}".strip()),
        "name": escape(design.name),
        "facts": parts.facts(design),
        "badge": parts.badge(legality),
        "cards": parts.cards(before, end) if flat is None else flat_cards(flat),
        "curve": parts.curve(history) if flat is None else flat_curve(flat, history),
        "metrics": parts.metrics_table(
            None if before is None else _figures(design, before, check(design, before.placement)), figures
        ),
        "maps": parts.maps(end),
        "legality": parts.legality_text(legality) + (flat_legality() if flat is not None and legality.legal else ""),
        "run": parts.run_text(about, design.notes),
        "footer": "Proxy cost = wirelength + density / 2 + congestion / 2, as Circuit Training defines it. "
        + ("" if flat is None else "Among the metrics it is that of the flat netlist. ")
        + "Positions are centres in µm.",
        "data": page_data(views, history, "proxy cost" if flat is None else "HPWL, µm"),
        "plotly": get_plotlyjs(),
        "css": _asset("report.css"),
        "js": _asset("report.js"),
    }
    # One pass, so that nothing inserted is ever taken for a slot.
    html = re.sub(r"\{\{(\w+)\}\}", lambda slot: page[slot[1]], _asset("report.html"))
    return atomic_write(Path(path), html)


def _figures(design: Design, view: Scene, legality: LegalityReport) -> dict[str, Any]:
    if view.cost is None:
        return {}
    # Imported here: a caller that brings its own figures needs neither of them.
    from placer.cost.metrics import metrics
    from placer.scoring import Score

    return Score(view.design, view.cost, metrics(design, view.placement), legality).as_dict()


def _same_layers(a: Scene, b: Scene) -> None:
    """Give both scenes the same maps: one that is empty at one end is shown empty there."""
    for one, other in ((a, b), (b, a)):
        for key, values in other.maps.items():
            one.maps.setdefault(key, 0.0 * values)


def _asset(name: str) -> str:
    return resources.files("placer.view.assets").joinpath(name).read_text(encoding="utf-8")
