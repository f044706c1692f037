"""The network: what it says untrained, and what must not change what it says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from env.macro_placement import MacroPlacementEnv
from env.problem import build_problem
from env.state import MacroState
from policies import greedy_wire_mask, run_episode
from policies.actor_critic import ActorCritic, PolicyConfig
from policies.decoding import Decoder, situation_of
from policies.devices import torch_device
from policies.graphs import build_graph, join
from tests.env.designs import crowded_design, small_design, walled_design

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA"))]


def stirred(seed: int = 0) -> ActorCritic:
    """A network whose learned part says something."""
    torch.manual_seed(seed)
    model = ActorCritic(PolicyConfig(width=16, layers=1, glances=4, maps=8))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


def after(design_or_problem: object, steps: int) -> MacroState:
    state = MacroState(design_or_problem)  # type: ignore[arg-type]
    for _ in range(steps):
        state.place(int(np.flatnonzero(state.legal)[0]))
    return state


def test_an_untrained_network_is_the_greedy_wire_mask_decoder_but_for_ties() -> None:
    problem = build_problem(walled_design())
    decoder, state = Decoder(ActorCritic(), problem), MacroState(problem)
    with torch.no_grad():
        decoder._model.pull_slope.fill_(-20.0)
    while state.num_legal:
        chosen = int(decoder.decide([state]).logits.argmax())
        increases = state.wire.reshape(-1)[state.legal.reshape(-1) > 0]
        spread = float(np.ptp(increases))
        assert state.wire.reshape(-1)[chosen] <= increases.min() + 1e-5 * max(spread, 1.0)
        state.place(chosen)


def test_an_untrained_network_is_about_as_good_as_the_greedy_decoder() -> None:
    design = small_design()
    env = MacroPlacementEnv(design, maps=False, final_costs=False)
    greedy = run_episode(env, greedy_wire_mask(env)).infos[-1]["hpwl_um"]
    assert Decoder(ActorCritic(), build_problem(design)).greedy().state.hpwl < 1.3 * greedy


def test_illegal_actions_have_no_probability() -> None:
    problem = build_problem(crowded_design())
    state = after(problem, 2)
    p = torch.softmax(Decoder(stirred(), problem).decide([state]).logits, 1)[0]
    legal = torch.from_numpy(state.legal.reshape(-1) > 0)
    assert float(p[~legal].sum()) == 0
    assert float(p[legal].sum()) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("device", DEVICES)
def test_decisions_do_not_depend_on_what_else_is_decided(device: str) -> None:
    """Neither other states, nor other designs, nor a larger frame."""
    model = stirred().to(torch_device(device))
    small, large = build_problem(small_design()), build_problem(small_design(size=(150.0, 150.0), grid=(14, 13)))
    states = [after(small, 3), after(large, 4)]
    graph = join([build_graph(small), build_graph(large)], device)
    alone = [situation_of(p, [s]) for p, s in zip((small, large), states, strict=True)]
    rows, columns = (max(p.shape[k] for p in (small, large)) for k in range(2))

    def framed(x: torch.Tensor, fill: float) -> torch.Tensor:
        return F.pad(x, (0, columns - x.shape[-1], 0, rows - x.shape[-2]), value=fill)

    wide = []
    for number, s in enumerate(alone):
        wide.append(
            s._replace(
                design=torch.tensor([number]),
                occupancy=framed(s.occupancy, 0), blockage=framed(s.blockage, 1), legal=framed(s.legal, False),
                wire=framed(s.wire, 0),
            )
        )  # fmt: skip
    together = type(alone[0])(*(torch.cat(field) for field in zip(*wide, strict=True))).to(device)
    with torch.no_grad():
        both = model.decide(model.encode(graph), together)
        for number, (problem, s) in enumerate(zip((small, large), alone, strict=True)):
            one = model.decide(model.encode(join([build_graph(problem)], device)), s.to(device))
            own = both.logits[number].view(rows, columns)[: problem.shape[0], : problem.shape[1]]
            torch.testing.assert_close(own.reshape(-1), one.logits[0], rtol=1e-4, atol=1e-4)
            torch.testing.assert_close(both.value[number], one.value[0], rtol=1e-4, atol=1e-4)


def test_orientations_are_part_of_the_action() -> None:
    problem = build_problem(small_design(), orientations=(0, 1, 4))
    state = after(problem, 1)
    logits = Decoder(stirred(), problem).decide([state]).logits
    assert logits.shape == (1, 3 * 8 * 10)
    by_turn = logits.view(3, -1)
    assert not torch.allclose(by_turn[0], by_turn[1])


def test_decoders_give_complete_episodes_and_the_seed_decides() -> None:
    problem = build_problem(small_design())
    decoder = Decoder(stirred(), problem)
    one, two, other = decoder.sample(3, seed=1), decoder.sample(3, seed=1), decoder.sample(3, seed=2)
    assert [p.state.choices.tolist() for p in one] == [p.state.choices.tolist() for p in two]
    assert [p.state.choices.tolist() for p in one] != [p.state.choices.tolist() for p in other]
    assert all(p.state.done for p in one)


def test_each_episode_can_have_a_temperature_of_its_own() -> None:
    decoder = Decoder(stirred(), build_problem(small_design()))
    greedy = decoder.greedy().state.choices.tolist()
    cold, hot = ([p.state.choices.tolist() for p in decoder.sample(3, 1, heat)] for heat in (1e-6, 1.0))
    mixed = [p.state.choices.tolist() for p in decoder.sample(3, 1, (1e-6, 1.0, 1e-6))]
    assert cold == [greedy] * 3
    assert greedy not in hot
    # While all three run, what one draws does not depend on the temperatures of the others.
    assert mixed == [cold[0], hot[1], cold[2]]


@pytest.mark.parametrize(
    ("temperature", "message"),
    [((1.0, 0.5), "2 temperatures for 3 episodes"), (0.0, "above 0"), ((1.0, 1.0, -1.0), "above 0")],
)
def test_temperatures_that_cannot_be_are_refused(temperature: float | tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Decoder(stirred(), build_problem(small_design())).sample(3, 1, temperature)


def test_a_beam_of_one_is_greedy_and_a_wider_one_is_no_less_likely() -> None:
    decoder = Decoder(stirred(), build_problem(small_design()))
    greedy, one, wide = decoder.greedy(), decoder.beam(1)[0], decoder.beam(6)
    assert one.state.choices.tolist() == greedy.state.choices.tolist()
    assert one.log_prob == pytest.approx(greedy.log_prob, rel=1e-4)
    assert wide[0].log_prob >= greedy.log_prob - 1e-3
    assert len({tuple(p.state.choices.tolist()) for p in wide}) == len(wide)
