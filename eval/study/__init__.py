"""Declared experiments: what is claimed is written down before anything runs, and judged by rule afterwards."""

from eval.study.declare import Claim, Study, check_methods, load_study, shipped
from eval.study.findings import Finding, findings
from eval.study.report import study_report

__all__ = [
    "Claim",
    "Finding",
    "Study",
    "check_methods",
    "findings",
    "load_study",
    "shipped",
    "study_report",
]
