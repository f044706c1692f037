"""Figures and tables from published ledgers of studies."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eval.readme.figures import link
from eval.readme.sources import Results, StudyRecord
from eval.site.tables import Group
from eval.study.report import by_design, cost_table, judged_by


def costs(name: str) -> Callable[[Results], Mapping[str, str]]:
    """A study as a table of mean costs, designs by methods, and one for each further figure that it shows.

    Args:
        name: of the study.
    """

    def values(results: Results) -> Mapping[str, str]:
        record = results.study(name)
        others = {f"also.{metric}": _costs(judged_by(record.group, metric)) for metric in record.study.also}
        return {**_words(record), "table": _costs(record.group), **others}

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


def _costs(group: Group) -> str:
    return "\n".join(cost_table(group))


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
