"""Suites: named lists of designs, and the metric they are judged by."""

from eval.suites.suite import Member, Suite, load_suite, names, open_member

__all__ = ["Member", "Suite", "load_suite", "names", "open_member"]
