"""Curves of cost against time."""

from __future__ import annotations

import numpy as np

from eval.bench.curves import band, figure, files

ROWS = [
    {
        "design": "d",
        "best": 0.65,
        "runs": [
            {"seed": 0, "history": [[1.0, 0.9], [2.0, 0.8], [10.0, 0.7]]},
            {"seed": 1, "history": [[1.5, 1.0], [3.0, 0.6]]},
        ],
        "peer_runs": [{"seed": 0, "history": [[4.0, 1.2], [9.0, 1.1]]}],
    },
    {"design": "e", "runs": [{"seed": 0, "history": [[0.0, 0.5]]}]},
]


def test_a_band_begins_when_all_runs_have_a_placement_and_never_rises() -> None:
    at, costs = band([run["history"] for run in ROWS[0]["runs"]])
    assert at[0] >= 1.5
    assert at[-1] >= 10.0 - 1e-9
    assert costs.shape == (2, len(at))
    assert (np.diff(costs, axis=1) <= 0).all()
    np.testing.assert_array_equal(costs[:, 0], [0.9, 1.0])
    np.testing.assert_array_equal(costs[:, -1], [0.7, 0.6])


def test_every_step_of_every_run_is_in_the_csv() -> None:
    text = files("curves", ROWS)["curves.csv"].splitlines()
    assert text[0] == "design,method,seed,seconds,proxy_cost"
    assert len(text) == 1 + 3 + 2 + 2 + 1
    assert "d,TILOS-style SA,0,9.000,1.100000" in text


def test_the_figure_has_a_band_and_a_mean_for_each_method_of_a_design() -> None:
    picture = figure(ROWS)
    assert [trace.name for trace in picture.data if trace.name] == ["placer", "TILOS-style SA", "placer"]
    assert len(picture.data) == 9
