"""PPO: its arithmetic, resuming to the bit, stopping at what is no number, several processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from env.problem import build_problem
from policies.actor_critic import ActorCritic, PolicyConfig
from policies.decoding import Decoder
from policies.errors import DivergedError
from policies.ppo import PPO, PPOConfig, advantages, compared, draw, entropy, paced
from tests.conftest import ROOT
from tests.env.designs import crowded_design, small_design
from tests.policies.test_actor_critic import DEVICES

TINY = PolicyConfig(width=8, layers=1, glances=4, maps=4)


def make(seed: int = 0, **settings: object) -> PPO:
    torch.manual_seed(seed)
    config = PPOConfig(**{"copies": 4, "minibatches": 2, "epochs": 2, "reward": "hpwl", **settings})  # type: ignore[arg-type]
    other = small_design(macros=((30, 20), (24, 24), (18, 30), (12, 12)), seed=1)
    return PPO(ActorCritic(TINY), [small_design(), other], config, env_device="cpu")


def weights(run: PPO) -> list[torch.Tensor]:
    return [p.detach().clone() for p in run.model.parameters()]


def test_advantages_are_sums_of_surprises() -> None:
    """By hand: one copy, an episode that ends after the second of three steps."""
    reward, value = torch.tensor([[1.0], [2.0], [3.0]]), torch.tensor([[0.5], [1.0], [2.0]])
    over, after = torch.tensor([[False], [True], [False]]), torch.tensor([4.0])
    got = advantages(reward, value, over, after, 0.5, 0.5)
    second, third = 2.0 - 1.0, 3.0 + 0.5 * 4.0 - 2.0
    first = (1.0 + 0.5 * 1.0 - 0.5) + 0.25 * second
    torch.testing.assert_close(got[:, 0], torch.tensor([first, second, third]))


def test_episodes_are_compared_with_the_others_of_their_design() -> None:
    """By hand: gains 1, 2, 6 of one design (deviation sqrt(14 / 3)), two equal ones of another, and a lone episode."""
    gain, design = torch.tensor([1.0, 0.3, 2.0, 9.0, 0.3, 6.0]), torch.tensor([5, 2, 5, 7, 2, 5])
    got = compared(gain, design)
    deviation = (14 / 3) ** 0.5
    others = [(1 - 4) / deviation, 0, (2 - 3.5) / deviation, 0, 0, (6 - 1.5) / deviation]
    torch.testing.assert_close(got, torch.tensor(others))


def test_copies_of_a_group_play_the_same_designs_and_only_whole_episodes_count() -> None:
    run = make(reward="proxy", copies=6, group=3, minibatches=2)
    rollout, _ = run.collect()
    design = rollout.situation.design
    assert torch.equal(design[:, :1].expand(-1, 3), design[:, :3])
    assert torch.equal(design[:, 3:4].expand(-1, 3), design[:, 3:])
    # Six steps: an episode of six macros, or one of four and two steps of the next, which ends nothing.
    first_is_short = design[0] == 1
    assert torch.equal(rollout.counts.sum(0), torch.where(first_is_short, 4, 6))


def test_the_learning_rate_follows_how_far_the_policy_moves() -> None:
    assert paced(1e-3, 0.001, 0.02, (1e-4, 3e-3)) == pytest.approx(1.5e-3)
    assert paced(1e-3, 0.01, 0.02, (1e-4, 3e-3)) == 1e-3
    assert paced(1e-3, 0.03, 0.02, (1e-4, 3e-3)) == pytest.approx(1e-3 / 1.5)
    assert paced(1e-3, 0.0, 0.02, (1e-4, 1.2e-3)) == 1.2e-3


def test_draws_follow_the_probabilities_and_entropy_ignores_what_is_illegal() -> None:
    logits = torch.tensor([[0.0, -1e8, 1.0]]).expand(20_000, 3)
    drawn = torch.bincount(draw(logits, torch.Generator().manual_seed(0)), minlength=3) / 20_000
    p = torch.softmax(torch.tensor([0.0, 1.0]), 0)
    torch.testing.assert_close(drawn, torch.tensor([p[0], 0.0, p[1]]), atol=0.02, rtol=0)
    torch.testing.assert_close(entropy(logits)[0], -(p * p.log()).sum())


def test_what_was_played_is_legal_and_its_positions_are_those_of_the_environment() -> None:
    run = make(reward="proxy")
    rollout, figures = run.collect()
    s = rollout.situation
    assert s.legal.flatten(2).gather(2, rollout.action[..., None]).all()
    assert torch.isfinite(rollout.advantage).all()
    assert figures["episodes"] >= 4
    assert figures["dead_ends"] == 0
    # The steps an episode has done are the share of its macros the environment says.
    macros = torch.tensor([6, 4])[s.design]
    torch.testing.assert_close(s.progress[..., 0], s.step / macros, atol=1e-6, rtol=0)
    # Where a macro was put, the environment's occupancy is no longer 0.
    for copy in range(4):
        where = s.where[-1, copy, : s.step[-1, copy]]
        cell = (where * torch.tensor(s.occupancy.shape[:1:-1])).long()
        assert (s.occupancy[-1, copy][cell[:, 1], cell[:, 0]] > 0).all()


def test_a_run_that_goes_on_is_the_run_that_never_stopped_to_the_bit() -> None:
    straight = make()
    for _ in range(3):
        straight.step()
    first = make()
    first.step()
    tensors, numbers = first.state()
    tensors = {name: value.clone() for name, value in tensors.items()}
    second = make(seed=5)
    second.model.load_state_dict(first.model.state_dict())
    second.restore(tensors, numbers)
    for _ in range(2):
        second.step()
    assert second.env_steps == straight.env_steps
    assert all(torch.equal(a, b) for a, b in zip(weights(straight), weights(second), strict=True))


def test_what_is_no_number_stops_the_run_and_keeps_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    run = make()
    run.step()
    before, honest, calls = weights(run), PPO._loss, [0]

    def poisoned(self: PPO, *arguments: object) -> object:
        loss, parts = honest(self, *arguments)  # type: ignore[arg-type]
        calls[0] += 1
        return (loss * float("nan"), parts) if calls[0] == 2 else (loss, parts)

    monkeypatch.setattr(PPO, "_loss", poisoned)
    with pytest.raises(DivergedError, match="iteration 2, epoch 1, minibatch 2"):
        run.step()
    assert all(torch.equal(a, b) for a, b in zip(before, weights(run), strict=True))


def test_it_learns() -> None:
    """On one small design episodes get longer wires cut: the mean return rises clearly above where it began."""
    torch.manual_seed(0)
    config = PPOConfig(copies=24, minibatches=4, epochs=4, reward="hpwl", learning_rate=3e-3, target_kl=0.1)
    model = ActorCritic(TINY)
    with torch.no_grad():  # begin with even odds, not with the greedy decoder's
        model.wire_slope.fill_(-5.0)
        model.pull_slope.fill_(-5.0)
    run = PPO(model, [small_design()], config, env_device="cpu")
    returns = [run.step()["return"] for _ in range(12)]
    assert sum(returns[-3:]) / 3 > returns[0] + 0.1 * abs(returns[0])


def test_dead_ends_cost_what_they_should() -> None:
    torch.manual_seed(0)
    config = PPOConfig(copies=8, minibatches=2, dead_end=-3.0)
    run = PPO(ActorCritic(TINY), [crowded_design()], config, env_device="cpu")
    with torch.no_grad():
        run.model.wire_slope.fill_(-20.0)
        run.model.pull_slope.fill_(-20.0)
    _, figures = run.collect()
    assert 0 < figures["dead_ends"] <= 1
    assert figures["return"] <= -3.0 * figures["dead_ends"] + 1.0


@pytest.mark.parametrize("device", DEVICES)
def test_half_precision_and_orientations_train_too(device: str) -> None:
    torch.manual_seed(0)
    config = PPOConfig(copies=2, minibatches=1, epochs=1, reward="hpwl", amp=True, orientations=True)
    run = PPO(ActorCritic(TINY), [small_design()], config, device=device)
    before = weights(run)
    figures = run.step()
    assert all(torch.isfinite(value).all() for value in weights(run))
    assert any(not torch.equal(a, b) for a, b in zip(before, weights(run), strict=True))
    assert figures["entropy"] > 0
    assert all(p.state.done for p in Decoder(run.model, build_problem(small_design()), device).sample(2))


_WORKER = """
import sys, torch, torch.distributed as dist
from tests.env.designs import small_design
from policies.actor_critic import ActorCritic, PolicyConfig
from policies.ppo import PPO, PPOConfig
dist.init_process_group("gloo")
torch.manual_seed(0)
config = PPOConfig(copies=2, minibatches=1, epochs=2, reward="hpwl")
run = PPO(ActorCritic(PolicyConfig(width=8, layers=1, glances=4, maps=4)), [small_design()], config, env_device="cpu")
first = run.collect()[0].action
run.step()
torch.save([p.detach() for p in run.model.parameters()] + [first], f"{sys.argv[1]}/{dist.get_rank()}.pt")
assert run.env_steps == 2 * 2 * 6
"""


def test_two_processes_play_different_episodes_and_end_with_the_same_weights(tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(_WORKER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(worker)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, str(tmp_path)], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, two = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one[:-1], two[:-1], strict=True))
    assert not torch.equal(one[-1], two[-1])
