"""A study's runs and report in two small files, to be kept with results."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from eval.ledger import Run, compact, read_runs
from eval.site.tables import Group
from eval.study.declare import Study
from eval.study.findings import findings, study_group
from eval.study.report import study_report
from netlists.errors import NetlistError
from netlists.formats.textio import atomic_write


def publish_study(study: Study, runs: Iterable[Run], ledger: str | Path, target: str | Path) -> list[Path]:
    """Write a small copy of the study's ledger, and the report beside it.

    Args:
        study: the declaration.
        runs: those of the study, of one version of the code (:func:`eval.study.findings.study_runs`).
        ledger: where they are.
        target: the file of the copy; the report is named like it and ends in ``.md``.

    Returns:
        Both files.

    Raises:
        NetlistError: a file cannot be read or written, or no run is finished.
    """
    target = Path(target)
    keys = {run.key for run in runs if run.finished is not None}
    compact(ledger, target, keys, command=study_command(study))
    group, skips = published_group(study, target)
    where = f"All runs are in `{target.name}`: `placer report {target.name}` shows them."
    text = study_report(study, group, findings(study, group), skips, where)
    return [target, atomic_write(target.with_suffix(".md"), text)]


def study_command(study: Study) -> str:
    """What a user types to run the study again."""
    return f"placer study {study.name}"


def published_group(study: Study, ledger: str | Path) -> tuple[Group, tuple[tuple[str, str, str], ...]]:
    """The runs of a published ledger, and (kind, name, reason) of what could not be run.

    Raises:
        NetlistError: the ledger cannot be read, holds no finished run of the study as it is declared now, or runs of
            several versions of the code.
    """
    contents = read_runs([ledger])
    versions = {run.code for run in contents.runs}
    if len(versions) > 1:
        raise NetlistError("these are runs of several versions of the code", file=ledger, found=sorted(versions))
    group = study_group(study, contents.runs)
    if group is None:
        raise NetlistError("no run of the study as it is declared now is in this ledger", file=ledger)
    return group, tuple(skip[1:] for skip in contents.skips if skip[0] == study.suite.name)
