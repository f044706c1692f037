"""A learned placing order: a network scores macros by what is known of them before the first step.

The environments take any function ``(design, node_ids) -> node_ids`` as ``order=``; :class:`LearnedOrder` makes one
of a PyTorch module. It is trained from outside, with whatever learner, and kept as a file that holds weights only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from env.orders import nets_of_macros, placed_nets
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.formats.textio import atomic_write

#: What the columns of :func:`macro_features` mean, each in [0, 1].
FEATURES: tuple[str, ...] = (
    "width / canvas width",
    "height / canvas height",
    "area / area of the largest macro",
    "nets / most nets of a macro",
    "net weight / most net weight of a macro",
    "share of its net weight on nets with a pin that has a position from the start",
    "share of its net weight on nets that another of the macros is on",
)
#: Says in a file what it is.
_KIND = "placer macro order 1"


def macro_features(design: Design, macros: NDArray[np.int64]) -> NDArray[np.float32]:
    """What is known of macros before any is placed.

    Args:
        design: the design.
        macros: ``[T]`` node ids.

    Returns:
        ``[T, 7]`` float32, see :data:`FEATURES`. Sizes are those of orientation N.
    """
    netlist, canvas, count = design.netlist, design.canvas, len(macros)
    wide, high = netlist.node_width[macros], netlist.node_height[macros]
    slot, net = nets_of_macros(design, macros).T
    shared = np.bincount(net, minlength=netlist.num_nets) > 1

    def total(of: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.bincount(slot, weights=of, minlength=count).astype(np.float64)

    weight = netlist.net_weight[net]
    nets, own = total(np.ones(len(net))), total(weight)
    columns = (
        (wide, canvas.width),
        (high, canvas.height),
        (wide * high, (wide * high).max(initial=0.0)),
        (nets, nets.max(initial=0.0)),
        (own, own.max(initial=0.0)),
        (total(weight * placed_nets(design)[net]), own),
        (total(weight * shared[net]), own),
    )
    tiny = np.finfo(float).tiny
    found = np.stack([values / np.maximum(most, tiny) for values, most in columns], axis=1)
    return np.clip(found, 0.0, 1.0).astype(np.float32)


class MacroScorer(nn.Module):
    """Two layers: ``score = w . tanh(A f + b)``.

    Args:
        hidden: width of the first layer.

    Shapes:
        input ``[T, 7]``, output ``[T]``.
    """

    def __init__(self, hidden: int = 16) -> None:
        super().__init__()
        self.hidden = nn.Linear(len(FEATURES), hidden)
        self.score = nn.Linear(hidden, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Scores of macros."""
        scores: Tensor = self.score(torch.tanh(self.hidden(features))).squeeze(-1)
        return scores


class LearnedOrder:
    """An order for ``order=``: the macro with the highest score first.

    Ties go to the larger macro, then to the smaller node id. The order is worked out once for each design, before
    its first episode: a scorer trained further takes effect in environments made afterwards.

    Args:
        scorer: any module that maps :func:`macro_features` ``[T, 7]`` to scores ``[T]`` or ``[T, 1]``; a fresh
            :class:`MacroScorer` by default.
    """

    def __init__(self, scorer: nn.Module | None = None) -> None:
        self.scorer = MacroScorer() if scorer is None else scorer

    def scores(self, design: Design, macros: NDArray[np.int64]) -> NDArray[np.float64]:
        """``[T]`` scores, in the module's evaluation mode and without gradients.

        Raises:
            ValueError: the module does not give one finite number for each macro.
        """
        features = torch.from_numpy(macro_features(design, macros))
        parameter = next(self.scorer.parameters(), None)
        if parameter is not None:
            features = features.to(parameter.device, parameter.dtype)
        training = self.scorer.training
        try:
            with torch.no_grad():
                found = self.scorer.eval()(features)
        finally:
            self.scorer.train(training)
        scores = found.detach().to("cpu", torch.float64).numpy()
        if scores.shape not in ((len(macros),), (len(macros), 1)) or not np.isfinite(scores).all():
            raise ValueError(
                f"the scorer must give one finite number for each of the {len(macros)} macros, "
                f"found shape {list(scores.shape)}{'' if np.isfinite(scores).all() else ' with NaN or infinity'}"
            )
        return scores.reshape(-1)

    def __call__(self, design: Design, macros: NDArray[np.int64]) -> NDArray[np.int64]:
        """``macros`` in placing order."""
        area = design.netlist.node_width[macros] * design.netlist.node_height[macros]
        return macros[np.lexsort((macros, -area, -self.scores(design, macros)))]

    def save(self, path: str | Path) -> Path:
        """Write the weights, and nothing but weights, as safetensors.

        Raises:
            NetlistError: the file cannot be written.
        """
        weights = {name: value.detach().cpu().contiguous() for name, value in self.scorer.state_dict().items()}
        return atomic_write(Path(path), save(weights, {"kind": _KIND, "features": json.dumps(FEATURES)}))

    @classmethod
    def load(cls, path: str | Path, scorer: nn.Module | None = None) -> Self:
        """Read what :meth:`save` wrote. Nothing in the file is ever run.

        Args:
            path: the file.
            scorer: the module to fill, of the kind that was saved; a :class:`MacroScorer` of the file's size by
                default.

        Raises:
            NetlistError: the file is missing, is not one of these, is about other features, or does not fit the
                module.
        """
        try:
            with safe_open(path, framework="pt") as file:
                about = file.metadata() or {}
                weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        except (OSError, SafetensorError) as error:
            raise NetlistError(f"cannot read a macro order: {error}", file=path) from None
        if about.get("kind") != _KIND:
            raise NetlistError("not a macro order", file=path, found=about.get("kind"), expected=_KIND)
        if about.get("features") != json.dumps(FEATURES):
            raise NetlistError("the macro order is about other features than this version's", file=path)
        if not all(torch.isfinite(value).all() for value in weights.values()):
            raise NetlistError("the macro order has weights that are NaN or infinite", file=path)
        if scorer is None:
            first = weights.get("hidden.weight")
            scorer = MacroScorer(len(first) if first is not None and first.ndim else 1)
        try:
            scorer.load_state_dict(weights)
        except RuntimeError as error:
            text = " ".join(str(error).split())
            raise NetlistError(f"the weights do not fit {type(scorer).__name__}: {text}", file=path) from None
        return cls(scorer)
