"""Tables on the terminal: a run's start and end, a score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from netlists.design import Design
from placer.cost.legality import Violation, check
from placer.scoring import Score

if TYPE_CHECKING:
    from placer.flat import FlatFigures
    from placer.flow import Result

#: Violations printed by name.
SHOWN_VIOLATIONS = 5


def result_table(result: Result) -> Table:
    """Start and end of a run side by side.

    Args:
        result: what :func:`placer.place` returned. A design that came without a placement has no start column.
    """
    table = Table(title=escape(result.design.name), title_justify="left")
    table.add_column("")
    ends: list[tuple[Any, int]] = []
    if result.start_cost is not None:
        table.add_column("start", justify="right")
        ends.append((result.start_cost, check(result.design, result.start_placement).overlaps))
    table.add_column("end", justify="right")
    ends.append((result.cost, result.legality.overlaps))
    rows: list[tuple[str, Callable[[Any, int], str]]] = [
        ("proxy cost", lambda cost, overlaps: f"{cost.proxy_cost:.4f}"),
        ("wirelength", lambda cost, overlaps: f"{cost.wirelength_cost:.4f}"),
        ("density", lambda cost, overlaps: f"{cost.density_cost:.4f}"),
        ("congestion", lambda cost, overlaps: f"{cost.congestion_cost:.4f}"),
        ("HPWL, um", lambda cost, overlaps: f"{cost.hpwl_um:,.0f}"),
        ("overlaps", lambda cost, overlaps: f"{overlaps}"),
    ]
    for name, cell in rows:
        table.add_row(name, *(cell(*end) for end in ends))
    table.add_row("seconds", *[""] * (len(ends) - 1), f"{result.seconds:.1f}")
    return table


def flat_tables(result: Result, flat: FlatFigures) -> list[Table]:
    """Figures of a flat design whose cells were placed, and what each stage did.

    Args:
        result: what :func:`placer.place` returned.
        flat: its ``flat``.
    """
    from placer.cost.metrics import rudy

    wires = rudy(result.design, result.placement)
    table = Table(title=escape(f"{result.design.name}, {flat.engine}"), title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    rows = [
        ("HPWL, um", f"{flat.hpwl_um:,.0f}"),
        ("HPWL, weighted", f"{flat.weighted_hpwl_um:,.0f}"),
        ("HPWL, all objects as N", f"{flat.north_hpwl_um:,.0f}"),
        (f"overflow at density {flat.target_density:g}", f"{flat.overflow:.4f}"),
        ("RUDY, highest", f"{wires.max():.4f}"),
        (f"proxy cost, {flat.clusters:,} clusters", f"{flat.proxy['proxy_cost']:.4f}"),
        *((f"  {name}", f"{flat.proxy[f'{name}_cost']:.4f}") for name in ("wirelength", "density", "congestion")),
        *(() if flat.guide_um is None else (("mean distance from guides, um", f"{flat.guide_um:,.3f}"),)),
        ("legal", "yes" if result.legality.legal else "no"),
        ("seconds", f"{result.seconds:.1f}"),
    ]
    for row in rows:
        table.add_row(*row)
    stages = Table(title="stages", title_justify="left")
    stages.add_column("")
    for name in ("HPWL, weighted", "at second"):
        stages.add_column(name, justify="right")
    for stage, hpwl, seconds in flat.stages:
        stages.add_row(stage, f"{hpwl:,.0f}", f"{seconds:.1f}")
    return [table, stages]


def score_table(score: Score) -> Table:
    """Every figure of a score.

    Args:
        score: what :func:`placer.score` returned.
    """
    values = score.as_dict()
    table = Table(title=escape(values.pop("design")), title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name in ("violations", "violation_counts", "legal"):
        values.pop(name)
    for name, value in values.items():
        table.add_row(name, _figure(value))
    table.add_row("legal", "yes" if score.legality.legal else "no")
    return table


def violation_lines(score: Score) -> list[str]:
    """How often each rule is broken, then the first few violations in words.

    Args:
        score: what :func:`placer.score` returned.
    """
    violations = score.legality.violations
    lines = [f"{count:,} x {rule}" for rule, count in score.legality.counts.items() if count]
    lines += [f"  {violation.message}" for violation in violations[:SHOWN_VIOLATIONS]]
    if len(violations) > SHOWN_VIOLATIONS:
        lines.append(f"  and {len(violations) - SHOWN_VIOLATIONS:,} more (--json lists them)")
    return lines


def violation_table(design: Design, violations: Sequence[Violation], about: str = "") -> Table:
    """One row a violation: rule, objects, amount, and the box where it is.

    Args:
        design: the design they are about.
        violations: what a legality report lists.
        about: what kind of violations, for the title.
    """
    table = Table(title=escape(design.name + (f", {about}" if about else "")), title_justify="left")
    table.add_column("rule", no_wrap=True)
    for name in ("amount", "x0", "y0", "x1", "y1"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("what")
    for v in violations:
        where = (f"{value:.4f}".rstrip("0").rstrip(".") for value in v.box)
        table.add_row(v.rule, f"{v.amount:.6g} {v.unit}", *where, escape(v.message))
    return table


def _figure(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        if value.is_integer():
            return f"{value:,.0f}"
        return f"{value:,.1f}" if abs(value) >= 1000 else f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
