"""Proposal models as files: safetensors with format, version, sizes and model card in the header."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netlists.errors import NetlistError
from policies.files import damaged, fill, read_tensors, write_tensors
from policies.proposals.features import OBJECT_FEATURES, TARGET_FEATURES
from policies.proposals.model import ProposalConfig, ProposalModel
from policies.shipped import FOLDER

FORMAT = "placer-proposals"
#: Changes whenever a feature means something else.
VERSION = 1
#: What ships with the placer.
SHIPPED = FOLDER / "placer-proposals.safetensors"
_FEATURES = [*OBJECT_FEATURES, *TARGET_FEATURES]


def save_proposals(path: Path, model: ProposalModel, card: dict[str, Any] | None = None) -> Path:
    """Write a model, all of it or nothing.

    Args:
        path: a safetensors file.
        model: the model.
        card: what it learned from and how it does; JSON values.

    Raises:
        NetlistError: the file cannot be written.
    """
    config = {"width": model.config.width, "kinds": list(model.config.kinds), "features": _FEATURES}
    return write_tensors(path, FORMAT, VERSION, {"config": config, "card": card or {}}, model.state_dict())


def load_proposals(path: Path | str | None = None) -> tuple[ProposalModel, dict[str, Any]]:
    """Read a model and its card.

    Args:
        path: the file; the one that ships with the placer when None.

    Raises:
        NetlistError: there is no such file, it is none of ours, of another version, damaged, or its tensors do not fit
            the sizes it names.
    """
    file = SHIPPED if path is None else Path(path)
    header, tensors = read_tensors(file, FORMAT, VERSION)
    config = header.get("config", {})
    width, kinds = config.get("width"), config.get("kinds")
    if not (isinstance(width, int) and 0 < width <= 4096):
        raise damaged(file, f"width {width!r}")
    if not (isinstance(kinds, list) and all(isinstance(name, str) for name in kinds)):
        raise damaged(file, "no names of kinds of moves")
    if config.get("features") != _FEATURES:
        raise NetlistError("the proposal model sees other features than this version computes", file=file)
    model = ProposalModel(ProposalConfig(width, tuple(kinds)))
    fill(model, tensors, file)
    return model, header.get("card", {})
