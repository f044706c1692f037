"""The network of ``placer train`` as a part: it makes starts for the search, and learns from what became of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from env.problem import build_problem
from netlists.design import Design
from placer._version import __version__
from placer.budget import Budget
from policies.actor_critic import ActorCritic, parameter_count
from policies.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from policies.demonstrations import Demonstration
from policies.devices import env_device, torch_device
from policies.imitation import Imitation, make_lesson
from policies.improve.parts import Arguments, Experience, Say, Stopped
from policies.improve.settings import Recipe
from policies.placing import learned_starts
from policies.ppo import PPO, PPOConfig

#: Episodes side by side in PPO, and designs of the generation that it plays on.
_COPIES, _DESIGNS = 16, 8


class PolicyPart:
    """A network that places macros.

    Args:
        checkpoint: the network and its card.
        device: where it runs.
    """

    name = "policy"

    def __init__(self, checkpoint: Checkpoint[ActorCritic], device: str = "cpu") -> None:
        self._checkpoint, self._device = checkpoint, torch_device(device)

    @classmethod
    def load(cls, path: Path | None, device: str = "cpu") -> PolicyPart:
        """Read a network; the one that ships with the placer when None.

        Raises:
            NetlistError: see :func:`policies.checkpoint.load_checkpoint`.
        """
        return cls(load_checkpoint(path), device)

    def plug(self, arguments: Arguments) -> Arguments:
        """Its placements are starts of the search."""
        return arguments | {"starter": learned_starts(self._checkpoint.model, device=self._device)}

    def watch(self, arguments: Arguments) -> Arguments:
        """It learns from placements, which the archive keeps: nothing more to watch."""
        return arguments

    def note(self, arguments: Arguments, design: Design, seed: int, budget: Budget, record: Path) -> None:
        """Nothing to write down."""

    def learn(self, experience: Experience, recipe: Recipe, *, seed: int, budget: Budget, say: Say) -> dict[str, float]:
        """Imitate the demonstrations, then play by oneself; see :class:`policies.improve.parts.Part`."""
        figures = self._imitate(experience, recipe, seed, budget, say)
        figures |= self._play(experience, recipe, seed, budget, say)
        card: dict[str, Any] = self._checkpoint.card
        card = card | {
            "placer": __version__, "parameters": parameter_count(self._checkpoint.model),
            "generations": int(card.get("generations", 0)) + 1, "learned": figures,
        }  # fmt: skip
        self._checkpoint = replace(self._checkpoint, card=card)
        return figures

    def save(self, path: Path) -> Path:
        """Write a checkpoint for ``--checkpoint``."""
        return save_checkpoint(path, replace(self._checkpoint, tensors={}, run={}))

    def _imitate(self, experience: Experience, recipe: Recipe, seed: int, budget: Budget, say: Say) -> dict[str, float]:
        lessons = []
        for one in experience.demonstrations:
            _require_time(budget)
            problem = build_problem(experience.design(one.design))
            lessons.append(make_lesson(problem, Demonstration(one.design, one.choices, one.gain)))
        if not lessons:
            return {}
        teaching = Imitation(
            self._checkpoint.model, lessons, learning_rate=recipe.learning_rate, seed=seed, device=self._device
        )
        figures: dict[str, float] = {}
        for epoch in range(recipe.epochs):
            _require_time(budget)
            figures = teaching.epoch()
            say(f"imitation {epoch + 1}/{recipe.epochs}: loss {figures['loss']:.4g}, hit {figures['hit']:.4g}")
        return {"lessons": float(len(lessons)), **figures}

    def _play(self, experience: Experience, recipe: Recipe, seed: int, budget: Budget, say: Say) -> dict[str, float]:
        if not recipe.ppo_iterations or not experience.played:
            return {}
        designs = [experience.design(number) for number in experience.played[:_DESIGNS]]
        config = PPOConfig(copies=_COPIES, minibatches=8, learning_rate=recipe.learning_rate, seed=seed)
        ppo = PPO(self._checkpoint.model, designs, config, self._device, env_device=env_device(self._device))
        figures: dict[str, float] = {}
        for number in range(recipe.ppo_iterations):
            _require_time(budget)
            figures = ppo.step()
            say(f"PPO {number + 1}/{recipe.ppo_iterations}: gain {figures['gain']:.4g}, kl {figures['kl']:.4g}")
        kept = ("gain", "kl", "entropy", "dead_ends")
        return {"env_steps": float(ppo.env_steps), **{name: figures[name] for name in kept}}


def _require_time(budget: Budget) -> None:
    if budget.over:
        raise Stopped
