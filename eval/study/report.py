"""The report of a study: short, in Markdown, and honest about what was not shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from eval.bench.sheet import table
from eval.site.tables import Cell, Group
from eval.statistics import Comparison, Interval, PairedComparison
from eval.study.declare import Claim, Study
from eval.study.findings import Finding

#: Facts about machines that a report leaves to the ledger.
_UNTOLD = ("node", "placer")


def study_report(
    study: Study, group: Group, found: Sequence[Finding], skips: Sequence[tuple[str, str, str]], where: str = ""
) -> str:
    """The report as Markdown.

    Args:
        study: the declaration.
        group: its finished runs.
        found: what became of the claims.
        skips: (kind, name, reason) of what could not be run.
        where: a sentence on where the runs are; by default the folder that ``placer study`` writes.
    """
    parts = [f"# {study.title}", ""]
    if study.about:
        parts += [study.about, ""]
    parts += [
        f"{len(study.choices)} methods, {len(group.designs)} designs of {study.suite.name}, "
        f"{len(study.settings.seeds)} seeds, {group.budget}; judged by {group.metric}. Code {group.code}.", "",
    ]  # fmt: skip
    for title, verdicts in (
        ("What was shown", ("shown",)), ("What was refuted", ("refuted",)),
        ("What was not shown", ("not shown", "not enough seeds to tell")),
    ):  # fmt: skip
        own = [one for one in found if one.verdict in verdicts]
        parts += [f"## {title}", ""]
        parts += [f"- {one.claim.text} ({one.verdict}: {one.reason}.)" for one in own] or ["Nothing."]
        parts += [""]
    parts += ["## Every claim by design", ""]
    for one in found:
        parts += [one.claim.text, "", *by_design(one), ""]
    standings = [
        {
            "method": s.method, "solved": s.solved, "factor": s.factor if s.solved else None, "failed": s.failed,
            "late": s.late,
        }
        for s in group.standings
    ]  # fmt: skip
    headings = {
        "method": "method", "solved": "designs placed", "factor": "times the best", "failed": "failed", "late": "late",
    }  # fmt: skip
    parts += ["## All methods", "", *table(headings, standings), "", *cost_table(group), ""]
    for metric in study.also:
        parts += [f"The same placements by {metric}:", "", *cost_table(judged_by(group, metric)), ""]
    if skips:
        parts += ["## Not run", "", *(f"- {kind} {name}: {why}" for kind, name, why in skips), ""]
    parts += [
        "Intervals: 95 % bootstrap over seeds, for these designs; they say nothing about others, but where it says so: "
        "there designs were drawn anew too. p: exact permutation test over seeds, of paired claims over pairs. "
        + (where or "Figures are in `site/index.html`, all runs in the ledger."), "", *_machines(group),
    ]  # fmt: skip
    return "\n".join(parts)


def by_design(one: Finding) -> list[str]:
    """Lines of a table: a claim on every design."""
    if isinstance(one.comparison, PairedComparison):
        return _pairs_by_design(one.claim, one.comparison)
    return _means_by_design(one.claim, one.comparison)


def _means_by_design(claim: Claim, comparison: Comparison) -> list[str]:
    rows = [
        {
            "design": d.design, **_interval(d.ratio), "p": None if d.test is None else d.test.p, "verdict": d.verdict,
            "seeds": f"{d.seeds[0]} and {d.seeds[1]}",
        }
        for d in comparison.designs
    ]  # fmt: skip
    return table({**_headings(claim), "p": "p", "verdict": claim.first, "seeds": "seeds"}, rows)


def _pairs_by_design(claim: Claim, comparison: PairedComparison) -> list[str]:
    rows: list[dict[str, Any]] = [
        {
            "design": d.design, **_interval(d.ratio), "p": None if d.test is None else d.test.p, "verdict": d.verdict,
            "wins": d.wins, "ties": d.ties, "losses": d.losses, "lost": d.lost,
        }
        for d in comparison.designs
    ]  # fmt: skip
    c = comparison
    sums = {"wins": c.wins, "ties": c.ties, "losses": c.losses, "lost": c.lost}
    rows.append({
        "design": "all designs", **_interval(c.mean), "p": None if c.test is None else c.test.p, **sums,
        "verdict": f"sign test p = {c.signs.p:.2g}",
    })  # fmt: skip
    if c.over_designs is not None:
        rows.append({"design": "other such designs", **_interval(c.over_designs)})
    counts = {"wins": "pairs won", "ties": "tied", "losses": "lost", "lost": "without a result"}
    return table({**_headings(claim), "p": "p", "verdict": claim.first, **counts}, rows)


def cost_table(group: Group) -> list[str]:
    """Lines of a table: mean cost of every method on every design, the worst seed in brackets, the least in bold."""
    rows = []
    for design in group.designs:
        cells = {method: group.cells.get((design, method)) for method in group.methods}
        least = min((cell.mean for cell in cells.values() if cell is not None and cell.costs), default=None)
        row: dict[str, Any] = {"design": design}
        for method, cell in cells.items():
            if cell is None or not cell.runs:
                continue
            if not cell.costs:
                row[method] = "not for such designs" if not cell.failed else cell.failed[0].outcome
                continue
            mean = figure(cell.mean)
            row[method] = f"**{mean}**" if cell.mean == least else mean
            if len(cell.costs) > 1:
                row[method] += f" ({figure(max(cell.costs))})"
            if cell.failed:
                row[method] += f", {len(cell.failed)} of {len(cell.runs)} failed"
        rows.append(row)
    lines = table({"design": "design", **{method: method for method in group.methods}}, rows)
    lines[1] = "|---|" + "--:|" * len(group.methods)
    return lines


def judged_by(group: Group, metric: str) -> Group:
    """The same runs, by another figure of the score."""
    return replace(group, metric=metric, cells={key: Cell(cell.runs, metric) for key, cell in group.cells.items()})


def figure(value: float) -> str:
    """A cost with as many digits as tell seeds apart."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4f}"


def _headings(claim: Claim) -> dict[str, str]:
    return {"design": "design", "ratio": f"{claim.first} / {claim.second}", "low": "from", "high": "to"}


def _interval(found: Interval | None) -> Mapping[str, float | None]:
    if found is None:
        return {"ratio": None, "low": None, "high": None}
    return {"ratio": found.value, "low": found.low, "high": found.high}


def _machines(group: Group) -> list[str]:
    """What the runs ran on; several machines one after the other."""
    seen: list[dict[str, str]] = []
    for cell in group.cells.values():
        for run in cell.runs:
            facts = {key: value for key, value in run.machine.items() if key not in _UNTOLD}
            if facts and facts not in seen:
                seen.append(facts)
    lines: list[str] = []
    for told in seen:
        lines += ["Measured on:", "", *(f"- {key}: {value}" for key, value in told.items()), ""]
    return lines
