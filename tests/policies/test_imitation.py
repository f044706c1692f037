"""Demonstrations and learning from them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from env.problem import build_problem
from netlists.design import Design
from netlists.errors import NetlistError
from policies.actor_critic import ActorCritic, PolicyConfig
from policies.decoding import Decoder
from policies.demonstrations import Demonstration, load_demonstrations, save_demonstrations, trace
from policies.imitation import Imitation, make_lesson, mirrored
from policies.ppo import log_probs
from tests.env.designs import small_design
from tests.policies.test_actor_critic import after, stirred


def test_a_placement_of_the_environment_is_traced_to_its_own_choices() -> None:
    problem = build_problem(small_design())
    state = after(problem, 6)
    np.testing.assert_array_equal(trace(problem, state.placement()).choices, state.choices)


def test_tracing_follows_orientations_where_actions_choose_them() -> None:
    problem = build_problem(small_design(), orientations=(0, 1, 4))
    decoder = Decoder(stirred(), problem)
    state = decoder.sample(1, seed=3)[0].state
    np.testing.assert_array_equal(trace(problem, state.placement()).choices, state.choices)


def test_mirroring_a_lesson_is_the_lesson_of_the_mirrored_design() -> None:
    design = small_design()
    n, c, p = design.netlist, design.canvas, design.placement
    # Orientation N everywhere: a mirrored pin is then a mirrored offset.
    plain = Design(n, c, p.moved(orient=np.zeros_like(p.orient)))
    from dataclasses import replace

    turned = Design(replace(n, pin_dx=-n.pin_dx), c, plain.placement.moved(x=c.x0 + c.x1 - p.x))
    one, two = build_problem(plain), build_problem(turned)
    state = after(one, 6)
    columns = one.shape[1]
    row, column = np.divmod(state.choices, columns)
    flipped = row * columns + columns - 1 - column
    lesson = mirrored(make_lesson(one, Demonstration(0, state.choices, 0.1)), 0)
    direct = make_lesson(two, Demonstration(0, flipped, 0.1))
    for name in ("node_x", "anchor", "affinity", "macro_x"):
        torch.testing.assert_close(getattr(lesson.graph, name), getattr(direct.graph, name), msg=name)
    torch.testing.assert_close(lesson.graph.to_net.x, direct.graph.to_net.x)
    torch.testing.assert_close(lesson.graph.to_node.x, direct.graph.to_node.x)
    for name, a, b in zip(lesson.situation._fields, lesson.situation, direct.situation, strict=True):
        if a.dtype == torch.float32 and name not in ("where",):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-3, msg=name)
    assert torch.equal(lesson.target.flatten(1).argmax(1), direct.target.flatten(1).argmax(1))


def test_lessons_are_learned() -> None:
    problem = build_problem(small_design())
    choices = Decoder(stirred(1), problem).sample(1, seed=0, temperature=3.0)[0].state.choices
    lesson = make_lesson(problem, Demonstration(0, choices, 0.1))
    torch.manual_seed(0)
    model = ActorCritic(PolicyConfig(width=16, layers=1, glances=4, maps=8))

    def likely() -> float:
        with torch.no_grad():
            said = model(lesson.graph, lesson.situation)
        return float(log_probs(said.logits, torch.from_numpy(choices)).mean())

    before = likely()
    teaching = Imitation(model, [lesson], learning_rate=1e-2)
    losses = [teaching.epoch()["loss"] for _ in range(100)]
    assert losses[-1] < 0.7 * losses[0]
    assert likely() > before


def test_demonstrations_come_back_and_belong_to_their_designs(tmp_path: Path) -> None:
    problem = build_problem(small_design())
    found = [Demonstration(0, after(problem, 6).choices, 0.25)]
    file = save_demonstrations(tmp_path / "lessons.safetensors", found, ["small"])
    back = load_demonstrations(file, [problem])
    assert (back[0].design, back[0].gain) == (0, 0.25)
    np.testing.assert_array_equal(back[0].choices, found[0].choices)
    with pytest.raises(NetlistError, match="other designs"):
        load_demonstrations(file, [problem, problem])
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(NetlistError, match="not a file of demonstrations"):
        load_demonstrations(file, [problem])
