"""What a generation does, and how its child learns."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from netlists.errors import NetlistError

#: Most designs of a trial: the exact test counts all ways to flip their signs (:mod:`policies.improve.trial`).
MOST_TRIAL_DESIGNS = 40
#: Most macros of generated designs, where nothing else is said.
LARGEST = 64


@dataclass(frozen=True)
class Recipe:
    """How a child learns. It is inherited with small changes, so the archive tries ways of learning as well."""

    learning_rate: float = 3e-4
    """Of Adam."""
    epochs: int = 10
    """Times every demonstration is gone through."""
    ppo_iterations: int = 2
    """Iterations of PPO after that."""

    def mutated(self, rng: np.random.Generator) -> Recipe:
        """A recipe a little different: each number by a factor whose logarithm has standard deviation 0.3.

        Args:
            rng: random numbers.
        """
        rate, epochs = np.exp(rng.normal(0.0, 0.3, 2)) * (self.learning_rate, self.epochs)
        # Whole numbers this small move by whole steps; 0 stays 0: whoever switched PPO off wants none.
        more = int(rng.integers(-1, 2)) if self.ppo_iterations else 0
        return replace(
            self,
            learning_rate=float(np.clip(rate, 1e-5, 3e-3)),
            epochs=int(np.clip(round(epochs), 1, 100)),
            ppo_iterations=max(min(self.ppo_iterations, 1), self.ppo_iterations + more),
        )


@dataclass(frozen=True)
class Settings:
    """Of one generation; kept with it, so that a generation that goes on after a kill does what it began."""

    games: int = 16
    """Training designs that the search places."""
    moves: int = 40_000
    """Exact moves of the search on each."""
    replay: int = 64
    """Demonstrations to learn from, at most."""
    trial_designs: int = 24
    """Held-out designs of the trial."""
    trial_seeds: int = 1
    """Pairs of runs on each."""
    trial_seconds: float = 10.0
    """Wall-clock of each run, inference included."""
    explore: float = 0.25
    """How often the parent is not the incumbent."""
    jobs: int = 1
    """Searches side by side, in games and trials."""
    recipe: Recipe = field(default_factory=Recipe)
    """What the founder hands down."""

    def __post_init__(self) -> None:
        for name in ("games", "moves", "replay", "trial_designs", "trial_seeds", "jobs"):
            if getattr(self, name) < 1:
                raise NetlistError(f"{name.replace('_', ' ')} must be at least 1", found=getattr(self, name))
        if not 0.0 < self.trial_seconds < float("inf"):
            raise NetlistError("the runs of a trial need time", found=self.trial_seconds)
        if not 0.0 <= self.explore <= 1.0:
            raise NetlistError("how often to explore is a share from 0 to 1", found=self.explore)
        if self.trial_designs > MOST_TRIAL_DESIGNS:
            raise NetlistError(
                "too many designs for one trial; more seeds on each sharpen it too",
                found=self.trial_designs, expected=f"at most {MOST_TRIAL_DESIGNS}",
            )  # fmt: skip
