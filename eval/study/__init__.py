"""Declared experiments: what is claimed is written down before anything runs, and judged by rule afterwards."""

from eval.study.declare import Claim, Study, load_study
from eval.study.findings import Finding, findings
from eval.study.report import study_report

__all__ = ["Claim", "Finding", "Study", "findings", "load_study", "study_report"]
