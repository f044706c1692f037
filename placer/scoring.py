"""Everything that is reported about one placement: cost, metrics and legality in one record."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from netlists.design import Design
from netlists.netlist import PORT, STDCELL
from netlists.placement import Placement
from placer.cost.full import Cost, full
from placer.cost.legality import LegalityReport, check
from placer.cost.length import net_lengths
from placer.cost.metrics import metrics
from placer.cost.violation import PAIR_RULES, Violation

#: Violations listed by name in JSON; the counts are always complete.
LISTED_VIOLATIONS = 100


@dataclass(frozen=True, eq=False)
class Score:
    """What :func:`placer.score` finds.

    Attributes:
        design: what was scored; ``design.placement`` is the placement.
        cost: the proxy cost, its terms and maps.
        metrics: further figures by name; units are in the names (``_um``, ``_um2``).
        legality: which objects break which rule by how much.
    """

    design: Design
    cost: Cost
    metrics: dict[str, Any]
    legality: LegalityReport

    def as_dict(self) -> dict[str, Any]:
        """The figures as plain Python values, ready for JSON (no NaN, no infinity: None instead)."""
        values: dict[str, Any] = {
            "design": self.design.name,
            "proxy_cost": self.cost.proxy_cost,
            "wirelength_cost": self.cost.wirelength_cost,
            "density_cost": self.cost.density_cost,
            "congestion_cost": self.cost.congestion_cost,
            **self.metrics,
            "weighted_hpwl_um": self.cost.hpwl_um,
            "overlaps": self.legality.overlaps,
            "overlap_area_um2": self.legality.overlap_area_um2,
            "legal": self.legality.legal,
            "violation_counts": self.legality.counts,
            "violations": [violation_record(self.design, v) for v in self.legality.violations[:LISTED_VIOLATIONS]],
        }
        plain = jsonable(values)
        assert isinstance(plain, dict)
        return plain


def score_placement(design: Design, placement: Placement | None = None) -> Score:
    """Score one placement of a design.

    Args:
        design: the design; where its own placement holds fixed objects is where they must be.
        placement: what to score; the design's own by default.

    Raises:
        NetlistError: the placement grid is finer than the cost model can hold.
        PlacementError: the placement has another number of objects than the netlist.
    """
    if placement is None:
        return Score(design, full(design), metrics(design, design.placement), check(design))
    legality = check(design, placement, reference=design.placement)
    return Score(design.with_placement(placement), full(design, placement), metrics(design, placement), legality)


def with_cells(score: Score, flat: Design) -> Score:
    """The score of a clustered LEF/DEF design with the wirelength from cell to cell, where all cells have a place.

    Args:
        score: of the clustered design.
        flat: the design with its cells, as it was scored.
    """
    kind = flat.netlist.node_kind
    if flat.physical is None or not (kind == STDCELL).any() or not flat.placement.placed[kind != PORT].all():
        return score
    length = float(net_lengths(flat).sum())
    return replace(score, metrics={**score.metrics, "cells_hpwl_um": length})


def violation_record(design: Design, violation: Violation) -> dict[str, Any]:
    """A violation as plain values: rule, names of the objects, amount, unit, box (um), and a sentence."""
    names = [design.netlist.node_names[violation.node]]
    if violation.rule in PAIR_RULES:
        names.append(design.netlist.node_names[violation.other])
    return {
        "rule": violation.rule,
        "objects": names,
        "amount": violation.amount,
        "unit": violation.unit,
        "box_um": list(violation.box),
        "message": violation.message,
    }


def jsonable(value: Any) -> Any:  # noqa: ANN401 - any nest of numbers
    """NumPy scalars and arrays, mappings and sequences as plain Python values that JSON can hold.

    Args:
        value: any nest of them; numbers that are not finite become None, unknown objects their text.
    """
    if isinstance(value, dict) or hasattr(value, "items"):
        return {str(key): jsonable(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)
