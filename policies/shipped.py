"""Where the networks that ship with the placer lie."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "checkpoints"
