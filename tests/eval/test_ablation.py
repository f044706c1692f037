"""The ablation's arithmetic, and one tiny run of it."""

from __future__ import annotations

import pytest

from eval.bench.ablation import EXTRAS, STAGES, Task, _cost, _rows
from placer.engines.search import SearchOptions


def task(variant: str, seed: int, **options: object) -> Task:
    return Task(variant, dict(options), "synth20", seed, 0.3, (0,))


def test_rows_pair_by_design_and_seed_and_sort_by_worth() -> None:
    tasks = [task("", 0), task("", 1), task("a", 0), task("a", 1), task("b", 0), task("b", 1)]
    first, second = _rows("move", tasks, [1.0, 2.0, 1.01, 2.06, 0.99, 2.0])
    assert (first["part"], first["pairs"], first["wins"]) == ("a", 2, 2)
    assert first["worse"] == pytest.approx(2.0)
    assert first["error"] == pytest.approx(1.0)
    assert (second["part"], second["wins"]) == ("b", 0)
    assert second["worse"] == pytest.approx(-0.5)


def test_a_run_without_a_move_ends_with_a_cost() -> None:
    assert 0.0 < _cost(task("hard-flip", 0, without=["hard-flip"])) < 10.0


def test_every_stage_names_real_options() -> None:
    for options in (STAGES | EXTRAS).values():
        assert SearchOptions(**options) != SearchOptions()
