"""Training of the network that makes starts: down the smooth proxy cost of what it puts out, a new circuit every step.

Several codes of one circuit are placed at once. Half of the loss is their mean cost, half that of the better ones (a
soft minimum), so that a code may try something else than the others; layouts of different codes that are nearer to each
other than a margin are pushed apart. Circuits come from the generator, and none is met twice for long: there is nothing
to learn by heart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO
from placer._version import __version__
from placer.budget import Budget
from placer.engines.starts import Smoothness, Surrogate
from policies.amortised import (
    AmortisedConfig,
    AmortisedPlacer,
    Board,
    build_board,
    draw,
    load_starts,
    save_starts,
    smooth_cost,
    total,
)
from policies.errors import DivergedError
from policies.files import Checkpoint
from policies.logs import TrainLog
from policies.splits import HELD_OUT_SEED, synthetic, synthetic_designs

#: In the folder of a run: the latest state.
LAST = "last.safetensors"
#: Cost differences that the soft minimum tells apart.
_SHARPNESS = 0.03
#: Smoothness of the cost, at the first step and from ``TrainConfig.warm`` steps on.
_SMOOTH = (Smoothness(4.0, 1.0, 5.0, 2.0), Smoothness(0.5, 1.0, 1.5, 1.5))


@dataclass(frozen=True)
class StartsConfig:
    """What a run does; kept in its files, so that it can go on."""

    steps: int | None = None
    """Gradient steps after which it ends; None leaves that to the clock."""
    largest: int = 48
    """Most macros of a circuit."""
    codes: int = 4
    """Layouts of a circuit in one step."""
    repeat: int = 3
    """Steps with each circuit."""
    learning_rate: float = 2e-3
    """Of Adam, at the beginning; it falls with the root of the steps beyond ``warm``."""
    warm: int = 300
    """Steps over which the cost gets less smooth."""
    overlap: float = 1.0
    """Weight of the overlap of hard macros, over their area."""
    margin: float = 0.15
    """Mean distance of hard macros, in canvas widths, below which two layouts are pushed apart."""
    push: float = 0.3
    """How strongly."""
    report_every: int = 100
    """Steps between two trials on held-out circuits and files."""
    held_out: int = 4
    """Circuits, never trained on, that it is tried on."""
    seed: int = 0
    """Of everything random."""
    network: AmortisedConfig = field(default_factory=AmortisedConfig)
    """Sizes of a new network."""

    def __post_init__(self) -> None:
        if (self.steps is not None and self.steps < 0) or min(self.codes, self.repeat, self.report_every) < 1:
            raise NetlistError("steps must not be negative, codes, repeat and report_every at least 1")


def train_starts(
    config: StartsConfig,
    folder: Path,
    *,
    budget: Budget | None = None,
    resume: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """Train a network that makes starts, or go on training it; on the CPU.

    Args:
        config: what to do; replaced by what the file says when a run goes on, but for ``steps``.
        folder: gets ``last.safetensors`` and ``metrics.jsonl``.
        budget: ends the run after the step under way.
        resume: go on from ``last.safetensors`` in ``folder``.
        say: told now and then, in one line, how it goes.

    Returns:
        The file.

    Raises:
        NetlistError: the file to go on from cannot be used.
        DivergedError: a number was none; the file holds the last good weights.
    """
    budget = budget or Budget()
    if resume:
        loaded = load_starts(folder / LAST)
        config = _stored(loaded, config.steps, folder / LAST)
    else:
        torch.manual_seed(config.seed)
        loaded = Checkpoint(AmortisedPlacer(config.network), {}, {}, {})
    run = _Run(config, loaded, folder / LAST)
    log = TrainLog(folder, say, run.step if resume else None)
    trials = synthetic_designs(HELD_OUT_SEED, config.held_out, config.largest)
    try:
        while not budget.over and (config.steps is None or run.step < config.steps):
            figures = run.learn()
            if run.step % config.report_every == 0:
                _report(run, trials, log, figures, say)
        _report(run, trials, log, {}, say)
    finally:
        log.close()
    return folder / LAST


def _report(
    run: _Run, trials: list[Design], log: TrainLog, figures: dict[str, float], say: Callable[[str], None]
) -> None:
    figures = figures | run.tried(trials)
    log.write(run.step, figures)
    say(f"step {run.step}: " + ", ".join(f"{name} {value:.4g}" for name, value in figures.items()))
    run.save(figures)


def _stored(loaded: Checkpoint[AmortisedPlacer], steps: int | None, file: Path) -> StartsConfig:
    try:
        known = dict(loaded.run["config"])
        known["network"] = AmortisedConfig(**known["network"])
        return StartsConfig(**(known | {"steps": steps}))
    except (KeyError, TypeError, ValueError) as error:
        raise NetlistError(
            f"a network, but not the state of a training run ({error})", file=file,
            expected="a last.safetensors of placer train --part starts",
        ) from None  # fmt: skip


class _Run:
    """One call of :func:`train_starts`."""

    def __init__(self, config: StartsConfig, loaded: Checkpoint[AmortisedPlacer], file: Path) -> None:
        self.config, self.model, self._file = config, loaded.model.train(), file
        self._card: dict[str, Any] = dict(loaded.card)
        self.step = int(loaded.run.get("step", 0))
        self._adam = torch.optim.Adam(self.model.parameters(), lr=config.learning_rate)
        if loaded.tensors:
            self._restore(loaded)
        self._circuit: tuple[int, Board, Surrogate, Design] | None = None

    def learn(self) -> dict[str, float]:
        """One gradient step.

        Raises:
            DivergedError: the gradient was not a number; nothing was changed.
        """
        c = self.config
        board, surrogate, design = self._next()
        draws = torch.Generator().manual_seed(c.seed * 1_000_003 + self.step)
        codes = torch.rand(c.codes, len(board.objects), 2, generator=draws)
        at = self.model(board, codes)
        cost, overlap = self._cost(design, surrogate, board, at)
        score = cost + c.overlap * overlap
        better = torch.softmax(-score.detach() / _SHARPNESS, dim=0)
        near = self._nearness(design, board, at)
        loss = 0.5 * score.mean() + 0.5 * (better * score).sum() + c.push * near
        self._adam.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        if not torch.isfinite(norm):
            raise DivergedError(f"the gradient is not a number at step {self.step} (loss {float(loss.detach()):g})")
        for group in self._adam.param_groups:
            group["lr"] = c.learning_rate / max(1.0, (self.step + 1) / c.warm) ** 0.5
        self._adam.step()
        self.step += 1
        return {
            name: float(value.detach().mean())
            for name, value in {"cost": cost, "overlap": overlap, "near": near}.items()
        }

    def tried(self, trials: list[Design]) -> dict[str, float]:
        """Exact cost with overlap on circuits never trained on: mean over the layouts, and of the best of each."""
        costs = []
        for design in trials:
            x, y = draw(design, self.model, self.config.codes, seed=0)
            costs.append(smooth_cost(design, x, y))
        if not costs:
            return {}
        return {
            "held_out/mean": float(np.mean([one.mean() for one in costs])),
            "held_out/best": float(np.mean([one.min() for one in costs])),
        }

    def save(self, figures: dict[str, float]) -> None:
        """Write everything that is needed to go on."""
        state = self._adam.state_dict()["state"]
        tensors = {f"{k}.{name}": torch.as_tensor(v) for k, one in state.items() for name, v in one.items()}
        scores = {name: value for name, value in figures.items() if "/" in name}
        c = self.config
        self._card |= {
            "placer": __version__, "device": "cpu", "steps": self.step, "scores": scores,
            "trained_on": f"{-(-self.step // c.repeat)} generated designs of up to {c.largest} macros, from seed 0",
            "parameters": sum(p.numel() for p in self.model.parameters()),
        }  # fmt: skip
        run = {"config": asdict(c), "step": self.step}
        save_starts(self._file, Checkpoint(self.model, self._card, tensors, run))

    def _restore(self, loaded: Checkpoint[AmortisedPlacer]) -> None:
        state: dict[int, dict[str, Tensor]] = {}
        try:
            for name, value in loaded.tensors.items():
                number, what = name.split(".")
                state.setdefault(int(number), {})[what] = value
            groups = self._adam.state_dict()["param_groups"]
            self._adam.load_state_dict({"state": state, "param_groups": groups})
        except (KeyError, ValueError, RuntimeError) as error:
            raise NetlistError(f"the state of the training run is damaged ({error})", file=self._file) from None

    def _next(self) -> tuple[Board, Surrogate, Design]:
        """The circuit of this step: every seed that can be generated and played, one after the other."""
        wanted = self.step // self.config.repeat
        if self._circuit is None or self._circuit[0] != wanted:
            for seed in _seeds(wanted):
                try:
                    design = synthetic(seed, self.config.largest)
                    self._circuit = (wanted, build_board(design), Surrogate(design), design)
                    break
                except NetlistError:
                    continue
        assert self._circuit is not None  # the seeds never end
        return self._circuit[1:]

    def _cost(self, design: Design, surrogate: Surrogate, board: Board, at: Tensor) -> tuple[Tensor, Tensor]:
        """``[K]`` smooth proxy cost, and overlap."""
        c, p = design.canvas, design.placement
        everything = torch.from_numpy(np.stack([p.x, p.y], axis=-1)).expand(len(at), -1, -1)
        size, corner = torch.tensor([c.width, c.height]).double(), torch.tensor([c.x0, c.y0]).double()
        x, y = everything.index_copy(1, board.objects, corner + at.double() * size).unbind(-1)
        part = min(1.0, self.step / max(1, self.config.warm))
        first, last = _SMOOTH
        smooth = Smoothness(
            *(a * (b / a) ** part for a, b in zip(vars(first).values(), vars(last).values(), strict=True))
        )
        terms = surrogate.terms(x, y, smooth)
        return total(terms) - terms["overlap"], terms["overlap"]

    def _nearness(self, design: Design, board: Board, at: Tensor) -> Tensor:
        """How far pairs of layouts are within the margin, mean over pairs."""
        hard = torch.from_numpy(design.netlist.node_kind[board.objects.numpy()] == HARD_MACRO)
        first, second = torch.triu_indices(len(at), len(at), 1)
        if not len(first):
            return at.new_zeros(())
        far = (at[first][:, hard] - at[second][:, hard]).square().sum(-1).clamp(min=1e-12).sqrt().mean(-1)
        return (self.config.margin - far).clamp(min=0).mean()


def _seeds(wanted: int) -> Iterator[int]:
    """Seeds to try for the circuit of that number; below the held-out ones."""
    for turn in range(1000):
        yield (wanted + turn * 7919) % HELD_OUT_SEED
