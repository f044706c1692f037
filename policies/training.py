"""A training run from its beginning, or from where it was stopped: designs, imitation, PPO, held-out scores, files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist

from env.problem import build_problem
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.load import load
from placer._version import __version__
from placer.budget import Budget
from policies.actor_critic import ActorCritic, PolicyConfig, parameter_count
from policies.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from policies.decoding import Decoder
from policies.demonstrations import demonstrate, load_demonstrations, save_demonstrations
from policies.devices import env_device, torch_device
from policies.errors import DivergedError
from policies.imitation import Imitation, make_lesson
from policies.logs import TrainLog
from policies.ppo import PPO, PPOConfig
from policies.scoring import Scorer, finished
from policies.splits import HELD_OUT, HELD_OUT_SEED, synthetic_designs

#: In the folder of a run: the latest state, and the network with the best held-out score.
LAST, BEST, LESSONS = "last.safetensors", "best.safetensors", "demonstrations.safetensors"
#: Orientations every macro may be given where actions choose them.
_ALL = tuple(range(8))


@dataclass(frozen=True)
class TrainConfig:
    """What a run does; kept in its checkpoints, so that it can go on."""

    steps: int | None = None
    """Environment steps after which it ends; None leaves that to the clock."""
    designs: int = 20
    """Generated designs to train on."""
    largest: int = 64
    """Most macros of them."""
    open_designs: tuple[str, ...] = ()
    """Further designs to train on; held-out ones are refused."""
    finetune: str | None = None
    """The one design to train on instead."""
    imitate: int = 0
    """Exact moves of the search behind each lesson to learn from first; 0 for no imitation."""
    imitation_epochs: int = 40
    """Times every lesson is gone through."""
    held_out: int = 12
    """Generated designs, never trained on, that the network is tried on."""
    trial_draws: int = 4
    """Episodes drawn on each of them at every trial, always with the same dice, beside the most likely one."""
    evaluate_every: int = 5
    """Iterations between two trials and checkpoints."""
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    """Sizes of a new network."""
    ppo: PPOConfig = field(default_factory=PPOConfig)
    """Settings of PPO."""

    def __post_init__(self) -> None:
        held = {Path(name).name for name in self.open_designs} & set(HELD_OUT)
        if held:
            raise NetlistError(f"{min(held)} is held out: networks are judged on it, so none is pretrained on it")
        if (self.steps is not None and self.steps < 0) or min(self.designs, self.evaluate_every) < 1:
            raise NetlistError("steps must not be negative, designs and evaluate_every at least 1")


Say = Callable[[str], None]


def train(
    config: TrainConfig,
    folder: Path,
    *,
    budget: Budget | None = None,
    device: str = "auto",
    checkpoint: Path | None = None,
    resume: bool = False,
    say: Say = lambda _: None,
) -> Path:
    """Train a network, or go on training it.

    Under ``torchrun`` all processes train together and the first one writes.

    Args:
        config: what to do; replaced by what the checkpoint says when a run goes on, but for ``steps``.
        folder: gets ``last.safetensors`` (all that is needed to go on), ``best.safetensors`` (the network with the
            best held-out score), ``metrics.jsonl`` and the demonstrations.
        budget: ends the run, after the iteration under way.
        device: see :func:`policies.devices.torch_device`.
        checkpoint: network to begin with; a new one when None.
        resume: go on from ``last.safetensors`` in ``folder``.
        say: told now and then, in one line, how it goes.

    Returns:
        The file with the latest network.

    Raises:
        NetlistError: a design or checkpoint cannot be used, or CUDA is asked for and absent.
        DivergedError: a number was none; ``last.safetensors`` holds the last good weights.
    """
    budget = budget or Budget()
    local = int(os.environ.get("LOCAL_RANK", "0"))
    where = torch_device(device, local)
    begun = _begin(config, folder, checkpoint, resume)
    with _processes(where):
        return _Run(begun, folder, budget, where, say).run()


def _begin(
    config: TrainConfig, folder: Path, checkpoint: Path | None, resume: bool
) -> tuple[TrainConfig, Checkpoint[ActorCritic]]:
    """Settings and network a run begins with."""
    if not resume:
        if checkpoint is None:
            torch.manual_seed(config.ppo.seed)
            return config, Checkpoint(ActorCritic(config.policy))
        loaded = load_checkpoint(checkpoint)
        return replace(config, policy=loaded.model.config), Checkpoint(loaded.model, loaded.card)
    loaded = load_checkpoint(folder / LAST)
    try:
        known = dict(loaded.run["config"])
        known["policy"], known["ppo"] = PolicyConfig(**known["policy"]), PPOConfig(**_tupled(known["ppo"]))
        known["open_designs"] = tuple(known["open_designs"])
        stored = TrainConfig(**known)
    except (KeyError, TypeError, ValueError) as error:
        raise NetlistError(
            f"a network, but not the state of a training run ({error})", file=folder / LAST,
            expected="a last.safetensors of placer train",
        ) from None  # fmt: skip
    return replace(stored, steps=config.steps), loaded


@contextmanager
def _processes(device: torch.device) -> Iterator[None]:
    """Join the other processes, when started by ``torchrun``."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or dist.is_initialized():
        yield
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


class _Run:
    """One call of :func:`train`."""

    def __init__(
        self,
        begun: tuple[TrainConfig, Checkpoint[ActorCritic]],
        folder: Path,
        budget: Budget,
        device: torch.device,
        say: Say,
    ) -> None:
        self.config, self._from = begun
        self._folder, self._budget, self._device = folder, budget, device
        self._first = not dist.is_initialized() or dist.get_rank() == 0
        self._say = say if self._first else lambda _: None
        self.model = self._from.model.to(device)
        self._designs = self._training_designs()
        self._best = float(self._from.run.get("best", -np.inf))
        self._before = float(self._from.run.get("seconds", 0.0))  # of earlier calls
        self._began: list[float] = list(self._from.run.get("began", []))  # "drawn" of each design in the first trial
        self._card: dict[str, Any] = dict(self._from.card)

    def run(self) -> Path:
        c = self.config
        problems = [build_problem(one, orientations=_ALL if c.ppo.orientations else None) for one in self._designs]
        going_on = bool(self._from.run)
        if c.imitate > 0 and not going_on:
            self._imitate([Scorer(problem) for problem in problems])
        if dist.is_initialized():  # imitation is the first process's work
            for value in self.model.state_dict().values():
                dist.broadcast(value, 0)
        ppo = PPO(self.model, self._designs, c.ppo, self._device, env_device=env_device(self._device))
        if going_on:
            self._restore(ppo)
        trials = [Scorer(build_problem(one)) for one in self._trial_designs()] if self._first else []
        log = TrainLog(self._folder, self._say, ppo.iteration if going_on else None) if self._first else None
        try:
            if not going_on:
                self._save(ppo, log, self._try(trials))
            while not self._over(ppo):
                try:
                    figures = ppo.step()
                except DivergedError:
                    self._save(ppo, None, {})
                    raise
                if ppo.iteration % c.evaluate_every == 0 or self._over(ppo):
                    figures |= self._try(trials)
                self._save(ppo, log, figures)
        finally:
            if log is not None:
                log.close()
        return self._folder / LAST

    # -- designs -------------------------------------------------------------------------------------------------------

    def _training_designs(self) -> list[Design]:
        c = self.config
        if c.finetune is not None:
            return [load(c.finetune)]
        return synthetic_designs(0, c.designs, c.largest) + [load(name) for name in c.open_designs]

    def _trial_designs(self) -> list[Design]:
        if self.config.finetune is not None:
            return self._designs
        return synthetic_designs(HELD_OUT_SEED, self.config.held_out, self.config.largest)

    # -- stages --------------------------------------------------------------------------------------------------------

    def _imitate(self, scorers: Sequence[Scorer]) -> None:
        c, file = self.config, self._folder / LESSONS
        if not self._first:
            return
        if not file.exists():  # else from a run that was stopped while imitating
            found = demonstrate(
                scorers, c.imitate, seed=c.ppo.seed, budget=self._budget,
                say=lambda k, gain: self._say(f"demonstration {k + 1}/{len(scorers)}: {100 * gain:+.1f} % over greedy"),
            )  # fmt: skip
            save_demonstrations(file, found, [s.problem.design.netlist.name for s in scorers])
        found = load_demonstrations(file, [s.problem for s in scorers])
        if not found:
            self._say("no demonstration is better than the greedy decoder: nothing to imitate")
            return
        lessons = [make_lesson(scorers[one.design].problem, one) for one in found]
        teaching = Imitation(self.model, lessons, seed=c.ppo.seed, device=self._device)
        for epoch in range(c.imitation_epochs):
            if self._budget.over:
                break
            figures = teaching.epoch()
            self._say(f"imitation {epoch + 1}/{c.imitation_epochs}: " + _line(figures))
        self._card["imitation"] = {
            "episodes": len(lessons), "epochs": c.imitation_epochs, "proposals_each": c.imitate,
            "mean_gain": float(np.mean([one.gain for one in found])),
        }  # fmt: skip

    def _try(self, trials: Sequence[Scorer]) -> dict[str, float]:
        """Gains over the greedy wire-mask decoder on designs never trained on, mean over designs.

        ``greedy`` of the most likely episode, ``drawn`` the mean of some draws, ``best`` the best of all of these;
        ``rise`` is how much ``drawn`` has risen since the first trial, with ``rise_error``, the standard error over
        designs of that difference.
        """
        if not trials:
            return {}
        was = self.model.training
        found = []
        for scorer in trials:
            decoder, design = Decoder(self.model, scorer.problem, self._device), scorer.problem.design
            played = [decoder.greedy(), *decoder.sample(self.config.trial_draws, seed=0)]
            dead = self.config.ppo.dead_end
            gains = [scorer.gain(finished(design, one.state)) if one.state.done else dead for one in played]
            found.append((gains[0], float(np.mean(gains[1:] or gains)), max(gains)))
        self.model.train(was)
        drawn = np.array([one[1] for one in found])
        if len(self._began) != len(found):
            self._began = drawn.tolist()
        rise = drawn - self._began
        means = np.mean(found, axis=0).tolist()
        figures = dict(zip(("greedy", "drawn", "best"), means, strict=True)) | {"rise": float(rise.mean())}
        if len(found) > 1:
            figures["rise_error"] = float(rise.std(ddof=1) / len(found) ** 0.5)
        name = "own" if self.config.finetune is not None else "held_out"
        return {f"{name}/{key}": value for key, value in figures.items()}

    # -- ends and files ------------------------------------------------------------------------------------------------

    def _over(self, ppo: PPO) -> bool:
        over = self._budget.over or (self.config.steps is not None and ppo.env_steps >= self.config.steps)
        if not dist.is_initialized():
            return over
        flag = torch.tensor([float(over)], device=self._device)
        dist.broadcast(flag, 0)  # clocks differ; all processes have to do the same number of iterations
        return bool(flag.item())

    def _save(self, ppo: PPO, log: TrainLog | None, figures: dict[str, float]) -> None:
        if not self._first:
            return
        scores = {name: value for name, value in figures.items() if "/" in name}
        if log is not None:
            log.write(ppo.iteration, figures | {"env_steps": float(ppo.env_steps), "seconds": self._seconds})
            self._say(f"iteration {ppo.iteration}, {ppo.env_steps} steps: " + _line(figures))
        self._card |= {
            "placer": __version__, "device": self._device.type, "env_steps": ppo.env_steps,
            "parameters": parameter_count(self.model), "trained_on": [d.netlist.name for d in self._designs],
        }  # fmt: skip
        if scores:
            self._card["scores"] = scores
        drawn = max((value for name, value in scores.items() if name.endswith("/drawn")), default=-np.inf)
        if drawn > self._best:
            self._best = drawn
            save_checkpoint(self._folder / BEST, Checkpoint(self.model, self._card))
        tensors, numbers = ppo.state()
        run = {"config": asdict(self.config), "numbers": numbers, "best": self._best, "began": self._began,
               "seconds": self._seconds}  # fmt: skip
        save_checkpoint(self._folder / LAST, Checkpoint(self.model, self._card, tensors, run))

    @property
    def _seconds(self) -> float:
        return self._before + self._budget.seconds

    def _restore(self, ppo: PPO) -> None:
        try:
            ppo.restore(self._from.tensors, self._from.run["numbers"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise NetlistError(
                f"the state of the training run is damaged ({error})", file=self._folder / LAST
            ) from None


def _tupled(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as they were before JSON made lists of tuples."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}


def _line(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
