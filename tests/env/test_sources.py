"""Curricula: designs from a list, from a generator, or a mix, drawn by the environment's own randomness."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import env as environments
from env.macro_placement import MacroPlacementEnv
from env.macro_refinement import MacroRefinementEnv
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.synthesis import SynthesisSpec, synthesize
from placer.cost.full import CostWeights
from tests.env.designs import small_design, walled_design

TINY = SynthesisSpec(num_macros=4, num_cells=200, num_soft_macros=8, num_ports=12, columns=9, grid_rows=7)


def episodes(env: MacroPlacementEnv, count: int, seed: int) -> list[tuple[Any, ...]]:
    """Number of the design, name, HPWL and reason of random episodes."""
    out = []
    for k in range(count):
        observation, info = env.reset(seed=seed if k == 0 else None)
        design, over = info["design"], False
        while not over:
            assert env.observation_space.contains(observation)
            action = env.np_random.choice(np.flatnonzero(info["action_mask"]))
            observation, _, over, _, info = env.step(action)
        out.append((int(observation["ids"][0]), design.name, info["hpwl_um"], info["reason"]))
    return out


def test_a_list_of_designs_is_drawn_from_evenly_and_by_seed() -> None:
    designs = [small_design(), walled_design(), synthesize(TINY, seed=1)]
    a, b = (MacroPlacementEnv(designs=designs, final_costs=False) for _ in range(2))
    played = episodes(a, 12, seed=5)
    assert played == episodes(b, 12, seed=5)
    assert {number for number, *_ in played} == {0, 1, 2}


def test_generated_designs_differ_and_repeat_with_the_seed() -> None:
    make = lambda: MacroPlacementEnv(generator=TINY, final_costs=False)  # noqa: E731
    played = episodes(make(), 3, seed=1)
    assert [entry[1:] for entry in played] == [entry[1:] for entry in episodes(make(), 3, seed=1)]
    assert len({length for _, _, length, _ in played}) == 3


def test_a_mix_draws_listed_and_generated_designs() -> None:
    env = MacroPlacementEnv(design=small_design(), generator=TINY, generated_share=0.5, final_costs=False, grid=(8, 10))
    played = episodes(env, 16, seed=0)
    assert {number for number, *_ in played} == {0, 1}
    assert len({name for number, name, *_ in played if number == 1}) > 1


def test_cells_beyond_a_smaller_grid_are_never_legal_and_cells_keep_their_place() -> None:
    design = small_design()
    alone, framed = MacroPlacementEnv(design), MacroPlacementEnv(design, grid=(9, 13))
    (small, _), (large, info) = alone.reset(), framed.reset()
    for key in ("occupancy", "legality_mask", "wire_mask", "h_congestion", "v_congestion", "blockage"):
        np.testing.assert_array_equal(large[key][:8, :10], small[key])
        assert (large[key][8:] == (key == "blockage")).all()
        assert (large[key][:, 10:] == (key == "blockage")).all()
    row, column = np.argwhere(small["legality_mask"])[-1]
    assert info["action_mask"][row * 13 + column]
    a = alone.step(int(row * 10 + column))
    b = framed.step(int(row * 13 + column))
    assert a[1] == b[1]
    assert framed.step(12)[4]["illegal"]


@pytest.mark.parametrize(
    "options",
    [
        {"designs": [small_design(), walled_design()]},
        {"generator": TINY},
        {"design": small_design(), "orientations": "all", "maps": False},
        {"design": walled_design(), "orientations": ("N", "FS"), "reward": "dense_proxy", "grid": (20, 20)},
        {"design": small_design(), "order": lambda design, nodes: nodes[::-1], "reward": "shaped_proxy"},
    ],
    ids=["list", "generated", "turned", "framed", "own-order"],
)
def test_gymnasium_finds_nothing_to_complain_about(options: dict[str, Any]) -> None:
    environments.register()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(environments.MACRO_PLACEMENT, **options, render_mode="rgb_array", final_costs=False)
        check_env(env.unwrapped)


def test_functions_make_designs_and_orders() -> None:
    def draw(rng: np.random.Generator) -> Design:
        return small_design(seed=int(rng.integers(1000)))

    env = MacroPlacementEnv(generator=draw, grid=(8, 10), order=lambda design, nodes: nodes[::-1], final_costs=False)
    env.reset(seed=0)
    assert env.problem.macros.tolist() == sorted(env.problem.macros.tolist(), reverse=True)


def sometimes_impossible(rng: np.random.Generator) -> Design:
    """Half of the designs have a macro that fits no canvas."""
    return small_design(macros=[(10, 10), (500, 500) if rng.random() < 0.5 else (12, 12)])


@pytest.mark.parametrize("make", [MacroPlacementEnv, partial(MacroRefinementEnv, max_objects=6, start="random")])
def test_an_impossible_generated_design_is_drawn_again(make: Any) -> None:
    a, b = (make(generator=sometimes_impossible, grid=(8, 10), maps=False) for _ in range(2))
    for seed in (3, *[None] * 7):
        _, info = a.reset(seed=seed)
        assert info["design"].netlist.node_width.max() == 12
        assert b.reset(seed=seed)[1]["hpwl_um"] == info["hpwl_um"]


def test_a_generator_of_nothing_but_impossible_designs_is_an_error_and_begins_no_episode() -> None:
    possible = True

    def draw(rng: np.random.Generator) -> Design:
        return small_design(macros=[(10, 10) if possible else (500, 500)])

    place = MacroPlacementEnv(generator=draw, grid=(8, 10), final_costs=False)
    refine = MacroRefinementEnv(generator=draw, grid=(8, 10), max_objects=6, start="random", maps=False)
    for env in place, refine:
        possible = True
        env.reset(seed=0)
        possible = False
        with pytest.raises(NetlistError, match=r"generated designs cannot be used.*does not fit"):
            env.reset()
        with pytest.raises(gymnasium.error.ResetNeeded):
            env.step(0)
    with pytest.raises(NetlistError, match="generated designs cannot be used"):
        MacroPlacementEnv(generator=draw, grid=(8, 10))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"design": small_design(), "designs": [small_design()]}, ValueError, "either design or designs"),
        ({"designs": []}, ValueError, "no design"),
        ({"generator": lambda rng: small_design()}, ValueError, "needs grid"),
        ({"generator": lambda rng: 3, "grid": (8, 10)}, NetlistError, "made no design"),
        ({"design": small_design(), "grid": (4, 10)}, NetlistError, "larger than the environment's"),
        ({"design": small_design(), "grid": (0, 10)}, ValueError, "rows and columns"),
        ({"design": small_design(), "grid": 5}, ValueError, "rows and columns"),
        ({"design": small_design(), "grid": (8.5, 10)}, ValueError, "rows and columns"),
        ({"design": small_design(), "grid": (8, 10, 3)}, ValueError, "rows and columns"),
        ({"designs": "synth20"}, ValueError, "must be a list"),
        ({"designs": small_design()}, ValueError, "must be a list"),
        ({"design": small_design(), "weights": CostWeights(macro_wirelength=0.5)}, ValueError, "macro_wirelength"),
        ({"generator": TINY, "generated_share": 2.0}, ValueError, "between 0 and 1"),
        ({"design": small_design(), "order": lambda design, nodes: nodes[:2]}, ValueError, "each of the 6 macros"),
        ({"design": small_design(), "orientations": ("N", "up")}, ValueError, "unknown orientations"),
        ({"design": small_design(), "orientations": ()}, ValueError, "unknown orientations"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        MacroPlacementEnv(**options)
