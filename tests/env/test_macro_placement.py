"""The rules of placer/MacroPlacement-v0."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

import env as environments
from env.macro_placement import MacroPlacementEnv
from netlists.constraints import Constraints
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO, PORT
from netlists.orientation import oriented_offsets
from netlists.placement import Placement
from placer.cost.full import full
from placer.cost.legality import check
from tests.env.designs import crowded_design, ruled_design, small_design, walled_design

#: Rules whose ``other`` is an object.
PAIRS = ("overlap", "halo", "channel")


@pytest.fixture(autouse=True)
def _registered() -> None:
    environments.register()


def make(design: Design | None = None, **options: Any) -> MacroPlacementEnv:
    env = gymnasium.make(environments.MACRO_PLACEMENT, design=design or small_design(), **options).unwrapped
    assert isinstance(env, MacroPlacementEnv)
    return env


def play(env: MacroPlacementEnv, seed: int) -> tuple[float, list[float], dict[str, Any]]:
    """A random legal episode: total reward, HPWL before and after each step, last info."""
    rng = np.random.default_rng(seed)
    _, info = env.reset()
    total, lengths, over = 0.0, [info["hpwl_um"]], False
    while not over:
        action = rng.choice(np.flatnonzero(info["action_mask"]))
        _, reward, over, _, info = env.step(action)
        total += reward
        lengths.append(info["hpwl_um"])
    return total, lengths, info


def placed_hpwl(design: Design, placement: Placement) -> float:
    """Weighted HPWL over the pins of ports and placed hard macros, written as plainly as possible."""
    netlist, total = design.netlist, 0.0
    there = placement.placed & np.isin(netlist.node_kind, (PORT, HARD_MACRO))
    for net in range(netlist.num_nets):
        conns = [c for c in range(*netlist.net_ptr[net : net + 2]) if there[netlist.conn_node[c]]]
        if conns:
            node = netlist.conn_node[conns]
            dx, dy = oriented_offsets(netlist.conn_dx[conns], netlist.conn_dy[conns], placement.orient[node])
            total += netlist.net_weight[net] * (np.ptp(placement.x[node] + dx) + np.ptp(placement.y[node] + dy))
    return total


@pytest.mark.parametrize("reward", ["hpwl", "proxy"])
@pytest.mark.parametrize("design", [small_design(), walled_design()], ids=["open", "walled"])
def test_gymnasium_finds_nothing_to_complain_about(design: Design, reward: str) -> None:
    env = make(design, reward=reward, render_mode="rgb_array")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env)


def test_importing_placer_registers_the_environment_and_the_bundled_design_is_the_default() -> None:
    import placer  # noqa: F401

    env = gymnasium.make("placer/MacroPlacement-v0", design="synth20")
    observation, info = env.reset(seed=1)
    assert env.observation_space.contains(observation)
    assert info["action_mask"].any()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), walled=st.booleans(), order=st.sampled_from(["area", "connectivity"]))
def test_hpwl_rewards_sum_to_the_difference_of_the_scores(seed: int, walled: bool, order: str) -> None:
    design = walled_design() if walled else small_design()
    env = make(design, order=order, final_costs=False)
    env.reset()
    before = placed_hpwl(design, env.placement())
    total, _, info = play(env, seed)
    after = placed_hpwl(design, env.state.placement())
    assert info["hpwl_um"] == pytest.approx(after, rel=1e-12)
    scale = (design.canvas.width + design.canvas.height) * design.netlist.net_weight.sum()
    penalty = -1.0 if info["reason"] == "dead_end" else 0.0
    assert math.isclose(total, -(after - before) / scale + penalty, rel_tol=0, abs_tol=1e-9)


def test_proxy_rewards_sum_to_the_proxy_cost() -> None:
    env, reasons = make(crowded_design(), reward="proxy"), set()
    for seed in range(16):
        total, _, info = play(env, seed)
        reasons.add(info["reason"])
        if info["reason"] == "complete":
            assert math.isclose(total, -full(env.design, env.placement()).proxy_cost, abs_tol=1e-9)
            assert total == -info["proxy_cost"]
        else:
            assert total == -10.0
    assert reasons == {"complete", "dead_end"}


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    design=st.sampled_from([small_design(), walled_design(), ruled_design(), crowded_design()]),
    orientations=st.sampled_from([None, "all"]),
)
def test_what_the_masks_allow_ends_in_a_legal_placement(seed: int, design: Design, orientations: str | None) -> None:
    env = make(design, final_costs=False, orientations=orientations)
    _, _, info = play(env, seed)
    if info["reason"] == "complete":
        placement = env.placement()
        check(design, placement, reference=design.placement).raise_if_illegal()
        # Rounding to float32, as some formats do, must not make it illegal.
        rounded = placement.moved(x=placement.x.astype(np.float32), y=placement.y.astype(np.float32))
        check(design, rounded).raise_if_illegal()
        assert placement.placed.all()


@pytest.mark.parametrize("orientations", [None, "all"])
@pytest.mark.parametrize("design", [walled_design(), ruled_design(), ruled_design(1)], ids=["walled", "ruled", "other"])
def test_the_legality_mask_is_exactly_what_the_legality_check_says(design: Design, orientations: str | None) -> None:
    """Choices of every step of an episode: put the macro there and ask the independent check."""
    env = make(design, final_costs=False, orientations=orientations)
    rng = np.random.default_rng(3)
    env.reset()
    seen = set()
    while env.state.num_legal:
        p, t, node = env.problem, env.state.step, env.state.current
        placement = env.state.placement()
        # What has no position yet must not be in the way: only the placed macros count.
        others = set(p.macros[t + 1 :].tolist())
        choices = rng.choice(env.state.legal.size, 80, replace=False)
        for choice in choices.tolist():
            x, y, orient = placement.x.copy(), placement.y.copy(), placement.orient.copy()
            o, row, column = env.state.unravel(choice)
            if not p.allowed[t, o]:
                assert not env.state.is_legal(choice)
                continue
            x[node], y[node], orient[node] = p.x[t, o, column], p.y[t, o, row], p.orient[t, o]
            found = check(design, placement.moved(x=x, y=y, orient=orient)).violations
            mine = [v for v in found if node == v.node and not (v.rule in PAIRS and v.other in others)]
            mine += [v for v in found if v.rule in PAIRS and v.other == node and v.node not in others]
            assert env.state.is_legal(choice) == (not mine), (t, choice, mine)
            seen |= {v.rule for v in mine}
        env.step(rng.choice(np.flatnonzero(env.state.legal)))
    assert seen >= {"overlap", "outside"}


@pytest.mark.parametrize("orientations", [None, ("N", "FN", "W")])
def test_the_wire_mask_is_the_exact_increase_for_every_cell(orientations: tuple[str, ...] | None) -> None:
    design = walled_design()
    env = make(design, final_costs=False, orientations=orientations)
    rng = np.random.default_rng(4)
    observation, _ = env.reset()
    while env.state.num_legal:
        p, t, node = env.problem, env.state.step, env.state.current
        placement = env.state.placement()
        before = placed_hpwl(design, placement)
        for choice in rng.choice(env.state.legal.size, 12, replace=False).tolist():
            x, y, placed = placement.x.copy(), placement.y.copy(), placement.placed.copy()
            orient = placement.orient.copy()
            o, row, column = env.state.unravel(choice)
            x[node], y[node], orient[node], placed[node] = p.x[t, o, column], p.y[t, o, row], p.orient[t, o], True
            after = placed_hpwl(design, placement.moved(x=x, y=y, orient=orient, placed=placed))
            wire = observation["wire_mask"].reshape(-1, *p.shape)
            assert wire[o, row, column] == pytest.approx(after - before, rel=1e-9, abs=1e-9)
        observation, *_ = env.step(rng.choice(np.flatnonzero(env.state.legal)))


def test_macros_go_to_the_centre_of_the_gcell_within_half_a_lattice_step() -> None:
    env = make()
    env.reset()
    canvas, half = env.design.canvas, env.problem.half[0, 0]
    for row in range(canvas.grid_rows):
        for column in range(canvas.columns):
            x, y = (column + 0.5) * canvas.gcell_width, (row + 0.5) * canvas.gcell_height
            inside_x = np.clip(x, half[0], canvas.width - half[0])
            inside_y = np.clip(y, half[1], canvas.height - half[1])
            assert abs(env.problem.x[0, 0, column] - inside_x) <= 0.5001 * canvas.lattice
            assert abs(env.problem.y[0, 0, row] - inside_y) <= 0.5001 * canvas.lattice


def test_resets_and_replays_are_identical() -> None:
    env, other = make(), make()
    first, _ = env.reset(seed=7)
    actions, seen = [], [first]
    rng = np.random.default_rng(7)
    over = False
    while not over:
        actions.append(int(rng.choice(np.flatnonzero(env.state.legal))))
        observation, _, over, _, _ = env.step(actions[-1])
        seen.append(observation)
    replay = [other.reset(seed=8)[0]] + [other.step(action)[0] for action in actions]
    for a, b in zip(seen, replay, strict=True):
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def test_observations_stay_in_their_space_and_do_not_change_later() -> None:
    env = make(walled_design(), final_costs=False)
    observation, info = env.reset()
    kept, copies, over = [observation], [{k: np.copy(v) for k, v in observation.items()}], False
    rng = np.random.default_rng(0)
    while not over:
        observation, _, over, _, info = env.step(rng.choice(np.flatnonzero(info["action_mask"])))
        assert env.observation_space.contains(observation)
        np.testing.assert_array_equal(info["action_mask"], observation["legality_mask"].ravel())
        kept.append(observation)
        copies.append({k: np.copy(v) for k, v in observation.items()})
    for a, b in zip(kept, copies, strict=True):
        for key in a:
            np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def test_occupancy_adds_up_to_the_area_of_the_macros() -> None:
    env = make(final_costs=False)
    play(env, 5)
    done = env.state.step
    canvas, nodes = env.design.canvas, env.problem.macros[:done]
    area = (env.design.netlist.node_width[nodes] * env.design.netlist.node_height[nodes]).sum()
    assert env.state.occupancy.sum() * canvas.gcell_width * canvas.gcell_height == pytest.approx(area)


def test_orders_place_every_macro_once() -> None:
    design = small_design()
    area = design.netlist.node_width * design.netlist.node_height
    by_area = make(design, order="area").problem.macros
    by_nets = make(design, order="connectivity").problem.macros
    assert (np.diff(area[by_area]) <= 0).all()
    assert sorted(by_nets) == sorted(by_area) == design.netlist.ids(HARD_MACRO).tolist()
    with pytest.raises(ValueError, match="unknown macro order"):
        make(design, order="size")


def test_connectivity_order_follows_the_nets() -> None:
    """The first macro has the most net weight to the ports."""
    design = small_design()
    netlist = design.netlist
    ports = set(np.flatnonzero(netlist.node_kind == PORT))
    pull = dict.fromkeys(netlist.ids(HARD_MACRO).tolist(), 0.0)
    for net in range(netlist.num_nets):
        nodes = set(netlist.conn_node[netlist.net_ptr[net] : netlist.net_ptr[net + 1]].tolist())
        if nodes & ports:
            for node in nodes & pull.keys():
                pull[node] += netlist.net_weight[net]
    assert pull[int(make(design, order="connectivity").problem.macros[0])] == max(pull.values())


def test_a_dead_end_ends_the_episode_with_its_reason() -> None:
    """Two macros that only fit side by side; the first is put into the middle."""
    design = small_design(macros=[(50, 90), (50, 90)], size=(102.0, 96.0), grid=(5, 4))
    env = make(design)
    env.reset()
    _, reward, terminated, truncated, info = env.step(1 * 5 + 2)
    assert (terminated, truncated, info["reason"]) == (True, False, "dead_end")
    assert reward <= -1.0
    assert not info["action_mask"].any()
    assert not env.placement().placed[env.problem.macros[1]]
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)


def test_no_complete_episode_is_worse_than_a_dead_end() -> None:
    env, reasons = make(crowded_design(), final_costs=False), set()
    for seed in range(20):
        total, _, info = play(env, seed)
        reasons.add(info["reason"])
        assert (total > -1.0) == (info["reason"] == "complete")
    assert reasons == {"complete", "dead_end"}


def test_an_episode_is_over_even_if_scoring_its_end_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    env = make(reward="proxy")
    _, info = env.reset()
    monkeypatch.setattr("env.macro_placement.full", fail)
    for _ in range(env.problem.num_macros - 1):
        *_, info = env.step(int(info["action_mask"].argmax()))
    with pytest.raises(MemoryError):
        env.step(int(info["action_mask"].argmax()))
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(0)


def test_a_macro_that_may_take_none_of_the_orientations_is_named_with_the_reason() -> None:
    design = small_design()
    allowed = np.full(design.netlist.num_nodes, 255)
    allowed[4] = 0b11
    rules = Constraints.none(design.netlist.num_nodes).changed(orientations=allowed)
    with pytest.raises(NetlistError, match=r"'object4' may take none of the orientations.*found .E.*some of N, S"):
        make(replace(design, constraints=rules), orientations=("E",))


@pytest.mark.parametrize("mode", ["raise", "penalise"])
def test_illegal_actions_change_nothing(mode: str) -> None:
    env = make(walled_design(), on_illegal=mode, illegal_reward=-0.25)
    _, info = env.reset()
    illegal = int(np.flatnonzero(info["action_mask"] == 0)[0])
    before = env.state.placement()
    if mode == "raise":
        with pytest.raises(ValueError, match="illegal"):
            env.step(illegal)
    else:
        observation, reward, terminated, truncated, info = env.step(illegal)
        assert (reward, terminated, truncated, info["illegal"]) == (-0.25, False, False, True)
        assert observation["ids"][1] == env.problem.macros[0]
    after = env.state.placement()
    np.testing.assert_array_equal(before.x, after.x)
    assert env.state.step == 0
    assert not env.step(int(np.flatnonzero(info["action_mask"])[0]))[4]["illegal"]


@pytest.mark.parametrize("action", [-1, 80, 1.5, float("nan"), "3", None, [1, 2]])
def test_actions_outside_the_space_raise_and_change_nothing(action: object) -> None:
    env = make()
    env.reset()
    with pytest.raises(ValueError, match="action"):
        env.step(action)  # type: ignore[arg-type]
    assert env.state.step == 0


def test_a_step_before_reset_is_refused() -> None:
    with pytest.raises(gymnasium.error.ResetNeeded):
        make().step(0)


def test_unusable_designs_are_named() -> None:
    with pytest.raises(NetlistError, match="no movable hard macro"):
        make(small_design(macros=[(10, 10)], fixed=[0]))
    with pytest.raises(NetlistError, match="more macros than"):
        make(small_design(grid=(2, 2)))
    with pytest.raises(NetlistError, match="does not fit"):
        make(small_design(macros=[(200, 200)]))
    with pytest.raises(NetlistError, match="first macro"):
        make(small_design(blockages=[box(0, 0, 120, 96)]))
    with pytest.raises(NetlistError, match="no-such-design"):
        MacroPlacementEnv("no-such-design")


@pytest.mark.parametrize("option", [{"reward": "x"}, {"on_illegal": "x"}])
def test_unknown_options_are_refused(option: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected"):
        make(**option)


def test_pictures_show_progress() -> None:
    env = make(walled_design(), render_mode="rgb_array", final_costs=False)
    env.reset()
    first = env.render()
    assert first.dtype == np.uint8
    assert first.ndim == 3
    play(env, 1)
    last = env.render()
    assert last.shape == first.shape
    assert (last != first).any()


def test_plotly_figures_name_every_placed_macro() -> None:
    env = make(walled_design(), render_mode="plotly", final_costs=False)
    play(env, 1)
    figure = env.render()
    names = {env.design.netlist.node_names[i] for i in env.state.hard_macros()}
    assert set(figure.data[1].hovertext) == names
    figure.to_json()


def test_a_real_design_can_be_played(open_data: Any) -> None:
    env = MacroPlacementEnv(str(open_data("ct/google_macro_tiles_10x10")), final_costs=False)
    _, _, info = play(env, 0)
    assert info["reason"] in ("complete", "dead_end")
    if info["reason"] == "complete":
        assert check(env.design, env.placement()).overlaps == 0


test_a_real_design_can_be_played = pytest.mark.open_data(test_a_real_design_can_be_played)


def test_hpwl_is_the_same_in_whatever_order_it_is_added_up() -> None:
    """Whole net weights: every term is a multiple of one power of two and no sum needs rounding."""
    env = make(walled_design(), final_costs=False)
    p, rng = env.problem, np.random.default_rng(0)
    env.reset()
    while env.state.num_legal:
        env.step(int(rng.choice(np.flatnonzero(env.state.legal))))
    box = env.state.net_box
    box = box * 2.0**p.pin_bits
    seen = np.isfinite(box).all(axis=1)
    assert (box[seen] == np.rint(box[seen])).all()
    lengths = (box[seen, 1] - box[seen, 0] + box[seen, 3] - box[seen, 2]).astype(object)
    exact = sum(int(w) * int(v) for w, v in zip(p.design.netlist.net_weight[seen], lengths, strict=True))
    assert int(env.state.hpwl_steps * 2**p.pin_bits) == exact
    assert exact < 2**53
