"""What a training run writes down: one JSON object a line, and TensorBoard where it is installed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

NO_TENSORBOARD = "TensorBoard is not installed (pip install chip-placer[train]); the curves go to metrics.jsonl only"


class TrainLog:
    """Writes ``metrics.jsonl`` and, if TensorBoard is there, its event files into a folder.

    Args:
        folder: made if need be. A run that goes on adds to what is there.
        say: told once what is missing.
        go_on_at: iteration a run goes on from; lines of later ones, written by a run that was killed, are dropped. None
            for a new run.
    """

    def __init__(self, folder: Path, say: Callable[[str], None] = lambda _: None, go_on_at: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "metrics.jsonl"
        self._writer: Any = None
        kept = [line for line in self._lines() if go_on_at is not None and line.get("iteration", 0) <= go_on_at]
        self.file.write_text("".join(json.dumps(line) + "\n" for line in kept))
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            say(NO_TENSORBOARD)
        else:
            self._writer = SummaryWriter(
                str(folder / "tensorboard"), purge_step=None if go_on_at is None else go_on_at + 1
            )

    def write(self, iteration: int, figures: Mapping[str, float]) -> None:
        """Add the figures of an iteration; numbers that are none are left out."""
        good = {name: value for name, value in figures.items() if math.isfinite(value)}
        with open(self.file, "a") as handle:
            handle.write(json.dumps({"iteration": iteration} | good) + "\n")
        if self._writer is not None:
            for name, value in good.items():
                self._writer.add_scalar(name, value, iteration)

    def close(self) -> None:
        """Bring everything to disk."""
        if self._writer is not None:
            self._writer.close()

    def _lines(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        if self.file.exists():
            for line in self.file.read_text().splitlines():
                try:
                    found.append(json.loads(line))
                except ValueError:  # the line a kill cut short
                    continue
        return found
