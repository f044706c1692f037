"""The trained networks behind ``placer place``: its engines with a policy, ``--proposals`` and ``--schedule``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from netlists.design import Design

if TYPE_CHECKING:
    import torch

    from placer.engines.search import Planner, Proposer
    from placer.flow import Result, Starter
    from policies.actor_critic import ActorCritic

#: Engines that need a network.
POLICY, POLICY_SEARCH = "policy", "policy+search"
#: Engines whose search may be advised; None is chosen by the design and may turn out to be one of them.
_ADVISED = (None, "search", "hybrid", POLICY_SEARCH)


@dataclass(frozen=True, eq=False)
class Network:
    """A network and where it runs."""

    model: ActorCritic
    device: torch.device
    alone: bool

    def place(self, design: Design, **options: Any) -> Result:  # noqa: ANN401 - those of policies.placing.place
        """Place with the network alone."""
        from policies.placing import place

        return place(design, self.model, device=self.device, **options)

    def starter(self) -> Starter:
        """Its placements as starts of the search."""
        from policies.placing import learned_starts

        return learned_starts(self.model, device=self.device)


def load_network(engine: str | None, checkpoint: Path | None, device: str, ray: str | None) -> Network | None:
    """The network an engine needs; None for engines that need none.

    Raises:
        NetlistError: the checkpoint cannot be used, or CUDA is asked for and absent.
        typer.BadParameter: an option is of no use to the engine.
    """
    if engine not in (POLICY, POLICY_SEARCH):
        if checkpoint is not None:
            raise typer.BadParameter(
                f"is of use to --engine {POLICY} and {POLICY_SEARCH} only", param_hint="--checkpoint"
            )
        return None
    if engine == POLICY and ray is not None:
        raise typer.BadParameter(f"is of no use to --engine {POLICY}, which does not search", param_hint="--ray")
    from policies.checkpoint import load_checkpoint
    from policies.devices import torch_device

    where = torch_device(device)
    return Network(load_checkpoint(checkpoint).model, where, engine == POLICY)


def load_proposer(proposals: str, engine: str | None) -> Proposer | None:
    """What ``--proposals`` asks for: ``none``, ``shipped``, or the file of a model.

    Raises:
        NetlistError: the file cannot be used.
        typer.BadParameter: the engine does not search.
    """
    if proposals == "none":
        return None
    file = _learned_file(proposals, "shipped", engine, "--proposals")
    from policies.proposals import LearnedProposer, load_proposals

    model, _ = load_proposals(file)
    return LearnedProposer.of(model)


def usual_schedule(engine: str | None) -> str:
    """What ``--schedule`` is where nobody says."""
    from policies.guidance import POLICY_SEARCH as USUAL

    return USUAL["schedule"] if engine == POLICY_SEARCH else "fixed"


def load_planner(schedule: str, engine: str | None) -> Planner | None:
    """What ``--schedule`` asks for: ``fixed``, ``learned``, or the file of a policy.

    Raises:
        NetlistError: the file cannot be used.
        typer.BadParameter: the engine does not search.
    """
    if schedule == "fixed":
        return None
    file = _learned_file(schedule, "learned", engine, "--schedule")
    from policies.schedule import LearnedPlanner, load_schedule

    model, _ = load_schedule(file)
    return LearnedPlanner.of(model)


def _learned_file(said: str, shipped: str, engine: str | None, option: str) -> Path | None:
    """The file an option names; None where it asks for what ships."""
    if engine not in _ADVISED:
        raise typer.BadParameter(f"is of no use to --engine {engine}", param_hint=option)
    return None if said == shipped else Path(said).expanduser()
