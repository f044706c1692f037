"""The report's text: cards, tables and lists as HTML. Everything that comes from a netlist or a user is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from netlists.design import Design
from placer.view.scene import KIND_WORDS, LAYERS, Scene

if TYPE_CHECKING:
    from placer.cost.legality import LegalityReport

#: Violations written out in full.
LISTED = 20
#: Words in the names of figures for which less is better; of the others a change is neither good nor bad.
_LESS_IS_BETTER = ("cost", "hpwl", "overlap", "rudy", "notch", "dead_", "blocked", "free_components", "narrow_channel")
_LABELS: dict[str, str] = {
    "proxy_cost": "Proxy cost",
    "wirelength_cost": "Wirelength cost",
    "density_cost": "Density cost",
    "congestion_cost": "Congestion cost",
    "weighted_hpwl_um": "HPWL, weighted (µm)",
    "hpwl_um": "HPWL (µm)",
    "cells_hpwl_um": "HPWL, cell to cell (µm)",
    "macro_hpwl_um": "HPWL, macros only (µm)",
    "overlaps": "Overlapping hard macros",
    "overlap_area_um2": "Overlap area (µm²)",
    "rudy_max": "RUDY, highest gcell",
    "rudy_top1pct": "RUDY, mean of top 1 %",
    "rudy_top2pct": "RUDY, mean of top 2 %",
    "rudy_top5pct": "RUDY, mean of top 5 %",
    "rudy_top10pct": "RUDY, mean of top 10 %",
    "utilisation": "Utilisation",
    "macro_utilisation": "Utilisation by hard macros",
    "periphery": "Distance of macros from the edge",
    "regularity": "Aligned macros",
    "min_channel_um": "Narrowest channel (µm)",
    "notches": "Notches (gcells)",
    "notch_area_um2": "Notches, free area (µm²)",
    "narrow_um": "Narrow means below (µm)",
    "min_edge_channel_um": "Narrowest channel to the edge (µm)",
    "median_channel_um": "Median channel (µm)",
    "narrow_channel_length_um": "Narrow channels, length (µm)",
    "dead_area_um2": "Slits and pockets (µm²)",
    "dead_share": "Slits and pockets, part of the free area",
    "free_components": "Pieces of the free area",
    "largest_free_share": "Largest free rectangle, part of the free area",
    "aligned_edges": "Aligned macro edges",
    "blocked_pins": "Macro pins facing a wall",
}
_RUN_LABELS: dict[str, str] = {
    "version": "Placer version",
    "time_limit": "Time limit (s)",
    "seconds": "Seconds used",
    "jobs": "Processes",
}
_RULES: dict[str, str] = {
    "overlap": "Hard macros that overlap",
    "outside": "Objects outside the canvas",
    "blockage": "Hard macros on a blockage",
    "off_lattice": "Hard macros off the lattice",
    "fixed_moved": "Fixed objects that were moved",
    "halo": "Hard macros in the halo of another",
    "channel": "Channels that are too narrow",
    "fence": "Objects outside their fence, or in that of others",
    "orientation": "Objects turned as they may not be",
    "snap": "Hard macros off their snapping grid",
    "group": "Members of groups out of line",
}


def facts(design: Design) -> str:
    """Sizes of the design in one line."""
    n, c = design.netlist, design.canvas
    counts = np.bincount(n.node_kind, minlength=len(KIND_WORDS))
    parts = [f"{k:,} {word}{'' if k == 1 else 's'}" for k, word in zip(counts, KIND_WORDS, strict=True) if k]
    parts += [
        f"{n.num_nets:,} net{'' if n.num_nets == 1 else 's'}",
        f"canvas {c.width:,.5g} \N{MULTIPLICATION SIGN} {c.height:,.5g} µm",
    ]
    parts.append(f"{c.columns} \N{MULTIPLICATION SIGN} {c.grid_rows} gcells")
    if design.format:
        parts.append(f"read as {design.format}")
    return " · ".join(escape(part) for part in parts)


def badge(legality: LegalityReport) -> str:
    """Legal or not, in the page's corner."""
    if legality.legal:
        return '<div class="badge ok">✓ Legal placement</div>'
    count = len(legality.violations)
    return f'<div class="badge bad">✗ Not legal: {count:,} violation{"" if count == 1 else "s"}</div>'


def cards(start: Scene | None, end: Scene) -> str:
    """The headline numbers, start -> end."""
    if end.cost is None:
        return '<p class="warning">Nothing is placed yet: there is no cost to show.</p>'
    keys = ("proxy_cost", "wirelength_cost", "density_cost", "congestion_cost", "weighted_hpwl_um")
    made = []
    for key in keys:
        value, before = _headline(end, key), None
        if start is not None and start.cost is not None:
            before = _headline(start, key)
        label = "HPWL, weighted" if key == "weighted_hpwl_um" else _LABELS[key]
        shown, unit = scaled(value) if key.endswith("_um") else (f"{value:.4f}", "")
        line = ""
        if before is not None:
            was, was_unit = scaled(before) if key.endswith("_um") else (f"{before:.4f}", "")
            was += f" {was_unit}" if was_unit != unit else ""
            line = f'<div class="from">from {was} &nbsp;{_delta(key, before, value)}</div>'
        tail = f' <span class="unit">{unit}</span>' if unit else ""
        made.append(
            f'<div class="card{" lead" if key == "proxy_cost" else ""}"><div class="label">{label}</div>'
            f'<div class="value">{shown}{tail}</div>{line}</div>'
        )
    return f'<section class="cards" aria-label="Headline numbers">{"".join(made)}</section>'


def metrics_table(start: Mapping[str, Any] | None, end: Mapping[str, Any]) -> str:
    """Figures of the end beside those of the start, where both are numbers."""
    rows = []
    for key in [*(key for key in _LABELS if key in end), *(key for key in end if key not in _LABELS)]:
        value = end[key]
        if not _is_number(value):
            continue
        label = escape(_LABELS.get(key, _words(key)))
        if start is None:
            rows.append(f"<tr><td>{label}</td><td>{_figure(key, value)}</td></tr>")
            continue
        before = start.get(key)
        if before is not None and _is_number(before):
            cells = (
                f"<td>{_figure(key, before)}</td><td>{_figure(key, value)}</td><td>{_delta(key, before, value)}</td>"
            )
        else:
            cells = f"<td></td><td>{_figure(key, value)}</td><td></td>"
        rows.append(f"<tr><td>{label}</td>{cells}</tr>")
    head = "<th>Value</th>" if start is None else "<th>Start</th><th>End</th><th>Change</th>"
    return (
        f'<div class="scroll"><table><thead><tr><th>Figure</th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def curve(history: Sequence[object] | None, title: str = "Cost over time") -> str:
    """Room for the cost curve; nothing without a history."""
    if not history:
        return ""
    return (
        f'<section class="panel" aria-labelledby="h-curve"><h2 id="h-curve">{title}</h2>'
        f'<div class="curve" id="curve" role="img" aria-label="{title}"></div></section>'
    )


def maps(end: Scene) -> str:
    """Room for the small maps."""
    if not end.maps:
        return ""
    made = []
    for layer in LAYERS:
        if layer.key in end.maps:
            peak = _number(float(end.maps[layer.key].max()))
            made.append(
                f"<div><h3>{layer.label}</h3>"
                f'<div class="map" id="map-{layer.key}" role="img" aria-label="Map: {layer.label}"></div>'
                f'<p class="small">{layer.unit}; highest <span id="peak-{layer.key}">{peak}</span></p></div>'
            )
    return (
        '<section class="panel" aria-labelledby="h-maps"><h2 id="h-maps">Maps</h2>'
        f'<div class="maps">{"".join(made)}</div></section>'
    )


def legality_text(legality: LegalityReport) -> str:
    """What was checked, and what was found."""
    rows = "".join(
        f"<tr><td>{_RULES.get(rule, escape(_words(rule)))}</td><td>{count:,}</td></tr>"
        for rule, count in legality.counts.items()
    )
    table = f"<table><thead><tr><th>Rule</th><th>Violations</th></tr></thead><tbody>{rows}</tbody></table>"
    if legality.legal:
        said = (
            "<p>No rule is broken. Hard macros are checked in whole steps of the design's lattice, without "
            "tolerance.</p>"
        )
        found = ""
    else:
        said = f"<p>{escape(_sentence(legality.summary()))}</p>"
        listed = "".join(f"<li>{escape(v.message)}</li>" for v in legality.violations[:LISTED])
        rest = len(legality.violations) - LISTED
        found = (
            f'<details><summary>Where</summary><ul class="notes">{listed}'
            f"{f'<li>and {rest:,} more</li>' if rest > 0 else ''}</ul></details>"
        )
    if legality.given and legality.legal:
        said += (
            f"<p>{len(legality.given):,} broken rules concern fixed objects only, as the input has them; "
            "nothing may move those.</p>"
        )
    return said + table + found


def run_text(meta: Mapping[str, Any], notes: Sequence[str]) -> str:
    """How the run was asked for, and what the reader of the design remarked."""
    rows = []
    for key, value in meta.items():
        if value is None or value == "":
            continue
        text = escape(_plain(value))
        shown = f"<code>{text}</code>" if key in ("command", "fingerprint") else text
        rows.append(f"<dt>{escape(_RUN_LABELS.get(key, _words(key)))}</dt><dd>{shown}</dd>")
    out = f'<dl class="run">{"".join(rows)}</dl>' if rows else '<p class="small">Drawn without a run.</p>'
    if notes:
        out += '<h3 style="margin-top:14px">Notes of the reader</h3><ul class="notes">'
        out += "".join(f"<li>{escape(note)}</li>" for note in notes) + "</ul>"
    return out


def _headline(view: Scene, key: str) -> float:
    assert view.cost is not None
    return float(view.cost.hpwl_um if key == "weighted_hpwl_um" else getattr(view.cost, key))


def scaled(microns: float) -> tuple[str, str]:
    """A length with the unit that keeps it short."""
    for unit, size in (("m", 1e6), ("mm", 1e3)):
        if abs(microns) >= size:
            return f"{microns / size:#,.4g}", unit
    return f"{microns:#,.4g}", "µm"


def _delta(key: str, before: float, after: float) -> str:
    change = after - before
    if change == 0:
        return '<span class="delta same">unchanged</span>'
    arrow = "▼" if change < 0 else "▲"
    kind = ("good" if change < 0 else "bad") if any(word in key for word in _LESS_IS_BETTER) else ""
    # Against nothing, or next to nothing, a percentage says nothing.
    relative = abs(change) < 10 * abs(before)
    text = f"{abs(change) / abs(before):.1%}" if relative else _number(abs(change))
    return f'<span class="delta {kind}">{arrow} {text}</span>'


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _number(value: float) -> str:
    if isinstance(value, (int, np.integer)):
        return f"{value:,}"
    if not np.isfinite(value):
        return "\N{EN DASH}"
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:,.5g}" if abs(value) >= 1 else f"{value:.4g}"


def _figure(key: str, value: float) -> str:
    """Costs are compared to four places; other figures as they come."""
    return f"{value:.4f}" if key.endswith("_cost") else _number(value)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _words(key: str) -> str:
    """``rudy_top10_um`` -> ``Rudy top10 (µm)``."""
    for suffix, unit in (("_um2", " (µm²)"), ("_um", " (µm)")):
        if key.endswith(suffix):
            return _words(key.removesuffix(suffix)) + unit
    text = key.replace("_", " ")
    return (text[:1].upper() + text[1:]).replace("Hpwl", "HPWL").replace("hpwl", "HPWL").replace("Rudy", "RUDY")
