"""The parts that ship with the placer, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from netlists.errors import NetlistError
from policies.improve.parts import Genome, Loaders, Part
from policies.improve.policy_part import PolicyPart
from policies.improve.proposal_part import ProposalPart
from policies.improve.ranking_part import RankingPart

#: In the order in which they plug in; ``best.safetensors`` is the network.
PARTS: tuple[str, ...] = (PolicyPart.name, ProposalPart.name, RankingPart.name)


def loaders(device: str = "cpu") -> Loaders:
    """How parts come back from their files.

    Args:
        device: where networks run.
    """
    return {
        PolicyPart.name: lambda path: PolicyPart.load(path, device),
        ProposalPart.name: ProposalPart.load,
        RankingPart.name: RankingPart.load,
    }


def founder(names: Sequence[str] = PARTS, checkpoint: Path | None = None, device: str = "cpu") -> Genome:
    """What a new archive begins with.

    Args:
        names: of parts.
        checkpoint: of the network; the one that ships when None.
        device: where networks run.

    Raises:
        NetlistError: there is no such part, or a file cannot be used.
    """
    made: dict[str, Callable[[], Part]] = {
        PolicyPart.name: lambda: PolicyPart.load(checkpoint, device),
        ProposalPart.name: lambda: ProposalPart.load(None),
        RankingPart.name: lambda: RankingPart.load(None),
    }  # fmt: skip
    check_parts(names)
    return Genome(tuple(made[name]() for name in PARTS if name in names))


def check_parts(names: Sequence[str]) -> None:
    """See that all parts are known.

    Raises:
        NetlistError: one is not, or there is none.
    """
    for name in names or ("",):
        if name not in PARTS:
            raise NetlistError("no part is called that", found=name, expected=", ".join(PARTS))
