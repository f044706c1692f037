"""The schedule of the search: short trials of many starts, then deep annealing of the survivors, side by side.

Chains run in threads (the kernel holds no interpreter lock) and share the flattened design. Work is cut into rounds;
after each, the chains meet: the best placement is kept, the mix of moves follows what paid off, and now and then the
worst chain continues from the best one ("go with the winners", Aldous & Vazirani, FOCS 1994).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.netlist import PORT
from netlists.placement import Placement
from placer.budget import Budget, Event, Progress, silent
from placer.cost.full import CostWeights
from placer.cost.incremental import Problem, build_problem, propose, rebuild, revert
from placer.cost.incremental.state import PROXY
from placer.cost.next_step.choosing import choosing_cost
from placer.engines.search.advising import Adviser
from placer.engines.search.chain import GAINED, PRICED, TRIED, WORK, Chain, anneal, build_chain
from placer.engines.search.moves.scan import MOST_GCELLS
from placer.engines.search.moves.scene import build_crowd
from placer.engines.search.moves.table import NAMES, SCAN, first_mix
from placer.engines.search.options import Schedule, SearchOptions
from placer.engines.search.planning import facts
from placer.engines.search.wishes import build_wishes, wish_cost

#: Proposals between two looks at the clock.
_CHUNK = 500
#: Moves drawn to judge how fast a chain is, and how often.
_SAMPLE, _SAMPLES = 1_500, 3


@dataclass
class SearchResult:
    """What a search found.

    Attributes:
        placement: the best placement seen; legal if its start was.
        proxy_cost: its exact cost.
        proposals: exact proposals priced, over all chains.
        kinds: per kind of move: tried, priced, kept, sum of improvements, work, and how many were refused by the
            screen, unpriced.
        history: (seconds, phase, best cost) after each round.
        wish_cost: what the wishes cost that the placement does not fulfil (``placer.engines.search.wishes``), and the
            terms that only choose (``placer.cost.next_step.choosing``); the best placement is the one with the least
            sum of both costs.
        devices: where chains ran.
        notes: what a user may want to know, such as why a device was not used.
        schedule: with a planner: its plan.
        advice: with a proposer: ``looks`` it had at chains, and the ``seconds`` they took, summed over chains.
    """

    placement: Placement
    proxy_cost: float
    proposals: int = 0
    kinds: dict[str, dict[str, float]] = field(default_factory=dict)
    history: list[tuple[float, str, float]] = field(default_factory=list)
    wish_cost: float = 0.0
    devices: tuple[str, ...] = ("cpu",)
    notes: tuple[str, ...] = ()
    advice: dict[str, float] = field(default_factory=dict)
    schedule: Schedule | None = None


def search(
    design: Design,
    starts: Sequence[Placement],
    *,
    budget: Budget,
    seed: int = 0,
    jobs: int = 1,
    iterations: int | None = None,
    weights: CostWeights | None = None,
    options: SearchOptions | None = None,
    progress: Progress = silent,
) -> SearchResult:
    """Improve legal placements by exact moves until the budget is spent.

    Args:
        design: the design.
        starts: at least one legal placement whose movable objects lie on the lattice.
        budget: when to stop; its flag is obeyed within a fraction of a second.
        seed: same seed, same ``iterations``, same ``jobs``: same result.
        jobs: chains run side by side.
        iterations: proposals in total; None spends ``budget.time_limit`` instead.
        weights: weights of the proxy cost.
        options: how to spend the budget, and what to leave out.
        progress: told after each round.

    Raises:
        ValueError: no start, or neither a time limit nor iterations.
    """
    if not starts:
        raise ValueError("search needs at least one start")
    if iterations is None and budget.time_limit is None:
        raise ValueError("search needs a time limit or a number of iterations")
    run = _Run(design, budget, seed, max(1, jobs), iterations, weights, options or SearchOptions(), progress)
    return run.go(starts)


class _Run:
    """One search: the chains, the clock, the best so far."""

    def __init__(
        self,
        design: Design,
        budget: Budget,
        seed: int,
        jobs: int,
        iterations: int | None,
        weights: CostWeights | None,
        options: SearchOptions,
        progress: Progress,
    ) -> None:
        self.design, self.budget, self.seed, self.jobs = design, budget, seed, jobs
        self.options, self.schedule, self.progress = options, options.schedule, progress
        self.iterations = iterations
        self.spent = 0  # proposals, counted in iteration mode
        self.problem: Problem = build_problem(design, weights)
        self.weights = weights or CostWeights()
        self.wishes = build_wishes(design, weights)
        self.began = budget.seconds
        self.result = SearchResult(design.placement, math.inf)
        self.totals = np.zeros((len(NAMES), 6))
        # Until it is measured: a look at every gcell is that many proposals.
        gcells = min(self.problem.rows * self.problem.columns, MOST_GCELLS)
        self._first_work = 100.0 * np.where(np.arange(len(NAMES)) == SCAN, gcells, 1)
        solid = design.netlist.node_kind != PORT
        self._placed = design.placement.placed | solid
        canvas = design.canvas
        self._side = max(canvas.width, canvas.height)
        self._near = 2.0 * max(canvas.gcell_width, canvas.gcell_height)

    # -- the plan ------------------------------------------------------------------------------------------------

    def go(self, starts: Sequence[Placement]) -> SearchResult:
        crowd = build_crowd(self.design, starts[0])
        options = self.options
        self.prior = first_mix(crowd, options.left_out, options.proposer is not None)
        self.share = self.prior.copy()
        self.adviser = Adviser(self.design, self.problem, crowd, options, self.seed)

        def chain_from(placement: Placement, index: int) -> Chain:
            sample = None if options.recorder is None else options.recorder.sample()
            return build_chain(
                self.design, self.problem, crowd, placement, self.seed, index, self.wishes, sample, options.screen
            )

        chains = [chain_from(p, k) for k, p in enumerate(starts)]
        for chain in chains:
            self._remember(chain)
        self._report("search")
        if self.prior.sum() == 0.0 or self._exhausted():
            return self.result
        with ThreadPoolExecutor(self.jobs) as pool:
            rises = self._rises(chains[0])
            if options.planner is not None:
                costs = [self._cost(chain) for chain in chains]
                usual = self.schedule.heat * self.schedule.cooling**-0.5 * (float(np.median(rises)) if rises else 0.0)
                known = facts(self.problem, chains[0].state, crowd, self._draws(chains[0], usual), rises, costs)
                self.schedule = self.result.schedule = options.planner(known)
            hot = self.schedule.heat * float(np.median(rises)) if rises else 0.0
            self.coldest = hot / self.schedule.cooling
            if len(chains) > self.jobs:
                chains = self._trials(pool, chains, hot) if self.options.halving else self._ranked(chains)[: self.jobs]
            while len(chains) < self.jobs:  # fewer starts than cores: the same start, other dice
                chains.append(chain_from(self._placement(chains[0]), 1000 + len(chains)))
            self._deep(pool, chains, hot)
        self.adviser.end(self.weights, hot)
        if options.proposer is not None:
            self.result.advice = {"looks": self.adviser.looks, "seconds": self.adviser.seconds}
        self.result.proposals = int(self.totals[:, PRICED].sum())
        self.result.kinds = {
            name: dict(zip(("tried", "priced", "kept", "gained", "work", "screened"), map(float, row), strict=True))
            for name, row in zip(NAMES, self.totals, strict=True)
        }
        return self.result

    def _trials(self, pool: ThreadPoolExecutor, chains: list[Chain], hot: float) -> list[Chain]:
        """Successive halving: each level gets the same budget, shared by half as many chains."""
        levels = max(1, math.ceil(math.log2(len(chains) / self.jobs)))
        begin = hot / self.schedule.trial_chill
        for level in range(levels):
            share = self.schedule.trial_share / levels * self.jobs / len(chains)
            a = begin * self.schedule.cooling ** (-0.5 * level / levels)
            b = begin * self.schedule.cooling ** (-0.5 * (level + 1) / levels)

            def temperature(f: float, a: float = a, b: float = b) -> float:
                return a * (b / a) ** f

            self._round(pool, chains, share, temperature, lambda f: self._near, "trials")
            # The first start is the placement the user came with; where there is more than one chain to go on, one of
            # them is its: a tidy arrangement may rank low now and still end best.
            sacred = chains[:1] if self.jobs > 1 else []
            rest = self._ranked(chains[len(sacred) :])
            chains = (sacred + rest)[: max(self.jobs, math.ceil(len(chains) / 2))]
            if self._exhausted():
                break
        return chains[: self.jobs]

    def _ranked(self, chains: list[Chain]) -> list[Chain]:
        """The chains, those that deserve depth first."""
        ranker = self.options.ranker
        if ranker is None or len(chains) < 2:
            return sorted(chains, key=self._cost)
        scores = np.asarray(ranker(self.design, [self._placement(chain) for chain in chains]), np.float64)
        if scores.shape != (len(chains),) or np.isnan(scores).any():
            raise ValueError(f"a ranker gives one number for each of {len(chains)} starts, not {scores!r}")
        return [chains[k] for k in np.argsort(scores, kind="stable")]

    def _deep(self, pool: ThreadPoolExecutor, chains: list[Chain], hot: float) -> None:
        """Geometric cooling over what is left of the budget, then a quench."""
        schedule = self.schedule
        done = self._fraction()
        left = 1.0 - done - (schedule.quench_share if self.options.quench else 0.0)
        rounds = (
            schedule.rounds if self.iterations is None else max(1, min(schedule.rounds, self._rounds_that_fit(left)))
        )
        for k in range(rounds):
            if k % self.options.refresh == 0 and self._can_afford_a_look() and not self._exhausted():
                chains = self._look(pool, chains, hot, min((self._fraction() - done) / left, 1.0))
            # Where the clock says we are, not where the plan does: a slow round must not stretch the cooling.
            at = (self._fraction() - done) / left if self.iterations is None else k / rounds
            if at >= 1.0 or self._exhausted():
                break
            share = left * (k + 1) / rounds - (self._fraction() - done) if self.iterations is None else left / rounds
            width = max(share / left, 1e-9)

            def temperature(f: float, at: float = at, width: float = width) -> float:
                return hot * schedule.cooling ** -(at + f * width)

            def reach(f: float, at: float = at) -> float:
                return max(schedule.reach * self._side * (1.0 - at) ** schedule.narrowing, self._near)

            self._round(pool, chains, share, temperature, reach, "anneal")
            self._adapt(chains)
            after = at + width
            if self.options.takeovers and any(at < moment <= after for moment in schedule.winners_at):
                self._go_with_the_winner(chains)
        if self.options.quench and not self._exhausted():
            chains = self._look(pool, chains, hot, 1.0)
            self._round(pool, chains, 1.0 - self._fraction(), lambda f: 0.0, lambda f: self._near, "quench")

    def _can_afford_a_look(self) -> bool:
        """True unless those who advise have taken more than their part of the time so far."""
        allowed = self.schedule.look_share * self.jobs * (self.budget.seconds - self.began)
        return self.iterations is not None or self.adviser.looks == 0 or self.adviser.seconds <= allowed

    def _look(self, pool: ThreadPoolExecutor, chains: list[Chain], hot: float, progress: float) -> list[Chain]:
        """Let who advises or watches look at the chains."""
        if not self.adviser.wanted:
            return chains
        return self.adviser.look(pool, chains, hot * self.schedule.cooling**-progress, hot, progress)

    # -- one round -----------------------------------------------------------------------------------------------

    def _round(
        self,
        pool: ThreadPoolExecutor,
        chains: list[Chain],
        share: float,
        temperature: Callable[[float], float],
        reach: Callable[[float], float],
        phase: str,
    ) -> None:
        """Every chain works for ``share`` of the budget; more chains than jobs take turns of that length each."""
        mix = np.cumsum(self._mix())
        mix[-1] = 1.0
        if self.iterations is None:
            assert self.budget.time_limit is not None
            seconds = max(0.0, share * self._time_total())
            list(pool.map(lambda c: self._work_for_time(c, mix, seconds, temperature, reach), chains))
        else:
            steps = max(1, int(share * self.iterations / self.jobs))
            self.spent += sum(pool.map(lambda c: self._work_for_steps(c, mix, steps, temperature, reach), chains))
        for chain in chains:
            self._remember(chain)
            self.totals += chain.statistics
        self.adviser.collect(chains)
        self._report(phase)

    def _work_for_time(
        self,
        chain: Chain,
        mix: NDArray[np.float64],
        seconds: float,
        temperature: Callable[[float], float],
        reach: Callable[[float], float],
    ) -> None:
        chain.statistics[:] = 0.0
        begin = now = time.perf_counter()
        steps = _CHUNK
        while now - begin < seconds and not self.budget.over:
            f = (now - begin) / seconds
            t = temperature(f)
            anneal(chain, mix, steps, t, t, reach(f), self._doubt(t))
            before, now = now, time.perf_counter()
            # About twenty looks at the clock a round, fifty a second.
            target = min(0.02, seconds / 20)
            steps = int(min(max(steps * target / max(now - before, 1e-6), 16), 100_000))

    def _work_for_steps(
        self,
        chain: Chain,
        mix: NDArray[np.float64],
        steps: int,
        temperature: Callable[[float], float],
        reach: Callable[[float], float],
    ) -> int:
        chain.statistics[:] = 0.0
        done = 0
        while done < steps and not self.budget.over:
            f = done / steps
            t = temperature(f)
            chunk = min(_CHUNK, steps - done)
            done += anneal(chain, mix, chunk, t, t, reach(f), self._doubt(t))
        return done

    def _doubt(self, temperature: float) -> float:
        """What a move may be expected to cost above what the dice allow before it is refused unpriced."""
        return self.schedule.doubt * max(temperature, self.coldest)

    # -- between rounds ------------------------------------------------------------------------------------------

    def _mix(self) -> NDArray[np.float64]:
        """``[kinds]`` probabilities of the kinds: each gets its share of the work, so costly ones are drawn less."""
        seen = self.totals
        a_draw = np.where(seen[:, TRIED] > 0, seen[:, WORK] / np.maximum(seen[:, TRIED], 1.0), self._first_work)
        mix = self.share / a_draw
        return mix / mix.sum()

    def _adapt(self, chains: list[Chain]) -> None:
        """Move the shares towards the kinds that gained most for their work; all chains count.

        A kind is judged against its first share: what it gains while it is hot is mostly lost again, so gains alone
        would favour kinds that stir much.
        """
        if not self.options.adaptive:
            return
        seen = np.sum([chain.statistics for chain in chains], axis=0)
        gain = np.sqrt(seen[:, GAINED] / np.maximum(seen[:, WORK], 1.0)) * self.prior
        if gain.sum() <= 0.0:
            return
        floor = self.schedule.mix_floor
        target = floor * self.prior + (1.0 - floor) * gain / gain.sum()
        self.share = 0.8 * self.share + 0.2 * target

    def _go_with_the_winner(self, chains: list[Chain]) -> None:
        costs = [self._cost(chain) for chain in chains]
        best, worst = int(np.argmin(costs)), int(np.argmax(costs))
        if best != worst:
            _copy(chains[best], chains[worst])

    def _remember(self, chain: Chain) -> None:
        placement = self._placement(chain)
        cost, more = float(chain.state.total[PROXY]), self._besides(placement)
        if cost + more < self.result.proxy_cost + self.result.wish_cost:
            self.result.proxy_cost, self.result.wish_cost, self.result.placement = cost, more, placement

    def _cost(self, chain: Chain) -> float:
        """What the search minimises: the proxy cost, what unfulfilled wishes cost, and terms that only choose."""
        return float(chain.state.total[PROXY]) + self._besides(self._placement(chain))

    def _besides(self, placement: Placement) -> float:
        return wish_cost(self.design, placement, self.wishes) + choosing_cost(self.design, placement, self.weights)

    def _placement(self, chain: Chain) -> Placement:
        move = self.design.movable
        origin = self.design.placement
        return origin.moved(
            x=np.where(move, chain.state.x, origin.x),
            y=np.where(move, chain.state.y, origin.y),
            orient=np.where(move, chain.state.orient, origin.orient),
            placed=self._placed,
        )

    def _rises(self, chain: Chain) -> list[float]:
        """Rises in cost of random moves by about a gcell, of those that cost something."""
        p, s = chain.problem, chain.state
        rng = np.random.default_rng([self.seed, 77])
        ids = np.concatenate([chain.scene.crowd.soft, chain.scene.crowd.hard])
        rises = []
        one = np.zeros(1, np.int64), np.zeros(1), np.zeros(1), np.zeros(1, np.int64)
        for _ in range(500):
            i = one[0][0] = rng.choice(ids)
            one[1][0] = s.x[i] + rng.normal(0.0, p.gcell_width)
            one[2][0] = s.y[i] + rng.normal(0.0, p.gcell_height)
            one[3][0] = s.orient[i]
            change = propose(p, s, *one, 1, np.inf) - s.total[PROXY]
            revert(s)
            if change > 0.0:
                rises.append(change)
        return rises

    def _draws(self, chain: Chain, temperature: float) -> float:
        """Moves that a chain can be expected to draw in what is left, judged by some at a temperature."""
        if self.iterations is not None:
            return self.iterations / self.jobs
        mix = np.cumsum(self._mix())
        mix[-1] = 1.0
        fastest = math.inf
        for _ in range(_SAMPLES):  # the first may have to load what was compiled
            # Processor time: who else is busy for these milliseconds says nothing about the minute to come.
            begin, seen = time.thread_time(), int(chain.age[0])
            anneal(chain, mix, _SAMPLE, temperature, temperature, self._near, self.schedule.doubt * temperature)
            fastest = min(fastest, (time.thread_time() - begin) / (int(chain.age[0]) - seen))
        self._remember(chain)
        return (1.0 - self._fraction()) * self._time_total() / max(fastest, 1e-9)

    def _report(self, phase: str) -> None:
        cost = self.result.proxy_cost
        self.result.history.append((self.budget.seconds, phase, cost))
        done = int(self.totals[:, TRIED].sum())
        self.progress(Event(phase, self.budget.seconds, done, self.iterations, cost))

    # -- the clock -----------------------------------------------------------------------------------------------

    def _time_total(self) -> float:
        assert self.budget.time_limit is not None
        return self.budget.time_limit - self.began

    def _fraction(self) -> float:
        """Part of the budget of this search that is spent."""
        if self.iterations is not None:
            return self.spent / self.iterations
        return (self.budget.seconds - self.began) / max(self._time_total(), 1e-9)

    def _rounds_that_fit(self, left: float) -> int:
        assert self.iterations is not None
        return int(left * self.iterations / self.jobs / _CHUNK)

    def _exhausted(self) -> bool:
        return self.budget.over or self._fraction() >= 1.0


def _copy(source: Chain, target: Chain) -> None:
    """Give one chain the placement of another; its dice stay its own."""
    for name in ("x", "y", "orient"):
        getattr(target.state, name)[:] = getattr(source.state, name)
    for name in ("left", "bottom"):
        getattr(target.scene.ground, name)[:] = getattr(source.scene.ground, name)
    target.scene.ground.rules.turn[:] = source.scene.ground.rules.turn
    target.screen.left[0] = 0
    rebuild(target.problem, target.state)
