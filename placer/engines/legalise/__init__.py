"""Legalisation: hard macros to legal lattice positions, moved as little as possible."""

from placer.engines.legalise.flow import legalise

__all__ = ["legalise"]
