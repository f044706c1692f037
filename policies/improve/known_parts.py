"""The parts that ship with the placer, by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netlists.errors import NetlistError
from policies.improve.parts import Genome, Loaders
from policies.improve.policy_part import PolicyPart

#: In the order in which they plug in; ``best.safetensors`` is the first one.
PARTS: tuple[str, ...] = (PolicyPart.name,)


def loaders(device: str = "cpu") -> Loaders:
    """How parts come back from their files.

    Args:
        device: where networks run.
    """
    return {PolicyPart.name: lambda path: PolicyPart.load(path, device)}


def founder(names: Sequence[str] = PARTS, checkpoint: Path | None = None, device: str = "cpu") -> Genome:
    """What a new archive begins with.

    Args:
        names: of parts.
        checkpoint: of the network; the one that ships when None.
        device: where networks run.

    Raises:
        NetlistError: there is no such part, or a file cannot be used.
    """
    made = {PolicyPart.name: lambda: PolicyPart.load(checkpoint, device)}
    for name in names:
        if name not in made:
            raise NetlistError("no part is called that", found=name, expected=", ".join(PARTS))
    return Genome(tuple(made[name]() for name in PARTS if name in names))
