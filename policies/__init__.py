"""What chooses actions in the environments of :mod:`env`.

A *policy* is any callable ``(observation, info) -> action`` (:data:`policies.episode.Policy`). This package holds
the ones that need no training (:mod:`policies.baselines`) and what plays episodes with them
(:mod:`policies.episode`). Learned policies (graph encoders, actor-critics and what trains them) are this floor's too
and come with later releases. Policies import ``env`` and the floors below it; nothing below imports them.
"""

from policies.baselines import greedy_wire_mask, random_masked
from policies.episode import Episode, Policy, run_episode

__all__ = ["Episode", "Policy", "greedy_wire_mask", "random_masked", "run_episode"]
