"""Simulated annealing as TILOS MacroPlacement publishes it: the usual baseline of learned macro placement.

Sources: C.-K. Cheng, A. B. Kahng, S. Kundu, Y. Wang, Z. Wang, "Assessment of Reinforcement Learning for Macro
Placement", ISPD 2023, and the documentation and run scripts in the TILOS-AI-Institute/MacroPlacement repository
(SimulatedAnnealing and SimulatedAnnealingGWTW, whose settings for ariane133 on NanGate45 are the defaults here).

What it does: hard macros start packed on gcell centres in falling order of area, along a spiral from the lower left
corner inwards (every other chain: row by row from the bottom). An iteration tries 20 actions for each macro
(``gcell_moves``), each kept by the Metropolis rule on the proxy cost, then places the soft macros anew by forces
(``force_directed``) and multiplies the temperature, so that it falls from 0.005 to 1e-8 over the run. Ten times a run
the chains meet and the worse ones go on from the best tenth ("go with the winners").

Differences, all in favour of the baseline or needed for a comparison at equal seconds:

- the temperature follows the clock when time is the budget, because the number of iterations is not known then;
- the best placement of every chain's iterations is kept, before and after the soft macros are placed;
- centres are rounded to the design's lattice, fixed macros and blockages are obstacles, and macros may touch where
  no packing exists otherwise; where none exists at all, the legaliser makes the start;
- more than 4,000 movable soft objects are placed by ``placer.engines.soft`` instead, in time linear in their number.

``python -m eval.peers.simulated_annealing DESIGN --output FILE`` writes the placement.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.peers.force_directed import ATTRACT_STEPS, REPEL_STEPS, force_directed
from eval.peers.gcell_moves import ACTIONS, KEPT, LEGAL, TRIED, Macros, act, build_macros, copy_macros, pack
from netlists.design import Design
from netlists.netlist import PORT
from netlists.placement import Placement
from placer.budget import Budget
from placer.cost.full import Cost, full
from placer.cost.incremental import build_problem, rebuild
from placer.cost.incremental.state import PROXY
from placer.cost.legality import check
from placer.engines.legalise import legalise
from placer.engines.soft import place_soft
from placer.warm import warm_up

#: More movable soft objects than this are placed in another way: the published one looks at every overlapping pair.
MOST_BY_FORCES = 4_000
#: Actions between two looks at the clock.
_CHUNK = 500


@dataclass(frozen=True)
class Settings:
    """Published parameters."""

    actions: int = 20
    """Actions of an iteration for each movable macro."""
    hot: float = 0.005
    """First temperature, in units of proxy cost."""
    cold: float = 1e-8
    """Last temperature."""
    odds: tuple[float, float, float, float, float] = (0.24, 0.24, 0.04, 0.24, 0.24)
    """Probabilities of swap, shift, mirror, move and shuffle."""
    meetings: int = 10
    """Parts of the run after which the chains meet."""
    winners: float = 0.1
    """Share of the chains the others go on from; at least one."""


@dataclass(frozen=True, eq=False)
class PeerResult:
    """What the annealing found.

    Attributes:
        placement: the best placement, legal.
        cost: its exact cost.
        proposals: actions that were legal and priced, all chains together.
        actions: actions tried.
        iterations: iterations (and placements of the soft macros) of all chains.
        legalised: the legaliser had to move something at the end.
        seconds: wall clock.
        chains: best cost of each chain.
        tally: per action: tried, legal, kept.
        history: (seconds, best cost) after each meeting.
    """

    placement: Placement
    cost: Cost
    proposals: int
    actions: int
    iterations: int
    legalised: bool
    seconds: float
    chains: list[float]
    tally: dict[str, dict[str, int]] = field(default_factory=dict)
    history: list[tuple[float, float]] = field(default_factory=list)


def simulated_annealing(
    design: Design,
    *,
    time_limit: float = 60.0,
    seed: int = 0,
    budget: Budget | None = None,
    iterations: int | None = None,
    jobs: int = 1,
    settings: Settings | None = None,
) -> PeerResult:
    """Place a design by the published simulated annealing.

    Args:
        design: what to place; its placement says what is fixed, where that is, and the first orientations.
        time_limit: seconds, not counting compilation.
        seed: same seed, ``iterations`` and ``jobs``: same result.
        budget: the caller's own clock and stop flag; replaces ``time_limit``.
        iterations: actions in total, over all chains, instead of time.
        jobs: chains side by side.
        settings: parameters; the published ones by default.

    Raises:
        ValueError: a number that cannot be.
        PlacementError: no legal placement exists or was found.
    """
    if jobs < 1 or (iterations is not None and iterations < 1):
        raise ValueError("jobs and iterations must be at least 1")
    design.check_fits()
    run = _Run(design, settings or Settings(), seed, jobs, iterations)
    run.compile()
    if budget is None:
        budget = Budget(None if iterations is not None else time_limit)
    if iterations is None and budget.time_limit is None:
        raise ValueError("a run needs a time limit or a number of iterations")
    return run.go(budget)


@dataclass
class _Chain:
    """A chain and the best it has seen."""

    macros: Macros
    iterations: int = 0
    cost: float = math.inf
    x: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    y: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    orient: NDArray[np.int8] = field(default_factory=lambda: np.zeros(0, np.int8))

    def remember(self) -> None:
        """Keep the placement if it is the best so far."""
        s = self.macros.state
        if s.total[PROXY] < self.cost:
            self.cost, self.x, self.y, self.orient = float(s.total[PROXY]), s.x.copy(), s.y.copy(), s.orient.copy()


class _Run:
    """One run: the chains, the clock, the meetings."""

    def __init__(self, design: Design, settings: Settings, seed: int, jobs: int, iterations: int | None) -> None:
        self.design, self.settings, self.seed, self.jobs = design, settings, seed, jobs
        self.problem = build_problem(design)
        self.odds = np.cumsum(settings.odds) / sum(settings.odds)
        n = design.netlist
        self.origin = design.placement.moved(placed=design.placement.placed | (n.node_kind != PORT))
        probe = build_macros(design, self.origin, self.problem, 1, seed, 0)
        self.probe, self.hard = probe, probe.hard
        self.is_soft = design.movable.copy()
        self.is_soft[self.hard] = False
        self.soft, self.solid = np.flatnonzero(self.is_soft), np.flatnonzero(n.node_kind != PORT)
        self.sweep = max(1, settings.actions * len(self.hard)) if len(self.hard) else 0
        self.per_chain = None if iterations is None else -(-iterations // jobs)

    def compile(self) -> None:
        """Compile what the chains call, before any clock runs."""
        warm_up()  # the legaliser
        m = self.probe
        pack(m, self.hard[:0], np.zeros(0, np.int64))
        rebuild(m.problem, m.state)
        act(m, self.odds, 0, 1.0)
        force_directed(m.problem, m.state, self.soft, self.is_soft, self.solid, m.half_x, m.half_y, 0, 0)

    def go(self, budget: Budget) -> PeerResult:
        self.budget, self.began = budget, budget.seconds
        start = time.perf_counter()
        history: list[tuple[float, float]] = []
        with ThreadPoolExecutor(self.jobs) as pool:
            chains = list(pool.map(self._start, range(self.jobs)))
            meetings = self.settings.meetings if self.sweep else 0
            for part in range(meetings):
                list(pool.map(lambda c, end=(part + 1) / meetings: self._work(c, end), chains))
                history.append((budget.seconds, min(c.cost for c in chains)))
                if part < meetings - 1:
                    self._meet(chains)
        best = min(chains, key=lambda c: c.cost)
        found = self.origin.moved(
            x=np.where(self.design.movable, best.x, self.origin.x),
            y=np.where(self.design.movable, best.y, self.origin.y),
            orient=np.where(self.design.movable, best.orient, self.origin.orient),
        )
        # Forces leave soft macros off the lattice; hard macros are on it and stay.
        placement = legalise(self.design, found, spacing=0.0, seed=self.seed)
        moved = (placement.x[self.hard] != found.x[self.hard]) | (placement.y[self.hard] != found.y[self.hard])
        assert check(self.design, placement, reference=self.design.placement).legal
        tally = np.sum([c.macros.tally for c in chains], axis=0)
        return PeerResult(
            placement=placement,
            cost=full(self.design, placement),
            proposals=int(tally[:, LEGAL].sum()),
            actions=int(tally[:, TRIED].sum()),
            iterations=sum(c.iterations for c in chains),
            legalised=bool(moved.any()),
            seconds=time.perf_counter() - start,
            chains=[c.cost for c in chains],
            tally={
                name: {"tried": int(row[TRIED]), "legal": int(row[LEGAL]), "kept": int(row[KEPT])}
                for name, row in zip(ACTIONS, tally, strict=True)
            },
            history=history,
        )

    # -- the start -----------------------------------------------------------------------------------------------

    def _start(self, index: int) -> _Chain:
        rng = np.random.default_rng([self.seed, index])
        n = self.design.netlist
        order = rng.permutation(self.hard)  # equal macros in any order
        order = order[np.argsort(-(n.node_width * n.node_height)[order], kind="stable")]
        cells = spiral(self.problem.rows, self.problem.columns)
        if index % 2:
            cells = np.sort(cells)
        for gap in (1, 0):
            macros = build_macros(self.design, self.origin, self.problem, gap, self.seed, index)
            if pack(macros, order, cells):
                break
        else:
            macros = build_macros(
                self.design, legalise(self.design, self.origin, seed=self.seed), self.problem, 0, self.seed, index
            )
        chain = _Chain(macros)
        rebuild(macros.problem, macros.state)
        self._place_soft(macros)
        chain.remember()
        return chain

    # -- the work ------------------------------------------------------------------------------------------------

    def _work(self, chain: _Chain, end: float) -> None:
        """Iterate until this chain has spent the share ``end`` of its budget."""
        m = chain.macros
        while self._fraction(chain) < end and not self.budget.over:
            at = self._fraction(chain)
            temperature = self.settings.hot * (self.settings.cold / self.settings.hot) ** at
            left = self.sweep if self.per_chain is None else min(self.sweep, self.per_chain - self._done(chain))
            while left > 0 and not self.budget.over:
                act(m, self.odds, min(_CHUNK, left), temperature)
                left -= _CHUNK
            chain.remember()
            if self.budget.over:
                return
            self._place_soft(m)
            chain.remember()
            chain.iterations += 1

    def _meet(self, chains: list[_Chain]) -> None:
        """All but the best chains take over the placement of one of the best."""
        ranked = sorted(chains, key=lambda c: float(c.macros.state.total[PROXY]))
        winners = max(1, round(self.settings.winners * len(chains)))
        for k, chain in enumerate(ranked[winners:]):
            copy_macros(ranked[k % winners].macros, chain.macros)

    def _place_soft(self, m: Macros) -> None:
        if len(self.soft) > MOST_BY_FORCES:
            s = m.state
            placed = place_soft(self.design, self.origin.moved(x=s.x, y=s.y, orient=s.orient))
            s.x[:], s.y[:] = placed.x, placed.y
        else:
            force_directed(
                m.problem, m.state, self.soft, self.is_soft, self.solid, m.half_x, m.half_y, ATTRACT_STEPS, REPEL_STEPS
            )
        rebuild(m.problem, m.state)

    def _done(self, chain: _Chain) -> int:
        return int(chain.macros.tally[:, TRIED].sum())

    def _fraction(self, chain: _Chain) -> float:
        if self.per_chain is not None:
            return self._done(chain) / self.per_chain
        assert self.budget.time_limit is not None
        return (self.budget.seconds - self.began) / max(self.budget.time_limit - self.began, 1e-9)


def spiral(rows: int, columns: int) -> NDArray[np.int64]:
    """Gcells (``row * columns + column``) from the lower left corner along the border, counter-clockwise inwards."""
    cells: list[int] = []
    low_row, low_column, high_row, high_column = 0, 0, rows - 1, columns - 1
    while low_row <= high_row and low_column <= high_column:
        cells += [low_row * columns + c for c in range(low_column, high_column + 1)]
        cells += [r * columns + high_column for r in range(low_row + 1, high_row + 1)]
        if high_row > low_row:
            cells += [high_row * columns + c for c in range(high_column - 1, low_column - 1, -1)]
        if high_column > low_column:
            cells += [r * columns + low_column for r in range(high_row - 1, low_row, -1)]
        low_row, low_column, high_row, high_column = low_row + 1, low_column + 1, high_row - 1, high_column - 1
    return np.array(cells, np.int64)


def main(arguments: Sequence[str] | None = None) -> int:
    """Place a design and write the placement; figures of the run go to stdout as one line of JSON.

    Args:
        arguments: command line; the process's own when None.

    Returns:
        The exit code.
    """
    from netlists.formats import write_placement
    from netlists.load import load

    parser = argparse.ArgumentParser(prog="python -m eval.peers.simulated_annealing", description="TILOS-style SA.")
    parser.add_argument("design", help="name, file or folder of the design")
    parser.add_argument("--time", type=float, default=60.0, help="seconds (60)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, help="chains side by side (the cores this process may use)")
    parser.add_argument("--output", type=Path, required=True, help="placement file to write")
    options = parser.parse_args(arguments)
    design = load(options.design)
    jobs = options.jobs or len(os.sched_getaffinity(0))
    result = simulated_annealing(design, time_limit=options.time, seed=options.seed, jobs=jobs)
    write_placement(design, result.placement, options.output)
    record = {
        "proxy_cost": result.cost.proxy_cost, "seconds": result.seconds, "actions": result.actions,
        "proposals": result.proposals, "iterations": result.iterations, "legalised": result.legalised,
        "chains": result.chains, "tally": result.tally, "history": result.history,
    }  # fmt: skip
    print(json.dumps(record))
    return 0


if __name__ == "__main__":
    sys.exit(main())
