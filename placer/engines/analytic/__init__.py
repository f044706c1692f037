"""Analytic placement of flat designs."""
