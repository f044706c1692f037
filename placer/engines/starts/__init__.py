"""Smooth gradient starts: diverse good placements that the legaliser and the exact search take further."""

from placer.engines.starts.descend import Schedule, Starts, Weights, gradient_starts
from placer.engines.starts.surrogate import EXACT, Smoothness, Surrogate

__all__ = ["EXACT", "Schedule", "Smoothness", "Starts", "Surrogate", "Weights", "gradient_starts"]
