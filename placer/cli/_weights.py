"""``--weight TERM=W``: what a run minimises."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from placer.cost.full import CostWeights


def parse_weights(words: Sequence[str], usual: CostWeights | None = None) -> CostWeights:
    """Weights from what the user wrote; terms that are not named keep their ``usual`` ones.

    Raises:
        BadParameter: not ``TERM=W``, an unknown term, or a weight that is not a finite number of at least 0.
    """
    from placer.cost.full import CostWeights

    terms = [field.name for field in fields(CostWeights)]
    given: dict[str, float] = {}
    for word in words:
        name, equals, text = word.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or name not in terms:
            near = difflib.get_close_matches(name, terms, n=1)
            hint = f"; did you mean {near[0]}?" if near and near[0] != name else ""
            raise typer.BadParameter(f"{word!r} is not TERM=W with TERM one of {', '.join(terms)}{hint}")
        try:
            given[name] = float(text)
        except ValueError:
            given[name] = math.nan
        if not 0.0 <= given[name] < math.inf:
            raise typer.BadParameter(f"the weight of {name} must be a number of at least 0, not {text!r}")
    if given.get("macro_wirelength", 0.0) > 0.0 and given.get("wirelength", 1.0) == 0.0:
        raise typer.BadParameter("macro_wirelength needs a wirelength weight above 0")
    return replace(usual or CostWeights(), **given)
