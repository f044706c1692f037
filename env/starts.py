"""Where improvement begins: the given placement, a random legal one, or what a function makes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from env.problem import MacroProblem, build_problem
from env.state import MacroState
from netlists.design import Design
from netlists.errors import NetlistError
from netlists.netlist import HARD_MACRO, PORT
from netlists.placement import Placement
from placer.cost.legality import Violation, check
from placer.engines.legalise import legalise
from placer.engines.soft import place_soft

#: A function that makes a legal placement of everything.
Start = Callable[[Design, np.random.Generator], Placement]
#: Random episodes tried before a design counts as too full for them.
_TRIES = 50


def given_start(design: Design) -> Placement:
    """The design's own placement, with what has no position placed and macros made legal where they are not.

    Raises:
        PlacementError: no legal placement was found.
    """
    kind = design.netlist.node_kind
    movable_hard = design.movable & (kind == HARD_MACRO)
    soft = design.movable & (kind != HARD_MACRO) & (kind != PORT)
    placement = design.placement
    if not placement.placed[movable_hard].all() or broken_rules(design, placement):
        placement = legalise(design, placement.moved(placed=placement.placed | movable_hard))
    return placement if placement.placed[soft].all() else place_soft(design, placement)


def random_start(design: Design, rng: np.random.Generator, problem: MacroProblem | None = None) -> Placement:
    """Macros on random legal cells in random legal orientations, soft objects placed around them.

    Args:
        design: the design.
        rng: where the dice come from.
        problem: of the design, with all orientations; built when omitted.

    Raises:
        NetlistError: the design is so full that random placements end in dead ends.
    """
    state = MacroState(problem or build_problem(design, orientations=tuple(range(8))))
    for _ in range(_TRIES):
        state.reset()
        while state.num_legal:
            state.place(int(rng.choice(np.flatnonzero(state.legal))))
        if state.done:
            return place_soft(design, state.placement())
    raise NetlistError(
        f"no random legal placement of {design.name!r} was found", expected="start='given', or a function"
    )


def checked(design: Design, placement: Placement) -> Placement:
    """``placement``, if everything is placed and its hard macros are legal.

    Raises:
        NetlistError: it is not.
    """
    missing = np.flatnonzero(design.movable & ~placement.placed)
    if len(missing):
        raise NetlistError(f"the start leaves {design.netlist.node_names[missing[0]]!r} without a position")
    broken = broken_rules(design, placement)
    if broken:
        raise NetlistError(f"the start of {design.name!r} is illegal: {broken[0].message}")
    return placement


def broken_rules(design: Design, placement: Placement) -> list[Violation]:
    """Rules that hard macros or fixed objects break; soft objects may be too large for any place on the canvas."""
    hard = design.netlist.node_kind == HARD_MACRO
    found = check(design, placement, reference=design.placement).violations
    return [v for v in found if hard[v.node] or v.rule == "fixed_moved"]
