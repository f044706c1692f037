"""The proposal model: two small networks that say how much a move may gain, and how they advise a search.

::

    s_kind(i)  = A(object features of i)          what a move of each kind gains where it moves object i
    s(i, t)    = B(object features of i, features of target t)

Both are logarithms of expected gains, up to a constant for each look: that is all that drawing by weight needs. The
weights are ``exp(sharpness * (s - log work))``, work being what pricing a move of the object costs, so that the search
draws what gains most for its time. Inference is compiled loops over a few thousand rows: milliseconds on one core.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from netlists.design import Design
from placer.cost.incremental import Problem
from placer.engines.search.moves.scene import Crowd
from placer.engines.search.moves.table import NAMES
from placer.engines.search.proposals import Advise, Proposals, Standing
from placer.engines.search.rng import seeded
from policies.proposals.dense import joined, layer
from policies.proposals.features import OBJECT_FEATURES, TARGET_FEATURES, Seen, features

#: Pins that a priced proposal costs besides those it moves, as the search counts work.
_PROPOSAL = 60.0
#: Longest jump of the annealing over the larger side of the canvas, and its shortest limit in gcells.
_FAR, _NEAR = 0.5, 2.0


@dataclass(frozen=True)
class ProposalConfig:
    """Sizes of the networks.

    Attributes:
        width: of their hidden layers.
        kinds: names of the kinds of moves they know.
    """

    width: int = 32
    kinds: tuple[str, ...] = NAMES


class ProposalModel(nn.Module):
    """Both networks; features are made comparable by the means and spreads of what they learned from.

    Shapes:
        objects ``[K, 25]``, pairs: rows of objects ``[P]`` and targets ``[P, 16]`` ->
        scores ``[K, kinds]`` and ``[P]``
    """

    def __init__(self, config: ProposalConfig | None = None) -> None:
        super().__init__()
        self.config = config or ProposalConfig()
        width, own, there = self.config.width, len(OBJECT_FEATURES), len(TARGET_FEATURES)
        self.object_mean = nn.Buffer(torch.zeros(own))
        self.object_scale = nn.Buffer(torch.ones(own))
        self.target_mean = nn.Buffer(torch.zeros(there))
        self.target_scale = nn.Buffer(torch.ones(there))
        self.kind_in, self.kind_mid = nn.Linear(own, width), nn.Linear(width, width)
        self.kind_out = nn.Linear(width, len(self.config.kinds))
        self.pair_own, self.pair_in = nn.Linear(own, width), nn.Linear(there, width, bias=False)
        self.pair_mid, self.pair_out = nn.Linear(width, width), nn.Linear(width, 1)
        for last in (self.kind_out, self.pair_out):  # untrained: everything is worth the same
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def kinds(self, objects: Tensor) -> Tensor:
        """Scores ``[K, kinds]`` of drawing each object by each kind."""
        x = (objects - self.object_mean) * self.object_scale
        out: Tensor = self.kind_out(torch.relu(self.kind_mid(torch.relu(self.kind_in(x)))))
        return out

    def pairs(self, objects: Tensor, pair_of: Tensor, targets: Tensor) -> Tensor:
        """Scores ``[P]`` of moving ``objects[pair_of]`` to targets."""
        own = self.pair_own((objects - self.object_mean) * self.object_scale)
        there = self.pair_in((targets - self.target_mean) * self.target_scale)
        hidden = torch.relu(own[pair_of] + there)
        out: Tensor = self.pair_out(torch.relu(self.pair_mid(hidden)))
        return out[:, 0]


def get_ready() -> None:
    """Compile and load what advice needs, so that no run's clock pays for it."""
    from netlists.load import load
    from placer import flow
    from placer.engines.search import SearchOptions

    options = SearchOptions(device="cpu", starts=0, proposer=LearnedProposer.of(ProposalModel()))
    flow.place(load("synth20"), iterations=2_000, jobs=1, options=options)


@dataclass(frozen=True, eq=False)
class LearnedProposer:
    """A model as a proposer of :mod:`placer.engines.search.proposals`.

    Attributes:
        arrays: parameters of the model by name, float32.
        kinds: names of the kinds of moves it knows.
        sharpness: how much the predicted gain of a pair decides; 0: all candidate pairs alike.
        importance: the same for the object that the other kinds of moves draw; 0: none of them is touched.
        shuffled: hand every score to another object or pair: a control that costs the same time and knows nothing.
    """

    arrays: Mapping[str, NDArray[np.float32]]
    kinds: tuple[str, ...] = NAMES
    sharpness: float = 1.0
    importance: float = 0.5
    shuffled: bool = False
    _kind_row: NDArray[np.int64] = field(init=False, repr=False, default_factory=lambda: np.zeros(0, np.int64))

    def __post_init__(self) -> None:
        row = np.array([self.kinds.index(name) if name in self.kinds else -1 for name in NAMES], np.int64)
        object.__setattr__(self, "_kind_row", row)

    @staticmethod
    def of(model: ProposalModel, **settings: Any) -> LearnedProposer:  # noqa: ANN401 - those of the class
        """The proposer of a model; ``settings`` are attributes of this class."""
        arrays = {name: value.detach().cpu().numpy().copy() for name, value in model.state_dict().items()}
        return LearnedProposer(arrays, model.config.kinds, **settings)

    def prepare(self, design: Design, problem: Problem, crowd: Crowd) -> Advise:
        """Get ready for one design; see :class:`placer.engines.search.proposals.Proposer`."""

        def advise(standing: Standing) -> Proposals:
            seen = see(problem, standing, crowd, jump_limit(design, standing.progress))
            return self.proposals(seen, design.netlist.num_nodes, standing.seed)

        return advise

    def proposals(self, seen: Seen, nodes: int, seed: int = 0) -> Proposals:
        """Weights for what was seen.

        Args:
            seen: features of one look.
            nodes: objects of the design.
            seed: of the shuffling.
        """
        cheap = np.log(seen.work)
        importance = np.zeros((0, 0))
        weight = np.zeros(0)
        rng = np.random.default_rng(seed)
        if self.importance > 0.0:
            score = self.kind_scores(seen) - cheap[:, None].astype(np.float32)
            score = np.where(self._kind_row[None] >= 0, score[:, self._kind_row], 0.0)
            if self.shuffled:
                score = score[rng.permutation(len(score))]
            importance = np.ones((len(NAMES), nodes))
            importance[:, seen.movers] = _weights(score, self.importance).T
        if len(seen.pair_of) and "learned" in self.kinds:
            score = self.pair_scores(seen) - cheap[seen.pair_of].astype(np.float32)
            if self.shuffled:
                score = score[rng.permutation(len(score))]
            weight = _weights(score, self.sharpness)
            return Proposals(seen.movers[seen.pair_of], seen.x, seen.y, weight, importance)
        return Proposals(importance=importance)

    def kind_scores(self, seen: Seen) -> NDArray[np.float32]:
        """Scores ``[K, kinds]`` of :meth:`ProposalModel.kinds`."""
        hidden = self._layer("kind_in", self._standard("object", seen.objects))
        return self._layer("kind_out", self._layer("kind_mid", hidden), rectified=False)

    def pair_scores(self, seen: Seen) -> NDArray[np.float32]:
        """Scores ``[P]`` of :meth:`ProposalModel.pairs`."""
        own = self._layer("pair_own", self._standard("object", seen.objects), rectified=False)
        there = self._layer("pair_in", self._standard("target", seen.targets), rectified=False)
        hidden = self._layer("pair_mid", joined(own, seen.pair_of, there))
        return self._layer("pair_out", hidden, rectified=False)[:, 0]

    def _standard(self, name: str, table: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = (table - self.arrays[f"{name}_mean"]) * self.arrays[f"{name}_scale"]
        return found

    def _layer(self, name: str, x: NDArray[np.float32], rectified: bool = True) -> NDArray[np.float32]:
        weight = np.ascontiguousarray(self.arrays[f"{name}.weight"].T)
        bias = self.arrays.get(f"{name}.bias")
        found: NDArray[np.float32] = layer(
            x, weight, np.zeros(weight.shape[1], np.float32) if bias is None else bias, rectified
        )
        return found


def _weights(score: NDArray[np.float32], sharpness: float) -> NDArray[np.float64]:
    """``exp(sharpness * score)`` over the largest of each column: at most 1, and never all 0."""
    return np.exp(sharpness * (score - score.max(axis=0, initial=-np.inf)).astype(np.float64))


def jump_limit(design: Design, progress: float) -> float:
    """Longest jump to a candidate target, um; it shrinks with that of the search's own random jumps."""
    canvas = design.canvas
    near = _NEAR * max(canvas.gcell_width, canvas.gcell_height)
    return max(_FAR * max(canvas.width, canvas.height) * (1.0 - progress) ** 2, near)


def see(problem: Problem, standing: Standing, crowd: Crowd, reach: float) -> Seen:
    """Features of how a chain stands.

    Args:
        problem: flattened design.
        standing: how the chain stands.
        crowd: who moves.
        reach: longest jump to a candidate target, um.
    """
    objects, pair_of, x, y, targets, movers = features(
        problem, standing.state, standing.ground, standing.heat, crowd.is_soft, standing.tally,
        max(standing.temperature, 1e-12), max(standing.hottest, 1e-12), standing.progress, reach,
        seeded(standing.seed, 0),
    )  # fmt: skip
    work = _PROPOSAL + np.diff(problem.obj_ptr)[movers].astype(np.float64)
    return Seen(movers, objects, pair_of, x, y, targets, work / max(work.mean(), 1e-12))
