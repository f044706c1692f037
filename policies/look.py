"""What a network looks at before it decides, as maps over the placement grid.

For pictures (:mod:`policies.pictures`) and for finding out why a macro went where it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from env.problem import MacroProblem
from env.state import MacroState
from policies.actor_critic import ActorCritic
from policies.decoding import Decoder

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Look:
    """One decision, about the macro that comes next; ``R x C`` gcells, ``O`` orientations, row 0 at the bottom.

    Attributes:
        node: id of the macro.
        attention: ``[R, C]`` share of its attention that goes to the macro that was put into a gcell. What is missing
            to 1 goes to none of them.
        pull: ``[R, C]`` share of its connections that leads to that macro, directly or through soft objects; the rest
            leads to ports, fixed objects and macros that come later.
        legal: ``[O, R, C]`` bool, the action mask.
        wire: ``[O, R, C]`` the wire mask: exact increase of the weighted HPWL, um.
        probability: ``[O, R, C]`` of each action; sums to 1.
        value: what the critic expects of the episode.
    """

    node: int
    attention: Floats
    pull: Floats
    legal: NDArray[np.bool_]
    wire: Floats
    probability: Floats
    value: float


def look(
    model: ActorCritic, problem: MacroProblem, states: Sequence[MacroState], device: torch.device | str = "cpu"
) -> list[Look]:
    """Let a network look at states of a design, and write down what it sees and wants.

    Args:
        model: the network.
        problem: the design.
        states: of it, each with a legal action left.
        device: where the network is to run.

    Raises:
        ValueError: a state has no legal action, so there is nothing to decide.
    """
    if any(state.num_legal == 0 for state in states):
        raise ValueError("the episode is over: there is nothing to decide")
    if not states:
        return []
    decoder, seen = Decoder(model, problem, device), list[torch.Tensor]()

    def listen(module: torch.nn.Module, inputs: tuple[Any, ...]) -> None:
        seen.append(inputs[0].detach().float().cpu())

    # What macros write into their gcells goes to the first convolution, attention and pull as its last two maps.
    handle = model.first.register_forward_pre_hook(listen)
    try:
        said = decoder.decide(states)
    finally:
        handle.remove()
    chances = torch.softmax(said.logits.double(), dim=1).numpy()
    attention, pull = (seen[0][:, k].double().numpy() for k in (-2, -1))
    return [
        Look(
            node=state.current,
            attention=attention[k],
            pull=pull[k],
            legal=state.legal > 0,
            wire=state.wire.copy(),
            probability=chances[k].reshape(state.legal.shape),
            value=float(said.value[k]),
        )
        for k, state in enumerate(states)
    ]
