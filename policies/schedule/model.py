"""The policy as a network and as a file, and how it plans a search.

It knows a response surface (Box & Wilson 1951): how the logarithm of the final cost changes with the actions ``a``,

    ``b(z) . a + a . Q a``,    ``b(z) = intercept + slope z``,

where ``z`` is what is seen of a run, in units of what is usual. Linear in ``z``: more than that could not be learned
from the hundreds of searches that training can play, for what a run costs depends on its dice more than on its
schedule. Designs differ from each other by more than ``z`` can tell; so each ``b`` counts only as far as it exceeds a
``margin``, and where little is known the search keeps its own schedule.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from netlists.errors import NetlistError
from placer.engines.search.options import Facts, Schedule
from policies.files import damaged, fill, read_tensors, write_tensors
from policies.schedule.controls import CIRCUMSTANCES, CONTROLS, REACH, circumstances, schedule_of
from policies.shipped import FOLDER

FORMAT = "placer-schedule"
#: Changes whenever a number means something else.
VERSION = 2
#: What ships with the placer.
SHIPPED = FOLDER / "placer-schedule.safetensors"
#: Nothing further than this many usual deviations from typical is expected to change anything.
FAR = 2.0


class ScheduleModel(nn.Module):
    """Actions by circumstances ``[..., 9] -> [..., controls]``; untrained, the search's own schedule.

    Attributes:
        typical: ``[9]`` logarithms of what is seen of the runs it learned from, median.
        usual: ``[9]`` their standard deviation.
        intercept: ``[controls]`` change of the logarithm of the cost for each unit of an action, in a typical run.
        slope: ``[controls, 9]`` how that changes with what is seen.
        curvature: ``[controls, controls]`` symmetric, positive definite.
        margin: ``[controls]`` what of that change does not count.
    """

    typical: nn.Parameter
    usual: nn.Parameter
    intercept: nn.Parameter
    slope: nn.Parameter
    curvature: nn.Parameter
    margin: nn.Parameter

    def __init__(self) -> None:
        super().__init__()
        controls, seen = len(CONTROLS), len(CIRCUMSTANCES)
        for name, value in (
            ("typical", torch.zeros(seen)), ("usual", torch.ones(seen)),
            ("intercept", torch.zeros(controls)), ("slope", torch.zeros(controls, seen)),
            ("curvature", torch.eye(controls)), ("margin", torch.zeros(controls)),
        ):  # fmt: skip
            setattr(self, name, nn.Parameter(value.double(), requires_grad=False))

    def changes(self, seen: Tensor) -> Tensor:
        """``[..., controls]`` expected change of the logarithm of the cost for each unit of an action around 0."""
        z = ((seen - self.typical) / self.usual).clamp(-FAR, FAR)
        return self.intercept + z @ self.slope.T

    def forward(self, seen: Tensor) -> Tensor:
        """Actions."""
        change = self.changes(seen)
        sure = change.sign() * (change.abs() - self.margin).clamp_min(0.0)
        best = -0.5 * torch.linalg.solve(self.curvature, sure.unsqueeze(-1)).squeeze(-1)
        reach = torch.as_tensor(REACH)
        return torch.minimum(torch.maximum(best, -reach), reach)

    def actions(self, facts: Facts) -> NDArray[np.float64]:
        """``[controls]`` actions for one run."""
        with torch.no_grad():
            found: NDArray[np.float64] = self(torch.as_tensor(circumstances(facts))).numpy()
        return found


@dataclass(frozen=True, eq=False)
class LearnedPlanner:
    """Plans searches (``SearchOptions.planner``); holds plain arrays, so it travels to other machines.

    Attributes:
        arrays: of the model, by name.
        looks: whether it looks at the run, or plans every one as it would a typical one.
    """

    arrays: dict[str, NDArray[np.float64]]
    looks: bool = True

    @staticmethod
    def of(model: ScheduleModel) -> LearnedPlanner:
        """The planner of a model."""
        return LearnedPlanner({name: value.numpy().copy() for name, value in model.state_dict().items()})

    def constant(self) -> LearnedPlanner:
        """The same plan for every run, to see what looking at the run is worth."""
        return LearnedPlanner(self.arrays, looks=False)

    def __call__(self, facts: Facts) -> Schedule:
        """The schedule for a run."""
        model = ScheduleModel()
        model.load_state_dict({name: torch.as_tensor(value) for name, value in self.arrays.items()})
        seen = torch.as_tensor(circumstances(facts)) if self.looks else model.typical
        with torch.no_grad():
            return schedule_of(model(seen).numpy())


def save_schedule(path: Path, model: ScheduleModel, card: dict[str, Any] | None = None) -> Path:
    """Write a model, all of it or nothing.

    Args:
        path: a safetensors file.
        model: the model.
        card: what it learned from and how it does; JSON values.

    Raises:
        NetlistError: the file cannot be written.
    """
    header = {"config": _config(), "card": card or {}}
    return write_tensors(path, FORMAT, VERSION, header, model.state_dict())


def load_schedule(path: Path | str | None = None) -> tuple[ScheduleModel, dict[str, Any]]:
    """Read a model and its card.

    Args:
        path: the file; the one that ships with the placer when None.

    Raises:
        NetlistError: there is no such file, it is none of ours, of another version, damaged, or it controls or sees
            something else than this version of the placer has.
    """
    file = SHIPPED if path is None else Path(path)
    header, tensors = read_tensors(file, FORMAT, VERSION)
    if header.get("config") != _config():
        raise NetlistError("the schedule controls or sees something else than this version of the placer", file=file)
    model = ScheduleModel()
    fill(model, tensors, file)
    if (model.usual <= 0.0).any() or (torch.linalg.eigvalsh(model.curvature) <= 0.0).any():
        raise damaged(file, "usual deviations and curvature must be positive")
    return model, header.get("card", {})


def _config() -> dict[str, Any]:
    return {"sees": list(CIRCUMSTANCES), "does": list(CONTROLS)}
