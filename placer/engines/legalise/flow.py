"""Legalisation from start to end: seeds, refinement, and packing from scratch where seeds cannot work."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netlists.design import Design
from netlists.errors import PlacementError
from netlists.netlist import HARD_MACRO, PORT
from netlists.placement import Placement
from placer.budget import Budget
from placer.cost.lattice import canvas_box, ceil_steps, centres, integer_boxes, integer_sizes, outline_boxes
from placer.engines.legalise.compact import compact
from placer.engines.legalise.exact import search_all
from placer.engines.legalise.local import eject, regroup, reinsert, trade_places
from placer.engines.legalise.nearest import insert_greedily, nearest_free
from placer.engines.legalise.pack import pack
from placer.engines.legalise.problem import Ints, Problem, build
from placer.engines.legalise.relations import by_relations, spread

#: Seeds that go through the full refinement; the others are only compared.
_REFINED = 2
#: Groups the large-neighbourhood search tries a rectangle, and the loss it accepts at first (see ``regroup``).
_GROUPS, _HEAT = 30, 2.0
#: Groups tried between two looks at the budget, and the most work a rectangle (see ``nearest_free``) in one search.
_SLICE, _WORK = 200, 100_000
#: Most rounds of exact refinement; the gain dies out earlier.
_ROUNDS = 6


def legalise(
    design: Design,
    placement: Placement | None = None,
    *,
    spacing: float | None = None,
    weight: np.ndarray | None = None,
    budget: Budget | None = None,
    seed: int = 0,
) -> Placement:
    """Move hard macros as little as possible to legal lattice positions.

    Movable hard macros end on the lattice, inside the canvas and its outline, clear of each other, of fixed hard
    macros and of hard blockages; wherever there is room they keep ``spacing`` from each other, so that a checker
    that computes in float32 agrees. Orientations stay. Movable soft macros and cells are clamped into the canvas and
    its outline and put on the lattice; fixed objects and ports stay. A placement that already keeps all this
    is returned with the same positions.

    Several arrangements are tried (the input pushed apart and held by relations, greedy insertion in several
    orders) and refined by exact one-dimensional programs, re-insertion and exchange of equal macros; the least
    displaced one wins. When none fits, macros are packed from scratch, and then pulled towards where they were.

    Args:
        design: netlist, canvas and which objects are fixed.
        placement: where objects want to be; the design's own placement by default.
        spacing: gap in um to keep between hard macros if that is possible; one lattice step by default. When it
            is not, one step is tried, then none.
        weight: ``[N]`` cost per um of displacement of each node; all 1 by default.
        budget: ends the search for better arrangements early; the first legal one is then returned. The search
            for any legal arrangement at all also ends with the budget.
        seed: of the large-neighbourhood search and of the packing from scratch.

    Returns:
        A legal placement; every object is marked as placed.

    Raises:
        PlacementError: no legal placement exists, or none was found; the message says why and how full it is.
    """
    placement = design.placement if placement is None else placement
    budget = Budget() if budget is None else budget
    step = design.canvas.lattice
    x, y = placement.x.copy(), placement.y.copy()
    # Flags and positions of fixed objects come from the design: a stray placement cannot move them.
    nodes = np.flatnonzero((design.netlist.node_kind == HARD_MACRO) & design.movable)
    if len(nodes):
        _check_possible(design, placement)
        gaps = [1, 0] if spacing is None else sorted({max(int(ceil_steps(spacing, step)), 0), 1, 0}, reverse=True)
        if spacing == 0:
            gaps = [0]
        corners = _arrange(design, placement, gaps, weight, budget, seed)
        x[nodes], y[nodes] = centres(design, placement, nodes, *corners)
    soft = np.flatnonzero(design.movable & ~np.isin(design.netlist.node_kind, (HARD_MACRO, PORT)))
    x[soft], y[soft] = _clamp(design, placement, soft)
    return placement.moved(x=x, y=y, placed=np.ones(len(x), bool))


def _arrange(
    design: Design, placement: Placement, gaps: list[int], weight: np.ndarray | None, budget: Budget, seed: int
) -> tuple[Ints, Ints]:
    """Legal corners of the movable hard macros for the widest gap that works."""
    attempts = [(gap, margin) for gap in gaps for margin in ((1, 0) if gap else (0,))]
    problems = [build(design, placement, gap=gap, margin=margin, weight=weight) for gap, margin in attempts]
    for problem in problems:
        if problem.is_legal(problem.target_x, problem.target_y):
            return problem.target_x, problem.target_y
    # Cheap ways first at every gap, then packing from scratch at every gap: a tight design should not spend its
    # time on packing with a gap when it is nearly legal without.
    for problem in problems:
        if problem.fullness <= 1.0:
            found = _refine_best(problem, budget, seed)
            if found is not None:
                return found
    last = problems[-1]
    proved = False
    for problem, branches, effort in [*((p, 300_000, 4e7) for p in problems), (last, 3_000_000, 8e8)]:
        if problem.fullness > 1.0 or proved:
            continue
        corners = pack(problem, budget, seed, effort)
        if corners is None:
            corners, proof = search_all(problem, branches)
            # What cannot be with a gap may be without.
            proved = proof and problem is last
        if corners is not None:
            return _refine_mirrors(problem, *corners, budget, seed)
    full = f"{last.size} hard macros fill {100 * last.fullness:.1f} % of the free canvas area"
    if proved:
        raise PlacementError(f"no legal placement exists: {full} and every arrangement was tried", rule="overlap")
    how = "greedy insertion, constraint graphs and packing from scratch"
    ended = "the time ran out" if budget.over else "the search was exhausted"
    raise PlacementError(f"no legal placement was found: {full}; tried {how} until {ended}", rule="overlap")


def _seeds(problem: Problem) -> Iterator[tuple[Ints, Ints]]:
    """Legal arrangements, the promising ones first."""
    spread_x, spread_y = spread(problem, rounds=300)
    found = by_relations(problem, spread_x, spread_y)
    if found is not None and problem.is_legal(*found):
        yield found
    near = np.rint(spread_x).astype(np.int64), np.rint(spread_y).astype(np.int64)
    area = problem.width * problem.height
    middle_x = (problem.bounds[0] + problem.bounds[2]) / 2
    middle_y = (problem.bounds[1] + problem.bounds[3]) / 2
    from_middle = np.maximum(
        np.abs(problem.target_x + problem.width / 2 - middle_x) / max(problem.bounds[2] - problem.bounds[0], 1),
        np.abs(problem.target_y + problem.height / 2 - middle_y) / max(problem.bounds[3] - problem.bounds[1], 1),
    )
    targets = problem.target_x, problem.target_y
    for want, key in (
        (targets, -area),
        (near, -area),
        (targets, -np.maximum(problem.width, problem.height)),
        (near, problem.target_x),
        (near, problem.target_y),
        (near, from_middle),
        (near, -from_middle),
    ):
        placed = _greedy(problem, want, np.argsort(key, kind="stable"))
        if placed is not None:
            yield placed


def _greedy(problem: Problem, want: tuple[Ints, Ints], order: Ints) -> tuple[Ints, Ints] | None:
    n = problem.size
    boxes = np.concatenate([np.zeros((n, 4), np.int64), problem.walls])
    active = np.concatenate([np.zeros(n, bool), np.ones(len(problem.walls), bool)])
    bounds = np.array(problem.bounds, np.int64)
    left = insert_greedily(order, problem.width, problem.height, *want, bounds, boxes, active)
    return None if left else (boxes[:n, 0].copy(), boxes[:n, 1].copy())


def _refine_best(problem: Problem, budget: Budget, seed: int) -> tuple[Ints, Ints] | None:
    """The best of the seeds, refined; None when no seed is legal."""
    ranked: list[tuple[float, int, Ints, Ints]] = []
    for k, (x, y) in enumerate(_seeds(problem)):
        x, y = _reinsert(problem, x, y, passes=1)
        ranked.append((problem.cost(x, y), k, x, y))
        if budget.over:
            break
    ranked.sort(key=lambda entry: entry[:2])
    refined = [_refine(problem, x, y, budget, seed) for _, _, x, y in ranked[:_REFINED]]
    return min(refined, key=lambda corners: problem.cost(*corners), default=None)


def _refine_mirrors(problem: Problem, x: Ints, y: Ints, budget: Budget, seed: int) -> tuple[Ints, Ints]:
    """A packing knows nothing of the targets: refine the best of its four mirror images that are legal."""
    x0, y0, x1, y1 = problem.bounds
    flipped_x, flipped_y = x0 + x1 - x - problem.width, y0 + y1 - y - problem.height
    images = [(x, y), (flipped_x, y), (x, flipped_y), (flipped_x, flipped_y)]
    legal = [trade_places(problem, *image) for image in images if problem.is_legal(*image)]
    return _refine(problem, *min(legal, key=lambda image: problem.cost(*image)), budget, seed)


def _refine(problem: Problem, x: Ints, y: Ints, budget: Budget, seed: int) -> tuple[Ints, Ints]:
    """Large-neighbourhood search, then exact steps until they no longer pay, then both once more, cooler."""
    # Time a group grows with the number of rectangles, so large problems get fewer groups each.
    groups = int(_GROUPS * min(problem.size, (500 * problem.size) ** 0.5))
    for heat, share in ((_HEAT, 2), (_HEAT / 8, 1)):
        x, y = _regroup(problem, x, y, heat, share * groups // 3, budget, seed)
        for _ in range(_ROUNDS):
            cost = problem.cost(x, y)
            if budget.over or cost == 0:
                return x, y
            x, y = compact(problem, x, y)
            x, y = trade_places(problem, x, y)
            x, y = _reinsert(problem, x, y)
            if problem.cost(x, y) > cost * (1 - 1e-2):
                break
    return compact(problem, x, y)


def _regroup(
    problem: Problem, x: Ints, y: Ints, heat: float, rounds: int, budget: Budget, seed: int
) -> tuple[Ints, Ints]:
    """Large-neighbourhood search in slices short enough for the budget to be noticed."""
    boxes = np.concatenate([np.stack([x, y, x + problem.width, y + problem.height], axis=1), problem.walls])
    active = np.ones(len(boxes), bool)
    bounds = np.array(problem.bounds, np.int64)
    targets = problem.target_x, problem.target_y, *_alone(problem)
    spent, done = 0, 0
    while done < rounds and spent < _WORK * problem.size and not budget.over:
        # The temperature follows whichever runs out first, the groups or the work.
        gone = max(done / rounds, spent / (_WORK * problem.size))
        count = min(_SLICE, rounds - done)
        spent += regroup(
            problem.width, problem.height, *targets, problem.weight, bounds, boxes, active,
            count, heat * (1 - gone), heat * (1 - gone) * (1 - count / rounds), seed + done,
        )  # fmt: skip
        done += count
    return boxes[: problem.size, 0].copy(), boxes[: problem.size, 1].copy()


def _reinsert(problem: Problem, x: Ints, y: Ints, passes: int = 3) -> tuple[Ints, Ints]:
    boxes = np.concatenate([np.stack([x, y, x + problem.width, y + problem.height], axis=1), problem.walls])
    active = np.ones(len(boxes), bool)
    bounds = np.array(problem.bounds, np.int64)
    arguments = problem.width, problem.height, problem.target_x, problem.target_y
    effort = _WORK * problem.size // 10
    reinsert(*arguments, bounds, boxes, active, passes, effort)
    if passes > 1 and eject(*arguments, *_alone(problem), problem.weight, bounds, boxes, active, effort):
        reinsert(*arguments, bounds, boxes, active, passes, effort)
    return boxes[: problem.size, 0].copy(), boxes[: problem.size, 1].copy()


def _alone(problem: Problem) -> tuple[Ints, Ints]:
    """Where every rectangle would go if there were only walls."""
    if not len(problem.walls):
        return problem.target_x, problem.target_y
    bounds, active = np.array(problem.bounds, np.int64), np.ones(len(problem.walls), bool)
    x, y = problem.target_x.copy(), problem.target_y.copy()
    for i in range(problem.size):
        w, h = problem.width[i], problem.height[i]
        x[i], y[i] = nearest_free(w, h, x[i], y[i], bounds, problem.walls, active, 1 << 60)[:2]
    return x, y


def _check_possible(design: Design, placement: Placement) -> None:
    """Reject what no search can mend, naming the object.

    Raises:
        PlacementError: a macro has no free position even alone, or the macros have more area than there is.
    """
    problem = build(design, placement, gap=0, margin=0)
    step = design.canvas.lattice
    x0, y0, x1, y1 = problem.bounds
    bounds = np.array(problem.bounds, np.int64)
    active = np.ones(len(problem.walls), bool)
    for k, node in enumerate(problem.nodes.tolist()):
        w, h = int(problem.width[k]), int(problem.height[k])
        name = design.netlist.node_names[node]
        if w > x1 - x0 or h > y1 - y0:
            raise PlacementError(
                f"the hard macro is {w * step:g} x {h * step:g} um, larger than the canvas of "
                f"{(x1 - x0) * step:g} x {(y1 - y0) * step:g} um",
                node=name,
                rule="outside",
            )
        limit = 1 << 60
        if nearest_free(w, h, x0, y0, bounds, problem.walls, active, limit)[2] >= limit:
            raise PlacementError(
                f"the hard macro of {w * step:g} x {h * step:g} um fits nowhere between the fixed macros, "
                "blockages and the outline",
                node=name,
                rule="overlap",
            )
    if problem.area > problem.free_area:
        raise PlacementError(
            f"{problem.size} movable hard macros need {problem.area * step * step:.6g} um^2, the free canvas area is "
            f"{problem.free_area * step * step:.6g} um^2 ({100 * problem.fullness:.1f} % full)",
            rule="overlap",
        )


def _clamp(design: Design, placement: Placement, nodes: Ints) -> tuple[np.ndarray, np.ndarray]:
    """Centres of ``nodes`` moved to the nearest lattice position inside the canvas' bounding box."""
    boxes = integer_boxes(design, placement)[nodes]
    width, height = (s[nodes] for s in integer_sizes(design, placement))
    x0, y0, x1, y1 = canvas_box(design.canvas)
    low_x = np.clip(boxes[:, 0], x0, np.maximum(x1 - width, x0))
    low_y = np.clip(boxes[:, 1], y0, np.maximum(y1 - height, y0))
    notches = outline_boxes(design.canvas)
    if len(notches):
        inside = np.zeros(len(nodes), bool)
        for a, b, c, d in notches.tolist():
            inside |= (low_x < c) & (low_x + width > a) & (low_y < d) & (low_y + height > b)
        bounds, active = np.array((x0, y0, x1, y1), np.int64), np.ones(len(notches), bool)
        for k in np.flatnonzero(inside).tolist():
            low_x[k], low_y[k] = nearest_free(
                width[k], height[k], low_x[k], low_y[k], bounds, notches, active, 1 << 60
            )[:2]
    return centres(design, placement, nodes, low_x, low_y)
