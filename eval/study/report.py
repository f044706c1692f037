"""The report of a study: short, in Markdown, and honest about what was not shown."""

from __future__ import annotations

from collections.abc import Sequence

from eval.bench.sheet import table
from eval.site.tables import Group
from eval.study.declare import Study
from eval.study.findings import Finding


def study_report(study: Study, group: Group, found: Sequence[Finding], skips: Sequence[tuple[str, str, str]]) -> str:
    """The report as Markdown.

    Args:
        study: the declaration.
        group: its finished runs.
        found: what became of the claims.
        skips: (kind, name, reason) of what could not be run.
    """
    parts = [f"# {study.title}", ""]
    if study.about:
        parts += [study.about, ""]
    parts += [
        f"{len(study.choices)} methods, {len(study.suite.members)} designs of {study.suite.name}, "
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
        rows = [
            {
                "design": d.design, "ratio": None if d.ratio is None else d.ratio.value,
                "low": None if d.ratio is None else d.ratio.low, "high": None if d.ratio is None else d.ratio.high,
                "p": None if d.test is None else d.test.p, "verdict": d.verdict,
                "seeds": f"{d.seeds[0]} and {d.seeds[1]}",
            }
            for d in one.comparison.designs
        ]  # fmt: skip
        headings = {
            "design": "design", "ratio": f"{one.claim.first} / {one.claim.second}", "low": "from", "high": "to",
            "p": "p", "verdict": one.claim.first, "seeds": "seeds",
        }  # fmt: skip
        parts += [one.claim.text, "", *table(headings, rows), ""]
    standings = [
        {"method": s.method, "solved": s.solved, "factor": s.factor, "failed": s.failed, "late": s.late}
        for s in group.standings
    ]
    headings = {
        "method": "method", "solved": "designs placed", "factor": "times the best", "failed": "failed", "late": "late",
    }  # fmt: skip
    parts += ["## All methods", "", *table(headings, standings), ""]
    if skips:
        parts += ["## Not run", "", *(f"- {kind} {name}: {why}" for kind, name, why in skips), ""]
    parts += [
        "Intervals: 95 % bootstrap over seeds, for these designs; they say nothing about others. p: exact permutation "
        "test over seeds. Figures are in `site/index.html`, all runs in the ledger.", "",
    ]  # fmt: skip
    return "\n".join(parts)
