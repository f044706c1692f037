"""Random play over random designs: no exception, no leak, no illegal end state."""

from __future__ import annotations

import contextlib
import gc
import resource
import tracemalloc
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.geometry import box

from env.macro_placement import MacroPlacementEnv
from env.macro_refinement import MacroRefinementEnv
from netlists.canvas import Blockage
from netlists.constraints import REGION_FENCE, Constraints, Region
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO, SOFT_MACRO
from netlists.placement import Placement
from netlists.synthesis import SynthesisSpec, synthesize
from placer.cost.legality import Violation, check

#: Steps of the long run, and how many tests share it.
_MANY, _PARTS = 1_000_000, 4
#: Growth of the resident memory over the second half of a part that would mean a leak, bytes: 128 a step.
_LEAK = 16 * 2**20

#: Rules whose ``other`` is an object.
PAIRS = ("overlap", "halo", "channel")


def random_design(rng: np.random.Generator) -> Design:
    """A small synthetic design, half of them with halos, channels, few orientations and a fixed macro."""
    macros = int(rng.integers(2, 14))
    spec = SynthesisSpec(
        num_macros=macros,
        num_cells=int(rng.integers(100, 400)),
        num_soft_macros=int(rng.integers(2, 12)),
        num_ports=int(rng.integers(4, 24)),
        utilisation=float(rng.uniform(0.3, 0.75)),
        columns=int(rng.integers(6, 17)),
        grid_rows=int(rng.integers(6, 17)),
    )
    design = synthesize(spec, seed=int(rng.integers(2**31)))
    if rng.random() < 0.5:
        return design
    n, hard = design.netlist.num_nodes, design.netlist.node_kind == HARD_MACRO
    side = 0.1 * float(np.sqrt(design.netlist.node_width[hard].min() * design.netlist.node_height[hard].min()))
    fixed = design.placement.fixed.copy()
    fixed[rng.choice(np.flatnonzero(hard))] = True
    orientations = np.where(hard, rng.integers(1, 256, n) | 1, 255)
    rules = Constraints.none(n).changed(
        halo=rng.uniform(0, side, (n, 4)) * hard[:, None], channel=tuple(rng.uniform(0, side, 2)),
        orientations=orientations,
    )  # fmt: skip
    placement = design.placement.moved(fixed=fixed)
    return Design(design.netlist, design.canvas, placement, constraints=rules)


def walled(rng: np.random.Generator, design: Design) -> Design:
    """The design with a blockage and a fence that some of its macros must lie in and the others keep out of."""
    canvas, hard = design.canvas, design.netlist.ids(HARD_MACRO)
    x, y = (canvas.x0, canvas.y0) + rng.uniform(0, 0.6, (2, 2)) * (canvas.width, canvas.height)
    block = box(x[0], x[1], x[0] + 0.15 * canvas.width, x[1] + 0.1 * canvas.height)
    fence = box(y[0], y[1], y[0] + 0.4 * canvas.width, y[1] + 0.4 * canvas.height)
    region = np.full(design.netlist.num_nodes, -1)
    region[rng.choice(hard, len(hard) // 3, replace=False)] = 0
    rules = design.constraints or Constraints.none(design.netlist.num_nodes)
    return replace(
        design,
        canvas=replace(canvas, blockages=(Blockage(block),)),
        constraints=rules.changed(region=region, regions=(Region("fence", fence, REGION_FENCE),)),
    )


def play_placement(rng: np.random.Generator, env: MacroPlacementEnv) -> int:
    """One episode, now and then illegal actions among the legal ones; returns its steps."""
    observation, info = env.reset()
    steps, over = 0, False
    looked_at = rng.integers(8)  # looking at every observation would take longer than playing
    while not over:
        if steps % 8 == looked_at:
            assert env.observation_space.contains(observation)
        action = some_action(rng, info["action_mask"])
        placed, legal = env.state.step, bool(info["action_mask"][action])
        observation, reward, over, _, info = env.step(action)
        assert np.isfinite(reward)
        assert env.state.step == placed + legal
        assert info["illegal"] != legal
        steps += 1
    assert env.observation_space.contains(observation)
    assert info["reason"] == ("complete" if env.state.done else "dead_end")
    wrong = broken(env.design, env.placement())
    if not env.state.done:  # only hard macros that have a position count
        there = set(env.state.hard_macros().tolist())
        wrong = [v for v in wrong if v.node in there and (v.rule not in PAIRS or v.other in there)]
    assert not wrong
    return steps


def play_refinement(rng: np.random.Generator, env: MacroRefinementEnv, count: int) -> int:
    """Random steps, and a check of where they end."""
    observation, info = env.reset(seed=int(rng.integers(2**31)))
    for step in range(count):
        if step % 8 == 0:
            assert env.observation_space.contains(observation)
        action = some_action(rng, info["action_mask"])
        legal = bool(info["action_mask"][action])
        observation, reward, _, _, info = env.step(action)
        assert np.isfinite(reward)
        assert info["illegal"] != legal
    assert not broken(env.design, env.placement())
    return count


def some_action(rng: np.random.Generator, mask: NDArray[np.int8]) -> int:
    """A legal action, or one time in ten any."""
    if rng.random() < 0.1:
        return int(rng.integers(len(mask)))
    legal = np.flatnonzero(mask)
    return int(legal[rng.integers(len(legal))])


def broken(design: Design, placement: Placement) -> list[Violation]:
    """Violations, without those of clusters that are larger than the whole canvas."""
    found = check(design, placement, reference=design.placement).violations
    return [v for v in found if not (v.rule == "outside" and design.netlist.node_kind[v.node] == SOFT_MACRO)]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), turned=st.booleans(), reward=st.sampled_from(["hpwl", "dense_proxy"]))
def test_random_placement_episodes_end_legally(seed: int, turned: bool, reward: str) -> None:
    rng = np.random.default_rng(seed)
    options: dict[str, Any] = {"orientations": "all" if turned else None, "reward": reward}
    play_placement(rng, MacroPlacementEnv(random_design(rng), final_costs=False, **options))


def test_random_placement_among_blockages_and_fences_ends_legally() -> None:
    rng, played = np.random.default_rng(0), 0
    for _ in range(20):
        design = walled(rng, random_design(rng))
        with contextlib.suppress(NetlistError):  # the first macro may find no place at all
            played += play_placement(rng, MacroPlacementEnv(design, final_costs=False, maps=False))
    assert played > 50


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), soft=st.booleans(), agent=st.booleans())
def test_random_refinement_keeps_placements_legal(seed: int, soft: bool, agent: bool) -> None:
    rng = np.random.default_rng(seed)
    spread = unruled(random_design(rng))
    env = MacroRefinementEnv(spread, soft=soft, choose="agent" if agent else "env", maps=False)
    play_refinement(rng, env, 25)


def unruled(design: Design) -> Design:
    """The design without constraints: its given placement is then a legal start."""
    return Design(design.netlist, design.canvas, design.placement)


@pytest.mark.parametrize("kind", [MacroPlacementEnv, MacroRefinementEnv])
def test_episodes_leave_nothing_behind(kind: type[Any]) -> None:
    """What Python and NumPy hold does not grow with the episodes played, and goes with the environment."""
    rng = np.random.default_rng(0)
    design = unruled(random_design(rng))

    def play(env: Any, episodes: int) -> int:
        for _ in range(episodes):
            _, info = env.reset()
            for _ in range(8):
                *_, over, _, info = env.step(some_action(rng, info["action_mask"]))
                if over:
                    break
        env.reset()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    options = {"final_costs": False} if kind is MacroPlacementEnv else {}
    play(kind(design, **options), 3)
    tracemalloc.start()
    try:
        env = kind(design, **options)
        early = play(env, 20)
        assert play(env, 100) - early < 100 * 128  # a bare array is as large
        del env
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] < 0.3 * early
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("part", range(_PARTS))
def test_a_million_random_steps_leave_no_exception_no_leak_and_no_illegal_end(part: int) -> None:
    """Each part plays its share of the million."""
    rng = np.random.default_rng(part)
    steps, middle, ends = 0, 0.0, Counter[str]()
    while steps < _MANY / _PARTS:
        design = random_design(rng)
        walls = walled(rng, design) if rng.random() < 0.4 else design
        for _ in range(3):  # making a design costs far more than playing it
            options: dict[str, Any] = {
                "orientations": [None, "all", ("N", "FN")][int(rng.integers(3))],
                "reward": str(rng.choice(["hpwl", "dense_proxy", "shaped_proxy"])),
                "order": str(rng.choice(["area", "connectivity"])),
                "maps": bool(rng.random() < 0.3),
            }
            try:
                env = MacroPlacementEnv(walls, final_costs=False, **options)
            except NetlistError:  # a macro finds no place at all
                ends["no start"] += 1
                continue
            for _ in range(15):
                steps += play_placement(rng, env)
                ends["complete" if env.state.done else "dead end"] += 1
        # Rules and random starts, or none and the given placement.
        free = rng.random() < 0.5
        options = {"soft": bool(rng.random() < 0.3), "choose": str(rng.choice(["env", "agent"])), "maps": False}
        try:
            refine = MacroRefinementEnv(
                unruled(design) if free else walls, start="given" if free else "random", **options
            )
            steps += play_refinement(rng, refine, 1000)
            ends["refined"] += 1
        except NetlistError:  # too full for a random start
            ends["no start"] += 1
        if middle == 0.0 and steps > _MANY / _PARTS / 2:
            middle = memory()
    assert memory() - middle < _LEAK
    assert min(ends["complete"], ends["dead end"], ends["refined"]) > 20


def memory() -> float:
    """Resident memory of this process now, bytes."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
