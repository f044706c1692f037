"""What a network looks at, and the pictures of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from env.problem import build_problem
from netlists.orientation import FN, N
from policies.actor_critic import ActorCritic
from policies.decoding import Decoder
from policies.graphs import build_graph
from policies.look import look
from policies.pictures import PANELS, decision_figure
from tests.env.designs import small_design, walled_design
from tests.policies.test_actor_critic import after, stirred


def cells_of(state):
    """Row and column of the macros placed so far."""
    _, row, column = np.unravel_index(state.choices[: state.step], state.legal.shape)
    return row, column


def test_attention_lies_where_macros_are_and_adds_up_to_one_with_what_goes_nowhere() -> None:
    problem = build_problem(small_design())
    states = [after(problem, k) for k in (0, 1, 4)]
    for state, seen in zip(states, look(stirred(), problem, states), strict=True):
        there = np.zeros(problem.shape, bool)
        there[cells_of(state)] = True
        assert (seen.attention[there] > 0).all()
        assert (seen.attention[~there] == 0).all()
        assert seen.attention.sum() < 1


def test_a_network_that_tells_nothing_apart_looks_at_all_macros_and_at_nothing_alike() -> None:
    problem, model = build_problem(small_design()), ActorCritic()
    with torch.no_grad():
        for parameter in model.query.parameters():
            parameter.zero_()
        model.trust.fill_(-50.0)  # the prior for connected macros is off
    state = after(problem, 4)
    (seen,) = look(model, problem, [state])
    expected = np.zeros(problem.shape)
    np.add.at(expected, cells_of(state), 1 / 5)  # four macros and the place to look at when there is nothing to see
    np.testing.assert_allclose(seen.attention, expected, atol=1e-5)


def test_pull_is_the_share_of_connections_to_the_macros_placed() -> None:
    problem = build_problem(small_design())
    state = after(problem, 3)
    (seen,) = look(stirred(), problem, [state])
    expected = np.zeros(problem.shape)
    np.add.at(expected, cells_of(state), build_graph(problem).affinity[3, :3].numpy())
    np.testing.assert_allclose(seen.pull, expected, atol=1e-6)
    assert seen.pull.sum() > 0


def test_masks_and_probabilities_are_those_of_the_decision() -> None:
    problem = build_problem(small_design(), orientations=(N, FN))
    states, model = [after(problem, k) for k in (1, 2)], stirred()
    said = Decoder(model, problem).decide(states)
    for k, (state, seen) in enumerate(zip(states, look(model, problem, states), strict=True)):
        assert seen.node == state.current
        np.testing.assert_array_equal(seen.legal, state.legal > 0)
        np.testing.assert_array_equal(seen.wire, state.wire)
        assert seen.probability.shape == state.legal.shape
        np.testing.assert_allclose(seen.probability.ravel(), torch.softmax(said.logits[k].double(), 0), atol=1e-6)
        assert seen.value == pytest.approx(float(said.value[k]), abs=1e-5)
    assert not model.first._forward_pre_hooks  # nothing listens any more


def test_an_episode_that_is_over_has_no_decision() -> None:
    problem = build_problem(small_design())
    assert look(stirred(), problem, []) == []
    with pytest.raises(ValueError, match="nothing to decide"):
        look(stirred(), problem, [Decoder(stirred(), problem).greedy().state])


def test_the_picture_has_a_row_a_decision_with_the_next_macro_where_it_likely_goes() -> None:
    problem = build_problem(walled_design())
    states = [after(problem, k) for k in (0, 3)]
    looks = look(stirred(), problem, states)
    drawn = decision_figure(states, looks)
    titles = [one.text for one in drawn.layout.annotations if one.text]
    assert titles == list(PANELS)
    assert len(list(drawn.select_xaxes())) == 2 * len(PANELS)
    for number, (state, seen) in enumerate(zip(states, looks, strict=True), 1):
        own = list(drawn.select_traces(row=number))
        wire, chance = [one.z for one in own if one.type == "heatmap"][1:]
        legal = seen.legal[0]
        np.testing.assert_array_equal(np.isnan(wire), ~legal)
        np.testing.assert_allclose(wire[legal], seen.wire[0][legal])
        np.testing.assert_allclose(10 ** chance[legal], np.maximum(seen.probability[0][legal], 1e-6))
        bars = [one for one in own if one.type == "bar"]
        assert [len(one.x) for one in bars] == [len(state.hard_macros())] * 2
        assert sum(bars[0].marker.color) == pytest.approx(seen.attention.sum())
        o, row, column = state.unravel(int(seen.probability.argmax()))
        box = own[-1]
        assert (max(box.x) + min(box.x)) / 2 == pytest.approx(problem.x[state.step, o, column])
        assert (max(box.y) + min(box.y)) / 2 == pytest.approx(problem.y[state.step, o, row])
