"""From logs of moves to lessons: what could be seen at a look, and what moves were worth until the next one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netlists.compiled import njit
from netlists.design import Design
from netlists.errors import NetlistError
from placer.budget import Budget
from placer.cost.incremental import build_problem, propose, revert
from placer.cost.incremental.problem import Problem
from placer.cost.incremental.state import PROXY, State
from placer.engines.search import MoveLog, MoveRecorder, SearchOptions, Standing
from placer.engines.search.chain import build_chain
from placer.engines.search.moves.hot import feel
from placer.engines.search.moves.scene import build_crowd
from policies.proposals.features import Seen
from policies.proposals.model import jump_limit, see


@dataclass(frozen=True, eq=False)
class Lesson:
    """One look; gains are in units of the temperature then, 0 where the cost does not fall.

    Attributes:
        design: name of the netlist.
        seen: what could be known.
        kind: ``[m]`` which kind each sampled move was, by the log's names.
        mover: ``[m]`` row of ``seen.objects`` of the object that moved.
        gain: ``[m]``.
        pair: ``[q]`` candidate pairs of ``seen`` that were priced.
        pair_gain: ``[q]``.
        kinds: names of the kinds of moves.
        progress: part of the annealing that was over.
    """

    design: str
    seen: Seen
    kind: NDArray[np.int64]
    mover: NDArray[np.int64]
    gain: NDArray[np.float64]
    pair: NDArray[np.int64]
    pair_gain: NDArray[np.float64]
    kinds: tuple[str, ...]
    progress: float


def collect(
    designs: Iterable[Design],
    iterations: int,
    *,
    every: int = 4,
    seed: int = 0,
    options: SearchOptions | None = None,
    budget: Budget | None = None,
) -> list[MoveLog]:
    """Let the search place designs and keep a sample of what it tried.

    Args:
        designs: what to place; for training, training designs only (:mod:`policies.splits`).
        iterations: exact proposals for each.
        every: one in so many is kept.
        seed: of the searches.
        options: of the searches; their recorder is replaced.
        budget: ends the work early; the logs so far are kept.
    """
    from placer import flow

    logs: list[MoveLog] = []
    for number, design in enumerate(designs):
        if budget is not None and budget.over:
            break
        recorder = MoveRecorder(every)
        flow.place(
            design, iterations=iterations, seed=seed + number, jobs=1, effort="fast",
            budget=None if budget is None else Budget(None, budget.stop),
            options=replace(options or SearchOptions(device="cpu"), recorder=recorder),
        )  # fmt: skip
        logs += recorder.logs
    return logs


def lessons(
    log: MoveLog, design: Design, *, pairs: int = 1500, looks: int | None = None, seed: int = 0
) -> list[Lesson]:
    """Lessons of one log.

    Args:
        log: of a search on the design.
        design: the design.
        pairs: candidate pairs to price exactly at each look.
        looks: how many looks to take, drawn by chance; all when None.
        seed: of what is drawn.

    Raises:
        NetlistError: the log is of another design.
    """
    nodes = design.netlist.num_nodes
    if log.design != design.netlist.name or (len(log.look_x) and log.look_x.shape[1] != nodes):
        raise NetlistError("the log is of another design", found=log.design, expected=design.netlist.name)
    problem = build_problem(design, log.weights)
    rng = np.random.default_rng([seed, 5])
    numbers = np.arange(len(log.look_x))
    if looks is not None and looks < len(numbers):
        numbers = np.sort(rng.choice(numbers, looks, replace=False))
    found: list[Lesson] = []
    for number in numbers.tolist():
        placement = design.placement.moved(x=log.look_x[number], y=log.look_y[number], orient=log.look_orient[number])
        crowd = build_crowd(design, placement)
        chain = build_chain(design, problem, crowd, placement, seed, number)
        v, temperature = chain.scene, max(float(log.look_temperature[number]), 1e-12)
        feel(problem, chain.state, v.ground, v.heat)
        progress = float(log.look_progress[number])
        standing = Standing(
            chain.state, v.ground, v.heat, log.look_tally[number].astype(np.float64), temperature, log.hottest,
            progress, int(rng.integers(1 << 31)),
        )  # fmt: skip
        seen = see(problem, standing, crowd, jump_limit(design, progress))
        own = np.flatnonzero(log.look == number)
        row = np.full(nodes, -1, np.int64)
        row[seen.movers] = np.arange(len(seen.movers))
        priced = np.sort(rng.permutation(len(seen.pair_of))[:pairs])
        objects = seen.movers[seen.pair_of[priced]]
        change = price_pairs(problem, chain.state, objects, seen.x[priced], seen.y[priced])
        found.append(Lesson(
            log.design, seen, log.kind[own].astype(np.int64), row[log.object[own]],
            np.maximum(-log.change[own], 0.0) / temperature, priced, np.maximum(-change, 0.0) / temperature,
            log.kinds, progress,
        ))  # fmt: skip
    return found


def all_lessons(
    logs: Sequence[MoveLog], designs: Mapping[str, Design], *, pairs: int = 1500, looks: int | None = None
) -> list[Lesson]:
    """Lessons of several logs.

    Args:
        logs: the logs.
        designs: by the names of their netlists.
        pairs: see :func:`lessons`.
        looks: see :func:`lessons`; of each log.

    Raises:
        NetlistError: the design of a log is missing, or another one of the same name.
    """
    found: list[Lesson] = []
    for number, log in enumerate(logs):
        if log.design not in designs:
            raise NetlistError("the design of a log is missing", found=log.design, expected=", ".join(designs))
        found += lessons(log, designs[log.design], pairs=pairs, looks=looks, seed=number)
    return found


@njit(cache=True)
def price_pairs(p: Problem, s: State, objects: NDArray, x: NDArray, y: NDArray) -> NDArray:
    """Exact change in cost of moving each object alone to its target; the state stays as it is.

    Args:
        p: flattened design.
        s: state of a chain.
        objects: ``[P]`` ids.
        x: ``[P]`` centres, um.
        y: ``[P]``.
    """
    change = np.zeros(len(objects))
    one, turn = np.zeros(1, np.int64), np.zeros(1, np.int64)
    for k in range(len(objects)):
        one[0] = objects[k]
        turn[0] = s.orient[objects[k]]
        change[k] = propose(p, s, one, x[k : k + 1], y[k : k + 1], turn, 1, np.inf) - s.total[PROXY]
        revert(s)
    return change
