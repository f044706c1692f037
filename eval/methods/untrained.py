"""The floor any method must rise above: random and greedy decoding of the placement environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eval.methods.registry import Answer, NotApplicableError, Task, method
from netlists.errors import NetlistError
from placer.budget import Event

if TYPE_CHECKING:
    from netlists.placement import Placement
    from policies.episode import Policy


def _prepare() -> None:
    from netlists.load import load
    from placer.budget import Budget, silent

    small = load("synth20")
    for run in (random, greedy_wire_mask):
        run(Task(small, 0, Budget(), None, 1, 1, small.path.parent, silent))  # type: ignore[union-attr]


@method("random", prepare=_prepare, options=())
def random(task: Task) -> Answer:
    """Legal cells drawn at random, episode after episode; the best by proxy cost counts.

    ``iterations`` are episodes; one where neither they nor a time bound the run.
    """
    from policies.baselines import random_masked

    return _episodes(task, lambda env: random_masked(env, task.seed), wire_mask=False, many=True)


@method("greedy-wire-mask", prepare=_prepare, deterministic=True, options=())
def greedy_wire_mask(task: Task) -> Answer:
    """Macro by macro to the cell that lengthens the nets least (MaskPlace, WireMask-EA); one episode."""
    from policies.baselines import greedy_wire_mask as policy

    return _episodes(task, policy, wire_mask=True, many=False)


def _episodes(task: Task, make: Any, *, wire_mask: bool, many: bool) -> Answer:  # noqa: ANN401 - Env -> Policy
    from env.macro_placement import MacroPlacementEnv
    from placer.cost.full import full
    from placer.engines.legalise import legalise
    from policies.episode import run_episode

    try:
        env = MacroPlacementEnv(task.design, maps=False, final_costs=False)
    except NetlistError as error:
        raise NotApplicableError(str(error)) from None
    policy: Policy = make(env)
    best: Placement | None = None
    cost, complete, played = float("inf"), 0, 0
    while best is None or (many and not _over(task, played)):
        if task.budget.over and played:
            break
        episode = run_episode(env, policy, seed=task.seed if played == 0 else None)
        played += 1
        if not episode.complete:
            if not many:  # the same choices would lead to the same dead end
                raise NotApplicableError("the decoding ran into a dead end: a macro had no legal cell left")
            continue
        complete += 1
        found = full(task.design, episode.placement).proxy_cost
        if found < cost:
            best, cost = episode.placement, found
            task.progress(Event("episodes", task.budget.seconds, played, task.iterations, cost))
    if best is None:
        raise NotApplicableError(f"none of {played} episodes found a place for every macro")
    # Macros are legal as they are; soft objects get onto the lattice.
    return Answer(
        legalise(task.design, best, spacing=0.0, seed=task.seed), facts={"episodes": played, "complete": complete}
    )


def _over(task: Task, played: int) -> bool:
    return task.budget.over or played >= (task.iterations or (10**9 if task.time_limit is not None else 1))
