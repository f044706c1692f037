"""What chooses actions in the environments of :mod:`env`.

A *policy* is any callable ``(observation, info) -> action`` (:data:`policies.episode.Policy`). This package holds
the ones that need no training (:mod:`policies.baselines`), what plays episodes with them (:mod:`policies.episode`), and
a network that learns to place (:mod:`policies.actor_critic`; ``docs/policy.md``) with what trains it
(:mod:`policies.training`) and what places with it (:mod:`policies.placing`). Policies import ``env`` and the floors
below it; nothing below imports them.
"""

from policies.baselines import greedy_wire_mask, random_masked
from policies.episode import Episode, Policy, run_episode

__all__ = ["Episode", "Policy", "greedy_wire_mask", "random_masked", "run_episode"]
