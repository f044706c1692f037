"""The floor any method must rise above: random and greedy decoding of the placement environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eval.methods.registry import Answer, NotApplicableError, Task, method
from netlists.errors import NetlistError
from placer.budget import Event

if TYPE_CHECKING:
    from netlists.placement import Placement
    from placer.budget import Budget
    from policies.episode import Policy


def _prepare() -> None:
    from netlists.load import load
    from placer.budget import Budget, silent

    small = load("synth20")
    for run in (random, greedy_wire_mask):
        run(Task(small, 0, Budget(), None, 1, 1, small.path.parent, silent))  # type: ignore[union-attr]


@method("random", prepare=_prepare, options=("soft",))
def random(task: Task) -> Answer:
    """Legal cells drawn at random, episode after episode; the best by proxy cost counts.

    Option: ``soft``, see :func:`greedy_wire_mask`. ``iterations`` are episodes; one where neither they nor a time bound
    the run.
    """
    from policies.baselines import random_masked

    return _episodes(task, lambda env: random_masked(env, task.seed), wire_mask=False, many=True)


@method("greedy-wire-mask", prepare=_prepare, deterministic=True, options=("soft",))
def greedy_wire_mask(task: Task) -> Answer:
    """Macro by macro to the cell that lengthens the nets least (MaskPlace, WireMask-EA); one episode.

    Option: ``soft``, ``solver`` (soft objects as the environment places them) or ``exact`` (soft objects and flips of
    macros by exact moves for the rest of the time, as the method ``policy`` finishes).
    """
    from policies.baselines import greedy_wire_mask as policy

    return _episodes(task, policy, wire_mask=True, many=False)


def _episodes(task: Task, make: Any, *, wire_mask: bool, many: bool) -> Answer:  # noqa: ANN401 - Env -> Policy
    from env.macro_placement import MacroPlacementEnv
    from placer.cost.full import full
    from placer.engines.legalise import legalise
    from policies.episode import run_episode
    from policies.finishing import Shortlist, drawing_share

    soft = soft_of(task, "solver")
    try:
        env = MacroPlacementEnv(task.design, maps=False, final_costs=False)
    except NetlistError as error:
        raise NotApplicableError(str(error)) from None
    policy: Policy = make(env)
    best, complete, played = Shortlist(), 0, 0
    share = drawing_share(task.design, soft)
    drawing = task.budget if share == 1.0 or task.time_limit is None else task.budget.part(share * task.budget.left)
    while best.cost is None or (many and not _over(task, drawing, played)):
        if task.budget.over and played:
            break
        episode = run_episode(env, policy, seed=task.seed if played == 0 else None)
        played += 1
        if not episode.complete:
            if not many:  # the same choices would lead to the same dead end
                raise NotApplicableError("the decoding ran into a dead end: a macro had no legal cell left")
            continue
        complete += 1
        if best.add(full(task.design, episode.placement).proxy_cost, episode.placement):
            task.progress(Event("episodes", task.budget.seconds, played, task.iterations, best.cost))
    if best.cost is None:
        raise NotApplicableError(f"none of {played} episodes found a place for every macro")
    facts = {"episodes": played, "complete": complete}
    if soft == "exact":
        return Answer(finish_task(task, best.placements), facts=facts)
    # Macros are legal as they are; soft objects get onto the lattice.
    return Answer(legalise(task.design, best.placements[0], spacing=0.0, seed=task.seed), facts=facts)


def soft_of(task: Task, usual: str) -> str:
    """The option ``soft``.

    Raises:
        NetlistError: it is none of ``solver`` and ``exact``.
    """
    from policies.finishing import SOFT

    soft = task.options.get("soft", usual)
    if soft not in SOFT:
        raise NetlistError("the option soft is unknown", found=soft, expected=" or ".join(SOFT))
    return soft


def finish_task(task: Task, starts: list[Placement]) -> Placement:
    """The end of a run that placed macros: the finishing of the method ``policy``."""
    from policies.finishing import MOVES, finish

    timed = task.time_limit is not None
    return finish(
        task.design, starts, budget=task.budget, seed=task.seed, jobs=task.cores,
        iterations=None if timed else MOVES, progress=task.progress,
    )  # fmt: skip


def _over(task: Task, drawing: Budget, played: int) -> bool:
    return drawing.over or played >= (task.iterations or (10**9 if task.time_limit is not None else 1))
