"""Placing with a network: draw placements, score each exactly, keep the best and make it legal."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch

from env.problem import build_problem
from netlists.design import Design
from netlists.errors import PlacementError
from netlists.netlist import PORT
from netlists.placement import Placement
from placer.budget import Budget, Event, Progress, silent
from placer.cost.full import CostWeights, full
from placer.cost.legality import check
from placer.engines.legalise import legalise
from placer.flow import Result
from policies.actor_critic import ActorCritic
from policies.decoding import Decoder, Played
from policies.scoring import finished

#: Episodes decoded side by side: enough that the network costs less than the scoring.
_SIDE_BY_SIDE = 8
#: Seconds kept back for the legaliser and the final score.
_RESERVE = 0.3
#: Temperatures the draws take turns with.
_TEMPERATURES = (1.0, 0.7, 1.3, 0.5)
#: Part of the time that starts for the search may take.
START_SHARE = 0.15


def place(
    design: Design,
    model: ActorCritic,
    *,
    budget: Budget,
    seed: int = 0,
    draws: int | None = None,
    progress: Progress = silent,
    weights: CostWeights | None = None,
    device: torch.device | str = "cpu",
) -> Result:
    """Place a design with a network alone.

    The greedy episode comes first, then draws until the time is over; soft objects are placed around the macros of each
    by the environment's solver, the cheapest placement by exact cost is kept, and the legaliser goes over it.

    Args:
        design: what to place.
        model: the network.
        budget: when to stop; without a limit after ``draws``.
        seed: of the draws.
        draws: episodes besides the greedy one; as many as there is time for when None.
        progress: told how far the run is.
        weights: of what is minimised.
        device: where the network is to run.

    Returns:
        The result; ``stats`` counts episodes, those that were complete and the one that won.

    Raises:
        NetlistError: the environment cannot play the design.
        PlacementError: no legal placement was found.
        ValueError: neither a time limit nor a number of draws.
    """
    if draws is None and budget.time_limit is None:
        raise ValueError("a run needs a time limit or a number of draws")
    history: list[tuple[float, str, float]] = []
    best: tuple[float, Placement] | None = None
    count = complete = winner = 0
    for played in _episodes(design, model, budget, seed, draws, device):
        placement = finished(design, played.state)
        count, complete = count + 1, complete + played.state.done
        # An unfinished episode overlaps: it only counts while there is nothing else.
        cost = full(design, placement, weights).proxy_cost + (0.0 if played.state.done else 1e3)
        if best is None or cost < best[0]:
            best, winner = (cost, placement), count
            history.append((budget.seconds, "policy", cost))
        progress(Event("policy", budget.seconds, step=count, total=draws, cost=best[0] if complete else None))
    assert best is not None  # the greedy episode is always played
    # A legal placement must come out even past the limit.
    placement = legalise(design, best[1], seed=seed, budget=Budget(max(budget.left, 30.0)))
    legality = check(design, placement, reference=design.placement)
    if not legality.legal:
        raise PlacementError(f"the placement breaks a rule: {legality.summary()}")
    given = bool(design.placement.placed[design.netlist.node_kind != PORT].all())
    objective = full(design, placement, weights).proxy_cost
    history.append((budget.seconds, "legalise", objective))
    return Result(
        design=design,
        placement=placement,
        cost=full(design, placement),
        start_placement=design.placement if given else placement,
        start_cost=full(design) if given else None,
        legality=legality,
        history=history,
        seconds=budget.seconds,
        stats={"engine": "policy", "seed": seed, "episodes": count, "complete": complete, "winner": winner},
        interrupted=budget.stop.is_set(),
        objective=objective,
    )


def learned_starts(
    model: ActorCritic, count: int = 2, device: torch.device | str = "cpu"
) -> Callable[[Design, Budget, int], list[Placement]]:
    """Placements of a network as starts for the search (``placer.flow.place(learned=...)``).

    Args:
        model: the network.
        count: starts wanted.
        device: where the network is to run.

    Returns:
        ``(design, budget, seed) -> placements``, cheapest first; only complete episodes.
    """

    def starts(design: Design, budget: Budget, seed: int) -> list[Placement]:
        found: list[tuple[float, int, Placement]] = []
        for played in _episodes(design, model, budget, seed, _SIDE_BY_SIDE, device):
            if played.state.done:
                placement = finished(design, played.state)
                found.append((full(design, placement).proxy_cost, len(found), placement))
        return [placement for _, _, placement in sorted(found)[:count]]

    return starts


def _episodes(
    design: Design, model: ActorCritic, budget: Budget, seed: int, draws: int | None, device: torch.device | str
) -> Iterator[Played]:
    """The greedy episode, then draws while there is time."""
    decoder = Decoder(model, build_problem(design), device)
    yield decoder.greedy()
    done = turn = 0
    inner = budget if budget.time_limit is None else budget.part(max(budget.left - _RESERVE, 0.0))
    while (draws is None or done < draws) and not inner.over:
        many = _SIDE_BY_SIDE if draws is None else min(_SIDE_BY_SIDE, draws - done)
        drawn = decoder.sample(many, seed * 1_000_003 + turn, _TEMPERATURES[turn % len(_TEMPERATURES)], inner)
        done, turn = done + many, turn + 1
        for played in drawn:
            # An episode the clock cut short is none.
            if inner.over or (not played.state.done and played.state.num_legal > 0):
                break
            yield played
