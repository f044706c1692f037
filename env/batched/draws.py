"""Which designs the episodes of each copy have: those its single environment would draw from the same seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from gymnasium.utils import seeding
from numpy.typing import NDArray

#: Episodes of a copy known in advance. An episode takes a step or more, so half as many steps cannot use them up.
AHEAD = 64


class DesignDraws:
    """Draws designs ahead of time, so that a step on the device needs nothing from the host.

    Args:
        copies: ``B``.
        designs: how many there are.
        draw: False lets copy ``i`` always have number ``i % designs``.

    Attributes:
        numbers: ``[B, AHEAD]`` int32, design of episode ``k`` at ``k % AHEAD``; never written to once it can be seen.
    """

    def __init__(self, copies: int, designs: int, *, draw: bool = True) -> None:
        self._designs, self._draw = designs, draw
        self._random: list[np.random.Generator] = [seeding.np_random()[0] for _ in range(copies)]
        self._drawn = np.zeros(copies, np.int64)
        own = np.arange(copies, dtype=np.int32) % np.int32(designs)
        self.numbers: NDArray[np.int32] = np.tile(own[:, None], AHEAD)

    def restart(self, seeds: Sequence[int] | None, over: NDArray[np.int32] | int = 0) -> None:
        """Begin with episode 0 again.

        Args:
            seeds: ``B`` of them; None goes on with the randomness there is, as ``reset(seed=None)`` does.
            over: ``[B]`` episodes that have begun since the last time.
        """
        if not self._draw:
            return
        if seeds is not None:
            self._random = [seeding.np_random(seed)[0] for seed in seeds]
            self._drawn[:] = 0
        else:
            # What was drawn and not used comes first.
            over = np.broadcast_to(over, self._drawn.shape)
            rows = (np.arange(AHEAD) + over[:, None]) % AHEAD
            self.numbers = np.take_along_axis(self.numbers, rows, axis=1)
            self._drawn -= over
        self.refill(0)

    def refill(self, episode: NDArray[np.int32] | int) -> None:
        """Draw until ``AHEAD - 1`` episodes after the present one are known.

        Args:
            episode: ``[B]`` number of the episode each copy is in.
        """
        if not self._draw:
            return
        self.numbers = self.numbers.copy()
        wanted = np.broadcast_to(episode, self._drawn.shape) + AHEAD
        for copy, random in enumerate(self._random):
            for k in range(int(self._drawn[copy]), int(wanted[copy])):
                self.numbers[copy, k % AHEAD] = random.integers(self._designs)
        self._drawn = wanted.astype(np.int64)
