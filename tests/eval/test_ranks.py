"""The ranking benchmark on a bundled design."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eval.bench.ranks import TERMS, disturbed, measure, scattered
from netlists.load import load
from placer.cost.legality import check


def test_the_surrogate_ranks_random_placements_as_the_exact_cost_does() -> None:
    row = measure(load("synth20"), Path("synth20"))
    assert row["placements"] == 48
    for term in TERMS:
        assert row[f"random_{term}"] >= 0.95, term
        assert -1.0 <= row[f"disturbed_{term}"] <= 1.0, term


def test_sample_placements_lie_inside_and_move_nothing_fixed() -> None:
    design = load("synth20")
    for placement in [*disturbed(design, 3), *scattered(design, 3)]:
        report = check(design, placement, reference=design.placement)
        assert report.counts["outside"] == report.counts["fixed_moved"] == 0
        assert not np.array_equal(placement.x, design.placement.x)
