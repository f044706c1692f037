"""What can be said from runs: comparisons, profiles, curves, correlations.

Pure functions on numbers: nothing here knows ledgers, files or designs but by name. ``docs/benchmarking.md`` says what
each figure means.
"""

from eval.statistics.curves import Band, band, best_so_far, time_grid
from eval.statistics.exact import Exact, exact_difference, exact_shift, exact_signs
from eval.statistics.intervals import Interval, bootstrap
from eval.statistics.matched import PairedComparison, PairedDesign, compare_pairs
from eval.statistics.paired import Comparison, DesignComparison, compare, ratio_of_means
from eval.statistics.profiles import Profile, profiles
from eval.statistics.ranks import RankTable, rank_correlations, spearman

__all__ = [
    "Band",
    "Comparison",
    "DesignComparison",
    "Exact",
    "Interval",
    "PairedComparison",
    "PairedDesign",
    "Profile",
    "RankTable",
    "band",
    "best_so_far",
    "bootstrap",
    "compare",
    "compare_pairs",
    "exact_difference",
    "exact_shift",
    "exact_signs",
    "profiles",
    "rank_correlations",
    "ratio_of_means",
    "spearman",
    "time_grid",
]
