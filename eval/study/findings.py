"""What became of the claims of a study."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from eval.ledger import Run
from eval.ledger.key import code_version
from eval.methods import find
from eval.site.tables import Group, budget_words, groups
from eval.statistics import Comparison, Interval, PairedComparison
from eval.study.declare import Claim, Study


@dataclass(frozen=True)
class Finding:
    """A claim and what the runs say about it.

    Attributes:
        claim: as it was declared.
        comparison: of its two methods; of their pairs where the claim is about pairs.
        verdict: ``"shown"``, ``"refuted"``, ``"not shown"`` or ``"not enough seeds to tell"``.
        reason: one sentence.
    """

    claim: Claim
    comparison: Comparison | PairedComparison
    verdict: str
    reason: str


def study_runs(study: Study, runs: Iterable[Run]) -> list[Run]:
    """The runs of the study as it is declared now, by the code and with the methods as they are now."""
    identity = {}
    for choice in study.choices:
        method, options = find(choice), dict(choice.options)
        if method.missing(options) is None:
            identity[choice.label] = method.identity(options)
    return [
        run for run in runs
        if _declared(study, run) and run.code == code_version() and identity.get(run.label) == run.identity
    ]  # fmt: skip


def study_group(study: Study, runs: Iterable[Run]) -> Group | None:
    """Runs of a study as one group.

    Args:
        study: the declaration.
        runs: of one version of the code, such as :func:`study_runs` gives, or those of a published ledger. Others than
            the study's are left out.

    Returns:
        None where none is finished.
    """
    own = [run for run in runs if _declared(study, run)]
    found = [g for g in groups(own, study.suite.metric) if g.budget == budget_words(own[0])]
    return found[0] if found else None


def _declared(study: Study, run: Run) -> bool:
    s, names = study.settings, {member.name for member in study.suite.members} | set(study.suite.missing)
    return bool(
        run.suite == study.suite.name and run.design in names and run.seed in s.seeds and run.cores == s.cores
        and run.label in {choice.label for choice in study.choices}
        and run.seconds_limit == s.seconds and run.iterations_limit == s.iterations and run.memory_limit == s.memory
    )  # fmt: skip


def findings(study: Study, group: Group) -> list[Finding]:
    """Judge every claim.

    The interval holds for the designs of the study; a claim is shown where all of it lies below the claimed ratio,
    every design has results of both methods, and the seeds could have told a difference on at least one. A claim about
    pairs is shown where besides the permutation test over all pairs finds the difference rare by chance, and every
    pair has both results; together the pairs must be enough to tell.

    Args:
        study: the declaration.
        group: its finished runs.
    """
    return [_judge_pairs(claim, group) if claim.paired else _judge(claim, group) for claim in study.claims]


def _judge_pairs(claim: Claim, group: Group) -> Finding:
    found = group.paired(claim.first, claim.second, claim.at_most)
    mean, test = found.mean, found.test
    if not found.pairs:
        return Finding(claim, found, "not shown", found.words(claim.first, claim.second))
    if mean is None or test is None or not found.enough:
        words = f"{found.pairs} pairs, {found.wins} won, {found.ties} tied, {found.losses} lost"
        return Finding(claim, found, "not enough seeds to tell", words)
    span = f"{_span(mean, claim)}; {found.pairs} pairs, p = {test.p:.2g}"
    if found.over_designs is not None:
        span += f"; on other such designs {found.over_designs.low:.4f} to {found.over_designs.high:.4f}"
    if found.lost:
        return Finding(claim, found, "not shown", f"{span}; {found.lost} pairs lack a result")
    rare = test.p <= found.alpha
    if mean.high < claim.at_most and rare:
        return Finding(claim, found, "shown", span)
    if mean.low > claim.at_most and rare:
        return Finding(claim, found, "refuted", span)
    return Finding(claim, found, "not shown", f"{span}; this can be chance")


def _judge(claim: Claim, group: Group) -> Finding:
    found = group.versus(claim.first, claim.second)
    mean = found.mean
    lost = found.count("both failed") + sum(one.ratio is None for one in found.designs if one.verdict != "both failed")
    if mean is None:
        return Finding(claim, found, "not shown", found.words(claim.first, claim.second))
    span = _span(mean, claim)
    if not found.enough:
        return Finding(claim, found, "not enough seeds to tell", f"{span}; no outcome could have told")
    if lost:
        return Finding(claim, found, "not shown", f"{span}; on {lost} designs not both methods have a result")
    if mean.high < claim.at_most:
        return Finding(claim, found, "shown", span)
    if mean.low > claim.at_most:
        return Finding(claim, found, "refuted", span)
    return Finding(claim, found, "not shown", f"{span}; the interval holds both")


def _span(mean: Interval, claim: Claim) -> str:
    return f"the ratio is {mean.value:.4f}, {mean.low:.4f} to {mean.high:.4f}; claimed: below {claim.at_most:g}"
