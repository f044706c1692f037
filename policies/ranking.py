"""Which of many starts of a design deserves depth: a learned ranking, and how it is learned.

The model sees the figures of every start (``policies.start_features``) less their mean over the starts of the design,
so neither the size of a design nor how good its starts are as a whole matters. Untrained it ranks by exact cost. It
learns pairs: of two starts of one design, which ended cheaper after a deep search (C. Burges et al., "Learning to Rank
using Gradient Descent", ICML 2005), each pair weighted by how far apart they ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import Tensor, nn
from torch.nn import functional as F

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.placement import Placement
from policies.errors import DivergedError
from policies.files import damaged, fill, read_tensors, write_tensors
from policies.shipped import FOLDER
from policies.start_features import FEATURES, PATH, Trial, start_features, table

Floats = NDArray[np.float64]

FORMAT = "placer-ranking"
#: Changes whenever older models would be told something else than what they learned from.
VERSION = 1
#: What ships with the placer.
SHIPPED = FOLDER / "placer-ranking.safetensors"
#: All columns the model sees.
COLUMNS: tuple[str, ...] = (*FEATURES, *PATH)
#: Differences beyond this many typical ones are cut off.
_CUT = 4.0


@dataclass(frozen=True)
class RankingConfig:
    """Sizes of the model; kept in every file."""

    hidden: int = 12
    """Numbers between the figures of a start and its score; 0 for a weighted sum alone."""
    depth: float = 10.0
    """Proposals for each movable object in the short trial before a start is judged; 0 for none."""

    def __post_init__(self) -> None:
        if type(self.hidden) is not int or not 0 <= self.hidden <= 1024:
            raise ValueError(f"hidden must be a whole number from 0 to 1024, not {self.hidden!r}")
        if not isinstance(self.depth, int | float) or not 0 <= self.depth <= 1e4:
            raise ValueError(f"depth must be from 0 to 10000, not {self.depth!r}")


class RankingModel(nn.Module):
    """Scores of the starts of one design, lower is better.

    Args:
        config: sizes.
    """

    def __init__(self, config: RankingConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or RankingConfig()
        self.register_buffer("scale", torch.ones(len(COLUMNS)))
        self.weight = nn.Parameter(_by_cost())
        self.first = nn.Linear(len(COLUMNS), max(c.hidden, 1))
        self.second = nn.Linear(max(c.hidden, 1), 1, bias=False)
        nn.init.zeros_(self.second.weight)

    def forward(self, rows: Tensor) -> Tensor:
        """``[..., n]`` scores from ``[..., n, len(COLUMNS)]`` figures of the starts of a design (of several designs).

        NaN stands for a figure that is unknown, which counts as average.
        """
        known = torch.isfinite(rows)
        mean = torch.where(known, rows, 0.0).sum(-2, keepdim=True) / known.sum(-2, keepdim=True).clamp(min=1)
        scale: Tensor = self.scale  # type: ignore[assignment]
        x = (torch.where(known, rows - mean, 0.0) / scale).clamp(-_CUT, _CUT)
        score = x @ self.weight
        if self.config.hidden:
            score = score + self.second(torch.tanh(self.first(x)))[..., 0]
        return score


def _by_cost() -> Tensor:
    """Weights that rank by exact cost."""
    weight = torch.zeros(len(COLUMNS))
    weight[COLUMNS.index("proxy")] = 1.0
    return weight


@dataclass(frozen=True, eq=False)
class StartSet:
    """Starts of one design and what became of them.

    Attributes:
        design: its name.
        before: ``[n, F]`` figures of the starts (``start_features.FEATURES``).
        after: ``[n, F]`` figures after a short trial.
        path: ``[n, 3]`` exact cost before the trial, half-way and after it.
        final: ``[n]`` exact cost after a deep search from each.
    """

    design: str
    before: Floats
    after: Floats
    path: Floats
    final: Floats

    def __post_init__(self) -> None:
        n = len(self.final)
        shapes = {"before": (n, len(FEATURES)), "after": (n, len(FEATURES)), "path": (n, 3), "final": (n,)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name} must have the shape {shape}, not {getattr(self, name).shape}")
        if not (np.isfinite(self.final).all() and (self.final > 0).all()):
            raise ValueError("final costs must be positive numbers")

    def views(self) -> list[Tensor]:
        """What a ranker may see of the starts: as they are, after a trial, and after a trial it did not watch."""
        tables = [table(self.before, None), table(self.after, self.path), table(self.after, None)]
        return [torch.from_numpy(one).float() for one in tables]


@dataclass(frozen=True)
class LearnConfig:
    """How a ranking is learned."""

    steps: int = 200
    """Gradient steps; each sees every design."""
    learning_rate: float = 0.01
    """Of Adam."""
    decay: float = 0.3
    """Pull of the weights towards ranking by exact cost."""
    folds: int = 5
    """Parts that designs are split into to see how well the ranking does on designs it has not seen; 0 for none."""
    seed: int = 0
    """Of the first weights and of the parts."""


def learn(
    sets: Sequence[StartSet], config: RankingConfig | None = None, how: LearnConfig | None = None
) -> tuple[RankingModel, dict[str, Any]]:
    """Learn a ranking.

    Args:
        sets: designs with at least two starts each; others teach nothing.
        config: sizes of the model.
        how: settings.

    Returns:
        The model, and its card: designs, starts, and mean rank correlations with the final cost. Those of designs
        that were left out while learning are ``"left out: learned"`` (and ``"... without trial"``), beside those of
        exact cost before and after a trial.

    Raises:
        NetlistError: no set has two starts that ended differently.
        DivergedError: the loss was not a number.
    """
    config, how = config or RankingConfig(), how or LearnConfig()
    useful = [one for one in sets if len(one.final) > 1 and np.ptp(one.final) > 0]
    if not useful:
        raise NetlistError("no design has two starts that ended differently: there is nothing to rank")
    card: dict[str, Any] = {"designs": len(useful), "starts": int(sum(len(one.final) for one in useful))}
    if how.folds > 1 and len(useful) >= how.folds:
        card["rank correlation"] = _cross_validated(useful, config, how)
    return _fit(useful, config, how), card


def _fit(sets: Sequence[StartSet], config: RankingConfig, how: LearnConfig) -> RankingModel:
    torch.manual_seed(how.seed)
    model = RankingModel(config)
    # All designs in one tensor, padded by starts of which nothing is known and that are in no pair.
    most = max(len(one.final) for one in sets)
    views = torch.full((3 * len(sets), most, len(COLUMNS)), torch.nan)
    weight = torch.zeros(3 * len(sets), most, most)
    for k, one in enumerate(sets):
        n = len(one.final)
        views[3 * k : 3 * k + 3, :n] = torch.stack(one.views())
        weight[3 * k : 3 * k + 3, :n, :n] = _pairs(torch.from_numpy(np.log(one.final)).float())
    spread = (views - views.nanmean(1, keepdim=True)).square().nanmean((0, 1)).sqrt()
    model.scale.copy_(torch.where(spread > 1e-6, spread, 1.0))  # type: ignore[operator]
    base = _by_cost()
    adam = torch.optim.Adam(model.parameters(), lr=how.learning_rate)
    for step in range(how.steps):
        adam.zero_grad()
        score = model(views)
        loss = (weight * F.softplus(score[:, :, None] - score[:, None, :])).sum() / len(views)
        away = (model.weight - base).square().sum() + model.second.weight.square().sum()
        total = loss + how.decay * away
        if not torch.isfinite(total):
            raise DivergedError(f"the loss is not a number at step {step} of learning to rank")
        total.backward()
        adam.step()
    return model.eval()


def _pairs(target: Tensor) -> Tensor:
    """``[n, n]`` weights, which add up to 1, of the pairs whose first start ended cheaper than the second."""
    gap = (target[None, :] - target[:, None]).clamp(min=0)
    return gap / gap.sum()


def _cross_validated(sets: Sequence[StartSet], config: RankingConfig, how: LearnConfig) -> dict[str, float]:
    """Mean rank correlation on designs left out while learning, and of what needs no learning."""
    found: dict[str, list[float]] = {}
    part = np.random.default_rng(how.seed).permutation(len(sets)) % how.folds
    for fold in range(how.folds):
        model = _fit([one for one, k in zip(sets, part, strict=True) if k != fold], config, how)
        for one, k in zip(sets, part, strict=True):
            if k == fold:
                for name, value in correlations(model, one).items():
                    found.setdefault(name, []).append(value)
    return {name: float(np.nanmean(values)) for name, values in found.items()}


def correlations(model: RankingModel, one: StartSet) -> dict[str, float]:
    """Rank correlation (Spearman) with the final cost of one design's starts.

    Returns:
        ``exact cost`` of the starts, ``after trial`` their cost after a short trial, ``learned`` the model's scores
        after that trial, and ``learned without trial``.
    """
    with torch.inference_mode():
        plain, tried, _ = (model(view).numpy() for view in one.views())
    scores = {
        "exact cost": one.path[:, 0], "after trial": one.path[:, 2], "learned": tried, "learned without trial": plain,
    }  # fmt: skip
    return {name: _spearman(np.asarray(score, np.float64), one.final) for name, score in scores.items()}


def _spearman(a: Floats, b: Floats) -> float:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(spearmanr(a, b).statistic)


@dataclass(frozen=True, eq=False)
class StartRanker:
    """A learned ranking as the flow takes it: ``placer.flow.place(ranker=StartRanker(...))``.

    Attributes:
        model: the ranking.
        trials: search a little from each start before judging it, as deep as the model's sizes say. Of no use where
            the search's own trials come first (``SearchOptions(halving=True)``).
        jobs: threads.
        card: what the model learned from; JSON values.
    """

    model: RankingModel = field(default_factory=RankingModel)
    trials: bool = True
    jobs: int = 1
    card: dict[str, Any] = field(default_factory=dict)

    def __call__(self, design: Design, placements: Sequence[Placement]) -> Floats:
        """``[n]`` scores of legal starts of one design, lower is better; the same starts give the same scores."""
        trial = Trial(design, self.model.config.depth) if self.trials and self.model.config.depth > 0 else None

        def look(placement: Placement) -> tuple[Floats, Floats | None]:
            if trial is None:
                return start_features(design, placement), None
            ended, costs = trial.run(placement)
            return start_features(design, ended), costs

        with ThreadPoolExecutor(self.jobs) as pool:
            seen = list(pool.map(look, placements))
        paths = None if trial is None else np.stack([costs for _, costs in seen if costs is not None])
        with torch.inference_mode():
            scores = self.model(torch.from_numpy(table([row for row, _ in seen], paths)).float())
        return scores.double().numpy()

    def without_trials(self) -> StartRanker:
        """The same ranking for starts that have been tried already."""
        return replace(self, trials=False)


def save_ranker(path: Path, ranker: StartRanker) -> Path:
    """Write a ranking, all of it or nothing.

    Raises:
        NetlistError: the file cannot be written.
    """
    header = {"config": asdict(ranker.model.config), "card": ranker.card, "columns": {"names": list(COLUMNS)}}
    return write_tensors(path, FORMAT, VERSION, header, ranker.model.state_dict())


def load_ranker(path: Path | str | None = None) -> StartRanker:
    """Read a ranking.

    Args:
        path: the file; the one that ships with the placer when None.

    Raises:
        NetlistError: there is no such file, it is none of ours, of another version, damaged, or it was learned from
            other figures than this version of the placer takes.
    """
    file = SHIPPED if path is None else Path(path)
    header, tensors = read_tensors(file, FORMAT, VERSION)
    if header.get("columns", {}).get("names") != list(COLUMNS):
        raise NetlistError("the ranking was learned from other figures than this version takes", file=file)
    try:
        model = RankingModel(RankingConfig(**header.get("config", {})))
    except (TypeError, ValueError) as error:
        raise damaged(file, error) from None
    fill(model, tensors, file)
    return StartRanker(model.eval(), card=header.get("card", {}))
