"""The report's text for runs that placed standard cells: headline numbers, and what each stage did."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from placer.view.report_parts import curve, scaled

if TYPE_CHECKING:
    from placer.flat import FlatFigures


def flat_cards(flat: FlatFigures) -> str:
    """The headline numbers: wirelength, overflow, and the proxy cost among clusters."""
    made = [
        ("HPWL", *scaled(flat.hpwl_um)),
        ("HPWL, weighted", *scaled(flat.weighted_hpwl_um)),
        (f"Overflow at density {flat.target_density:g}", f"{flat.overflow:.4f}", ""),
        (f"Proxy cost, {flat.clusters:,} clusters", f"{flat.proxy['proxy_cost']:.4f}", ""),
        ("Congestion cost, clusters", f"{flat.proxy['congestion_cost']:.4f}", ""),
        *(() if flat.guide_um is None else (("Distance from guides, mean", *scaled(flat.guide_um)),)),
    ]
    cards = []
    for k, (label, value, unit) in enumerate(made):
        tail = f' <span class="unit">{unit}</span>' if unit else ""
        cards.append(
            f'<div class="card{" lead" if k == 0 else ""}"><div class="label">{label}</div>'
            f'<div class="value">{value}{tail}</div></div>'
        )
    return f'<section class="cards" aria-label="Headline numbers">{"".join(cards)}</section>'


def flat_curve(flat: FlatFigures, history: Sequence[object] | None) -> str:
    """Wirelength over time, and below it a table of the stages and what could not be done as asked."""
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>{hpwl:,.0f}</td><td>{seconds:.1f}</td></tr>"
        for name, hpwl, seconds in flat.stages
    )
    notes = "".join(f"<p>Note: {escape(note)}.</p>" for note in flat.notes)
    table = (
        f'<section class="panel" aria-labelledby="h-stages"><h2 id="h-stages">Stages of {escape(flat.engine)}</h2>'
        '<div class="scroll"><table><thead><tr><th>Stage</th><th>HPWL, weighted (µm)</th><th>At second</th></tr>'
        f"</thead><tbody>{rows}</tbody></table></div>{notes}</section>"
    )
    return f'<div class="column">{curve(history, "Wirelength over time")}{table}</div>'


def flat_legality() -> str:
    """What else was checked where standard cells were placed."""
    return (
        "<p>Standard cells overlap nothing, lie in rows and on sites, turned as those are, and clear of blockages "
        "and of the fences of others; code that shares nothing with the placer checked them.</p>"
    )
