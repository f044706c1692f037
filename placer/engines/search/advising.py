"""Looks at the chains of a run: asks the proposer, hands its answer to the chain, keeps what the recorder wants."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from netlists.design import Design
from placer.cost.full import CostWeights
from placer.cost.incremental import Problem
from placer.engines.search.chain import Chain
from placer.engines.search.moves.advice import build_advice
from placer.engines.search.moves.hot import feel
from placer.engines.search.moves.scene import Crowd, build_heat
from placer.engines.search.moves.table import NAMES
from placer.engines.search.options import SearchOptions
from placer.engines.search.proposals import Standing

#: What is left of the counts of an object at a look.
_FADE = 0.5


class Adviser:
    """What stands between the chains of one run and those who advise or watch them.

    Attributes:
        looks: how often a chain was looked at.
        seconds: wall-clock that took, summed over chains; it is part of the chains' time.
    """

    def __init__(self, design: Design, problem: Problem, crowd: Crowd, options: SearchOptions, seed: int) -> None:
        self._design, self._crowd, self._seed = design, crowd, seed
        self._recorder = options.recorder
        self._advise = None if options.proposer is None else options.proposer.prepare(design, problem, crowd)
        self._moves = crowd.is_soft | (crowd.rank >= 0)
        self.looks, self.seconds = 0, 0.0

    @property
    def wanted(self) -> bool:
        """False where nobody advises or watches."""
        return self._advise is not None or self._recorder is not None

    def look(
        self, pool: ThreadPoolExecutor, chains: Sequence[Chain], temperature: float, hottest: float, progress: float
    ) -> list[Chain]:
        """Look at all chains, side by side; returns them with fresh advice."""
        advised = []
        numbers = range(self.looks, self.looks + len(chains))

        def one(number: int, chain: Chain) -> tuple[Chain, float]:
            begin = time.perf_counter()
            return self._looked(chain, number, temperature, hottest, progress), time.perf_counter() - begin

        if self._recorder is not None:
            for k, chain in enumerate(chains):
                state = chain.state
                self._recorder.collect(k, chain.sample)
                self._recorder.look(
                    k, x=state.x, y=state.y, orient=state.orient, tally=chain.tally.astype(np.float32),
                    temperature=temperature, progress=progress,
                )  # fmt: skip
        for chain, seconds in pool.map(one, numbers, chains):
            advised.append(chain)
            self.seconds += seconds
        self.looks += len(chains)
        return advised

    def _looked(self, chain: Chain, number: int, temperature: float, hottest: float, progress: float) -> Chain:
        if self._advise is not None:
            v, heat = chain.scene, build_heat(chain.problem, self._crowd)  # the chain's own heat goes on as ever
            feel(chain.problem, chain.state, v.ground, heat)
            seed = int(np.random.SeedSequence([self._seed, 99, number]).generate_state(1)[0])
            found = self._advise(
                Standing(chain.state, v.ground, heat, chain.tally, temperature, hottest, progress, seed)
            )
            if len(found.objects) and not self._moves[found.objects].all():
                raise ValueError("the proposer wants to move what does not move")
            pairs = found.objects, found.x, found.y, found.weight
            advice = build_advice(self._crowd.soft, self._crowd.hard, pairs, found.importance)
            chain = chain._replace(scene=v._replace(advice=advice))
        chain.tally[:] *= _FADE
        return chain

    def collect(self, chains: Sequence[Chain]) -> None:
        """After a round: empty the samples of the chains."""
        if self._recorder is not None:
            for k, chain in enumerate(chains):
                self._recorder.collect(k, chain.sample)

    def end(self, weights: CostWeights, hottest: float) -> None:
        """After the run."""
        if self._recorder is not None:
            self._recorder.end(self._design.netlist.name, NAMES, weights, hottest)
