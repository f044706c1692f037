"""The batched environment with PyTorch tensors, handed over by DLPack without copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import jax
import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from env.batched.step import Outcome
    from env.batched.vector import BatchedMacroPlacement


class TorchStep(NamedTuple):
    """What a step of ``B`` copies gives, on the environment's device.

    The tensors are views of memory that JAX owns: read them, and write only to clones.

    Attributes:
        observation: see :class:`env.observation.Observer`, each ``[B, ...]``.
        reward: ``[B]``.
        terminated: ``[B]`` bool.
        truncated: ``[B]`` bool.
        action_mask: ``[B, actions]`` int8.
        illegal: ``[B]`` bool, whether the action was.
        reason: ``[B]`` int8, index into :data:`env.batched.step.REASONS`.
        hpwl_um: ``[B]`` weighted HPWL of what has a position.
        final_observation: with ``SAME_STEP`` the last observation of episodes that ended, without ``"blockage"``;
            otherwise None.
    """

    observation: dict[str, Tensor]
    reward: Tensor
    terminated: Tensor
    truncated: Tensor
    action_mask: Tensor
    illegal: Tensor
    reason: Tensor
    hpwl_um: Tensor
    final_observation: dict[str, Tensor] | None


class TorchMacroPlacement:
    """Tensors in, tensors out; made by :meth:`env.batched.vector.BatchedMacroPlacement.torch`."""

    def __init__(self, env: BatchedMacroPlacement) -> None:
        self.env = env

    def reset(self, seed: int | Sequence[int] | None = None) -> TorchStep:
        """Begin all episodes anew.

        Args:
            seed: see :meth:`env.batched.vector.BatchedMacroPlacement.begin`.
        """
        return self._tensors(self.env.begin(seed))

    def step(self, actions: Tensor) -> TorchStep:
        """Step all copies; the host waits for nothing unless ``on_illegal="raise"``.

        Args:
            actions: ``[B]`` integers on the environment's device. Those outside the action space count as illegal.

        Raises:
            ValueError: the actions are not ``[B]`` integers, or one is illegal with ``on_illegal="raise"``.
        """
        if actions.dtype.is_floating_point or actions.dtype.is_complex or actions.dtype == torch.bool:
            raise ValueError(f"actions must be whole numbers, found {actions.dtype}")
        if self.env.on_illegal == "raise":
            self.env.check(np.asarray(actions.detach().cpu()))
        count = int(self.env.single_action_space.n)
        # Narrowed to 32 bits only after what does not fit has become illegal.
        chosen = torch.where((actions >= 0) & (actions < count), actions, -1).to(torch.int32)
        return self._tensors(self.env.advance(jax.dlpack.from_dlpack(chosen.contiguous())))

    def _tensors(self, outcome: Outcome) -> TorchStep:
        observation = {key: tensor(value) for key, value in self.env.observation().items()}
        return TorchStep(
            observation=observation,
            reward=tensor(outcome.reward),
            terminated=tensor(outcome.terminated),
            truncated=tensor(outcome.truncated),
            action_mask=observation["legality_mask"].reshape(self.env.num_envs, -1),
            illegal=tensor(outcome.illegal),
            reason=tensor(outcome.reason),
            hpwl_um=tensor(outcome.hpwl_um),
            final_observation=None
            if outcome.final is None
            else {key: tensor(value) for key, value in outcome.final[0].items()},
        )


def tensor(array: jax.Array) -> Tensor:
    """A tensor on the memory of a JAX array."""
    out: Tensor = torch.from_dlpack(array)
    return out
