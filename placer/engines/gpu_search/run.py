"""The host side of the GPU search: start chains, cool them launch by launch, keep the best, check it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netlists.design import Design
from netlists.errors import PlacementError
from netlists.placement import Placement
from placer.budget import Budget, Event, Progress, silent
from placer.cost.full import CostWeights, full
from placer.cost.incremental import IncrementalCost
from placer.cost.legality import check
from placer.engines.gpu_search import device
from placer.engines.gpu_search.board import Board, build_board
from placer.engines.gpu_search.errors import GpuUnavailableError
from placer.engines.gpu_search.replay import placement_of, positions
from placer.engines.gpu_search.storage import Layout, build_layout, empty_chains, resident
from placer.engines.search import SearchResult, on_lattice
from placer.engines.search.rng import seeded
from placer.engines.search.wishes import build_wishes


@dataclass
class GpuSearchResult(SearchResult):
    """What a GPU search found, and the size it ran at.

    Attributes:
        layout: chains, threads of a block, shared memory of a block and global memory of a chain (bytes).
    """

    layout: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class GpuSchedule:
    """How the GPU search spends its budget."""

    threads: int = 64
    """Threads of a block, that is of a chain; a multiple of 8."""
    heat: float = 1.0
    """First temperature over the median rise in cost of a random move by about a gcell."""
    cooling: float = 100.0
    """First over last temperature."""
    quench_share: float = 0.05
    """Last part of the budget, spent at temperature 0."""
    launches: int = 200
    """Launches of a run that is bounded by iterations."""
    launch_seconds: float = 0.1
    """Length of a launch aimed at in a run that is bounded by time."""
    winners_every: int = 8
    """Launches between two takeovers."""
    winners_until: float = 0.6
    """Chains may take over another's placement in this first part of the budget."""
    winners_share: float = 0.25
    """The worst part of the chains continues from the best part."""


#: Kinds of moves in the order of ``drafts.NAMES``, which cannot be imported here: it comes with device code.
KINDS: dict[str, float] = {
    "soft-shift": 1.0, "soft-to-neighbour": 1.5, "soft-swap": 0.5, "gcell-shift": 0.5,
    "hard-slide": 0.5, "hard-jump": 0.5, "hard-abut": 0.3, "hard-swap": 0.5, "hard-flip": 0.2, "hard-exchange": 0.2,
}  # fmt: skip
#: Columns of the statistics, as ``kernels`` fills them.
_COLUMNS = ("tried", "priced", "kept", "gained")
#: Moves of the first launch of a run that is bounded by time, before speed is known.
_FIRST_STEPS = 16


def gpu_search(
    design: Design,
    starts: Sequence[Placement],
    *,
    budget: Budget,
    seed: int = 0,
    chains: int | None = None,
    iterations: int | None = None,
    weights: CostWeights | None = None,
    schedule: GpuSchedule | None = None,
    progress: Progress = silent,
) -> GpuSearchResult:
    """Improve legal placements by exact moves on one CUDA device until the budget is spent.

    The counterpart of ``placer.engines.search.search``: the older ones of its kinds of moves (``docs/gpu-search.md``
    lists them), the same integer legality, the same exact cost.

    Args:
        design: the design.
        starts: at least one legal placement whose movable objects lie on the lattice.
        budget: when to stop; its flag is obeyed between launches, a fraction of a second apart.
        seed: same seed, same ``iterations``, same ``chains``, same ``schedule``: same result.
        chains: chains side by side; as many as the device holds at a time when None.
        iterations: moves to draw in total; None spends ``budget.time_limit`` instead.
        weights: weights of the proxy cost.
        schedule: how to spend the budget.
        progress: told after each launch.

    Raises:
        GpuUnavailableError: no device, or a design the device code does not cover; use the CPU search.
        ValueError: no start, neither a time limit nor iterations, or a number that cannot be.
        PlacementError: the result breaks a rule, which never happened.
    """
    schedule = schedule or GpuSchedule()
    if not starts:
        raise ValueError("search needs at least one start")
    if iterations is None and budget.time_limit is None:
        raise ValueError("search needs a time limit or a number of iterations")
    if chains is not None and chains < 1:
        raise ValueError(f"chains must be at least 1, not {chains}")
    if not 1 <= schedule.threads <= 1024 or (schedule.threads > 8 and schedule.threads % 8):
        raise ValueError(f"threads must be below 8 or a multiple of 8, not {schedule.threads}")
    if design.constraints is not None:
        raise GpuUnavailableError("the GPU search does not know constraints; the CPU search keeps them")
    if build_wishes(design).on or (weights is not None and weights.search_only):
        raise GpuUnavailableError("the GPU search knows the proxy cost alone; the CPU search knows its other terms")
    if weights is not None and weights.macro_wirelength > 0:
        raise GpuUnavailableError("the GPU search does not know the wirelength between macros; the CPU search does")
    device.require()
    return _Run(design, starts, budget, seed, chains, iterations, weights, schedule, progress).go()


class _Run:
    """One search: device arrays, the clock, the best so far."""

    def __init__(
        self,
        design: Design,
        starts: Sequence[Placement],
        budget: Budget,
        seed: int,
        chains: int | None,
        iterations: int | None,
        weights: CostWeights | None,
        schedule: GpuSchedule,
        progress: Progress,
    ) -> None:
        self.design, self.starts, self.budget, self.seed = design, starts, budget, seed
        self.iterations, self.weights, self.schedule, self.progress = iterations, weights, schedule, progress
        self.board, self.nodes = build_board(design, weights)
        self.wanted = chains
        self.totals = np.zeros((len(KINDS), 4))
        self.drawn = 0  # moves of one chain
        costs = [full(design, p, weights).proxy_cost for p in starts]
        best = int(np.argmin(costs))
        self.result = GpuSearchResult(starts[best], costs[best])
        self.mix = _mix(self.board)

    def go(self) -> GpuSearchResult:
        self._report("search")
        if self.mix is None or self.budget.over:
            return self.result
        hot = self.schedule.heat * median_rise(self.design, self.starts[0], self.seed, self.weights)
        self._set_up(self.mix)
        self.began = self.budget.seconds  # compiling is not searching
        self.plan = None if self.iterations is None else max(1, self.iterations // self.chains)
        steps, rate, number = _FIRST_STEPS, 0.0, 0
        while not self.budget.over:
            at = self._fraction()
            steps = self._steps(number, rate)
            if steps == 0:
                break
            begun = time.perf_counter()
            figures = self._launch(steps, at, self._share(steps, rate), hot)
            rate = steps / max(time.perf_counter() - begun, 1e-6)
            self.drawn += steps
            number += 1
            self._remember(figures)
            self._report("anneal" if at < 1.0 - self.schedule.quench_share else "quench")
            if number % self.schedule.winners_every == 0 and at < self.schedule.winners_until:
                self._go_with_the_winners(figures)
        return self._finish()

    # -- the device ----------------------------------------------------------------------------------------------

    def _set_up(self, mix: NDArray[np.float64]) -> None:
        """Arrays on the device, and as much shared memory as it gives."""
        from placer.engines.gpu_search.kernels import anneal
        from placer.engines.gpu_search.target import REGISTERS

        self.kernel = anneal
        block_bytes, unit_bytes, units = device.shared_memory()
        self.board_there = device.upload(self.board)
        self.mix_there = device.to_device(np.cumsum(mix))
        for limit in (block_bytes, min(block_bytes, device.FREE_BYTES)):
            self.layout: Layout = build_layout(self.board, self.schedule.threads, limit, unit_bytes)
            by_default = units * resident(self.layout, self.schedule.threads, REGISTERS, unit_bytes)
            self.chains = self.wanted or by_default
            placements = [self.starts[k % len(self.starts)] for k in range(min(self.chains, len(self.starts)))]
            rows = [k % len(placements) for k in range(self.chains)]
            first = positions(self.design, self.board, self.nodes, placements)
            self.state = device.upload(empty_chains(self.layout, *(array[rows] for array in first)))
            dice = np.concatenate([seeded(self.seed, k) for k in range(self.chains)])
            self.dice = device.to_device(dice)
            if device.allow_shared(anneal, self.layout.shared_bytes, *self._arguments(0, 0.0, 1.0, 1.0)):
                return

    def _arguments(self, steps: int, hot: float, ratio: float, reach: float) -> tuple:
        from placer.engines.gpu_search.price import FIGURES

        self.statistics = device.to_device(np.zeros((self.chains, len(KINDS), 4)))
        self.figures = device.to_device(np.zeros((self.chains, FIGURES)))
        return (
            self.board_there, self.layout, self.state, self.dice, self.mix_there, steps, hot, ratio, reach,
            self.statistics, self.figures,
        )  # fmt: skip

    def _launch(self, steps: int, at: float, share: float, hot: float) -> NDArray[np.float64]:
        """Draw ``steps`` moves on every chain; returns ``[B, FIGURES]``."""
        left = 1.0 - self.schedule.quench_share
        quench = at >= left
        begin = 0.0 if quench else hot * self.schedule.cooling ** -(at / left)
        ratio = self.schedule.cooling ** -(min(share, left - at) / left / steps) if not quench else 1.0
        canvas = self.design.canvas
        near = 2.0 * max(canvas.gcell_width, canvas.gcell_height)
        reach = max(0.5 * max(canvas.width, canvas.height) * max(0.0, 1.0 - at / left) ** 2, near)
        device.launch(
            self.kernel, self.chains, self.schedule.threads, self.layout.shared_bytes,
            *self._arguments(steps, begin, ratio, reach),
        )  # fmt: skip
        self.totals += device.to_host(self.statistics).sum(axis=0)
        return device.to_host(self.figures)

    # -- between launches ----------------------------------------------------------------------------------------

    def _remember(self, figures: NDArray[np.float64]) -> None:
        from placer.engines.gpu_search.price import PROXY

        best = int(np.argmin(figures[:, PROXY]))
        if figures[best, PROXY] < self.result.proxy_cost:
            self.result.proxy_cost = float(figures[best, PROXY])
            place, orient = device.to_host(self.state.place)[best], device.to_host(self.state.orient)[best]
            self.result.placement = placement_of(self.design.placement, self.nodes, place, orient)

    def _go_with_the_winners(self, figures: NDArray[np.float64]) -> None:
        """The worst chains continue from the best ones; every chain keeps its own dice."""
        from placer.engines.gpu_search.price import PROXY

        rank = np.argsort(figures[:, PROXY], kind="stable")
        count = int(self.chains * self.schedule.winners_share)
        if count == 0:
            return
        source = np.arange(self.chains)
        source[rank[-count:]] = rank[:count]
        for name in ("place", "corner", "orient", "gap"):
            there = device.to_host(getattr(self.state, name))[source]
            self.state = self.state._replace(**{name: device.to_device(there)})

    def _finish(self) -> GpuSearchResult:
        """Score the best again from scratch, on the lattice, and check every rule."""
        # Centres come from whole steps on the device too; a fused multiply-add there may differ in the last bit.
        found = on_lattice(self.design, self.result.placement)
        legality = check(self.design, found, reference=self.design.placement)
        if not legality.legal:
            raise PlacementError(f"the GPU search broke a rule: {legality.summary()}")
        self.result.placement = found
        self.result.proxy_cost = full(self.design, found, self.weights).proxy_cost
        self.result.layout = {
            "chains": self.chains,
            "threads": self.schedule.threads,
            "shared_bytes": self.layout.shared_bytes,
            "global_bytes": self.layout.global_bytes,
        }
        self.result.proposals = int(self.totals[:, _COLUMNS.index("priced")].sum())
        self.result.kinds = {
            kind: dict(zip(_COLUMNS, map(float, row), strict=True))
            for kind, row in zip(KINDS, self.totals, strict=True)
        }
        return self.result

    def _report(self, phase: str) -> None:
        cost = self.result.proxy_cost
        self.result.history.append((self.budget.seconds, phase, cost))
        done = int(self.totals[:, _COLUMNS.index("tried")].sum())
        self.progress(Event(phase, self.budget.seconds, done, self.iterations, cost))

    # -- the clock -----------------------------------------------------------------------------------------------

    def _fraction(self) -> float:
        """Part of the budget of this search that is spent."""
        if self.plan is not None:
            return self.drawn / self.plan
        assert self.budget.time_limit is not None
        total = self.budget.time_limit - self.began
        return (self.budget.seconds - self.began) / max(total, 1e-9)

    def _steps(self, number: int, rate: float) -> int:
        """Moves of the next launch on each chain; 0 when the plan is done."""
        if self.plan is not None:
            launches = min(self.schedule.launches, self.plan)
            return (number + 1) * self.plan // launches - number * self.plan // launches if number < launches else 0
        if rate == 0.0:
            return _FIRST_STEPS
        return max(1, int(rate * min(self.schedule.launch_seconds, self.budget.left)))

    def _share(self, steps: int, rate: float) -> float:
        """Part of the budget the next launch will take."""
        if self.plan is not None:
            return steps / self.plan
        assert self.budget.time_limit is not None
        return steps / rate / (self.budget.time_limit - self.began) if rate > 0.0 else 0.0


def _mix(board: Board) -> NDArray[np.float64] | None:
    """Probabilities of the kinds of moves on this design; None when there are no moves."""
    soft, hard = len(board.width) > board.hards, board.hards > 0
    mix = np.array([w * (hard if kind.startswith("hard") else soft) for kind, w in KINDS.items()])
    return mix / mix.sum() if mix.sum() > 0.0 else None


def median_rise(design: Design, placement: Placement, seed: int, weights: CostWeights | None = None) -> float:
    """Median rise in proxy cost of the random shifts by about a gcell that cost something; 0 when none does."""
    cost = IncrementalCost(design, placement, weights)
    rng = np.random.default_rng([seed, 77])
    ids = np.flatnonzero(design.movable)
    x, y, now = cost.x, cost.y, cost.proxy_cost
    rises = []
    for i in rng.choice(ids, 300):
        to_x = x[i] + rng.normal(0.0, design.canvas.gcell_width)
        to_y = y[i] + rng.normal(0.0, design.canvas.gcell_height)
        rises.append(cost.propose([int(i)], [to_x], [to_y]) - now)
    up = [rise for rise in rises if rise > 0.0]
    return float(np.median(up)) if up else 0.0
