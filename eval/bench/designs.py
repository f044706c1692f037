"""Which designs are measured, and where the open ones are on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

#: Designs that ship with the placer.
BUNDLED: tuple[str, ...] = ("synth20", "synth130", "synth500")


@dataclass(frozen=True)
class Settings:
    """What one run of the benchmarks does.

    Attributes:
        quick: fewer designs, shorter times, one seed.
        seeds: seeds of the quality table.
        time_limit: seconds of each placement run.
        cores: processor cores of each placement run.
        data: folder of open designs.
        only: designs to measure; empty measures all.
        peers: designs on which peers run beside the placer; None means all.
        run: folder of a run to report on, for measurements that are about one.
    """

    quick: bool = False
    seeds: tuple[int, ...] = (0, 1, 2)
    time_limit: float = 60.0
    cores: int = 2
    data: Path = field(default_factory=lambda: data_root())
    only: tuple[str, ...] = ()
    peers: tuple[str, ...] | None = None
    run: Path | None = None

    def wants(self, name: str) -> bool:
        """True when a design of this name is to be measured."""
        return not self.only or name in self.only


def data_root() -> Path:
    """The folder of open designs: ``PLACER_DATA``, else ``../shared/data`` beside the checkout."""
    return Path(os.environ.get("PLACER_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")


def find(settings: Settings, relative: str, skipped: list[str]) -> Path | None:
    """Path of an open design, or None after noting it in ``skipped``.

    Args:
        settings: where to look.
        relative: path under the folder of open designs.
        skipped: gets one line when it is absent.
    """
    path = settings.data / relative
    if path.exists():
        return path
    skipped.append(f"{relative}: not found under PLACER_DATA ({settings.data.name}/)")
    return None
