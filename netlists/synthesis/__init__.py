"""Synthetic designs with the statistics of real ones, and the statistics themselves."""

from netlists.synthesis.generate import synthesize
from netlists.synthesis.spec import SynthesisSpec
from netlists.synthesis.statistics import measure

__all__ = ["SynthesisSpec", "measure", "synthesize"]
