"""Random play over random designs: no exception, no leak, no illegal end state."""

from __future__ import annotations

import contextlib
import gc
import resource
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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

#: Steps of the long run.
_MANY = 1_000_000
#: Growth of the resident memory over the second half of the long run that would mean a leak, bytes.
_LEAK = 64 * 2**20


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


def play_placement(rng: np.random.Generator, design: Design, **options: Any) -> int:
    """One episode, now and then illegal or senseless actions among the legal ones; returns its steps."""
    env = MacroPlacementEnv(design, **options)
    observation, info = env.reset(seed=0)
    steps, over = 0, False
    while not over:
        assert env.observation_space.contains(observation)
        if rng.random() < 0.1:
            action = int(rng.integers(env.num_actions))
        else:
            action = int(rng.choice(np.flatnonzero(info["action_mask"])))
        placed, legal = env.state.step, bool(info["action_mask"][action])
        observation, reward, over, _, info = env.step(action)
        assert np.isfinite(reward)
        assert env.state.step == placed + legal
        assert info["illegal"] != legal
        steps += 1
    placement = env.placement()
    if info["reason"] == "complete":
        assert not broken(design, placement)
    return steps


def play_refinement(rng: np.random.Generator, design: Design, count: int, **options: Any) -> int:
    """Random steps, and a check of where they end."""
    env = MacroRefinementEnv(design, **options)
    observation, info = env.reset(seed=int(rng.integers(2**31)))
    for _ in range(count):
        assert env.observation_space.contains(observation)
        if rng.random() < 0.1:
            action = int(rng.integers(env.num_actions))
        else:
            action = int(rng.choice(np.flatnonzero(info["action_mask"])))
        observation, reward, _, _, info = env.step(action)
        assert np.isfinite(reward)
    assert not broken(design, env.placement())
    return count


def broken(design: Design, placement: Placement) -> list[Violation]:
    """Violations, without those of clusters that are larger than the whole canvas."""
    found = check(design, placement, reference=design.placement).violations
    return [v for v in found if not (v.rule == "outside" and design.netlist.node_kind[v.node] == SOFT_MACRO)]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), turned=st.booleans(), reward=st.sampled_from(["hpwl", "dense_proxy"]))
def test_random_placement_episodes_end_legally(seed: int, turned: bool, reward: str) -> None:
    rng = np.random.default_rng(seed)
    play_placement(rng, random_design(rng), orientations="all" if turned else None, reward=reward, final_costs=False)


def test_random_placement_among_blockages_and_fences_ends_legally() -> None:
    rng, played = np.random.default_rng(0), 0
    for _ in range(20):
        design = walled(rng, random_design(rng))
        with contextlib.suppress(NetlistError):  # the first macro may find no place at all
            played += play_placement(rng, design, final_costs=False, maps=False)
    assert played > 50


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), soft=st.booleans(), agent=st.booleans())
def test_random_refinement_keeps_placements_legal(seed: int, soft: bool, agent: bool) -> None:
    rng = np.random.default_rng(seed)
    spread = unruled(random_design(rng))
    play_refinement(rng, spread, 25, soft=soft, choose="agent" if agent else "env", maps=False)


def unruled(design: Design) -> Design:
    """The design without constraints: its given placement is then a legal start."""
    return Design(design.netlist, design.canvas, design.placement)


@pytest.mark.slow
def test_a_million_random_steps_leave_no_exception_no_leak_and_no_illegal_end() -> None:
    rng = np.random.default_rng(0)
    steps, episodes, half = 0, 0, 0.0
    while steps < _MANY:
        design = random_design(rng)
        options: dict[str, Any] = {"orientations": [None, "all", ("N", "FN")][int(rng.integers(3))]}
        for _ in range(20):  # making a design costs far more than playing it
            options["reward"] = str(rng.choice(["hpwl", "dense_proxy", "shaped_proxy"]))
            options["maps"] = bool(rng.random() < 0.3)
            steps += play_placement(rng, design, final_costs=False, **options)
            episodes += 1
        steps += play_refinement(
            rng, unruled(design), 400, soft=bool(rng.random() < 0.3), choose=str(rng.choice(["env", "agent"])),
            maps=False,
        )  # fmt: skip
        if half == 0.0 and steps > _MANY / 2:
            half = memory()
    assert memory() - half < _LEAK


def memory() -> float:
    """Resident memory of this process now, bytes."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
