"""Figures and tables from published ledgers of studies."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eval.readme.figures import link
from eval.readme.sources import Results, StudyRecord
from eval.study.report import by_design, cost_table


def costs(name: str) -> Callable[[Results], Mapping[str, str]]:
    """A study as a table of mean costs, designs by methods.

    Args:
        name: of the study.
    """

    def values(results: Results) -> Mapping[str, str]:
        record = results.study(name)
        return {**_words(record), "table": "\n".join(cost_table(record.group))}

    return values


def pairs(name: str) -> Callable[[Results], Mapping[str, str]]:
    """A study as a table of its first claim on every design.

    Args:
        name: of the study.
    """

    def values(results: Results) -> Mapping[str, str]:
        record = results.study(name)
        return {**_words(record), "table": "\n".join(by_design(record.findings[0]))}

    return values


def _words(record: StudyRecord) -> Mapping[str, str]:
    study, group = record.study, record.group
    name = study.name
    claims = [f"- {one.claim.text} **{one.verdict.capitalize()}**: {one.reason}." for one in record.findings]
    return {
        "title": study.title,
        "about": study.about,
        "budget": f"{group.budget}, {len(study.settings.seeds)} seeds",
        "code": group.code,
        "claims": "\n".join(claims),
        "command": f"`placer study {name} --publish docs/results/{name}.db` ({link(name)}, "
        f"[ledger](docs/results/{name}.db))",
    }
