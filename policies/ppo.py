"""Proximal policy optimisation over the batched environment, top to bottom in one file.

After J. Schulman et al., "Proximal Policy Optimization Algorithms", arXiv:1707.06347; advantages after J. Schulman et
al., "High-Dimensional Continuous Control Using Generalized Advantage Estimation", ICLR 2016; illegal actions masked
after S. Huang, S. Ontanon, "A Closer Look at Invalid Action Masking in Policy Gradient Algorithms", FLAIRS 2022.

With ``reward="proxy"`` an episode is judged against the other episodes of the same design in the same iteration, as in
W. Kool et al., "Buy 4 REINFORCE Samples, Get a Baseline for Free!", DeepRLStructPred 2019: how much cheaper than the
greedy decoder a design can get differs far more from design to design than from episode to episode.

An iteration plays :attr:`PPOConfig.steps` steps in every copy and learns from them. All episodes begin anew with it,
so what is between two iterations is weights, the optimiser and random generators: a run that goes on from a checkpoint
takes the same steps to the bit (on a CPU) as one that never stopped.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from env.batched import BatchedMacroPlacement
from env.batched.step import COMPLETE, RUNNING
from env.batched.torch_view import TorchStep
from netlists.design import Design
from policies.actor_critic import ActorCritic, Situation
from policies.errors import DivergedError
from policies.graphs import build_graph, join
from policies.scoring import Scorer, finished

#: Smallest deviation of gains that advantages are scaled up to: a tenth of a percent is noise.
_LEAST_DEVIATION = 0.002


@dataclass(frozen=True)
class PPOConfig:
    """Settings of a run; kept in its checkpoints."""

    copies: int = 32
    """Episodes played side by side, in each process."""
    steps: int = 0
    """Steps of each copy in an iteration; 0 takes as many as the longest episode has."""
    reward: str = "proxy"
    """``"proxy"``: at the end of an episode the exact proxy cost it saves against the greedy wire-mask decoder, as a
    share (worked out on the host), less the mean of the other episodes of that design, over the deviation of all of
    them; ``"hpwl"``: the environment's own reward, entirely on the device."""
    group: int = 8
    """Copies that play the same designs, so that there are episodes to compare with."""
    dead_end: float = -0.5
    """What a dead end is worth with ``reward="proxy"``, as a share too."""
    epochs: int = 2
    """Times an iteration's steps are gone through."""
    minibatches: int = 8
    """Parts they are cut into; whole copies stay together, so each part has few designs to encode."""
    learning_rate: float = 5e-4
    """Of Adam, at first. It grows while the policy hardly moves and shrinks when it moves too far."""
    learning_rates: tuple[float, float] = (1e-4, 3e-3)
    """The least and the largest it may become."""
    gamma: float = 1.0
    """Discount of later rewards."""
    gae_lambda: float = 1.0
    """How far advantages trust rewards over the critic. Where all reward comes at the end, less than 1 takes it away
    from the first steps, which place the largest macros."""
    clip: float = 0.2
    """How far the probability ratio of an action may leave 1 before it stops paying."""
    value_clip: float = 0.2
    """How far values may move in one iteration before it stops paying."""
    value_weight: float = 0.5
    """Of the critic's loss."""
    entropy_weight: float = 0.002
    """Of the entropy bonus."""
    max_grad_norm: float = 0.5
    """Longest step of the gradient."""
    target_kl: float = 0.02
    """Mean divergence from the acting policy after which an iteration's learning ends."""
    amp: bool = False
    """bfloat16 where precision does not matter (autocast)."""
    orientations: bool = False
    """Whether actions choose an orientation too, of all eight."""
    seed: int = 0
    """Of every random choice."""

    def __post_init__(self) -> None:
        if self.reward not in ("proxy", "hpwl"):
            raise ValueError(f"unknown reward {self.reward!r}, expected 'proxy' or 'hpwl'")
        if not 1 <= self.minibatches <= self.copies:
            raise ValueError(f"{self.copies} copies cannot be cut into {self.minibatches} minibatches")
        if self.group < 1:
            raise ValueError("a group is one copy or more")
        if min(self.steps, self.epochs - 1) < 0 or self.learning_rate <= 0:
            raise ValueError("steps must be 0 or more, epochs 1 or more and the learning rate positive")


class Rollout(NamedTuple):
    """What an iteration learns from: ``S`` steps of ``B`` copies, each tensor ``[S, B, ...]``.

    Attributes:
        situation: what was decided on; ``design`` are numbers of the trainer's designs.
        action: ``[S, B]`` what was done.
        log_prob: its log-probability then.
        value: what the critic expected.
        advantage: how much better it went.
        target: what the critic should have expected.
        counts: bool, whether to learn from the step: not where its episode was cut short before there was a reward.
    """

    situation: Situation
    action: Tensor
    log_prob: Tensor
    value: Tensor
    advantage: Tensor
    target: Tensor
    counts: Tensor


class PPO:
    """A run of PPO.

    With ``torch.distributed`` initialised every process plays copies of its own and gradients are averaged.

    Args:
        model: the network, changed in place.
        designs: what to train on.
        config: settings.
        device: of the network.
        env_device: JAX device or platform of the environment; None takes JAX's default.

    Raises:
        NetlistError: a design cannot be played.

    Attributes:
        rate: learning rate of the next iteration.
        iteration: iterations done.
        env_steps: environment steps done, over all processes.
    """

    def __init__(
        self,
        model: ActorCritic,
        designs: Sequence[Design],
        config: PPOConfig | None = None,
        device: torch.device | str = "cpu",
        env_device: str | jax.Device | None = None,
    ) -> None:
        self.config = c = config or PPOConfig()
        self.device, self.model = torch.device(device), model.to(device)
        self.rank, self.world = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
        self.env = BatchedMacroPlacement(
            c.copies, designs=list(designs), dtype="float32", autoreset_mode="SameStep", device=env_device,
            orientations="all" if c.orientations else None,
        )  # fmt: skip
        self.codes = tuple(range(8)) if c.orientations else (0,)
        self.graphs = [build_graph(problem) for problem in self.env.problems]
        self.scorers = [Scorer(problem) for problem in self.env.problems]
        self._shape = torch.tensor([g.shape for g in self.graphs], device=self.device)
        # The orientation scores get no gradient where there is nothing to choose.
        self._net: nn.Module = (
            DistributedDataParallel(self.model, find_unused_parameters=True) if self.world > 1 else self.model
        )
        self.rate = c.learning_rate
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=c.learning_rate, eps=1e-5)
        self.random = torch.Generator(self.device).manual_seed(c.seed * 1_000_003 + self.rank)
        self.iteration = self.env_steps = 0

    def step(self) -> dict[str, float]:
        """Play and learn once.

        Returns:
            Figures of the iteration: losses, divergence, entropy, how episodes ended, steps a second.

        Raises:
            DivergedError: a number was none; the weights are as before.
        """
        started = time.perf_counter()
        good = {name: value.clone() for name, value in self.model.state_dict().items()}
        rollout, figures = self.collect()
        played = time.perf_counter() - started
        try:
            figures |= self.learn(rollout)
        except DivergedError:
            self.model.load_state_dict(good)
            raise
        steps = rollout.action.numel() * self.world
        self.iteration += 1
        self.env_steps += steps
        seconds = time.perf_counter() - started
        return figures | {"steps_per_second": steps / seconds, "play_share": played / seconds}

    # -- playing -------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def collect(self) -> tuple[Rollout, dict[str, float]]:
        """Play one iteration's steps with the present weights."""
        c, longest = self.config, max(len(g.macros) for g in self.graphs)
        copies = torch.arange(c.copies, device=self.device)
        encoded = self.model.encode(join(self.graphs, self.device))
        view = self.env.torch()
        # Seeds for every iteration, process and group: which designs are drawn depends on nothing played before.
        seeds = np.random.SeedSequence([c.seed, self.iteration, self.rank]).generate_state(-(-c.copies // c.group))
        seen = view.reset([int(seed) for seed in np.repeat(seeds, c.group)[: c.copies]])
        step = torch.zeros(c.copies, dtype=torch.int64, device=self.device)
        where = torch.zeros(c.copies, longest, 2, device=self.device)
        choices = torch.zeros(c.copies, longest, dtype=torch.int64, device=self.device)
        kept, rewards, overs, gains = [], [], [], list[float]()
        for _ in range(c.steps or longest):
            s = self._situation(seen, step, where.clone())
            with self._autocast():
                said = self.model.decide(encoded, s, self.codes)
            action = draw(said.logits, self.random)
            kept.append((s, action, log_probs(said.logits, action), said.value))
            choices[copies, step], where[copies, step] = self._placed(s, action)
            seen = view.step(action.to(seen.reward.device))
            step = step + 1
            rewards.append(self._reward(seen, s.design, choices, step, gains))
            overs.append(seen.terminated.to(self.device))
            step = torch.where(overs[-1], 0, step)
        with self._autocast():
            after = self.model.decide(encoded, self._situation(seen, step, where), self.codes).value
        situations, actions, chances, values = zip(*kept, strict=True)
        value, reward, over = torch.stack(values), torch.stack(rewards), torch.stack(overs)
        figures = {"episodes": float(over.sum()), "return": float(reward.sum()) / max(int(over.sum()), 1)}
        counts = torch.ones_like(over)
        if c.reward == "proxy":
            designs = torch.stack([s.design for s in situations])
            reward[over] = compared(reward[over], designs[over])
            counts = over.flip(0).cumsum(0).flip(0) > 0
            counts |= ~counts.any(0)  # copies that ended nothing at all learn from what the critic says
        advantage = advantages(reward, value, over, after, c.gamma, c.gae_lambda)
        rollout = Rollout(
            Situation(*(torch.stack(field) for field in zip(*situations, strict=True))),
            torch.stack(actions), torch.stack(chances), value, advantage, advantage + value, counts,
        )  # fmt: skip
        complete = [gain for gain in gains if gain == gain]
        if c.reward == "proxy":
            figures["dead_ends"] = 1 - len(complete) / max(len(gains), 1)
            figures["gain"] = float(np.mean(complete)) if complete else float("nan")
        return rollout, figures

    def _situation(self, seen: TorchStep, step: Tensor, where: Tensor) -> Situation:
        got = {key: value.to(self.device) for key, value in seen.observation.items()}
        legal, wire = got["legality_mask"] > 0, got["wire_mask"]
        if legal.ndim == 3:
            legal, wire = legal[:, None], wire[:, None]
        return Situation(
            got["ids"][:, 0].long(), step, where, got["occupancy"], got["blockage"], legal, wire, got["macro"],
            got["progress"],
        )  # fmt: skip

    def _placed(self, s: Situation, action: Tensor) -> tuple[Tensor, Tensor]:
        """``[B]`` choices of :class:`env.state.MacroState` and ``[B, 2]`` relative positions of actions."""
        rows, columns = s.occupancy.shape[1:]
        turn, row, column = action // (rows * columns), action // columns % rows, action % columns
        shape = self._shape[s.design]
        at = torch.stack([(column + 0.5) / shape[:, 1], (row + 0.5) / shape[:, 0]], dim=1)
        return (turn * shape[:, 0] + row) * shape[:, 1] + column, at

    def _reward(self, seen: TorchStep, design: Tensor, choices: Tensor, step: Tensor, gains: list[float]) -> Tensor:
        if self.config.reward == "hpwl":
            return seen.reward.to(self.device, torch.float32)
        reward = np.zeros(self.config.copies, np.float32)
        reason = seen.reason.cpu().numpy()
        for copy in np.flatnonzero(reason != RUNNING):
            scorer = self.scorers[int(design[copy])]
            reward[copy], gain = self.config.dead_end, float("nan")
            if reason[copy] == COMPLETE:
                state = scorer.replay(choices[copy, : int(step[copy])].cpu().numpy())
                gain = scorer.gain(finished(scorer.problem.design, state))
                reward[copy] = gain
            gains.append(gain)
        return torch.from_numpy(reward).to(self.device)

    # -- learning ------------------------------------------------------------------------------------------------------

    def learn(self, rollout: Rollout) -> dict[str, float]:
        """Go through the steps of a rollout ``epochs`` times, or until the policy has moved far enough.

        Raises:
            DivergedError: a loss or gradient was not a number; the weights may have changed.
        """
        c, figures = self.config, list[dict[str, float]]()
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate
        epoch, moved = 0, 0.0
        for epoch in range(c.epochs):
            # Groups stay together: each part then has few designs to encode.
            groups = torch.arange(c.copies, device=self.device).split(c.group)
            order = torch.randperm(len(groups), generator=self.random, device=self.device).tolist()
            parts_of = torch.cat([groups[k] for k in order]).chunk(c.minibatches)
            divergence = torch.zeros((), device=self.device)
            for part, copies in enumerate(parts_of):
                loss, parts = self._loss(rollout, copies)
                self.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                norm = nn.utils.clip_grad_norm_(self.model.parameters(), c.max_grad_norm)
                # The gradient is the mean over all processes: each of them sees here what went wrong in any.
                if not torch.isfinite(norm):
                    said = ", ".join(f"{name} {value:g}" for name, value in parts.items())
                    raise DivergedError(
                        f"the gradient is not a number in iteration {self.iteration + 1}, epoch {epoch + 1}, "
                        f"minibatch {part + 1} ({said})"
                    )
                self.optimizer.step()
                divergence += parts["kl"] / c.minibatches
                figures.append(parts | {"grad_norm": float(norm)})
            if self.world > 1:
                dist.all_reduce(divergence)
                divergence /= self.world
            moved = float(divergence)
            if moved > c.target_kl:
                break
        means = {name: float(np.mean([one[name] for one in figures])) for name in figures[0]}
        spread = rollout.target.var()
        explained = 1 - (rollout.target - rollout.value).var() / spread if spread > 0 else torch.zeros(())
        means |= {"epochs": float(epoch + 1), "explained_variance": float(explained), "learning_rate": self.rate}
        self.rate = paced(self.rate, moved, c.target_kl, c.learning_rates)
        return means

    def _loss(self, rollout: Rollout, copies: Tensor) -> tuple[Tensor, dict[str, float]]:
        c = self.config
        counts = rollout.counts[:, copies]
        s = Situation(*(field[:, copies][counts] for field in rollout.situation))
        action, before, value_before, advantage, target = (field[:, copies][counts] for field in rollout[1:-1])
        used, local = s.design.unique(return_inverse=True)
        graph = join([self.graphs[k] for k in used.tolist()], self.device)
        with self._autocast():
            said = self._net(graph, s._replace(design=local), self.codes)
        if c.reward == "hpwl":  # the others are in units of their design's deviation already
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        change = log_probs(said.logits, action) - before
        ratio = change.exp()
        policy = torch.max(-advantage * ratio, -advantage * ratio.clamp(1 - c.clip, 1 + c.clip)).mean()
        near = value_before + (said.value - value_before).clamp(-c.value_clip, c.value_clip)
        value = 0.5 * torch.max((said.value - target) ** 2, (near - target) ** 2).mean()
        spread = entropy(said.logits).mean()
        with torch.no_grad():  # J. Schulman's low-variance estimate of the divergence
            kl = ((ratio - 1) - change).mean()
        loss = policy + c.value_weight * value - c.entropy_weight * spread
        parts = {"policy": policy, "value": value, "entropy": spread, "kl": kl}
        return loss, {name: float(part.detach()) for name, part in parts.items()}

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.amp)

    # -- checkpoints ---------------------------------------------------------------------------------------------------

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that a run needs to go on, beside the model: tensors, and numbers."""
        tensors = {"random": self.random.get_state()}
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"adam.{key}.{name}"] = value
        return tensors, {"iteration": self.iteration, "env_steps": self.env_steps, "rate": self.rate}

    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Go on from a :meth:`state`.

        Raises:
            ValueError: it is one of another network.
        """
        state = {}
        for k, (name, parameter) in enumerate(self.model.named_parameters()):
            own = {key: tensors[f"adam.{key}.{name}"] for key in _ADAM if f"adam.{key}.{name}" in tensors}
            if own and (own.keys() != set(_ADAM) or any(own[key].shape != parameter.shape for key in _ADAM[1:])):
                raise ValueError(f"the optimiser's state does not fit the network at {name!r}")
            if own:
                state[k] = own
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        self.random.set_state(tensors["random"].cpu())
        self.iteration, self.env_steps = numbers["iteration"], numbers["env_steps"]
        self.rate = float(numbers["rate"])


#: What Adam remembers of each parameter; all but the first have the parameter's shape.
_ADAM: tuple[str, ...] = ("step", "exp_avg", "exp_avg_sq")


def advantages(reward: Tensor, value: Tensor, over: Tensor, after: Tensor, gamma: float, gae_lambda: float) -> Tensor:
    """Generalised advantage estimates, ``[S, B]``.

    Args:
        reward: ``[S, B]``.
        value: ``[S, B]`` the critic's, before each step.
        over: ``[S, B]`` bool, whether an episode ended with the step.
        after: ``[B]`` the critic's value after the last step.
        gamma: discount.
        gae_lambda: weight of longer looks ahead.
    """
    out, ahead, following = torch.zeros_like(value), torch.zeros_like(after), after
    for k in range(len(reward) - 1, -1, -1):
        on = (~over[k]).float()
        surprise = reward[k] + gamma * following * on - value[k]
        ahead = surprise + gamma * gae_lambda * on * ahead
        out[k], following = ahead, value[k]
    return out


def compared(gain: Tensor, design: Tensor) -> Tensor:
    """``[n]`` gains of episodes less the mean of the others of the same design, over the deviation of all of them.

    Args:
        gain: ``[n]``.
        design: ``[n]`` whole numbers.

    Returns:
        0 for an episode that is the only one of its design; at most 4 on either side.
    """
    _, number = design.unique(return_inverse=True)
    count = torch.bincount(number).to(gain.dtype)
    mean = torch.zeros_like(count).index_add(0, number, gain) / count
    away = gain - mean[number]
    deviation = (torch.zeros_like(count).index_add(0, number, away**2) / count).sqrt()
    # Leaving an episode out of its own baseline stretches its distance from the mean.
    stretch = torch.where(count > 1, count / (count - 1).clamp(min=1), 0.0)
    return (away * stretch[number] / deviation.clamp(min=_LEAST_DEVIATION)[number]).clamp(-4.0, 4.0)


def paced(rate: float, moved: float, target: float, limits: tuple[float, float]) -> float:
    """The learning rate after an iteration in which the policy moved so far.

    Half as much again after less than a third of the divergence that would have ended it, a third less after more than
    all of it.
    """
    if moved < target / 3:
        rate *= 1.5
    elif moved > target:
        rate /= 1.5
    return min(max(rate, limits[0]), limits[1])


def draw(logits: Tensor, random: torch.Generator) -> Tensor:
    """``[B]`` actions from ``[B, A]`` logits: the largest after adding Gumbel noise."""
    noise = torch.rand(logits.shape, generator=random, device=logits.device).clamp(1e-20, 1 - 1e-7)
    return (logits - torch.log(-torch.log(noise))).argmax(dim=1)


def log_probs(logits: Tensor, action: Tensor) -> Tensor:
    """``[B]`` log-probability of each action."""
    return torch.log_softmax(logits, dim=1).gather(1, action[:, None])[:, 0]


def entropy(logits: Tensor) -> Tensor:
    """``[B]`` entropy of the masked distributions, in nats."""
    log_p = torch.log_softmax(logits, dim=1)
    # Illegal actions have probability 0 and a finite logarithm, so they add 0.
    return -(log_p.exp() * log_p).sum(dim=1)
