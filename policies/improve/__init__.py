"""Expert iteration with a Darwinian archive: a learner that gets better by playing, and has to prove it.

``docs/improve.md`` tells the story. One idea a file: what a generation is made of (:mod:`~policies.improve.parts`),
what is kept on disk (:mod:`~policies.improve.archive`), who becomes a parent (:mod:`~policies.improve.parents`), when a
child is better (:mod:`~policies.improve.trial`), the steps of a generation (:mod:`~policies.improve.generation`) and
their repetition (:mod:`~policies.improve.loop`). Real designs and the real search come in through
:mod:`~policies.improve.search_arena`, the network through :mod:`~policies.improve.policy_part`; everything else knows
only their protocols.
"""
