"""Growth of flat placement: the plan, the exponent and the figure, on designs small enough for a test."""

from __future__ import annotations

import pytest

from eval.bench.growth import carry_out, figure, slope


def test_the_exponent_is_that_of_a_power_law() -> None:
    rows = [{"pins": n, "cpu": 3e-6 * n**1.25} for n in (10, 1_000, 50_000)]
    assert slope(rows, "cpu") == pytest.approx(1.25)


def test_a_run_says_what_it_took_and_ends_legal() -> None:
    row = carry_out({"cells": 400, "macros": 4, "jobs": 1})
    assert row["violations"] == 0
    assert row["pins"] > 800
    assert row["peak_mib"] >= row["make_mib"] > 0
    assert list(row["cpu_at_end_of"].values()) == sorted(row["cpu_at_end_of"].values())


def test_the_figure_has_both_axes_logarithmic() -> None:
    rows = [{"pins": n, "cpu": n / 9, "wall": n / 17, "peak_mib": n / 3} for n in (100, 1_000)]
    drawn = figure(rows)
    assert {axis.type for axis in (drawn.layout.xaxis, drawn.layout.yaxis, drawn.layout.yaxis2)} == {"log"}
    assert sum(trace.name == "linear" for trace in drawn.data) == 2
