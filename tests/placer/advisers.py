"""Proposers that know nothing, for tests of what the search does with their advice."""

from __future__ import annotations

import time

import numpy as np

from placer.engines.search import Proposals
from placer.engines.search.moves.advice import build_advice


class Fixed:
    """Always the same answer; remembers how the chains stood."""

    def __init__(self, answer: Proposals) -> None:
        self.answer = answer
        self.seen = []
        self.delay = 0.0

    def prepare(self, design, problem, crowd):
        def advise(standing):
            time.sleep(self.delay)
            self.seen.append((standing.progress, standing.temperature, standing.seed, standing.state.x.copy()))
            return self.answer

        return advise


class Random:
    """Random pairs and importance, by the seed of the look."""

    def prepare(self, design, problem, crowd):
        movers = np.concatenate([crowd.soft, crowd.hard])
        canvas = design.canvas

        def advise(standing):
            rng = np.random.default_rng(standing.seed)
            objects = rng.choice(movers, 3 * len(movers))
            x = rng.uniform(canvas.x0, canvas.x0 + canvas.width, len(objects))
            y = rng.uniform(canvas.y0, canvas.y0 + canvas.height, len(objects))
            importance = rng.random((21, design.netlist.num_nodes))
            return Proposals(objects, x, y, rng.random(len(objects)), importance)

        return advise


def with_pairs(chain, seed=0):
    """The chain with pairs that send every movable object to places all over the canvas."""
    p, crowd = chain.problem, chain.scene.crowd
    rng = np.random.default_rng(seed)
    movers = np.concatenate([crowd.soft, crowd.hard])
    objects = np.repeat(movers, 20)
    x = p.x0 + rng.uniform(0, p.columns * p.gcell_width, len(objects))
    y = p.y0 + rng.uniform(0, p.rows * p.gcell_height, len(objects))
    pairs = objects, x, y, rng.uniform(0.1, 1.0, len(objects))
    advice = build_advice(crowd.soft, crowd.hard, pairs, np.zeros((0, 0)))
    return chain._replace(scene=chain.scene._replace(advice=advice))
