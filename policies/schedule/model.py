"""The policy as a network and as a file, and how it plans a search.

It is linear: ``actions = spreads * (centre + slope z)``, with ``z`` the circumstances of a run. More than that could
not be learned from the hundreds of searches that training can play: what a run costs depends on its dice more than on
its schedule.
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
from policies.files import fill, read_tensors, write_tensors
from policies.schedule.controls import CIRCUMSTANCES, CONTROLS, SPREADS, circumstances, schedule_of
from policies.shipped import FOLDER

FORMAT = "placer-schedule"
#: Changes whenever a number means something else.
VERSION = 1
#: What ships with the placer.
SHIPPED = FOLDER / "placer-schedule.safetensors"
_SEES = [name for name, _ in CIRCUMSTANCES]
_DOES = [control.name for control in CONTROLS]


class ScheduleModel(nn.Module):
    """Mean actions by circumstances ``[..., 9] -> [..., controls]``; untrained, the search's own schedule."""

    def __init__(self) -> None:
        super().__init__()
        self.centre = nn.Parameter(torch.zeros(len(CONTROLS), dtype=torch.float64))
        self.slope = nn.Parameter(torch.zeros(len(CONTROLS), len(CIRCUMSTANCES), dtype=torch.float64))

    def forward(self, seen: Tensor) -> Tensor:
        """Actions."""
        return torch.as_tensor(SPREADS) * (self.centre + seen @ self.slope.T)

    def actions(self, facts: Facts) -> NDArray[np.float64]:
        """``[controls]`` actions for one run."""
        with torch.no_grad():
            found: NDArray[np.float64] = self(torch.as_tensor(circumstances(facts))).numpy()
        return found


@dataclass(frozen=True, eq=False)
class LearnedPlanner:
    """Plans searches (``SearchOptions.planner``); holds plain arrays, so it travels to other machines.

    Attributes:
        centre: ``[controls]`` in units of their spreads.
        slope: ``[controls, 9]`` likewise, for each unit of the circumstances.
    """

    centre: NDArray[np.float64]
    slope: NDArray[np.float64]

    @staticmethod
    def of(model: ScheduleModel) -> LearnedPlanner:
        """The planner of a model."""
        return LearnedPlanner(model.centre.detach().numpy().copy(), model.slope.detach().numpy().copy())

    def constant(self) -> LearnedPlanner:
        """The same plan for every run, to see what looking at the run is worth."""
        return LearnedPlanner(self.centre, np.zeros_like(self.slope))

    def __call__(self, facts: Facts) -> Schedule:
        """The schedule for a run."""
        return schedule_of(SPREADS * (self.centre + self.slope @ circumstances(facts)))


def save_schedule(path: Path, model: ScheduleModel, card: dict[str, Any] | None = None) -> Path:
    """Write a model, all of it or nothing.

    Args:
        path: a safetensors file.
        model: the model.
        card: what it learned from and how it does; JSON values.

    Raises:
        NetlistError: the file cannot be written.
    """
    header = {"config": {"sees": _SEES, "does": _DOES, "spreads": SPREADS.tolist()}, "card": card or {}}
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
    config = header.get("config", {})
    if config.get("sees") != _SEES or config.get("does") != _DOES or config.get("spreads") != SPREADS.tolist():
        raise NetlistError("the schedule controls or sees something else than this version of the placer", file=file)
    model = ScheduleModel()
    fill(model, tensors, file)
    return model, header.get("card", {})
