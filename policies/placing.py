"""Placing with a network: draw placements, score each exactly, finish the best few and make the result legal.

The network places hard macros. What it does not place, soft objects and how macros are mirrored, is settled as
:mod:`policies.finishing` says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import torch

from env.problem import build_problem
from netlists.design import Design
from netlists.errors import PlacementError
from netlists.netlist import PORT
from netlists.placement import Placement
from placer.budget import Budget, Event, Progress, silent
from placer.cost.full import CostWeights, full
from placer.cost.legality import check
from placer.flow import Result, cores
from policies.actor_critic import ActorCritic
from policies.decoding import Decoder, Played
from policies.finishing import MOVES, Shortlist, drawing_share, finish
from policies.scoring import finished

#: Most episodes decoded side by side: enough that the network costs less than the scoring.
_SIDE_BY_SIDE = 8
#: How much cheaper an episode is among as many as that than alone, with some caution.
_TOGETHER = 1.5
#: Seconds kept back for the final score.
_RESERVE = 0.3
#: Temperatures the draws take turns with. Among hundreds of macros a few bold choices are always drawn, and episodes
#: near the greedy one end cheaper; among few macros it is the other way.
_TEMPERATURES = (0.25, 1.0, 0.5, 0.7)
#: Those of draws that a search goes on from: it mends what is bold, and gains from starts that differ.
_BOLD = (1.0,)


def place(
    design: Design,
    model: ActorCritic,
    *,
    budget: Budget,
    seed: int = 0,
    draws: int | None = None,
    soft: str = "exact",
    moves: int = MOVES,
    jobs: int | None = None,
    progress: Progress = silent,
    weights: CostWeights | None = None,
    device: torch.device | str = "cpu",
) -> Result:
    """Place a design with a network alone.

    The greedy episode comes first, then draws for part of the time; soft objects are placed around the macros of each
    by the environment's solver. With ``soft="exact"`` the few cheapest placements by exact cost are made legal and
    finished with exact moves of soft objects and flips of macros; with ``soft="solver"`` draws take all the time and
    the cheapest one is made legal.

    Args:
        design: what to place.
        model: the network.
        budget: when to stop; without a limit after ``draws``.
        seed: of the draws and moves.
        draws: episodes besides the greedy one; as many as there is time for when None.
        soft: one of :data:`policies.finishing.SOFT`.
        moves: exact moves of the finishing where there is no time limit.
        jobs: chains of the finishing side by side; the cores of this process when None, 1 without a time limit.
        progress: told how far the run is.
        weights: of what is minimised.
        device: where the network is to run.

    Returns:
        The result; ``stats`` counts episodes, those that were complete and the one that was cheapest.

    Raises:
        NetlistError: the environment cannot play the design.
        PlacementError: no legal placement was found.
        ValueError: neither a time limit nor a number of draws, or an unknown ``soft``.
    """
    if draws is None and budget.time_limit is None:
        raise ValueError("a run needs a time limit or a number of draws")
    timed = budget.time_limit is not None
    share = drawing_share(design, soft)
    drawing = budget.part(share * max(budget.left - _RESERVE, 0.0)) if timed else budget
    history: list[tuple[float, str, float]] = []
    best = Shortlist()
    count = complete = winner = 0
    for played in _episodes(design, model, drawing, seed, draws, device, _TEMPERATURES):
        placement = finished(design, played.state)
        count, complete = count + 1, complete + played.state.done
        # An unfinished episode overlaps: it only counts while there is nothing else.
        cost = full(design, placement, weights).proxy_cost + (0.0 if played.state.done else 1e3)
        if best.add(cost, placement):
            winner = count
            history.append((budget.seconds, "policy", cost))
        progress(Event("policy", budget.seconds, step=count, total=draws, cost=best.cost if complete else None))
    drawn = budget.seconds
    inner = Budget(max(budget.time_limit - _RESERVE, 0.0) if budget.time_limit else None, budget.stop, budget.started)
    placement = finish(
        design, best.placements, budget=inner, seed=seed, soft=soft, iterations=None if timed else moves,
        jobs=jobs or (cores() if timed else 1), weights=weights, progress=progress,
    )  # fmt: skip
    legality = check(design, placement, reference=design.placement)
    if not legality.legal:
        raise PlacementError(f"the placement breaks a rule: {legality.summary()}")
    given = bool(design.placement.placed[design.netlist.node_kind != PORT].all())
    objective = full(design, placement, weights).proxy_cost
    history.append((budget.seconds, "soft" if soft == "exact" else "legalise", objective))
    return Result(
        design=design,
        placement=placement,
        cost=full(design, placement),
        start_placement=design.placement if given else placement,
        start_cost=full(design) if given else None,
        legality=legality,
        history=history,
        seconds=budget.seconds,
        stats={
            "engine": "policy", "seed": seed, "soft": soft, "episodes": count, "complete": complete, "winner": winner,
            "drawing_seconds": drawn,
        },
        interrupted=budget.stop.is_set(),
        objective=objective,
    )  # fmt: skip


def learned_starts(
    model: ActorCritic, count: int = 2, device: torch.device | str = "cpu"
) -> Callable[[Design, Budget, int], list[Placement]]:
    """Placements of a network as starts for the search (``placer.flow.place(starter=...)``).

    Where not even one episode fits into the time, which is so on huge designs, there are none; a few steps tell, and
    the rest of the time is the search's.

    Args:
        model: the network.
        count: most starts.
        device: where the network is to run.

    Returns:
        ``(design, budget, seed) -> placements``, cheapest first; only complete episodes.
    """

    def starts(design: Design, budget: Budget, seed: int) -> list[Placement]:
        best = Shortlist(count)
        for played in _episodes(design, model, budget, seed, _SIDE_BY_SIDE, device, _BOLD, certain=False):
            if played.state.done:
                placement = finished(design, played.state)
                best.add(full(design, placement).proxy_cost, placement)
        return best.placements

    return starts


def _episodes(
    design: Design, model: ActorCritic, budget: Budget, seed: int, draws: int | None, device: torch.device | str,
    temperatures: Sequence[float], certain: bool = True,
) -> Iterator[Played]:  # fmt: skip
    """The greedy episode, played to its end whatever the clock says if ``certain``; then draws while there is time."""
    decoder = Decoder(model, build_problem(design), device)
    began = time.perf_counter()
    greedy = decoder.greedy(None if certain else budget)
    if not greedy.state.done and greedy.state.num_legal > 0:
        return  # the clock cut it short, or would have
    yield greedy
    alone = time.perf_counter() - began  # with what the listener did with it
    done = turn = 0
    while (draws is None or done < draws) and not budget.over:
        # Episodes that the clock would cut short are not begun.
        many = int(min(_SIDE_BY_SIDE, _TOGETHER * budget.left / max(alone, 1e-9)))
        many = min(many, many if draws is None else draws - done)
        if many < 1:
            break
        heat = [temperatures[k % len(temperatures)] for k in range(done, done + many)]
        drawn = decoder.sample(many, seed * 1_000_003 + turn, heat, budget)
        done, turn = done + many, turn + 1
        for played in drawn:
            # One the clock cut short all the same is none.
            if budget.over or (not played.state.done and played.state.num_legal > 0):
                return
            yield played
