"""The rules of placer/MacroRefinement-v0."""

from __future__ import annotations

import math
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import env as environments
from env.macro_refinement import MacroRefinementEnv
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.placement import Placement
from netlists.synthesis import SynthesisSpec
from placer.cost.full import CostWeights, full
from placer.cost.legality import check
from tests.env.designs import fenced_soft_design, ruled_design, small_design, walled_design

TINY = SynthesisSpec(num_macros=4, num_cells=200, num_soft_macros=8, num_ports=12, columns=9, grid_rows=7)


def make(design: Design | None = None, **options: Any) -> MacroRefinementEnv:
    return MacroRefinementEnv(design or small_design(), **{"start": "random", **options})


def play(env: MacroRefinementEnv, steps: int, seed: int = 0) -> float:
    """Random legal steps; the sum of their rewards."""
    rng, total = np.random.default_rng(seed), 0.0
    for _ in range(steps):
        action = rng.choice(np.flatnonzero(env.action_masks()))
        total += env.step(action)[1]
    return total


@pytest.mark.parametrize(
    "options",
    [
        {"design": small_design()},
        {"design": walled_design(), "soft": True, "choose": "agent", "start": "random"},
        {"designs": [small_design(), walled_design()], "maps": False, "start": "random"},
        {"generator": TINY},
        {"design": "synth20", "grid": (20, 30), "weights": CostWeights(1.0, 0.0, 0.0)},
    ],
    ids=["given", "agent", "list", "generated", "framed"],
)
def test_gymnasium_finds_nothing_to_complain_about(options: dict[str, Any]) -> None:
    environments.register()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(environments.MACRO_REFINEMENT, **options, render_mode="rgb_array").unwrapped)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("design", [small_design(fixed=[2]), walled_design(), ruled_design(), fenced_soft_design()])
def test_rewards_sum_to_the_score_difference_and_placements_stay_legal(design: Design, soft: bool) -> None:
    weights = CostWeights(0.5, 0.0, 2.0)
    env = make(design, soft=soft, weights=weights, maps=False)
    _, info = env.reset(seed=1)
    before = full(design, env.placement(), weights)
    assert info["proxy_cost"] == pytest.approx(before.proxy_cost, abs=1e-12)
    total = play(env, 120)
    after = full(design, env.placement(), weights)
    assert math.isclose(total, before.proxy_cost - after.proxy_cost, abs_tol=1e-9)
    check(design, env.placement(), reference=design.placement).raise_if_illegal()
    _, _, _, _, info = env.step(env.num_actions - 1)
    for key in ("wirelength_cost", "density_cost", "congestion_cost"):
        assert info[key] == pytest.approx(getattr(after, key), abs=1e-9)


@pytest.mark.parametrize("design", [walled_design(), ruled_design(), ruled_design(1)])
def test_the_mask_is_exactly_what_the_legality_check_says(design: Design) -> None:
    env = make(design, maps=False)
    env.reset(seed=3)
    rng = np.random.default_rng(0)
    rows, columns = env.problem.shape
    kinds = set()
    for _ in range(6):
        k, s, p = env._current, env.state, env.problem
        node, now, mask = int(s.nodes[k]), env.placement(), env.action_masks()
        for action in [*rng.choice(rows * columns, 12), *range(rows * columns, env.num_actions - 1)]:
            x, y, orient = now.x.copy(), now.y.copy(), now.orient.copy()
            rest = int(action) - rows * columns
            moved = [node]
            if rest < 0:
                row, column = divmod(int(action), columns)
                x[node], y[node] = p.x[k, orient[node], column], p.y[k, orient[node], row]
            elif rest < s.num_objects:
                if rest == k:
                    assert not mask[action]
                    continue
                other = int(s.nodes[rest])
                x[[node, other]], y[[node, other]] = x[[other, node]], y[[other, node]]
                moved = [node, other]
            else:
                orient[node] = rest - s.num_objects
                if orient[node] == now.orient[node]:
                    assert not mask[action]
                    continue
            if any(not p.allowed[s.nodes.tolist().index(i), orient[i]] for i in moved):
                assert not mask[action]
                continue
            if rest >= 0:  # centres are moved to the nearest corner that the canvas and the pitch allow
                x, y = env_snapped(env, now.moved(x=x, y=y, orient=orient), moved)
            legal = check(design, now.moved(x=x, y=y, orient=orient)).legal
            assert mask[action] == legal, (action, node)
            kinds.add((rest >= 0) + (rest >= s.num_objects) if legal else -1)
        env.step(rng.choice(np.flatnonzero(mask)))
    assert kinds >= {-1, 0}


@pytest.mark.parametrize("design", [walled_design(), fenced_soft_design()])
def test_the_mask_of_soft_objects_is_exactly_what_the_legality_check_says(design: Design) -> None:
    """Canvas, outline and each object's own fence, for moves and swaps."""
    env = make(design, soft=True, choose="agent", maps=False)
    env.reset(seed=3)
    s, canvas, broken = env.state, env.design.canvas, set()
    columns, cells = env.problem.shape[1], math.prod(env.problem.shape)
    for k in range(s.num_hard, s.num_objects):
        env.step(cells + k)
        mask, now, node = env.action_masks(), env.placement(), int(s.nodes[k])
        wide, high = s._soft_size[k - s.num_hard] / 2
        for action in range(cells + s.num_objects):
            x, y = now.x.copy(), now.y.copy()
            if action < cells:
                row, column = divmod(action, columns)
                x[node] = np.clip(canvas.x0 + (column + 0.5) * canvas.gcell_width, canvas.x0 + wide, canvas.x1 - wide)
                y[node] = np.clip(canvas.y0 + (row + 0.5) * canvas.gcell_height, canvas.y0 + high, canvas.y1 - high)
            else:
                other = int(s.nodes[action - cells])
                if other == node or action - cells < s.num_hard:
                    assert not mask[action]
                    continue
                x[[node, other]], y[[node, other]] = x[[other, node]], y[[other, node]]
            report = check(design, now.moved(x=x, y=y))
            assert mask[action] == report.legal, (action, node, report.summary())
            broken |= {v.rule for v in report.violations}
        env.step(int(np.flatnonzero(mask[: cells + s.num_objects])[0]))
    assert broken >= ({"outside", "fence"} if design.constraints else {"outside"})


def env_snapped(env: MacroRefinementEnv, placement: Placement, nodes: list[int]) -> tuple[Any, Any]:
    """Centres at the nearest allowed corners, by trying them all."""
    p, x, y = env.problem, placement.x.copy(), placement.y.copy()
    canvas, step = env.design.canvas, env.design.canvas.lattice
    for node in nodes:
        k, o = env.state.nodes.tolist().index(node), int(placement.orient[node])
        for axis, values, low, high in ((0, x, canvas.x0, canvas.x1), (1, y, canvas.y0, canvas.y1)):
            pitch, offset, size = p.rules.pitch[k, o, axis], p.rules.offset[k, o, axis], p.size[k, o, axis]
            first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6) - size
            near = round(values[node] / step - p.half[k, o, axis] / step)
            corners = np.arange(max(first, min(near, last) - 3 * pitch), min(last, max(near, first) + 3 * pitch) + 1)
            corners = corners[(corners - offset) % pitch == 0]
            want = values[node] / step - p.half[k, o, axis] / step
            best = corners[np.argmin(np.abs(corners - want))]
            values[node] = best * step + p.half[k, o, axis]
    return x, y


def test_the_wire_mask_is_the_exact_change_of_hpwl() -> None:
    env = make(walled_design(), soft=True, maps=False)
    observation, _ = env.reset(seed=2)
    columns = env.problem.shape[1]
    rng = np.random.default_rng(0)
    for _ in range(60):
        moves = np.flatnonzero(observation["action_mask"][: env.problem.shape[0] * columns])
        action = int(rng.choice(moves))
        expected = observation["wire_mask"][divmod(action, columns)]
        before = full(env.design, env.placement()).hpwl_um
        observation, *_ = env.step(action)
        assert full(env.design, env.placement()).hpwl_um - before == pytest.approx(expected, abs=1e-8)


def test_observations_stay_in_their_space_and_describe_the_placement() -> None:
    env = make(soft=True)
    observation, info = env.reset(seed=0)
    for k in range(30):
        assert env.observation_space.contains(observation)
        np.testing.assert_array_equal(info["action_mask"], observation["action_mask"])
        found = full(env.design, env.placement())
        np.testing.assert_allclose(observation["density"], found.density, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(observation["h_congestion"], found.h_congestion, rtol=1e-5, atol=1e-6)
        node = observation["ids"][1]
        row = observation["objects"][env.state.nodes.tolist().index(node)]
        assert row[0] == pytest.approx(env.placement().x[node] / env.design.canvas.width, abs=1e-6)
        assert row[7] == 1.0
        observation, _, _, _, info = env.step(np.random.default_rng(k).choice(np.flatnonzero(info["action_mask"])))


def test_an_agent_that_chooses_names_an_object_first() -> None:
    env = make(choose="agent", maps=False)
    observation, info = env.reset(seed=0)
    cells, count = math.prod(env.problem.shape), env.state.num_objects
    assert np.flatnonzero(info["action_mask"]).tolist() == list(range(cells, cells + count))
    assert (observation["ids"][1], info["object"]) == (-1, "")
    observation, reward, *_ = env.step(cells + 2)
    assert (observation["ids"][1], reward) == (env.state.nodes[2], 0.0)
    observation, reward, *_ = env.step(env.num_actions - 1)
    assert (observation["ids"][1], reward) == (-1, 0.0)


def test_the_environment_names_every_object_before_any_twice() -> None:
    env = make(maps=False)
    _, info = env.reset(seed=0)
    seen = []
    for _ in range(2 * env.state.num_objects):
        seen.append(info["object"])
        info = env.step(env.num_actions - 1)[4]
    half = len(seen) // 2
    assert sorted(seen[:half]) == sorted(seen[half:])
    assert len(set(seen[:half])) == half


@pytest.mark.parametrize("mode", ["raise", "penalise"])
def test_illegal_actions_change_nothing(mode: str) -> None:
    env = make(on_illegal=mode, illegal_reward=-0.5, maps=False)
    env.reset(seed=0)
    illegal, before = int(np.flatnonzero(~env.action_masks())[0]), env.placement()
    if mode == "raise":
        with pytest.raises(ValueError, match="illegal"):
            env.step(illegal)
    else:
        _, reward, terminated, truncated, info = env.step(illegal)
        assert (reward, terminated, truncated, info["illegal"]) == (-0.5, False, False, True)
    for action in (float("nan"), 1.5, -1, env.num_actions):
        with pytest.raises(ValueError, match="action"):
            env.step(action)  # type: ignore[arg-type]
    np.testing.assert_array_equal(before.x, env.placement().x)
    np.testing.assert_array_equal(before.orient, env.placement().orient)


def test_starts_are_given_random_or_ones_own() -> None:
    env = MacroRefinementEnv("synth20", maps=False)
    env.reset()
    assert check(env.design, env.placement()).legal
    a, b = make(), make()
    a.reset(seed=4)
    b.reset(seed=4)
    np.testing.assert_array_equal(a.placement().x, b.placement().x)
    a.reset()
    assert (a.placement().x != b.placement().x).any()
    kept = b.placement()
    own = make(start=lambda design, rng: kept)
    own.reset()
    np.testing.assert_array_equal(own.placement().y, kept.y)


def test_impossible_options_are_refused() -> None:
    for option in ({"start": "x"}, {"choose": "x"}, {"on_illegal": "x"}, {"render_mode": "x"}):
        with pytest.raises(ValueError, match="unknown"):
            make(**option)
    with pytest.raises(NetlistError, match="more objects"):
        make(max_objects=2)
    with pytest.raises(ValueError, match="needs max_objects"):
        MacroRefinementEnv(generator=TINY, soft=True)
    with pytest.raises(NetlistError, match="without a position"):
        make(start=lambda design, rng: design.placement).reset()
    bad = make(start=lambda design, rng: design.placement.moved(placed=np.ones(design.netlist.num_nodes, bool)))
    with pytest.raises(NetlistError, match="illegal"):
        bad.reset()
    with pytest.raises(ValueError, match="macro_wirelength"):
        make(weights=CostWeights(macro_wirelength=1.0))


@pytest.mark.parametrize("use", ["step", "action_masks", "placement", "render"])
def test_nothing_works_before_reset(use: str) -> None:
    env = make(render_mode="rgb_array")
    with pytest.raises(gymnasium.error.ResetNeeded, match=use):
        getattr(env, use)(*([0] if use == "step" else []))


def test_an_object_with_several_pins_on_a_net_counts_that_net_once() -> None:
    env = make(maps=False)
    observation, _ = env.reset(seed=0)
    n = env.design.netlist
    nets = [len(set(n.conn_net[n.conn_node == node].tolist())) for node in env.state.nodes]
    pins = [int((n.conn_node == node).sum()) for node in env.state.nodes]
    assert nets != pins
    np.testing.assert_allclose(observation["objects"][:, 6], np.array(nets) / max(nets), rtol=1e-6)


def test_pictures_change_with_the_placement() -> None:
    env = make(walled_design(), render_mode="rgb_array", maps=False)
    env.reset(seed=0)
    first = env.render()
    play(env, 20)
    assert first.shape == env.render().shape
    assert (first != env.render()).any()
    env.render_mode = "plotly"
    env.render().to_json()


def test_gymnasium_truncates_episodes() -> None:
    environments.register()
    env = gymnasium.make(environments.MACRO_REFINEMENT, design=small_design(), max_episode_steps=3, maps=False)
    env.reset()
    leave = int(env.action_space.n) - 1  # type: ignore[attr-defined]
    assert [env.step(leave)[3] for _ in range(3)] == [False, False, True]
