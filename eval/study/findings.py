"""What became of the claims of a study."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from eval.ledger import Run
from eval.ledger.key import code_version
from eval.site.tables import Group, budget_words, groups
from eval.statistics import Comparison
from eval.study.declare import Claim, Study


@dataclass(frozen=True)
class Finding:
    """A claim and what the runs say about it.

    Attributes:
        claim: as it was declared.
        comparison: of its two methods.
        verdict: ``"shown"``, ``"refuted"``, ``"not shown"`` or ``"not enough seeds to tell"``.
        reason: one sentence.
    """

    claim: Claim
    comparison: Comparison
    verdict: str
    reason: str


def study_group(study: Study, runs: Iterable[Run]) -> Group | None:
    """The runs of the study as it is declared now, by the code as it is now; None where none is finished."""
    s = study.settings
    own = [
        run for run in runs
        if run.suite == study.suite.name and run.code == code_version() and run.cores == s.cores
        and run.seconds_limit == s.seconds and run.iterations_limit == s.iterations and run.memory_limit == s.memory
    ]  # fmt: skip
    found = [g for g in groups(own, study.suite.metric) if not own or g.budget == budget_words(own[0])]
    return found[0] if found else None


def findings(study: Study, group: Group) -> list[Finding]:
    """Judge every claim.

    The interval holds for the designs of the study; a claim is shown where all of it lies below the claimed ratio,
    every design has results of both methods, and the seeds could have told a difference on at least one.

    Args:
        study: the declaration.
        group: its finished runs.
    """
    return [_judge(claim, group) for claim in study.claims]


def _judge(claim: Claim, group: Group) -> Finding:
    found = group.versus(claim.first, claim.second)
    mean = found.mean
    lost = found.count("both failed") + sum(one.ratio is None for one in found.designs if one.verdict != "both failed")
    if mean is None:
        return Finding(claim, found, "not shown", found.words(claim.first, claim.second))
    span = f"the ratio is {mean.value:.4f}, {mean.low:.4f} to {mean.high:.4f}; claimed: below {claim.at_most:g}"
    if not found.enough:
        return Finding(claim, found, "not enough seeds to tell", f"{span}; no outcome could have told")
    if lost:
        return Finding(claim, found, "not shown", f"{span}; on {lost} designs not both methods have a result")
    if mean.high < claim.at_most:
        return Finding(claim, found, "shown", span)
    if mean.low > claim.at_most:
        return Finding(claim, found, "refuted", span)
    return Finding(claim, found, "not shown", f"{span}; the interval holds both")
